//! What TikTok granted, and what it takes to believe it: consents that bring less than they should (T22 to T24,
//! T46 to T51, T55 and T56).

use tiktok_stand_in::switches::{DeniedConsent, RedirectParameters};
use tiktok_stand_in::{AdvertiserRole, BcRole, Membership, Owner, Person as Login, RelationStatus, Switches};

use crate::support::*;

const CENTERS: &str = "/bc/get/";
pub const OWNED: &str = "/bc/asset/admin/get/";
pub const EXCHANGE: &str = "/oauth2/access_token/";

const MANAGEMENT: u64 = 1;
const REPORTING: u64 = 4;

/// Refused for this, and nothing of the account's grant or of the candidate is different from before.
async fn refused(world: &TestWorld, account: &Account, consent: Consent, cause: &str) -> Answer {
    let (grant, row) = (world.grant_of(account), world.account_row(account));
    let answer = world.reconnect(account, &ANA, consent).await;
    assert_eq!(answer.expect(200)["outcome"], "refused", "{answer:?}");
    assert_eq!(answer.body["cause"], cause, "{answer:?}");
    left_alone(world, account, &grant, &row);
    answer
}

/// T56: no candidate, the grant byte for byte, and the account but for its version.
#[track_caller]
fn left_alone(world: &TestWorld, account: &Account, grant: &Value, row: &Value) {
    assert_eq!(world.candidates(), 0, "a refused candidate is still there");
    assert_eq!(&world.grant_of(account), grant, "a refusal touched the stored grant");
    let now = world.account_row(account);
    for field in ["status", "grant_id", "business_center_id", "connected_by"] {
        assert_eq!(now[field], row[field], "{field}");
    }
}

/// A fault that strikes one login on one endpoint.
pub fn strike(world: &TestWorld, login: &str, endpoint: &str, kind: FaultKind) -> u64 {
    world.tiktok().add_fault(Fault::new(kind).on(endpoint).for_person(login)).expect("a fault")
}

pub fn replace(pointer: &str, value: Value) -> FaultKind {
    FaultKind::Replace { pointer: pointer.to_owned(), value }
}

/// A new Admin of the Business Center, for a case of their own.
pub fn new_admin(world: &TestWorld, login: &str) {
    world.tiktok().world().add_person(Login::new(login)).expect("a new login");
    world.tiktok().world().set_membership(MEDIA, Membership::joined(login, BcRole::Admin)).expect("a member");
}

/// T22: an account that works is not activated by accident.
#[tokio::test]
async fn t22_an_active_account_needs_force() {
    let world = TestWorld::start().await;
    let account = world.active(11).await;
    let (rows, grant) = (world.rows(), world.grant_of(&account));
    for body in [Value::Null, json!({}), json!({ "force": false }), json!({ "also": "business_center" })] {
        let answer = world.as_(&ANA).activate(&account, body).await;
        assert_eq!(answer.status, 409);
        answer.problem("already_active");
    }
    assert_eq!(world.rows(), rows, "a refused start left something");

    // With force, and backing out of it.
    let started = world.as_(&ANA).activate(&account, json!({ "force": true })).await;
    started.expect(201);
    world.walk_consent(started.text("authorization_url"), Consent::by("ana").cancelled()).await;
    assert_eq!(world.grant_of(&account), grant);
    assert_eq!(world.as_(&ANA).validate(&account).await.expect(200)["verdict"], "connected");
    world.finish().await;
}

