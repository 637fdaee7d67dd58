//! What TikTok says about a grant and its ad accounts, in the domain's words.

use domain::business_center::Member;
use domain::checks::{AccountEvidence, Refusal};
use shared::tiktok::suspects_secret;
use tiktok_stand_in::{AdAccount, BcRole, Fault, FaultKind, Owner, RelationStatus, Switches};

use super::support::{ACCOUNTS, OTHER, SECRET, SHOP, World, account, app, member, shop, soon};

#[tokio::test]
async fn a_healthy_grant_answers_all_four_questions() {
    let world = World::new().await;
    let grant = world.tiktok.grant_evidence(&world.app, &world.token, &shop(), soon()).await;
    assert_eq!(grant.authorized.value(), Some(&ACCOUNTS.map(account).into()));
    assert_eq!(grant.person.value().map(|person| person.display_name.as_str()), Some("ana"));
    let centers = grant.business_centers.value().unwrap();
    assert_eq!((centers.len(), centers[0].name.as_str(), centers[0].is_admin()), (1, "Shop Group", true));
    assert_eq!(centers[0].business_center_id, shop());
    let owned = grant.owned.value().unwrap();
    assert_eq!(owned.len(), 3);
    assert!(owned.values().all(|status| status.as_deref() == Some("BOUND")));
    for evidence in [&grant.authorized.evidence, &grant.business_centers.evidence, &grant.owned.evidence] {
        assert_eq!(evidence.code, Some(0));
        assert_eq!(evidence.request_id.as_ref().map(String::len), Some(34));
    }
}

#[tokio::test]
async fn a_healthy_account_answers_both_questions() {
    let world = World::new().await;
    let AccountEvidence { info, report } =
        world.tiktok.account_evidence(&world.token, &account(ACCOUNTS[1]), soon()).await;
    let info = info.answer.unwrap();
    assert_eq!(info.advertiser_id, account(ACCOUNTS[1]));
    assert_eq!((info.status.as_deref(), info.owner_business_center_id), (Some("STATUS_ENABLE"), Some(shop())));
    assert_eq!(report.answer, Ok(()));
}

#[tokio::test]
async fn a_report_with_a_row_proves_as_much_as_one_without() {
    let world = World::new().await;
    world.at_tiktok().world().set_daily_spend(ACCOUNTS[0], Some(12.5)).unwrap();
    assert_eq!(world.tiktok.report(&world.token, &account(ACCOUNTS[0]), soon()).await.answer, Ok(()));
}

/// T33: the same answers, with ids as JSON numbers.
#[tokio::test]
async fn t33_ids_as_numbers_are_read_to_the_last_digit() {
    let world = World::new().await;
    world.at_tiktok().add_fault(Fault::new(FaultKind::IdsAsNumbers)).unwrap();
    let grant = world.tiktok.grant_evidence(&world.app, &world.token, &shop(), soon()).await;
    assert_eq!(grant.authorized.value(), Some(&ACCOUNTS.map(account).into()));
    assert_eq!(grant.business_centers.value().unwrap()[0].business_center_id, shop());
    assert_eq!(grant.owned.value().unwrap().keys().cloned().collect::<Vec<_>>(), ACCOUNTS.map(account));
    assert_eq!(grant.person.value().unwrap().core_user_id.len(), 19);
    let found = world.tiktok.account_evidence(&world.token, &account(ACCOUNTS[1]), soon()).await;
    assert_eq!(found.info.value().unwrap().advertiser_id, account(ACCOUNTS[1]));
}

/// T54: nothing is remembered between two questions.
#[tokio::test]
async fn t54_asking_twice_asks_tiktok_twice() {
    let world = World::new().await;
    let is_admin = async || {
        let asked = world.tiktok.business_centers(&world.token, soon()).await;
        asked.value().unwrap()[0].is_admin()
    };
    assert!(is_admin().await);
    let standard = member("ana", BcRole::Standard, RelationStatus::Bound);
    world.at_tiktok().world().set_membership(SHOP, standard).unwrap();
    assert!(!is_admin().await);
}

/// T48: each permission that is missing shows at the endpoint that needs it, and nowhere else.
#[tokio::test]
async fn t48_a_missing_permission_is_told_from_a_lost_account() {
    let world = World::new().await;
    let without_reporting = world.token_of("ana", [1]);
    let found = world.tiktok.account_evidence(&without_reporting, &account(ACCOUNTS[0]), soon()).await;
    assert!(found.info.answer.is_ok());
    assert_eq!(found.report.refusal(), Some(Refusal::PermissionNotGranted));

    let without_management = world.token_of("ana", [4]);
    let grant = world.tiktok.grant_evidence(&world.app, &without_management, &shop(), soon()).await;
    assert_eq!(grant.authorized.refusal(), Some(Refusal::PermissionNotGranted));
    assert_eq!(grant.business_centers.refusal(), Some(Refusal::PermissionNotGranted));
    assert_eq!(grant.owned.refusal(), Some(Refusal::PermissionNotGranted));
    let found = world.tiktok.account_evidence(&without_management, &account(ACCOUNTS[0]), soon()).await;
    assert_eq!(found.info.refusal(), Some(Refusal::PermissionNotGranted));
    assert_eq!(found.report.answer, Ok(()));
}

