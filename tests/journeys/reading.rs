//! TikTok's answers read as they are meant: what is about one token, one ad account or one person is held against that
//! one alone, and what is about nobody against nobody.

use crate::consent::OWNED;
use crate::support::*;
use tiktok_stand_in::{AccountStatus, AdAccount, BcRole, BcStatus, BusinessCenter, Membership, Owner};

const INFO: &str = "/advertiser/info/";
const REPORT: &str = "/report/integrated/get/";
const AUTHORIZED: &str = "/oauth2/advertiser/get/";
const CENTERS: &str = "/bc/get/";
const MEMBERS: &str = "/bc/member/get/";
const OTHER_APP: &str =
    "The app_id is inconsistent with the token's app information. Please retry after correcting it.";
const NO_ASSET: &str = "You don't have permission to the asset(1)";
const NOT_GRANTED: &str = "advertiser does not grant you /report/integrated/get/:GET permission";

fn says(code: i64, message: &str) -> FaultKind {
    FaultKind::Code { code, message: Some(message.to_owned()) }
}

/// Whatever one grant's calls are answered, no other grant lapses, is refused or is held for it.
#[tokio::test]
async fn what_one_grant_hears_is_held_against_no_other() {
    let world = TestWorld::quick().start().await;
    let fleet = world.fleet(&[1; 6]).await;
    world.sweep().await;
    let answers = [
        (MEMBERS, says(40002, NO_ASSET)),
        (OWNED, says(40002, NO_ASSET)),
        (OWNED, says(40000, "Invalid parameters.")),
        (OWNED, says(40118, "The advertiser is not in the allowlist.")),
        (AUTHORIZED, says(40000, OTHER_APP)),
        (AUTHORIZED, says(40106, "The core user is invalid.")),
        (AUTHORIZED, says(40113, "The app is forbidden.")),
        (AUTHORIZED, says(40104, "")),
        (INFO, says(40106, "The core user is invalid.")),
        (INFO, says(40001, "No permission to operate advertiser: 1")),
        (REPORT, says(40118, "The app or advertiser is not in the allowlist.")),
        (REPORT, says(40001, NOT_GRANTED)),
        (REPORT, says(41000, "Blocked.")),
        (CENTERS, says(40101, "Invalid partner.")),
    ];
    for (endpoint, kind) in answers {
        let fault = Fault::new(kind.clone()).on(endpoint).for_person(fleet[0].login);
        let fault = world.tiktok().add_fault(fault).unwrap();
        for _ in 0..3 {
            world.pass_half_an_hour();
            for granted in &fleet {
                world.due_now(granted.account());
            }
            let answer = world.sweep().await;
            assert_eq!(answer["guard"]["holding"], false, "{endpoint} {kind:?}");
        }
        for granted in &fleet[1..] {
            assert_eq!(world.status(granted.account()), "active", "{endpoint} {kind:?}");
            assert!(world.grant_of(granted.account())["check"]["strikes"].is_null(), "{endpoint} {kind:?}");
        }
        world.tiktok().clear_fault(fault);
        world.pass_half_an_hour();
        world.due_now(fleet[0].account());
        world.sweep().await;
        assert_eq!(world.status(fleet[0].account()), "active", "it healed after {endpoint} {kind:?}");
    }
    world.finish().await;
}

/// A token of another app lapses by two strikes, with a cause of its own; while the canary is refused, it does not.
#[tokio::test]
async fn a_token_of_another_app_has_to_be_given_anew() {
    let world = TestWorld::quick().start().await;
    let fleet = world.fleet(&[1; 3]).await;
    world.sweep().await;
    world.tiktok().add_fault(Fault::new(says(40000, OTHER_APP)).on(AUTHORIZED).for_person(fleet[0].login)).unwrap();
    let answer = world.as_(&ANA).validate(fleet[0].account()).await;
    assert_eq!(answer.expect(200)["causes"][0]["cause"], "authorization_of_another_app");
    assert_eq!(answer.body["status"], "active", "one endpoint is not enough");
    world.pass_an_interval();
    world.sweep_twice().await;
    let details = world.as_(&ANA).details(fleet[0].account()).await;
    assert_eq!(details.expect(200)["cause"], "authorization_of_another_app");
    assert_eq!(details.body["causes"][0]["consent_helps"], "yes");
    assert_eq!(world.how_many("active"), 2);
    world.finish().await;
}

