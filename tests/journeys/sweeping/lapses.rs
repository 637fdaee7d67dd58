//! What the sweep finds, and what it makes of it.

use jiff::SignedDuration;
use tiktok_stand_in::{AccountStatus, BcRole, Membership, Owner};

use crate::support::*;

fn shops(numbers: std::ops::Range<u32>) -> Vec<Account> {
    numbers.map(Account::new).collect()
}

#[tokio::test]
async fn a_revoked_grant_turns_up_with_its_cause_and_evidence() {
    let world = TestWorld::start().await;
    let (one, two, healthy) = (Account::new(11), Account::new(12), Account::new(13));
    let token = world.all_active(&[&one, &two]).await;
    let carlos = Account { login: "carlos", ..healthy };
    world.all_active(&[&carlos]).await;
    world.sweep().await;
    assert_eq!(world.came_to("connected"), 2, "two grants, three accounts");
    world.revoke(&token);
    world.pass_an_interval();

    let first = world.sweep().await;

    assert_eq!((&first["grants"], &first["guard"]["holding"]), (&json!(2), &json!(false)));
    assert_eq!((world.came_to("struck"), world.status(&one)), (1, "active".to_owned()), "once is not enough");
    assert_eq!(world.outbox().len(), 0, "and nobody hears of it");
    world.pass_half_an_hour();
    world.sweep().await;

    for account in [&one, &two] {
        let details = world.as_(&ANA).details(account).await;
        let body = details.expect(200);
        assert_eq!((&body["status"], &body["cause"]), (&json!("needs_connecting"), &json!("authorization_revoked")));
        let alive = body["findings"].as_array().unwrap().iter().find(|one| one["check"] == "authorization_alive");
        let evidence = alive.unwrap()["evidence"].as_array().unwrap();
        let said: Vec<_> = evidence.iter().map(|one| (one["endpoint"].as_str().unwrap(), &one["code"])).collect();
        assert_eq!(said, [("/oauth2/advertiser/get/", &json!(40105)), ("/bc/get/", &json!(40105))]);
        assert_eq!(world.kinds_of(account), ["AdAccountLapsed"]);
    }
    assert_eq!(world.status(&carlos), "active");
    world.deliver_events().await;
    assert_eq!(world.local.bus.of_type("AdAccountLapsed").len(), 2, "one event each");
    world.finish().await;
}

/// What a check costs: three calls of DynamoDB for a grant, however many ad accounts, and six of TikTok's.
#[tokio::test]
async fn a_healthy_check_is_three_calls_and_proves_the_grant() {
    let world = TestWorld::start().await;
    let accounts = shops(11..41);
    world.all_active(&accounts.iter().collect::<Vec<_>>()).await;
    // The first one learns where the ad accounts are, and writes that down.
    world.sweep().await;
    world.pass_an_interval();
    world.run().await;
    let asked = world.tiktok().log().len();
    world.dynamodb.forget();

    let drained = world.checks().await;

    assert_eq!((drained.deliveries, drained.failures), (1, 0));
    let mut calls = world.dynamodb.calls();
    calls.sort();
    assert_eq!(calls, ["BatchGetItem", "Query", "TransactWriteItems"]);
    assert_eq!(world.tiktok().log().len() - asked, 6, "one grant, one Business Center, up to 50 accounts");
    let details = world.as_(&ANA).details(&accounts[0]).await;
    assert!(details.expect(200)["last_proven_at"].is_string());
    assert_eq!(details.body["grant"]["authorized_by"], "Ana Moreau", "imported grants get a name");
    assert_eq!(world.outbox().len(), 0);
    // And it is not due again before its time.
    assert_eq!(world.sweep().await["grants"], 0);
    world.finish().await;
}

