//! The only place that asks the machine for the time. Everything else takes `now` as an argument.

use jiff::{Timestamp, Unit};

/// The current time, to the second: what we store and show has no fractions.
#[expect(clippy::disallowed_methods, reason = "this is the one clock")]
pub fn now() -> Timestamp {
    whole_seconds(Timestamp::now())
}

/// Drops the fraction of a second, so that a time reads the same stored, shown and compared.
pub fn whole_seconds(time: Timestamp) -> Timestamp {
    time.round(Unit::Second)
        .map_or(time, |rounded| if rounded > time { rounded - jiff::SignedDuration::from_secs(1) } else { rounded })
}
