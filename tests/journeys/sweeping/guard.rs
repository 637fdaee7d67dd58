//! The guard: when many verdicts at once are bad, the verdicts are distrusted, and nothing lapses. T87, T88.

use jiff::SignedDuration;

use crate::support::*;

const REVOKED: i64 = 40_105;

impl TestWorld {
    /// What the sweep last said about the guard in its metrics.
    fn guard_holding_metric(&self) -> Value {
        self.measured("GuardHolding").pop().map(|line| line["GuardHolding"].clone()).unwrap_or_default()
    }

    fn lose_the_guard(&self) {
        let row = self.dump().into_iter().find(|row| row["sk"]["S"] == "GUARD");
        self.delete_row(&row.expect("the guard's row"));
    }

    fn canary_of(&self, granted: &Granted) -> Value {
        let grant = self.grant_of(granted.account());
        json!({ "canary": { "org_id": grant["org_id"], "grant_id": grant["grant_id"] } })
    }

    /// As an operator's row is changed: this many grants have lapsed in this hour.
    fn lapsed_this_hour(&self, grants: i64) {
        let hour = local::clock::now().as_second() / 3_600;
        self.set_number("SWEEP", "GUARD", &format!("lapsed#{hour}"), grants);
    }

    fn grants_with(&self, fleet: &[Granted], status: &str) -> usize {
        fleet.iter().filter(|granted| self.status(granted.account()) == status).count()
    }
}

/// A whole fleet is said to be revoked: strikes are written down, the guard holds, and when the lie ends nobody but the
/// bus has heard of it.
#[tokio::test]
async fn t87_a_consistent_lie_is_held_and_forgotten() {
    let world = TestWorld::quick().start().await;
    let fleet = world.fleet(&[1; 60]).await;
    world.sweep().await;
    assert_eq!(world.came_to("connected"), 60);
    world.pass_an_interval();
    world.tiktok().add_fault(Fault::code(REVOKED)).unwrap();

    let first = world.sweep().await;

    assert_eq!(first["guard"], json!({ "holding": false, "answered": 60, "budget": 25 }));
    assert_eq!((world.came_to("struck"), world.struck_grants()), (60, 60));
    assert_eq!(world.guard_holding_metric(), 0);
    for run in 1..=3 {
        world.pass_half_an_hour();
        let answer = world.sweep().await;
        assert_eq!(answer["guard"]["holding"], true, "{answer}");
        assert_eq!(answer["guard"]["reason"], "many_newly_struck");
        assert_eq!((world.came_to("held"), world.came_to("lapsed")), (60 * run, 0));
        assert_eq!((world.how_many("active"), world.all_kinds()), (60, vec!["SweepHeld".to_owned()]));
    }
    assert_eq!(world.guard()["hold"]["reason"], "many_newly_struck");
    assert_eq!(world.guard_holding_metric(), 1);
    world.deliver_events().await;
    assert_eq!(world.local.bus.delivered().len(), 1);

    world.tiktok().clear_faults();
    world.pass_half_an_hour();
    let answer = world.sweep().await;
    assert_eq!(answer["guard"]["holding"], true, "nothing has answered yet when it looks");
    assert_eq!((world.came_to("connected"), world.struck_grants()), (120, 0));
    let answer = world.sweep().await;

    assert_eq!(answer["guard"]["holding"], false, "{answer}");
    assert_eq!((world.guard()["hold"].clone(), world.guard_holding_metric()), (Value::Null, json!(0)));
    assert_eq!(world.grants_with(&fleet, "active"), 60);
    world.deliver_events().await;
    let told: Vec<Value> = world.local.bus.delivered();
    let kinds: Vec<&str> = told.iter().filter_map(|event| event["detail-type"].as_str()).collect();
    assert_eq!(kinds, ["SweepHeld", "SweepReleased"], "and no event of any ad account");
    for (event, version) in told.iter().zip(1..) {
        let mut detail = event["detail"].clone();
        assert!(detail["event_id"].take().as_str().is_some_and(|id| id.starts_with("evt_")));
        assert!(detail["occurred_at"].take().is_string());
        let expected =
            json!({ "event_id": null, "occurred_at": null, "version": version, "reason": "many_newly_struck" });
        assert_eq!((&event["source"], detail), (&json!("creativex.ad-accounts"), expected), "it is nobody's");
    }
    world.finish().await;
}

