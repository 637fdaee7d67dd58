//! T76 to T78: what errors and logs tell. Every journey looks for secrets at its end (I4); here they are pushed into
//! every place where one might slip through.

use std::collections::{BTreeMap, BTreeSet};

use local::lambda::functions::InvokeError;
use shared::http::Code;

use super::STATE;
use crate::support::canaries::Kind;
use crate::support::proxy::{Break, Mode};
use crate::support::*;

/// An error's words are all from the catalogue, or the gateway's.
#[track_caller]
fn is_from_the_closed_list(answer: &Answer) {
    if answer.body["message"].is_string() {
        assert_eq!(answer.body.as_object().map(serde_json::Map::len), Some(1), "{answer:?}");
        return;
    }
    let kind = answer.body["type"].as_str().unwrap_or_else(|| panic!("no problem: {answer:?}"));
    let code = Code::ALL.into_iter().find(|code| kind == format!("/problems/{}", code.words().name));
    let words = code.unwrap_or_else(|| panic!("not in the list: {answer:?}")).words();
    assert_eq!(answer.body["title"], words.title);
    let known = ["type", "title", "status", "detail", "remedy", "request_id", "field", "cause"];
    assert!(
        answer.body.as_object().is_some_and(|body| body.keys().all(|key| known.contains(&key.as_str()))),
        "{answer:?}"
    );
}

/// T77: whatever is wrong, it is said in words that were there before, and what was sent stays unsaid in answers and logs.
#[tokio::test]
async fn t77_errors_do_not_repeat_what_was_sent() {
    let world = TestWorld::start_watched().await;
    let account = world.active(11).await;
    let sent = "c4n4ry-7f3a9b2c1d5e8f60";
    world.canary(Kind::Other, sent);
    let ana = world.as_(&ANA);
    let activate = format!("/ad-accounts/{}/activate", account.id);
    let mut answers = Vec::new();
    for path in [
        format!("/ad-accounts?status={sent}"),
        format!("/ad-accounts?limit={sent}"),
        format!("/ad-accounts?cursor={sent}"),
        format!("/ad-accounts?brand=%20{sent}"),
        format!("/ad-accounts?%20{sent}=1"),
        format!("/ad-accounts/{sent}"),
        format!("/ad-accounts/{sent}/history"),
        format!("/activations/{sent}"),
        format!("/activations/act_{sent}"),
    ] {
        answers.push(ana.get(&path).await);
    }
    for body in [
        json!({ "also": sent }),
        json!({ "force": sent }),
        json!({ "also": { sent: sent } }),
        json!({ "also": [sent] }),
        json!({ "x": sent }),
        json!({ format!("{sent} "): 1 }),
        json!([sent]),
        json!(sent),
    ] {
        answers.push(ana.post(&activate, body.clone()).await);
        answers.push(ana.post(&format!("/ad-accounts/{}/validate", account.id), body).await);
    }
    for ticket in [json!(sent), json!(format!("{sent} {sent}")), json!([sent]), json!({ "x": sent })] {
        answers.push(ana.post("/activations/complete", json!({ "ticket": ticket })).await);
    }
    answers.push(ana.activate_with_key(&account, json!({}), &format!("{sent}{sent}{sent}")).await);
    answers.push(
        world
            .as_claims(&json!({ "sub": format!("{sent} {sent}"), "org_id": AURORA, "scope": ANA.scope }))
            .list("")
            .await,
    );
    answers.push(
        world.as_claims(&json!({ "sub": "x", "org_id": format!("[{sent}]"), "scope": ANA.scope })).list("").await,
    );
    answers.push(world.as_claims(&json!({ "sub": "x", "org_id": AURORA, "scope": sent })).list("").await);
    let unreadable =
        json!({ "sub": "x", "org_id": AURORA, "scope": ANA.scope, "account_access": format!("{sent}:{sent}") });
    answers.push(world.as_claims(&unreadable).details(&account).await);
    let code: String = url::form_urlencoded::byte_serialize(format!("{sent}\n").as_bytes()).collect();
    for query in [
        format!("state={sent}&auth_code=x"),
        format!("state={STATE}&auth_code={code}"),
        format!("error={sent}&error_description={sent}"),
    ] {
        assert!(!world.get_callback(&query).await.header("location").contains(sent));
    }
    for event in [
        json!({ "org_id": format!("{sent} "), "accounts": [] }),
        json!({ "org_id": AURORA, "accounts": [sent] }),
        json!({ "org_id": AURORA, "accounts": [{ "advertiser_id": sent, "name": sent, "connected": { "access_token": sent } }] }),
    ] {
        match world.local.functions.invoke("import-accounts", event).await {
            Ok(report) => assert!(!report.to_string().contains(sent), "{report}"),
            Err(InvokeError::Failed { error, .. }) => assert!(!error.error_message.contains(sent), "{error:?}"),
            Err(other) => panic!("{other}"),
        }
    }
    world.dynamodb.strike(Break::nth_of_all(1).times(100), Mode::InternalError);
    answers.push(ana.details(&account).await);
    world.dynamodb.heal();
    for answer in &answers {
        assert!(answer.status >= 400, "{answer:?}");
        is_from_the_closed_list(answer);
    }
    let met: BTreeSet<u16> = answers.iter().map(|answer| answer.status).collect();
    assert!([400, 401, 403, 503].iter().all(|status| met.contains(status)), "{met:?}");
    world.finish().await;
}

