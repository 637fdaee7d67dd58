//! The two events that this function takes.
//!
//! ```json
//! {"Records": [{"eventName": "INSERT", "dynamodb": {"Keys": {"…": "…"}, "NewImage": {"…": "…"}, "SequenceNumber": "1"}}]}
//! {"source": "aws.scheduler", "detail-type": "Scheduled Event", "time": "2026-11-23T12:00:00Z"}
//! ```
//!
//! The first is a batch of the table's stream
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_Record.html>): all that happens to any row,
//! and only rows of the outbox concern us. The images of others, grants among them, are not even read.

use serde::Deserialize;
use serde_dynamo::Item;
use serde_json::value::RawValue;
use shared::logging::loggable;
use shared::store::keys::EVENT_PREFIX;
use shared::store::relay_events::{OutboxRow, RowKey};

const SCHEDULED: &str = "Scheduled Event";
const SCHEDULERS: [&str; 2] = ["aws.scheduler", "aws.events"];

/// It is nothing that this function takes.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("it must be a batch of the table's stream, or come from the scheduler")]
pub struct EventError;

#[derive(Debug)]
pub enum Input {
    Stream(Batch),
    Schedule,
}

/// What a batch of the stream has for the bus.
#[derive(Debug, Default)]
pub struct Batch {
    pub rows: Vec<OutboxRow>,
    /// Records that cannot be read. They never will be, so nobody waits for them.
    pub poison: Vec<Poison>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Poison {
    /// What identifies it in the stream, if that can be read.
    pub sequence_number: Option<String>,
    pub problem: String,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(rename = "Records", borrow)]
    records: Option<Vec<&'a RawValue>>,
    #[serde(rename = "detail-type")]
    detail_type: Option<String>,
    source: Option<String>,
}

#[derive(Deserialize)]
struct Record<'a> {
    #[serde(rename = "eventName")]
    event_name: String,
    #[serde(borrow)]
    dynamodb: Change<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Change<'a> {
    keys: Keys,
    /// Absent when the row is gone.
    #[serde(borrow)]
    new_image: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Keys {
    pk: Text,
    sk: Text,
}

/// A string, as the stream writes it.
#[derive(Deserialize)]
struct Text {
    #[serde(rename = "S")]
    text: String,
}

/// The least that a record can say about itself.
#[derive(Deserialize)]
struct Numbered {
    dynamodb: SequenceNumber,
}

#[derive(Deserialize)]
struct SequenceNumber {
    #[serde(rename = "SequenceNumber")]
    sequence_number: String,
}

impl Input {
    pub fn read(event: &str) -> Result<Self, EventError> {
        let envelope: Envelope<'_> = serde_json::from_str(event).map_err(|_| EventError)?;
        if let Some(records) = envelope.records {
            return Ok(Self::Stream(Batch::read(&records)));
        }
        let scheduled = envelope.detail_type.as_deref() == Some(SCHEDULED)
            && envelope.source.is_some_and(|source| SCHEDULERS.contains(&source.as_str()));
        if scheduled { Ok(Self::Schedule) } else { Err(EventError) }
    }
}

impl Batch {
    fn read(records: &[&RawValue]) -> Self {
        let mut batch = Self::default();
        for record in records {
            match read(record.get()) {
                Ok(row) => batch.rows.extend(row),
                Err(error) => batch.poison.push(Poison {
                    sequence_number: serde_json::from_str(record.get())
                        .ok()
                        .map(|Numbered { dynamodb }| loggable(&dynamodb.sequence_number)),
                    problem: place(&error),
                }),
            }
        }
        batch
    }
}

/// The row if it waits for the bus.
fn read(record: &str) -> Result<Option<OutboxRow>, serde_json::Error> {
    let Record { event_name, dynamodb: Change { keys, new_image } } = serde_json::from_str(record)?;
    let Some(image) = new_image.filter(|_| event_name != "REMOVE" && keys.sk.text.starts_with(EVENT_PREFIX)) else {
        return Ok(None);
    };
    let row: Item = serde_json::from_str(image.get())?;
    Ok(OutboxRow::waiting(RowKey { pk: keys.pk.text, sk: keys.sk.text }, row))
}

