//! Request bodies: small, JSON, one object, and nothing in it that we did not ask for.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::problem::Problem;
use super::request::Request;

/// The longest body that is read.
pub const LIMIT: usize = 8 * 1024;

const JSON_OBJECT: &str = "a JSON object";

/// For routes that take no body: absent, or an empty object.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoBody {}

impl Request {
    /// The body, which must be there. `T` refuses unknown fields: derive it with `#[serde(deny_unknown_fields)]`.
    ///
    /// Anything else is `request_invalid` naming the field, with 413 above [`LIMIT`]; what was sent is not repeated.
    pub fn body<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        self.body_if_any()?.ok_or_else(|| Problem::field("body", JSON_OBJECT))
    }

    /// The body, or the default where none was sent.
    pub fn body_or_default<T: DeserializeOwned + Default>(&self) -> Result<T, Problem> {
        Ok(self.body_if_any()?.unwrap_or_default())
    }

    fn body_if_any<T: DeserializeOwned>(&self) -> Result<Option<T>, Problem> {
        if self.body_is_above(LIMIT) {
            return Err(Problem::too_large("body", "8 KB long"));
        }
        let bytes = self.body_bytes().ok_or_else(|| Problem::field("body", JSON_OBJECT))?;
        if bytes.len() > LIMIT {
            return Err(Problem::too_large("body", "8 KB long"));
        }
        let Some(first) = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) else { return Ok(None) };
        if !self.header("content-type").is_none_or(is_json) {
            return Err(Problem::field("Content-Type", "application/json"));
        }
        // serde would also take a list of the fields' values for an object.
        if *first != b'{' {
            return Err(Problem::field("body", JSON_OBJECT));
        }
        parse(&bytes).map(Some)
    }
}

fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let parsed = serde_path_to_error::deserialize(&mut json).map_err(|error| refusal(&error))?;
    json.end().map_err(|_| Problem::field("body", "one JSON object and nothing behind it"))?;
    Ok(parsed)
}

