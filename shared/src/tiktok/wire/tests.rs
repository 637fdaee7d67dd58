use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const REQUEST_ID: &str = "20261123101502A1B2C3D4E5F60718293C";

fn read_as<T: DeserializeOwned>(body: &str) -> (Result<T, Refusal>, Evidence) {
    let mut evidence = Evidence {
        endpoint: Endpoint::AuthorizedAdAccounts,
        code: None,
        request_id: None,
        asked_at: Timestamp::UNIX_EPOCH,
    };
    let answer = read(Endpoint::AuthorizedAdAccounts, body.as_bytes(), &mut evidence);
    (answer, evidence)
}

fn data<T: DeserializeOwned>(data: Value) -> Result<T, Refusal> {
    let mut answer = json!({ "code": 0, "message": "OK", "request_id": REQUEST_ID });
    answer["data"] = data;
    read_as(&answer.to_string()).0
}

fn authorized(body: &str) -> Result<Vec<String>, Refusal> {
    let list: List<WireAuthorized> = read_as(body).0?;
    Ok(list.list.into_iter().map(|entry| entry.advertiser_id.into()).collect())
}

/// T33: ids as text or numbers, to the last digit.
#[test]
fn t33_an_id_keeps_its_nineteen_digits_however_it_is_written() {
    let body = r#"{"code":0,"data":{"list":[{"advertiser_id":7123456789012345678},{"advertiser_id":"7123456789012345679"},
        {"advertiser_id":18446744073709551615,"advertiser_name":null,"new":{"deep":[1]}}]}}"#;
    let ids = ["7123456789012345678", "7123456789012345679", "18446744073709551615"].map(String::from);
    assert_eq!(authorized(body), Ok(ids.to_vec()));
    for bad in
        ["7.1e18", "7123456789012345678.0", "-7", "18446744073709551616", "\"\"", "\"7a\"", "null", "[7]", "true"]
    {
        let body = format!(r#"{{"code":0,"data":{{"list":[{{"advertiser_id":{bad}}}]}}}}"#);
        assert_eq!(authorized(&body), Err(Refusal::Unavailable), "{bad}");
    }
}

