//! What follows from one check of a grant: which of its ad accounts move, what is remembered, and when it is checked
//! next. Evidence was gathered and judged before; nothing here asks anybody.
//!
//! The rules, for an Active ad account:
//! * connected: its strikes are taken back, and it learns of risks and of another time zone;
//! * lapsed: the first time is a strike. The second time (see [`super::strike`]) it lapses, if the guard lets it;
//! * undecided: nothing.
//!
//! For one that needs connecting: connected means that it has healed; lapsed for another reason than known corrects the
//! reason, and another time zone is taken over.
//!
//! A token that an operator has ordered to be revoked ([`Revocation`]) is another matter: that it is dead then is what was
//! wanted. It takes no second look, and neither the guard nor its budget has a say.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::account::{AdAccount, RiskFact, Status, risks, risks_now};
use super::business_center::Admins;
use super::causes::CauseCode;
use super::checks::{Answer, Check, Evidence, Gathered};
use super::diagnosis::{Diagnosis, Verdict, diagnose};
use super::examine::Subject;
use super::grant_evidence::CheckEvidence;
use super::guard::tally::{Counted, bucket_of};
use super::ids::{AdvertiserId, BusinessCenterId, GrantId};
use super::scopes::Scopes;
use super::spread;
use super::strike::{Look, Strikes};
use super::time_zone::{ReportingTimeZone, if_known};
use super::transition::{self, Transition};

/// As much of an ad account as a check needs to know beforehand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watched {
    pub advertiser_id: AdvertiserId,
    pub business_center_id: BusinessCenterId,
    pub status: Status,
    /// Why it needs connecting; the first of the causes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<CauseCode>,
    #[serde(default)]
    pub at_risk: BTreeSet<RiskFact>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "if_known")]
    pub time_zone: Option<ReportingTimeZone>,
}

/// What a grant remembers from check to check.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckState {
    #[serde(default, skip_serializing_if = "Strikes::is_empty")]
    pub strikes: Strikes,
    /// Since when nobody can tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undecided_since: Option<Timestamp>,
    /// Where the guard counts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted: Option<Counted>,
    /// How often it was checked: the account whose report is asked for moves on with it.
    #[serde(default)]
    pub checks: u64,
}

/// What an operator's order to revoke tokens came to for this grant, just before TikTok was asked about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revocation {
    NotOrdered,
    /// A newer grant holds the same token string, and it is not meant.
    Withheld,
    /// TikTok has not said that the token is dead; it is told again before long.
    Outstanding,
    /// TikTok took the token back, or said that it was dead already.
    Done,
}

/// The grant that was checked, by whom and when.
#[derive(Clone, Copy, Debug)]
pub struct Checked<'a> {
    pub grant_id: &'a GrantId,
    pub before: &'a CheckState,
    pub look: Look<'a>,
    pub interval: SignedDuration,
    pub revocation: Revocation,
}

/// One account under it, and what was found.
#[derive(Clone, Debug)]
pub struct Found {
    pub watched: Watched,
    pub diagnosis: Diagnosis,
    /// The time zone it reports in, where TikTok said one.
    pub time_zone: Option<ReportingTimeZone>,
    /// How many Admins its Business Center has, where that could be seen.
    pub admins: Option<usize>,
}

/// How an account is to move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    Lapse,
    Recover,
    /// Its risks changed, its causes or its time zone.
    Observe,
}

/// What a check came to, for reports and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Connected,
    /// Nothing under it is Active, and nothing has healed.
    NeedsConnecting,
    Struck,
    /// Struck twice, and it moved.
    Lapsed,
    /// Struck twice, and the guard did not let it move.
    Held,
    Undecided,
}

