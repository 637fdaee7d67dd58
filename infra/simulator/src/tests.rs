use domain::checks::Endpoint;
use domain::events::EventKind;
use jiff::SignedDuration;

use crate::fleet::{Fleet, Grant, Sizes};
use crate::options::Options;
use crate::report::Row;
use crate::shapes::{OUTAGES, Shape};
use crate::simulation::{Job, run, simulate};
use crate::units::timestamp;

/// TikTok says something definite that is not so. Everything else is recognised for what it is at the first look.
fn is_a_lie(shape: Shape) -> bool {
    match shape {
        Shape::DeadAll | Shape::DeadTenth | Shape::Flapping | Shape::Refuses(_) => true,
        // That a login has no Business Center is seen through while the one it had still answers.
        Shape::Empty(endpoint) => endpoint != Endpoint::BusinessCenters,
        _ => false,
    }
}

fn options(accounts: u32) -> Options {
    Options { accounts, shape: "all".to_owned(), hours: 3, seed: 7, qps: 10, workers: 2, no_canary: false, each: false }
}

fn row_of(shape: Shape, options: &Options) -> Row {
    let accounts = usize::try_from(options.accounts).unwrap();
    simulate(Job { shape, accounts, sizes: Sizes::Realistic, is_scale: false }, options, || ()).unwrap()
}

/// T86: whatever is wrong with TikTok, nothing lapses that was not lost; and what was lost is found.
#[test]
fn t86_no_outage_lapses_anything() {
    for shape in OUTAGES.into_iter().filter(|shape| !is_a_lie(*shape)) {
        let row = row_of(shape, &options(5_000));
        assert_eq!(row.figures.falsely, 0, "{}", shape.name());
        assert_eq!((row.missed, row.still_false), (0, 0), "{}", shape.name());
        assert!(row.genuine > 0 && row.figures.warned == 0, "{}", shape.name());
    }
}

/// T87: a lie lapses no more grants in an hour than the budget, and all of it is undone when the lie is over. In a fleet with
/// enough grants to see that they are too many, it lapses nothing.
#[test]
fn t87_a_lie_lapses_at_most_the_budget_and_is_undone() {
    for shape in OUTAGES.into_iter().filter(|shape| is_a_lie(*shape)) {
        let few = row_of(shape, &options(5_000));
        assert!(few.most_in_an_hour <= 25, "{}: {}", shape.name(), few.most_in_an_hour);
        assert_eq!((few.missed, few.still_false), (0, 0), "{}", shape.name());
        let many = row_of(shape, &options(40_000));
        assert_eq!((many.figures.falsely, many.missed), (0, 0), "{}", shape.name());
        assert!(!many.figures.holds.is_empty(), "{}", shape.name());
        assert!(many.figures.holds.iter().all(|hold| hold.to.is_some()), "{}", shape.name());
    }
}

/// T87: the numbers alone are enough, should the canary be told the truth or not be there.
#[test]
fn t87_the_numbers_hold_without_a_canary() {
    let row = row_of(Shape::DeadAll, &Options { no_canary: true, ..options(50_000) });
    assert_eq!((row.figures.falsely, row.missed), (0, 0));
    assert_eq!(row.held().1, ["many_newly_struck"]);
}

/// T88: 37 grants of 100,000 ad accounts, one of them with 5,000, are really revoked: exactly theirs lapse, with an event each, at
/// the second look, and the guard does not mind.
#[test]
fn t88_a_genuine_revocation_lapses_exactly_its_accounts() {
    let row = row_of(Shape::Revocation, &options(100_000));
    assert!(row.genuine > 5_000);
    assert_eq!((row.figures.falsely, row.missed), (0, 0));
    assert_eq!(row.figures.events.get(&EventKind::AdAccountLapsed), Some(&row.genuine));
    assert_eq!(row.figures.detected.iter().map(|(_, many)| many).sum::<u64>(), row.genuine);
    assert_eq!(row.figures.most_looks, 2);
    assert_eq!(row.figures.holds, []);
}

/// T91: neither while TikTok is down nor when all come back at once does any second see more than the sweep's part.
#[test]
fn t91_recovery_is_no_stampede() {
    for shape in [Shape::Stampede, Shape::TotalOutage, Shape::Throttled] {
        let row = row_of(shape, &options(50_000));
        let share = options(50_000).sweep_share();
        assert!(row.peak_after > 0 && row.peak_after * 10 <= share * 11, "{}: {}", shape.name(), row.peak_after);
        assert!(shape == Shape::Throttled || row.throttled == 0, "{}", shape.name());
    }
}

/// The model must be able to lapse what it should not, or its zeros mean nothing: without a canary, fifty grants are too few for
/// the numbers to be conspicuous at once.
#[test]
fn a_lie_that_the_guard_lets_pass_is_counted() {
    let row = row_of(Shape::DeadAll, &Options { no_canary: true, ..options(1_000) });
    assert!(row.figures.falsely > 0 && row.figures.falsely_grants > 0);
    assert!(row.healed_within().is_some() && row.still_false == 0);
}

#[test]
fn the_same_seed_prints_the_same_and_another_one_does_not() {
    let print = |seed| run(&Options { shape: "5xx-10".to_owned(), seed, ..options(2_000) }).unwrap().to_string();
    assert_eq!(print(7), print(7));
    assert_ne!(print(7), print(8));
}

#[test]
fn judging_one_account_for_its_bloc_is_exact() {
    for shape in [Shape::Revocation, Shape::Errors(10), Shape::Flapping, Shape::Empty(Endpoint::AuthorizedAdAccounts)]
        .into_iter()
        .chain([Shape::Empty(Endpoint::OwnedAssets), Shape::Refuses(Endpoint::Report)])
    {
        let one = row_of(shape, &options(2_000));
        let each = row_of(shape, &Options { each: true, ..options(2_000) });
        assert_eq!((&one.figures.falsely, &one.figures.events), (&each.figures.falsely, &each.figures.events));
        assert_eq!((one.calls, one.missed, one.bill), (each.calls, each.missed, each.bill), "{}", shape.name());
    }
}

/// Calls grow with grants: ten times the ad accounts under as many grants, as long as they fit into one question, cost the same.
#[test]
fn calls_grow_with_grants_and_not_with_ad_accounts() {
    let calls = |grants: usize, each: usize| {
        let job = Job { shape: Shape::Calm, accounts: grants * each, sizes: Sizes::Each(each), is_scale: true };
        simulate(job, &options(1_000), || ()).unwrap().calls_an_interval
    };
    let canary = 360;
    assert_eq!(calls(300, 2), calls(300, 20));
    assert_eq!((calls(600, 5) - canary).div_ceil(calls(300, 5) - canary), 2);
}

#[test]
fn grants_have_realistic_sizes() {
    let fleet = Fleet::new(300_000, Sizes::Realistic, SignedDuration::from_hours(6), timestamp(0), 1).unwrap();
    let mut sizes: Vec<usize> = fleet.grants.iter().map(Grant::accounts).collect();
    sizes.sort_unstable();
    let mean = sizes.iter().sum::<usize>() / sizes.len();
    assert!((20..26).contains(&mean) && (8..11).contains(&sizes[sizes.len() / 2]), "{mean}");
    assert_eq!(sizes.last(), Some(&5_000));
    assert_eq!(sizes.iter().sum::<usize>(), 300_000);
}
