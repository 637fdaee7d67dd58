//! The example events in `events/` against the functions themselves, in the seeded story whose ids they use. Every file
//! has its line here and every line its file, every route is met in every class of answers, and every answer is as
//! `infra/openapi.yaml` describes it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use local::functions::InvokeError;
use local::world::{World, WorldOptions};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

use crate::support::*;

/// File, status, and what the answer says: the problem's code, or the fragment that the app gets. In this order,
/// because some build on others.
const HTTP: &[(&str, u16, &str)] = &[
    ("list-accounts/active", 200, ""),
    ("list-accounts/all", 200, ""),
    ("list-accounts/details", 200, ""),
    ("list-accounts/details_active", 200, ""),
    ("list-accounts/details_malformed_id", 400, "request_invalid"),
    ("list-accounts/details_other_organisation", 404, "account_not_found"),
    ("list-accounts/details_out_of_reach", 403, "account_out_of_reach"),
    ("list-accounts/details_unknown", 404, "account_not_found"),
    ("list-accounts/filtered", 200, ""),
    ("list-accounts/history", 200, ""),
    ("list-accounts/history_bad_cursor", 400, "cursor_invalid"),
    ("list-accounts/history_out_of_reach", 403, "account_out_of_reach"),
    ("list-accounts/history_unknown", 404, "account_not_found"),
    ("list-accounts/limit_too_high", 400, "request_invalid"),
    ("list-accounts/limited_access", 200, ""),
    ("list-accounts/needs_connecting", 200, ""),
    ("list-accounts/no_claims", 401, "not_authenticated"),
    ("list-accounts/no_organisation", 401, "not_authenticated"),
    ("list-accounts/no_scope", 401, "not_authenticated"),
    ("list-accounts/other_organisation", 200, ""),
    ("list-accounts/repeated_parameter", 400, "request_invalid"),
    ("list-accounts/search_by_id", 200, ""),
    ("list-accounts/search_by_id_prefix", 200, ""),
    ("list-accounts/search_by_name", 200, ""),
    ("list-accounts/second_page_bad_cursor", 400, "cursor_invalid"),
    ("list-accounts/unknown_parameter", 400, "request_invalid"),
    ("list-accounts/unknown_route", 404, "message"),
    ("list-accounts/unknown_status", 400, "request_invalid"),
    ("list-accounts/viewer", 200, ""),
    ("oauth-callback/approved", 303, "activation_ticket="),
    ("oauth-callback/auth_code_only", 303, "activation_ticket="),
    ("oauth-callback/bad_encoding", 303, "activation_error=link_invalid"),
    ("oauth-callback/both_differ", 303, "activation_error=link_invalid"),
    ("oauth-callback/code_only", 303, "activation_ticket="),
    ("oauth-callback/complete", 400, "ticket_invalid"),
    ("oauth-callback/complete_bad_body", 400, "request_invalid"),
    ("oauth-callback/complete_bad_ticket", 400, "ticket_invalid"),
    ("oauth-callback/complete_duplicate_key", 400, "request_invalid"),
    ("oauth-callback/complete_no_body", 400, "request_invalid"),
    ("oauth-callback/complete_no_claims", 401, "not_authenticated"),
    ("oauth-callback/complete_no_ticket", 400, "request_invalid"),
    ("oauth-callback/complete_other_organisation", 400, "ticket_invalid"),
    ("oauth-callback/complete_other_person", 400, "ticket_invalid"),
    ("oauth-callback/complete_ticket_not_base64url", 400, "request_invalid"),
    ("oauth-callback/complete_unknown_field", 400, "request_invalid"),
    ("oauth-callback/complete_viewer", 403, "manager_required"),
    ("oauth-callback/complete_wrong_type", 400, "request_invalid"),
    ("oauth-callback/denied", 303, "activation_error=consent_denied"),
    ("oauth-callback/empty_code", 303, "activation_error=link_invalid"),
    ("oauth-callback/empty_query", 303, "activation_error=link_invalid"),
    ("oauth-callback/empty_state", 303, "activation_error=link_invalid"),
    ("oauth-callback/header_injection", 303, "activation_error=link_invalid"),
    ("oauth-callback/no_code", 303, "activation_error=consent_denied"),
    ("oauth-callback/no_state", 303, "activation_error=link_invalid"),
    ("oauth-callback/query_too_long", 303, "activation_error=link_invalid"),
    ("oauth-callback/repeated_code", 303, "activation_error=link_invalid"),
    ("oauth-callback/repeated_state", 303, "activation_error=link_invalid"),
    ("oauth-callback/short_state", 303, "activation_error=link_invalid"),
    ("oauth-callback/too_long", 303, "activation_error=link_invalid"),
    ("start-activation/activate", 201, ""),
    ("start-activation/activate_also_business_center", 201, ""),
    ("start-activation/activate_empty_body", 201, ""),
    ("start-activation/activate_force", 201, ""),
    ("start-activation/already_active", 409, "already_active"),
    ("start-activation/bad_body", 400, "request_invalid"),
    ("start-activation/consent_cannot_help", 409, "consent_cannot_help"),
    ("start-activation/consent_cannot_help_forced", 201, ""),
    ("start-activation/duplicate_key", 400, "request_invalid"),
    ("start-activation/idempotency_key_too_long", 400, "request_invalid"),
    ("start-activation/idempotent", 201, ""),
    ("start-activation/idempotent_other_body", 409, "idempotency_mismatch"),
    ("start-activation/malformed_account", 400, "request_invalid"),
    ("start-activation/no_claims", 401, "not_authenticated"),
    ("start-activation/other_organisation", 404, "account_not_found"),
    ("start-activation/out_of_reach", 403, "account_out_of_reach"),
    ("start-activation/status", 404, "activation_not_found"),
    ("start-activation/status_malformed", 400, "request_invalid"),
    ("start-activation/status_no_claims", 401, "not_authenticated"),
    ("start-activation/status_other_organisation", 404, "activation_not_found"),
    ("start-activation/status_unknown", 404, "activation_not_found"),
    ("start-activation/status_viewer", 404, "activation_not_found"),
    ("start-activation/unknown_account", 404, "account_not_found"),
    ("start-activation/unknown_field", 400, "request_invalid"),
    ("start-activation/viewer", 403, "manager_required"),
    ("start-activation/wrong_type", 400, "request_invalid"),
    ("validate-permissions/body_not_taken", 400, "request_invalid"),
    ("validate-permissions/malformed_account", 400, "request_invalid"),
    ("validate-permissions/no_claims", 401, "not_authenticated"),
    ("validate-permissions/other_organisation", 404, "account_not_found"),
    ("validate-permissions/out_of_reach", 403, "account_out_of_reach"),
    ("validate-permissions/unknown_account", 404, "account_not_found"),
    ("validate-permissions/validate", 200, ""),
    ("validate-permissions/validate_active", 200, ""),
    ("validate-permissions/viewer", 403, "manager_required"),
];

