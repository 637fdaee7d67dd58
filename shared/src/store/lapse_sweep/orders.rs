//! What revoking tokens by an operator's order reads and writes.
//!
//! The order is one time, in the guard's row, which every check reads anyway: tokens of grants that were given before it
//! are revoked. So it cannot be lost with a message, and who consents afterwards is not meant.

use jiff::Timestamp;

use crate::store::guard::guard_key;
use crate::store::rows;
use crate::store::transaction::Expression;
use crate::store::{StoreError, Table, key, keys, sort_key, text};
use domain::grant::Grant;

/// Rows that one read gets.
const AT_ONCE: usize = 100;

impl Table {
    /// Tokens of grants given before this time are to be revoked. An order for a later time stands: it contains this one. One
    /// write.
    pub async fn revoke_before(&self, before: Timestamp) -> Result<(), StoreError> {
        let (pk, sk) = guard_key();
        let order = Expression::new("SET revoke_before = :before").value(":before", text(before.to_string()));
        let mut transaction = self.transaction();
        // Times of whole seconds: text order is time order.
        transaction.update(key(pk, sk), order, Some("attribute_not_exists(revoke_before) OR revoke_before < :before"));
        match transaction.commit().await {
            Ok(()) | Err(StoreError::Conflict) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Nothing more is to be revoked. One write.
    pub async fn stop_revoking(&self) -> Result<(), StoreError> {
        let (pk, sk) = guard_key();
        self.update_one(key(pk, sk), Expression::new("REMOVE revoke_before")).await
    }
}

impl Table {
    /// Whether a living grant, of whichever organisation, holds the same token string as this one and was given at this
    /// time or later. One query, and one read for every hundred other holders.
    pub async fn is_held_since(&self, grant: &Grant, since: Timestamp) -> Result<bool, StoreError> {
        let own = keys::token_holder(&grant.org_id, &grant.grant_id);
        let mut pages = self
            .client
            .query()
            .table_name(&self.name)
            .consistent_read(true)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", text(keys::token(&grant.token_fingerprint)))
            .into_paginator()
            .items()
            .send();
        let mut others = Vec::new();
        while let Some(item) = pages.next().await {
            let item = item?;
            others.extend(Some(sort_key(&item)).filter(|sk| *sk != own).and_then(keys::held_by));
        }
        for some in others.chunks(AT_ONCE) {
            for item in self.get_all(some.iter().cloned()).await? {
                let other = rows::grant(item)?.grant;
                if other.is_living() && other.granted_at >= since {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}
