//! An event bus over HTTP: EventBridge's `PutEvents`, with its limits, and moods of its own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;

pub const NAME: &str = "reconnect-events";

/// What the bus took.
#[derive(Clone, Debug, PartialEq)]
pub struct Taken {
    pub kind: String,
    pub detail: Value,
}

#[derive(Debug, Default)]
pub struct Mood {
    /// Every call fails.
    pub down: bool,
    /// It takes what it gets and never answers.
    pub silent: bool,
    /// Events that it refuses so many times more.
    pub refuses: HashMap<String, usize>,
    /// How long the call of this number, from 0, waits for its answer.
    pub slow: HashMap<usize, Duration>,
}

#[derive(Debug, Default)]
struct Inside {
    mood: Mood,
    taken: Vec<Taken>,
    /// The ids of each call, in their order.
    calls: Vec<Vec<String>>,
}

#[derive(Clone, Debug, Default)]
pub struct Bus {
    inside: Arc<Mutex<Inside>>,
    called: Arc<Notify>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct PutEvents {
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Entry {
    source: String,
    detail_type: String,
    detail: String,
    event_bus_name: String,
}

impl Bus {
    /// Gives where it listens.
    pub async fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().route("/", post(put_events)).with_state(self.clone());
        tokio::spawn(async { axum::serve(listener, router).await });
        url
    }

    pub fn mood(&self, change: impl FnOnce(&mut Mood)) {
        change(&mut self.inside.lock().unwrap().mood);
    }

    /// What it took since the last time.
    pub fn taken(&self) -> Vec<Taken> {
        std::mem::take(&mut self.inside.lock().unwrap().taken)
    }

    /// The ids of what it took since the last time, in the order of the alphabet, copies included.
    pub fn ids(&self) -> Vec<String> {
        let mut ids: Vec<_> = self.taken().iter().map(|taken| id(&taken.detail)).collect();
        ids.sort();
        ids
    }

    /// The calls since the last time, each with the ids in it.
    pub fn calls(&self) -> Vec<Vec<String>> {
        std::mem::take(&mut self.inside.lock().unwrap().calls)
    }

    /// Returns when a call has come.
    pub async fn called(&self) {
        self.called.notified().await;
    }
}

pub fn id(detail: &Value) -> String {
    detail["event_id"].as_str().unwrap().to_owned()
}

async fn put_events(State(bus): State<Bus>, headers: HeaderMap, body: String) -> Response {
    assert_eq!(headers["x-amz-target"], "AWSEvents.PutEvents");
    let PutEvents { entries } = serde_json::from_str(&body).unwrap();
    let (pause, silent, answer) = {
        let mut inside = bus.inside.lock().unwrap();
        let number = inside.calls.len();
        let details: Vec<Value> = entries.iter().map(|entry| serde_json::from_str(&entry.detail).unwrap()).collect();
        inside.calls.push(details.iter().map(id).collect());
        let answer = if inside.mood.down {
            error("InternalException", StatusCode::INTERNAL_SERVER_ERROR)
        } else if entries.is_empty() || entries.len() > 10 || body.len() > 256 * 1024 {
            error("ValidationException", StatusCode::BAD_REQUEST)
        } else {
            let results: Vec<_> =
                entries.iter().zip(details).map(|(entry, detail)| inside.take(entry, detail)).collect();
            let failed = results.iter().filter(|result| result.get("ErrorCode").is_some()).count();
            json(StatusCode::OK, &json!({ "FailedEntryCount": failed, "Entries": results }))
        };
        (inside.mood.slow.get(&number).copied(), inside.mood.silent, answer)
    };
    bus.called.notify_one();
    if silent {
        std::future::pending::<()>().await;
    }
    if let Some(pause) = pause {
        tokio::time::sleep(pause).await;
    }
    answer
}

impl Inside {
    fn take(&mut self, entry: &Entry, detail: Value) -> Value {
        assert_eq!((entry.source.as_str(), entry.event_bus_name.as_str()), ("creativex.ad-accounts", NAME));
        if let Some(times) = self.mood.refuses.get_mut(&id(&detail)).filter(|times| **times > 0) {
            *times -= 1;
            return json!({ "ErrorCode": "ThrottlingException", "ErrorMessage": "Rate exceeded" });
        }
        self.taken.push(Taken { kind: entry.detail_type.clone(), detail });
        json!({ "EventId": format!("on-the-bus-{}", self.taken.len()) })
    }
}

fn error(code: &str, status: StatusCode) -> Response {
    json(status, &json!({ "__type": code, "message": "no" }))
}

fn json(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/x-amz-json-1.1")], body.to_string()).into_response()
}
