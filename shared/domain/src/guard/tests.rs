use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::tally::bucket_of;
use super::*;

const SIX_HOURS: SignedDuration = SignedDuration::from_hours(6);

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_400 + minute * 60).unwrap()
}

/// Buckets by minute of the story: grants that answered, struck among them, struck newly.
fn standing(buckets: &[(i64, i64, i64, i64)]) -> Standing {
    let numbers = |grants, struck, newly| Numbers { grants, struck, newly, accounts: grants * 25 };
    let tally = buckets
        .iter()
        .map(|(minute, grants, struck, newly)| (bucket_of(at(*minute)), numbers(*grants, *struck, *newly)));
    Standing { guard: Guard::default(), tally: Tally(tally.collect::<BTreeMap<_, _>>()), interval: SIX_HOURS }
}

fn may_lapse(standing: &Standing, minute: i64) -> bool {
    standing.review(at(minute)).0.may_lapse(0, at(minute))
}

fn canary() -> Canary {
    Canary { org_id: "canary".parse().unwrap(), grant_id: "grt_aaaaaaaaaaaaaaaaaaaaaa".parse().unwrap() }
}

/// T87: the limits are those of the contract, and inclusive.
#[test]
fn two_per_cent_of_many_and_a_fifth_of_few_are_the_limits() {
    for (grants, newly, is_held) in [
        (200, 4, false),
        (200, 5, true),
        (199, 5, false),
        (199, 39, false),
        (199, 40, true),
        (20, 4, false),
        (20, 5, true),
        (19, 19, false),
        (10_000, 200, false),
        (10_000, 201, true),
    ] {
        let doubt = standing(&[(0, grants, newly, newly)]).doubt(at(5));
        assert_eq!(doubt.is_some(), is_held, "{newly} of {grants}");
    }
}

/// T88: 37 grants of 4,000 are one thing; one of them with 5,000 ad accounts is still one grant.
#[test]
fn a_genuine_event_is_counted_by_grants() {
    let standing = standing(&[(0, 600, 6, 6), (10, 600, 6, 6)]);
    assert_eq!(standing.doubt(at(15)), None);
    assert!(may_lapse(&standing, 15));
}

#[test]
fn an_onset_is_seen_in_the_hour_and_a_long_lie_in_the_fleet() {
    // Five hours of health, then a lie about everybody.
    let mut buckets: Vec<_> = (0..30).map(|ten| (ten * 10, 110, 0, 0)).collect();
    assert_eq!(standing(&buckets).doubt(at(299)), None);
    buckets.push((300, 110, 110, 110));
    assert_eq!(standing(&buckets).doubt(at(309)), Some(Doubt::ManyNewlyStruck));
    // Hours later nobody is struck newly any more; all are struck.
    let late = standing(&[(700, 4_000, 4_000, 0)]);
    assert_eq!(late.doubt(at(705)), Some(Doubt::ManyStruck));
}

#[test]
fn the_canary_is_believed() {
    let mut standing = standing(&[(0, 1_000, 0, 0)]);
    assert_eq!(standing.doubt(at(5)), None, "without a canary the other rules decide");
    standing.guard.canary = Some(canary());
    standing.guard.canary_passed_at = Some(at(0));
    assert_eq!(standing.doubt(at(9)), None);
    assert_eq!(standing.doubt(at(10)), Some(Doubt::CanarySilent));
    standing.guard.canary_refused_at = Some(at(1));
    assert_eq!(standing.doubt(at(2)), Some(Doubt::CanaryRefused));
    standing.guard.canary_passed_at = Some(at(3));
    assert_eq!(standing.doubt(at(4)), None);
}

#[test]
fn an_app_level_code_holds_and_is_forgotten() {
    let mut standing = standing(&[]);
    standing.guard.app_level_at = Some(at(0));
    assert_eq!(standing.doubt(at(29)), Some(Doubt::AppLevelCode));
    assert_eq!(standing.doubt(at(30)), None);
}

fn org(number: u32) -> OrgId {
    format!("org-{number}").parse().unwrap()
}

fn grant(number: u32) -> GrantId {
    format!("grt_{number:022}").parse().unwrap()
}

