//! Runs every check on an ad account now, and acts on a verdict that is definitive.
//!
//! `POST /ad-accounts/{advertiser_id}/validate` ([`validate`]): the account, its grant, TikTok's answers, the verdict, and
//! what follows from it ([`domain::validation`]).

mod clients;
mod validate;

use shared::http::{Code, Problem, Request, Response, respond};
use shared::secrets::SecretUnavailable;
use shared::store::StoreError;

pub use clients::Clients;

/// Why a request to this function was not met.
#[derive(Debug, thiserror::Error)]
pub enum ValidateError {
    #[error(transparent)]
    Refused(#[from] Problem),
    #[error("the table failed")]
    Store(#[from] StoreError),
    #[error("a secret is missing")]
    Secret(#[from] SecretUnavailable),
}

impl From<Code> for ValidateError {
    fn from(code: Code) -> Self {
        Self::Refused(code.into())
    }
}

impl From<ValidateError> for Problem {
    fn from(error: ValidateError) -> Self {
        match error {
            ValidateError::Refused(problem) => problem,
            ValidateError::Store(_) | ValidateError::Secret(_) => Code::TryAgain.into(),
        }
    }
}

/// The one route of this function.
pub async fn handle(clients: &Clients, request: Request) -> Result<Response, ValidateError> {
    match request.route() {
        "POST /ad-accounts/{advertiser_id}/validate" => {
            let validated = Box::pin(validate::validate(clients, &request)).await;
            clients.tiktok.tell_answers(clients.now());
            validated
        }
        _ => Ok(respond::no_such_route()),
    }
}
