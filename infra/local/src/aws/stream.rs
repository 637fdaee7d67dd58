//! Lambda's event source mapping of the table's stream: new `EVENT#` rows go to `relay-events`.
//!
//! As with the mapping's filter on AWS, the function sees nothing but records of inserted items whose `sk` begins with
//! `EVENT#`. A batch that fails, wholly or from some record on, is tried again from the first failed record: nothing
//! overtakes it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use dynoxide::Database;
use serde_json::{Value, json};

use crate::aws::names::{ACCOUNT_ID, REGION};
use crate::aws::sqs::source::{Drained, failed_items};
use crate::lambda::functions::Functions;

const BATCH: usize = 100;
const IDLE: Duration = Duration::from_millis(200);
const AFTER_FAILURE: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
struct Position {
    /// Where to read on, once something was read or skipped.
    iterator: Option<Value>,
    /// Read, and not dealt with.
    pending: VecDeque<Value>,
    paused: bool,
}

/// From the table's stream to a function. Clones share their place in it.
#[derive(Clone)]
pub struct StreamSource {
    database: Database,
    table: String,
    functions: Functions,
    function: &'static str,
    position: Arc<Mutex<Position>>,
    /// Held while a batch is delivered: a shard has one reader.
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl StreamSource {
    /// Reads what is written from now on.
    pub fn new(database: Database, table: &str, functions: Functions, function: &'static str) -> anyhow::Result<Self> {
        let (position, turn) = (Arc::default(), Arc::default());
        let source = Self { database, table: table.to_owned(), functions, function, position, turn };
        source.skip()?;
        Ok(source)
    }

    /// Delivers nothing until it goes on; what is written meanwhile waits in the stream.
    pub fn pause(&self, paused: bool) {
        self.lock().paused = paused;
    }

    /// Skips all that was written and not delivered so far, as when nobody has read it for 24 hours.
    pub async fn drop_records(&self) -> anyhow::Result<()> {
        let _turn = self.turn.lock().await;
        self.skip()
    }

    fn skip(&self) -> anyhow::Result<()> {
        let end = self.iterator_at_the_end()?;
        let mut position = self.lock();
        position.iterator = end;
        position.pending.clear();
        Ok(())
    }

    /// Delivers until there is nothing more, or until a batch fails and gets no further.
    pub async fn drain(&self) -> anyhow::Result<Drained> {
        let mut drained = Drained::default();
        while let Some(batch) = self.deliver_one_batch().await? {
            drained.invocations += 1;
            drained.deliveries += batch.deliveries;
            drained.failures += batch.failures;
            drained.errors += batch.errors;
            if batch.failures == batch.deliveries {
                break;
            }
        }
        Ok(drained)
    }

    /// Delivers for ever.
    pub async fn run(self) {
        loop {
            let wait = match self.deliver_one_batch().await {
                Ok(None) => IDLE,
                Ok(Some(batch)) if batch.failures == 0 => continue,
                Ok(Some(_)) => AFTER_FAILURE,
                Err(error) => {
                    self.functions.logs().note("stream", format!("{error:#}"));
                    AFTER_FAILURE
                }
            };
            tokio::time::sleep(wait).await;
        }
    }

    async fn deliver_one_batch(&self) -> anyhow::Result<Option<Drained>> {
        let _turn = self.turn.lock().await;
        let batch = self.next_batch()?;
        if batch.is_empty() {
            return Ok(None);
        }
        let answer = self.functions.invoke(self.function, json!({ "Records": batch })).await;
        let done = match answer {
            Ok(answer) => done_of(&batch, &answer).ok_or_else(|| format!("{} answered {answer}", self.function)),
            Err(error) => Err(error.to_string()),
        };
        let errors = usize::from(done.is_err());
        let done = done.unwrap_or_else(|error| {
            self.functions.logs().note("stream", error);
            0
        });
        self.lock().pending.drain(..done);
        Ok(Some(Drained { invocations: 1, deliveries: batch.len(), failures: batch.len() - done, errors }))
    }

    /// The oldest pending records, after reading on when there are none.
    fn next_batch(&self) -> anyhow::Result<Vec<Value>> {
        let mut position = self.lock();
        if position.paused {
            return Ok(Vec::new());
        }
        while position.pending.is_empty() {
            let Some(iterator) = &position.iterator else { break };
            let request = json!({ "ShardIterator": iterator, "Limit": BATCH });
            let got = self.database.get_records(serde_json::from_value(request)?)?;
            let mut got = serde_json::to_value(got)?;
            let Value::Array(records) = got["Records"].take() else { break };
            let next = got["NextShardIterator"].take();
            position.iterator = Some(next).filter(Value::is_string);
            if records.is_empty() {
                break;
            }
            position.pending.extend(records.into_iter().filter(passes).map(|record| self.with_arn(record)));
        }
        Ok(position.pending.iter().take(BATCH).cloned().collect())
    }

    fn with_arn(&self, mut record: Value) -> Value {
        let stream =
            format!("arn:aws:dynamodb:{REGION}:{ACCOUNT_ID}:table/{}/stream/2026-01-01T00:00:00.000", self.table);
        record["eventSourceARN"] = json!(stream);
        record["awsRegion"] = json!(REGION);
        record
    }

    /// `None` when the table has no stream.
    fn iterator_at_the_end(&self) -> anyhow::Result<Option<Value>> {
        let request = json!({ "TableName": self.table });
        let streams = serde_json::to_value(self.database.list_streams(serde_json::from_value(request)?)?)?;
        let Some(arn) = streams["Streams"][0]["StreamArn"].as_str() else {
            return Ok(None);
        };
        let request = json!({ "StreamArn": arn });
        let stream = serde_json::to_value(self.database.describe_stream(serde_json::from_value(request)?)?)?;
        let shard = &stream["StreamDescription"]["Shards"][0]["ShardId"];
        let request = json!({ "StreamArn": arn, "ShardId": shard, "ShardIteratorType": "LATEST" });
        let iterator =
            self.database.get_shard_iterator(serde_json::from_value(request).context("a stream's shard")?)?;
        Ok(serde_json::to_value(iterator)?.get("ShardIterator").cloned())
    }

    fn lock(&self) -> MutexGuard<'_, Position> {
        self.position.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for StreamSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamSource")
            .field("table", &self.table)
            .field("function", &self.function)
            .finish_non_exhaustive()
    }
}

/// The mapping's filter.
fn passes(record: &Value) -> bool {
    let is_event = record["dynamodb"]["Keys"]["sk"]["S"].as_str().is_some_and(|sk| sk.starts_with("EVENT#"));
    record["eventName"] == "INSERT" && is_event
}

/// How many records, counted from the first, are done with; `None` when the answer counts as a failure of all.
fn done_of(batch: &[Value], answer: &Value) -> Option<usize> {
    let failed = failed_items(answer)?;
    let place = |id: &String| batch.iter().position(|record| record["dynamodb"]["SequenceNumber"] == id.as_str());
    let places: Option<Vec<usize>> = failed.iter().map(place).collect();
    Some(places?.into_iter().min().unwrap_or(batch.len()))
}
