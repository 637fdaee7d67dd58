//! An ad account: one TikTok advertiser of one organisation, and how its connection stands.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::access::Belonging;
use super::causes::{Cause, NamedBusinessCenter};
use super::checks::{Answer, Check, Finding};
use super::gap::Opening;
use super::ids::{AdvertiserId, GrantId, OrgId};
use super::time_zone::ReportingTimeZone;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Active,
    NeedsConnecting,
}

impl Status {
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::NeedsConnecting => "needs_connecting",
        }
    }
}

/// A fact that precedes a lapse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RiskFact {
    ConnectorNoLongerAdmin,
    SingleAdminLeft,
    AdAccountNotUsable,
    SiblingLapsed,
    PermissionsNarrowed,
    BusinessCenterSuspended,
}

/// How the connection stands. Each standing owns its facts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Standing {
    Active {
        since: Timestamp,
    },
    NeedsConnecting {
        lapsed_since: Timestamp,
        /// Where the gap opens.
        gap_opening: Opening,
        /// Most useful first; never empty.
        causes: Vec<Cause>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdAccount {
    pub org_id: OrgId,
    pub advertiser_id: AdvertiserId,
    pub name: String,
    /// The original Business Center; reconnecting never changes it.
    pub business_center: NamedBusinessCenter,
    pub belonging: Belonging,
    /// Who connected it: the CreativeX user, as the token issuer or the import names them.
    pub connected_by: Option<String>,
    /// The last day with data, in the account's own time zone, as CreativeX knew it when the account was imported. Counts
    /// until TikTok has proven more.
    pub last_data_on: Option<Date>,
    /// TikTok counts its days in it; `None` until TikTok has named one that we know.
    pub time_zone: Option<ReportingTimeZone>,
    pub grant_id: Option<GrantId>,
    pub standing: Standing,
    pub at_risk: BTreeSet<RiskFact>,
    /// The last known answer to every check.
    pub findings: Vec<Finding>,
    /// Grows by one with every change that an event tells of.
    pub version: u64,
    /// Grows by one with every write; the store refuses a write that has not seen the latest.
    pub revision: u64,
}

impl AdAccount {
    pub fn status(&self) -> Status {
        match self.standing {
            Standing::Active { .. } => Status::Active,
            Standing::NeedsConnecting { .. } => Status::NeedsConnecting,
        }
    }

    pub fn is_active(&self) -> bool {
        self.status() == Status::Active
    }

    pub fn causes(&self) -> &[Cause] {
        match &self.standing {
            Standing::Active { .. } => &[],
            Standing::NeedsConnecting { causes, .. } => causes,
        }
    }
}

/// The facts that single findings show to precede a lapse.
pub fn risks(findings: &[Finding]) -> BTreeSet<RiskFact> {
    let is_suspended = |finding: &Finding| finding.check == Check::BusinessCenterMatches && finding.suspended;
    let suspended = findings.iter().any(is_suspended).then_some(RiskFact::BusinessCenterSuspended);
    let failed =
        findings.iter().filter(|finding| finding.answer == Answer::Failed).filter_map(|finding| match finding.check {
            Check::AdAccountUsable => Some(RiskFact::AdAccountNotUsable),
            Check::BusinessCenterAdmin | Check::BusinessCenterMatches => Some(RiskFact::ConnectorNoLongerAdmin),
            Check::AdAccountManagementGranted | Check::ReportingGranted => Some(RiskFact::PermissionsNarrowed),
            Check::AuthorizationAlive | Check::AdAccountGranted | Check::AdAccountOwned => None,
        });
    failed.chain(suspended).collect()
}

/// The facts as they are after fresh findings. `known` are those before; what was not asked again stays as it was.
/// `admins` is how many Admins the Business Center has, where that could be seen.
pub fn risks_now(known: &BTreeSet<RiskFact>, findings: &[Finding], admins: Option<usize>) -> BTreeSet<RiskFact> {
    let mut now = risks(findings);
    let single_admin = admins.map_or(known.contains(&RiskFact::SingleAdminLeft), |admins| admins == 1);
    if single_admin {
        now.insert(RiskFact::SingleAdminLeft);
    }
    // The permissions of a token never grow again, and a sibling is checked by itself.
    let lasting = [RiskFact::PermissionsNarrowed, RiskFact::SiblingLapsed];
    now.extend(lasting.into_iter().filter(|fact| known.contains(fact)));
    now
}
