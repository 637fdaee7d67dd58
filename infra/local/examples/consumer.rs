//! A function for this crate's tests of event sources: it prints each record's message and does what the message says.
//!
//! `fail` reports the record as failed, `throw` makes the function fail, `exit` ends it, `nonsense` is answered with
//! something that no event source takes, `wait` and a path wait for that file; everything else succeeds. What was printed shows what
//! came, how often, and in which order.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(answer)).await
}

async fn answer(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let event = event.payload;
    let Some(records) = event["Records"].as_array() else {
        print(&format!("got {event}"));
        if event["sweep"].is_string() || event["revoke"].is_object() {
            return Ok(json!({ "run": "run-1", "grants": 3, "guard": { "holding": true } }));
        }
        return Ok(json!({ "got": event }));
    };
    print(&format!("batch of {}", records.len()));
    let mut failures = Vec::new();
    for record in records {
        let of_stream = &record["dynamodb"];
        let text = record["body"].as_str().or(of_stream["NewImage"]["act"]["S"].as_str()).unwrap_or_default();
        let id = record["messageId"].as_str().or(of_stream["SequenceNumber"].as_str()).unwrap_or_default();
        print(&format!("record {text} {record}"));
        match text {
            "fail" => failures.push(json!({ "itemIdentifier": id })),
            "throw" => return Err("asked to fail".into()),
            "exit" => std::process::exit(3),
            "nonsense" => return Ok(json!({ "batchItemFailures": "all" })),
            _ => {
                while text.strip_prefix("wait ").is_some_and(|gate| !Path::new(gate).exists()) {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
        }
    }
    Ok(json!({ "batchItemFailures": failures }))
}

fn print(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
