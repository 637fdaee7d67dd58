//! Activations that somebody has to look at, because nobody may come back for them.
//!
//! Such a row says in `due_pk` and `due_sk` when that is, and so lies in index `by_due`. Every write of an activation
//! says it anew, see [`rows::activation_item`](crate::store::rows::activation_item).

use jiff::Timestamp;
use tracing::error;

use crate::store::expression::Expression;
use crate::store::{Item, StoreError, Table, keys, text};
use domain::ids::ActivationId;

const PAGE: i32 = 1_000;

/// Longest due first; the last page has no `next`.
#[derive(Clone, Debug, Default)]
pub struct DueActivations {
    pub activation_ids: Vec<ActivationId>,
    pub next: Option<DuePlace>,
}

/// A place in a shard: everything there is due later.
#[derive(Clone, Debug)]
pub struct DuePlace(Item);

impl Table {
    /// What is due by `until` in one of the [`PENDING_SHARDS`](keys::PENDING_SHARDS), behind `after`. One query. The index
    /// lags behind the table a little: it may name what has just been done.
    pub async fn due_activations(
        &self,
        shard: u8,
        until: Timestamp,
        after: Option<DuePlace>,
    ) -> Result<DueActivations, StoreError> {
        let due = Expression::new("due_pk = :shard AND due_sk < :behind")
            .value(":shard", text(keys::pending_partition(shard)))
            .value(":behind", text(keys::due_behind(until)));
        let answer = self
            .query(due)
            .index_name(keys::BY_DUE)
            .set_exclusive_start_key(after.map(|DuePlace(key)| key))
            .limit(PAGE)
            .send()
            .await?;
        let activation_ids = answer.items.into_iter().flatten().filter_map(|item| due_activation(&item)).collect();
        Ok(DueActivations { activation_ids, next: answer.last_evaluated_key.map(DuePlace) })
    }
}

/// One row that cannot be read keeps nobody from the others.
fn due_activation(item: &Item) -> Option<ActivationId> {
    let due = item.get("due_sk").and_then(|value| value.as_s().ok()).map_or("", String::as_str);
    let activation_id = keys::due_parts(due).1.parse().ok();
    if activation_id.is_none() {
        error!(due, "A pending activation has no id");
    }
    activation_id
}
