//! Signing in and the consent page.

use std::sync::Arc;

use axum::{
    extract::{RawQuery, State as AppState},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use maud::{Markup, html};
use url::form_urlencoded;

use super::page;
use crate::{
    ids,
    portal::{self, AuthorizationRequest, Choice},
    state::Shared,
    world::{Person, StandInError, World},
};

/// Not `session`: cookies of one host are shared by all its ports.
const COOKIE: &str = "tiktok_stand_in_session";

/// `GET /portal/auth`
pub(super) async fn show(
    AppState(shared): AppState<Arc<Shared>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let query = query.unwrap_or_default();
    let state = shared.lock();
    let world = &state.world;
    let request = match AuthorizationRequest::parse(world, &query) {
        Ok(request) => request,
        Err(error) => return refused(&error),
    };
    match signed_in(world, &headers) {
        None => login_page(world, &query, None),
        Some(person) => consent_page(world, &request, person, &query),
    }
}

/// `POST /portal/login`: with a password, or with one click (`one_click=yes`).
pub(super) async fn sign_in(AppState(shared): AppState<Arc<Shared>>, body: String) -> Response {
    let form = Form::parse(&body);
    let mut state = shared.lock();
    let world = &mut state.world;
    let login = form.first("login").unwrap_or_default();
    let known = world.people.get(login).is_some_and(|person| {
        form.first("one_click") == Some("yes") || form.first("password") == Some(person.password.as_str())
    });
    let query = form.first("query").unwrap_or_default();
    if !known {
        return login_page(world, query, Some("This login and password do not fit together."));
    }
    let session = ids::session();
    world.sessions.insert(session.clone(), login.to_owned());
    with_cookie(back_to(query), &format!("{COOKIE}={session}; Path=/portal; HttpOnly; SameSite=Lax"))
}

/// `POST /portal/logout`
pub(super) async fn sign_out(AppState(shared): AppState<Arc<Shared>>, headers: HeaderMap, body: String) -> Response {
    if let Some(session) = cookie(&headers) {
        shared.lock().world.sessions.remove(session);
    }
    let form = Form::parse(&body);
    let gone = format!("{COOKIE}=; Path=/portal; HttpOnly; SameSite=Lax; Max-Age=0");
    with_cookie(back_to(form.first("query").unwrap_or_default()), &gone)
}

/// `POST /portal/consent`
pub(super) async fn submit(AppState(shared): AppState<Arc<Shared>>, headers: HeaderMap, body: String) -> Response {
    let form = Form::parse(&body);
    let query = form.first("query").unwrap_or_default();
    let now = shared.clock.now();
    let mut state = shared.lock();
    let world = &mut state.world;
    let Some(login) = signed_in(world, &headers).map(|person| person.login.clone()) else {
        return login_page(world, query, Some("Please sign in first."));
    };
    let choice = Choice {
        login,
        center: form.first("business_center").unwrap_or_default().to_owned(),
        permissions: form.all("permission").filter_map(|id| id.parse().ok()).collect(),
        advertiser_ids: form.all("ad_account").map(str::to_owned).collect(),
        confirm: form.first("action") == Some("confirm"),
    };
    let outcome =
        AuthorizationRequest::parse(world, query).and_then(|request| portal::decide(world, &request, choice, now));
    match outcome {
        Err(error) => refused(&error),
        Ok(outcome) => match outcome.redirect {
            Some(url) => Redirect::to(url.as_str()).into_response(),
            None => page("Cancelled", &html! { h1 { "Nothing was authorized" } p { "You may close this window." } })
                .into_response(),
        },
    }
}

fn refused(error: &StandInError) -> Response {
    let content = html! { h1 { "This link cannot be used" } p { (error) "." } };
    (StatusCode::BAD_REQUEST, page("Bad link", &content)).into_response()
}

fn login_page(world: &World, query: &str, problem: Option<&str>) -> Response {
    let content = html! {
        h1 { "Sign in" }
        @if let Some(problem) = problem { p role="alert" { strong { (problem) } } }
        form method="post" action="/portal/login" {
            input type="hidden" name="query" value=(query);
            label { "Login " input name="login" autocomplete="off" required; }
            label { "Password " input name="password" type="password" autocomplete="off"; }
            button { "Sign in" }
        }
        h2 { "Or be one of these" }
        ul {
            @for person in world.people.values() {
                li {
                    form method="post" action="/portal/login" {
                        input type="hidden" name="query" value=(query);
                        input type="hidden" name="login" value=(person.login);
                        button name="one_click" value="yes" { (person.display_name) }
                        " " (person.login) ", password " code { (person.password) }
                    }
                }
            }
        }
    };
    let status = if problem.is_some() { StatusCode::UNAUTHORIZED } else { StatusCode::OK };
    (status, page("Sign in", &content)).into_response()
}

fn consent_page(world: &World, request: &AuthorizationRequest, person: &Person, query: &str) -> Response {
    let centers = portal::centers(world, &person.login);
    let form = Form::parse(query);
    let wanted = form.first("business_center").unwrap_or_default();
    let chosen = centers.iter().find(|(bc_id, _)| bc_id == wanted).or(centers.first());
    let chosen = chosen.map_or(portal::PERSONAL, |(bc_id, _)| bc_id.as_str());
    let accounts = portal::accounts(world, &person.login, chosen);
    let content = html! {
        header {
            p { "Signed in as " strong { (person.display_name) } " (" (person.login) ")" }
            (sign_out_form(query))
            form method="get" action="/portal/auth" {
                @for (name, value) in form.pairs().filter(|(name, _)| *name != "business_center") {
                    input type="hidden" name=(name) value=(value);
                }
                label {
                    "Business Center "
                    select name="business_center" {
                        @for (bc_id, name) in &centers {
                            option value=(bc_id) selected[bc_id == chosen] { (name) " (" (bc_id) ")" }
                        }
                    }
                }
                button { "Switch" }
            }
        }
        h1 { (request.app_name) " asks for access" }
        form method="post" action="/portal/consent" {
            input type="hidden" name="query" value=(query);
            input type="hidden" name="business_center" value=(chosen);
            fieldset {
                legend { "Permissions" }
                @for (id, name) in request.permissions() {
                    label { input type="checkbox" name="permission" value=(id) checked; " " (name) }
                }
            }
            fieldset {
                legend { "Ad accounts" }
                @if accounts.is_empty() { p { "There are no ad accounts that you can reach here." } }
                @for account in &accounts {
                    label {
                        input type="checkbox" name="ad_account" value=(account.info.advertiser_id) checked;
                        " " (account.info.name) " " code { (account.info.advertiser_id) }
                        @if let Some(owner) = world.owner_name(account) { ", owned by " (owner) }
                    }
                }
            }
            button name="action" value="confirm" { "Confirm" }
            " "
            button name="action" value="cancel" { "Cancel" }
        }
    };
    page("Consent", &content).into_response()
}

fn sign_out_form(query: &str) -> Markup {
    html! {
        form method="post" action="/portal/logout" {
            input type="hidden" name="query" value=(query);
            button { "Switch login" }
        }
    }
}

/// The session that this browser has, if it still means somebody.
fn signed_in<'a>(world: &'a World, headers: &HeaderMap) -> Option<&'a Person> {
    world.people.get(world.sessions.get(cookie(headers)?)?)
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, value)| value)
}

/// Back to the authorization page, as it was asked for.
fn back_to(query: &str) -> Response {
    // Encoded anew, so that nothing but a query can come out.
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(Form::parse(query).pairs()).finish();
    Redirect::to(&format!("/portal/auth?{query}")).into_response()
}

fn with_cookie(mut response: Response, cookie: &str) -> Response {
    if let Ok(value) = cookie.parse() {
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
    response
}

/// A form or query with repeated names.
struct Form(Vec<(String, String)>);

impl Form {
    fn parse(text: &str) -> Self {
        Self(form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    fn all(&self, wanted: &str) -> impl Iterator<Item = &str> {
        self.pairs().filter(move |(name, _)| *name == wanted).map(|(_, value)| value)
    }

    fn first(&self, wanted: &str) -> Option<&str> {
        self.all(wanted).next()
    }
}
