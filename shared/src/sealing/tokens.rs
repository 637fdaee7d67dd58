//! Access tokens at rest, beside the state they belong to.

use std::sync::Arc;

use super::confidential::AccessToken;
use super::keyring::{Keyring, Unsealable, key_id_of};
use domain::ids::{GrantId, OrgId};

/// What a sealed token is there for. A candidate opens nothing until it is proven and sealed again as the grant's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Grant,
    Candidate,
}

impl Purpose {
    fn name(self) -> &'static str {
        match self {
            Self::Grant => "grant",
            Self::Candidate => "candidate",
        }
    }
}

/// The one place where a sealed token opens. Moved to another row, version or purpose it is just noise.
#[derive(Clone, Copy, Debug)]
pub struct TokenBinding<'a> {
    pub table: &'a str,
    pub org_id: &'a OrgId,
    pub grant_id: &'a GrantId,
    pub token_version: u64,
    pub purpose: Purpose,
}

/// Seals and opens access tokens with the token keyring.
#[derive(Clone, Debug)]
pub struct TokenVault {
    keyring: Arc<Keyring>,
}

impl TokenVault {
    pub fn new(keyring: Arc<Keyring>) -> Self {
        Self { keyring }
    }

    pub fn seal(&self, token: &AccessToken, binding: &TokenBinding<'_>) -> Vec<u8> {
        let version = binding.token_version.to_be_bytes();
        self.keyring.seal(&binding.family(), &binding.place(&version), token.expose().as_bytes())
    }

    pub fn open(&self, sealed: &[u8], binding: &TokenBinding<'_>) -> Result<AccessToken, Unsealable> {
        let version = binding.token_version.to_be_bytes();
        let text = self.keyring.open(&binding.family(), &binding.place(&version), sealed)?;
        let text = std::str::from_utf8(&text).map_err(|_| Unsealable::Tampered)?;
        AccessToken::try_from(text.to_owned()).map_err(|_| Unsealable::Tampered)
    }

    /// Whether another key sealed these bytes than the one that seals now.
    pub fn is_under_another_key(&self, sealed: &[u8]) -> bool {
        key_id_of(sealed).is_some_and(|id| !self.keyring.writes_with(&id))
    }
}

impl TokenBinding<'_> {
    /// One derived key per organisation and purpose.
    fn family(&self) -> [&[u8]; 3] {
        [b"tiktok-token/v1", self.purpose.name().as_bytes(), self.org_id.as_str().as_bytes()]
    }

    fn place<'a>(&'a self, version: &'a [u8]) -> [&'a [u8]; 5] {
        [
            self.table.as_bytes(),
            self.org_id.as_str().as_bytes(),
            self.grant_id.as_str().as_bytes(),
            version,
            self.purpose.name().as_bytes(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::super::keyring::tests::ring;
    use super::*;

    const TOKEN: &str = "0f3c9a7be1d24b58a6c0d9e8f7a6b5c4d3e2f1a0";

    fn vault() -> TokenVault {
        TokenVault::new(Arc::new(ring("k1", &[("k1", 1)])))
    }

    fn token() -> AccessToken {
        AccessToken::try_from(TOKEN.to_owned()).unwrap()
    }

    /// T71: a token moved to another row, tenant, version or purpose does not open.
    #[test]
    fn every_part_of_the_place_matters() {
        let (org, other_org) = ("org-1".parse().unwrap(), "org-2".parse().unwrap());
        let grant = "grt_aaaaaaaaaaaaaaaaaaaaaa".parse().unwrap();
        let other_grant = "grt_aaaaaaaaaaaaaaaaaaaaab".parse().unwrap();
        let here = TokenBinding {
            table: "reconnect",
            org_id: &org,
            grant_id: &grant,
            token_version: 3,
            purpose: Purpose::Grant,
        };
        let sealed = vault().seal(&token(), &here);
        assert_eq!(vault().open(&sealed, &here).unwrap().expose(), TOKEN);
        for elsewhere in [
            TokenBinding { table: "reconnect-2", ..here },
            TokenBinding { org_id: &other_org, ..here },
            TokenBinding { grant_id: &other_grant, ..here },
            TokenBinding { token_version: 4, ..here },
            TokenBinding { purpose: Purpose::Candidate, ..here },
        ] {
            assert_eq!(vault().open(&sealed, &elsewhere).unwrap_err(), Unsealable::Tampered, "{elsewhere:?}");
        }
    }

    /// The same place, another key: what it is bound to does not change, so that neither the grant nor its strikes do.
    #[test]
    fn a_token_sealed_again_is_the_same_token() {
        let (org, grant) = ("org-1".parse().unwrap(), "grt_aaaaaaaaaaaaaaaaaaaaaa".parse().unwrap());
        let here = TokenBinding {
            table: "reconnect",
            org_id: &org,
            grant_id: &grant,
            token_version: 3,
            purpose: Purpose::Grant,
        };
        let before = vault().seal(&token(), &here);
        let rotated = TokenVault::new(Arc::new(ring("k2", &[("k1", 1), ("k2", 2)])));
        assert!(rotated.is_under_another_key(&before) && !vault().is_under_another_key(&before));
        let after = rotated.seal(&rotated.open(&before, &here).unwrap(), &here);
        assert!(!rotated.is_under_another_key(&after));
        let without_the_old = TokenVault::new(Arc::new(ring("k2", &[("k2", 2)])));
        assert_eq!(without_the_old.open(&after, &here).unwrap().expose(), TOKEN);
        assert!(without_the_old.open(&before, &here).is_err());
        assert!(!rotated.is_under_another_key(b"junk"), "what names no key is under none");
    }

    #[test]
    fn the_token_is_not_in_the_sealed_bytes() {
        let (org, grant) = ("org-1".parse().unwrap(), "grt_aaaaaaaaaaaaaaaaaaaaaa".parse().unwrap());
        let here = TokenBinding {
            table: "reconnect",
            org_id: &org,
            grant_id: &grant,
            token_version: 1,
            purpose: Purpose::Candidate,
        };
        let sealed = vault().seal(&token(), &here);
        assert!(!sealed.windows(8).any(|window| TOKEN.as_bytes().windows(8).any(|part| part == window)));
    }
}
