//! The model of the property tests walks over hours and knows no calendar but its own: which day it is in a zone is read
//! off that zone's clock, hour by hour.

use jiff::SignedDuration;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use proptest::prelude::*;

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn zone(name: &str) -> ReportingTimeZone {
    name.parse().unwrap()
}

fn read(text: &str, late_settling_days: u8) -> Opening {
    Opening { last_good: LastGood::Read(at(text)), late_settling_days }
}

fn days(gap: Gap) -> (String, String) {
    (gap.from.to_string(), gap.to.to_string())
}

fn between(from: &str, to: &str) -> (String, String) {
    (from.to_owned(), to.to_owned())
}

/// The evening of the 19th in Los Angeles is the 20th in UTC, and that evening was still to come.
#[test]
fn a_day_that_was_read_in_part_is_fetched_again_wherever_it_was() {
    let until = at("2026-11-23T12:00:00Z");
    let from = |late, name| days(gap(&read("2026-11-20T03:00:00Z", late), until, Some(&zone(name))));
    assert_eq!(from(0, "America/Los_Angeles"), between("2026-11-19", "2026-11-23"));
    assert_eq!(from(3, "America/Los_Angeles"), between("2026-11-16", "2026-11-23"));
    assert_eq!(from(0, "Europe/Berlin"), between("2026-11-20", "2026-11-23"));
    assert_eq!(from(0, "Etc/GMT-13"), between("2026-11-20", "2026-11-24"));
    assert_eq!(from(0, "Pacific/Midway"), between("2026-11-19", "2026-11-23"));
}

#[test]
fn both_days_are_included_to_the_second() {
    let utc = zone("UTC");
    let gap = gap(&read("2026-11-20T23:59:59Z", 0), at("2026-11-23T00:00:00Z"), Some(&utc));
    assert_eq!(days(gap), between("2026-11-20", "2026-11-23"));
    assert_eq!(unrecoverable_before(at("2026-11-23T12:00:00Z"), Some(&utc)).to_string(), "2025-11-23");
}

/// Without a zone a day more belongs to each end, but none that has not begun anywhere: at ten in the morning the next day
/// begins fourteen hours east of Greenwich.
#[test]
fn in_an_unknown_zone_there_is_a_day_more_at_each_end() {
    let opening = read("2026-11-20T03:00:00Z", 0);
    let unknown = |until| days(gap(&opening, at(until), None));
    assert_eq!(unknown("2026-11-23T09:59:59Z"), between("2026-11-19", "2026-11-23"));
    assert_eq!(unknown("2026-11-23T10:00:00Z"), between("2026-11-19", "2026-11-24"));
    assert_eq!(unrecoverable_before(at("2026-11-23T12:00:00Z"), None).to_string(), "2025-11-22");
}

/// A day that was told is one of the account's own: it is the same in every zone.
#[test]
fn a_day_that_was_told_stays_that_day() {
    let told =
        |late_settling_days| Opening { last_good: LastGood::Day("2026-11-20".parse().unwrap()), late_settling_days };
    for zone in [None, Some(zone("America/Los_Angeles")), Some(zone("Pacific/Kiritimati"))] {
        let from = |late| gap(&told(late), at("2026-11-23T12:00:00Z"), zone.as_ref()).from.to_string();
        assert_eq!((from(0), from(3)), ("2026-11-20".to_owned(), "2026-11-17".to_owned()), "{zone:?}");
    }
}

/// The clocks go back in New York on 1 November 2026, forward on 8 March: days of 25 and 23 hours.
#[test]
fn days_are_those_of_the_calendar_and_not_of_24_hours() {
    let new_york = zone("America/New_York");
    let from = |good, late| gap(&read(good, late), at("2026-11-23T12:00:00Z"), Some(&new_york)).from.to_string();
    assert_eq!(from("2026-11-02T04:30:00Z", 0), "2026-11-01", "24 hours after its first half hour it is still the 1st");
    assert_eq!(from("2026-11-02T05:30:00Z", 1), "2026-11-01");
    assert_eq!(from("2026-03-09T04:30:00Z", 1), "2026-03-08", "half past midnight; 24 hours before, it was the 7th");
    // Samoa had no 30 December 2011. The calendar has, and TikTok has no data for it.
    let apia = zone("Pacific/Apia");
    let gap = gap(&read("2011-12-30T09:59:00Z", 0), at("2011-12-30T10:00:00Z"), Some(&apia));
    assert_eq!(days(gap), between("2011-12-29", "2011-12-31"));
}

#[test]
fn days_that_tiktok_no_longer_gives_out_are_named() {
    let (until, la) = (at("2026-11-23T05:00:00Z"), zone("America/Los_Angeles"));
    let lost = |good| gap(&read(good, 0), until, Some(&la)).unrecoverable_before.map(|day| day.to_string());
    assert_eq!(lost("2025-11-22T20:00:00Z"), None, "365 days before the 22nd, which it still is there");
    assert_eq!(lost("2025-11-22T05:00:00Z"), Some("2025-11-22".to_owned()));
}

