//! TikTok and DynamoDB misbehave: T57–T61, T67. Nobody is refused or lapsed for it, and when it is over, all comes right.
//!
//! * [`shapes`]: fourteen ways of not answering, at every call of a completion.
//! * [`deadlines`]: nobody answers at all.

mod deadlines;
mod shapes;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::flow::Flow;
use crate::support::*;

const EXCHANGE: &str = "/oauth2/access_token/";
/// Reads that a verdict needs.
const NEEDED: [&str; 5] =
    ["/oauth2/advertiser/get/", "/bc/get/", "/bc/asset/admin/get/", "/advertiser/info/", "/report/integrated/get/"];
/// Reads that are good to have.
const NICE: [&str; 2] = ["/user/info/", "/bc/member/get/"];

/// Codes that blame our app or our request, never the person.
const ABOUT_OUR_APP: [i64; 7] = [40113, 40006, 40124, 40125, 40101, 40400, 41000];

/// How often the alarm's metric was written.
fn alarms(world: &TestWorld, metric: &str) -> usize {
    world.measured(metric).len()
}

/// The account is as it was, and nobody was told anything about it.
fn assert_untouched(world: &TestWorld, account: &Account, before: &Value) {
    assert_eq!(&world.account_row(account), before);
    assert!(world.events_of(account).is_empty());
}

/// The code is taken for spent and the activation ends; another one works.
async fn assert_gave_up(world: &TestWorld, flow: &Flow, cause: &str) {
    let before = world.account_row(&flow.account);
    let exchanges = world.tiktok().exchanges();
    let answer = world.complete(flow).await;
    assert_eq!(answer.expect(200)["outcome"], "gave_up", "{answer:?}");
    assert_eq!(answer.body["cause"], cause, "{answer:?}");
    assert_untouched(world, &flow.account, &before);
    assert_eq!(world.complete(flow).await.expect(200)["outcome"], "gave_up", "and stays like that");
    assert_eq!(world.tiktok().exchanges(), exchanges + 1, "I2");
    world.tiktok().clear_faults();
    let again = world.flow(&flow.account, flow.person, Consent::by("ana")).await;
    assert_eq!(world.complete(&again).await.expect(200)["outcome"], "reconnected");
}

/// T58: TikTok has made a token of the code, and the answer gets lost: a second try would be "bad code".
#[tokio::test]
async fn t58_an_exchange_whose_answer_is_lost_is_not_tried_again() {
    let world = TestWorld::start().await;
    for (number, kind) in (11..).zip([FaultKind::Reset, FaultKind::TruncatedBody, FaultKind::Status { status: 502 }]) {
        let flow = world.first_flow(number, "ana").await;
        world.tiktok().add_fault(Fault::new(kind).on(EXCHANGE).after_processing()).unwrap();
        assert_gave_up(&world, &flow, "tiktok_unavailable").await;
    }
    world.finish().await;
}

/// T59: at the exchange.
#[tokio::test]
async fn t59_a_code_about_our_app_ends_the_exchange_without_blame() {
    let world = TestWorld::start().await;
    for (number, code) in (11..).zip(ABOUT_OUR_APP) {
        let flow = world.first_flow(number, "ana").await;
        world.tiktok().add_fault(Fault::code(code).on(EXCHANGE)).unwrap();
        let alarmed = alarms(&world, "AppLevelCode");
        assert_gave_up(&world, &flow, "app_misconfigured").await;
        assert_eq!(alarms(&world, "AppLevelCode") - alarmed, 1, "an alarm for {code}");
    }
    world.finish().await;
}

