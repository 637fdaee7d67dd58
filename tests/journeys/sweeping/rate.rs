//! One budget over all checks: T91, and a fifth of it for people, T92.
//!
//! That no second sees more calls than the budget is shown where the pace is made, with a clock that stands still. Here
//! functions are told so little time that a number of calls says the same.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::support::*;

const GRANTS: usize = 60;
const ALL_OF_THEM: i64 = 60;
const LOGINS_OF_THE_FLEET: &str = "fleet-";
const LONGER: SignedDuration = SignedDuration::from_hours(1);

impl TestWorld {
    /// The most calls of the sweep at one endpoint. Those of people are not counted.
    fn calls_of_the_sweep(&self) -> usize {
        let mut calls: BTreeMap<String, usize> = BTreeMap::new();
        for call in self.tiktok().log() {
            if call.login.is_some_and(|login| login.starts_with(LOGINS_OF_THE_FLEET)) {
                *calls.entry(call.endpoint).or_default() += 1;
            }
        }
        calls.into_values().max().unwrap_or_default()
    }

    /// A sweep that TikTok throttles. A pause is made longer as soon as it is there, so that it outlasts what happens in it
    /// on any machine. Gives when it would have ended.
    async fn sweep_in_a_long_pause(&self) -> Timestamp {
        let paused_until = Cell::new(None);
        let prolong = async {
            loop {
                let row = self.row("SWEEP", "BACKOFF");
                let pause = row.map(|row| row["until"].as_str().unwrap().parse::<Timestamp>().unwrap());
                if let Some(until) = pause.filter(|until| *until < local::clock::now() + LONGER / 2) {
                    paused_until.set(Some(until));
                    self.set_text("SWEEP", "BACKOFF", "until", &(until + LONGER).to_string());
                }
                // A look reads the whole table, on the thread that the functions' own reads wait for.
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::select! {
            _ = self.sweep() => {}
            () = prolong => {}
        }
        paused_until.get().expect("there was a pause")
    }
}

/// TikTok was down for hours. When it is back, everybody is due at once, people come to look, and it is no stampede.
///
/// TikTok allows one call a second here. Four fifths of that, shared by two functions, are a call in two and a half seconds
/// for each; in the four that each has for asking, that is one call.
#[tokio::test]
async fn t91_t92_recovery_is_no_stampede_and_people_do_not_wait() {
    const FLEET: usize = 20;
    let world = TestWorld::with().env("RUST_LOG", "info").env("TIKTOK_QPS", "1").start().await;
    let theirs = world.active(11).await;
    world.fleet(&[1; FLEET]).await;
    world.local.functions.set_timeout("check-grant", Duration::from_secs(14)).unwrap();
    let down = world.tiktok().add_fault(Fault::new(FaultKind::Status { status: 503 })).unwrap();
    world.run().await;
    let drained = world.local.drain_queue().await;
    assert_eq!(drained.errors, 0);
    let asked = world.calls_of_the_sweep();
    assert!(asked <= drained.invocations, "TikTok is asked no faster for being down: {asked} calls, {drained:?}");
    world.tiktok().clear_fault(down);
    world.tiktok().clear_log();
    world.pass_an_interval();
    world.run().await;

    let people = async {
        for _ in 0..20 {
            assert_eq!(world.as_(&ANA).validate(&theirs).await.expect(200)["verdict"], "connected", "T92");
        }
    };
    let (drained, ()) = futures::join!(world.local.drain_queue(), people);

    let asked = world.calls_of_the_sweep();
    assert!(asked <= drained.invocations, "T91: a stampede of {asked} calls: {drained:?}");
    assert!(drained.failures > 0, "most of them had no turn in that time: {drained:?}");
    assert_eq!((drained.errors, world.how_many("active")), (0, FLEET + 1));
    // And in the end everybody has their turn.
    world.local.functions.set_env("check-grant", "TIKTOK_QPS", "50").unwrap();
    world.local.functions.set_timeout("check-grant", Duration::from_mins(2)).unwrap();
    world.local.sqs.checks.purge();
    world.pass_an_interval();
    let before = world.came_to("connected");
    world.sweep().await;
    assert_eq!(usize::try_from(world.came_to("connected") - before).unwrap(), FLEET + 1);
    world.finish().await;
}

/// TikTok says "too many": the first who hears it stops everybody, and after the pause everybody has their turn, apart
/// from each other.
#[tokio::test]
async fn t91_throttling_pauses_the_whole_sweep() {
    let world = TestWorld::quick().start().await;
    world.fleet(&[1; GRANTS]).await;
    world.sweep().await;
    world.pass_an_interval();
    world.tiktok().add_fault(Fault::code(40_100)).unwrap();
    let before = world.tiktok().total_calls();
    let begun = local::clock::now();

    let paused_until = world.sweep_in_a_long_pause().await;

    let asked = world.tiktok().total_calls() - before;
    assert!((1..=8).contains(&asked), "{asked} calls: only those that were under way when the first was refused");
    let pause = world.row("SWEEP", "BACKOFF").expect("everybody reads it");
    assert_eq!(pause["level"], 0);
    let paused_at = paused_until - SignedDuration::from_secs(5);
    assert!(begun <= paused_at && paused_at <= local::clock::now(), "{begun} {paused_until}");
    let until: Timestamp = pause["until"].as_str().unwrap().parse().unwrap();
    assert_eq!(until, paused_until + LONGER);

    // An operator who cannot wait is not allowed to hurry either.
    world.order(json!({ "sweep": "all" })).await;
    world.checks().await;
    assert_eq!(world.tiktok().total_calls() - before, asked, "the pause is on");
    let mut due: Vec<String> =
        world.rows().iter().filter_map(|row| row["due_sk"].as_str().map(str::to_owned)).collect();
    due.sort();
    let at = |due: &str| due.split('#').next().unwrap().parse::<Timestamp>().unwrap();
    assert!(due.iter().all(|due| at(due) >= until), "nobody is due before it ends");
    let spread = at(&due[GRANTS - 1]).duration_since(at(&due[0]));
    assert!((2..=5).contains(&spread.as_mins()), "and not all at its end: {spread}");

    // Throttled again soon after: the next pause is longer.
    world.pass(LONGER + SignedDuration::from_mins(6));
    world.sweep().await;
    assert_eq!(world.row("SWEEP", "BACKOFF").unwrap()["level"], 1);
    world.tiktok().clear_faults();
    world.pass(SignedDuration::from_mins(11));
    world.sweep().await;
    assert_eq!((world.came_to("connected"), world.came_to("checked")), (2 * ALL_OF_THEM, 2 * ALL_OF_THEM));
    assert_eq!((world.struck_grants(), world.how_many("active"), world.outbox().len()), (0, GRANTS, 0));
    world.finish().await;
}
