//! The asked-for account: gather, decide, commit. Verify first, then commit, and all of it or nothing.

use std::collections::BTreeSet;

use jiff::Timestamp;
use tokio::time::Instant;
use tracing::{info, warn};

use super::ending::{COMMITS, again, give_up, overtaken, refuse, too_late};
use super::{Attempt, Budget, FIRST_VERSION, FinishError, Finisher, siblings};
use crate::healing::{self, How};
use crate::judging::{self, Judged};
use crate::sealing::{AccessToken, Purpose, Unsealable};
use crate::store::StoreError;
use crate::store::complete_activation::{Candidate, FirstMove, Learnt, Record};
use crate::store::rows::{BusinessCenterItem, StoredActivation, StoredGrant};
use domain::account::{AdAccount, RiskFact, risks};
use domain::activation::{Activation, LineOutcome, Outcome, ReceiptLine};
use domain::business_center::{self, Admins};
use domain::causes::{Cause, CauseCode, NamedBusinessCenter};
use domain::checks::{Finding, GrantEvidence, Person};
use domain::diagnosis::Verdict;
use domain::examine::{Occasion, Subject};
use domain::grant::Grant;
use domain::transition::{self, Transition};

/// What the candidate was found to be, for whoever moves to it.
pub(super) struct Proven<'a> {
    pub candidate: &'a Candidate,
    pub token: &'a AccessToken,
    pub evidence: &'a GrantEvidence,
    /// The Business Center's Admins, where they could be asked for.
    pub admins: Option<Admins>,
}

impl Proven<'_> {
    pub fn person(&self) -> Option<Person> {
        self.evidence.person.value().cloned()
    }

    /// `left` is the grant that the account had before: its permissions may have been more.
    pub fn at_risk(&self, findings: &[Finding], left: Option<&StoredGrant>) -> BTreeSet<RiskFact> {
        let mut at_risk = risks(findings);
        if self.admins.as_ref().is_some_and(|admins| admins.count == 1) {
            at_risk.insert(RiskFact::SingleAdminLeft);
        }
        if left.is_some_and(|left| self.candidate.scopes.narrowed_from(&left.grant.scopes)) {
            at_risk.insert(RiskFact::PermissionsNarrowed);
        }
        at_risk
    }
}

/// Goes on with a stored candidate.
pub(super) async fn resume(finisher: &Finisher, mut attempt: Attempt, budget: Budget) -> Result<Record, FinishError> {
    let Some(candidate) = attempt.record.candidate.take() else {
        // The candidate outlived its time and was collected.
        return give_up(finisher, attempt, CauseCode::TiktokUnavailable.into()).await;
    };
    let now = finisher.now();
    let activation = attempt.record.stored.activation.clone();
    let opened = match finisher.open_candidate(&attempt.account.org_id, &candidate).await? {
        // Somebody whose keyring is newer sealed it. Ours will be, too.
        Err(Unsealable::UnknownKey(_)) if !activation.is_last_try(now) => return Ok(attempt.record),
        opened => opened,
    };
    let resumed = activation.resume(now)?;
    attempt.record.stored = finisher.table.move_on(&attempt.record.stored, resumed, &finisher.fresh_id()).await?;
    match opened {
        Ok(token) => verify(finisher, attempt, candidate, &token, budget).await,
        Err(_) => give_up(finisher, attempt, CauseCode::CredentialUnreadable.into()).await,
    }
}

/// Asks TikTok everything about the candidate, and acts on what it says.
pub async fn verify(
    finisher: &Finisher,
    attempt: Attempt,
    candidate: Candidate,
    token: &AccessToken,
    budget: Budget,
) -> Result<Record, FinishError> {
    let original = attempt.account.business_center.id.clone();
    let deadline = budget.evidence_until();
    let (judged, members) = futures::join!(
        judge(finisher, token, &attempt.account, &candidate, deadline),
        finisher.tiktok.members(token, &original, deadline),
    );
    let judged = judged?;
    let admins = members.value().map(|members| Admins::of(members));
    match judged.diagnosis.verdict.clone() {
        Verdict::Connected => commit(finisher, attempt, &candidate, token, judged, admins, budget).await,
        Verdict::Lapsed { causes, .. } => {
            refused(finisher, attempt, &candidate, token, judged, admins, causes, budget).await
        }
        Verdict::Undecided { causes } => wait(finisher, attempt, candidate, causes).await,
    }
}

