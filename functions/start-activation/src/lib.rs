//! Hands out TikTok's authorization link, and shows how an activation goes on.
//!
//! * `POST /ad-accounts/{advertiser_id}/activate` ([`start`]): looks at what TikTok says ([`preflight`]), then mints
//!   a state and stores an activation that waits for it. A repeat with the same Idempotency-Key gets the answer that was
//!   [`kept`].
//! * `GET /activations/{activation_id}` ([`follow`]): progress and receipt. Reads, and never writes.

mod clients;
mod follow;
mod kept;
mod preflight;
mod start;

use shared::http::{Code, Problem, Request, Response, respond};
use shared::sealing::Unsealable;
use shared::secrets::SecretUnavailable;
use shared::store::StoreError;

pub use clients::Clients;

/// Why a request to this function was not met.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Refused(#[from] Problem),
    #[error("the table failed")]
    Store(#[from] StoreError),
    #[error("a secret is missing")]
    Secret(#[from] SecretUnavailable),
    #[error("a kept answer does not open")]
    Kept(#[source] Unsealable),
    #[error("a kept answer was sealed for less time than it was stored")]
    KeptTooLong,
}

impl From<Code> for StartError {
    fn from(code: Code) -> Self {
        Self::Refused(code.into())
    }
}

impl From<StartError> for Problem {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Refused(problem) => problem,
            StartError::Store(_) | StartError::Secret(_) | StartError::Kept(_) | StartError::KeptTooLong => {
                Code::TryAgain.into()
            }
        }
    }
}

/// The two routes of this function.
pub async fn handle(clients: &Clients, request: Request) -> Result<Response, StartError> {
    match request.route() {
        "POST /ad-accounts/{advertiser_id}/activate" => {
            let started = Box::pin(start::start(clients, &request)).await;
            clients.tiktok.tell_answers(clients.now());
            started
        }
        "GET /activations/{activation_id}" => Box::pin(follow::follow(clients, &request)).await,
        _ => Ok(respond::no_such_route()),
    }
}
