//! How often each operation asks DynamoDB. Counted on the wire, retries and all.

use crate::support::*;

/// The calls since [`forget`](proxy::Proxy::forget), at most so many.
#[track_caller]
fn at_most(world: &TestWorld, budget: usize, what: &str) {
    let calls = world.dynamodb.calls();
    assert!(calls.len() <= budget, "{what} may ask {budget} times and asked {calls:?}");
    world.dynamodb.forget();
}

#[track_caller]
fn exactly(world: &TestWorld, calls: &[&str], what: &str) {
    let mut asked = world.dynamodb.calls();
    asked.sort();
    assert_eq!(asked, calls, "{what}");
    world.dynamodb.forget();
}

#[tokio::test]
async fn looking_takes_two_calls() {
    let world = TestWorld::start().await;
    let (account, other) = (Account::new(11), Account::new(12));
    world.all_active(&[&account, &other]).await;
    world.lapse(&account).await;
    let ana = world.as_(&ANA);
    world.dynamodb.forget();

    for query in ["", "status=active", "status=needs_connecting", "search=7100", "market=de&status=active&limit=1"] {
        ana.list(query).await.expect(200);
        exactly(&world, &["GetItem", "Query"], query);
    }
    let page = ana.list("limit=1").await;
    world.dynamodb.forget();
    ana.list(&format!("limit=1&cursor={}", page.text("next_cursor"))).await.expect(200);
    exactly(&world, &["GetItem", "Query"], "the next page");
    ana.list("search=shop").await.expect(200);
    at_most(&world, 11, "a search by name");
    ana.details(&account).await.expect(200);
    at_most(&world, 2, "details");
    ana.history(&account).await.expect(200);
    at_most(&world, 2, "history");
    world.finish().await;
}

#[tokio::test]
async fn starting_takes_at_most_four_calls() {
    let world = TestWorld::start().await;
    let (account, other) = (Account::new(11), Account { login: "carlos", ..Account::new(12) });
    world.all_active(&[&account]).await;
    world.all_active(&[&other]).await;
    world.reconnect(&other, &ANA, Consent::by("carlos").ad_accounts(AdAccounts::only([&other.id]))).await.expect(200);
    world.lapse(&account).await;
    let (never, ana) = (world.unconnected(13).await, world.as_(&ANA));
    world.dynamodb.forget();

    for account in [&account, &never] {
        ana.activate(account, json!({})).await.expect(201);
        at_most(&world, 4, "activate");
        ana.activate_with_key(account, json!({ "also": "business_center" }), &account.id).await.expect(201);
        at_most(&world, 4, "activate with an Idempotency-Key");
        ana.activate_with_key(account, json!({ "also": "business_center" }), &account.id).await.expect(201);
        at_most(&world, 4, "the same again");
    }
    let started = ana.activate(&account, json!({})).await;
    world.dynamodb.forget();
    ana.activation(started.text("activation_id")).await.expect(200);
    at_most(&world, 2, "following an activation");
    world.finish().await;
}

#[tokio::test]
async fn the_callback_asks_nothing_and_completing_at_most_six_times() {
    let world = TestWorld::start().await;
    let (account, other) = (Account::new(11), Account::new(12));
    world.all_active(&[&account, &other]).await;
    world
        .tiktok()
        .world()
        .set_account_role(&account.id, MEDIA, "sven", Some(tiktok_stand_in::AdvertiserRole::Operator))
        .unwrap();
    let ana = world.as_(&ANA);
    let consents = [
        ("refused", Consent::by("carlos").ad_accounts(AdAccounts::only([&other.id]))),
        ("refused", Consent::by("sven").ad_accounts(AdAccounts::only([&account.id]))),
        ("reconnected", Consent::by("carlos")),
        ("reconnected", Consent::by("ana")),
    ];
    for (outcome, consent) in consents {
        let started = ana.activate(&account, json!({ "force": true })).await;
        world.dynamodb.forget();
        let ticket = world.walk_consent(started.text("authorization_url"), consent).await.ticket();
        exactly(&world, &[], "the callback");
        assert_eq!(ana.complete(&ticket).await.expect(200)["outcome"], outcome);
        at_most(&world, 6, outcome);
        ana.complete(&ticket).await.expect(200);
        at_most(&world, 6, "a repeat");
    }

    let ticket = world.ticket_for(&account, &ANA, json!({ "force": true }), Consent::by("carlos")).await;
    world.tiktok().add_fault(Fault::code(50_000).on("/bc/get/")).unwrap();
    world.dynamodb.forget();
    ana.complete(&ticket).await.expect(202);
    at_most(&world, 6, "pending");
    world.tiktok().clear_faults();
    ana.complete(&ticket).await.expect(200);
    at_most(&world, 6, "resumed");
    for query in ["", "state=x&code=y", "error=access_denied"] {
        world.get_callback(query).await;
        exactly(&world, &[], "the callback of anybody");
    }
    world.finish().await;
}

#[tokio::test]
async fn validating_takes_at_most_four_calls() {
    let world = TestWorld::start().await;
    let account = world.active(11).await;
    let ana = world.as_(&ANA);
    let is = async |verdict: &str| {
        world.dynamodb.forget();
        assert_eq!(ana.validate(&account).await.expect(200)["verdict"], verdict);
        at_most(&world, 4, verdict);
    };
    is("connected").await;
    world.tiktok().add_fault(Fault::code(50_000)).unwrap();
    is("undecided").await;
    world.tiktok().clear_faults();
    world.tiktok().world().move_account(&account.id, tiktok_stand_in::Owner::business_center(AGENCY)).unwrap();
    is("lapsed").await;
    is("lapsed").await;
    world.tiktok().world().move_account(&account.id, tiktok_stand_in::Owner::business_center(MEDIA)).unwrap();
    is("connected").await;
    world.finish().await;
}
