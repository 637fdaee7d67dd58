//! The queue of checks: what `lapse-sweep` puts in and `check-grant` takes out.
//!
//! A message says what to look at, never why or with what: it holds ids and times, and nothing confidential. Whoever gets
//! it twice, late or out of order finds in the table whether there is still anything to do.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use serde::{Deserialize, Serialize};
use tracing::warn;
use url::Url;

use domain::ids::{ActivationId, GrantId, OrgId};

/// SQS takes so many messages in one call.
pub const MESSAGES_PER_CALL: usize = 10;

/// One thing to look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "check", rename_all = "snake_case", deny_unknown_fields)]
pub enum CheckMessage {
    Grant {
        org_id: OrgId,
        grant_id: GrantId,
        /// The due time that the sweep saw, as the table writes it. If it is another one by now, somebody was there.
        due: String,
        /// Which run of the sweep asks.
        run: String,
    },
    /// The guard's canary: does its token work?
    Canary { org_id: OrgId, grant_id: GrantId },
    /// An activation that nobody came back for.
    Activation { activation_id: ActivationId },
}

/// The queue did not take all messages. Those it took may be taken again: nothing depends on their number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the queue did not take {left} of {of} messages: {code}")]
pub struct NotQueued {
    pub left: usize,
    pub of: usize,
    pub code: String,
}

#[derive(Clone, Debug)]
pub struct CheckQueue {
    client: Client,
    url: String,
}

impl CheckQueue {
    pub fn new(client: Client, url: &Url) -> Self {
        Self { client, url: url.to_string() }
    }

    /// Puts the messages in, ten to a call. What the queue refuses of a call is offered once more.
    pub async fn send(&self, messages: &[CheckMessage]) -> Result<(), NotQueued> {
        for some in messages.chunks(MESSAGES_PER_CALL) {
            let (left, _) = self.send_some(some).await?;
            if left.is_empty() {
                continue;
            }
            let (left, code) = self.send_some(&left).await?;
            if !left.is_empty() {
                return Err(NotQueued { left: left.len(), of: some.len(), code });
            }
        }
        Ok(())
    }

    /// One call. Gives the messages that the queue did not take, and its word for why.
    async fn send_some(&self, messages: &[CheckMessage]) -> Result<(Vec<CheckMessage>, String), NotQueued> {
        let failed = |code: &str| NotQueued { left: messages.len(), of: messages.len(), code: code.to_owned() };
        let mut call = self.client.send_message_batch().queue_url(&self.url);
        for (place, message) in messages.iter().enumerate() {
            let body = serde_json::to_string(message).map_err(|_| failed("a message is not JSON"))?;
            let entry = SendMessageBatchRequestEntry::builder().id(place.to_string()).message_body(body).build();
            call = call.entries(entry.map_err(|_| failed("a message is incomplete"))?);
        }
        let answer = call.send().await.map_err(|error| {
            let code = match &error {
                SdkError::ServiceError(context) => context.err().code().unwrap_or("unknown error"),
                SdkError::TimeoutError(_) => "time-out",
                _ => "no connection",
            };
            failed(code)
        })?;
        let mut code = String::new();
        let mut left = Vec::new();
        for refused in answer.failed() {
            refused.code().clone_into(&mut code);
            warn!(code, "The queue refused a message");
            left.extend(refused.id().parse().ok().and_then(|place: usize| messages.get(place)).cloned());
        }
        Ok((left, code))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_message_is_ids_and_times() {
        let message = CheckMessage::Grant {
            org_id: "org-a".parse().unwrap(),
            grant_id: "grt_aaaaaaaaaaaaaaaaaaaaaa".parse().unwrap(),
            due: "2026-11-23T12:00:00Z".to_owned(),
            run: "2026-11-23T12:00:00Z".to_owned(),
        };
        let json = json!({
            "check": "grant", "org_id": "org-a", "grant_id": "grt_aaaaaaaaaaaaaaaaaaaaaa",
            "due": "2026-11-23T12:00:00Z", "run": "2026-11-23T12:00:00Z",
        });
        assert_eq!(serde_json::to_value(&message).unwrap(), json);
        assert_eq!(serde_json::from_value::<CheckMessage>(json).unwrap(), message);
        for bad in [
            json!({"check": "grant"}),
            json!({"check": "other"}),
            json!({"check": "canary", "org_id": "", "grant_id": "x"}),
            json!([]),
        ] {
            assert!(serde_json::from_value::<CheckMessage>(bad.clone()).is_err(), "{bad}");
        }
    }
}
