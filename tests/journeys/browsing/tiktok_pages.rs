//! TikTok's side of the road: signing in and consenting, as a person clicks through it.

use tiktok_stand_in::switches::DeniedConsent;

use crate::support::browser::{Browser, Role, starts};
use crate::support::*;

/// From the app to TikTok's sign-in page.
async fn start(browser: &Browser, account: &Account) {
    browser.open_as(&ANA, "/").await;
    browser.begin(account).await;
    browser.continue_to_tiktok().await;
}

#[tokio::test]
async fn a_wrong_password_is_told_and_the_right_one_leads_on() {
    let Some(browser) = Browser::start().await else { return };
    let account = browser.world.lapsed(11).await;
    start(&browser, &account).await;
    browser.fill(Role::TextBox, "Login", "ana").await;
    browser.fill(Role::TextBox, "Password", "wrong").await;
    browser.expect_status(401);
    browser.click_button("Sign in").await;
    browser.read("[role=alert]", "do not fit together").await;
    browser.looks_right("TikTok's sign-in with a mistake").await;
    browser.fill(Role::TextBox, "Password", "password").await;
    browser.press("Enter").await;
    browser.see(Role::Button, "Confirm").await;
    browser.confirm().await;
    browser.receipt("Reconnected").await;
    browser.finish().await;
}

/// The switch at the top right offers the Business Centers that this person is in, and what is in each.
#[tokio::test]
async fn the_business_center_switch_changes_the_ad_accounts() {
    let Some(browser) = Browser::start().await else { return };
    let account = browser.world.lapsed(11).await;
    let elsewhere = Account { center: RETAIL, ..Account::new(12) };
    browser.world.at_tiktok(&elsewhere);
    start(&browser, &account).await;
    browser.sign_in_to_tiktok("Ana Moreau").await;
    browser.see(Role::Checkbox, starts(&account.name)).await;

    browser.switch_business_center("Northwind Retail").await;
    browser.see(Role::Checkbox, starts(&elsewhere.name)).await;
    assert!(!browser.sees(Role::Checkbox, starts(&account.name)).await);
    browser.finish().await;
}

#[tokio::test]
async fn a_long_list_is_searched_and_ticked_at_once() {
    let Some(browser) = Browser::start().await else { return };
    let account = browser.world.lapsed(11).await;
    for number in 20..30 {
        browser.world.at_tiktok(&Account::new(number));
    }
    start(&browser, &account).await;
    browser.sign_in_to_tiktok("Ana Moreau").await;
    browser.read("#selected", "11 of 11 ad accounts selected").await;
    browser.click_button("Clear").await;
    browser.read("#selected", "0 of 11 ad accounts selected").await;
    browser.fill(Role::SearchBox, "Search by name or Account ID", "shop 11").await;
    browser.read("#selected", "0 of 11 ad accounts selected, 1 shown").await;
    browser.click_button("Select shown").await;
    browser.read("#selected", "1 of 11 ad accounts selected, 1 shown").await;
    browser.looks_right("TikTok's consent, searched").await;
    browser.confirm().await;
    browser.receipt("Reconnected").await;
    assert_eq!(browser.world.grant_of(&account)["ad_accounts"], 1);
    browser.finish().await;
}

#[tokio::test]
async fn reloading_and_going_back_and_forth_at_tiktok_loses_nothing() {
    let Some(browser) = Browser::start().await else { return };
    let account = browser.world.lapsed(11).await;
    start(&browser, &account).await;
    browser.reload().await;
    browser.sign_in_to_tiktok("Ana Moreau").await;
    browser.reload().await;
    browser.see(Role::Button, "Confirm").await;
    browser.back().await;
    browser.forward().await;
    browser.confirm().await;
    browser.receipt("Reconnected").await;
    browser.finish().await;
}

#[tokio::test]
async fn tiktoks_pages_look_right() {
    let Some(browser) = Browser::start().await else { return };
    browser.world.tiktok().world().switches.denied_consent = DeniedConsent::NoRedirect;
    let account = browser.world.lapsed(11).await;
    start(&browser, &account).await;
    browser.read("h1", "Sign in").await;
    browser.looks_right("TikTok's sign-in").await;
    browser.sign_in_to_tiktok("Ana Moreau").await;
    browser.looks_right("TikTok's consent").await;
    browser.click_button("Cancel").await;
    browser.read("h1", "Nothing was authorized").await;
    browser.looks_right("TikTok's page after Cancel").await;
    browser.finish().await;
}
