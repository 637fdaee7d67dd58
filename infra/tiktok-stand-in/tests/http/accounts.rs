//! Which ad accounts a token covers, their details, and who authorized.

use serde_json::json;
use tiktok_stand_in::{
    AccountStatus, AdAccounts, AdvertiserRole, BcRole, Membership, Owner, RelationStatus, switches::ForeignId,
};

use crate::support::{AGENCY, APP, DANS, EU, FR, SHOP, Town, US, column};

#[tokio::test]
async fn the_list_shrinks_when_access_is_lost_and_the_token_stays_valid() {
    let town = Town::new().await;
    let token = town.ana();
    let ids = async || column(&town.authorized(&token).await, "advertiser_id");
    assert_eq!(ids().await, [EU, US, FR]);
    town.tiktok.handle().world().unshare(FR, SHOP).unwrap();
    assert_eq!(ids().await, [EU, US]);
    town.tiktok.handle().world().delete_account(US).unwrap();
    assert_eq!(ids().await, [EU]);
    town.tiktok.handle().world().move_account(EU, Owner::business_center(AGENCY)).unwrap();
    assert!(ids().await.is_empty());
    town.tiktok.handle().world().move_account(EU, Owner::business_center(SHOP)).unwrap();
    assert_eq!(ids().await, [EU]);
    town.tiktok.handle().world().remove_member(SHOP, "ana").unwrap();
    assert!(ids().await.is_empty());
}

#[tokio::test]
async fn an_ad_account_has_a_time_zone_and_one_to_be_shown() {
    let town = Town::new().await;
    let mut account = tiktok_stand_in::AdAccount::new("7100000000000000077", "Far", Owner::business_center(SHOP));
    account.timezone = "Etc/GMT-13".to_owned();
    account.display_timezone = Some("Pacific/Apia".to_owned());
    town.tiktok.handle().world().add_ad_account(account).unwrap();
    let ids = json!(["7100000000000000077", EU]).to_string();
    let answer = town.get(&town.ana(), "/advertiser/info/", &[("advertiser_ids", &ids)]).await;
    assert_eq!(column(&answer, "timezone"), ["Etc/GMT-13", "Europe/Berlin"]);
    assert_eq!(column(&answer, "display_timezone"), ["Pacific/Apia", "Europe/Berlin"]);
}

#[tokio::test]
async fn later_accounts_need_a_new_authorization_unless_switched() {
    let town = Town::new().await;
    let handle = town.tiktok.handle();
    let token = handle.authorize("ana", APP, [1, 4], AdAccounts::only([EU])).unwrap().access_token;
    assert_eq!(column(&town.authorized(&token).await, "advertiser_name"), ["Shop EU"]);
    handle.world().switches.later_accounts_covered = true;
    assert_eq!(column(&town.authorized(&token).await, "advertiser_id"), [EU, US, FR]);
}

#[tokio::test]
async fn a_standard_member_reaches_what_they_were_given() {
    let town = Town::new().await;
    let handle = town.tiktok.handle();
    assert!(handle.authorize("ben", APP, [1, 4], AdAccounts::All).unwrap().advertiser_ids.is_empty());
    handle.world().set_account_role(US, SHOP, "ben", Some(AdvertiserRole::Analyst)).unwrap();
    assert_eq!(handle.authorize("ben", APP, [1, 4], AdAccounts::All).unwrap().advertiser_ids, [US]);
    handle.world().set_relation_status(US, SHOP, RelationStatus::Pending).unwrap();
    assert!(handle.authorize("ben", APP, [1, 4], AdAccounts::All).unwrap().advertiser_ids.is_empty());
}

