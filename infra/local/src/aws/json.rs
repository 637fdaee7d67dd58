//! What the wire protocols of SQS (AWS JSON 1.0), EventBridge and Secrets Manager (AWS JSON 1.1) have in common: `POST /`
//! with the operation in `X-Amz-Target`, and errors with `__type` in the body.
//!
//! Signatures are not checked.

use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};

/// An error of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    pub status: StatusCode,
    /// As the service's model names it, such as `QueueDoesNotExist`.
    pub name: &'static str,
    /// As the service's older query protocol named it, where that differs: the SDK goes by it.
    pub query_name: Option<&'static str>,
    pub message: String,
}

impl ApiError {
    /// The caller's fault: HTTP 400.
    pub fn new(name: &'static str, message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, name, query_name: None, message: message.into() }
    }

    /// The service's fault: HTTP 500.
    pub fn down(name: &'static str) -> Self {
        let message = "An error occurred on the server side.".to_owned();
        Self { status: StatusCode::INTERNAL_SERVER_ERROR, name, query_name: None, message }
    }

    #[must_use]
    pub fn query_name(mut self, name: &'static str) -> Self {
        self.query_name = Some(name);
        self
    }
}

pub type ApiResult = Result<Value, ApiError>;

/// The operation of a request, without the service's prefix.
pub fn operation(headers: &HeaderMap) -> &str {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    target.rsplit('.').next().unwrap_or_default()
}

/// The answer in `version` of the protocol, `1.0` or `1.1`.
pub fn answer(version: &str, result: ApiResult) -> Response {
    let content_type = format!("application/x-amz-json-{version}");
    let error = match result {
        Ok(body) => return ([(header::CONTENT_TYPE, content_type)], body.to_string()).into_response(),
        Err(error) => error,
    };
    let body = json!({ "__type": error.name, "message": error.message }).to_string();
    let mut response = (error.status, [(header::CONTENT_TYPE, content_type)], body).into_response();
    if let Some(name) = error.query_name {
        let side = if error.status.is_server_error() { "Receiver" } else { "Sender" };
        if let Ok(value) = format!("{name};{side}").parse() {
            response.headers_mut().insert("x-amzn-query-error", value);
        }
    }
    response
}
