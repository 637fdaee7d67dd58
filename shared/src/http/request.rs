//! The gateway's event as a handler sees it.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::problem::Problem;
use super::query::Query;
use domain::ids::InvalidId;

/// One HTTP request, as API Gateway's payload format 2.0 describes it.
///
/// Reading it never fails: an event that is not such a payload becomes a request without route and claims, which every
/// handler refuses.
pub struct Request {
    /// For the answer's `request_id`, and for finding a request in the logs.
    pub id: String,
    /// When Lambda will stop us; absent outside of Lambda.
    pub deadline: Option<Timestamp>,
    event: Event,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Event {
    version: String,
    route_key: String,
    raw_query_string: String,
    headers: BTreeMap<String, String>,
    path_parameters: Option<BTreeMap<String, String>>,
    request_context: RequestContext,
    body: Option<String>,
    is_base64_encoded: bool,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RequestContext {
    request_id: String,
    authorizer: Option<Authorizer>,
}

#[derive(Deserialize)]
struct Authorizer {
    jwt: Option<Jwt>,
}

#[derive(Deserialize)]
struct Jwt {
    claims: Option<Map<String, Value>>,
}

/// Bodies, queries and claims hold what must not be shown.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request {{ id: {:?}, route: {:?} }}", self.id, self.event.route_key)
    }
}

impl Request {
    /// Reads an event. `invocation_id` stands in where the gateway gave no id of its own.
    pub fn from_event(event: &str, invocation_id: &str) -> Self {
        let event = serde_json::from_str::<Event>(event).unwrap_or_default();
        let event = if event.version == "2.0" { event } else { Event::default() };
        let id = if event.request_context.request_id.is_empty() {
            invocation_id.to_owned()
        } else {
            event.request_context.request_id.clone()
        };
        Self { id, deadline: None, event }
    }

    /// The route that the gateway matched, such as `GET /ad-accounts/{advertiser_id}`; empty if it is not the gateway's event.
    pub fn route(&self) -> &str {
        &self.event.route_key
    }

    /// An id in the path; one that cannot be an id is `request_invalid`.
    pub fn path<T: FromStr<Err = InvalidId>>(&self, name: &'static str) -> Result<T, Problem> {
        let text = self.event.path_parameters.as_ref().and_then(|parameters| parameters.get(name));
        let text = text.map(String::as_str).unwrap_or_default();
        text.parse().map_err(|invalid: InvalidId| Problem::field(name, invalid.expected))
    }

    /// The query, exactly as it was sent. The gateway's own parse joins repeated parameters with commas, so that nobody
    /// could tell them from one parameter with a comma in it.
    pub fn raw_query(&self) -> &str {
        &self.event.raw_query_string
    }

    pub fn query(&self) -> Result<Query, Problem> {
        Query::parse(self.raw_query()).map_err(Problem::from)
    }

    /// A header by its name in any case. The gateway joins repeated ones with commas.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.event.headers.iter().find(|(sent, _)| sent.eq_ignore_ascii_case(name))?;
        Some(value)
    }

    /// The claims of the token that the gateway verified; absent when it verified none.
    pub(super) fn claims(&self) -> Option<&Map<String, Value>> {
        self.event.request_context.authorizer.as_ref()?.jwt.as_ref()?.claims.as_ref()
    }

    /// The bytes of the body as they were sent; `None` when the event says base64 and holds something else.
    pub(super) fn body_bytes(&self) -> Option<Vec<u8>> {
        let text = self.event.body.as_deref().unwrap_or_default();
        if self.event.is_base64_encoded { BASE64_STANDARD.decode(text).ok() } else { Some(text.as_bytes().to_vec()) }
    }

    /// How long the body is at least, before anything is decoded.
    pub(super) fn body_is_above(&self, limit: usize) -> bool {
        let length = self.event.body.as_deref().unwrap_or_default().len();
        if self.event.is_base64_encoded { length / 4 * 3 > limit + 2 } else { length > limit }
    }

    /// How long a handler may still work if the answer is to leave before Lambda stops us.
    pub fn time_left(&self, now: Timestamp) -> Option<Duration> {
        const FOR_THE_ANSWER: jiff::SignedDuration = jiff::SignedDuration::from_secs(2);
        let left = now.duration_until(self.deadline?) - FOR_THE_ANSWER;
        Some(left.try_into().unwrap_or(Duration::ZERO))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;

    pub fn request(event: &Value) -> Request {
        Request::from_event(&event.to_string(), "invocation-1")
    }

    #[test]
    fn it_reads_the_gateways_event() {
        let request = request(&json!({
            "version": "2.0", "routeKey": "GET /ad-accounts/{advertiser_id}", "rawQueryString": "a=1&a=2",
            "headers": {"idempotency-key": "k"}, "pathParameters": {"advertiser_id": "7100000000000000011"},
            "requestContext": {"requestId": "gateway-1"}, "isBase64Encoded": true, "body": "e30="
        }));
        assert_eq!(request.route(), "GET /ad-accounts/{advertiser_id}");
        assert_eq!(request.id, "gateway-1");
        assert_eq!(request.raw_query(), "a=1&a=2");
        assert_eq!(request.header("Idempotency-Key"), Some("k"));
        assert_eq!(request.body_bytes().unwrap(), b"{}");
        let id: domain::ids::AdvertiserId = request.path("advertiser_id").unwrap();
        assert_eq!(id.as_str(), "7100000000000000011");
    }

    #[test]
    fn an_id_that_cannot_be_one_names_its_parameter() {
        let request = request(&json!({"version": "2.0", "pathParameters": {"advertiser_id": "12a"}}));
        let problem = request.path::<domain::ids::AdvertiserId>("advertiser_id").unwrap_err();
        assert_eq!(problem.to_json("r")["field"], "advertiser_id");
        assert!(!problem.to_json("r").to_string().contains("12a"));
        assert!(request.path::<domain::ids::ActivationId>("activation_id").is_err());
    }

    /// T42: what is not the gateway's event has no route and nobody behind it.
    #[test]
    fn other_events_are_requests_for_nothing() {
        let forged = json!({"version": "1.0", "routeKey": "GET /ad-accounts", "requestContext": {"authorizer": {"jwt": {"claims": {"sub": "a"}}}}});
        for event in [
            forged.to_string(),
            "\"hello\"".to_owned(),
            "[]".to_owned(),
            "{}".to_owned(),
            "{\"version\":2}".to_owned(),
            String::new(),
        ] {
            let request = Request::from_event(&event, "invocation-1");
            assert_eq!(request.route(), "", "{event}");
            assert!(request.claims().is_none(), "{event}");
            assert_eq!(request.id, "invocation-1");
        }
    }

    #[test]
    fn the_answer_has_two_seconds_of_the_deadline() {
        let mut request = request(&json!({}));
        let now = Timestamp::from_second(1000).unwrap();
        assert_eq!(request.time_left(now), None);
        request.deadline = Timestamp::from_second(1010).ok();
        assert_eq!(request.time_left(now), Some(Duration::from_secs(8)));
        for too_soon in [1001, 600] {
            request.deadline = Timestamp::from_second(too_soon).ok();
            assert_eq!(request.time_left(now), Some(Duration::ZERO));
        }
    }

    #[test]
    fn debug_output_shows_no_content() {
        let request = request(
            &json!({"version": "2.0", "routeKey": "POST /x", "rawQueryString": "auth_code=c4n4ry", "body": "c4n4ry"}),
        );
        assert_eq!(format!("{request:?}"), r#"Request { id: "invocation-1", route: "POST /x" }"#);
    }
}
