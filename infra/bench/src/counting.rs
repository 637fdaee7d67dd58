//! A DynamoDB that counts: it hands every call on to the real one and asks it what the call consumed.
//!
//! Counting costs time, so it has its own pass; while time is measured, nothing of this is in the way.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};

use local::server::{Server, listen};

/// What some requests asked of DynamoDB.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    pub calls: usize,
    pub read_units: f64,
    pub write_units: f64,
}

/// A call as a function sent it, to be sent again.
#[derive(Clone, Debug)]
pub struct Call {
    pub headers: HeaderMap,
    pub body: Bytes,
}

#[derive(Clone)]
struct Proxy {
    client: reqwest::Client,
    dynamodb: String,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    usage: Usage,
    last_query: Option<Call>,
}

/// The proxy, running until it is dropped.
pub struct Counting {
    server: Server,
    seen: Arc<Mutex<Seen>>,
}

impl Counting {
    pub async fn start(dynamodb: &str) -> anyhow::Result<Self> {
        let seen = Arc::<Mutex<Seen>>::default();
        let proxy = Proxy { client: local::client::new()?, dynamodb: dynamodb.to_owned(), seen: Arc::clone(&seen) };
        let router = Router::new().fallback(hand_on).with_state(proxy);
        Ok(Self { server: Server::start(listen("the counting proxy", 0).await?, router)?, seen })
    }

    pub fn url(&self) -> String {
        self.server.url()
    }

    /// What was asked since the last time.
    pub fn take(&self) -> Usage {
        std::mem::take(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner).usage)
    }

    /// The last query that any function made.
    pub fn last_query(&self) -> Option<Call> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).last_query.clone()
    }
}

async fn hand_on(State(proxy): State<Proxy>, headers: HeaderMap, body: Bytes) -> Response {
    match proxy.hand_on(headers, body).await {
        Ok(response) => response,
        Err(failed) => (StatusCode::BAD_GATEWAY, format!("{failed:#}")).into_response(),
    }
}

impl Proxy {
    async fn hand_on(&self, mut headers: HeaderMap, body: Bytes) -> anyhow::Result<Response> {
        let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        // The client that sends the call makes these anew.
        for name in [header::HOST, header::CONTENT_LENGTH] {
            headers.remove(name);
        }
        let mut asked: Value = serde_json::from_slice(&body).context("a call is JSON")?;
        asked["ReturnConsumedCapacity"] = json!("TOTAL");
        let sent = self.client.post(&self.dynamodb).headers(headers.clone()).body(asked.to_string());
        let answer = sent.send().await?;
        let (status, answered_headers) = (answer.status(), answer.headers().clone());
        let answered = answer.bytes().await?;

        let consumed = units(&serde_json::from_slice(&answered).context("an answer is JSON")?);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.usage.calls += 1;
        if is_write(&operation) {
            seen.usage.write_units += consumed;
        } else {
            seen.usage.read_units += consumed;
        }
        if operation == "Query" {
            seen.last_query = Some(Call { headers, body });
        }
        Ok((status, answered_headers, answered).into_response())
    }
}

fn is_write(operation: &str) -> bool {
    ["PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"].contains(&operation)
}

/// `ConsumedCapacity` is one object, or a list with one for each table.
fn units(answer: &Value) -> f64 {
    let of = |consumed: &Value| consumed["CapacityUnits"].as_f64().unwrap_or_default();
    match &answer["ConsumedCapacity"] {
        Value::Array(tables) => tables.iter().map(of).sum(),
        one => of(one),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use local::aws::dynamodb::Dynamo;

    async fn call(url: &str, operation: &str, body: Value) -> StatusCode {
        let client = local::client::new().unwrap();
        let request = client
            .post(url)
            .header("x-amz-target", format!("DynamoDB_20120810.{operation}"))
            .header("content-type", "application/x-amz-json-1.0")
            .header("authorization", "AWS4-HMAC-SHA256 Credential=local/20261123/eu-central-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0")
            .header("x-amz-date", "20261123T120000Z");
        request.body(body.to_string()).send().await.unwrap().status()
    }

    #[tokio::test]
    async fn calls_and_units_are_counted_and_queries_kept() {
        let dynamodb = Dynamo::start(listen("DynamoDB", 0).await.unwrap(), None).unwrap();
        dynamodb.create_table(local::aws::dynamodb::TABLE).unwrap();
        let table: Value = serde_json::from_str(local::aws::dynamodb::TABLE).unwrap();
        let counting = Counting::start(dynamodb.url()).await.unwrap();

        let item = json!({ "pk": { "S": "a" }, "sk": { "S": "b" }, "text": { "S": "x".repeat(3000) } });
        let put = json!({ "TableName": table["TableName"], "Item": item });
        assert_eq!(call(&counting.url(), "PutItem", put).await, 200);
        assert_eq!(counting.take(), Usage { calls: 1, read_units: 0.0, write_units: 3.0 });

        let query = json!({ "TableName": table["TableName"], "KeyConditionExpression": "pk = :pk",
                            "ExpressionAttributeValues": { ":pk": { "S": "a" } } });
        assert_eq!(call(&counting.url(), "Query", query.clone()).await, 200);
        assert_eq!(counting.take(), Usage { calls: 1, read_units: 0.5, write_units: 0.0 });
        assert_eq!(counting.take(), Usage::default());
        let kept: Value = serde_json::from_slice(&counting.last_query().unwrap().body).unwrap();
        assert_eq!(kept, query);
    }
}
