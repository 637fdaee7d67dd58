//! Nothing confidential lies open (T70, T75 to T79). Every journey ends with a search for its secrets; these provoke
//! the occasions on which one could slip out.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use domain::events::Event;
use reqwest::Method;
use shared::http::Code;
use tiktok_stand_in::RelationStatus;

use crate::support::canaries::Kind;
use crate::support::proxy::{Break, Mode};
use crate::support::*;

/// Every endpoint of TikTok that we call with a token or a code.
const ENDPOINTS: [&str; 10] = [
    "/oauth2/access_token/",
    "/oauth2/advertiser/get/",
    "/bc/get/",
    "/bc/asset/admin/get/",
    "/advertiser/info/",
    "/report/integrated/get/",
    "/user/info/",
    "/bc/asset/get/",
    "/bc/member/get/",
    "/oauth2/revoke_token/",
];

/// An app secret that looks different wherever it is quoted or encoded.
const STRANGE_SECRET: &str = r#"p"4\s/s+w%0r=d&<c4n4ry>'{}"#;

/// TikTok and Secrets Manager agree on another app secret.
fn change_app_secret(world: &TestWorld, secret: &str) {
    let app_id = world.local.tiktok.app_id();
    let mut snapshot: Value = serde_json::from_str(&world.tiktok().snapshot()).expect("JSON");
    snapshot["apps"][app_id]["secret"] = json!(secret);
    world.tiktok().restore(&snapshot.to_string()).expect("a snapshot");
    let stored = json!({ "app_id": app_id, "secret": secret });
    world.local.secrets.put(local::aws::names::TIKTOK_APP_SECRET, &stored.to_string());
    world.canary(Kind::AppSecret, secret);
}

/// T76: the whole way and its branches, at the most talkative level. `finish` searches.
#[tokio::test]
async fn t76_a_whole_day_leaves_no_secret_behind() {
    let world = TestWorld::start_watched().await;
    change_app_secret(&world, STRANGE_SECRET);
    let account = world.lapsed(11).await;
    let ana = world.as_(&ANA);
    for query in ["", "search=Shop", "status=needs_connecting&limit=1", "cursor=x"] {
        ana.list(query).await;
    }
    ana.details(&account).await.expect(200);
    ana.history(&account).await.expect(200);

    // Refused for everything that can be wrong with a consent.
    world.tiktok().world().share(&account.id, AGENCY, RelationStatus::Bound).unwrap();
    for consent in [
        Consent::by("walt"),
        Consent::by("ana").permissions(Permissions::Off(vec![4])),
        Consent::by("ana").ad_accounts(AdAccounts::None),
    ] {
        assert_eq!(world.reconnect(&account, &ANA, consent).await.expect(200)["outcome"], "refused");
    }
    let fault = world.tiktok().add_fault(Fault::code(40_110).on(ENDPOINTS[0])).unwrap();
    assert_eq!(world.reconnect(&account, &ANA, Consent::by("ana")).await.expect(200)["outcome"], "refused");
    world.tiktok().clear_fault(fault);

    // A stranger, a late-comer, a lost exchange, a pending one that is resumed, and the receipt again.
    let ticket = world.ticket_for(&account, &ANA, Value::Null, Consent::by("ana")).await;
    world.as_(&BO).complete(&ticket).await.problem("not_your_activation");
    let started = ana.activate_with_key(&account, json!({}), "a-key-of-hers").await;
    let ticket = world.walk_consent(started.text("authorization_url"), Consent::by("ana")).await.ticket();
    world.expire(started.text("activation_id"));
    ana.complete(&ticket).await.problem("link_expired");
    let fault = world.tiktok().add_fault(Fault::new(FaultKind::Reset).on(ENDPOINTS[0]).after_processing()).unwrap();
    assert_eq!(world.reconnect(&account, &ANA, Consent::by("ana")).await.expect(200)["outcome"], "gave_up");
    world.tiktok().clear_fault(fault);
    let fault = world.tiktok().add_fault(Fault::new(FaultKind::BadGatewayHtml).on("/bc/get/")).unwrap();
    let ticket = world.ticket_for(&account, &ANA, Value::Null, Consent::by("ana")).await;
    ana.complete(&ticket).await.expect(202);
    world.check_invariants();
    world.tiktok().clear_fault(fault);
    assert_eq!(ana.complete(&ticket).await.expect(200)["outcome"], "reconnected");
    ana.complete(&ticket).await.expect(200);
    ana.validate(&account).await.expect(200);
    assert!(!world.local.functions.logs().all().is_empty());
    world.finish().await;
}

