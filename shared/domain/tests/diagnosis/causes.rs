//! Which answers lead to which cause.

use std::collections::{BTreeMap, BTreeSet};

use domain::causes::CauseCode;
use domain::checks::{Answer, Check, Endpoint, Refusal, Tiers};
use domain::diagnosis::{Verdict, consent_cannot_help};
use domain::examine::Occasion;

use crate::case::{
    ACCOUNT, Case, ORIGINAL, OTHER_ACCOUNT, OTHER_CENTER, Question, account, in_order, info, membership, nowhere_else,
    owned, reachable,
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
        case.elsewhere = Some(nowhere_else());
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
}

/// Real lists hold ids that no table has, and TikTok may leave the list out. The reads decide.
#[test]
fn a_read_that_works_is_the_permission_whatever_the_list_says() {
    let lists: [&[u64]; 5] =
        [&[], &[1], &[1, 44], &[100, 150, 153, 156, 44], &[7_543_056_879_933_489_153, 7_580_203_444_061_896_721]];
    for scopes in lists {
        assert_eq!(changed(|case| case.scopes = scopes.to_vec()).diagnosis().verdict, Verdict::Connected, "{scopes:?}");
        let silent = changed(|case| {
            case.scopes = scopes.to_vec();
            case.report = Err(Refusal::Unavailable);
        });
        assert_undecided(&silent, &[CauseCode::TiktokUnavailable]);
    }
}

#[test]
fn a_permission_that_one_ad_account_does_not_grant_is_missing_there() {
    let report = in_order().refused(Question::Report, Refusal::PermissionNotGrantedForAdAccount);
    assert_lapsed(&report, &[CauseCode::ReportingMissing], false);
    let info = in_order().refused(Question::Info, Refusal::PermissionNotGrantedForAdAccount);
    assert_lapsed(&info, &[CauseCode::AdAccountManagementMissing], false);
    // Said where all accounts are asked about, it is about none of them.
    for question in [Question::BusinessCenters, Question::Owned, Question::Authorized] {
        let case = in_order().refused(question, Refusal::PermissionNotGrantedForAdAccount);
        assert_undecided(&case, &[CauseCode::Unrecognised]);
    }
}

