//! What TikTok's codes mean to us, decided in one place.
//!
//! TikTok answers HTTP 200 to nearly everything and says in `code` what happened; for permissions and parameters one code
//! covers several causes and only the text tells them apart. Read in this order: [`about_the_code`] for the code exchange,
//! [`TEXTS`] for texts that decide, [`CODES`] for the rest. What a [`Refusal`] is about, and so whom it may be held
//! against, says [`Refusal::about`].
//!
//! The rules behind every row:
//! * A refusal that may be held against a grant or an account needs a code or a text that can mean nothing else.
//! * A code that is absent, or whose meaning for our calls nobody knows, is `Unrecognised` and proves nothing.
//! * Our app is blamed by codes that can be said of no single grant, and by no others: only these reach the guard. That
//!   TikTok dislikes one request is no such code, since it says the same of things that one person may not see.

use std::ops::RangeInclusive;

use domain::checks::{Endpoint, Evidence, Refusal};

/// Where the meaning of a row comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    /// `tiktok_code.py` of TikTok's own SDK: the name, which the portal's list of return codes explains.
    Sdk,
    /// TikTok's published list of return codes alone.
    Portal,
    /// Answers that were recorded or reported from production.
    Seen,
}
use Source::{Portal, Sdk, Seen};

/// Every code of TikTok's SDK and of its published list, and what it means where no text decides. Codes that are
/// `Unrecognised` here are known, and may be one person's or one ad account's, or about things we never touch.
const CODES: &[(RangeInclusive<i64>, Refusal, Source)] = &[
    // Some items are missing from the answer, and we cannot know which.
    (20001..=20001, Refusal::Unavailable, Sdk),
    // Parameters, permissions, versions, hosts and sandboxes. 40002 is a parameter of ours, a permission of the person's or
    // the state of a business: its text decides.
    (40000..=40000, Refusal::RequestRejected, Sdk),
    (40001..=40001, Refusal::NotPermitted, Sdk),
    (40002..=40002, Refusal::Unrecognised, Sdk),
    (40003..=40003, Refusal::NotPermitted, Sdk),
    (40006..=40006, Refusal::AppMisconfigured, Sdk),
    (40007..=40007, Refusal::Unrecognised, Sdk),
    (40008..=40014, Refusal::RequestRejected, Sdk),
    (40016..=40016, Refusal::Throttled, Sdk),
    (40050..=40050, Refusal::RequestRejected, Sdk),
    (40051..=40051, Refusal::AppMisconfigured, Sdk),
    (40052..=40053, Refusal::RequestRejected, Sdk),
    (40061..=40063, Refusal::RequestRejected, Sdk),
    // Who is asking. Refresh tokens (40103, 40107) do not exist in the calls we make, and one-time codes (40110, 40115)
    // only in the exchange. A user who is invalid (40106), an ad account on no allow-list (40118) or a text that does not
    // decipher (40109) may be one person's.
    (40100..=40100, Refusal::Throttled, Sdk),
    (40101..=40101, Refusal::AppMisconfigured, Sdk),
    (40102..=40102, Refusal::TokenDead, Sdk),
    (40103..=40103, Refusal::RequestRejected, Sdk),
    (40104..=40104, Refusal::AppMisconfigured, Seen),
    (40105..=40105, Refusal::TokenDead, Seen),
    (40106..=40106, Refusal::Unrecognised, Sdk),
    (40107..=40108, Refusal::RequestRejected, Sdk),
    (40109..=40110, Refusal::Unrecognised, Sdk),
    (40112..=40112, Refusal::Unrecognised, Sdk),
    (40113..=40113, Refusal::AppMisconfigured, Sdk),
    (40114..=40115, Refusal::Unrecognised, Sdk),
    (40116..=40117, Refusal::RequestRejected, Sdk),
    (40118..=40122, Refusal::Unrecognised, Sdk),
    (40124..=40125, Refusal::AppMisconfigured, Sdk),
    (40126..=40129, Refusal::Unrecognised, Sdk),
    (40130..=40131, Refusal::NotPermitted, Sdk),
    (40132..=40132, Refusal::Throttled, Sdk),
    (40133..=40133, Refusal::Throttled, Portal),
    // Tasks that are not ready, write conflicts.
    (40200..=40202, Refusal::Unavailable, Sdk),
    (40300..=40300, Refusal::AdAccountGone, Sdk),
    (40301..=40301, Refusal::NotPermitted, Sdk),
    (40302..=40302, Refusal::Unrecognised, Sdk),
    (40309..=40309, Refusal::Unrecognised, Sdk),
    (40400..=40400, Refusal::AppMisconfigured, Sdk),
    (40502..=40502, Refusal::Unrecognised, Sdk),
    (40700..=40700, Refusal::Unavailable, Sdk),
    (40900..=40916, Refusal::Unrecognised, Sdk),
    // The place we call from is banned, or the endpoint or a field was retired.
    (41000..=41002, Refusal::AppMisconfigured, Sdk),
    (41013..=41013, Refusal::Unrecognised, Sdk),
    // TikTok's own services; 51021 among them is a limit.
    (50000..=51020, Refusal::Unavailable, Sdk),
    (51021..=51021, Refusal::Throttled, Seen),
    (51022..=59999, Refusal::Unavailable, Sdk),
    (60001..=60001, Refusal::Unavailable, Sdk),
    (61000..=61000, Refusal::Throttled, Sdk),
    (70001..=70001, Refusal::RequestRejected, Sdk),
];