/// T90: three copies of every message, late and out of order, and the schedule twice at the same moment.
#[tokio::test]
async fn t90_copies_and_double_runs_are_one_strike() {
    let world = TestWorld::start().await;
    let account = Account::new(11);
    let token = world.all_active(&[&account]).await;
    world.revoke(&token);
    world.local.sqs.checks.copies(3);
    world.local.sqs.checks.newest_first(true);
    world.pass(SignedDuration::from_secs(3));
    let at = local::clock::now();
    let (one, two) = futures::join!(world.local.tick("lapse-sweep", at), world.local.tick("lapse-sweep", at));
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(one["run"], two["run"]);
    let grants = one["grants"].as_u64().unwrap() + two["grants"].as_u64().unwrap();
    assert!(grants <= 2, "{one} {two}");
    let held_back = world.local.sqs.checks.bodies();

    world.checks().await;
    // The same messages once more, long after they were worked on.
    world.pass_half_an_hour();
    for body in held_back {
        world.local.sqs.checks.send(&body, std::time::Duration::ZERO);
    }
    world.checks().await;

    assert_eq!((world.came_to("checked"), world.came_to("struck")), (1, 1));
    assert_eq!(world.status(&account), "active");
    world.finish().await;
}

#[tokio::test]
async fn one_account_out_of_reach_lapses_alone_and_puts_its_siblings_at_risk() {
    let world = TestWorld::start().await;
    let accounts = shops(11..14);
    world.all_active(&accounts.iter().collect::<Vec<_>>()).await;
    world.tiktok().world().move_account(&accounts[0].id, Owner::business_center(RETAIL)).unwrap();

    world.sweep_twice().await;

    assert_eq!(world.status(&accounts[0]), "needs_connecting");
    let cause = world.as_(&ANA).details(&accounts[0]).await.expect(200)["cause"].clone();
    assert_eq!(cause, "ad_account_moved");
    for sibling in &accounts[1..] {
        assert_eq!(world.status(sibling), "active");
        let details = world.as_(&ANA).details(sibling).await;
        assert_eq!(details.expect(200)["at_risk"], json!(["sibling_lapsed"]));
        assert_eq!(world.kinds_of(sibling), ["AdAccountAtRisk"]);
    }

    // Somebody moves it back: it heals by itself, with its gap, and nobody is at risk any more.
    world.tiktok().world().move_account(&accounts[0].id, Owner::business_center(MEDIA)).unwrap();
    world.pass_an_interval();
    world.sweep().await;
    assert_eq!(world.kinds_of(&accounts[0]).last().unwrap(), "AdAccountRecovered");
    assert!(world.events_of(&accounts[0]).last().unwrap()["gap"]["from"].is_string());
    assert_eq!(world.as_(&ANA).details(&accounts[1]).await.expect(200)["at_risk"], json!([]));
    world.finish().await;
}

#[tokio::test]
async fn who_is_no_admin_any_more_is_a_risk_first_and_a_lapse_then() {
    let world = TestWorld::start().await;
    let account = world.active(11).await;
    world.sweep().await;
    world.tiktok().world().set_membership(MEDIA, Membership::joined("ana", BcRole::Standard)).unwrap();
    world.pass_an_interval();

    world.sweep().await;

    let details = world.as_(&ANA).details(&account).await;
    assert_eq!(
        (&details.expect(200)["status"], &details.body["at_risk"]),
        (&json!("active"), &json!(["connector_no_longer_admin"]))
    );
    world.pass_half_an_hour();
    world.sweep().await;
    let details = world.as_(&ANA).details(&account).await;
    assert_eq!(details.expect(200)["cause"], "not_business_center_admin");
    let remedy = details.body["causes"][0]["remedy"].as_str().unwrap();
    assert!(remedy.contains("Carlos Vega"), "the sweep has seen who else is Admin: {remedy}");
    assert_eq!(world.kinds_of(&account), ["AdAccountAtRisk", "AdAccountLapsed"]);
    world.finish().await;
}

