//! T80 to T83: what stands on every answer.

use std::collections::BTreeMap;

use local::gateway::routes::{OPENAPI, Routes};
use url::Url;

use super::wire::{Reply, Request};
use super::{STATE, to_the_app};
use crate::support::proxy::{Break, Mode};
use crate::support::*;

const ALWAYS: [(&str, &str); 5] = [
    ("cache-control", "no-store"),
    ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
    ("referrer-policy", "no-referrer"),
    ("strict-transport-security", "max-age=63072000; includeSubDomains"),
    ("x-content-type-options", "nosniff"),
];

/// What the gateway adds to an answer for nobody's web page.
const GATEWAYS: [&str; 5] = ["apigw-requestid", "connection", "content-length", "date", "vary"];

/// The headers are these five, the gateway's, and `more`; no other.
#[track_caller]
fn exactly(reply: &Reply, more: &[&str]) {
    for (name, value) in ALWAYS {
        assert_eq!(reply.header(name), value, "{name}: {reply:?}");
    }
    let mut names: Vec<&str> = reply.headers.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    let mut expected: Vec<&str> =
        ALWAYS.iter().map(|(name, _)| *name).chain(GATEWAYS).chain(more.iter().copied()).collect();
    expected.sort_unstable();
    assert_eq!(names, expected, "{reply:?}");
}

