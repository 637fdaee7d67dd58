//! What a simulation came to.

use std::collections::BTreeMap;

use shared::domain::account::Status;
use shared::domain::checks::Endpoint;
use shared::domain::events::EventKind;
use shared::domain::guard::Doubt;

use super::costs::Bill;
use super::engine::Engine;
use super::real;
use super::shapes::Shape;

const HOUR: f64 = 3_600_000.0;

/// One hold of the guard, in milliseconds of the simulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HoldOf {
    pub from: i64,
    pub to: Option<i64>,
    pub reason: Doubt,
}

/// Counted while it runs; numbers are of ad accounts unless they say otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    pub holds: Vec<HoldOf>,
    pub longest_queue: usize,
    pub events: BTreeMap<EventKind, u64>,
    /// Told to be at risk by a first strike.
    pub warned: u64,
    /// Genuine lapses: how long they took to be seen, and how many there were.
    pub detected: Vec<(i64, u64)>,
    /// How many looks that had an answer a genuine lapse took at most. Two is the least.
    pub most_looks: u64,
    /// Lapses that were none.
    pub falsely: u64,
    pub falsely_grants: u64,
    /// Back again: how long after the lapse.
    pub healed: Vec<(i64, u64)>,
    pub outcomes: BTreeMap<&'static str, u64>,
}

/// One line of the table.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub shape: Shape,
    pub accounts: usize,
    pub grants: usize,
    pub figures: Figures,
    /// Lapsed at the end, and should not be.
    pub still_false: u64,
    /// Lapsed for good, really.
    pub genuine: u64,
    /// Not lapsed at the end, and should be.
    pub missed: u64,
    /// Wrongly told to be at risk, and still so at the end.
    pub still_warned: u64,
    pub calls: [u64; Endpoint::ALL.len()],
    pub calls_an_interval: u64,
    pub peak: u32,
    pub peak_after: u32,
    pub throttled: u64,
    pub bill: Bill,
    pub days: f64,
    pub end: i64,
    /// The most grants that lapsed in any one hour.
    pub most_in_an_hour: i64,
}

impl Row {
    pub fn new(shape: Shape, engine: Engine, end: i64, interval: i64) -> Self {
        let trouble = engine.tiktok.trouble.clone();
        let most_in_an_hour = engine.most_lapsed();
        let Engine { fleet, tiktok, bill, figures, .. } = engine;
        let (mut still_false, mut genuine, mut missed, mut still_warned) = (0, 0, 0, 0);
        for grant in &fleet.grants {
            for bloc in &grant.blocs {
                let is_gone = grant.is_dead(end) || bloc.lost_at.is_some_and(|at| at <= end);
                let size = bloc.size as u64;
                genuine += if is_gone { size } else { 0 };
                match (is_gone, bloc.status) {
                    (true, Status::Active) => missed += size,
                    (false, Status::NeedsConnecting) => still_false += size,
                    _ => {}
                }
                let has_reason = grant.blocs.iter().any(|bloc| bloc.lost_at.is_some());
                still_warned += if bloc.at_risk.is_empty() || has_reason { 0 } else { size };
            }
        }
        Self {
            shape,
            accounts: fleet.grants.iter().map(super::fleet::Grant::accounts).sum(),
            grants: fleet.grants.len(),
            still_false,
            genuine,
            missed,
            still_warned,
            calls: tiktok.calls(0..end),
            calls_an_interval: tiktok.calls(end - interval..end).iter().sum(),
            peak: tiktok.peak(0),
            peak_after: tiktok.peak(trouble.end),
            throttled: tiktok.throttled,
            bill,
            days: real(end.unsigned_abs()) / HOUR / 24.0,
            end,
            figures,
            most_in_an_hour,
        }
    }

    /// The time, in milliseconds, in which so many per cent of the genuine lapses were seen.
    pub fn detected_within(&self, per_cent: u64) -> Option<i64> {
        let mut delays = self.figures.detected.clone();
        delays.sort_unstable();
        let all: u64 = delays.iter().map(|(_, many)| many).sum();
        let mut seen = 0;
        delays.into_iter().find_map(|(delay, many)| {
            seen += many;
            (seen * 100 >= all * per_cent).then_some(delay)
        })
    }

    pub fn healed_within(&self) -> Option<i64> {
        self.figures.healed.iter().map(|(after, _)| *after).max()
    }

    /// How long the guard held, in milliseconds, and why.
    pub fn held(&self) -> (i64, Vec<&'static str>) {
        let long = self.figures.holds.iter().map(|hold| hold.to.unwrap_or(self.end) - hold.from).sum();
        let mut reasons: Vec<_> = self.figures.holds.iter().map(|hold| hold.reason.name()).collect();
        reasons.sort_unstable();
        reasons.dedup();
        (long, reasons)
    }

    pub fn all_calls(&self) -> u64 {
        self.calls.iter().sum()
    }

    /// `number` of something in the whole time, for 1,000 ad accounts and a day.
    pub fn per_thousand_and_day(&self, number: f64) -> f64 {
        number * 1_000.0 / real(self.accounts as u64) / self.days
    }
}
