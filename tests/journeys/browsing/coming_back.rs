//! The way back from TikTok: with reloads, with the back button, in two tabs, with a ticket that is used or too old, and
//! with somebody else.

use crate::support::browser::{Browser, Role, starts};
use crate::support::proxy::{Break, Mode};
use crate::support::*;

const TICKET: &str = "activation_ticket";

/// Reconnects an ad account, down to the receipt.
async fn reconnected(browser: &Browser) -> Account {
    let account = browser.world.lapsed(11).await;
    browser.open_as(&ANA, "/").await;
    browser.begin_at_tiktok(&account, "Ana Moreau").await;
    browser.confirm().await;
    browser.receipt("Reconnected").await;
    account
}

#[tokio::test]
async fn a_reload_at_every_step_loses_nothing() {
    let Some(browser) = Browser::start().await else { return };
    let account = browser.world.lapsed(11).await;
    browser.open_as(&ANA, "/").await;
    browser.fill(Role::SearchBox, "Search by Account ID", "shop").await;
    browser.fill(Role::ComboBox, "Market", "de").await;
    browser.press("Enter").await;
    browser.arrive("the filtered list", |url| url.query() == Some("search=shop&market=de")).await;
    browser.reload().await;
    browser.lists(&[&account]).await;
    assert_eq!(browser.url().await.query(), Some("search=shop&market=de"));

    browser.open_details(&account).await;
    browser.reload().await;
    browser.see(Role::Heading, "Why it needs connecting").await;
    browser.click_button("Close").await;
    browser.begin(&account).await;
    browser.reload().await;
    browser.begin(&account).await;
    browser.continue_to_tiktok().await;
    browser.reload().await;
    browser.sign_in_to_tiktok("Ana Moreau").await;
    browser.reload().await;
    browser.confirm().await;

    browser.receipt("Reconnected").await;
    browser.reload().await;
    browser.receipt("Reconnected").await;
    browser.click_button("Done").await;
    browser.reload().await;
    browser.lists(&[]).await;
    assert_eq!(browser.url().await.query(), Some("search=shop&market=de"), "the list as it was left");
    let world = &browser.world;
    assert_eq!(world.rows().iter().filter(|row| row["sk"] == "ACTIVATION").count(), 1, "one activation all along");
    assert_eq!(world.tiktok().exchanges(), 1);
    browser.finish().await;
}

/// In the middle of completing, too: the ticket is still there, and the repetition gets the same receipt.
#[tokio::test]
async fn a_reload_while_it_is_proven_goes_on() {
    let Some(browser) = Browser::start().await else { return };
    let account = browser.world.lapsed(11).await;
    let hold = browser.world.tiktok().add_fault(Fault::new(FaultKind::Hold).on("/bc/get/")).unwrap();
    browser.open_as(&ANA, "/").await;
    browser.begin_at_tiktok(&account, "Ana Moreau").await;
    browser.confirm().await;
    browser.receipt("Reconnecting").await;
    browser
        .until("TikTok being asked", async || {
            let asked = browser.world.tiktok().calls("/bc/get/");
            if asked > 0 { Ok(()) } else { Err("not yet".into()) }
        })
        .await;
    assert!(browser.kept(TICKET).await.is_some(), "it waits until it is spent");
    browser.reload().await;
    browser.receipt("Reconnecting").await;
    browser.world.tiktok().clear_fault(hold);
    browser.receipt("Reconnected").await;
    assert_eq!(browser.kept(TICKET).await, None);
    assert_eq!(browser.world.tiktok().exchanges(), 1);
    assert_eq!(browser.world.kinds_of(&account), ["AdAccountLapsed", "AdAccountReconnected"]);
    browser.finish().await;
}

