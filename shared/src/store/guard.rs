//! The guard's row, `SWEEP`/`GUARD`, as the review and every check read it. The review writes it
//! ([`review`](super::lapse_sweep::review)), so do operators ([`orders`](super::lapse_sweep::orders)) and checks
//! ([`check_grant`](super::check_grant)), each its own attributes.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::expression::Expression;
use super::rows::read;
use super::transaction::Transaction;
use super::{Item, StoreError, Table, key, keys, number};
use domain::guard::{Guard, hour_of};

const LAPSED: &str = "lapsed#";

/// The guard as it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredGuard {
    pub guard: Guard,
    /// Grants that lapsed in the hour of the reading.
    pub lapsed_this_hour: i64,
}

impl StoredGuard {
    pub(super) fn read(item: Item, now: Timestamp) -> Result<Self, StoreError> {
        let this_hour = format!("{LAPSED}{}", hour_of(now));
        let lapsed_this_hour =
            item.get(&this_hour).and_then(|value| value.as_n().ok()?.parse().ok()).unwrap_or_default();
        Ok(Self { guard: read(item)?, lapsed_this_hour })
    }

    pub fn may_lapse(&self, now: Timestamp) -> bool {
        self.guard.may_lapse(self.lapsed_this_hour, now)
    }
}

pub(super) fn guard_key() -> (String, String) {
    (keys::SWEEP.to_owned(), keys::GUARD.to_owned())
}

/// A value for the guard's row.
pub(super) fn on_guard(value: Result<AttributeValue, serde_dynamo::Error>) -> Result<AttributeValue, StoreError> {
    value.map_err(|error| StoreError::Unreadable { key: keys::GUARD.to_owned(), problem: error.to_string() })
}

impl Table {
    /// The guard; `None` before its first review. One read.
    pub async fn guard(&self, now: Timestamp) -> Result<Option<Guard>, StoreError> {
        let (pk, sk) = guard_key();
        let found = self.get(pk, sk).await?.map(|item| StoredGuard::read(item, now)).transpose()?;
        Ok(found.map(|stored| stored.guard))
    }

    /// One write.
    pub(super) async fn set_on_guard(&self, update: Expression) -> Result<(), StoreError> {
        let (pk, sk) = guard_key();
        self.update(key(pk, sk), update).send().await?;
        Ok(())
    }
}

impl Transaction<'_> {
    /// A grant, or what is lost under it, lapses: it counts in this hour, and only while nobody began to hold.
    pub(super) fn claim_lapse(&mut self, seen: &StoredGuard, now: Timestamp) -> &mut Self {
        let (pk, sk) = guard_key();
        let claim = Expression::new("ADD #this_hour :one")
            .name("#this_hour", &format!("{LAPSED}{}", hour_of(now)))
            .value(":one", number(1))
            .value(":seen", number(seen.guard.version))
            .value(":budget", number(seen.guard.budget));
        let still = "version = :seen AND (attribute_not_exists(#this_hour) OR #this_hour < :budget)";
        self.update(key(pk, sk), claim, Some(still))
    }
}
