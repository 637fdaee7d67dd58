//! The eight checks, and what TikTok's answers look like once the client has translated them.
//!
//! The client asks and classifies; it never judges. [`super::examine`] turns a [`Gathered`] into [`Finding`]s and
//! [`super::diagnosis`] turns findings into a verdict.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ids::{AdvertiserId, BusinessCenterId};

/// One named question about a grant or an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    AuthorizationAlive,
    AdAccountGranted,
    AdAccountManagementGranted,
    ReportingGranted,
    BusinessCenterMatches,
    BusinessCenterAdmin,
    AdAccountOwned,
    /// Its failure is a warning (`at_risk`), not a lapse.
    AdAccountUsable,
}

impl Check {
    pub const ALL: [Self; 8] = [
        Self::AuthorizationAlive,
        Self::AdAccountGranted,
        Self::AdAccountManagementGranted,
        Self::ReportingGranted,
        Self::BusinessCenterMatches,
        Self::BusinessCenterAdmin,
        Self::AdAccountOwned,
        Self::AdAccountUsable,
    ];

    /// Whether a connection must pass it.
    pub fn is_required(self) -> bool {
        self != Self::AdAccountUsable
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    Passed,
    Failed,
    Inconclusive,
}

/// The TikTok endpoints a connection is judged by. Names are TikTok's own paths below `/open_api/v1.3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Endpoint {
    #[serde(rename = "/oauth2/access_token/")]
    Exchange,
    #[serde(rename = "/oauth2/revoke_token/")]
    Revoke,
    #[serde(rename = "/oauth2/advertiser/get/")]
    AuthorizedAdAccounts,
    #[serde(rename = "/advertiser/info/")]
    AdAccountInfo,
    #[serde(rename = "/user/info/")]
    UserInfo,
    #[serde(rename = "/bc/get/")]
    BusinessCenters,
    #[serde(rename = "/bc/asset/get/")]
    ReachableAssets,
    #[serde(rename = "/bc/asset/admin/get/")]
    OwnedAssets,
    #[serde(rename = "/bc/member/get/")]
    Members,
    #[serde(rename = "/report/integrated/get/")]
    Report,
}

impl Endpoint {
    pub const ALL: [Self; 10] = [
        Self::Exchange,
        Self::Revoke,
        Self::AuthorizedAdAccounts,
        Self::AdAccountInfo,
        Self::UserInfo,
        Self::BusinessCenters,
        Self::ReachableAssets,
        Self::OwnedAssets,
        Self::Members,
        Self::Report,
    ];

    pub fn path(self) -> &'static str {
        match self {
            Self::Exchange => "/oauth2/access_token/",
            Self::Revoke => "/oauth2/revoke_token/",
            Self::AuthorizedAdAccounts => "/oauth2/advertiser/get/",
            Self::AdAccountInfo => "/advertiser/info/",
            Self::UserInfo => "/user/info/",
            Self::BusinessCenters => "/bc/get/",
            Self::ReachableAssets => "/bc/asset/get/",
            Self::OwnedAssets => "/bc/asset/admin/get/",
            Self::Members => "/bc/member/get/",
            Self::Report => "/report/integrated/get/",
        }
    }
}

/// What was asked, and TikTok's own reference for the answer. `code` and `request_id` are absent when no readable
/// answer came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    pub endpoint: Endpoint,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    pub asked_at: Timestamp,
}

/// One check, answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub check: Check,
    pub answer: Answer,
    /// Every answer of TikTok that this one rests on; the first is the decisive one.
    pub evidence: Vec<Evidence>,
}

