//! How an account moves. Each function takes the account as it was read and gives the account as it shall be, with
//! the event that tells of it; the store writes both in one transaction, on condition that nobody wrote in between.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::account::{AdAccount, RiskFact, Standing};
use super::causes::{Cause, CauseCode};
use super::checks::Finding;
use super::events::{Event, EventKind};
use super::gap::{Gap, LastGood, Opening, gap};
use super::ids::GrantId;
use super::time_zone::ReportingTimeZone;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    pub before: AdAccount,
    pub after: AdAccount,
    /// `None` when the change is of no interest outside: fresher findings, a corrected name.
    pub event: Option<Event>,
    /// Who did it, for the history that people read; never part of the event.
    pub by: Option<String>,
}

impl Transition {
    /// `time_zone` is what TikTok says now, where it says one. What is known is not forgotten for want of it.
    fn new(before: &AdAccount, time_zone: Option<ReportingTimeZone>) -> Self {
        let mut after = before.clone();
        after.revision += 1;
        after.time_zone = time_zone.or(after.time_zone);
        Self { before: before.clone(), after, event: None, by: None }
    }

    fn with_event(mut self, kind: EventKind, now: Timestamp, fill: impl FnOnce(&mut Event)) -> Self {
        self.after.version += 1;
        let mut event = Event::new(kind, &self.after.org_id, &self.after.advertiser_id, self.after.version, now);
        fill(&mut event);
        self.event = Some(event);
        self
    }

    /// How long the account needed connecting until this made it Active again. One that never had a grant is connected for
    /// the first time: it needed connecting since its import, which says nothing.
    pub fn healed_after(&self) -> Option<SignedDuration> {
        self.before.grant_id.as_ref()?;
        match (&self.before.standing, &self.after.standing) {
            (Standing::NeedsConnecting { lapsed_since, .. }, Standing::Active { since }) => {
                Some(since.duration_since(*lapsed_since))
            }
            (Standing::Active { .. } | Standing::NeedsConnecting { .. }, _) => None,
        }
    }
}

/// The gap of an account that needs connecting, as of now; an Active one has none.
pub fn open_gap(account: &AdAccount, now: Timestamp) -> Option<Gap> {
    match &account.standing {
        Standing::Active { .. } => None,
        Standing::NeedsConnecting { gap_opening, .. } => Some(gap(gap_opening, now, account.time_zone.as_ref())),
    }
}

/// Proven with a new grant. Renewing an Active account closes no gap.
pub fn reconnect(
    account: &AdAccount,
    grant_id: &GrantId,
    findings: Vec<Finding>,
    time_zone: Option<ReportingTimeZone>,
    at_risk: BTreeSet<RiskFact>,
    by: Option<String>,
    now: Timestamp,
) -> Transition {
    let mut transition = Transition::new(account, time_zone);
    let closed = open_gap(&transition.after, now);
    transition.after.grant_id = Some(grant_id.clone());
    transition.after.standing = Standing::Active { since: now };
    transition.after.findings = findings;
    transition.after.at_risk = at_risk;
    if by.is_some() {
        transition.after.connected_by.clone_from(&by);
    }
    transition.by = by;
    transition.with_event(EventKind::AdAccountReconnected, now, |event| event.gap = closed)
}

/// A check of the stored grant found a lapsed account connected again.
pub fn recover(
    account: &AdAccount,
    findings: Vec<Finding>,
    time_zone: Option<ReportingTimeZone>,
    at_risk: BTreeSet<RiskFact>,
    now: Timestamp,
) -> Transition {
    let mut transition = Transition::new(account, time_zone);
    let closed = open_gap(&transition.after, now);
    transition.after.standing = Standing::Active { since: now };
    transition.after.findings = findings;
    transition.after.at_risk = at_risk;
    transition.with_event(EventKind::AdAccountRecovered, now, |event| event.gap = closed)
}

/// A definitive lapse. `last_proven` is the grant's; without one the gap opens on the last day with data that CreativeX
/// told at the import, or else today. It opens `late_settling_days` earlier than that.
pub fn lapse(
    account: &AdAccount,
    causes: Vec<Cause>,
    findings: Vec<Finding>,
    time_zone: Option<ReportingTimeZone>,
    last_proven: Option<Timestamp>,
    late_settling_days: u8,
    now: Timestamp,
) -> Transition {
    let first = causes.first().map(|cause| cause.cause);
    let told = account.last_data_on.map(LastGood::Day);
    let last_good = last_proven.map(LastGood::Read).or(told).unwrap_or(LastGood::Read(now));
    let gap_opening = Opening { last_good, late_settling_days };
    let mut transition = Transition::new(account, time_zone);
    transition.after.standing = Standing::NeedsConnecting { lapsed_since: now, gap_opening, causes };
    transition.after.findings = findings;
    transition.after.at_risk.clear();
    transition.with_event(EventKind::AdAccountLapsed, now, |event| event.cause = first)
}

/// An attempt to reconnect was refused. The connection, its grant and its findings stay as they are.
pub fn refuse(account: &AdAccount, cause: CauseCode, by: Option<String>, now: Timestamp) -> Transition {
    let mut transition =
        Transition::new(account, None).with_event(EventKind::ReconnectRefused, now, |event| event.cause = Some(cause));
    transition.by = by;
    transition
}

/// Fresh findings that do not change the status; tells of new risks. `causes` are the fresh ones of a lapsed account.
pub fn observe(
    account: &AdAccount,
    findings: Vec<Finding>,
    time_zone: Option<ReportingTimeZone>,
    at_risk: BTreeSet<RiskFact>,
    causes: Option<Vec<Cause>>,
    now: Timestamp,
) -> Transition {
    let mut transition = Transition::new(account, time_zone);
    transition.after.findings = findings;
    match (&mut transition.after.standing, causes) {
        (Standing::NeedsConnecting { causes: known, .. }, Some(fresh)) if !fresh.is_empty() => *known = fresh,
        _ => {}
    }
    let has_new = account.is_active() && !at_risk.is_subset(&account.at_risk);
    transition.after.at_risk = if account.is_active() { at_risk } else { BTreeSet::new() };
    if has_new { transition.with_event(EventKind::AdAccountAtRisk, now, |_| ()) } else { transition }
}
