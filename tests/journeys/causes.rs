//! Every cause of the catalogue, reached as a person reaches it: one journey each, named after it.
//!
//! A refusal tells code and remedy, is written into the history, and leaves everything that worked as it was.

use domain::causes::CauseCode;
use tiktok_stand_in::{AdvertiserRole, Owner, RelationStatus, Switches};

use crate::support::*;

fn remedy(cause: CauseCode) -> &'static str {
    cause.words().remedy
}

/// An Active account and a healthy neighbour to tick instead.
async fn two_accounts(world: &TestWorld) -> (Account, Account) {
    let (account, other) = (Account::new(11), Account::new(12));
    world.all_active(&[&account, &other]).await;
    (account, other)
}

/// Renews `account` with a consent that must be refused for this cause; nothing that works may change.
async fn is_refused(world: &TestWorld, account: &Account, consent: Consent, cause: CauseCode) -> Answer {
    let (grant, before) = (world.grant_of(account), world.account_row(account));
    let ticket = world.ticket_for(account, &ANA, json!({ "force": true }), consent).await;
    let receipt = world.as_(&ANA).complete(&ticket).await;

    let body = receipt.expect(200);
    assert_eq!((&body["outcome"], &body["cause"]), (&json!("refused"), &json!(cause.name())), "{receipt:?}");
    assert_eq!(body["title"], cause.words().title);
    assert!(receipt.text("remedy").starts_with(remedy(cause)), "{receipt:?}");
    assert!(receipt.text("explanation").starts_with(cause.words().explanation), "{receipt:?}");
    let line = &body["accounts"][0];
    assert_eq!((&line["outcome"], &line["cause"]), (&json!("not_reconnected"), &json!(cause.name())));
    assert!(line["remedy"].as_str().unwrap().starts_with(remedy(cause)));

    is_as_before(world, account, &grant, &before);
    assert_eq!(world.kinds_of(account), ["ReconnectRefused"]);
    assert_eq!(world.events_of(account)[0]["cause"], cause.name());
    assert_eq!(world.as_(&ANA).activation(receipt.text("activation_id")).await.expect(200), body);
    assert_eq!(world.as_(&ANA).complete(&ticket).await.expect(200), body, "a repeat shows the same receipt");
    receipt
}

/// The stored grant to the byte, and everything about the account but its versions.
fn is_as_before(world: &TestWorld, account: &Account, grant: &Value, before: &Value) {
    assert_eq!(&world.grant_of(account), grant, "a refusal changes no byte of the grant");
    assert_eq!(world.candidates(), 0, "its candidate token goes with it");
    let mut after = world.account_row(account);
    for field in ["version", "revision"] {
        after[field] = before[field].clone();
    }
    assert_eq!(&after, before, "the account stands as it stood");
}

/// An exchange that leads to no verdict: the activation gives up, and everything stays.
async fn gives_up(world: &TestWorld, account: &Account, cause: CauseCode) -> Answer {
    let (grant, before) = (world.grant_of(account), world.account_row(account));
    let receipt = world.reconnect(account, &ANA, Consent::by("ana")).await;

    let body = receipt.expect(200);
    assert_eq!((&body["outcome"], &body["cause"]), (&json!("gave_up"), &json!(cause.name())), "{receipt:?}");
    assert_eq!(body["remedy"], remedy(cause));
    is_as_before(world, account, &grant, &before);
    assert_eq!(world.kinds_of(account), Vec::<String>::new(), "nothing happened to the account");
    assert_eq!(world.tiktok().exchanges(), 1, "the code is not tried again");
    receipt
}

