//! States and tickets: what is worth nothing when it is forged, used, late, or in the wrong place (T01 to T06, T11, T12).

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use shared::sealing::RawState;
use url::Url;

use crate::support::*;

/// A code that TikTok never gave out.
pub const JUNK: &str = "0123456789abcdef0123456789abcdef01234567";
/// Operations that write.
const WRITES: [&str; 4] = ["PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems"];

pub fn query_value(url: &str, name: &str) -> String {
    let url = Url::parse(url).expect("a URL");
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).expect("the parameter is there")
}

/// The state that leaves in the authorization link.
pub fn state_of(started: &Answer) -> String {
    started.expect(201);
    query_value(started.text("authorization_url"), "state")
}

/// What the callback answers to this state and code, each encoded as a browser would.
pub async fn come_back(world: &TestWorld, state: &str, code: &str) -> Answer {
    let encode = |text| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    world.get_callback(&format!("state={}&auth_code={}", encode(state), encode(code))).await
}

pub fn ticket_in(answer: &Answer) -> String {
    let (_, ticket) = answer.header("location").split_once("#activation_ticket=").expect("a ticket");
    ticket.to_owned()
}

fn writes(world: &TestWorld) -> usize {
    WRITES.iter().map(|operation| world.dynamodb.count(operation)).sum()
}

/// The body without what differs between any two answers.
fn uniform(answer: &Answer) -> Value {
    let mut body = answer.body.clone();
    body.as_object_mut().map(|body| body.remove("request_id"));
    body
}

/// Another character of base64url that stands for other bits.
fn other(character: u8) -> char {
    if character == b'A' { 'E' } else { 'A' }
}

/// States that nobody was given: many random ones, and everything close to a real one.
fn forged(real: &str) -> Vec<String> {
    let random = (0..120).map(|_| RawState::mint().expose().to_owned());
    let flipped = (0..real.len()).map(|at| format!("{}{}{}", &real[..at], other(real.as_bytes()[at]), &real[at + 1..]));
    let swap = |c: char| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
    let close = [
        real[..42].to_owned(),
        real[1..].to_owned(),
        format!("{real}A"),
        format!("{real}="),
        format!("{real}=="),
        format!("{real} "),
        format!(" {real}"),
        format!("{real}\0"),
        format!("\0{}", &real[1..]),
        format!("{}\0", &real[..42]),
        format!("+{}", &real[1..]),
        format!("/{}", &real[1..]),
        format!("é{}", &real[2..]),
        real.chars().map(swap).collect(),
        real.chars().rev().collect(),
        real.to_lowercase(),
        "undefined".to_owned(),
        "null".to_owned(),
        "*".repeat(43),
        "A".repeat(43),
        String::new(),
    ];
    random.chain(flipped).chain(close).filter(|state| state != real).collect()
}

/// T01: a state that we did not mint opens nothing, and all of them look the same from outside.
#[tokio::test]
async fn t01_a_forged_state_leads_nowhere() {
    let world = TestWorld::start().await;
    let account = world.lapsed(11).await;
    let real = state_of(&world.as_(&ANA).activate(&account, Value::Null).await);
    let before = world.rows();
    world.dynamodb.forget();

    let (mut malformed, mut unknown, mut ticket_lengths) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for state in forged(&real) {
        let answer = come_back(&world, &state, JUNK).await;
        assert_eq!(answer.body, Value::Null, "{answer:?}");
        if answer.header("location").contains("#activation_ticket=") {
            let ticket = ticket_in(&answer);
            ticket_lengths.insert(ticket.len());
            let completed = world.as_(&ANA).complete(&ticket).await;
            completed.problem("link_expired");
            unknown.insert((completed.status, uniform(&completed).to_string()));
        } else {
            malformed.insert(answer.header("location").to_owned());
        }
    }

    assert_eq!(unknown.len(), 1, "{unknown:?}");
    assert_eq!(ticket_lengths.len(), 1, "{ticket_lengths:?}");
    assert_eq!(malformed.len(), 1, "{malformed:?}");
    assert!(malformed.first().unwrap().ends_with("#activation_error=link_invalid"));
    assert_eq!(world.tiktok().exchanges(), 0);
    assert_eq!(writes(&world), 0, "{:?}", world.dynamodb.calls());
    assert_eq!(world.rows(), before);
    world.finish().await;
}

