use proptest::prelude::*;

use super::*;
use domain::checks::About;

/// Every code that TikTok's SDK or its published list knows, as a read with an uninformative text is classified.
#[rustfmt::skip]
const KNOWN: &[(Refusal, &[i64])] = &[
    (Refusal::TokenDead, &[40102, 40105]),
    (Refusal::AdAccountGone, &[40300]),
    (Refusal::NotPermitted, &[40001, 40003, 40130, 40131, 40301]),
    // Can be said of no single grant: these alone blame our app.
    (Refusal::AppMisconfigured, &[
        40006, 40051, 40101, 40104, 40113, 40124, 40125, 40400, 41000, 41001, 41002,
    ]),
    (Refusal::RequestRejected, &[
        40000, 40008, 40009, 40010, 40011, 40012, 40013, 40014, 40050, 40052, 40053, 40061, 40062, 40063, 40103, 40107,
        40108, 40116, 40117, 70001,
    ]),
    (Refusal::Throttled, &[40016, 40100, 40132, 40133, 51021, 61000]),
    (Refusal::Unavailable, &[
        20001, 40200, 40201, 40202, 40700, 50000, 50002, 51000, 51001, 51002, 51003, 51004, 51005, 51006, 51007, 51008,
        51009, 51010, 51011, 51012, 51014, 51015, 51016, 51017, 51018, 51019, 51020, 51030, 51031, 51032, 51033, 51034,
        51035, 51036, 51037, 51038, 51039, 51040, 51041, 51042, 51043, 51044, 51045, 51046, 51047, 51048, 51049, 51050,
        51051, 51052, 51053, 51054, 51055, 51056, 51057, 51058, 51059, 51060, 51061, 51062, 51063, 51064, 51065, 51066,
        51067, 51099, 51305, 52000, 52001, 52002, 52003, 52100, 52101, 52102, 52103, 52201, 52202, 52203, 52204, 53102,
        53103, 60001,
    ]),
    // May be one person's or one ad account's, or are about things we never touch: they count for and against nobody.
    (Refusal::Unrecognised, &[
        40002, 40007, 40106, 40109, 40110, 40112, 40114, 40115, 40118, 40119, 40120, 40121, 40122, 40126, 40127, 40128,
        40129, 40302, 40309, 40502, 40900, 40901, 40902, 40903, 40904, 40905, 40906, 40907, 40908, 40909, 40910, 40911,
        40912, 40913, 40914, 40915, 40916, 41013,
    ]),
];

const MISMATCH: &str = "The app_id is inconsistent with the token's app information. Please retry after correcting it.";

/// 162 codes of `tiktok_code.py` (SDK 1.1.3; without 0, which is success) and 3 more: 40133 and 51305 of the published
/// list, 51021 seen in a recorded answer.
#[test]
fn every_known_code_means_what_it_should() {
    let mut all: Vec<i64> = KNOWN.iter().flat_map(|(_, codes)| codes.iter().copied()).collect();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 165, "each code stands once");
    for (refusal, codes) in KNOWN {
        for &code in *codes {
            assert_eq!(classify(Endpoint::BusinessCenters, code, "An error."), *refusal, "{code}");
            assert!(is_known(code), "{code} is on no row of the table");
        }
    }
}

/// What the guard listens to, and nothing else: whatever text comes with these codes elsewhere, no other answer is about
/// our app.
#[test]
fn only_codes_that_can_be_said_of_no_single_grant_are_about_our_app() {
    let (_, ours) = KNOWN.iter().find(|(refusal, _)| *refusal == Refusal::AppMisconfigured).unwrap();
    let texts = TEXTS.iter().map(|(_, fragments, ..)| fragments.join(" ")).chain(["An error.".to_owned()]);
    for text in texts {
        for code in (0..100_000).filter(|code| !ours.contains(code)) {
            for endpoint in [Endpoint::AuthorizedAdAccounts, Endpoint::Exchange] {
                assert_ne!(classify(endpoint, code, &text).about(), About::App, "{code} {text}");
            }
        }
    }
    assert_ne!(classify(Endpoint::AuthorizedAdAccounts, 40113, MISMATCH).about(), About::App);
}

