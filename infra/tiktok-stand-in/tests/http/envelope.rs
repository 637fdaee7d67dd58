//! What all endpoints share: paths, the envelope, tokens, quotas, parameters.

use serde_json::Value;
use tiktok_stand_in::switches::RateLevel;

use crate::support::{APP, EU, SECRET, SHOP, Town};

type Query<'a> = Vec<(&'a str, &'a str)>;

#[tokio::test]
async fn a_path_without_its_slash_or_an_unknown_one_is_plain_404() {
    let town = Town::new().await;
    let token = town.ana();
    for path in ["/advertiser/info", "/bc/get", "/nothing/here/", "/"] {
        let response = town.send(&token, path, &[]).await.unwrap();
        assert_eq!(response.status(), 404, "{path}");
        assert_eq!(response.text().await.unwrap(), "404 page not found");
    }
    assert_eq!(town.code(&token, "/user/info", &[]).await, 0, "the one route that does without");
    let elsewhere = town.http.get(format!("{}/open_api/v1.2/bc/get/", town.tiktok.base_url())).send().await.unwrap();
    assert_eq!(elsewhere.status(), 404);
}

#[tokio::test]
async fn a_wrong_method_never_reaches_the_api() {
    let town = Town::new().await;
    let response = town.http.post(town.url("/bc/get/")).send().await.unwrap();
    assert_eq!(response.status(), 405);
    let response = town.http.get(town.url("/oauth2/access_token/")).send().await.unwrap();
    assert_eq!(response.status(), 405);
    assert_eq!(town.tiktok.handle().exchanges(), 0);
}

#[tokio::test]
async fn success_and_failure_are_http_200_with_a_request_id_of_34_characters() {
    let town = Town::new().await;
    let good = town.get(&town.ana(), "/user/info/", &[]).await;
    let bad = town.get("0123456789abcdef0123456789abcdef01234567", "/user/info/", &[]).await;
    assert_eq!((&good["code"], &good["message"]), (&Value::from(0), &Value::from("OK")));
    assert_eq!(bad["code"], 40105);
    assert_eq!(bad["message"], "Access token is incorrect or has been revoked.");
    assert_eq!(bad["data"], serde_json::json!({}));
    for envelope in [&good, &bad] {
        let id = envelope["request_id"].as_str().unwrap();
        assert_eq!(id.len(), 34);
        assert!(id[..14].bytes().all(|b| b.is_ascii_digit()), "{id}");
        assert!(id[14..].bytes().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b)), "{id}");
    }
    assert_ne!(good["request_id"], bad["request_id"]);
}

#[tokio::test]
async fn a_missing_header_is_40104_and_a_bearer_prefix_40105() {
    let town = Town::new().await;
    let token = town.ana();
    let bare = town.http.get(town.url("/user/info/")).header("Authorization", format!("Bearer {token}"));
    let answer: Value = bare.send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["code"], 40104);
    assert_eq!(answer["message"], "Access token is null, you should set it in http header with key Access-Token.");
    assert_eq!(town.code(&format!("Bearer {token}"), "/user/info/", &[]).await, 40105);
}

#[tokio::test]
async fn a_token_in_the_query_works_only_with_its_switch() {
    let town = Town::new().await;
    let token = town.ana();
    let url = town.url("/oauth2/advertiser/get/");
    let query = [("app_id", APP), ("secret", SECRET), ("access_token", token.as_str())];
    let ask = async || -> Value { town.http.get(&url).query(&query).send().await.unwrap().json().await.unwrap() };
    assert_eq!(ask().await["code"], 40104);
    town.tiktok.handle().world().switches.access_token_in_query = true;
    assert_eq!(ask().await["code"], 0);
}

#[tokio::test]
async fn quotas_count_per_endpoint_and_recover() {
    let town = Town::where_time_stands_still().await;
    let token = town.ana();
    let handle = town.tiktok.handle();
    handle.world().switches.rate_level = RateLevel::Sandbox;
    assert_eq!(town.code(&token, "/user/info/", &[]).await, 0);
    let refused = town.get(&token, "/user/info/", &[]).await;
    assert_eq!(refused["code"], 40100);
    assert_eq!(refused["message"], "App reaches the QPS limit 1");
    assert_eq!(town.code(&token, "/bc/get/", &[]).await, 0, "another endpoint has its own count");
    handle.advance_clock(2);
    assert_eq!(town.code(&token, "/user/info/", &[]).await, 0);
}

#[tokio::test]
async fn structured_values_are_json_text_in_a_form_encoded_query() {
    let town = Town::new().await;
    let token = town.ana();
    for encoded in [
        "%5B%227100000000000000011%22%2C+%227100000000000000022%22%5D",
        "%5B%227100000000000000011%22%2C%227100000000000000022%22%5D",
        "%5B7100000000000000011%2C%207100000000000000022%5D",
    ] {
        let url = format!("{}?advertiser_ids={encoded}", town.url("/advertiser/info/"));
        let request = town.http.get(url).header("Access-Token", &token).header("Content-Type", "application/json");
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["data"]["list"].as_array().unwrap().len(), 2, "{encoded}: {answer}");
    }
}

