//! T67: TikTok or DynamoDB take every call and never answer. A function answers by itself, before Lambda would end it: each
//! answer here is its own. How long before is shown where functions take their time, with a clock that stands still.

use std::time::Duration;

use futures::future::join_all;
use local::aws::secrets::Outage;

use crate::support::proxy::{Break, Mode};
use crate::support::*;

const TIMEOUT: Duration = Duration::from_secs(12);
const FOR_EVER: usize = 1_000;

/// Our own answer, and not the gateway's for a function that was ended.
fn assert_try_again(answer: &Answer) {
    assert_eq!(answer.status, 503, "{answer:?}");
    answer.problem("try_again");
    assert!(!answer.header("retry-after").is_empty(), "{answer:?}");
}

#[tokio::test]
async fn t67_a_silent_tiktok_is_waited_for_no_longer_than_there_is_time() {
    let world = TestWorld::with().function_timeout(TIMEOUT).start().await;
    let healthy = world.active(11).await;
    let lapsed = world.unconnected(12).await;
    let exchanging = world.first_flow(13, "ana").await;
    let verifying = world.first_flow(14, "carlos").await;
    let before = world.account_row(&healthy);
    let silent = |fault: Fault| world.tiktok().add_fault(fault).unwrap();
    silent(Fault::new(FaultKind::Hang).for_person("ana"));
    for endpoint in super::NEEDED {
        silent(Fault::new(FaultKind::Hang).on(endpoint).for_person("carlos"));
    }
    let ana = world.as_(&ANA);

    let (checked, started, lost, pending) = tokio::join!(
        ana.validate(&healthy),
        ana.activate(&lapsed, Value::Null),
        world.complete(&exchanging),
        world.complete(&verifying),
    );

    assert_eq!(checked.expect(200)["verdict"], "undecided");
    assert_eq!(world.account_row(&healthy), before);
    assert_eq!(started.expect(201)["preflight"]["verdict"], "unknown");
    assert_eq!(lost.expect(200)["outcome"], "gave_up");
    assert_eq!(pending.expect(202)["outcome"], "pending");
    world.tiktok().clear_faults();
    assert_eq!(world.complete(&verifying).await.expect(200)["outcome"], "reconnected");
    world.finish().await;
}

/// DynamoDB falls silent at each call of a completion: one world for each, all at the same time.
#[tokio::test]
async fn t67_dynamodb_falls_silent_in_the_middle() {
    const CALLS: usize = 7;
    join_all((1..=CALLS).map(async |nth| {
        let world = TestWorld::with().env("RUST_LOG", "info").function_timeout(TIMEOUT).start().await;
        let account = world.active(11).await;
        let flow = world.flow(&account, ANA, Consent::by("carlos")).await;
        world.dynamodb.strike(Break::nth_of_all(nth).times(FOR_EVER), Mode::Hang);

        let answer = world.complete(&flow).await;

        match answer.status {
            // All that had to be written was written.
            200 => assert_eq!(answer.body["outcome"], "reconnected", "{nth}: {answer:?}"),
            202 => {}
            _ => assert_try_again(&answer),
        }
        world.dynamodb.heal();
        let receipt = world.complete_until_final(&flow).await;
        let outcome = receipt.body["outcome"].as_str().unwrap_or_default().to_owned();
        assert!(["reconnected", "gave_up"].contains(&outcome.as_str()), "I7: {nth}: {receipt:?}");
        let events = if outcome == "reconnected" { vec!["AdAccountReconnected"] } else { vec![] };
        assert_eq!(world.kinds_of(&account), events);
        assert!(world.tiktok().exchanges() <= 1, "I2");
        world.finish().await;
    }))
    .await;
}

#[tokio::test]
async fn t67_every_route_answers_while_dynamodb_is_silent() {
    let world = TestWorld::with().function_timeout(TIMEOUT).start().await;
    let account = world.active(11).await;
    world.dynamodb.strike(Break::nth_of_all(1).times(FOR_EVER), Mode::Hang);
    let ana = world.as_(&ANA);
    let activation = format!("act_{}", "a".repeat(43));

    let answers = tokio::join!(
        ana.list(""),
        ana.details(&account),
        ana.history(&account),
        ana.activate(&account, Value::Null),
        ana.activation(&activation),
        ana.validate(&account),
    );

    for answer in <[Answer; 6]>::from(answers) {
        assert_try_again(&answer);
    }
    // Where no table is needed, none is missed.
    let back = world.get_callback(&format!("code={}&state={}", "c".repeat(40), "s".repeat(43))).await;
    assert!(back.header("location").contains("#activation_ticket="));
    world.finish().await;
}

/// T67 and T74: Secrets Manager takes calls and never answers.
#[tokio::test]
async fn t67_a_silent_secrets_manager_is_not_waited_for_without_end() {
    let world = TestWorld::with().function_timeout(TIMEOUT).start().await;
    let flow = world.first_flow(11, "ana").await;
    world.local.functions.kill("oauth-callback").await.unwrap();
    world.local.secrets.set_outage(Outage::Hang);
    assert_try_again(&world.complete(&flow).await);
    world.local.secrets.set_outage(Outage::None);
    assert_eq!(world.complete(&flow).await.expect(200)["outcome"], "reconnected");
    world.finish().await;
}
