//! Business Centers, what they own, who is in them.

use serde_json::{Value, json};
use tiktok_stand_in::switches::EmptyList;
use tiktok_stand_in::{
    AccountStatus, AdAccount, AdvertiserRole, BcRole, BusinessCenter, FinanceRole, Membership, Owner, RelationStatus,
    switches::EmptyExtUserRole,
};

use crate::support::{AGENCY, DANS, EU, FR, SHOP, Town, US, column};

const ASSETS: [(&str, &str); 2] = [("bc_id", SHOP), ("asset_type", "ADVERTISER")];

fn with<'a>(extra: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [&ASSETS[..], extra].concat()
}

#[tokio::test]
async fn a_persons_business_centers_come_with_their_exact_role() {
    let town = Town::new().await;
    town.tiktok
        .handle()
        .world()
        .set_membership(
            AGENCY,
            Membership { finance_role: Some(FinanceRole::Manager), ..Membership::joined("ana", BcRole::Standard) },
        )
        .unwrap();
    let answer = town.get(&town.ana(), "/bc/get/", &[]).await;
    let list = answer["data"]["list"].as_array().unwrap();
    assert_eq!(list[0]["bc_info"]["bc_id"], SHOP);
    assert_eq!(list[0]["bc_info"]["status"], "ENABLE");
    assert_eq!(list[0]["bc_info"]["type"], "SELF_SERVICE");
    assert_eq!(list[0]["user_role"], "ADMIN");
    assert_eq!(list[0]["ext_user_role"], Value::Null);
    assert_eq!(
        (&list[1]["user_role"], &list[1]["ext_user_role"]),
        (&json!("STANDARD"), &json!({ "finance_role": "MANAGER" }))
    );
    assert_eq!(answer["data"]["page_info"], json!({ "page": 1, "page_size": 10, "total_number": 2, "total_page": 1 }));
    town.tiktok.handle().world().switches.empty_ext_user_role = EmptyExtUserRole::Absent;
    let answer = town.get(&town.ana(), "/bc/get/", &[("bc_id", SHOP)]).await;
    assert!(answer["data"]["list"][0].get("ext_user_role").is_none());
}

#[tokio::test]
async fn nobodys_and_unknown_business_centers_are_an_empty_list() {
    let town = Town::new().await;
    let invited = Membership { relation_status: RelationStatus::Pending, ..Membership::joined("dan", BcRole::Admin) };
    town.tiktok.handle().world().set_membership(SHOP, invited).unwrap();
    let answer = town.get(&town.token("dan", &[1]), "/bc/get/", &[]).await;
    assert_eq!((&answer["code"], &answer["data"]["list"]), (&json!(0), &json!([])), "an invitation is no membership");
    for foreign in [AGENCY, "7200000000000000099"] {
        let answer = town.get(&town.ana(), "/bc/get/", &[("bc_id", foreign)]).await;
        assert_eq!((&answer["code"], &answer["data"]["list"]), (&json!(0), &json!([])));
    }
    town.tiktok.handle().world().switches.unknown_business_center = 40001;
    assert_eq!(town.code(&town.ana(), "/bc/get/", &[("bc_id", AGENCY)]).await, 40001);
}

