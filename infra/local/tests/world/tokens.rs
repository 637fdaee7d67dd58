//! The authorizer: which tokens are let in.

use anyhow::{Result, bail};
use local::clock;
use local::gateway::issuer::{AUDIENCE, Issuer, KEY_ID};
use local::world::World;
use serde_json::{Value, json};

use crate::support::{event, refusal, request, token, world};

async fn with_token(world: &World, path: &str, token: &str) -> Result<reqwest::Response> {
    Ok(request(world, "GET", path)?.bearer_auth(token).send().await?)
}

/// Tokens that must be refused, each with what is wrong with it; and the good one that they were made from.
fn crafted(issuer: &Issuer) -> Result<(String, Vec<(&'static str, String)>)> {
    let rs256 = json!({ "alg": "RS256", "typ": "JWT", "kid": KEY_ID });
    let claims = json!({ "sub": "u", "org_id": "o", "scope": "things:read" });
    let now = clock::now().as_second();
    let changed = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        issuer.mint(&claims)
    };
    let with_header = |name: &str, value: Value| {
        let mut header = rs256.clone();
        header[name] = value;
        issuer.sign(&header, &claims)
    };
    let good = issuer.mint(&claims);
    let [head, body, signature] = good.split('.').collect::<Vec<_>>()[..] else { bail!("a token has three parts") };
    let admin = issuer.mint(&json!({ "sub": "admin", "scope": "things:read" }));
    let [_, other_body, _] = admin.split('.').collect::<Vec<_>>()[..] else { bail!("a token has three parts") };
    let pem = issuer.public_key_pem()?;

    let crafted = vec![
        ("empty", String::new()),
        ("not a token", "x.y.z".to_owned()),
        ("only two parts", format!("{head}.{body}")),
        ("four parts", format!("{good}.x")),
        ("no signature", format!("{head}.{body}.")),
        ("alg none", issuer.unsigned(&json!({ "alg": "none", "typ": "JWT", "kid": KEY_ID }), &claims)),
        ("alg None", issuer.unsigned(&json!({ "alg": "None", "kid": KEY_ID }), &claims)),
        ("RS256 without a signature", issuer.unsigned(&rs256, &claims)),
        (
            "HS256 with the public key",
            issuer.sign_hs256(pem.as_bytes(), &json!({ "alg": "HS256", "kid": KEY_ID }), &claims),
        ),
        ("HS256 called RS256", issuer.sign_hs256(pem.as_bytes(), &rs256, &claims)),
        ("header says RS512", with_header("alg", json!("RS512"))),
        ("another key", issuer.sign_as_stranger(&rs256, &claims)),
        ("another body", format!("{head}.{other_body}.{signature}")),
        ("unknown kid", with_header("kid", json!("other"))),
        ("kid is a path", with_header("kid", json!("../../../../dev/null"))),
        ("no kid", issuer.sign(&json!({ "alg": "RS256" }), &claims)),
        ("another issuer", changed("iss", json!("https://evil.example"))),
        ("no issuer", changed("iss", Value::Null)),
        ("a list of issuers", changed("iss", json!([issuer.url(), "https://evil.example"]))),
        ("another audience", changed("aud", json!("another-service"))),
        ("no audience", changed("aud", Value::Null)),
        ("a longer audience", changed("aud", json!(format!("{AUDIENCE}-2")))),
        ("expired", changed("exp", json!(now - 10))),
        ("exp as text", changed("exp", json!((now + 3600).to_string()))),
        ("no exp", changed("exp", Value::Null)),
        ("not yet valid", changed("nbf", json!(now + 60))),
        ("nbf as text", changed("nbf", json!("0"))),
        ("issued in the future", changed("iat", json!(now + 60))),
        ("iat as text", changed("iat", json!("0"))),
    ];
    Ok((good.clone(), crafted))
}

