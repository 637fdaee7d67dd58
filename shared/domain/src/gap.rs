//! The gap: the days without data. It opens with the day of the last proven-good read, which was read only in part, and
//! closes when the account is Active again.
//!
//! Days are days of the ad account's own reporting time zone, as TikTok's reports have them: whole days of the calendar,
//! of 23, 24 or 25 hours. What is remembered of a lapse is the moment of the last good read, not its day. The zone may be
//! learnt afterwards, and the day follows from both whenever the gap is asked for.
//!
//! Where the zone is not known, it is UTC with a day more at each end, so that no day is missed wherever the account is. The
//! one at the end counts as soon as it has begun somewhere on earth: before that it is nobody's today.

use jiff::Timestamp;
use jiff::ToSpan as _;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::time_zone::{ReportingTimeZone, day_in, day_in_utc, latest_day};

/// Days that data collection must fetch again, both ends included, in the ad account's own reporting time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    pub from: Date,
    pub to: Date,
    /// Days before this one TikTok no longer gives out. Only where there are such days in the gap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unrecoverable_before: Option<Date>,
}

/// From where on data are not known to be complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LastGood {
    /// TikTok was read.
    Read(Timestamp),
    /// The last day with data, as it was told at the import: a day of the account's own time zone.
    Day(Date),
}

/// Where a gap opens, whatever the time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    pub last_good: LastGood,
    /// TikTok may still have corrected so many days before, so they are fetched again, too. As it was set at the lapse:
    /// a gap that people have seen does not move with a setting.
    #[serde(default)]
    pub late_settling_days: u8,
}

/// How many days before the last good read TikTok may still correct, where nothing else is set.
pub const LATE_SETTLING_DAYS: u8 = 3;

/// How many days TikTok's reports reach back (`/report/integrated/get/` at day granularity).
const REPORTS_REACH_BACK: i32 = 365;

impl Opening {
    /// Nothing was ever read that TikTok could have corrected.
    pub fn never_read(now: Timestamp) -> Self {
        Self { last_good: LastGood::Read(now), late_settling_days: 0 }
    }

    fn day(&self, zone: Option<&ReportingTimeZone>) -> Date {
        let day = match self.last_good {
            LastGood::Read(time) => first_day(time, zone),
            LastGood::Day(day) => day,
        };
        day.saturating_sub(i32::from(self.late_settling_days).days())
    }
}

/// An opening in the future would be a broken clock; the gap is then the day itself.
pub fn gap(opening: &Opening, until: Timestamp, zone: Option<&ReportingTimeZone>) -> Gap {
    let to = last_day(until, zone);
    let from = opening.day(zone).min(to);
    let reach = unrecoverable_before(until, zone);
    Gap { from, to, unrecoverable_before: (from < reach).then_some(reach) }
}

/// The first day that TikTok can still deliver; days of a gap before it are lost.
pub fn unrecoverable_before(now: Timestamp, zone: Option<&ReportingTimeZone>) -> Date {
    first_day(now, zone).saturating_sub(REPORTS_REACH_BACK.days())
}

fn first_day(time: Timestamp, zone: Option<&ReportingTimeZone>) -> Date {
    zone.map_or_else(|| day_in_utc(time).saturating_sub(1.day()), |zone| day_in(zone, time))
}

fn last_day(time: Timestamp, zone: Option<&ReportingTimeZone>) -> Date {
    zone.map_or_else(|| latest_day(time), |zone| day_in(zone, time))
}

#[cfg(test)]
mod tests;
