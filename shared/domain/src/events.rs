//! What happened to an ad account. One row is both the history that people read and the outbox that the bus gets.

use jiff::Timestamp;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use super::causes::CauseCode;
use super::gap::Gap;
use super::ids::{AdvertiserId, OrgId};

/// Kinds of bus events (detail-type) that concern one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum EventKind {
    AdAccountLapsed,
    AdAccountReconnected,
    /// Healed without us: a check found a lapsed account connected again.
    AdAccountRecovered,
    AdAccountAtRisk,
    ReconnectRefused,
}

impl EventKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::AdAccountLapsed => "AdAccountLapsed",
            Self::AdAccountReconnected => "AdAccountReconnected",
            Self::AdAccountRecovered => "AdAccountRecovered",
            Self::AdAccountAtRisk => "AdAccountAtRisk",
            Self::ReconnectRefused => "ReconnectRefused",
        }
    }
}

/// One thing that happened, committed in the same transaction as the change it tells of. Exactly what the bus gets:
/// never a token, a code, a name or an e-mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    pub event_id: String,
    pub kind: EventKind,
    pub org_id: OrgId,
    pub advertiser_id: AdvertiserId,
    /// The account's version after the change; a consumer ignores anything lower than it has seen.
    pub version: u64,
    pub occurred_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<CauseCode>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<Gap>,
}

impl Event {
    pub fn new(
        kind: EventKind,
        org_id: &OrgId,
        advertiser_id: &AdvertiserId,
        version: u64,
        occurred_at: Timestamp,
    ) -> Self {
        Self {
            event_id: event_id(org_id, advertiser_id, version, kind),
            kind,
            org_id: org_id.clone(),
            advertiser_id: advertiser_id.clone(),
            version,
            occurred_at,
            cause: None,
            gap: None,
        }
    }
}

/// The same change always has the same id, so that a copy is recognised as one.
fn event_id(org_id: &OrgId, advertiser_id: &AdvertiserId, version: u64, kind: EventKind) -> String {
    let hash = digest(&SHA256, format!("event/v1|{org_id}|{advertiser_id}|{version}|{}", kind.name()).as_bytes());
    hash.as_ref()[..16].iter().fold(String::from("evt_"), |id, byte| id + &format!("{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_follows_from_account_version_and_kind_alone() {
        let id = |org: &str, version, kind| {
            event_id(&org.parse().unwrap(), &"7100000000000000011".parse().unwrap(), version, kind)
        };
        assert_eq!(id("org-a", 7, EventKind::AdAccountLapsed), id("org-a", 7, EventKind::AdAccountLapsed));
        assert_ne!(id("org-a", 7, EventKind::AdAccountLapsed), id("org-a", 8, EventKind::AdAccountLapsed));
        assert_ne!(id("org-a", 7, EventKind::AdAccountLapsed), id("org-b", 7, EventKind::AdAccountLapsed));
        assert_ne!(id("org-a", 7, EventKind::AdAccountLapsed), id("org-a", 7, EventKind::AdAccountReconnected));
    }
}
