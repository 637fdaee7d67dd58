//! I4: no token, code, app secret, key, state, ticket or sign-in shows up anywhere but where it is issued.
//!
//! What is looked for: everything of that kind that the stand-in, the secrets and the requests of a test have produced.
//! Where: every log line (in one world of ten, and where a test is about secrets, at the most talkative level), every
//! answer, the whole table, every message that was ever queued and everything that the bus was ever asked to take. How:
//! as it is, in hex, in base64 at any offset, percent-encoded, and as JSON in JSON writes it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::HeaderMap;
use url::Url;

use super::{TestWorld, Value};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    AccessToken,
    AuthCode,
    AppSecret,
    Key,
    State,
    Ticket,
    Jwt,
    Other,
}

/// An answer as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    pub request: String,
    pub headers: HeaderMap,
    pub body: String,
}

#[derive(Default)]
pub struct Canaries {
    secrets: Mutex<BTreeSet<(Kind, String)>>,
    answers: Mutex<Vec<Seen>>,
}

impl Canaries {
    pub fn add(&self, kind: Kind, secret: &str) {
        // Anything shorter could stand somewhere by chance.
        if secret.len() >= 16 {
            self.secrets.lock().unwrap_or_else(PoisonError::into_inner).insert((kind, secret.to_owned()));
        }
    }

