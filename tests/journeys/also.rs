//! One consent for many: `"also": "business_center"`.

use crate::support::*;

fn also() -> Value {
    json!({ "also": "business_center" })
}

/// The line of one account in a receipt.
#[track_caller]
fn line<'a>(receipt: &'a Answer, account: &Account) -> &'a Value {
    let lines = receipt.body["accounts"].as_array().expect("a receipt has lines");
    lines.iter().find(|line| line["advertiser_id"] == account.id.as_str()).unwrap_or_else(|| panic!("{receipt:?}"))
}

fn status(world: &TestWorld, account: &Account) -> String {
    world.account_row(account)["status"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn siblings_come_back_each_on_its_own_merits() {
    let world = TestWorld::start().await;
    let [asked, good, unticked] = [11, 12, 13].map(Account::new);
    let elsewhere = Account { center: RETAIL, ..Account::new(14) };
    let (healthy, foreign) =
        (Account { login: "carlos", ..Account::new(15) }, Account { org_id: BOREALIS, ..Account::new(16) });
    let lapsing = [&asked, &good, &unticked, &elsewhere];
    world.all_active(&lapsing).await;
    world.all_active(&[&healthy]).await;
    world.at_tiktok(&foreign);
    world.import(&[&foreign], None).await;
    for account in lapsing {
        world.lapse(account).await;
    }
    let untouched = [&elsewhere, &healthy, &foreign].map(|account| (account, world.account_row(account)));

    let consent = Consent::by("rita").ad_accounts(AdAccounts::only([&asked.id, &good.id]));
    let ticket = world.ticket_for(&asked, &ANA, also(), consent).await;
    let receipt = world.as_(&ANA).complete(&ticket).await;

    assert_eq!(receipt.expect(200)["outcome"], "reconnected");
    assert_eq!(receipt.body["accounts"].as_array().unwrap().len(), 3, "{receipt:?}");
    for back in [&asked, &good] {
        assert_eq!(line(&receipt, back)["outcome"], "reconnected");
        assert!(line(&receipt, back)["gap"]["from"].is_string(), "{receipt:?}");
        assert_eq!(status(&world, back), "active");
        assert_eq!(world.kinds_of(back), ["AdAccountLapsed", "AdAccountReconnected"]);
    }
    let left = line(&receipt, &unticked);
    assert_eq!((&left["outcome"], &left["cause"]), (&json!("not_reconnected"), &json!("ad_account_not_granted")));
    assert!(left["remedy"].as_str().unwrap().contains("tick this ad account"), "{left}");
    assert_eq!(status(&world, &unticked), "needs_connecting");
    assert_eq!(world.grant_of(&asked), world.grant_of(&good), "one consent is one grant");
    assert_eq!(world.grant_of(&asked)["ad_accounts"], 2);
    for (account, before) in untouched {
        assert_eq!(world.account_row(account), before, "not asked for");
    }
    assert_eq!(world.tiktok().exchanges(), 1);
    world.finish().await;
}

#[tokio::test]
async fn the_asked_for_account_may_fail_without_its_siblings() {
    let world = TestWorld::start().await;
    let (asked, sibling) = (Account::new(11), Account { login: "marc", ..Account::new(12) });
    for account in [&asked, &sibling] {
        world.all_active(&[account]).await;
        world.lapse(account).await;
    }
    let grant = world.grant_of(&asked);

    let consent = Consent::by("rita").ad_accounts(AdAccounts::only([&sibling.id]));
    let ticket = world.ticket_for(&asked, &ANA, also(), consent).await;
    let receipt = world.as_(&ANA).complete(&ticket).await;

    let body = receipt.expect(200);
    assert_eq!((&body["outcome"], &body["cause"]), (&json!("refused"), &json!("ad_account_not_granted")));
    assert_eq!(line(&receipt, &asked)["outcome"], "not_reconnected");
    assert_eq!(line(&receipt, &sibling)["outcome"], "reconnected");
    assert_eq!((status(&world, &asked), status(&world, &sibling)), ("needs_connecting".into(), "active".into()));
    assert_eq!(world.grant_of(&asked), grant, "not a byte of it");
    assert_eq!(world.kinds_of(&asked), ["AdAccountLapsed", "ReconnectRefused"]);
    assert_eq!(&world.as_(&ANA).activation(receipt.text("activation_id")).await.body, body);
    world.finish().await;
}

#[tokio::test]
async fn nobody_comes_back_if_nobody_was_ticked() {
    let world = TestWorld::start().await;
    let (asked, sibling) = (Account::new(11), Account::new(12));
    world.all_active(&[&asked, &sibling]).await;
    for account in [&asked, &sibling] {
        world.lapse(account).await;
    }
    let grant = world.grant_of(&asked);

    let consent = Consent::by("rita").ad_accounts(AdAccounts::None);
    let ticket = world.ticket_for(&asked, &ANA, also(), consent).await;
    let receipt = world.as_(&ANA).complete(&ticket).await;

    assert_eq!(receipt.expect(200)["cause"], "no_ad_accounts_granted");
    assert_eq!((world.grant_of(&asked), world.candidates()), (grant, 0));
    assert_eq!(status(&world, &sibling), "needs_connecting");
    world.finish().await;
}

/// Mira manages Germany only. Her consent covers everything, and moves what she reaches.
#[tokio::test]
async fn siblings_out_of_reach_stay_and_are_not_shown() {
    let world = TestWorld::start().await;
    let (german, french) = (Account::new(11), Account { market: "fr", ..Account::new(12) });
    let other_german = Account::new(13);
    let all = [&german, &french, &other_german];
    for account in &all {
        world.at_tiktok(account);
    }
    world.import(&all, None).await;

    let ticket = world.ticket_for(&german, &MIRA, also(), Consent::by("ana")).await;
    let receipt = world.as_(&MIRA).complete(&ticket).await;

    assert_eq!(receipt.expect(200)["accounts"].as_array().unwrap().len(), 2, "{receipt:?}");
    assert_eq!(status(&world, &other_german), "active");
    assert_eq!(status(&world, &french), "needs_connecting");
    world.finish().await;
}

#[tokio::test]
async fn a_whole_business_center_comes_back_with_one_consent() {
    let world = TestWorld::start().await;
    let accounts: Vec<Account> = (100..145).map(Account::new).collect();
    let all: Vec<&Account> = accounts.iter().collect();
    for account in &all {
        world.at_tiktok(account);
    }
    world.import(&all, None).await;

    let ticket = world.ticket_for(&accounts[7], &ANA, also(), Consent::by("ana")).await;
    let receipt = world.as_(&ANA).complete(&ticket).await;

    let lines = receipt.expect(200)["accounts"].as_array().unwrap();
    assert_eq!(lines.len(), 45);
    assert!(lines.iter().all(|line| line["outcome"] == "reconnected"), "{receipt:?}");
    let list = world.as_(&ANA).list("status=active&limit=1").await;
    assert_eq!(list.expect(200)["counts"], json!({ "active": 45, "needs_connecting": 0 }));
    assert_eq!(world.grant_of(&accounts[0])["ad_accounts"], 45);
    assert_eq!(world.tiktok().exchanges(), 1);
    world.finish().await;
}