#[tokio::test]
async fn a_canary_that_is_not_well_casts_doubt_on_every_other_app() {
    let world = TestWorld::quick().start().await;
    let fleet = world.fleet(&[1; 3]).await;
    world.sweep().await;
    let canary = world.grant_of(fleet[2].account());
    let named = json!({ "canary": { "org_id": canary["org_id"], "grant_id": canary["grant_id"] } });
    world.order(named).await;
    for granted in [&fleet[0], &fleet[2]] {
        let fault = Fault::new(says(40000, OTHER_APP)).on(AUTHORIZED).for_person(granted.login);
        world.tiktok().add_fault(fault).unwrap();
    }
    world.pass_an_interval();
    world.sweep().await;
    let struck = world.struck_grants();
    for _ in 0..3 {
        world.pass_half_an_hour();
        world.sweep().await;
    }
    assert_eq!((world.how_many("active"), world.struck_grants()), (3, struck), "nothing strikes while it is not well");
    world.finish().await;
}

/// What TikTok answers an Admin's question with says nothing against a role that it has told.
#[tokio::test]
async fn a_standard_member_is_refused_whatever_the_admins_reads_answer() {
    let world = TestWorld::start().await;
    let kinds = [says(40002, NO_ASSET), says(40000, "Invalid parameters."), says(40118, "Not in the allowlist.")];
    for (kind, number) in kinds.into_iter().zip(11..) {
        let account = world.lapsed(number).await;
        let faults = [OWNED, MEMBERS].map(|endpoint| {
            world.tiktok().add_fault(Fault::new(kind.clone()).on(endpoint).for_person("sven")).unwrap()
        });
        let consent = Consent::by("sven").ad_accounts(AdAccounts::All);
        let answer = world.reconnect(&account, &ANA, consent).await;
        assert_eq!(answer.expect(200)["outcome"], "refused", "{kind:?}: {answer:?}");
        assert_eq!(answer.body["cause"], "not_business_center_admin", "{kind:?}");
        for fault in faults {
            world.tiktok().clear_fault(fault);
        }
    }
    world.finish().await;
}

/// TikTok said no, with a code and a request id: that is not an outage, and support can ask about it.
#[tokio::test]
async fn a_clear_refusal_is_shown_with_tiktoks_own_references() {
    let world = TestWorld::start().await;
    let account = world.active(11).await;
    for endpoint in [REPORT, INFO] {
        let no_permission = format!("No permission to operate advertiser: {}", account.id);
        for kind in [says(40001, &no_permission), says(40300, "The advertiser does not exist."), says(40000, "No.")] {
            let code = if let FaultKind::Code { code, .. } = &kind { code.to_string() } else { String::new() };
            let fault = world.tiktok().add_fault(Fault::new(kind.clone()).on(endpoint)).unwrap();
            let answer = world.as_(&ANA).validate(&account).await;
            assert_eq!(answer.expect(200)["verdict"], "undecided", "{endpoint} {kind:?}");
            let causes: Vec<_> = answer.body["causes"].as_array().unwrap().iter().map(|one| &one["cause"]).collect();
            assert_eq!(causes, ["unrecognised"], "{endpoint} {kind:?}");
            let explanation = answer.body["causes"][0]["explanation"].as_str().unwrap();
            assert!(explanation.contains(&code) && explanation.contains("request id"), "{explanation}");
            world.tiktok().clear_fault(fault);
        }
    }
    world.finish().await;
}

