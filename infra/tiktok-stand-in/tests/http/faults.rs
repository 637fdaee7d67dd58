//! Misbehaviour on demand.

use std::time::Duration;

use serde_json::{Value, json};
use tiktok_stand_in::{Consent, Fault, FaultKind};
use tokio::time::{Instant, pause, timeout};

use crate::support::{AGENCY, APP, EU, PATIENCE, SECRET, SHOP, Town, US, column};

const ADMIN_ASSETS: [(&str, &str); 2] = [("bc_id", SHOP), ("asset_type", "ADVERTISER")];

fn put(town: &Town, fault: Fault) -> u64 {
    town.tiktok.handle().add_fault(fault).unwrap()
}

#[tokio::test]
async fn a_code_strikes_one_endpoint_for_a_while() {
    let town = Town::new().await;
    let token = town.ana();
    put(&town, Fault::code(50002).on("/bc/get/").skip(1).times(2));
    let mut codes = Vec::new();
    for _ in 0..4 {
        codes.push(town.code(&token, "/bc/get/", &[]).await);
        assert_eq!(town.code(&token, "/user/info/", &[]).await, 0);
    }
    assert_eq!(codes, [0, 50002, 50002, 0]);
    let fault = &town.tiktok.handle().faults()[0];
    assert_eq!((fault.met, fault.struck), (4, 2));
}

#[tokio::test]
async fn a_fault_can_aim_at_a_person_or_a_token() {
    let town = Town::new().await;
    let (ana, other, cara) = (town.ana(), town.token("ana", &[1]), town.token("cara", &[1, 4]));
    let id = put(&town, Fault::code(40100).for_token(&ana));
    assert_eq!(town.code(&ana, "/bc/get/", &[]).await, 40100);
    assert_eq!(town.code(&other, "/bc/get/", &[]).await, 0);
    assert!(town.tiktok.handle().clear_fault(id));
    put(&town, Fault::new(FaultKind::Code { code: 60001, message: Some("maintenance".into()) }).for_person("ana"));
    for token in [&ana, &other] {
        assert_eq!(town.get(token, "/bc/get/", &[]).await["message"], "maintenance");
    }
    assert_eq!(town.code(&cara, "/bc/get/", &[]).await, 0);
    town.tiktok.handle().clear_faults();
    assert_eq!(town.code(&ana, "/bc/get/", &[]).await, 0);
    assert!(town.tiktok.handle().add_fault(Fault::code(1).on("/nothing/")).is_err());
}

#[tokio::test]
async fn a_fault_can_aim_at_an_ad_account_alone_or_among_others() {
    let town = Town::new().await;
    let token = town.ana();
    put(&town, Fault::code(40001).on("/advertiser/info/").for_ad_account(US));
    let code = async |ids: &str| town.code(&token, "/advertiser/info/", &[("advertiser_ids", ids)]).await;
    assert_eq!(code(&json!([EU]).to_string()).await, 0);
    assert_eq!(code(&json!([US]).to_string()).await, 40001);
    assert_eq!(code(&json!([EU, US]).to_string()).await, 40001);
}

#[tokio::test]
async fn http_failures_look_like_an_edge() {
    let town = Town::new().await;
    let token = town.ana();
    for (kind, status, content_type) in [
        (FaultKind::Status { status: 503 }, 503, "text/plain"),
        (FaultKind::BadGatewayHtml, 502, "text/html"),
        (FaultKind::TooManyRequests, 429, "text/plain"),
    ] {
        let id = put(&town, Fault::new(kind));
        let response = town.send(&token, "/bc/get/", &[]).await.unwrap();
        assert_eq!(response.status(), status);
        assert!(response.headers()["content-type"].to_str().unwrap().starts_with(content_type));
        town.tiktok.handle().clear_fault(id);
    }
}

#[tokio::test]
async fn redirects_name_their_target() {
    let town = Town::new().await;
    for status in [301, 307, 308] {
        let target = "http://127.0.0.1:9/elsewhere".to_owned();
        put(&town, Fault::new(FaultKind::Redirect { status, location: target.clone() }).times(1));
        let response = town.send(&town.ana(), "/bc/get/", &[]).await.unwrap();
        assert_eq!(
            (response.status().as_u16(), response.headers()["location"].to_str().unwrap()),
            (status, target.as_str())
        );
    }
}

