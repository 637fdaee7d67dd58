//! What this function is told to do: by the schedule every minute, or by an operator.
//!
//! ```json
//! {"source": "aws.scheduler", "detail-type": "Scheduled Event", "time": "2026-11-23T12:00:00Z"}
//! {"sweep": "due"}
//! {"sweep": "all"}
//! {"guard": "hold"}
//! {"guard": "release"}
//! {"guard": "auto"}
//! {"canary": {"org_id": "reconnect", "grant_id": "grt_…"}}
//! {"revoke": {"granted_before": "2026-11-23T12:00:00Z", "table": "reconnect"}}
//! {"revoke": "stop"}
//! ```

use domain::guard::Canary;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use shared::clock;

const SCHEDULERS: [&str; 2] = ["aws.scheduler", "aws.events"];

/// It is nothing that this function can do.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    #[error("it must come from the scheduler or be an operator's sweep, guard, canary or revoke")]
    Unknown,
    #[error(
        "to revoke takes the time before which tokens were granted and, to be sure that it is meant, the name of the table: \
         {{\"revoke\": {{\"granted_before\": \"2026-11-23T12:00:00Z\", \"table\": \"…\"}}}}, or \"stop\"; nothing is revoked"
    )]
    Unconfirmed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// Grants that are due.
    Due,
    /// All grants, due or not.
    All,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GuardOrder {
    Hold,
    Release,
    /// The guard decides by itself again.
    Auto,
}

/// All tokens granted before this time are to be revoked. The time makes it the same order however often it is given, and
/// leaves out who consents afterwards; the table is named so that nobody revokes another's by mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RevokeOrder {
    GrantedBefore { time: Timestamp, table: String },
    Stop,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// `time` is when the schedule meant it: the same for every copy of the event, which makes it the name of the run.
    Schedule {
        time: Timestamp,
    },
    Sweep(Which),
    Guard(GuardOrder),
    Canary(Canary),
    Revoke(RevokeOrder),
}

#[derive(Deserialize)]
struct Scheduled {
    source: String,
    #[serde(rename = "detail-type")]
    detail_type: String,
    time: Timestamp,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Order {
    Sweep(Which),
    Guard(GuardOrder),
    Canary(Canary),
    Revoke(Value),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Revoke {
    granted_before: Timestamp,
    table: String,
}

impl RevokeOrder {
    fn read(order: &Value) -> Result<Self, EventError> {
        if order == "stop" {
            return Ok(Self::Stop);
        }
        let Revoke { granted_before, table } = Revoke::deserialize(order).map_err(|_| EventError::Unconfirmed)?;
        Ok(Self::GrantedBefore { time: clock::whole_seconds(granted_before), table })
    }
}

impl Input {
    pub fn read(event: &str) -> Result<Self, EventError> {
        if let Ok(scheduled) = serde_json::from_str::<Scheduled>(event) {
            let is_ours = SCHEDULERS.contains(&scheduled.source.as_str()) && scheduled.detail_type == "Scheduled Event";
            return if is_ours { Ok(Self::Schedule { time: scheduled.time }) } else { Err(EventError::Unknown) };
        }
        match serde_json::from_str(event) {
            Ok(Order::Sweep(which)) => Ok(Self::Sweep(which)),
            Ok(Order::Guard(order)) => Ok(Self::Guard(order)),
            Ok(Order::Canary(canary)) => Ok(Self::Canary(canary)),
            Ok(Order::Revoke(order)) => RevokeOrder::read(&order).map(Self::Revoke),
            Err(_) => Err(EventError::Unknown),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_may_be_ordered_is_understood() {
        let time = "2026-11-23T12:00:00Z";
        let scheduled =
            format!(r#"{{"source":"aws.scheduler","detail-type":"Scheduled Event","time":"{time}","detail":{{}}}}"#);
        assert_eq!(Input::read(&scheduled), Ok(Input::Schedule { time: time.parse().unwrap() }));
        assert_eq!(Input::read(r#"{"sweep":"all"}"#), Ok(Input::Sweep(Which::All)));
        assert_eq!(Input::read(r#"{"guard":"release"}"#), Ok(Input::Guard(GuardOrder::Release)));
        let canary = r#"{"canary":{"org_id":"reconnect","grant_id":"grt_aaaaaaaaaaaaaaaaaaaaaa"}}"#;
        assert!(matches!(Input::read(canary), Ok(Input::Canary(_))));
        let revoke = r#"{"revoke":{"granted_before":"2026-11-23T12:00:00.9Z","table":"reconnect"}}"#;
        let order = RevokeOrder::GrantedBefore { time: time.parse().unwrap(), table: "reconnect".to_owned() };
        assert_eq!(Input::read(revoke), Ok(Input::Revoke(order)));
        assert_eq!(Input::read(r#"{"revoke":"stop"}"#), Ok(Input::Revoke(RevokeOrder::Stop)));
    }

    #[test]
    fn nothing_else_is() {
        for event in [
            "",
            "[]",
            "{}",
            r#"{"sweep":"some"}"#,
            r#"{"guard":"off"}"#,
            r#"{"guard":"hold","sweep":"due"}"#,
            r#"{"revoke":"stop","sweep":"due"}"#,
            r#"{"canary":{"org_id":"a b"}}"#,
            r#"{"source":"somebody","detail-type":"Scheduled Event","time":"2026-11-23T12:00:00Z"}"#,
            r#"{"source":"aws.scheduler","detail-type":"Scheduled Event"}"#,
            r#"{"Records":[]}"#,
        ] {
            assert_eq!(Input::read(event), Err(EventError::Unknown), "{event}");
        }
    }

    #[test]
    fn whoever_revokes_says_what_and_where() {
        for order in [
            r#""all""#,
            "null",
            "{}",
            r#"{"table":"reconnect"}"#,
            r#"{"granted_before":"2026-11-23T12:00:00Z"}"#,
            r#"{"granted_before":"today","table":"reconnect"}"#,
            r#"{"granted_before":"2026-11-23T12:00:00Z","table":"reconnect","org_id":"aurora"}"#,
        ] {
            assert_eq!(Input::read(&format!(r#"{{"revoke":{order}}}"#)), Err(EventError::Unconfirmed), "{order}");
        }
        let said = EventError::Unconfirmed.to_string();
        assert!(said.contains(r#"{"revoke": {"granted_before": "2026-11-23T12:00:00Z", "table": "…"}}"#), "{said}");
    }
}
