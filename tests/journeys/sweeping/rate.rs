//! One budget over all checks: T91, and a fifth of it for people, T92. Here TikTok allows ten calls a second, and two
//! checks run at a time.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jiff::SignedDuration;

use crate::support::*;

const GRANTS: usize = 60;
const ALL_OF_THEM: i64 = 60;
/// Calls leave at eight a second for each endpoint, and a busy machine lets some arrive late, just before the next. Over
/// this many seconds that evens out; that no single second ever sees more leave is shown where the pace is made.
const SECONDS: i64 = 4;
/// What the sweep may use in that time, and a tenth more.
const MOST: usize = 35;
const LOGINS_OF_THE_FLEET: &str = "fleet-";

impl TestWorld {
    /// The most calls of the sweep that arrived within [`SECONDS`], at the busiest endpoint. Those of people are not counted.
    fn peak_of_the_sweep(&self) -> usize {
        let mut arrivals: BTreeMap<String, Vec<jiff::Timestamp>> = BTreeMap::new();
        for call in self.tiktok().log() {
            if call.login.is_some_and(|login| login.starts_with(LOGINS_OF_THE_FLEET)) {
                arrivals.entry(call.endpoint).or_default().push(call.at);
            }
        }
        let peak = |times: &Vec<jiff::Timestamp>| {
            let within = |from: usize| {
                times[from..]
                    .iter()
                    .take_while(|at| at.duration_since(times[from]).as_millis() < i128::from(SECONDS) * 1_000)
                    .count()
            };
            (0..times.len()).map(within).max().unwrap_or_default()
        };
        arrivals.values().map(peak).max().unwrap_or_default()
    }
}

/// TikTok was down for hours. When it is back, everybody is due at once, people come to look, and it is no stampede.
#[tokio::test]
async fn t91_t92_recovery_is_no_stampede_and_people_do_not_wait() {
    let world = TestWorld::with().env("RUST_LOG", "info").start().await;
    let theirs = world.active(11).await;
    world.as_(&ANA).validate(&theirs).await.expect(200);
    world.fleet(&[1; GRANTS]).await;
    world.tiktok().add_fault(Fault::new(FaultKind::Status { status: 503 })).unwrap();
    world.sweep().await;
    assert!(world.peak_of_the_sweep() <= MOST, "TikTok is asked no faster for being down");
    world.tiktok().clear_faults();
    world.tiktok().clear_log();
    world.pass_an_interval();
    assert_eq!(world.run().await["grants"], GRANTS + 1);

    let begun = Instant::now();
    let people = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        for _ in 0..20 {
            assert_eq!(world.as_(&ANA).validate(&theirs).await.expect(200)["verdict"], "connected", "T92");
        }
    };
    let (drained, ()) = futures::join!(world.checks(), people);
    let took = begun.elapsed();

    assert_eq!((drained.failures, drained.errors), (0, 0));
    assert_eq!(world.came_to("connected"), ALL_OF_THEM + 1);
    let peak = world.peak_of_the_sweep();
    assert!(peak <= MOST, "T91: {peak} calls in {SECONDS} seconds: a stampede");
    assert!(took >= Duration::from_secs(6), "{GRANTS} grants at eight a second: {took:?}");
    assert_eq!(world.how_many("active"), GRANTS + 1);
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

    world.sweep().await;

    let asked = world.tiktok().total_calls() - before;
    assert!((1..=8).contains(&asked), "{asked} calls: only those that were under way when the first was refused");
    let pause = world.row("SWEEP", "BACKOFF").expect("everybody reads it");
    assert_eq!(pause["level"], 0);
    let until: jiff::Timestamp = pause["until"].as_str().unwrap().parse().unwrap();
    let left = until.duration_since(local::clock::now());
    assert!(left > SignedDuration::ZERO && left <= SignedDuration::from_secs(5), "{left}");

    // An operator who cannot wait is not allowed to hurry either.
    world.order(json!({ "sweep": "all" })).await;
    world.checks().await;
    assert_eq!(world.tiktok().total_calls() - before, asked, "the pause is on");
    let mut due: Vec<String> =
        world.rows().iter().filter_map(|row| row["due_sk"].as_str().map(str::to_owned)).collect();
    due.sort();
    let at = |due: &str| due.split('#').next().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert!(due.iter().all(|due| at(due) >= until), "nobody is due before it ends");
    let spread = at(&due[GRANTS - 1]).duration_since(at(&due[0]));
    assert!((2..=5).contains(&spread.as_mins()), "and not all at its end: {spread}");

    // Throttled again soon after: the next pause is longer.
    world.pass(SignedDuration::from_mins(6));
    world.sweep().await;
    assert_eq!(world.row("SWEEP", "BACKOFF").unwrap()["level"], 1);
    world.tiktok().clear_faults();
    world.pass(SignedDuration::from_mins(11));
    world.sweep().await;
    assert_eq!((world.came_to("connected"), world.came_to("checked")), (2 * ALL_OF_THEM, 2 * ALL_OF_THEM));
    assert_eq!((world.struck_grants(), world.how_many("active"), world.outbox().len()), (0, GRANTS, 0));
    world.finish().await;
}
