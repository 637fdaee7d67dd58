//! Every line of the help page's troubleshooting list: what people see, and how they get out of it.

use tiktok_stand_in::{AdvertiserRole, BcRole, Membership, Owner};

use crate::support::browser::{Browser, Role, starts};
use crate::support::*;

/// “Activate fails after login”: begins, turns this switch off at TikTok, and reads what came of it.
async fn refused_without(browser: &Browser, permission: &str) {
    browser.click(Role::Switch, permission).await;
    browser.confirm().await;
    let receipt = browser.receipt("Not reconnected").await;
    assert!(receipt.contains(&format!("The permission {permission} is off")), "{receipt}");
    assert!(
        receipt.contains("What to do: ") && receipt.contains(&format!("leave the switch {permission} on")),
        "{receipt}"
    );
}

/// From a receipt that says so to TikTok's consent page, where somebody is still signed in.
async fn activate_again(browser: &Browser) {
    browser.click_button("Activate again").await;
    browser.continue_to_tiktok().await;
    browser.see(Role::Button, "Confirm").await;
}

#[tokio::test]
async fn it_fails_after_login_because_a_permission_was_off() {
    let Some(browser) = Browser::start().await else { return };
    let account = browser.world.lapsed(11).await;
    browser.open_as(&ANA, "/").await;
    browser.begin_at_tiktok(&account, "Ana Moreau").await;
    refused_without(&browser, "Reporting").await;
    activate_again(&browser).await;
    refused_without(&browser, "Ad Account Management").await;
    activate_again(&browser).await;
    browser.confirm().await;
    browser.receipt("Reconnected").await;
    browser.finish().await;
}

#[tokio::test]
async fn the_ad_account_was_not_ticked() {
    let Some(browser) = Browser::start().await else { return };
    let account = browser.world.lapsed(11).await;
    let other = Account::new(12);
    browser.world.at_tiktok(&other);
    browser.open_as(&ANA, "/").await;
    for (unticked, title) in [
        (vec![&account], "This ad account was not selected at TikTok"),
        (vec![&account, &other], "No ad account was selected at TikTok"),
    ] {
        browser.begin(&account).await;
        browser.continue_to_tiktok().await;
        if browser.sees(Role::Button, "Continue as Ana Moreau").await {
            browser.sign_in_to_tiktok("Ana Moreau").await;
        }
        for account in unticked {
            browser.click(Role::Checkbox, starts(&format!("{} ", account.name))).await;
        }
        browser.confirm().await;
        let receipt = browser.receipt("Not reconnected").await;
        assert!(receipt.contains(title), "{receipt}");
        browser.see(Role::Button, "Activate again").await;
        browser.click_button("Done").await;
        browser.lists(&[&account]).await;
    }
    browser.finish().await;
}

/// Sven is in the Business Center, but no Admin. He learns whom to ask, is made one, and does it again.
#[tokio::test]
async fn whoever_signs_in_is_no_admin() {
    let Some(browser) = Browser::start().await else { return };
    let world = &browser.world;
    let account = Account::new(11);
    world.all_active(&[&account]).await;
    world.as_(&ANA).validate(&account).await.expect(200);
    world.lapse(&account).await;
    let operator = Some(AdvertiserRole::Operator);
    world.tiktok().world().set_account_role(&account.id, MEDIA, "sven", operator).unwrap();

    browser.open_as(&ANA, "/").await;
    browser.begin_at_tiktok(&account, "Sven Falk").await;
    browser.confirm().await;
    let receipt = browser.receipt("Not reconnected").await;
    assert!(receipt.contains("The TikTok login is not an Admin of the Business Center"), "{receipt}");
    assert!(receipt.contains("Carlos Vega"), "who is an Admin: {receipt}");
    browser.click_button("Copy a message for the Admin").await;
    let message = browser.clipboard().await;
    for word in ["Shop 11", &account.id, "Northwind Media", "Admin"] {
        assert!(message.contains(word), "{word} in {message}");
    }

    world.tiktok().world().set_membership(MEDIA, Membership::joined("sven", BcRole::Admin)).unwrap();
    browser.click_button("Show account").await;
    browser.click_button("Activate").await;
    browser.continue_to_tiktok().await;
    browser.confirm().await;
    let receipt = browser.receipt("Reconnected").await;
    assert!(receipt.contains("by Sven Falk"), "{receipt}");
    browser.finish().await;
}

/// It was moved away. The page says so before anybody signs in; once it is back, one check is enough.
#[tokio::test]
async fn the_ad_account_is_not_in_the_business_center() {
    let Some(browser) = Browser::start().await else { return };
    let world = &browser.world;
    let (account, healthy) = (Account::new(11), Account::new(12));
    world.all_active(&[&account, &healthy]).await;
    world.tiktok().world().move_account(&account.id, Owner::business_center(AGENCY)).unwrap();
    assert_eq!(world.as_(&ANA).validate(&account).await.expect(200)["status"], "needs_connecting");

    browser.open_as(&ANA, "/").await;
    browser.read("tr[data-account] .cause", "The ad account moved to another Business Center").await;
    browser.expect_status(409);
    browser.choose_action(&account, "Activate").await;
    let told = browser.read("#activate [role=alert]", "Continue to TikTok anyway").await;
    for text in ["Signing in to TikTok cannot repair this", "no longer holds it", "move it back and choose Activate"] {
        assert!(told.contains(text), "{text} in {told}");
    }
    assert!(!browser.sees(Role::Button, "Continue to TikTok").await);
    browser.click_button("Close").await;

    world.tiktok().world().move_account(&account.id, Owner::business_center(MEDIA)).unwrap();
    browser.choose_action(&account, "Check now").await;
    browser.read("#details [role=status].good", "Everything works").await;
    browser.read("#details .pill", "Active").await;
    browser.click_button("Close").await;
    browser.lists(&[]).await;
    browser.counts(0, 2).await;
    browser.finish().await;
}

