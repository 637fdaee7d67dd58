//! The one table. A file for each function holds what that one reads and writes, as methods of [`Table`]; its role in
//! `infra/template.yaml` allows just that.
//!
//! | File | Used by |
//! |---|---|
//! | [`list_accounts`], [`start_activation`], [`validate_permissions`], [`import_accounts`], [`relay_events`] | the function of that name |
//! | [`lapse_sweep`] | that function: what is due, the guard's review, operators' orders |
//! | [`check_grant`] | that function, and the canary's check |
//! | [`complete_activation`] | `oauth-callback`; `check-grant`, which goes on with activations; `start-activation`, which shows them |
//! | [`accounts`], [`guard`], [`live`], [`counts`] | several of these: an account and what stands behind it, the guard's row, who has what under way, the numbers on the tabs |
//! | [`keys`], [`rows`], [`expression`], [`transaction`] | all of these |
//!
//! | What | `pk` | `sk` | Written by |
//! |---|---|---|---|
//! | ad account | `ORG#<org>` | `ACCOUNT#<advertiser_id>` | import, complete, validate, check |
//! | counts of an organisation | `ORG#<org>` | `COUNTS` | whatever changes a status or what an account belongs to |
//! | counts of all organisations, by status | `COUNTS` | `<0..7>` | whatever changes a status |
//! | grant with its sealed token, its strikes and when it is due | `ORG#<org>` | `GRANT#<grant_id>` | import, complete, validate, check |
//! | Business Center as the organisation knows it | `ORG#<org>` | `BC#<bc_id>` | import, complete, check |
//! | history row, which is also the outbox row | `ORG#<org>#ACCOUNT#<advertiser_id>` | `EVENT#<version>#<kind>` | with the change it tells of |
//! | activation | `ACTIVATION#<activation_id>` | `ACTIVATION` | activate, complete, check |
//! | its candidate token, sealed | `ACTIVATION#<activation_id>` | `CANDIDATE` | complete; gone when the activation closes |
//! | its receipt lines | `ACTIVATION#<activation_id>` | `LINE#<advertiser_id>` | complete |
//! | live activations of a person | `ORG#<org>#USER#<sub>` | `ACTIVATIONS` | activate, complete |
//! | answer kept for an Idempotency-Key, sealed | `ORG#<org>#USER#<sub>` | `IDEMPOTENCY#<sha256>` | activate |
//! | who holds a token string | `TOKEN#<sha256>` | `ORG#<org>#GRANT#<grant_id>` | import, complete |
//! | the guard, and an operator's orders | `SWEEP` | `GUARD` | sweep, check |
//! | when it held and let go, which is also the outbox row | `SWEEP` | `EVENT#<version>#<kind>` | sweep |
//! | how far the sweep has got | `SWEEP` | `PROGRESS` | sweep |
//! | the pause after throttling | `SWEEP` | `BACKOFF` | check |
//! | what a run came to | `SWEEP` | `RUN#<run>#<0..7>` | check |
//! | what the fleet answered in ten minutes | `TALLY` | `<bucket>#<0..7>` | check |
//!
//! Index `by_status` (`status_pk` = `ORG#<org>#<status>`, `status_sk` = the account's `sk`): the two tabs, with the
//! attributes of a row only. Index `by_grant` (`grant_pk` = `ORG#<org>#GRANT#<grant_id>`, `sk`): the ad accounts under a
//! grant. Index `by_due`, keys only: grants due for a check (`due_pk` = `DUE#<shard>`, `due_sk` =
//! `<time>#<org>#<grant_id>`), activations that nobody may come back for (`PENDING#<shard>`, `<time>#<activation_id>`) and
//! events that the bus has not got yet (`OUTBOX#<shard>`, `<time>#<event_id>`). Time to live: attribute `ttl`, garbage
//! collection only; nothing relies on it.
//!
//! An ad account is always written whole, on condition that its `revision` is the one that was read: whoever comes
//! second finds a conflict, reads again and decides again.

pub mod accounts;
pub mod check_grant;
pub mod complete_activation;
pub mod counts;
pub mod expression;
pub mod guard;
pub mod import_accounts;
pub mod keys;
pub mod lapse_sweep;
pub mod list_accounts;
pub mod live;
pub mod relay_events;
pub mod rows;
pub mod start_activation;
pub mod transaction;
pub mod validate_permissions;

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};

pub type Item = HashMap<String, AttributeValue>;

/// The table and the client for it.
#[derive(Clone, Debug)]
pub struct Table {
    client: Client,
    name: String,
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody wrote in between: read again and decide again.
    #[error("somebody else wrote first")]
    Conflict,
    /// The table did not answer, or not in time. Nothing is known about a write that was under way.
    #[error("the table did not answer: {0}")]
    Unavailable(String),
    /// A row is not what it should be.
    #[error("row {key} of the table: {problem}")]
    Unreadable { key: String, problem: String },
}

impl Table {
    pub fn new(client: Client, name: String) -> Self {
        Self { client, name }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    async fn get(&self, pk: String, sk: String) -> Result<Option<Item>, StoreError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.name)
            .key("pk", text(pk))
            .key("sk", text(sk))
            .consistent_read(true)
            .send()
            .await?;
        Ok(answer.item)
    }

    /// Several rows in one call; those that do not exist are left out. At most 100.
    async fn get_all(&self, keys: impl IntoIterator<Item = (String, String)>) -> Result<Vec<Item>, StoreError> {
        let mut wanted = KeysAndAttributes::builder().consistent_read(true).set_keys(Some(Vec::new()));
        for (pk, sk) in keys {
            wanted = wanted.keys(key(pk, sk));
        }
        let mut wanted = Some(wanted.build().map_err(|error| StoreError::Unavailable(error.to_string()))?);
        let mut rows = Vec::new();
        while let Some(some) = wanted.take().filter(|some| !some.keys().is_empty()) {
            let answer = self.client.batch_get_item().request_items(&self.name, some).send().await?;
            rows.extend(answer.responses.into_iter().flatten().flat_map(|(_, rows)| rows));
            wanted = answer.unprocessed_keys.and_then(|mut left| left.remove(&self.name));
        }
        Ok(rows)
    }
}

pub(crate) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

#[expect(clippy::needless_pass_by_value, reason = "numbers are passed as they are")]
pub(crate) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(crate) fn key(pk: String, sk: String) -> Item {
    HashMap::from([("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))])
}

fn sort_key(item: &Item) -> &str {
    item.get("sk").and_then(|value| value.as_s().ok()).map_or("", String::as_str)
}

/// A read, or a write without a condition: every failure means "not now". The message is the SDK's kind and code, never
/// its text, which may carry values.
impl<E, R> From<SdkError<E, R>> for StoreError
where
    E: aws_sdk_dynamodb::error::ProvideErrorMetadata,
{
    fn from(error: SdkError<E, R>) -> Self {
        let kind = match &error {
            SdkError::ConstructionFailure(_) => "request not built",
            SdkError::TimeoutError(_) => "time-out",
            SdkError::DispatchFailure(_) => "no connection",
            SdkError::ResponseError(_) => "unreadable answer",
            SdkError::ServiceError(context) => context.err().code().unwrap_or("unknown error"),
            _ => "unknown",
        };
        Self::Unavailable(kind.to_owned())
    }
}
