//! The gap: the days without data. It opens at the last proven-good read and closes when the account is Active again.

use jiff::{SignedDuration, Timestamp, civil::Date, tz::Offset};
use serde::{Deserialize, Serialize};

/// Days that data collection must fetch again, both ends included, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    pub from: Date,
    pub to: Date,
    /// Days before this one TikTok no longer gives out. Only where there are such days in the gap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unrecoverable_before: Option<Date>,
}

/// How far back TikTok's reports reach at day granularity (`/report/integrated/get/`: 365 days).
const REPORTS_REACH_BACK: SignedDuration = SignedDuration::from_hours(365 * 24);

/// An opening in the future would be a broken clock; the gap is then the day itself.
pub fn gap(opens_at: Timestamp, until: Timestamp) -> Gap {
    let to = day(until);
    let from = day(opens_at).min(to);
    let reach = unrecoverable_before(until);
    Gap { from, to, unrecoverable_before: (from < reach).then_some(reach) }
}

/// Where the gap of a lapse opens. TikTok may still have corrected the last `late_settling_days` days before the last
/// good read, so they are fetched again, too.
pub fn opens_at(last_good_read: Timestamp, late_settling_days: i64) -> Timestamp {
    last_good_read - SignedDuration::from_hours(24 * late_settling_days)
}

/// The first day that TikTok can still deliver; days of a gap before it are lost.
pub fn unrecoverable_before(now: Timestamp) -> Date {
    day(now - REPORTS_REACH_BACK)
}

fn day(time: Timestamp) -> Date {
    Offset::UTC.to_datetime(time).date()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn both_days_are_included() {
        let gap = gap(at("2026-11-20T23:59:59Z"), at("2026-11-23T00:00:00Z"));
        assert_eq!((gap.from.to_string(), gap.to.to_string()), ("2026-11-20".to_owned(), "2026-11-23".to_owned()));
        assert_eq!(unrecoverable_before(at("2026-11-23T12:00:00Z")).to_string(), "2025-11-23");
    }

    #[test]
    fn days_that_may_have_been_corrected_belong_to_it() {
        let opens = opens_at(at("2026-11-20T08:00:00Z"), 2);
        assert_eq!(gap(opens, at("2026-11-23T00:00:00Z")).from.to_string(), "2026-11-18");
        assert_eq!(opens_at(opens, 0), opens);
    }

    #[test]
    fn days_that_tiktok_no_longer_gives_out_are_named() {
        let until = at("2026-11-23T12:00:00Z");
        assert_eq!(gap(at("2025-11-23T12:00:00Z"), until).unrecoverable_before, None);
        let lost = gap(at("2025-11-22T12:00:00Z"), until).unrecoverable_before;
        assert_eq!(lost.map(|day| day.to_string()), Some("2025-11-23".to_owned()));
    }

    proptest! {
        #[test]
        fn a_gap_is_never_negative_and_covers_both_ends(a in 0i64..4_000_000_000, b in 0i64..4_000_000_000) {
            let (good, until) = (Timestamp::from_second(a).unwrap(), Timestamp::from_second(b).unwrap());
            let gap = gap(good, until);
            prop_assert!(gap.from <= gap.to);
            prop_assert_eq!(gap.to, day(until));
            if good <= until { prop_assert_eq!(gap.from, day(good)); }
        }
    }
}
