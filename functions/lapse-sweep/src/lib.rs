//! Finds what is due for a check and queues it; keeps the guard.
//!
//! Every minute, or when an operator says so ([`event`]):
//! 1. [`guard`] reviews what the fleet answered lately: does lapsing go on, or is it held? The canary is queued.
//! 2. [`run`] queues activations that nobody came back for, and the grants that are due, shard by shard.
//! 3. [`counts`] tells how many ad accounts there are, and whether anything is known of them.
//!
//! [`revoke`] is an operator's order to revoke tokens: it is written down, and all grants are queued.
//!
//! This function asks TikTok nothing and can open no token. It may run twice, overlap itself or die at any point: what is
//! due stays due until `check-grant` has checked it.

pub mod counts;
pub mod event;
pub mod guard;
pub mod revoke;
pub mod run;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use lambda_runtime::Diagnostic;
use serde::Serialize;
use shared::aws::{Aws, AwsSettings};
use shared::config::Environment;
use shared::logging::chain;
use shared::queue::{CheckQueue, NotQueued};
use shared::runtime::StartError;
use shared::store::{StoreError, Table};
use shared::tls::ExtraRoots;
use tokio::time::Instant;
use tracing::{error, info};

use event::{EventError, Input, RevokeOrder, Which};
use guard::{GuardShown, Reviewed};
use revoke::Refused;
use run::Queued;

/// What is kept of the time that Lambda gives, to write down how far it got.
const MARGIN: SignedDuration = SignedDuration::from_secs(3);

/// Made once per process.
#[derive(Debug)]
pub struct Clients {
    pub table: Table,
    pub queue: CheckQueue,
    pub check_interval: SignedDuration,
}

impl Clients {
    pub fn new(env: &Environment) -> Result<Self, StartError> {
        let aws = Aws::new(AwsSettings::from_env(env)?, &ExtraRoots::load(env.ca_bundle().as_deref())?);
        Ok(Self {
            table: Table::new(aws.dynamodb(), env.table_name()?),
            queue: CheckQueue::new(aws.sqs(), &env.check_queue_url()?),
            check_interval: env.check_interval()?,
        })
    }
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Its name; rows about it in the table carry it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub queued: Option<Queued>,
    pub guard: GuardShown,
}

/// What was not done is found by the next run.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    #[error("the event is not ours to read")]
    Event(#[from] EventError),
    #[error("the order is refused")]
    Refused(#[from] Refused),
    #[error("reading what is due")]
    Store(#[from] StoreError),
    #[error("queueing what is due")]
    Queue(#[from] NotQueued),
}

impl From<SweepError> for Diagnostic {
    fn from(error: SweepError) -> Self {
        let error_type = match &error {
            SweepError::Event(_) => "EventInvalid",
            SweepError::Refused(_) => "OrderRefused",
            SweepError::Store(_) | SweepError::Queue(_) => "TryAgain",
        };
        Self { error_type: error_type.to_owned(), error_message: chain(&error) }
    }
}

/// One run, or one order. `deadline` is when Lambda ends the function.
pub async fn handle(clients: &Clients, event: &str, now: Timestamp, deadline: Timestamp) -> Result<Report, SweepError> {
    let time_left = Duration::try_from(deadline.duration_since(now) - MARGIN).unwrap_or_default();
    let outcome = obey(clients, event, now, Instant::now() + time_left).await;
    match &outcome {
        Ok(report) => info!(report = serde_json::to_string(report).unwrap_or_default(), "The sweep has run"),
        Err(failed) => error!(reason = chain(failed), "The sweep failed"),
    }
    outcome
}

async fn obey(clients: &Clients, event: &str, now: Timestamp, until: Instant) -> Result<Report, SweepError> {
    let (time, which) = match Input::read(event)? {
        Input::Guard(order) => {
            guard::order(clients, order).await?;
            let guard = guard::review(clients, now).await?.shown;
            return Ok(Report { run: None, queued: None, guard });
        }
        Input::Canary(canary) => {
            guard::name_canary(clients, &canary, now).await?;
            let guard = guard::review(clients, now).await?.shown;
            return Ok(Report { run: None, queued: None, guard });
        }
        Input::Revoke(RevokeOrder::Stop) => {
            revoke::stop(clients).await?;
            let guard = guard::review(clients, now).await?.shown;
            return Ok(Report { run: None, queued: None, guard });
        }
        Input::Revoke(RevokeOrder::GrantedBefore { time, table }) => {
            // Written first: who checks what is queued below finds it.
            revoke::order(clients, time, &table, now).await?;
            (now, Which::All)
        }
        Input::Schedule { time } => (time, Which::Due),
        Input::Sweep(which) => (now, which),
    };
    let run = time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let Reviewed { shown, guard } = guard::review(clients, now).await?;
    let (queued, organisations) = run::run(clients, &run, which, now, until).await?;
    guard::note_organisations(clients, guard.as_ref(), &organisations, now).await?;
    counts::tell(clients, shown.answered, now, until).await;
    Ok(Report { run: Some(run), queued: Some(queued), guard: shown })
}
