//! A sweep that does not get through, two that meet, and what a large fleet is spread over. T93, T95.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use local::aws::faults::Fault as Failure;
use shared::store::keys::{self, DUE_SHARDS};

use crate::support::proxy::{Break, Mode};
use crate::support::*;

const FLEET: usize = 200;

fn tick(world: &TestWorld) -> impl Future<Output = Result<Value, local::lambda::functions::InvokeError>> {
    world.local.tick("lapse-sweep", local::clock::now())
}

/// A minute later: the lease of a run that is no more is over. What it has sent stays written down.
fn let_the_lease_run_out(world: &TestWorld) {
    if world.row("SWEEP", "PROGRESS").is_some_and(|row| row["leased_until"].is_number()) {
        world.set_number("SWEEP", "PROGRESS", "leased_until", local::clock::now().as_second());
    }
}

/// T95: whatever kills the sweep, and however often, the next one goes on where it was.
#[tokio::test]
async fn t95_a_sweep_that_is_killed_at_every_page_checks_every_grant_once() {
    let world = TestWorld::quick().start().await;
    let fleet = world.fleet(&[1; FLEET]).await;
    world.pass(SignedDuration::from_secs(3));
    let mut kills = 0;
    for nth in (1..).step_by(5) {
        world.dynamodb.heal();
        let mode = if nth % 4 == 1 { Mode::KillBefore("lapse-sweep") } else { Mode::KillAfter("lapse-sweep") };
        world.dynamodb.strike(Break::nth_of_all(nth), mode);
        let answer = tick(&world).await;
        let_the_lease_run_out(&world);
        if answer.is_ok() {
            break;
        }
        kills += 1;
    }
    world.dynamodb.heal();
    assert!(kills >= 12, "killed {kills} times before it came to its end");
    let sent = world.local.sqs.checks.sent();
    let different: BTreeSet<String> = sent
        .iter()
        .map(|body| serde_json::from_str::<Value>(body).unwrap()["grant_id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(different.len(), FLEET, "every grant is queued");

    let drained = world.checks().await;

    assert_eq!((drained.failures, drained.errors), (0, 0));
    let asked = world.tiktok().calls("/oauth2/advertiser/get/");
    let checked = usize::try_from(world.came_to("checked")).unwrap();
    assert_eq!(world.came_to("connected"), i64::try_from(FLEET).unwrap());
    assert!((FLEET..=FLEET + FLEET / 20).contains(&checked), "{checked} checks");
    // Two copies that are worked on at the same moment both ask; what they find is written down once.
    assert!(usize::try_from(asked).unwrap() <= FLEET + FLEET / 5, "TikTok was asked {asked} times");
    for granted in &fleet {
        assert_eq!(world.grant_of(granted.account())["check"]["checks"], 1);
    }
    assert_eq!(world.sweep().await["grants"], 0, "nobody is due any more");
    no_partition_is_hot(&world);
    world.finish().await;
}

/// T93: grants lie evenly in the partitions of the index, and no read or write of a sweep is of more than one.
fn no_partition_is_hot(world: &TestWorld) {
    let mut sizes: BTreeMap<String, usize> = BTreeMap::new();
    for grant in world.rows().iter().filter(|row| row["sk"].as_str().is_some_and(|sk| sk.starts_with("GRANT#"))) {
        *sizes.entry(grant["due_pk"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    let largest = sizes.values().max().unwrap();
    assert!(sizes.len() > 50 && *largest <= FLEET / 14, "{sizes:?}");
}

#[test]
fn t93_grants_are_spread_over_all_partitions() {
    const GRANTS: usize = 20_000;
    let mut sizes: BTreeMap<String, usize> = BTreeMap::new();
    for number in 0..GRANTS {
        // As they come one after the other, which a bad hash would not take apart.
        let id = format!("grt_{number:022}").parse().unwrap();
        *sizes.entry(keys::due_shard(&id)).or_default() += 1;
    }
    assert_eq!(sizes.len(), usize::from(DUE_SHARDS));
    let (least, most) = (sizes.values().min().unwrap(), sizes.values().max().unwrap());
    assert!(*least * 100 > GRANTS && *most * 1_000 < GRANTS * 22, "{least} to {most} of {GRANTS}");
}

/// T95: while one run lives the next one leaves the grants to it, and after 58 seconds it does not.
#[tokio::test]
async fn t95_a_second_run_waits_for_the_first_and_then_takes_over() {
    let world = TestWorld::quick().start().await;
    world.fleet(&[1; 5]).await;
    world.pass(SignedDuration::from_secs(3));
    world.local.sqs.faults.always(Failure::Hang);
    let sqs_calls = world.local.sqs.faults.calls();
    let begun = local::clock::now().as_second();
    let first = tick(&world);
    let second = async {
        until("it sends", || world.local.sqs.faults.calls() > sqs_calls).await;
        let leased_until = world.row("SWEEP", "PROGRESS").unwrap()["leased_until"].as_i64().unwrap();
        let leased_at = leased_until - 58;
        assert!((begun..=local::clock::now().as_second()).contains(&leased_at), "{begun} {leased_until}");
        // So that this is the same second wherever the test runs.
        world.set_number("SWEEP", "PROGRESS", "leased_until", local::clock::now().as_second() + 3_600);
        let second = tick(&world).await.unwrap();
        assert_eq!((&second["swept"], &second["grants"]), (&json!(false), &json!(0)), "{second}");
        world.local.functions.kill("lapse-sweep").await.unwrap();
    };
    let (first, ()) = tokio::join!(first, second);
    assert!(first.is_err(), "it died over its work");
    assert_eq!(tick(&world).await.unwrap()["swept"], false, "nobody knows that it is dead");

    world.local.sqs.faults.clear();
    let_the_lease_run_out(&world);
    let third = tick(&world).await.unwrap();

    assert_eq!((&third["swept"], &third["completed"]), (&json!(true), &json!(true)), "{third}");
    world.checks().await;
    assert_eq!((world.came_to("checked"), world.came_to("connected")), (5, 5));
    world.finish().await;
}

/// A message that SQS lost, or that nobody could work on, is sent again: what is due is found until somebody has checked it.
#[tokio::test]
async fn what_was_sent_and_never_checked_is_sent_again() {
    let world = TestWorld::quick().start().await;
    world.fleet(&[1; 3]).await;
    world.pass(SignedDuration::from_secs(3));
    assert_eq!(tick(&world).await.unwrap()["grants"], 3);
    world.local.sqs.checks.purge();
    assert_eq!(tick(&world).await.unwrap()["grants"], 0, "they are on their way, as far as it knows");
    // Half an hour and more.
    let long_ago = (local::clock::now() - SignedDuration::from_mins(31)).to_string();
    world.set_text("SWEEP", "PROGRESS", "marked_since", &long_ago);

    assert_eq!(tick(&world).await.unwrap()["grants"], 3);

    world.checks().await;
    assert_eq!((world.came_to("checked"), world.came_to("connected")), (3, 3));
    world.finish().await;
}
