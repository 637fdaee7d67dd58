//! Cancel at TikTok. Nobody knows for certain what TikTok does then, so each way is walked.

use tiktok_stand_in::Switches;
use tiktok_stand_in::switches::DeniedConsent;

use crate::support::browser::{Browser, Role};
use crate::support::*;

/// Somebody who has just pressed Cancel at TikTok, where this comes of it.
async fn cancelled(denied_consent: DeniedConsent) -> Option<(Browser, Account)> {
    let setup = TestWorld::with().switches(Switches { denied_consent, ..Switches::default() });
    let browser = Browser::within(setup).await?;
    let account = browser.world.lapsed(11).await;
    browser.open_as(&ANA, "/?search=shop").await;
    browser.begin_at_tiktok(&account, "Ana Moreau").await;
    browser.click_button("Cancel").await;
    Some((browser, account))
}

/// Back in the app, which says so and offers to begin again.
async fn is_told_and_begins_again(denied_consent: DeniedConsent) {
    let Some((browser, account)) = cancelled(denied_consent).await else { return };
    let receipt = browser.receipt("Cancelled at TikTok").await;
    assert!(receipt.contains("The request was cancelled at TikTok") && receipt.contains("Nothing was changed."));
    assert_eq!(browser.kept("activation_error").await, None, "it is told once");
    assert_eq!(browser.url().await.query(), Some("search=shop"), "the list is as it was left");
    browser.looks_right("receipt, cancelled").await;

    browser.click_button("Activate again").await;
    browser.continue_to_tiktok().await;
    browser.confirm().await;
    browser.receipt("Reconnected").await;
    assert_eq!(browser.world.kinds_of(&account), ["AdAccountLapsed", "AdAccountReconnected"]);
    browser.finish().await;
}

#[tokio::test]
async fn tiktok_sends_back_the_state_alone() {
    is_told_and_begins_again(DeniedConsent::StateOnly).await;
}

#[tokio::test]
async fn tiktok_sends_back_access_denied() {
    is_told_and_begins_again(DeniedConsent::AccessDenied).await;
}

/// TikTok sends nobody back. With the browser's Back one is in the app again, and can go on with the same link.
#[tokio::test]
async fn tiktok_says_that_the_window_may_be_closed() {
    let Some((browser, account)) = cancelled(DeniedConsent::NoRedirect).await else { return };
    browser.read("h1", "Nothing was authorized").await;
    let app = browser.world.local.gateway_url();
    while !browser.url().await.as_str().starts_with(&app) {
        browser.back().await;
    }
    if browser.sees(Role::Button, "Cancel").await {
        browser.click_button("Cancel").await;
    }
    browser.lists(&[&account]).await;
    browser.begin(&account).await;
    browser.continue_to_tiktok().await;
    browser.confirm().await;
    browser.receipt("Reconnected").await;
    let activations = browser.world.rows().iter().filter(|row| row["sk"] == "ACTIVATION").count();
    assert_eq!(activations, 1, "the link was still good");
    browser.finish().await;
}

/// Somebody comes back with something that TikTok never sent.
#[tokio::test]
async fn what_does_not_fit_is_told_and_may_be_begun_again() {
    let Some(browser) = Browser::start().await else { return };
    let account = browser.world.lapsed(11).await;
    browser.open_as(&ANA, "/").await;
    browser.begin_at_tiktok(&account, "Ana Moreau").await;
    browser.open("/oauth/tiktok/callback?state=short&code=x").await;
    let receipt = browser.receipt("This link cannot be used").await;
    assert!(receipt.contains("TikTok sent you back with something that does not fit"), "{receipt}");
    browser.looks_right("receipt, link cannot be used").await;
    browser.click_button("Activate again").await;
    browser.continue_to_tiktok().await;
    browser.confirm().await;
    browser.receipt("Reconnected").await;
    browser.finish().await;
}

/// Somebody looks how far an activation is whose page at TikTok is still open.
#[tokio::test]
async fn what_waits_at_tiktok_is_shown_as_such() {
    let Some(browser) = Browser::start().await else { return };
    let account = browser.world.lapsed(11).await;
    let started = browser.world.as_(&ANA).activate(&account, json!({})).await;
    browser.open_as(&ANA, &format!("/?activation={}", started.text("activation_id"))).await;
    let receipt = browser.receipt("Not finished at TikTok yet").await;
    assert!(receipt.contains("The page at TikTok is still open, or was left."), "{receipt}");
    browser.looks_right("receipt, waiting").await;
    browser.click_button("Activate again").await;
    browser.continue_to_tiktok().await;
    browser.sign_in_to_tiktok("Ana Moreau").await;
    browser.confirm().await;
    browser.receipt("Reconnected").await;
    browser.finish().await;
}
