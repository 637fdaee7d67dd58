//! T42, T39: whoever may invoke a function gets no further than at the gateway.

use std::collections::BTreeSet;

use local::lambda::functions::InvokeError;

use super::routes;
use crate::edge::wire::pids;
use crate::support::*;

/// A route with its path filled in, as the gateway tells it to the function behind it.
fn event(route_key: &str, account: &Account, authorizer: Value) -> Value {
    let mut event = json!({
        "version": "2.0", "routeKey": route_key, "rawPath": "/", "rawQueryString": "",
        "headers": { "content-type": "application/json" },
        "pathParameters": { "advertiser_id": account.id, "activation_id": format!("act_{}", "A".repeat(43)) },
        "requestContext": { "requestId": "direct-1", "routeKey": route_key, "http": { "method": "GET", "path": "/" } },
        "isBase64Encoded": false,
    });
    if !authorizer.is_null() {
        event["requestContext"]["authorizer"] = authorizer;
    }
    event
}

fn jwt(claims: &Value) -> Value {
    json!({ "jwt": { "claims": claims, "scopes": null } })
}

/// Authorizer blocks that vouch for nobody.
fn authorizers() -> Vec<Value> {
    let mut texts = ANA.claims();
    texts.as_object_mut().expect("an object").retain(|_, value| !value.is_null());
    let changed = |name: &str, value: Value| {
        let mut claims = texts.clone();
        claims[name] = value;
        jwt(&claims)
    };
    vec![
        Value::Null,
        json!({}),
        json!({ "jwt": null }),
        json!({ "jwt": {} }),
        jwt(&Value::Null),
        jwt(&json!({})),
        // Where a REST API, a Lambda authorizer and IAM put it.
        json!({ "claims": texts }),
        json!({ "lambda": texts }),
        json!({ "iam": { "userId": "ana", "accountId": "123456789012" } }),
        changed("org_id", json!("")),
        changed("org_id", json!("[org-aurora org-borealis]")),
        changed("org_id", json!(["org-aurora"])),
        changed("org_id", json!("org-aurora org-borealis")),
        changed("org_id", json!("org-aurora#ACCOUNT#71")),
        changed("org_id", json!(7)),
        changed("org_id", Value::Null),
        changed("sub", json!("")),
        changed("sub", json!("[ana bo]")),
        changed("sub", Value::Null),
    ]
}

#[tokio::test]
async fn t42_a_function_asks_for_verified_claims_itself() {
    let world = TestWorld::with().env("RUST_LOG", "info").start().await;
    let account = world.active(11).await;
    let before = world.dump();
    for route in routes().into_iter().filter(|route| route.scopes.is_some()) {
        for authorizer in authorizers() {
            let event = event(&route.key(), &account, authorizer.clone());
            let answer = world.local.functions.invoke(&route.function, event).await.expect("an answer");
            assert_eq!(answer["statusCode"], 401, "{} {authorizer}: {answer}", route.key());
            let body: Value = serde_json::from_str(answer["body"].as_str().expect("a body")).expect("JSON");
            assert_eq!(body["type"], "/problems/not_authenticated", "{} {authorizer}", route.key());
        }
    }
    assert_eq!(world.dump(), before);
    world.finish().await;
}

/// T39: the scope is asked for once more behind the gateway.
#[tokio::test]
async fn t39_a_viewer_behind_the_gateway_still_manages_nothing() {
    let world = TestWorld::with().env("RUST_LOG", "info").start().await;
    let account = world.active(11).await;
    let before = world.dump();
    for route in routes().into_iter().filter(|route| route.method == "POST") {
        for scope in ["ad-accounts:read", "", "ad-accounts:manager", "xad-accounts:manage", "AD-ACCOUNTS:MANAGE"] {
            let claims = json!({ "sub": "victor", "org_id": AURORA, "scope": scope });
            let event = event(&route.key(), &account, jwt(&claims));
            let answer = world.local.functions.invoke(&route.function, event).await.expect("an answer");
            assert_eq!(answer["statusCode"], 403, "{} {scope}: {answer}", route.key());
            assert!(
                answer["body"].as_str().is_some_and(|body| body.contains("/problems/manager_required")),
                "{answer}"
            );
        }
    }
    assert_eq!(world.dump(), before);
    world.finish().await;
}

