//! CORS as HTTP APIs do it: the gateway alone decides. It answers preflights itself, adds its own headers to every
//! answer for a listed origin, and drops those that a function sets.

use http::{HeaderMap, HeaderName, HeaderValue, header};

const METHODS: HeaderValue = HeaderValue::from_static("GET,POST");
const HEADERS: HeaderValue = HeaderValue::from_static("authorization,content-type,idempotency-key");
const EXPOSED: HeaderValue = HeaderValue::from_static("retry-after");
const MAX_AGE: HeaderValue = HeaderValue::from_static("300");

/// Which web pages may call: exact origins, never a pattern.
#[derive(Clone, Debug, Default)]
pub struct Cors {
    origins: Vec<String>,
}

impl Cors {
    pub fn new(origins: Vec<String>) -> Self {
        Self { origins }
    }

    /// The headers of an answer to a preflight. None for an origin that is not listed, which makes the browser refuse.
    pub fn preflight(&self, request: &HeaderMap) -> HeaderMap {
        let mut answer = HeaderMap::new();
        if self.add_origin(request, &mut answer) && request.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD) {
            answer.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
            answer.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
            answer.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        }
        answer
    }

    /// Makes the CORS headers of an answer what the gateway says, whatever the function said.
    pub fn apply(&self, request: &HeaderMap, answer: &mut HeaderMap) {
        let theirs: Vec<HeaderName> =
            answer.keys().filter(|name| name.as_str().starts_with("access-control-")).cloned().collect();
        for name in theirs {
            answer.remove(name);
        }
        if self.add_origin(request, answer) {
            answer.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        }
    }

    fn add_origin(&self, request: &HeaderMap, answer: &mut HeaderMap) -> bool {
        // The answer depends on the origin even when there is none, so no cache may give it to another page.
        answer.append(header::VARY, HeaderValue::from_static("Origin"));
        let mut origins = request.get_all(header::ORIGIN).iter();
        let (Some(origin), None) = (origins.next(), origins.next()) else {
            return false;
        };
        let listed = self.origins.iter().any(|listed| listed.as_bytes() == origin.as_bytes());
        if listed {
            answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        }
        listed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const APP: &str = "https://app.example.com";

    fn from(origin: &str) -> HeaderMap {
        HeaderMap::from_iter([
            (header::ORIGIN, origin.parse().unwrap()),
            (header::ACCESS_CONTROL_REQUEST_METHOD, HeaderValue::from_static("POST")),
        ])
    }

    #[test]
    fn t80_only_the_listed_origin_is_let_in() {
        let cors = Cors::new(vec![APP.to_owned()]);

        for origin in [
            "null",
            "*",
            "http://app.example.com",
            "https://app.example.com.evil.example",
            "https://evilapp.example.com",
            "https://app.example.com:8443",
            "https://APP.example.com",
            "https://app.example.com/",
            "https://example.com",
            "https://sub.app.example.com",
            "https://app.example.co",
            "https://user@app.example.com",
            "https://app.example.com https://evil.example",
            "file://",
            "",
        ] {
            let mut answer = HeaderMap::new();
            cors.apply(&from(origin), &mut answer);
            assert_eq!(answer.get(header::ACCESS_CONTROL_ALLOW_ORIGIN), None, "{origin}");
            assert_eq!(cors.preflight(&from(origin)).get(header::ACCESS_CONTROL_ALLOW_ORIGIN), None, "{origin}");
            assert_eq!(answer[header::VARY], "Origin");
        }
        assert_eq!(cors.preflight(&from(APP))[header::ACCESS_CONTROL_ALLOW_ORIGIN], APP);
    }

    #[test]
    fn t80_what_a_function_says_about_cors_is_dropped() {
        let mut answer = HeaderMap::from_iter([
            (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
            (header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true")),
        ]);

        Cors::new(vec![APP.to_owned()]).apply(&from("https://evil.example"), &mut answer);

        assert_eq!(answer.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["vary"]);
    }
}