/// T23: who cancels at TikTok comes back to a plain word, or not at all, and may begin again.
#[tokio::test]
async fn t23_a_denied_consent_changes_nothing() {
    let world = TestWorld::start().await;
    let account = world.lapsed(11).await;
    for (switch, landed) in [
        (DeniedConsent::NoRedirect, None),
        (DeniedConsent::StateOnly, Some("activation_error=consent_denied")),
        (DeniedConsent::AccessDenied, Some("activation_error=consent_denied")),
    ] {
        world.tiktok().world().switches.denied_consent = switch;
        let started = world.as_(&ANA).activate(&account, Value::Null).await;
        let rows = world.rows();
        let consent = Consent::by("ana").cancelled();
        let back = world.walk_consent(started.text("authorization_url"), consent).await;
        let expected = landed.map_or(Landed::AtTikTok, |fragment| Landed::InApp { fragment: fragment.to_owned() });
        assert_eq!(back, expected);
        assert_eq!(world.rows(), rows, "the way back wrote something");
    }

    let state = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc";
    let said = "%3Cscript%3Ealert(1)%3C/script%3E";
    let query = format!("state={state}&error=access_denied&error_description={said}&error_uri=https://evil.example");
    let answer = world.get_callback(&query).await;
    assert!(answer.header("location").ends_with("#activation_error=consent_denied"));
    for word in ["script", "evil", "access_denied"] {
        assert!(!format!("{:?} {}", answer.headers, answer.body).contains(word), "{word} is echoed");
    }

    assert_eq!(world.tiktok().exchanges(), 0);
    assert_eq!(world.reconnect(&account, &ANA, Consent::by("ana")).await.expect(200)["outcome"], "reconnected");
    world.finish().await;
}

/// T24: one code, under either name; nothing is picked from a contradiction.
#[tokio::test]
async fn t24_only_one_clear_code_is_taken() {
    const JUNK: &str = "0123456789abcdef0123456789abcdef01234567";
    let world = TestWorld::with()
        .switches(Switches { redirect_parameters: RedirectParameters::AuthCodeOnly, ..Switches::default() })
        .start()
        .await;
    for (number, auth_code, code, is_taken) in [
        (11, None, None, false),
        (12, None, Some(""), false),
        (13, None, Some("CODE"), true),
        (14, Some(""), None, false),
        (15, Some(""), Some(""), false),
        (16, Some(""), Some("CODE"), false),
        (17, Some("CODE"), None, true),
        (18, Some("CODE"), Some(""), false),
        (19, Some("CODE"), Some("CODE"), true),
        (20, Some("CODE"), Some(JUNK), false),
        (21, Some(JUNK), Some("CODE"), false),
    ] {
        let account = world.lapsed(number).await;
        let person = Person { sub: ["ana", "carla"][(number % 2) as usize], ..ANA };
        let started = world.as_(&person).activate(&account, Value::Null).await;
        let url = started.text("authorization_url");
        let back = world.tiktok().consent(url, Consent::by("ana")).unwrap().redirect.expect("confirmed");
        let find = |name: &str| back.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        let (state, real) = (find("state").unwrap(), find("auth_code").unwrap());
        let parameter = |name: &str, value: Option<&str>| {
            value.map(|value| format!("&{name}={}", value.replace("CODE", &real))).unwrap_or_default()
        };
        let query = format!("state={state}{}{}", parameter("auth_code", auth_code), parameter("code", code));
        let before = world.tiktok().exchanges();
        let answer = world.get_callback(&query).await;
        let location = answer.header("location");
        let ticket = location.split_once("#activation_ticket=").map(|(_, ticket)| ticket);
        assert_eq!(ticket.is_some(), is_taken, "{auth_code:?} {code:?}: {location}");
        if let Some(ticket) = ticket {
            assert_eq!(world.as_(&person).complete(ticket).await.expect(200)["outcome"], "reconnected");
        } else {
            assert_eq!(world.account_row(&account)["status"], "needs_connecting");
        }
        assert_eq!(world.tiktok().exchanges(), before + u64::from(is_taken));
    }
    world.finish().await;
}

