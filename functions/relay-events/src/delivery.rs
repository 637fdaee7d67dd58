//! Sending rows and marking them delivered.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use futures::future::join_all;
use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;
use shared::bus::{BusEvent, ENTRIES_PER_CALL, NotTaken};
use shared::logging::chain;
use shared::store::relay_events::{OutboxRow, RowKey};
use tokio::time::{Instant, sleep, timeout_at};
use tracing::{error, warn};

use crate::Clients;

/// Calls to the bus under way at the same time.
const CALLS_AT_ONCE: usize = 4;
/// What the bus does not take is sent this often again at once; after that it waits for the reconciler.
const TRIES_AGAIN: usize = 2;
/// How much longer than the run the marks may take: what was sent and not marked is sent again.
const TO_MARK: Duration = Duration::from_secs(1);

/// One invocation of the function.
#[derive(Debug)]
pub struct Run<'a> {
    pub clients: &'a Clients,
    pub now: Timestamp,
    pub deadline: Instant,
    /// The bus does not answer. Then nobody else need wait for that.
    bus_is_down: AtomicBool,
}

/// What became of some rows.
#[derive(Debug, Default)]
pub struct Delivery {
    pub delivered: usize,
    /// Sent, and not taken by the bus.
    pub refused: usize,
    /// Rows that are no events. They wait until somebody mends them.
    pub unreadable: usize,
    /// Rows that still wait: not taken, not even sent, unreadable, or sent and not marked.
    pub left: Vec<RowKey>,
}

impl Delivery {
    pub fn add(&mut self, other: Self) {
        self.delivered += other.delivered;
        self.refused += other.refused;
        self.unreadable += other.unreadable;
        self.left.extend(other.left);
    }
}

type Readable = (RowKey, BusEvent);

impl<'a> Run<'a> {
    pub fn new(clients: &'a Clients, now: Timestamp, deadline: Instant) -> Self {
        Self { clients, now, deadline, bus_is_down: AtomicBool::new(false) }
    }

    /// Nothing more can be sent.
    pub fn is_over(&self) -> bool {
        self.bus_is_down.load(Ordering::Relaxed) || Instant::now() >= self.deadline
    }

    pub async fn deliver(&self, rows: Vec<OutboxRow>) -> Delivery {
        let mut delivery = Delivery::default();
        let mut readable = Vec::with_capacity(rows.len());
        for OutboxRow { key, event } in rows {
            match event {
                Ok(event) => readable.push((key, event)),
                Err(no_event) => {
                    error!(pk = key.pk, sk = key.sk, reason = chain(&no_event), "A row of the outbox cannot be sent");
                    delivery.unreadable += 1;
                    delivery.left.push(key);
                }
            }
        }
        // Marked call by call: whatever ends the process, few events have been sent in vain.
        let calls: Vec<Vec<Readable>> = readable.chunks(ENTRIES_PER_CALL).map(<[Readable]>::to_vec).collect();
        let mut ended = stream::iter(calls).map(|rows| self.send(rows)).buffer_unordered(CALLS_AT_ONCE);
        while let Some(some) = ended.next().await {
            delivery.add(some);
        }
        delivery
    }

    /// One call, and one for what it did not take, and so on.
    async fn send(&self, mut rows: Vec<Readable>) -> Delivery {
        let mut delivery = Delivery::default();
        let mut pauses = ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(100))
            .with_factor(3.0)
            .with_jitter()
            .with_max_times(TRIES_AGAIN)
            .build();
        let mut why = None;
        while !self.is_over() {
            let events: Vec<_> = rows.iter().map(|(_, event)| event).collect();
            let Ok(answers) = timeout_at(self.deadline, self.clients.bus.put(&events)).await else {
                why = Some(NotTaken::Unavailable { code: "no time was left".to_owned() });
                break;
            };
            let mut taken = Vec::new();
            let mut refused = Vec::new();
            for (row, answer) in rows.into_iter().zip(answers) {
                match answer {
                    Ok(()) => taken.push(row.0),
                    Err(not_taken) => {
                        why = Some(not_taken);
                        refused.push(row);
                    }
                }
            }
            delivery.delivered += taken.len();
            delivery.left.extend(self.mark(taken).await);
            rows = refused;
            if rows.is_empty() {
                return delivery;
            }
            match pauses.next() {
                Some(pause) if Instant::now() + pause < self.deadline => sleep(pause).await,
                _ => break,
            }
        }
        if let Some(why) = why {
            delivery.refused = rows.len();
            warn!(events = rows.len(), code = why.code(), "The bus did not take events; they stay unsent");
            if matches!(why, NotTaken::Unavailable { .. }) {
                self.bus_is_down.store(true, Ordering::Relaxed);
            }
        }
        delivery.left.extend(rows.into_iter().map(|(key, _)| key));
        delivery
    }

    /// Gives what could not be marked.
    async fn mark(&self, keys: Vec<RowKey>) -> Vec<RowKey> {
        let marks = keys.into_iter().map(async |key| {
            let marked = timeout_at(self.deadline + TO_MARK, self.clients.table.delivered(&key, self.now)).await;
            let reason = match marked {
                Ok(Ok(())) => return None,
                Ok(Err(failed)) => chain(&failed),
                Err(_) => "no time was left".to_owned(),
            };
            warn!(pk = key.pk, sk = key.sk, reason, "An event was sent and not marked; it will be sent again");
            Some(key)
        });
        join_all(marks).await.into_iter().flatten().collect()
    }
}
