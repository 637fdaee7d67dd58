//! How much time there is. What is not answered in time is inconclusive.

use std::time::Duration;

use tokio::time::Instant;

/// Evidence is gathered within this time.
const EVIDENCE: Duration = Duration::from_secs(20);
/// What is kept for deciding and committing.
const FOR_THE_COMMIT: Duration = Duration::from_secs(3);
/// What the exchange leaves for the evidence.
const AFTER_THE_EXCHANGE: Duration = Duration::from_secs(8);
/// How long anybody waits for us to give an old token back.
const REVOKE: Duration = Duration::from_secs(2);

/// The time that one go at an activation has.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    end: Instant,
}

impl Budget {
    /// `left` is what Lambda leaves us, if it says so.
    pub fn new(left: Option<Duration>) -> Self {
        let longest = EVIDENCE + FOR_THE_COMMIT;
        let left = left.map_or(longest, |left| left.min(longest));
        Self { end: Instant::now() + left }
    }

    /// Leaves time to gather evidence and to commit after the exchange.
    pub fn exchange_until(self) -> Instant {
        let until = self.evidence_until();
        until.checked_sub(AFTER_THE_EXCHANGE).unwrap_or(until).max(Instant::now() + Duration::from_secs(1))
    }

    pub fn evidence_until(self) -> Instant {
        self.end.checked_sub(FOR_THE_COMMIT).unwrap_or(self.end)
    }

    pub(super) fn revoke_until(self) -> Instant {
        (Instant::now() + REVOKE).min(self.end)
    }

    pub fn is_over(self) -> bool {
        Instant::now() >= self.evidence_until()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_more_than_what_is_left_and_never_more_than_the_lease() {
        let now = Instant::now();
        let lease = Duration::try_from(domain::activation::VERIFY_LEASE).expect("it is positive");
        assert_eq!(Budget::new(None).evidence_until(), now + EVIDENCE);
        assert!(Budget::new(Some(Duration::from_mins(15))).end < now + lease, "the next one may begin then");
        let short = Budget::new(Some(Duration::from_secs(10)));
        assert_eq!(short.evidence_until(), now + Duration::from_secs(7));
        assert_eq!(short.exchange_until(), now + Duration::from_secs(1), "one that cannot be had is not begun");
        assert!(!short.is_over());
        tokio::time::advance(Duration::from_secs(7)).await;
        assert!(short.is_over());
        assert_eq!(short.revoke_until(), now + Duration::from_secs(9));
    }
}
