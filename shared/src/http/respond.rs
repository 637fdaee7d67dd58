//! Answers, each with the headers that every answer carries.

use http::StatusCode;
use http::header::{self, HeaderName, HeaderValue};
use serde::Serialize;
use serde_json::json;
use url::Url;

use super::problem::Problem;

/// What a handler hands back.
pub type Response = http::Response<String>;

/// On every answer, errors and redirects included: never stored, never sniffed, never framed, never leaked as a referrer.
pub const HEADERS: [(HeaderName, HeaderValue); 5] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
    (header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=63072000; includeSubDomains")),
];

/// An answer in JSON.
pub fn json<T: Serialize>(status: StatusCode, body: &T) -> Response {
    let body = serde_json::to_string(body).expect("answers are plain data with text keys");
    with_body(status, "application/json", body)
}

/// 303 See Other: the browser goes on with a plain GET, whatever brought it here.
///
/// The target is ours: a configured URL, with nothing from the request in it but what we sealed.
pub fn see_other(target: &Url) -> Response {
    let location = HeaderValue::from_str(target.as_str()).expect("a parsed URL is ASCII without control characters");
    let mut response = plain(StatusCode::SEE_OTHER, String::new());
    response.headers_mut().insert(header::LOCATION, location);
    response
}

/// A route that this function does not serve, in the gateway's own words.
pub fn no_such_route() -> Response {
    json(StatusCode::NOT_FOUND, &json!({ "message": "Not Found" }))
}

/// The answer for a problem.
pub fn problem(problem: &Problem, request_id: &str) -> Response {
    let body = problem.to_json(request_id).to_string();
    let mut response = with_body(problem.status(), "application/problem+json", body);
    if let Some(seconds) = problem.retry_after() {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if problem.status() == StatusCode::UNAUTHORIZED {
        // RFC 9110, section 15.5.2 asks for it.
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

fn with_body(status: StatusCode, content_type: &'static str, body: String) -> Response {
    let mut response = plain(status, body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn plain(status: StatusCode, body: String) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().extend(HEADERS);
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::problem::Code;

    /// T81, T83.
    #[test]
    fn every_answer_carries_the_headers() {
        let target = Url::parse("https://app.example/#activation_ticket=abc").unwrap();
        for response in [
            json(StatusCode::OK, &json!({})),
            see_other(&target),
            no_such_route(),
            problem(&Problem::from(Code::TryAgain), "r"),
        ] {
            for (name, value) in HEADERS {
                assert_eq!(response.headers().get(&name), Some(&value), "{name}");
            }
        }
    }

    /// T82.
    #[test]
    fn a_redirect_is_303_without_a_body() {
        let response = see_other(&Url::parse("https://app.example/x?y=1#activation_ticket=a_b-c").unwrap());
        assert_eq!(response.status(), 303);
        assert_eq!(response.headers()[header::LOCATION], "https://app.example/x?y=1#activation_ticket=a_b-c");
        assert_eq!(response.body(), "");
        assert!(!response.headers().contains_key(header::CONTENT_TYPE));
    }

    /// T27: whatever gets into a URL, no header can be split by it.
    #[test]
    fn a_location_is_one_line() {
        let mut target = Url::parse("https://app.example/").unwrap();
        target.set_fragment(Some("a\r\nSet-Cookie: x=1\0é"));
        let response = see_other(&target);
        assert!(response.headers()[header::LOCATION].to_str().unwrap().bytes().all(|byte| byte.is_ascii_graphic()));
    }

    #[test]
    fn problems_say_when_to_come_back_and_how_to_sign_in() {
        let response = problem(&Problem::from(Code::TooManyActivations).with_retry_after(120), "r");
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()[header::RETRY_AFTER], "120");
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!(problem(&Problem::from(Code::TryAgain), "r").headers()[header::RETRY_AFTER], "5");
        assert_eq!(problem(&Problem::from(Code::NotAuthenticated), "r").headers()[header::WWW_AUTHENTICATE], "Bearer");
    }
}
