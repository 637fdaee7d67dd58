//! Calling the API as somebody, and what it answers.

use std::fmt;

use reqwest::Method;
use reqwest::header::{HeaderMap, LOCATION};
use tiktok_stand_in::Consent;
use url::Url;

use super::canaries::{Kind, Seen};
use super::people::Person;
use super::scene::Account;
use super::{TestWorld, Value, json, schema};

/// An answer of the API. `body` is `null` where there was none, and a string where it was no JSON.
pub struct Answer {
    pub request: String,
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {} {}", self.request, self.status, self.body)
    }
}

impl Answer {
    /// The body, if the status is this one.
    #[track_caller]
    pub fn expect(&self, status: u16) -> &Value {
        assert_eq!(self.status, status, "{self:?}");
        &self.body
    }

    /// The body, if it is this problem (`application/problem+json`).
    #[track_caller]
    pub fn problem(&self, code: &str) -> &Value {
        assert_eq!(self.body["type"], format!("/problems/{code}"), "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        assert_eq!(self.body["status"], self.status, "{self:?}");
        &self.body
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// A text of the body, such as `text("activation_id")`.
    #[track_caller]
    pub fn text(&self, field: &str) -> &str {
        self.body[field].as_str().unwrap_or_else(|| panic!("no `{field}` in {self:?}"))
    }
}

/// Where somebody is after TikTok's page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Landed {
    /// Still at TikTok: its page said that the window may be closed.
    AtTikTok,
    /// Back in the app, with this fragment.
    InApp { fragment: String },
}

impl Landed {
    /// The ticket to complete with.
    #[track_caller]
    pub fn ticket(&self) -> String {
        match self {
            Self::InApp { fragment } if fragment.starts_with("activation_ticket=") => {
                fragment.trim_start_matches("activation_ticket=").to_owned()
            }
            other => panic!("no ticket: {other:?}"),
        }
    }

    #[track_caller]
    pub fn error(&self) -> String {
        match self {
            Self::InApp { fragment } if fragment.starts_with("activation_error=") => {
                fragment.trim_start_matches("activation_error=").to_owned()
            }
            other => panic!("no error: {other:?}"),
        }
    }
}

/// The API in the hands of one person.
pub struct Api<'a> {
    world: &'a TestWorld,
    token: String,
}

impl Api<'_> {
    /// `GET /ad-accounts?<query>`
    pub async fn list(&self, query: &str) -> Answer {
        self.get(&format!("/ad-accounts?{query}")).await
    }

    pub async fn details(&self, account: &Account) -> Answer {
        self.get(&format!("/ad-accounts/{}", account.id)).await
    }

    pub async fn history(&self, account: &Account) -> Answer {
        self.get(&format!("/ad-accounts/{}/history", account.id)).await
    }

    /// `body` may be `null`: no body at all.
    pub async fn activate(&self, account: &Account, body: Value) -> Answer {
        self.post(&format!("/ad-accounts/{}/activate", account.id), body).await
    }

    pub async fn activate_with_key(&self, account: &Account, body: Value, key: &str) -> Answer {
        let path = format!("/ad-accounts/{}/activate", account.id);
        self.send(Method::POST, &path, &[("idempotency-key", key)], body.to_string()).await
    }

    pub async fn validate(&self, account: &Account) -> Answer {
        self.post(&format!("/ad-accounts/{}/validate", account.id), Value::Null).await
    }

    pub async fn complete(&self, ticket: &str) -> Answer {
        self.post("/activations/complete", json!({ "ticket": ticket })).await
    }

    pub async fn activation(&self, activation_id: &str) -> Answer {
        self.get(&format!("/activations/{activation_id}")).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], String::new()).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send(Method::POST, path, &[], body).await
    }

    /// Anything else, with this person's sign-in.
    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: String) -> Answer {
        let authorization = format!("Bearer {}", self.token);
        let headers: Vec<(&str, &str)> =
            [("authorization", authorization.as_str())].into_iter().chain(headers.iter().copied()).collect();
        self.world.send(method, path, &headers, body).await
    }
}

impl TestWorld {
    /// The API as this person calls it.
    pub fn as_(&self, person: &Person) -> Api<'_> {
        self.as_claims(&person.claims())
    }

    /// The API with a valid token that holds exactly these claims.
    pub fn as_claims(&self, claims: &Value) -> Api<'_> {
        let token = self.local.issuer.mint(claims);
        self.canary(Kind::Jwt, &token);
        Api { world: self, token }
    }

    /// Any request, without a sign-in unless `headers` has one.
    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: String) -> Answer {
        let request = format!("{method} {path}");
        let url = format!("{}{path}", self.local.gateway_url());
        let mut builder = self.http.request(method.clone(), url);
        if !body.is_empty() {
            builder = builder.header("content-type", "application/json").body(body);
        }
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        let response = builder.send().await.expect("the gateway answers");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.expect("a whole answer");
        if let Err(wrong) = schema::check(method.as_str(), path, status, &headers, &text) {
            panic!("not as the API description has it: {wrong}");
        }
        self.canaries.saw(Seen { request: request.clone(), headers: headers.clone(), body: text.clone() });
        let body = match text.as_str() {
            "" => Value::Null,
            text => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned())),
        };
        Answer { request, status, headers, body }
    }

    /// Does on TikTok's page what `consent` says, and follows the redirect through our callback to the app.
    pub async fn walk_consent(&self, authorization_url: &str, consent: Consent) -> Landed {
        let outcome = self.tiktok().consent(authorization_url, consent).expect("TikTok's page can be used like this");
        match outcome.redirect {
            None => Landed::AtTikTok,
            Some(back) => self.callback(&back).await,
        }
    }

    /// Opens TikTok's redirect, as the person's browser does.
    pub async fn callback(&self, back: &Url) -> Landed {
        let answer = self.get_callback(back.query().unwrap_or_default()).await;
        let location = Url::parse(answer.header(LOCATION.as_str())).expect("a place to go to");
        Landed::InApp { fragment: location.fragment().unwrap_or_default().to_owned() }
    }

    /// `GET /oauth/tiktok/callback?<query>`, which answers 303 to anything.
    pub async fn get_callback(&self, query: &str) -> Answer {
        let answer = self.send(Method::GET, &format!("/oauth/tiktok/callback?{query}"), &[], String::new()).await;
        answer.expect(303);
        answer
    }

    /// Activate and consent: the ticket to complete with.
    pub async fn ticket_for(&self, account: &Account, person: &Person, body: Value, consent: Consent) -> String {
        let started = self.as_(person).activate(account, body).await;
        started.expect(201);
        self.walk_consent(started.text("authorization_url"), consent).await.ticket()
    }

    /// Activate, consent, callback, complete: the answer to the last. `force` is given so that an Active account is
    /// renewed.
    pub async fn reconnect(&self, account: &Account, person: &Person, consent: Consent) -> Answer {
        let ticket = self.ticket_for(account, person, json!({ "force": true }), consent).await;
        self.as_(person).complete(&ticket).await
    }
}
