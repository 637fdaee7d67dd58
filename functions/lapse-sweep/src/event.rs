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
//! ```

use jiff::Timestamp;
use serde::Deserialize;
use shared::domain::guard::Canary;

const SCHEDULERS: [&str; 2] = ["aws.scheduler", "aws.events"];

/// It is nothing that this function can do.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("it must come from the scheduler or be an operator's sweep, guard or canary")]
pub struct EventError;

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

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// `time` is when the schedule meant it: the same for every copy of the event, which makes it the name of the run.
    Schedule {
        time: Timestamp,
    },
    Sweep(Which),
    Guard(GuardOrder),
    Canary(Canary),
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
}

impl Input {
    pub fn read(event: &str) -> Result<Self, EventError> {
        if let Ok(scheduled) = serde_json::from_str::<Scheduled>(event) {
            let is_ours = SCHEDULERS.contains(&scheduled.source.as_str()) && scheduled.detail_type == "Scheduled Event";
            return if is_ours { Ok(Self::Schedule { time: scheduled.time }) } else { Err(EventError) };
        }
        match serde_json::from_str(event) {
            Ok(Order::Sweep(which)) => Ok(Self::Sweep(which)),
            Ok(Order::Guard(order)) => Ok(Self::Guard(order)),
            Ok(Order::Canary(canary)) => Ok(Self::Canary(canary)),
            Err(_) => Err(EventError),
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
            r#"{"canary":{"org_id":"a b"}}"#,
            r#"{"source":"somebody","detail-type":"Scheduled Event","time":"2026-11-23T12:00:00Z"}"#,
            r#"{"source":"aws.scheduler","detail-type":"Scheduled Event"}"#,
            r#"{"Records":[]}"#,
        ] {
            assert_eq!(Input::read(event), Err(EventError), "{event}");
        }
    }
}
