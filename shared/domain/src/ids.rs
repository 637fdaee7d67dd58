//! One type per idea. A value that exists has been checked; everything unchecked is still a `String`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a piece of text is not the id it claims to be. `expected` finishes the sentence "… must be".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be {expected}")]
pub struct InvalidId {
    pub expected: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $expected:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                let valid: fn(&str) -> bool = $valid;
                if valid(&text) { Ok(Self(text)) } else { Err(InvalidId { expected: $expected }) }
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                text.to_owned().try_into()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

fn digits(text: &str) -> bool {
    (1..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

fn label(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

fn base64url(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
}

id!(
    /// TikTok's id for one ad account: digits, kept as text because nineteen of them do not survive a JSON number.
    AdvertiserId, "1 to 20 digits", digits
);
id!(
    /// TikTok's id for one Business Center; digits kept as text, as with [`AdvertiserId`].
    BusinessCenterId, "1 to 20 digits", digits
);
id!(
    /// The tenant. Comes from the verified `org_id` claim or from an import, never from a path, query or body of the web app.
    OrgId, "1 to 64 letters, digits, dots, dashes or underscores", label
);
id!(
    /// A brand, market or partner of CreativeX. Separators of the counts row and of `account_access` are not in its alphabet.
    Label, "1 to 64 letters, digits, dots, dashes or underscores", label
);
id!(
    /// The person at the screen: the `sub` claim of the token issuer. Opaque to us.
    UserId, "1 to 128 printable characters without spaces",
    |text| (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic() && b != b'#')
);
id!(
    /// One TikTok authorization. `grt_` and 22 characters of base64url.
    GrantId, "`grt_` and 22 characters of base64url",
    |text| text.strip_prefix("grt_").is_some_and(|rest| base64url(rest, 22))
);
id!(
    /// One attempt to reconnect: `act_` and the SHA-256 of its state in base64url. The id follows from the state and
    /// never the other way round, so that the callback's state finds its activation by one key and the id may be shown.
    ActivationId, "`act_` and 43 characters of base64url",
    |text| text.strip_prefix("act_").is_some_and(|rest| base64url(rest, 43))
);

impl GrantId {
    /// From 128 random bits.
    pub fn from_random(bits: &[u8; 16]) -> Self {
        use base64::Engine as _;
        Self(format!("grt_{}", base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(bits)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_refuse_what_they_are_not() {
        for bad in ["", "12a", "123456789012345678901", " 1", "１", "-1", "1.0"] {
            assert!(bad.parse::<AdvertiserId>().is_err(), "{bad:?}");
        }
        assert_eq!("7123456789012345679".parse::<AdvertiserId>().unwrap().as_str(), "7123456789012345679");
        for bad in ["", "a b", "a|b", "a#b", "é"] {
            assert!(bad.parse::<Label>().is_err(), "{bad:?}");
        }
        assert!("grt_short".parse::<GrantId>().is_err());
        assert!(serde_json::from_str::<AdvertiserId>("7123456789012345679").is_err(), "a JSON number is no id");
    }
}
