//! A new consent is a new grant: what becomes of the old one, and of its token at TikTok.

use tiktok_stand_in::Switches;
use tiktok_stand_in::switches::Reauthorization;

use crate::support::*;

fn new_tokens() -> Setup {
    TestWorld::with().switches(Switches { reauthorization: Reauthorization::NewToken, ..Switches::default() })
}

fn revocations(world: &TestWorld) -> u64 {
    world.tiktok().calls("/oauth2/revoke_token/")
}

fn living_grants(world: &TestWorld) -> usize {
    let is_living =
        |row: &&Value| row["sk"].as_str().is_some_and(|sk| sk.starts_with("GRANT#")) && row["retired_at"].is_null();
    world.rows().iter().filter(is_living).count()
}

/// TikTok gives the same token again. Revoking the old grant's would kill the new one's.
#[tokio::test]
async fn a_token_that_comes_again_is_not_revoked() {
    let world = TestWorld::start().await;
    let account = world.active(11).await;
    let before = world.grant_of(&account);

    let receipt = world.reconnect(&account, &ANA, Consent::by("ana")).await;

    assert_eq!(receipt.expect(200)["outcome"], "reconnected");
    assert!(receipt.body["accounts"][0].get("gap").is_none(), "no data were missed: {receipt:?}");
    let after = world.grant_of(&account);
    assert_ne!(after["grant_id"], before["grant_id"], "it never overwrites another");
    assert_eq!(after["token_fingerprint"], before["token_fingerprint"]);
    assert_eq!((living_grants(&world), revocations(&world)), (1, 0));
    assert_eq!(world.as_(&ANA).validate(&account).await.expect(200)["verdict"], "connected");
    assert!(world.events_of(&account)[0]["gap"].is_null());
    world.finish().await;
}

#[tokio::test]
async fn the_last_account_that_leaves_a_grant_gives_its_token_back() {
    let world = new_tokens().start().await;
    let (one, two) = (Account::new(11), Account::new(12));
    world.all_active(&[&one, &two]).await;
    let old = world.grant_of(&one);

    world.reconnect(&one, &ANA, Consent::by("ana")).await.expect(200);
    assert_eq!((living_grants(&world), revocations(&world)), (2, 0), "the sibling still works with the old one");
    assert_eq!(world.as_(&ANA).validate(&two).await.expect(200)["verdict"], "connected");
    assert_eq!(world.grant_of(&two)["sealed_token"], old["sealed_token"]);
    world.check_invariants();

    world.reconnect(&two, &ANA, Consent::by("ana")).await.expect(200);
    assert_eq!((living_grants(&world), revocations(&world)), (2, 1));
    for account in [&one, &two] {
        assert_eq!(world.as_(&ANA).validate(account).await.expect(200)["verdict"], "connected");
    }
    world.finish().await;
}

/// Another organisation holds the very same token string: theirs must go on working.
#[tokio::test]
async fn a_token_that_somebody_else_holds_is_not_revoked() {
    let world = new_tokens().start().await;
    let (ours, theirs) = (Account::new(11), Account { org_id: BOREALIS, ..Account::new(12) });
    world.at_tiktok(&ours);
    world.at_tiktok(&theirs);
    let token = world.authorize("ana", &[&ours, &theirs]);
    world.import(&[&ours], Some(&token)).await;
    world.import(&[&theirs], Some(&token)).await;

    world.reconnect(&ours, &ANA, Consent::by("ana")).await.expect(200);

    assert_eq!(revocations(&world), 0);
    assert_eq!(world.as_(&BO).validate(&theirs).await.expect(200)["verdict"], "connected");
    world.finish().await;
}

#[tokio::test]
async fn giving_a_token_back_may_fail() {
    let world = new_tokens().start().await;
    let account = world.active(11).await;
    world.tiktok().add_fault(Fault::new(FaultKind::BadGatewayHtml).on("/oauth2/revoke_token/")).unwrap();

    let receipt = world.reconnect(&account, &ANA, Consent::by("ana")).await;

    assert_eq!(receipt.expect(200)["outcome"], "reconnected");
    assert_eq!(revocations(&world), 1, "tried once: {:?}", world.tiktok().log().last());
    world.finish().await;
}

#[tokio::test]
async fn backing_out_leaves_the_working_grant_untouched() {
    let world = TestWorld::start().await;
    let account = world.active(11).await;
    let (grant, row) = (world.grant_of(&account), world.account_row(&account));

    let started = world.as_(&ANA).activate(&account, json!({ "force": true })).await;
    let landed = world.walk_consent(started.text("authorization_url"), Consent::by("ana").cancelled()).await;

    assert_eq!(landed, Landed::AtTikTok);
    world.expire(started.text("activation_id"));
    let ended = world.as_(&ANA).activation(started.text("activation_id")).await;
    assert_eq!(ended.expect(200)["cause"], "link_expired");
    assert_eq!((world.grant_of(&account), world.account_row(&account)), (grant, row));
    assert_eq!(world.as_(&ANA).validate(&account).await.expect(200)["verdict"], "connected");
    world.finish().await;
}

/// A grant may cover more than we need. When a new one covers less, people are told.
#[tokio::test]
async fn fewer_permissions_than_before_are_a_risk() {
    let world = TestWorld::start().await;
    let account = world.active(11).await;
    let app_id = world.local.tiktok.app_id().to_owned();
    world.tiktok().world().set_app_scopes(&app_id, vec![1, 4]).unwrap();

    world.reconnect(&account, &ANA, Consent::by("ana")).await.expect(200);

    let details = world.as_(&ANA).details(&account).await;
    assert_eq!(details.expect(200)["status"], "active");
    assert_eq!(details.body["at_risk"], json!(["permissions_narrowed"]));
    world.finish().await;
}
