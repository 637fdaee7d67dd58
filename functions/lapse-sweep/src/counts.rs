//! How many ad accounts are Active and how many need connecting, over all organisations: numbers for people to look at.

use jiff::Timestamp;
use shared::domain::account::Status;
use shared::metrics::{self, Metric, Unit};
use shared::store::counting::CountAccounts as _;
use shared::store::listing::Counts;
use tokio::time::{Instant, timeout_at};
use tracing::warn;

use crate::Clients;

/// The sweep is over by now, and none the worse for numbers that could not be read.
pub async fn tell(clients: &Clients, now: Timestamp, until: Instant) {
    let Counts { active, needs_connecting } = match timeout_at(until, clients.table.counts_of_all()).await {
        Ok(Ok(counts)) => counts,
        Ok(Err(failed)) => return warn!(reason = %failed, "The ad accounts could not be counted"),
        Err(_) => return warn!("There was no time to count the ad accounts"),
    };
    for (status, value) in [(Status::Active, active), (Status::NeedsConnecting, needs_connecting)] {
        let accounts = Metric { name: "AdAccounts", unit: Unit::Count, value };
        metrics::emit(&[("Status", status.name())], &[accounts], now);
    }
}