/// T47: the Business Center that the account was connected from is the one that counts.
#[tokio::test]
async fn t47_the_original_business_center_counts() {
    let world = TestWorld::start().await;
    let account = world.lapsed(11).await;
    world.tiktok().world().share(&account.id, AGENCY, RelationStatus::Bound).unwrap();
    let answer = refused(&world, &account, Consent::by("walt"), "wrong_business_center").await;
    // Both Business Centers are named.
    for name in ["Northwind Media", "Bright Agency"] {
        assert!(answer.body.to_string().contains(name), "{name} is not named: {answer:?}");
    }

    // Admin of both, and of another one too.
    world.tiktok().world().set_membership(AGENCY, Membership::joined("ana", BcRole::Admin)).unwrap();
    let answer = world.reconnect(&account, &ANA, Consent::by("ana")).await;
    assert_eq!(answer.expect(200)["outcome"], "reconnected");
    world.finish().await;
}

/// T46, T47: a Business Center of the same name is another one.
#[tokio::test]
async fn t47_a_name_is_not_an_id() {
    let world = TestWorld::start().await;
    let account = world.lapsed(11).await;
    strike(&world, "marc", CENTERS, replace("/data/list/0/bc_info/bc_id", json!("7241906835517320999")));
    let answer = world.reconnect(&account, &ANA, Consent::by("marc")).await;
    assert_ne!(answer.body["outcome"], "reconnected", "{answer:?}");
    assert_eq!(world.account_row(&account)["status"], "needs_connecting");
    world.finish().await;
}

/// T48: the switches on TikTok's page; only both together will do, and what comes on top does no harm.
#[tokio::test]
async fn t48_both_permissions_are_needed() {
    let world = TestWorld::start().await;
    let account = world.lapsed(11).await;
    let with = |scopes: &[u64]| Consent::by("ana").permissions(Permissions::Only(scopes.to_vec()));
    refused(&world, &account, with(&[REPORTING]), "ad_account_management_missing").await;
    refused(&world, &account, with(&[MANAGEMENT]), "reporting_missing").await;
    let answer = world.reconnect(&account, &ANA, with(&[MANAGEMENT, REPORTING])).await;
    assert_eq!(answer.expect(200)["outcome"], "reconnected");
    world.finish().await;
}

/// T48: TikTok's list of scopes holds ids that no table has, mixes levels, and may be left out. What the reads answer is the
/// permission.
#[tokio::test]
async fn t48_the_scope_list_decides_nothing() {
    let world = TestWorld::start().await;
    let lists = [
        json!([1, 44]),
        json!([100, 150, 153, 156, 44]),
        json!([7_543_056_879_933_489_153_u64, 7_580_203_444_061_896_721_u64]),
        json!(["1", "4"]),
        json!([]),
        Value::Null,
        json!("1,4"),
        json!({ "1": true, "4": true }),
        json!([1.5, 4]),
        json!([[1, 4]]),
        json!([true, 4]),
    ];
    let replaced = lists.into_iter().map(|scopes| replace("/data/scope", scopes));
    let removed = FaultKind::Remove { pointer: "/data/scope".to_owned() };
    for (kind, number) in replaced.chain([removed]).zip(11..) {
        let (login, account) = (format!("admin-{number}"), Account::new(number));
        new_admin(&world, &login);
        world.at_tiktok(&account);
        world.import(&[&account], None).await;
        strike(&world, &login, EXCHANGE, kind.clone());
        let answer = world.reconnect(&account, &ANA, Consent::by(&login)).await;
        assert_eq!(answer.expect(200)["outcome"], "reconnected", "{kind:?}");
        world.pass_an_interval();
        world.sweep_twice().await;
        assert_eq!(world.account_row(&account)["status"], "active", "{kind:?}");
        assert_eq!(world.account_row(&account)["at_risk"], json!([]), "{kind:?}");
        let permissions = world.as_(&ANA).details(&account).await.expect(200)["grant"]["permissions"].clone();
        assert_eq!(permissions, json!(["Ad Account Management", "Reporting"]), "{kind:?}: what the checks found");
    }
    world.finish().await;
}