/// Texts that decide: for the codes they are known to come with, or for every code where none is named. All fragments
/// must occur; they are the stable part of the sentence, in lower case. The first row that fits decides.
const TEXTS: &[(&[i64], &[&str], Refusal, Source)] = &[
    (&[], &["reaches the qps limit"], Refusal::Throttled, Seen),
    (&[], &["reaches qps limit"], Refusal::Throttled, Portal),
    (&[], &["too many requests"], Refusal::Throttled, Seen),
    (&[], &["temporarily restricted"], Refusal::Throttled, Seen),
    // The token was made for another app than the one we name: 40000 in production, 40113 in the published list.
    (&[40000, 40001, 40002, 40113], &["app_id is inconsistent"], Refusal::TokenOfAnotherApp, Seen),
    (&[40001, 40002], &["lacks the required scope"], Refusal::PermissionNotGranted, Seen),
    (&[40001, 40002], &["does not grant you"], Refusal::PermissionNotGrantedForAdAccount, Seen),
    (&[40001, 40002], &["no permission to operate advertiser"], Refusal::AdAccountNotPermitted, Seen),
    (&[40001, 40002], &["advertiser", "exist or has been deleted"], Refusal::AdAccountGone, Seen),
    // 40002 is a parameter of ours, a permission of the person's, or the state of a business.
    (&[40002], &["missing required"], Refusal::RequestRejected, Portal),
    (&[40002], &["invalid value"], Refusal::RequestRejected, Seen),
    (&[40002], &["must be "], Refusal::RequestRejected, Seen),
    (&[40002], &["maximum"], Refusal::RequestRejected, Seen),
    (&[40002], &["permission"], Refusal::NotPermitted, Seen),
];

/// Classifies one answer with a `code` other than 0. `message` is read here and kept nowhere.
pub(super) fn classify(endpoint: Endpoint, code: i64, message: &str) -> Refusal {
    let text = message.to_lowercase();
    let by_text = TEXTS
        .iter()
        .find(|(codes, fragments, ..)| {
            (codes.is_empty() || codes.contains(&code)) && fragments.iter().all(|one| text.contains(one))
        })
        .map(|(_, _, refusal, _)| *refusal);
    if by_text != Some(Refusal::Throttled) && endpoint == Endpoint::Exchange && about_the_code(code, &text) {
        return Refusal::CodeRejected;
    }
    let by_code = || CODES.iter().find(|(codes, ..)| codes.contains(&code)).map(|(_, refusal, _)| *refusal);
    by_text.or_else(by_code).unwrap_or(Refusal::Unrecognised)
}

/// Whether the code is on the list, whatever it means there.
pub(super) fn is_known(code: i64) -> bool {
    CODES.iter().any(|(codes, ..)| codes.contains(&code))
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
mod tests;
