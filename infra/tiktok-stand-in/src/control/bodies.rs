//! The bodies of control calls that are not things of their own.

use serde::Deserialize;

use crate::world::{AccountStatus, AdvertiserRole, BcRole, BcStatus, FinanceRole, Membership, Owner, RelationStatus};

#[derive(Deserialize)]
#[serde(from = "FlatMembership")]
pub(super) struct NewMembership {
    pub bc_id: String,
    pub membership: Membership,
}

/// A membership with its Business Center beside it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FlatMembership {
    bc_id: String,
    login: String,
    role: BcRole,
    #[serde(default)]
    finance_role: Option<FinanceRole>,
    #[serde(default)]
    relation_status: RelationStatus,
}

impl From<FlatMembership> for NewMembership {
    fn from(flat: FlatMembership) -> Self {
        let FlatMembership { bc_id, login, role, finance_role, relation_status } = flat;
        Self { bc_id, membership: Membership { login, role, finance_role, relation_status } }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CenterStatus {
    pub bc_id: String,
    pub status: BcStatus,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Member {
    pub bc_id: String,
    pub login: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AccountRole {
    pub advertiser_id: String,
    pub bc_id: String,
    pub login: String,
    /// `null` takes it away.
    pub role: Option<AdvertiserRole>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Share {
    pub advertiser_id: String,
    pub bc_id: String,
    #[serde(default)]
    pub relation_status: RelationStatus,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Unshare {
    pub advertiser_id: String,
    pub bc_id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Move {
    pub advertiser_id: String,
    pub owner: Owner,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Account {
    pub advertiser_id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Status {
    pub advertiser_id: String,
    pub status: AccountStatus,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Revoke {
    pub login: String,
    pub app_id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSecret {
    pub secret: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Blocked {
    pub blocked: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scopes {
    pub scopes: Vec<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Advance {
    pub seconds: i64,
}
