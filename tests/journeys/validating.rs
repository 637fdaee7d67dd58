//! Validate: it acts on what is definitive, and on nothing else.

use jiff::{SignedDuration, ToSpan as _};
use tiktok_stand_in::{AccountStatus, BcRole, Membership, Owner};

use crate::support::*;

#[tokio::test]
async fn a_healthy_account_is_connected() {
    let world = TestWorld::start().await;
    let account = world.active(11).await;
    assert_eq!(world.as_(&ANA).details(&account).await.body.get("last_proven_at"), None, "imported, not asked yet");

    let answer = world.as_(&ANA).validate(&account).await;

    let body = answer.expect(200);
    assert_eq!(
        (&body["verdict"], &body["status"], &body["causes"]),
        (&json!("connected"), &json!("active"), &json!([]))
    );
    let findings = body["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 8);
    for finding in findings {
        assert_eq!(finding["answer"], "passed", "{finding}");
        assert!(finding["evidence"][0]["asked_at"].is_string() && finding["evidence"][0]["endpoint"].is_string());
    }
    assert!(world.as_(&ANA).details(&account).await.body["last_proven_at"].is_string());
    assert_eq!(world.kinds_of(&account), Vec::<String>::new(), "no news");
    world.finish().await;
}

#[tokio::test]
async fn two_endpoints_that_agree_lapse_an_account_at_once() {
    let world = TestWorld::start().await;
    let account = world.active(11).await;
    // Ana is an Admin no more. What she reached as one is gone from TikTok's list with it.
    world.tiktok().world().set_membership(MEDIA, Membership::joined("ana", BcRole::Standard)).unwrap();

    let answer = world.as_(&ANA).validate(&account).await;

    assert_eq!(answer.expect(200)["status"], "needs_connecting");
    let cause = &answer.body["causes"][0];
    assert_eq!((&cause["cause"], &cause["consent_helps"]), (&json!("not_business_center_admin"), &json!("no")));
    let admin = answer.body["findings"].as_array().unwrap().iter().find(|one| one["check"] == "business_center_admin");
    let endpoints: Vec<_> = admin.unwrap()["evidence"].as_array().unwrap().iter().map(|one| &one["endpoint"]).collect();
    assert_eq!(endpoints, ["/bc/get/", "/bc/asset/admin/get/"]);
    assert_eq!(world.kinds_of(&account), ["AdAccountLapsed"]);
    assert_eq!(world.events_of(&account)[0]["cause"], "not_business_center_admin");
    world.finish().await;
}

/// `/bc/get/` says Standard while the list for Admins still opens: one against one.
#[tokio::test]
async fn the_word_of_one_endpoint_is_a_risk_and_no_lapse() {
    let world = TestWorld::start().await;
    let account = world.active(11).await;
    let pointer = "/data/list/0/user_role".to_owned();
    let lie = FaultKind::Replace { pointer, value: json!("STANDARD") };
    world.tiktok().add_fault(Fault::new(lie).on("/bc/get/")).unwrap();

    let answer = world.as_(&ANA).validate(&account).await;

    let body = answer.expect(200);
    assert_eq!((&body["verdict"], &body["status"]), (&json!("lapsed"), &json!("active")), "{answer:?}");
    assert_eq!(world.kinds_of(&account), ["AdAccountAtRisk"]);
    let details = world.as_(&ANA).details(&account).await;
    assert_eq!(details.expect(200)["at_risk"], json!(["connector_no_longer_admin"]));
    // The next answer is the truth again, and the risk is over.
    world.tiktok().clear_faults();
    assert_eq!(world.as_(&ANA).validate(&account).await.expect(200)["verdict"], "connected");
    assert_eq!(world.as_(&ANA).details(&account).await.body["at_risk"], json!([]));
    world.finish().await;
}

#[tokio::test]
async fn undecided_changes_nothing() {
    let faults = [
        Fault::new(FaultKind::BadGatewayHtml),
        Fault::new(FaultKind::TooManyRequests),
        Fault::code(50_000),
        Fault::code(48_123).on("/bc/get/"),
        Fault::new(FaultKind::PartialList).on("/oauth2/advertiser/get/"),
        Fault::new(FaultKind::DataNull).on("/bc/asset/admin/get/"),
        Fault::code(40_113),
    ];
    let world = TestWorld::start().await;
    let (active, lapsed) = (Account::new(11), Account { login: "carlos", ..Account::new(12) });
    for account in [&active, &lapsed] {
        world.all_active(&[account]).await;
    }
    world.tiktok().world().move_account(&lapsed.id, Owner::business_center(AGENCY)).unwrap();
    assert_eq!(world.as_(&ANA).validate(&lapsed).await.expect(200)["status"], "needs_connecting");
    // Healthy again, but TikTok cannot say so.
    world.tiktok().world().move_account(&lapsed.id, Owner::business_center(MEDIA)).unwrap();
    for fault in faults {
        world.tiktok().add_fault(fault.clone()).unwrap();
        for account in [&active, &lapsed] {
            let before = (world.account_row(account), world.grant_of(account));
            let answer = world.as_(&ANA).validate(account).await;
            assert_eq!(answer.expect(200)["verdict"], "undecided", "{fault:?} {answer:?}");
            assert_eq!((world.account_row(account), world.grant_of(account)), before, "{fault:?}");
        }
        world.tiktok().clear_faults();
    }
    world.finish().await;
}

#[tokio::test]
async fn an_account_that_healed_by_itself_is_recovered() {
    let world = TestWorld::start().await;
    let account = world.active(11).await;
    let last_week = local::clock::now() - SignedDuration::from_hours(7 * 24);
    world.proven_last_at(&account, last_week);
    world.tiktok().world().move_account(&account.id, Owner::business_center(AGENCY)).unwrap();
    assert_eq!(world.as_(&ANA).validate(&account).await.expect(200)["status"], "needs_connecting");
    world.tiktok().world().move_account(&account.id, Owner::business_center(MEDIA)).unwrap();

    let healed = world.as_(&ANA).validate(&account).await;

    let body = healed.expect(200);
    assert_eq!((&body["verdict"], &body["status"]), (&json!("connected"), &json!("active")));
    assert_eq!(world.kinds_of(&account), ["AdAccountLapsed", "AdAccountRecovered"]);
    let gap = &world.events_of(&account)[1]["gap"];
    let from = reporting_day(last_week) - 3.days();
    assert_eq!(gap["from"].as_str(), Some(&*from.to_string()), "data collection goes on from there");
    world.finish().await;
}

#[tokio::test]
async fn an_account_that_cannot_be_used_is_a_risk_only() {
    let world = TestWorld::start().await;
    let account = world.active(11).await;
    world.tiktok().world().set_account_status(&account.id, AccountStatus::Limit).unwrap();

    let answer = world.as_(&ANA).validate(&account).await;

    assert_eq!((&answer.expect(200)["verdict"], &answer.body["status"]), (&json!("connected"), &json!("active")));
    let details = world.as_(&ANA).details(&account).await;
    assert_eq!(details.expect(200)["at_risk"], json!(["ad_account_not_usable"]));
    assert_eq!(world.kinds_of(&account), ["AdAccountAtRisk"]);
    world.finish().await;
}

#[tokio::test]
async fn the_last_admin_is_a_risk() {
    let world = TestWorld::start().await;
    let account = world.active(11).await;
    for login in ["carlos", "marc", "rita"] {
        world.tiktok().world().remove_member(MEDIA, login).unwrap();
    }
    world.as_(&ANA).validate(&account).await.expect(200);
    let details = world.as_(&ANA).details(&account).await;
    assert_eq!(details.expect(200)["at_risk"], json!(["single_admin_left"]));
    world.finish().await;
}

#[tokio::test]
async fn an_account_without_a_grant_is_as_lapsed_as_it_was() {
    let world = TestWorld::start().await;
    let account = world.unconnected(11).await;
    let before = world.account_row(&account);

    let answer = world.as_(&ANA).validate(&account).await;

    assert_eq!(
        (&answer.expect(200)["verdict"], &answer.body["status"]),
        (&json!("lapsed"), &json!("needs_connecting"))
    );
    assert_eq!(answer.body["causes"][0]["cause"], "authorization_revoked");
    assert_eq!((world.account_row(&account), world.tiktok().total_calls()), (before, 0));
    world.finish().await;
}
