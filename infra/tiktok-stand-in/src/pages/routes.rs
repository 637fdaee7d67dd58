//! `/portal/…`: what a browser asks and sends.

use std::sync::Arc;

use axum::{
    Router,
    extract::{RawQuery, State as AppState},
    http::{HeaderMap, header},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use url::form_urlencoded;

use super::{
    consent,
    form::Form,
    login::{self, Problem},
    session,
};
use crate::{
    portal::{self, AuthorizationRequest, Choice},
    state::Shared,
};

pub(crate) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/auth", get(show))
        .route("/login", post(sign_in))
        .route("/logout", post(sign_out))
        .route("/consent", post(decide))
        .route("/style.css", get(async || file("text/css; charset=utf-8", include_str!("style.css"))))
        .route("/script.js", get(async || file("text/javascript; charset=utf-8", include_str!("script.js"))))
        .route("/icon.svg", get(async || file("image/svg+xml", include_str!("icon.svg"))))
}

fn file(content_type: &'static str, text: &'static str) -> impl IntoResponse {
    // Never kept, so that a page is not shown in the style of an older stand-in.
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, text)
}

/// `GET /portal/auth`
async fn show(AppState(shared): AppState<Arc<Shared>>, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let state = shared.lock();
    let world = &state.world;
    let page = match AuthorizationRequest::parse(world, &query) {
        Err(error) => consent::refused(&error),
        Ok(request) => match session::signed_in(world, &headers) {
            None => login::page(world, &query, None),
            Some(person) => consent::page(world, &request, person, &query),
        },
    };
    page.into_response()
}

/// `POST /portal/login`: with a password, or with one click (`one_click=yes`).
async fn sign_in(AppState(shared): AppState<Arc<Shared>>, body: String) -> Response {
    let form = Form::parse(&body);
    let mut state = shared.lock();
    let world = &mut state.world;
    let login = form.first("login").unwrap_or_default();
    let known = world.people.get(login).is_some_and(|person| {
        form.first("one_click") == Some("yes") || form.first("password") == Some(person.password.as_str())
    });
    let query = form.first("query").unwrap_or_default();
    if !known {
        return login::page(world, query, Some(Problem::WrongPassword { login })).into_response();
    }
    with_cookie(back_to(query), &session::begin(world, login))
}

/// `POST /portal/logout`
async fn sign_out(AppState(shared): AppState<Arc<Shared>>, headers: HeaderMap, body: String) -> Response {
    let gone = session::end(&mut shared.lock().world, &headers);
    let form = Form::parse(&body);
    with_cookie(back_to(form.first("query").unwrap_or_default()), &gone)
}

/// `POST /portal/consent`
async fn decide(AppState(shared): AppState<Arc<Shared>>, headers: HeaderMap, body: String) -> Response {
    let form = Form::parse(&body);
    let query = form.first("query").unwrap_or_default();
    let now = shared.clock.now();
    let mut state = shared.lock();
    let world = &mut state.world;
    let Some(login) = session::signed_in(world, &headers).map(|person| person.login.clone()) else {
        return login::page(world, query, Some(Problem::NotSignedIn)).into_response();
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
        Err(error) => consent::refused(&error).into_response(),
        Ok(outcome) => match outcome.redirect {
            Some(url) => Redirect::to(url.as_str()).into_response(),
            None => consent::cancelled(&authorization_page(query)).into_response(),
        },
    }
}

/// The authorization page, as it was asked for.
fn authorization_page(query: &str) -> String {
    // Encoded anew, so that nothing but a query can come out.
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(Form::parse(query).pairs()).finish();
    format!("/portal/auth?{query}")
}

fn back_to(query: &str) -> Response {
    Redirect::to(&authorization_page(query)).into_response()
}

fn with_cookie(mut response: Response, cookie: &str) -> Response {
    if let Ok(value) = cookie.parse() {
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
    response
}