async fn judge(
    finisher: &Finisher,
    token: &AccessToken,
    account: &AdAccount,
    candidate: &Candidate,
    deadline: Instant,
) -> Result<Judged, FinishError> {
    let app = finisher.app_credentials().await?;
    let judged = judging::judge(&finisher.tiktok, &app, token, subject(account, candidate), deadline).await;
    judging::notice(&judged, &finisher.app, finisher.now());
    Ok(judged)
}

pub(super) fn subject<'a>(account: &'a AdAccount, candidate: &'a Candidate) -> Subject<'a> {
    Subject {
        advertiser_id: &account.advertiser_id,
        original: &account.business_center.id,
        scopes: &candidate.scopes,
        scope_evidence: &candidate.exchange,
        occasion: Occasion::Consent,
    }
}

/// TikTok could not answer, or not so that anything follows. The candidate stays for the next try, if one can still be in
/// time; otherwise the person is told why nothing was decided.
async fn wait(
    finisher: &Finisher,
    mut attempt: Attempt,
    candidate: Candidate,
    causes: Vec<Cause>,
) -> Result<Record, FinishError> {
    let now = finisher.now();
    if attempt.record.stored.activation.is_last_try(now) {
        let cause = causes.into_iter().next().unwrap_or_else(|| CauseCode::TiktokUnavailable.into());
        return give_up(finisher, attempt, cause).await;
    }
    let released = attempt.record.stored.activation.clone().released(now)?;
    attempt.record.stored = finisher.table.move_on(&attempt.record.stored, released, &finisher.fresh_id()).await?;
    attempt.record.candidate = Some(candidate);
    Ok(attempt.record)
}

async fn commit(
    finisher: &Finisher,
    mut attempt: Attempt,
    candidate: &Candidate,
    token: &AccessToken,
    judged: Judged,
    admins: Option<Admins>,
    budget: Budget,
) -> Result<Record, FinishError> {
    let judged_center = attempt.account.business_center.id.clone();
    for _ in 0..COMMITS {
        let now = finisher.now();
        if overtaken(&attempt.record.stored.activation, &attempt.account) {
            return too_late(finisher, attempt).await;
        }
        if attempt.account.business_center.id != judged_center {
            return wait(finisher, attempt, candidate.clone(), Vec::new()).await;
        }
        let proven = Proven { candidate, token, evidence: &judged.grant, admins: admins.clone() };
        let activation = attempt.record.stored.activation.clone();
        let findings = judged.diagnosis.findings.clone();
        let at_risk = proven.at_risk(&findings, attempt.grant.as_ref());
        let moved = transition::reconnect(
            &attempt.account,
            &candidate.grant_id,
            findings,
            judged.account.time_zone(),
            at_risk,
            activation.started_by_display.clone(),
            now,
        );
        let outcome = Outcome::Reconnected { authorized_by: proven.person(), grant_id: candidate.grant_id.clone() };
        let line = reconnected(&moved);
        let has_siblings = activation.also_business_center;
        let closed =
            if has_siblings { activation.close_with_siblings(outcome, now) } else { activation.close(outcome, now) }?;
        match first_move(finisher, &attempt, &proven, &closed, &moved, None, std::slice::from_ref(&line), now).await {
            Ok(stored) => {
                info!(advertiser.id = %attempt.account.advertiser_id, "Account {} is reconnected", attempt.account.advertiser_id);
                let left = attempt.grant.take();
                attempt.record = Record { stored, candidate: None, lines: vec![line] };
                attempt.account = moved.after;
                finisher.let_go(left, budget).await;
                return if has_siblings {
                    siblings::the_others(finisher, attempt, &proven, budget).await
                } else {
                    Ok(attempt.record)
                };
            }
            Err(StoreError::Conflict) => attempt = again(finisher, attempt).await?,
            Err(error) => return Err(error.into()),
        }
    }
    Err(StoreError::Conflict.into())
}

