//! An operator's order to revoke every token that was granted before a time, as after a leak.

use jiff::SignedDuration;
use local::lambda::functions::InvokeError;
use tiktok_stand_in::Switches;
use tiktok_stand_in::switches::Reauthorization;

use crate::support::people::BOREALIS;
use crate::support::*;

const REVOKE: &str = "/oauth2/revoke_token/";
const ALIVE: &str = "/oauth2/advertiser/get/";

fn lapsed<'a>(fleet: &'a [Granted], world: &TestWorld) -> Vec<&'a str> {
    let accounts = fleet.iter().flat_map(|granted| &granted.accounts);
    accounts.filter(|account| world.status(account) == "needs_connecting").map(|account| account.id.as_str()).collect()
}

/// Consents again: all ad accounts of the grant are left ticked.
fn again(granted: &Granted) -> Consent {
    Consent::by(granted.login).in_business_center(granted.account().center)
}

/// More lapse at once than the guard's budget has, while it holds, and it counts none of it.
#[tokio::test]
async fn every_token_is_revoked_and_every_account_says_so() {
    let world = TestWorld::quick().start().await;
    let mut sizes = vec![1; 30];
    sizes.push(45);
    let fleet = world.fleet(&sizes).await;
    world.sweep().await;
    let sealed: Vec<Value> = fleet.iter().map(|one| world.grant_of(one.account())["sealed_token"].clone()).collect();
    world.order(json!({ "guard": "hold" })).await;
    let order = world.revocation();

    let answer = world.order(order.clone()).await;

    assert_eq!((&answer["grants"], &answer["completed"]), (&json!(31), &json!(true)));
    assert_eq!(answer["guard"]["revoke_before"], order["revoke"]["granted_before"]);
    assert_eq!((&answer["guard"]["holding"], world.tiktok().calls(REVOKE)), (&json!(true), 0), "it only queues");
    assert_eq!(world.checks().await.failures, 0);

    assert_eq!(lapsed(&fleet, &world).len(), 75);
    assert!(fleet.iter().all(|granted| world.is_dead(&granted.token)));
    assert_eq!((world.came_to("revoked"), world.came_to("lapsed"), world.came_to("held")), (31, 31, 0));
    assert_eq!((world.lapses_counted(), world.struck_grants(), world.tallied("newly")), (0, 0, 0));
    let mut kinds = vec!["AdAccountLapsed"; 75];
    kinds.push("SweepHeld");
    assert_eq!(world.all_kinds(), kinds, "the hold is the operator's own");
    for (granted, sealed) in fleet.iter().zip(sealed) {
        assert_eq!(
            world.grant_of(granted.account())["sealed_token"],
            sealed,
            "what may have to be revoked again stays"
        );
    }
    let details = world.as_(&ANA).details(&fleet[30].accounts[44]).await;
    assert_eq!(details.expect(200)["cause"], "authorization_revoked");
    assert!(details.body["gap"]["from"].is_string(), "{details:?}");
    let alive = details.body["findings"].as_array().unwrap().iter().find(|one| one["check"] == "authorization_alive");
    let evidence = alive.unwrap()["evidence"].as_array().unwrap();
    let said: Vec<_> = evidence.iter().map(|one| (one["endpoint"].as_str().unwrap(), &one["code"])).collect();
    assert_eq!(said, [(ALIVE, &json!(40105)), ("/bc/get/", &json!(40105))]);

    // The same order once more changes nothing, and neither does the regular round. A new consent is as good as ever.
    world.order(order).await;
    world.checks().await;
    world.pass_an_interval();
    world.sweep().await;
    assert_eq!(world.all_kinds(), kinds);
    assert_eq!((world.came_to("revoked"), world.came_to("lapsed")), (93, 31));
    let receipt = world.reconnect(fleet[0].account(), &ANA, again(&fleet[0])).await;
    assert_eq!(receipt.expect(200)["outcome"], "reconnected");
    world.pass_an_interval();
    world.sweep().await;
    assert_eq!(world.status(fleet[0].account()), "active");
    world.deliver_events().await;
    world.the_bus_has_all();
    world.finish().await;
}

