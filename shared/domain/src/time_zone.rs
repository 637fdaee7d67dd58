//! The time zone that an ad account reports in: TikTok's days begin and end there.
//!
//! Names are looked up in the IANA database that is compiled in, never in the machine's: Lambda has none, and the same
//! name must mean the same days everywhere.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone, TimeZoneDatabase};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A time zone by its IANA name, or by a plain offset such as `+08:00`.
#[derive(Clone, PartialEq, Eq)]
pub struct ReportingTimeZone(TimeZone);

/// No zone that we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no known time zone")]
pub struct UnknownTimeZone;

/// No place on earth is further from UTC.
const WESTERNMOST: i32 = -12 * 3600;
const EASTERNMOST: i32 = 14 * 3600;

/// "Not set yet", said in the form of a name.
const NAMES_OF_NONE: [&str; 2] = ["Etc/Unknown", "Factory"];

impl ReportingTimeZone {
    /// `display_timezone` is the place that TikTok shows to people, and where known it counts: it has daylight saving time.
    /// `timezone` is often no more than an offset in the guise of a name, with the sign that POSIX gave such names:
    /// `Etc/GMT-13` is thirteen hours *ahead* of UTC.
    pub fn of(display_timezone: Option<&str>, timezone: Option<&str>) -> Option<Self> {
        display_timezone.and_then(Self::named).or_else(|| timezone?.parse().ok())
    }

    fn named(name: &str) -> Option<Self> {
        let zone = TimeZoneDatabase::bundled().get(name).ok()?;
        let is_place = zone.iana_name().is_some_and(|name| !NAMES_OF_NONE.contains(&name));
        is_place.then_some(Self(zone))
    }

    /// `+08:00`, `-3`, `UTC+5:30`: the sign as ISO 8601 has it. `GMT-8` without `Etc/` is none: nobody could tell which way
    /// it is meant.
    fn offset(text: &str) -> Option<Self> {
        let text = text.strip_prefix("UTC").unwrap_or(text);
        let (sign, text) = match text.split_at_checked(1)? {
            ("+", rest) => (1, rest),
            ("-", rest) => (-1, rest),
            _ => return None,
        };
        let (hours, minutes) = text.split_once(':').unwrap_or((text, "00"));
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !(is_number(hours) && hours.len() <= 2 && is_number(minutes) && minutes.len() == 2) {
            return None;
        }
        let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
        let seconds = sign * (hours * 3600 + minutes * 60);
        let is_possible = minutes < 60 && (WESTERNMOST..=EASTERNMOST).contains(&seconds);
        let offset = Offset::from_seconds(seconds).ok().filter(|_| is_possible)?;
        Some(Self(offset.to_time_zone()))
    }
}

/// The day that it is there at a time.
pub fn day_in(zone: &ReportingTimeZone, time: Timestamp) -> Date {
    zone.0.to_datetime(time).date()
}

/// The day that it is in UTC.
pub fn day_in_utc(time: Timestamp) -> Date {
    Offset::UTC.to_datetime(time).date()
}

/// The latest day that it is anywhere.
pub fn latest_day(time: Timestamp) -> Date {
    Offset::from_seconds(EASTERNMOST).expect("fourteen hours are an offset").to_datetime(time).date()
}

impl FromStr for ReportingTimeZone {
    type Err = UnknownTimeZone;
    fn from_str(text: &str) -> Result<Self, UnknownTimeZone> {
        Self::named(text).or_else(|| Self::offset(text)).ok_or(UnknownTimeZone)
    }
}

impl fmt::Display for ReportingTimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = self.0.iana_name() {
            return f.write_str(name);
        }
        let minutes = self.0.to_fixed_offset().unwrap_or(Offset::UTC).seconds() / 60;
        let sign = if minutes < 0 { '-' } else { '+' };
        write!(f, "{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
    }
}

impl fmt::Debug for ReportingTimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReportingTimeZone({self})")
    }
}

impl Serialize for ReportingTimeZone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// For a zone that was written down, perhaps by a version with a newer database: a name that is not known here must not
/// make the rest unreadable.
pub fn if_known<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ReportingTimeZone>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.and_then(|text| text.parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(display_timezone: &str, timezone: &str) -> Option<String> {
        ReportingTimeZone::of(Some(display_timezone), Some(timezone)).map(|zone| zone.to_string())
    }

    fn hour_in(zone: &str, time: &str) -> i8 {
        let ReportingTimeZone(zone) = zone.parse().unwrap();
        zone.to_datetime(time.parse().unwrap()).hour()
    }

    #[test]
    fn the_place_that_people_see_comes_first_where_it_is_known() {
        assert_eq!(zone("Pacific/Apia", "Etc/GMT-13").as_deref(), Some("Pacific/Apia"));
        assert_eq!(zone("america/los_angeles", "").as_deref(), Some("America/Los_Angeles"));
        for none in
            ["", "(UTC+13:00) Apia", "Etc/Unknown", "Factory", "+13:00", "../etc/passwd", "PST8PDT,M3.2.0,M11.1.0"]
        {
            assert_eq!(zone(none, "Etc/GMT-13").as_deref(), Some("Etc/GMT-13"), "{none}");
        }
        assert_eq!(ReportingTimeZone::of(None, None), None);
        assert_eq!(zone("", "Mars/Olympus"), None);
    }

    #[test]
    fn a_name_with_etc_counts_the_other_way_round_and_a_plain_offset_does_not() {
        let noon = "2026-11-20T00:00:00Z";
        assert_eq!((hour_in("Etc/GMT-13", noon), hour_in("+13:00", noon), hour_in("UTC+13", noon)), (13, 13, 13));
        assert_eq!((hour_in("Etc/GMT+11", noon), hour_in("-11", noon), hour_in("UTC-11:00", noon)), (13, 13, 13));
        assert_eq!((hour_in("UTC", noon), hour_in("UTC+5:45", noon)), (0, 5));
    }

    #[test]
    fn what_is_no_offset_on_earth_is_no_zone() {
        for none in
            ["GMT-8", "GMT+8", "+15:00", "-12:30", "+08:60", "+8:0", "8", "+", "UTC+", "+008", "+8:00:00", "é+8", "+-8"]
        {
            assert_eq!(none.parse::<ReportingTimeZone>(), Err(UnknownTimeZone), "{none}");
        }
    }

    #[test]
    fn a_zone_reads_as_it_was_written() {
        let names = TimeZoneDatabase::bundled().available().map(|name| name.as_str().to_owned()).collect::<Vec<_>>();
        assert!(names.len() > 400, "{}", names.len());
        for text in names.iter().map(String::as_str).chain(["+08:00", "+05:45", "-09:30"]) {
            let Ok(zone) = text.parse::<ReportingTimeZone>() else {
                assert!(NAMES_OF_NONE.contains(&text), "{text}");
                continue;
            };
            assert_eq!(zone.to_string(), text);
            assert_eq!(zone.to_string().parse(), Ok(zone));
        }
    }
}