/// T53: nothing but an integer code 0 with typed data is an answer.
#[test]
fn t53_other_shapes_are_no_answer() {
    let list = r#"{"list":[{"advertiser_id":"7"}]}"#;
    assert_eq!(authorized(&format!(r#"{{"code":0,"data":{list}}}"#)), Ok(vec!["7".to_owned()]));
    for code in ["\"0\"", "0.0", "null", "false", "[]", "\"OK\"", "-0.5", "9223372036854775808"] {
        let body = format!(r#"{{"code":{code},"request_id":"{REQUEST_ID}","data":{list}}}"#);
        assert_eq!(authorized(&body), Err(Refusal::Unavailable), "{code}");
    }
    for data in
        ["null", "[]", "{}", "\"\"", r#"{"list":null}"#, r#"{"list":{}}"#, r#"{"list":[null]}"#, r#"{"list":[{}]}"#]
    {
        assert_eq!(authorized(&format!(r#"{{"code":0,"data":{data}}}"#)), Err(Refusal::Unavailable), "{data}");
    }
    for body in ["", "{}", "null", "[]", "OK", "<html>", r#"{"data":{"list":[]}}"#, r#"{"code":0}"#, r#"{"code":0,"#] {
        assert_eq!(authorized(body), Err(Refusal::Unavailable), "{body}");
    }
    let twice = format!(r#"{{"code":40105,"code":0,"data":{list}}}"#);
    assert_eq!(authorized(&twice), Err(Refusal::Unavailable), "two codes");
    let deep = format!(r#"{{"code":0,"data":{{"list":{}{}}}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(authorized(&deep), Err(Refusal::Unavailable), "deep nesting");
}

/// T61.
#[test]
fn t61_a_partial_success_is_no_answer() {
    assert_eq!(authorized(r#"{"code":20001,"data":{"list":[{"advertiser_id":"7"}]}}"#), Err(Refusal::Unavailable));
}

/// T78: of a refusal, its code and a well-formed reference are kept and nothing else.
#[test]
fn t78_evidence_keeps_code_and_reference_only() {
    let (answer, evidence) = read_as::<Something>(
        &json!({ "code": 40105, "message": "c4n4ry", "request_id": REQUEST_ID, "data": { "x": "c4n4ry" } }).to_string(),
    );
    assert_eq!(answer.err(), Some(Refusal::TokenDead));
    assert_eq!((evidence.code, evidence.request_id.as_deref()), (Some(40105), Some(REQUEST_ID)));
    for odd in [json!("c4n4ry is here"), json!("<c4n4ry>"), json!(""), json!("7".repeat(65)), Value::Null] {
        let (answer, evidence) = read_as::<Something>(&json!({ "code": 0, "request_id": odd, "data": {} }).to_string());
        assert!(answer.is_ok());
        assert_eq!(evidence.request_id, None, "{odd}");
    }
}

/// T48: what is unreadable grants nothing.
#[test]
fn t48_scopes_are_numbers_or_digits_and_the_rest_grants_nothing() {
    let scopes = |list: Value| -> Vec<u64> {
        let data: ExchangeData = data(json!({ "access_token": "t", "scope": list })).unwrap();
        data.scope.ids().collect()
    };
    assert_eq!(scopes(json!([4, 10, 7_043_626_160_646_815_746_u64])), [4, 10, 7_043_626_160_646_815_746]);
    assert_eq!(scopes(json!(["4", 1, "7543056879933489153"])), [1, 4, 7_543_056_879_933_489_153]);
    assert_eq!(scopes(json!([4, null, -1, 1.0, "x", [1], {}, ""])), [4]);
    for none in [json!([]), Value::Null, json!("1,4"), json!({ "1": 4 }), json!(4)] {
        assert_eq!(scopes(none), [0_u64; 0]);
    }
    let data: ExchangeData = data(json!({ "access_token": "t" })).unwrap();
    assert_eq!(data.scope, Scopes::default());
}

#[test]
fn an_exchange_without_a_token_is_no_answer() {
    for token in [json!(""), Value::Null, json!(7), json!("two words"), json!("line\nbreak")] {
        let answer = data::<ExchangeData>(json!({ "access_token": token, "scope": [1, 4] }));
        assert_eq!(answer.err(), Some(Refusal::Unavailable), "{token}");
    }
    assert_eq!(data::<ExchangeData>(json!({ "scope": [1, 4] })).err(), Some(Refusal::Unavailable));
}

/// T49: a role is taken as it is written; the domain accepts `ADMIN` only.
#[test]
fn t49_roles_pass_through_unchanged() {
    for (role, text) in [(json!("ADMIN"), Some("ADMIN")), (json!("admin"), Some("admin")), (Value::Null, None)] {
        let wire: WireMembership =
            data(json!({ "bc_info": { "bc_id": "72", "name": null }, "user_role": role })).unwrap();
        let membership = Membership::from(wire);
        assert_eq!((membership.role.as_deref(), membership.is_admin()), (text, role == "ADMIN"));
    }
    let missing: WireMembership = data(json!({ "bc_info": { "bc_id": 72 }, "ext_user_role": null })).unwrap();
    assert_eq!(Membership::from(missing).role, None);
    for bad in [
        json!({ "user_role": "ADMIN" }),
        json!({ "bc_info": [], "user_role": "ADMIN" }),
        json!({ "bc_info": { "bc_id": "72" }, "user_role": 1 }),
    ] {
        assert_eq!(data::<WireMembership>(bad).err(), Some(Refusal::Unavailable));
    }
}

/// T50: owning is what the answer says, not what we asked for.
#[test]
fn t50_a_shared_account_in_the_list_of_owned_ones_is_not_owned() {
    let owned = |asset_type: Value, relation_type: Value| {
        let asset = json!({ "asset_id": "71", "asset_type": asset_type, "relation_type": relation_type, "relation_status": "BOUND" });
        data::<WireOwned>(asset).map(|wire| wire.into_owned().is_some())
    };
    assert_eq!(owned(json!("ADVERTISER"), json!("OWNER_BC")), Ok(true));
    for other in ["OWNER_PARTNER", "OWNER_INDIVIDUAL", "owner_bc", ""] {
        assert_eq!(owned(json!("ADVERTISER"), json!(other)), Ok(false), "{other}");
    }
    assert_eq!(owned(json!("CATALOG"), json!("OWNER_BC")), Ok(false));
    assert_eq!(owned(json!("ADVERTISER"), Value::Null), Err(Refusal::Unavailable));
}

#[test]
fn an_owner_that_is_not_named_is_none() {
    for absent in [Value::Null, json!(""), json!("0"), json!(0)] {
        let wire: WireInfo =
            data(json!({ "advertiser_id": "71", "status": "STATUS_ENABLE", "owner_bc_id": absent })).unwrap();
        assert_eq!(AdAccountInfo::from(wire).owner_business_center_id, None);
    }
    let wire: WireInfo = data(json!({ "advertiser_id": "71", "owner_bc_id": 7_200_000_000_000_000_021_u64 })).unwrap();
    assert_eq!(AdAccountInfo::from(wire).owner_business_center_id, Some("7200000000000000021".parse().unwrap()));
}

#[test]
fn a_time_zone_is_read_from_both_fields_and_spoils_no_answer() {
    let zone = |display: Value, other: Value| {
        let wire: WireInfo =
            data(json!({ "advertiser_id": "71", "display_timezone": display, "timezone": other })).unwrap();
        AdAccountInfo::from(wire).time_zone.map(|zone| zone.to_string())
    };
    let known = |name: &str| Some(name.to_owned());
    assert_eq!(zone(json!("Pacific/Apia"), json!("Etc/GMT-13")), known("Pacific/Apia"));
    for none in [Value::Null, json!(""), json!("Mars/Olympus"), json!(13), json!({ "name": "Pacific/Apia" })] {
        assert_eq!(zone(none.clone(), json!("Etc/GMT-13")), known("Etc/GMT-13"), "{none}");
        assert_eq!(zone(none.clone(), none.clone()), None, "{none}");
    }
    let without: WireInfo = data(json!({ "advertiser_id": "71" })).unwrap();
    assert_eq!(AdAccountInfo::from(without).time_zone, None);
}

proptest! {
    #[test]
    fn t53_no_bytes_panic_or_pass_for_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut evidence = read_as::<Something>("").1;
        prop_assert!(read::<Something>(Endpoint::UserInfo, &bytes, &mut evidence).is_err());
    }

    #[test]
    fn t53_no_prefix_of_an_answer_is_an_answer(cut in 0usize..60) {
        let whole = r#"{"code":0,"data":{"list":[{"advertiser_id":"7100000000"}]}}"#;
        prop_assert!(cut >= whole.len() || authorized(&whole[..cut]).is_err());
        prop_assert!(authorized(whole).is_ok());
    }

    #[test]
    fn t33_every_id_survives_as_a_number(id in 1u64..) {
        let body = format!(r#"{{"code":0,"data":{{"list":[{{"advertiser_id":{id}}}]}}}}"#);
        prop_assert_eq!(authorized(&body), Ok(vec![id.to_string()]));
    }
}