/// T02: states are 32 bytes without a pattern.
#[test]
fn t02_no_state_tells_anything_about_another() {
    const MINTED: u32 = 4_000;
    let states: BTreeSet<String> = (0..MINTED).map(|_| RawState::mint().expose().to_owned()).collect();
    assert_eq!(states.len(), MINTED as usize, "a state came twice");
    let mut ones = [0_u32; 256];
    for state in &states {
        assert_eq!(state.len(), 43);
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(state).expect("base64url");
        for (bit, count) in ones.iter_mut().enumerate() {
            *count += u32::from(bytes[bit / 8] >> (bit % 8) & 1);
        }
    }
    // Six standard deviations: fair bits are outside once in two million runs.
    let (expected, deviation) = (f64::from(MINTED) / 2.0, (f64::from(MINTED) / 4.0).sqrt());
    for (bit, count) in ones.iter().enumerate() {
        assert!((f64::from(*count) - expected).abs() < 6.0 * deviation, "bit {bit} is set {count} times");
    }
}

/// T02: nor do those that really leave; the activation id is not the state.
#[tokio::test]
async fn t02_real_activations_have_states_of_their_own() {
    let world = TestWorld::start().await;
    let account = world.unconnected(11).await;
    let mut states = BTreeSet::new();
    for person in 0..4 {
        let claims = json!({ "sub": format!("manager-{person}"), "org_id": AURORA, "scope": "ad-accounts:read ad-accounts:manage" });
        let api = world.as_claims(&claims);
        for _ in 0..10 {
            let started = api.activate(&account, Value::Null).await;
            let state = state_of(&started);
            assert_eq!(state.len(), 43);
            assert!(!started.text("activation_id").contains(&state));
            assert!(!state.contains(&account.id) && !state.contains(AURORA));
            states.insert(state);
        }
    }
    assert_eq!(states.len(), 40, "a state came twice");
    let beginnings: BTreeSet<&str> = states.iter().map(|state| &state[..5]).collect();
    assert_eq!(beginnings.len(), 40, "states share a beginning");
    world.finish().await;
}

/// T03: nothing is not a state, whatever else comes with it.
#[tokio::test]
async fn t03_an_absent_or_empty_state_is_refused() {
    let world = TestWorld::start().await;
    let account = world.lapsed(11).await;
    world.as_(&ANA).activate(&account, Value::Null).await.expect(201);
    world.dynamodb.forget();

    let mut locations = BTreeSet::new();
    for query in ["auth_code=CODE", "state=&auth_code=CODE", "state=%00&auth_code=CODE", "state&auth_code=CODE"] {
        for cookie in [None, Some(""), Some("state=; activation=undefined")] {
            let path = format!("/oauth/tiktok/callback?{}", query.replace("CODE", JUNK));
            let headers: Vec<_> = cookie.map(|cookie| ("cookie", cookie)).into_iter().collect();
            let answer = world.send(Method::GET, &path, &headers, String::new()).await;
            answer.expect(303);
            locations.insert(answer.header("location").to_owned());
        }
    }
    assert_eq!(locations.len(), 1, "{locations:?}");
    assert!(locations.first().unwrap().ends_with("#activation_error=link_invalid"));
    assert_eq!((world.tiktok().exchanges(), world.dynamodb.calls().len()), (0, 0));
    world.finish().await;
}

