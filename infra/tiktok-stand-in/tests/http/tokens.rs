//! Codes, tokens and their end.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tiktok_stand_in::{
    AdAccounts, App, Consent, Permissions,
    switches::{Reauthorization, ReauthorizedAccounts},
};
use url::form_urlencoded;

use crate::support::{APP, CALLBACK, EU, FR, SECRET, Town, UNKNOWN_SCOPE, US, column, envelope};

const OTHER_APP: &str = "7300000000000000032";

fn add_other_app(town: &Town) {
    town.tiktok.handle().world().add_app(App::new(OTHER_APP, SECRET, [CALLBACK], [1, 4])).unwrap();
}

#[tokio::test]
async fn a_code_becomes_a_token_once() {
    let town = Town::new().await;
    let code = town.consent(Consent::by("ana"));
    let first = town.exchange(&code).await;
    assert_eq!(first["code"], 0);
    let token = first["data"]["access_token"].as_str().unwrap();
    assert_eq!(token.len(), 40);
    assert!(token.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)));
    assert_eq!(first["data"]["advertiser_ids"], json!([EU, US, FR]), "shared accounts are offered too");
    assert!(first["data"].get("expires_in").is_none() && first["data"].get("refresh_token").is_none());
    let again = town.exchange(&code).await;
    assert_eq!(again["code"], 40110);
    assert_eq!(again["data"], json!({}));
    assert_eq!(town.authorized(token).await["code"], 0, "a replay does not hurt the token");
    assert_eq!(town.tiktok.handle().exchanges(), 2);
}

