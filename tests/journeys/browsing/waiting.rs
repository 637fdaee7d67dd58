//! TikTok cannot answer when somebody comes back: the service goes on by itself, and the page tells how far it is.

use jiff::SignedDuration;

use crate::support::browser::Browser;
use crate::support::*;

/// Comes back from TikTok while it answers nothing about Business Centers.
async fn left_pending(browser: &Browser) -> Account {
    let account = browser.world.lapsed(11).await;
    browser.world.tiktok().add_fault(Fault::code(50_000).on("/bc/get/")).unwrap();
    browser.open_as(&ANA, "/").await;
    browser.begin_at_tiktok(&account, "Ana Moreau").await;
    browser.confirm().await;
    let receipt = browser.receipt("Still working on it").await;
    assert!(receipt.contains("You need not wait"), "{receipt}");
    assert_eq!(browser.kept("activation_ticket").await, None, "it is spent");
    account
}

#[tokio::test]
async fn it_goes_on_through_a_reload_and_ends_by_itself() {
    let Some(browser) = Browser::start().await else { return };
    let account = left_pending(&browser).await;
    browser.looks_right("receipt, pending").await;
    let address = browser.url().await;
    assert!(address.query().is_some_and(|query| query.starts_with("activation=act_")), "{address}");
    browser.reload().await;
    browser.receipt("Still working on it").await;

    browser.world.tiktok().clear_faults();
    browser.world.pass(SignedDuration::from_mins(1));
    browser.world.sweep().await;
    browser.receipt("Reconnected").await;
    assert!(browser.line(&account).await.contains("Active."));
    browser.hear("Reconnected").await;
    browser.reload().await;
    browser.receipt("Reconnected").await;
    browser.click_button("Show in Active").await;
    browser.lists(&[&account]).await;
    assert_eq!(browser.world.tiktok().exchanges(), 1);
    browser.finish().await;
}

#[tokio::test]
async fn after_fifteen_minutes_it_is_given_up_and_begun_again() {
    let Some(browser) = Browser::start().await else { return };
    let account = left_pending(&browser).await;
    browser.world.pass(SignedDuration::from_mins(16));
    browser.world.sweep().await;
    let receipt = browser.receipt("Not reconnected").await;
    assert!(receipt.contains("TikTok is not answering properly"), "{receipt}");
    browser.world.tiktok().clear_faults();
    browser.click_button("Activate again").await;
    browser.continue_to_tiktok().await;
    browser.confirm().await;
    browser.receipt("Reconnected").await;
    assert_eq!(browser.world.status(&account), "active");
    browser.finish().await;
}
