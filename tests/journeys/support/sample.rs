//! What a push tries of what is long and much the same. At night, with `RECONNECT_NIGHT=1`, all of it is tried.
//!
//! A seed chooses: that in `RECONNECT_SEED`, or else the time of day. A test that fails names it. What is chosen moves on
//! by one with the seed, so that as many seeds as there are ways, one after the other, try everything.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::LazyLock;

static SEED: LazyLock<usize> = LazyLock::new(|| {
    let given = variable("RECONNECT_SEED").map(|seed| seed.parse().expect("RECONNECT_SEED is a whole number"));
    given.unwrap_or_else(|| local::clock::now().subsec_nanosecond().unsigned_abs() as usize % 10_000)
});

/// Whether everything is to be tried.
pub fn is_night() -> bool {
    variable("RECONNECT_NIGHT").is_some_and(|value| value != "0")
}

/// Whether the case at this place is tried in this one of so many ways: on a push, each case is in one of them.
pub fn is_tried(place: usize, way: usize, ways: usize) -> bool {
    is_night() || (place + *SEED) % ways == way
}

/// As many of these as a push tries: neighbours, from one that the seed chooses.
pub fn some<T>(of: impl IntoIterator<Item = T>, how_many: usize) -> Vec<T> {
    let mut all: Vec<T> = of.into_iter().collect();
    if !is_night() && how_many < all.len() {
        let first = *SEED % all.len();
        all.rotate_left(first);
        all.truncate(how_many);
    }
    all
}

/// Whether the functions of this test's worlds log all they can, to be searched: those of one test in ten.
pub fn is_watched() -> bool {
    let mut hasher = DefaultHasher::new();
    (*SEED, test_name()).hash(&mut hasher);
    is_night() || hasher.finish().is_multiple_of(10)
}

/// How to try the same again.
pub fn again() -> String {
    format!("this sample again: RECONNECT_SEED={}; all of it: RECONNECT_NIGHT=1", *SEED)
}

/// Such as `main_job::a_lapsed_account_becomes_active_again`.
fn test_name() -> String {
    // Nextest gives each test a process of its own, where it may run in the main thread.
    let thread = std::thread::current();
    variable("NEXTEST_TEST_NAME").or_else(|| thread.name().map(str::to_owned)).unwrap_or_default()
}

#[expect(clippy::disallowed_methods, reason = "whoever runs the tests speaks to them through variables")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[test]
fn seeds_that_follow_each_other_try_everything() {
    let tried = |seed: usize| (0..7).map(move |place| (place, (place + seed) % 3));
    let all: std::collections::BTreeSet<_> = (40..43).flat_map(tried).collect();
    assert_eq!(all.len(), 7 * 3);
    let by_us: usize = (0..7).map(|place| (0..3).filter(|way| is_tried(place, *way, 3)).count()).sum();
    assert_eq!(by_us, if is_night() { 21 } else { 7 });
    assert_eq!(some(0..7, 2).len(), if is_night() { 7 } else { 2 });
}
