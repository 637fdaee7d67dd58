//! Accounts asked for through `also`: the other lapsed accounts of the same Business Center, within the caller's reach.
//! Each is judged on its own and moves in a transaction of its own. A crash between two of them loses nothing: what is
//! still lapsed is still found.

use tracing::{info, warn};

use super::commit::{Proven, first_move, reconnected, subject};
use super::ending::{not_reconnected, refusal_of, refuse};
use super::{Attempt, Budget, FinishError, Finisher};
use crate::healing::{self, How};
use crate::judging::TokenUnreadable;
use crate::store::StoreError;
use crate::store::complete_activation::{Candidate, FurtherMove, Record};
use crate::store::rows::StoredGrant;
use domain::account::AdAccount;
use domain::activation::{Outcome, State};
use domain::causes::{Cause, CauseCode};
use domain::checks::{AccountEvidence, Finding, Gathered};
use domain::diagnosis::{Diagnosis, Verdict, diagnose};
use domain::ids::AdvertiserId;
use domain::time_zone::ReportingTimeZone;
use domain::transition;

/// How many accounts are asked about at a time.
const AT_ONCE: usize = 20;

/// In a later go: with the token of the grant that the activation brought.
pub(super) async fn go_on(finisher: &Finisher, mut attempt: Attempt, budget: Budget) -> Result<Record, FinishError> {
    let State::Closed { outcome, .. } = &attempt.record.stored.activation.state else { return Ok(attempt.record) };
    let (org_id, advertiser_id) = (&attempt.account.org_id, &attempt.account.advertiser_id);
    let (_, grant) = finisher.table.account_and_grant(org_id, advertiser_id, outcome.grant_id()).await?;
    let Some(stored) = grant else { return finish(finisher, attempt).await };
    let token = match finisher.open(&stored).await {
        Ok(token) => token,
        Err(TokenUnreadable::NoKeyring(unready)) => return Err(unready.into()),
        Err(TokenUnreadable::Unsealable(_) | TokenUnreadable::Retired) => return finish(finisher, attempt).await,
    };
    let app = finisher.app_credentials().await?;
    let taken_up = attempt.record.stored.activation.clone().siblings_taken_up(finisher.now())?;
    attempt.record.stored = finisher.table.move_on(&attempt.record.stored, taken_up, &finisher.fresh_id()).await?;
    let center = &attempt.account.business_center.id;
    let evidence = finisher.tiktok.grant_evidence(&app, &token, center, budget.evidence_until()).await;
    let candidate = as_candidate(&stored);
    let proven = Proven { candidate: &candidate, token: &token, evidence: &evidence, admins: None };
    the_others(finisher, attempt, &proven, budget).await
}

/// A promoted grant as the candidate it once was.
fn as_candidate(stored: &StoredGrant) -> Candidate {
    let grant = &stored.grant;
    Candidate {
        grant_id: grant.grant_id.clone(),
        token_fingerprint: grant.token_fingerprint.clone(),
        scopes: grant.scopes.clone(),
        exchange: grant.scope_evidence(),
        sealed_token: Vec::new(),
    }
}

