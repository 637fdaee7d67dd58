//! A function for this crate's tests: it answers with the event it got, or does what the event's `act` says.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    if std::env::vars().any(|(name, _)| name == "FAIL_AT_START") {
        return Err("FAIL_AT_START is set".into());
    }
    run(service_fn(answer)).await
}

async fn answer(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let (event, context) = event.into_parts();
    let query = &event["queryStringParameters"];
    let act = event["act"].as_str().or(query["act"].as_str()).unwrap_or_default();
    match act {
        // Says that it has begun, and ends when the gate is open.
        "wait" => {
            say("waiting");
            opened(gate(&event["gate"], &query["gate"])).await;
            Ok(json!(std::process::id()))
        }
        "exit" => std::process::exit(3),
        "panic" => panic!("asked to panic"),
        "error" => Err("asked to fail".into()),
        // The body is the answer, so that a test says what a function says.
        "answer" => Ok(serde_json::from_str(event["body"].as_str().unwrap_or_default())?),
        "environment" => Ok(json!(std::env::vars().collect::<std::collections::BTreeMap<_, _>>())),
        "pid" => Ok(json!(std::process::id())),
        "deadline" => Ok(json!(context.deadline)),
        "work on" => {
            let gate = gate(&event["gate"], &query["gate"]);
            tokio::spawn(async {
                opened(gate).await;
                say("worked on");
            });
            Ok(Value::Null)
        }
        _ => {
            let headers = json!({ "content-type": "application/json" });
            Ok(json!({ "statusCode": 200, "headers": headers, "body": event.to_string() }))
        }
    }
}

/// A file that a test makes when it wants somebody to go on.
fn gate(of_event: &Value, of_query: &Value) -> PathBuf {
    of_event.as_str().or(of_query.as_str()).unwrap_or_default().into()
}

async fn opened(gate: PathBuf) {
    while !gate.exists() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
