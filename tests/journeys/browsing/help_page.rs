//! The help page, step by step: everything that it asks of people, done with the page *Ad Accounts*.

use crate::support::browser::{Browser, Role, starts};
use crate::support::*;

/// Be an Admin of the right Business Center; the ad account is owned by it; Ad Accounts, Needs Connecting; search by
/// Account ID; ⋮, Activate; sign in to TikTok; keep both permissions on; Confirm; the ad account moves to Active.
#[tokio::test]
async fn a_lapsed_ad_account_comes_back_step_by_step() {
    let Some(browser) = Browser::start().await else { return };
    let world = &browser.world;
    let (account, other) = (Account::new(11), Account { login: "carlos", ..Account::new(12) });
    let works = Account { login: "marc", ..Account::new(13) };
    for active in [&account, &other, &works] {
        world.all_active(&[active]).await;
    }
    // What TikTok answers about an account that works tells who is an Admin there.
    world.as_(&ANA).validate(&works).await.expect(200);
    world.proven_last_at(&account, "2026-11-20T08:00:00Z".parse().unwrap());
    for lapsed in [&account, &other] {
        world.lapse(lapsed).await;
    }

    browser.open_as(&ANA, "/").await;
    browser.counts(2, 1).await;
    browser.lists(&[&account, &other]).await;
    browser.fill(Role::SearchBox, "Search by Account ID", &account.id).await;
    browser.lists(&[&account]).await;
    browser.read("tr[data-account] .cause", "TikTok authorization is no longer valid").await;

    browser.choose_action(&account, "Activate").await;
    browser.see(Role::Button, "Continue to TikTok").await;
    let steps = browser.read("#activate", "What to do at TikTok").await;
    for word in ["Northwind Media", MEDIA, "Ana Moreau", "Ad Account Management", "Reporting", "Shop 11", "Confirm"] {
        assert!(steps.contains(word), "{word} in {steps}");
    }
    browser.continue_to_tiktok().await;
    browser.sign_in_to_tiktok("Ana Moreau").await;
    let center = browser.execute("return document.querySelector('select').selectedOptions[0].text", json!([])).await;
    assert!(center.as_str().is_some_and(|center| center.contains("Northwind Media")), "{center}");
    for permission in ["Ad Account Management", "Reporting"] {
        browser.see(Role::Switch, permission).await;
    }
    browser.see(Role::Checkbox, starts("Shop 11")).await;
    browser.confirm().await;

    let receipt = browser.receipt("Reconnected").await;
    assert!(receipt.contains("1 ad account reconnected, authorized at TikTok by Ana Moreau."), "{receipt}");
    let line = browser.line(&account).await;
    assert!(line.contains("Active. Data to fetch again: 17 Nov 2026 to "), "{line}");
    browser.click_button("Show in Active").await;
    browser.lists(&[&account]).await;
    browser.read("tr[data-account] .pill", "Active").await;
    browser.counts(1, 2).await;
    assert_eq!(world.as_(&ANA).details(&account).await.expect(200)["status"], "active");
    assert_eq!(world.status(&other), "needs_connecting");
    browser.finish().await;
}

/// Whoever starts at the help page's end: the details say why, who can fix it, and let one begin there.
#[tokio::test]
async fn the_details_tell_why_and_lead_on() {
    let Some(browser) = Browser::start().await else { return };
    let account = browser.world.lapsed(11).await;
    browser.open_as(&ANA, "/").await;
    browser.open_details(&account).await;
    let details = browser.read("#details", "Why it needs connecting").await;
    for text in [
        "TikTok authorization is no longer valid",
        "What to do: Open Ad Accounts, tab Needs Connecting, search for the Account ID, choose ⋮ and Activate.",
        "Who can fix it: any Admin of the Business Center.",
        "Northwind Media",
        MEDIA,
        "Owned by this Business Center",
        "support@creativex.com",
    ] {
        assert!(details.contains(text), "{text} in {details}");
    }
    browser.click_button("Activate").await;
    browser.continue_to_tiktok().await;
    browser.sign_in_to_tiktok("Ana Moreau").await;
    browser.confirm().await;
    browser.receipt("Reconnected").await;
    // They were looking at the details when they left, and do so again.
    browser.click_button("Done").await;
    browser.read("#details .pill", "Active").await;
    browser.read("#details .timeline", "Reconnected").await;
    browser.see(Role::Button, "Renew connection").await;
    browser.finish().await;
}
