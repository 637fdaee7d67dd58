//! Moments of the simulation, and numbers as tables show them.

use jiff::Timestamp;

/// When the simulation begins: 2026-11-23.
const BEGIN: i64 = 1_795_392_000_000;

/// A moment of the simulation, in milliseconds since its begin.
pub fn timestamp(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(BEGIN + milliseconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// For tables: nothing here is counted beyond what a float holds.
#[expect(clippy::cast_precision_loss, reason = "numbers for people to read, below 2^52")]
pub fn real(number: u64) -> f64 {
    number as f64
}
