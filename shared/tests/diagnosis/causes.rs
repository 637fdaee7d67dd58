//! Which answers lead to which cause.

use std::collections::{BTreeMap, BTreeSet};

use shared::domain::causes::CauseCode;
use shared::domain::checks::{Answer, Check, Endpoint, Refusal};
use shared::domain::diagnosis::{Verdict, consent_cannot_help};

use crate::case::{
    ACCOUNT, Case, ORIGINAL, OTHER_ACCOUNT, OTHER_CENTER, Question, account, in_order, info, membership, owned,
    reachable,
};

fn changed(change: impl FnOnce(&mut Case)) -> Case {
    let mut case = in_order();
    change(&mut case);
    case
}

fn without_management() -> Case {
    changed(|case| {
        case.scopes = vec![4];
        case.info = Err(Refusal::PermissionNotGranted);
        case.business_centers = Err(Refusal::PermissionNotGranted);
        case.owned = Err(Refusal::PermissionNotGranted);
    })
}

fn without_reports() -> Case {
    changed(|case| {
        case.scopes = vec![1, 15];
        case.report = Err(Refusal::PermissionNotGranted);
    })
}

fn with_these_ticked(ids: &[&str]) -> Case {
    changed(|case| {
        case.authorized = Ok(ids.iter().copied().map(account).collect());
        case.info = Err(Refusal::AdAccountNotPermitted);
        case.report = Err(Refusal::AdAccountNotPermitted);
    })
}

fn of_another_business_center() -> Case {
    changed(|case| {
        case.business_centers = Ok(vec![membership(OTHER_CENTER, Some("ADMIN"))]);
        case.owned = Err(Refusal::NotPermitted);
    })
}

fn with_role(role: Option<&str>) -> Case {
    changed(|case| {
        case.business_centers = Ok(vec![membership(ORIGINAL, role)]);
        case.owned = Err(Refusal::NotPermitted);
    })
}

fn not_owned() -> Case {
    changed(|case| case.owned = Ok(BTreeMap::from([owned(OTHER_ACCOUNT, Some("BOUND"))])))
}

fn moved() -> Case {
    let mut case = not_owned();
    case.info = Ok(info(Some("STATUS_ENABLE"), Some(OTHER_CENTER)));
    case
}

fn deleted() -> Case {
    let mut case = not_owned();
    case.authorized = Ok(BTreeSet::from([account(OTHER_ACCOUNT)]));
    case.info = Err(Refusal::AdAccountGone);
    case.report = Err(Refusal::AdAccountGone);
    case.reachable = Some(Ok(BTreeMap::new()));
    case
}

fn codes(verdict: &Verdict) -> Vec<CauseCode> {
    verdict.causes().iter().map(|cause| cause.cause).collect()
}

#[track_caller]
fn assert_lapsed(case: &Case, causes: &[CauseCode], corroborated: bool) {
    let diagnosis = case.diagnosis();
    assert_eq!(codes(&diagnosis.verdict), causes, "{diagnosis:#?}");
    let Verdict::Lapsed { corroborated: found, .. } = diagnosis.verdict else { panic!("{diagnosis:#?}") };
    assert_eq!(found, corroborated, "{:#?}", diagnosis.findings);
}

#[track_caller]
fn assert_undecided(case: &Case, causes: &[CauseCode]) {
    let diagnosis = case.diagnosis();
    assert!(matches!(diagnosis.verdict, Verdict::Undecided { .. }), "{diagnosis:#?}");
    assert_eq!(codes(&diagnosis.verdict), causes, "{diagnosis:#?}");
}

#[test]
fn everything_in_order_is_connected() {
    assert_eq!(in_order().diagnosis().verdict, Verdict::Connected);
}

#[test]
fn a_dead_token_was_revoked_and_tells_nothing_else() {
    assert_lapsed(&in_order().dead(), &[CauseCode::AuthorizationRevoked], true);
    let only_here = in_order().refused(Question::Authorized, Refusal::TokenDead);
    assert_lapsed(&only_here, &[CauseCode::AuthorizationRevoked], false);
}

#[test]
fn a_switch_that_was_turned_off_is_named() {
    assert_lapsed(&without_management(), &[CauseCode::AdAccountManagementMissing], true);
    assert_lapsed(&without_reports(), &[CauseCode::ReportingMissing], true);
    assert_lapsed(&changed(|case| case.scopes = vec![1, 15]), &[CauseCode::ReportingMissing], false);
}

#[test]
fn an_account_that_was_not_ticked_differs_from_none_ticked() {
    assert_lapsed(&with_these_ticked(&[OTHER_ACCOUNT]), &[CauseCode::AdAccountNotGranted], true);
    assert_lapsed(&with_these_ticked(&[]), &[CauseCode::NoAdAccountsGranted], true);
}

