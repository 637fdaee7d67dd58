//! Between `lapse-sweep` and `check-grant`: messages that nobody can read, a queue that does not take them, and batches for
//! which there is no time. T67, T89.

use std::time::Duration;

use jiff::SignedDuration;
use local::aws::faults::Fault as Failure;
use local::lambda::functions::InvokeError;

use crate::support::proxy::{Break, Mode};
use crate::support::*;

#[tokio::test]
async fn t89_one_malformed_message_keeps_nobody_else_waiting() {
    let world = TestWorld::quick().start().await;
    world.fleet(&[1; 9]).await;
    world.run().await;
    let queue = &world.local.sqs.checks;
    let good = queue.bodies();
    assert_eq!(good.len(), 9);
    queue.purge();
    let send = |body: &str| drop(queue.send(body, Duration::ZERO));
    good[..4].iter().for_each(|body| send(body));
    send("{\"check\":\"grant\",\"org_id\":7}");
    good[4..].iter().for_each(|body| send(body));

    let drained = world.checks().await;

    assert_eq!((drained.invocations, drained.errors), (5, 0), "one batch of ten, and four times the one");
    assert_eq!((drained.deliveries, drained.failures), (10 + 4, 5));
    assert_eq!((world.came_to("checked"), world.came_to("connected")), (9, 9), "each once");
    assert!(queue.is_empty());
    assert_eq!(world.local.sqs.dead.bodies(), ["{\"check\":\"grant\",\"org_id\":7}"]);
    world.finish().await;
}

#[tokio::test]
async fn t89_nothing_that_may_come_in_a_message_is_more_than_poison() {
    let world = TestWorld::quick().start().await;
    let queue = &world.local.sqs.checks;
    let poison = [
        "not json",
        "[]",
        "null",
        "{}",
        "{\"check\":\"other\"}",
        "{\"check\":\"activation\",\"activation_id\":\"../../etc\"}",
        "{\"check\":\"grant\",\"org_id\":\"aurora\",\"grant_id\":\"grt_aaaaaaaaaaaaaaaaaaaaaa\",\"due\":\"2026-11-24T08:00:00Z\",\"run\":\"r\",\"more\":1}",
    ];
    for body in poison {
        queue.send(body, Duration::ZERO);
    }
    // Well-formed, about nobody: done, and nothing comes of it.
    for check in [
        json!({ "check": "grant", "org_id": "aurora", "grant_id": "grt_aaaaaaaaaaaaaaaaaaaaaa", "due": "then", "run": "r" }),
        json!({ "check": "canary", "org_id": "aurora", "grant_id": "grt_aaaaaaaaaaaaaaaaaaaaaa" }),
        json!({ "check": "activation", "activation_id": format!("act_{}", "a".repeat(43)) }),
    ] {
        queue.send(&check.to_string(), Duration::ZERO);
    }

    let drained = world.checks().await;

    assert_eq!(drained.errors, 0, "no message ends the function");
    let mut dead = world.local.sqs.dead.bodies();
    dead.sort();
    let mut poison = poison.map(str::to_owned);
    poison.sort();
    assert_eq!(dead, poison);
    assert_eq!((world.came_to("checked"), world.tiktok().total_calls()), (0, 0));
    world.finish().await;
}

#[tokio::test]
async fn a_queue_that_refuses_some_messages_gets_them_again() {
    let world = TestWorld::quick().start().await;
    world.fleet(&[1; 12]).await;
    world.local.sqs.faults.once(Failure::entry(0));

    let report = world.run().await;

    assert_eq!((&report["grants"], &report["completed"]), (&json!(12), &json!(true)));
    assert_eq!(world.local.sqs.checks.bodies().len(), 12, "offered once more, and only that one");
    assert_eq!(world.checks().await.failures, 0);
    assert_eq!(world.came_to("checked"), 12);
    world.finish().await;
}

#[tokio::test]
async fn what_a_queue_never_takes_is_sent_by_a_later_run() {
    for failure in [Failure::Down, Failure::Throttled, Failure::entry(0)] {
        let world = TestWorld::quick().start().await;
        world.fleet(&[1; 12]).await;
        world.pass(SignedDuration::from_secs(3));
        world.local.sqs.faults.always(failure.clone());
        let failed = world.local.tick("lapse-sweep", local::clock::now()).await.expect_err("it says so");
        let InvokeError::Failed { error, .. } = &failed else { panic!("{failed}") };
        assert_eq!(error.error_type, "TryAgain", "{failure:?}");
        world.checks().await;
        world.local.sqs.faults.clear();

        // The failed run has the lease for a minute.
        world.pass(SignedDuration::from_secs(60));
        let report = world.sweep().await;

        assert_eq!(report["completed"], true, "{failure:?}");
        assert_eq!(world.came_to("checked"), 12, "{failure:?}: each once");
        world.finish().await;
    }
}

/// The deadline is kept when everybody else hangs: T67. `check-grant` keeps ten seconds of its time to itself, and answers:
/// what Lambda ends is an error. That it ends as early as it should is shown where it takes its time.
#[tokio::test]
async fn t67_check_grant_answers_in_time_while_tiktok_hangs() {
    let world = TestWorld::quick().start().await;
    world.fleet(&[1; 9]).await;
    world.local.functions.set_timeout("check-grant", Duration::from_secs(14)).unwrap();
    world.run().await;
    world.tiktok().add_fault(Fault::new(FaultKind::Hang)).unwrap();

    let drained = world.local.drain_queue().await;

    assert_eq!((drained.invocations, drained.deliveries, drained.errors), (1, 9, 0));
    assert!((5..=9).contains(&drained.failures), "four had their try, the others no time: {drained:?}");
    assert_eq!(world.how_many("active"), 9);
    assert_eq!(world.came_to("undecided") + i64::try_from(drained.failures).unwrap(), 9);

    world.tiktok().clear_faults();
    assert_eq!(world.checks().await.failures, 0);
    world.pass(SignedDuration::from_mins(15));
    world.sweep().await;
    assert_eq!(world.came_to("connected"), 9, "each of them in the end");
    world.finish().await;
}

#[tokio::test]
async fn t67_all_three_answer_in_time_while_aws_hangs() {
    let world = TestWorld::quick().start().await;
    world.fleet(&[1; 3]).await;
    world.run().await;
    let functions = &world.local.functions;
    let hang = || world.dynamodb.strike(Break::nth_of_all(1).times(1_000), Mode::Hang);
    functions.set_timeout("check-grant", Duration::from_secs(14)).unwrap();
    hang();
    let tick = async |function: &str| {
        let failed = world.local.tick(function, local::clock::now()).await.expect_err("it cannot");
        assert!(matches!(failed, InvokeError::Failed { .. }), "it says so itself: {failed}");
    };
    let (drained, (), ()) = tokio::join!(world.local.drain_queue(), tick("lapse-sweep"), tick("relay-events"));
    assert_eq!((drained.deliveries, drained.failures, drained.errors), (3, 3, 0));
    world.dynamodb.heal();

    assert_eq!(world.checks().await.failures, 0);
    assert_eq!(world.came_to("connected"), 3);
    world.finish().await;
}