/// The same files again, with the ticket or the id of an activation that is really there.
const FILLED: &[(&str, u16, &str)] = &[
    ("start-activation/status", 200, ""),
    ("start-activation/status_viewer", 200, ""),
    ("start-activation/status_other_organisation", 404, "activation_not_found"),
    ("oauth-callback/complete_viewer", 403, "manager_required"),
    ("oauth-callback/complete", 200, ""),
    ("oauth-callback/complete_other_person", 403, "not_your_activation"),
    ("oauth-callback/complete_other_organisation", 403, "not_your_activation"),
    ("start-activation/status", 200, ""),
];

/// File, and `[imported, updated, unchanged, refused]`, one after the other; `Err` when the whole event is refused.
const IMPORTS: &[(&str, Result<[usize; 4], &str>)] = &[
    ("import-accounts/advertiser_id_as_number", Ok([0, 0, 0, 1])),
    ("import-accounts/direct", Ok([3, 0, 0, 0])),
    ("import-accounts/empty", Ok([0, 0, 0, 0])),
    ("import-accounts/eventbridge_other_source", Err("EventInvalid")),
    ("import-accounts/eventbridge_registered", Ok([0, 0, 1, 0])),
    ("import-accounts/eventbridge_with_token", Ok([0, 0, 0, 1])),
    ("import-accounts/invalid_row", Ok([0, 0, 1, 2])),
    ("import-accounts/no_organisation", Err("EventInvalid")),
    ("import-accounts/repeated_row", Ok([0, 0, 1, 1])),
    ("import-accounts/unknown_field", Ok([0, 0, 0, 1])),
    ("import-accounts/with_token", Ok([0, 2, 0, 0])),
    ("import-accounts/without_permissions", Ok([0, 1, 0, 0])),
];