/// The field that serde stumbled over. Its message has the name of a missing or repeated one, and might have what was
/// sent, which is why no more of it is used.
fn refusal(error: &serde_path_to_error::Error<serde_json::Error>) -> Problem {
    let path = error.path().to_string();
    let message = error.inner().to_string();
    let named = |prefix: &str| message.strip_prefix(prefix).and_then(|rest| rest.split_once('`')).map(|(name, _)| name);
    if !error.inner().is_data() {
        return Problem::field("body", "well-formed JSON");
    }
    if let Some(name) = named("missing field `") {
        return Problem::field(name, "there");
    }
    if let Some(name) = named("duplicate field `") {
        return Problem::field(name, "there only once");
    }
    if let Some(name) = named("unknown field `") {
        return Problem::field(name, "left out: it is no field of this request");
    }
    let path = if path == "." { "body".to_owned() } else { path };
    Problem::field(&path, "of the type and form that the API description asks for")
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;
    use serde_json::{Value, json};

    use super::super::request::tests::request;
    use super::*;
    use crate::sealing::FinishTicket;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sent {
        ticket: FinishTicket,
        #[serde(default)]
        force: bool,
        #[serde(default)]
        inner: Vec<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[expect(dead_code, reason = "only parsed")]
        id: u8,
    }

    fn sent(body: &str) -> Request {
        request(&json!({"version": "2.0", "body": body}))
    }

    fn refused(body: &str) -> Value {
        sent(body).body::<Sent>().unwrap_err().to_json("r")
    }

    #[test]
    fn a_good_body_is_read_with_or_without_its_type() {
        let body = sent(r#" {"ticket": "abc", "force": true, "inner": [{"id": 1}]} "#).body::<Sent>().unwrap();
        assert_eq!((body.ticket.expose(), body.force, body.inner.len()), ("abc", true, 1));
        for content_type in ["application/json", "Application/JSON; charset=utf-8"] {
            let request = request(
                &json!({"version": "2.0", "headers": {"content-type": content_type}, "body": r#"{"ticket":"abc"}"#}),
            );
            assert!(request.body::<Sent>().is_ok(), "{content_type}");
        }
        let encoded = BASE64_STANDARD.encode(r#"{"ticket":"abc"}"#);
        assert!(request(&json!({"version": "2.0", "body": encoded, "isBase64Encoded": true})).body::<Sent>().is_ok());
    }

    /// T35, T36: the field is named and what was sent is not repeated.
    #[test]
    fn a_bad_body_names_its_field() {
        for (body, field) in [
            (r#"{"ticket": 7}"#, "ticket"),
            (r#"{"ticket": null}"#, "ticket"),
            (r#"{"ticket": "c4n4ry with spaces"}"#, "ticket"),
            (r#"{"ticket": "a", "force": "c4n4ry"}"#, "force"),
            (r#"{"ticket": "a", "inner": [{"id": 1}, {"id": "c4n4ry"}]}"#, "inner[1].id"),
            (r#"{"ticket": "a", "inner": [{"id": 999999999999999999999}]}"#, "inner[0].id"),
            (r#"{"ticket": "a", "inner": [{}]}"#, "id"),
            (r#"{"ticket": "a", "org_id": "c4n4ry"}"#, "org_id"),
            (r#"{"ticket": "a", "c4n4ry <script>": 1}"#, "request"),
            (r#"{"ticket": "a", "ticket": "b"}"#, "ticket"),
            ("{}", "ticket"),
            ("", "body"),
            ("  \n", "body"),
            ("null", "body"),
            (r#"["a", true]"#, "body"),
            (r#""c4n4ry""#, "body"),
            (r#"{"ticket": "a"} {"ticket": "b"}"#, "body"),
            (r#"{"ticket": "a""#, "body"),
            ("{\"ticket\": \"a\0\"}", "body"),
            (r#"{"ticket": "\ud800"}"#, "body"),
        ] {
            let problem = refused(body);
            assert_eq!(problem["field"], field, "{body}: {problem}");
            assert_eq!(problem["status"], 400, "{body}");
            assert!(!problem.to_string().contains("c4n4ry"), "{body}: {problem}");
        }
    }

    /// T35.
    #[test]
    fn deep_and_long_bodies_are_refused() {
        let deep = format!(r#"{{"ticket": {}"#, "[".repeat(8_000));
        assert_eq!(refused(&deep)["status"], 400);
        let at_the_limit = format!(r#"{{"ticket": "{}"}}"#, "a".repeat(LIMIT - 14));
        assert_eq!(at_the_limit.len(), LIMIT);
        assert_eq!(refused(&at_the_limit)["status"], 400, "read, and its ticket is too long");
        for long in [format!("{at_the_limit} "), "x".repeat(10_000_000)] {
            let problem = refused(&long);
            assert_eq!((&problem["status"], &problem["field"]), (&json!(413), &json!("body")));
        }
        let encoded = BASE64_STANDARD.encode(" ".repeat(LIMIT + 1));
        let problem =
            request(&json!({"version": "2.0", "body": encoded, "isBase64Encoded": true})).body::<Sent>().unwrap_err();
        assert_eq!(problem.status(), 413);
    }

    #[test]
    fn other_content_types_are_refused() {
        for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""] {
            let request = request(
                &json!({"version": "2.0", "headers": {"content-type": content_type}, "body": r#"{"ticket":"abc"}"#}),
            );
            assert_eq!(request.body::<Sent>().unwrap_err().to_json("r")["field"], "Content-Type", "{content_type}");
        }
        let not_base64 = request(&json!({"version": "2.0", "body": "%%%", "isBase64Encoded": true}));
        assert_eq!(not_base64.body::<Sent>().unwrap_err().to_json("r")["field"], "body");
    }

    #[test]
    fn where_no_body_is_expected_none_is_smuggled_in() {
        assert!(request(&json!({"version": "2.0"})).body_or_default::<NoBody>().is_ok());
        assert!(sent("{}").body_or_default::<NoBody>().is_ok());
        let problem = sent(r#"{"status": "active"}"#).body_or_default::<NoBody>().unwrap_err();
        assert_eq!(problem.to_json("r")["field"], "status");
    }
}
