//! The asked-for account: gather, decide, commit. Verify first, then commit, and all of it or nothing.

use std::collections::BTreeSet;

use jiff::Timestamp;
use shared::domain::account::{AdAccount, RiskFact, risks};
use shared::domain::activation::{Activation, LineOutcome, Outcome, ReceiptLine};
use shared::domain::causes::{Cause, CauseCode, NamedBusinessCenter};
use shared::domain::checks::{Finding, GrantEvidence, Person};
use shared::domain::diagnosis::Verdict;
use shared::domain::grant::Grant;
use shared::domain::transition::{self, Transition};
use shared::judging::Judged;
use shared::sealing::{AccessToken, Purpose};
use shared::store::StoreError;
use shared::store::completing::{Candidate, CompleteActivations, FirstMove, Learnt, Record};
use shared::store::items::StoredGrant;
use shared::tiktok::Member;
use tracing::{info, warn};

use crate::clients::{Budget, Clients, FIRST_VERSION};
use crate::complete::{Attempt, CompleteError, not_reconnected, overtaken, refusal_of};
use crate::siblings;

/// How often a commit that met another write is tried on the fresh account.
const COMMITS: usize = 4;

/// What the candidate was found to be, for whoever moves to it.
pub struct Proven<'a> {
    pub candidate: &'a Candidate,
    pub token: &'a AccessToken,
    pub evidence: &'a GrantEvidence,
    /// Names of the Business Center's Admins, where they could be asked for.
    pub admins: Option<Vec<String>>,
}

impl Proven<'_> {
    pub fn person(&self) -> Option<Person> {
        self.evidence.person.value().cloned()
    }

    /// `left` is the grant that the account had before: its permissions may have been more.
    pub fn at_risk(&self, findings: &[Finding], left: Option<&StoredGrant>) -> BTreeSet<RiskFact> {
        let mut at_risk = risks(findings);
        if self.admins.as_ref().is_some_and(|admins| admins.len() == 1) {
            at_risk.insert(RiskFact::SingleAdminLeft);
        }
        if left.is_some_and(|left| self.candidate.scopes.narrowed_from(&left.grant.scopes)) {
            at_risk.insert(RiskFact::PermissionsNarrowed);
        }
        at_risk
    }
}

/// Asks TikTok everything about the candidate, and acts on what it says.
pub async fn verify(
    clients: &Clients,
    attempt: Attempt,
    candidate: Candidate,
    token: &AccessToken,
    budget: Budget,
) -> Result<Record, CompleteError> {
    let original = attempt.account.business_center.id.clone();
    let deadline = budget.evidence_until();
    let (judged, members) = futures::join!(
        clients.judge(token, &attempt.account, &candidate, deadline),
        clients.tiktok.members(token, &original, deadline),
    );
    let judged = judged?;
    let admins = members.value().map(|members| admins_of(members));
    match judged.diagnosis.verdict.clone() {
        Verdict::Connected => commit(clients, attempt, &candidate, token, judged, admins, budget).await,
        Verdict::Lapsed { causes, .. } => {
            refused(clients, attempt, &candidate, token, judged, admins, causes, budget).await
        }
        Verdict::Undecided { .. } => wait(clients, attempt, candidate).await,
    }
}

fn admins_of(members: &[Member]) -> Vec<String> {
    members
        .iter()
        .filter(|member| member.is_admin)
        .map(|member| {
            member.display_name.clone().unwrap_or_else(|| "somebody whose name TikTok does not show".to_owned())
        })
        .collect()
}

/// TikTok could not answer. The candidate stays, and the next completion may go on at once.
async fn wait(clients: &Clients, mut attempt: Attempt, candidate: Candidate) -> Result<Record, CompleteError> {
    let released = attempt.record.stored.activation.clone().released(clients.now())?;
    attempt.record.stored = clients.table.move_on(&attempt.record.stored, released, &clients.fresh_id()).await?;
    attempt.record.candidate = Some(candidate);
    Ok(attempt.record)
}

