//! Any of the three functions dies, or is failed by whom it asks, at every call that it makes: T65, T68. What an evening
//! comes to is in [`super::evening`]; from one on which nothing goes wrong the matrix learns which calls there are. On a
//! push each call goes wrong in one way, at night in all of them: see [`sample`].

use std::cell::Cell;
use std::collections::BTreeSet;

use local::aws::faults::Fault as Failure;

use super::evening::{Calls, Evening, Step};
use crate::support::proxy::{Break, Mode};
use crate::support::*;

/// Of calls that are the same, one after the other, the first and the last.
pub(super) fn places(calls: &[String]) -> Vec<usize> {
    let is_inside =
        |at: usize| at > 0 && at + 1 < calls.len() && calls[at - 1] == calls[at] && calls[at] == calls[at + 1];
    (0..calls.len()).filter(|at| !is_inside(*at)).collect()
}

/// A read that was done, and one that was not, leave the same behind.
fn makes_a_difference(mode: &Mode, operation: &str) -> bool {
    let is_write = matches!(operation, "UpdateItem" | "TransactWriteItems");
    is_write || matches!(mode, Mode::KillBefore(_) | Mode::Throttle)
}

/// Whether this call to DynamoDB is to go wrong in this one of all ways that make a difference there.
pub(super) fn is_tried(step: Step, at: usize, mode: &Mode, operation: &str) -> bool {
    let ways = deaths(step).into_iter().chain(failures(step)).map(|(mode, _)| mode);
    let ways: Vec<Mode> = ways.filter(|way| makes_a_difference(way, operation)).collect();
    ways.iter().position(|way| way == mode).is_some_and(|way| sample::is_tried(at, way, ways.len()))
}

/// Each call of these steps to DynamoDB goes wrong in each of these ways.
async fn break_dynamodb(steps: &[Step], modes: fn(Step) -> [(Mode, usize); 3]) {
    let mut evening = Evening::start().await;
    let learnt = evening.learn().await.0;
    for step in steps.iter().copied() {
        let calls = &learnt[&step].dynamodb;
        assert!(calls.len() >= 5, "{calls:?}");
        for (mode, times) in modes(step) {
            let places = places(calls).into_iter().filter(|at| is_tried(step, *at, &mode, &calls[*at]));
            let (mut cases, met) = (0, Cell::new(0));
            for at in places {
                let case = format!("{mode:?} x{times} at call {} of {step:?} to DynamoDB ({})", at + 1, calls[at]);
                let break_it = async |evening: &Evening| {
                    evening.world.dynamodb.forget();
                    evening.world.dynamodb.strike(Break::nth_of_all(at + 1).times(times), mode.clone());
                    evening.step(step).await;
                    met.set(met.get() + usize::from(evening.world.dynamodb.calls().len() > at));
                };
                evening.live(step, &case, break_it).await;
                cases += 1;
            }
            // What is done side by side may need a call more or less.
            assert!(met.get() + 2 >= cases, "{mode:?} at {step:?}: {} of {cases} calls were met", met.get());
        }
    }
    evening.finish().await;
}

pub(super) fn deaths(step: Step) -> [(Mode, usize); 3] {
    [(Mode::KillBefore(step.function()), 1), (Mode::KillAfter(step.function()), 1), (Mode::DropReply, 1)]
}

pub(super) fn failures(_: Step) -> [(Mode, usize); 3] {
    [(Mode::Throttle, 3), (Mode::TransactionConflict, 3), (Mode::InternalError, 1)]
}

#[tokio::test]
async fn t65_lapse_sweep_dies_at_a_call_to_dynamodb() {
    break_dynamodb(&[Step::Sweep], deaths).await;
}

#[tokio::test]
async fn t65_check_grant_dies_at_a_call_to_dynamodb() {
    break_dynamodb(&[Step::Check], deaths).await;
}

#[tokio::test]
async fn t65_relay_events_dies_at_a_call_to_dynamodb() {
    break_dynamodb(&[Step::Relay, Step::Reconcile], deaths).await;
}

#[tokio::test]
async fn t68_dynamodb_refuses_lapse_sweep_for_now() {
    break_dynamodb(&[Step::Sweep], failures).await;
}

#[tokio::test]
async fn t68_dynamodb_refuses_check_grant_for_now() {
    break_dynamodb(&[Step::Check], failures).await;
}

