//! `POST /activations/complete`: the person who started an activation finishes it.
//!
//! 1. The ticket says which activation; the sign-in says who.
//! 2. Anybody but the right person is turned away before the code is spent.
//! 3. One conditional write takes the right to exchange.
//! 4. The code is exchanged, once.
//! 5. The candidate token is stored at once.
//! 6. Evidence is gathered, the domain decides, and one transaction commits ([`crate::commit`]).
//! 7. Accounts asked for through `also` follow ([`crate::siblings`]).
//!
//! A repeat takes up whatever step was left: [`Activation::next_step`] says which.

use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use shared::domain::access::Caller;
use shared::domain::account::AdAccount;
use shared::domain::activation::{Activation, LineOutcome, Outcome, ReceiptLine, State, Step, TransitionError};
use shared::domain::causes::{Cause, CauseCode};
use shared::domain::checks::Refusal;
use shared::domain::ids::ActivationId;
use shared::domain::transition;
use shared::http::ticket::{self, Ticket};
use shared::http::{Code, Problem, Request};
use shared::sealing::{AuthCode, FinishTicket, Purpose, Unsealable};
use shared::store::StoreError;
use shared::store::completing::{Candidate, CompleteActivations, Record};
use shared::store::items::{StoredActivation, StoredGrant};
use shared::tiktok::{ExchangeFailed, Exchanged};
use tracing::{info, warn};

use crate::clients::{Budget, Clients, Unready};
use crate::{commit, siblings};