/// Why a question has no positive answer: TikTok's codes and messages, classified once, at the edge. Anything that is
/// not on a closed list is [`Refusal::Unrecognised`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// 40102, 40105: this token is dead. Definitive.
    TokenDead,
    /// 40001 "lacks the required scope" or "does not grant you": the permission is not part of the grant. Definitive.
    PermissionNotGranted,
    /// 40001 "No permission to operate advertiser": this login has no access to the account. Definitive for the account.
    AdAccountNotPermitted,
    /// 40300, or "doesn't exist or has been deleted": the account is gone. Definitive for the account.
    AdAccountGone,
    /// 40001 in any other wording: some permission is missing, we cannot tell which.
    NotPermitted,
    /// 40110, and 40101 or 40115 about the code, in the exchange only: the one-time code is used, expired or foreign.
    CodeRejected,
    /// Our app, our secret or our request is wrong: an incident of ours.
    AppMisconfigured,
    /// 40100 and its kin, HTTP 429.
    Throttled,
    /// 5xxxx, HTTP 5xx, time-out, a connection that broke, an answer that is not what it should be, 20001.
    Unavailable,
    /// A code on no list of ours.
    Unrecognised,
    /// No answer of TikTok's: an earlier one left no reason to put this question, and nothing follows from it.
    NotAsked,
}

impl Refusal {
    /// Whether this is TikTok's (or the network's) trouble of the moment, worth asking again.
    pub fn is_passing(self) -> bool {
        matches!(self, Self::Throttled | Self::Unavailable)
    }
}

/// One question to TikTok, with its typed answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked<T> {
    pub evidence: Evidence,
    pub answer: Result<T, Refusal>,
}

impl<T> Asked<T> {
    pub fn value(&self) -> Option<&T> {
        self.answer.as_ref().ok()
    }
    pub fn refusal(&self) -> Option<Refusal> {
        self.answer.as_ref().err().copied()
    }
    /// TikTok's answer as evidence; none if the question was not put.
    pub fn on_record(&self) -> Option<Evidence> {
        (self.refusal() != Some(Refusal::NotAsked)).then(|| self.evidence.clone())
    }
    /// Whether it was answered or refused, whatever the answer.
    pub fn only(&self) -> Asked<()> {
        Asked { evidence: self.evidence.clone(), answer: self.answer.as_ref().map(|_| ()).map_err(|refusal| *refusal) }
    }
}

/// Who authorized (`/user/info/`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    pub core_user_id: String,
    pub display_name: String,
}

/// One Business Center of the authorizing user (`/bc/get/`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    pub business_center_id: BusinessCenterId,
    pub name: String,
    /// TikTok's `user_role`; only exactly `ADMIN` is Admin.
    pub role: Option<String>,
}

impl Membership {
    pub fn is_admin(&self) -> bool {
        self.role.as_deref() == Some("ADMIN")
    }
}

/// Details of one ad account (`/advertiser/info/`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdAccountInfo {
    pub advertiser_id: AdvertiserId,
    pub status: Option<String>,
    /// Often absent; absence proves nothing.
    pub owner_business_center_id: Option<BusinessCenterId>,
}

/// What one token says about itself and one original Business Center: asked once, whatever the number of accounts. Lists
/// of ad accounts are asked about each account in turn, so they are kept by id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantEvidence {
    pub authorized: Asked<BTreeSet<AdvertiserId>>,
    pub person: Asked<Person>,
    pub business_centers: Asked<Vec<Membership>>,
    /// Complete list of what the original Business Center says it owns (`/bc/asset/admin/get/`,
    /// `relation_type=OWNER_BC`), with TikTok's `relation_status`; only exactly `BOUND` counts.
    pub owned: Asked<BTreeMap<AdvertiserId, Option<String>>>,
    /// A second endpoint's view of ownership, asked only where it is in doubt: all ad accounts that the user reaches in the
    /// original Business Center (`/bc/asset/get/`), with the name of the Business Center that owns each.
    pub reachable: Option<Asked<BTreeMap<AdvertiserId, Option<String>>>>,
}

/// What one token says about one ad account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountEvidence {
    pub info: Asked<AdAccountInfo>,
    pub report: Asked<()>,
}

/// Everything a verdict about one account rests on.
#[derive(Clone, Copy, Debug)]
pub struct Gathered<'a> {
    pub grant: &'a GrantEvidence,
    pub account: &'a AccountEvidence,
}
