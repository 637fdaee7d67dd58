//! What holds whatever TikTok answers.

use std::collections::{BTreeMap, BTreeSet};

use domain::account::risks;
use domain::causes::CauseCode;
use domain::checks::{About, Answer, Check, Endpoint, Evidence, Finding, Refusal, Tiers};
use domain::diagnosis::{Verdict, consent_cannot_help};
use domain::examine::Occasion;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::case::{
    ACCOUNT, Case, ORIGINAL, OTHER_ACCOUNT, OTHER_CENTER, Question, account, in_order, info, membership, owned,
    reachable,
};

const REFUSALS: [Refusal; 14] = [
    Refusal::TokenDead,
    Refusal::TokenOfAnotherApp,
    Refusal::PermissionNotGranted,
    Refusal::PermissionNotGrantedForAdAccount,
    Refusal::RequestRejected,
    Refusal::AdAccountNotPermitted,
    Refusal::AdAccountGone,
    Refusal::NotPermitted,
    Refusal::CodeRejected,
    Refusal::AppMisconfigured,
    Refusal::Throttled,
    Refusal::Unavailable,
    Refusal::Unrecognised,
    Refusal::NotAsked,
];
/// Answers that say nothing about anybody.
const NO_ANSWER: [Refusal; 4] = [Refusal::Throttled, Refusal::Unavailable, Refusal::Unrecognised, Refusal::NotAsked];

/// Mostly answers, sometimes a refusal.
fn or_refused<T: Clone + std::fmt::Debug + 'static>(
    answer: impl Strategy<Value = T> + 'static,
) -> BoxedStrategy<Result<T, Refusal>> {
    prop_oneof![2 => answer.prop_map(Ok), 1 => select(&REFUSALS[..]).prop_map(Err)].boxed()
}

fn any_case() -> impl Strategy<Value = Case> {
    let ids = subsequence(vec![ACCOUNT, OTHER_ACCOUNT], 0..=2);
    let role = || select(vec![Some("ADMIN"), Some("ADMIN"), Some("STANDARD"), Some("admin"), Some(""), None]);
    let centers = (option::weighted(0.7, role()), option::of(role()));
    let status = select(vec![
        Some("BOUND"),
        Some("BOUND"),
        Some("PENDING"),
        Some("REJECTED"),
        Some("UNBOUND"),
        Some("NEW"),
        None,
    ]);
    let usable = select(vec![Some("STATUS_ENABLE"), Some("STATUS_DISABLE"), None]);
    let owner = select(vec![None, Some(ORIGINAL), Some(OTHER_CENTER)]);
    let owner_name = select(vec![None, Some("Shop Group"), Some("Other")]);
    let elsewhere = (
        or_refused(
            option::weighted(0.2, role())
                .prop_map(|role| role.into_iter().map(|role| membership(ORIGINAL, role)).collect::<Vec<_>>()),
        ),
        or_refused(option::weighted(0.2, role()).prop_map(|role| Tiers {
            parent: Some(membership(OTHER_CENTER, Some("ADMIN"))),
            children: role.into_iter().map(|role| membership(ORIGINAL, role)).collect(),
        })),
    );
    (
        subsequence(vec![1, 4, 10, 15, 40, 100, 150, 153, 7_543_056_879_933_489_153], 0..=9),
        or_refused(ids.prop_map(|ids| ids.into_iter().map(account).collect::<BTreeSet<_>>())),
        or_refused(centers.prop_map(|(here, there)| {
            let here = here.map(|role| membership(ORIGINAL, role));
            here.into_iter().chain(there.map(|role| membership(OTHER_CENTER, role))).collect::<Vec<_>>()
        })),
        or_refused(option::weighted(0.7, status).prop_map(|status| {
            let this = status.map(|status| owned(ACCOUNT, status));
            this.into_iter().chain([owned(OTHER_ACCOUNT, Some("BOUND"))]).collect::<BTreeMap<_, _>>()
        })),
        or_refused((usable, owner).prop_map(|(status, owner)| info(status, owner))),
        or_refused(Just(())),
        option::of(or_refused(
            option::of(owner_name)
                .prop_map(|seen| seen.into_iter().map(|name| reachable(ACCOUNT, name)).collect::<BTreeMap<_, _>>()),
        )),
        (option::weighted(0.8, elsewhere), select(vec![Occasion::Consent, Occasion::Check])),
    )
        .prop_map(
            |(scopes, authorized, business_centers, owned, info, report, reachable, (elsewhere, occasion))| Case {
                scopes,
                authorized,
                business_centers,
                elsewhere,
                owned,
                info,
                report,
                reachable,
                occasion,
            },
        )
}

