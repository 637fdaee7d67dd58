//! SQS: the queue of grants to check, and the dead-letter queue for what five attempts could not handle.
//!
//! [`queue`] keeps the messages, [`wire`] is what the SDK talks to, and [`source`] is Lambda's event source mapping, which
//! hands the messages to `check-grant`. All of it is in memory: what is queued when the world stops is queued again by
//! the next sweep.

pub mod queue;
pub mod source;
pub mod wire;

pub use queue::Queue;

use crate::aws::faults::Faults;
use crate::aws::names::{CHECKS, DEAD};

/// SQS as the functions see it. Clones share it.
#[derive(Clone, Debug)]
pub struct Sqs {
    /// What `lapse-sweep` has queued for `check-grant`.
    pub checks: Queue,
    /// What was received five times and never deleted.
    pub dead: Queue,
    /// For calls over the wire.
    pub faults: Faults,
}

impl Sqs {
    /// Both queues, empty. `visibility_timeout` is how long a received message is hidden from everybody else.
    pub fn new(visibility_timeout: std::time::Duration) -> Self {
        let dead = Queue::new(DEAD, visibility_timeout, None);
        let checks = Queue::new(CHECKS, visibility_timeout, Some(dead.clone()));
        Self { checks, dead, faults: Faults::default() }
    }

    /// The queue of a URL or a name.
    pub fn find(&self, url: &str) -> Option<&Queue> {
        let name = url.rsplit('/').next().unwrap_or_default();
        [&self.checks, &self.dead].into_iter().find(|queue| queue.name() == name)
    }
}