#[tokio::test]
async fn tiered_business_centers_show_parent_and_children() {
    let town = Town::new().await;
    let child = "7200000000000000023";
    {
        let mut world = town.tiktok.handle().world();
        let mut info = BusinessCenter::new(child, "Shop Child");
        info.parent_bc_id = Some(SHOP.to_owned());
        world.add_business_center(info).unwrap();
        world.set_membership(child, Membership::joined("ana", BcRole::Admin)).unwrap();
        world.add_ad_account(AdAccount::new("7100000000000000055", "Child's", Owner::business_center(child))).unwrap();
    }
    let query = [("scene", "TIERED_ACCOUNT"), ("bc_id", SHOP), ("filtering", r#"{"relation_type":"CHILD"}"#)];
    let answer = town.get(&town.ana(), "/bc/get/", &query).await;
    assert_eq!(answer["data"]["list"][0]["bc_info"]["bc_id"], child);
    assert_eq!(answer["data"]["parent_bc"]["bc_info"]["bc_id"], SHOP);
    let answer = town.get(&town.ana(), "/bc/asset/admin/get/", &with(&[("child_bc_id", child)])).await;
    assert_eq!(column(&answer, "asset_name"), ["Child's"]);
    assert_eq!(town.code(&town.ana(), "/bc/asset/get/", &with(&[("child_bc_id", AGENCY)])).await, 40002);
}

/// The default answer leaves a child out; asked for by its id or as one of a tier, it is there.
#[tokio::test]
async fn a_child_is_missing_from_the_default_answer() {
    let town = Town::new().await;
    let child = "7200000000000000023";
    {
        let mut world = town.tiktok.handle().world();
        let mut info = BusinessCenter::new(child, "Shop Child");
        info.parent_bc_id = Some(AGENCY.to_owned());
        world.add_business_center(info).unwrap();
        world.set_membership(child, Membership::joined("ben", BcRole::Admin)).unwrap();
        world.add_ad_account(AdAccount::new("7100000000000000055", "Child's", Owner::business_center(child))).unwrap();
    }
    let ids = async |login: &str, query: &[(&str, &str)]| {
        let answer = town.get(&town.token(login, &[1, 4]), "/bc/get/", query).await;
        let list = answer["data"]["list"].as_array().unwrap().clone();
        list.iter().map(|entry| entry["bc_info"]["bc_id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let tiered = [("scene", "TIERED_ACCOUNT")];
    assert_eq!(ids("ben", &[]).await, [SHOP]);
    assert_eq!(ids("ben", &[("bc_id", child)]).await, [child]);
    assert_eq!(ids("ben", &tiered).await, [child]);
    // The parent's Admin acts in the child without being a member, and asks for its assets through the parent.
    assert_eq!(ids("cara", &[]).await, [AGENCY]);
    assert_eq!(ids("cara", &tiered).await, [child]);
    assert_eq!(ids("ana", &tiered).await, Vec::<String>::new());
    let cara = town.token("cara", &[1, 4]);
    let answer = town.get(&cara, "/bc/get/", &tiered).await;
    assert_eq!(answer["data"]["parent_bc"]["bc_info"]["bc_id"], AGENCY);
    let assets = [("bc_id", AGENCY), ("asset_type", "ADVERTISER"), ("child_bc_id", child)];
    assert_eq!(column(&town.get(&cara, "/bc/asset/admin/get/", &assets).await, "asset_name"), ["Child's"]);
    assert!(column(&town.authorized(&cara).await, "advertiser_id").contains(&"7100000000000000055".to_owned()));
    let directly = [("bc_id", child), ("asset_type", "ADVERTISER")];
    assert_eq!(town.code(&cara, "/bc/asset/admin/get/", &directly).await, 40001);
    town.tiktok.handle().world().switches.children_in_single_scene = true;
    assert_eq!(ids("ben", &[]).await, [SHOP, child]);
}

#[tokio::test]
async fn what_is_null_is_left_out_and_an_empty_list_may_be() {
    let town = Town::new().await;
    let answer = town.get(&town.ana(), "/bc/get/", &[]).await;
    let entry = &answer["data"]["list"][0];
    assert!(entry.get("binding_status").is_none() && entry["bc_info"].get("organization_type").is_none(), "{entry}");
    let dan = town.token("dan", &[1]);
    for (form, expected) in
        [(EmptyList::Empty, Some(json!([]))), (EmptyList::Null, Some(json!(null))), (EmptyList::Absent, None)]
    {
        town.tiktok.handle().world().switches.no_business_centers = form;
        let answer = town.get(&dan, "/bc/get/", &[]).await;
        assert_eq!(answer["data"].get("list"), expected.as_ref(), "{form:?}");
        assert_eq!(answer["data"]["page_info"]["total_number"], 0);
    }
}

#[tokio::test]
async fn a_member_sees_their_own_assets_and_can_ask_for_anothers() {
    let town = Town::new().await;
    town.tiktok.handle().world().set_account_role(US, SHOP, "ben", Some(AdvertiserRole::Analyst)).unwrap();
    let answer = town.get(&town.ana(), "/bc/asset/get/", &ASSETS).await;
    assert_eq!(column(&answer, "asset_id"), [EU, US, FR]);
    assert_eq!(column(&answer, "owner_bc_name"), ["Shop Group", "Shop Group", "Agency"]);
    assert!(answer["data"]["list"][0].get("relation_type").is_none());
    assert!(answer["data"]["list"][0]["catalog_role"].is_null());
    let ben = town.token("ben", &[1]);
    let answer = town.get(&ben, "/bc/asset/get/", &ASSETS).await;
    assert_eq!(
        (column(&answer, "asset_id"), column(&answer, "advertiser_role")),
        (vec![US.into()], vec!["ANALYST".into()])
    );
    let answer =
        town.get(&town.ana(), "/bc/asset/get/", &with(&[("filtering", r#"{"user_email":"ben@example.com"}"#)])).await;
    assert_eq!(column(&answer, "asset_id"), [US]);
    let answer = town.get(&town.ana(), "/bc/asset/get/", &with(&[("filtering", r#"{"keyword":"shop e"}"#)])).await;
    assert_eq!(column(&answer, "asset_id"), [EU]);
    let catalogs = [("bc_id", SHOP), ("asset_type", "CATALOG")];
    assert_eq!(town.get(&ben, "/bc/asset/get/", &catalogs).await["data"]["list"], json!([]));
}

#[tokio::test]
async fn an_admin_sees_why_each_asset_is_listed() {
    let town = Town::new().await;
    {
        let mut world = town.tiktok.handle().world();
        world.share(DANS, SHOP, RelationStatus::Pending).unwrap();
        world.set_account_status(US, AccountStatus::PendingConfirm).unwrap();
    }
    let token = town.ana();
    let answer = town.get(&token, "/bc/asset/admin/get/", &ASSETS).await;
    assert_eq!(column(&answer, "asset_id"), [EU, US, FR, DANS]);
    assert_eq!(column(&answer, "relation_type"), ["OWNER_BC", "OWNER_BC", "OWNER_PARTNER", "OWNER_INDIVIDUAL"]);
    assert_eq!(column(&answer, "relation_status"), ["BOUND", "BOUND", "BOUND", "PENDING"]);
    assert_eq!(answer["data"]["list"][1]["advertiser_status"], "STATUS_PENDING_CONFIRM");
    for (filter, expected) in [
        (r#"{"relation_type":"OWNER_BC"}"#, vec![EU, US]),
        (r#"{"relation_type":"OWNER_PARTNER"}"#, vec![FR]),
        (r#"{"relation_status":"PENDING"}"#, vec![DANS]),
        (r#"{"relation_type":"OWNER_BC","advertiser_show_status":"SHOW_ACCOUNT_STATUS_IN_REVIEW"}"#, vec![US]),
        (r#"{"keyword":"7100000000000000011"}"#, vec![EU]),
    ] {
        let answer = town.get(&token, "/bc/asset/admin/get/", &with(&[("filtering", filter)])).await;
        assert_eq!(column(&answer, "asset_id"), expected, "{filter}");
    }
}

#[tokio::test]
async fn admin_only_endpoints_refuse_standard_members_and_strangers() {
    let town = Town::new().await;
    let query = with(&[("asset_id", EU)]);
    let paths = ["/bc/asset/admin/get/", "/bc/member/get/", "/bc/asset/member/get/", "/bc/asset/partner/get/"];
    for path in paths {
        assert_eq!(town.code(&town.token("ana", &[1]), path, &query).await, 0, "{path}");
        assert_eq!(town.code(&town.token("ben", &[1]), path, &query).await, 40001, "{path}");
        assert_eq!(town.code(&town.token("cara", &[1]), path, &query).await, 40001, "{path}");
    }
    assert_eq!(town.code(&town.token("cara", &[1]), "/bc/asset/get/", &query).await, 40001, "not even a member");
    town.tiktok.handle().world().switches.not_an_admin = 0;
    town.tiktok.handle().world().switches.unknown_business_center_assets = 0;
    for login in ["ben", "cara"] {
        for path in paths {
            let answer = town.get(&town.token(login, &[1]), path, &query).await;
            assert_eq!((&answer["code"], &answer["data"]["list"]), (&json!(0), &json!([])), "{path}");
        }
    }
}

#[tokio::test]
async fn ownership_follows_moves_and_may_leave_a_trace() {
    let town = Town::new().await;
    let token = town.ana();
    let owned = [("filtering", r#"{"relation_type":"OWNER_BC"}"#)];
    town.tiktok.handle().world().move_account(EU, Owner::business_center(AGENCY)).unwrap();
    let answer = town.get(&token, "/bc/asset/admin/get/", &with(&owned)).await;
    assert_eq!(column(&answer, "asset_id"), [US]);
    town.tiktok.handle().world().switches.moved_accounts_stay_unbound = true;
    town.tiktok.handle().world().move_account(US, Owner::business_center(AGENCY)).unwrap();
    let answer = town.get(&token, "/bc/asset/admin/get/", &with(&owned)).await;
    assert_eq!(
        (column(&answer, "asset_id"), column(&answer, "relation_status")),
        (vec![US.into()], vec!["UNBOUND".into()])
    );
    let cara = town.token("cara", &[1]);
    let query = [("bc_id", AGENCY), ("asset_type", "ADVERTISER"), owned[0]];
    let answer = town.get(&cara, "/bc/asset/admin/get/", &query).await;
    assert_eq!(column(&answer, "asset_id"), [EU, US, FR]);
    assert_eq!(column(&answer, "relation_status"), ["BOUND"; 3]);
}

#[tokio::test]
async fn members_are_listed_with_their_role_and_invited_ones_by_email() {
    let town = Town::new().await;
    let invited =
        Membership { relation_status: RelationStatus::Pending, ..Membership::joined("dan", BcRole::Standard) };
    town.tiktok.handle().world().set_membership(SHOP, invited).unwrap();
    let token = town.ana();
    let answer = town.get(&token, "/bc/member/get/", &[("bc_id", SHOP)]).await;
    assert_eq!(column(&answer, "user_role"), ["ADMIN", "STANDARD", "STANDARD"]);
    assert_eq!(answer["data"]["list"][0]["user_name"], "Ana M");
    assert_eq!(answer["data"]["list"][2]["user_id"], Value::Null);
    assert_eq!(answer["data"]["list"][2]["user_email"], "dan@example.com");
    let user = town.get(&token, "/user/info/", &[]).await;
    assert_ne!(answer["data"]["list"][0]["user_id"], user["data"]["core_user_id"], "two id spaces");
    let query = [("bc_id", SHOP), ("filtering", r#"{"user_role":"ADMIN","relation_status":"BOUND"}"#)];
    assert_eq!(column(&town.get(&token, "/bc/member/get/", &query).await, "user_name"), ["Ana M"]);
}

#[tokio::test]
async fn asset_members_and_partners() {
    let town = Town::new().await;
    {
        let mut world = town.tiktok.handle().world();
        world.set_account_role(EU, SHOP, "ben", Some(AdvertiserRole::Operator)).unwrap();
        world.share(EU, AGENCY, RelationStatus::Bound).unwrap();
    }
    let token = town.ana();
    let answer = town.get(&token, "/bc/asset/member/get/", &with(&[("asset_id", EU)])).await;
    assert_eq!(column(&answer, "advertiser_role"), ["ADMIN", "OPERATOR"]);
    let answer = town.get(&token, "/bc/asset/partner/get/", &with(&[("asset_id", EU)])).await;
    assert_eq!((column(&answer, "bc_id"), column(&answer, "bc_name")), (vec![AGENCY.into()], vec!["Agency".into()]));
    assert_eq!(town.code(&token, "/bc/asset/member/get/", &with(&[("asset_id", DANS)])).await, 40001);
    let answer = town.get(&token, "/bc/partner/get/", &[("bc_id", SHOP)]).await;
    assert_eq!(column(&answer, "bc_id"), [AGENCY]);
    for (share_type, expected) in [("SHARING", EU), ("SHARED", FR)] {
        let query = with(&[("partner_id", AGENCY), ("share_type", share_type)]);
        assert_eq!(column(&town.get(&token, "/bc/partner/asset/get/", &query).await, "asset_id"), [expected]);
    }
}

#[tokio::test]
async fn pages_cover_everything_once() {
    let town = Town::new().await;
    for number in 0..57_u64 {
        let id = (7_110_000_000_000_000_000 + number).to_string();
        let account = AdAccount::new(id, format!("Shop {number}"), Owner::business_center(SHOP));
        town.tiktok.handle().world().add_ad_account(account).unwrap();
    }
    let token = town.ana();
    let mut seen = Vec::new();
    for page in 1..=3 {
        let page = page.to_string();
        let query = with(&[("page", &page), ("page_size", "25"), ("filtering", r#"{"relation_type":"OWNER_BC"}"#)]);
        let answer = town.get(&token, "/bc/asset/admin/get/", &query).await;
        assert_eq!(
            (&answer["data"]["page_info"]["total_number"], &answer["data"]["page_info"]["total_page"]),
            (&json!(59), &json!(3))
        );
        seen.extend(column(&answer, "asset_id"));
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 59);
    let default = town.get(&token, "/bc/asset/admin/get/", &ASSETS).await;
    assert_eq!(default["data"]["list"].as_array().unwrap().len(), 10, "ten by default");
    let beyond = town.get(&token, "/bc/asset/admin/get/", &with(&[("page", "99")])).await;
    assert_eq!((&beyond["code"], &beyond["data"]["list"]), (&json!(0), &json!([])));
}
