//! The page at `/local/`: who you can be, what is there, and how to do the job with curl. Plain HTML, no script. Beside it, what the page
//! *Ad Accounts* needs of a sign-in: who there is, and a token for each.

use axum::extract::{Path, State};
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::{StatusCode, header};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::{Value, json};

use crate::demo::cast;
use crate::demo::people::{PEOPLE, Person};
use crate::gateway::issuer::Issuer;

const STYLE: &str = "
  body{font:1rem/1.5 system-ui;max-width:60rem;margin:2rem auto;padding:0 1rem}
  pre{background:#f2f2f2;padding:1rem;overflow-x:auto}
  table{border-collapse:collapse}
  td,th{text-align:left;padding:.2rem 1rem .2rem 0;vertical-align:top;overflow-wrap:anywhere}
";

/// What the page shows beside the cast.
#[derive(Clone, Debug)]
pub struct Landing {
    pub issuer: Issuer,
    pub openapi: String,
    pub gateway: String,
    pub tiktok: String,
    pub invoke_api: String,
    pub dynamodb: String,
    pub secrets_manager: String,
    pub sqs: String,
    pub eventbridge: String,
}

pub fn router(landing: Landing) -> Router {
    Router::new()
        .route("/local/", get(page))
        .route("/local/people", get(async || Json(people())))
        .route("/openapi.yaml", get(openapi))
        .route("/local/token/{person}", get(token))
        .with_state(landing)
}

async fn openapi(State(landing): State<Landing>) -> Response {
    ([(header::CONTENT_TYPE, "application/yaml")], landing.openapi).into_response()
}

async fn token(State(landing): State<Landing>, Path(sub): Path<String>) -> Response {
    let headers = [(header::CACHE_CONTROL, "no-store"), (header::CONTENT_TYPE, "text/plain;charset=utf-8")];
    match Person::find(&sub) {
        Some(person) => (headers, landing.issuer.mint(&person.claims())).into_response(),
        None => (StatusCode::NOT_FOUND, headers, "nobody of that name; see /\n").into_response(),
    }
}

/// Everybody who may sign in, for the page's own chooser.
fn people() -> Value {
    let person = |person: &Person| {
        json!({
            "sub": person.sub, "name": person.name, "organisation": person.org_id,
            "may": may(person), "reaches": reaches(person),
        })
    };
    PEOPLE.iter().map(person).collect()
}

fn may(person: &Person) -> &'static str {
    if person.is_manager() { "manage" } else { "look" }
}

fn reaches(person: &Person) -> &'static str {
    person.account_access.unwrap_or("every ad account")
}

async fn page(State(landing): State<Landing>) -> Html<String> {
    let Landing { gateway, tiktok, .. } = &landing;
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                title { "Reconnect, locally" }
                link rel="icon" href="/page/icon.svg";
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    h1 { "Reconnect, locally" }
                    p {
                        "The page " a href="/" { "Ad Accounts" } " is the job as a person does it. Behind it is the API that reconnects lapsed TikTok ad accounts, with everything around it on this machine. Its "
                        a href="/openapi.yaml" { "description" } " lists the routes. TikTok is " a href=(tiktok) { "a stand-in" } "."
                    }
                    (sign_in())
                    (walk(gateway))
                    (seeded())
                    (tiktok_logins(tiktok))
                    (places(&landing))
                }
            }
        }
    };
    Html(page.into_string())
}

fn sign_in() -> Markup {
    html! {
        h2 { "Who you can be" }
        p { "Each link gives a token for the " code { "Authorization" } " header. It lives for twelve hours." }
        table {
            thead { tr { th { "Person" } th { "Organisation" } th { "May" } th { "Reaches" } th { "Token" } } }
            tbody {
                @for person in PEOPLE {
                    tr {
                        td { (person.name) }
                        td { (person.org_id) }
                        td { (may(&person)) }
                        td { (reaches(&person)) }
                        td { a href={ "/local/token/" (person.sub) } { "/local/token/" (person.sub) } }
                    }
                }
            }
        }
    }
}

fn walk(gateway: &str) -> Markup {
    let first = cast::accounts().into_iter().find(|account| account.cause.is_some());
    let id = first.map(|account| account.advertiser_id).unwrap_or_default();
    html! {
        h2 { "The whole job with curl" }
        pre tabindex="0" {
            "api=" (gateway) "\n"
            "token=$(curl -s $api/local/token/ana)\n\n"
            "# find it, and read why it lapsed\n"
            "curl -s -H \"Authorization: Bearer $token\" \"$api/ad-accounts?status=needs_connecting&search=" (id) "\"\n"
            "curl -s -H \"Authorization: Bearer $token\" $api/ad-accounts/" (id) "\n\n"
            "# activate it: open the authorization_url in a browser, sign in, confirm\n"
            "curl -s -H \"Authorization: Bearer $token\" -X POST $api/ad-accounts/" (id) "/activate\n\n"
            "# TikTok sends you back; the ticket is in the address that the callback redirects to, after #activation_ticket=\n"
            "curl -s -H \"Authorization: Bearer $token\" -H 'Content-Type: application/json' \\\n"
            "  -d '{\"ticket\":\"…\"}' $api/activations/complete\n\n"
            "# it is Active again\n"
            "curl -s -H \"Authorization: Bearer $token\" \"$api/ad-accounts?status=active&search=" (id) "\"\n"
        }
    }
}

fn seeded() -> Markup {
    let accounts = cast::accounts();
    let active = accounts.iter().filter(|account| account.cause.is_none()).count();
    html! {
        h2 { "What is seeded" }
        p { (accounts.len()) " ad accounts, " (active) " of them Active. These had lapsed when the data was seeded:" }
        table {
            thead { tr { th { "Account ID" } th { "Name" } th { "Organisation" } th { "Cause" } } }
            tbody {
                @for account in &accounts {
                    @if let Some(cause) = account.cause {
                        tr { td { (account.advertiser_id) } td { (account.name) } td { (account.org_id) } td { code { (cause) } } }
                    }
                }
            }
        }
    }
}

fn tiktok_logins(tiktok: &str) -> Markup {
    html! {
        h2 { "TikTok logins" }
        p { "For the sign-in page of " a href=(tiktok) { "the stand-in" } ". Everybody's password is " code { "password" } "." }
        table {
            thead { tr { th { "Login" } th { "Name" } th { "Business Centers" } } }
            tbody {
                @for person in cast::LOGINS {
                    tr {
                        td { code { (person.login) } }
                        td { (person.name) }
                        td {
                            @for (id, role) in person.member_of {
                                @for center in cast::CENTERS.iter().filter(|center| center.id == *id) {
                                    (center.name) " (" (format!("{role:?}")) ") "
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn places(landing: &Landing) -> Markup {
    html! {
        h2 { "Where everything is" }
        dl {
            dt { "API" } dd { code { (landing.gateway) } }
            dt { "TikTok stand-in" } dd { a href=(landing.tiktok) { (landing.tiktok) } }
            dt { "Lambda Invoke API" } dd { code { (landing.invoke_api) } }
            dt { "DynamoDB" } dd { code { (landing.dynamodb) } }
            dt { "Secrets Manager" } dd { code { (landing.secrets_manager) } }
            dt { "SQS" } dd { code { (landing.sqs) } }
            dt { "EventBridge" } dd { code { (landing.eventbridge) } }
        }
    }
}
