use domain::access::{Belonging, Reach};
use domain::account::Standing;
use domain::causes::CauseCode;
use domain::testing::a_lapsed_account;
use serde_json::{Value, json};

use super::*;

fn now() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

fn lapsed() -> AdAccount {
    let belonging = Belonging { brand: Some("shop".parse().unwrap()), ..Belonging::default() };
    AdAccount { belonging, ..a_lapsed_account(vec![CauseCode::AuthorizationRevoked.into()], now()) }
}

fn request(event: &str, body: Option<&str>) -> Request {
    let path = format!("{}/../../events/start-activation/{event}.json", env!("CARGO_MANIFEST_DIR"));
    let mut event: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    if let Some(body) = body {
        event["body"] = json!(body);
    }
    Request::from_event(&event.to_string(), "invocation-1")
}

fn parsed(body: &str) -> Result<Asked, Value> {
    Asked::parse(&request("activate", Some(body))).map_err(|problem| problem.to_json("r"))
}

fn asked(force: bool, access: Option<&str>) -> Asked {
    let mut asked = parsed(&json!({ "force": force }).to_string()).unwrap();
    asked.caller.reach = access.map_or(Reach::default(), |claim| Reach::parse(claim).unwrap());
    asked
}

#[track_caller]
fn code_of(answer: Result<AdAccount, Problem>) -> Code {
    answer.unwrap_err().code()
}

#[test]
fn a_request_is_read_from_its_event() {
    let plain = Asked::parse(&request("activate", None)).unwrap();
    assert_eq!(plain.caller.user_id.as_str(), "ana");
    assert!(!plain.also_business_center && !plain.force && plain.key.is_none());
    assert!(Asked::parse(&request("activate_also_business_center", None)).unwrap().also_business_center);
    assert!(Asked::parse(&request("activate_force", None)).unwrap().force);
    assert!(Asked::parse(&request("idempotent", None)).unwrap().key.is_some());
}

/// T35, T36.
#[test]
fn what_is_not_asked_for_is_refused_by_name() {
    for (body, field) in [
        (r#"{"also": "everything"}"#, "also"),
        (r#"{"also": "nothing"}"#, "also"),
        (r#"{"also": null}"#, "also"),
        (r#"{"also": ["business_center"]}"#, "also"),
        (r#"{"force": "yes"}"#, "force"),
        (r#"{"force": null}"#, "force"),
        (r#"{"force": true, "force": false}"#, "force"),
        (r#"{"status": "active"}"#, "status"),
        (r#"{"org_id": "org-2"}"#, "org_id"),
        (r#"{"business_center_id": "1"}"#, "business_center_id"),
        ("[]", "body"),
    ] {
        assert_eq!(parsed(body).err().unwrap()["field"], field, "{body}");
    }
    for event in
        ["bad_body", "duplicate_key", "idempotency_key_too_long", "malformed_account", "unknown_field", "wrong_type"]
    {
        let problem = Asked::parse(&request(event, None)).err().unwrap();
        assert_eq!(problem.code(), Code::RequestInvalid, "{event}");
    }
}

/// T39, T42.
#[test]
fn only_a_manager_starts() {
    for (event, code) in [("viewer", Code::ManagerRequired), ("no_claims", Code::NotAuthenticated)] {
        assert_eq!(Asked::parse(&request(event, None)).err().unwrap().code(), code);
    }
}

#[test]
fn the_same_request_has_the_same_hash_however_it_is_spelled() {
    let hash = |body| parsed(body).unwrap().hash();
    assert_eq!(hash("{}"), hash(r#" {"force": false} "#));
    let different = [hash("{}"), hash(r#"{"force": true}"#), hash(r#"{"also": "business_center"}"#)];
    assert_eq!(different.iter().collect::<std::collections::BTreeSet<_>>().len(), 3);
    let mut elsewhere = parsed("{}").unwrap();
    elsewhere.advertiser_id = "7100000000000000012".parse().unwrap();
    assert_ne!(elsewhere.hash(), hash("{}"));
}

#[test]
fn who_may_not_is_told_why() {
    let live = LiveActivations::default();
    assert_eq!(code_of(permitted(&asked(false, None), None, &live, now())), Code::AccountNotFound);
    let out_of_reach = permitted(&asked(true, Some("brand:other")), Some(lapsed()), &live, now());
    assert_eq!(code_of(out_of_reach), Code::AccountOutOfReach);
    let active = || Some(AdAccount { standing: Standing::Active { since: now() }, ..lapsed() });
    assert_eq!(code_of(permitted(&asked(false, None), active(), &live, now())), Code::AlreadyActive);
    assert!(permitted(&asked(true, None), active(), &live, now()).is_ok(), "renewing early is what force is for");
    assert!(permitted(&asked(false, Some("brand:shop")), Some(lapsed()), &live, now()).is_ok());
}