#[tokio::test]
async fn authorization_revoked() {
    let world = TestWorld::start().await;
    let (account, _) = two_accounts(&world).await;
    let grant = world.grant_of(&account);

    world.tiktok().world().revoke_authorization("ana", world.local.tiktok.app_id()).unwrap();
    let answer = world.as_(&ANA).validate(&account).await;

    let body = answer.expect(200);
    assert_eq!((&body["verdict"], &body["status"]), (&json!("lapsed"), &json!("needs_connecting")));
    assert_eq!(body["causes"][0]["cause"], "authorization_revoked");
    assert_eq!(body["causes"][0]["remedy"], remedy(CauseCode::AuthorizationRevoked));
    assert_eq!(body["causes"][0]["fixable_by"], "any_business_center_admin");
    let alive = &body["findings"][0];
    assert_eq!((&alive["check"], &alive["answer"]), (&json!("authorization_alive"), &json!("failed")));
    assert!(alive["evidence"][0]["request_id"].is_string(), "TikTok's own reference: {alive}");
    assert_eq!(world.grant_of(&account), grant);
    assert_eq!(world.kinds_of(&account), ["AdAccountLapsed"]);
    assert_eq!(world.as_(&ANA).details(&account).await.expect(200)["cause"], "authorization_revoked");
    world.finish().await;
}

/// The token that CreativeX brought along was made for another app.
#[tokio::test]
async fn authorization_of_another_app() {
    let world = TestWorld::start().await;
    let (account, _) = two_accounts(&world).await;
    let message = "The app_id is inconsistent with the token's app information. Please retry after correcting it.";
    let kind = FaultKind::Code { code: 40_000, message: Some(message.to_owned()) };
    world.tiktok().add_fault(Fault::new(kind).on("/oauth2/advertiser/get/")).unwrap();
    is_refused(&world, &account, Consent::by("carlos"), CauseCode::AuthorizationOfAnotherApp).await;
    world.finish().await;
}

#[tokio::test]
async fn ad_account_management_missing() {
    let world = TestWorld::start().await;
    let (account, _) = two_accounts(&world).await;
    let consent = Consent::by("ana").permissions(Permissions::Off(vec![1]));
    is_refused(&world, &account, consent, CauseCode::AdAccountManagementMissing).await;
    world.finish().await;
}

#[tokio::test]
async fn reporting_missing() {
    let world = TestWorld::start().await;
    let (account, _) = two_accounts(&world).await;
    let consent = Consent::by("ana").permissions(Permissions::Off(vec![4]));
    is_refused(&world, &account, consent, CauseCode::ReportingMissing).await;
    world.finish().await;
}

/// By another Admin, so that TikTok gives another token, and Ana's is left in peace.
#[tokio::test]
async fn ad_account_not_granted() {
    let world = TestWorld::start().await;
    let (account, other) = two_accounts(&world).await;
    let consent = Consent::by("carlos").ad_accounts(AdAccounts::only([&other.id]));
    is_refused(&world, &account, consent, CauseCode::AdAccountNotGranted).await;
    assert_eq!(world.as_(&ANA).validate(&account).await.expect(200)["verdict"], "connected");
    world.finish().await;
}

#[tokio::test]
async fn no_ad_accounts_granted() {
    let world = TestWorld::start().await;
    let (account, _) = two_accounts(&world).await;
    let consent = Consent::by("carlos").ad_accounts(AdAccounts::None);
    is_refused(&world, &account, consent, CauseCode::NoAdAccountsGranted).await;
    world.finish().await;
}

#[tokio::test]
async fn wrong_business_center() {
    let world = TestWorld::start().await;
    let (account, _) = two_accounts(&world).await;
    world.at_tiktok(&Account { center: AGENCY, ..Account::new(31) });
    let receipt = is_refused(&world, &account, Consent::by("walt"), CauseCode::WrongBusinessCenter).await;
    for named in ["Northwind Media", MEDIA, "Bright Agency", AGENCY] {
        assert!(receipt.text("explanation").contains(named), "{named} in {receipt:?}");
    }
    assert_eq!(world.account_row(&account)["business_center_id"], MEDIA, "the original one stays");
    world.finish().await;
}

#[tokio::test]
async fn not_business_center_admin() {
    let world = TestWorld::start().await;
    let (account, _) = two_accounts(&world).await;
    let operator = Some(AdvertiserRole::Operator);
    world.tiktok().world().set_account_role(&account.id, MEDIA, "sven", operator).unwrap();
    // Somebody who is Admin there was seen by the organisation before, so they can be named.
    world.as_(&ANA).validate(&account).await.expect(200);
    let consent = Consent::by("sven").ad_accounts(AdAccounts::only([&account.id]));
    let receipt = is_refused(&world, &account, consent, CauseCode::NotBusinessCenterAdmin).await;
    assert!(receipt.text("remedy").contains("Ana Moreau"), "{receipt:?}");
    world.finish().await;
}

