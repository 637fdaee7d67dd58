//! Processes that die, freeze or find that somebody else's work was left half done: T65, T66, T68, T69.
//!
//! Every await that matters is a call to DynamoDB or TikTok, so the matrices learn from one clean completion which calls
//! there are, and break each of them in every way: see [`matrix`].

mod matrix;

use crate::support::*;

const REPORT: &str = "/report/integrated/get/";

/// T66: Lambda freezes a process as soon as it has answered. What it left undone stays undone, so nothing may be left.
#[tokio::test]
async fn t66_nothing_is_left_to_a_process_that_has_answered() {
    let world = TestWorld::start().await;
    world.local.functions.freeze_after_answer("oauth-callback", true).unwrap();
    let pending = world.first_flow(11, "ana").await;
    let done = world.first_flow(12, "carlos").await;

    let broken = world.tiktok().add_fault(Fault::code(50000).on(REPORT).for_person("ana")).unwrap();
    assert_eq!(world.complete(&pending).await.expect(202)["outcome"], "pending");
    // The frozen process never comes back.
    world.local.functions.kill("oauth-callback").await.unwrap();
    world.tiktok().clear_fault(broken);
    assert_eq!(world.complete(&pending).await.expect(200)["outcome"], "reconnected");

    assert_eq!(world.complete(&done).await.expect(200)["outcome"], "reconnected");
    world.local.functions.kill("oauth-callback").await.unwrap();
    for flow in [&pending, &done] {
        let shown = world.as_(&ANA).activation(&flow.activation_id).await;
        assert_eq!(shown.expect(200)["outcome"], "reconnected");
        assert_eq!(world.kinds_of(&flow.account), ["AdAccountReconnected"]);
    }
    assert_eq!((world.tiktok().exchanges(), world.candidates()), (2, 0));
    world.finish().await;
}

/// T69: people who close the browser while TikTok is slow. Their tokens do not outlive their purpose.
#[tokio::test]
async fn t69_tokens_of_abandoned_activations_go() {
    // As many as one person may have at a time.
    const ABANDONED: u32 = 10;
    let world = TestWorld::start().await;
    world.tiktok().add_fault(Fault::code(50000).on(REPORT)).unwrap();
    // All accounts are there before the first consent, so that each consent is for all of them: TikTok's last word counts.
    let mut accounts = Vec::new();
    for number in 0..ABANDONED {
        accounts.push(world.unconnected(11 + number).await);
    }
    let mut flows = Vec::new();
    for account in &accounts {
        flows.push(world.flow(account, ANA, Consent::by("ana")).await);
    }
    futures::future::join_all(flows.iter().map(async |flow| {
        world.complete(flow).await.expect(202);
    }))
    .await;
    assert_eq!(world.candidates(), flows.len());
    // Neither codes nor tokens lie open meanwhile.
    world.check_invariants();

    for flow in &flows {
        let pk = format!("ACTIVATION#{}", flow.activation_id);
        let candidate = world.row(&pk, "CANDIDATE").expect("it waits");
        let life = candidate["ttl"].as_i64().unwrap() - local::clock::now().as_second();
        assert!((0..=15 * 60).contains(&life), "a candidate lives {life} s");
        world.set_number(&pk, "CANDIDATE", "ttl", local::clock::now().as_second() - 1);
    }
    world.local.dynamodb.database().sweep_ttl().unwrap();

    assert_eq!(world.candidates(), 0);
    world.tiktok().clear_faults();
    for flow in &flows {
        let late = world.complete(flow).await;
        assert_eq!(late.expect(200)["outcome"], "gave_up");
        assert!(world.events_of(&flow.account).is_empty());
    }
    assert_eq!(world.tiktok().exchanges(), flows.len() as u64);
    world.finish().await;
}

/// T69: nobody has to come back for the time to be over, and an expired candidate is not used even if it is still there.
#[tokio::test]
async fn t69_a_candidate_past_its_life_is_not_used() {
    let world = TestWorld::start().await;
    let flow = world.first_flow(11, "ana").await;
    let broken = world.tiktok().add_fault(Fault::code(50000).on(REPORT)).unwrap();
    world.complete(&flow).await.expect(202);
    world.tiktok().clear_fault(broken);
    let pk = format!("ACTIVATION#{}", flow.activation_id);
    let long_ago = local::clock::now() - jiff::SignedDuration::from_mins(16);
    world.set_text(&pk, "ACTIVATION", "exchanged_at", &long_ago.to_string());

    let shown = world.as_(&ANA).activation(&flow.activation_id).await;
    assert_eq!(shown.expect(200)["outcome"], "gave_up", "I7");
    assert_eq!(world.complete(&flow).await.expect(200)["outcome"], "gave_up");
    assert_eq!(world.candidates(), 0);
    assert_eq!(world.account_row(&flow.account)["status"], "needs_connecting");
    world.finish().await;
}
