use crate::causes::CauseCode;
use crate::diagnosis;
use crate::testing::an_account;

use super::*;

const CENTER: &str = "7200000000000000021";

fn account() -> AdAccount {
    let business_center = NamedBusinessCenter { id: CENTER.parse().unwrap(), name: Some("As imported".to_owned()) };
    AdAccount { business_center, ..an_account() }
}

/// A diagnosis in which everything passed but these checks.
fn but(answers: &[(Check, Answer)], causes: &[CauseCode]) -> Diagnosis {
    let answer = |check| answers.iter().find(|(one, _)| *one == check).map_or(Answer::Passed, |(_, answer)| *answer);
    let findings = Check::ALL.into_iter().map(|check| Finding::new(check, answer(check), []));
    let causes: Vec<Cause> = causes.iter().map(|code| (*code).into()).collect();
    let verdict = if causes.is_empty() {
        diagnosis::Verdict::Connected
    } else {
        diagnosis::Verdict::Lapsed { causes, corroborated: true }
    };
    Diagnosis { findings: findings.collect(), verdict }
}

fn dead() -> Diagnosis {
    let unknown = Check::ALL.map(|check| (check, Answer::Inconclusive));
    let mut answers = unknown.to_vec();
    answers[0] = (Check::AuthorizationAlive, Answer::Failed);
    but(&answers, &[CauseCode::AuthorizationRevoked])
}

fn answer(preflight: &Preflight, check: Check) -> Answer {
    preflight.checklist.iter().find(|line| line.check == check).unwrap().answer
}

#[test]
fn knowing_nothing_stops_nobody() {
    let preflight = weigh(&account(), &Learnt::default());
    assert_eq!((preflight.verdict, &preflight.in_the_way), (Verdict::Unknown, &None));
    assert!(preflight.checklist.iter().all(|line| line.answer == Answer::Inconclusive));
    assert_eq!(preflight.business_center.name.as_deref(), Some("As imported"));
    let body = serde_json::to_value(&preflight).unwrap();
    assert_eq!((&body["verdict"], body.get("in_the_way")), (&serde_json::json!("unknown"), None));
}

#[test]
fn another_admin_proves_what_a_dead_token_cannot() {
    let learnt = Learnt { own: Some(dead()), another: Some(but(&[], &[])), ..Learnt::default() };
    let preflight = weigh(&account(), &learnt);
    assert_eq!(preflight.verdict, Verdict::ConsentWillHelp);
    assert_eq!(answer(&preflight, Check::AuthorizationAlive), Answer::Failed, "that is about the account's own grant");
    assert_eq!(answer(&preflight, Check::BusinessCenterAdmin), Answer::Inconclusive);
    assert_eq!(answer(&preflight, Check::AdAccountOwned), Answer::Passed);
    assert_eq!(answer(&preflight, Check::AdAccountUsable), Answer::Passed);
}

#[test]
fn what_another_grant_does_not_cover_says_nothing_about_the_next_consent() {
    let not_ticked = but(&[(Check::AdAccountGranted, Answer::Failed)], &[CauseCode::AdAccountNotGranted]);
    let preflight = weigh(&account(), &Learnt { another: Some(not_ticked), ..Learnt::default() });
    assert_eq!(preflight.verdict, Verdict::ConsentWillHelp);
    assert_eq!(answer(&preflight, Check::AdAccountGranted), Answer::Inconclusive);
}

#[test]
fn ownership_told_by_somebody_who_may_not_be_admin_promises_nothing() {
    for unclear in [Answer::Failed, Answer::Inconclusive] {
        let own = but(&[(Check::BusinessCenterAdmin, unclear)], &[]);
        let learnt = Learnt { own: Some(own), ..Learnt::default() };
        assert!(!learnt.is_settled());
        assert_eq!(weigh(&account(), &learnt).verdict, Verdict::Unknown);
    }
}

#[test]
fn what_is_proven_to_be_in_the_way_is_told_with_names() {
    let moved = but(&[(Check::AdAccountOwned, Answer::Failed)], &[CauseCode::AdAccountMoved]);
    let learnt = Learnt { own: Some(moved), name: Some("Shop Group".to_owned()), ..Learnt::default() };
    assert!(learnt.is_settled(), "another grant need not be asked");
    let preflight = weigh(&account(), &learnt);
    assert_eq!(preflight.in_the_way.unwrap().cause, CauseCode::AdAccountMoved);
    assert_eq!(preflight.verdict, Verdict::Unknown);
    assert_eq!(preflight.business_center.name.as_deref(), Some("Shop Group"));
    let revoked = weigh(&account(), &Learnt { own: Some(dead()), ..Learnt::default() });
    assert_eq!(revoked.in_the_way, None);
}

#[test]
fn admins_of_today_come_before_those_of_yesterday() {
    let known_admins = vec!["Yesterday".to_owned()];
    let fixers = |admins: Option<&[&str]>| {
        let admins = admins.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
        weigh(&account(), &Learnt { known_admins: known_admins.clone(), admins, ..Learnt::default() }).fixers
    };
    assert_eq!(fixers(Some(&["Ana M"])), ["Ana M"]);
    assert_eq!(fixers(Some(&[])), ["Yesterday"], "TikTok keeps the names to itself");
    assert_eq!(fixers(None), ["Yesterday"]);
}