/// T76: secrets in places where they do not belong are not repeated, stored or logged from there.
#[tokio::test]
async fn t76_a_misplaced_secret_is_not_repeated() {
    let world = TestWorld::start_watched().await;
    let account = world.lapsed(11).await;
    let ana = world.as_(&ANA);
    let token = world.authorize("carlos", &[&account]).access_token;
    let started = ana.activate(&account, Value::Null).await;
    let consented = world.tiktok().consent(started.text("authorization_url"), Consent::by("ana")).unwrap();
    let back = consented.redirect.expect("confirmed");
    let find =
        |name: &str| back.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap();
    let ticket = world.callback(&back).await.ticket();

    for secret in [token, find("state"), find("auth_code"), ticket.clone()] {
        let some = [
            format!("/ad-accounts?search={secret}"),
            format!("/ad-accounts?cursor={secret}"),
            format!("/ad-accounts?brand={secret}"),
            format!("/ad-accounts?{secret}=1"),
            format!("/ad-accounts?status={secret}"),
            format!("/ad-accounts/{secret}"),
            format!("/ad-accounts/{}/history?cursor={secret}", account.id),
            format!("/activations/{secret}"),
            format!("/{secret}"),
        ];
        for path in some {
            ana.get(&path).await;
        }
        for query in [format!("state={secret}&error=x"), secret.clone(), format!("x={secret}&auth_code={secret}")] {
            world.get_callback(&query).await;
        }
        for body in [
            json!({ "ticket": [secret] }),
            json!({ "ticket": format!("{secret}.") }),
            json!({ "ticket": secret, "more": secret }),
            json!({ secret.clone(): 1 }),
            json!({ "force": secret, "also": secret }),
            json!(secret),
        ] {
            ana.post("/activations/complete", body.clone()).await;
            ana.activate(&account, body).await;
        }
        ana.send(Method::POST, "/activations/complete", &[], format!("{{\"ticket\":\"{secret}")).await;
        ana.send(Method::GET, "/ad-accounts", &[("x-secret", &secret), ("cookie", &secret)], String::new()).await;
        world.send(Method::GET, "/ad-accounts", &[("authorization", &format!("Bearer {secret}"))], String::new()).await;
        ana.activate_with_key(&account, json!({}), &format!("{secret} and more")).await;
        for row in [
            json!({ "access_token": secret }),
            json!({ "access_token": format!("{secret} x"), "scopes": ["1", "4"] }),
            json!({ "access_token": [secret], "scopes": ["1"] }),
            json!({ "access_token": "x", "scopes": [secret] }),
            json!({ "access_token": secret, "scopes": ["1"], "more": secret }),
        ] {
            let report = world.import_rows(&[&Account::new(12)], Some(&row)).await.to_string();
            assert!(!report.contains(&secret), "{report}");
        }
        for event in [json!({ "org_id": secret }), json!(secret), json!({ "accounts": secret, "org_id": 1 })] {
            if let Err(error) = world.local.functions.invoke("import-accounts", event).await {
                assert!(!error.to_string().contains(&secret), "{error}");
            }
        }
    }
    world.finish().await;
}

