//! What follows from TikTok's answers: the steps of `functions/check-grant/src/grant.rs`, with the domain's own functions, and
//! the fleet in place of the table.

use std::collections::{BTreeMap, BTreeSet};

use domain::account::Status;
use domain::checks::{Endpoint, Evidence};
use domain::diagnosis::Verdict;
use domain::events::EventKind;
use domain::gap::LATE_SETTLING_DAYS;
use domain::grant_check::{self, Checked, Found, Outcome, Plan, Revocation};
use domain::grant_evidence::CheckEvidence;
use domain::guard::hour_of;
use domain::guard::tally::Recount;
use domain::strike::Look;
use shared::store::guard::StoredGuard;

use crate::costs;
use crate::engine::Engine;
use crate::units::timestamp;

/// A check whose rows somebody else writes is planned again this often.
const ROUNDS: usize = 4;

impl Engine {
    /// Judges, asks the guard, and writes what follows.
    pub fn decide(&mut self, number: usize, run: i64, mut seen: StoredGuard, evidence: &CheckEvidence, at: i64) {
        let now = timestamp(at);
        let run = run.to_string();
        let blocs = &self.fleet.grants[number].blocs;
        let watched: Vec<_> =
            blocs.iter().flat_map(|bloc| bloc.ids(self.settings.each).map(|id| bloc.watched(id))).collect();
        let consent = Evidence { endpoint: Endpoint::Exchange, code: None, request_id: None, asked_at: timestamp(0) };
        let found = grant_check::judge(&self.scopes, &consent, &watched, evidence);
        for _ in 0..ROUNDS {
            let grant = &self.fleet.grants[number];
            let look = Look { run: &run, at: now, token_version: 1, spacing: self.settings.spacing };
            let (interval, revocation) = (self.settings.interval, Revocation::NotOrdered);
            let checked = Checked { grant_id: &grant.id, before: &grant.state, look, interval, revocation };
            let plan = grant_check::decide(checked, &found, seen.may_lapse(now));
            if plan.counts_as_lapse() {
                let lapsed = self.lapsed.entry(hour_of(now)).or_default();
                // What the store demands of the guard's row when a lapse is written.
                if seen.guard.version != self.guard.version || *lapsed >= seen.guard.budget {
                    self.bill += costs::begin();
                    seen = self.stored_guard(now);
                    continue;
                }
                *lapsed += 1;
                self.bill += costs::claim();
            }
            self.carry_out(number, plan, &found, at);
            return;
        }
    }

    fn carry_out(&mut self, number: usize, mut plan: Plan, found: &[Found], at: i64) {
        let now = timestamp(at);
        let (mut moved, mut told) = (0, 0);
        let wanted: BTreeMap<_, _> = plan
            .moves
            .iter()
            .map(|(place, wanted)| (&found[*place].watched.advertiser_id, (*place, *wanted)))
            .collect();
        let grant = &mut self.fleet.grants[number];
        let is_revoked = grant.is_dead(at);
        let is_answered = plan.outcome != Outcome::Undecided;
        let has_lost = is_revoked || grant.blocs.iter().any(|bloc| bloc.lost_at.is_some_and(|lost| lost <= at));
        grant.looks += u64::from(is_answered && has_lost);
        for bloc in &mut grant.blocs {
            let before = bloc.clone();
            let mut of_bloc = 0;
            for id in before.ids(self.settings.each) {
                let Some((place, wanted)) = wanted.get(&id).copied() else { continue };
                of_bloc += 1;
                let one = &found[place];
                let account = before.account(&self.fleet.org_id, &grant.id, id, now);
                let Some(transition) = grant_check::apply(
                    &account,
                    one,
                    wanted,
                    plan.has_lapsed_sibling,
                    grant.last_proven,
                    LATE_SETTLING_DAYS,
                    now,
                ) else {
                    continue;
                };
                bloc.status = transition.after.status();
                bloc.cause = transition.after.causes().first().map(|cause| cause.cause);
                bloc.at_risk.clone_from(&transition.after.at_risk);
                bloc.version = transition.after.version;
                let stands_for = if self.settings.each { 1 } else { bloc.size as u64 };
                moved += stands_for;
                if let Some(event) = transition.event {
                    told += stands_for;
                    *self.figures.events.entry(event.kind).or_default() += stands_for;
                    if event.kind == EventKind::AdAccountAtRisk
                        && matches!(one.diagnosis.verdict, Verdict::Lapsed { .. })
                    {
                        self.figures.warned += stands_for;
                    }
                }
            }
            debug_assert!(of_bloc == 0 || of_bloc == before.ids(self.settings.each).count(), "a bloc moves as one");
            let is_genuine = is_revoked || bloc.lost_at.is_some_and(|lost| lost <= at);
            match (before.status, bloc.status) {
                (Status::Active, Status::NeedsConnecting) => {
                    bloc.lapsed_at = Some(at);
                    if is_genuine {
                        let gone_at = bloc.lost_at.or(grant.revoked_at).unwrap_or(at);
                        self.figures.detected.push((at - gone_at, bloc.size as u64));
                        self.figures.most_looks = self.figures.most_looks.max(grant.looks);
                    } else {
                        self.figures.falsely += bloc.size as u64;
                    }
                }
                (Status::NeedsConnecting, Status::Active) => {
                    self.figures.healed.push((at - bloc.lapsed_at.unwrap_or(at), bloc.size as u64));
                }
                _ => {}
            }
        }
        let false_lapse = plan.counts_as_lapse() && !has_lost;
        self.figures.falsely_grants += u64::from(false_lapse);

        if let Some(counted) = plan.after.counted.as_mut() {
            counted.accounts = i64::try_from(grant.accounts()).unwrap_or(i64::MAX);
        }
        let recount = plan
            .after
            .counted
            .map(|counted| Recount::new(grant.state.counted, counted, plan.outcome == Outcome::Lapsed))
            .unwrap_or_default();
        self.tally.add(&recount);
        let was_proven = grant.last_proven.is_some();
        if plan.proven {
            grant.last_proven = Some(now);
        }
        let centers = if plan.proven && plan.is_time_for_centers(was_proven) {
            grant.blocs.iter().map(|bloc| &bloc.center).collect::<BTreeSet<_>>().len()
        } else {
            0
        };
        *self.figures.outcomes.entry(plan.outcome.name()).or_default() += 1;
        grant.state = plan.after;
        self.bill += costs::finish(recount.0.len(), centers);
        self.bill += costs::moved(moved, told);
        self.bill += costs::moves(moved);
        self.is_due(number, plan.next_due);
    }
}