/// The agency owns it and shares it.
#[tokio::test]
async fn ad_account_not_owned() {
    let world = TestWorld::start().await;
    let (account, _) = two_accounts(&world).await;
    let agency = Owner::business_center(AGENCY);
    world.tiktok().world().move_account(&account.id, agency).unwrap();
    world.tiktok().world().share(&account.id, MEDIA, RelationStatus::Bound).unwrap();
    is_refused(&world, &account, Consent::by("carlos"), CauseCode::AdAccountNotOwned).await;
    world.finish().await;
}

#[tokio::test]
async fn ad_account_moved() {
    let world = TestWorld::start().await;
    let (account, _) = two_accounts(&world).await;
    world.tiktok().world().move_account(&account.id, Owner::business_center(AGENCY)).unwrap();
    is_refused(&world, &account, Consent::by("carlos"), CauseCode::AdAccountMoved).await;
    world.finish().await;
}

#[tokio::test]
async fn ad_account_not_found() {
    let world = TestWorld::start().await;
    let (account, _) = two_accounts(&world).await;
    world.tiktok().world().delete_account(&account.id).unwrap();
    is_refused(&world, &account, Consent::by("carlos"), CauseCode::AdAccountNotFound).await;
    world.finish().await;
}

/// Cancel leads back to the app where TikTok redirects at all; the activation goes on waiting and changes nothing.
#[tokio::test]
async fn consent_denied() {
    use tiktok_stand_in::switches::DeniedConsent;
    for denied_consent in [DeniedConsent::StateOnly, DeniedConsent::AccessDenied, DeniedConsent::NoRedirect] {
        let world = TestWorld::with().switches(Switches { denied_consent, ..Switches::default() }).start().await;
        let (account, _) = two_accounts(&world).await;
        let (grant, before) = (world.grant_of(&account), world.account_row(&account));
        let started = world.as_(&ANA).activate(&account, json!({ "force": true })).await;
        let landed = world.walk_consent(started.text("authorization_url"), Consent::by("ana").cancelled()).await;

        if denied_consent == DeniedConsent::NoRedirect {
            assert_eq!(landed, Landed::AtTikTok);
        } else {
            assert_eq!(landed.error(), CauseCode::ConsentDenied.name());
        }
        assert_eq!(world.account_row(&account), before);
        is_as_before(&world, &account, &grant, &before);
        let still = world.as_(&ANA).activation(started.text("activation_id")).await;
        assert_eq!(still.expect(200)["outcome"], "waiting", "the callback writes nothing");
        assert_eq!(world.tiktok().exchanges(), 0);
        world.finish().await;
    }
}

#[tokio::test]
async fn link_expired() {
    let world = TestWorld::start().await;
    let (account, _) = two_accounts(&world).await;
    let (grant, before) = (world.grant_of(&account), world.account_row(&account));
    let started = world.as_(&ANA).activate(&account, json!({ "force": true })).await;
    let ticket = world.walk_consent(started.text("authorization_url"), Consent::by("ana")).await.ticket();
    world.expire(started.text("activation_id"));

    let late = world.as_(&ANA).complete(&ticket).await;

    late.expect(410);
    assert_eq!(late.problem("link_expired")["remedy"], remedy(CauseCode::LinkExpired));
    let ended = world.as_(&ANA).activation(started.text("activation_id")).await;
    assert_eq!((&ended.expect(200)["outcome"], &ended.body["cause"]), (&json!("refused"), &json!("link_expired")));
    assert_eq!(ended.body["remedy"], remedy(CauseCode::LinkExpired));
    is_as_before(&world, &account, &grant, &before);
    assert_eq!(world.tiktok().exchanges(), 0, "a late link is refused before TikTok is asked");
    world.finish().await;
}