/// File, and what the answer says at this place; `Err` when the event is refused. One after the other: the guard's orders
/// build on each other.
const SWEEP: &[(&str, &str, Result<&str, &str>)] = &[
    ("check-grant/activation", "/batchItemFailures", Ok("[]")),
    ("check-grant/canary", "/batchItemFailures", Ok("[]")),
    ("check-grant/grant", "/batchItemFailures", Ok("[]")),
    ("check-grant/mixed", "/batchItemFailures", Ok("[]")),
    ("check-grant/poison", "/batchItemFailures", Ok(r#"[{"itemIdentifier":"00000000-0000-4000-8000-000000000001"}]"#)),
    ("lapse-sweep/canary", "/guard/budget", Ok("25")),
    ("lapse-sweep/guard_auto", "/guard/forced", Ok("null")),
    ("lapse-sweep/guard_hold", "/guard/forced", Ok(r#""hold""#)),
    ("lapse-sweep/guard_release", "/guard/forced", Ok(r#""release""#)),
    ("lapse-sweep/no_such_order", "", Err("EventInvalid")),
    ("lapse-sweep/revoke", "/guard/revoke_before", Ok(r#""2026-01-01T00:00:00Z""#)),
    ("lapse-sweep/revoke_future", "", Err("OrderRefused")),
    ("lapse-sweep/revoke_other_table", "", Err("OrderRefused")),
    ("lapse-sweep/revoke_stop", "/guard/revoke_before", Ok("null")),
    ("lapse-sweep/revoke_unconfirmed", "", Err("EventInvalid")),
    ("lapse-sweep/scheduled", "/run", Ok(r#""2026-11-24T08:00:00Z""#)),
    ("lapse-sweep/sweep_all", "/swept", Ok("true")),
    ("lapse-sweep/sweep_due", "/completed", Ok("true")),
    ("relay-events/other_source", "", Err("EventInvalid")),
    ("relay-events/scheduled", "/refused", Ok("0")),
    ("relay-events/stream", "/batchItemFailures", Ok("[]")),
    ("relay-events/stream_delivered", "/batchItemFailures", Ok("[]")),
    ("relay-events/stream_poison", "/batchItemFailures", Ok("[]")),
    ("relay-events/stream_removed", "/batchItemFailures", Ok("[]")),
];

/// How many records of these are events that wait for the bus.
const RELAYED: [(&str, usize); 3] =
    [("relay-events/stream", 4), ("relay-events/stream_delivered", 1), ("relay-events/stream_poison", 1)];

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
        local::story::seed(&world).await.expect("the story");
        Self { world, seen: Seen::new() }
    }

    /// Invokes a function with an HTTP event, and checks the answer against the line and the API description.
    async fn invoke(&mut self, (case, status, says): (&str, u16, &str), event: &Value) -> (HeaderMap, Value) {
        let answer = self.world.functions.invoke(function_of(case), event.clone()).await;
        let answer = answer.unwrap_or_else(|error| panic!("{case}: {error}"));
        let answered = answer["statusCode"].as_u64().and_then(|status| u16::try_from(status).ok()).expect("a status");
        let body = answer["body"].as_str().unwrap_or_default();
        assert_eq!(answered, status, "{case}: {body}");

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
        match says {
            "" => {}
            "message" => assert!(body["message"].is_string(), "{case}: {body}"),
            fragment if answered == 303 => {
                let location = headers["location"].to_str().expect("text");
                let told = Url::parse(location).expect("a URL").fragment().unwrap_or_default().to_owned();
                assert!(told.starts_with(fragment), "{case}: {location}");
            }
            code => assert_eq!(body["type"], format!("/problems/{code}"), "{case}: {body}"),
        }
        (headers, body)
    }

    /// Ana activates, Carlos consents, and the callback gives the ticket.
    async fn begin_activation(&mut self) -> (String, String) {
        let mut activate = load("start-activation/activate");
        // Her ten live activations are used up by the files themselves.
        activate["requestContext"]["authorizer"]["jwt"]["claims"]["sub"] = json!("ana-2");
        let (_, started) = self.invoke(("start-activation/activate", 201, ""), &activate).await;
        let url = started["authorization_url"].as_str().expect("a link");
        let consented = self.world.tiktok.handle().consent(url, Consent::by("carlos")).expect("a consent");
        let mut approved = load("oauth-callback/approved");
        approved["rawQueryString"] = json!(consented.redirect.expect("confirmed").query());
        let (headers, _) = self.invoke(("oauth-callback/approved", 303, "activation_ticket="), &approved).await;
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

#[tokio::test]
async fn every_event_gets_its_answer() {
    let mut told = Told::begin().await;
    for case in HTTP {
        told.invoke(*case, &load(case.0)).await;
    }
    let (activation_id, ticket) = told.begin_activation().await;
    let mut receipts = Vec::new();
    for case in FILLED {
        receipts.push(told.invoke(*case, &filled(case.0, &activation_id, &ticket)).await.1);
    }
    assert_eq!(receipts[0]["outcome"], "waiting");
    assert_eq!((&receipts[4]["outcome"], &receipts[7]), (&json!("reconnected"), &receipts[4]));

    // Of a repeat with the same key, the answer is the same to the last byte.
    let repeat = ("start-activation/idempotent", 201, "");
    let (first, second) = (told.invoke(repeat, &load(repeat.0)).await.1, told.invoke(repeat, &load(repeat.0)).await.1);
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
        let (headers, _) = told.invoke((case, 503, "try_again"), &load(case)).await;
        assert!(headers.contains_key("retry-after"), "{case}");
    }
    // A fresh process that gets no keys can neither seal nor open a ticket.
    let secrets = "AWS_ENDPOINT_URL_SECRETS_MANAGER";
    told.world.functions.set_env("oauth-callback", secrets, "http://127.0.0.1:9").expect("a function");
    for case in ["oauth-callback/approved", "oauth-callback/complete"] {
        told.invoke((case, 503, "try_again"), &load(case)).await;
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
    for (case, expected) in IMPORTS {
        let answer = told.world.functions.invoke(function_of(case), load(case)).await;
        match (answer, expected) {
            (Ok(report), Ok(expected)) => {
                let number = |name: &str| report[name].as_u64().and_then(|number| usize::try_from(number).ok());
                let refused = report["refused"].as_array().map(Vec::len);
                let counted = [number("imported"), number("updated"), number("unchanged"), refused];
                assert_eq!(counted, expected.map(Some), "{case}: {report}");
            }
            (Err(InvokeError::Failed { error, .. }), Err(expected)) => {
                assert_eq!(error.error_type, *expected, "{case}: {}", error.error_message);
            }
            (answer, expected) => panic!("{case}: {answer:?} instead of {expected:?}"),
        }
    }
}

#[tokio::test]
async fn every_event_of_the_sweep_gets_its_answer() {
    let told = Told::begin().await;
    for (case, place, expected) in SWEEP {
        let before = told.world.bus.delivered().len();
        let answer = told.world.functions.invoke(function_of(case), load(case)).await;
        match (answer, expected) {
            (Ok(answer), Ok(expected)) => {
                let found = answer.pointer(place).unwrap_or(&Value::Null);
                assert_eq!(found.to_string(), *expected, "{case}: {answer}");
            }
            (Err(InvokeError::Failed { error, .. }), Err(expected)) => {
                assert_eq!(error.error_type, *expected, "{case}: {}", error.error_message);
            }
            (answer, expected) => panic!("{case}: {answer:?} instead of {expected:?}"),
        }
        let delivered = told.world.bus.delivered().len() - before;
        let waiting = RELAYED.iter().find(|(relayed, _)| relayed == case).map_or(0, |(_, waiting)| *waiting);
        assert_eq!(delivered, waiting, "{case}");
    }
}

#[test]
fn every_file_has_its_line() {
    let lines = HTTP.iter().map(|(case, ..)| *case).chain(IMPORTS.iter().map(|(case, _)| *case));
    let lines = lines.chain(SWEEP.iter().map(|(case, ..)| *case));
    let mut told = BTreeSet::new();
    for case in lines {
        assert!(told.insert(case.to_owned()), "{case} stands here twice");
    }
    let mut files = BTreeSet::new();
    for function in std::fs::read_dir(folder()).expect("the events") {
        let function = function.expect("a folder");
        for file in std::fs::read_dir(function.path()).expect("a folder of events") {
            let file = file.expect("a file").path();
            let name = file.file_stem().and_then(|name| name.to_str()).expect("a name");
            files.insert(format!("{}/{name}", function.file_name().to_str().expect("a name")));
        }
    }
    assert_eq!(told, files);
}