/// T49: Admin is one exact word. Standard is a no; whatever else TikTok says is no answer.
#[tokio::test]
async fn t49_only_an_admin_will_do() {
    let world = TestWorld::start().await;
    let (account, earlier) = (world.lapsed(11).await, world.unconnected(10).await);
    // So that the service has seen who the Admins are.
    assert_eq!(world.reconnect(&earlier, &ANA, Consent::by("carlos")).await.expect(200)["outcome"], "reconnected");
    let operator = Some(AdvertiserRole::Operator);
    world.tiktok().world().set_account_role(&account.id, MEDIA, "sven", operator).unwrap();
    let answer = refused(&world, &account, Consent::by("sven"), "not_business_center_admin").await;
    // Who could do it instead.
    assert!(answer.body.to_string().contains("Carlos Vega"), "{answer:?}");

    let role = "/data/list/0/user_role";
    let unknown = [
        replace(role, json!("admin")),
        replace(role, json!("Admin")),
        replace(role, json!("ADMIN ")),
        replace(role, json!("OWNER")),
        replace(role, json!("")),
        replace(role, Value::Null),
        replace(role, json!(1)),
        replace(role, json!(["ADMIN"])),
        FaultKind::Remove { pointer: role.to_owned() },
    ];
    for (kind, number) in unknown.into_iter().zip(12..) {
        let (login, account) = (format!("admin-{number}"), Account::new(number));
        new_admin(&world, &login);
        world.at_tiktok(&account);
        world.import(&[&account], None).await;
        strike(&world, &login, CENTERS, kind.clone());
        let answer = world.reconnect(&account, &ANA, Consent::by(&login)).await;
        assert_eq!(answer.expect(202)["outcome"], "pending", "{kind:?}");
        assert_eq!(world.account_row(&account)["status"], "needs_connecting", "{kind:?}");
    }
    world.finish().await;
}

/// T50: seeing an account is not owning it.
#[tokio::test]
async fn t50_a_shared_account_is_not_owned() {
    let world = TestWorld::start().await;
    let account = world.lapsed(11).await;
    world.tiktok().world().move_account(&account.id, Owner::business_center(AGENCY)).unwrap();
    world.tiktok().world().share(&account.id, MEDIA, RelationStatus::Bound).unwrap();
    refused(&world, &account, Consent::by("ana"), "ad_account_not_owned").await;

    // A relation that is not, or not any more, is none either.
    for (status, number) in ["PENDING", "REJECTED", "UNBOUND"].into_iter().zip(12..) {
        let account = world.lapsed(number).await;
        let fault = strike(&world, "ana", OWNED, replace("/data/list/0/relation_status", json!(status)));
        let answer = world.reconnect(&account, &ANA, Consent::by("ana")).await;
        assert_eq!(answer.expect(200)["outcome"], "refused", "{status}: {answer:?}");
        assert_eq!(world.candidates(), 0);
        world.tiktok().clear_fault(fault);
        world.tiktok().world().delete_account(&account.id).unwrap();
    }
    world.finish().await;
}

/// T51: the list that belongs to the token decides, not the one that came with the exchange.
#[tokio::test]
async fn t51_the_account_must_be_in_the_granted_list() {
    let world = TestWorld::start().await;
    let (account, other) = (Account::new(11), Account::new(12));
    world.all_active(&[&account, &other]).await;
    world.lapse(&account).await;
    let unticked = || Consent::by("ana").ad_accounts(AdAccounts::only([other.id.clone()]));
    refused(&world, &account, unticked(), "ad_account_not_granted").await;

    // In the exchange's answer, and not in the list.
    let fault = strike(&world, "ana", EXCHANGE, replace("/data/advertiser_ids", json!([account.id, other.id])));
    refused(&world, &account, unticked(), "ad_account_not_granted").await;
    world.tiktok().clear_fault(fault);

    // In the list, and not in the exchange's answer.
    strike(&world, "ana", EXCHANGE, replace("/data/advertiser_ids", json!([])));
    let answer = world.reconnect(&account, &ANA, Consent::by("ana")).await;
    assert_eq!(answer.expect(200)["outcome"], "reconnected");
    world.finish().await;
}

