//! Accounts asked for through `also`: the other lapsed accounts of the same Business Center, within the caller's reach.
//! Each is judged on its own and moves in a transaction of its own. A crash between two of them loses nothing: what is
//! still lapsed is still found.

use jiff::SignedDuration;
use shared::domain::account::AdAccount;
use shared::domain::activation::{Outcome, State};
use shared::domain::causes::{Cause, CauseCode};
use shared::domain::checks::Finding;
use shared::domain::diagnosis::{Diagnosis, Verdict};
use shared::domain::ids::AdvertiserId;
use shared::domain::transition;
use shared::store::StoreError;
use shared::store::completing::{CompleteActivations, FurtherMove, Record};
use tracing::{info, warn};

use crate::clients::{Budget, Clients};
use crate::commit::{Proven, first_move, reconnected, refuse};
use crate::complete::{Attempt, CompleteError, not_reconnected, refusal_of};

/// How many accounts are asked about at a time.
const AT_ONCE: usize = 20;
/// Siblings that TikTok cannot judge within this time of the end stay lapsed.
const PATIENCE: SignedDuration = SignedDuration::from_mins(15);

/// After the asked-for account moved, in the same request.
pub async fn after(
    clients: &Clients,
    attempt: Attempt,
    proven: &Proven<'_>,
    budget: Budget,
) -> Result<Record, CompleteError> {
    if attempt.record.stored.activation.also_business_center {
        the_others(clients, attempt, proven, budget).await
    } else {
        Ok(attempt.record)
    }
}

/// In a later request: with the token of the grant that the activation brought.
pub async fn go_on(clients: &Clients, attempt: Attempt, budget: Budget) -> Result<Record, CompleteError> {
    let State::Closed { outcome, .. } = &attempt.record.stored.activation.state else { return Ok(attempt.record) };
    let (org_id, advertiser_id) = (&attempt.account.org_id, &attempt.account.advertiser_id);
    let (_, Some(stored)) = clients.table.account_and_grant(org_id, advertiser_id, outcome.grant_id()).await? else {
        return finish(clients, attempt).await;
    };
    let Ok(token) = clients.open(&stored).await else {
        return finish(clients, attempt).await;
    };
    let app = clients.app().await?;
    let evidence =
        clients.tiktok.grant_evidence(&app, &token, &attempt.account.business_center.id, budget.evidence_until()).await;
    let candidate = clients.as_candidate(&stored);
    let proven = Proven { candidate: &candidate, token: &token, evidence: &evidence, admins: None };
    the_others(clients, attempt, &proven, budget).await
}

