//! The days of a gap are those of the ad account's own time zone, in which TikTok reports.

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};

use crate::support::*;

const LOS_ANGELES: &str = "America/Los_Angeles";

/// Three in the morning in UTC, when it is still the evening before in Los Angeles.
fn three_in_the_morning(day: Date) -> Timestamp {
    day.at(3, 0, 0, 0).in_tz("UTC").expect("a time").timestamp()
}

fn days_ago_in_utc(days: i64) -> Date {
    day_in("UTC", local::clock::now()) - days.days()
}

/// It was read last on an evening in Los Angeles, which was the next day in UTC: its own day was read only in part, and so
/// it is fetched again, with the days before that TikTok may have corrected since.
#[tokio::test]
async fn a_day_that_was_read_in_part_is_fetched_again_where_the_ad_account_is() {
    for (setting, settling) in [(Some("0"), 0), (None, 3)] {
        let setup = TestWorld::with();
        let setup = match setting {
            Some(days) => setup.env("LATE_SETTLING_DAYS", days),
            None => setup,
        };
        let world = setup.start().await;
        let account = Account::new(11);
        let token = world.all_active(&[&account]).await;
        world.tiktok().world().set_account_time_zone(&account.id, LOS_ANGELES, LOS_ANGELES).unwrap();
        world.sweep().await;
        let day = days_ago_in_utc(3);
        world.revoke(&token);
        world.pass_an_interval();
        world.sweep().await;
        world.pass_half_an_hour();
        world.proven_last_at(&account, three_in_the_morning(day));
        world.sweep().await;
        assert_eq!(world.status(&account), "needs_connecting");

        let from = day - (1 + settling).days();
        let to = day_in(LOS_ANGELES, local::clock::now());
        let details = world.as_(&ANA).details(&account).await;
        let reach = to - 365.days();
        assert_eq!(details.expect(200)["gap"], json!({ "from": from, "to": to, "unrecoverable_before": reach }));

        let gap = json!({ "from": from, "to": to });
        let receipt = world.reconnect(&account, &ANA, Consent::by("ana")).await;
        assert_eq!(receipt.expect(200)["accounts"][0]["gap"], gap);
        world.deliver_events().await;
        assert_eq!(world.local.bus.of_type("AdAccountReconnected")[0]["detail"]["gap"], gap);
        let history = world.as_(&ANA).history(&account).await;
        assert_eq!(history.expect(200)["history"][0]["gap"], gap);
        world.finish().await;
    }
}

/// An imported account may lapse before anybody could ask where it is. Its gap is then wide enough for any place on earth,
/// until TikTok has told the place.
#[tokio::test]
async fn until_tiktok_has_told_the_time_zone_a_gap_has_a_day_more_at_each_end() {
    let world = TestWorld::with().env("LATE_SETTLING_DAYS", "0").start().await;
    let account = world.active(11).await;
    let day = days_ago_in_utc(3);
    world.proven_last_at(&account, three_in_the_morning(day));
    world.lapse(&account).await;
    assert_eq!(world.account_row(&account)["time_zone"], Value::Null);

    // The easternmost clocks are fourteen hours ahead: tomorrow is in it as soon as it has begun there.
    let to = day_in("Pacific/Kiritimati", local::clock::now());
    let reach = days_ago_in_utc(1) - 365.days();
    let details = world.as_(&ANA).details(&account).await;
    let wide = json!({ "from": day - 1.day(), "to": to, "unrecoverable_before": reach });
    assert_eq!(details.expect(200)["gap"], wide);

    let receipt = world.reconnect(&account, &ANA, Consent::by("ana")).await;
    let to = reporting_day(local::clock::now());
    assert_eq!(receipt.expect(200)["accounts"][0]["gap"], json!({ "from": day, "to": to }));
    assert_eq!(world.account_row(&account)["time_zone"], "Europe/Berlin");
    world.finish().await;
}

/// Nobody is told, since nothing happened to the connection; and what is no time zone replaces none.
#[tokio::test]
async fn another_time_zone_is_taken_over_at_the_next_check() {
    let world = TestWorld::start().await;
    let account = world.active(11).await;
    world.sweep().await;
    assert_eq!(world.account_row(&account)["time_zone"], "Europe/Berlin");
    for (timezone, display_timezone, taken_over) in [
        ("Etc/GMT-13", "Pacific/Apia", "Pacific/Apia"),
        ("Etc/GMT+11", "(UTC-11:00) Midway", "Etc/GMT+11"),
        ("", "Mars/Olympus", "Etc/GMT+11"),
    ] {
        world.tiktok().world().set_account_time_zone(&account.id, timezone, display_timezone).unwrap();
        world.pass_an_interval();
        world.sweep().await;
        assert_eq!(world.account_row(&account)["time_zone"], taken_over, "{display_timezone}");
    }
    let revision = world.account_row(&account)["revision"].clone();
    world.pass_an_interval();
    world.sweep().await;
    assert_eq!(world.account_row(&account)["revision"], revision, "nothing new is not written down");
    assert_eq!((world.came_to("connected"), world.outbox().len()), (5, 0));
    world.finish().await;
}