#[tokio::test]
async fn parameters_that_make_no_sense_are_40002() {
    let town = Town::new().await;
    let token = town.ana();
    let filter = |text| vec![("bc_id", SHOP), ("asset_type", "ADVERTISER"), ("filtering", text)];
    let cases: Vec<(&str, Query<'_>)> = vec![
        ("/advertiser/info/", vec![]),
        ("/advertiser/info/", vec![("advertiser_ids", "[]")]),
        ("/advertiser/info/", vec![("advertiser_ids", EU)]),
        ("/advertiser/info/", vec![("advertiser_ids", r#"["abc"]"#)]),
        ("/advertiser/info/", vec![("advertiser_ids", r#"["7100000000000000011"]"#), ("fields", r#"["nonsense"]"#)]),
        ("/bc/get/", vec![("bc_id", "abc")]),
        ("/bc/get/", vec![("page", "0")]),
        ("/bc/get/", vec![("page", "x")]),
        ("/bc/get/", vec![("page_size", "51")]),
        ("/bc/get/", vec![("page_size", "0")]),
        ("/bc/get/", vec![("scene", "NONSENSE")]),
        ("/bc/asset/get/", vec![("bc_id", SHOP)]),
        ("/bc/asset/get/", vec![("asset_type", "ADVERTISER")]),
        ("/bc/asset/get/", vec![("bc_id", SHOP), ("asset_type", "advertiser")]),
        ("/bc/asset/get/", filter(r#"{"user_id":"6900000000000000001","user_email":"a@b.c"}"#)),
        ("/bc/asset/admin/get/", filter("{")),
        ("/bc/asset/admin/get/", filter(r#"{"relation_status":"REJECT"}"#)),
        ("/bc/asset/admin/get/", filter(r#"{"relation_type":"OWNER"}"#)),
        ("/bc/member/get/", vec![("bc_id", SHOP), ("page_size", "21")]),
        ("/oauth2/advertiser/get/", vec![("app_id", APP)]),
    ];
    for (path, query) in cases {
        let answer = town.get(&token, path, &query).await;
        assert_eq!(answer["code"], 40002, "{path} {query:?}: {answer}");
    }
    town.tiktok.handle().world().switches.bad_parameter = 40000;
    assert_eq!(town.code(&token, "/bc/get/", &[("page_size", "51")]).await, 40000);
}

#[tokio::test]
async fn a_query_with_raw_brackets_fails() {
    let town = Town::new().await;
    let url = format!("{}?advertiser_ids=[{EU}]", town.url("/advertiser/info/"));
    let request = town.http.get(url).header("Access-Token", town.ana());
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["code"], 40002);
}

#[tokio::test]
async fn every_endpoint_wants_its_scope_or_one_above_it() {
    let town = Town::new().await;
    let report = [
        ("report_type", "BASIC"),
        ("data_level", "AUCTION_ADVERTISER"),
        ("dimensions", r#"["advertiser_id"]"#),
        ("advertiser_id", EU),
        ("start_date", "2026-11-01"),
        ("end_date", "2026-11-02"),
    ];
    let asset = [("bc_id", SHOP), ("asset_type", "ADVERTISER"), ("asset_id", EU)];
    let partner = [("bc_id", SHOP), ("asset_type", "ADVERTISER"), ("partner_id", SHOP), ("share_type", "SHARED")];
    let cases: Vec<(&str, Query<'_>, [u64; 3])> = vec![
        ("/oauth2/advertiser/get/", vec![("app_id", APP), ("secret", SECRET)], [100, 10, 1]),
        ("/advertiser/info/", vec![("advertiser_ids", r#"["7100000000000000011"]"#)], [100, 10, 1]),
        ("/bc/get/", vec![], [150, 15, 1]),
        ("/bc/asset/get/", asset.to_vec(), [153, 15, 1]),
        ("/bc/asset/admin/get/", asset.to_vec(), [153, 15, 1]),
        ("/bc/asset/member/get/", asset.to_vec(), [153, 15, 1]),
        ("/bc/asset/partner/get/", asset.to_vec(), [153, 15, 1]),
        ("/bc/member/get/", vec![("bc_id", SHOP)], [156, 15, 1]),
        ("/bc/partner/get/", vec![("bc_id", SHOP)], [155, 15, 1]),
        ("/bc/partner/asset/get/", partner.to_vec(), [155, 15, 1]),
        ("/report/integrated/get/", report.to_vec(), [44, 4, 4]),
    ];
    let all_leaves = [100, 150, 153, 155, 156, 40, 41, 42, 43, 44, 2, 3];
    for (path, query, enough) in cases {
        for scope in enough {
            assert_eq!(town.code(&town.token("ana", &[scope]), path, &query).await, 0, "{path} with {scope}");
        }
        let others: Vec<u64> = all_leaves.into_iter().filter(|id| !enough.contains(id)).collect();
        let refused = town.get(&town.token("ana", &others), path, &query).await;
        assert_eq!(refused["code"], 40001, "{path}");
        let text =
            format!("Permission error: The access token lacks the required scope for endpoint '{path}(method=GET)'.");
        assert!(refused["message"].as_str().unwrap().starts_with(&text), "{refused}");
    }
    assert_eq!(town.code(&town.token("ana", &[]), "/user/info/", &[]).await, 0, "user info needs no scope");
}