#[test]
fn every_text_of_the_table_decides_for_its_codes_and_no_others() {
    for (codes, fragments, refusal, _) in TEXTS {
        let text = fragments.join(" … ").to_uppercase();
        for code in [40000, 40001, 40002, 40101, 40105, 40113, 50000, 99_999] {
            let decides = codes.is_empty() || codes.contains(&code);
            let found = classify(Endpoint::AdAccountInfo, code, &text);
            assert_eq!(
                found == *refusal,
                decides || classify(Endpoint::AdAccountInfo, code, "") == *refusal,
                "{code} {text}"
            );
        }
    }
}

#[test]
fn every_code_of_tiktoks_own_services_is_unavailable() {
    for code in (50_000..60_000).filter(|code| is_service(*code)) {
        assert_eq!(classify(Endpoint::Report, code, "Internal service error."), Refusal::Unavailable, "{code}");
    }
}

#[test]
fn no_row_of_the_table_overlaps_another() {
    for pair in CODES.windows(2) {
        assert!(pair[0].0.end() < pair[1].0.start(), "{pair:?}");
    }
}

#[test]
fn throttling_is_told_by_its_text_under_any_code() {
    for message in [
        "App reaches the QPS limit 20",
        "App reaches the QPS limit.",
        "Due to too many requests, requests from App 7300000000000000031 are temporarily restricted.",
        "Advertiser (7100000000000000011)'s QPS (3) reaches QPS limit 2 for current path, request is temporarily restricted.",
        "Too many requests",
    ] {
        for code in [40000, 40001, 40002, 40100, 40105, 40110, 40113, 50000, 12_345] {
            assert_eq!(classify(Endpoint::Report, code, message), Refusal::Throttled, "{code} {message}");
            assert_eq!(classify(Endpoint::Exchange, code, message), Refusal::Throttled, "{code} {message}");
        }
    }
}

#[test]
fn the_text_of_a_permission_error_tells_its_causes_apart() {
    let lacks = "Permission error: The access token lacks the required scope for endpoint '/bc/get/(method=GET)'. Please first check if \
                 the request method is correct then ask the user to generate a new access token.";
    for code in [40001, 40002] {
        for (message, refusal) in [
            (lacks, Refusal::PermissionNotGranted),
            (
                "advertiser does not grant you /report/integrated/get/:GET permission",
                Refusal::PermissionNotGrantedForAdAccount,
            ),
            ("No permission to operate advertiser: 7100000000000000099", Refusal::AdAccountNotPermitted),
            ("NO PERMISSION TO OPERATE ADVERTISER 7100000000000000099", Refusal::AdAccountNotPermitted),
            ("The advertiser 7100000000000000099 doesn't exist or has been deleted.", Refusal::AdAccountGone),
            ("The advertiser 7100000000000000099 doesn’t exist or has been deleted.", Refusal::AdAccountGone),
            ("You don't have permission to the asset(1)", Refusal::NotPermitted),
            ("You don't have permission to operate this catalog:1", Refusal::NotPermitted),
        ] {
            assert_eq!(classify(Endpoint::AdAccountInfo, code, message), refusal, "{code} {message}");
        }
    }
    for (code, message, refusal) in [
        (40001, "", Refusal::NotPermitted),
        (40001, "The campaign 1 doesn't exist or has been deleted.", Refusal::NotPermitted),
        (40002, "page_size: must be at most 50", Refusal::RequestRejected),
        (40002, "Missing required field(s): bc_id.", Refusal::RequestRejected),
        (40002, "Invalid value for filtering", Refusal::RequestRejected),
        (40002, "advertiser_ids exceeds the maximum", Refusal::RequestRejected),
        (40002, "Shop must belong to a Business Center account.", Refusal::Unrecognised),
        (40002, "", Refusal::Unrecognised),
        (40003, "No permission to operate advertiser: 1", Refusal::NotPermitted),
        (40007, "The advertiser 1 doesn't exist or has been deleted.", Refusal::Unrecognised),
    ] {
        assert_eq!(classify(Endpoint::AdAccountInfo, code, message), refusal, "{code} {message}");
    }
}

