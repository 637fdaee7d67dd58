//! What the fleet answered lately, counted by grant. A grant is counted once, in the ten minutes of its latest answer;
//! whoever counts it again takes it out of where it was.

use std::collections::BTreeMap;
use std::ops::{AddAssign, Neg};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How much time one bucket holds.
pub const BUCKET: SignedDuration = SignedDuration::from_mins(10);

/// The bucket of a time: ten-minute steps since 1970.
pub fn bucket_of(time: Timestamp) -> i64 {
    time.as_second().div_euclid(BUCKET.as_secs())
}

/// What one bucket counts, or a change of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    /// Grants whose latest definitive answer came in this time.
    pub grants: i64,
    /// Those of them with a strike.
    pub struck: i64,
    /// Grants that were struck first in this time and still are, or lapsed since.
    pub newly: i64,
    /// Ad accounts under the grants.
    pub accounts: i64,
}

impl AddAssign for Numbers {
    fn add_assign(&mut self, more: Self) {
        self.grants += more.grants;
        self.struck += more.struck;
        self.newly += more.newly;
        self.accounts += more.accounts;
    }
}

impl Neg for Numbers {
    type Output = Self;

    fn neg(self) -> Self {
        Self { grants: -self.grants, struck: -self.struck, newly: -self.newly, accounts: -self.accounts }
    }
}

/// Where a grant is counted, kept with the grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    pub bucket: i64,
    pub accounts: i64,
    /// The bucket in which it was struck first, while it is struck.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub struck: Option<i64>,
}

impl Counted {
    fn numbers(self) -> Numbers {
        Numbers { grants: 1, struck: i64::from(self.struck.is_some()), newly: 0, accounts: self.accounts }
    }
}

/// Changes of buckets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recount(pub BTreeMap<i64, Numbers>);

impl Recount {
    /// A grant that was counted as `before` is counted as `after` now. `lapsed` says that its strike led to a lapse:
    /// then it goes on counting as one that was struck newly, since nobody took it back.
    pub fn new(before: Option<Counted>, after: Counted, lapsed: bool) -> Self {
        let mut changes = BTreeMap::<i64, Numbers>::new();
        if let Some(before) = before {
            *changes.entry(before.bucket).or_default() += -before.numbers();
        }
        *changes.entry(after.bucket).or_default() += after.numbers();
        let newly = |by| Numbers { newly: by, ..Numbers::default() };
        match (before.and_then(|before| before.struck), after.struck) {
            (None, Some(bucket)) => *changes.entry(bucket).or_default() += newly(1),
            (Some(bucket), None) if !lapsed => *changes.entry(bucket).or_default() += newly(-1),
            (Some(_), Some(_) | None) | (None, None) => {}
        }
        changes.retain(|_, numbers| *numbers != Numbers::default());
        Self(changes)
    }
}

/// All buckets that are known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally(pub BTreeMap<i64, Numbers>);

impl Tally {
    pub fn add(&mut self, recount: &Recount) {
        for (bucket, change) in &recount.0 {
            *self.0.entry(*bucket).or_default() += *change;
        }
    }

    /// The sum over the time that ends now. A count that a crash made negative counts as none.
    pub fn during(&self, span: SignedDuration, now: Timestamp) -> Numbers {
        let mut sum = Numbers::default();
        for (_, numbers) in self.0.range(bucket_of(now - span)..=bucket_of(now)) {
            sum += *numbers;
        }
        Numbers {
            grants: sum.grants.max(0),
            struck: sum.struck.max(0),
            newly: sum.newly.max(0),
            accounts: sum.accounts.max(0),
        }
    }

    /// Buckets that nobody asks about any more.
    pub fn outdated(&self, span: SignedDuration, now: Timestamp) -> impl Iterator<Item = i64> {
        let oldest = bucket_of(now - span);
        self.0.keys().copied().filter(move |bucket| *bucket < oldest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(bucket: i64, struck: Option<i64>) -> Counted {
        Counted { bucket, accounts: 50, struck }
    }

    #[test]
    fn a_grant_is_counted_once_wherever_it_answered_last() {
        let mut tally = Tally::default();
        let story = [counted(1, None), counted(4, Some(4)), counted(7, Some(4)), counted(9, None)];
        let mut before = None;
        for after in story {
            tally.add(&Recount::new(before, after, false));
            before = Some(after);
        }
        tally.0.retain(|_, numbers| *numbers != Numbers::default());
        assert_eq!(tally.0, BTreeMap::from([(9, Numbers { grants: 1, struck: 0, newly: 0, accounts: 50 })]));
    }

    #[test]
    fn who_lapses_stays_counted_as_newly_struck() {
        let mut tally = Tally::default();
        tally.add(&Recount::new(None, counted(4, Some(4)), false));
        tally.add(&Recount::new(Some(counted(4, Some(4))), counted(7, None), true));
        assert_eq!(tally.0[&4].newly, 1);
        assert_eq!(tally.0[&7], Numbers { grants: 1, struck: 0, newly: 0, accounts: 50 });
    }

    #[test]
    fn a_window_is_the_time_that_ends_now() {
        let mut tally = Tally::default();
        for bucket in 0..12 {
            tally.add(&Recount::new(None, counted(bucket, None), false));
        }
        let now = Timestamp::from_second(11 * BUCKET.as_secs() + 30).unwrap();
        assert_eq!(tally.during(SignedDuration::from_hours(1), now).grants, 7);
        assert_eq!(tally.outdated(SignedDuration::from_hours(1), now).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    }
}