/// An activation that nobody can decide ends with what TikTok said, not with an outage that there was not.
#[tokio::test]
async fn an_activation_that_ends_undecided_says_what_tiktok_said() {
    let world = TestWorld::start().await;
    let account = world.lapsed(11).await;
    world.tiktok().add_fault(Fault::new(says(40118, "Not in the allowlist.")).on(REPORT)).unwrap();
    let answer = world.reconnect(&account, &ANA, Consent::by("ana")).await;
    assert_eq!(answer.expect(202)["outcome"], "pending");
    let id = answer.text("activation_id").to_owned();
    for _ in 0..16 {
        world.pass(jiff::SignedDuration::from_mins(1));
        world.sweep().await;
    }
    let ended = world.as_(&ANA).activation(&id).await;
    assert_eq!(ended.expect(200)["outcome"], "gave_up", "{ended:?}");
    assert_eq!(ended.body["cause"], "unrecognised", "{ended:?}");
    assert!(ended.text("explanation").contains("40118"), "{ended:?}");
    world.finish().await;
}

/// `list` may be null or absent where there is nothing: the login that was used has no Business Center.
#[tokio::test]
async fn a_login_without_a_business_center_is_told_so() {
    let world = TestWorld::start().await;
    let empty = json!({ "page_info": { "page": 1, "page_size": 50, "total_number": 0, "total_page": 0 } });
    let null = json!({ "list": null, "page_info": empty["page_info"] });
    for (data, number) in [empty, null].into_iter().zip(11..) {
        let account = world.lapsed(number).await;
        let nothing = FaultKind::Replace { pointer: "/data".to_owned(), value: data.clone() };
        let faults = [
            Fault::new(nothing).on(CENTERS).for_person("ana"),
            Fault::new(says(40001, "You don't have permission to operate this Business Center: 1")).on(OWNED),
        ];
        let faults = faults.map(|fault| world.tiktok().add_fault(fault).unwrap());
        let answer = world.reconnect(&account, &ANA, Consent::by("ana")).await;
        assert_eq!(answer.expect(200)["cause"], "wrong_business_center", "{data}: {answer:?}");
        assert!(answer.text("explanation").contains("has no Business Center at all"), "{answer:?}");
        for fault in faults {
            world.tiktok().clear_fault(fault);
        }
    }
    // Of a stored grant the same answer is believed only where the Business Center does not answer it either.
    let account = world.active(13).await;
    let nothing = FaultKind::Replace { pointer: "/data/list".to_owned(), value: json!([]) };
    let total = FaultKind::Replace { pointer: "/data/page_info/total_number".to_owned(), value: json!(0) };
    for kind in [nothing, total] {
        world.tiktok().add_fault(Fault::new(kind).on(CENTERS)).unwrap();
    }
    let answer = world.as_(&ANA).validate(&account).await;
    assert_eq!(answer.expect(200)["verdict"], "undecided", "{answer:?}");
    world.finish().await;
}

/// "Deleted" is also heard of what is merely out of sight: preflight does not stop anybody for that word alone.
#[tokio::test]
async fn what_the_business_center_still_owns_is_not_gone() {
    let world = TestWorld::start().await;
    let account = world.active(11).await;
    let gone = format!("The advertiser {} doesn't exist or has been deleted.", account.id);
    world.tiktok().add_fault(Fault::new(says(40001, &gone)).on(INFO)).unwrap();
    let answer = world.as_(&ANA).activate(&account, json!({ "force": true })).await;
    assert_eq!(answer.expect(201)["preflight"]["verdict"], "consent_will_help", "{answer:?}");
    world.finish().await;
}

