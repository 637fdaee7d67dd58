//! The event bus: what everybody else learns about ad accounts, and how it gets there.
//!
//! [`BusEvent`] is what leaves the service. It is read from a row of the outbox by naming what may leave, so that whatever
//! else a row holds (who did it, for one) stays behind.
//!
//! [`EventBus`] sends: EventBridge's `PutEvents`
//! (<https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html>), which may take some entries of a
//! call and not others, and says so with HTTP 200. That is why there is an answer for each event.

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_eventbridge::types::{PutEventsRequestEntry, PutEventsResultEntry};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use domain::causes::CauseCode;
use domain::gap::Gap;
use domain::ids::{AdvertiserId, OrgId};

pub const SOURCE: &str = "creativex.ad-accounts";
/// What one call may hold.
pub const ENTRIES_PER_CALL: usize = 10;
const BYTES_PER_CALL: usize = 256 * 1024;

/// An event as the bus gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BusEvent {
    /// The same for every copy of it.
    pub event_id: String,
    /// Its detail-type.
    kind: String,
    /// Its detail, as JSON.
    detail: String,
}

/// All that may leave. An event about an account names it; one about the sweep has a reason.
#[derive(Serialize, Deserialize)]
struct Told {
    event_id: Word,
    #[serde(skip_serializing)]
    kind: Word,
    #[serde(skip_serializing_if = "Option::is_none")]
    org_id: Option<OrgId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    advertiser_id: Option<AdvertiserId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
    occurred_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<CauseCode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gap: Option<Gap>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Word>,
}

/// A name of ours. No sentence, no e-mail address and no JSON fits into it, whatever a row holds.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Word(String);

impl TryFrom<String> for Word {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let fits = (1..=64).contains(&text.len());
        if fits && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')) {
            Ok(Self(text))
        } else {
            Err("must be 1 to 64 letters, digits, dashes or underscores")
        }
    }
}

impl From<Word> for String {
    fn from(word: Word) -> Self {
        word.0
    }
}

/// A row does not say what an event must say. It cannot be sent as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no event: {0}")]
pub struct NoEvent(String);

impl BusEvent {
    /// Reads a row of the outbox, as the table or its stream gives it.
    pub fn of_row(row: impl Into<serde_dynamo::Item>) -> Result<Self, NoEvent> {
        let told: Told = serde_dynamo::from_item(row.into()).map_err(|error| NoEvent(error.to_string()))?;
        let detail = serde_json::to_string(&told).map_err(|error| NoEvent(error.to_string()))?;
        Ok(Self { event_id: told.event_id.0, kind: told.kind.0, detail })
    }

    /// As EventBridge counts it.
    fn bytes(&self) -> usize {
        SOURCE.len() + self.kind.len() + self.detail.len()
    }
}

/// The bus did not take an event, as far as is known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// It took the call but not this event, and says why in a word.
    #[error("the bus refused it: {code}")]
    Refused { code: String },
    /// The call failed. If no answer came, the bus may have it all the same.
    #[error("the bus did not answer: {code}")]
    Unavailable { code: String },
}

impl NotTaken {
    pub fn code(&self) -> &str {
        match self {
            Self::Refused { code } | Self::Unavailable { code } => code,
        }
    }
}

#[derive(Clone, Debug)]
pub struct EventBus {
    client: Client,
    name: String,
}

impl EventBus {
    /// `name` is the bus's name or ARN.
    pub fn new(client: Client, name: String) -> Self {
        Self { client, name }
    }

    /// Sends events, [`ENTRIES_PER_CALL`] with each call. The answers are in the order of the events.
    pub async fn put(&self, events: &[&BusEvent]) -> Vec<Result<(), NotTaken>> {
        let mut answers = Vec::with_capacity(events.len());
        for some in calls(events) {
            answers.extend(self.put_some(some).await);
        }
        answers
    }

    async fn put_some(&self, events: &[&BusEvent]) -> Vec<Result<(), NotTaken>> {
        let entries = events.iter().map(|event| {
            PutEventsRequestEntry::builder()
                .event_bus_name(&self.name)
                .source(SOURCE)
                .detail_type(&event.kind)
                .detail(&event.detail)
                .build()
        });
        match self.client.put_events().set_entries(Some(entries.collect())).send().await {
            Ok(answer) => {
                let entries = answer.entries();
                (0..events.len()).map(|place| taken(entries.get(place))).collect()
            }
            Err(error) => {
                let code = match &error {
                    SdkError::TimeoutError(_) => "time-out",
                    SdkError::DispatchFailure(_) => "no connection",
                    SdkError::ServiceError(context) => context.err().code().unwrap_or("unknown error"),
                    _ => "unreadable answer",
                };
                vec![Err(NotTaken::Unavailable { code: code.to_owned() }); events.len()]
            }
        }
    }
}

/// Results are in the order of the entries; one without an id was not taken.
fn taken(result: Option<&PutEventsResultEntry>) -> Result<(), NotTaken> {
    let refused = |code: &str| Err(NotTaken::Refused { code: code.to_owned() });
    match result {
        None => refused("no result"),
        Some(result) => match (result.error_code(), result.event_id()) {
            (None, Some(_)) => Ok(()),
            (code, _) => refused(code.unwrap_or("no id")),
        },
    }
}

