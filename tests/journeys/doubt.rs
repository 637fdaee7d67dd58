//! Answers of TikTok that prove nothing: lists that lie, shapes that nobody expected, and yesterday's answer (T52 to T54).

use tiktok_stand_in::{AdAccount, BcRole, Membership, Owner};

use crate::consent::{EXCHANGE, OWNED, new_admin, replace, strike};
use crate::support::*;

/// What a verdict is made of.
const READS: [&str; 5] = ["/oauth2/advertiser/get/", "/bc/get/", OWNED, "/advertiser/info/", "/report/integrated/get/"];

/// T52: the last of 5,000 accounts of a Business Center is found.
#[tokio::test]
async fn t52_the_last_of_many_accounts_is_found() {
    let world = TestWorld::start().await;
    let account = world.lapsed(99_999).await;
    {
        let mut tiktok = world.tiktok().world();
        for number in 0..4_999 {
            let id = format!("7000000000000{number:06}");
            tiktok.add_ad_account(AdAccount::new(&id, &id, Owner::business_center(MEDIA))).unwrap();
        }
    }
    world.tiktok().clear_log();
    let consent = Consent::by("ana").ad_accounts(AdAccounts::only([account.id.clone()]));
    let answer = world.reconnect(&account, &ANA, consent).await;
    assert_eq!(answer.expect(200)["outcome"], "reconnected");
    assert!(world.tiktok().calls(OWNED) >= 100, "{} pages", world.tiktok().calls(OWNED));
    world.finish().await;
}

/// T52: pages that do not add up prove nothing, least of all that an account is missing.
#[tokio::test]
async fn t52_lists_that_lie_are_no_answer() {
    let world = TestWorld::start().await;
    let lies = [
        FaultKind::LyingTotal { total_number: 4_000, total_page: None },
        FaultKind::LyingTotal { total_number: 1, total_page: Some(7) },
        FaultKind::EndlessPaging,
        FaultKind::PartialList,
        replace("/data/page_info", Value::Null),
        replace("/data/list", Value::Null),
    ];
    for (kind, number) in lies.into_iter().zip(11..) {
        let (login, account) = (format!("admin-{number}"), Account::new(number));
        new_admin(&world, &login);
        world.at_tiktok(&account);
        world.import(&[&account], None).await;
        let fault = strike(&world, &login, OWNED, kind.clone());
        let ticket = world.ticket_for(&account, &ANA, Value::Null, Consent::by(&login)).await;
        let answer = world.as_(&ANA).complete(&ticket).await;
        assert_eq!(answer.expect(202)["outcome"], "pending", "{kind:?}");
        world.tiktok().clear_fault(fault);
        let answer = world.as_(&ANA).complete(&ticket).await;
        assert_eq!(answer.expect(200)["outcome"], "reconnected", "{kind:?}");
    }
    assert_eq!(world.tiktok().exchanges(), 6);
    world.finish().await;
}

fn shapes() -> Vec<FaultKind> {
    let body = |body: &str| FaultKind::Body {
        status: 200,
        content_type: "application/json".to_owned(),
        headers: std::collections::BTreeMap::new(),
        body: body.to_owned(),
    };
    vec![
        FaultKind::DataNull,
        FaultKind::CodeAsString,
        FaultKind::Code { code: 20_001, message: None },
        FaultKind::Code { code: 1, message: None },
        FaultKind::Code { code: 49_999, message: None },
        FaultKind::GarbageJson,
        FaultKind::Remove { pointer: "/data".to_owned() },
        FaultKind::Remove { pointer: "/code".to_owned() },
        replace("/data", json!([])),
        replace("/data", json!("")),
        body(""),
        body("null"),
        body("[]"),
        body(r#"{"code":0}"#),
        body(r#"{"code":0,"data":{}}"#),
        body(r#"{"code":0.0,"data":{"list":[]}}"#),
        body(r#"{"code":false,"data":{"list":[]}}"#),
    ]
}

/// T53: an answer of another shape is no answer: never Active for it, never refused for it.
#[tokio::test]
async fn t53_only_a_whole_answer_counts() {
    let world = TestWorld::start().await;
    let cases: Vec<_> = READS.iter().flat_map(|read| shapes().into_iter().map(move |shape| (*read, shape))).collect();
    for (some, batch) in cases.chunks(10).zip(0_u32..) {
        let one = async |(nth, (read, shape)): (u32, &(&str, FaultKind))| {
            let number = 100 + batch * 10 + nth;
            let (login, account) = (format!("admin-{number}"), Account::new(number));
            new_admin(&world, &login);
            world.at_tiktok(&account);
            world.import(&[&account], None).await;
            // A pending activation stays live, and one person may have ten.
            let claims = json!({ "sub": format!("manager-{number}"), "org_id": AURORA, "scope": "ad-accounts:read ad-accounts:manage" });
            let api = world.as_claims(&claims);
            strike(&world, &login, read, shape.clone());
            let started = api.activate(&account, Value::Null).await;
            let consent = Consent::by(&login).ad_accounts(AdAccounts::only([account.id.clone()]));
            let ticket = world.walk_consent(started.text("authorization_url"), consent).await.ticket();
            let answer = api.complete(&ticket).await;
            assert_eq!(answer.status, 202, "{read} {shape:?}: {answer:?}");
            assert_eq!(world.account_row(&account)["status"], "needs_connecting", "{read} {shape:?}");
        };
        futures::future::join_all(some.iter().zip(0..).map(|(case, nth)| one((nth, case)))).await;
    }
    world.finish().await;
}

/// T53: an exchange that cannot be read ends in "start again": no second exchange, no blame, no token kept.
#[tokio::test]
async fn t53_an_unreadable_exchange_is_nobodys_fault() {
    let world = TestWorld::start().await;
    for (shape, number) in shapes().into_iter().zip(11..) {
        let (login, account) = (format!("admin-{number}"), Account::new(number));
        new_admin(&world, &login);
        world.at_tiktok(&account);
        world.import(&[&account], None).await;
        let before = world.tiktok().exchanges();
        strike(&world, &login, EXCHANGE, shape.clone());
        let answer = world.reconnect(&account, &ANA, Consent::by(&login)).await;
        assert_eq!(answer.expect(200)["outcome"], "gave_up", "{shape:?}: {answer:?}");
        assert_eq!(world.tiktok().exchanges(), before + 1, "{shape:?}");
        assert_eq!((world.candidates(), &world.account_row(&account)["status"]), (0, &json!("needs_connecting")));
    }
    world.finish().await;
}

/// T54: nothing is remembered between two looks.
#[tokio::test]
async fn t54_every_look_is_a_fresh_one() {
    let world = TestWorld::start().await;
    let account = world.active(11).await;
    let validate = async || world.as_(&ANA).validate(&account).await.expect(200)["verdict"].clone();
    assert_eq!(validate().await, "connected");
    world.tiktok().world().remove_member(MEDIA, "ana").unwrap();
    assert_eq!(validate().await, "lapsed");
    world.tiktok().world().set_membership(MEDIA, Membership::joined("ana", BcRole::Admin)).unwrap();
    assert_eq!(validate().await, "connected");
    world.tiktok().world().set_membership(MEDIA, Membership::joined("ana", BcRole::Standard)).unwrap();
    assert_eq!(validate().await, "lapsed");
    world.finish().await;
}