/// What the guard is after these grants heard, in turn, that our app is at fault; a minute apart.
fn heard(known: &[u32], hearings: &[(u32, u32)]) -> Standing {
    let mut standing = standing(&[]);
    standing.guard.organisations = known.iter().map(|number| (org(*number), at(0))).collect();
    for (minute, (of, number)) in (0..).zip(hearings) {
        if let Some(after) = standing.guard.app_level_heard(&org(*of), &grant(*number), at(minute)) {
            standing.guard = after;
        }
    }
    standing
}

#[test]
fn it_takes_three_grants_of_two_organisations_to_blame_our_app() {
    for (known, hearings, holds) in [
        (&[1, 2][..], &[(1, 1), (1, 2), (2, 3)][..], true),
        (&[1, 2], &[(1, 1), (1, 2), (1, 3), (1, 4), (1, 5), (2, 6)], true),
        (&[1, 2], &[(1, 1), (1, 2), (1, 3), (1, 4), (1, 5)], false),
        (&[1, 2], &[(1, 1), (2, 2), (1, 1), (2, 2)], false),
        // Where there is only one organisation, its word is all there is.
        (&[1], &[(1, 1), (1, 2), (1, 3)], true),
        (&[1], &[(1, 1), (1, 2)], false),
        (&[], &[(1, 1), (1, 2), (1, 3)], true),
    ] {
        let doubt = heard(known, hearings).doubt(at(6));
        assert_eq!(doubt, holds.then_some(Doubt::AppLevelCode), "{known:?} {hearings:?}");
    }
}

#[test]
fn what_was_heard_half_an_hour_ago_is_forgotten() {
    let mut standing = heard(&[1, 2], &[(1, 1), (1, 2)]);
    standing.guard = standing.guard.app_level_heard(&org(2), &grant(3), at(31)).unwrap();
    assert_eq!(standing.doubt(at(31)), None);
    assert_eq!(standing.guard.app_level_heard.len(), 1);
}

#[test]
fn two_organisations_are_remembered_for_as_long_as_grants_take_to_come_up() {
    let interval = SignedDuration::from_hours(6);
    let mut guard = Guard::default();
    let seen = |numbers: &[u32]| numbers.iter().map(|number| org(*number)).collect::<BTreeSet<_>>();
    guard.organisations = guard.organisations_with(&seen(&[1]), interval, at(0)).unwrap();
    assert_eq!(guard.organisations_with(&seen(&[1]), interval, at(59)), None, "that is known");
    guard.organisations = guard.organisations_with(&seen(&[2]), interval, at(59)).unwrap();
    assert_eq!(guard.organisations_with(&seen(&[3]), interval, at(60)), None, "two are as good as all");
    guard.organisations = guard.organisations_with(&seen(&[1]), interval, at(60)).unwrap();
    // The second one is gone for longer than an interval.
    let later = guard.organisations_with(&seen(&[1]), interval, at(60 * 10)).unwrap();
    assert_eq!(later.into_keys().collect::<Vec<_>>(), [org(1)]);
}

#[test]
fn another_apps_token_is_believed_while_the_canary_is_well_or_there_is_none() {
    let mut guard = Guard::default();
    assert!(guard.believes_other_apps(at(0)));
    guard.canary = Some(Canary { org_id: org(1), grant_id: grant(1) });
    assert!(!guard.believes_other_apps(at(0)), "it has not answered");
    guard.canary_passed_at = Some(at(0));
    assert!(guard.believes_other_apps(at(9)) && !guard.believes_other_apps(at(10)));
    guard.canary_refused_at = Some(at(1));
    assert!(!guard.believes_other_apps(at(2)));
}