#[test]
fn what_was_written_down_is_read_again() {
    for opening in [
        read("2026-11-20T03:00:00Z", 3),
        Opening { last_good: LastGood::Day("2026-11-20".parse().unwrap()), late_settling_days: 0 },
    ] {
        let json = serde_json::to_value(opening).unwrap();
        assert_eq!(serde_json::from_value::<Opening>(json).unwrap(), opening);
    }
}

fn any_zone() -> impl Strategy<Value = ReportingTimeZone> {
    let database = TimeZoneDatabase::bundled();
    let all = database.available().filter_map(|name| name.as_str().parse().ok());
    // Whole hours and quarters of an hour, and clocks that change at midnight.
    let special =
        ["Etc/GMT-13", "Etc/GMT+11", "Asia/Kathmandu", "Australia/Lord_Howe", "Africa/Cairo", "America/Asuncion"];
    prop_oneof![proptest::sample::select(all.collect::<Vec<_>>()), proptest::sample::select(special.map(zone).to_vec()),]
}

/// From 2010 to 2038, now and then within a day of a change of the clocks in many zones.
fn any_time() -> impl Strategy<Value = Timestamp> {
    let changes = [
        "2026-03-08T10:00:00Z",
        "2026-03-29T01:00:00Z",
        "2026-10-25T01:00:00Z",
        "2026-11-01T09:00:00Z",
        "2011-12-30T10:00:00Z",
    ];
    let near = (proptest::sample::select(changes.to_vec()), -86_400i64..86_400)
        .prop_map(|(change, off)| at(change) + SignedDuration::from_secs(off));
    prop_oneof![(1_262_304_000i64..2_145_916_800).prop_map(|second| Timestamp::from_second(second).unwrap()), near]
}

/// How many calendar days lie between, counted one by one.
fn steps(from: Date, to: Date) -> i32 {
    std::iter::successors(Some(from), |day| (*day < to).then(|| day.tomorrow().unwrap()))
        .skip(1)
        .fold(0, |steps, _| steps + 1)
}

proptest! {
    /// Each day on which the account's clock stood between the last good read and now is in the gap, and so are both ends.
    #[test]
    fn a_gap_has_every_day_that_the_account_has_seen(zone in any_zone(), good in any_time(), hours in 0i64..2_000, late in 0u8..=30) {
        let until = good + SignedDuration::from_hours(hours);
        let opening = Opening { last_good: LastGood::Read(good), late_settling_days: late };
        let gap = gap(&opening, until, Some(&zone));
        let clock = TimeZoneDatabase::bundled().get(&zone.to_string()).unwrap();
        let seen = (0..=hours).map(|hour| clock.to_datetime(good + SignedDuration::from_hours(hour)).date());
        let (first, last) = seen.fold((Date::MAX, Date::MIN), |(first, last), day| (first.min(day), last.max(day)));
        prop_assert_eq!(gap.to, last);
        prop_assert_eq!(steps(gap.from, first), i32::from(late));
        let reach = unrecoverable_before(until, Some(&zone));
        prop_assert_eq!(steps(reach, last), 365);
        prop_assert_eq!(gap.unrecoverable_before, (gap.from < reach).then_some(reach));
    }

    /// Whatever the zone turns out to be, the gap of an account without one has all of its days, and at most two more.
    #[test]
    fn an_unknown_zone_misses_no_day(zone in any_zone(), good in any_time(), hours in 0i64..2_000, late in 0u8..=30) {
        let until = good + SignedDuration::from_hours(hours);
        let opening = Opening { last_good: LastGood::Read(good), late_settling_days: late };
        let (wide, narrow) = (gap(&opening, until, None), gap(&opening, until, Some(&zone)));
        prop_assert!(wide.from <= narrow.from && narrow.to <= wide.to, "{wide:?} {narrow:?}");
        prop_assert!(steps(wide.from, narrow.from) <= 2 && steps(narrow.to, wide.to) <= 2, "{wide:?} {narrow:?}");
        prop_assert!(unrecoverable_before(until, None) <= unrecoverable_before(until, Some(&zone)));
        prop_assert!(wide.to <= TimeZone::UTC.to_datetime(until + SignedDuration::from_hours(14)).date());
    }

    /// A clock that was set back makes a gap of one day, never a negative one.
    #[test]
    fn a_gap_is_never_negative(zone in proptest::option::of(any_zone()), good in any_time(), until in any_time(), late in 0u8..=30) {
        let opening = Opening { last_good: LastGood::Read(good), late_settling_days: late };
        let gap = gap(&opening, until, zone.as_ref());
        prop_assert!(gap.from <= gap.to);
    }
}