/// Conflicts with other completions are read and decided again this often.
const ROUNDS: usize = 6;
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
    Unready(#[from] Unready),
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

impl From<CompleteError> for Problem {
    fn from(error: CompleteError) -> Self {
        match error {
            CompleteError::Refused(problem) => problem,
            CompleteError::Store(_) | CompleteError::Unready(_) | CompleteError::Moved(_) => Code::TryAgain.into(),
        }
    }
}

/// An activation in the hands of the person who may finish it.
pub struct Attempt {
    pub record: Record,
    pub account: AdAccount,
    /// The grant that the account has.
    pub grant: Option<StoredGrant>,
    pub caller: Caller,
}

/// Goes as far as it can within the budget; the record says how far that was.
pub async fn complete(clients: &Clients, request: &Request, budget: Budget) -> Result<(Record, Caller), CompleteError> {
    let caller = request.manager()?;
    request.query()?.nothing_else()?;
    let Complete { ticket } = request.body()?;
    let ticket = FinishTicket::try_from(ticket).map_err(|shape| Problem::field("ticket", shape.expected))?;
    let now = clients.now();
    let opened = ticket::open(&clients.web_seal_for(&ticket).await?, &ticket, now)
        .map_err(|_| Problem::from(Code::TicketInvalid))?;
    let (activation_id, mut code) = match opened {
        Ticket::Good { activation_id, code } => (activation_id, Some(code)),
        Ticket::Expired { activation_id } => (activation_id, None),
    };
    for _ in 0..ROUNDS {
        let attempt = load(clients, &activation_id, caller.clone()).await?;
        match Box::pin(step(clients, attempt, &mut code, budget)).await {
            Err(CompleteError::Store(StoreError::Conflict)) => {}
            Err(error) => return Err(error),
            Ok(record) => return Ok((record, caller)),
        }
    }
    Err(StoreError::Conflict.into())
}

/// The activation, if the caller is the one person who may finish it. Anybody else closes it, unless the right person
/// is already past the exchange.
async fn load(clients: &Clients, activation_id: &ActivationId, caller: Caller) -> Result<Attempt, CompleteError> {
    let record = clients.table.record(activation_id).await?.ok_or(Code::LinkExpired)?;
    let activation = &record.stored.activation;
    if activation.org_id != caller.org_id || activation.started_by != caller.user_id {
        turn_away(clients, record.stored, &caller).await?;
        return Err(Code::NotYourActivation.into());
    }
    let grant_id = activation.grant_at_start.as_ref();
    let (account, grant) =
        clients.table.account_and_grant(&activation.org_id, &activation.advertiser_id, grant_id).await?;
    let Some(account) = account else {
        without_account(clients, record.stored).await?;
        return Err(Code::AccountNotFound.into());
    };
    if !caller.reach.contains(&account.belonging) {
        turn_away(clients, record.stored, &caller).await?;
        return Err(Code::AccountOutOfReach.into());
    }
    let grant = match &account.grant_id {
        // It changed since the activation began.
        Some(id) if grant.as_ref().is_none_or(|stored| stored.grant.grant_id != *id) => {
            clients.table.account_and_grant(&account.org_id, &account.advertiser_id, Some(id)).await?.1
        }
        Some(_) => grant,
        None => None,
    };
    Ok(Attempt { record, account, grant, caller })
}

async fn turn_away(clients: &Clients, stored: StoredActivation, caller: &Caller) -> Result<(), CompleteError> {
    let now = clients.now();
    if stored.activation.next_step(now) != Step::Claim {
        return Ok(());
    }
    let outcome = Outcome::NotTheirs { presented_by: caller.user_id.clone(), presented_in: caller.org_id.clone() };
    let closed = stored.activation.clone().close(outcome, now)?;
    warn!(activation.id = %closed.activation_id, "Somebody else presented the ticket of activation {}; it is closed", closed.activation_id);
    match clients.table.close(&stored, closed, &[], None).await {
        // The right person was faster.
        Err(StoreError::Conflict) | Ok(_) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The account is gone and there is nothing to connect any more: the activation ends, and a token that waits goes with it.
async fn without_account(clients: &Clients, stored: StoredActivation) -> Result<(), CompleteError> {
    if matches!(stored.activation.state, State::Closed { .. }) {
        return Ok(());
    }
    let outcome = Outcome::GaveUp { cause: CauseCode::AdAccountNotFound.into() };
    let closed = stored.activation.clone().close(outcome, clients.now())?;
    match clients.table.close(&stored, closed, &[], None).await {
        // Somebody else is at it, and will find the same.
        Err(StoreError::Conflict) | Ok(_) => Ok(()),
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
        Step::Verify => resume(clients, attempt, budget).await,
        Step::Siblings => siblings::go_on(clients, attempt, budget).await,
        Step::LostExchange | Step::GiveUp => give_up(clients, attempt, CauseCode::TiktokUnavailable.into()).await,
        Step::Done
            if matches!(
                attempt.record.stored.activation.state,
                State::Closed { outcome: Outcome::AlreadyActive, .. }
            ) =>
        {
            Err(Code::AlreadyActive.into())
        }
        Step::Wait | Step::Done => Ok(attempt.record),
    }
}

/// Claims, exchanges, stores the candidate. Everything that could fail without the code is done before the claim.
async fn spend(
    clients: &Clients,
    mut attempt: Attempt,
    code: AuthCode,
    budget: Budget,
) -> Result<Record, CompleteError> {
    let (app, vault) = futures::try_join!(clients.app(), clients.vault())?;
    let claimed = attempt.record.stored.activation.clone().claim(clients.now())?;
    attempt.record.stored = clients.table.move_on(&attempt.record.stored, claimed, &clients.fresh_id()).await?;
    let Exchanged { token, scopes, evidence } = match clients.tiktok.exchange(&app, code, budget.exchange_until()).await
    {
        Ok(exchanged) => exchanged,
        Err(failed) => return not_exchanged(clients, attempt, &failed).await,
    };
    let grant_id = clients.fresh_grant_id();
    let binding = clients.binding(&attempt.account.org_id, &grant_id, Purpose::Candidate);
    let candidate = Candidate {
        token_fingerprint: token.fingerprint(),
        scopes,
        exchange: evidence,
        sealed_token: vault.seal(&token, &binding),
        grant_id,
    };
    attempt.record.stored = keep(clients, &attempt.record.stored, &candidate, budget).await?;
    info!(activation.id = %attempt.record.stored.activation.activation_id, "The code was exchanged; the candidate token is stored");
    commit::verify(clients, attempt, candidate, &token, budget).await
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
        match clients.table.keep_candidate(from, kept.clone(), candidate).await {
            Err(StoreError::Unavailable(reason)) if !budget.is_over() => {
                warn!(activation.id = %kept.activation_id, reason, "The candidate token is not stored yet");
                tokio::time::sleep(BETWEEN_KEEPS).await;
            }
            done => return Ok(done?),
        }
    }
}

/// Goes on with a stored candidate.
async fn resume(clients: &Clients, mut attempt: Attempt, budget: Budget) -> Result<Record, CompleteError> {
    let Some(candidate) = attempt.record.candidate.take() else {
        // The candidate outlived its time and was collected.
        return give_up(clients, attempt, CauseCode::TiktokUnavailable.into()).await;
    };
    let opened = match clients.open_candidate(&attempt.account.org_id, &candidate).await? {
        // Somebody whose keyring is newer sealed it. Ours will be, too.
        Err(Unsealable::UnknownKey(_)) => return Ok(attempt.record),
        opened => opened,
    };
    let resumed = attempt.record.stored.activation.clone().resume(clients.now())?;
    attempt.record.stored = clients.table.move_on(&attempt.record.stored, resumed, &clients.fresh_id()).await?;
    match opened {
        Ok(token) => commit::verify(clients, attempt, candidate, &token, budget).await,
        Err(_) => give_up(clients, attempt, CauseCode::CredentialUnreadable.into()).await,
    }
}

/// The code is spent, or must be taken for spent: it is never exchanged again.
async fn not_exchanged(clients: &Clients, attempt: Attempt, failed: &ExchangeFailed) -> Result<Record, CompleteError> {
    if failed.suspect_secret {
        clients.forget_app();
    }
    let code = match failed.refusal {
        Refusal::CodeRejected => return refuse_unproven(clients, attempt, CauseCode::AuthorizationCodeRejected).await,
        Refusal::AppMisconfigured => CauseCode::AppMisconfigured,
        Refusal::Throttled | Refusal::Unavailable => CauseCode::TiktokUnavailable,
        Refusal::TokenDead
        | Refusal::PermissionNotGranted
        | Refusal::AdAccountNotPermitted
        | Refusal::AdAccountGone
        | Refusal::NotPermitted
        | Refusal::Unrecognised => CauseCode::Unrecognised,
    };
    if code == CauseCode::AppMisconfigured {
        clients.app_level_code("the code exchange");
    }
    let mut cause = Cause::from(code);
    if code == CauseCode::Unrecognised {
        cause.tiktok_code = failed.evidence.code;
        cause.tiktok_request_id.clone_from(&failed.evidence.request_id);
    }
    give_up(clients, attempt, cause).await
}

/// TikTok rejected the code: a refusal that nothing was asked for.
async fn refuse_unproven(clients: &Clients, attempt: Attempt, code: CauseCode) -> Result<Record, CompleteError> {
    let outcome = Outcome::Refused {
        cause: code.into(),
        findings: Vec::new(),
        authorized_by: None,
        grant_id: None,
        siblings_left: false,
    };
    commit::refuse(clients, attempt, outcome, code.into()).await
}

/// Ends it without a verdict; the person may start again.
pub async fn give_up(clients: &Clients, attempt: Attempt, cause: Cause) -> Result<Record, CompleteError> {
    let closed =
        attempt.record.stored.activation.clone().close(Outcome::GaveUp { cause: cause.clone() }, clients.now())?;
    let gave_up_for = cause.cause;
    let line = not_reconnected(&attempt.account, cause);
    let stored = clients.table.close(&attempt.record.stored, closed, std::slice::from_ref(&line), None).await?;
    clients.ended("gave_up", Some(gave_up_for));
    Ok(Record { stored, candidate: None, lines: vec![line] })
}

pub fn not_reconnected(account: &AdAccount, cause: Cause) -> ReceiptLine {
    ReceiptLine {
        advertiser_id: account.advertiser_id.clone(),
        name: account.name.clone(),
        outcome: LineOutcome::NotReconnected { cause },
    }
}

/// Whether somebody else's activation made the account Active since this one began.
pub fn overtaken(activation: &Activation, account: &AdAccount) -> bool {
    account.is_active() && account.grant_id != activation.grant_at_start
}

pub fn refusal_of(attempt: &Attempt, cause: &Cause, now: Timestamp) -> transition::Transition {
    transition::refuse(&attempt.account, cause.cause, attempt.record.stored.activation.started_by_display.clone(), now)
}