#[tokio::test]
async fn the_receipt_is_readable_while_it_is_proven() {
    let Some(browser) = Browser::start().await else { return };
    let account = browser.world.lapsed(11).await;
    browser.world.tiktok().add_fault(Fault::new(FaultKind::Hold).on("/bc/get/")).unwrap();
    browser.open_as(&ANA, "/").await;
    browser.begin_at_tiktok(&account, "Ana Moreau").await;
    browser.confirm().await;
    browser.receipt("Reconnecting").await;
    browser.looks_right("receipt, reconnecting").await;
    browser.world.tiktok().clear_faults();
    browser.receipt("Reconnected").await;
    browser.finish().await;
}

/// Ours was the failure: the same ticket is good for another try.
#[tokio::test]
async fn a_failure_of_ours_costs_no_second_consent() {
    let Some(browser) = Browser::start().await else { return };
    let account = browser.world.lapsed(11).await;
    browser.open_as(&ANA, "/").await;
    browser.begin_at_tiktok(&account, "Ana Moreau").await;
    browser.world.dynamodb.strike(Break::nth_of_all(1).times(1_000), Mode::InternalError);
    browser.expect_status(503);
    browser.confirm().await;
    browser.read("#receipt [role=alert]", "Nothing was lost.").await;
    browser.looks_right("receipt, our failure").await;
    browser.world.dynamodb.heal();
    browser.click(Role::Button, "Try again").await;
    browser.receipt("Reconnected").await;
    assert_eq!(browser.world.tiktok().exchanges(), 1);
    browser.finish().await;
}

/// Back closes what was opened, and after the receipt it leads to TikTok, not to the ticket.
#[tokio::test]
async fn the_back_button_undoes_one_step_and_no_more() {
    let Some(browser) = Browser::start().await else { return };
    let account = browser.world.lapsed(11).await;
    browser.open_as(&ANA, "/").await;
    browser.open_details(&account).await;
    browser.back().await;
    browser.see_no_more(Role::Dialog, &account.name).await;
    browser.lists(&[&account]).await;
    browser.forward().await;
    browser.see(Role::Dialog, &account.name).await;
    browser.click_button("Close").await;
    browser.click(Role::Tab, starts("Active")).await;
    browser.lists(&[]).await;
    browser.back().await;
    browser.lists(&[&account]).await;

    browser.begin(&account).await;
    browser.continue_to_tiktok().await;
    browser.back().await;
    // The page as it was left, or anew: the same activation either way.
    if !browser.sees(Role::Button, "Continue to TikTok").await {
        browser.begin(&account).await;
    }
    browser.continue_to_tiktok().await;
    browser.sign_in_to_tiktok("Ana Moreau").await;
    browser.confirm().await;
    browser.receipt("Reconnected").await;

    browser.back().await;
    browser.arrive_at_tiktok().await;
    browser.confirm().await;
    browser.receipt("Reconnected").await;
    let world = &browser.world;
    assert_eq!(world.rows().iter().filter(|row| row["sk"] == "ACTIVATION").count(), 1);
    assert_eq!(world.tiktok().exchanges(), 1, "the second code was not needed");
    browser.finish().await;
}

/// T14: two tabs, which confirm in the other order; each gets its own receipt.
#[tokio::test]
async fn two_tabs_may_come_back_in_any_order() {
    let Some(browser) = Browser::start().await else { return };
    let accounts = [11, 12].map(Account::new);
    for account in &accounts {
        browser.world.at_tiktok(account);
    }
    browser.world.import(&[&accounts[0], &accounts[1]], None).await;
    let first = browser.tab().await;
    browser.open_as(&ANA, "/").await;
    browser.begin_at_tiktok(&accounts[0], "Ana Moreau").await;
    browser.new_tab().await;
    browser.open_as(&ANA, "/").await;
    browser.begin(&accounts[1]).await;
    browser.continue_to_tiktok().await;
    browser.confirm().await;
    browser.receipt("Reconnected").await;
    assert!(browser.line(&accounts[1]).await.contains("Active."));
    browser.switch_to(&first).await;
    browser.confirm().await;
    browser.receipt("Reconnected").await;
    assert!(browser.line(&accounts[0]).await.contains("Active."));
    browser.finish().await;
}