/// T78: what TikTok writes into its errors goes nowhere.
#[tokio::test]
async fn t78_tiktoks_words_are_never_passed_on() {
    const PLANTED: [&str; 5] = [
        "c4n4ry-message-0123456789abcdef",
        "c4n4ry-request-id 0123456789abcdef",
        "c4n4rytoken0123456789abcdef012345678901",
        "c4n4ry-html-0123456789abcdef",
        "c4n4ry-header-0123456789abcdef",
    ];
    let [message, request_id, token, html, header] = PLANTED;
    let world = TestWorld::start_watched().await;
    for planted in PLANTED {
        world.canary(Kind::Other, planted);
    }
    let envelope = |code: i64, message: &str| json!({ "code": code, "message": message, "request_id": request_id, "data": { "access_token": token, "list": token } });
    let body = |status: u16, content_type: &str, body: String| FaultKind::Body {
        status,
        content_type: content_type.to_owned(),
        headers: [("x-tt-logid".to_owned(), header.to_owned())].into(),
        body,
    };
    let quoted = format!("{message} lacks the required scope");
    let shapes = [
        body(200, "application/json", envelope(40_001, message).to_string()),
        body(200, "application/json", envelope(40_001, &quoted).to_string()),
        body(200, "application/json", envelope(40_105, message).to_string()),
        body(200, "application/json", envelope(40_002, message).to_string()),
        body(200, "application/json", envelope(99_999, message).to_string()),
        body(200, "application/json", envelope(0, message).to_string()),
        body(200, "application/json", format!("{{\"code\":0,\"data\":\"{token}\"")),
        body(500, "text/html", format!("<html>{html}</html>")),
        body(429, header, html.to_owned()),
        FaultKind::Redirect { status: 302, location: format!("http://127.0.0.1:9/{html}") },
    ];
    for (shape, number) in shapes.into_iter().zip(11..) {
        let account = world.active(number).await;
        // Consents that nobody understands stay pending, and one user may have ten of them.
        let person = Person { sub: format!("manager-{number}").leak(), ..ANA };
        for endpoint in ENDPOINTS {
            world.tiktok().add_fault(Fault::new(shape.clone()).on(endpoint)).unwrap();
        }
        world.as_(&person).validate(&account).await.expect(200);
        world.as_(&person).activate(&account, json!({ "force": true })).await;
        world.tiktok().clear_faults();

        // Once without an exchange, once with one.
        for skipped in [1, 0] {
            let ticket = world.ticket_for(&account, &person, json!({ "force": true }), Consent::by("ana")).await;
            for endpoint in &ENDPOINTS[skipped..] {
                world.tiktok().add_fault(Fault::new(shape.clone()).on(*endpoint)).unwrap();
            }
            let answer = world.as_(&person).complete(&ticket).await;
            assert_ne!(answer.body["outcome"], "reconnected", "{shape:?}: {answer:?}");
            world.tiktok().clear_faults();
        }
        world.as_(&person).details(&account).await.expect(200);
        world.as_(&person).history(&account).await.expect(200);
    }
    world.finish().await;
}

/// T77: whatever breaks on our side, the caller gets one of the known codes and none of the reasons.
#[tokio::test]
async fn t77_a_failure_says_only_its_code() {
    let world = TestWorld::start_watched().await;
    let account = world.active(11).await;
    let known: BTreeSet<String> = Code::ALL.iter().map(|code| format!("/problems/{}", code.words().name)).collect();
    let mut met = BTreeSet::new();
    for mode in [Mode::InternalError, Mode::DropReply, Mode::Throttle] {
        let body = json!({ "force": true });
        let ticket = world.ticket_for(&account, &ANA, body.clone(), Consent::by("ana")).await;
        world.dynamodb.strike(Break::nth_of_all(1).times(10_000), mode);
        let ana = world.as_(&ANA);
        for answer in [
            ana.list("").await,
            ana.details(&account).await,
            ana.history(&account).await,
            ana.activation(&format!("act_{}", "A".repeat(43))).await,
            ana.activate(&account, body).await,
            ana.complete(&ticket).await,
            ana.validate(&account).await,
        ] {
            assert_eq!(answer.status, 503, "{answer:?}");
            let code = answer.text("type").to_owned();
            assert!(known.contains(&code), "{answer:?}");
            let text = answer.body.to_string();
            for word in ["ynamo", "Internal", "Throughput", "127.0.0.1", "sending", "panicked"] {
                assert!(!text.contains(word), "{word}: {answer:?}");
            }
            met.insert(code);
        }
        world.dynamodb.heal();
        ana.complete(&ticket).await.expect(200);
    }
    assert_eq!(met, BTreeSet::from(["/problems/try_again".to_owned()]));
    world.finish().await;
}

/// T77: events that API Gateway never sends are refused without a crash and without an echo.
#[tokio::test]
async fn t77_a_nonsense_event_is_refused() {
    let world = TestWorld::start_watched().await;
    world.canary(Kind::Other, "c4n4ry-event-0123456789abcdef");
    for event in [
        json!(null),
        json!([]),
        json!("c4n4ry-event-0123456789abcdef"),
        json!({}),
        json!({ "version": "1.0", "httpMethod": "GET", "path": "/c4n4ry-event-0123456789abcdef" }),
        json!({ "version": "2.0", "routeKey": "c4n4ry-event-0123456789abcdef" }),
        json!({ "version": "2.0", "routeKey": 7, "rawQueryString": ["c4n4ry-event-0123456789abcdef"] }),
        json!({ "version": "2.0", "routeKey": "GET /ad-accounts", "requestContext": { "authorizer": "c4n4ry-event-0123456789abcdef" } }),
        json!({ "version": "2.0", "routeKey": "POST /activations/complete", "isBase64Encoded": true, "body": "c4n4ry-event-0123456789abcdef" }),
    ] {
        for function in ["list-accounts", "start-activation", "oauth-callback", "validate-permissions"] {
            let answer = world.local.functions.invoke(function, event.clone()).await;
            let shown = answer.as_ref().map_or_else(ToString::to_string, Value::to_string);
            assert!(!shown.contains("c4n4ry"), "{function} {event}: {shown}");
            if let Ok(answer) = answer {
                assert!(
                    [400, 401, 404].contains(&answer["statusCode"].as_u64().unwrap_or(0)),
                    "{function} {event}: {answer}"
                );
            }
        }
    }
    world.finish().await;
}

