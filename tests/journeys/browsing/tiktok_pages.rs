//! TikTok's side of the road: signing in and consenting, as a person clicks through it.

use crate::support::browser::{Browser, Look, Role, Tab, starts};
use crate::support::*;

/// Activates with the API and opens the link that it gives.
async fn start(browser: &Browser, account: &Account) {
    let started = browser.world.as_(&ANA).activate(account, json!({ "force": true })).await;
    started.expect(201);
    browser.go(started.text("authorization_url")).await;
}

/// Confirms what is shown, and gives the ticket with which the browser comes back. The address bar forgets it, as the app
/// would see to.
async fn confirm(browser: &Browser) -> String {
    let before = browser.tickets().await;
    browser.click_button("Confirm").await;
    let app = browser.world.local.gateway_url();
    browser.arrive("the app", |url| url.as_str().starts_with(&app)).await;
    browser.execute("history.replaceState(null, '', '/')", json!([])).await;
    let mut new = browser.tickets().await;
    new.retain(|ticket| !before.contains(ticket));
    assert_eq!(new.len(), 1, "one ticket for each consent: {new:?}");
    new.remove(0)
}

async fn outcome(browser: &Browser, ticket: &str) -> Value {
    browser.world.as_(&ANA).complete(ticket).await.expect(200).clone()
}

/// These pages have no icon, and Chromium asks for one.
fn expect_no_icon(browser: &Browser) {
    browser.expect_status(404);
}

#[tokio::test]
async fn confirming_at_tiktok_leads_back_to_the_app_with_a_ticket() {
    let Some(browser) = Browser::start().await else { return };
    expect_no_icon(&browser);
    let account = browser.world.lapsed(11).await;
    start(&browser, &account).await;
    browser.sign_in_to_tiktok("Ana Moreau").await;
    let ticket = confirm(&browser).await;
    assert_eq!(outcome(&browser, &ticket).await["outcome"], "reconnected");
    browser.finish().await;
}

#[tokio::test]
async fn a_permission_that_is_off_at_tiktok_is_named_afterwards() {
    let Some(browser) = Browser::start().await else { return };
    expect_no_icon(&browser);
    let account = browser.world.lapsed(11).await;
    start(&browser, &account).await;
    browser.sign_in_to_tiktok("Ana Moreau").await;
    browser.see(Role::Checkbox, starts("Ad Account Management")).await;
    browser.click(Role::Checkbox, starts("Reporting")).await;
    let ticket = confirm(&browser).await;
    assert_eq!(outcome(&browser, &ticket).await["cause"], "reporting_missing");
    browser.finish().await;
}

/// The switch at the top right offers the Business Centers that this person is in, and what is in each.
#[tokio::test]
async fn the_business_center_switch_changes_the_ad_accounts() {
    let Some(browser) = Browser::start().await else { return };
    expect_no_icon(&browser);
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
async fn reloading_and_going_back_and_forth_at_tiktok_loses_nothing() {
    let Some(browser) = Browser::start().await else { return };
    expect_no_icon(&browser);
    let account = browser.world.lapsed(11).await;
    browser.open("/").await;
    start(&browser, &account).await;
    browser.reload().await;
    browser.sign_in_to_tiktok("Ana Moreau").await;
    browser.reload().await;
    browser.see(Role::Button, "Confirm").await;
    browser.back().await;
    browser.forward().await;
    let ticket = confirm(&browser).await;
    assert_eq!(outcome(&browser, &ticket).await["outcome"], "reconnected");
    browser.finish().await;
}

/// T14
#[tokio::test]
async fn two_tabs_may_confirm_in_any_order() {
    let Some(browser) = Browser::start().await else { return };
    expect_no_icon(&browser);
    let accounts = [Account::new(11), Account::new(12)];
    browser.world.all_active(&[&accounts[0], &accounts[1]]).await;
    let first: Tab = browser.tab().await;
    start(&browser, &accounts[0]).await;
    browser.sign_in_to_tiktok("Ana Moreau").await;
    browser.new_tab().await;
    start(&browser, &accounts[1]).await;
    let second = confirm(&browser).await;
    browser.switch_to(&first).await;
    let first = confirm(&browser).await;
    for (ticket, account) in [(first, &accounts[0]), (second, &accounts[1])] {
        let receipt = outcome(&browser, &ticket).await;
        assert_eq!((&receipt["outcome"], &receipt["advertiser_id"]), (&json!("reconnected"), &json!(account.id)));
    }
    browser.finish().await;
}

#[tokio::test]
async fn tiktoks_pages_fit_wide_and_narrow_windows() {
    let Some(browser) = Browser::start().await else { return };
    expect_no_icon(&browser);
    let account = browser.world.lapsed(11).await;
    start(&browser, &account).await;
    browser.read("h1", "Sign in").await;
    tiktok_in_any_window(&browser, "sign-in").await;
    browser.sign_in_to_tiktok("Ana Moreau").await;
    tiktok_in_any_window(&browser, "consent").await;
    browser.finish().await;
}

async fn tiktok_in_any_window(browser: &Browser, page: &str) {
    for look in [Look::WIDE, Look::WIDE.dark(), Look::NARROW, Look::NARROW.dark()] {
        browser.show(look).await;
        browser.fits(page).await;
        browser.screenshot(&format!("tiktok-{page}-{}", look.name())).await;
    }
    browser.show(Look::WIDE).await;
}