async fn commit(
    clients: &Clients,
    mut attempt: Attempt,
    candidate: &Candidate,
    token: &AccessToken,
    judged: Judged,
    admins: Option<Vec<String>>,
    budget: Budget,
) -> Result<Record, CompleteError> {
    let judged_center = attempt.account.business_center.id.clone();
    for _ in 0..COMMITS {
        let now = clients.now();
        if overtaken(&attempt.record.stored.activation, &attempt.account) {
            return too_late(clients, attempt).await;
        }
        if attempt.account.business_center.id != judged_center {
            return wait(clients, attempt, candidate.clone()).await;
        }
        let proven = Proven { candidate, token, evidence: &judged.grant, admins: admins.clone() };
        let activation = attempt.record.stored.activation.clone();
        let findings = judged.diagnosis.findings.clone();
        let at_risk = proven.at_risk(&findings, attempt.grant.as_ref());
        let moved = transition::reconnect(
            &attempt.account,
            &candidate.grant_id,
            findings,
            at_risk,
            activation.started_by_display.clone(),
            now,
        );
        let outcome = Outcome::Reconnected {
            authorized_by: proven.person(),
            grant_id: candidate.grant_id.clone(),
            siblings_left: activation.also_business_center,
        };
        let line = reconnected(&moved);
        let closed = activation.close(outcome, now)?;
        match first_move(clients, &attempt, &proven, &closed, &moved, None, std::slice::from_ref(&line), now).await {
            Ok(stored) => {
                info!(advertiser.id = %attempt.account.advertiser_id, "Account {} is reconnected", attempt.account.advertiser_id);
                clients.ended("reconnected", None);
                let left = attempt.grant.take();
                attempt.record = Record { stored, candidate: None, lines: vec![line] };
                attempt.account = moved.after;
                clients.let_go(left, budget).await;
                return siblings::after(clients, attempt, &proven, budget).await;
            }
            Err(StoreError::Conflict) => attempt = again(clients, attempt).await?,
            Err(error) => return Err(error.into()),
        }
    }
    Err(StoreError::Conflict.into())
}

/// The account moves, the grant comes into being, the activation ends: one transaction.
#[expect(clippy::too_many_arguments, reason = "everything that one transaction writes, each once")]
pub async fn first_move(
    clients: &Clients,
    attempt: &Attempt,
    proven: &Proven<'_>,
    closed: &Activation,
    moved: &Transition,
    refused: Option<&Transition>,
    lines: &[ReceiptLine],
    now: Timestamp,
) -> Result<shared::store::items::StoredActivation, StoreError> {
    let center = named(&attempt.account, proven.evidence);
    let stored = StoredGrant {
        grant: new_grant(proven, &attempt.account, now),
        sealed_token: Some(sealed(clients, proven, &attempt.account).await?),
    };
    let first = FirstMove {
        closed,
        lines,
        grant: &stored,
        due_at: now + clients.check_interval,
        account: moved,
        left: attempt.grant.as_ref().map(|stored| &stored.grant),
        refused,
        learnt: Learnt { business_center: &center, admins: proven.admins.as_deref() },
    };
    clients.table.commit(&attempt.record.stored, first).await
}

async fn sealed(clients: &Clients, proven: &Proven<'_>, account: &AdAccount) -> Result<Vec<u8>, StoreError> {
    let vault = clients.vault().await.map_err(|unready| StoreError::Unavailable(unready.to_string()))?;
    let binding = clients.binding(&account.org_id, &proven.candidate.grant_id, Purpose::Grant);
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
        business_centers: proven.evidence.business_centers.value().cloned().unwrap_or_default(),
        granted_at: proven.candidate.exchange.asked_at,
        last_proven_at: Some(now),
        ad_accounts: 1,
        retired_at: None,
    }
}

fn named(account: &AdAccount, evidence: &GrantEvidence) -> NamedBusinessCenter {
    let centers = evidence.business_centers.value().into_iter().flatten();
    let name =
        centers.filter(|one| one.business_center_id == account.business_center.id).map(|one| one.name.clone()).next();
    NamedBusinessCenter {
        id: account.business_center.id.clone(),
        name: name.or_else(|| account.business_center.name.clone()),
    }
}