#[tokio::test]
async fn latency_delays_and_a_hang_never_answers() {
    const HOUR: Duration = Duration::from_hours(1);
    let town = Town::new().await;
    let token = town.ana();
    let asked = async |calls| {
        town.tiktok.handle().wait_for_calls("/bc/get/", calls).await;
        // From here on, time goes on when everybody waits, and by as much as they wait for.
        pause();
    };
    put(&town, Fault::new(FaultKind::Latency { milliseconds: 3_600_000 }).times(1));
    let started = Instant::now();
    let (code, ()) = tokio::join!(town.code(&token, "/bc/get/", &[]), asked(1));
    assert_eq!(code, 0);
    assert!(started.elapsed() >= HOUR, "{:?}", started.elapsed());

    tokio::time::resume();
    put(&town, Fault::new(FaultKind::Hang));
    let hanging = timeout(24 * HOUR, town.send(&token, "/bc/get/", &[]));
    let (hanging, ()) = tokio::join!(hanging, asked(2));
    assert!(hanging.is_err());
    assert_eq!(town.tiktok.handle().log().last().unwrap().http_status, None);
}

#[tokio::test]
async fn a_reset_before_processing_leaves_the_code_usable_and_one_after_does_not() {
    let town = Town::new().await;
    let exchange = async |code: &str| {
        let body = json!({ "app_id": APP, "secret": SECRET, "auth_code": code });
        town.http.post(town.url("/oauth2/access_token/")).json(&body).send().await
    };
    let code = town.consent(Consent::by("ana"));
    put(&town, Fault::new(FaultKind::Reset).on("/oauth2/access_token/").times(1));
    assert!(exchange(&code).await.is_err());
    put(&town, Fault::new(FaultKind::Reset).on("/oauth2/access_token/").after_processing().times(1));
    // The first fault is used up, the second strikes now: consumed, but the reply is lost.
    assert!(exchange(&code).await.is_err());
    assert_eq!(town.exchange(&code).await["code"], 40110);
    let log = town.tiktok.handle().log();
    assert_eq!(log.iter().map(|entry| entry.http_status).collect::<Vec<_>>(), [None, None, Some(200)]);
    assert!(log.iter().all(|entry| entry.login.as_deref() == Some("ana")));
}

#[tokio::test]
async fn a_held_answer_shows_the_past() {
    let town = Town::new().await;
    let token = town.ana();
    let handle = town.tiktok.handle();
    let id = put(&town, Fault::new(FaultKind::Hold).on("/bc/get/").times(1));
    let asking = town.get(&token, "/bc/get/", &[]);
    let meanwhile = async {
        handle.wait_for_calls("/bc/get/", 1).await;
        handle.world().remove_member(SHOP, "ana").unwrap();
        assert_eq!(town.get(&token, "/bc/get/", &[]).await["data"]["list"], json!([]));
        handle.clear_fault(id);
    };
    let (answer, ()) = tokio::join!(asking, meanwhile);
    assert_eq!(answer["data"]["list"][0]["bc_info"]["bc_id"], SHOP);
}

#[tokio::test]
async fn bodies_can_be_truncated_slow_huge_garbled_and_deep() {
    let town = Town::new().await;
    let token = town.ana();
    let body = async |kind| {
        put(&town, Fault::new(kind).times(1));
        town.send(&token, "/bc/get/", &[]).await.unwrap().bytes().await
    };
    assert!(body(FaultKind::TruncatedBody).await.is_err());

    put(&town, Fault::new(FaultKind::SlowBody { chunk_bytes: 100, milliseconds: 3_600_000 }).times(1));
    let slow = town.send(&token, "/bc/get/", &[]).await.unwrap();
    let started = Instant::now();
    pause();
    let slow = slow.bytes().await.unwrap();
    assert!(serde_json::from_slice::<Value>(&slow).is_ok());
    let pieces = u32::try_from(slow.len().div_ceil(100)).unwrap();
    assert!(started.elapsed() >= Duration::from_hours(1) * (pieces - 1), "{pieces}: {:?}", started.elapsed());
    tokio::time::resume();

    let huge = body(FaultKind::HugeBody { bytes: 3_000_000 }).await.unwrap();
    assert!(huge.len() > 3_000_000);
    assert_eq!(serde_json::from_slice::<Value>(&huge).unwrap()["code"], 0);

    let garbage = body(FaultKind::GarbageJson).await.unwrap();
    assert!(serde_json::from_slice::<Value>(&garbage).is_err());

    let deep = body(FaultKind::DeepNesting { depth: 10_000 }).await.unwrap();
    assert!(serde_json::from_slice::<Value>(&deep).unwrap_err().to_string().contains("recursion"));

    let wrong = FaultKind::WrongContentType { content_type: "text/html".into() };
    put(&town, Fault::new(wrong).times(1));
    assert_eq!(town.send(&token, "/bc/get/", &[]).await.unwrap().headers()["content-type"], "text/html");

    let exact = FaultKind::Body {
        status: 418,
        content_type: "application/json; charset=utf-7".into(),
        headers: [("x-extra".to_owned(), "1".to_owned())].into(),
        body: "exactly this".into(),
    };
    put(&town, Fault::new(exact).times(1));
    let response = town.send(&token, "/bc/get/", &[]).await.unwrap();
    assert_eq!((response.status().as_u16(), response.headers()["x-extra"].to_str().unwrap()), (418, "1"));
    assert_eq!(response.text().await.unwrap(), "exactly this");
}