#[tokio::test]
async fn t42_what_is_not_the_gateways_event_is_refused() {
    let world = TestWorld::with().env("RUST_LOG", "info").start().await;
    let account = world.active(11).await;
    let functions: BTreeSet<String> = routes().into_iter().map(|route| route.function).collect();
    let good = jwt(&json!({ "sub": "ana", "org_id": AURORA, "scope": ANA.scope }));

    let mut strange = vec![
        json!({}),
        json!([]),
        json!(null),
        json!(1),
        json!("hello"),
        json!({ "Records": [{ "eventSource": "aws:sqs", "body": "{}" }] }),
        json!({ "source": "aws.events", "detail-type": "Scheduled Event", "detail": {} }),
    ];
    for route_key in ["", "$default", "GET /", "DELETE /ad-accounts", "get /ad-accounts", "GET /ad-accounts/", "PUT /x"]
    {
        strange.push(event(route_key, &account, good.clone()));
    }
    for route in routes() {
        let mut old = event(&route.key(), &account, good.clone());
        old["version"] = json!("1.0");
        old["httpMethod"] = json!(route.method.as_str());
        old["resource"] = json!(route.template);
        strange.push(old);
        for (field, value) in [
            ("version", json!(2)),
            ("headers", json!([["a", "b"]])),
            ("pathParameters", json!("7100000000000000011")),
            ("body", json!({ "force": true })),
            ("requestContext", json!("x")),
            ("routeKey", json!([route.key()])),
            ("isBase64Encoded", json!("yes")),
        ] {
            let mut broken = event(&route.key(), &account, good.clone());
            broken[field] = value;
            strange.push(broken);
        }
    }

    for function in &functions {
        world.local.functions.invoke(function, json!({})).await.expect("an answer");
    }
    let (before, alive) = (world.dump(), pids(&world));
    for function in &functions {
        for event in &strange {
            let answer = world.local.functions.invoke(function, event.clone()).await.expect("an answer");
            assert_eq!(answer["statusCode"], 404, "{function} {event}: {answer}");
            assert_eq!(answer["body"], r#"{"message":"Not Found"}"#);
        }
        // A function has its own routes and no other's.
        for route in routes().into_iter().filter(|route| route.function != *function) {
            let event = event(&route.key(), &account, good.clone());
            let answer = world.local.functions.invoke(function, event).await.expect("an answer");
            assert_eq!(answer["statusCode"], 404, "{function} {}", route.key());
        }
        let deep = format!("{{\"version\":\"2.0\",\"body\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
        for payload in [deep.as_str(), "", "not json", "{\"version\":", "\u{0}", "{} {}"] {
            let answer = world.local.functions.invoke_bytes(function, payload.to_owned().into()).await;
            match answer {
                Ok(answer) => {
                    let answer: Value = serde_json::from_slice(&answer).expect("JSON");
                    assert_eq!(answer["statusCode"], 404, "{function} {payload:.20}");
                }
                Err(InvokeError::Failed { .. }) => {}
                Err(other) => panic!("{function} {payload:.20}: {other}"),
            }
        }
    }
    assert_eq!(world.dump(), before);
    assert_eq!(pids(&world), alive, "every process is still the one it was");
    world.finish().await;
}

/// The import has no route: whatever came through the gateway is not for it.
#[tokio::test]
async fn t42_the_import_takes_no_http() {
    let world = TestWorld::with().env("RUST_LOG", "info").start().await;
    let account = world.active(11).await;
    let (before, alive) = (world.dump(), pids(&world));
    let good = jwt(&json!({ "sub": "ana", "org_id": AURORA, "scope": ANA.scope }));
    for route in routes() {
        let mut event = event(&route.key(), &account, good.clone());
        event["body"] = json!(json!({ "org_id": BOREALIS, "accounts": [] }).to_string());
        let refused = world.local.functions.invoke("import-accounts", event).await;
        assert!(
            matches!(&refused, Err(InvokeError::Failed { error, .. }) if error.error_type == "EventInvalid"),
            "{refused:?}"
        );
    }
    assert_eq!((world.dump(), pids(&world)), (before, alive));
    world.finish().await;
}
