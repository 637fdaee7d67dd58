//! The one door from a handler to HTTP.

use std::error::Error;
use std::time::Duration;

use jiff::Timestamp;
use tracing::{error, info};

use super::problem::{Code, Problem};
use super::request::Request;
use super::respond::{self, Response};
use crate::logging::chain;

/// Runs a handler and makes an answer of whatever it returns.
///
/// A handler that would outlast Lambda's deadline is dropped, and the person gets `try_again` instead of the gateway's
/// bare error. A problem is logged here, once, with everything behind it.
pub async fn answer<H, E>(handler: &H, request: Request, now: Timestamp) -> Response
where
    H: AsyncFn(Request) -> Result<Response, E>,
    E: Error + Into<Problem>,
{
    let id = request.id.clone();
    let route = request.route().to_owned();
    let time = request.time_left(now).unwrap_or(Duration::MAX);
    let problem = match tokio::time::timeout(time, handler(request)).await {
        Ok(Ok(response)) => return response,
        Ok(Err(error)) => {
            let reason = chain(&error);
            let problem: Problem = error.into();
            tell(&problem, &route, &id, &reason);
            problem
        }
        Err(_) => {
            let problem = Problem::from(Code::TryAgain);
            tell(&problem, &route, &id, "the handler was not done when its time was over");
            problem
        }
    };
    respond::problem(&problem, &id)
}

/// What is wrong with us is an error; what is wrong with a request is worth a note.
fn tell(problem: &Problem, route: &str, request_id: &str, reason: &str) {
    let (code, status) = (problem.code().words().name, problem.status().as_u16());
    if problem.status().is_server_error() {
        error!(request_id, route, status, code, reason, "The request failed");
    } else {
        info!(request_id, route, status, code, reason, "The request was refused");
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use serde_json::{Value, json};

    use super::super::request::tests::request;
    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_second(1_000).unwrap()
    }

    #[derive(Debug, thiserror::Error)]
    #[error("the table did not answer")]
    struct NoTable;

    impl From<NoTable> for Problem {
        fn from(_: NoTable) -> Self {
            Code::TryAgain.into()
        }
    }

    #[tokio::test]
    async fn an_error_becomes_a_problem_with_the_request_id() {
        let event = json!({"version": "2.0", "requestContext": {"requestId": "gateway-1"}});
        let response = answer(&async |_| Err::<Response, _>(NoTable), request(&event), now()).await;
        assert_eq!(response.status(), 503);
        let body: Value = serde_json::from_str(response.body()).unwrap();
        assert_eq!(body["type"], "/problems/try_again");
        assert_eq!(body["request_id"], "gateway-1");
        assert!(!response.body().contains("table"), "the reason is for the log");
    }

    #[tokio::test]
    async fn a_good_answer_is_passed_on() {
        let handler =
            async |request: Request| Ok::<_, Problem>(respond::json(StatusCode::OK, &json!({ "id": request.id })));
        let response = answer(&handler, request(&json!({})), now()).await;
        assert_eq!(response.body(), r#"{"id":"invocation-1"}"#);
    }

    /// T67.
    #[tokio::test(start_paused = true)]
    async fn a_handler_that_hangs_is_answered_for_before_the_deadline() {
        let mut request = request(&json!({"version": "2.0"}));
        request.deadline = Timestamp::from_second(1_010).ok();
        let started = tokio::time::Instant::now();
        let response =
            answer(&async |_| std::future::pending::<Result<Response, Problem>>().await, request, now()).await;
        assert_eq!(response.status(), 503);
        assert_eq!(started.elapsed().as_secs(), 8);
    }
}
