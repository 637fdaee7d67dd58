//! What the stream has missed: once a minute, everything that waits is looked at, and what has waited long enough is sent.
//!
//! Shard by shard the index names what waits, oldest first. What is younger than a minute is left to the stream, which is
//! probably just bringing it, but is measured like the rest: how long the oldest event waits is what an alarm watches.

use std::collections::HashSet;

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use shared::metrics::{self, Metric, Unit};
use shared::store::StoreError;
use shared::store::keys::OUTBOX_SHARDS;
use shared::store::relay_events::{Position, ROWS_AT_ONCE, RowKey, Unsent, UnsentPage};
use tokio::time::{Instant, timeout_at};
use tracing::{info, warn};

use crate::delivery::{Delivery, Run};

const LONG_ENOUGH: SignedDuration = SignedDuration::from_mins(1);

/// One run. What is left is at least this much: a run that ends early has not seen everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    pub delivered: usize,
    pub refused: usize,
    pub unreadable: usize,
    pub unsent: usize,
    pub oldest_unsent_seconds: u64,
}

/// What still waits.
#[derive(Debug, Default)]
struct Left {
    events: usize,
    oldest: Option<Timestamp>,
}

impl Left {
    fn add(&mut self, since: Timestamp) {
        self.events += 1;
        self.oldest = Some(self.oldest.map_or(since, |oldest| oldest.min(since)));
    }
}

/// Pages until everything was looked at, or time is over. Fails if a shard could not be read; what the others hold is
/// delivered all the same.
pub async fn reconcile(run: &Run<'_>) -> Result<Report, StoreError> {
    let mut delivery = Delivery::default();
    let mut left = Left::default();
    let mut failed = None;
    let mut places: Vec<(u8, Option<Position>)> = (0..OUTBOX_SHARDS).map(|shard| (shard, None)).collect();
    while !places.is_empty() {
        let pages = join_all(places.into_iter().map(|(shard, after)| page(run, shard, after))).await;
        places = Vec::new();
        let mut waiting = Vec::new();
        for (shard, page) in pages {
            match page {
                Ok(UnsentPage { unsent, next }) => {
                    waiting.extend(unsent);
                    places.extend(next.map(|next| (shard, Some(next))));
                }
                Err(error) => failed = Some(error),
            }
        }
        deliver_old(run, waiting, &mut delivery, &mut left).await;
        if Instant::now() >= run.deadline {
            break;
        }
    }
    let report = Report {
        delivered: delivery.delivered,
        refused: delivery.refused,
        unreadable: delivery.unreadable,
        unsent: left.events,
        oldest_unsent_seconds: left.oldest.map_or(0, |since| age(since, run.now)),
    };
    tell(&report, &delivery, failed.is_none(), run.now);
    failed.map_or(Ok(report), Err)
}

async fn page(run: &Run<'_>, shard: u8, after: Option<Position>) -> (u8, Result<UnsentPage, StoreError>) {
    let page = timeout_at(run.deadline, run.clients.table.unsent(shard, after)).await;
    (shard, page.unwrap_or_else(|_| Err(StoreError::Unavailable("no time was left".to_owned()))))
}

/// Sends what has waited long enough, oldest first, and notes what waits after that.
async fn deliver_old(run: &Run<'_>, waiting: Vec<Unsent>, delivery: &mut Delivery, left: &mut Left) {
    let (mut old, young): (Vec<_>, Vec<_>) =
        waiting.into_iter().partition(|unsent| run.now.duration_since(unsent.since) > LONG_ENOUGH);
    for unsent in young {
        left.add(unsent.since);
    }
    old.sort_by_key(|unsent| unsent.since);
    for some in old.chunks(ROWS_AT_ONCE) {
        let keys: Vec<RowKey> = some.iter().map(|unsent| unsent.key.clone()).collect();
        let rows =
            if run.is_over() { None } else { timeout_at(run.deadline, run.clients.table.waiting(&keys)).await.ok() };
        let still_wait: HashSet<RowKey> = match rows {
            Some(Ok(rows)) => {
                let mut some = run.deliver(rows).await;
                let left = std::mem::take(&mut some.left);
                delivery.add(some);
                left.into_iter().collect()
            }
            Some(Err(failed)) => {
                warn!(reason = %failed, "Events that wait could not be read");
                keys.into_iter().collect()
            }
            None => keys.into_iter().collect(),
        };
        for unsent in some.iter().filter(|unsent| still_wait.contains(&unsent.key)) {
            left.add(unsent.since);
        }
    }
}

fn age(since: Timestamp, now: Timestamp) -> u64 {
    u64::try_from(now.duration_since(since).as_secs()).unwrap_or_default()
}

/// What was not all seen is not measured: an alarm that misses a value goes off, one that gets a false zero does not.
fn tell(report: &Report, delivery: &Delivery, complete: bool, now: Timestamp) {
    let mut told = crate::counts(delivery).to_vec();
    if complete {
        told.push(Metric {
            name: "UnsentEvents",
            unit: Unit::Count,
            value: u64::try_from(report.unsent).unwrap_or(u64::MAX),
        });
        told.push(Metric { name: "OldestUnsentEventAge", unit: Unit::Seconds, value: report.oldest_unsent_seconds });
    }
    metrics::emit(&[], &told, now);
    if complete {
        let Report { delivered, refused, unreadable, unsent, oldest_unsent_seconds } = *report;
        info!(delivered, refused, unreadable, unsent, oldest_unsent_seconds, "The outbox was looked through");
    }
}
