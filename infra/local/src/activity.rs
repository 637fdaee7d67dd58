//! What happens in a world, for whoever watches it: requests to the gateway, and what is printed.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Activity {
    Request(Request),
    Line(LogLine),
}

/// A request to the API, answered. Neither its query nor its body: they may hold what nobody should read on a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub method: Method,
    pub path: String,
    /// The `sub` claim of a good token.
    pub who: Option<String>,
    pub status: StatusCode,
    pub took: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    Stdout,
    Stderr,
}

/// One line that a function's process printed, or a note of the world itself (with the pid 0).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    pub function: String,
    pub pid: u32,
    pub stream: Stream,
    pub text: String,
}

/// Is told of everything that happens. Clones are the same watcher.
#[derive(Clone)]
pub struct Watcher(Arc<dyn Fn(&Activity) + Send + Sync>);

impl Watcher {
    pub fn new(watch: impl Fn(&Activity) + Send + Sync + 'static) -> Self {
        Self(Arc::new(watch))
    }

    pub fn tell(&self, activity: &Activity) {
        (self.0)(activity);
    }
}

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watcher").finish_non_exhaustive()
    }
}
