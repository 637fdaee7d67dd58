//! What a simulation counts while it runs.

use std::collections::BTreeMap;

use domain::events::EventKind;
use domain::guard::Doubt;

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
