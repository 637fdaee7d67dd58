//! T57: fourteen shapes of no answer, at each call of a completion. TikTok being down is never held against anybody.
//!
//! Each call has a person and an account of its own, so that all calls suffer from one shape at the same time.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;
use tiktok_stand_in::{BcRole, Membership};

use super::{EXCHANGE, NEEDED, NICE};
use crate::flow::Flow;
use crate::support::*;

/// Leaves fifteen seconds for TikTok: what it has not said by then is not waited for.
const SHORT: Duration = Duration::from_secs(20);
const LONG: Duration = Duration::from_secs(29);

fn code(code: i64) -> FaultKind {
    FaultKind::Code { code, message: None }
}

fn body(content_type: &str, headers: &[(&str, &str)], body: &str) -> FaultKind {
    let headers: BTreeMap<_, _> = headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    FaultKind::Body { status: 200, content_type: content_type.into(), headers, body: body.into() }
}

fn quick() -> Vec<(&'static str, FaultKind)> {
    // Nobody asked for anything packed, so nobody unpacks it, bombs included.
    let packed = body("application/json", &[("content-encoding", "gzip")], &"\u{1f}".repeat(1 << 10));
    vec![
        ("5xx", FaultKind::Status { status: 503 }),
        ("an HTML page", FaultKind::BadGatewayHtml),
        ("reset", FaultKind::Reset),
        ("truncated", FaultKind::TruncatedBody),
        ("another charset", FaultKind::WrongContentType { content_type: "application/json; charset=utf-16".into() }),
        ("compressed", packed),
        ("429", FaultKind::TooManyRequests),
    ]
}

fn others() -> Vec<(&'static str, FaultKind)> {
    vec![
        ("too many, in the body", code(40100)),
        ("limited by the day", code(40132)),
        ("TikTok's own failure", code(50000)),
        ("endless", FaultKind::HugeBody { bytes: 32 << 20 }),
        ("garbage", FaultKind::GarbageJson),
        ("dribbling", FaultKind::SlowBody { chunk_bytes: 1, milliseconds: 500 }),
        ("silent", FaultKind::Hang),
    ]
}

/// Everybody who has a call to suffer at.
fn calls() -> impl Iterator<Item = &'static str> {
    [EXCHANGE].into_iter().chain(NEEDED).chain(NICE)
}

async fn suffer(shapes: Vec<(&'static str, FaultKind)>) {
    let world = TestWorld::with().env("RUST_LOG", "info").start().await;
    let mut people = Vec::new();
    for (number, endpoint) in (11..).zip(calls()) {
        let login = format!("person-{number}");
        world.tiktok().world().add_person(tiktok_stand_in::Person::new(&login).name(&login)).unwrap();
        world.tiktok().world().set_membership(MEDIA, Membership::joined(&login, BcRole::Admin)).unwrap();
        people.push((login, endpoint, world.unconnected(number).await));
    }
    for (shape, kind) in shapes {
        let flows = join_all(people.iter().map(|(login, _, account)| {
            world.flow(account, ANA, Consent::by(login).ad_accounts(AdAccounts::only([&account.id])))
        }));
        let flows = flows.await;
        for (login, endpoint, _) in &people {
            let fault = Fault::new(kind.clone()).on(*endpoint).for_person(login);
            world.tiktok().add_fault(fault).unwrap();
        }
        world.local.functions.set_timeout("oauth-callback", SHORT).unwrap();
        let rows = |flows: &[Flow]| flows.iter().map(|flow| world.account_row(&flow.account)).collect::<Vec<_>>();
        let before = rows(&flows);
        let exchanges = world.tiktok().exchanges();

        let answers = join_all(flows.iter().map(|flow| world.complete(flow))).await;

        for ((answer, endpoint), (before, after)) in answers.iter().zip(calls()).zip(before.iter().zip(rows(&flows))) {
            let case = format!("{shape} at {endpoint}: {answer:?}");
            if endpoint == EXCHANGE {
                assert_eq!(answer.expect(200)["outcome"], "gave_up", "{case}");
                assert_eq!(answer.body["cause"], "tiktok_unavailable", "{case}");
            } else if NEEDED.contains(&endpoint) {
                assert_eq!(answer.expect(202)["outcome"], "pending", "{case}");
            } else {
                assert_eq!(answer.expect(200)["outcome"], "reconnected", "{case}");
                continue;
            }
            assert_eq!(before, &after, "{case}");
        }
        assert_eq!(world.tiktok().exchanges() - exchanges, flows.len() as u64, "I2: {shape}");

        world.tiktok().clear_faults();
        world.local.functions.set_timeout("oauth-callback", LONG).unwrap();
        let healed = join_all(flows.iter().map(|flow| world.complete(flow))).await;
        for (answer, endpoint) in healed.iter().zip(calls()) {
            let outcome = if endpoint == EXCHANGE { "gave_up" } else { "reconnected" };
            assert_eq!(answer.expect(200)["outcome"], outcome, "I7: {shape} at {endpoint}: {answer:?}");
        }
        assert_eq!(world.tiktok().exchanges() - exchanges, flows.len() as u64, "I2: {shape}");
    }
    world.finish().await;
}

/// Two worlds, since most of the time is spent waiting.
#[tokio::test]
async fn t57_no_shape_of_no_answer_refuses_or_connects_anybody() {
    tokio::join!(suffer(quick()), suffer(others()));
}
