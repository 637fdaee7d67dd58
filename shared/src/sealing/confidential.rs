//! The values that must never be shown.
//!
//! None of them has a `Display` or a `Serialize`, their `Debug` says only what they are, and none can be cloned: a code
//! is spent once, and everything else is lent. Taking the text out is always the word `expose`, easy to search for.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::digest;
use ring::rand::{SecureRandom as _, SystemRandom};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use zeroize::Zeroizing;

use domain::ids::ActivationId;

/// Text that is not the secret it claims to be. Says what was expected and never what came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be {expected}")]
pub struct Misshapen {
    pub expected: &'static str,
}

macro_rules! confidential {
    ($(#[$doc:meta])* $name:ident, $expected:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Debug, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(SecretString);

        impl $name {
            /// The text itself, for the one place that needs it.
            pub fn expose(&self) -> &str {
                self.0.expose_secret()
            }
        }

        impl TryFrom<String> for $name {
            type Error = Misshapen;
            fn try_from(text: String) -> Result<Self, Misshapen> {
                let valid: fn(&str) -> bool = $valid;
                // Inside `SecretString` it is wiped when dropped, refused or not.
                let text = SecretString::from(text);
                if valid(text.expose_secret()) { Ok(Self(text)) } else { Err(Misshapen { expected: $expected }) }
            }
        }
    };
}

fn printable(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn base64url(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

confidential!(
    /// TikTok's long-lived access token: whoever has it reads every ad account that it covers.
    AccessToken, "1 to 1024 printable characters without spaces",
    |text| printable(text, 1024)
);
confidential!(
    /// The one-time code of TikTok's redirect. Exchanging it takes it by value and uses it up.
    AuthCode, "1 to 512 printable characters without spaces",
    |text| printable(text, 512)
);
confidential!(
    /// The secret of our TikTok app.
    AppSecret, "1 to 256 printable characters without spaces",
    |text| printable(text, 256)
);
confidential!(
    /// What ties TikTok's redirect to the activation that caused it: 32 random bytes in base64url. It stands in one
    /// authorization URL; we keep only its hash, which is the [`ActivationId`].
    RawState, "43 characters of base64url",
    |text| text.len() == 43 && matches!(BASE64_URL_SAFE_NO_PAD.decode(text), Ok(bytes) if bytes.len() == 32)
);
confidential!(
    /// The sealed state and code that go through the person's browser, from TikTok's redirect to the app and back to us.
    FinishTicket, "1 to 2048 characters of base64url",
    |text| (1..=2048).contains(&text.len()) && base64url(text)
);

impl AccessToken {
    /// Tells two tokens apart without keeping either: SHA-256 in hex. TikTok may hand out the same token again, and one
    /// that a living grant uses must not be revoked.
    pub fn fingerprint(&self) -> String {
        let mut hash = digest::Context::new(&digest::SHA256);
        hash.update(b"reconnect/token-fingerprint/v1\0");
        hash.update(self.expose().as_bytes());
        let mut hex = String::with_capacity(64);
        for byte in hash.finish().as_ref() {
            write!(hex, "{byte:02x}").expect("a String takes what is written");
        }
        hex
    }
}

/// 128 bits that nobody can guess, for ids that are not confidential themselves.
pub fn random_bits() -> [u8; 16] {
    let mut bits = [0; 16];
    SystemRandom::new().fill(&mut bits).expect("the operating system gives random bytes");
    bits
}

impl RawState {
    /// A state that nobody can guess.
    pub fn mint() -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        SystemRandom::new().fill(bytes.as_mut_slice()).expect("the operating system gives random bytes");
        Self::from_bytes(&bytes)
    }

    /// The state made of these bytes.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(SecretString::from(BASE64_URL_SAFE_NO_PAD.encode(bytes)))
    }
}

/// The activation that a state belongs to: `act_` and the SHA-256 of the state in base64url.
pub fn activation_id_of(state: &RawState) -> ActivationId {
    let hash = digest::digest(&digest::SHA256, state.expose().as_bytes());
    format!("act_{}", BASE64_URL_SAFE_NO_PAD.encode(hash)).try_into().expect("32 bytes are 43 characters of base64url")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn state(text: &str) -> Result<RawState, Misshapen> {
        RawState::try_from(text.to_owned())
    }

    /// T01, T03: nothing but 43 characters that stand for 32 bytes is a state; the empty one least of all.
    #[test]
    fn only_a_state_is_a_state() {
        let good = RawState::from_bytes(&[7; 32]);
        let good = good.expose();
        assert!(state(good).is_ok());
        let last_bit_set = format!("{}d", &good[..42]);
        for bad in [
            "",
            "\0",
            &good[..42],
            &format!("{good}A"),
            &format!("{good}="),
            &good.replacen('B', "+", 1),
            &good.replacen('B', "\0", 1),
            &last_bit_set,
        ] {
            assert!(state(bad).is_err(), "{bad:?}");
        }
    }

    /// T02.
    #[test]
    fn states_do_not_repeat_and_share_no_beginning() {
        let states: BTreeSet<String> = (0..10_000).map(|_| RawState::mint().expose().to_owned()).collect();
        assert_eq!(states.len(), 10_000);
        let beginnings: BTreeSet<&str> = states.iter().map(|state| &state[..8]).collect();
        assert!(beginnings.len() > 9_990);
    }

    #[test]
    fn the_activation_id_is_the_hash_of_the_state() {
        let state = RawState::from_bytes(&[7; 32]);
        assert_eq!(state.expose(), "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc");
        assert_eq!(activation_id_of(&state).as_str(), "act_3Ev4DHdHPRMPoN6GukAY_pi7IUAF5qWJHRK6kURvnoE");
    }

    /// T76.
    #[test]
    fn nothing_confidential_is_in_debug_output_or_in_refusals() {
        const CANARY: &str = "c4n4ry-0f-the-house";
        let shown = format!(
            "{:?} {:?} {:?} {:?} {:?}",
            AccessToken::try_from(CANARY.to_owned()).unwrap(),
            AuthCode::try_from(CANARY.to_owned()).unwrap(),
            AppSecret::try_from(CANARY.to_owned()).unwrap(),
            FinishTicket::try_from(CANARY.to_owned()).unwrap(),
            state(CANARY).unwrap_err(),
        );
        assert!(!shown.contains("c4n4ry"), "{shown}");
        let refused = serde_json::from_str::<AuthCode>(r#""c4n4ry with spaces""#).unwrap_err();
        assert!(!refused.to_string().contains("c4n4ry"), "{refused}");
    }

    #[test]
    fn a_fingerprint_tells_tokens_apart_and_is_not_the_plain_hash() {
        let fingerprint = |text: &str| AccessToken::try_from(text.to_owned()).unwrap().fingerprint();
        assert_eq!(fingerprint("one"), fingerprint("one"));
        assert_ne!(fingerprint("one"), fingerprint("two"));
        assert_eq!(fingerprint("one").len(), 64);
        assert_ne!(fingerprint("one"), "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed");
    }

    #[test]
    fn shapes_have_their_limits() {
        assert!(AuthCode::try_from("x".repeat(512)).is_ok());
        assert!(AuthCode::try_from("x".repeat(513)).is_err());
        assert!(AccessToken::try_from(String::new()).is_err());
        assert!(AccessToken::try_from("to ken".to_owned()).is_err());
        assert!(AccessToken::try_from("to\r\nken".to_owned()).is_err());
        assert!(FinishTicket::try_from("a.b".to_owned()).is_err());
        assert!(FinishTicket::try_from("a".repeat(2049)).is_err());
    }
}
