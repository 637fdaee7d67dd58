//! The front door: an HTTP API as API Gateway runs it, with the routes of `infra/openapi.yaml`.
//!
//! One request: its size is checked, a preflight is answered, the route is looked up, the authorizer decides, the
//! function is invoked with an event, its answer becomes the response. Refusals before the function have the gateway's
//! own bodies, `{"message": …}`.

pub mod authorizer;
pub mod cors;
pub mod event;
pub mod issuer;
pub mod routes;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request};
use axum::response::{IntoResponse as _, Response};
use axum::{Json, Router};
use futures::StreamExt as _;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use serde_json::json;

use crate::activity::{self, Activity, Watcher};
use crate::ids;
use crate::lambda::functions::{Functions, InvokeError};
use authorizer::{Authorizer, Refusal};
use cors::Cors;
use event::Context;
use routes::Routes;

/// The limit for the request line and all headers together, in bytes.
const MAX_HEAD: usize = 10_240;
/// The limit for a body, in bytes.
const MAX_BODY: usize = 10 * 1024 * 1024;
/// So much of a body that is too large is still read, so that the caller gets to read the refusal.
const MAX_DRAINED: usize = 10 * MAX_BODY;

#[derive(Debug)]
pub struct Gateway {
    pub routes: Routes,
    pub authorizer: Authorizer,
    pub cors: Cors,
    pub functions: Functions,
    /// Is told of each request.
    pub watcher: Option<Watcher>,
    /// API Gateway waits this long for a function: 30 seconds.
    pub integration_timeout: Duration,
}

/// What the gateway answers by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Own {
    Unauthorized,
    Forbidden,
    NotFound,
    TooLarge,
    HeadTooLarge,
    InternalError,
    Unavailable,
}

impl Gateway {
    /// Answers everything that `pages` has no page for.
    pub fn router(self, pages: Router) -> Router {
        let gateway = Arc::new(self);
        let answer = move |ConnectInfo(caller): ConnectInfo<SocketAddr>, request: Request| {
            let gateway = Arc::clone(&gateway);
            async move { gateway.answer(caller, request).await }
        };
        pages.fallback(answer.clone()).method_not_allowed_fallback(answer)
    }

    async fn answer(&self, caller: SocketAddr, request: Request) -> Response {
        let request_id = ids::request_id();
        let started = Instant::now();
        let (request, body) = request.into_parts();
        let mut response = if request.method == Method::OPTIONS {
            let mut preflight = StatusCode::NO_CONTENT.into_response();
            preflight.headers_mut().extend(self.cors.preflight(&request.headers));
            preflight
        } else {
            let mut response = match self.integrate(caller, &request, body, &request_id).await {
                Ok(response) => response,
                Err(own) => own.into_response(),
            };
            self.cors.apply(&request.headers, response.headers_mut());
            response
        };
        if let Ok(request_id) = HeaderValue::from_str(&request_id) {
            response.headers_mut().insert(HeaderName::from_static("apigw-requestid"), request_id);
        }
        if let Some(watcher) = &self.watcher {
            watcher.tell(&Activity::Request(activity::Request {
                who: self.authorizer.caller(&request.headers),
                path: request.uri.path().to_owned(),
                method: request.method,
                status: response.status(),
                took: started.elapsed(),
            }));
        }
        response
    }

    async fn integrate(
        &self,
        caller: SocketAddr,
        request: &Parts,
        body: Body,
        request_id: &str,
    ) -> Result<Response, Own> {
        if head_size(request) > MAX_HEAD {
            return Err(Own::HeadTooLarge);
        }
        let body = read_body(body).await?;
        let (route, path_parameters) = self.routes.find(&request.method, request.uri.path()).ok_or(Own::NotFound)?;
        let jwt = match &route.scopes {
            None => None,
            Some(scopes) => {
                Some(self.authorizer.authorize(&request.headers, scopes).map_err(|refusal| match refusal {
                    Refusal::Unauthorized => Own::Unauthorized,
                    Refusal::Forbidden => Own::Forbidden,
                })?)
            }
        };
        let event = event::from_request(request, &body, Context { route, path_parameters, jwt, caller, request_id });
        let invoked = self.functions.invoke_bytes(&route.function, event.to_string().into());
        let answer = tokio::time::timeout(self.integration_timeout, invoked).await.map_err(|_| Own::Unavailable)?;
        match answer {
            Ok(answer) => event::to_response(&answer).ok_or(Own::InternalError),
            Err(InvokeError::EventTooLarge) => Err(Own::TooLarge),
            Err(error) => {
                // The caller learns only that something failed; why is for whoever runs the local world.
                let cause = std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default();
                self.functions.logs().note("gateway", format!("{}: {error}{cause}", route.key()));
                Err(Own::InternalError)
            }
        }
    }
}

impl axum::response::IntoResponse for Own {
    fn into_response(self) -> Response {
        let (status, message) = match self {
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "Unauthorized"),
            Self::Forbidden => (StatusCode::FORBIDDEN, "Forbidden"),
            Self::NotFound => (StatusCode::NOT_FOUND, "Not Found"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large"),
            Self::HeadTooLarge => (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "Request Header Fields Too Large"),
            Self::InternalError => (StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
        };
        let mut response = (status, Json(json!({ "message": message }))).into_response();
        let challenge = match self {
            Self::Unauthorized => HeaderValue::from_static("Bearer"),
            Self::Forbidden => HeaderValue::from_static(r#"Bearer error="insufficient_scope""#),
            _ => return response,
        };
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        response
    }
}

fn head_size(request: &Parts) -> usize {
    let line = request.method.as_str().len()
        + 1
        + request.uri.path_and_query().map_or(0, |path| path.as_str().len())
        + " HTTP/1.1\r\n".len();
    request
        .headers
        .iter()
        .map(|(name, value)| name.as_str().len() + ": ".len() + value.len() + "\r\n".len())
        .sum::<usize>()
        + line
}

async fn read_body(body: Body) -> Result<Bytes, Own> {
    let mut chunks = body.into_data_stream();
    let mut read = Vec::new();
    let mut total = 0;
    while let Some(chunk) = chunks.next().await {
        // The caller has gone: whatever is answered, nobody reads it.
        let chunk = chunk.map_err(|_| Own::InternalError)?;
        total += chunk.len();
        if total > MAX_DRAINED {
            break;
        }
        if total <= MAX_BODY {
            read.extend_from_slice(&chunk);
        }
    }
    if total > MAX_BODY { Err(Own::TooLarge) } else { Ok(read.into()) }
}