/// What it costs: who else holds the string is one query, the accounts are read to be moved, TikTok is asked three times.
#[tokio::test]
async fn a_revocation_is_five_calls_here_and_three_at_tiktok() {
    let world = TestWorld::quick().start().await;
    world.fleet(&[3]).await;
    world.sweep().await;
    world.order(world.revocation()).await;
    world.dynamodb.forget();
    world.tiktok().clear_log();

    world.checks().await;

    let calls = world.dynamodb.calls();
    assert_eq!(calls, ["BatchGetItem", "Query", "Query", "BatchGetItem", "TransactWriteItems"]);
    let asked: Vec<String> = world.tiktok().log().into_iter().map(|call| call.endpoint).collect();
    assert_eq!(asked, [REVOKE, ALIVE, "/bc/get/"]);
    world.finish().await;
}

#[tokio::test]
async fn whoever_does_not_say_which_table_and_until_when_revokes_nothing() {
    let world = TestWorld::quick().start().await;
    world.fleet(&[1, 1]).await;
    world.sweep().await;
    let before = world.dump();
    let past = "2026-01-01T00:00:00Z";
    for (order, kind, says) in [
        (json!("all"), "EventInvalid", "the name of the table"),
        (json!({ "granted_before": past }), "EventInvalid", "the name of the table"),
        (json!({ "granted_before": past, "table": "reconnect-2" }), "OrderRefused", "not the name of this table"),
        (json!({ "granted_before": "2999-01-01T00:00:00Z", "table": "reconnect" }), "OrderRefused", "has not come yet"),
    ] {
        let refused = world.local.functions.invoke("lapse-sweep", json!({ "revoke": order })).await.unwrap_err();
        let InvokeError::Failed { error, .. } = &refused else { panic!("{refused}") };
        assert_eq!(error.error_type, kind, "{order}");
        assert!(error.error_message.contains(says), "{order}: {}", error.error_message);
    }
    assert_eq!((world.dump(), world.local.sqs.checks.is_empty()), (before, true));

    // One that leaves out everybody is carried out, and revokes nobody.
    world.order(json!({ "revoke": { "granted_before": past, "table": "reconnect" } })).await;
    world.checks().await;
    assert_eq!((world.how_many("active"), world.came_to("connected"), world.tiktok().calls(REVOKE)), (2, 4, 0));
    world.finish().await;
}

/// Somebody consents when the order is given and not carried out yet: that token is another one, and lives.
#[tokio::test]
async fn a_consent_after_the_order_is_not_meant() {
    let switches = Switches { reauthorization: Reauthorization::NewToken, ..Switches::default() };
    let world = TestWorld::quick().switches(switches).start().await;
    let fleet = world.fleet(&[1, 2]).await;
    world.sweep().await;
    world.order(world.revocation()).await;
    for granted in &fleet {
        let receipt = world.reconnect(granted.account(), &ANA, again(granted)).await;
        assert_eq!(receipt.expect(200)["outcome"], "reconnected");
    }

    world.checks().await;
    for _ in 0..2 {
        world.pass_an_interval();
        world.sweep().await;
    }

    assert!(fleet.iter().all(|granted| world.is_dead(&granted.token)), "with its last account, or by the order");
    assert_eq!(lapsed(&fleet, &world), [fleet[1].accounts[1].id.as_str()], "it stayed with the old grant");
    for granted in &fleet {
        let checked = world.as_(&ANA).validate(granted.account()).await;
        assert_eq!(checked.expect(200)["verdict"], "connected");
        assert_eq!(world.kinds_of(granted.account()), ["AdAccountReconnected"]);
    }
    world.finish().await;
}

/// TikTok gives that person the same token again. It is left alone, and told; an order for a later time means it.
#[tokio::test]
async fn a_token_that_is_a_newer_consents_too_is_left_to_a_later_order() {
    let world = TestWorld::quick().start().await;
    let fleet = world.fleet(&[2]).await;
    world.sweep().await;
    world.order(world.revocation()).await;
    world.reconnect(fleet[0].account(), &ANA, again(&fleet[0])).await.expect(200);
    let [one, other] = &fleet[0].accounts[..] else { panic!("two accounts") };
    let same = |what: &str| (world.grant_of(one)[what].clone(), world.grant_of(other)[what].clone());
    let ((new, old), (first, second)) = (same("grant_id"), same("token_fingerprint"));
    assert!(new != old && first == second, "two grants, one string");

    world.checks().await;

    assert_eq!((world.came_to("not_revoked"), world.tiktok().calls(REVOKE)), (1, 0));
    assert_eq!((world.how_many("active"), world.came_to("connected")), (2, 2));
    world.pass_half_an_hour();
    assert_eq!(world.sweep().await["grants"], 0, "it is not tried again before its time");

    world.order(world.revocation()).await;
    world.checks().await;
    assert!(world.is_dead(&fleet[0].token));
    assert_eq!((world.how_many("needs_connecting"), world.came_to("revoked"), world.tiktok().calls(REVOKE)), (2, 2, 2));
    assert_eq!(world.reconnect(one, &ANA, again(&fleet[0])).await.expect(200)["outcome"], "reconnected");
    world.finish().await;
}