/// An Admin who keeps their name to themselves is counted, and no sentence stands in for a name, on screen or in the table.
#[tokio::test]
async fn an_admin_without_a_name_is_counted_and_not_named() {
    let world = TestWorld::start().await;
    let (account, standard) = (world.lapsed(11).await, Account { login: "sven", ..Account::new(12) });
    let nameless = FaultKind::Replace { pointer: "/data/list/1/user_name".to_owned(), value: json!("") };
    let fault = world.tiktok().add_fault(Fault::new(nameless).on(MEMBERS)).unwrap();
    let answer = world.reconnect(&account, &ANA, Consent::by("ana")).await;
    assert_eq!(answer.expect(200)["outcome"], "reconnected");
    world.tiktok().clear_fault(fault);
    let answer = world.as_(&ANA).details(&account).await;
    assert_eq!(answer.expect(200)["at_risk"], json!([]), "four Admins, one of them without a name");

    world.lapsed(12).await;
    let consent = Consent::by(standard.login).ad_accounts(AdAccounts::All);
    let refused = world.reconnect(&standard, &ANA, consent).await;
    assert_eq!(refused.expect(200)["cause"], "not_business_center_admin", "{refused:?}");
    assert!(refused.text("remedy").contains("Current Admins: ") && !refused.text("remedy").contains("whose name"));
    let center = world.rows().into_iter().find(|row| row["sk"] == format!("BC#{MEDIA}")).unwrap();
    assert_eq!(center["admins"].as_array().unwrap().len(), 3, "{center}");
    world.finish().await;
}

/// One grant for sixteen ad accounts: a report that is refused for two of them is held against these two, and no other.
#[tokio::test]
async fn a_report_refused_for_two_ad_accounts_is_held_against_these_two() {
    let world = TestWorld::quick().start().await;
    let fleet = world.fleet(&[16, 2]).await;
    world.sweep().await;
    let refuse = |account: &Account| {
        let fault = Fault::new(says(40001, NOT_GRANTED)).on(REPORT).for_ad_account(&account.id);
        world.tiktok().add_fault(fault).unwrap();
    };
    let (refused, others) = fleet[0].accounts.split_at(2);
    refused.iter().for_each(refuse);
    // Of a grant with two ad accounts both are asked each time, so that this one is struck twice.
    let (alone, sibling) = (&fleet[1].accounts[0], &fleet[1].accounts[1]);
    refuse(alone);
    for _ in 0..8 {
        world.pass_an_interval();
        world.sweep().await;
    }
    for account in others.iter().chain([sibling]) {
        assert_eq!(world.status(account), "active", "{} was never refused", account.id);
    }
    for account in refused {
        // A check of the grant asks for one ad account's report, another one's each time; "Check now" for this one's.
        let answer = world.as_(&ANA).validate(account).await;
        assert_eq!(answer.expect(200)["causes"][0]["cause"], "reporting_missing", "{answer:?}");
    }
    let details = world.as_(&ANA).details(alone).await;
    assert_eq!(details.expect(200)["cause"], "reporting_missing", "{details:?}");
    world.finish().await;
}

/// A large agency: its list of ad accounts has no pages, is megabytes long, and takes its time.
#[tokio::test]
async fn an_agency_with_thirty_thousand_ad_accounts_connects() {
    let world = TestWorld::quick().start().await;
    let account = world.lapsed(11).await;
    {
        let mut tiktok = world.tiktok().world();
        for number in 0..30_000_u64 {
            let id = (7_150_000_000_000_000_000 + number).to_string();
            let one = AdAccount::new(&id, "One of many", Owner::business_center(RETAIL));
            tiktok.add_ad_account(one).unwrap();
        }
    }
    let slow = Fault::new(FaultKind::Latency { milliseconds: 7_000 }).on(AUTHORIZED).times(1);
    world.tiktok().add_fault(slow).unwrap();
    let answer = world.reconnect(&account, &ANA, Consent::by("ana").ad_accounts(AdAccounts::All)).await;
    assert_eq!(answer.expect(200)["outcome"], "reconnected", "{answer:?}");
    assert_eq!(world.status(&account), "active");
    world.finish().await;
}

