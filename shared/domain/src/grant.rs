//! A grant: one TikTok authorization, which is one access token. It covers many ad accounts and has its own identity,
//! scopes and health. The token itself is not here: it stays sealed in the store.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::checks::{Endpoint, Evidence, Membership, Person};
use super::ids::{GrantId, OrgId};
use super::scopes::Scopes;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    pub grant_id: GrantId,
    pub org_id: OrgId,
    /// Grows when the sealed token changes; part of what the sealing binds.
    pub token_version: u64,
    /// SHA-256 of the token string, to know whether two grants hold the same one. Never leaves the store.
    pub token_fingerprint: String,
    /// `None` for a grant that was imported, until TikTok is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorized_by: Option<Person>,
    pub scopes: Scopes,
    #[serde(default)]
    pub business_centers: Vec<Membership>,
    pub granted_at: Timestamp,
    /// The last time TikTok answered and everything held; moves for no other reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_proven_at: Option<Timestamp>,
    /// How many ad accounts point to it. At zero it is retired.
    pub ad_accounts: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired_at: Option<Timestamp>,
}

impl Grant {
    pub fn is_living(&self) -> bool {
        self.retired_at.is_none()
    }

    /// Where [`Grant::scopes`] comes from. Of the exchange itself only its time is kept.
    pub fn scope_evidence(&self) -> Evidence {
        Evidence { endpoint: Endpoint::Exchange, code: None, request_id: None, asked_at: self.granted_at }
    }
}
