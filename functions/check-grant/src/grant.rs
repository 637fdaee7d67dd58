//! One grant and everything under it.
//!
//! 1. Is it still due? Somebody may have been here before this message came.
//! 2. TikTok takes the token back, if an operator ordered that ([`revoking`]).
//! 3. TikTok is asked, about the token first ([`TikTok::check_evidence`]).
//! 4. Each ad account is judged, and the domain says what follows ([`grant_check::decide`]).
//! 5. Accounts move, some at a time; with the last of them the grant is due again, later, and its token lies under the key
//!    that seals now. If somebody else wrote in between, the rows are read and it is planned again, on the same evidence.

use domain::backoff::Backoff;
use domain::business_center::{self, Admins};
use domain::checks::Refusal;
use domain::grant::Grant;
use domain::grant_check::{self, Checked, Found, Move, Outcome, Plan, Watched};
use domain::grant_evidence::{CenterEvidence, CheckEvidence};
use domain::guard::tally::Recount;
use domain::ids::{GrantId, OrgId};
use domain::spread;
use domain::strike::Look;
use domain::transition::Transition;
use jiff::{SignedDuration, Timestamp};
use shared::finishing::Finisher;
use shared::healing::{self, How};
use shared::judging::{self, TokenUnreadable};
use shared::metrics::{self, Metric, Unit};
use shared::sealing::AccessToken;
use shared::store::StoreError;
use shared::store::check_grant::{Beginning, CenterNews, Ending, GrantToCheck, MOVED_AT_ONCE, Proof, SealedAgain};
use shared::store::guard::StoredGuard;
use shared::tiktok::{Inquiry, TikTok, suspects_secret};
use tokio::time::Instant;
use tracing::{error, info, warn};

use crate::revoking::{self, Revoked};
use crate::{CheckError, Clients};

/// A check whose rows somebody else writes is planned again this often.
const ROUNDS: usize = 4;
/// A token that does not open is ours to mend; it is looked at again after this time.
const UNREADABLE: SignedDuration = SignedDuration::from_mins(30);

/// What the message asks for.
#[derive(Clone, Debug)]
pub struct Asked {
    pub org_id: OrgId,
    pub grant_id: GrantId,
    pub due: String,
    pub run: String,
}

pub async fn check(clients: &Clients, tiktok: &TikTok, asked: &Asked, until: Instant) -> Result<(), CheckError> {
    let Some(start) = begin(clients, asked).await? else { return Ok(()) };
    let now = clients.now();
    let Some(token) = open(clients, &start, now).await? else { return Ok(()) };
    let revoked = revoking::revoke(clients, tiktok, &start.grant, start.guard.as_ref(), &token, until).await?;
    let heard = Heard {
        suspects_secret: revoked.asked.as_ref().is_some_and(|asked| suspects_secret(&asked.evidence)),
        app_level: revoked.refused(Refusal::AppMisconfigured),
        throttled: revoked.refused(Refusal::Throttled),
    };
    if tell(clients, &start, heard).await?.is_throttled() {
        return Ok(());
    }
    let mut evidence = gather(clients, tiktok, &start, &token, until).await?;
    let heard = Heard {
        suspects_secret: suspects_secret(&evidence.probe.evidence),
        app_level: evidence.refused(Refusal::AppMisconfigured),
        throttled: evidence.is_throttled,
    };
    if tell(clients, &start, heard).await?.is_throttled() {
        return Ok(());
    }
    if !start.guard.as_ref().is_some_and(|stored| stored.guard.believes_other_apps(now)) {
        evidence.doubt_other_apps();
    }
    let Finisher { table, tokens, .. } = &clients.finisher;
    let sealed_again = judging::seal_again(tokens, table.name(), &start.grant.stored, &token, now).await?;
    let seen = Seen { evidence, revoked, sealed_again };
    let mut start = start;
    for _ in 0..ROUNDS {
        match Box::pin(act(clients, asked, &start, &seen)).await {
            Err(CheckError::Store(StoreError::Conflict)) => match begin(clients, asked).await? {
                Some(fresh) => start = fresh,
                None => return Ok(()),
            },
            done => return done,
        }
    }
    Err(StoreError::Conflict.into())
}