/// Where it went wrong, without repeating what stood there.
fn place(error: &serde_json::Error) -> String {
    format!("{:?} error at line {} column {}", error.classify(), error.line(), error.column())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn record(sk: &str, image: &Value) -> Value {
        json!({"eventName": "INSERT", "dynamodb": {
            "Keys": {"pk": {"S": "SWEEP"}, "sk": {"S": sk}}, "NewImage": image, "SequenceNumber": "100000000000000000001"}})
    }

    fn waiting() -> Value {
        json!({"pk": {"S": "SWEEP"}, "sk": {"S": "EVENT#1#SweepHeld"}, "due_pk": {"S": "OUTBOX#01"},
               "due_sk": {"S": "2026-11-23T12:00:00Z#evt_1"}, "event_id": {"S": "evt_1"}, "kind": {"S": "SweepHeld"},
               "occurred_at": {"S": "2026-11-23T12:00:00Z"}})
    }

    fn batch(records: &[Value]) -> Batch {
        match Input::read(&json!({ "Records": records }).to_string()).unwrap() {
            Input::Stream(batch) => batch,
            Input::Schedule => panic!("not scheduled"),
        }
    }

    #[test]
    fn only_rows_that_wait_concern_the_bus() {
        let mut delivered = waiting();
        delivered.as_object_mut().unwrap().remove("due_pk");
        let mut removed = record("EVENT#1#SweepHeld", &waiting());
        removed["eventName"] = json!("REMOVE");
        let grant = record("GRANT#1", &json!({"due_pk": {"S": "DUE#01"}, "sealed_token": {"B": "not base64!"}}));
        let mut gone = record("EVENT#1#SweepHeld", &waiting());
        gone["dynamodb"].as_object_mut().unwrap().remove("NewImage");
        let batch = batch(&[
            record("EVENT#1#SweepHeld", &waiting()),
            record("EVENT#1#SweepHeld", &delivered),
            removed,
            grant,
            gone,
        ]);
        assert_eq!(batch.rows.len(), 1);
        assert_eq!(batch.rows[0].event.as_ref().unwrap().event_id, "evt_1");
        assert!(batch.poison.is_empty(), "{:?}", batch.poison);
    }

    #[test]
    fn poison_is_named_and_not_repeated() {
        let batch = batch(&[
            json!("c4n4ry"),
            record("EVENT#1#SweepHeld", &json!({"due_pk": {"c4n4ry": "c4n4ry"}})),
            record("EVENT#1#SweepHeld", &waiting()),
        ]);
        assert_eq!(batch.rows.len(), 1);
        let numbers: Vec<_> = batch.poison.iter().map(|poison| poison.sequence_number.as_deref()).collect();
        assert_eq!(numbers, [None, Some("100000000000000000001")]);
        assert!(!format!("{:?}", batch.poison).contains("c4n4ry"));
    }

    #[test]
    fn schedulers_are_known_by_name() {
        let scheduled = |source: &str, kind: &str| {
            Input::read(&json!({"source": source, "detail-type": kind, "time": "2026-11-23T12:00:00Z"}).to_string())
        };
        assert!(matches!(scheduled("aws.scheduler", SCHEDULED), Ok(Input::Schedule)));
        assert!(matches!(scheduled("aws.events", SCHEDULED), Ok(Input::Schedule)));
        assert!(scheduled("creativex.registry", SCHEDULED).is_err());
        assert!(scheduled("aws.scheduler", "AdAccountLapsed").is_err());
        for event in ["{}", "[]", "null", "c4n4ry", r#"{"Records": 7}"#] {
            assert!(Input::read(event).is_err(), "{event}");
        }
    }
}
