//! Delivers events to the bus: every one that was committed, at least once, and no other.
//!
//! An event is committed as a row, together with the change it tells of ([`shared::store::relay_events`]). From there two ways
//! lead to the bus, so that nothing depends on either:
//!
//! 1. The table's stream brings new rows at once: [`event`] reads them, [`delivery`] sends them and marks them delivered.
//! 2. Every minute [`reconcile`] looks for rows that still wait: the bus was down, the stream lost them, a process died
//!    between sending and marking. It does the same with them, and measures what is left.
//!
//! A copy has the id of the first one, and every event the version of its account, so whoever listens can tell.
//!
//! The stream is never held up: a record that cannot be read is passed over, and what the bus does not take waits for the
//! reconciler. Hence no item of a batch ever fails.

pub mod delivery;
pub mod event;
pub mod reconcile;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use lambda_runtime::Diagnostic;
use serde::Serialize;
use shared::aws::{Aws, AwsSettings};
use shared::bus::EventBus;
use shared::config::Environment;
use shared::logging::chain;
use shared::metrics::{self, Metric, Unit};
use shared::runtime::StartError;
use shared::store::{StoreError, Table};
use shared::tls::ExtraRoots;
use tokio::time::Instant;
use tracing::{error, info};

use delivery::{Delivery, Run};
use event::{Batch, EventError, Input};
use reconcile::Report;

/// What is kept of the time that Lambda gives, to mark what was sent and to answer.
const MARGIN: SignedDuration = SignedDuration::from_secs(3);

/// Made once per process.
#[derive(Debug)]
pub struct Clients {
    pub table: Table,
    pub bus: EventBus,
}

impl Clients {
    pub fn new(env: &Environment) -> Result<Self, StartError> {
        let aws = Aws::new(AwsSettings::from_env(env)?, &ExtraRoots::load(env.ca_bundle().as_deref())?);
        Ok(Self {
            table: Table::new(aws.dynamodb(), env.table_name()?),
            bus: EventBus::new(aws.eventbridge(), env.event_bus_name()?),
        })
    }
}

/// To the stream's poller: which of its records it must bring again. To the scheduler: what was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Answer {
    Stream {
        #[serde(rename = "batchItemFailures")]
        batch_item_failures: [(); 0],
    },
    Reconciled(Report),
}

/// Nothing is lost; the next run finds what this one did not deliver.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    #[error("the event is not ours to read")]
    Event(#[from] EventError),
    #[error("looking for events that wait")]
    Store(#[from] StoreError),
}

impl From<RelayError> for Diagnostic {
    fn from(error: RelayError) -> Self {
        let error_type = match &error {
            RelayError::Event(_) => "EventInvalid",
            RelayError::Store(_) => "TryAgain",
        };
        Self { error_type: error_type.to_owned(), error_message: chain(&error) }
    }
}

/// One batch of the stream, or one run of the reconciler. `deadline` is when Lambda ends the function.
pub async fn handle(clients: &Clients, event: &str, now: Timestamp, deadline: Timestamp) -> Result<Answer, RelayError> {
    let time_left = Duration::try_from(deadline.duration_since(now) - MARGIN).unwrap_or_default();
    let run = Run::new(clients, now, Instant::now() + time_left);
    let outcome = match Input::read(event) {
        Ok(Input::Stream(batch)) => {
            relay(&run, batch).await;
            Ok(Answer::Stream { batch_item_failures: [] })
        }
        Ok(Input::Schedule) => reconcile::reconcile(&run).await.map(Answer::Reconciled).map_err(RelayError::from),
        Err(not_ours) => Err(not_ours.into()),
    };
    if let Err(failed) = &outcome {
        error!(reason = chain(failed), "Events could not be relayed");
    }
    outcome
}

async fn relay(run: &Run<'_>, Batch { rows, poison }: Batch) {
    for poison in &poison {
        error!(sequence_number = poison.sequence_number, problem = poison.problem, "A record cannot be read");
    }
    let mut delivery = run.deliver(rows).await;
    delivery.unreadable += poison.len();
    let Delivery { delivered, refused, unreadable, .. } = delivery;
    if delivered + refused + unreadable > 0 {
        metrics::emit(&[], &counts(&delivery), run.now);
        info!(delivered, refused, unreadable, "Events were relayed");
    }
}

fn counts(delivery: &Delivery) -> [Metric; 3] {
    let count = |name, value| Metric { name, unit: Unit::Count, value: u64::try_from(value).unwrap_or(u64::MAX) };
    [
        count("EventsDelivered", delivery.delivered),
        count("EventsRefused", delivery.refused),
        count("EventsUnreadable", delivery.unreadable),
    ]
}
