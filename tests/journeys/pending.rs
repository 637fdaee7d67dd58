//! Complete, when TikTok or time gets in the way: pending, resumed, given up; and tickets in the wrong hands.

use jiff::SignedDuration;

use crate::support::*;

#[tokio::test]
async fn tiktok_cannot_answer_and_the_same_ticket_goes_on_later() {
    let world = TestWorld::start().await;
    let account = world.lapsed(11).await;
    let ticket = world.ticket_for(&account, &ANA, json!({}), Consent::by("ana")).await;
    world.tiktok().add_fault(Fault::code(50_000).on("/bc/get/")).unwrap();

    let pending = world.as_(&ANA).complete(&ticket).await;

    let activation_id = pending.text("activation_id").to_owned();
    assert_eq!(pending.expect(202), &json!({ "activation_id": activation_id, "outcome": "pending" }));
    assert_eq!(world.as_(&ANA).activation(&activation_id).await.expect(200)["outcome"], "pending");
    assert_eq!((world.candidates(), world.tiktok().exchanges()), (1, 1), "what was granted is kept");
    assert_eq!(world.kinds_of(&account), ["AdAccountLapsed"]);
    world.check_invariants();

    world.tiktok().clear_faults();
    let receipt = world.as_(&ANA).complete(&ticket).await;

    assert_eq!(receipt.expect(200)["outcome"], "reconnected");
    assert_eq!(receipt.body["activation_id"], activation_id.as_str());
    assert_eq!((world.candidates(), world.tiktok().exchanges()), (0, 1), "no second consent, no second exchange");
    world.finish().await;
}

#[tokio::test]
async fn what_stays_pending_is_given_up_in_the_end() {
    let world = TestWorld::start().await;
    let account = world.active(11).await;
    let (grant, ticket) = (
        world.grant_of(&account),
        world.ticket_for(&account, &ANA, json!({ "force": true }), Consent::by("carlos")).await,
    );
    world.tiktok().add_fault(Fault::code(50_000).on("/bc/get/")).unwrap();
    let activation_id = world.as_(&ANA).complete(&ticket).await.text("activation_id").to_owned();
    let long_ago = (local::clock::now() - SignedDuration::from_mins(16)).strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    world.set_text(&format!("ACTIVATION#{activation_id}"), "ACTIVATION", "exchanged_at", &long_ago);
    assert_eq!(world.as_(&ANA).activation(&activation_id).await.expect(200)["outcome"], "gave_up");

    let receipt = world.as_(&ANA).complete(&ticket).await;

    let body = receipt.expect(200);
    assert_eq!((&body["outcome"], &body["cause"]), (&json!("gave_up"), &json!("tiktok_unavailable")));
    assert_eq!((world.candidates(), world.grant_of(&account)), (0, grant));
    world.finish().await;
}

#[tokio::test]
async fn a_ticket_in_other_hands_ends_the_activation_and_spends_nothing() {
    let world = TestWorld::start().await;
    let account = world.lapsed(11).await;
    for stranger in [CARLA, BO] {
        let ticket = world.ticket_for(&account, &ANA, json!({}), Consent::by("ana")).await;

        let refused = world.as_(&stranger).complete(&ticket).await;

        refused.expect(403);
        refused.problem("not_your_activation");
        let owner = world.as_(&ANA).complete(&ticket).await;
        assert_ne!(owner.body["outcome"], "reconnected", "{owner:?}");
        assert_eq!(world.tiktok().exchanges(), 0);
        let closed = world.rows().into_iter().find(|row| row["outcome"]["presented_by"] == stranger.sub);
        assert_eq!(closed.expect("both are on record")["started_by"], ANA.sub);
    }
    world.finish().await;
}

#[tokio::test]
async fn a_ticket_lives_shorter_than_its_activation() {
    let world = TestWorld::with().env("TICKET_TTL_SECONDS", "1").start().await;
    let account = world.lapsed(11).await;
    let ticket = world.ticket_for(&account, &ANA, json!({}), Consent::by("ana")).await;
    seconds_pass(2).await;

    let late = world.as_(&ANA).complete(&ticket).await;

    late.expect(410);
    late.problem("link_expired");
    assert_eq!(world.tiktok().exchanges(), 0);
    world.finish().await;
}

#[tokio::test]
async fn an_altered_ticket_is_no_ticket() {
    let world = TestWorld::start().await;
    let account = world.lapsed(11).await;
    let ticket = world.ticket_for(&account, &ANA, json!({}), Consent::by("ana")).await;
    let swap = |c: char| if c == 'A' { 'B' } else { 'A' };
    let altered = |at: usize| -> String {
        ticket.chars().enumerate().map(|(place, c)| if place == at { swap(c) } else { c }).collect()
    };
    for at in [0, ticket.len() / 2, ticket.len() - 2] {
        let answer = world.as_(&ANA).complete(&altered(at)).await;
        answer.expect(400);
        answer.problem("ticket_invalid");
    }
    assert_eq!(world.as_(&ANA).complete(&ticket).await.expect(200)["outcome"], "reconnected");
    world.finish().await;
}
