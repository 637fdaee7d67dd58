//! The JWT authorizer: who calls, and whether the route's scopes allow it, decided before any function runs.
//!
//! As API Gateway does it: the signature with the issuer's published key, `iss`, `aud`, `exp`, `nbf` and `iat`, then at
//! least one of the route's scopes. Only RS256 is accepted, whatever the token's header says.

use http::{HeaderMap, header};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde_json::{Map, Value, json};

use crate::clock;
use crate::gateway::issuer::{AUDIENCE, Issuer, KEY_ID};

/// Clocks may differ by this much.
const LEEWAY_SECONDS: i64 = 2;

/// Why a request is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No token, or not a good one: 401.
    Unauthorized,
    /// A good token without any of the route's scopes: 403.
    Forbidden,
}

#[derive(Clone)]
pub struct Authorizer {
    key: DecodingKey,
    issuer: String,
    validation: Validation,
}

impl std::fmt::Debug for Authorizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authorizer").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

impl Authorizer {
    pub fn new(issuer: &Issuer) -> Self {
        let mut validation = Validation::new(Algorithm::RS256);
        validation.leeway = LEEWAY_SECONDS.unsigned_abs();
        validation.validate_nbf = true;
        validation.set_audience(&[AUDIENCE]);
        validation.set_issuer(&[issuer.url()]);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        Self { key: issuer.decoding_key(), issuer: issuer.url().to_owned(), validation }
    }

    /// Checks the request's token. What it returns is what the event carries as `requestContext.authorizer.jwt`.
    pub fn authorize(&self, headers: &HeaderMap, route_scopes: &[String]) -> Result<Value, Refusal> {
        let claims = self.verify(headers).ok_or(Refusal::Unauthorized)?;
        let granted: Vec<&str> =
            scopes(&claims).into_iter().filter(|scope| route_scopes.iter().any(|needed| needed == scope)).collect();
        if granted.is_empty() && !route_scopes.is_empty() {
            return Err(Refusal::Forbidden);
        }
        let scopes = if route_scopes.is_empty() { Value::Null } else { json!(granted) };
        let claims: Map<String, Value> =
            claims.iter().map(|(name, value)| (name.clone(), Value::String(as_text(value)))).collect();
        Ok(json!({ "claims": claims, "scopes": scopes }))
    }

    /// Whose token it is, good for this route or not; `None` when it is no good token.
    pub fn caller(&self, headers: &HeaderMap) -> Option<String> {
        self.verify(headers)?.get("sub").map(as_text)
    }

    fn verify(&self, headers: &HeaderMap) -> Option<Map<String, Value>> {
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return None;
        };
        let value = value.to_str().ok()?;
        // API Gateway takes the token with or without the scheme in front.
        let token = match value.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token,
            Some(_) => return None,
            None => value,
        };
        let token = decode::<Map<String, Value>>(token, &self.key, &self.validation).ok()?;
        let ours = token.header.kid.as_deref() == Some(KEY_ID);
        // The library also accepts a list of issuers.
        let ours = ours && token.claims.get("iss").and_then(Value::as_str) == Some(&self.issuer);
        let issued = match token.claims.get("iat") {
            None => true,
            Some(issued) => issued.as_i64().is_some_and(|issued| issued <= clock::now().as_second() + LEEWAY_SECONDS),
        };
        (ours && issued).then_some(token.claims)
    }
}

/// The token's scopes: `scope` (words with spaces between), or `scp` (the same, or a list).
fn scopes(claims: &Map<String, Value>) -> Vec<&str> {
    match claims.get("scope").or_else(|| claims.get("scp")) {
        Some(Value::String(words)) => words.split_whitespace().collect(),
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// A claim as the event has it: always text. Lists become `[a b]` and objects `map[k:v]`, as API Gateway prints them.
fn as_text(claim: &Value) -> String {
    match claim {
        Value::String(text) => text.clone(),
        Value::Null => "<nil>".to_owned(),
        Value::Bool(_) | Value::Number(_) => claim.to_string(),
        Value::Array(list) => format!("[{}]", list.iter().map(as_text).collect::<Vec<_>>().join(" ")),
        Value::Object(map) => {
            let entries: Vec<String> = map.iter().map(|(name, value)| format!("{name}:{}", as_text(value))).collect();
            format!("map[{}]", entries.join(" "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_reach_the_function_as_text() {
        assert_eq!(as_text(&json!("a b")), "a b");
        assert_eq!(as_text(&json!(1_793_000_000)), "1793000000");
        assert_eq!(as_text(&json!(true)), "true");
        assert_eq!(as_text(&json!(["a", "b", 1])), "[a b 1]");
        assert_eq!(as_text(&json!({ "a": ["b"] })), "map[a:[b]]");
    }
}