/// T49: a Standard member sees the Business Center and not what it owns.
#[tokio::test]
async fn t49_a_standard_member_is_no_admin() {
    let world = World::new().await;
    let token = world.token_of("ben", [1, 4]);
    let grant = world.tiktok.grant_evidence(&world.app, &token, &shop(), soon()).await;
    let center = &grant.business_centers.value().unwrap()[0];
    assert_eq!((center.role.as_deref(), center.is_admin()), (Some("STANDARD"), false));
    assert_eq!(grant.owned.refusal(), Some(Refusal::NotPermitted));
    assert_eq!(world.tiktok.members(&token, &shop(), soon()).await.refusal(), Some(Refusal::NotPermitted));
}

#[tokio::test]
async fn lost_accounts_are_told_apart() {
    let world = World::new().await;
    let foreign = account("7123456789012345699");
    world.at_tiktok().world().add_ad_account(AdAccount::new(foreign.as_str(), "Theirs", Owner::person("ben"))).unwrap();
    world.at_tiktok().world().delete_account(ACCOUNTS[0]).unwrap();
    for (id, refusal) in [
        (account(ACCOUNTS[0]), Refusal::AdAccountGone),
        (account("7123456789012340000"), Refusal::AdAccountGone),
        (foreign, Refusal::AdAccountNotPermitted),
    ] {
        let found = world.tiktok.account_evidence(&world.token, &id, soon()).await;
        assert_eq!((found.info.refusal(), found.report.refusal()), (Some(refusal), Some(refusal)));
    }
}

/// T50: shared by a partner is reachable and not owned.
#[tokio::test]
async fn t50_a_shared_account_is_reachable_and_not_owned() {
    let world = World::new().await;
    let shared = account("7123456789012345699");
    {
        let mut there = world.at_tiktok().world();
        there.add_ad_account(AdAccount::new(shared.as_str(), "Theirs", Owner::business_center(OTHER))).unwrap();
        there.share(shared.as_str(), SHOP, RelationStatus::Bound).unwrap();
    }
    let owned = world.tiktok.owned(&world.token, &shop(), None, soon()).await;
    assert!(!owned.value().unwrap().contains_key(&shared));
    let reachable = world.tiktok.reachable(&world.token, &shop(), soon()).await.answer.unwrap();
    assert_eq!(reachable.get(&shared).unwrap().as_deref(), Some("Agency"));
}

#[tokio::test]
async fn members_are_those_who_joined_with_admins_marked() {
    let world = World::new().await;
    let invited = member("cleo", BcRole::Admin, RelationStatus::Pending);
    world.at_tiktok().world().set_membership(SHOP, invited).unwrap();
    let mut members = world.tiktok.members(&world.token, &shop(), soon()).await.answer.unwrap();
    members.sort_by(|a, b| a.display_name.cmp(&b.display_name));
    let someone = |name: &str, is_admin| Member { display_name: Some(name.to_owned()), is_admin };
    assert_eq!(members, [someone("ana", true), someone("ben", false)]);
}

/// T59: a secret that was rotated is ours to mend. That a token was made for another app is about that token.
#[tokio::test]
async fn t59_a_wrong_secret_is_our_fault_and_another_apps_token_is_not() {
    let world = World::new().await;
    let asked = world.tiktok.authorized(&app("0123456789012345678901234567890123456789"), &world.token, soon()).await;
    assert_eq!(asked.refusal(), Some(Refusal::AppMisconfigured));
    assert!(suspects_secret(&asked.evidence));
    let mut other = app(SECRET);
    other.app_id = "7300000000000000032".to_owned();
    let asked = world.tiktok.authorized(&other, &world.token, soon()).await;
    assert_eq!((asked.refusal(), asked.evidence.code), (Some(Refusal::TokenOfAnotherApp), Some(40000)));
}

/// The stand-in's other answers to what nobody outside TikTok knows.
#[tokio::test]
async fn the_same_refusals_come_through_as_40002_and_as_40300() {
    let world = World::with(Switches { account_refused: 40002, ..Switches::default() }).await;
    world.at_tiktok().world().delete_account(ACCOUNTS[0]).unwrap();
    let asked = world.tiktok.info(&world.token, &account(ACCOUNTS[0]), soon()).await;
    assert_eq!((asked.refusal(), asked.evidence.code), (Some(Refusal::AdAccountGone), Some(40002)));
    world.at_tiktok().add_fault(Fault::code(40300)).unwrap();
    let asked = world.tiktok.info(&world.token, &account(ACCOUNTS[1]), soon()).await;
    assert_eq!((asked.refusal(), asked.evidence.code), (Some(Refusal::AdAccountGone), Some(40300)));
}