/// Even where an operator lets the lie through, no more grants lapse than the hour's budget allows, and they come back.
#[tokio::test]
async fn t87_a_lie_that_is_let_through_costs_the_budget_and_is_undone() {
    let (world, fleet) = within_an_hour(async || {
        let world = TestWorld::quick().start().await;
        let fleet = world.fleet(&[1; 40]).await;
        world.sweep().await;
        world.pass_an_interval();
        let answer = world.order(json!({ "guard": "release" })).await;
        assert_eq!(answer["guard"], json!({ "holding": false, "forced": "release", "answered": 40, "budget": 25 }));
        world.tiktok().add_fault(Fault::code(REVOKED)).unwrap();
        world.sweep_twice().await;
        (world, fleet)
    })
    .await;

    assert_eq!((world.how_many("needs_connecting"), world.came_to("held")), (25, 15));
    assert_eq!(world.all_kinds(), vec!["AdAccountLapsed"; 25]);
    world.order(json!({ "guard": "auto" })).await;
    world.tiktok().clear_faults();
    world.pass_an_interval();
    world.sweep().await;

    assert_eq!(world.grants_with(&fleet, "active"), 40);
    assert_eq!(world.struck_grants(), 0);
    let kinds = world.all_kinds();
    assert_eq!(kinds.iter().filter(|kind| *kind == "AdAccountRecovered").count(), 25, "{kinds:?}");
    world.finish().await;
}

/// Fifteen grants are too few for shares to mean anything. The canary knows.
#[tokio::test]
async fn t87_a_canary_that_is_refused_holds() {
    let world = TestWorld::quick().start().await;
    let fleet = world.fleet(&[1; 15]).await;
    world.sweep().await;
    world.pass_an_interval();
    let named = world.order(world.canary_of(&fleet[14])).await;
    assert_eq!(named["guard"]["holding"], false, "a canary that was just named has time to answer");
    world.tiktok().add_fault(Fault::code(REVOKED)).unwrap();
    assert_eq!(world.sweep().await["guard"]["holding"], false);
    assert!(world.guard()["canary_refused_at"].is_string());
    world.pass_half_an_hour();

    let answer = world.sweep().await;

    assert_eq!((&answer["guard"]["holding"], &answer["guard"]["reason"]), (&json!(true), &json!("canary_refused")));
    assert_eq!((world.came_to("held"), world.how_many("active")), (15, 15));
    world.tiktok().clear_faults();
    world.pass_half_an_hour();
    world.sweep().await;
    assert_eq!(world.sweep().await["guard"]["holding"], false, "it sings again");
    assert_eq!((world.how_many("active"), world.struck_grants()), (15, 0));
    assert_eq!(world.all_kinds(), ["SweepHeld", "SweepReleased"]);
    // Nobody asks it for a while: who is silent is not trusted either.
    world.pass(SignedDuration::from_mins(11));
    assert_eq!(world.run().await["guard"]["reason"], "canary_silent");
    world.finish().await;
}

/// Three grants hear that our own app is at fault: that holds everything, a real revocation too, which lapses when it is
/// over. What two of them hear holds nothing.
#[tokio::test]
async fn t87_a_code_about_our_app_holds_for_a_while() {
    let world = TestWorld::quick().start().await;
    let fleet = world.fleet(&[1; 15]).await;
    world.sweep().await;
    world.revoke(&fleet[0].token);
    world.pass_an_interval();
    world.sweep().await;
    assert_eq!(world.came_to("struck"), 1);
    world.pass(SignedDuration::from_mins(10));
    for (place, holds) in [(1, false), (2, false), (3, true)] {
        world.tiktok().add_fault(Fault::code(40_113).for_person(fleet[place].login).times(1)).unwrap();
        world.due_now(fleet[place].account());
        world.sweep().await;
        assert_eq!(world.guard()["app_level_at"].is_string(), holds, "{place}");
    }

    world.pass(SignedDuration::from_mins(26));
    let answer = world.sweep().await;

    assert_eq!(answer["guard"]["reason"], "app_level_code", "{answer}");
    assert_eq!((world.came_to("held"), world.how_many("active")), (1, 15));
    world.pass_half_an_hour();
    assert_eq!(world.sweep().await["guard"]["holding"], false);
    assert_eq!(world.status(fleet[0].account()), "needs_connecting");
    assert_eq!(world.all_kinds(), ["AdAccountLapsed", "SweepHeld", "SweepReleased"]);
    world.finish().await;
}

/// Nine tenths of the ad accounts are gone, and it is one person who has taken back one authorization.
#[tokio::test]
async fn t88_a_large_grant_is_one_grant() {
    const ACCOUNTS: usize = 300;
    let world = TestWorld::quick().start().await;
    let mut sizes = vec![1; 30];
    sizes.push(ACCOUNTS);
    let fleet = world.fleet(&sizes).await;
    world.sweep().await;
    world.revoke(&fleet[30].token);
    world.pass_an_interval();
    assert_eq!(world.sweep().await["guard"]["holding"], false);
    world.pass_half_an_hour();

    assert_eq!(world.sweep().await["guard"]["holding"], false, "two runs");

    assert_eq!((world.how_many("needs_connecting"), world.grants_with(&fleet[..30], "active")), (ACCOUNTS, 30));
    assert_eq!((world.came_to("struck"), world.came_to("lapsed"), world.lapses_counted()), (1, 1, 1));
    let mut lapsed: Vec<String> =
        world.outbox().iter().map(|event| event["advertiser_id"].as_str().unwrap().to_owned()).collect();
    lapsed.sort();
    let theirs: Vec<&str> = fleet[30].accounts.iter().map(|account| account.id.as_str()).collect();
    assert_eq!(lapsed, theirs, "one event each");
    assert_eq!(world.run().await["guard"]["holding"], false);
    world.finish().await;
}

