//! What goes wrong with the queue and the bus when a test asks for it.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

/// How one call to a service fails.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    #[default]
    None,
    /// HTTP 500; nothing is done.
    Down,
    /// The service's own error for too many requests; nothing is done.
    Throttled,
    /// HTTP 500, although everything was done: the caller cannot know.
    AnswerLost,
    /// Takes the call and never answers; nothing is done.
    Hang,
    /// These entries of a batch fail for the service's own fault, counted from 0; the others are done.
    Entries(BTreeSet<usize>),
}

impl Fault {
    /// The `n`-th entry of a batch fails, counted from 0.
    pub fn entry(n: usize) -> Self {
        Self::Entries(BTreeSet::from([n]))
    }

    pub(crate) fn hits(&self, entry: usize) -> bool {
        matches!(self, Self::Entries(entries) if entries.contains(&entry))
    }
}

#[derive(Debug, Default)]
struct Plan {
    once: VecDeque<Fault>,
    always: Fault,
    calls: u64,
}

/// The faults of one service: those for its next calls, then the one that stays. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<Plan>>);

impl Faults {
    /// From now on every call fails like this, until [`Fault::None`] is set.
    pub fn always(&self, fault: Fault) {
        self.with(|plan| plan.always = fault);
    }

    /// One call fails like this: the next one, or the one after those that were asked for before.
    pub fn once(&self, fault: Fault) {
        self.with(|plan| plan.once.push_back(fault));
    }

    /// No call fails any more.
    pub fn clear(&self) {
        self.with(|plan| (plan.once, plan.always) = (VecDeque::new(), Fault::None));
    }

    /// How many calls came so far, failed ones too.
    pub fn calls(&self) -> u64 {
        self.with(|plan| plan.calls)
    }

    /// A call has come: what becomes of it.
    pub(crate) fn next(&self) -> Fault {
        self.with(|plan| {
            plan.calls += 1;
            plan.once.pop_front().unwrap_or_else(|| plan.always.clone())
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut Plan) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
