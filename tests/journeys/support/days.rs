//! Days of the calendar, as TikTok's reports have them.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// The day that it is in a time zone.
pub fn day_in(time_zone: &str, time: Timestamp) -> Date {
    TimeZone::get(time_zone).expect("a known time zone").to_datetime(time).date()
}

/// The day that it is for an ad account of the stand-in, unless a test has put it elsewhere.
pub fn reporting_day(time: Timestamp) -> Date {
    day_in("Europe/Berlin", time)
}
