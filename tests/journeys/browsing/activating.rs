//! The dialog of *Activate*: what it knows before anybody goes to TikTok, and what it spares people.

use tiktok_stand_in::Owner;

use crate::support::browser::{Browser, Role, starts};
use crate::support::proxy::{Break, Mode};
use crate::support::*;

fn activations(world: &TestWorld) -> usize {
    world.rows().iter().filter(|row| row["sk"] == "ACTIVATION").count()
}

/// An ad account that moved away, beside one that works, so that TikTok can be asked about it.
async fn moved(world: &TestWorld) -> Account {
    let (account, healthy) = (Account::new(11), Account::new(12));
    world.all_active(&[&account, &healthy]).await;
    world.tiktok().world().move_account(&account.id, Owner::business_center(AGENCY)).unwrap();
    world.as_(&ANA).validate(&account).await.expect(200);
    account
}

#[tokio::test]
async fn opening_it_twelve_times_is_one_activation() {
    let Some(browser) = Browser::start().await else { return };
    let account = browser.world.lapsed(11).await;
    browser.open_as(&ANA, "/").await;
    for _ in 0..12 {
        browser.begin(&account).await;
        browser.click_button("Cancel").await;
    }
    browser.reload().await;
    browser.begin(&account).await;
    assert_eq!(activations(&browser.world), 1);
    browser.continue_to_tiktok().await;
    browser.sign_in_to_tiktok("Ana Moreau").await;
    browser.confirm().await;
    browser.receipt("Reconnected").await;
    browser.finish().await;
}

/// What TikTok does not say within two seconds stops nobody, and a failure of ours is passing.
#[tokio::test]
async fn what_is_not_known_beforehand_stops_nobody() {
    let Some(browser) = Browser::start().await else { return };
    let (account, healthy) = (Account::new(11), Account { login: "carlos", ..Account::new(12) });
    for active in [&account, &healthy] {
        browser.world.all_active(&[active]).await;
    }
    browser.world.lapse(&account).await;
    browser.open_as(&ANA, "/").await;
    browser.lists(&[&account]).await;
    browser.world.dynamodb.strike(Break::nth_of_all(1).times(1_000), Mode::InternalError);
    browser.expect_status(503);
    browser.choose_action(&account, "Activate").await;
    browser.read("#activate [role=alert]", "We could not do this just now").await;
    browser.world.dynamodb.heal();

    browser.world.tiktok().add_fault(Fault::new(FaultKind::Hang)).unwrap();
    browser.hold("*/activate").await;
    browser.click_button("Try again").await;
    browser.read("#activate [role=status]", "Asking TikTok what is known already").await;
    browser.looks_right("activate, asking").await;
    browser.release().await;
    browser.see(Role::Button, "Continue to TikTok").await;
    browser.read("#activate", "TikTok did not tell everything in time. You can go on").await;
    browser.looks_right("activate, not known").await;
    browser.world.tiktok().clear_faults();
    browser.continue_to_tiktok().await;
    browser.sign_in_to_tiktok("Ana Moreau").await;
    browser.confirm().await;
    browser.receipt("Reconnected").await;
    browser.finish().await;
}

#[tokio::test]
async fn ten_unfinished_activations_are_enough_and_it_says_so() {
    let Some(browser) = Browser::start().await else { return };
    let world = &browser.world;
    let account = world.lapsed(11).await;
    for _ in 0..10 {
        world.as_(&ANA).activate(&account, json!({})).await.expect(201);
    }
    browser.open_as(&ANA, "/").await;
    browser.expect_status(429);
    browser.choose_action(&account, "Activate").await;
    let told = browser.read("#activate [role=alert]", "").await;
    assert!(told.contains("You have too many activations open"), "{told}");
    assert!(!browser.sees(Role::Button, "Continue to TikTok").await);
    browser.looks_right("too many activations").await;
    browser.click_button("Close").await;
    assert_eq!(activations(world), 10);
    browser.finish().await;
}

/// Signing in cannot help. Who goes on nevertheless gets what was foretold, and a text for whom it concerns.
#[tokio::test]
async fn what_signing_in_cannot_repair_is_told_before_and_may_be_tried_anyway() {
    let Some(browser) = Browser::start().await else { return };
    let account = moved(&browser.world).await;
    browser.open_as(&ANA, "/").await;
    browser.expect_status(409);
    browser.choose_action(&account, "Activate").await;
    browser.read("#activate [role=alert]", "Signing in to TikTok cannot repair this").await;
    browser.looks_right("activate, refused beforehand").await;
    assert_eq!(activations(&browser.world), 0);

    browser.click_button("Continue to TikTok anyway").await;
    browser.see(Role::Heading, "Activate Shop 11").await;
    browser.continue_to_tiktok().await;
    browser.sign_in_to_tiktok("Ana Moreau").await;
    browser.confirm().await;
    let receipt = browser.receipt("Not reconnected").await;
    assert!(receipt.contains("The ad account moved to another Business Center"), "{receipt}");
    assert!(!browser.sees(Role::Button, "Activate again").await, "it would end the same way");
    browser.click_button("Copy a message for the Admin").await;
    browser.hear("Copied a message for the Admin").await;
    let message = browser.clipboard().await;
    assert!(message.contains(&format!("“Shop 11” (Account ID {})", account.id)), "{message}");
    browser.click_button("Show account").await;
    browser.read("#details", "The ad account moved to another Business Center").await;
    browser.finish().await;
}