#[tokio::test]
async fn warnings_come_and_go_without_a_lapse() {
    let world = TestWorld::start().await;
    let account = Account { center: RETAIL, ..Account::new(11) };
    world.all_active(&[&account]).await;
    world.tiktok().world().remove_member(RETAIL, "carlos").unwrap();
    world.tiktok().world().set_account_status(&account.id, AccountStatus::Limit).unwrap();

    world.sweep_twice().await;

    let details = world.as_(&ANA).details(&account).await;
    assert_eq!(details.expect(200)["status"], "active");
    assert_eq!(details.body["at_risk"], json!(["single_admin_left", "ad_account_not_usable"]));
    assert_eq!(world.kinds_of(&account), ["AdAccountAtRisk"], "told once");
    world.tiktok().world().set_membership(RETAIL, Membership::joined("carlos", BcRole::Admin)).unwrap();
    world.tiktok().world().set_account_status(&account.id, AccountStatus::Enable).unwrap();
    world.pass_an_interval();
    world.sweep().await;
    assert_eq!(world.as_(&ANA).details(&account).await.expect(200)["at_risk"], json!([]));
    world.finish().await;
}

/// An older verdict never beats a newer activation.
#[tokio::test]
async fn a_new_consent_between_two_strikes_wins() {
    let world = TestWorld::start().await;
    let account = Account::new(11);
    let token = world.all_active(&[&account]).await;
    world.revoke(&token);
    world.sweep().await;
    // A check is under way when the person renews the connection: its message carries the old grant.
    world.pass_half_an_hour();
    world.run().await;
    let ticket = world.ticket_for(&account, &ANA, json!({ "force": true }), Consent::by("carlos")).await;
    assert_eq!(world.as_(&ANA).complete(&ticket).await.expect(200)["outcome"], "reconnected");

    world.checks().await;
    world.pass(SignedDuration::from_hours(8));
    world.sweep().await;

    assert_eq!(world.status(&account), "active");
    assert_eq!(world.kinds_of(&account), ["AdAccountReconnected"]);
    world.finish().await;
}

/// A healthy answer takes a strike back: two strikes with health between them are one and one.
#[tokio::test]
async fn health_between_two_strikes_starts_anew() {
    let world = TestWorld::start().await;
    let account = world.active(11).await;
    let dead = || Fault::code(40_105).on("/oauth2/advertiser/get/");
    for _ in 0..3 {
        world.tiktok().add_fault(dead()).unwrap();
        world.sweep().await;
        world.tiktok().clear_faults();
        world.pass_half_an_hour();
        world.sweep().await;
        world.pass_an_interval();
    }
    assert_eq!((world.came_to("struck"), world.came_to("connected")), (3, 3));
    assert_eq!((world.status(&account), world.outbox().len()), ("active".to_owned(), 0));
    world.finish().await;
}

/// T94: a wrong clock has written when a grant is due. One that is no time is due now; one in years is found by an
/// operator who asks for all.
#[tokio::test]
async fn t94_a_wrong_due_time_loses_no_grant() {
    let world = TestWorld::start().await;
    let account = world.active(11).await;
    let grant = world.grant_of(&account);
    let set_due = |at: &str| {
        let text = |name: &str| grant[name].as_str().unwrap().to_owned();
        let due = format!("{at}#{}#{}", text("org_id"), text("grant_id"));
        world.set_text(&text("pk"), &text("sk"), "due_sk", &due);
    };
    for (at, is_due) in [("0000-00-00", true), ("1970-01-01T00:00:00Z", true), ("2099-01-01T00:00:00Z", false)] {
        set_due(at);
        let before = world.came_to("connected");
        let answer = world.order(json!({ "sweep": "due" })).await;
        assert_eq!(answer["grants"], i32::from(is_due), "{at}");
        if !is_due {
            assert_eq!(world.order(json!({ "sweep": "all" })).await["grants"], 1);
        }
        world.checks().await;
        assert_eq!(world.came_to("connected") - before, 1, "{at}");
        let next = world.grant_of(&account)["due_sk"].as_str().unwrap().split('#').next().unwrap().to_owned();
        let wait = next.parse::<jiff::Timestamp>().unwrap().duration_since(local::clock::now());
        assert!(wait > SignedDuration::ZERO && wait < SignedDuration::from_hours(7), "{at}: {next}");
        // Marks of what was sent lie behind a time that was far ahead.
        world.pass(SignedDuration::from_secs(1));
    }
    world.finish().await;
}
