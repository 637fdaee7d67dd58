//! The eight checks, and what TikTok's answers look like once the client has translated them.
//!
//! The client asks and classifies; it never judges. [`super::examine`] turns a [`Gathered`] into [`Finding`]s and
//! [`super::diagnosis`] turns findings into a verdict.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ids::{AdvertiserId, BusinessCenterId};
use super::time_zone::ReportingTimeZone;

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
    /// TikTok has suspended what the check is about: the Business Center, or the ad account.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suspended: bool,
}

impl Finding {
    pub fn new(check: Check, answer: Answer, evidence: impl IntoIterator<Item = Evidence>) -> Self {
        Self { check, answer, evidence: evidence.into_iter().collect(), suspended: false }
    }

    #[must_use]
    pub fn suspended(self, suspended: bool) -> Self {
        Self { suspended, ..self }
    }
}

/// Why a question has no positive answer: TikTok's codes and messages, classified once, at the edge. Anything that is
/// not on a closed list is [`Refusal::Unrecognised`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// 40102, 40105: this token is dead. Definitive.
    TokenDead,
    /// "The `app_id` is inconsistent with the token's app information": the token was made for another app than ours.
    /// Definitive, unless the canary hears the like.
    TokenOfAnotherApp,
    /// "The access token lacks the required scope": the permission is not part of the grant. Definitive.
    PermissionNotGranted,
    /// "advertiser does not grant you …": the permission is not part of the grant for this one account. Definitive for the
    /// account, and says nothing about another.
    PermissionNotGrantedForAdAccount,
    /// 40001 "No permission to operate advertiser": this login has no access to the account. Definitive for the account.
    AdAccountNotPermitted,
    /// 40300, or "doesn't exist or has been deleted": the account is gone, or out of this login's sight.
    AdAccountGone,
    /// A permission refused in any other wording: we cannot tell which.
    NotPermitted,
    /// 40110, and 40101 or 40115 about the code, in the exchange only: the one-time code is used, expired or foreign.
    CodeRejected,
    /// Our app or its secret is wrong, in words that can be said of no single grant: an incident of ours.
    AppMisconfigured,
    /// Our request is wrong, in TikTok's opinion. Proves nothing, neither about the grant nor about our app.
    RequestRejected,
    /// 40100 and its kin, HTTP 429.
    Throttled,
    /// 5xxxx, HTTP 5xx, time-out, a connection that broke, an answer that is not what it should be, 20001.
    Unavailable,
    /// A code on no list of ours, or one whose meaning for our calls nobody knows.
    Unrecognised,
    /// No answer of TikTok's: an earlier one left no reason to put this question, and nothing follows from it.
    NotAsked,
}

/// What a refusal is about, and so whom it may be held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// The access token, and all that hangs on it.
    Token,
    /// One permission of the token.
    Permission,
    /// One ad account, and no other of the same token.
    AdAccount,
    /// The person who authorized: a role or an access that is missing, we cannot tell which.
    Person,
    /// The one-time code of a consent.
    AuthorizationCode,
    /// Our app. Only this may hold the whole fleet, and only by the rule of [`super::guard`].
    App,
    /// The moment: asked again later, it may be answered.
    Moment,
    /// Nothing that we know.
    Nothing,
}

impl Refusal {
    pub fn about(self) -> About {
        match self {
            Self::TokenDead | Self::TokenOfAnotherApp => About::Token,
            Self::PermissionNotGranted => About::Permission,
            Self::PermissionNotGrantedForAdAccount | Self::AdAccountNotPermitted | Self::AdAccountGone => {
                About::AdAccount
            }
            Self::NotPermitted => About::Person,
            Self::CodeRejected => About::AuthorizationCode,
            Self::AppMisconfigured => About::App,
            Self::Throttled | Self::Unavailable => About::Moment,
            Self::RequestRejected | Self::Unrecognised | Self::NotAsked => About::Nothing,
        }
    }

    /// Whether this is TikTok's (or the network's) trouble of the moment, worth asking again.
    pub fn is_passing(self) -> bool {
        self.about() == About::Moment
    }

    /// Whether TikTok answered and said no, whatever it meant by that.
    pub fn is_clear(self) -> bool {
        !self.is_passing() && self != Self::NotAsked
    }
}

