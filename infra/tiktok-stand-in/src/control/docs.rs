//! `GET /control/`: what can be steered, with an example each.

use maud::html;

use crate::pages::{Page, table};

/// Method, path, example body, meaning.
const ROUTES: &[(&str, &str, &str, &str)] = &[
    ("GET", "state", "", "everything but secrets; tokens by fingerprint"),
    ("POST", "people", r#"{"login":"ana","password":"password","display_name":"Ana M"}"#, "a person"),
    ("POST", "business-centers", r#"{"bc_id":"7200000000000000021","name":"Shop Group"}"#, "a Business Center"),
    (
        "POST",
        "business-center-status",
        r#"{"bc_id":"7200000000000000021","status":"PUNISH"}"#,
        "a Business Center's status: ENABLE, REVIEWING, DENY or PUNISH",
    ),
    (
        "POST",
        "ad-accounts",
        r#"{"advertiser_id":"7100000000000000011","name":"Shop EU","owner":{"business_center":"7200000000000000021"}}"#,
        "an ad account; the owner may also be {\"person\":\"ana\"}",
    ),
    (
        "POST",
        "apps",
        r#"{"app_id":"7300000000000000031","name":"App","secret":"…","redirect_uris":["http://localhost/back"],"scopes":[1,4]}"#,
        "an app",
    ),
    (
        "POST",
        "memberships",
        r#"{"bc_id":"7200000000000000021","login":"ana","role":"ADMIN"}"#,
        "joins somebody, or changes their role; optional finance_role and relation_status",
    ),
    ("DELETE", "memberships", r#"{"bc_id":"7200000000000000021","login":"ana"}"#, "removes somebody"),
    (
        "POST",
        "account-roles",
        r#"{"advertiser_id":"7100000000000000011","bc_id":"7200000000000000021","login":"ben","role":"ANALYST"}"#,
        "gives a role on an account; null takes it away, even from an admin",
    ),
    (
        "POST",
        "shares",
        r#"{"advertiser_id":"7100000000000000011","bc_id":"7200000000000000022","relation_status":"BOUND"}"#,
        "shares an account with another Business Center",
    ),
    ("DELETE", "shares", r#"{"advertiser_id":"7100000000000000011","bc_id":"7200000000000000022"}"#, "ends a share"),
    (
        "POST",
        "relation-status",
        r#"{"advertiser_id":"7100000000000000011","bc_id":"7200000000000000021","relation_status":"PENDING"}"#,
        "how far an account's place in a Business Center has come",
    ),
    (
        "POST",
        "move",
        r#"{"advertiser_id":"7100000000000000011","owner":{"business_center":"7200000000000000022"}}"#,
        "gives an account to another owner",
    ),
    ("POST", "delete", r#"{"advertiser_id":"7100000000000000011"}"#, "deletes an account"),
    ("POST", "status", r#"{"advertiser_id":"7100000000000000011","status":"STATUS_LIMIT"}"#, "an account's status"),
    ("POST", "revoke", r#"{"login":"ana","app_id":"7300000000000000031"}"#, "a person withdraws their authorization"),
    ("POST", "apps/{app_id}/rotate-secret", r#"{"secret":"…"}"#, "a new app secret"),
    ("POST", "apps/{app_id}/blocked", r#"{"blocked":true}"#, "blocks or unblocks an app"),
    ("POST", "apps/{app_id}/scopes", r#"{"scopes":[1,4]}"#, "what the app asks for from now on"),
    ("GET", "faults", "", "the faults in place, and how often each struck"),
    (
        "POST",
        "faults",
        r#"{"endpoint":"/bc/get/","login":"ana","skip":0,"times":3,"after_processing":false,"fault":{"code":{"code":50002}}}"#,
        "a fault; all but `fault` may be left out; `advertiser_id` aims at calls that name this ad account",
    ),
    ("DELETE", "faults", "", "ends all faults"),
    ("DELETE", "faults/{id}", "", "ends one fault"),
    ("GET", "switches", "", "the answers that nobody outside TikTok knows for certain"),
    ("PATCH", "switches", r#"{"denied_consent":"state_only","rate_level":"basic"}"#, "turns some of them"),
    ("POST", "clock/advance", r#"{"seconds":3600}"#, "lets time pass"),
    ("GET", "log", "", "API calls, with counts and peaks per endpoint"),
    ("DELETE", "log", "", "forgets them"),
];

/// One example of every kind of fault.
const FAULTS: &[&str] = &[
    r#"{"latency":{"milliseconds":500}}"#,
    r#""hang""#,
    r#""hold""#,
    r#""reset""#,
    r#"{"status":{"status":503}}"#,
    r#""bad_gateway_html""#,
    r#""too_many_requests""#,
    r#"{"code":{"code":40100,"message":"App reaches the QPS limit 10"}}"#,
    r#"{"huge_body":{"bytes":10000000}}"#,
    r#""garbage_json""#,
    r#"{"redirect":{"status":307,"location":"http://localhost:9/"}}"#,
    r#"{"deep_nesting":{"depth":10000}}"#,
    r#"{"body":{"status":200,"content_type":"application/json","headers":{},"body":"{}"}}"#,
    r#""data_null""#,
    r#""code_as_string""#,
    r#""partial_list""#,
    r#""endless_paging""#,
    r#"{"lying_total":{"total_number":1,"total_page":1}}"#,
    r#""ids_as_numbers""#,
    r#"{"replace":{"pointer":"/data/list/0/user_role","value":"admin"}}"#,
    r#"{"remove":{"pointer":"/data/list"}}"#,
    r#"{"wrong_content_type":{"content_type":"text/html"}}"#,
    r#""truncated_body""#,
    r#"{"slow_body":{"chunk_bytes":10,"milliseconds":200}}"#,
];

pub(crate) async fn show() -> Page {
    let calls = html! {
        @for (method, path, body, meaning) in ROUTES {
            tr { th scope="row" { code { (method) " /control/" (path) } } td { code.wrap { (body) } } td { (meaning) } }
        }
    };
    let faults = html! { @for fault in FAULTS { tr { td { code.wrap { (fault) } } } } };
    Page::new(
        "Control",
        html! {
            h1 { "Control API" }
            p.lead { "Bodies are JSON. Answers never contain tokens, codes or secrets." }
            (table("Calls", &["Call", "Body", "Meaning"], &calls))
            (table("Kinds of fault", &["Fault"], &faults))
            p { a href="/" { "Who and what exists" } }
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::FaultKind;

    #[test]
    fn every_example_of_a_fault_is_one_and_no_kind_is_missing() {
        let kinds = FAULTS.iter().map(|text| serde_json::from_str::<FaultKind>(text).unwrap().name());
        let mut kinds: Vec<_> = kinds.collect();
        kinds.sort_unstable();
        kinds.dedup();
        assert_eq!(kinds.len(), 24, "{kinds:?}");
    }
}
