//! What passes through a browser, or is remembered for one: sealed text in base64url with an expiry inside.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::keyring::{KeyId, Keyring, Unsealable, key_id_of};

/// What sealed text is there for; text of one purpose is refused for every other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebPurpose {
    Cursor,
    Ticket,
    IdempotencyAnswer,
}

impl WebPurpose {
    fn name(self) -> &'static str {
        match self {
            Self::Cursor => "cursor",
            Self::Ticket => "ticket",
            Self::IdempotencyAnswer => "idempotency-answer",
        }
    }
}

/// Text that opened, and until when it is good.
#[derive(Debug)]
pub struct Opened<T> {
    pub value: T,
    pub expires_at: Timestamp,
}

impl<T> Opened<T> {
    /// The value, unless its time is over.
    pub fn unexpired(self, now: Timestamp) -> Option<T> {
        (now < self.expires_at).then_some(self.value)
    }
}

#[derive(Serialize)]
struct ToSeal<'a, T> {
    e: i64,
    v: &'a T,
}

#[derive(Deserialize)]
struct Unsealed<T> {
    e: i64,
    v: T,
}

/// Seals and opens with the web keyring. A function that has only this can open no token.
#[derive(Clone, Debug)]
pub struct WebSeal {
    keyring: Arc<Keyring>,
}

impl WebSeal {
    pub fn new(keyring: Arc<Keyring>) -> Self {
        Self { keyring }
    }

    /// Seals a value until `expires_at`. `place` must be the same, part by part, to open it again.
    pub fn seal<T: Serialize>(&self, purpose: WebPurpose, place: &[&str], value: &T, expires_at: Timestamp) -> String {
        let plaintext = serde_json::to_vec(&ToSeal { e: expires_at.as_second(), v: value });
        let plaintext = Zeroizing::new(plaintext.expect("what we seal is plain data with text keys"));
        BASE64_URL_SAFE_NO_PAD.encode(self.keyring.seal(&family(purpose), &bytes(place), &plaintext))
    }

    /// Opens text of the same purpose and place, expired or not: see [`Opened::unexpired`].
    pub fn open<T: DeserializeOwned>(
        &self,
        purpose: WebPurpose,
        place: &[&str],
        text: &str,
    ) -> Result<Opened<T>, Unsealable> {
        let sealed = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| Unsealable::Tampered)?;
        let plaintext = self.keyring.open(&family(purpose), &bytes(place), &sealed)?;
        let Unsealed { e, v } = serde_json::from_slice(&plaintext).map_err(|_| Unsealable::Tampered)?;
        let expires_at = Timestamp::from_second(e).map_err(|_| Unsealable::Tampered)?;
        Ok(Opened { value: v, expires_at })
    }

    /// The key that sealed text names, if it is shaped like ours.
    pub fn key_id_of(text: &str) -> Option<KeyId> {
        key_id_of(&BASE64_URL_SAFE_NO_PAD.decode(text).ok()?)
    }
}

fn family(purpose: WebPurpose) -> [&'static [u8]; 2] {
    [b"web/v1", purpose.name().as_bytes()]
}

fn bytes<'a>(place: &[&'a str]) -> Vec<&'a [u8]> {
    place.iter().map(|part| part.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::keyring::tests::ring;
    use super::*;

    fn seal() -> WebSeal {
        WebSeal::new(Arc::new(ring("k1", &[("k1", 1)])))
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// T12: what was sealed for one purpose is refused for every other.
    #[test]
    fn purposes_do_not_mix() {
        let all = [WebPurpose::Cursor, WebPurpose::Ticket, WebPurpose::IdempotencyAnswer];
        for made_for in all {
            let text = seal().seal(made_for, &["org-1"], &"value", at(100));
            for used_for in all {
                let opened = seal().open::<String>(used_for, &["org-1"], &text);
                assert_eq!(opened.is_ok(), made_for == used_for, "{made_for:?} as {used_for:?}");
            }
        }
    }

    #[test]
    fn the_expiry_is_inside() {
        let text = seal().seal(WebPurpose::Cursor, &[], &7, at(100));
        let open = || seal().open::<u8>(WebPurpose::Cursor, &[], &text).unwrap();
        assert_eq!(open().expires_at, at(100));
        assert_eq!(open().unexpired(at(99)), Some(7));
        assert_eq!(open().unexpired(at(100)), None);
    }

    /// T43: whatever is changed in the text, it opens no more.
    #[test]
    fn any_changed_character_is_refused() {
        let text = seal().seal(WebPurpose::Cursor, &["org-1"], &"value", at(100));
        for place in 0..text.len() {
            for other in ['A', 'B', 'a', '-', '_', '0', '=', '.', '\0'] {
                let mut changed: Vec<char> = text.chars().collect();
                if changed[place] == other {
                    continue;
                }
                changed[place] = other;
                let changed: String = changed.into_iter().collect();
                assert!(seal().open::<String>(WebPurpose::Cursor, &["org-1"], &changed).is_err(), "{place} {other}");
            }
        }
    }

    proptest! {
        #[test]
        fn it_opens_only_where_it_was_sealed(place: Vec<String>, elsewhere: Vec<String>, value: String) {
            let parts: Vec<&str> = place.iter().map(String::as_str).collect();
            let other_parts: Vec<&str> = elsewhere.iter().map(String::as_str).collect();
            let text = seal().seal(WebPurpose::Ticket, &parts, &value, at(100));
            prop_assert_eq!(seal().open::<String>(WebPurpose::Ticket, &parts, &text).unwrap().value, value);
            if place != elsewhere {
                prop_assert!(seal().open::<String>(WebPurpose::Ticket, &other_parts, &text).is_err());
            }
        }
    }
}
