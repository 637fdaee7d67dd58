//! The stand-in's own idea of the time, so that a test can let an hour pass without waiting for it.

#![expect(
    clippy::disallowed_methods,
    reason = "the stand-in is a server of its own: this module is the one place where it asks the machine for the time"
)]

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use jiff::{SignedDuration, Timestamp};

/// A source of time plus an offset. Clones share the offset.
#[derive(Clone)]
pub struct Clock {
    source: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    ahead_seconds: Arc<AtomicI64>,
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self::from_fn(Timestamp::now)
    }

    /// Any other source, for example the clock that the code under test reads.
    ///
    /// A source that stands still also keeps codes from expiring and rate limits from recovering, until
    /// [`Clock::advance`] is called.
    pub fn from_fn(source: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self { source: Arc::new(source), ahead_seconds: Arc::new(AtomicI64::new(0)) }
    }

    pub fn now(&self) -> Timestamp {
        let ahead = SignedDuration::from_secs(self.ahead_seconds.load(Ordering::SeqCst));
        let now = (self.source)();
        now.checked_add(ahead).unwrap_or(now)
    }

    /// Moves this clock ahead (or back, with a negative number) from wherever it is.
    pub fn advance(&self, seconds: i64) {
        self.ahead_seconds.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&self.now()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_can_stand_still_and_be_moved_from_any_clone() {
        let noon: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        let clock = Clock::from_fn(move || noon);
        clock.clone().advance(3600);
        assert_eq!(clock.now(), "2026-11-23T13:00:00Z".parse().unwrap());
        clock.advance(-7200);
        assert_eq!(clock.now(), "2026-11-23T11:00:00Z".parse().unwrap());
    }
}
