//! `POST /activations/complete`: the person who started an activation finishes it.
//!
//! 1. The ticket says which activation; the sign-in says who.
//! 2. Anybody but the right person is turned away before the code is spent.
//! 3. One conditional write takes the right to exchange.
//! 4. The code is exchanged, once.
//! 5. The candidate token is stored at once.
//! 6. Evidence is gathered, the domain decides, one transaction commits, and accounts asked for through `also` follow:
//!    [`shared::finishing`].
//!
//! A repeat takes up whatever step was left: [`Activation::next_step`](domain::activation::Activation::next_step)
//! says which.

use std::time::Duration;

use domain::access::Caller;
use domain::activation::{Outcome, State, Step, TransitionError};
use domain::causes::{Cause, CauseCode};
use domain::checks::Refusal;
use domain::ids::ActivationId;
use serde::Deserialize;
use shared::finishing::{Attempt, Budget, FinishError, ROUNDS, commit, ending};
use shared::http::ticket::{self, Ticket};
use shared::http::{Code, Problem, Request};
use shared::sealing::{AuthCode, FinishTicket, Purpose};
use shared::secrets::SecretUnavailable;
use shared::store::StoreError;
use shared::store::complete_activation::{Candidate, Record};
use shared::store::rows::StoredActivation;
use shared::tiktok::{ExchangeFailed, Exchanged};
use tracing::{info, warn};

use crate::clients::Clients;

const BETWEEN_KEEPS: Duration = Duration::from_millis(200);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Complete {
    ticket: String,
}