/// A grant that is due, and what is under it.
struct Start {
    grant: GrantToCheck,
    guard: Option<StoredGuard>,
    backoff: Option<Backoff>,
    watched: Vec<Watched>,
}

/// What was done and heard while nothing was written yet.
struct Seen {
    evidence: CheckEvidence,
    revoked: Revoked,
    sealed_again: Option<SealedAgain>,
}

/// `None` if there is nothing to do here, now.
async fn begin(clients: &Clients, asked: &Asked) -> Result<Option<Start>, CheckError> {
    let now = clients.now();
    let Beginning { grant, guard, backoff } = clients.table().begin(&asked.org_id, &asked.grant_id, now).await?;
    let Some(grant) = grant.filter(|grant| grant.due == asked.due) else { return Ok(None) };
    notice_old_key(clients, &grant, now).await;
    if let Some(pause) = backoff.filter(|pause| pause.is_on(now)) {
        revoking::notice_put_off(clients, &grant, guard.as_ref());
        put_off(clients, &grant, spread::throttled(&asked.grant_id, pause.until)).await?;
        return Ok(None);
    }
    let watched = clients.table().watched(&asked.org_id, &asked.grant_id).await?;
    if watched.is_empty() {
        // The index does not know its accounts yet.
        revoking::notice_put_off(clients, &grant, guard.as_ref());
        put_off(clients, &grant, spread::undecided(&asked.grant_id, now, now, clients.check_interval)).await?;
        return Ok(None);
    }
    Ok(Some(Start { grant, guard, backoff, watched }))
}

/// Whoever rotates the keyring learns from this, whatever becomes of the check, whether a key is still needed.
async fn notice_old_key(clients: &Clients, grant: &GrantToCheck, now: Timestamp) {
    let Some(sealed) = &grant.stored.sealed_token else { return };
    if clients.finisher.vault().await.is_ok_and(|vault| vault.is_under_another_key(sealed)) {
        count("TokensUnderOldKey", now);
    }
}

