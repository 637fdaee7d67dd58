//! What follows from a check of a grant: strikes, lapses, healing, risks, and when it is due again.

use std::collections::BTreeSet;

use domain::account::{RiskFact, Status};
use domain::causes::CauseCode;
use domain::checks::Refusal;
use domain::diagnosis::Verdict;
use domain::grant_check::{CheckState, Checked, Found, Move, Outcome, Plan, Revocation, Watched, decide};
use domain::ids::GrantId;
use domain::strike::Look;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use crate::case::{Case, ORIGINAL, Question, in_order, membership, owned};

const SPACING: SignedDuration = SignedDuration::from_mins(30);
const INTERVAL: SignedDuration = SignedDuration::from_hours(6);

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(1_795_435_200 + minute * 60).unwrap()
}

fn grant_id() -> GrantId {
    "grt_aaaaaaaaaaaaaaaaaaaaaa".parse().unwrap()
}

/// An account under the grant; which one is told by its last two digits.
fn found(last: u8, status: Status, case: &Case) -> Found {
    let watched = Watched {
        advertiser_id: format!("71000000000000000{last:02}").parse().unwrap(),
        business_center_id: ORIGINAL.parse().unwrap(),
        status,
        cause: (status == Status::NeedsConnecting).then_some(CauseCode::AuthorizationRevoked),
        at_risk: BTreeSet::new(),
        time_zone: None,
    };
    Found { watched, diagnosis: case.diagnosis(), time_zone: None, admins: Some(2) }
}

fn active(last: u8, case: &Case) -> Found {
    found(last, Status::Active, case)
}

fn lapsed(last: u8, case: &Case) -> Found {
    found(last, Status::NeedsConnecting, case)
}

fn not_owned() -> Case {
    Case { owned: Ok([owned("7100000000000000012", Some("BOUND"))].into()), ..in_order() }
}

fn no_admin() -> Case {
    let standard = Case { business_centers: Ok(vec![membership(ORIGINAL, Some("STANDARD"))]), ..in_order() };
    standard.refused(Question::Owned, Refusal::NotPermitted)
}

fn no_answer() -> Case {
    in_order().refused(Question::Authorized, Refusal::Unavailable)
}

/// One grant through one check after the other, as the table keeps it.
struct Story {
    state: CheckState,
    guard_allows: bool,
    revocation: Revocation,
}

impl Story {
    fn new() -> Self {
        Self { state: CheckState::default(), guard_allows: true, revocation: Revocation::NotOrdered }
    }

    fn check(&mut self, run: &str, minute: i64, found: &[Found]) -> Plan {
        let grant_id = grant_id();
        let look = Look { run, at: at(minute), token_version: 1, spacing: SPACING };
        let revocation = self.revocation;
        let checked = Checked { grant_id: &grant_id, before: &self.state, look, interval: INTERVAL, revocation };
        let plan = decide(checked, found, self.guard_allows);
        self.state = plan.after.clone();
        plan
    }
}

fn moves(plan: &Plan) -> Vec<Move> {
    plan.moves.iter().map(|(_, wanted)| *wanted).collect()
}

#[test]
fn a_dead_token_lapses_everything_under_it_at_the_second_strike() {
    let dead = [active(11, &in_order().dead()), active(12, &in_order().dead())];
    let mut story = Story::new();
    let first = story.check("a", 0, &dead);
    assert_eq!((first.outcome, moves(&first)), (Outcome::Struck, vec![]), "a first strike writes to no account");
    assert!(first.next_due > at(30) && first.next_due < at(36), "{}", first.next_due);
    assert!(!first.proven);

    let second = story.check("b", 31, &dead);
    assert_eq!((second.outcome, moves(&second)), (Outcome::Lapsed, vec![Move::Lapse, Move::Lapse]));
    assert!(second.after.strikes.is_empty() && second.next_due > at(60));

    // From now on it is known to be lapsed, and looked at as often as any other.
    let known = [lapsed(11, &in_order().dead()), lapsed(12, &in_order().dead())];
    let third = story.check("c", 400, &known);
    assert_eq!((third.outcome, moves(&third)), (Outcome::NeedsConnecting, vec![]));
}

/// I6, T90.
#[test]
fn the_same_run_or_too_soon_is_no_second_strike() {
    let dead = [active(11, &in_order().dead())];
    let mut story = Story::new();
    story.check("a", 0, &dead);
    assert_eq!(story.check("a", 45, &dead).outcome, Outcome::Struck);
    assert_eq!(story.check("b", 29, &dead).outcome, Outcome::Struck);
    assert_eq!(story.check("b", 46, &dead).outcome, Outcome::Lapsed);
}

#[test]
fn the_guard_keeps_strikes_and_lets_them_count_later() {
    let dead = [active(11, &in_order().dead())];
    let mut story = Story::new();
    story.check("a", 0, &dead);
    story.guard_allows = false;
    let held = story.check("b", 31, &dead);
    assert_eq!((held.outcome, moves(&held)), (Outcome::Held, vec![]));
    story.guard_allows = true;
    assert_eq!(story.check("c", 65, &dead).outcome, Outcome::Lapsed);
}

