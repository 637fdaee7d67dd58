//! Everything one stand-in holds, behind one lock, with a way to wait for changes.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::{clock::Clock, faults::Faults, log::Log, rate::Rates, world::World};

#[derive(Default)]
pub(crate) struct State {
    pub world: World,
    pub faults: Faults,
    pub log: Log,
    pub rates: Rates,
}

pub(crate) struct Shared {
    state: Mutex<State>,
    pub clock: Clock,
    changes: watch::Sender<u64>,
    closing: watch::Sender<bool>,
}

impl Shared {
    pub fn new(clock: Clock) -> Self {
        Self { state: Mutex::default(), clock, changes: watch::Sender::new(0), closing: watch::Sender::new(false) }
    }

    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes everybody who waits in [`Shared::until`].
    pub fn changed(&self) {
        self.changes.send_modify(|version| *version += 1);
    }

    /// Waits until `condition` holds, or the stand-in closes.
    pub async fn until(&self, condition: impl Fn(&State) -> bool) {
        let mut changes = self.changes.subscribe();
        let mut closing = self.closing.subscribe();
        loop {
            if condition(&self.lock()) {
                return;
            }
            tokio::select! {
                news = changes.changed() => if news.is_err() { return },
                _ = closing.wait_for(|closing| *closing) => return,
            }
        }
    }

    /// Ends the server and lets every held call go.
    pub fn close(&self) {
        self.closing.send_replace(true);
    }

    pub async fn closed(&self) {
        // An error means that the sender is gone, which is as closed as it gets.
        let _ = self.closing.subscribe().wait_for(|closing| *closing).await;
    }
}