#[derive(Debug, thiserror::Error)]
pub enum CompleteError {
    #[error("the request is refused")]
    Refused(Problem),
    #[error("the table")]
    Store(#[from] StoreError),
    #[error("a secret")]
    Unready(#[from] SecretUnavailable),
    #[error("the activation moved unexpectedly")]
    Moved(#[from] TransitionError),
}

impl From<Problem> for CompleteError {
    fn from(problem: Problem) -> Self {
        Self::Refused(problem)
    }
}

impl From<Code> for CompleteError {
    fn from(code: Code) -> Self {
        Self::Refused(code.into())
    }
}

impl From<FinishError> for CompleteError {
    fn from(error: FinishError) -> Self {
        match error {
            FinishError::Store(error) => Self::Store(error),
            FinishError::Unready(error) => Self::Unready(error),
            FinishError::Moved(error) => Self::Moved(error),
        }
    }
}

impl From<CompleteError> for Problem {
    fn from(error: CompleteError) -> Self {
        match error {
            CompleteError::Refused(problem) => problem,
            CompleteError::Store(_) | CompleteError::Unready(_) | CompleteError::Moved(_) => Code::TryAgain.into(),
        }
    }
}

/// Goes as far as it can within the budget; the record says how far that was.
pub async fn complete(clients: &Clients, request: &Request, budget: Budget) -> Result<(Record, Caller), CompleteError> {
    let caller = request.manager()?;
    request.query()?.nothing_else()?;
    let Complete { ticket } = request.body()?;
    let ticket = FinishTicket::try_from(ticket).map_err(|shape| Problem::field("ticket", shape.expected))?;
    let now = clients.now();
    let opened = ticket::open(&clients.web.seal_for(ticket.expose(), now).await?, &ticket, now)
        .map_err(|_| Problem::from(Code::TicketInvalid))?;
    let (activation_id, mut code) = match opened {
        Ticket::Good { activation_id, code } => (activation_id, Some(code)),
        Ticket::Expired { activation_id } => (activation_id, None),
    };
    for _ in 0..ROUNDS {
        let attempt = load(clients, &activation_id, &caller).await?;
        match Box::pin(step(clients, attempt, &mut code, budget)).await {
            Err(CompleteError::Store(StoreError::Conflict)) => {}
            Err(error) => return Err(error),
            Ok(record) if is_already_active(&record) => return Err(Code::AlreadyActive.into()),
            Ok(record) => return Ok((record, caller)),
        }
    }
    Err(StoreError::Conflict.into())
}

fn is_already_active(record: &Record) -> bool {
    matches!(record.stored.activation.state, State::Closed { outcome: Outcome::AlreadyActive, .. })
}

/// The activation, if the caller is the one person who may finish it. Anybody else closes it, unless the right person
/// is already past the exchange.
async fn load(clients: &Clients, activation_id: &ActivationId, caller: &Caller) -> Result<Attempt, CompleteError> {
    let finisher = &clients.finisher;
    let mut record = finisher.table.activation(activation_id).await?.ok_or(Code::LinkExpired)?;
    let activation = &record.stored.activation;
    if activation.org_id != caller.org_id || activation.started_by != caller.user_id {
        turn_away(clients, record.stored, caller).await?;
        return Err(Code::NotYourActivation.into());
    }
    let Some((account, grant)) = finisher.account_of(activation).await? else {
        ending::without_account(finisher, record.stored).await?;
        return Err(Code::AccountNotFound.into());
    };
    if !caller.reach.contains(&account.belonging) {
        turn_away(clients, record.stored, caller).await?;
        return Err(Code::AccountOutOfReach.into());
    }
    // Stored with the next move, so that whoever goes on without the person keeps within what they reach today.
    record.stored.activation.reach = caller.reach.clone();
    Ok(Attempt { record, account, grant })
}

async fn turn_away(clients: &Clients, stored: StoredActivation, caller: &Caller) -> Result<(), CompleteError> {
    let now = clients.now();
    if stored.activation.next_step(now) != Step::Claim {
        return Ok(());
    }
    let outcome = Outcome::NotTheirs { presented_by: caller.user_id.clone(), presented_in: caller.org_id.clone() };
    let closed = stored.activation.clone().close(outcome, now)?;
    warn!(activation.id = %closed.activation_id, "Somebody else presented the ticket of activation {}; it is closed", closed.activation_id);
    match clients.finisher.table.close(&stored, closed, &[], None).await {
        Ok(closed) => {
            clients.finisher.ended(&closed.activation);
            Ok(())
        }
        // The right person was faster.
        Err(StoreError::Conflict) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// One round: whatever the activation's state allows now.
async fn step(
    clients: &Clients,
    attempt: Attempt,
    code: &mut Option<AuthCode>,
    budget: Budget,
) -> Result<Record, CompleteError> {
    let now = clients.now();
    match attempt.record.stored.activation.next_step(now) {
        Step::Claim => match code.take() {
            Some(code) => spend(clients, attempt, code, budget).await,
            None => Err(Code::LinkExpired.into()),
        },
        Step::Expired => Err(Code::LinkExpired.into()),
        Step::Wait | Step::Verify | Step::Siblings | Step::LostExchange | Step::GiveUp | Step::Done => {
            Ok(clients.finisher.step(attempt, budget).await?)
        }
    }
}

/// Claims, exchanges, stores the candidate. Everything that could fail without the code is done before the claim.
async fn spend(
    clients: &Clients,
    mut attempt: Attempt,
    code: AuthCode,
    budget: Budget,
) -> Result<Record, CompleteError> {
    let finisher = &clients.finisher;
    let (app, vault) = futures::try_join!(finisher.app_credentials(), finisher.vault())?;
    let claimed = attempt.record.stored.activation.clone().claim(finisher.now())?;
    attempt.record.stored = finisher.table.move_on(&attempt.record.stored, claimed, &finisher.fresh_id()).await?;
    let Exchanged { token, scopes, evidence } =
        match finisher.tiktok.exchange(&app, code, budget.exchange_until()).await {
            Ok(exchanged) => exchanged,
            Err(failed) => return not_exchanged(clients, attempt, &failed).await,
        };
    let grant_id = finisher.fresh_grant_id();
    let binding = finisher.binding(&attempt.account.org_id, &grant_id, Purpose::Candidate);
    let candidate = Candidate {
        token_fingerprint: token.fingerprint(),
        scopes,
        exchange: evidence,
        sealed_token: vault.seal(&token, &binding),
        grant_id,
    };
    attempt.record.stored = keep(clients, &attempt.record.stored, &candidate, budget).await?;
    info!(activation.id = %attempt.record.stored.activation.activation_id, "The code was exchanged; the candidate token is stored");
    Ok(commit::verify(finisher, attempt, candidate, &token, budget).await?)
}

/// Stores the candidate. The token is nowhere else, so a table that cannot take it now is asked again while there is time.
async fn keep(
    clients: &Clients,
    from: &StoredActivation,
    candidate: &Candidate,
    budget: Budget,
) -> Result<StoredActivation, CompleteError> {
    let kept = from.activation.clone().exchanged(clients.now())?;
    loop {
        match clients.finisher.table.keep_candidate(from, kept.clone(), candidate).await {
            Err(StoreError::Unavailable(reason)) if !budget.is_over() => {
                warn!(activation.id = %kept.activation_id, reason, "The candidate token is not stored yet");
                tokio::time::sleep(BETWEEN_KEEPS).await;
            }
            done => return Ok(done?),
        }
    }
}

/// The code is spent, or must be taken for spent: it is never exchanged again.
async fn not_exchanged(clients: &Clients, attempt: Attempt, failed: &ExchangeFailed) -> Result<Record, CompleteError> {
    let finisher = &clients.finisher;
    if failed.suspect_secret {
        finisher.app.forget();
    }
    let code = match failed.refusal {
        Refusal::CodeRejected => {
            return Ok(ending::refuse_unproven(finisher, attempt, CauseCode::AuthorizationCodeRejected).await?);
        }
        Refusal::AppMisconfigured => CauseCode::AppMisconfigured,
        Refusal::Throttled | Refusal::Unavailable => CauseCode::TiktokUnavailable,
        Refusal::TokenDead
        | Refusal::TokenOfAnotherApp
        | Refusal::PermissionNotGranted
        | Refusal::PermissionNotGrantedForAdAccount
        | Refusal::AdAccountNotPermitted
        | Refusal::AdAccountGone
        | Refusal::NotPermitted
        | Refusal::RequestRejected
        | Refusal::NotAsked
        | Refusal::Unrecognised => CauseCode::Unrecognised,
    };
    if code == CauseCode::AppMisconfigured {
        finisher.app_level_code("the code exchange");
    }
    let mut cause = Cause::from(code);
    if code == CauseCode::Unrecognised {
        cause.tiktok_code = failed.evidence.code;
        cause.tiktok_request_id.clone_from(&failed.evidence.request_id);
    }
    Ok(ending::give_up(finisher, attempt, cause).await?)
}