/// T55: a token that reaches more is used for what was asked for.
#[tokio::test]
async fn t55_only_the_account_asked_for_moves() {
    let world = TestWorld::start().await;
    let (asked, other) = (Account::new(11), Account::new(12));
    world.all_active(&[&asked, &other]).await;
    world.lapse(&asked).await;
    world.as_(&ANA).validate(&other).await.expect(200);
    let before = world.account_row(&other);
    assert_eq!(before["status"], "needs_connecting");

    let answer = world.reconnect(&asked, &ANA, Consent::by("ana")).await;
    assert_eq!(answer.expect(200)["accounts"].as_array().map(Vec::len), Some(1));
    assert_eq!(world.account_row(&asked)["status"], "active");
    assert_eq!(world.account_row(&other), before, "the other account was touched");
    world.finish().await;
}

/// T56: whatever a consent is refused for, its token is gone with the refusal.
#[tokio::test]
async fn t56_a_refused_token_is_not_kept() {
    let world = TestWorld::start().await;
    let account = world.lapsed(11).await;
    let spare = Account::new(12);
    world.at_tiktok(&spare);
    world.tiktok().world().share(&account.id, AGENCY, RelationStatus::Bound).unwrap();
    world.tiktok().world().share(&spare.id, AGENCY, RelationStatus::Bound).unwrap();
    let operator = Some(AdvertiserRole::Operator);
    world.tiktok().world().set_account_role(&account.id, MEDIA, "sven", operator).unwrap();
    let none = Consent::by("marc").ad_accounts(AdAccounts::None);
    let spare_only = Consent::by("rita").ad_accounts(AdAccounts::only([spare.id.clone()]));
    let no_reporting = Consent::by("carlos").permissions(Permissions::Off(vec![REPORTING]));
    let no_management = Consent::by("marc").permissions(Permissions::Off(vec![MANAGEMENT]));
    for (consent, cause) in [
        (Consent::by("walt"), "wrong_business_center"),
        (Consent::by("sven"), "not_business_center_admin"),
        (no_reporting, "reporting_missing"),
        (no_management, "ad_account_management_missing"),
        (none, "no_ad_accounts_granted"),
        (spare_only, "ad_account_not_granted"),
    ] {
        refused(&world, &account, consent, cause).await;
    }

    // A code that TikTok does not know brings no token at all.
    let fault = world.tiktok().add_fault(Fault::code(40_110).on(EXCHANGE)).unwrap();
    refused(&world, &account, Consent::by("ana"), "authorization_code_rejected").await;
    world.tiktok().clear_fault(fault);

    // The account leaves between the consent and the completion.
    for (number, cause) in [(13, "ad_account_moved"), (14, "ad_account_not_owned"), (15, "ad_account_not_found")] {
        let account = world.lapsed(number).await;
        let ticket = world.ticket_for(&account, &ANA, json!({ "force": true }), Consent::by("ana")).await;
        let (grant, row) = (world.grant_of(&account), world.account_row(&account));
        let moved_to = |center| world.tiktok().world().move_account(&account.id, Owner::business_center(center));
        match cause {
            "ad_account_moved" => moved_to(RETAIL).unwrap(),
            "ad_account_not_owned" => {
                moved_to(AGENCY).unwrap();
                world.tiktok().world().share(&account.id, MEDIA, RelationStatus::Bound).unwrap();
            }
            _ => world.tiktok().world().delete_account(&account.id).unwrap(),
        }
        let answer = world.as_(&ANA).complete(&ticket).await;
        assert_eq!(answer.expect(200)["cause"], cause, "{answer:?}");
        left_alone(&world, &account, &grant, &row);
    }
    world.finish().await;
}