#[tokio::test]
async fn t41_crafted_tokens_are_refused_before_any_function() -> Result<()> {
    let world = world().await?;
    let (good, crafted) = crafted(&world.issuer)?;

    for (what, token) in &crafted {
        assert_eq!(
            refusal(with_token(&world, "/things", token).await?).await?,
            (401, "Unauthorized".to_owned()),
            "{what}"
        );
    }
    assert!(world.functions.pids("echo")?.is_empty(), "no function has run");

    assert_eq!(with_token(&world, "/things", &good).await?.status(), 200, "the token they were made from is good");
    Ok(())
}

#[tokio::test]
async fn the_token_comes_in_the_authorization_header_only() -> Result<()> {
    let world = world().await?;
    let token = token(&world, "things:read");

    for header in [
        format!("Basic {token}"),
        format!("Bearer  {token}"),
        format!("Bearer {token},Bearer {token}"),
        "Bearer".to_owned(),
    ] {
        let response = request(&world, "GET", "/things")?.header("authorization", header).send().await?;
        assert_eq!(response.status(), 401);
    }
    let twice = request(&world, "GET", "/things")?
        .header("authorization", format!("Bearer {token}"))
        .header("authorization", "Bearer x");
    assert_eq!(twice.send().await?.status(), 401);
    let in_the_query = request(&world, "GET", &format!("/things?access_token={token}"))?.send().await?;
    assert_eq!(in_the_query.status(), 401);
    let nothing = request(&world, "GET", "/things")?.send().await?;
    assert_eq!(nothing.headers()["www-authenticate"], "Bearer");

    for header in [format!("Bearer {token}"), format!("bearer {token}"), token] {
        let response = request(&world, "GET", "/things")?.header("authorization", header).send().await?;
        assert_eq!(response.status(), 200);
    }
    Ok(())
}

#[tokio::test]
async fn one_of_the_routes_scopes_is_needed() -> Result<()> {
    let world = world().await?;
    let mint = |claims: Value| world.issuer.mint(&claims);

    for claims in [
        json!({ "scope": "things:manage" }),
        json!({ "scope": "things:reader xthings:read" }),
        json!({ "scope": "" }),
        json!({ "sub": "an ID token has no scopes" }),
        json!({ "scope": 1 }),
    ] {
        let response = with_token(&world, "/things", &mint(claims.clone())).await?;
        assert_eq!(refusal(response).await?, (403, "Forbidden".to_owned()), "{claims}");
    }
    for (path, claims) in [
        ("/things", json!({ "scope": "x things:read" })),
        ("/things", json!({ "scp": ["things:read"] })),
        ("/things/1", json!({ "scope": "things:manage" })),
        ("/things/mine", json!({ "sub": "any good token" })),
    ] {
        assert_eq!(with_token(&world, path, &mint(claims.clone())).await?.status(), 200, "{path} {claims}");
    }
    let event = event(with_token(&world, "/things/mine", &mint(json!({ "scope": "a b" }))).await?).await?;
    assert_eq!(event["requestContext"]["authorizer"]["jwt"]["scopes"], Value::Null);
    Ok(())
}

#[tokio::test]
async fn the_issuer_publishes_its_key() -> Result<()> {
    let world = world().await?;

    let configuration: Value =
        request(&world, "GET", "/.well-known/openid-configuration")?.send().await?.json().await?;
    let keys: Value = request(&world, "GET", "/.well-known/jwks.json")?.send().await?.json().await?;

    assert_eq!(configuration["issuer"], world.gateway_url());
    assert_eq!(configuration["jwks_uri"], format!("{}/.well-known/jwks.json", world.gateway_url()));
    let jwks: jsonwebtoken::jwk::JwkSet = serde_json::from_value(keys)?;
    let key = jsonwebtoken::DecodingKey::from_jwk(jwks.find(KEY_ID).unwrap())?;
    let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::RS256);
    validation.set_audience(&[AUDIENCE]);
    jsonwebtoken::decode::<Value>(token(&world, "things:read"), &key, &validation)?;
    Ok(())
}