/// T04: an old link from somebody's history changes nothing, and its owner sees the same receipt again.
#[tokio::test]
async fn t04_a_used_link_is_only_a_receipt() {
    let world = TestWorld::start().await;
    let account = world.lapsed(11).await;
    let started = world.as_(&ANA).activate(&account, Value::Null).await;
    let consented = world.tiktok().consent(started.text("authorization_url"), Consent::by("ana")).unwrap();
    let back = consented.redirect.expect("she confirmed");
    let ticket = world.callback(&back).await.ticket();
    let receipt = world.as_(&ANA).complete(&ticket).await;
    assert_eq!(receipt.expect(200)["outcome"], "reconnected");
    let (version, rows) = (world.account_row(&account)["version"].clone(), world.rows());

    for round in 0..100 {
        let ticket = world.callback(&back).await.ticket();
        if round % 4 == 0 {
            let again = world.as_(&ANA).complete(&ticket).await;
            assert_eq!(again.expect(200), &receipt.body);
            world.as_(&CARLA).complete(&ticket).await.problem("not_your_activation");
            world.as_(&BO).complete(&ticket).await.problem("not_your_activation");
        }
    }
    assert_eq!(world.tiktok().exchanges(), 1);
    assert_eq!(world.account_row(&account)["version"], version);
    assert_eq!(world.rows(), rows, "a replay wrote something");
    world.finish().await;
}

/// T05: a link that ran out is refused although its row is still there.
#[tokio::test]
async fn t05_an_expired_link_is_refused() {
    let world = TestWorld::with().env("ACTIVATION_TTL_SECONDS", "2").start().await;
    let account = world.lapsed(11).await;
    let started = world.as_(&ANA).activate(&account, Value::Null).await;
    let ticket = world.walk_consent(started.text("authorization_url"), Consent::by("ana")).await.ticket();
    seconds_pass(3).await;
    let pk = format!("ACTIVATION#{}", started.text("activation_id"));
    assert_eq!(world.row(&pk, "ACTIVATION").expect("the row is still there")["state"], "waiting");
    world.dynamodb.forget();

    let completed = world.as_(&ANA).complete(&ticket).await;
    assert_eq!(completed.status, 410);
    completed.problem("link_expired");
    assert_eq!((world.tiktok().exchanges(), writes(&world)), (0, 0));
    assert_eq!(world.account_row(&account)["status"], "needs_connecting");
    world.finish().await;
}

/// T05: a ticket that ran out is refused while its activation still waits; a fresh one for it works.
#[tokio::test]
async fn t05_an_expired_ticket_is_refused() {
    let world = TestWorld::with().env("TICKET_TTL_SECONDS", "1").start().await;
    let account = world.lapsed(11).await;
    let started = world.as_(&ANA).activate(&account, Value::Null).await;
    let consented = world.tiktok().consent(started.text("authorization_url"), Consent::by("ana")).unwrap();
    let back = consented.redirect.expect("she confirmed");
    let late = world.callback(&back).await.ticket();
    seconds_pass(2).await;

    world.as_(&ANA).complete(&late).await.problem("link_expired");
    assert_eq!(world.tiktok().exchanges(), 0);
    // One that lives for as long as they usually do.
    world.local.functions.set_env("oauth-callback", "TICKET_TTL_SECONDS", "300").unwrap();
    let fresh = world.callback(&back).await.ticket();
    assert_eq!(world.as_(&ANA).complete(&fresh).await.expect(200)["outcome"], "reconnected");
    world.finish().await;
}

/// T06: whoever opens the link first, such as a mail scanner, burns nothing.
#[tokio::test]
async fn t06_a_scanner_cannot_burn_a_link() {
    let world = TestWorld::start().await;
    let account = world.lapsed(11).await;
    let started = world.as_(&ANA).activate(&account, Value::Null).await;
    let state = state_of(&started);
    world.dynamodb.forget();
    for _ in 0..20 {
        ticket_in(&come_back(&world, &state, JUNK).await);
    }
    assert_eq!(world.dynamodb.calls().len(), 0);

    let ticket = world.walk_consent(started.text("authorization_url"), Consent::by("ana")).await.ticket();
    assert_eq!(world.as_(&ANA).complete(&ticket).await.expect(200)["outcome"], "reconnected");
    assert_eq!(world.tiktok().exchanges(), 1);
    world.finish().await;
}