/// Anything at all, and cases that are one or two refusals away from being in order: those are where verdicts change.
fn case() -> impl Strategy<Value = Case> {
    let nearly = (proptest::collection::vec((any_question(), select(&REFUSALS[..])), 0..3), any_case(), 0..7_u8)
        .prop_map(|(refused, other, part)| {
            let mut case = in_order();
            match part {
                0 => case.scopes = other.scopes,
                1 => case.authorized = other.authorized,
                2 => {
                    (case.business_centers, case.elsewhere) = (other.business_centers, other.elsewhere);
                    case.occasion = other.occasion;
                }
                3 => (case.owned, case.reachable) = (other.owned, other.reachable),
                4 => case.info = other.info,
                5 => case.report = other.report,
                _ => {}
            }
            refused.into_iter().fold(case, |case, (question, refusal)| case.refused(question, refusal))
        });
    prop_oneof![any_case(), nearly]
}

fn any_question() -> impl Strategy<Value = Question> {
    select(&Question::ALWAYS_ASKED[..])
}

fn required(findings: &[Finding]) -> impl Iterator<Item = &Finding> {
    findings.iter().filter(|finding| finding.check.is_required())
}

fn blames_our_app(case: &Case) -> bool {
    let refused = |question| case.refusal(question) == Some(Refusal::AppMisconfigured);
    let elsewhere = case.elsewhere.iter().flat_map(|(by_id, tiered)| [by_id.as_ref().err(), tiered.as_ref().err()]);
    Question::ALWAYS_ASKED.into_iter().any(refused)
        || refused(Question::Reachable)
        || elsewhere.flatten().any(|refusal| *refusal == Refusal::AppMisconfigured)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn every_check_is_answered_once_with_evidence(case in case()) {
        let diagnosis = case.diagnosis();
        prop_assert_eq!(diagnosis.findings.iter().map(|one| one.check).collect::<Vec<_>>(), Check::ALL);
        for finding in &diagnosis.findings {
            // Nothing rests on a question that was not put. Business Centers are asked about in several.
            let unasked = |one: &Evidence| {
                case.refusal_of(one.endpoint) == Some(Refusal::NotAsked)
                    && (one.endpoint != Endpoint::BusinessCenters || case.elsewhere.is_none())
            };
            prop_assert!(!finding.evidence.iter().any(unasked), "{:?}", finding);
            prop_assert!(!finding.evidence.is_empty() || finding.answer == Answer::Inconclusive, "{:?}", finding);
        }
        prop_assert_eq!(case.diagnosis(), diagnosis, "same answers, same verdict");
    }

    /// No inconclusive finding ever yields lapsed or connected.
    #[test]
    fn a_verdict_rests_on_answers(case in case()) {
        let diagnosis = case.diagnosis();
        let has = |answer| required(&diagnosis.findings).any(|finding| finding.answer == answer);
        let expected = if blames_our_app(&case) {
            "undecided"
        } else if has(Answer::Failed) {
            "lapsed"
        } else if has(Answer::Inconclusive) {
            "undecided"
        } else {
            "connected"
        };
        prop_assert_eq!(diagnosis.verdict.name(), expected);
    }

    #[test]
    fn causes_are_there_once_each_and_most_useful_first(case in case()) {
        let verdict = case.diagnosis().verdict;
        let place = |code| CauseCode::ALL.iter().position(|one| *one == code).unwrap();
        let places: Vec<usize> = verdict.causes().iter().map(|cause| place(cause.cause)).collect();
        prop_assert_eq!(places.is_empty(), verdict == Verdict::Connected);
        if matches!(verdict, Verdict::Lapsed { .. }) {
            prop_assert!(places.is_sorted_by(|a, b| a < b), "{:?}", verdict.causes());
        }
    }

    /// Only an answer with code 0 passes a check, and only one on the closed list fails it.
    #[test]
    fn what_decides_a_finding_is_definitive(case in case()) {
        for finding in case.diagnosis().findings {
            let refusal = finding.evidence.first().and_then(|decisive| case.refusal_of(decisive.endpoint));
            match finding.answer {
                _ if finding.check == Check::BusinessCenterMatches || finding.check == Check::BusinessCenterAdmin => {}
                Answer::Passed => prop_assert_eq!(refusal, None, "{:?}", finding),
                Answer::Failed => prop_assert!(
                    refusal.is_none_or(|refusal| matches!(refusal.about(), About::Token | About::Permission | About::AdAccount)),
                    "{:?} by {:?}", finding, refusal
                ),
                Answer::Inconclusive => {}
            }
        }
    }

    /// T57: an answer that does not come turns nothing into a lapse or a connection.
    #[test]
    fn silence_decides_nothing(case in case(), question in any_question(), silence in select(&NO_ANSWER[..])) {
        // While our app is blamed nothing is believed: taking that answer away may well show what lies beneath.
        prop_assume!(!blames_our_app(&case));
        let before = case.diagnosis();
        let after = case.refused(question, silence).diagnosis();
        match (&before.verdict, &after.verdict) {
            (_, Verdict::Undecided { .. }) => {}
            (Verdict::Lapsed { corroborated: before, .. }, Verdict::Lapsed { corroborated: after, .. }) => {
                prop_assert!(*before || !*after, "silence agrees with nobody");
            }
            (before, after) => prop_assert!(false, "{before:?} became {after:?}"),
        }
        for (before, after) in before.findings.iter().zip(&after.findings) {
            let worse = after.answer == Answer::Failed && before.answer != Answer::Failed;
            let better = after.answer == Answer::Passed && before.answer == Answer::Inconclusive;
            prop_assert!(!worse && !better, "{before:?} became {after:?}");
        }
    }

    /// I6: with any number of questions unanswered nobody lapses who did not before.
    #[test]
    fn an_outage_lapses_nobody(silences in proptest::collection::vec((any_question(), select(&NO_ANSWER[..])), 1..6)) {
        let case = silences.into_iter().fold(in_order(), |case, (question, silence)| case.refused(question, silence));
        let diagnosis = case.diagnosis();
        prop_assert_eq!(diagnosis.verdict.name(), "undecided");
        prop_assert_eq!(consent_cannot_help(&diagnosis), None);
        prop_assert!(risks(&diagnosis.findings).is_empty());
    }

    /// T59: whatever else TikTok says, our own fault is nobody's lapse.
    #[test]
    fn our_own_fault_is_no_lapse(case in case(), question in any_question()) {
        let diagnosis = case.refused(question, Refusal::AppMisconfigured).diagnosis();
        prop_assert_eq!(diagnosis.verdict.name(), "undecided");
        prop_assert_eq!(diagnosis.verdict.causes()[0].cause, CauseCode::AppMisconfigured);
        prop_assert_eq!(consent_cannot_help(&diagnosis), None);
    }

    #[test]
    fn a_lapse_is_corroborated_by_two_endpoints(case in case()) {
        let diagnosis = case.diagnosis();
        if let Verdict::Lapsed { corroborated, .. } = diagnosis.verdict {
            let two_endpoints = required(&diagnosis.findings)
                .filter(|finding| finding.answer == Answer::Failed)
                .any(|finding| finding.evidence.iter().any(|one| one.endpoint != finding.evidence[0].endpoint));
            prop_assert_eq!(corroborated, two_endpoints);
        }
    }

    /// Where the original Business Center is and which role the person has there is answered by whichever answer has it;
    /// only three answers without it say that it is nowhere.
    #[test]
    fn a_business_center_is_missing_only_where_every_answer_lacks_it(case in case()) {
        let answers = [case.business_centers.as_ref().ok().cloned()].into_iter().chain(case.elsewhere.iter().flat_map(
            |(by_id, tiered)| {
                let tiers = |tiers: &Tiers| tiers.children.iter().chain(&tiers.parent).cloned().collect();
                [by_id.as_ref().ok().cloned(), tiered.as_ref().ok().map(tiers)]
            },
        ));
        let answers: Vec<Option<Vec<_>>> = answers.collect();
        let mut known = answers.iter().flatten().flatten();
        let is_there = known.any(|one| one.business_center_id.as_str() == ORIGINAL);
        match case.finding(Check::BusinessCenterMatches).answer {
            Answer::Passed => prop_assert!(is_there),
            Answer::Failed => prop_assert!(!is_there && answers.len() == 3 && answers[0].is_some() && answers[2].is_some()),
            Answer::Inconclusive => prop_assert!(!is_there),
        }
    }

    #[test]
    fn a_dead_token_is_the_only_cause(case in case()) {
        let dead = case.dead();
        let verdict = dead.diagnosis().verdict;
        // A further opinion may still blame our app.
        prop_assume!(!blames_our_app(&dead));
        let codes: Vec<_> = verdict.causes().iter().map(|cause| cause.cause).collect();
        prop_assert_eq!(codes, [CauseCode::AuthorizationRevoked]);
    }

    /// A code on no list of ours never counts for or against anybody, and is told with TikTok's own references.
    #[test]
    fn an_unknown_code_is_told(question in any_question()) {
        let verdict = in_order().refused(question, Refusal::Unrecognised).diagnosis().verdict;
        prop_assert_eq!(verdict.name(), "undecided");
        prop_assert_eq!(verdict.causes()[0].cause, CauseCode::Unrecognised);
        prop_assert!(verdict.causes()[0].tiktok_code.is_some() && verdict.causes()[0].tiktok_request_id.is_some());
    }
}