#[test]
fn a_healthy_answer_takes_strikes_back_and_no_answer_keeps_them() {
    let mut story = Story::new();
    story.check("a", 0, &[active(11, &in_order().dead())]);
    let undecided = story.check("b", 31, &[active(11, &no_answer())]);
    assert_eq!((undecided.outcome, moves(&undecided)), (Outcome::Undecided, vec![]));
    assert!(!undecided.after.strikes.is_empty() && !undecided.proven);
    let healthy = story.check("c", 70, &[active(11, &in_order())]);
    assert_eq!((healthy.outcome, healthy.proven), (Outcome::Connected, true));
    assert!(healthy.after.strikes.is_empty());
    assert_eq!(story.check("d", 140, &[active(11, &in_order().dead())]).outcome, Outcome::Struck);
}

#[test]
fn one_lost_account_lapses_by_itself_and_its_siblings_learn_of_it() {
    let mut story = Story::new();
    let found = [active(11, &not_owned()), active(12, &in_order())];
    let first = story.check("a", 0, &found);
    assert_eq!(first.outcome, Outcome::Struck);
    assert!(!first.proven, "the gap of what lapses opens before the first strike");
    let second = story.check("b", 31, &found);
    assert_eq!(second.moves, [(0, Move::Lapse), (1, Move::Observe)], "and the sibling is at risk");
    assert!(second.has_lapsed_sibling);

    let mut sibling = active(12, &in_order());
    sibling.watched.at_risk = BTreeSet::from([RiskFact::SiblingLapsed]);
    let mut lost = lapsed(11, &not_owned());
    lost.watched.cause = lost.diagnosis.verdict.causes().first().map(|cause| cause.cause);
    let third = story.check("c", 400, &[lost, sibling.clone()]);
    assert_eq!((moves(&third), third.proven), (vec![], true), "nothing new, and the healthy one is proven");
    let healed = story.check("d", 800, &[lapsed(11, &in_order()), sibling]);
    assert_eq!(healed.moves, [(0, Move::Recover), (1, Move::Observe)], "the risk is over");
}

#[test]
fn a_lapsed_account_learns_another_reason() {
    let mut story = Story::new();
    assert_eq!(moves(&story.check("a", 0, &[lapsed(11, &not_owned())])), [Move::Observe]);
}

/// For the first time or anew, for an Active account and for a lapsed one; not where nothing is said.
#[test]
fn a_time_zone_is_taken_over() {
    let (apia, berlin) = ("Pacific/Apia".parse().ok(), "Europe/Berlin".parse().ok());
    for one in [active(11, &in_order()), lapsed(11, &not_owned())] {
        let watched = Watched { cause: one.diagnosis.verdict.causes().first().map(|cause| cause.cause), ..one.watched };
        let check = |known: &Option<_>, said: &Option<_>| {
            let watched = Watched { time_zone: known.clone(), ..watched.clone() };
            let found = Found { watched, diagnosis: one.diagnosis.clone(), time_zone: said.clone(), admins: Some(2) };
            moves(&Story::new().check("a", 0, &[found]))
        };
        assert_eq!(check(&None, &apia), [Move::Observe]);
        assert_eq!(check(&berlin, &apia), [Move::Observe]);
        assert_eq!((check(&apia, &apia), check(&apia, &None)), (vec![], vec![]));
    }
}

/// Somebody is no Admin any more: people may know half an hour before, unless the guard doubts it.
#[test]
fn a_first_strike_tells_of_the_risk_if_the_guard_allows() {
    let standard = [active(11, &no_admin())];
    let first = Story::new().check("a", 0, &standard);
    assert_eq!(moves(&first), [Move::Observe]);
    assert!(first.needs_guard(&standard) && !first.counts_as_lapse());
    let mut doubted = Story::new();
    doubted.guard_allows = false;
    assert_eq!(moves(&doubted.check("a", 0, &standard)), []);
}

/// A mark of a missing permission lasts, so it is not put on one strike's word.
#[test]
fn a_first_strike_says_nothing_of_permissions() {
    let no_reporting = [active(11, &in_order().refused(Question::Report, Refusal::PermissionNotGranted))];
    let mut story = Story::new();
    assert_eq!(moves(&story.check("a", 0, &no_reporting)), []);
    assert_eq!(moves(&story.check("b", 31, &no_reporting)), [Move::Lapse]);
}

#[test]
fn doubt_comes_again_soon_then_seldom() {
    let mut story = Story::new();
    let first = story.check("a", 0, &[active(11, &no_answer())]);
    assert!(first.next_due >= at(10) && first.next_due < at(13));
    let later = story.check("b", 180, &[active(11, &no_answer())]);
    assert!(later.next_due >= at(240) && later.next_due < at(256), "since {:?}", later.after.undecided_since);
    assert_eq!(story.check("c", 250, &[active(11, &in_order())]).after.undecided_since, None);
}

#[test]
fn an_answer_about_nobody_is_no_strike_and_no_proof() {
    let plan = Story::new().check("a", 0, &[]);
    assert!(!plan.proven && plan.moves.is_empty() && plan.after.strikes.is_empty());
}

