//! The example events in `events/` against the functions themselves, in the demo world whose ids they use. Every file
//! has its line in `events/answers.yaml` and every line its file, every route is met in every class of answers, and every answer is as
//! `infra/openapi.yaml` describes it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use local::lambda::functions::InvokeError;
use local::world::{World, WorldOptions};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_yaml_ng::Mapping;
use url::Url;

use crate::support::*;

/// What an event is answered with: a line of `events/answers.yaml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Answered {
    Http(Http),
    Import {
        imported: u64,
        updated: u64,
        unchanged: u64,
        refused: usize,
    },
    Error {
        error: String,
    },
    Says {
        at: String,
        is: Value,
        #[serde(default)]
        delivered: usize,
    },
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Http {
    status: u16,
    problem: Option<String>,
    fragment: Option<String>,
    at: Option<String>,
    #[serde(default)]
    is: Value,
}

impl Http {
    fn ok(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    fn problem(status: u16, code: &str) -> Self {
        Self { status, problem: Some(code.to_owned()), ..Self::default() }
    }

    fn ticket() -> Self {
        Self { status: 303, fragment: Some("activation_ticket=".to_owned()), ..Self::default() }
    }
}

/// Every line, as the event's folder and name and its answer.
fn answers() -> Vec<(String, Answered)> {
    let text = std::fs::read_to_string(folder().join("answers.yaml")).expect("the answers");
    let functions: Mapping = serde_yaml_ng::from_str(&text).expect("the answers are YAML");
    let mut lines = Vec::new();
    for (function, cases) in functions {
        let function = function.as_str().expect("a function").to_owned();
        for (case, answer) in cases.as_mapping().expect("events").clone() {
            let case = format!("{function}/{}", case.as_str().expect("an event"));
            let answer = serde_yaml_ng::from_value(answer).unwrap_or_else(|error| panic!("{case}: {error}"));
            lines.push((case, answer));
        }
    }
    lines
}

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../events"))
}

fn load(case: &str) -> Value {
    let file = folder().join(format!("{case}.json"));
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    serde_json::from_str(&text).expect("an event is JSON")
}

fn function_of(case: &str) -> &str {
    case.split('/').next().expect("a folder")
}

/// Route to classes of answers that were seen.
type Seen = BTreeMap<String, BTreeSet<u16>>;

struct Told {
    world: World,
    seen: Seen,
}

impl Told {
    async fn begin() -> Self {
        build::build_once().await;
        let environment = [("RUST_LOG".to_owned(), "trace".to_owned())].into();
        let world = World::start(WorldOptions { environment, ..WorldOptions::default() }).await.expect("a world");
        local::demo::seed::fill(&world).await.expect("demo data");
        Self { world, seen: Seen::new() }
    }

    /// Invokes a function with an HTTP event, and checks the answer against the line and the API description.
    async fn invoke(&mut self, case: &str, expected: &Http, event: &Value) -> (HeaderMap, Value) {
        let answer = self.world.functions.invoke(function_of(case), event.clone()).await;
        let answer = answer.unwrap_or_else(|error| panic!("{case}: {error}"));
        let answered = answer["statusCode"].as_u64().and_then(|status| u16::try_from(status).ok()).expect("a status");
        let body = answer["body"].as_str().unwrap_or_default();
        assert_eq!(answered, expected.status, "{case}: {body}");

        let mut headers = HeaderMap::new();
        for (name, value) in answer["headers"].as_object().into_iter().flatten() {
            let name = HeaderName::try_from(name.as_str()).expect("a header name");
            headers.insert(name, HeaderValue::from_str(value.as_str().expect("text")).expect("a header value"));
        }
        assert!(answer["cookies"].as_array().is_none_or(Vec::is_empty), "{case}: a cookie");
        let route = event["routeKey"].as_str().expect("a route");
        let (method, _) = route.split_once(' ').expect("a method and a path");
        let path = event["rawPath"].as_str().expect("a path");
        schema::check(method, path, answered, &headers, body).unwrap_or_else(|wrong| panic!("{case}: {wrong}"));
        self.seen.entry(route.to_owned()).or_default().insert(answered / 100);

        let body: Value = serde_json::from_str(body).unwrap_or_default();
        if let Some(code) = &expected.problem {
            assert_eq!(body["type"], format!("/problems/{code}"), "{case}: {body}");
        }
        if let Some(fragment) = &expected.fragment {
            let location = headers["location"].to_str().expect("text");
            let told = Url::parse(location).expect("a URL").fragment().unwrap_or_default().to_owned();
            assert!(told.starts_with(fragment), "{case}: {location}");
        }
        if let Some(place) = &expected.at {
            assert_eq!(body.pointer(place), Some(&expected.is), "{case}: {body}");
        }
        (headers, body)
    }