/// T70: an event is ids, a version, times and a cause; no name, no e-mail, nothing that TikTok said. The row also says
/// who it was, for the history; the bus gets the event only.
#[tokio::test]
async fn t70_events_hold_ids_and_codes_only() {
    const ALLOWED: [&str; 8] =
        ["event_id", "kind", "org_id", "advertiser_id", "version", "occurred_at", "cause", "gap"];
    const OF_THE_ROW: [&str; 5] = ["pk", "sk", "due_pk", "due_sk", "by"];
    let world = TestWorld::start_watched().await;
    let account = world.lapsed(11).await;
    world.reconnect(&account, &ANA, Consent::by("ana").ad_accounts(AdAccounts::None)).await.expect(200);
    world.reconnect(&account, &ANA, Consent::by("carlos")).await.expect(200);
    world.tiktok().world().remove_member(MEDIA, "carlos").unwrap();
    world.as_(&ANA).validate(&account).await.expect(200);
    let rows = world.events_of(&account);
    assert!(rows.len() >= 4, "{rows:?}");
    for row in rows {
        let known = |name: &&String| ALLOWED.contains(&name.as_str()) || OF_THE_ROW.contains(&name.as_str());
        let strange: Vec<_> = row.as_object().unwrap().keys().filter(|name| !known(name)).collect();
        assert!(strange.is_empty(), "{strange:?} in {row}");

        let event: Event = serde_json::from_value(row).expect("the row is an event");
        let event = serde_json::to_value(event).expect("JSON");
        assert!(event.as_object().unwrap().keys().all(|name| ALLOWED.contains(&name.as_str())), "{event}");
        let text = event.to_string();
        for personal in ["@", "Ana", "Carlos", "Shop", "Northwind", "Moreau"] {
            assert!(!text.contains(personal), "{personal} in {event}");
        }
    }
    world.finish().await;
}

/// T75: the same token sealed twice has nothing in common with itself.
#[tokio::test]
async fn t75_equal_tokens_look_different() {
    let world = TestWorld::start_watched().await;
    let (ours, theirs) = (Account::new(11), Account::of_borealis(12));
    world.at_tiktok(&ours);
    world.at_tiktok(&theirs);
    let token = world.authorize("ana", &[&ours, &theirs]);
    let mut seals = Vec::new();
    for account in [&ours, &theirs] {
        world.import(&[account], Some(&token)).await;
        let sealed = world.grant_of(account)["sealed_token"].as_str().expect("a sealed token").to_owned();
        seals.push(BASE64_STANDARD.decode(sealed).expect("base64"));
    }
    assert_eq!(seals[0].len(), seals[1].len());
    // Format and key id are the same; behind them come nonce, ciphertext and tag.
    let header = 2 + usize::from(seals[0][1]);
    let [first, second] = [&seals[0][header..], &seals[1][header..]];
    let blocks: BTreeSet<&[u8]> = first.chunks_exact(16).chain(second.chunks_exact(16)).collect();
    assert_eq!(blocks.len(), 2 * (first.len() / 16), "a block came twice");
    assert_ne!(first[..12], second[..12], "a nonce came twice");
    world.finish().await;
}

/// T79: licences, banned crates and sources are a check of their own, and CI runs it on the locked versions.
#[test]
fn t79_dependencies_are_checked() {
    let read =
        |file: &str| std::fs::read_to_string(format!("{}/../{file}", env!("CARGO_MANIFEST_DIR"))).expect("a file");
    let (ci, deny) = (read(".ci/run"), read("deny.toml"));
    assert!(ci.lines().any(|line| line.contains("cargo-deny check") && line.contains("licenses bans sources")));
    assert!(ci.lines().any(|line| line.contains("cargo test --locked")));
    for section in ["[licenses]", "[bans]", "[sources]", "unknown-registry = \"deny\"", "wildcards = \"deny\""] {
        assert!(deny.contains(section), "{section}");
    }
}