/// T11: there is one provider and one place to come back to.
#[tokio::test]
async fn t11_another_providers_callback_is_no_route() {
    let world = TestWorld::start().await;
    let account = world.lapsed(11).await;
    let state = state_of(&world.as_(&ANA).activate(&account, Value::Null).await);
    world.dynamodb.forget();
    for path in [
        "/oauth/meta/callback",
        "/oauth/google/callback",
        "/oauth/callback",
        "/oauth/TikTok/callback",
        "/oauth/tiktok/callback/",
        "/oauth/tiktok%2Fcallback",
        "/oauth/tiktok/callback/meta",
        "/oauth//callback",
    ] {
        let path = format!("{path}?state={state}&auth_code={JUNK}");
        let answer = world.send(Method::GET, &path, &[], String::new()).await;
        assert_eq!(answer.expect(404)["message"], "Not Found");
        assert_eq!(answer.header("location"), "");
    }
    assert_eq!((world.tiktok().exchanges(), world.dynamodb.calls().len()), (0, 0));
    world.finish().await;
}

/// T12: six kinds of values, each in each place where another belongs. What is opaque to us by design stays harmless:
/// an Idempotency-Key of any text begins an activation of its own, and a code is for TikTok alone to judge.
#[tokio::test]
async fn t12_no_value_does_the_work_of_another() {
    let world = TestWorld::start().await;
    let accounts = [Account::new(11), Account::new(12)];
    world.all_active(&accounts.each_ref()).await;
    world.lapse(&accounts[0]).await;
    world.as_(&ANA).validate(&accounts[1]).await.expect(200);
    let account = &accounts[0];
    let ana = world.as_(&ANA);
    let key = "7d1f3c9e-reconnect";
    let started = ana.activate_with_key(account, json!({}), key).await;
    let consented = world.tiktok().consent(started.text("authorization_url"), Consent::by("ana")).unwrap();
    let back = consented.redirect.expect("she confirmed");
    let values = [
        ("ticket", world.callback(&back).await.ticket()),
        ("cursor", ana.list("limit=1").await.text("next_cursor").to_owned()),
        ("state", state_of(&started)),
        ("activation_id", started.text("activation_id").to_owned()),
        ("key", key.to_owned()),
        ("auth_code", query_value(back.as_str(), "auth_code")),
    ];
    let state = RawState::mint();

    let mut refused = 0;
    for (kind, value) in &values {
        let first = || format!("{kind} {value}");
        if *kind != "ticket" {
            let answer = ana.complete(value).await;
            assert!(
                ["/problems/ticket_invalid", "/problems/request_invalid"].contains(&answer.text("type")),
                "{answer:?}"
            );
            refused += 1;
        }
        if *kind != "cursor" {
            let answer = ana.list(&format!("limit=1&cursor={value}")).await;
            assert_eq!(answer.status, 400, "{} {answer:?}", first());
            refused += 1;
        }
        if *kind != "state" {
            let answer = come_back(&world, value, JUNK).await;
            assert!(answer.header("location").ends_with("#activation_error=link_invalid"), "{} {answer:?}", first());
            refused += 1;
        }
        if *kind != "activation_id" {
            let answer = ana.activation(value).await;
            assert!([400, 404].contains(&answer.status), "{} {answer:?}", first());
            refused += 1;
        }
        if *kind != "key" {
            let answer = ana.activate_with_key(account, json!({}), value).await;
            // Too long for a key, or a key that nobody has used before.
            match answer.status {
                201 => assert_ne!(answer.body["activation_id"], started.body["activation_id"], "{}", first()),
                _ => assert_eq!(answer.problem("request_invalid")["field"], "Idempotency-Key", "{}", first()),
            }
            refused += 1;
        }
        if *kind != "auth_code" {
            // Sealed for a state that leads nowhere: whatever the code is, nobody brings it to TikTok.
            let answer = come_back(&world, state.expose(), value).await;
            if answer.header("location").contains("#activation_ticket=") {
                ana.complete(&ticket_in(&answer)).await.problem("link_expired");
            }
            refused += 1;
        }
    }
    assert_eq!(refused, 30);
    assert_eq!(world.tiktok().exchanges(), 0);

    // Each in its own place still works.
    assert_eq!(ana.activate_with_key(account, json!({}), key).await.expect(201), &started.body);
    ana.list(&format!("limit=1&cursor={}", values[1].1)).await.expect(200);
    assert_eq!(ana.complete(&values[0].1).await.expect(200)["outcome"], "reconnected");
    world.finish().await;
}