#[tokio::test]
async fn details_have_texts_for_ids_numbers_for_times_and_explicit_nulls() {
    let town = Town::new().await;
    let ids = json!([EU]).to_string();
    let answer = town.get(&town.ana(), "/advertiser/info/", &[("advertiser_ids", &ids)]).await;
    let account = &answer["data"]["list"][0];
    assert_eq!(account["advertiser_id"], EU);
    assert_eq!(account["name"], "Shop EU");
    assert_eq!(account["status"], "STATUS_ENABLE");
    assert!(account["create_time"].is_i64() && account["balance"].is_number());
    assert!(account.as_object().unwrap().contains_key("email") && account["email"].is_null());
    assert!(account.get("company_name_editable").is_none());
    town.tiktok.handle().world().set_account_status(EU, AccountStatus::Limit).unwrap();
    let query = [("advertiser_ids", ids.as_str()), ("fields", r#"["status"]"#)];
    let answer = town.get(&town.ana(), "/advertiser/info/", &query).await;
    assert_eq!(answer["data"]["list"], json!([{ "advertiser_id": EU, "status": "STATUS_LIMIT" }]));
    let query = [("advertiser_ids", ids.as_str()), ("fields", r#"["company_name_editable"]"#)];
    let answer = town.get(&town.ana(), "/advertiser/info/", &query).await;
    assert_eq!(answer["data"]["list"], json!([{ "advertiser_id": EU, "company_name_editable": false }]));
}

#[tokio::test]
async fn the_owner_is_shown_only_to_its_admin_with_a_role_through_it() {
    let town = Town::new().await;
    let handle = town.tiktok.handle();
    let owner = async |login: &str, id: &str| {
        let ids = json!([id]).to_string();
        let answer = town.get(&town.token(login, &[1, 4]), "/advertiser/info/", &[("advertiser_ids", &ids)]).await;
        assert_eq!(answer["code"], 0, "{answer}");
        answer["data"]["list"][0].get("owner_bc_id").cloned()
    };
    assert_eq!(owner("ana", EU).await, Some(json!(SHOP)));
    assert_eq!(owner("ana", FR).await, None, "reached through a partner");
    assert_eq!(owner("dan", DANS).await, None, "a personal account has none");
    handle.world().set_account_role(EU, SHOP, "ben", Some(AdvertiserRole::Admin)).unwrap();
    assert_eq!(owner("ben", EU).await, None, "not an admin of the Business Center");
    // Ana stays admin of the owner, but her role on the account comes through the partner alone.
    handle.world().share(EU, AGENCY, RelationStatus::Bound).unwrap();
    handle.world().set_membership(AGENCY, Membership::joined("ana", BcRole::Admin)).unwrap();
    handle.world().set_account_role(EU, SHOP, "ana", None).unwrap();
    assert_eq!(owner("ana", EU).await, None);
}

#[tokio::test]
async fn admins_need_given_roles_when_the_switch_is_off() {
    let town = Town::new().await;
    town.tiktok.handle().world().switches.admins_reach_all_accounts = false;
    assert!(column(&town.authorized(&town.ana()).await, "advertiser_id").is_empty());
    town.tiktok.handle().world().set_account_role(EU, SHOP, "ana", Some(AdvertiserRole::Operator)).unwrap();
    assert_eq!(column(&town.authorized(&town.ana()).await, "advertiser_id"), [EU]);
}

#[tokio::test]
async fn one_foreign_id_fails_the_whole_call_unless_switched() {
    let town = Town::new().await;
    let ids = json!([EU, DANS]).to_string();
    let query = [("advertiser_ids", ids.as_str())];
    let answer = town.get(&town.ana(), "/advertiser/info/", &query).await;
    assert_eq!(answer["code"], 40001);
    assert_eq!(answer["message"], format!("No permission to operate advertiser: {DANS}"));
    assert_eq!(answer["data"], json!({}));
    town.tiktok.handle().world().switches.foreign_id = ForeignId::LeftOut;
    let answer = town.get(&town.ana(), "/advertiser/info/", &query).await;
    assert_eq!(column(&answer, "advertiser_id"), [EU]);
}

#[tokio::test]
async fn deleted_and_unknown_accounts_do_not_exist() {
    let town = Town::new().await;
    let token = town.ana();
    town.tiktok.handle().world().delete_account(EU).unwrap();
    for id in [EU, "7100000000000000099"] {
        let ids = json!([id]).to_string();
        let answer = town.get(&token, "/advertiser/info/", &[("advertiser_ids", &ids)]).await;
        assert_eq!(answer["code"], 40001);
        assert_eq!(answer["message"], format!("The advertiser {id} doesn't exist or has been deleted."));
    }
    town.tiktok.handle().world().switches.account_refused = 40002;
    let ids = json!([DANS]).to_string();
    let answer = town.get(&token, "/advertiser/info/", &[("advertiser_ids", &ids)]).await;
    assert_eq!(answer["code"], 40002);
    assert_eq!(answer["message"], format!("No permission to operate advertiser: {DANS}"));
}

#[tokio::test]
async fn too_many_ids_are_40011() {
    let town = Town::new().await;
    let ids = json!(vec![EU; 101]).to_string();
    assert_eq!(town.code(&town.ana(), "/advertiser/info/", &[("advertiser_ids", &ids)]).await, 40011);
    town.tiktok.handle().world().switches.max_advertiser_ids = 101;
    assert_eq!(town.code(&town.ana(), "/advertiser/info/", &[("advertiser_ids", &ids)]).await, 0);
}

#[tokio::test]
async fn user_info_shows_the_login_with_a_masked_email() {
    let town = Town::new().await;
    let answer = town.get(&town.ana(), "/user/info/", &[]).await;
    let data = &answer["data"];
    assert_eq!(data["display_name"], "Ana M");
    assert_eq!(data["email"], "a***@e******.com");
    assert_eq!(data["core_user_id"].as_str().unwrap().len(), 19);
    assert!(data["create_time"].is_i64());
}