/// One question to TikTok, with its typed answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked<T> {
    pub evidence: Evidence,
    pub answer: Result<T, Refusal>,
}

impl<T> Asked<T> {
    /// The same question with what its answer means.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Asked<U> {
        Asked { evidence: self.evidence, answer: self.answer.map(change) }
    }
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
    /// Its `status` is `PUNISH`: TikTok has suspended it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_suspended: bool,
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
    /// `None` where TikTok names none that we know.
    pub time_zone: Option<ReportingTimeZone>,
}

/// What one token says about itself and one original Business Center: asked once, whatever the number of accounts. Lists
/// of ad accounts are asked about each account in turn, so they are kept by id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantEvidence {
    pub authorized: Asked<BTreeSet<AdvertiserId>>,
    pub person: Asked<Person>,
    pub business_centers: Asked<Vec<Membership>>,
    /// Where else the original Business Center may be, asked only where `business_centers` lacks it.
    pub elsewhere: Option<Elsewhere>,
    /// Complete list of what the original Business Center says it owns (`/bc/asset/admin/get/`,
    /// `relation_type=OWNER_BC`), with TikTok's `relation_status`; only exactly `BOUND` counts.
    pub owned: Asked<BTreeMap<AdvertiserId, Option<String>>>,
    /// A second endpoint's view of ownership, asked only where it is in doubt: all ad accounts that the user reaches in the
    /// original Business Center (`/bc/asset/get/`), with the name of the Business Center that owns each.
    pub reachable: Option<Asked<BTreeMap<AdvertiserId, Option<String>>>>,
}

/// The answers of `/bc/get/` beside its default one, which leaves Business Centers out that belong to others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elsewhere {
    /// Asked for the original Business Center by its id.
    pub by_id: Asked<Vec<Membership>>,
    /// Asked with `scene=TIERED_ACCOUNT`.
    pub tiered: Asked<Tiers>,
}

/// Business Centers that belong to another one, and that one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tiers {
    pub parent: Option<Membership>,
    pub children: Vec<Membership>,
}

impl GrantEvidence {
    /// The Business Centers of the person, each once, wherever they were found; empty where none was told.
    pub fn business_centers_of_person(&self) -> Vec<Membership> {
        let mut known: Vec<Membership> = Vec::new();
        for (_, one) in self.memberships() {
            if known.iter().all(|other| other.business_center_id != one.business_center_id) {
                known.push(one.clone());
            }
        }
        known
    }

    /// What TikTok calls a Business Center of the person's.
    pub fn name_of(&self, id: &BusinessCenterId) -> Option<String> {
        let mut all = self.memberships().map(|(_, one)| one);
        all.find(|one| one.business_center_id == *id).map(|one| one.name.clone()).filter(|name| !name.is_empty())
    }

    /// Every answer of `/bc/get/` that names Business Centers, with these.
    pub fn memberships(&self) -> impl Iterator<Item = (&Evidence, &Membership)> {
        fn of<'a, T>(
            asked: &'a Asked<T>,
            list: impl Fn(&'a T) -> Vec<&'a Membership>,
        ) -> impl Iterator<Item = (&'a Evidence, &'a Membership)> {
            asked.value().map(list).unwrap_or_default().into_iter().map(|one| (&asked.evidence, one))
        }
        let by_id = self.elsewhere.as_ref().into_iter().flat_map(|one| of(&one.by_id, |list| list.iter().collect()));
        let tiered = self
            .elsewhere
            .as_ref()
            .into_iter()
            .flat_map(|one| of(&one.tiered, |tiers| tiers.children.iter().chain(&tiers.parent).collect()));
        of(&self.business_centers, |list| list.iter().collect()).chain(by_id).chain(tiered)
    }
}

/// What one token says about one ad account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountEvidence {
    pub info: Asked<AdAccountInfo>,
    pub report: Asked<()>,
}

impl AccountEvidence {
    /// The time zone that the ad account reports in, where TikTok named one that we know.
    pub fn time_zone(&self) -> Option<ReportingTimeZone> {
        self.info.value()?.time_zone.clone()
    }
}

/// Everything a verdict about one account rests on.
#[derive(Clone, Copy, Debug)]
pub struct Gathered<'a> {
    pub grant: &'a GrantEvidence,
    pub account: &'a AccountEvidence,
}