#[tokio::test]
async fn envelopes_can_lie() {
    let town = Town::new().await;
    let token = town.ana();
    let ask = async |kind, path: &str, query: &[(&str, &str)]| {
        put(&town, Fault::new(kind).times(1));
        town.get(&token, path, query).await
    };
    assert_eq!(ask(FaultKind::DataNull, "/bc/get/", &[]).await["data"], Value::Null);
    assert_eq!(ask(FaultKind::CodeAsString, "/bc/get/", &[]).await["code"], "0");
    let partial = ask(FaultKind::PartialList, "/bc/asset/admin/get/", &ADMIN_ASSETS).await;
    assert_eq!((&partial["code"], column(&partial, "asset_id")), (&json!(20001), vec![EU.to_owned()]));
    let lying = FaultKind::LyingTotal { total_number: 1, total_page: Some(1) };
    let answer = ask(lying, "/bc/asset/admin/get/", &ADMIN_ASSETS).await;
    assert_eq!((&answer["data"]["page_info"]["total_number"], column(&answer, "asset_id").len()), (&json!(1), 3));
    let numbers = ask(FaultKind::IdsAsNumbers, "/bc/asset/admin/get/", &ADMIN_ASSETS).await;
    assert_eq!(numbers["data"]["list"][0]["asset_id"], json!(7_100_000_000_000_000_011_u64));
    let role = FaultKind::Replace { pointer: "/data/list/0/user_role".into(), value: json!("admin") };
    assert_eq!(ask(role, "/bc/get/", &[]).await["data"]["list"][0]["user_role"], "admin");
    let entry = FaultKind::Replace { pointer: "/data/list/0".into(), value: json!(null) };
    assert_eq!(ask(entry, "/bc/get/", &[]).await["data"]["list"], json!([null]));
    let list = FaultKind::Remove { pointer: "/data/list".into() };
    assert!(ask(list, "/bc/get/", &[]).await["data"].get("list").is_none());
}

#[tokio::test]
async fn endless_paging_gives_page_one_for_ever() {
    let town = Town::new().await;
    put(&town, Fault::new(FaultKind::EndlessPaging));
    for page in ["1", "2", "700"] {
        let query = [&ADMIN_ASSETS[..], &[("page", page), ("page_size", "2")]].concat();
        let answer = town.get(&town.ana(), "/bc/asset/admin/get/", &query).await;
        assert_eq!(column(&answer, "asset_id").len(), 2);
        assert_eq!(column(&answer, "asset_id")[0], EU);
        let info = &answer["data"]["page_info"];
        assert_eq!(info["page"].to_string(), page);
        assert!(info["total_page"].as_u64() > info["page"].as_u64());
    }
}

#[tokio::test]
async fn the_log_tells_who_asked_what_without_tokens() {
    let town = Town::new().await;
    let token = town.ana();
    let handle = town.tiktok.handle();
    let code = town.consent(Consent::by("ana"));
    town.exchange(&code).await;
    town.get(&token, "/bc/get/", &[("bc_id", AGENCY)]).await;
    put(&town, Fault::code(40100).times(1));
    town.get(&token, "/bc/get/", &[]).await;
    let log = handle.log();
    assert_eq!(log.iter().map(|entry| entry.ordinal).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(log[0].endpoint, "/oauth2/access_token/");
    assert_eq!((log[0].method.as_str(), log[0].app_id.as_deref()), ("POST", Some(APP)));
    assert_eq!(log[1].token_fingerprint, Some(tiktok_stand_in::fingerprint(&token)));
    assert_eq!((log[2].code, log[2].faults.clone()), (Some(40100), vec!["code"]));
    let text = format!("{log:?}");
    for secret in [&token, &code, SECRET] {
        assert!(!text.contains(secret));
    }
    assert_eq!((handle.exchanges(), handle.calls("/bc/get/"), handle.total_calls()), (1, 2, 3));
    handle.clear_log();
    assert_eq!((handle.total_calls(), handle.log().len()), (0, 0));
}

#[tokio::test]
async fn dropping_the_stand_in_closes_its_port_and_lets_hanging_calls_go() {
    let town = Town::new().await;
    let token = town.ana();
    let Town { tiktok, http } = town;
    tiktok.handle().add_fault(Fault::new(FaultKind::Hang)).unwrap();
    let url = format!("{}/open_api/v1.3/bc/get/", tiktok.base_url());
    let asking = tokio::spawn(http.get(&url).header("Access-Token", token).send());
    tiktok.handle().wait_for_calls("/bc/get/", 1).await;
    drop(tiktok);
    assert!(timeout(PATIENCE, asking).await.expect("it is let go").unwrap().is_err());
    assert!(http.get(&url).send().await.is_err());
}
