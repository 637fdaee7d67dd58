//! An operator's order to revoke all tokens that were granted before some time, as after a leak.
//!
//! This function opens no token. It writes the order down and queues every grant; `check-grant` revokes.

use jiff::Timestamp;
use tracing::warn;

use crate::{Clients, SweepError};

/// The order is understood and not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("`table` is not the name of this table, so nothing is revoked")]
    OtherTable,
    #[error("`granted_before` has not come yet, and consents of the future are not revoked; so nothing is")]
    Future,
}

pub async fn order(clients: &Clients, before: Timestamp, table: &str, now: Timestamp) -> Result<(), SweepError> {
    if table != clients.table.name() {
        return Err(Refused::OtherTable.into());
    }
    if before > now {
        return Err(Refused::Future.into());
    }
    warn!(granted_before = %before, "Every token granted before {before} is revoked, says an operator");
    Ok(clients.table.revoke_before(before).await?)
}

pub async fn stop(clients: &Clients) -> Result<(), SweepError> {
    warn!("No more tokens are revoked, says an operator");
    Ok(clients.table.stop_revoking().await?)
}
