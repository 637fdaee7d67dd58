//! Checks grants: is the token alive, and what does it still give to every ad account under it?
//!
//! * [`grant`] checks one grant: gathers evidence once, judges each account with the same rules as `validate-permissions`,
//!   and writes what follows ([`domain::grant_check`]).
//! * [`revoking`] takes its token back before, if an operator has ordered that.
//! * [`canary`] asks whether the guard's canary still sings.
//! * Activations that nobody came back for go on ([`shared::finishing`]).
//!
//! A message that cannot be worked on now comes again; one that never can ends in the dead-letter queue. The others of
//! its batch are done either way.

pub mod canary;
mod clients;
pub mod grant;
pub mod revoking;

use std::time::Duration;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use futures::stream::{self, StreamExt as _};
use jiff::{SignedDuration, Timestamp};
use shared::finishing::{Budget, FinishError};
use shared::logging::chain;
use shared::queue::CheckMessage;
use shared::secrets::SecretUnavailable;
use shared::store::StoreError;
use shared::tiktok::{Pace, TikTok};
use tokio::time::Instant;
use tracing::{error, warn};

pub use clients::Clients;

/// What is kept of the time that Lambda gives, to write down what was found.
const MARGIN: SignedDuration = SignedDuration::from_secs(10);

/// Messages that are worked on side by side. They share one pace, so TikTok is asked no more often for it; it is TikTok's
/// time to answer that they use together.
const AT_ONCE: usize = 4;

/// Why a message comes again.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// It never will be: five times, then the dead-letter queue.
    #[error("the message is none of ours")]
    Poison(#[from] serde_json::Error),
    #[error("the table")]
    Store(#[from] StoreError),
    #[error("a secret")]
    Secret(#[from] SecretUnavailable),
    #[error("an activation")]
    Activation(#[from] FinishError),
    #[error("the time is over")]
    NoTimeLeft,
}

/// One batch of messages. Gives those that are to come again.
pub async fn handle(clients: &Clients, event: SqsEvent, now: Timestamp, deadline: Timestamp) -> SqsBatchResponse {
    let time_left = Duration::try_from(deadline.duration_since(now) - MARGIN).unwrap_or_default();
    let until = Instant::now() + time_left;
    let tiktok = clients.sweeping(Pace::share(clients.qps, clients.at_once));
    let tiktok = &tiktok;
    let messages = stream::iter(&event.records).map(|message| async move {
        Box::pin(work_on(clients, tiktok, message, until)).await.map_err(|failed| (message, failed))
    });
    let outcomes: Vec<_> = messages.buffer_unordered(AT_ONCE).collect().await;
    tiktok.tell_answers(clients.now());
    let mut answer = SqsBatchResponse::default();
    for (message, failed) in outcomes.into_iter().filter_map(Result::err) {
        let id = message.message_id.clone().unwrap_or_default();
        if let CheckError::Poison(_) = failed {
            error!(message.id = id, reason = chain(&failed), "A message cannot be read");
        } else {
            warn!(message.id = id, reason = chain(&failed), "A message comes again");
        }
        answer.add_failure(id);
    }
    answer
}

async fn work_on(clients: &Clients, tiktok: &TikTok, message: &SqsMessage, until: Instant) -> Result<(), CheckError> {
    if Instant::now() >= until {
        return Err(CheckError::NoTimeLeft);
    }
    match serde_json::from_str(message.body.as_deref().unwrap_or_default())? {
        CheckMessage::Grant { org_id, grant_id, due, run } => {
            let asked = grant::Asked { org_id, grant_id, due, run };
            grant::check(clients, tiktok, &asked, until).await
        }
        CheckMessage::Canary { org_id, grant_id } => canary::ask(clients, tiktok, &org_id, &grant_id, until).await,
        CheckMessage::Activation { activation_id } => {
            let budget = Budget::new(Some(until.saturating_duration_since(Instant::now())));
            Ok(clients.finisher.go_on(&activation_id, budget).await?)
        }
    }
}
