//! Lambda's Invoke API, so that the AWS CLI and `curl` can invoke a function directly:
//!
//! ```text
//! aws lambda invoke --endpoint-url http://127.0.0.1:3002 --function-name import-accounts --payload file://batch.json out.json
//! curl http://127.0.0.1:3002/2015-03-31/functions/import-accounts/invocations --data @batch.json
//! ```

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use http::{HeaderMap, StatusCode};
use serde_json::json;

use crate::ids;
use crate::lambda::functions::{Functions, InvokeError, MAX_EVENT};

pub fn router(functions: Functions) -> Router {
    Router::new()
        .route("/2015-03-31/functions/{name}/invocations", post(invoke))
        .layer(DefaultBodyLimit::max(MAX_EVENT + 1))
        .with_state(functions)
}

async fn invoke(
    State(functions): State<Functions>,
    Path(name): Path<String>,
    headers: HeaderMap,
    payload: Bytes,
) -> Response {
    // The CLI may give the function by its ARN.
    let name = name.rsplit(':').next().unwrap_or_default().to_owned();
    let payload = if payload.is_empty() { Bytes::from_static(b"{}") } else { payload };
    let kind = headers.get("x-amz-invocation-type").and_then(|kind| kind.to_str().ok()).unwrap_or("RequestResponse");
    match kind {
        "RequestResponse" => answer(functions.invoke_bytes(&name, payload).await),
        "Event" if functions.names().contains(&name.as_str()) => {
            tokio::spawn(async move { functions.invoke_bytes(&name, payload).await });
            StatusCode::ACCEPTED.into_response()
        }
        "DryRun" if functions.names().contains(&name.as_str()) => StatusCode::NO_CONTENT.into_response(),
        "Event" | "DryRun" => answer(Err(InvokeError::UnknownFunction(name))),
        _ => {
            error(StatusCode::BAD_REQUEST, "InvalidParameterValueException", &format!("unknown invocation type {kind}"))
        }
    }
}

fn answer(result: Result<Bytes, InvokeError>) -> Response {
    let failure = match result {
        Ok(body) => return ([("x-amz-executed-version", "$LATEST")], body).into_response(),
        Err(failure) => failure,
    };
    let (error_type, error_message) = match failure {
        InvokeError::UnknownFunction(_) => {
            return error(StatusCode::NOT_FOUND, "ResourceNotFoundException", &failure.to_string());
        }
        InvokeError::EventTooLarge => {
            return error(StatusCode::PAYLOAD_TOO_LARGE, "RequestTooLargeException", &failure.to_string());
        }
        InvokeError::NotStarted { .. } => {
            return error(StatusCode::BAD_GATEWAY, "InvalidRuntimeException", &failure.to_string());
        }
        InvokeError::Failed { error, .. } => (error.error_type, error.error_message),
        InvokeError::TimedOut { after, .. } => {
            ("Sandbox.Timedout".to_owned(), format!("Task timed out after {:.2} seconds", after.as_secs_f64()))
        }
        InvokeError::InitFailed { .. } | InvokeError::Crashed { .. } | InvokeError::NotJson { .. } => {
            ("Runtime.ExitError".to_owned(), format!("RequestId: {} Error: {failure}", ids::uuid()))
        }
    };
    let headers = [("x-amz-function-error", "Unhandled"), ("x-amz-executed-version", "$LATEST")];
    (headers, axum::Json(json!({ "errorType": error_type, "errorMessage": error_message }))).into_response()
}

fn error(status: StatusCode, name: &'static str, message: &str) -> Response {
    (status, [("x-amzn-errortype", name)], axum::Json(json!({ "Type": "User", "Message": message }))).into_response()
}