    /// Keeps an answer, and learns the states and tickets that it issues.
    pub fn saw(&self, seen: Seen) {
        if let Ok(body) = serde_json::from_str::<Value>(&seen.body)
            && let Some(url) = body["authorization_url"].as_str().and_then(|url| Url::parse(url).ok())
        {
            url.query_pairs().filter(|(name, _)| name == "state").for_each(|(_, state)| self.add(Kind::State, &state));
        }
        let location = seen.headers.get("location").and_then(|value| value.to_str().ok()).unwrap_or_default();
        if let Some((_, ticket)) = location.split_once("#activation_ticket=") {
            self.add(Kind::Ticket, ticket);
        }
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).push(seen);
    }

    fn everything(&self) -> Vec<(Kind, String)> {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

/// Panics at the first secret that lies open.
pub fn check(world: &TestWorld) {
    let mut secrets = world.canaries.everything();
    secrets.extend(of_tiktok(world));
    secrets.extend(of_secrets_manager(world));

    let logs: String = world.local.functions.logs().all().iter().map(|line| line.text.clone() + "\n").collect();
    let table: String = world.dump().iter().map(|item| item.to_string() + "\n").collect();
    let queued = world.local.sqs.checks.sent().join("\n");
    let on_the_bus = world.local.bus.asked().join("\n");
    let open =
        [("a log line", logs), ("the table", table), ("a queued message", queued), ("a call to the bus", on_the_bus)];
    let answers = world.canaries.answers.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let mut told: BTreeMap<Kind, Vec<(&str, String)>> = BTreeMap::new();
    for (kind, secret) in &secrets {
        let told = told
            .entry(*kind)
            .or_insert_with(|| answers.iter().map(|answer| (answer.request.as_str(), shown(answer, *kind))).collect());
        for needle in spellings(secret) {
            if let Some((place, text)) = open.iter().find(|(_, text)| text.contains(&needle)) {
                let line = text.lines().find(|line| line.contains(&needle)).unwrap_or_default();
                panic!("I4: {kind:?} in {place}: {line}");
            }
            if let Some((request, shown)) = told.iter().find(|(_, shown)| shown.contains(&needle)) {
                panic!("I4: {kind:?} in the answer to {request}: {shown}");
            }
        }
    }
}

/// The answer, without the one place where this kind of secret is handed out.
fn shown(answer: &Seen, kind: Kind) -> String {
    let is_start = answer.request.starts_with("POST") && answer.request.ends_with("/activate");
    let is_callback = answer.request.starts_with("GET /oauth/tiktok/callback");
    let headers =
        answer.headers.iter().filter(|(name, _)| !(is_callback && kind == Kind::Ticket && *name == "location"));
    let headers = headers.fold(String::new(), |text, (name, value)| text + &format!("{name}: {value:?}\n"));
    let body = match serde_json::from_str::<Value>(&answer.body) {
        Ok(mut body) if is_start && kind == Kind::State => {
            body.as_object_mut().map(|body| body.remove("authorization_url"));
            body.to_string()
        }
        _ => answer.body.clone(),
    };
    headers + &body
}

fn of_tiktok(world: &TestWorld) -> Vec<(Kind, String)> {
    let snapshot: Value = serde_json::from_str(&world.tiktok().snapshot()).expect("a snapshot is JSON");
    let names = |field: &str| -> Vec<String> {
        snapshot[field].as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect()
    };
    let apps = snapshot["apps"].as_object().into_iter().flatten();
    let app_secrets = apps.filter_map(|(_, app)| app["secret"].as_str().map(str::to_owned));
    let tokens = names("grants").into_iter().map(|token| (Kind::AccessToken, token));
    let codes = names("codes").into_iter().map(|code| (Kind::AuthCode, code));
    tokens.chain(codes).chain(app_secrets.map(|secret| (Kind::AppSecret, secret))).collect()
}

fn of_secrets_manager(world: &TestWorld) -> Vec<(Kind, String)> {
    use local::aws::names::{TOKEN_KEYRING_SECRET, WEB_KEYRING_SECRET};
    let keyrings = [TOKEN_KEYRING_SECRET, WEB_KEYRING_SECRET];
    let keyrings = keyrings.into_iter().filter_map(|name| world.local.secrets.current(name));
    let keyrings = keyrings.filter_map(|text| serde_json::from_str::<Value>(&text).ok());
    let keys = keyrings.flat_map(|keyring| {
        let keys = keyring["keys"].as_object().into_iter().flatten();
        keys.filter_map(|(_, key)| key.as_str().map(str::to_owned)).collect::<Vec<_>>()
    });
    keys.map(|key| (Kind::Key, key)).collect()
}

/// The ways in which a secret could be written down.
fn spellings(secret: &str) -> BTreeSet<String> {
    let bytes = secret.as_bytes();
    let hex = |upper: bool| -> String {
        bytes.iter().map(|byte| if upper { format!("{byte:02X}") } else { format!("{byte:02x}") }).collect()
    };
    let in_json = |text: &str| -> String {
        let quoted = Value::from(text).to_string();
        quoted[1..quoted.len() - 1].to_owned()
    };
    let mut all = BTreeSet::from([
        secret.to_owned(),
        in_json(secret),
        in_json(&in_json(secret)),
        hex(false),
        hex(true),
        utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string(),
    ]);
    for offset in 0..3 {
        // As the middle of something longer: the characters that its neighbours would change are cut off.
        let padded = [vec![0; offset], bytes.to_vec()].concat();
        for engine in [&BASE64_STANDARD_NO_PAD, &BASE64_URL_SAFE_NO_PAD] {
            let text = engine.encode(&padded);
            let end = if padded.len() % 3 == 0 { text.len() } else { text.len() - 1 };
            all.insert(text[[0, 2, 3][offset]..end].to_owned());
        }
    }
    all
}

#[test]
fn a_secret_is_found_in_any_spelling() {
    let secret = "0123456789abcdef0123456789abcdef01234567";
    for before in ["", "x", "xy", "xyz"] {
        let whole = format!("{before}{secret}tail");
        let base64 = BASE64_STANDARD_NO_PAD.encode(&whole);
        assert!(spellings(secret).iter().any(|needle| base64.contains(needle)), "{before}");
    }
    assert!(spellings("a/b+c=d").contains("a%2Fb%2Bc%3Dd"));
    assert!(spellings("secret").contains("736563726574"));
    assert!(spellings(r#"a"b"#).contains(r#"a\"b"#));
    assert!(spellings(r#"a"b"#).contains(r#"a\\\"b"#));
}

/// The search reaches what has left the world: a message long since handled …
#[tokio::test]
#[should_panic(expected = "I4: Other in a queued message")]
async fn a_secret_is_found_in_the_queue() {
    let world = TestWorld::start().await;
    world.canary(Kind::Other, "c4n4ry-in-the-queue-of-checks");
    world.local.sqs.checks.send("c4n4ry-in-the-queue-of-checks", std::time::Duration::ZERO);
    world.local.sqs.checks.purge();
    world.finish().await;
}

/// … and a call to the bus that was refused.
#[tokio::test]
#[should_panic(expected = "I4: Other in a call to the bus")]
async fn a_secret_is_found_on_the_bus() {
    let world = TestWorld::start().await;
    world.canary(Kind::Other, "c4n4ry-on-the-bus-of-events");
    let call = world.http.post(world.local.eventbridge_url()).body("c4n4ry-on-the-bus-of-events");
    assert_eq!(call.send().await.expect("an answer").status(), 400);
    world.finish().await;
}