/// Walt is at another Business Center: the page names both. Then Ana does it.
#[tokio::test]
async fn the_wrong_business_center_and_then_the_right_one() {
    let Some(browser) = Browser::start().await else { return };
    let account = browser.world.lapsed(11).await;
    browser.world.at_tiktok(&Account { center: AGENCY, ..Account::new(31) });
    browser.open_as(&ANA, "/").await;
    browser.begin_at_tiktok(&account, "Walt Gray").await;
    browser.confirm().await;
    let receipt = browser.receipt("Not reconnected").await;
    for word in
        ["The TikTok login belongs to another Business Center", "Northwind Media", MEDIA, "Bright Agency", AGENCY]
    {
        assert!(receipt.contains(word), "{word} in {receipt}");
    }
    activate_again(&browser).await;
    browser.switch_login("Ana Moreau").await;
    browser.confirm().await;
    browser.receipt("Reconnected").await;
    browser.finish().await;
}

/// The right person, but with the switch at the top right on another Business Center.
#[tokio::test]
async fn the_switch_at_the_top_right_was_on_another_business_center() {
    let Some(browser) = Browser::start().await else { return };
    let account = browser.world.lapsed(11).await;
    let elsewhere = Account { center: RETAIL, ..Account::new(12) };
    browser.world.at_tiktok(&elsewhere);
    browser.open_as(&ANA, "/").await;
    browser.begin_at_tiktok(&account, "Ana Moreau").await;
    browser.switch_business_center("Northwind Retail").await;
    browser.see(Role::Checkbox, starts("Shop 12 ")).await;
    browser.confirm().await;
    let receipt = browser.receipt("Not reconnected").await;
    assert!(receipt.contains("This ad account was not selected at TikTok"), "{receipt}");
    activate_again(&browser).await;
    browser.switch_business_center("Northwind Retail").await;
    browser.see(Role::Checkbox, starts("Shop 12 ")).await;
    browser.switch_business_center("Northwind Media").await;
    browser.see(Role::Checkbox, starts("Shop 11 ")).await;
    browser.confirm().await;
    browser.receipt("Reconnected").await;
    browser.finish().await;
}

/// TikTok refuses to give out the authorization, so it is done again; later it lapses once more, and is done again.
#[tokio::test]
async fn it_is_still_lapsed_and_everything_is_repeated() {
    let Some(browser) = Browser::start().await else { return };
    let world = &browser.world;
    let account = world.lapsed(11).await;
    world.tiktok().add_fault(Fault::new(FaultKind::BadGatewayHtml).on("/oauth2/access_token/").times(1)).unwrap();
    browser.open_as(&ANA, "/").await;
    browser.begin_at_tiktok(&account, "Ana Moreau").await;
    browser.confirm().await;
    let receipt = browser.receipt("Not reconnected").await;
    assert!(receipt.contains("TikTok is not answering properly"), "{receipt}");
    browser.lists(&[&account]).await;
    activate_again(&browser).await;
    browser.confirm().await;
    browser.receipt("Reconnected").await;
    browser.click_button("Done").await;
    browser.lists(&[]).await;

    world.lapse(&account).await;
    browser.reload().await;
    browser.begin(&account).await;
    browser.continue_to_tiktok().await;
    browser.confirm().await;
    browser.receipt("Reconnected").await;
    let kinds = ["AdAccountLapsed", "AdAccountReconnected", "AdAccountLapsed", "AdAccountReconnected"];
    assert_eq!(world.kinds_of(&account), kinds);
    browser.finish().await;
}

/// “Activate does nothing”: their CreativeX user may only look, or does not reach this ad account.
#[tokio::test]
async fn activate_is_there_only_for_those_who_may() {
    let Some(browser) = Browser::start().await else { return };
    let account = browser.world.lapsed(11).await;
    let french = Account { market: "fr", ..Account::new(12) };
    browser.world.at_tiktok(&french);
    browser.world.import(&[&french], None).await;

    browser.open_as(&VICTOR, "/").await;
    browser.lists(&[&account, &french]).await;
    browser.click_button("Actions for Shop 11").await;
    browser.see(Role::MenuItem, "Details").await;
    for action in ["Activate", "Check now", "Renew connection"] {
        assert!(!browser.sees(Role::MenuItem, action).await, "{action}");
    }
    browser.click(Role::MenuItem, "Details").await;
    browser.see(Role::Heading, "History").await;
    for action in ["Activate", "Check now"] {
        assert!(!browser.sees(Role::Button, action).await, "{action}");
    }
    browser.click_button("Close").await;

    // Mira manages Germany. The French one is not in her list, and its address says what to do about it.
    browser.click_button("Switch user").await;
    browser.sign_in(&MIRA).await;
    browser.lists(&[&account]).await;
    browser.expect_status(403);
    browser.open(&format!("/?account={}", french.id)).await;
    let told = browser.read("#details [role=alert]", "").await;
    assert!(told.contains("your CreativeX user has access"), "{told}");
    assert!(!browser.sees(Role::Button, "Activate").await);
    browser.finish().await;
}
