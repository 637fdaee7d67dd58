//! What the outside of the service gives and takes: the callback that anybody may call, methods, headers, origins.
//!
//! * here: redirects, methods and headers (T28 to T32, T80 to T83);
//! * [`fuzz`]: queries of the callback that make no sense (T25, T27);
//! * [`leaks`]: what errors and logs tell (T76 to T78);
//! * [`wire`]: requests byte by byte, for these and for other modules.

mod fuzz;
mod headers;
mod leaks;
pub mod wire;

use local::gateway::routes::{OPENAPI, Routes};
use url::Url;

use crate::support::*;
use wire::{Reply, Request, pids};

const STATE: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc";

/// The page that the callback may send people to, and no other.
fn app_url(world: &TestWorld) -> String {
    world.local.environment()["APP_URL"].clone()
}

/// A redirect to the app with nothing of the request in it. Gives what the fragment is about.
#[track_caller]
fn to_the_app(world: &TestWorld, reply: &Reply) -> String {
    assert_eq!((reply.status, reply.body.as_str()), (303, ""), "{reply:?}");
    let (page, fragment) = reply.header("location").split_once('#').expect("a fragment");
    assert_eq!(page, app_url(world), "{reply:?}");
    let (name, value) = fragment.split_once('=').expect("name and value");
    match name {
        "activation_error" => assert!(["consent_denied", "link_invalid"].contains(&value), "{reply:?}"),
        "activation_ticket" => {
            let sealed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
            assert!((100..=2_048).contains(&value.len()) && value.bytes().all(sealed), "{reply:?}");
        }
        other => panic!("{other} is nothing that the app knows: {reply:?}"),
    }
    value.to_owned()
}

/// T28: sixty ways to ask for another place.
#[tokio::test]
async fn t28_the_callback_goes_to_the_app_alone() {
    let world = TestWorld::with().env("RUST_LOG", "info").start().await;
    let port = Url::parse(&app_url(&world)).expect("a URL").port().expect("a port");
    let at_evil = format!("http://localhost:{port}@evil.example/");
    let payloads = [
        "https://evil.example",
        "//evil.example",
        "///evil.example",
        "////evil.example",
        "https:evil.example",
        "https:/evil.example",
        "http:///evil.example",
        "\\\\evil.example",
        "/\\evil.example",
        "\\/evil.example",
        "https:\\\\evil.example",
        "%2f%2fevil.example",
        "%252f%252fevil.example",
        "/%09/evil.example",
        "/%2e%2e//evil.example",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java%0ascript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:msgbox(1)",
        "blob:https://evil.example/1",
        "file:///etc/passwd",
        "http://localhost:80@evil.example",
        "http://127.0.0.1.evil.example",
        "http://evil.example#@localhost",
        "http://evil.example?@localhost",
        "https://еvil.example",
        "https://evil。example",
        "https://xn--vil-3ed.example",
        at_evil.as_str(),
    ];
    let mut tried = 0;
    for payload in payloads {
        let encoded: String = url::form_urlencoded::byte_serialize(payload.as_bytes()).collect();
        let elsewhere =
            ["redirect_uri", "redirect_url", "return_to", "next", "url", "app_url", "RelayState", "callback"];
        let elsewhere = elsewhere.map(|name| format!("&{name}={encoded}")).concat();
        for query in [
            format!("state={STATE}&auth_code=abc{elsewhere}"),
            format!("state={encoded}&auth_code={encoded}&error={encoded}"),
        ] {
            let request = Request::get(&format!("/oauth/tiktok/callback?{query}"));
            let request = ["referer", "origin", "x-forwarded-host", "x-original-url", "x-rewrite-url", "forwarded"]
                .iter()
                .fold(request, |request, name| request.header(name, payload));
            let reply = request.send(&world).await;
            to_the_app(&world, &reply);
            assert!(!reply.header("location").contains("evil"), "{reply:?}");
            tried += 1;
        }
    }
    assert_eq!(tried, 60);
    world.finish().await;
}