#[tokio::test]
async fn t68_dynamodb_refuses_relay_events_for_now() {
    break_dynamodb(&[Step::Relay, Step::Reconcile], failures).await;
}

/// The queue or the bus: the process dies before or after each call, or SQS or EventBridge fails it.
async fn break_queue_or_bus(evening: &Evening, step: Step, calls: &Calls) {
    let is_sweep = step == Step::Sweep;
    let count = if is_sweep { calls.sqs } else { calls.bus };
    assert!(count > 0, "{step:?}");
    for nth in 1..=count {
        for (way, (mode, times)) in deaths(step).into_iter().enumerate() {
            if !sample::is_tried(nth, way, 3) {
                continue;
            }
            let case = format!("{mode:?} at call {nth} of {step:?}");
            let break_it = async |evening: &Evening| {
                let proxy = if is_sweep { &evening.sqs } else { &evening.bus };
                proxy.forget();
                proxy.strike(Break::nth_of_all(nth).times(times), mode.clone());
                evening.step(step).await;
                assert!(proxy.calls().len() >= nth, "{case}: it came to that call");
            };
            evening.live(step, &case, break_it).await;
        }
    }
    for failure in sample::some([Failure::Throttled, Failure::Down, Failure::AnswerLost, Failure::entry(0)], 1) {
        let case = format!("{failure:?} at {step:?}");
        let break_it = async |evening: &Evening| {
            let local = &evening.world.local;
            let faults = if is_sweep { &local.sqs.faults } else { &local.bus.faults };
            faults.always(failure.clone());
            evening.step(step).await;
        };
        evening.live(step, &case, break_it).await;
    }
}

#[tokio::test]
async fn t65_death_and_failure_at_the_queue_and_the_bus() {
    let mut evening = Evening::start().await;
    let calls = evening.learn().await.0;
    for step in [Step::Sweep, Step::Relay, Step::Reconcile] {
        break_queue_or_bus(&evening, step, &calls[&step]).await;
    }
    evening.finish().await;
}

/// `check-grant` dies while TikTok has its call, or only the answer is lost. Nothing that it asks changes anything there.
async fn break_tiktok(evening: &Evening, whose: &str, asked: &BTreeSet<(String, String)>) {
    let endpoints: Vec<&String> =
        asked.iter().filter(|(_, login)| login == whose).map(|(endpoint, _)| endpoint).collect();
    assert!(endpoints.len() >= 2, "{whose}: {endpoints:?}");
    for (at, endpoint) in endpoints.into_iter().enumerate() {
        if sample::is_tried(at, 0, 2) {
            kill_at_tiktok(evening, whose, endpoint).await;
        }
        if sample::is_tried(at, 1, 2) {
            lose_at_tiktok(evening, whose, endpoint).await;
        }
    }
}

async fn kill_at_tiktok(evening: &Evening, whose: &str, endpoint: &str) {
    let case = format!("killed at {endpoint} for {whose}");
    let break_it = async |evening: &Evening| {
        let tiktok = evening.world.tiktok();
        tiktok.clear_log();
        tiktok.add_fault(Fault::new(FaultKind::Hold).on(endpoint).for_person(whose)).unwrap();
        let arrived =
            || tiktok.log().iter().any(|call| call.endpoint == endpoint && call.login.as_deref() == Some(whose));
        let kill = async {
            until("the call has arrived", arrived).await;
            evening.world.local.functions.kill("check-grant").await.unwrap();
        };
        tokio::join!(evening.step(Step::Check), kill);
    };
    evening.live(Step::Check, &case, break_it).await;
}

async fn lose_at_tiktok(evening: &Evening, whose: &str, endpoint: &str) {
    let case = format!("answer lost at {endpoint} for {whose}");
    let break_it = async |evening: &Evening| {
        let lost = Fault::new(FaultKind::Reset).on(endpoint).for_person(whose).after_processing().times(1);
        evening.world.tiktok().add_fault(lost).unwrap();
        evening.step(Step::Check).await;
    };
    evening.live(Step::Check, &case, break_it).await;
}

/// About what lapses, what heals, and the activation that is pending.
#[tokio::test]
async fn t65_check_grant_dies_at_a_call_to_tiktok() {
    let mut evening = Evening::start().await;
    let asked = evening.learn().await.1;
    for whose in ["ana", "carlos", "rita"] {
        break_tiktok(&evening, whose, &asked).await;
    }
    evening.finish().await;
}