/// T76, T78: TikTok's own words reach nobody, in no place of its answers and on no endpoint.
#[tokio::test]
async fn t76_t78_tiktoks_words_reach_nobody() {
    let world = TestWorld::start_watched().await;
    let account = world.active(11).await;
    let said = "c4n4ry-0a1b2c3d4e5f6071";
    world.canary(Kind::Other, said);
    let envelope = |code: i64, data: Value| {
        let body = json!({ "code": code, "message": said, "request_id": "20261123101500A1B2", "data": data });
        let headers = BTreeMap::from([("x-tt-logid".to_owned(), said.to_owned())]);
        FaultKind::Body { status: 200, content_type: "application/json".to_owned(), headers, body: body.to_string() }
    };
    let raw = |status: u16, content_type: &str, body: &str| FaultKind::Body {
        status,
        content_type: content_type.to_owned(),
        headers: BTreeMap::new(),
        body: body.to_owned(),
    };
    let kinds = [
        envelope(40001, Value::Null),
        envelope(40105, json!({ "access_token": said })),
        envelope(40110, json!({})),
        envelope(51_234, json!(said)),
        envelope(99_999, json!({ "list": [said] })),
        envelope(0, json!({ "list": said, "access_token": [said] })),
        raw(502, "text/html", &format!("<html>{said}</html>")),
        raw(200, "application/json", &format!("{{\"code\": {said}")),
        raw(500, "application/json", &json!({ "error": said }).to_string()),
        FaultKind::Redirect { status: 302, location: format!("http://127.0.0.1:9/{said}") },
    ];
    let ana = world.as_(&ANA);
    for kind in kinds {
        for endpoint in ["/oauth2/advertiser/get/", "/advertiser/info/", "/bc/get/", "/oauth2/access_token/"] {
            let fault = world.tiktok().add_fault(Fault::new(kind.clone()).on(endpoint)).expect("a fault");
            let answer = match endpoint {
                "/oauth2/access_token/" => {
                    let person = Person { sub: "carla", ..ANA };
                    let ticket =
                        world.ticket_for(&account, &person, json!({ "force": true }), Consent::by("ana")).await;
                    world.as_(&person).complete(&ticket).await
                }
                "/bc/get/" => ana.activate(&account, json!({})).await,
                _ => ana.validate(&account).await,
            };
            assert!(answer.status < 500 && !answer.body.to_string().contains(said), "{endpoint} {kind:?}: {answer:?}");
            world.tiktok().clear_fault(fault);
        }
    }
    ana.details(&account).await.expect(200);
    ana.history(&account).await.expect(200);
    // I4 over logs at their most talkative, the table and all answers.
    world.finish().await;
}
