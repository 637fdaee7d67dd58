//! One run: everything that is due goes into the queue, in the order in which it became due.

use std::collections::BTreeSet;

use domain::ids::OrgId;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use shared::metrics::{self, Metric, Unit};
use shared::queue::CheckMessage;
use shared::store::StoreError;
use shared::store::keys::{DUE_SHARDS, PENDING_SHARDS};
use shared::store::lapse_sweep::{DueGrant, Lease, Mark};
use tokio::time::Instant;
use tracing::{error, warn};

use crate::event::Which;
use crate::{Clients, SweepError};

/// How long nobody else may sweep. Longer than this function lives.
const LEASE: SignedDuration = SignedDuration::from_secs(58);
/// The index lags behind the table: what became due just now may not be there yet, and is left to the next run.
const SETTLED: SignedDuration = SignedDuration::from_secs(2);
/// Shards that are read at the same time.
const AT_ONCE: usize = 8;

/// What a run put into the queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Queued {
    /// `false` where another run is at the grants; it does what this one would have done.
    pub swept: bool,
    pub grants: usize,
    pub activations: usize,
    /// How long the longest waiting of these grants was due.
    pub oldest_due_seconds: i64,
    /// `false` when the time was over before everything that is due was queued; the next run goes on.
    pub completed: bool,
}

/// Also gives the organisations that it came upon.
pub async fn run(
    clients: &Clients,
    run: &str,
    which: Which,
    now: Timestamp,
    until: Instant,
) -> Result<(Queued, BTreeSet<OrgId>), SweepError> {
    let mut queued = Queued { activations: activations(clients, now).await?, ..Queued::default() };
    let mut has_seen_all = false;
    let mut organisations = BTreeSet::new();
    if let Some(lease) = clients.table.lease(run, LEASE, now).await? {
        queued.swept = true;
        let sweep = Sweeping { clients, lease: &lease, which, now, until };
        let shards = stream::iter(0..DUE_SHARDS).map(|shard| sweep.shard(shard)).buffer_unordered(AT_ONCE);
        let done: Vec<Shard> = shards.try_collect().await?;
        queued.grants = done.iter().map(|shard| shard.grants).sum();
        queued.completed = done.iter().all(|shard| shard.completed);
        has_seen_all = queued.completed && (which == Which::All || lease.is_from_the_start());
        let oldest = done.iter().filter_map(|shard| shard.oldest).min();
        queued.oldest_due_seconds = oldest.map_or(0, |oldest| now.duration_since(oldest).as_secs().max(0));
        organisations = done.into_iter().flat_map(|shard| shard.organisations).collect();
        match clients.table.completed(&lease, now).await {
            // It ran out; somebody else has it now.
            Ok(()) | Err(StoreError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    tell(&queued, has_seen_all, now);
    Ok((queued, organisations))
}

/// Most runs see only what became due since the last one. How long the oldest waits is known by those that see all, one
/// in half an hour, and the others say nothing about it: a false zero would keep an alarm quiet.
fn tell(queued: &Queued, has_seen_all: bool, now: Timestamp) {
    let count =
        |name, value: usize| Metric { name, unit: Unit::Count, value: u64::try_from(value).unwrap_or(u64::MAX) };
    let mut metrics = vec![
        count("SweepCompleted", usize::from(queued.completed)),
        count("GrantsQueued", queued.grants),
        count("ActivationsQueued", queued.activations),
    ];
    if has_seen_all {
        let value = u64::try_from(queued.oldest_due_seconds).unwrap_or_default();
        metrics.push(Metric { name: "OldestDueGrantAge", unit: Unit::Seconds, value });
    }
    metrics::emit(&[], &metrics, now);
}

/// Activations that nobody came back for. They are few, and queued again until somebody has finished them.
async fn activations(clients: &Clients, now: Timestamp) -> Result<usize, SweepError> {
    let mut queued = 0;
    for shard in 0..PENDING_SHARDS {
        let mut after = None;
        loop {
            let page = clients.table.due_activations(shard, now, after).await?;
            let messages: Vec<CheckMessage> = page
                .activation_ids
                .into_iter()
                .map(|activation_id| CheckMessage::Activation { activation_id })
                .collect();
            clients.queue.send(&messages).await?;
            queued += messages.len();
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    Ok(queued)
}

struct Sweeping<'a> {
    clients: &'a Clients,
    lease: &'a Lease,
    which: Which,
    now: Timestamp,
    until: Instant,
}

struct Shard {
    grants: usize,
    oldest: Option<Timestamp>,
    completed: bool,
    /// Two are as good as all.
    organisations: BTreeSet<OrgId>,
}

impl Sweeping<'_> {
    /// Page by page: queue it, then write down that it is queued. Dying in between means that the page is queued twice.
    async fn shard(&self, shard: u8) -> Result<Shard, SweepError> {
        let table = &self.clients.table;
        let mut done = Shard { grants: 0, oldest: None, completed: true, organisations: BTreeSet::new() };
        let mut from: Option<Mark> = match self.which {
            Which::Due => self.lease.mark(shard).cloned(),
            Which::All => None,
        };
        let due_by = match self.which {
            Which::Due => self.now - SETTLED,
            // Also those that a wrong clock made due in years.
            Which::All => Timestamp::MAX,
        };
        loop {
            if Instant::now() >= self.until {
                warn!(shard, "The time is over; the next run goes on with this shard");
                return Ok(Shard { completed: false, ..done });
            }
            let page = table.due_grants(shard, due_by, from.as_ref()).await?;
            if page.unreadable > 0 {
                error!(shard, rows = page.unreadable, "Rows of the index of due grants cannot be read");
            }
            done.oldest = done.oldest.or_else(|| page.due.first()?.due.parse().ok());
            done.grants += page.due.len();
            for due in &page.due {
                if done.organisations.len() < 2 && !done.organisations.contains(&due.org_id) {
                    done.organisations.insert(due.org_id.clone());
                }
            }
            let messages: Vec<CheckMessage> = page.due.into_iter().map(|due| self.message(due)).collect();
            self.clients.queue.send(&messages).await?;
            if let (Which::Due, Some(mark)) = (self.which, &page.mark) {
                match table.sent(self.lease, shard, mark).await {
                    // The lease ran out and somebody else goes on.
                    Err(StoreError::Conflict) => return Ok(Shard { completed: false, ..done }),
                    written => written?,
                }
            }
            match page.next {
                None => return Ok(done),
                next => from = next,
            }
        }
    }

    fn message(&self, due: DueGrant) -> CheckMessage {
        let DueGrant { org_id, grant_id, due } = due;
        CheckMessage::Grant { org_id, grant_id, due, run: self.lease.run.clone() }
    }
}