/// No guard, no lapse: its row is lost between the review and the check, and later cannot be read at all.
#[tokio::test]
async fn a_guard_that_cannot_be_read_holds() {
    let world = TestWorld::quick().start().await;
    let fleet = world.fleet(&[1; 3]).await;
    world.revoke(&fleet[0].token);
    world.sweep().await;
    world.pass_half_an_hour();
    world.run().await;
    world.lose_the_guard();
    world.checks().await;
    assert_eq!((world.came_to("held"), world.how_many("active")), (1, 3));

    world.run().await;
    world.set_text("SWEEP", "GUARD", "budget", "plenty");
    world.pass_half_an_hour();
    let blind = world.sweep().await;
    assert_eq!((&blind["guard"]["holding"], &blind["guard"]["reason"]), (&json!(true), &json!("unreadable")));
    assert_eq!((world.came_to("held"), world.how_many("active")), (2, 3));
    assert_eq!(world.guard_holding_metric(), 1, "and there is an alarm");

    world.lose_the_guard();
    world.pass_half_an_hour();
    world.sweep().await;
    assert_eq!((world.came_to("lapsed"), world.all_kinds()), (1, vec!["AdAccountLapsed".to_owned()]));
    world.finish().await;
}

#[tokio::test]
async fn what_the_budget_of_this_hour_does_not_allow_lapses_in_the_next() {
    let (world, _) = within_an_hour(async || {
        let world = TestWorld::quick().start().await;
        let fleet = world.fleet(&[1; 6]).await;
        for granted in &fleet[..2] {
            world.revoke(&granted.token);
        }
        world.sweep().await;
        world.pass_half_an_hour();
        world.run().await;
        world.lapsed_this_hour(24);
        world.checks().await;
        (world, fleet)
    })
    .await;

    assert_eq!((world.came_to("lapsed"), world.came_to("held"), world.how_many("active")), (1, 1, 5));
    world.pass(SignedDuration::from_hours(1));
    world.sweep().await;
    assert_eq!((world.came_to("lapsed"), world.how_many("active")), (2, 4));
    assert_eq!(world.all_kinds(), ["AdAccountLapsed", "AdAccountLapsed"]);
    world.finish().await;
}

#[tokio::test]
async fn an_operator_holds_releases_and_leaves_it_to_the_guard() {
    let world = TestWorld::quick().start().await;
    let fleet = world.fleet(&[1; 4]).await;
    world.revoke(&fleet[0].token);
    let held = world.order(json!({ "guard": "hold" })).await;
    assert_eq!((&held["guard"]["reason"], &held["guard"]["forced"]), (&json!("operator"), &json!("hold")));
    world.sweep_twice().await;
    assert_eq!((world.came_to("held"), world.how_many("active")), (1, 4));

    let auto = world.order(json!({ "guard": "auto" })).await;

    assert_eq!(
        (&auto["guard"]["holding"], &auto["guard"]["forced"]),
        (&json!(false), &Value::Null),
        "no doubt is left"
    );
    world.pass_half_an_hour();
    world.sweep().await;
    assert_eq!(world.how_many("active"), 3);

    // A canary that is long silent holds; the operator knows better.
    world.order(world.canary_of(&fleet[3])).await;
    world.pass_half_an_hour();
    assert_eq!(world.run().await["guard"]["reason"], "canary_silent");
    let released = world.order(json!({ "guard": "release" })).await;
    assert_eq!((&released["guard"]["holding"], &released["guard"]["forced"]), (&json!(false), &json!("release")));
    world.deliver_events().await;
    let reasons: Vec<(Value, Value)> = world
        .local
        .bus
        .delivered()
        .iter()
        .filter(|event| event["detail-type"] != "AdAccountLapsed")
        .map(|event| (event["detail-type"].clone(), event["detail"]["reason"].clone()))
        .collect();
    let expected = [
        ("SweepHeld", "operator"),
        ("SweepReleased", "operator"),
        ("SweepHeld", "canary_silent"),
        ("SweepReleased", "canary_silent"),
    ];
    assert_eq!(reasons, expected.map(|(kind, reason)| (json!(kind), json!(reason))));
    world.finish().await;
}