/// The asked-for account is refused: the first sibling that is proven brings the grant, and ends the activation.
pub async fn without_the_first(
    clients: &Clients,
    attempt: Attempt,
    proven: &Proven<'_>,
    findings: Vec<Finding>,
    cause: Cause,
    budget: Budget,
) -> Result<Record, CompleteError> {
    let mut after = None;
    loop {
        let (page, next) = lapsed(clients, &attempt, after.as_ref()).await?;
        for (account, diagnosis) in judge(clients, proven, page, budget).await? {
            if diagnosis.verdict != Verdict::Connected {
                continue;
            }
            let now = clients.now();
            let (_, left) = clients
                .table
                .account_and_grant(&account.org_id, &account.advertiser_id, account.grant_id.as_ref())
                .await?;
            let activation = attempt.record.stored.activation.clone();
            let moved = transition::reconnect(
                &account,
                &proven.candidate.grant_id,
                diagnosis.findings.clone(),
                proven.at_risk(&diagnosis.findings, left.as_ref()),
                activation.started_by_display.clone(),
                now,
            );
            let outcome = Outcome::Refused {
                cause: cause.clone(),
                findings: findings.clone(),
                authorized_by: proven.person(),
                grant_id: Some(proven.candidate.grant_id.clone()),
                siblings_left: true,
            };
            let closed = activation.close(outcome, now)?;
            let lines = vec![not_reconnected(&attempt.account, cause.clone()), reconnected(&moved)];
            let refused = refusal_of(&attempt, &cause, now);
            let sibling =
                Attempt { record: attempt.record.clone(), account, grant: left, caller: attempt.caller.clone() };
            match first_move(clients, &sibling, proven, &closed, &moved, Some(&refused), &lines, now).await {
                Ok(stored) => {
                    clients.let_go(sibling.grant, budget).await;
                    return the_others(
                        clients,
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
    let outcome = Outcome::Refused {
        cause: cause.clone(),
        findings,
        authorized_by: proven.person(),
        grant_id: None,
        siblings_left: false,
    };
    refuse(clients, attempt, outcome, cause).await
}

/// Every other lapsed account, until all have their line or the time is over.
async fn the_others(
    clients: &Clients,
    attempt: Attempt,
    proven: &Proven<'_>,
    budget: Budget,
) -> Result<Record, CompleteError> {
    let activation = &attempt.record.stored.activation;
    let is_too_late =
        matches!(&activation.state, State::Closed { closed_at, .. } if *closed_at + PATIENCE <= clients.now());
    let (mut after, mut is_undecided) = (None, false);
    loop {
        let (page, next) = lapsed(clients, &attempt, after.as_ref()).await?;
        for (account, diagnosis) in judge(clients, proven, page, budget).await? {
            match &diagnosis.verdict {
                Verdict::Connected => one(clients, &attempt, proven, account, diagnosis.findings, budget).await?,
                Verdict::Lapsed { causes, .. } => {
                    let cause = causes.first().cloned().unwrap_or_else(|| CauseCode::Unrecognised.into());
                    clients.table.note_sibling(&activation.activation_id, &not_reconnected(&account, cause)).await?;
                }
                Verdict::Undecided { .. } if is_too_late => {
                    clients
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
            Some(_) if budget.is_over() && !is_too_late => return reload(clients, &attempt).await,
            Some(next) => after = Some(next),
            None if is_undecided => return reload(clients, &attempt).await,
            None => return finish(clients, attempt).await,
        }
    }
}

/// One sibling moves. If somebody else wrote to it, it is read and moved once more, or left to them.
async fn one(
    clients: &Clients,
    attempt: &Attempt,
    proven: &Proven<'_>,
    mut account: AdAccount,
    findings: Vec<Finding>,
    budget: Budget,
) -> Result<(), CompleteError> {
    let activation = &attempt.record.stored.activation;
    for _ in 0..3 {
        let now = clients.now();
        let (fresh, left) =
            clients.table.account_and_grant(&account.org_id, &account.advertiser_id, account.grant_id.as_ref()).await?;
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
        match clients.table.commit_sibling(further, now).await {
            Ok(()) => {
                info!(advertiser.id = %account.advertiser_id, "Account {} is reconnected with its sibling", account.advertiser_id);
                clients.let_go(left, budget).await;
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
    clients: &Clients,
    attempt: &Attempt,
    after: Option<&AdvertiserId>,
) -> Result<(Vec<AdAccount>, Option<AdvertiserId>), CompleteError> {
    let center = &attempt.account.business_center.id;
    let (page, next) = clients.table.lapsed_siblings(&attempt.account.org_id, center, after).await?;
    let is_new = |account: &AdAccount| {
        account.advertiser_id != attempt.account.advertiser_id
            && attempt.caller.reach.contains(&account.belonging)
            && !attempt.record.lines.iter().any(|line| line.advertiser_id == account.advertiser_id)
    };
    Ok((page.into_iter().filter(is_new).collect(), next))
}

async fn judge(
    clients: &Clients,
    proven: &Proven<'_>,
    accounts: Vec<AdAccount>,
    budget: Budget,
) -> Result<Vec<(AdAccount, Diagnosis)>, CompleteError> {
    let mut judged = Vec::with_capacity(accounts.len());
    for some in accounts.chunks(AT_ONCE) {
        let ids: Vec<_> = some.iter().map(|account| account.advertiser_id.clone()).collect();
        let asked = clients.tiktok.accounts_evidence(proven.token, &ids, budget.evidence_until()).await;
        for (account, (_, evidence)) in some.iter().zip(&asked) {
            judged.push((account.clone(), clients.diagnose(account, proven, evidence)));
        }
    }
    Ok(judged)
}

async fn finish(clients: &Clients, attempt: Attempt) -> Result<Record, CompleteError> {
    let done = attempt.record.stored.activation.clone().siblings_done()?;
    match clients.table.move_on(&attempt.record.stored, done, &clients.fresh_id()).await {
        Ok(_) | Err(StoreError::Conflict) => reload(clients, &attempt).await,
        Err(error) => Err(error.into()),
    }
}

async fn reload(clients: &Clients, attempt: &Attempt) -> Result<Record, CompleteError> {
    let id = &attempt.record.stored.activation.activation_id;
    Ok(clients.table.record(id).await?.ok_or(StoreError::Conflict)?)
}
