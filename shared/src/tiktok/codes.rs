//! What TikTok's codes mean to us, decided in one place.
//!
//! TikTok answers HTTP 200 to nearly everything and says in `code` what happened; for permissions one code covers
//! several causes and only the text tells them apart. Three tables, read in this order: [`about_the_code`] for the code
//! exchange, [`TEXTS`] for codes whose text decides, [`CODES`] for the rest. The codes are those of TikTok's own SDK
//! (`tiktok_code.py`) and of its published list of return codes.
//!
//! The rule behind every row: a refusal that may be held against a grant or an account (`TokenDead`,
//! `PermissionNotGranted`, `AdAccountNotPermitted`, `AdAccountGone`) needs a code or a text that can mean nothing
//! else. A code that is absent, or whose meaning for our calls nobody knows, is `Unrecognised` and proves nothing.

use std::ops::RangeInclusive;

use crate::domain::checks::{Endpoint, Evidence, Refusal};

/// Codes that mean the same whatever their text says. What is on no row is `Unrecognised`.
const CODES: &[(RangeInclusive<i64>, Refusal)] = &[
    // Some items are missing from the answer, and we cannot know which.
    (20001..=20001, Refusal::Unavailable),
    // Parameters, versions, hosts and sandboxes: our request is wrong. 40001 is a permission (see `TEXTS`), 40003 a
    // plain "forbidden", 40007 "does not exist" of we cannot say what, 40016 a limit.
    (40000..=40000, Refusal::AppMisconfigured),
    (40001..=40001, Refusal::NotPermitted),
    (40002..=40002, Refusal::AppMisconfigured),
    (40003..=40003, Refusal::NotPermitted),
    (40006..=40006, Refusal::AppMisconfigured),
    (40008..=40014, Refusal::AppMisconfigured),
    (40016..=40016, Refusal::Throttled),
    (40050..=40053, Refusal::AppMisconfigured),
    (40061..=40063, Refusal::AppMisconfigured),
    // Who is asking. Refresh tokens (40103, 40107) do not exist in the calls we make, and one-time codes (40110,
    // 40115) only in the exchange: hearing of them elsewhere means that we ask wrongly.
    (40100..=40100, Refusal::Throttled),
    (40101..=40101, Refusal::AppMisconfigured),
    (40102..=40102, Refusal::TokenDead),
    (40103..=40104, Refusal::AppMisconfigured),
    (40105..=40105, Refusal::TokenDead),
    (40106..=40110, Refusal::AppMisconfigured),
    (40112..=40113, Refusal::AppMisconfigured),
    (40115..=40118, Refusal::AppMisconfigured),
    (40124..=40125, Refusal::AppMisconfigured),
    (40130..=40131, Refusal::NotPermitted),
    (40132..=40133, Refusal::Throttled),
    // Tasks that are not ready, write conflicts.
    (40200..=40202, Refusal::Unavailable),
    (40300..=40300, Refusal::AdAccountGone),
    (40301..=40301, Refusal::NotPermitted),
    (40400..=40400, Refusal::AppMisconfigured),
    (40700..=40700, Refusal::Unavailable),
    // The place we call from is banned, or the endpoint or a field was retired.
    (41000..=41002, Refusal::AppMisconfigured),
    // TikTok's own services; 51021 among them is a limit.
    (50000..=51020, Refusal::Unavailable),
    (51021..=51021, Refusal::Throttled),
    (51022..=59999, Refusal::Unavailable),
    (60001..=60001, Refusal::Unavailable),
    (61000..=61000, Refusal::Throttled),
    (70001..=70001, Refusal::AppMisconfigured),
];

/// Texts that decide, for the codes they are known to come with. All fragments must occur; they are the stable part
/// of the sentence, in lower case.
const TEXTS: &[(&[i64], &[&str], Refusal)] = &[
    (&[40001, 40002], &["lacks the required scope"], Refusal::PermissionNotGranted),
    (&[40001, 40002], &["does not grant you"], Refusal::PermissionNotGranted),
    (&[40001, 40002], &["no permission to operate advertiser"], Refusal::AdAccountNotPermitted),
    (&[40001, 40002], &["advertiser", "exist or has been deleted"], Refusal::AdAccountGone),
    // The token was made for another app than the one we name.
    (&[40000, 40001, 40002], &["app_id is inconsistent"], Refusal::AppMisconfigured),
];

