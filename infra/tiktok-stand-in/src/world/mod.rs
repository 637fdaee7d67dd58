//! Who and what exists: people, Business Centers, ad accounts, apps, and how they relate.
//!
//! `things` holds the nouns, `access` answers who reaches what, `change` is everything that can happen to them, `grants`
//! is authorization: codes, tokens and their end. Nothing here knows HTTP.

mod access;
mod change;
pub(crate) mod grants;
mod things;

pub use change::StandInError;
pub use things::{
    AccountStatus, AdAccount, AdvertiserRole, App, BcRole, BcStatus, BcType, BusinessCenter, FinanceRole, Membership,
    Owner, Person, RelationStatus, RelationType,
};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use self::grants::{Code, Grant};
pub(crate) use self::things::{AccountRole, AdAccountState, BusinessCenterState, Relation};
use crate::switches::Switches;

/// All that exists. Serializable, so that a local world can keep it over a restart.
#[derive(Default, Serialize, Deserialize)]
pub struct World {
    /// By login.
    pub(crate) people: BTreeMap<String, Person>,
    /// By `bc_id`.
    pub(crate) business_centers: BTreeMap<String, BusinessCenterState>,
    /// By `advertiser_id`.
    pub(crate) ad_accounts: BTreeMap<String, AdAccountState>,
    /// By `app_id`.
    pub(crate) apps: BTreeMap<String, App>,
    /// By access token; dead ones stay, so that they can be told from unknown ones.
    pub(crate) grants: BTreeMap<String, Grant>,
    /// By authorization code; used ones stay.
    pub(crate) codes: BTreeMap<String, Code>,
    pub switches: Switches,
    /// Login page sessions: cookie value to login.
    #[serde(skip)]
    pub(crate) sessions: BTreeMap<String, String>,
}
