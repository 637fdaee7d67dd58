//! Ends without a reconnected account: refused, given up, overtaken, or without an account to connect.

use jiff::Timestamp;

use super::{Attempt, FinishError, Finisher};
use crate::store::StoreError;
use crate::store::complete_activation::Record;
use crate::store::rows::StoredActivation;
use domain::account::AdAccount;
use domain::activation::{Activation, LineOutcome, Outcome, ReceiptLine, State};
use domain::causes::{Cause, CauseCode};
use domain::transition::{self, Transition};

/// How often an end that met another write is tried on the fresh account.
pub(super) const COMMITS: usize = 4;

/// Ends it without a verdict; the person may start again.
pub async fn give_up(finisher: &Finisher, attempt: Attempt, cause: Cause) -> Result<Record, FinishError> {
    let Attempt { record, account, .. } = attempt;
    let closed = record.stored.activation.clone().close(Outcome::GaveUp { cause: cause.clone() }, finisher.now())?;
    let line = not_reconnected(&account, cause);
    let stored = finisher.table.close(&record.stored, closed, std::slice::from_ref(&line), None).await?;
    finisher.ended(&stored.activation);
    Ok(Record { stored, candidate: None, lines: vec![line] })
}

/// The account is gone and there is nothing to connect any more: the activation ends, and a token that waits goes with it.
pub async fn without_account(finisher: &Finisher, stored: StoredActivation) -> Result<(), FinishError> {
    let activation = stored.activation.clone();
    let ended = match &activation.state {
        State::Closed { siblings: None, .. } => return Ok(()),
        State::Closed { siblings: Some(_), .. } => {
            finisher.table.move_on(&stored, activation.siblings_done()?, &finisher.fresh_id()).await
        }
        State::Waiting | State::Exchanging { .. } | State::Verifying { .. } => {
            let outcome = Outcome::GaveUp { cause: CauseCode::AdAccountNotFound.into() };
            let closed = finisher.table.close(&stored, activation.close(outcome, finisher.now())?, &[], None).await;
            closed.inspect(|closed| finisher.ended(&closed.activation))
        }
    };
    match ended {
        // Somebody else is at it, and will find the same.
        Err(StoreError::Conflict) | Ok(_) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// TikTok rejected the code: a refusal that nothing was asked for.
pub async fn refuse_unproven(finisher: &Finisher, attempt: Attempt, code: CauseCode) -> Result<Record, FinishError> {
    let outcome = Outcome::Refused { cause: code.into(), findings: Vec::new(), authorized_by: None, grant_id: None };
    refuse(finisher, attempt, outcome, code.into()).await
}

/// Ends the activation with a refusal: the candidate goes in the same write, the account's connection stays as it was.
pub(super) async fn refuse(
    finisher: &Finisher,
    mut attempt: Attempt,
    outcome: Outcome,
    cause: Cause,
) -> Result<Record, FinishError> {
    for _ in 0..COMMITS {
        let now = finisher.now();
        let line = not_reconnected(&attempt.account, cause.clone());
        let event = refusal_of(&attempt, &cause, now);
        let closed = attempt.record.stored.activation.clone().close(outcome.clone(), now)?;
        match finisher.table.close(&attempt.record.stored, closed, std::slice::from_ref(&line), Some(&event)).await {
            Ok(stored) => {
                finisher.ended(&stored.activation);
                return Ok(Record { stored, candidate: None, lines: vec![line] });
            }
            Err(StoreError::Conflict) => attempt = again(finisher, attempt).await?,
            Err(error) => return Err(error.into()),
        }
    }
    Err(StoreError::Conflict.into())
}

/// Another activation was first. This one ends, and its candidate goes with it.
pub(super) async fn too_late(finisher: &Finisher, attempt: Attempt) -> Result<Record, FinishError> {
    let closed = attempt.record.stored.activation.clone().close(Outcome::AlreadyActive, finisher.now())?;
    let stored = finisher.table.close(&attempt.record.stored, closed, &[], None).await?;
    finisher.ended(&stored.activation);
    Ok(Record { stored, candidate: None, lines: Vec::new() })
}

/// Whether somebody else's activation made the account Active since this one began.
pub(super) fn overtaken(activation: &Activation, account: &AdAccount) -> bool {
    account.is_active() && account.grant_id != activation.grant_at_start
}

/// Somebody wrote in between: the fresh rows, if the activation is still ours to end.
pub(super) async fn again(finisher: &Finisher, attempt: Attempt) -> Result<Attempt, FinishError> {
    let record = finisher
        .table
        .activation(&attempt.record.stored.activation.activation_id)
        .await?
        .ok_or(StoreError::Conflict)?;
    if record.stored.step != attempt.record.stored.step {
        return Err(StoreError::Conflict.into());
    }
    // Without the account there is another round, which ends the activation.
    let (account, grant) = finisher.account_of(&record.stored.activation).await?.ok_or(StoreError::Conflict)?;
    Ok(Attempt { record, account, grant })
}

pub(super) fn refusal_of(attempt: &Attempt, cause: &Cause, now: Timestamp) -> Transition {
    transition::refuse(&attempt.account, cause.cause, attempt.record.stored.activation.started_by_display.clone(), now)
}

pub(super) fn not_reconnected(account: &AdAccount, cause: Cause) -> ReceiptLine {
    ReceiptLine {
        advertiser_id: account.advertiser_id.clone(),
        name: account.name.clone(),
        outcome: LineOutcome::NotReconnected { cause },
    }
}