/// T59: at a read, for somebody who activates and for an account that is checked.
#[tokio::test]
async fn t59_a_code_about_our_app_lapses_and_refuses_nobody() {
    let world = TestWorld::start().await;
    let healthy = world.active(99).await;
    let before = world.account_row(&healthy);
    for (number, code) in (11..).zip(ABOUT_OUR_APP) {
        let flow = world.first_flow(number, "carlos").await;
        let waiting = world.account_row(&flow.account);
        world.tiktok().add_fault(Fault::code(code).on(NEEDED[number as usize % NEEDED.len()])).unwrap();

        let alarmed = alarms(&world, "AppLevelCode");
        let checked = world.as_(&ANA).validate(&healthy).await;
        assert_eq!(checked.expect(200)["verdict"], "undecided", "{code}: {checked:?}");
        assert_eq!(checked.body["causes"][0]["cause"], "app_misconfigured", "{code}: {checked:?}");
        assert_eq!(checked.body["status"], "active", "I6");
        assert_untouched(&world, &healthy, &before);
        assert_eq!(alarms(&world, "AppLevelCode") - alarmed, 1, "an alarm for {code}");

        assert_eq!(world.complete(&flow).await.expect(202)["outcome"], "pending", "{code}");
        assert_untouched(&world, &flow.account, &waiting);
        assert_eq!(alarms(&world, "AppLevelCode") - alarmed, 2, "another for {code}");
        world.tiktok().clear_faults();
        assert_eq!(world.complete(&flow).await.expect(200)["outcome"], "reconnected", "{code}: I7");
    }
    world.finish().await;
}

/// T60: whoever TikTok's host points at gets nothing, above all not our secret.
#[tokio::test]
async fn t60_redirects_are_not_followed() {
    let elsewhere = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let location = format!("http://{}/open_api/v1.3/", elsewhere.local_addr().unwrap());
    let visits = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&visits);
    let listening = tokio::spawn(async move {
        loop {
            let _ = elsewhere.accept().await;
            counted.fetch_add(1, Ordering::SeqCst);
        }
    });
    let world = TestWorld::start().await;
    for (number, status) in (11..).zip([301, 307, 308]) {
        let redirect = Fault::new(FaultKind::Redirect { status, location: location.clone() });
        let flow = world.first_flow(number, "ana").await;
        world.tiktok().add_fault(redirect.clone().on("/bc/get/")).unwrap();
        world.complete(&flow).await.expect(202);
        world.tiktok().clear_faults();
        assert_eq!(world.complete(&flow).await.expect(200)["outcome"], "reconnected");

        let flow = world.first_flow(number + 100, "ana").await;
        world.tiktok().add_fault(redirect.on(EXCHANGE)).unwrap();
        assert_gave_up(&world, &flow, "tiktok_unavailable").await;
    }
    assert_eq!(visits.load(Ordering::SeqCst), 0, "nothing went elsewhere");
    listening.abort();
    world.finish().await;
}

/// T61: "partly done" with half a list says nothing about what is not in it.
#[tokio::test]
async fn t61_half_a_list_is_no_list() {
    let world = TestWorld::start().await;
    let healthy = world.active(99).await;
    let before = world.account_row(&healthy);
    for (number, endpoint) in (11..).zip(["/oauth2/advertiser/get/", "/bc/get/", "/bc/asset/admin/get/"]) {
        let flow = world.first_flow(number, "carlos").await;
        let fault = world.tiktok().add_fault(Fault::new(FaultKind::PartialList).on(endpoint)).unwrap();
        let ana = world.as_(&ANA);
        let (checked, pending) = tokio::join!(ana.validate(&healthy), world.complete(&flow));
        assert_eq!(checked.expect(200)["verdict"], "undecided", "{endpoint}: {checked:?}");
        assert_eq!(checked.body["causes"][0]["cause"], "tiktok_unavailable");
        assert_untouched(&world, &healthy, &before);
        assert_eq!(pending.expect(202)["outcome"], "pending", "{endpoint}");
        world.tiktok().clear_fault(fault);
        assert_eq!(world.complete(&flow).await.expect(200)["outcome"], "reconnected", "{endpoint}: I7");
    }
    world.finish().await;
}