impl Outcome {
    pub fn name(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::NeedsConnecting => "needs_connecting",
            Self::Struck => "struck",
            Self::Lapsed => "lapsed",
            Self::Held => "held",
            Self::Undecided => "undecided",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Which accounts move, by their place in what was found.
    pub moves: Vec<(usize, Move)>,
    pub after: CheckState,
    pub next_due: Timestamp,
    /// TikTok answered and everything held: the grant was proven by this look.
    pub proven: bool,
    /// Something under the grant needs connecting once this is carried out.
    pub has_lapsed_sibling: bool,
    pub outcome: Outcome,
    /// The token is dead because an operator ordered it.
    pub is_ordered: bool,
}

impl Plan {
    /// Whether the guard is to be asked before this is done: something lapses, or is told to be at risk by its first
    /// strike.
    pub fn needs_guard(&self, found: &[Found]) -> bool {
        let needs = |(place, wanted): &(usize, Move)| match wanted {
            Move::Lapse => true,
            Move::Observe => matches!(found[*place].diagnosis.verdict, Verdict::Lapsed { .. }),
            Move::Recover => false,
        };
        !self.is_ordered && self.moves.iter().any(needs)
    }

    /// What is known of a Business Center is written down with the first proof, and again with every fourth check.
    pub fn is_time_for_centers(&self, was_proven: bool) -> bool {
        !was_proven || self.after.checks.is_multiple_of(4)
    }

