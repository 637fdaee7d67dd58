//! What the whole sweep does when TikTok says "too many requests": it stops for a while, longer each time, up to the five
//! minutes after which TikTok's per-minute limit is open again.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

const FIRST: SignedDuration = SignedDuration::from_secs(5);
const LONGEST: SignedDuration = SignedDuration::from_mins(5);
/// Whoever is throttled again within this time after a pause was not paused for long enough.
const CALM: SignedDuration = SignedDuration::from_mins(10);

/// The pause as it is remembered for all workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backoff {
    pub until: Timestamp,
    /// How often the pause was doubled.
    pub level: u32,
}

impl Backoff {
    pub fn is_on(self, now: Timestamp) -> bool {
        now < self.until
    }

    /// TikTok throttled us just now. Within a pause that is on already, another such answer changes nothing: it belongs
    /// to a question that was under way.
    pub fn after_throttling(known: Option<Self>, now: Timestamp) -> Self {
        let level = match known {
            Some(known) if known.is_on(now) => return known,
            Some(known) if now < known.until + CALM => known.level + 1,
            Some(_) | None => 0,
        };
        let wait = FIRST.checked_mul(1 << level.min(10)).unwrap_or(LONGEST).min(LONGEST);
        Self { until: now + wait, level }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + second).unwrap()
    }

    #[test]
    fn a_pause_doubles_up_to_five_minutes_and_calm_ends_it() {
        let mut pause = Backoff::after_throttling(None, at(0));
        let mut waits = vec![pause.until.duration_since(at(0)).as_secs()];
        for _ in 0..8 {
            let now = pause.until;
            pause = Backoff::after_throttling(Some(pause), now);
            waits.push(pause.until.duration_since(now).as_secs());
        }
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 300, 300, 300]);
        let calm = pause.until + CALM;
        assert_eq!(Backoff::after_throttling(Some(pause), calm).level, 0);
    }

    #[test]
    fn many_workers_that_are_throttled_at_once_pause_once() {
        let pause = Backoff::after_throttling(None, at(0));
        assert_eq!(Backoff::after_throttling(Some(pause), at(1)), pause);
    }
}