/// A Business Center that belongs to another is missing from the plain list, of its own members too.
#[tokio::test]
async fn a_business_center_below_another_is_found_wherever_tiktok_shows_it() {
    const CHILD: &str = "7241906835517329999";
    let world = TestWorld::start().await;
    {
        let mut tiktok = world.tiktok().world();
        let mut child = BusinessCenter::new(CHILD, "Northwind Child");
        child.parent_bc_id = Some(AGENCY.to_owned());
        tiktok.add_business_center(child).unwrap();
        for login in ["rita", "marc"] {
            tiktok.set_membership(CHILD, Membership::joined(login, BcRole::Admin)).unwrap();
        }
    }
    // Its own Admin, and an Admin of the one above, who is no member of it.
    for (login, number) in [("rita", 11), ("walt", 12)] {
        let account = Account { center: CHILD, login, ..Account::new(number) };
        world.at_tiktok(&account);
        world.import(&[&account], None).await;
        let consent = Consent::by(login).ad_accounts(AdAccounts::only([&account.id]));
        let answer = world.reconnect(&account, &ANA, consent).await;
        assert_eq!(answer.expect(200)["outcome"], "reconnected", "{login}: {answer:?}");
        world.pass_an_interval();
        world.sweep_twice().await;
        assert_eq!(world.status(&account), "active", "{login}: checks find it too");
        let answer = world.as_(&ANA).validate(&account).await;
        assert_eq!(answer.expect(200)["verdict"], "connected", "{login}: {answer:?}");
    }
    // Who has nothing to do with either is refused, as before.
    let account = Account { center: CHILD, ..Account::new(13) };
    world.at_tiktok(&account);
    world.import(&[&account], None).await;
    let answer = world.reconnect(&account, &ANA, Consent::by("ana").ad_accounts(AdAccounts::All)).await;
    assert_eq!(answer.expect(200)["cause"], "wrong_business_center", "{answer:?}");
    world.finish().await;
}

/// A suspended Business Center lapses nothing: it is told, with what can be done about it.
#[tokio::test]
async fn a_suspended_business_center_is_a_risk_and_an_ad_account_says_that_it_is_suspended() {
    let world = TestWorld::start().await;
    let account = world.active(11).await;
    world.tiktok().world().set_center_status(MEDIA, BcStatus::Punish).unwrap();
    world.tiktok().world().set_account_status(&account.id, AccountStatus::Limit).unwrap();

    world.sweep_twice().await;

    let details = world.as_(&ANA).details(&account).await;
    assert_eq!(details.expect(200)["status"], "active");
    assert_eq!(details.body["at_risk"], json!(["ad_account_not_usable", "business_center_suspended"]));
    let findings = details.body["findings"].as_array().unwrap();
    let suspended: Vec<_> = findings.iter().filter(|one| one["suspended"] == true).map(|one| &one["check"]).collect();
    assert_eq!(suspended, ["business_center_matches", "ad_account_usable"]);
    let started = world.as_(&ANA).activate(&account, json!({ "force": true })).await;
    let checklist = started.expect(201)["preflight"]["checklist"].as_array().unwrap().clone();
    let says = |line: &Value| line["text"].as_str().unwrap().contains("TikTok has suspended");
    assert_eq!(checklist.iter().filter(|line| says(line)).count(), 2, "{checklist:?}");

    world.tiktok().world().set_center_status(MEDIA, BcStatus::Enable).unwrap();
    world.tiktok().world().set_account_status(&account.id, AccountStatus::Disable).unwrap();
    world.pass_an_interval();
    world.sweep().await;
    let details = world.as_(&ANA).details(&account).await;
    assert_eq!(details.expect(200)["at_risk"], json!(["ad_account_not_usable"]));
    assert!(details.body["findings"].as_array().unwrap().iter().all(|one| one["suspended"].is_null()));
    world.finish().await;
}