/// T29: where TikTok sends people back to comes from the settings.
#[tokio::test]
async fn t29_no_header_moves_the_redirect_uri() {
    let world = TestWorld::with().env("RUST_LOG", "info").start().await;
    let account = world.active(11).await;
    let configured = &world.local.environment()["REDIRECT_URI"];
    let forged = [
        ("host", "evil.example"),
        ("host", "evil.example:443"),
        ("host", "localhost@evil.example"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-server", "evil.example"),
        ("x-host", "evil.example"),
        ("x-original-host", "evil.example"),
        ("forwarded", "host=evil.example;proto=https"),
        ("x-forwarded-prefix", "/evil"),
        ("x-original-url", "https://evil.example/"),
        ("origin", "https://evil.example"),
        ("referer", "https://evil.example/"),
    ];
    for (number, (name, value)) in forged.into_iter().enumerate() {
        // Nobody may have more than ten activations open.
        let claims = Person { sub: ["ana", "carla"][number % 2], ..ANA }.claims();
        let request = Request::post(&format!("/ad-accounts/{}/activate", account.id)).json(r#"{"force":true}"#);
        let request = request.bearer(&world.local.issuer.mint(&claims)).header(name, value);
        let reply = request.send(&world).await;
        assert_eq!(reply.status, 201, "{name}: {reply:?}");
        assert!(!reply.body.contains("evil"), "{reply:?}");
        let url = Url::parse(reply.json()["authorization_url"].as_str().expect("a URL")).expect("a URL");
        let mut parameters: Vec<_> = url.query_pairs().into_owned().collect();
        parameters.sort();
        assert_eq!(
            parameters.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
            ["app_id", "redirect_uri", "state"]
        );
        assert_eq!(parameters[1].1, *configured, "{name}");
    }
    world.finish().await;
}

/// T31: what browsers, scanners and link previews do on their own.
#[tokio::test]
async fn t31_looking_at_a_link_does_nothing() {
    let world = TestWorld::start().await;
    let account = world.lapsed(11).await;
    let started = world.as_(&ANA).activate(&account, Value::Null).await;
    let outcome =
        world.tiktok().consent(started.text("authorization_url"), Consent::by("ana")).expect("the page works");
    let back = outcome.redirect.expect("TikTok sends the person back");
    let path = format!("/oauth/tiktok/callback?{}", back.query().expect("a query"));
    let (before, exchanges) = (world.dump(), world.tiktok().exchanges());
    world.dynamodb.forget();

    let account_path = format!("/ad-accounts/{}", account.id);
    let token = world.local.issuer.mint(&ANA.claims());
    for path in [&path, "/activations/complete", &account_path, &format!("{account_path}/activate")] {
        for method in ["HEAD", "OPTIONS"] {
            let reply = Request::new(method, path).bearer(&token).send(&world).await;
            assert_eq!(reply.status, if method == "HEAD" { 404 } else { 204 }, "{reply:?}");
        }
    }
    for (name, value) in [
        ("purpose", "prefetch"),
        ("sec-purpose", "prefetch;prerender"),
        ("x-moz", "prefetch"),
        ("x-purpose", "preview"),
        ("user-agent", "Slackbot-LinkExpanding 1.0"),
        ("user-agent", "Mozilla/5.0 (compatible; SafeLinks)"),
    ] {
        let reply = Request::get(&path).header(name, value).send(&world).await;
        to_the_app(&world, &reply);
    }
    assert_eq!((world.dump(), world.tiktok().exchanges()), (before, exchanges));
    assert_eq!(world.dynamodb.calls(), Vec::<String>::new(), "the callback asks DynamoDB nothing");

    let ticket = world.callback(&back).await.ticket();
    assert_eq!(world.as_(&ANA).complete(&ticket).await.expect(200)["outcome"], "reconnected");
    world.finish().await;
}

/// T32: each method on each path is what the API description says, or nothing.
#[tokio::test]
async fn t32_only_described_methods_are_served() {
    let world = TestWorld::with().env("RUST_LOG", "info").start().await;
    let account = world.active(11).await;
    let token = world.local.issuer.mint(&ANA.claims());
    let routes = Routes::from_openapi(OPENAPI).expect("the API description");
    let served = [
        "GET /ad-accounts",
        "GET /ad-accounts/{advertiser_id}",
        "GET /ad-accounts/{advertiser_id}/history",
        "POST /ad-accounts/{advertiser_id}/activate",
        "POST /ad-accounts/{advertiser_id}/validate",
        "GET /activations/{activation_id}",
        // A path that fits the template above: its last word is no id, hence 400.
        "GET /activations/complete",
        "GET /oauth/tiktok/callback",
        "POST /activations/complete",
    ];
    let before = world.dump();
    for template in routes.all().iter().map(|route| route.template.clone()).collect::<std::collections::BTreeSet<_>>() {
        let path = template.replace("{advertiser_id}", &account.id);
        let path = path.replace("{activation_id}", &format!("act_{}", "A".repeat(43)));
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"] {
            let known = served.contains(&format!("{method} {template}").as_str());
            // A body on any method, as an alternative way in.
            let reply = Request::new(method, &path).bearer(&token).json(r#"{"nothing":1}"#).send(&world).await;
            match method {
                "OPTIONS" => assert_eq!((reply.status, reply.body.as_str()), (204, ""), "{reply:?}"),
                "HEAD" => assert_eq!((reply.status, reply.body.as_str()), (404, ""), "{reply:?}"),
                _ if known => assert_ne!(reply.json()["message"], "Not Found", "{reply:?}"),
                _ => reply.gateway(404),
            }
        }
        for path in
            [format!("{path}/"), format!("/{path}"), path.to_uppercase(), format!("{path}%20"), format!("{path};x")]
        {
            let reply = Request::post(&path).bearer(&token).send(&world).await;
            assert!([400, 404].contains(&reply.status), "{reply:?}");
        }
    }
    assert_eq!(world.dump(), before);
    world.finish().await;
}

/// T30: nothing is ever a page.
#[tokio::test]
async fn t30_no_answer_is_html() {
    let world = TestWorld::with().env("RUST_LOG", "info").start().await;
    let account = world.active(11).await;
    let token = world.local.issuer.mint(&ANA.claims());
    let scripts = [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "</script><svg/onload=alert(1)>",
        "';alert(1)//",
        "{{constructor.constructor('alert(1)')()}}",
        "<!--",
        "]]>",
        "\u{3c}script\u{3e}",
    ];
    for script in scripts {
        let encoded: String = url::form_urlencoded::byte_serialize(script.as_bytes()).collect();
        let json = json!(script);
        for (request, status) in [
            (Request::get(&format!("/oauth/tiktok/callback?state={encoded}&auth_code={encoded}&error={encoded}")), 303),
            (Request::get(&format!("/oauth/tiktok/callback?{encoded}={encoded}")), 303),
            (Request::get(&format!("/ad-accounts?search={encoded}")), 200),
            (Request::get(&format!("/ad-accounts?{encoded}=1")), 400),
            (Request::get(&format!("/ad-accounts?cursor={encoded}")), 400),
            (Request::get(&format!("/ad-accounts/{}", encoded.replace('+', "%20"))), 400),
            (Request::post(&format!("/ad-accounts/{}/activate", account.id)).json(format!("{{{json}:1}}")), 400),
            (Request::post(&format!("/ad-accounts/{}/activate", account.id)).json(format!("{{\"also\":{json}}}")), 400),
            (Request::post("/activations/complete").json(format!("{{\"ticket\":{json}}}")), 400),
        ] {
            let reply = request.bearer(&token).header("accept", "text/html").send(&world).await;
            assert_eq!(reply.status, status, "{reply:?}");
            let content_type = reply.header("content-type");
            assert!(["", "application/json", "application/problem+json"].contains(&content_type), "{reply:?}");
            assert_eq!(content_type.is_empty(), reply.body.is_empty(), "{reply:?}");
            assert!(!reply.body.contains(script) && !reply.body.contains("alert"), "{reply:?}");
            assert_eq!(reply.header("content-security-policy"), "default-src 'none'; frame-ancestors 'none'");
        }
    }
    world.finish().await;
}

/// T42: paths that some library might stumble over. Functions get them decoded.
#[tokio::test]
async fn t42_hostile_paths_crash_nothing() {
    let world = TestWorld::with().env("RUST_LOG", "info").start().await;
    let token = world.local.issuer.mint(&ANA.claims());
    Request::get("/ad-accounts").bearer(&token).send(&world).await;
    let alive = pids(&world);
    for hostile in [
        "%20",
        "%20%20x",
        "a%20b",
        "%00",
        "%0a",
        "%0d%0aHost:%20x",
        "%09",
        "%7f",
        "%1b[2J",
        "%22",
        "%5c",
        "%5e",
        "%60",
        "%7b%7d",
        "%7c",
        "%3c%3e",
        "%23",
        "%3f",
        "%25",
        "%25zz",
        "%2525",
        "%ff%fe",
        "%c0%ae%c0%ae",
        "%ed%a0%80",
        "%e2%80%ae",
        "%f0%9f%9b%8d",
        "http:%2f%2fevil.example",
        "//",
        "[::1]",
        "%5b::1%5d",
        "@",
        ":80",
        "a|b",
        "a\"b",
        "a`b",
        "a{b}",
        "a^b",
        "a\\b",
        "%",
        "%z",
        &"%20".repeat(3_000),
        &"a".repeat(9_000),
        &"%e2%80%ae".repeat(1_000),
    ] {
        for route in ["/ad-accounts/PATH", "/ad-accounts/PATH/history"] {
            let reply = Request::get(&route.replace("PATH", hostile)).bearer(&token).send(&world).await;
            assert!([400, 404, 431].contains(&reply.status), "{reply:?}");
        }
        let reply = Request::get(&format!("/{hostile}")).bearer(&token).send(&world).await;
        assert!([400, 404, 431].contains(&reply.status), "{reply:?}");
    }
    assert_eq!(pids(&world), alive);
    world.finish().await;
}
