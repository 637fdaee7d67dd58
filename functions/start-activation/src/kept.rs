//! The answer that is kept for an Idempotency-Key, so that a repeat starts nothing twice.
//!
//! It holds the authorization link and with it the state, hence the sealing: for one person, one organisation, one key.

use domain::access::Caller;
use jiff::{SignedDuration, Timestamp};
use ring::digest::{SHA256, digest};
use serde_json::value::RawValue;
use shared::http::{Code, Problem, Request};
use shared::sealing::{WebPurpose, WebSeal};
use shared::store::start_activation::KeptAnswer;

use crate::StartError;

const LIFE: SignedDuration = SignedDuration::from_hours(24);
const LONGEST: usize = 64;

/// What the caller chose to recognise a repeat by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Header `Idempotency-Key`: absent, or 1 to 64 printable ASCII characters.
    pub fn of(request: &Request) -> Result<Option<Self>, Problem> {
        let Some(text) = request.header("idempotency-key") else { return Ok(None) };
        let is_printable = text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
        if (1..=LONGEST).contains(&text.len()) && is_printable {
            Ok(Some(Self(text.to_owned())))
        } else {
            Err(Problem::field("Idempotency-Key", "1 to 64 printable ASCII characters"))
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Tells requests apart that came with the same key.
pub fn request_hash(parts: &[&str]) -> String {
    let hash = digest(&SHA256, parts.join("\n").as_bytes());
    hash.as_ref().iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// An answer as it is stored.
pub fn seal(
    seal: &WebSeal,
    caller: &Caller,
    key: &IdempotencyKey,
    request_hash: String,
    body: &RawValue,
    now: Timestamp,
) -> KeptAnswer {
    let expires_at = now + LIFE;
    KeptAnswer {
        request_hash,
        sealed_answer: seal.seal(WebPurpose::IdempotencyAnswer, &place(caller, key), &body, expires_at),
        expires_at: expires_at.as_second(),
        ttl: expires_at.as_second(),
    }
}

/// The body of the answer that the same request got, byte by byte. Another request is `idempotency_mismatch`.
pub fn open(
    seal: &WebSeal,
    caller: &Caller,
    key: &IdempotencyKey,
    request_hash: &str,
    kept: &KeptAnswer,
    now: Timestamp,
) -> Result<Box<RawValue>, StartError> {
    if kept.request_hash != request_hash {
        return Err(Code::IdempotencyMismatch.into());
    }
    let opened = seal.open(WebPurpose::IdempotencyAnswer, &place(caller, key), &kept.sealed_answer);
    opened.map_err(StartError::Kept)?.unexpired(now).ok_or(StartError::KeptTooLong)
}

fn place<'a>(caller: &'a Caller, key: &'a IdempotencyKey) -> [&'a str; 3] {
    [caller.org_id.as_str(), caller.user_id.as_str(), key.as_str()]
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use domain::access::Reach;
    use serde_json::json;
    use shared::sealing::Keyring;

    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn web_seal() -> WebSeal {
        let secret = json!({"writer": "k1", "keys": {"k1": "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="}});
        WebSeal::new(Arc::new(Keyring::parse(&secret.to_string()).unwrap()))
    }

    fn caller(org: &str, user: &str) -> Caller {
        Caller {
            user_id: user.parse().unwrap(),
            org_id: org.parse().unwrap(),
            may_read: true,
            may_manage: true,
            reach: Reach::default(),
            display: None,
        }
    }

    fn with_key(key: &str) -> Result<Option<IdempotencyKey>, Problem> {
        let event = json!({"version": "2.0", "headers": {"idempotency-key": key}});
        IdempotencyKey::of(&Request::from_event(&event.to_string(), "r"))
    }

    fn key(text: &str) -> IdempotencyKey {
        with_key(text).unwrap().unwrap()
    }

    fn kept() -> (Box<RawValue>, KeptAnswer) {
        let body = RawValue::from_string(r#"{"b": 1,  "a":"c4n4ry"}"#.to_owned()).unwrap();
        let kept = seal(&web_seal(), &caller("org-1", "ana"), &key("k"), request_hash(&["71", "no"]), &body, NOW);
        (body, kept)
    }

    #[test]
    fn a_key_is_printable_and_short() {
        assert_eq!(IdempotencyKey::of(&Request::from_event(r#"{"version":"2.0"}"#, "r")).unwrap(), None);
        for good in ["a", "7d1f3c9e-reconnect shop~", &"x".repeat(64)] {
            assert_eq!(with_key(good).unwrap().unwrap().as_str(), good);
        }
        for bad in ["", "é", "a\tb", "a\u{7f}", "a\r\nb", &"x".repeat(65)] {
            assert_eq!(with_key(bad).unwrap_err().to_json("r")["field"], "Idempotency-Key", "{bad:?}");
        }
    }

    #[test]
    fn a_repeat_gets_the_same_bytes() {
        let (body, kept) = kept();
        assert!(!kept.sealed_answer.contains("c4n4ry"));
        let last = NOW + LIFE - SignedDuration::from_secs(1);
        let hash = request_hash(&["71", "no"]);
        let again = open(&web_seal(), &caller("org-1", "ana"), &key("k"), &hash, &kept, last).unwrap();
        assert_eq!(again.get(), body.get());
        assert_eq!(kept.expires_at, (NOW + LIFE).as_second());
    }

    #[test]
    fn another_request_with_the_same_key_is_refused() {
        let (_, kept) = kept();
        for other in [request_hash(&["72", "no"]), request_hash(&["71", "yes"]), request_hash(&["71\nno"])] {
            let opened = open(&web_seal(), &caller("org-1", "ana"), &key("k"), &other, &kept, NOW);
            let is_mismatch =
                matches!(&opened, Err(StartError::Refused(problem)) if problem.code() == Code::IdempotencyMismatch);
            assert_eq!(is_mismatch, other != kept.request_hash, "{opened:?}");
        }
    }

    /// T71: a kept answer that was moved to another person, organisation or key does not open.
    #[test]
    fn it_opens_only_for_whom_it_was_kept() {
        let (_, kept) = kept();
        let hash = kept.request_hash.clone();
        for (who, key) in
            [(caller("org-2", "ana"), key("k")), (caller("org-1", "ben"), key("k")), (caller("org-1", "ana"), key("K"))]
        {
            let opened = open(&web_seal(), &who, &key, &hash, &kept, NOW);
            assert!(matches!(opened, Err(StartError::Kept(_))), "{opened:?}");
        }
    }
}
