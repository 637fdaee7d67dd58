//! How many ad accounts there are, over all organisations.
//!
//! Whatever changes an account's status changes these numbers in the same transaction, as it does those of the account's
//! organisation ([`crate::store::transaction`]), so they are as right as the two tabs are.

use crate::store::counts::Counts;
use crate::store::expression::Expression;
use crate::store::{StoreError, Table, keys, text};

impl Table {
    /// Of all organisations, as of a moment ago. One query, of eight small rows.
    pub async fn counts_of_all(&self) -> Result<Counts, StoreError> {
        let answer = self.query(Expression::new("pk = :pk").value(":pk", text(keys::COUNTS))).send().await?;
        let rows = answer.items.unwrap_or_default();
        // One row alone may be below zero, if somebody's numbers were put right by hand in another one.
        let sum = |status: &str| {
            let numbers = rows.iter().filter_map(|row| row.get(status)?.as_n().ok()?.parse::<i64>().ok());
            u64::try_from(numbers.sum::<i64>()).unwrap_or_default()
        };
        Ok(Counts { active: sum("active"), needs_connecting: sum("needs_connecting") })
    }
}