proptest! {
    /// Whatever one grant hears and however often, no other is held for it. Nor for one organisation among others.
    #[test]
    fn one_grant_holds_nobody(minutes in proptest::collection::vec(0i64..240, 0..60), others in 0u32..3) {
        let mut standing = standing(&[]);
        standing.guard.organisations = (0..=others).map(|number| (org(number), at(0))).collect();
        let mut sorted = minutes;
        sorted.sort_unstable();
        for minute in sorted {
            if let Some(after) = standing.guard.app_level_heard(&org(0), &grant(0), at(minute)) {
                standing.guard = after;
            }
            prop_assert_eq!(standing.guard.app_level_at, None);
        }
    }

    #[test]
    fn grants_of_one_organisation_among_several_hold_nobody(heard in proptest::collection::vec((0i64..240, 0u32..50), 0..80)) {
        let mut guard = Guard { organisations: [(org(0), at(0)), (org(1), at(0))].into(), ..Guard::default() };
        let mut heard = heard;
        heard.sort_unstable();
        for (minute, number) in heard {
            if let Some(after) = guard.app_level_heard(&org(0), &grant(number), at(minute)) {
                guard = after;
            }
            prop_assert_eq!(guard.app_level_at, None);
            prop_assert!(guard.app_level_heard.len() <= 4);
        }
    }
}

#[test]
fn the_budget_is_one_in_a_thousand_or_twenty_five() {
    assert_eq!(standing(&[]).budget(at(0)), 25);
    let (guard, _) = standing(&[(0, 4_000, 0, 0)]).review(at(5));
    assert_eq!(guard.budget, 100);
    assert!(guard.may_lapse(99, at(5)));
    assert!(!guard.may_lapse(100, at(5)));
}

/// Unreadable is held: before the first review, and when there has been none for too long.
#[test]
fn a_guard_that_nobody_reviews_holds() {
    assert!(!Guard::default().may_lapse(0, at(0)));
    let (guard, _) = standing(&[]).review(at(0));
    assert!(guard.may_lapse(0, at(4)));
    assert!(!guard.may_lapse(0, at(5)));
}

#[test]
fn it_holds_lets_go_and_tells_of_both() {
    let mut standing = standing(&[(0, 300, 30, 30)]);
    let (held, event) = standing.review(at(1));
    let event = event.unwrap();
    assert_eq!((event.kind, event.version, event.reason), (GuardEventKind::SweepHeld, 1, Doubt::ManyNewlyStruck));
    assert!(!held.may_lapse(0, at(1)));
    standing.guard = held;
    assert_eq!(standing.review(at(2)).1, None, "it holds already");

    standing.tally = Tally(BTreeMap::from([(bucket_of(at(5)), Numbers { grants: 300, ..Numbers::default() })]));
    let (still, event) = standing.review(at(10));
    assert_eq!(event, None, "not so soon");
    assert!(!still.may_lapse(0, at(10)));
    let (released, event) = standing.review(at(11));
    let event = event.unwrap();
    assert_eq!((event.kind, event.version, event.reason), (GuardEventKind::SweepReleased, 2, Doubt::ManyNewlyStruck));
    assert!(released.may_lapse(0, at(11)));
    standing.guard = released;
    assert_eq!(standing.review(at(12)).1, None);
}

#[test]
fn an_operator_decides_either_way() {
    let mut doubtful = standing(&[(0, 300, 300, 300)]);
    doubtful.guard.forced = Some(Forced::Release);
    let (released, event) = doubtful.review(at(1));
    assert_eq!(event, None);
    assert!(released.may_lapse(0, at(1)));
    assert!(!released.may_lapse(25, at(1)), "the budget is nobody's to waive");

    let mut fine = standing(&[(0, 300, 0, 0)]);
    fine.guard.forced = Some(Forced::Hold);
    let (held, event) = fine.review(at(1));
    assert_eq!(event.unwrap().reason, Doubt::Operator);
    assert!(!held.may_lapse(0, at(1)));
    fine.guard = Guard { forced: Some(Forced::Release), ..held };
    assert_eq!(fine.review(at(2)).1.unwrap().kind, GuardEventKind::SweepReleased, "an operator waits for nothing");
}

#[test]
fn ids_of_guard_events_follow_from_version_and_kind() {
    let id = |kind, version, minute| GuardEvent::new(kind, version, Doubt::Operator, at(minute)).event_id;
    assert_eq!(id(GuardEventKind::SweepHeld, 1, 0), id(GuardEventKind::SweepHeld, 1, 9));
    assert_ne!(id(GuardEventKind::SweepHeld, 1, 0), id(GuardEventKind::SweepReleased, 1, 0));
    assert_ne!(id(GuardEventKind::SweepHeld, 1, 0), id(GuardEventKind::SweepHeld, 2, 0));
}