#[test]
fn a_token_of_another_app_is_told_from_one_that_was_revoked() {
    let case = in_order().refused(Question::Authorized, Refusal::TokenOfAnotherApp);
    assert_lapsed(&case, &[CauseCode::AuthorizationOfAnotherApp], false);
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

/// The default answer leaves out what belongs to others, and only all three answers together say "nowhere".
#[test]
fn a_business_center_that_belongs_to_another_is_found_in_any_answer() {
    let admin = || membership(ORIGINAL, Some("ADMIN"));
    let tiers = |parent, children| Ok(Tiers { parent, children });
    let found = [
        Some((Ok(vec![admin()]), tiers(None, vec![]))),
        Some((Ok(vec![]), tiers(Some(membership(OTHER_CENTER, Some("ADMIN"))), vec![admin()]))),
        Some((Ok(vec![]), tiers(Some(admin()), vec![]))),
        Some((Ok(vec![admin()]), Err(Refusal::Unavailable))),
        Some((Err(Refusal::NotPermitted), tiers(None, vec![admin()]))),
    ];
    for elsewhere in found {
        let case = changed(|case| {
            case.business_centers = Ok(vec![membership(OTHER_CENTER, Some("ADMIN"))]);
            case.elsewhere = elsewhere.clone();
        });
        assert_eq!(case.diagnosis().verdict, Verdict::Connected, "{elsewhere:?}");
    }
    for unanswered in [
        None,
        Some((Err(Refusal::Unavailable), tiers(None, vec![]))),
        Some((Err(Refusal::NotPermitted), tiers(None, vec![]))),
        Some((Ok(vec![]), Err(Refusal::Unavailable))),
        Some((Ok(vec![]), Err(Refusal::Unrecognised))),
    ] {
        let case = changed(|case| {
            case.business_centers = Ok(vec![membership(OTHER_CENTER, Some("ADMIN"))]);
            case.elsewhere = unanswered.clone();
        });
        assert_eq!(case.finding(Check::BusinessCenterMatches).answer, Answer::Inconclusive, "{unanswered:?}");
    }
}

#[test]
fn the_role_is_that_of_the_answer_that_has_the_business_center() {
    let case = changed(|case| {
        case.business_centers = Ok(vec![membership(OTHER_CENTER, Some("ADMIN"))]);
        case.elsewhere = Some((Ok(vec![membership(ORIGINAL, Some("STANDARD"))]), Ok(Tiers::default())));
        case.owned = Err(Refusal::NotPermitted);
    });
    assert_lapsed(&case, &[CauseCode::NotBusinessCenterAdmin], true);
}

/// A login without any Business Center is an answer of whoever consents now. A stored grant may owe it to a mistake, unless
/// the Business Center itself does not answer it either.
#[test]
fn no_business_center_at_all_is_believed_at_a_consent() {
    let none = |occasion, owned: Option<Refusal>| {
        changed(|case| {
            case.occasion = occasion;
            case.business_centers = Ok(Vec::new());
            case.elsewhere = Some(nowhere_else());
            if let Some(refusal) = owned {
                case.owned = Err(refusal);
            }
        })
    };
    for owned in [None, Some(Refusal::NotPermitted), Some(Refusal::Unavailable)] {
        let case = none(Occasion::Consent, owned);
        assert_lapsed(&case, &[CauseCode::WrongBusinessCenter], owned == Some(Refusal::NotPermitted));
        let verdict = case.diagnosis().verdict;
        let shown = verdict.causes()[0].shown();
        assert!(shown.explanation.contains("no Business Center at all"), "{}", shown.explanation);
    }
    assert_lapsed(&none(Occasion::Check, Some(Refusal::NotPermitted)), &[CauseCode::WrongBusinessCenter], true);
    for owned in [None, Some(Refusal::Unavailable), Some(Refusal::Unrecognised), Some(Refusal::RequestRejected)] {
        assert_eq!(none(Occasion::Check, owned).diagnosis().verdict.name(), "undecided", "{owned:?}");
    }
}

/// Asked for by its id, a Business Center may be refused to whoever is not in it.
#[test]
fn at_a_consent_a_refusal_by_id_is_as_good_as_an_empty_answer() {
    let mut case = of_another_business_center();
    case.occasion = Occasion::Consent;
    case.elsewhere = Some((Err(Refusal::NotPermitted), Ok(Tiers::default())));
    assert_lapsed(&case, &[CauseCode::WrongBusinessCenter], true);
}

/// TikTok says "deleted" of what is merely out of sight.
#[test]
fn an_account_that_the_business_center_still_owns_is_not_gone() {
    let still_owned = changed(|case| {
        case.info = Err(Refusal::AdAccountGone);
        case.report = Err(Refusal::AdAccountGone);
    });
    assert_undecided(&still_owned, &[CauseCode::Unrecognised]);
    assert_eq!(consent_cannot_help(&still_owned.diagnosis()), None);
    let not_granted = changed(|case| {
        case.authorized = Ok(BTreeSet::from([account(OTHER_ACCOUNT)]));
        case.info = Err(Refusal::AdAccountGone);
    });
    assert_lapsed(&not_granted, &[CauseCode::AdAccountNotGranted], true);
}

/// What an Admin's read answers says nothing against the role that was read.
#[test]
fn a_role_with_code_0_stands_whatever_another_endpoint_refuses() {
    for refusal in [Refusal::NotPermitted, Refusal::RequestRejected, Refusal::Unrecognised, Refusal::Unavailable] {
        let mut case = with_role(Some("STANDARD"));
        case.owned = Err(refusal);
        assert_lapsed(&case, &[CauseCode::NotBusinessCenterAdmin], refusal == Refusal::NotPermitted);
    }
}

/// T46: the name of a Business Center proves nothing.
#[test]
fn the_right_name_with_another_id_is_another_business_center() {
    let mut same_name = membership(OTHER_CENTER, Some("ADMIN"));
    same_name.name = membership(ORIGINAL, None).name;
    let case = changed(|case| {
        case.business_centers = Ok(vec![same_name]);
        case.elsewhere = Some(nowhere_else());
    });
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
    for unknown in [
        Refusal::Unrecognised,
        Refusal::NotPermitted,
        Refusal::RequestRejected,
        Refusal::AdAccountNotPermitted,
        Refusal::AdAccountGone,
    ] {
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
        in_order().refused(Question::Authorized, Refusal::TokenOfAnotherApp),
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
    let mut still_ticked = not_owned();
    still_ticked.info = Err(Refusal::AdAccountGone);
    assert_eq!(stopped(&still_ticked), Some(CauseCode::AdAccountNotFound));
    assert_eq!(stopped(&moved()), Some(CauseCode::AdAccountMoved));
    assert_eq!(stopped(&not_owned()), Some(CauseCode::AdAccountNotOwned));
    assert_eq!(stopped(&deleted()), Some(CauseCode::AdAccountNotFound));
    assert_eq!(stopped(&in_order()), None);
    let mut told_by_a_stranger = not_owned();
    told_by_a_stranger.business_centers = of_another_business_center().business_centers;
    told_by_a_stranger.elsewhere = Some(nowhere_else());
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