/// Two organisations hold the same string since before the order: it dies once, and both know.
#[tokio::test]
async fn a_token_of_two_grants_dies_once_for_both() {
    let world = TestWorld::quick().start().await;
    let (ours, theirs) = (Account::new(11), Account { org_id: BOREALIS, ..Account::new(12) });
    for account in [&ours, &theirs] {
        world.at_tiktok(account);
    }
    let token = world.authorize("ana", &[&ours, &theirs]);
    for account in [&ours, &theirs] {
        world.import(&[account], Some(&token)).await;
    }
    world.sweep().await;
    world.order(world.revocation()).await;
    world.checks().await;

    assert!(world.is_dead(&token));
    for account in [&ours, &theirs] {
        assert_eq!((world.status(account).as_str(), world.kinds_of(account).len()), ("needs_connecting", 1));
    }
    assert_eq!((world.came_to("revoked"), world.came_to("lapsed")), (2, 2));
    world.finish().await;
}

/// Nothing is lost with an outage: as long as TikTok has not said so, the token is not taken for dead and accounts stay
/// as they are. The order stands.
#[tokio::test]
async fn an_outage_puts_it_off_and_loses_nothing() {
    let world = TestWorld::quick().start().await;
    let fleet = world.fleet(&[2, 1]).await;
    world.sweep().await;
    world.tiktok().add_fault(Fault::code(50_000)).unwrap();
    world.order(world.revocation()).await;
    for round in 1..=3 {
        world.checks().await;
        assert_eq!((world.how_many("active"), world.came_to("not_revoked")), (3, 2 * round), "{round}");
        assert!(fleet.iter().all(|granted| !world.grant_of(granted.account())["sealed_token"].is_null()));
        world.pass(SignedDuration::from_mins(80));
        world.run().await;
    }
    world.tiktok().clear_faults();

    world.checks().await;

    assert_eq!((world.how_many("needs_connecting"), world.came_to("revoked")), (3, 2));
    assert!(fleet.iter().all(|granted| world.is_dead(&granted.token)));
    world.finish().await;
}

/// The endpoint alone is out of order, refuses, wants a pause, or does its work and loses the answer.
#[tokio::test]
async fn what_tiktok_does_not_confirm_is_tried_again() {
    let world = TestWorld::quick().start().await;
    let fleet = world.fleet(&[1]).await;
    world.sweep().await;
    let order = world.revocation();
    let before = world.moment();
    let cases: [(Fault, &[&str]); 4] = [
        // Checked as ever meanwhile, and tried again within the hour.
        (Fault::code(50_000), &["connected", "not_revoked"]),
        (Fault::code(40_001), &["connected", "not_revoked"]),
        // Everybody pauses.
        (Fault::code(40_100), &[]),
        // Dead without a word: a strike like any other.
        (Fault::new(FaultKind::Reset).after_processing(), &["struck", "not_revoked"]),
    ];
    for (fault, outcomes) in cases {
        world.back_to(&before).await;
        let seen: Vec<i64> = outcomes.iter().map(|outcome| world.came_to(outcome)).collect();
        world.tiktok().add_fault(fault.on(REVOKE).times(1)).unwrap();
        world.order(order.clone()).await;
        world.checks().await;
        for (outcome, before) in outcomes.iter().zip(seen) {
            assert_eq!(world.came_to(outcome), before + 1, "{outcome}");
        }
        assert_eq!(world.status(fleet[0].account()), "active", "{outcomes:?}");
        assert_eq!(world.row("SWEEP", "BACKOFF").is_some(), outcomes.is_empty(), "{outcomes:?}");

        world.pass_half_an_hour();
        assert_eq!(world.sweep().await["grants"], 1, "{outcomes:?}");
        assert_eq!(world.status(fleet[0].account()), "needs_connecting", "{outcomes:?}");
        assert!(world.is_dead(&fleet[0].token));
        assert_eq!(
            (world.kinds_of(fleet[0].account()), world.lapses_counted()),
            (vec!["AdAccountLapsed".to_owned()], 0)
        );
    }
    world.finish().await;
}