/// The asked-for account is refused: the first sibling that is proven brings the grant, and ends the activation.
pub(super) async fn without_the_first(
    finisher: &Finisher,
    attempt: Attempt,
    proven: &Proven<'_>,
    findings: Vec<Finding>,
    cause: Cause,
    budget: Budget,
) -> Result<Record, FinishError> {
    let mut after = None;
    loop {
        let (page, next) = lapsed(finisher, &attempt, after.as_ref()).await?;
        for (account, time_zone, diagnosis) in judge(finisher, proven, page, budget).await? {
            if diagnosis.verdict != Verdict::Connected {
                continue;
            }
            let now = finisher.now();
            let (_, left) = finisher
                .table
                .account_and_grant(&account.org_id, &account.advertiser_id, account.grant_id.as_ref())
                .await?;
            let activation = attempt.record.stored.activation.clone();
            let moved = transition::reconnect(
                &account,
                &proven.candidate.grant_id,
                diagnosis.findings.clone(),
                time_zone,
                proven.at_risk(&diagnosis.findings, left.as_ref()),
                activation.started_by_display.clone(),
                now,
            );
            let outcome = Outcome::Refused {
                cause: cause.clone(),
                findings: findings.clone(),
                authorized_by: proven.person(),
                grant_id: Some(proven.candidate.grant_id.clone()),
            };
            let closed = activation.close_with_siblings(outcome, now)?;
            let lines = vec![not_reconnected(&attempt.account, cause.clone()), reconnected(&moved)];
            let refused = refusal_of(&attempt, &cause, now);
            let sibling = Attempt { record: attempt.record.clone(), account, grant: left };
            match first_move(finisher, &sibling, proven, &closed, &moved, Some(&refused), &lines, now).await {
                Ok(stored) => {
                    finisher.let_go(sibling.grant, budget).await;
                    return the_others(
                        finisher,
                        Attempt { record: Record { stored, candidate: None, lines }, ..attempt },
                        proven,
                        budget,
                    )
                    .await;
                }
                // Somebody wrote to one of the two accounts; the whole round is taken again.
                Err(error) => return Err(error.into()),
            }
        }
        match next {
            Some(next) if !budget.is_over() => after = Some(next),
            _ => break,
        }
    }
    let outcome = Outcome::Refused { cause: cause.clone(), findings, authorized_by: proven.person(), grant_id: None };
    refuse(finisher, attempt, outcome, cause).await
}

/// Every other lapsed account, until all have their line or the time is over.
pub(super) async fn the_others(
    finisher: &Finisher,
    attempt: Attempt,
    proven: &Proven<'_>,
    budget: Budget,
) -> Result<Record, FinishError> {
    let activation = &attempt.record.stored.activation;
    let is_last_try = activation.is_last_try(finisher.now());
    let (mut after, mut is_undecided) = (None, false);
    loop {
        let (page, next) = lapsed(finisher, &attempt, after.as_ref()).await?;
        for (account, time_zone, diagnosis) in judge(finisher, proven, page, budget).await? {
            match &diagnosis.verdict {
                Verdict::Connected => {
                    one(finisher, &attempt, proven, account, diagnosis.findings, time_zone, budget).await?;
                }
                Verdict::Lapsed { causes, .. } => {
                    let cause = causes.first().cloned().unwrap_or_else(|| CauseCode::Unrecognised.into());
                    finisher.table.note_sibling(&activation.activation_id, &not_reconnected(&account, cause)).await?;
                }
                Verdict::Undecided { .. } if is_last_try => {
                    finisher
                        .table
                        .note_sibling(
                            &activation.activation_id,
                            &not_reconnected(&account, CauseCode::TiktokUnavailable.into()),
                        )
                        .await?;
                }
                Verdict::Undecided { .. } => is_undecided = true,
            }
        }
        match next {
            Some(_) if budget.is_over() && !is_last_try => return reload(finisher, &attempt).await,
            Some(next) => after = Some(next),
            None if is_undecided => return reload(finisher, &attempt).await,
            None => return finish(finisher, attempt).await,
        }
    }
}

