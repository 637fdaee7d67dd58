//! T41: sign-ins that look almost right. The gateway turns them all away, and no function is even started.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use local::gateway::issuer::KEY_ID;

use super::routes;
use crate::edge::wire::{Request, pids};
use crate::support::*;

const NEVER: i64 = 4_000_000_000;

fn header(changes: Value) -> Value {
    changed(json!({ "alg": "RS256", "typ": "JWT", "kid": KEY_ID }), changes)
}

fn claims(changes: Value) -> Value {
    changed(ANA.claims(), changes)
}

fn changed(mut value: Value, changes: Value) -> Value {
    if let (Some(object), Value::Object(changes)) = (value.as_object_mut(), changes) {
        object.extend(changes);
        object.retain(|_, value| !value.is_null());
    }
    value
}

/// The claims with `null` kept, which tells the issuer to leave one out.
fn without(name: &str) -> Value {
    let mut claims = ANA.claims();
    claims[name] = Value::Null;
    claims
}

fn forged(world: &TestWorld) -> Vec<(&'static str, String)> {
    let issuer = &world.local.issuer;
    let pem = issuer.public_key_pem().expect("the public key");
    let good = issuer.mint(&ANA.claims());
    let parts: Vec<&str> = good.split('.').collect();
    let stranger = |changes: Value| issuer.sign_as_stranger(&header(changes), &ANA.claims());
    let other_org = BASE64_URL_SAFE_NO_PAD.encode(claims(json!({ "org_id": BOREALIS, "exp": NEVER })).to_string());
    let unsigned = |alg: &str| issuer.unsigned(&header(json!({ "alg": alg })), &ANA.claims());
    let hmac = |secret: &[u8], alg: &str| issuer.sign_hs256(secret, &header(json!({ "alg": alg })), &ANA.claims());
    let mint = |changes: Value| issuer.mint(&claims(changes));
    let sign = |changes: Value| issuer.sign(&header(changes), &ANA.claims());
    let flipped = format!("{}{}", &good[..good.len() - 20], "A".repeat(20));
    vec![
        ("alg none", unsigned("none")),
        ("alg None", unsigned("None")),
        ("alg nOnE", unsigned("nOnE")),
        ("an empty alg", unsigned("")),
        ("the public key as HMAC secret", hmac(pem.as_bytes(), "HS256")),
        ("the same, trimmed", hmac(pem.trim().as_bytes(), "HS256")),
        ("the same, said to be RS256", hmac(pem.as_bytes(), "RS256")),
        ("an empty HMAC secret", hmac(b"", "HS256")),
        ("another issuer", mint(json!({ "iss": "https://issuer.example" }))),
        ("the issuer with a slash behind", mint(json!({ "iss": format!("{}/", issuer.url()) }))),
        ("two issuers", mint(json!({ "iss": [issuer.url(), "https://issuer.example"] }))),
        ("no issuer", issuer.mint(&without("iss"))),
        ("another audience", mint(json!({ "aud": "billing" }))),
        ("an ID token for the web app", mint(json!({ "aud": "web-app", "nonce": "n-1", "token_use": "id" }))),
        ("no audience", issuer.mint(&without("aud"))),
        ("expired", mint(json!({ "exp": 1_000_000_000 }))),
        ("expiry as text", mint(json!({ "exp": NEVER.to_string() }))),
        ("expiry as a list", mint(json!({ "exp": [NEVER] }))),
        ("no expiry", issuer.mint(&without("exp"))),
        ("not yet good", mint(json!({ "nbf": NEVER }))),
        ("issued in the future", mint(json!({ "iat": NEVER }))),
        ("a stranger's key under our name", stranger(json!({}))),
        ("a stranger's key under its own name", stranger(json!({ "kid": "stranger-1" }))),
        ("a stranger's key without a name", stranger(json!({ "kid": null }))),
        ("a stranger's key at an address", stranger(json!({ "jku": "https://keys.example/jwks.json" }))),
        ("a stranger's key inside", stranger(json!({ "jwk": { "kty": "RSA", "n": "AQAB", "e": "AQAB" } }))),
        ("our key without a name", sign(json!({ "kid": null }))),
        ("a path for a key's name", sign(json!({ "kid": "../../../../dev/null" }))),
        ("a query for a key's name", sign(json!({ "kid": "x' UNION SELECT 'key" }))),
        ("another algorithm's name", sign(json!({ "alg": "RS512" }))),
        ("an elliptic algorithm's name", sign(json!({ "alg": "ES256" }))),
        ("other claims under a good signature", format!("{}.{other_org}.{}", parts[0], parts[2])),
        ("an altered signature", flipped),
        ("no signature", format!("{}.{}.", parts[0], parts[1])),
        ("two parts", format!("{}.{}", parts[0], parts[1])),
        ("four parts", format!("{good}.{}", parts[2])),
        ("the scheme twice", format!("Bearer {good}")),
        ("nothing", String::new()),
        ("null", "null".to_owned()),
        ("no token at all", "a.b.c".to_owned()),
    ]
}

#[tokio::test]
async fn t41_a_forged_sign_in_starts_nothing() {
    let world = TestWorld::start().await;
    let good = world.local.issuer.mint(&ANA.claims());
    let routes: Vec<_> = routes().into_iter().filter(|route| route.scopes.is_some()).collect();
    assert_eq!(routes.len(), 7);
    for route in &routes {
        let path = route.template.replace(['{', '}'], "");
        let request = || Request::new(route.method.as_str(), &path);
        for (how, token) in forged(&world) {
            let reply = request().bearer(&token).send(&world).await;
            assert_eq!(reply.status, 401, "{how}: {reply:?}");
            reply.gateway(401);
            assert_eq!(reply.header("www-authenticate"), "Bearer", "{how}");
        }
        let elsewhere = [
            Request::new(route.method.as_str(), &format!("{path}?access_token={good}")),
            request().header("cookie", format!("authorization=Bearer {good}")),
            request().header("x-authorization", format!("Bearer {good}")),
            request().header("authorization", format!("Basic {good}")),
            request().bearer(&good).bearer(&good),
        ];
        for request in elsewhere {
            request.send(&world).await.gateway(401);
        }
    }
    assert!(pids(&world).iter().all(|(_, pids)| pids.is_empty()), "no function was started: {:?}", pids(&world));
    assert!(world.dump().is_empty());

    // So it was the tokens.
    assert_eq!(Request::get("/ad-accounts").bearer(&good).send(&world).await.status, 200);
    world.finish().await;
}