pub fn reconnected(moved: &Transition) -> ReceiptLine {
    let gap = moved.event.as_ref().and_then(|event| event.gap);
    ReceiptLine {
        advertiser_id: moved.after.advertiser_id.clone(),
        name: moved.after.name.clone(),
        outcome: LineOutcome::Reconnected { gap },
    }
}

/// Somebody wrote in between: the fresh rows, if the activation is still ours to commit.
async fn again(clients: &Clients, attempt: Attempt) -> Result<Attempt, CompleteError> {
    let record =
        clients.table.record(&attempt.record.stored.activation.activation_id).await?.ok_or(StoreError::Conflict)?;
    if record.stored.step != attempt.record.stored.step {
        return Err(StoreError::Conflict.into());
    }
    let (org_id, advertiser_id) = (&attempt.account.org_id, &attempt.account.advertiser_id);
    let (account, _) = clients.table.account_and_grant(org_id, advertiser_id, None).await?;
    // Without it there is another round, which ends the activation.
    let account = account.ok_or(StoreError::Conflict)?;
    let (_, grant) = clients.table.account_and_grant(org_id, advertiser_id, account.grant_id.as_ref()).await?;
    Ok(Attempt { record, account, grant, caller: attempt.caller })
}

/// Another activation was first. This one ends, and its candidate goes with it.
async fn too_late(clients: &Clients, attempt: Attempt) -> Result<Record, CompleteError> {
    let closed = attempt.record.stored.activation.clone().close(Outcome::AlreadyActive, clients.now())?;
    clients.table.close(&attempt.record.stored, closed, &[], None).await?;
    Err(shared::http::Code::AlreadyActive.into())
}

/// The asked-for account is refused. Its siblings, where asked for, are not refused with it.
#[expect(clippy::too_many_arguments, reason = "everything that is known about the refusal")]
async fn refused(
    clients: &Clients,
    attempt: Attempt,
    candidate: &Candidate,
    token: &AccessToken,
    judged: Judged,
    admins: Option<Vec<String>>,
    causes: Vec<Cause>,
    budget: Budget,
) -> Result<Record, CompleteError> {
    let cause = causes.into_iter().next().unwrap_or_else(|| CauseCode::Unrecognised.into());
    let known_admins = match cause.cause {
        CauseCode::NotBusinessCenterAdmin => clients.known_admins(&attempt.account).await?,
        _ => Vec::new(),
    };
    let cause = cause.with_names(&attempt.account.business_center, &known_admins);
    warn!(advertiser.id = %attempt.account.advertiser_id, cause = ?cause.cause, "The reconnection of account {} is refused", attempt.account.advertiser_id);
    clients.ended("refused", Some(cause.cause));
    let proven = Proven { candidate, token, evidence: &judged.grant, admins };
    if attempt.record.stored.activation.also_business_center {
        let findings = judged.diagnosis.findings.clone();
        return siblings::without_the_first(clients, attempt, &proven, findings, cause, budget).await;
    }
    let outcome = Outcome::Refused {
        cause: cause.clone(),
        findings: judged.diagnosis.findings,
        authorized_by: proven.person(),
        grant_id: None,
        siblings_left: false,
    };
    refuse(clients, attempt, outcome, cause).await
}

/// Ends the activation with a refusal: the candidate goes in the same write, the account's connection stays as it was.
pub async fn refuse(
    clients: &Clients,
    mut attempt: Attempt,
    outcome: Outcome,
    cause: Cause,
) -> Result<Record, CompleteError> {
    for _ in 0..COMMITS {
        let now = clients.now();
        let line = not_reconnected(&attempt.account, cause.clone());
        let event = refusal_of(&attempt, &cause, now);
        let closed = attempt.record.stored.activation.clone().close(outcome.clone(), now)?;
        match clients.table.close(&attempt.record.stored, closed, std::slice::from_ref(&line), Some(&event)).await {
            Ok(stored) => return Ok(Record { stored, candidate: None, lines: vec![line] }),
            Err(StoreError::Conflict) => attempt = again(clients, attempt).await?,
            Err(error) => return Err(error.into()),
        }
    }
    Err(StoreError::Conflict.into())
}