/// Classifies one answer with a `code` other than 0. `message` is read here and kept nowhere.
pub(super) fn classify(endpoint: Endpoint, code: i64, message: &str) -> Refusal {
    let text = message.to_lowercase();
    if endpoint == Endpoint::Exchange && about_the_code(code, &text) {
        return Refusal::CodeRejected;
    }
    let by_text = TEXTS
        .iter()
        .find(|(codes, fragments, _)| codes.contains(&code) && fragments.iter().all(|one| text.contains(one)))
        .map(|(_, _, refusal)| *refusal);
    let by_code = || CODES.iter().find(|(codes, _)| codes.contains(&code)).map(|(_, refusal)| *refusal);
    by_text.or_else(by_code).unwrap_or(Refusal::Unrecognised)
}

/// Whether the code is on the list, whatever it means there.
pub(super) fn is_known(code: i64) -> bool {
    CODES.iter().any(|(codes, _)| codes.contains(&code))
}

/// Whether it is one of the thousands that TikTok's own services have, of which no single one means anything to us.
pub(super) fn is_service(code: i64) -> bool {
    (50_000..60_000).contains(&code) && code != 51_021
}

/// In the exchange, some codes blame the one-time code: always, or when their text names it. 40101 and 40002 otherwise
/// mean a wrong secret or a request of ours that lacks something.
fn about_the_code(code: i64, text: &str) -> bool {
    let names_it = ["auth_code", "auth code", "authorization code"].iter().any(|name| text.contains(name));
    match code {
        40110 | 40115 => true,
        40101 | 40002 => names_it && !text.contains("secret") && !text.contains("missing"),
        _ => false,
    }
}