#[tokio::test]
async fn scopes_are_a_flat_list_of_numbers_with_unknown_ids_unrounded() {
    let town = Town::new().await;
    town.tiktok
        .handle()
        .world()
        .set_app_scopes(APP, vec![100, 15, 4, 7_043_626_160_646_815_746, UNKNOWN_SCOPE])
        .unwrap();
    let code = town.consent(Consent::by("ana"));
    let url = town.url("/oauth2/access_token/");
    let body = json!({ "app_id": APP, "secret": SECRET, "auth_code": code });
    let text = town.http.post(url).json(&body).send().await.unwrap().text().await.unwrap();
    assert!(text.contains(r#""scope":[100,15,4,7043626160646815746,7580203444061896721]"#), "{text}");
}

#[tokio::test]
async fn a_code_lives_one_hour() {
    let town = Town::where_time_stands_still().await;
    let (early, late) = (town.consent(Consent::by("ana")), town.consent(Consent::by("ana")));
    town.tiktok.handle().advance_clock(3_590);
    assert_eq!(town.exchange(&early).await["code"], 0);
    town.tiktok.handle().advance_clock(20);
    assert_eq!(town.exchange(&late).await["code"], 40110);
}

#[tokio::test]
async fn the_account_list_can_be_left_out() {
    let town = Town::new().await;
    let code = town.consent(Consent::by("ana"));
    let body = json!({ "app_id": APP, "secret": SECRET, "auth_code": code, "return_advertiser_ids": false });
    let answer = town.post("/oauth2/access_token/", &body).await;
    assert_eq!(answer["code"], 0);
    assert!(answer["data"].get("advertiser_ids").is_none());
}

#[tokio::test]
async fn an_empty_choice_of_accounts_is_a_grant_all_the_same() {
    let town = Town::new().await;
    let code = town.consent(Consent::by("ana").ad_accounts(AdAccounts::None));
    let answer = town.exchange(&code).await;
    assert_eq!(answer["code"], 0);
    assert_eq!(answer["data"]["advertiser_ids"], json!([]));
    let token = answer["data"]["access_token"].as_str().unwrap();
    assert_eq!(town.authorized(token).await["data"]["list"], json!([]));
}

#[tokio::test]
async fn exchanges_fail_in_their_own_ways() {
    let town = Town::new().await;
    add_other_app(&town);
    let code = town.consent(Consent::by("ana"));
    let never_issued = "0123456789abcdef0123456789abcdef01234567";
    let cases = [
        (json!({ "app_id": APP, "secret": "wrong", "auth_code": code }), 40101),
        (json!({ "app_id": "7300000000000000099", "secret": SECRET, "auth_code": code }), 40113),
        (json!({ "app_id": OTHER_APP, "secret": SECRET, "auth_code": code }), 40110),
        (json!({ "app_id": APP, "secret": SECRET, "auth_code": never_issued }), 40110),
        (json!({ "app_id": APP, "secret": SECRET, "auth_code": "short" }), 40110),
        (json!({ "app_id": APP, "secret": SECRET }), 40002),
        (json!({ "app_id": APP, "secret": SECRET, "auth_code": code, "return_advertiser_ids": 7 }), 40002),
        (json!([]), 40002),
    ];
    for (body, expected) in cases {
        let answer = town.post("/oauth2/access_token/", &body).await;
        assert_eq!(answer["code"], expected, "{body}: {answer}");
    }
    let missing = town.post("/oauth2/access_token/", &json!({ "app_id": APP, "secret": SECRET })).await;
    assert_eq!(missing["message"], "Missing required field(s): auth_code.");
    assert_eq!(town.exchange(&code).await["code"], 0, "no refusal spends the code");
}

#[tokio::test]
async fn the_codes_of_failed_exchanges_can_be_switched() {
    let town = Town::new().await;
    {
        let mut world = town.tiktok.handle().world();
        world.switches.bad_code = 40115;
        world.switches.malformed_code = 40101;
        world.switches.wrong_secret = 40113;
        world.switches.unknown_app = 40101;
        world.switches.code_lifetime_seconds = 60;
    }
    let never_issued = "0123456789abcdef0123456789abcdef01234567";
    for (app, secret, code, expected) in [
        (APP, SECRET, never_issued, 40115),
        (APP, SECRET, "short", 40101),
        (APP, "wrong", never_issued, 40113),
        (OTHER_APP, SECRET, never_issued, 40101),
    ] {
        let body = json!({ "app_id": app, "secret": secret, "auth_code": code });
        assert_eq!(town.post("/oauth2/access_token/", &body).await["code"], expected);
    }
    let code = town.consent(Consent::by("ana"));
    town.tiktok.handle().advance_clock(61);
    assert_eq!(town.exchange(&code).await["code"], 40115);
}

#[tokio::test]
async fn a_blocked_app_can_do_nothing() {
    let town = Town::new().await;
    let token = town.ana();
    let code = town.consent(Consent::by("ana"));
    town.tiktok.handle().world().set_app_blocked(APP, true).unwrap();
    assert_eq!(town.exchange(&code).await["code"], 40113);
    assert_eq!(town.code(&token, "/user/info/", &[]).await, 40113);
    assert!(town.tiktok.handle().consent(&town.link(), Consent::by("ana")).is_err());
}

#[tokio::test]
async fn the_standard_token_endpoint_takes_forms_and_json_and_answers_flat() {
    let town = Town::new().await;
    let fields = |code: &str, kind: &str| {
        [("client_id", APP), ("client_secret", SECRET), ("code", code), ("grant_type", kind)]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
    };
    let form = async |code: &str, kind: &str| -> Value {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields(code, kind)).finish();
        let request = town.http.post(town.url("/oauth/token/")).body(body);
        let request = request.header("Content-Type", "application/x-www-form-urlencoded");
        envelope(request.send().await.unwrap()).await
    };
    let code = town.consent(Consent::by("ana"));
    assert_eq!(form(&code, "client_credentials").await["code"], 40108);
    let answer = form(&code, "authorization_code").await;
    assert_eq!(answer["code"], 0, "{answer}");
    let token = answer["access_token"].as_str().unwrap();
    assert_eq!(answer["scope"], json!([1, 4, UNKNOWN_SCOPE]));
    assert!(answer.get("data").is_none());
    assert_eq!(town.authorized(token).await["code"], 0);

    let code = town.consent(Consent::by("ana"));
    let body = json!(fields(&code, "authorization_code").into_iter().collect::<std::collections::BTreeMap<_, _>>());
    assert_eq!(town.post("/oauth/token/", &body).await["access_token"], token, "same permissions, same token");
    assert_eq!(town.tiktok.handle().exchanges(), 3);
}

#[tokio::test]
async fn revoking_kills_the_whole_token() {
    let town = Town::new().await;
    let token = town.ana();
    let body = json!({ "app_id": APP, "secret": SECRET, "access_token": token });
    let wrong = json!({ "app_id": APP, "secret": "wrong", "access_token": token });
    assert_eq!(town.post("/oauth2/revoke_token/", &wrong).await["code"], 40101);
    let answer = town.post("/oauth2/revoke_token/", &body).await;
    assert_eq!(answer["data"], json!({ "app_id": APP, "advertiser_ids": [EU, US, FR] }));
    for path in ["/user/info/", "/bc/get/"] {
        assert_eq!(town.code(&token, path, &[]).await, 40105);
    }
    assert_eq!(town.authorized(&token).await["code"], 40105);
    assert_eq!(town.post("/oauth2/revoke_token/", &body).await["code"], 40105, "a dead token again");
    town.tiktok.handle().world().switches.dead_token_revocation = 0;
    assert_eq!(town.post("/oauth2/revoke_token/", &body).await["code"], 0);
}

#[tokio::test]
async fn another_apps_token_cannot_be_revoked_or_used() {
    let town = Town::new().await;
    add_other_app(&town);
    let token = town.ana();
    let body = json!({ "app_id": OTHER_APP, "secret": SECRET, "access_token": token });
    assert_eq!(town.post("/oauth2/revoke_token/", &body).await["code"], 40000);
    let query = [("app_id", OTHER_APP), ("secret", SECRET)];
    let answer = town.get(&token, "/oauth2/advertiser/get/", &query).await;
    assert_eq!(answer["code"], 40000);
    assert_eq!(
        answer["message"],
        "The app_id is inconsistent with the token's app information. Please retry after correcting it."
    );
    town.tiktok.handle().world().switches.app_token_mismatch = 40113;
    assert_eq!(town.code(&token, "/oauth2/advertiser/get/", &query).await, 40113);
    let wrong_secret = [("app_id", APP), ("secret", "wrong")];
    assert_eq!(town.code(&token, "/oauth2/advertiser/get/", &wrong_secret).await, 40101);
}

#[tokio::test]
async fn a_person_can_withdraw_and_that_cancels_codes_on_the_way() {
    let town = Town::new().await;
    let (token, other) = (town.ana(), town.token("cara", &[1, 4]));
    let code = town.consent(Consent::by("ana"));
    assert_eq!(town.tiktok.handle().world().revoke_authorization("ana", APP), Ok(1));
    assert_eq!(town.authorized(&token).await["code"], 40105);
    assert_eq!(town.exchange(&code).await["code"], 40110);
    assert_eq!(town.authorized(&other).await["code"], 0, "only her own");
}

#[tokio::test]
async fn authorizing_again_gives_the_same_token_unless_permissions_changed() {
    let town = Town::new().await;
    let exchange = async |consent| {
        let answer = town.exchange(&town.consent(consent)).await;
        answer["data"]["access_token"].as_str().unwrap().to_owned()
    };
    let first = exchange(Consent::by("ana").ad_accounts(AdAccounts::only([EU]))).await;
    let second = exchange(Consent::by("ana").ad_accounts(AdAccounts::only([US]))).await;
    assert_eq!(first, second);
    assert_eq!(column(&town.authorized(&first).await, "advertiser_id"), [US], "the latest choice counts");
    town.tiktok.handle().world().switches.reauthorized_accounts = ReauthorizedAccounts::Added;
    assert_eq!(exchange(Consent::by("ana").ad_accounts(AdAccounts::only([EU]))).await, first);
    assert_eq!(column(&town.authorized(&first).await, "advertiser_id"), [EU, US]);

    let narrower = exchange(Consent::by("ana").permissions(Permissions::Off(vec![4]))).await;
    assert_ne!(narrower, first);
    assert_eq!(town.authorized(&first).await["code"], 0, "the old token stays valid");

    town.tiktok.handle().world().switches.reauthorization = Reauthorization::NewToken;
    let new = exchange(Consent::by("ana")).await;
    assert_eq!(BTreeSet::from([&first, &narrower, &new]).len(), 3);
    assert_eq!(town.authorized(&first).await["code"], 0);

    town.tiktok.handle().world().switches.reauthorization = Reauthorization::NewTokenKillsOld;
    let newest = exchange(Consent::by("ana")).await;
    assert_eq!(town.authorized(&newest).await["code"], 0);
    for old in [first, narrower, new] {
        assert_eq!(town.authorized(&old).await["code"], 40105);
    }
}

#[tokio::test]
async fn a_new_secret_is_needed_at_once_and_kills_tokens_only_with_its_switch() {
    let town = Town::new().await;
    let token = town.ana();
    town.tiktok.handle().world().rotate_secret(APP, "new").unwrap();
    assert_eq!(town.authorized(&token).await["code"], 40101);
    assert_eq!(town.code(&token, "/bc/get/", &[]).await, 0);
    town.tiktok.handle().world().switches.secret_rotation_kills_tokens = true;
    town.tiktok.handle().world().rotate_secret(APP, SECRET).unwrap();
    assert_eq!(town.authorized(&token).await["code"], 40105);
}

#[tokio::test]
async fn a_permission_that_the_app_got_later_needs_a_new_authorization() {
    let town = Town::new().await;
    let handle = town.tiktok.handle();
    handle.world().set_app_scopes(APP, vec![1]).unwrap();
    let old =
        town.exchange(&town.consent(Consent::by("ana"))).await["data"]["access_token"].as_str().unwrap().to_owned();
    handle.world().set_app_scopes(APP, vec![1, 4]).unwrap();
    let query = [("report_type", "BASIC"), ("data_level", "AUCTION_ADVERTISER"), ("advertiser_id", EU)];
    let message =
        async || town.get(&old, "/report/integrated/get/", &query).await["message"].as_str().unwrap().to_owned();
    assert_eq!(message().await, "advertiser does not grant you /report/integrated/get/:GET permission");
    handle.world().switches.missing_permission_text = tiktok_stand_in::switches::MissingPermissionText::LacksScope;
    assert!(message().await.starts_with("Permission error: "));

    let refused = town.exchange(&town.consent(Consent::by("ana").permissions(Permissions::Only(vec![1])))).await;
    assert_eq!(refused["data"]["scope"], json!([1]));
    assert_eq!(town.exchange(&town.consent(Consent::by("ana"))).await["data"]["scope"], json!([1, 4]));
    handle.world().switches.missing_permission_text = tiktok_stand_in::switches::MissingPermissionText::NotGranted;
    assert!(message().await.starts_with("advertiser does not grant you"));
}

#[tokio::test]
async fn a_snapshot_brings_everything_back() {
    let town = Town::new().await;
    let token = town.ana();
    let code = town.consent(Consent::by("ana"));
    let later = Town::new().await;
    assert_eq!(later.authorized(&token).await["code"], 40105);
    later.tiktok.handle().restore(&town.tiktok.handle().snapshot()).unwrap();
    assert_eq!(later.authorized(&token).await["code"], 0);
    assert_eq!(later.exchange(&code).await["code"], 0);
    assert!(later.tiktok.handle().restore("{").is_err());
}
