//! How long ad accounts needed connecting until they were Active again.
//!
//! Told when the transaction that made them so is committed, and never before. Whoever dies in between tells nothing, and
//! whoever goes on finds the accounts Active already: a number may be missing after a crash, and none comes twice.

use jiff::Timestamp;

use crate::metrics::{self, Metric, Unit};
use domain::transition::Transition;

/// What made them Active.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Somebody's new consent.
    Reconnected,
    /// The sweep found them connected.
    Recovered,
    /// Somebody validated them and found them connected.
    Validated,
}

impl How {
    fn name(self) -> &'static str {
        match self {
            Self::Reconnected => "reconnected",
            Self::Recovered => "recovered",
            Self::Validated => "validated",
        }
    }
}

/// What was committed together, whatever became of each account. One line for those that healed, if any did.
pub fn tell<'a>(committed: impl IntoIterator<Item = &'a Transition>, how: How, now: Timestamp) {
    let healed = committed.into_iter().filter_map(Transition::healed_after).map(|after| {
        let value = u64::try_from(after.as_secs()).unwrap_or_default();
        Metric { name: "TimeToHeal", unit: Unit::Seconds, value }
    });
    let healed: Vec<_> = healed.collect();
    if !healed.is_empty() {
        metrics::emit(&[("How", how.name())], &healed, now);
    }
}