    /// Whether anything lapses that the guard's budget counts.
    pub fn counts_as_lapse(&self) -> bool {
        !self.is_ordered && self.moves.iter().any(|(_, wanted)| *wanted == Move::Lapse)
    }
}

/// What follows. `may_lapse` is what the guard says: it matters only where something is to lapse, or to be told to be at
/// risk by its first strike.
pub fn decide(checked: Checked<'_>, found: &[Found], may_lapse: bool) -> Plan {
    let plan = plan(checked, found, true);
    if plan.needs_guard(found) && !may_lapse { self::plan(checked, found, false) } else { plan }
}

/// Every ad account under the grant with its diagnosis, from what TikTok said. One that came under the grant since TikTok
/// was asked has its turn next time.
pub fn judge(scopes: &Scopes, scope_evidence: &Evidence, watched: &[Watched], evidence: &CheckEvidence) -> Vec<Found> {
    let mut waiting: BTreeMap<&AdvertiserId, &Watched> =
        watched.iter().map(|account| (&account.advertiser_id, account)).collect();
    let mut found = Vec::with_capacity(watched.len());
    for center in &evidence.centers {
        let admins = center.admins.as_ref().map(|members| Admins::of(members).count);
        for (advertiser_id, account) in &center.accounts {
            let Some(watched) = waiting.remove(advertiser_id) else { continue };
            let subject = Subject::of(scopes, scope_evidence, advertiser_id, &center.business_center_id);
            let diagnosis = diagnose(subject, Gathered { grant: &center.grant, account });
            found.push(Found { watched: watched.clone(), diagnosis, time_zone: account.time_zone(), admins });
        }
    }
    found
}

/// `guard_allows` is what the guard says, should it matter.
fn plan(checked: Checked<'_>, found: &[Found], guard_allows: bool) -> Plan {
    let Checked { grant_id, before, look, interval, revocation } = checked;
    let is_ordered = revocation == Revocation::Done && is_token_dead(found);
    let guard_allows = guard_allows || is_ordered;
    let mut strikes = before.strikes.clone();
    strikes.forget_other_tokens(look.token_version);
    let twice = if is_ordered { dead(found) } else { struck_twice(&mut strikes, found, look) };

    let lapsing = |one: &Found| guard_allows && twice.contains(&one.watched.advertiser_id);
    let has_lapsed_sibling = found.iter().any(|one| is_lapsed_after(one, lapsing(one)));
    let moves: Vec<(usize, Move)> = found
        .iter()
        .enumerate()
        .filter_map(|(place, one)| {
            wanted(one, lapsing(one), has_lapsed_sibling, guard_allows).map(|wanted| (place, wanted))
        })
        .collect();

    let has_undecided = found.iter().any(|one| is_undecided(&one.diagnosis));
    let undecided_since = has_undecided.then(|| before.undecided_since.unwrap_or(look.at));
    let lapses = moves.iter().any(|(_, wanted)| *wanted == Move::Lapse);
    let outcome = match (lapses, twice.is_empty(), strikes.is_empty(), has_undecided) {
        (true, ..) => Outcome::Lapsed,
        (false, false, ..) => Outcome::Held,
        (false, true, _, true) => Outcome::Undecided,
        (false, true, false, false) => Outcome::Struck,
        (false, true, true, false) if found.iter().all(|one| is_lapsed_after(one, false)) => Outcome::NeedsConnecting,
        (false, true, true, false) => Outcome::Connected,
    };
    if lapses {
        let gone = |account: &AdvertiserId| twice.contains(account);
        strikes.keep_accounts(|account| !gone(account));
        if found.iter().all(|one| one.watched.status == Status::NeedsConnecting || gone(&one.watched.advertiser_id)) {
            strikes.clear();
        }
    }
    let mut next_due = match (undecided_since, strikes.is_empty()) {
        (Some(since), true) => spread::undecided(grant_id, since, look.at, interval),
        (_, false) => spread::after_strike(grant_id, look.at, look.spacing),
        (None, true) => spread::regular(grant_id, look.at, interval),
    };
    let is_outstanding = match revocation {
        Revocation::NotOrdered | Revocation::Withheld => false,
        Revocation::Outstanding => true,
        // TikTok says one thing and does another, or has no answer now.
        Revocation::Done => !is_ordered,
    };
    if is_outstanding {
        next_due = next_due.min(spread::outstanding(grant_id, look.at, interval));
    }
    let is_answered = found.iter().any(|one| !is_undecided(&one.diagnosis));
    let counted = if is_answered {
        let bucket = bucket_of(look.at);
        let struck = (!strikes.is_empty()).then(|| before.counted.and_then(|counted| counted.struck).unwrap_or(bucket));
        Some(Counted { bucket, accounts: i64::try_from(found.len()).unwrap_or(i64::MAX), struck })
    } else {
        before.counted
    };
    Plan {
        proven: is_proven(found),
        has_lapsed_sibling,
        after: CheckState { strikes, undecided_since, counted, checks: before.checks + 1 },
        moves,
        next_due,
        outcome,
        is_ordered,
    }
}

/// Takes back the strikes of what is healthy, and strikes what is dead. Gives the Active accounts that were struck before.
fn struck_twice(strikes: &mut Strikes, found: &[Found], look: Look<'_>) -> BTreeSet<AdvertiserId> {
    let (dead, undecided) = (dead(found), ids(found, |one| is_undecided(&one.diagnosis)));
    if is_token_dead(found) {
        let is_second = !dead.is_empty() && strikes.strike_token(look);
        return if is_second { dead } else { BTreeSet::new() };
    }
    if found.iter().any(|one| has(one, Check::AuthorizationAlive, Answer::Passed)) {
        strikes.clear_token();
        strikes.keep_accounts(|account| dead.contains(account) || undecided.contains(account));
        return strikes.strike_accounts(&dead, look);
    }
    BTreeSet::new()
}

fn ids(found: &[Found], of: impl Fn(&Found) -> bool) -> BTreeSet<AdvertiserId> {
    found.iter().filter(|one| of(one)).map(|one| one.watched.advertiser_id.clone()).collect()
}

/// What is Active and lapsed all the same.
fn dead(found: &[Found]) -> BTreeSet<AdvertiserId> {
    ids(found, |one| one.watched.status == Status::Active && matches!(one.diagnosis.verdict, Verdict::Lapsed { .. }))
}

fn is_token_dead(found: &[Found]) -> bool {
    found.iter().any(|one| has(one, Check::AuthorizationAlive, Answer::Failed))
}

fn has(one: &Found, check: Check, answer: Answer) -> bool {
    one.diagnosis.findings.iter().any(|finding| finding.check == check && finding.answer == answer)
}

fn is_undecided(diagnosis: &Diagnosis) -> bool {
    matches!(diagnosis.verdict, Verdict::Undecided { .. })
}

fn is_lapsed_after(one: &Found, lapses: bool) -> bool {
    let heals = one.diagnosis.verdict == Verdict::Connected;
    lapses || (one.watched.status == Status::NeedsConnecting && !heals)
}

/// Everything that is Active was proven, and something was.
fn is_proven(found: &[Found]) -> bool {
    let is_connected = |one: &Found| one.diagnosis.verdict == Verdict::Connected;
    found.iter().any(is_connected) && found.iter().all(|one| is_connected(one) || one.watched.status != Status::Active)
}

fn wanted(one: &Found, lapses: bool, has_lapsed_sibling: bool, guard_allows: bool) -> Option<Move> {
    let known = &one.watched.at_risk;
    match (&one.diagnosis.verdict, one.watched.status) {
        (Verdict::Undecided { .. }, _) => None,
        (Verdict::Connected, Status::NeedsConnecting) => Some(Move::Recover),
        (Verdict::Connected, Status::Active) => {
            let has_new_risks = risks_of_connected(one, known, has_lapsed_sibling) != *known;
            (has_new_risks || is_elsewhere(one)).then_some(Move::Observe)
        }
        (Verdict::Lapsed { .. }, Status::Active) if lapses => Some(Move::Lapse),
        // The first strike: people may know beforehand, unless so many are struck that it would be noise.
        (Verdict::Lapsed { .. }, Status::Active) => {
            (guard_allows && !risks_of_struck(one).is_subset(known)).then_some(Move::Observe)
        }
        (Verdict::Lapsed { causes, .. }, Status::NeedsConnecting) => {
            let has_new_cause = causes.first().map(|cause| cause.cause) != one.watched.cause;
            (has_new_cause || is_elsewhere(one)).then_some(Move::Observe)
        }
    }
}

/// TikTok says another time zone than is known.
fn is_elsewhere(one: &Found) -> bool {
    one.time_zone.is_some() && one.time_zone != one.watched.time_zone
}

/// What may be told at a first strike. A missing permission is not: that mark lasts, since no token ever gains one, and
/// one strike may be wrong.
fn risks_of_struck(one: &Found) -> BTreeSet<RiskFact> {
    let mut facts = risks(&one.diagnosis.findings);
    facts.remove(&RiskFact::PermissionsNarrowed);
    facts
}

fn risks_of_connected(one: &Found, known: &BTreeSet<RiskFact>, has_lapsed_sibling: bool) -> BTreeSet<RiskFact> {
    let mut now = risks_now(known, &one.diagnosis.findings, one.admins);
    now.remove(&RiskFact::SiblingLapsed);
    if has_lapsed_sibling {
        now.insert(RiskFact::SiblingLapsed);
    }
    now
}

/// The account as it was read in full, moved as planned; `None` when it is not as it was when it was planned for.
/// `last_proven` is the grant's.
pub fn apply(
    account: &AdAccount,
    one: &Found,
    wanted: Move,
    has_lapsed_sibling: bool,
    last_proven: Option<Timestamp>,
    late_settling_days: u8,
    now: Timestamp,
) -> Option<Transition> {
    let Diagnosis { findings, verdict } = one.diagnosis.clone();
    let zone = one.time_zone.clone();
    if account.status() != one.watched.status || account.business_center.id != one.watched.business_center_id {
        return None;
    }
    let risks = || risks_of_connected(one, &account.at_risk, has_lapsed_sibling);
    Some(match (wanted, verdict) {
        (Move::Lapse, Verdict::Lapsed { causes, .. }) => {
            transition::lapse(account, causes, findings, zone, last_proven, late_settling_days, now)
        }
        (Move::Recover, Verdict::Connected) => transition::recover(account, findings, zone, risks(), now),
        (Move::Observe, Verdict::Connected) => transition::observe(account, findings, zone, risks(), None, now),
        (Move::Observe, Verdict::Lapsed { causes, .. }) => {
            let facts = risks_of_struck(one).union(&account.at_risk).copied().collect();
            transition::observe(account, findings, zone, facts, Some(causes), now)
        }
        (Move::Lapse | Move::Recover, _) | (Move::Observe, Verdict::Undecided { .. }) => return None,
    })
}