/// Whether an answer casts doubt on the app secret that was sent: forget the cached one, and the next attempt reads the
/// present one. TikTok has no code for just that; 40101 may as well stand for a bad one-time code.
pub fn suspects_secret(evidence: &Evidence) -> bool {
    matches!(evidence.code, Some(40101 | 40113))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Every code that TikTok's SDK or its published list knows, as a read with an uninformative text is classified.
    #[rustfmt::skip]
    const KNOWN: &[(Refusal, &[i64])] = &[
        (Refusal::TokenDead, &[40102, 40105]),
        (Refusal::AdAccountGone, &[40300]),
        (Refusal::NotPermitted, &[40001, 40003, 40130, 40131, 40301]),
        (Refusal::AppMisconfigured, &[
            40000, 40002, 40006, 40008, 40009, 40010, 40011, 40012, 40013, 40014, 40050, 40051, 40052, 40053, 40061,
            40062, 40063, 40101, 40103, 40104, 40106, 40107, 40108, 40109, 40110, 40112, 40113, 40115, 40116, 40117,
            40118, 40124, 40125, 40400, 41000, 41001, 41002, 70001,
        ]),
        (Refusal::Throttled, &[40016, 40100, 40132, 40133, 51021, 61000]),
        (Refusal::Unavailable, &[
            20001, 40200, 40201, 40202, 40700, 50000, 50002, 51000, 51002, 51008, 51010, 51015, 51016, 51030, 51039,
            51040, 51056, 51060, 51061, 51067, 51099, 51305, 52000, 52003, 52100, 52103, 52201, 52204, 53102, 53103,
            60001,
        ]),
        // Known by name only, or about things we never touch: none of them may count for or against anybody.
        (Refusal::Unrecognised, &[
            40007, 40114, 40119, 40120, 40121, 40122, 40126, 40127, 40128, 40129, 40302, 40309, 40502, 40900, 40901,
            40902, 40903, 40904, 40905, 40906, 40907, 40908, 40909, 40910, 40911, 40912, 40913, 40914, 40915, 40916,
            41013,
        ]),
    ];

    #[test]
    fn every_known_code_means_what_it_should() {
        for (refusal, codes) in KNOWN {
            for &code in *codes {
                assert_eq!(classify(Endpoint::BusinessCenters, code, "An error."), *refusal, "{code}");
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
    fn the_text_of_a_permission_error_tells_its_causes_apart() {
        let lacks = "Permission error: The access token lacks the required scope for endpoint '/bc/get/(method=GET)'. Please first check if \
                     the request method is correct then ask the user to generate a new access token.";
        for code in [40001, 40002] {
            for (message, refusal) in [
                (lacks, Refusal::PermissionNotGranted),
                ("advertiser does not grant you /report/integrated/get/:GET permission", Refusal::PermissionNotGranted),
                ("No permission to operate advertiser: 7100000000000000099", Refusal::AdAccountNotPermitted),
                ("NO PERMISSION TO OPERATE ADVERTISER 7100000000000000099", Refusal::AdAccountNotPermitted),
                ("The advertiser 7100000000000000099 doesn't exist or has been deleted.", Refusal::AdAccountGone),
                ("The advertiser 7100000000000000099 doesn’t exist or has been deleted.", Refusal::AdAccountGone),
            ] {
                assert_eq!(classify(Endpoint::AdAccountInfo, code, message), refusal, "{code} {message}");
            }
        }
        for (code, message, refusal) in [
            (40001, "You don't have permission to operate this catalog:1", Refusal::NotPermitted),
            (40001, "", Refusal::NotPermitted),
            (40001, "The campaign 1 doesn't exist or has been deleted.", Refusal::NotPermitted),
            (40002, "page_size: must be at most 50", Refusal::AppMisconfigured),
            (40003, "No permission to operate advertiser: 1", Refusal::NotPermitted),
            (40007, "The advertiser 1 doesn't exist or has been deleted.", Refusal::Unrecognised),
        ] {
            assert_eq!(classify(Endpoint::AdAccountInfo, code, message), refusal, "{code} {message}");
        }
    }

    #[test]
    fn t59_another_apps_token_is_our_fault_not_the_users() {
        let message = "The app_id is inconsistent with the token's app information. Please retry after correcting it.";
        for code in [40000, 40001, 40002, 40113] {
            assert_eq!(classify(Endpoint::AuthorizedAdAccounts, code, message), Refusal::AppMisconfigured, "{code}");
        }
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
                assert_eq!(classify(endpoint, code, message), Refusal::AppMisconfigured, "{code} {endpoint:?}");
            }
        }
        for (code, message) in [
            (40101, "The app_id and the secret do not match."),
            (40101, "Invalid secret or auth_code."),
            (40101, ""),
            (40113, "The auth_code belongs to a blocked app."),
            (40002, "Missing required field(s): auth_code."),
        ] {
            assert_eq!(classify(Endpoint::Exchange, code, message), Refusal::AppMisconfigured, "{code} {message}");
        }
    }

    proptest! {
        #[test]
        fn every_code_that_is_not_on_the_list_is_unrecognised(
            code in prop_oneof![any::<i64>(), 0i64..100_000].prop_filter("listed", |code| !is_known(*code)),
            endpoint in proptest::sample::select(&Endpoint::ALL[..]),
            message in prop_oneof![
                any::<String>(),
                proptest::sample::select(TEXTS).prop_map(|(_, fragments, _)| fragments.join(" ")),
            ],
        ) {
            prop_assert_eq!(classify(endpoint, code, &message), Refusal::Unrecognised);
        }

        #[test]
        fn no_text_turns_a_code_into_a_dead_token_or_a_lost_account(
            code in 0i64..100_000,
            endpoint in proptest::sample::select(&Endpoint::ALL[..]),
            message in prop_oneof![
                any::<String>(),
                proptest::sample::select(TEXTS).prop_map(|(_, fragments, _)| fragments.join(" ").to_uppercase()),
            ],
        ) {
            match classify(endpoint, code, &message) {
                Refusal::TokenDead => prop_assert!([40102, 40105].contains(&code)),
                Refusal::AdAccountGone => prop_assert!([40001, 40002, 40300].contains(&code)),
                Refusal::PermissionNotGranted | Refusal::AdAccountNotPermitted => {
                    prop_assert!([40001, 40002].contains(&code));
                }
                Refusal::CodeRejected => prop_assert_eq!(endpoint, Endpoint::Exchange),
                Refusal::NotPermitted
                | Refusal::AppMisconfigured
                | Refusal::Throttled
                | Refusal::Unavailable
                | Refusal::Unrecognised => {}
                Refusal::NotAsked => prop_assert!(false, "TikTok answered"),
            }
        }
    }
}
