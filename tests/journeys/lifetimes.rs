//! What time alone ends: links, pending activations, kept answers, candidate tokens (T05, T57, T65, T69). Reading never
//! writes that down, and nothing waits for DynamoDB to collect a row.

use jiff::SignedDuration;

use crate::support::*;

fn ago(time: SignedDuration) -> String {
    shared::clock::whole_seconds(local::clock::now() - time).to_string()
}

fn activation_pk(activation_id: &str) -> String {
    format!("ACTIVATION#{activation_id}")
}

/// Starts and consents: the activation and its ticket.
async fn begin(world: &TestWorld, account: &Account) -> (String, String) {
    let started = world.as_(&ANA).activate(account, Value::Null).await;
    started.expect(201);
    let ticket = world.walk_consent(started.text("authorization_url"), Consent::by("ana")).await.ticket();
    (started.text("activation_id").to_owned(), ticket)
}

/// An activation that TikTok keeps from ending.
async fn pending(world: &TestWorld, account: &Account) -> (String, String) {
    let (activation_id, ticket) = begin(world, account).await;
    let fault = world.tiktok().add_fault(Fault::code(50_000).on("/bc/get/")).unwrap();
    assert_eq!(world.as_(&ANA).complete(&ticket).await.expect(202)["outcome"], "pending");
    world.tiktok().clear_fault(fault);
    (activation_id, ticket)
}

/// T05: a link that ran out reads as refused, for whoever may read, and nobody writes it down.
#[tokio::test]
async fn t05_a_link_that_ran_out_reads_as_refused() {
    let world = TestWorld::start().await;
    let account = world.lapsed(11).await;
    let (activation_id, ticket) = begin(&world, &account).await;
    let waiting = world.as_(&ANA).activation(&activation_id).await;
    assert_eq!(waiting.expect(200)["outcome"], "waiting");
    assert!(waiting.body["expires_at"].is_string());
    world.expire(&activation_id);
    let rows = world.rows();

    for person in [&ANA, &CARLA, &VICTOR] {
        let read = world.as_(person).activation(&activation_id).await;
        assert_eq!((&read.expect(200)["outcome"], &read.body["cause"]), (&json!("refused"), &json!("link_expired")));
        assert!(read.text("remedy").len() > 10);
    }
    world.as_(&ANA).complete(&ticket).await.problem("link_expired");
    assert_eq!(world.rows(), rows, "somebody wrote down what time alone did");
    assert_eq!(world.tiktok().exchanges(), 0);
    world.finish().await;
}

/// T57: what stays pending for fifteen minutes has given up, whether anybody says so or not; the next attempt is free.
#[tokio::test]
async fn t57_fifteen_minutes_end_what_is_pending() {
    let world = TestWorld::start().await;
    let account = world.lapsed(11).await;
    let (activation_id, ticket) = pending(&world, &account).await;
    world.set_text(&activation_pk(&activation_id), "ACTIVATION", "exchanged_at", &ago(SignedDuration::from_mins(14)));
    assert_eq!(world.as_(&ANA).activation(&activation_id).await.expect(200)["outcome"], "pending");
    world.set_text(&activation_pk(&activation_id), "ACTIVATION", "exchanged_at", &ago(SignedDuration::from_mins(15)));
    let rows = world.rows();
    let read = world.as_(&VICTOR).activation(&activation_id).await;
    assert_eq!((&read.expect(200)["outcome"], &read.body["cause"]), (&json!("gave_up"), &json!("tiktok_unavailable")));
    assert_eq!(world.rows(), rows, "a read wrote");

    // TikTok is well again, but what has been given up stays so.
    assert_eq!(world.as_(&ANA).complete(&ticket).await.expect(200)["outcome"], "gave_up");
    assert_eq!((world.candidates(), world.tiktok().exchanges()), (0, 1));
    assert_eq!(world.account_row(&account)["status"], "needs_connecting");
    assert_eq!(world.reconnect(&account, &ANA, Consent::by("ana")).await.expect(200)["outcome"], "reconnected");
    world.finish().await;
}

