//! What operators order, in the guard's row, which every check reads anyway: so no order can be lost with a message.
//!
//! The order to revoke is one time: tokens of grants that were given before it are revoked. Who consents afterwards is
//! not meant.

use jiff::Timestamp;

use crate::store::expression::Expression;
use crate::store::guard::guard_key;
use crate::store::{StoreError, Table, key, text};
use domain::guard::Forced;

impl Table {
    /// What an operator wants from now on; `None` leaves it to the guard. One write.
    pub async fn force(&self, forced: Option<Forced>) -> Result<(), StoreError> {
        let update = match forced {
            None => Expression::new("REMOVE forced"),
            Some(forced) => Expression::new("SET forced = :forced").value(
                ":forced",
                text(match forced {
                    Forced::Hold => "hold",
                    Forced::Release => "release",
                }),
            ),
        };
        self.set_on_guard(update).await
    }

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
        self.set_on_guard(Expression::new("REMOVE revoke_before")).await
    }
}