#[test]
fn another_business_center_is_named_with_both_ids() {
    assert_lapsed(&of_another_business_center(), &[CauseCode::WrongBusinessCenter], true);
    let verdict = of_another_business_center().diagnosis().verdict;
    let cause = &verdict.causes()[0];
    assert_eq!(cause.original.as_ref().unwrap().id.as_str(), ORIGINAL);
    assert_eq!(cause.found[0].id.as_str(), OTHER_CENTER);
}

/// T46: the name of a Business Center proves nothing.
#[test]
fn the_right_name_with_another_id_is_another_business_center() {
    let mut same_name = membership(OTHER_CENTER, Some("ADMIN"));
    same_name.name = membership(ORIGINAL, None).name;
    let case = changed(|case| case.business_centers = Ok(vec![same_name]));
    assert!(codes(&case.diagnosis().verdict).contains(&CauseCode::WrongBusinessCenter));
}

/// T49: only exactly `ADMIN` is Admin, and only a role we know fails.
#[test]
fn a_role_is_read_to_the_letter() {
    assert_lapsed(&with_role(Some("STANDARD")), &[CauseCode::NotBusinessCenterAdmin], true);
    for role in [Some("admin"), Some("OWNER"), Some(""), None] {
        assert_eq!(with_role(role).finding(Check::BusinessCenterAdmin).answer, Answer::Inconclusive, "{role:?}");
        assert_undecided(&with_role(role), &[CauseCode::Unrecognised]);
    }
}

/// T50.
#[test]
fn a_shared_account_is_not_owned() {
    let shared = changed(|case| {
        case.owned = not_owned().owned;
        case.reachable = Some(Ok(BTreeMap::from([reachable(ACCOUNT, Some("Agency"))])));
    });
    assert_lapsed(&shared, &[CauseCode::AdAccountNotOwned], true);
    for status in ["PENDING", "REJECTED", "UNBOUND"] {
        let not_bound = changed(|case| case.owned = Ok(BTreeMap::from([owned(ACCOUNT, Some(status))])));
        assert_lapsed(&not_bound, &[CauseCode::AdAccountNotOwned], false);
    }
    for status in [Some("bound"), Some("NEW"), None] {
        let unknown = changed(|case| case.owned = Ok(BTreeMap::from([owned(ACCOUNT, status)])));
        assert_undecided(&unknown, &[CauseCode::TiktokUnavailable]);
    }
}

#[test]
fn an_equal_owner_name_does_not_agree_with_a_loss() {
    let case = changed(|case| {
        case.owned = not_owned().owned;
        case.reachable = Some(Ok(BTreeMap::from([reachable(ACCOUNT, Some("Shop Group"))])));
    });
    assert_lapsed(&case, &[CauseCode::AdAccountNotOwned], false);
}

/// Without the list of Business Centers the original's name is not known, so no name can be said to differ from it.
#[test]
fn an_owner_name_is_compared_only_with_a_known_one() {
    let mut case = not_owned();
    case.reachable = Some(Ok(BTreeMap::from([reachable(ACCOUNT, Some("Shop Group"))])));
    let case = case.refused(Question::BusinessCenters, Refusal::Unavailable);
    assert_lapsed(&case, &[CauseCode::AdAccountNotOwned], false);
}

#[test]
fn an_account_of_another_owner_moved() {
    assert_lapsed(&moved(), &[CauseCode::AdAccountMoved], true);
    let gone_from_sight = changed(|case| {
        case.owned = not_owned().owned;
        case.authorized = Ok(BTreeSet::from([account(OTHER_ACCOUNT)]));
        case.info = Err(Refusal::AdAccountNotPermitted);
        case.reachable = Some(Ok(BTreeMap::new()));
    });
    assert_lapsed(&gone_from_sight, &[CauseCode::AdAccountMoved], true);
}

#[test]
fn a_deleted_account_is_not_found() {
    assert_lapsed(&deleted(), &[CauseCode::AdAccountNotFound], true);
}

#[test]
fn several_causes_come_in_the_order_of_usefulness() {
    let case = changed(|case| {
        case.scopes = vec![];
        case.authorized = Ok(BTreeSet::new());
        case.info = Err(Refusal::PermissionNotGranted);
        case.report = Err(Refusal::PermissionNotGranted);
        case.business_centers = Ok(vec![membership(ORIGINAL, Some("STANDARD"))]);
        case.owned = Err(Refusal::NotPermitted);
    });
    let causes = [
        CauseCode::AdAccountManagementMissing,
        CauseCode::NotBusinessCenterAdmin,
        CauseCode::NoAdAccountsGranted,
        CauseCode::ReportingMissing,
    ];
    assert_lapsed(&case, &causes, true);
}