/// One sibling moves. If somebody else wrote to it, it is read and moved once more, or left to them.
async fn one(
    finisher: &Finisher,
    attempt: &Attempt,
    proven: &Proven<'_>,
    mut account: AdAccount,
    findings: Vec<Finding>,
    time_zone: Option<ReportingTimeZone>,
    budget: Budget,
) -> Result<(), FinishError> {
    let activation = &attempt.record.stored.activation;
    for _ in 0..3 {
        let now = finisher.now();
        let (fresh, left) = finisher
            .table
            .account_and_grant(&account.org_id, &account.advertiser_id, account.grant_id.as_ref())
            .await?;
        let Some(fresh) = fresh.filter(|fresh| is_still_to_do(fresh, attempt, proven)) else { return Ok(()) };
        let is_left_known = fresh.grant_id == account.grant_id;
        account = fresh;
        if !is_left_known {
            continue;
        }
        let moved = transition::reconnect(
            &account,
            &proven.candidate.grant_id,
            findings.clone(),
            time_zone.clone(),
            proven.at_risk(&findings, left.as_ref()),
            activation.started_by_display.clone(),
            now,
        );
        let line = reconnected(&moved);
        let further = FurtherMove {
            activation_id: &activation.activation_id,
            grant_id: &proven.candidate.grant_id,
            line: &line,
            account: &moved,
            left: left.as_ref().map(|stored| &stored.grant),
        };
        match finisher.table.commit_sibling(further, now).await {
            Ok(()) => {
                info!(advertiser.id = %account.advertiser_id, "Account {} is reconnected with its sibling", account.advertiser_id);
                healing::tell([&moved], How::Reconnected, now);
                finisher.let_go(left, budget).await;
                return Ok(());
            }
            Err(StoreError::Conflict) => {
                warn!(advertiser.id = %account.advertiser_id, "Somebody else wrote to account {}", account.advertiser_id);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Still lapsed, still of this Business Center, and not on the new grant already.
fn is_still_to_do(account: &AdAccount, attempt: &Attempt, proven: &Proven<'_>) -> bool {
    !account.is_active()
        && account.business_center.id == attempt.account.business_center.id
        && account.grant_id.as_ref() != Some(&proven.candidate.grant_id)
}

/// One page of lapsed accounts of the Business Center that this activation may touch and has not touched yet.
async fn lapsed(
    finisher: &Finisher,
    attempt: &Attempt,
    after: Option<&AdvertiserId>,
) -> Result<(Vec<AdAccount>, Option<AdvertiserId>), FinishError> {
    let center = &attempt.account.business_center.id;
    let (page, next) = finisher.table.lapsed_siblings(&attempt.account.org_id, center, after).await?;
    let is_new = |account: &AdAccount| {
        account.advertiser_id != attempt.account.advertiser_id
            && attempt.record.stored.activation.reach.contains(&account.belonging)
            && !attempt.record.lines.iter().any(|line| line.advertiser_id == account.advertiser_id)
    };
    Ok((page.into_iter().filter(is_new).collect(), next))
}

async fn judge(
    finisher: &Finisher,
    proven: &Proven<'_>,
    accounts: Vec<AdAccount>,
    budget: Budget,
) -> Result<Vec<(AdAccount, Option<ReportingTimeZone>, Diagnosis)>, FinishError> {
    let mut judged = Vec::with_capacity(accounts.len());
    for some in accounts.chunks(AT_ONCE) {
        let ids: Vec<_> = some.iter().map(|account| account.advertiser_id.clone()).collect();
        let asked = finisher.tiktok.accounts_evidence(proven.token, &ids, budget.evidence_until()).await;
        for (account, (_, evidence)) in some.iter().zip(&asked) {
            judged.push((account.clone(), evidence.time_zone(), about(account, proven, evidence)));
        }
    }
    Ok(judged)
}

/// From evidence about the grant that is already there.
fn about(account: &AdAccount, proven: &Proven<'_>, evidence: &AccountEvidence) -> Diagnosis {
    diagnose(subject(account, proven.candidate), Gathered { grant: proven.evidence, account: evidence })
}

async fn finish(finisher: &Finisher, attempt: Attempt) -> Result<Record, FinishError> {
    let done = attempt.record.stored.activation.clone().siblings_done()?;
    match finisher.table.move_on(&attempt.record.stored, done, &finisher.fresh_id()).await {
        Ok(_) | Err(StoreError::Conflict) => reload(finisher, &attempt).await,
        Err(error) => Err(error.into()),
    }
}

async fn reload(finisher: &Finisher, attempt: &Attempt) -> Result<Record, FinishError> {
    let id = &attempt.record.stored.activation.activation_id;
    Ok(finisher.table.activation(id).await?.ok_or(StoreError::Conflict)?)
}
