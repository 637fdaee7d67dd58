//! The store, and what finishes an activation through it, against DynamoDB's real wire protocol: dynoxide, in memory,
//! behind the SDK.
#![expect(clippy::unwrap_used, reason = "a scene that cannot be set is a failed test")]

mod check_grant;
mod complete_activation;
mod guard;
mod import_accounts;
mod lapse_sweep;
mod list_accounts;
mod world;