async fn put_off(clients: &Clients, grant: &GrantToCheck, until: Timestamp) -> Result<(), CheckError> {
    match clients.table().put_off(grant, until).await {
        // Somebody else was here.
        Ok(()) | Err(StoreError::Conflict) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

async fn open(clients: &Clients, start: &Start, now: Timestamp) -> Result<Option<AccessToken>, CheckError> {
    let Start { grant, guard, .. } = start;
    match judging::open_token(&clients.finisher.tokens, clients.table().name(), &grant.stored, now).await {
        Ok(token) => Ok(Some(token)),
        Err(TokenUnreadable::NoKeyring(outage)) => Err(outage.into()),
        Err(TokenUnreadable::Unsealable(_) | TokenUnreadable::Retired) => {
            revoking::notice_put_off(clients, grant, guard.as_ref());
            put_off(clients, grant, now + UNREADABLE).await?;
            Ok(None)
        }
    }
}

async fn gather(
    clients: &Clients,
    tiktok: &TikTok,
    start: &Start,
    token: &AccessToken,
    until: Instant,
) -> Result<CheckEvidence, CheckError> {
    let app = clients.finisher.app_credentials().await?;
    let accounts: Vec<_> = start
        .watched
        .iter()
        .map(|account| (account.advertiser_id.clone(), account.business_center_id.clone()))
        .collect();
    let struck = start.grant.state.strikes.ad_accounts();
    let inquiry = Inquiry {
        accounts: &accounts,
        struck: &struck,
        sample: usize::try_from(start.grant.state.checks).unwrap_or_default(),
        with_person: start.grant.stored.grant.authorized_by.is_none(),
    };
    Ok(tiktok.check_evidence(&app, token, inquiry, until).await)
}

/// What TikTok said that concerns more than this grant.
#[derive(Clone, Copy)]
struct Heard {
    suspects_secret: bool,
    app_level: bool,
    throttled: bool,
}

enum Told {
    Nothing,
    Throttled,
}

impl Told {
    fn is_throttled(&self) -> bool {
        matches!(self, Self::Throttled)
    }
}

/// Tells everybody else what concerns them: that our app is refused, or that TikTok wants a pause.
async fn tell(clients: &Clients, start: &Start, heard: Heard) -> Result<Told, CheckError> {
    let now = clients.now();
    if heard.suspects_secret {
        clients.finisher.app.forget();
    }
    if heard.app_level {
        error!("TikTok refuses our own app");
        count("AppLevelCode", now);
        app_level_heard(clients, start, now).await?;
    }
    if !heard.throttled {
        return Ok(Told::Nothing);
    }
    let pause = Backoff::after_throttling(start.backoff, now);
    warn!(until = %pause.until, "TikTok throttles us; the sweep pauses");
    count("SweepThrottled", now);
    clients.table().throttled(pause).await?;
    put_off(clients, &start.grant, spread::throttled(&start.grant.stored.grant.grant_id, pause.until)).await?;
    Ok(Told::Throttled)
}

/// One grant's word alone holds nothing: the guard wants it from several.
async fn app_level_heard(clients: &Clients, start: &Start, now: Timestamp) -> Result<(), CheckError> {
    let Grant { org_id, grant_id, .. } = &start.grant.stored.grant;
    let mut guard = start.guard.as_ref().map(|stored| stored.guard.clone()).unwrap_or_default();
    for _ in 0..ROUNDS {
        let Some(after) = guard.app_level_heard(org_id, grant_id, now) else { return Ok(()) };
        match clients.table().grant_heard_app_level(&guard, &after).await {
            Ok(()) => return Ok(()),
            Err(StoreError::Conflict) => guard = clients.table().guard(now).await?.unwrap_or_default(),
            Err(failed) => return Err(failed.into()),
        }
    }
    // So many others heard it meanwhile that this one makes no difference.
    Ok(())
}

fn count(name: &'static str, now: Timestamp) {
    metrics::emit(&[], &[Metric { name, unit: Unit::Count, value: 1 }], now);
}

/// Decides, and writes what follows.
async fn act(clients: &Clients, asked: &Asked, start: &Start, seen: &Seen) -> Result<(), CheckError> {
    let now = clients.now();
    let Seen { evidence, revoked, sealed_again } = seen;
    let grant = &start.grant.stored.grant;
    let found = grant_check::judge(&grant.scopes, &grant.scope_evidence(), &start.watched, evidence);
    let look = Look { run: &asked.run, at: now, token_version: grant.token_version, spacing: clients.strike_spacing };
    let checked = Checked {
        grant_id: &grant.grant_id,
        before: &start.grant.state,
        look,
        interval: clients.check_interval,
        revocation: revoked.revocation,
    };
    let may_lapse = start.guard.as_ref().is_some_and(|guard| guard.may_lapse(now));
    let plan = grant_check::decide(checked, &found, may_lapse);
    let mut claim = start.guard.as_ref().filter(|_| plan.counts_as_lapse());
    let (last, before_it) = match plan.moves.chunks(MOVED_AT_ONCE).collect::<Vec<_>>().split_last() {
        Some((last, before_it)) => (last.to_vec(), before_it.to_vec()),
        None => (Vec::new(), Vec::new()),
    };
    for some in before_it {
        let moves = transitions(clients, start, &found, &plan, some, now).await?;
        clients.table().move_some(&start.grant, &moves, claim.take(), now).await?;
        healing::tell(&moves, How::Recovered, now);
    }
    let moves = transitions(clients, start, &found, &plan, &last, now).await?;
    let (proof, centers) = learnt(start, &plan, evidence, now);
    let recount = plan
        .after
        .counted
        .map(|counted| Recount::new(start.grant.state.counted, counted, plan.outcome == Outcome::Lapsed))
        .unwrap_or_default();
    let ending = Ending {
        state: &plan.after,
        sealed_again: sealed_again.as_ref(),
        revocation: revoked.revocation,
        next_due: plan.next_due,
        proof: proof.as_ref(),
        centers: &centers,
        recount: &recount,
        interval: clients.check_interval,
        run: &asked.run,
        outcome: plan.outcome,
        accounts: found.len(),
        now,
    };
    clients.table().finish(&start.grant, &moves, claim, &ending).await?;
    healing::tell(&moves, How::Recovered, now);
    if sealed_again.is_some() {
        count("TokensSealedAgain", now);
    }
    report(grant.grant_id.as_str(), &plan, found.len(), now);
    Ok(())
}

fn report(grant_id: &str, plan: &Plan, accounts: usize, now: Timestamp) {
    let (outcome, moved) = (plan.outcome.name(), plan.moves.len());
    let count =
        |name, value: usize| Metric { name, unit: Unit::Count, value: u64::try_from(value).unwrap_or(u64::MAX) };
    let how_many = |wanted: Move| plan.moves.iter().filter(|(_, one)| *one == wanted).count();
    let mut metrics = vec![count("GrantsChecked", 1)];
    // Nearly always none, and a metric costs in every hour in which it comes up.
    let rare =
        [count("AdAccountsLapsed", how_many(Move::Lapse)), count("AdAccountsRecovered", how_many(Move::Recover))];
    metrics.extend(rare.into_iter().filter(|metric| metric.value > 0));
    metrics::emit(&[("Outcome", outcome)], &metrics, now);
    info!(grant.id = grant_id, outcome, accounts, moved, "Grant {grant_id} was checked: {outcome}");
}

/// The accounts as they shall be. One that is not as it was planned for is left as it is.
async fn transitions(
    clients: &Clients,
    start: &Start,
    found: &[Found],
    plan: &Plan,
    moves: &[(usize, Move)],
    now: Timestamp,
) -> Result<Vec<Transition>, CheckError> {
    if moves.is_empty() {
        return Ok(Vec::new());
    }
    let grant = &start.grant.stored.grant;
    let ids: Vec<_> = moves.iter().map(|(place, _)| found[*place].watched.advertiser_id.clone()).collect();
    let (accounts, centers) = clients.table().accounts(&grant.org_id, &ids, &centers_of(found, moves)).await?;
    let mut transitions = Vec::with_capacity(moves.len());
    for (place, wanted) in moves {
        let one = &found[*place];
        let account = accounts.iter().find(|account| account.advertiser_id == one.watched.advertiser_id);
        let Some(account) = account.filter(|account| account.grant_id.as_ref() == Some(&grant.grant_id)) else {
            continue;
        };
        let mut one = one.clone();
        let known = centers.get(&account.business_center.id).cloned().unwrap_or_default();
        one.diagnosis.name(&business_center::named(account, None, known.name), &known.admins);
        let days = clients.late_settling_days;
        transitions.extend(grant_check::apply(
            account,
            &one,
            *wanted,
            plan.has_lapsed_sibling,
            grant.last_proven_at,
            days,
            now,
        ));
    }
    Ok(transitions)
}

fn centers_of(found: &[Found], moves: &[(usize, Move)]) -> Vec<domain::ids::BusinessCenterId> {
    let mut centers: Vec<_> = moves.iter().map(|(place, _)| found[*place].watched.business_center_id.clone()).collect();
    centers.sort();
    centers.dedup();
    centers
}

/// What the grant and its Business Centers gain: only where everything held.
fn learnt(start: &Start, plan: &Plan, evidence: &CheckEvidence, now: Timestamp) -> (Option<Proof>, Vec<CenterNews>) {
    let Some(first) = evidence.centers.first().filter(|_| plan.proven) else { return (None, Vec::new()) };
    let mut memberships = first.grant.business_centers_of_person();
    for one in evidence.centers.iter().skip(1).flat_map(|center| center.grant.business_centers_of_person()) {
        if memberships.iter().all(|known| known.business_center_id != one.business_center_id) {
            memberships.push(one);
        }
    }
    let news = |center: &CenterEvidence| {
        let id = center.business_center_id.clone();
        let name = memberships.iter().find(|one| one.business_center_id == id).map(|one| one.name.clone());
        let admins = center.admins.as_ref().map(|members| Admins::of(members));
        CenterNews { id, name, admins: admins.and_then(|admins| admins.to_remember().map(<[String]>::to_vec)) }
    };
    let was_proven = start.grant.stored.grant.last_proven_at.is_some();
    let centers =
        if plan.is_time_for_centers(was_proven) { evidence.centers.iter().map(news).collect() } else { Vec::new() };
    let proof = Proof { at: now, authorized_by: first.grant.person.value().cloned(), business_centers: memberships };
    (Some(proof), centers)
}
