//! Activate: what it refuses, what `force` overrides, and what a repeat gets.

use tiktok_stand_in::{Owner, RelationStatus};

use crate::support::*;

#[tokio::test]
async fn a_healthy_account_needs_no_activation() {
    let world = TestWorld::start().await;
    let account = world.active(11).await;

    let answer = world.as_(&ANA).activate(&account, json!({})).await;

    answer.expect(409);
    answer.problem("already_active");
    world.as_(&ANA).activate(&account, json!({ "force": true })).await.expect(201);
    world.finish().await;
}

#[tokio::test]
async fn what_logging_in_cannot_heal_is_told_before() {
    for cause in ["ad_account_moved", "ad_account_not_owned", "ad_account_not_found"] {
        let world = TestWorld::start().await;
        let (account, healthy) = (Account::new(11), Account::new(12));
        world.all_active(&[&account, &healthy]).await;
        let agency = || Owner::business_center(AGENCY);
        match cause {
            "ad_account_not_found" => world.tiktok().world().delete_account(&account.id).unwrap(),
            "ad_account_moved" => world.tiktok().world().move_account(&account.id, agency()).unwrap(),
            _ => {
                world.tiktok().world().move_account(&account.id, agency()).unwrap();
                world.tiktok().world().share(&account.id, MEDIA, RelationStatus::Bound).unwrap();
            }
        }
        let lapsed = world.as_(&ANA).validate(&account).await;
        assert_eq!(lapsed.expect(200)["status"], "needs_connecting", "{lapsed:?}");
        assert_eq!(lapsed.body["causes"][0]["cause"], cause);
        let rows = world.rows().len();

        let answer = world.as_(&ANA).activate(&account, json!({})).await;

        answer.expect(409);
        let problem = answer.problem("consent_cannot_help");
        assert_eq!(problem["cause"], cause, "{answer:?}");
        assert_eq!(problem["remedy"], lapsed.body["causes"][0]["remedy"]);
        assert_eq!(world.rows().len(), rows, "nothing was started");
        let forced = world.as_(&ANA).activate(&account, json!({ "force": true })).await;
        assert_eq!(forced.expect(201)["preflight"]["verdict"], "unknown");
        world.finish().await;
    }
}

#[tokio::test]
async fn what_tiktok_does_not_say_in_time_stops_nobody() {
    let world = TestWorld::start().await;
    let account = world.active(11).await;
    world.tiktok().world().delete_account(&account.id).unwrap();
    world.tiktok().add_fault(Fault::new(FaultKind::Hang)).unwrap();

    let answer = world.as_(&ANA).activate(&account, json!({ "force": true })).await;

    assert_eq!(answer.expect(201)["preflight"]["verdict"], "unknown");
    world.finish().await;
}

#[tokio::test]
async fn the_same_request_again_gets_the_same_answer() {
    let world = TestWorld::start().await;
    let account = world.unconnected(11).await;
    let (ana, carla) = (world.as_(&ANA), world.as_(&CARLA));

    let first = ana.activate_with_key(&account, json!({}), "one").await;
    let again = ana.activate_with_key(&account, json!({}), "one").await;
    let other_body = ana.activate_with_key(&account, json!({ "force": true }), "one").await;
    let other_key = ana.activate_with_key(&account, json!({}), "two").await;
    let other_person = carla.activate_with_key(&account, json!({}), "one").await;

    assert_eq!(again.expect(201), first.expect(201));
    other_body.expect(409);
    other_body.problem("idempotency_mismatch");
    for other in [other_key, other_person] {
        assert_ne!(other.expect(201)["activation_id"], first.body["activation_id"]);
    }
    assert_eq!(world.rows().iter().filter(|row| row["sk"] == "ACTIVATION").count(), 3);
    world.finish().await;
}

#[tokio::test]
async fn ten_live_activations_are_enough() {
    let world = TestWorld::start().await;
    let account = world.unconnected(11).await;
    let ana = world.as_(&ANA);
    let mut first = None;
    for _ in 0..10 {
        let started = ana.activate(&account, json!({})).await;
        started.expect(201);
        first.get_or_insert(started);
    }

    let eleventh = ana.activate(&account, json!({})).await;

    eleventh.expect(429);
    eleventh.problem("too_many_activations");
    let seconds: u64 = eleventh.header("retry-after").parse().unwrap();
    assert!((1..=1_800).contains(&seconds), "{seconds}");
    world.as_(&CARLA).activate(&account, json!({})).await.expect(201);
    // One that ends, however it ends, makes room.
    let consent = Consent::by("ana").ad_accounts(AdAccounts::None);
    let landed = world.walk_consent(first.unwrap().text("authorization_url"), consent).await;
    assert_eq!(ana.complete(&landed.ticket()).await.expect(200)["outcome"], "refused");
    ana.activate(&account, json!({})).await.expect(201);
    world.finish().await;
}

#[tokio::test]
async fn only_managers_start_and_only_what_they_reach() {
    let world = TestWorld::start().await;
    let french = Account { market: "fr", ..Account::new(11) };
    let foreign = Account::of_borealis(12);
    for account in [&french, &foreign] {
        world.at_tiktok(account);
        world.import(&[account], None).await;
    }

    let out_of_reach = world.as_(&MIRA).activate(&french, json!({})).await;
    out_of_reach.expect(403);
    out_of_reach.problem("account_out_of_reach");
    world.as_(&VICTOR).activate(&french, json!({})).await.expect(403);
    for unknown in [&foreign, &Account::new(99)] {
        let answer = world.as_(&ANA).activate(unknown, json!({})).await;
        answer.expect(404);
        answer.problem("account_not_found");
    }
    world.finish().await;
}
