//! EventBridge Scheduler: the event that a schedule sends, and the schedules of the functions.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::aws::events::seconds;
use crate::aws::names::{ACCOUNT_ID, REGION};
use crate::clock;
use crate::ids;
use crate::lambda::functions::Functions;

/// The functions that run on a schedule: every minute on AWS.
pub const SCHEDULED: [&str; 2] = ["lapse-sweep", "relay-events"];

/// What a function's schedule sends when its time has come.
pub fn event(function: &str, at: Timestamp) -> Value {
    json!({
        "version": "0",
        "id": ids::uuid(),
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": ACCOUNT_ID,
        "time": seconds(at),
        "region": REGION,
        "resources": [format!("arn:aws:scheduler:{REGION}:{ACCOUNT_ID}:schedule/default/reconnect-{function}")],
        "detail": {},
    })
}

/// Sends a function its event every so often, for ever, beginning now. As on AWS, it does not wait for the answer.
pub async fn run(functions: Functions, function: &'static str, every: Duration) {
    let mut timer = tokio::time::interval(every);
    loop {
        timer.tick().await;
        let functions = functions.clone();
        tokio::spawn(async move {
            if let Err(error) = functions.invoke(function, event(function, clock::now())).await {
                functions.logs().note("schedule", error.to_string());
            }
        });
    }
}
