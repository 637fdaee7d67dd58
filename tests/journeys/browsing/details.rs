//! The details of one ad account, and *Check now*.

use jiff::{Timestamp, ToSpan as _};
use tiktok_stand_in::{BcRole, Membership, Owner};

use crate::support::browser::{Browser, Role};
use crate::support::proxy::{Break, Mode};
use crate::support::*;

/// Noon of that day, where the ad accounts are.
fn days_ago(days: i64) -> Timestamp {
    let day = reporting_day(local::clock::now()) - days.days();
    day.at(12, 0, 0, 0).in_tz("Europe/Berlin").expect("a time there").timestamp()
}

#[tokio::test]
async fn a_lapsed_account_is_told_with_evidence() {
    let Some(browser) = Browser::start().await else { return };
    let account = browser.world.active(11).await;
    browser.world.as_(&ANA).validate(&account).await.expect(200);
    browser.world.proven_last_at(&account, days_ago(3));
    browser.world.lapse(&account).await;
    browser.open_as(&ANA, &format!("/?account={}", account.id)).await;
    browser.see(Role::Heading, "Why it needs connecting").await;
    for heading in ["Business Center", "TikTok authorization", "Checks", "Data gap", "History"] {
        browser.see(Role::Heading, heading).await;
    }
    let details = browser.read("#details", "Business Center ID").await;
    for text in ["Northwind Media", MEDIA, "Authorized at TikTok by", "Ana Moreau", "7 days without data"] {
        assert!(details.contains(text), "{text} in {details}");
    }
    // Three days that TikTok may still correct, three without data and today, between one that is there and one that is to
    // come.
    assert_eq!(browser.texts(".strip .missing").await.len(), 7);
    assert_eq!(browser.texts(".strip > span").await.len(), 9);
    browser.read(".timeline", "Needs connecting").await;

    // TikTok's own reference for the check that failed: what support asks for.
    let alive = "#details .checks li:first-child summary";
    browser.execute("document.querySelector(arguments[0]).click()", json!([alive])).await;
    let evidence = browser.read("#details .checks li:first-child ul", "/oauth2/advertiser/get/").await;
    let log = browser.world.tiktok().log();
    let refused = log.iter().filter(|call| call.code == Some(40_105)).filter_map(|call| call.request_id.as_deref());
    assert!(
        evidence.contains("/oauth2/advertiser/get/: code 40105, request ")
            && refused.clone().any(|id| evidence.contains(id)),
        "{evidence}"
    );
    browser.looks_right("details, lapsed").await;

    browser.click_button("Copy Business Center ID").await;
    browser.hear("Copied Business Center ID").await;
    assert_eq!(browser.clipboard().await, MEDIA);
    browser.click_button(format!("Copy Account ID {}", account.id)).await;
    browser.hear("Copied Account ID").await;
    assert_eq!(browser.clipboard().await, account.id);
    browser.finish().await;
}

#[tokio::test]
async fn an_active_account_has_no_causes_but_may_be_at_risk() {
    let Some(browser) = Browser::start().await else { return };
    let account = browser.world.active(11).await;
    for login in ["carlos", "marc", "rita"] {
        browser.world.tiktok().world().remove_member(MEDIA, login).unwrap();
    }
    browser.open_as(&ANA, "/?tab=active").await;
    browser.choose_action(&account, "Check now").await;
    browser.read("#details [role=status].good", "Everything works").await;
    browser.see(Role::Heading, "At risk").await;
    browser.read("#details", "Only one Admin is left in the Business Center").await;
    for heading in ["Why it needs connecting", "Data gap"] {
        assert!(!browser.sees(Role::Heading, heading).await, "{heading}");
    }
    assert_eq!(browser.texts("#details .checks .mark.passed").await.len(), 8);
    browser.see(Role::Button, "Renew connection").await;
    browser.looks_right("details, active").await;
    browser.click_button("Close").await;
    browser.read("tr[data-account] .risk", "Only one Admin is left").await;
    browser.finish().await;
}

/// Too many days for a cell each, and some that TikTok no longer gives out.
#[tokio::test]
async fn a_long_gap_is_shown_by_months_and_what_is_lost_is_told() {
    let Some(browser) = Browser::start().await else { return };
    let account = browser.world.active(11).await;
    browser.world.as_(&ANA).validate(&account).await.expect(200);
    browser.world.proven_last_at(&account, days_ago(400));
    browser.world.lapse(&account).await;
    browser.open_as(&ANA, &format!("/?account={}", account.id)).await;
    let gap = browser.read("#details", "404 days without data").await;
    assert!(gap.contains("TikTok no longer gives out what lies before") && gap.contains("cannot be fetched"), "{gap}");
    let months = browser.texts(".strip .month b").await;
    let days: u32 = months.iter().map(|number| number.parse::<u32>().unwrap()).sum();
    assert_eq!(days, 404, "{months:?}");
    browser.looks_right("details, a long gap").await;
    browser.finish().await;
}