/// The person withdraws the authorization again before the app comes to it.
#[tokio::test]
async fn authorization_code_rejected() {
    let world = TestWorld::start().await;
    let (account, _) = two_accounts(&world).await;
    let (grant, before) = (world.grant_of(&account), world.account_row(&account));
    let ticket = world.ticket_for(&account, &ANA, json!({ "force": true }), Consent::by("carlos")).await;
    world.tiktok().world().revoke_authorization("carlos", world.local.tiktok.app_id()).unwrap();

    let receipt = world.as_(&ANA).complete(&ticket).await;

    let body = receipt.expect(200);
    let expected = (&json!("refused"), &json!("authorization_code_rejected"));
    assert_eq!((&body["outcome"], &body["cause"]), expected, "{receipt:?}");
    assert_eq!(body["remedy"], remedy(CauseCode::AuthorizationCodeRejected));
    is_as_before(&world, &account, &grant, &before);
    assert_eq!(world.events_of(&account)[0]["cause"], "authorization_code_rejected");
    world.finish().await;
}

#[tokio::test]
async fn tiktok_unavailable() {
    let world = TestWorld::start().await;
    let (account, _) = two_accounts(&world).await;
    world.tiktok().add_fault(Fault::new(FaultKind::BadGatewayHtml).on("/oauth2/access_token/")).unwrap();
    gives_up(&world, &account, CauseCode::TiktokUnavailable).await;
    world.finish().await;
}

#[tokio::test]
async fn app_misconfigured() {
    let world = TestWorld::start().await;
    let (account, _) = two_accounts(&world).await;
    let app_id = world.local.tiktok.app_id().to_owned();
    world.tiktok().world().rotate_secret(&app_id, "fedcba9876543210fedcba9876543210fedcba98").unwrap();
    gives_up(&world, &account, CauseCode::AppMisconfigured).await;
    let alarms = world.local.functions.logs().of("oauth-callback");
    assert!(alarms.iter().any(|line| line.text.contains("\"AppLevelCode\"")), "an incident raises an alarm");
    world.finish().await;
}

/// The keyring no longer has the key that the token was sealed with: ours to mend, and nobody's lapse.
#[tokio::test]
async fn credential_unreadable() {
    let world = TestWorld::start().await;
    let (account, _) = two_accounts(&world).await;
    let (grant, before) = (world.grant_of(&account), world.account_row(&account));
    let keyring = local::aws::names::TOKEN_KEYRING_SECRET;
    let kept = world.local.secrets.current(keyring).unwrap();
    let stranger = json!({ "writer": "k9", "keys": { "k9": local::ids::key() } }).to_string();
    world.local.secrets.put(keyring, &stranger);

    let answer = world.as_(&ANA).validate(&account).await;

    let body = answer.expect(200);
    assert_eq!((&body["verdict"], &body["status"]), (&json!("undecided"), &json!("active")), "{answer:?}");
    assert_eq!(body["causes"][0]["cause"], "credential_unreadable");
    assert_eq!(body["causes"][0]["remedy"], remedy(CauseCode::CredentialUnreadable));
    assert_eq!(world.account_row(&account), before);
    is_as_before(&world, &account, &grant, &before);
    // With the key back, all is well again.
    world.local.secrets.put(keyring, &kept);
    world.local.functions.kill("validate-permissions").await.unwrap();
    assert_eq!(world.as_(&ANA).validate(&account).await.expect(200)["verdict"], "connected");
    world.finish().await;
}

#[tokio::test]
async fn unrecognised() {
    let world = TestWorld::start().await;
    let (account, _) = two_accounts(&world).await;
    world.tiktok().add_fault(Fault::code(48_123).on("/oauth2/access_token/")).unwrap();
    let receipt = gives_up(&world, &account, CauseCode::Unrecognised).await;
    let request_id = world.tiktok().log().into_iter().rev().find(|call| call.code == Some(48_123)).unwrap().request_id;
    for reference in ["48123".to_owned(), request_id.unwrap()] {
        assert!(receipt.text("explanation").contains(&reference), "{reference} in {receipt:?}");
    }
    world.finish().await;
}

#[test]
fn every_cause_has_its_journey() {
    let journeys = include_str!("causes.rs");
    for cause in CauseCode::ALL {
        let journey = format!("#[tokio::test]\nasync fn {}() {{", cause.name());
        assert!(journeys.contains(&journey), "no journey for {}", cause.name());
    }
}