/// The same ad account in two tabs: the second has nothing left to do.
#[tokio::test]
async fn two_tabs_for_one_account_both_end_well() {
    let Some(browser) = Browser::start().await else { return };
    let account = browser.world.lapsed(11).await;
    let first = browser.tab().await;
    browser.open_as(&ANA, "/").await;
    browser.begin_at_tiktok(&account, "Ana Moreau").await;
    browser.new_tab().await;
    browser.open_as(&ANA, "/").await;
    browser.begin(&account).await;
    browser.continue_to_tiktok().await;
    browser.confirm().await;
    browser.receipt("Reconnected").await;
    browser.switch_to(&first).await;
    browser.expect_status(409);
    browser.confirm().await;
    let receipt = browser.receipt("Active already").await;
    assert!(receipt.contains("There is nothing left to do."), "{receipt}");
    browser.looks_right("receipt, active already").await;
    browser.click_button("Show in Active").await;
    browser.lists(&[&account]).await;
    browser.finish().await;
}

/// A ticket that was spent shows the receipt to who spent it, and nothing to anybody else.
#[tokio::test]
async fn a_used_ticket_reconnects_nothing_again() {
    let Some(browser) = Browser::start().await else { return };
    let account = reconnected(&browser).await;
    let [ticket] = <[String; 1]>::try_from(browser.tickets().await).expect("one ticket");
    let address = format!("/#{TICKET}={ticket}");

    browser.new_tab().await;
    browser.open_as(&ANA, &address).await;
    browser.receipt("Reconnected").await;
    browser.line(&account).await;
    browser.new_tab().await;
    browser.expect_status(403);
    browser.open_as(&MIRA, &address).await;
    let receipt = browser.receipt("Not reconnected").await;
    assert!(receipt.contains("Somebody else started this activation"), "{receipt}");
    assert_eq!(browser.texts("#receipt li[data-account]").await.len(), 0, "it tells her nothing about the ad account");
    assert_eq!(browser.world.tiktok().exchanges(), 1);
    assert_eq!(browser.world.kinds_of(&account), ["AdAccountLapsed", "AdAccountReconnected"]);
    browser.finish().await;
}

/// Nobody is signed in when TikTok sends the browser back, and the ticket has grown too old when somebody is.
#[tokio::test]
async fn a_ticket_that_is_too_old_is_told_and_given_up() {
    let Some(browser) = Browser::within(TestWorld::with().env("TICKET_TTL_SECONDS", "1")).await else { return };
    let account = browser.world.lapsed(11).await;
    let ticket = browser.world.ticket_for(&account, &ANA, json!({}), Consent::by("ana")).await;
    browser.open(&format!("/#{TICKET}={ticket}")).await;
    browser.see(Role::Region, "Sign in").await;
    assert_eq!(browser.url().await.fragment(), None);
    seconds_pass(2).await;
    browser.expect_status(410);
    browser.sign_in(&ANA).await;
    let receipt = browser.receipt("Not reconnected").await;
    assert!(receipt.contains("too old"), "{receipt}");
    assert_eq!(browser.kept(TICKET).await, None);
    browser.looks_right("receipt, too old").await;
    browser.click_button("Done").await;
    browser.lists(&[&account]).await;
    assert_eq!(browser.world.tiktok().exchanges(), 0);
    browser.finish().await;
}

/// They took too long at TikTok. Beginning again is one click, and works.
#[tokio::test]
async fn a_link_that_ran_out_at_tiktok_is_begun_again() {
    let Some(browser) = Browser::start().await else { return };
    let account = browser.world.lapsed(11).await;
    browser.open_as(&ANA, "/").await;
    browser.begin_at_tiktok(&account, "Ana Moreau").await;
    let activation = browser.world.rows().into_iter().find(|row| row["sk"] == "ACTIVATION").unwrap();
    let activation_id = activation["pk"].as_str().unwrap().trim_start_matches("ACTIVATION#").to_owned();
    browser.world.expire(&activation_id);
    browser.expect_status(410);
    browser.confirm().await;
    let receipt = browser.receipt("Not reconnected").await;
    assert!(receipt.contains("too old"), "{receipt}");
    browser.click_button("Activate again").await;
    browser.continue_to_tiktok().await;
    browser.confirm().await;
    browser.receipt("Reconnected").await;
    browser.finish().await;
}