/// A token that does not open, and a pause: TikTok is not told, and whoever waits for the end is.
#[tokio::test]
async fn what_is_put_off_without_a_look_is_told() {
    let world = TestWorld::quick().start().await;
    let fleet = world.fleet(&[1, 1]).await;
    world.sweep().await;
    let grant = world.grant_of(fleet[0].account());
    let (pk, sk) = (grant["pk"].as_str().unwrap(), grant["sk"].as_str().unwrap());
    let row = world.dump().into_iter().find(|row| row["sk"]["S"] == sk).unwrap();
    world.set_text(pk, sk, "sealed_token", "something else");
    world.order(world.revocation()).await;
    world.checks().await;
    assert_eq!((world.counted("TokensNotRevoked"), world.came_to("revoked")), (1, 1));
    assert_eq!((world.how_many("active"), world.is_dead(&fleet[0].token)), (1, false));

    world.put_row(&row);
    world.due_now(fleet[0].account());
    world.tiktok().add_fault(Fault::code(40_100).on(REVOKE).times(1)).unwrap();
    world.sweep().await;
    assert_eq!((world.counted("TokensNotRevoked"), world.tiktok().calls(REVOKE)), (2, 2), "everybody pauses");
    world.due_now(fleet[0].account());
    world.sweep().await;
    assert_eq!((world.counted("TokensNotRevoked"), world.tiktok().calls(REVOKE)), (3, 2), "and it, too");
    world.pass_half_an_hour();
    world.sweep().await;
    assert_eq!((world.how_many("needs_connecting"), world.came_to("revoked")), (2, 2));
    assert!(world.is_dead(&fleet[0].token));
    world.finish().await;
}

#[tokio::test]
async fn an_order_can_be_stopped() {
    let world = TestWorld::quick().start().await;
    world.fleet(&[1, 1]).await;
    world.sweep().await;
    world.order(world.revocation()).await;
    let answer = world.order(json!({ "revoke": "stop" })).await;
    assert_eq!(answer, json!({ "guard": { "holding": false, "answered": 2, "budget": 25 } }));
    world.checks().await;
    assert_eq!((world.how_many("active"), world.came_to("connected"), world.tiktok().calls(REVOKE)), (2, 4, 0));
    world.finish().await;
}

/// The canary's token is one of them. From then on the guard holds what nobody ordered, until another is named.
#[tokio::test]
async fn the_canary_dies_with_the_others() {
    let world = TestWorld::quick().start().await;
    let fleet = world.fleet(&[1, 1, 1]).await;
    world.sweep().await;
    let grant = world.grant_of(fleet[0].account());
    world.order(json!({ "canary": { "org_id": grant["org_id"], "grant_id": grant["grant_id"] } })).await;
    world.order(world.revocation()).await;
    world.checks().await;
    world.sweep().await;
    let answer = world.run().await;
    assert_eq!((&answer["guard"]["holding"], &answer["guard"]["reason"]), (&json!(true), &json!("canary_refused")));
    assert_eq!(world.how_many("needs_connecting"), 3);

    world.reconnect(fleet[0].account(), &ANA, again(&fleet[0])).await.expect(200);
    let grant = world.grant_of(fleet[0].account());
    world.order(json!({ "canary": { "org_id": grant["org_id"], "grant_id": grant["grant_id"] } })).await;
    world.checks().await;
    world.pass(SignedDuration::from_mins(5));
    world.sweep().await;
    world.pass(SignedDuration::from_mins(6));
    assert_eq!(world.run().await["guard"]["holding"], false);
    world.finish().await;
}

/// Without the guard's row there is no order, and nothing lapses either. It goes on when the row can be read again.
#[tokio::test]
async fn an_order_that_cannot_be_read_waits() {
    let world = TestWorld::quick().start().await;
    world.fleet(&[1]).await;
    world.sweep().await;
    world.order(world.revocation()).await;
    let budget = world.guard()["budget"].as_i64().unwrap();
    world.set_text("SWEEP", "GUARD", "budget", "plenty");
    world.checks().await;
    assert_eq!((world.how_many("active"), world.came_to("connected"), world.tiktok().calls(REVOKE)), (1, 2, 0));
    world.set_number("SWEEP", "GUARD", "budget", budget);
    world.pass_an_interval();
    world.sweep().await;
    assert_eq!((world.how_many("needs_connecting"), world.came_to("revoked")), (1, 1));
    world.finish().await;
}