/// An operator has ordered that the token be revoked, and TikTok has done it: no second look, no guard, no budget, and
/// nothing for the guard to count.
#[test]
fn a_token_that_was_revoked_by_order_lapses_everything_at_once() {
    let found = [active(11, &in_order().dead()), lapsed(12, &not_owned().dead())];
    let mut story = Story { guard_allows: false, revocation: Revocation::Done, ..Story::new() };
    let plan = story.check("a", 0, &found);
    assert_eq!((plan.outcome, moves(&plan)), (Outcome::Lapsed, vec![Move::Lapse]));
    assert!(plan.is_ordered && !plan.needs_guard(&found) && !plan.counts_as_lapse());
    assert!(plan.after.strikes.is_empty() && plan.after.counted.is_some_and(|counted| counted.struck.is_none()));

    // One strike from before makes no difference, and is forgotten.
    let mut struck = Story::new();
    struck.check("a", 0, &found);
    struck.revocation = Revocation::Done;
    let plan = struck.check("a", 1, &found);
    assert_eq!((plan.outcome, plan.after.strikes.is_empty()), (Outcome::Lapsed, true));

    // What needed connecting for another reason learns of this one, and is due when it always was.
    let mut lost = lapsed(11, &in_order().dead());
    lost.watched.cause = Some(CauseCode::ReportingMissing);
    let again = story.check("b", 400, &[lost.clone()]);
    assert_eq!(moves(&again), [Move::Observe]);
    assert!(!again.needs_guard(&[lost]) && again.next_due > at(400 + 35));
}

/// TikTok has said that the token is dead, and it is not. What its answers say is what counts.
#[test]
fn an_order_lapses_nothing_that_works() {
    for (case, outcome) in [(in_order(), Outcome::Connected), (no_answer(), Outcome::Undecided)] {
        let mut story = Story { revocation: Revocation::Done, ..Story::new() };
        let plan = story.check("a", 0, &[active(11, &case)]);
        assert_eq!((plan.outcome, moves(&plan), plan.is_ordered), (outcome, vec![], false));
        assert!(plan.next_due <= at(35), "and it is told again before long");
    }
    let mut story = Story { revocation: Revocation::Done, ..Story::new() };
    let lost = [active(11, &not_owned())];
    assert_eq!(story.check("a", 0, &lost).outcome, Outcome::Struck, "what a living token has lost takes two strikes");
    let second = story.check("b", 31, &lost);
    assert!(second.needs_guard(&lost) && second.counts_as_lapse());
}

#[test]
fn what_was_not_revoked_is_tried_again_soon_unless_it_is_a_newer_ones() {
    let due = |revocation| {
        let mut story = Story { revocation, ..Story::new() };
        story.check("a", 0, &[active(11, &in_order())]).next_due
    };
    assert!(due(Revocation::Outstanding) >= at(30) && due(Revocation::Outstanding) < at(36));
    assert_eq!(due(Revocation::Withheld), due(Revocation::NotOrdered));
    assert!(due(Revocation::Withheld) > at(36));
}

#[derive(Clone, Copy, Debug)]
enum Said {
    Fine,
    Dead,
    NotOwned,
    NoAnswer,
}

proptest! {
    /// I6: whatever is said in whatever order, nothing lapses without two definitive verdicts, half an hour apart, from
    /// different runs, with no healthy answer in between. An order to revoke that was not carried out changes nothing.
    #[test]
    fn nothing_lapses_without_two_strikes(
        story in proptest::collection::vec(
            (prop_oneof![Just(Said::Fine), Just(Said::Dead), Just(Said::NotOwned), Just(Said::NoAnswer)], 1i64..50, 0u8..3),
            1..30,
        ),
        revocation in prop_oneof![
            Just(Revocation::NotOrdered), Just(Revocation::Withheld), Just(Revocation::Outstanding),
        ],
    ) {
        let (mut told, mut minute) = (Story { revocation, ..Story::new() }, 0);
        let mut said: Vec<(i64, u8, Said)> = Vec::new();
        for (what, minutes, run) in story {
            minute += minutes;
            let case = match what {
                Said::Fine => in_order(),
                Said::Dead => in_order().dead(),
                Said::NotOwned => not_owned(),
                Said::NoAnswer => no_answer(),
            };
            let one = [active(11, &case)];
            let plan = told.check(&run.to_string(), minute, &one);
            if plan.counts_as_lapse() {
                let dead = |what: Said| matches!((what, &one[0].diagnosis.verdict), (Said::Dead | Said::NotOwned, Verdict::Lapsed { .. }));
                prop_assert!(dead(what));
                let since_healthy = said.iter().rev().take_while(|(_, _, before)| !matches!(before, Said::Fine));
                let has_first = since_healthy
                    .into_iter()
                    .any(|(at, by, before)| dead(*before) && *by != run && *at + 30 <= minute);
                prop_assert!(has_first, "{said:?} then {what:?} at {minute}");
                break;
            }
            said.push((minute, run, what));
        }
    }
}