/// The account moves, the grant comes into being, the activation ends: one transaction.
#[expect(clippy::too_many_arguments, reason = "everything that one transaction writes, each once")]
pub(super) async fn first_move(
    finisher: &Finisher,
    attempt: &Attempt,
    proven: &Proven<'_>,
    closed: &Activation,
    moved: &Transition,
    refused: Option<&Transition>,
    lines: &[ReceiptLine],
    now: Timestamp,
) -> Result<StoredActivation, StoreError> {
    let center = named(&attempt.account, proven.evidence);
    let stored = StoredGrant {
        grant: new_grant(proven, &attempt.account, now),
        sealed_token: Some(sealed(finisher, proven, &attempt.account).await?),
    };
    let first = FirstMove {
        closed,
        lines,
        grant: &stored,
        due_at: now + finisher.check_interval,
        account: moved,
        left: attempt.grant.as_ref().map(|stored| &stored.grant),
        refused,
        learnt: Learnt { business_center: &center, admins: proven.admins.as_ref().and_then(Admins::to_remember) },
    };
    let committed = finisher.table.commit(&attempt.record.stored, first).await?;
    finisher.ended(&committed.activation);
    healing::tell([moved], How::Reconnected, now);
    Ok(committed)
}

async fn sealed(finisher: &Finisher, proven: &Proven<'_>, account: &AdAccount) -> Result<Vec<u8>, StoreError> {
    let vault = finisher.vault().await.map_err(|unready| StoreError::Unavailable(unready.to_string()))?;
    let binding = finisher.binding(&account.org_id, &proven.candidate.grant_id, Purpose::Grant);
    Ok(vault.seal(proven.token, &binding))
}

fn new_grant(proven: &Proven<'_>, account: &AdAccount, now: Timestamp) -> Grant {
    Grant {
        grant_id: proven.candidate.grant_id.clone(),
        org_id: account.org_id.clone(),
        token_version: FIRST_VERSION,
        token_fingerprint: proven.candidate.token_fingerprint.clone(),
        authorized_by: proven.person(),
        scopes: proven.candidate.scopes.clone(),
        business_centers: proven.evidence.business_centers_of_person(),
        granted_at: proven.candidate.exchange.asked_at,
        last_proven_at: Some(now),
        ad_accounts: 1,
        retired_at: None,
    }
}

fn named(account: &AdAccount, evidence: &GrantEvidence) -> NamedBusinessCenter {
    business_center::named(account, evidence.name_of(&account.business_center.id), None)
}

pub(super) fn reconnected(moved: &Transition) -> ReceiptLine {
    let gap = moved.event.as_ref().and_then(|event| event.gap);
    ReceiptLine {
        advertiser_id: moved.after.advertiser_id.clone(),
        name: moved.after.name.clone(),
        outcome: LineOutcome::Reconnected { gap },
    }
}

/// Whether the organisation's own knowledge of the Business Center is worth a read.
fn needs_what_was_known(cause: &Cause, account: &AdAccount, told: Option<&str>) -> bool {
    let is_nameless = cause.original.is_some() && told.is_none() && account.business_center.name.is_none();
    cause.cause == CauseCode::NotBusinessCenterAdmin || is_nameless
}

/// The asked-for account is refused. Its siblings, where asked for, are not refused with it.
#[expect(clippy::too_many_arguments, reason = "everything that is known about the refusal")]
async fn refused(
    finisher: &Finisher,
    attempt: Attempt,
    candidate: &Candidate,
    token: &AccessToken,
    judged: Judged,
    admins: Option<Admins>,
    causes: Vec<Cause>,
    budget: Budget,
) -> Result<Record, FinishError> {
    let cause = causes.into_iter().next().unwrap_or_else(|| CauseCode::Unrecognised.into());
    let account = &attempt.account;
    let told = judged.grant.name_of(&account.business_center.id);
    let known = if needs_what_was_known(&cause, account, told.as_deref()) {
        finisher.table.business_center(&account.org_id, &account.business_center.id).await?
    } else {
        BusinessCenterItem::default()
    };
    let cause = cause.with_names(&business_center::named(account, told, known.name), &known.admins);
    warn!(advertiser.id = %attempt.account.advertiser_id, cause = ?cause.cause, "The reconnection of account {} is refused", attempt.account.advertiser_id);
    let proven = Proven { candidate, token, evidence: &judged.grant, admins };
    if attempt.record.stored.activation.also_business_center {
        let findings = judged.diagnosis.findings.clone();
        return siblings::without_the_first(finisher, attempt, &proven, findings, cause, budget).await;
    }
    let outcome = Outcome::Refused {
        cause: cause.clone(),
        findings: judged.diagnosis.findings,
        authorized_by: proven.person(),
        grant_id: None,
    };
    refuse(finisher, attempt, outcome, cause).await
}
