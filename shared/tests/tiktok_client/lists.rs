//! Long lists, lying lists, and many accounts at once.

use domain::business_center::Member;
use domain::checks::Refusal;
use domain::ids::AdvertiserId;
use tiktok_stand_in::{AdAccounts, BcRole, Fault, FaultKind, Person, RelationStatus, Switches, switches::ForeignId};

use super::support::{ACCOUNTS, APP_ID, SHOP, World, access_token, account, add_accounts, member, shop, soon};

const OWNED: &str = "/bc/asset/admin/get/";
const INFO: &str = "/advertiser/info/";

async fn owned(world: &World) -> Result<Vec<AdvertiserId>, Refusal> {
    let asked = world.tiktok.owned(&world.token, &shop(), None, soon()).await;
    asked.answer.map(|list| list.into_keys().collect())
}

/// T52: 5,000 accounts, the one that matters on the last page.
#[tokio::test]
async fn t52_the_last_account_of_a_big_business_center_is_found() {
    let world = World::new().await;
    let ids = add_accounts(&world, 5_000 - 3);
    let found = owned(&world).await.unwrap();
    assert_eq!(found.len(), 5_000);
    assert!(found.contains(ids.last().unwrap()));
    assert_eq!(world.at_tiktok().calls(OWNED), 101, "a hundred full pages, and one to know that it was the last");
}

/// T52: totals that are too low hide nothing, those that are too high prove nothing.
#[tokio::test]
async fn t52_lying_totals() {
    for (total_number, total_page, whole) in
        [(1, Some(1), true), (0, Some(0), true), (204, None, false), (203, Some(9), false)]
    {
        let world = World::new().await;
        let ids = add_accounts(&world, 200);
        let lie = FaultKind::LyingTotal { total_number, total_page };
        world.at_tiktok().add_fault(Fault::new(lie).on(OWNED)).unwrap();
        match owned(&world).await {
            Ok(found) => assert!(whole && found.len() == 203 && found.contains(ids.last().unwrap()), "{total_number}"),
            Err(refusal) => assert!(!whole && refusal == Refusal::Unavailable, "{total_number}"),
        }
    }
}

/// T52: every page is the first one, and there is always another.
#[tokio::test]
async fn t52_pages_that_repeat_for_ever_are_no_list() {
    for count in [0, 200] {
        let world = World::new().await;
        add_accounts(&world, count);
        world.at_tiktok().add_fault(Fault::new(FaultKind::EndlessPaging)).unwrap();
        assert_eq!(owned(&world).await, Err(Refusal::Unavailable));
        assert_eq!(world.at_tiktok().calls(OWNED), 2, "noticed at the second page");
        let centers = world.tiktok.business_centers(&world.token, soon()).await;
        assert_eq!(centers.refusal(), Some(Refusal::Unavailable));
    }
}

/// A page that fails in the middle makes the whole list unavailable, unless asking again helps.
#[tokio::test]
async fn a_list_with_a_hole_is_no_list() {
    let world = World::new().await;
    add_accounts(&world, 200);
    world.at_tiktok().add_fault(Fault::new(FaultKind::BadGatewayHtml).on(OWNED).skip(2).times(1)).unwrap();
    assert_eq!(owned(&world).await.map(|found| found.len()), Ok(203));
    world.at_tiktok().add_fault(Fault::new(FaultKind::BadGatewayHtml).on(OWNED).skip(2).times(6)).unwrap();
    assert_eq!(owned(&world).await, Err(Refusal::Unavailable));
}

#[tokio::test]
async fn members_come_in_pages_of_twenty() {
    let world = World::new().await;
    for number in 0..43 {
        let login = format!("person-{number}");
        let mut there = world.at_tiktok().world();
        there.add_person(Person::new(&login)).unwrap();
        there.set_membership(SHOP, member(&login, BcRole::Standard, RelationStatus::Bound)).unwrap();
    }
    let members = world.tiktok.members(&world.token, &shop(), soon()).await.answer.unwrap();
    assert_eq!(members.len(), 45);
    let admins: Vec<&Member> = members.iter().filter(|member| member.is_admin).collect();
    assert_eq!(admins, [&Member { display_name: Some("ana".to_owned()), is_admin: true }]);
}

/// One deleted account among 120: the others are not blamed for it, however TikTok refuses the batch.
#[tokio::test]
async fn one_bad_account_does_not_spoil_its_batch() {
    for (foreign_id, calls) in [(ForeignId::WholeCallFails, 3 + 12), (ForeignId::LeftOut, 3 + 1)] {
        let world = World::with(Switches { foreign_id, ..Switches::default() }).await;
        let ids = add_accounts(&world, 120);
        let token = world.at_tiktok().authorize("ana", APP_ID, [1, 4], AdAccounts::All).unwrap();
        let token = access_token(token.access_token);
        world.at_tiktok().world().delete_account(ids[60].as_str()).unwrap();
        let answers = world.tiktok.infos(&token, &ids, soon()).await;
        assert_eq!(world.at_tiktok().calls(INFO), calls);
        assert_eq!(answers.len(), 120);
        for ((id, asked), wanted) in answers.iter().zip(&ids) {
            assert_eq!(id, wanted);
            if *id == ids[60] {
                // Left out and asked for again, it is missing from an answer with code 0: not a fact about the account.
                let refusal = match foreign_id {
                    ForeignId::WholeCallFails => Refusal::AdAccountGone,
                    ForeignId::LeftOut => Refusal::Unavailable,
                };
                assert_eq!(asked.refusal(), Some(refusal));
            } else {
                assert_eq!(asked.value().map(|info| &info.advertiser_id), Some(id));
            }
        }
    }
}

#[tokio::test]
async fn a_batch_that_is_refused_for_reasons_of_the_moment_is_not_taken_apart() {
    let world = World::new().await;
    let ids = ACCOUNTS.map(account);
    for (code, refusal, calls) in
        [(40105, Refusal::TokenDead, 1), (40113, Refusal::AppMisconfigured, 1), (50000, Refusal::Unavailable, 3)]
    {
        world.at_tiktok().clear_log();
        world.at_tiktok().clear_faults();
        world.at_tiktok().add_fault(Fault::code(code).on(INFO)).unwrap();
        let answers = world.tiktok.infos(&world.token, &ids, soon()).await;
        assert!(answers.iter().all(|(_, asked)| asked.refusal() == Some(refusal)), "{code}");
        assert_eq!(world.at_tiktok().calls(INFO), calls, "{code}");
    }
}

#[tokio::test]
async fn many_accounts_are_asked_about_together_and_reports_a_few_at_a_time() {
    let world = World::new().await;
    let ids = add_accounts(&world, 30);
    let token = world.token_of("ana", [1, 4]);
    world.at_tiktok().world().delete_account(ids[7].as_str()).unwrap();
    let found = world.tiktok.accounts_evidence(&token, &ids, soon()).await;
    for ((id, evidence), wanted) in found.iter().zip(&ids) {
        assert_eq!(id, wanted);
        let refusal = (*id == ids[7]).then_some(Refusal::AdAccountGone);
        assert_eq!((evidence.info.refusal(), evidence.report.refusal()), (refusal, refusal));
    }
    assert_eq!((found.len(), world.at_tiktok().calls("/report/integrated/get/")), (30, 30));
}