#[tokio::test]
async fn the_history_goes_back_as_far_as_one_likes() {
    let Some(browser) = Browser::start().await else { return };
    let world = &browser.world;
    let account = world.active(11).await;
    for center in [AGENCY, MEDIA].repeat(11) {
        world.tiktok().world().move_account(&account.id, Owner::business_center(center)).unwrap();
        world.as_(&ANA).validate(&account).await.expect(200);
    }
    browser.open_as(&ANA, &format!("/?tab=active&account={}", account.id)).await;
    browser.see(Role::Heading, "History").await;
    assert_eq!(browser.texts(".timeline li").await.len(), 20);
    browser.click_button("Show older").await;
    browser.see_no_more(Role::Button, "Show older").await;
    let entries = browser.texts(".timeline li").await;
    assert_eq!(entries.len(), 22);
    assert!(entries[0].contains("Works again by itself") && entries[21].contains("Needs connecting"), "{entries:?}");
    browser.finish().await;
}

#[tokio::test]
async fn what_cannot_be_shown_is_told_in_the_details() {
    let Some(browser) = Browser::start().await else { return };
    let account = browser.world.lapsed(11).await;
    browser.expect_status(404);
    browser.open_as(&ANA, "/?account=7100000000000000099").await;
    browser.read("#details [role=alert]", "").await;
    browser.see(Role::Heading, "Ad account 7100000000000000099").await;
    assert!(!browser.sees(Role::Button, "Try again").await, "it would not help");
    browser.looks_right("details, unknown").await;
    browser.click_button("Close").await;
    browser.lists(&[&account]).await;

    browser.hold("*/history?*").await;
    browser.click(Role::Link, format!("{}, details of {}", account.id, account.name)).await;
    browser.see(Role::Heading, &format!("Ad account {}", account.id)).await;
    browser.looks_right("details, loading").await;
    browser.world.dynamodb.strike(Break::nth_of_all(1).times(1_000), Mode::InternalError);
    browser.expect_status(503);
    browser.release().await;
    browser.read("#details [role=alert]", "We could not do this just now").await;
    browser.world.dynamodb.heal();
    browser.click_button("Try again").await;
    browser.see(Role::Heading, "History").await;
    browser.finish().await;
}

/// Active, and TikTok says otherwise: the check acts on it, and the list follows.
#[tokio::test]
async fn check_now_finds_a_lapse() {
    let Some(browser) = Browser::start().await else { return };
    let account = browser.world.active(11).await;
    browser.open_as(&ANA, "/?tab=active").await;
    browser.counts(0, 1).await;
    let app_id = browser.world.local.tiktok.app_id().to_owned();
    browser.world.tiktok().world().revoke_authorization("ana", &app_id).unwrap();
    browser.hold("*/validate").await;
    browser.choose_action(&account, "Check now").await;
    browser.see(Role::Button, "Asking TikTok…").await;
    browser.hear("Asking TikTok").await;
    browser.looks_right("details, asking TikTok").await;
    browser.release().await;
    browser.read("#details [role=status].bad", "It does not work").await;
    browser.see(Role::Heading, "Why it needs connecting").await;
    browser.read("#details .pill", "Needs Connecting").await;
    browser.looks_right("details, a check that found a lapse").await;
    browser.click_button("Close").await;
    browser.counts(1, 0).await;
    browser.lists(&[]).await;
    browser.finish().await;
}

/// TikTok is down: nothing is changed, for better or worse. When it is back, a lapsed account that works heals.
#[tokio::test]
async fn check_now_changes_nothing_while_tiktok_is_down_and_heals_afterwards() {
    let Some(browser) = Browser::start().await else { return };
    let world = &browser.world;
    let account = world.active(11).await;
    world.tiktok().world().set_membership(MEDIA, Membership::joined("ana", BcRole::Standard)).unwrap();
    assert_eq!(world.as_(&ANA).validate(&account).await.expect(200)["status"], "needs_connecting");
    world.tiktok().world().set_membership(MEDIA, Membership::joined("ana", BcRole::Admin)).unwrap();
    world.tiktok().add_fault(Fault::new(FaultKind::BadGatewayHtml)).unwrap();
    let before = world.account_row(&account);

    browser.open_as(&ANA, "/").await;
    browser.choose_action(&account, "Check now").await;
    browser.read("#details [role=status].box", "We cannot tell at the moment").await;
    browser.looks_right("details, undecided").await;
    assert_eq!(world.account_row(&account), before);
    browser.see(Role::Heading, "Why it needs connecting").await;

    world.tiktok().clear_faults();
    browser.click_button("Check now").await;
    browser.read("#details [role=status].good", "Everything works").await;
    browser.read("#details .timeline", "Works again by itself").await;
    browser.click_button("Close").await;
    browser.lists(&[]).await;
    browser.counts(0, 1).await;
    browser.finish().await;
}
