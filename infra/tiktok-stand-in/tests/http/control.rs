//! The control API.

use reqwest::Method;
use serde_json::{Value, json};
use tiktok_stand_in::Consent;

use crate::support::{AGENCY, APP, EU, SECRET, SHOP, Town, column};

async fn call(town: &Town, method: Method, path: &str, body: Value) -> (u16, Value) {
    let url = format!("{}/control/{path}", town.tiktok.base_url());
    // As curl sends it: any content type will do.
    let response = town.http.request(method, url).body(body.to_string()).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

async fn post(town: &Town, path: &str, body: Value) {
    let (status, answer) = call(town, Method::POST, path, body).await;
    assert_eq!(status, 200, "{path}: {answer}");
}

#[tokio::test]
async fn a_world_can_be_built_and_changed_over_http() {
    let town = Town::new().await;
    let (center, account) = ("7200000000000000077", "7100000000000000077");
    post(&town, "people", json!({ "login": "eve", "display_name": "Eve" })).await;
    post(&town, "business-centers", json!({ "bc_id": center, "name": "New", "type": "AGENCY" })).await;
    post(&town, "memberships", json!({ "bc_id": center, "login": "eve", "role": "ADMIN", "finance_role": "ANALYST" }))
        .await;
    let owner = json!({ "business_center": center });
    post(&town, "ad-accounts", json!({ "advertiser_id": account, "name": "New", "owner": owner })).await;
    let token = town.token("eve", &[1, 4]);
    assert_eq!(column(&town.authorized(&token).await, "advertiser_id"), [account]);

    post(&town, "shares", json!({ "advertiser_id": account, "bc_id": SHOP })).await;
    let assets = [("bc_id", SHOP), ("asset_type", "ADVERTISER"), ("filtering", r#"{"keyword":"New"}"#)];
    let shared = town.get(&town.ana(), "/bc/asset/admin/get/", &assets).await;
    assert_eq!(column(&shared, "relation_type"), ["OWNER_PARTNER"]);
    post(&town, "relation-status", json!({ "advertiser_id": account, "bc_id": SHOP, "relation_status": "REJECTED" }))
        .await;
    let shared = town.get(&town.ana(), "/bc/asset/admin/get/", &assets).await;
    assert_eq!(column(&shared, "relation_status"), ["REJECTED"]);
    assert_eq!(call(&town, Method::DELETE, "shares", json!({ "advertiser_id": account, "bc_id": SHOP })).await.0, 200);

    post(&town, "business-center-status", json!({ "bc_id": center, "status": "PUNISH" })).await;
    assert_eq!(town.get(&token, "/bc/get/", &[]).await["data"]["list"][0]["bc_info"]["status"], "PUNISH");
    post(&town, "status", json!({ "advertiser_id": account, "status": "STATUS_LIMIT" })).await;
    let role = json!({ "advertiser_id": account, "bc_id": center, "login": "eve", "role": null });
    post(&town, "account-roles", role).await;
    assert!(column(&town.authorized(&token).await, "advertiser_id").is_empty());
    post(&town, "move", json!({ "advertiser_id": account, "owner": { "person": "eve" } })).await;
    assert_eq!(column(&town.authorized(&token).await, "advertiser_id"), [account]);
    post(&town, "delete", json!({ "advertiser_id": account })).await;
    assert!(column(&town.authorized(&token).await, "advertiser_id").is_empty());
    assert_eq!(call(&town, Method::DELETE, "memberships", json!({ "bc_id": center, "login": "eve" })).await.0, 200);
    assert_eq!(town.get(&token, "/bc/get/", &[]).await["data"]["list"], json!([]));
    post(&town, "revoke", json!({ "login": "eve", "app_id": APP })).await;
    assert_eq!(town.authorized(&token).await["code"], 40105);
}

#[tokio::test]
async fn apps_can_be_added_blocked_and_given_other_secrets_and_scopes() {
    let town = Town::new().await;
    let other = "7300000000000000077";
    let app = json!({ "app_id": other, "name": "Other", "secret": "s", "redirect_uris": ["http://localhost/back"], "scopes": [4] });
    post(&town, "apps", app).await;
    post(&town, &format!("apps/{other}/scopes"), json!({ "scopes": [1, 4] })).await;
    let token = town.ana();
    post(&town, &format!("apps/{APP}/rotate-secret"), json!({ "secret": "new" })).await;
    assert_eq!(town.authorized(&token).await["code"], 40101);
    post(&town, &format!("apps/{APP}/blocked"), json!({ "blocked": true })).await;
    assert_eq!(town.authorized(&token).await["code"], 40113);
}

#[tokio::test]
async fn faults_switches_clock_and_log_are_steered_over_http() {
    let town = Town::new().await;
    let token = town.ana();
    let fault = json!({ "endpoint": "/bc/get/", "times": 1, "fault": { "code": { "code": 50000 } } });
    let (_, answer) = call(&town, Method::POST, "faults", fault).await;
    assert_eq!(town.code(&token, "/bc/get/", &[]).await, 50000);
    let (_, faults) = call(&town, Method::GET, "faults", json!(null)).await;
    assert_eq!(
        (&faults[0]["struck"], &faults[0]["fault"]),
        (&json!(1), &json!({ "code": { "code": 50000, "message": null } }))
    );
    assert_eq!(call(&town, Method::DELETE, &format!("faults/{}", answer["id"]), json!(null)).await.0, 200);
    assert_eq!(call(&town, Method::DELETE, &format!("faults/{}", answer["id"]), json!(null)).await.0, 404);
    post(&town, "faults", json!({ "fault": "bad_gateway_html" })).await;
    assert_eq!(call(&town, Method::DELETE, "faults", json!(null)).await.0, 200);
    assert_eq!(town.code(&token, "/bc/get/", &[]).await, 0);

    let (_, switches) = call(&town, Method::PATCH, "switches", json!({ "bad_parameter": 40000 })).await;
    assert_eq!((&switches["bad_parameter"], &switches["bad_code"]), (&json!(40000), &json!(40110)));
    assert_eq!(town.code(&token, "/bc/get/", &[("page", "0")]).await, 40000);
    assert_eq!(call(&town, Method::GET, "switches", json!(null)).await.1, switches);

    let code = town.consent(Consent::by("ana"));
    post(&town, "clock/advance", json!({ "seconds": 3601 })).await;
    assert_eq!(town.exchange(&code).await["code"], 40110);

    let (_, log) = call(&town, Method::GET, "log", json!(null)).await;
    assert_eq!(
        (&log["calls"], &log["entries"][0]["endpoint"], &log["entries"][0]["login"]),
        (&json!(4), &json!("/bc/get/"), &json!("ana"))
    );
    assert_eq!(call(&town, Method::DELETE, "log", json!(null)).await.0, 200);
    assert_eq!(town.tiktok.handle().total_calls(), 0);
}

#[tokio::test]
async fn nothing_shows_a_token_a_code_or_a_secret() {
    let town = Town::new().await;
    let token = town.ana();
    let code = town.consent(Consent::by("ana"));
    town.authorized(&token).await;
    let unused = town.consent(Consent::by("cara"));
    town.exchange(&code).await;
    let (_, state) = call(&town, Method::GET, "state", json!(null)).await;
    assert_eq!(state["codes_waiting"], 1);
    assert_eq!(state["grants"][0]["login"], "ana");
    let (_, log) = call(&town, Method::GET, "log", json!(null)).await;
    let (_, faults) = call(&town, Method::GET, "faults", json!(null)).await;
    let shown = format!("{state} {log} {faults}");
    for secret in [&token, &code, &unused, SECRET] {
        assert!(!shown.contains(secret));
    }
    assert!(shown.contains(&tiktok_stand_in::fingerprint(&token)));
}

#[tokio::test]
async fn nonsense_is_refused_with_a_sentence() {
    let town = Town::new().await;
    for (method, path, body, expected) in [
        (Method::POST, "people", json!({ "login": "x", "admin": true }), 400),
        (Method::POST, "people", json!({ "login": "" }), 400),
        (Method::POST, "people", json!({ "login": "ana" }), 409),
        (Method::POST, "people", json!("not an object"), 400),
        (Method::POST, "business-centers", json!({ "bc_id": "abc", "name": "x" }), 400),
        (Method::POST, "business-centers", json!({ "bc_id": SHOP, "name": "x" }), 409),
        (
            Method::POST,
            "ad-accounts",
            json!({ "advertiser_id": "7100000000000000099", "name": "x", "owner": { "person": "nobody" } }),
            404,
        ),
        (Method::POST, "memberships", json!({ "bc_id": SHOP, "login": "ana", "role": "OWNER" }), 400),
        (Method::POST, "memberships", json!({ "bc_id": SHOP, "login": "ana", "role": "ADMIN", "more": 1 }), 400),
        (Method::DELETE, "memberships", json!({ "bc_id": AGENCY, "login": "ana" }), 404),
        (Method::POST, "shares", json!({ "advertiser_id": EU, "bc_id": SHOP }), 400),
        (Method::DELETE, "shares", json!({ "advertiser_id": EU, "bc_id": AGENCY }), 404),
        (Method::POST, "move", json!({ "advertiser_id": EU }), 400),
        (Method::POST, "delete", json!({ "advertiser_id": "7100000000000000099" }), 404),
        (Method::POST, "status", json!({ "advertiser_id": EU, "status": "STATUS_FINE" }), 400),
        (Method::POST, "revoke", json!({ "login": "nobody", "app_id": APP }), 404),
        (Method::POST, "apps/1/blocked", json!({ "blocked": true }), 404),
        (Method::POST, "faults", json!({ "fault": "explode" }), 400),
        (Method::POST, "faults", json!({ "endpoint": "/bc/get", "fault": "hang" }), 404),
        (Method::POST, "faults", json!({ "fault": { "status": { "status": 99 } } }), 400),
        (Method::POST, "faults", json!({ "fault": { "latency": { "milliseconds": 1, "more": 1 } } }), 400),
        (Method::PATCH, "switches", json!({ "nonsense": 1 }), 400),
        (Method::PATCH, "switches", json!({ "denied_consent": "maybe" }), 400),
        (Method::POST, "clock/advance", json!({ "seconds": "1" }), 400),
    ] {
        let (status, answer) = call(&town, method, path, body.clone()).await;
        assert_eq!(status, expected, "{path} {body}: {answer}");
        assert!(answer["error"].is_string());
    }
    let docs = town.http.get(format!("{}/control/", town.tiktok.base_url())).send().await.unwrap();
    assert!(docs.text().await.unwrap().contains("POST /control/faults"));
}
