//! The `main` of a function: settings, clients, then one request after the other.
//!
//! ```text
//! fn main() -> ExitCode {
//!     runtime::start(env!("CARGO_CRATE_NAME"), async |env| {
//!         let deps = Deps::new(env)?;
//!         runtime::serve_http(async |request| handle(&deps, request).await).await
//!     })
//! }
//! ```

use std::convert::Infallible;
use std::error::Error;
use std::process::ExitCode;

use jiff::{SignedDuration, Timestamp};
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpResponse;
use lambda_http::{Body, Context, LambdaEvent, lambda_runtime, service_fn};
use serde_json::value::RawValue;
use tracing::error;

use crate::clock;
use crate::config::Environment;
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
        let now = clock::now();
        let mut request = Request::from_event(event.payload.get(), &event.context.request_id);
        request.deadline = Some(deadline(&event.context, now));
        Ok::<_, Infallible>(gateway_answer(answer(handler, request, now).await))
    }))
    .await
}

/// When Lambda ends the function. An end before the beginning is none: `cargo lambda watch` sends a time-span as if it were
/// a time. There it is in a minute.
pub fn deadline(context: &Context, now: Timestamp) -> Timestamp {
    let told =
        i64::try_from(context.deadline).ok().and_then(|milliseconds| Timestamp::from_millisecond(milliseconds).ok());
    told.filter(|told| now < *told).unwrap_or(now + SignedDuration::from_mins(1))
}

/// An answer in payload format 2.0.
fn gateway_answer(response: Response) -> ApiGatewayV2httpResponse {
    let (parts, body) = response.into_parts();
    let mut answer = ApiGatewayV2httpResponse::default();
    answer.status_code = parts.status.as_u16().into();
    answer.headers = parts.headers;
    answer.body = Some(Body::Text(body));
    answer
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::http::respond;

    #[test]
    fn an_answer_is_what_the_gateway_reads() {
        let answer = gateway_answer(respond::json(http::StatusCode::CREATED, &json!({"a": 1})));
        let value = serde_json::to_value(answer).unwrap();
        assert_eq!(value["statusCode"], 201);
        assert_eq!(value["body"], r#"{"a":1}"#);
        assert_eq!(value["isBase64Encoded"], false);
        assert_eq!(value["headers"]["content-type"], "application/json");
        assert_eq!(value["headers"]["cache-control"], "no-store");
    }

    #[test]
    fn a_deadline_that_is_over_is_none() {
        let now: Timestamp = "2026-11-24T08:00:00Z".parse().unwrap();
        let in_a_minute: Timestamp = "2026-11-24T08:01:00Z".parse().unwrap();
        let told = |milliseconds: u64| {
            let mut context = Context::default();
            context.deadline = milliseconds;
            deadline(&context, now)
        };
        let milliseconds = u64::try_from(now.as_millisecond()).unwrap();
        assert_eq!(told(milliseconds + 28_000), "2026-11-24T08:00:28Z".parse().unwrap());
        assert_eq!(told(milliseconds + 1), now + SignedDuration::from_millis(1));
        // Ten minutes, as `cargo lambda watch` puts it; nothing at all; what no clock shows.
        for unusable in [600_000, 0, milliseconds, u64::MAX] {
            assert_eq!(told(unusable), in_a_minute, "{unusable}");
        }
    }
}