/// Events as they go together into one call: not too many, and not too large. One that is too large by itself goes alone,
/// and the bus refuses it.
fn calls<'a, 'b>(mut events: &'b [&'a BusEvent]) -> Vec<&'b [&'a BusEvent]> {
    let mut calls = Vec::new();
    while !events.is_empty() {
        let mut bytes = 0;
        let fitting = events.iter().take(ENTRIES_PER_CALL).take_while(|event| {
            bytes += event.bytes();
            bytes <= BYTES_PER_CALL
        });
        let (call, rest) = events.split_at(fitting.count().max(1));
        calls.push(call);
        events = rest;
    }
    calls
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn row(row: &Value) -> serde_dynamo::Item {
        serde_dynamo::to_item(row).unwrap()
    }

    fn reconnected() -> Value {
        json!({
            "pk": "ORG#org-a#ACCOUNT#71", "sk": "EVENT#00000000000000000007#AdAccountReconnected",
            "due_pk": "OUTBOX#03", "due_sk": "2026-11-23T12:00:00Z#evt_1", "event_id": "evt_1",
            "kind": "AdAccountReconnected", "org_id": "org-a", "advertiser_id": "71", "version": 7,
            "occurred_at": "2026-11-23T12:00:00Z", "gap": { "from": "2026-11-20", "to": "2026-11-23", "by": "c4n4ry" },
            "by": "c4n4ry@example.com", "name": "c4n4ry", "sealed_token": "c4n4ry", "revision": 12,
        })
    }

    fn detail(of: &Value) -> Value {
        serde_json::from_str(&BusEvent::of_row(row(of)).unwrap().detail).unwrap()
    }

    /// T70.
    #[test]
    fn what_is_not_named_does_not_leave() {
        let event = BusEvent::of_row(row(&reconnected())).unwrap();
        assert_eq!((event.event_id.as_str(), event.kind.as_str()), ("evt_1", "AdAccountReconnected"));
        let told = json!({
            "event_id": "evt_1", "org_id": "org-a", "advertiser_id": "71", "version": 7,
            "occurred_at": "2026-11-23T12:00:00Z", "gap": { "from": "2026-11-20", "to": "2026-11-23" },
        });
        assert_eq!(serde_json::from_str::<Value>(&event.detail).unwrap(), told);
        assert!(!format!("{event:?}").contains("c4n4ry"));
    }

    #[test]
    fn a_cause_and_the_days_that_are_lost_are_told() {
        let mut lapsed = reconnected();
        lapsed["cause"] = json!("authorization_revoked");
        lapsed["gap"]["unrecoverable_before"] = json!("2025-11-23");
        let told = detail(&lapsed);
        assert_eq!(told["cause"], "authorization_revoked");
        assert_eq!(
            told["gap"],
            json!({ "from": "2026-11-20", "to": "2026-11-23", "unrecoverable_before": "2025-11-23" })
        );
    }

    #[test]
    fn an_event_of_the_sweep_concerns_no_account() {
        let held = json!({
            "pk": "SWEEP", "sk": "EVENT#00000000000000000003#SweepHeld", "event_id": "evt_2", "kind": "SweepHeld",
            "version": 3, "occurred_at": "2026-11-23T12:00:00Z", "reason": "too_many_strikes",
        });
        assert_eq!(
            detail(&held),
            json!({ "event_id": "evt_2", "version": 3, "occurred_at": "2026-11-23T12:00:00Z", "reason": "too_many_strikes" })
        );
    }

    #[test]
    fn a_row_without_what_an_event_needs_is_none() {
        for (attribute, value) in [
            ("event_id", Value::Null),
            ("kind", Value::Null),
            ("occurred_at", Value::Null),
            ("event_id", json!("")),
            ("event_id", json!(7)),
            ("kind", json!("c4n4ry@example.com")),
            ("reason", json!("a sentence with c4n4ry")),
            ("cause", json!("unheard_of")),
            ("occurred_at", json!("yesterday")),
            ("version", json!(-1)),
        ] {
            let mut broken = reconnected();
            broken[attribute] = value;
            assert!(BusEvent::of_row(row(&broken)).is_err(), "{attribute}");
            broken.as_object_mut().unwrap().remove(attribute);
            let needed = matches!(attribute, "event_id" | "kind" | "occurred_at");
            assert_eq!(BusEvent::of_row(row(&broken)).is_err(), needed, "{attribute}");
        }
    }

    #[test]
    fn a_call_holds_ten_events_and_no_more_than_the_bus_takes() {
        let event =
            |bytes: usize| BusEvent { event_id: String::new(), kind: "K".to_owned(), detail: "x".repeat(bytes) };
        let sizes = |events: &[BusEvent]| -> Vec<usize> {
            calls(&events.iter().collect::<Vec<_>>()).iter().map(|call| call.len()).collect()
        };
        assert_eq!(sizes(&vec![event(400); 25]), [10, 10, 5]);
        let third = BYTES_PER_CALL / 3 - SOURCE.len() - 1;
        assert_eq!(sizes(&vec![event(third); 5]), [3, 2]);
        assert_eq!(sizes(&vec![event(third + 1); 5]), [2, 2, 1]);
        assert_eq!(sizes(&[event(1), event(BYTES_PER_CALL), event(1)]), [1, 1, 1]);
        assert!(calls(&[]).is_empty());
    }

    #[test]
    fn only_a_result_with_an_id_and_no_error_is_taken() {
        let result = |id: Option<&str>, code: Option<&str>| {
            let entry = PutEventsResultEntry::builder();
            entry.set_event_id(id.map(str::to_owned)).set_error_code(code.map(str::to_owned)).build()
        };
        assert_eq!(taken(Some(&result(Some("1"), None))), Ok(()));
        let throttled = taken(Some(&result(None, Some("ThrottlingException"))));
        assert_eq!(throttled.unwrap_err().code(), "ThrottlingException");
        assert!(taken(Some(&result(None, None))).is_err());
        assert!(taken(None).is_err());
    }
}
