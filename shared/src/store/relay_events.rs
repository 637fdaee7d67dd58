//! The outbox: events that the bus has not got yet.
//!
//! An event is a row of an account's history, written with the change it tells of. Until the bus has it, the row carries
//! `due_pk` and `due_sk` and so lies in index `by_due`. Whoever delivers it takes the two away and leaves `delivered_at`.
//! Dying in between means that it is delivered again, with the same id.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use jiff::Timestamp;

use super::expression::Expression;
use super::{Item, StoreError, Table, key, keys, text};
use crate::bus::{BusEvent, NoEvent};

/// Keys in one page. They are small, and a page is what one run holds of a shard at a time.
const PAGE: i32 = 1_000;
/// What one read takes.
pub const ROWS_AT_ONCE: usize = 100;

/// Where a row lies.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RowKey {
    pub pk: String,
    pub sk: String,
}

/// An event that waits, as the index knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsent {
    pub key: RowKey,
    /// When it happened. A time that cannot be read counts as the oldest of all, so that somebody looks.
    pub since: Timestamp,
}

/// Oldest first; the last page has no `next`.
#[derive(Clone, Debug, Default)]
pub struct UnsentPage {
    pub unsent: Vec<Unsent>,
    pub next: Option<Position>,
}

/// A place in a shard: everything there is younger.
#[derive(Clone, Debug)]
pub struct Position(Item);

/// A row that waits, with what is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxRow {
    pub key: RowKey,
    pub event: Result<BusEvent, NoEvent>,
}

impl OutboxRow {
    /// `None` if the bus has it already. The row is as the table or its stream gives it.
    pub fn waiting(key: RowKey, row: serde_dynamo::Item) -> Option<Self> {
        row.contains_key("due_pk").then(|| Self { key, event: BusEvent::of_row(row) })
    }
}

impl Table {
    /// What waits in one of the [`OUTBOX_SHARDS`](keys::OUTBOX_SHARDS), behind `after`. One query. The index lags behind
    /// the table a little: it may miss what has just come, and still name what has just been delivered.
    pub async fn unsent(&self, shard: u8, after: Option<Position>) -> Result<UnsentPage, StoreError> {
        let in_shard = Expression::new("due_pk = :shard").value(":shard", text(keys::outbox_partition(shard)));
        let answer = self
            .query(in_shard)
            .index_name(keys::BY_DUE)
            .set_exclusive_start_key(after.map(|Position(key)| key))
            .limit(PAGE)
            .send()
            .await?;
        let unsent = answer.items.into_iter().flatten().map(|item| Unsent {
            since: keys::due_parts(attribute(&item, "due_sk")).0.parse().unwrap_or(Timestamp::UNIX_EPOCH),
            key: row_key(&item),
        });
        Ok(UnsentPage { unsent: unsent.collect(), next: answer.last_evaluated_key.map(Position) })
    }

    /// Those of these rows that do wait. One read, for at most [`ROWS_AT_ONCE`].
    pub async fn waiting(&self, keys: &[RowKey]) -> Result<Vec<OutboxRow>, StoreError> {
        let rows = self.get_all(keys.iter().map(|RowKey { pk, sk }| (pk.clone(), sk.clone()))).await?;
        Ok(rows.into_iter().filter_map(|row| OutboxRow::waiting(row_key(&row), row.into())).collect())
    }

    /// The bus has it. One write; a row that is gone is no error.
    pub async fn delivered(&self, RowKey { pk, sk }: &RowKey, at: Timestamp) -> Result<(), StoreError> {
        let delivered =
            Expression::new("SET delivered_at = :at REMOVE due_pk, due_sk").value(":at", text(at.to_string()));
        let row = key(pk.clone(), sk.clone());
        let written = self.update(row, delivered).condition_expression("attribute_exists(pk)").send().await;
        match written {
            Ok(_) => Ok(()),
            Err(error)
                if error.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception) =>
            {
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }
}

fn row_key(item: &Item) -> RowKey {
    RowKey { pk: attribute(item, "pk").to_owned(), sk: attribute(item, "sk").to_owned() }
}

fn attribute<'a>(item: &'a Item, name: &str) -> &'a str {
    item.get(name).and_then(|value| value.as_s().ok()).map_or("", String::as_str)
}
