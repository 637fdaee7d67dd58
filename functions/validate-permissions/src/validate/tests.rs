use domain::causes::CauseCode;
use domain::checks::{Answer, Check};
use domain::testing::{a_lapsed_account, an_account};
use serde_json::{Value, json};

use super::*;

fn not_owned() -> Vec<Finding> {
    vec![Finding::new(Check::AdAccountOwned, Answer::Failed, [])]
}

fn active() -> AdAccount {
    AdAccount { findings: not_owned(), ..an_account() }
}

fn lapsed(causes: Vec<Cause>) -> AdAccount {
    AdAccount { findings: not_owned(), ..a_lapsed_account(causes, Timestamp::UNIX_EPOCH) }
}

fn body(account: &AdAccount, diagnosis: &Diagnosis) -> Value {
    let response = answer(account, diagnosis);
    assert_eq!(response.status(), 200);
    serde_json::from_str(response.body()).unwrap()
}

#[test]
fn a_lapsed_account_without_a_grant_is_as_lapsed_as_it_was() {
    let account = lapsed(vec![CauseCode::AdAccountNotOwned.into()]);
    let body = body(&account, &without_token(&account));
    assert_eq!(body["verdict"], "lapsed");
    assert_eq!(body["status"], "needs_connecting");
    assert_eq!(body["causes"][0]["cause"], "ad_account_not_owned");
    assert_eq!(body["findings"], json!([{"check": "ad_account_owned", "answer": "failed", "evidence": []}]));
    let never_connected = without_token(&lapsed(Vec::new()));
    assert_eq!(never_connected.verdict.causes()[0].cause, CauseCode::AuthorizationRevoked);
}

/// T71, T72: what we cannot read lapses nobody.
#[test]
fn a_token_that_cannot_be_read_is_our_trouble() {
    let body = body(&active(), &without_token(&active()));
    assert_eq!((&body["verdict"], &body["status"]), (&json!("undecided"), &json!("active")));
    assert_eq!(body["causes"][0]["cause"], "credential_unreadable");
    let answers: Vec<&Value> = body["findings"].as_array().unwrap().iter().map(|one| &one["answer"]).collect();
    assert_eq!(answers, [&json!("inconclusive"); 8]);
}

/// T67.
#[tokio::test(start_paused = true)]
async fn there_is_time_left_to_write() {
    let seconds = |left: Option<u64>| (evidence_until(left.map(Duration::from_secs)) - Instant::now()).as_secs();
    assert_eq!(seconds(None), 20);
    assert_eq!(seconds(Some(26)), 20);
    assert_eq!(seconds(Some(10)), 9);
    assert_eq!(seconds(Some(0)), 0);
}

/// T36, T39, T42: the event files say who is let in.
#[test]
fn only_managers_with_nothing_to_say_are_let_in() {
    let refused = |case: &str| {
        let path = format!("{}/../../events/validate-permissions/{case}.json", env!("CARGO_MANIFEST_DIR"));
        let request = Request::from_event(&std::fs::read_to_string(path).unwrap(), "invocation-1");
        let parsed = request
            .manager()
            .and_then(|_| request.path::<AdvertiserId>("advertiser_id"))
            .and_then(|_| request.body_or_default::<NoBody>());
        parsed.err().map(|problem| problem.code())
    };
    assert_eq!(refused("validate"), None);
    assert_eq!(refused("viewer"), Some(Code::ManagerRequired));
    assert_eq!(refused("no_claims"), Some(Code::NotAuthenticated));
    assert_eq!(refused("malformed_account"), Some(Code::RequestInvalid));
    assert_eq!(refused("body_not_taken"), Some(Code::RequestInvalid));
}