#[test]
fn a_token_of_another_app_is_that_tokens_alone() {
    for code in [40000, 40001, 40002, 40113] {
        assert_eq!(classify(Endpoint::AuthorizedAdAccounts, code, MISMATCH), Refusal::TokenOfAnotherApp, "{code}");
    }
    assert_eq!(classify(Endpoint::AuthorizedAdAccounts, 40113, "The app is blocked."), Refusal::AppMisconfigured);
    assert_eq!(classify(Endpoint::AuthorizedAdAccounts, 40000, "Invalid parameters."), Refusal::RequestRejected);
}

#[test]
fn only_the_exchange_blames_the_one_time_code() {
    for (code, message) in [
        (40110, "The auth_code is canceled."),
        (40110, ""),
        (40115, ""),
        (40101, "Invalid auth_code. Please re-authorize."),
        (40101, "INVALID AUTH CODE"),
        (40002, "auth_code: not valid"),
    ] {
        assert_eq!(classify(Endpoint::Exchange, code, message), Refusal::CodeRejected, "{code} {message}");
        for endpoint in Endpoint::ALL.into_iter().filter(|one| *one != Endpoint::Exchange) {
            assert_ne!(classify(endpoint, code, message), Refusal::CodeRejected, "{code} {endpoint:?}");
        }
    }
    for (code, message, refusal) in [
        (40101, "The app_id and the secret do not match.", Refusal::AppMisconfigured),
        (40101, "Invalid secret or auth_code.", Refusal::AppMisconfigured),
        (40101, "", Refusal::AppMisconfigured),
        (40113, "The auth_code belongs to a blocked app.", Refusal::AppMisconfigured),
        (40002, "Missing required field(s): auth_code.", Refusal::RequestRejected),
    ] {
        assert_eq!(classify(Endpoint::Exchange, code, message), refusal, "{code} {message}");
    }
}

proptest! {
    #[test]
    fn every_code_that_is_not_on_the_list_is_unrecognised(
        code in prop_oneof![any::<i64>(), 0i64..100_000].prop_filter("listed", |code| !is_known(*code)),
        endpoint in proptest::sample::select(&Endpoint::ALL[..]),
        message in prop_oneof![
            any::<String>(),
            proptest::sample::select(TEXTS).prop_map(|(_, fragments, ..)| fragments.join(" ")),
        ],
    ) {
        // That it is too often asked is TikTok's to say under any code, and holds nobody.
        let refusal = classify(endpoint, code, &message);
        prop_assert!(matches!(refusal, Refusal::Unrecognised | Refusal::Throttled), "{:?}", refusal);
    }

    #[test]
    fn no_text_turns_a_code_into_a_dead_token_or_a_lost_account(
        code in 0i64..100_000,
        endpoint in proptest::sample::select(&Endpoint::ALL[..]),
        message in prop_oneof![
            any::<String>(),
            proptest::sample::select(TEXTS).prop_map(|(_, fragments, ..)| fragments.join(" ").to_uppercase()),
        ],
    ) {
        match classify(endpoint, code, &message) {
            Refusal::TokenDead => prop_assert!([40102, 40105].contains(&code)),
            Refusal::TokenOfAnotherApp => prop_assert!([40000, 40001, 40002, 40113].contains(&code)),
            Refusal::AdAccountGone => prop_assert!([40001, 40002, 40300].contains(&code)),
            Refusal::PermissionNotGranted
            | Refusal::PermissionNotGrantedForAdAccount
            | Refusal::AdAccountNotPermitted => prop_assert!([40001, 40002].contains(&code)),
            Refusal::CodeRejected => prop_assert_eq!(endpoint, Endpoint::Exchange),
            Refusal::NotPermitted
            | Refusal::AppMisconfigured
            | Refusal::RequestRejected
            | Refusal::Throttled
            | Refusal::Unavailable
            | Refusal::Unrecognised => {}
            Refusal::NotAsked => prop_assert!(false, "TikTok answered"),
        }
    }
}