/// T81, T83: every route, and every problem that a route can have.
#[tokio::test]
async fn t81_t83_every_answer_of_a_function_carries_the_headers() {
    let world = TestWorld::with().env("RUST_LOG", "info").start().await;
    let (account, elsewhere) = (Account::new(11), Account { market: "fr", ..Account::new(12) });
    world.all_active(&[&account, &elsewhere]).await;
    let token = |claims: Value| world.local.issuer.mint(&claims);
    let (ana, mira) = (token(ANA.claims()), token(MIRA.claims()));
    let id = &account.id;
    let activate = format!("/ad-accounts/{id}/activate");
    let post = |path: &str, body: &str| Request::post(path).bearer(&ana).json(body);
    let get = |path: &str| Request::get(path).bearer(&ana);

    let started = post(&activate, r#"{"force":true}"#).send(&world).await;
    let activation = started.json()["activation_id"].as_str().expect("an activation").to_owned();
    let callback = Request::get(&format!("/oauth/tiktok/callback?state={STATE}&auth_code=abc")).send(&world).await;
    let ticket = to_the_app(&world, &callback);
    let url = Url::parse(started.json()["authorization_url"].as_str().expect("a URL")).expect("a URL");
    let state = url.query_pairs().find(|(name, _)| name == "state").expect("a state").1.into_owned();
    let own = Request::get(&format!("/oauth/tiktok/callback?state={state}&auth_code=abc")).send(&world).await;
    let own = to_the_app(&world, &own);
    let bo = token(BO.claims());

    let mut codes = BTreeMap::new();
    let many = token(Person { sub: "many", ..ANA }.claims());
    for _ in 0..10 {
        let reply = Request::post(&activate).bearer(&many).json(r#"{"force":true}"#).send(&world).await;
        exactly(&reply, &["content-type"]);
    }
    for (request, expected, more) in [
        (get("/ad-accounts"), "200", &[][..]),
        (get(&format!("/ad-accounts/{id}")), "200", &[]),
        (get(&format!("/ad-accounts/{id}/history")), "200", &[]),
        (post(&format!("/ad-accounts/{id}/validate"), ""), "200", &[]),
        (get(&format!("/activations/{activation}")), "200", &[]),
        (get("/ad-accounts?limit=0"), "request_invalid", &[]),
        (get("/ad-accounts?cursor=AAAA"), "cursor_invalid", &[]),
        (get("/ad-accounts/1"), "account_not_found", &[]),
        (get(&format!("/activations/act_{}", "A".repeat(43))), "activation_not_found", &[]),
        (Request::get(&format!("/ad-accounts/{}", elsewhere.id)).bearer(&mira), "account_out_of_reach", &[]),
        (
            Request::get("/ad-accounts").bearer(&token(json!({ "sub": "x", "scope": ANA.scope }))),
            "not_authenticated",
            &["www-authenticate"],
        ),
        (post(&activate, "{}"), "already_active", &[]),
        (post(&activate, r#"{"force":true}"#).header("idempotency-key", "k"), "201", &[]),
        (post(&activate, "{}").header("idempotency-key", "k"), "idempotency_mismatch", &[]),
        (Request::post(&activate).bearer(&many).json(r#"{"force":true}"#), "too_many_activations", &["retry-after"]),
        (post("/activations/complete", &json!({ "ticket": "AAAA" }).to_string()), "ticket_invalid", &[]),
        (post("/activations/complete", &json!({ "ticket": ticket }).to_string()), "link_expired", &[]),
        (
            Request::post("/activations/complete").bearer(&bo).json(json!({ "ticket": own }).to_string()),
            "not_your_activation",
            &[],
        ),
        (post(&activate, &"x".repeat(9_000)), "request_invalid", &[]),
    ] {
        let reply = request.send(&world).await;
        let problem = reply.json()["type"].as_str().map(|kind| kind.trim_start_matches("/problems/").to_owned());
        assert_eq!(problem.clone().unwrap_or(reply.status.to_string()), expected, "{reply:?}");
        exactly(&reply, &[&["content-type"], more].concat());
        *codes.entry(expected).or_insert(0) += 1;
    }
    // `consent_cannot_help` is for an account that has lapsed because it went away.
    world.tiktok().world().move_account(id, tiktok_stand_in::Owner::business_center(AGENCY)).expect("moved");
    world.as_(&ANA).validate(&account).await.expect(200);
    let reply = post(&activate, "{}").send(&world).await;
    reply.problem(409, "consent_cannot_help");
    exactly(&reply, &["content-type"]);

    world.dynamodb.strike(Break::nth_of_all(1).times(1_000), Mode::InternalError);
    for request in [
        get("/ad-accounts"),
        get(&format!("/ad-accounts/{id}")),
        post(&activate, "{}"),
        post(&format!("/ad-accounts/{id}/validate"), ""),
    ] {
        let reply = request.send(&world).await;
        reply.problem(503, "try_again");
        exactly(&reply, &["content-type", "retry-after"]);
    }
    world.dynamodb.heal();

    // `manager_required` cannot be had through the gateway.
    let event = json!({ "version": "2.0", "routeKey": "POST /ad-accounts/{advertiser_id}/validate",
        "requestContext": { "authorizer": { "jwt": { "claims": { "sub": "v", "org_id": AURORA, "scope": "ad-accounts:read" } } } } });
    let answer = world.local.functions.invoke("validate-permissions", event).await.expect("an answer");
    assert_eq!(answer["statusCode"], 403);
    for (name, value) in ALWAYS {
        assert_eq!(answer["headers"][name], value);
    }
    // All but manager_required, consent_cannot_help and try_again, which came apart.
    assert_eq!(codes.keys().filter(|code| code.parse::<u16>().is_err()).count(), shared::http::Code::ALL.len() - 3);
    world.finish().await;
}

/// T82: the callback's answer is its status, the place to go to, and nothing else.
#[tokio::test]
async fn t82_the_callbacks_answer_is_exact() {
    let world = TestWorld::start().await;
    for (query, fragment) in [
        (format!("state={STATE}&auth_code=c0ffee"), "activation_ticket"),
        (format!("state={STATE}&code=c0ffee"), "activation_ticket"),
        (format!("state={STATE}"), "activation_error"),
        (format!("state={STATE}&error=access_denied"), "activation_error"),
        ("auth_code=c0ffee".to_owned(), "activation_error"),
        (String::new(), "activation_error"),
    ] {
        let reply = Request::get(&format!("/oauth/tiktok/callback?{query}")).send(&world).await;
        to_the_app(&world, &reply);
        exactly(&reply, &["location"]);
        let location = reply.header("location");
        assert!(location.contains(&format!("#{fragment}=")), "{query}: {location}");
        assert!(!location.contains("c0ffee") && !location.contains(STATE), "{location}");
        assert_eq!(reply.header("content-length"), "0");
    }
    world.finish().await;
}

/// T80: web pages of other origins get no leave to read anything.
#[tokio::test]
async fn t80_only_the_app_may_call_from_a_page() {
    let world = TestWorld::with().env("RUST_LOG", "info").start().await;
    let account = world.active(11).await;
    let token = world.local.issuer.mint(&ANA.claims());
    let app = Url::parse(&super::app_url(&world)).expect("a URL");
    let (listed, port) = (app.origin().ascii_serialization(), app.port().expect("a port"));
    let others = [
        "null".to_owned(),
        "*".to_owned(),
        String::new(),
        "file://".to_owned(),
        listed.replace("http:", "https:"),
        format!("{listed}/"),
        format!("{listed}.evil.example"),
        format!("http://evil.example:{port}"),
        "http://127.0.0.1".to_owned(),
        format!("http://localhost:{port}"),
        format!("http://127.0.0.1:{}", port - 1),
        format!("http://user@127.0.0.1:{port}"),
        format!("{listed} http://evil.example"),
        format!("{listed},http://evil.example"),
        listed.to_uppercase(),
    ];
    for route in Routes::from_openapi(OPENAPI).expect("the API description").all() {
        let path = route.template.replace("{advertiser_id}", &account.id).replace("{activation_id}", "act_x");
        for origin in others.iter().chain([&listed]) {
            let request =
                Request::new(route.method.as_str(), &path).bearer(&token).header("origin", origin).send(&world).await;
            let preflight = Request::new("OPTIONS", &path)
                .header("origin", origin)
                .header("access-control-request-method", route.method.as_str())
                .header("access-control-request-headers", "authorization,x-evil")
                .send(&world)
                .await;
            for reply in [request, preflight] {
                let allowed = if *origin == listed { listed.as_str() } else { "" };
                assert_eq!(reply.header("access-control-allow-origin"), allowed, "{origin}: {reply:?}");
                assert_eq!(reply.header("access-control-allow-credentials"), "", "{reply:?}");
                assert!(!reply.header("access-control-allow-headers").contains("evil"), "{reply:?}");
                assert_eq!(reply.header("vary"), "Origin", "{reply:?}");
                let cors = |(name, _): &(String, String)| name.starts_with("access-control-");
                assert_eq!(reply.headers.iter().any(cors), *origin == listed, "{reply:?}");
            }
        }
    }
    world.finish().await;
}
