//! How many ad accounts are Active and how many need connecting, over all organisations, and of how many grants we know
//! how they are: numbers for people to look at, and for an alarm.

use domain::account::Status;
use jiff::Timestamp;
use shared::metrics::{self, Metric, Unit};
use shared::store::counts::Counts;
use tokio::time::{Instant, timeout_at};
use tracing::warn;

use crate::Clients;

/// `answered` is how many grants did lately, where that is known. The sweep is over by now, and none the worse for
/// numbers that could not be read.
pub async fn tell(clients: &Clients, answered: Option<i64>, now: Timestamp, until: Instant) {
    let Counts { active, needs_connecting } = match timeout_at(until, clients.table.counts_of_all()).await {
        Ok(Ok(counts)) => counts,
        Ok(Err(failed)) => return warn!(reason = %failed, "The ad accounts could not be counted"),
        Err(_) => return warn!("There was no time to count the ad accounts"),
    };
    for (status, value) in [(Status::Active, active), (Status::NeedsConnecting, needs_connecting)] {
        let accounts = Metric { name: "AdAccounts", unit: Unit::Count, value };
        metrics::emit(&[("Status", status.name())], &[accounts], now);
    }
    // Where nothing is Active nobody has to answer, and none is no reason for an alarm.
    if let Some(answered) = answered.filter(|_| active > 0) {
        tell_answered(answered, now);
    }
}

fn tell_answered(grants: i64, now: Timestamp) {
    let answered =
        Metric { name: "GrantsAnswered", unit: Unit::Count, value: u64::try_from(grants).unwrap_or_default() };
    metrics::emit(&[], &[answered], now);
}