    /// Ana activates, Carlos consents, and the callback gives the ticket.
    async fn begin_activation(&mut self) -> (String, String) {
        let mut activate = load("start-activation/activate");
        // Her ten live activations are used up by the files themselves.
        activate["requestContext"]["authorizer"]["jwt"]["claims"]["sub"] = json!("ana-2");
        let (_, started) = self.invoke("start-activation/activate", &Http::ok(201), &activate).await;
        let url = started["authorization_url"].as_str().expect("a link");
        let consented = self.world.tiktok.handle().consent(url, Consent::by("carlos")).expect("a consent");
        let mut approved = load("oauth-callback/approved");
        approved["rawQueryString"] = json!(consented.redirect.expect("confirmed").query());
        let (headers, _) = self.invoke("oauth-callback/approved", &Http::ticket(), &approved).await;
        let location = headers["location"].to_str().expect("text");
        let (_, ticket) = location.split_once("#activation_ticket=").expect("a ticket");
        (started["activation_id"].as_str().expect("an id").to_owned(), ticket.to_owned())
    }
}

/// The event with a real ticket and activation in place of those that nobody ever had.
fn filled(case: &str, activation_id: &str, ticket: &str) -> Value {
    let placeholder = load("oauth-callback/complete")["body"].as_str().map(str::to_owned).expect("a body");
    let placeholder: Value = serde_json::from_str(&placeholder).expect("JSON");
    let placeholder = placeholder["ticket"].as_str().expect("a ticket").to_owned();
    let old = load("start-activation/status")["pathParameters"]["activation_id"].as_str().expect("an id").to_owned();
    let text = load(case).to_string().replace(&placeholder, ticket).replace(&old, activation_id);
    let ana = r#""sub":"ana""#;
    serde_json::from_str(&text.replace(ana, r#""sub":"ana-2""#)).expect("still JSON")
}

/// The same files again, with the ticket or the id of an activation that is really there.
fn with_a_ticket() -> [(&'static str, Http); 8] {
    [
        ("start-activation/status", Http::ok(200)),
        ("start-activation/status_viewer", Http::ok(200)),
        ("start-activation/status_other_organisation", Http::problem(404, "activation_not_found")),
        ("oauth-callback/complete_viewer", Http::problem(403, "manager_required")),
        ("oauth-callback/complete", Http::ok(200)),
        ("oauth-callback/complete_other_person", Http::problem(403, "not_your_activation")),
        ("oauth-callback/complete_other_organisation", Http::problem(403, "not_your_activation")),
        ("start-activation/status", Http::ok(200)),
    ]
}

#[tokio::test]
async fn every_event_gets_its_answer() {
    let mut told = Told::begin().await;
    for (case, answered) in answers() {
        if let Answered::Http(expected) = answered {
            told.invoke(&case, &expected, &load(&case)).await;
        }
    }
    let (activation_id, ticket) = told.begin_activation().await;
    let mut receipts = Vec::new();
    for (case, expected) in with_a_ticket() {
        receipts.push(told.invoke(case, &expected, &filled(case, &activation_id, &ticket)).await.1);
    }
    assert_eq!(receipts[0]["outcome"], "waiting");
    assert_eq!((&receipts[4]["outcome"], &receipts[7]), (&json!("reconnected"), &receipts[4]));

    // Of a repeat with the same key, the answer is the same to the last byte.
    let repeat = "start-activation/idempotent";
    let (_, first) = told.invoke(repeat, &Http::ok(201), &load(repeat)).await;
    let (_, second) = told.invoke(repeat, &Http::ok(201), &load(repeat)).await;
    assert_eq!(first, second);

    everything_fails(&mut told).await;
    every_class_was_seen(&told.seen);
}

/// One good event of each route, while the table or the secrets cannot be had.
async fn everything_fails(told: &mut Told) {
    told.world.set_dynamodb_url("http://127.0.0.1:9");
    for case in [
        "list-accounts/all",
        "list-accounts/details",
        "list-accounts/history",
        "start-activation/activate",
        "start-activation/status",
        "validate-permissions/validate",
    ] {
        let (headers, _) = told.invoke(case, &Http::problem(503, "try_again"), &load(case)).await;
        assert!(headers.contains_key("retry-after"), "{case}");
    }
    // A fresh process that gets no keys can neither seal nor open a ticket.
    let secrets = "AWS_ENDPOINT_URL_SECRETS_MANAGER";
    told.world.functions.set_env("oauth-callback", secrets, "http://127.0.0.1:9").expect("a function");
    for case in ["oauth-callback/approved", "oauth-callback/complete"] {
        told.invoke(case, &Http::problem(503, "try_again"), &load(case)).await;
    }
}

/// Each route of the API was met in each class of answers that its description has.
fn every_class_was_seen(seen: &Seen) {
    for (template, item) in schema::OPENAPI["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("methods").iter().filter(|(key, _)| *key != "parameters") {
            let route = format!("{} {template}", method.to_uppercase());
            let statuses = operation["responses"].as_object().expect("responses").keys();
            for class in statuses.map(|status| status[..1].parse::<u16>().expect("a status")) {
                let is_seen = seen.get(&route).is_some_and(|classes| classes.contains(&class));
                assert!(is_seen, "no event makes {route} answer {class}xx");
            }
        }
    }
}

#[tokio::test]
async fn every_import_gets_its_report() {
    let told = Told::begin().await;
    for (case, expected) in answers().into_iter().filter(|(case, _)| function_of(case) == "import-accounts") {
        let answer = told.world.functions.invoke(function_of(&case), load(&case)).await;
        match (answer, expected) {
            (Ok(report), Answered::Import { imported, updated, unchanged, refused }) => {
                let number = |name: &str| report[name].as_u64();
                let counted = [number("imported"), number("updated"), number("unchanged")];
                assert_eq!(counted, [imported, updated, unchanged].map(Some), "{case}: {report}");
                assert_eq!(report["refused"].as_array().map(Vec::len), Some(refused), "{case}: {report}");
            }
            (answer, expected) => refused(&case, answer, &expected),
        }
    }
}

/// The function failed, and as it says so.
fn refused(case: &str, answer: Result<Value, InvokeError>, expected: &Answered) {
    match (answer, expected) {
        (Err(InvokeError::Failed { error, .. }), Answered::Error { error: expected }) => {
            assert_eq!(error.error_type, *expected, "{case}: {}", error.error_message);
        }
        (answer, expected) => panic!("{case}: {answer:?} instead of {expected:?}"),
    }
}

#[tokio::test]
async fn every_event_of_the_sweep_gets_its_answer() {
    let told = Told::begin().await;
    for (case, expected) in answers() {
        if matches!(expected, Answered::Http(_)) || function_of(&case) == "import-accounts" {
            continue;
        }
        let before = told.world.bus.delivered().len();
        let answer = told.world.functions.invoke(function_of(&case), load(&case)).await;
        let after = told.world.bus.delivered().len() - before;
        match (answer, expected) {
            (Ok(answer), Answered::Says { at, is, delivered }) => {
                // Nothing is said of what is null.
                assert_eq!(answer.pointer(&at).unwrap_or(&Value::Null), &is, "{case}: {answer}");
                assert_eq!(after, delivered, "{case}");
            }
            (answer, expected) => {
                refused(&case, answer, &expected);
                assert_eq!(after, 0, "{case}");
            }
        }
    }
}

#[test]
fn every_file_has_its_line() {
    let lines: BTreeSet<String> = answers().into_iter().map(|(case, _)| case).collect();
    let mut files = BTreeSet::new();
    for function in std::fs::read_dir(folder()).expect("the events") {
        let function = function.expect("an entry");
        if !function.path().is_dir() {
            continue;
        }
        for file in std::fs::read_dir(function.path()).expect("a folder of events") {
            let file = file.expect("a file").path();
            let name = file.file_stem().and_then(|name| name.to_str()).expect("a name");
            files.insert(format!("{}/{name}", function.file_name().to_str().expect("a name")));
        }
    }
    assert_eq!(lines, files);
}
