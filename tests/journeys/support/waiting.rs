//! Waiting until something is so, however long the machine takes.

use std::time::Duration;

use jiff::SignedDuration;

/// No test measures this: it makes a failure of a hang.
pub const PATIENCE: Duration = Duration::from_mins(2);

/// Waits until it is so.
pub async fn until(what: &str, is_so: impl Fn() -> bool) {
    let wait = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("it never came to this: {what}"));
}

/// Waits until the clock that the functions read, too, has gone on by this: what lives no longer is over.
pub async fn seconds_pass(seconds: i64) {
    let over = local::clock::now() + SignedDuration::from_secs(seconds);
    until("time passes", || local::clock::now() >= over).await;
}