/// Ana passes her link on, and Mira confirms at TikTok. It is Ana's to finish, so it ends, before the code is spent.
#[tokio::test]
async fn nobody_finishes_what_somebody_else_began() {
    let Some(browser) = Browser::start().await else { return };
    let account = browser.world.lapsed(11).await;
    let ana = browser.tab().await;
    browser.open_as(&ANA, "/").await;
    browser.begin(&account).await;
    browser.continue_to_tiktok().await;
    let link = browser.url().await;

    browser.new_tab().await;
    browser.open_as(&MIRA, "/").await;
    browser.go(link.as_str()).await;
    browser.sign_in_to_tiktok("Ana Moreau").await;
    browser.expect_status(403);
    browser.confirm().await;
    let receipt = browser.receipt("Not reconnected").await;
    assert!(receipt.contains("Somebody else started this activation"), "{receipt}");
    assert_eq!(browser.kept(TICKET).await, None);
    browser.looks_right("receipt, not theirs").await;
    assert_eq!(browser.world.tiktok().exchanges(), 0);
    assert_eq!(browser.world.status(&account), "needs_connecting");

    // Ana's link is of no use any more. She begins again.
    browser.switch_to(&ana).await;
    browser.reload().await;
    browser.confirm().await;
    let receipt = browser.receipt("Not reconnected").await;
    assert!(receipt.contains("too old or was already used"), "{receipt}");
    browser.click_button("Activate again").await;
    browser.continue_to_tiktok().await;
    browser.confirm().await;
    browser.receipt("Reconnected").await;
    browser.finish().await;
}

/// What counts at TikTok is who signs in there; in CreativeX it stays Ana's doing.
#[tokio::test]
async fn another_admin_may_consent_at_tiktok() {
    let Some(browser) = Browser::start().await else { return };
    let account = browser.world.lapsed(11).await;
    browser.open_as(&ANA, "/").await;
    browser.begin_at_tiktok(&account, "Carlos Vega").await;
    browser.confirm().await;
    let receipt = browser.receipt("Reconnected").await;
    assert!(receipt.contains("authorized at TikTok by Carlos Vega"), "{receipt}");
    browser.click_button("Show in Active").await;
    browser.open_details(&account).await;
    let details = browser.read("#details dl", "Authorized at TikTok by").await;
    assert!(details.contains("ana@aurora.example") && details.contains("Carlos Vega"), "{details}");
    browser.finish().await;
}

/// Signed out meanwhile: the ticket waits for the sign-in, out of the address bar, and through a failure of ours.
#[tokio::test]
async fn whoever_has_to_sign_in_first_loses_nothing() {
    let Some(browser) = Browser::start().await else { return };
    let account = browser.world.lapsed(11).await;
    let started = browser.world.as_(&ANA).activate(&account, json!({})).await;
    browser.go(started.text("authorization_url")).await;
    browser.sign_in_to_tiktok("Ana Moreau").await;
    browser.confirm().await;
    browser.see(Role::Region, "Sign in").await;
    assert_eq!(browser.url().await.as_str(), format!("{}/", browser.world.local.gateway_url()));
    assert!(browser.kept(TICKET).await.is_some());
    browser.reload().await;
    browser.world.dynamodb.strike(Break::nth_of_all(1).times(1_000), Mode::InternalError);
    browser.expect_status(503);
    browser.sign_in(&ANA).await;
    browser.receipt("Not reconnected").await;
    browser.world.dynamodb.heal();
    browser.click_button("Try again").await;
    browser.receipt("Reconnected").await;
    assert_eq!(browser.kept(TICKET).await, None);
    browser.finish().await;
}
