//! Lambda's event source mapping of a queue: it receives batches of up to ten messages, invokes the function with them,
//! and deletes what the function did not report as failed.
//!
//! A failed message stays in flight until its visibility timeout is over. An error, a crash, or an answer that is not as
//! it should be fails the whole batch; an answer without `batchItemFailures` fails none of it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use super::Queue;
use super::queue::Message;
use crate::aws::names::REGION;
use crate::lambda::functions::Functions;

const BATCH: usize = 10;
const IDLE: Duration = Duration::from_millis(200);

/// From a queue to a function.
#[derive(Clone, Debug)]
pub struct QueueSource {
    pub queue: Queue,
    pub functions: Functions,
    pub function: &'static str,
    /// How many batches the function works on at once.
    pub maximum_concurrency: usize,
}

/// What was delivered, and what became of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// How often the function was invoked.
    pub invocations: usize,
    /// How many messages or records it got, counted each time.
    pub deliveries: usize,
    /// How many of these failed.
    pub failures: usize,
    /// How many invocations ended without a proper answer: an error, a crash, a timeout, nonsense.
    pub errors: usize,
}

impl Drained {
    fn add(&mut self, other: Self) {
        self.invocations += other.invocations;
        self.deliveries += other.deliveries;
        self.failures += other.failures;
        self.errors += other.errors;
    }
}

impl QueueSource {
    /// Delivers until nothing is deliverable. What fails stays in flight and is not tried again here.
    pub async fn drain(&self) -> Drained {
        let busy = AtomicUsize::new(0);
        let workers = (0..self.maximum_concurrency.max(1)).map(|_| self.work_until_done(&busy));
        let mut drained = Drained::default();
        for of_one in futures::future::join_all(workers).await {
            drained.add(of_one);
        }
        drained
    }

    /// As [`QueueSource::drain`], and acts as if the visibility timeout of what fails were over: at the end each message
    /// is deleted or in the dead-letter queue. Messages that were sent with a delay are not hurried.
    pub async fn drain_whole(&self) -> Drained {
        let mut drained = self.drain().await;
        while self.queue.let_timeouts_pass() > 0 {
            drained.add(self.drain().await);
        }
        drained
    }

    /// Stops only when no other worker is busy either, since what that one does may queue more.
    async fn work_until_done(&self, busy: &AtomicUsize) -> Drained {
        let mut drained = Drained::default();
        loop {
            busy.fetch_add(1, Ordering::SeqCst);
            let delivered = self.deliver_one_batch().await;
            let others = busy.fetch_sub(1, Ordering::SeqCst) - 1;
            match delivered {
                Some(batch) => drained.add(batch),
                None if others == 0 => return drained,
                None => tokio::time::sleep(Duration::from_millis(2)).await,
            }
        }
    }

    /// Delivers for ever.
    pub async fn run(self) {
        let worker = async || {
            loop {
                if self.deliver_one_batch().await.is_none() {
                    tokio::time::sleep(IDLE).await;
                }
            }
        };
        futures::future::join_all((0..self.maximum_concurrency.max(1)).map(|_| worker())).await;
    }

    async fn deliver_one_batch(&self) -> Option<Drained> {
        let batch = self.queue.receive(BATCH, None);
        if batch.is_empty() {
            return None;
        }
        let records: Vec<Value> = batch.iter().map(|message| record(message, &self.queue.arn())).collect();
        let answer = self.functions.invoke(self.function, json!({ "Records": records })).await;
        let failed = match answer {
            Ok(answer) => failed_items(&answer).ok_or_else(|| format!("{} answered {answer}", self.function)),
            Err(error) => Err(error.to_string()),
        };
        let (mut drained, failed) = match failed {
            Ok(failed) => (Drained::default(), Some(failed)),
            Err(error) => {
                self.functions.logs().note("reconnect-checks", error);
                (Drained { errors: 1, ..Drained::default() }, None)
            }
        };
        // A reported id that is none of the batch's fails the whole batch.
        let failed = failed.filter(|failed| failed.iter().all(|id| batch.iter().any(|message| message.id == *id)));
        drained.invocations = 1;
        drained.deliveries = batch.len();
        for message in &batch {
            if failed.as_ref().is_none_or(|failed| failed.contains(&message.id)) {
                drained.failures += 1;
            } else {
                self.queue.delete(&message.receipt_handle);
            }
        }
        Some(drained)
    }
}

/// The ids in `batchItemFailures`, or `None` when the answer counts as the failure of the whole batch.
///
/// As for Lambda, `null`, `{}` and an empty or absent list are full success.
pub fn failed_items(answer: &Value) -> Option<Vec<String>> {
    let failures = match answer {
        Value::Null => return Some(Vec::new()),
        Value::Object(answer) => answer.get("batchItemFailures").unwrap_or(&Value::Null),
        _ => return None,
    };
    let failures = match failures {
        Value::Null => return Some(Vec::new()),
        failures => failures.as_array()?,
    };
    let id = |failure: &Value| failure["itemIdentifier"].as_str().filter(|id| !id.is_empty()).map(str::to_owned);
    failures.iter().map(id).collect()
}

/// One record in the shape of Lambda's SQS event.
fn record(message: &Message, arn: &str) -> Value {
    let millis = |time: jiff::Timestamp| time.as_millisecond().to_string();
    json!({
        "messageId": message.id,
        "receiptHandle": message.receipt_handle,
        "body": message.body,
        "attributes": {
            "ApproximateReceiveCount": message.receive_count.to_string(),
            "SentTimestamp": millis(message.sent),
            "SenderId": super::wire::SENDER_ID,
            "ApproximateFirstReceiveTimestamp": millis(message.first_received.unwrap_or(message.sent)),
        },
        "messageAttributes": {},
        "md5OfBody": message.md5_of_body(),
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": REGION,
    })
}
