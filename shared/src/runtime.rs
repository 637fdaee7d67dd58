//! The `main` of a function: settings, clients, then one request after the other.
//!
//! ```ignore
//! fn main() -> ExitCode {
//!     runtime::start(env!("CARGO_CRATE_NAME"), async |env| {
//!         let deps = Deps::new(env)?;
//!         runtime::serve_http(async |request| handle(&deps, request).await).await
//!     })
//! }
//! ```

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::error::Error;
use std::process::ExitCode;

use jiff::Timestamp;
use lambda_runtime::{LambdaEvent, service_fn};
use serde::Serialize;
use serde_json::value::RawValue;
use tracing::error;

use crate::config::Environment;
use crate::domain::clock;
use crate::http::{Problem, Request, Response, answer};
use crate::logging;

/// Why a function did not start, or stopped.
pub type StartError = Box<dyn Error + Send + Sync>;

/// Starts logging, then runs the function on one thread: Lambda sends one request at a time. A start that fails is
/// logged, and the process ends, so that Lambda reports it.
pub fn start(function: &'static str, run: impl AsyncFnOnce(&Environment) -> Result<(), StartError>) -> ExitCode {
    let env = Environment::of_process();
    let filter = env.log_filter();
    logging::start(function, filter.clone().unwrap_or_default());
    let outcome = filter.map_err(StartError::from).and_then(|_| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(run(&env))
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            error!(function, reason = logging::chain(failed.as_ref()), "The function cannot run");
            ExitCode::FAILURE
        }
    }
}

/// Serves API Gateway's HTTP events for as long as Lambda sends any.
pub async fn serve_http<H, E>(handler: H) -> Result<(), StartError>
where
    H: AsyncFn(Request) -> Result<Response, E>,
    E: Error + Into<Problem>,
{
    let handler = &handler;
    lambda_runtime::run(service_fn(async move |event: LambdaEvent<Box<RawValue>>| {
        let mut request = Request::from_event(event.payload.get(), &event.context.request_id);
        request.deadline =
            i64::try_from(event.context.deadline).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
        Ok::<_, Infallible>(HttpAnswer::from(answer(handler, request, clock::now()).await))
    }))
    .await
}

/// An answer in payload format 2.0.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HttpAnswer {
    status_code: u16,
    headers: BTreeMap<String, String>,
    body: String,
    is_base64_encoded: bool,
}

impl From<Response> for HttpAnswer {
    fn from(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        let header = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        Self {
            status_code: parts.status.as_u16(),
            headers: parts.headers.iter().map(header).collect(),
            body,
            is_base64_encoded: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::http::respond;

    #[test]
    fn an_answer_is_what_the_gateway_reads() {
        let answer = HttpAnswer::from(respond::json(http::StatusCode::CREATED, &json!({"a": 1})));
        let value = serde_json::to_value(answer).unwrap();
        assert_eq!(value["statusCode"], 201);
        assert_eq!(value["body"], r#"{"a":1}"#);
        assert_eq!(value["isBase64Encoded"], false);
        assert_eq!(value["headers"]["content-type"], "application/json");
        assert_eq!(value["headers"]["cache-control"], "no-store");
    }
}
