//! The gateway: events, answers, routes, limits and CORS.

use std::time::Duration;

use anyhow::Result;
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use local::clock;
use local::world::WorldOptions;
use serde_json::{Value, json};

use crate::support::{APP, FOR_EVER, event, refusal, request, token, world, world_with};

#[tokio::test]
async fn a_request_becomes_an_event_of_format_2_0() -> Result<()> {
    let world = world().await?;
    let token = token(&world, "things:read other");
    let before = clock::epoch_millis();

    let event =
        event(
            request(&world, "POST", "/things/a%20b%2Fc?tag=x&tag=y%20z&empty=&=odd&%zz")?
                .bearer_auth(world.issuer.mint(
                    &json!({ "sub": "u", "org_id": "o", "scope": "things:manage", "groups": ["g", "h"], "n": 1 }),
                ))
                .header("X-Thing", "one")
                .header("x-thing", "two")
                .header("Cookie", "a=1; b=2")
                .header("User-Agent", "tests")
                .header("Content-Type", "application/json")
                .body(r#"{"ü":1}"#)
                .send()
                .await?,
        )
        .await?;

    assert_eq!(event["version"], "2.0");
    assert_eq!(event["routeKey"], "POST /things/{id}");
    assert_eq!(event["rawPath"], "/things/a b/c");
    assert_eq!(event["rawQueryString"], "tag=x&tag=y%20z&empty=&=odd&%zz");
    assert_eq!(event["queryStringParameters"], json!({ "tag": "x,y z", "empty": "", "": "odd", "%zz": "" }));
    assert_eq!(event["pathParameters"], json!({ "id": "a b/c" }));
    assert_eq!(event["headers"]["x-thing"], "one,two");
    assert_eq!(event["headers"]["host"], world.gateway_url().trim_start_matches("http://"));
    assert_eq!(event["headers"].get("cookie"), None);
    assert_eq!(event["cookies"], json!(["a=1", "b=2"]));
    assert_eq!(event["body"], r#"{"ü":1}"#);
    assert_eq!(event["isBase64Encoded"], false);

    let context = &event["requestContext"];
    assert_eq!(context["http"]["method"], "POST");
    assert_eq!(context["http"]["path"], "/things/a b/c");
    assert_eq!(context["http"]["protocol"], "HTTP/1.1");
    assert_eq!(context["http"]["sourceIp"], "127.0.0.1");
    assert_eq!(context["http"]["userAgent"], "tests");
    assert_eq!(context["routeKey"], "POST /things/{id}");
    assert_eq!(context["stage"], "$default");
    assert!((before..=clock::epoch_millis()).contains(&context["timeEpoch"].as_i64().unwrap()));
    let jwt = &context["authorizer"]["jwt"];
    assert_eq!(jwt["claims"]["org_id"], "o");
    assert_eq!(jwt["claims"]["groups"], "[g h]");
    assert_eq!(jwt["claims"]["n"], "1");
    assert!(jwt["claims"]["exp"].is_string());
    assert_eq!(jwt["scopes"], json!(["things:manage"]));

    // The types that functions parse it with agree.
    let parsed: ApiGatewayV2httpRequest = serde_json::from_value(event)?;
    assert_eq!(parsed.request_context.authorizer.and_then(|authorizer| authorizer.jwt).unwrap().claims["sub"], "u");

    let refused = request(&world, "POST", "/things/1")?.bearer_auth(token).send().await?;
    assert_eq!(refusal(refused).await?, (403, "Forbidden".to_owned()));
    Ok(())
}

#[tokio::test]
async fn what_is_absent_in_a_request_is_absent_in_the_event() -> Result<()> {
    let world = world().await?;

    let event = event(request(&world, "GET", "/open")?.send().await?).await?;

    for name in ["queryStringParameters", "pathParameters", "cookies", "body"] {
        assert_eq!(event.get(name), None, "{name}");
    }
    assert_eq!(event["rawQueryString"], "");
    assert_eq!(event["requestContext"].get("authorizer"), None);
    Ok(())
}

#[tokio::test]
async fn a_body_that_is_not_text_comes_in_base64() -> Result<()> {
    let world = world().await?;

    for (content_type, body) in [
        ("application/x-www-form-urlencoded", b"a=1".as_slice()),
        ("application/octet-stream", b"\x00\xff".as_slice()),
        ("application/json", b"\xff".as_slice()),
    ] {
        let event =
            event(request(&world, "POST", "/open")?.header("content-type", content_type).body(body).send().await?)
                .await?;
        assert_eq!(event["isBase64Encoded"], true, "{content_type}");
    }
    Ok(())
}

/// Sends an answer for the function to give.
async fn answered(answer: Value) -> Result<reqwest::Response> {
    let world = world().await?;
    let request =
        request(&world, "POST", "/open?act=answer")?.header("content-type", "application/json").header("origin", APP);
    Ok(request.body(answer.to_string()).send().await?)
}

#[tokio::test]
async fn an_answer_becomes_a_response() -> Result<()> {
    let response = answered(json!({
        "statusCode": 303, "headers": { "Location": "https://app.example.com/#x", "Access-Control-Allow-Origin": "*", "X-Number": 1 },
        "multiValueHeaders": { "x-ignored": ["1"] }, "cookies": ["a=1; Secure", "b=2"], "body": "aGk=", "isBase64Encoded": true,
    }))
    .await?;

    assert_eq!(response.status(), 303);
    let headers = response.headers();
    assert_eq!(headers["location"], "https://app.example.com/#x");
    assert_eq!(headers["x-number"], "1");
    assert_eq!(headers["content-type"], "text/plain;charset=utf-8");
    assert_eq!(headers.get("x-ignored"), None);
    assert_eq!(headers["access-control-allow-origin"], APP);
    assert_eq!(headers["vary"], "Origin");
    assert_eq!(headers.get_all("set-cookie").iter().collect::<Vec<_>>(), ["a=1; Secure", "b=2"]);
    assert!(headers.contains_key("apigw-requestid"));
    assert_eq!(response.text().await?, "hi");
    Ok(())
}

#[tokio::test]
async fn an_answer_without_a_status_is_the_body_of_a_200() -> Result<()> {
    let response = answered(json!({ "hello": 1 })).await?;

    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(response.json::<Value>().await?, json!({ "hello": 1 }));
    Ok(())
}

#[tokio::test]
async fn an_answer_that_is_no_response_is_an_internal_error() -> Result<()> {
    for answer in [
        json!({ "statusCode": "two hundred" }),
        json!({ "statusCode": 99 }),
        json!({ "statusCode": 200, "headers": { "x": "a\r\nset-cookie: b=1" } }),
        json!({ "statusCode": 200, "headers": { "bad name": "x" } }),
        json!({ "statusCode": 200, "body": "not base64!", "isBase64Encoded": true }),
        json!({ "statusCode": 200, "headers": { "x": ["list"] } }),
    ] {
        let response = answered(answer.clone()).await?;
        assert_eq!(refusal(response).await?, (500, "Internal Server Error".to_owned()), "{answer}");
    }
    Ok(())
}

#[tokio::test]
async fn only_the_described_routes_and_methods_exist() -> Result<()> {
    let world = world().await?;

    for (method, path) in [
        ("PUT", "/open"),
        ("DELETE", "/things"),
        ("GET", "/open/"),
        ("GET", "//open"),
        ("GET", "/Open"),
        ("PATCH", "/things/1"),
        ("GET", "/no"),
    ] {
        let response = request(&world, method, path)?.bearer_auth(token(&world, "things:read")).send().await?;
        assert_eq!(refusal(response).await?, (404, "Not Found".to_owned()), "{method} {path}");
    }
    let head = request(&world, "HEAD", "/open")?.send().await?;
    assert_eq!(head.status(), 404);
    Ok(())
}

#[tokio::test]
async fn the_gateway_answers_preflights_by_itself() -> Result<()> {
    let world = world().await?;

    let preflight = async |origin: &'static str| {
        let request = request(&world, "OPTIONS", "/things/1")?
            .header("origin", origin)
            .header("access-control-request-method", "POST");
        anyhow::Ok(request.send().await?)
    };

    let allowed = preflight(APP).await?;
    assert_eq!(allowed.status(), 204);
    assert_eq!(allowed.headers()["access-control-allow-origin"], APP);
    assert_eq!(allowed.headers()["access-control-allow-methods"], "GET,POST");
    assert_eq!(allowed.headers()["access-control-allow-headers"], "authorization,content-type,idempotency-key");
    assert_eq!(allowed.headers()["vary"], "Origin");
    assert_eq!(allowed.headers().get("access-control-allow-credentials"), None);

    let other = preflight("https://app.example.com.evil.example").await?;
    assert_eq!(other.status(), 204);
    assert!(other.headers().keys().all(|name| !name.as_str().starts_with("access-control-")));
    assert!(world.functions.pids("echo")?.is_empty(), "no function runs for a preflight");
    Ok(())
}

#[tokio::test]
async fn a_refusal_of_the_gateway_can_be_read_by_the_app() -> Result<()> {
    let world = world().await?;

    let response = request(&world, "GET", "/things")?.header("origin", APP).send().await?;

    assert_eq!(response.status(), 401);
    assert_eq!(response.headers()["access-control-allow-origin"], APP);
    Ok(())
}

#[tokio::test]
async fn too_much_is_refused_before_any_function() -> Result<()> {
    let world = world().await?;

    let long_head = request(&world, "GET", "/open")?.header("x-long", "a".repeat(10_200)).send().await?;
    assert_eq!(long_head.status(), 431);
    let long_query = request(&world, "GET", &format!("/open?{}", "a".repeat(10_240)))?.send().await?;
    assert_eq!(long_query.status(), 431);
    let long_body = request(&world, "POST", "/open")?.body(vec![b' '; 10 * 1024 * 1024 + 1]).send().await?;
    assert_eq!(refusal(long_body).await?, (413, "Request Entity Too Large".to_owned()));
    let too_long_for_lambda = request(&world, "POST", "/open")?
        .header("content-type", "text/plain")
        .body(vec![b' '; 7 * 1024 * 1024])
        .send()
        .await?;
    assert_eq!(too_long_for_lambda.status(), 413);
    assert!(world.functions.pids("echo")?.is_empty());

    let just_fits = request(&world, "GET", "/open")?.header("x-long", "a".repeat(9_900)).send().await?;
    assert_eq!(just_fits.status(), 200);
    Ok(())
}

#[tokio::test]
async fn a_function_that_fails_in_any_way_is_an_internal_error() -> Result<()> {
    let world =
        world_with(WorldOptions { function_timeout: Duration::from_millis(300), ..WorldOptions::default() }).await?;

    for act in ["exit", "panic", "error", "wait"] {
        let response = request(&world, "GET", &format!("/open?act={act}&gate=/never"))?.send().await?;
        assert_eq!(refusal(response).await?, (500, "Internal Server Error".to_owned()), "{act}");
    }
    world.functions.set_timeout("echo", FOR_EVER)?;
    assert_eq!(request(&world, "GET", "/open")?.send().await?.status(), 200, "and the next request is fine");
    Ok(())
}

#[tokio::test]
async fn the_gateway_does_not_wait_for_ever() -> Result<()> {
    let world =
        world_with(WorldOptions { integration_timeout: Duration::from_millis(200), ..WorldOptions::default() }).await?;
    world.functions.set_timeout("echo", FOR_EVER)?;

    let response = request(&world, "GET", "/open?act=wait&gate=/never")?.send().await?;

    assert_eq!(refusal(response).await?, (503, "Service Unavailable".to_owned()));
    Ok(())
}