/// One consent for three. What was not ticked stays behind, and its line says why.
#[tokio::test]
async fn the_others_of_the_business_center_come_along_each_with_its_line() {
    let Some(browser) = Browser::start().await else { return };
    let world = &browser.world;
    let [asked, good, unticked] = [11, 12, 13].map(Account::new);
    let elsewhere = Account { center: RETAIL, ..Account::new(14) };
    for account in [&asked, &good, &unticked, &elsewhere] {
        world.at_tiktok(account);
    }
    world.import(&[&asked, &good, &unticked, &elsewhere], None).await;

    browser.open_as(&ANA, "/").await;
    browser.begin(&asked).await;
    let others = starts("Also reconnect the 2 other lapsed ad accounts of this Business Center");
    browser.click(Role::Checkbox, others).await;
    browser.continue_to_tiktok().await;
    browser.sign_in_to_tiktok("Ana Moreau").await;
    browser.click(Role::Checkbox, starts("Shop 13 ")).await;
    browser.confirm().await;

    let receipt = browser.receipt("Reconnected").await;
    assert!(receipt.contains("2 ad accounts reconnected, authorized at TikTok by Ana Moreau."), "{receipt}");
    assert_eq!(browser.texts("#receipt li[data-account]").await.len(), 3);
    for back in [&asked, &good] {
        let line = browser.line(back).await;
        assert!(line.contains("Active."), "{line}");
    }
    let line = browser.line(&unticked).await;
    assert!(line.contains("This ad account was not selected at TikTok") && line.contains("What to do: "), "{line}");
    browser.looks_right("receipt of three").await;
    browser.click_button("Done").await;
    browser.lists(&[&unticked, &elsewhere]).await;
    browser.counts(2, 2).await;
    browser.finish().await;
}

/// The list is a moment old: somebody else was quicker.
#[tokio::test]
async fn what_somebody_else_has_reconnected_needs_no_activation() {
    let Some(browser) = Browser::start().await else { return };
    let account = browser.world.lapsed(11).await;
    browser.open_as(&ANA, "/").await;
    browser.lists(&[&account]).await;
    browser.world.reconnect(&account, &CARLA, Consent::by("ana")).await.expect(200);
    browser.expect_status(409);
    browser.choose_action(&account, "Activate").await;
    browser.read("#activate [role=status]", "This ad account is active already").await;
    browser.looks_right("activate, active already").await;
    browser.click_button("Close").await;
    browser.lists(&[]).await;
    browser.counts(0, 1).await;
    browser.finish().await;
}

/// Renewing a connection that works, and thinking better of it at TikTok: nothing of it changes.
#[tokio::test]
async fn backing_out_of_a_renewal_leaves_the_account_active() {
    let Some(browser) = Browser::start().await else { return };
    let account = browser.world.active(11).await;
    let (grant, row) = (browser.world.grant_of(&account), browser.world.account_row(&account));
    browser.open_as(&ANA, "/?tab=active").await;
    browser.choose_action(&account, "Renew connection").await;
    browser.see(Role::Heading, "Renew the connection of Shop 11").await;
    browser.continue_to_tiktok().await;
    browser.sign_in_to_tiktok("Ana Moreau").await;
    browser.click_button("Cancel").await;
    browser.read("h1", "Nothing was authorized").await;
    browser.open("/?tab=active").await;
    browser.lists(&[&account]).await;
    browser.read("tr[data-account] .pill", "Active").await;
    assert_eq!((browser.world.grant_of(&account), browser.world.account_row(&account)), (grant, row));
    browser.finish().await;
}

/// A renewal that is refused leaves what works as it is, and the next one is a renewal again.
#[tokio::test]
async fn a_renewal_may_fail_and_be_repeated() {
    let Some(browser) = Browser::start().await else { return };
    let account = browser.world.active(11).await;
    let grant = browser.world.grant_of(&account);
    browser.open_as(&ANA, "/?tab=active").await;
    browser.choose_action(&account, "Renew connection").await;
    browser.continue_to_tiktok().await;
    browser.sign_in_to_tiktok("Carlos Vega").await;
    browser.click(Role::Switch, "Reporting").await;
    browser.confirm().await;
    let receipt = browser.receipt("Not reconnected").await;
    assert!(receipt.contains("The connection that the ad account had before was not touched."), "{receipt}");
    assert_eq!(browser.world.grant_of(&account), grant);
    browser.click_button("Activate again").await;
    browser.see(Role::Heading, "Renew the connection of Shop 11").await;
    browser.continue_to_tiktok().await;
    browser.confirm().await;
    let receipt = browser.receipt("Reconnected").await;
    assert!(receipt.contains("authorized at TikTok by Carlos Vega"), "{receipt}");
    browser.click_button("Done").await;
    browser.lists(&[&account]).await;
    assert_ne!(browser.world.grant_of(&account)["grant_id"], grant["grant_id"]);
    browser.finish().await;
}
