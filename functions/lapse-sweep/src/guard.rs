//! The guard's review, and what an operator may order.

use std::collections::BTreeSet;

use domain::guard::{Canary, Forced, Guard, GuardEvent, Standing};
use domain::ids::OrgId;
use jiff::Timestamp;
use serde::Serialize;
use shared::logging::chain;
use shared::metrics::{self, Metric, Unit};
use shared::queue::CheckMessage;
use shared::store::StoreError;
use tracing::{error, warn};

use crate::event::GuardOrder;
use crate::{Clients, SweepError};

/// A review that met another one is made again this often.
const ROUNDS: usize = 3;

/// The guard, for whoever asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GuardShown {
    pub holding: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forced: Option<Forced>,
    /// Grants that gave a definitive answer within an interval and a little more, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered: Option<i64>,
    /// Grants that may lapse in an hour.
    pub budget: i64,
    /// Tokens granted before this time are revoked, whatever the guard thinks of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoke_before: Option<Timestamp>,
}

/// The guard after a review.
pub struct Reviewed {
    pub shown: GuardShown,
    /// `None` where it cannot be read.
    pub guard: Option<Guard>,
}

impl GuardShown {
    fn new(guard: &Guard, answered: i64) -> Self {
        Self {
            answered: Some(answered),
            holding: guard.hold.is_some(),
            reason: guard.hold.map(|hold| hold.reason.name()),
            since: guard.hold.map(|hold| hold.since),
            forced: guard.forced,
            budget: guard.budget,
            revoke_before: guard.revoke_before,
        }
    }
}

/// Looks at what the fleet answered lately and writes down whether lapsing is held. Asks for the canary. A guard that
/// cannot be read is left as it is, for people to look at, and holds meanwhile.
pub async fn review(clients: &Clients, now: Timestamp) -> Result<Reviewed, SweepError> {
    match try_review(clients, now).await {
        Err(SweepError::Store(unreadable @ StoreError::Unreadable { .. })) => {
            error!(reason = chain(&unreadable), "The guard cannot be read: nothing lapses");
            emit(true, false, now);
            let reason = Some("unreadable");
            let (since, forced, answered, revoke_before) = (None, None, None, None);
            let shown = GuardShown { holding: true, reason, since, forced, answered, budget: 0, revoke_before };
            Ok(Reviewed { shown, guard: None })
        }
        reviewed => reviewed,
    }
}

async fn try_review(clients: &Clients, now: Timestamp) -> Result<Reviewed, SweepError> {
    for _ in 0..ROUNDS {
        let guard = clients.table.guard(now).await?.unwrap_or_default();
        let tally = clients.table.tally(clients.check_interval, now).await?;
        let standing = Standing { guard, tally, interval: clients.check_interval };
        let (after, event) = standing.review(now);
        match clients.table.reviewed(&standing.guard, &after, event.as_ref()).await {
            Ok(()) => {
                tell(&after, event.as_ref(), now);
                if let Some(Canary { org_id, grant_id }) = after.canary.clone() {
                    clients.queue.send(&[CheckMessage::Canary { org_id, grant_id }]).await?;
                }
                return Ok(Reviewed { shown: GuardShown::new(&after, standing.answered(now)), guard: Some(after) });
            }
            Err(StoreError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(StoreError::Conflict.into())
}

/// Writes down which organisations a run came upon, where that is news: it takes two of them to blame our app.
pub async fn note_organisations(
    clients: &Clients,
    guard: Option<&Guard>,
    seen: &BTreeSet<OrgId>,
    now: Timestamp,
) -> Result<(), SweepError> {
    match guard.and_then(|guard| guard.organisations_with(seen, clients.check_interval, now)) {
        Some(organisations) => Ok(clients.table.saw_organisations(&organisations).await?),
        None => Ok(()),
    }
}

fn tell(guard: &Guard, event: Option<&GuardEvent>, now: Timestamp) {
    if let Some(event) = event {
        warn!(reason = event.reason.name(), "{}", event.kind.name());
    }
    emit(guard.hold.is_some(), guard.forced.is_some(), now);
}

fn emit(is_holding: bool, is_forced: bool, now: Timestamp) {
    let holding = Metric { name: "GuardHolding", unit: Unit::Count, value: u64::from(is_holding) };
    let forced = Metric { name: "GuardForced", unit: Unit::Count, value: u64::from(is_forced) };
    metrics::emit(&[], &[holding, forced], now);
}

pub async fn order(clients: &Clients, order: GuardOrder) -> Result<(), SweepError> {
    let forced = match order {
        GuardOrder::Hold => Some(Forced::Hold),
        GuardOrder::Release => Some(Forced::Release),
        GuardOrder::Auto => None,
    };
    Ok(clients.table.force(forced).await?)
}

pub async fn name_canary(clients: &Clients, canary: &Canary, now: Timestamp) -> Result<(), SweepError> {
    Ok(clients.table.name_canary(canary, now).await?)
}