/// T65: who died between the claim and the candidate leaves an activation that a minute later is over, not stuck.
#[tokio::test]
async fn t65_a_lost_exchange_is_over_after_a_minute() {
    let world = TestWorld::start().await;
    let account = world.lapsed(11).await;
    let (activation_id, ticket) = begin(&world, &account).await;
    let pk = activation_pk(&activation_id);
    world.set_text(&pk, "ACTIVATION", "state", "exchanging");
    world.set_text(&pk, "ACTIVATION", "claimed_at", &ago(SignedDuration::from_secs(50)));
    assert_eq!(world.as_(&ANA).complete(&ticket).await.expect(202)["outcome"], "pending");
    world.set_text(&pk, "ACTIVATION", "claimed_at", &ago(SignedDuration::from_secs(60)));
    assert_eq!(world.as_(&ANA).activation(&activation_id).await.expect(200)["outcome"], "gave_up");
    assert_eq!(world.as_(&ANA).complete(&ticket).await.expect(200)["outcome"], "gave_up");
    assert_eq!(world.tiktok().exchanges(), 0, "the code may have been spent: it is not brought again");
    assert_eq!(world.reconnect(&account, &ANA, Consent::by("ana")).await.expect(200)["outcome"], "reconnected");
    world.finish().await;
}

/// T69: tokens of abandoned attempts go by their time to live, and no code is ever stored (T76 looks for them).
#[tokio::test]
async fn t69_abandoned_candidates_do_not_outlive_their_purpose() {
    let world = TestWorld::start().await;
    let mut abandoned = Vec::new();
    for number in 11..16 {
        let account = world.lapsed(number).await;
        abandoned.push(pending(&world, &account).await);
        world.check_invariants();
    }
    assert_eq!(world.candidates(), 5);
    let now = local::clock::now().as_second();
    for (activation_id, _) in &abandoned {
        let candidate = world.row(&activation_pk(activation_id), "CANDIDATE").expect("a candidate");
        let ttl = candidate["ttl"].as_i64().expect("a time to live");
        assert!((now..=now + 15 * 60).contains(&ttl), "{ttl}");
        world.set_number(&activation_pk(activation_id), "CANDIDATE", "ttl", now - 1);
    }
    world.local.dynamodb.database().sweep_ttl().expect("the collection runs");
    assert_eq!(world.candidates(), 0);

    // Whoever comes back after that is told, and nothing breaks.
    for (_, ticket) in &abandoned {
        assert_eq!(world.as_(&ANA).complete(ticket).await.expect(200)["outcome"], "gave_up");
    }
    assert_eq!(world.tiktok().exchanges(), 5);
    world.finish().await;
}

/// T17: an answer is kept for 24 hours and belongs to one person; after that the key is as good as new.
#[tokio::test]
async fn t17_a_kept_answer_lives_for_a_day() {
    let world = TestWorld::start().await;
    let account = world.lapsed(11).await;
    let (key, body) = ("7d1f3c9e", json!({ "force": false }));
    let first = world.as_(&ANA).activate_with_key(&account, body.clone(), key).await;
    first.expect(201);
    for _ in 0..3 {
        assert_eq!(world.as_(&ANA).activate_with_key(&account, body.clone(), key).await.expect(201), &first.body);
    }
    let other = json!({ "also": "business_center" });
    world.as_(&ANA).activate_with_key(&account, other.clone(), key).await.problem("idempotency_mismatch");
    // Somebody else's key of the same text is another key.
    let carlas = world.as_(&CARLA).activate_with_key(&account, other.clone(), key).await;
    assert_ne!(carlas.expect(201)["activation_id"], first.body["activation_id"]);

    let is_kept = |row: &&Value| {
        row["sk"].as_str().is_some_and(|sk| sk.starts_with("IDEMPOTENCY#"))
            && row["pk"].as_str().is_some_and(|pk| pk.ends_with("#USER#ana"))
    };
    let rows = world.rows();
    let kept = rows.iter().find(is_kept).expect("the answer is kept");
    let (pk, sk) = (kept["pk"].as_str().unwrap().to_owned(), kept["sk"].as_str().unwrap().to_owned());
    let lives_for = kept["expires_at"].as_i64().unwrap() - local::clock::now().as_second();
    assert!((86_390..=86_400).contains(&lives_for), "{lives_for}");

    // A day later the row may still be there; another body is then no contradiction.
    world.set_number(&pk, &sk, "expires_at", local::clock::now().as_second());
    let second = world.as_(&ANA).activate_with_key(&account, other, key).await;
    assert_ne!(second.expect(201)["activation_id"], first.body["activation_id"]);
    world.finish().await;
}
