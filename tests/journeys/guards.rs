//! The checks at the end of every journey, checked: each finds what it is there to find.

use crate::support::canaries::Kind;
use crate::support::*;

/// A world with one account that was reconnected, which is fine.
async fn fine() -> (TestWorld, Account) {
    let world = TestWorld::start().await;
    let account = world.lapsed(11).await;
    world.reconnect(&account, &ANA, Consent::by("ana")).await.expect(200);
    world.check_invariants();
    (world, account)
}

fn key(row: &Value) -> (&str, &str) {
    (row["pk"].as_str().expect("a key"), row["sk"].as_str().expect("a key"))
}

#[tokio::test]
#[should_panic(expected = "I4: Other in a log line")]
async fn a_secret_in_a_log_is_found() {
    let (world, _) = fine().await;
    world.canary(Kind::Other, "Account 7100000000000000011 is reconnected");
    world.finish().await;
}

#[tokio::test]
#[should_panic(expected = "I4: Other in the table")]
async fn a_secret_in_the_table_is_found() {
    let (world, account) = fine().await;
    world.canary(Kind::Other, world.grant_of(&account)["token_fingerprint"].as_str().expect("a fingerprint"));
    world.finish().await;
}

#[tokio::test]
#[should_panic(expected = "I4: Other in the answer to POST /activations/complete")]
async fn a_secret_in_an_answer_is_found() {
    let (world, _) = fine().await;
    world.canary(Kind::Other, "\"authorized_by\":\"Ana Moreau\"");
    world.finish().await;
}

#[tokio::test]
#[should_panic(expected = "I1: Active without a grant")]
async fn an_account_that_is_active_for_no_reason_is_found() {
    let (world, account) = fine().await;
    let row = world.account_row(&account);
    world.set_text(key(&row).0, key(&row).1, "grant_id", "grt_none");
    world.finish().await;
}

#[tokio::test]
#[should_panic(expected = "I1: no evidence")]
async fn an_account_that_is_active_without_evidence_is_found() {
    let (world, account) = fine().await;
    let row = world.account_row(&account);
    world.set_text(key(&row).0, key(&row).1, "findings", "none");
    world.finish().await;
}

#[tokio::test]
#[should_panic(expected = "I3: the events tell another story")]
async fn a_transition_without_an_event_is_found() {
    let (world, account) = fine().await;
    let row = world.account_row(&account);
    world.set_text(key(&row).0, key(&row).1, "status", "needs_connecting");
    world.finish().await;
}

#[tokio::test]
#[should_panic(expected = "I3: versions have a hole")]
async fn a_version_without_an_event_is_found() {
    let (world, account) = fine().await;
    let row = world.account_row(&account);
    world.set_number(key(&row).0, key(&row).1, "version", 9);
    world.finish().await;
}

#[tokio::test]
#[should_panic(expected = "the counts row differs from the accounts")]
async fn a_wrong_count_is_found() {
    let (world, _) = fine().await;
    world.set_number(&format!("ORG#{AURORA}"), "COUNTS", "active|shop|de|agency-1", 2);
    world.finish().await;
}

#[tokio::test]
#[should_panic(expected = "a candidate token is left behind")]
async fn a_candidate_that_nobody_needs_is_found() {
    let (world, account) = fine().await;
    let ticket = world.ticket_for(&account, &ANA, json!({ "force": true }), Consent::by("ana")).await;
    world.tiktok().add_fault(Fault::code(50_000).on("/bc/get/")).expect("a fault");
    let pending = world.as_(&ANA).complete(&ticket).await;
    world.check_invariants();
    world.set_text(&format!("ACTIVATION#{}", pending.text("activation_id")), "ACTIVATION", "state", "closed");
    world.finish().await;
}