#[test]
fn a_disabled_account_is_a_warning_and_no_lapse() {
    let disabled = changed(|case| case.info = Ok(info(Some("STATUS_DISABLE"), None)));
    assert_eq!(disabled.diagnosis().verdict, Verdict::Connected);
    assert_eq!(disabled.finding(Check::AdAccountUsable).answer, Answer::Failed);
    let unknown = changed(|case| case.info = Ok(info(None, None)));
    assert_eq!(unknown.finding(Check::AdAccountUsable).answer, Answer::Inconclusive);
}

#[test]
fn what_we_cannot_tell_says_why() {
    let refused = |refusal| in_order().refused(Question::Report, refusal);
    assert_undecided(&refused(Refusal::Throttled), &[CauseCode::TiktokUnavailable]);
    assert_undecided(&refused(Refusal::Unavailable), &[CauseCode::TiktokUnavailable]);
    assert_undecided(&refused(Refusal::AppMisconfigured), &[CauseCode::AppMisconfigured]);
    for unknown in [Refusal::Unrecognised, Refusal::NotPermitted] {
        assert_undecided(&refused(unknown), &[CauseCode::Unrecognised]);
        let verdict = refused(unknown).diagnosis().verdict;
        assert_eq!(verdict.causes()[0].tiktok_code, Some(40_000));
        assert!(verdict.causes()[0].tiktok_request_id.is_some());
    }
}

/// The causes that answers of TikTok's about a stored token cannot give arise where a person is on the way, or where we
/// cannot open the token.
#[test]
fn every_other_cause_of_the_catalogue_is_reached_here() {
    let elsewhere = [
        CauseCode::ConsentDenied,
        CauseCode::LinkExpired,
        CauseCode::AuthorizationCodeRejected,
        CauseCode::CredentialUnreadable,
    ];
    let cases = [
        in_order().dead(),
        without_management(),
        without_reports(),
        with_these_ticked(&[]),
        with_these_ticked(&[OTHER_ACCOUNT]),
        of_another_business_center(),
        with_role(Some("STANDARD")),
        not_owned(),
        moved(),
        deleted(),
        in_order().refused(Question::Info, Refusal::Unavailable),
        in_order().refused(Question::Info, Refusal::Unrecognised),
        in_order().refused(Question::Info, Refusal::AppMisconfigured),
    ];
    let here: BTreeSet<_> = cases.iter().flat_map(|case| codes(&case.diagnosis().verdict)).collect();
    for code in CauseCode::ALL {
        assert_eq!(here.contains(&code), !elsewhere.contains(&code), "{code:?}");
    }
}

#[test]
fn preflight_stops_only_where_signing_in_is_pointless() {
    let stopped = |case: &Case| consent_cannot_help(&case.diagnosis()).map(|cause| cause.cause);
    let still_ticked = changed(|case| case.info = Err(Refusal::AdAccountGone));
    assert_eq!(stopped(&still_ticked), Some(CauseCode::AdAccountNotFound));
    assert_eq!(stopped(&moved()), Some(CauseCode::AdAccountMoved));
    assert_eq!(stopped(&not_owned()), Some(CauseCode::AdAccountNotOwned));
    assert_eq!(stopped(&deleted()), Some(CauseCode::AdAccountNotFound));
    assert_eq!(stopped(&in_order()), None);
    let mut told_by_a_stranger = not_owned();
    told_by_a_stranger.business_centers = of_another_business_center().business_centers;
    assert_eq!(stopped(&told_by_a_stranger), None, "only an Admin's list of what is owned is complete");
    assert_eq!(stopped(&in_order().dead()), None, "a new consent is what helps");
    for question in Question::ALWAYS_ASKED {
        assert_eq!(stopped(&in_order().refused(question, Refusal::Unavailable)), None, "{question:?}");
    }
    let app_is_blocked = moved().refused(Question::Report, Refusal::AppMisconfigured);
    assert_eq!(stopped(&app_is_blocked), None, "nothing is believed while our own app is at fault");
}

#[test]
fn the_first_piece_of_evidence_is_the_decisive_one() {
    let decisive = |check| in_order().finding(check).evidence[0].endpoint;
    assert_eq!(decisive(Check::AuthorizationAlive), Endpoint::AuthorizedAdAccounts);
    assert_eq!(decisive(Check::AdAccountGranted), Endpoint::AuthorizedAdAccounts);
    assert_eq!(decisive(Check::AdAccountManagementGranted), Endpoint::AdAccountInfo);
    assert_eq!(decisive(Check::ReportingGranted), Endpoint::Report);
    assert_eq!(decisive(Check::BusinessCenterMatches), Endpoint::BusinessCenters);
    assert_eq!(decisive(Check::BusinessCenterAdmin), Endpoint::BusinessCenters);
    assert_eq!(decisive(Check::AdAccountOwned), Endpoint::OwnedAssets);
    assert_eq!(decisive(Check::AdAccountUsable), Endpoint::AdAccountInfo);
}
