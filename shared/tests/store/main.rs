//! The store against DynamoDB's real wire protocol: dynoxide, in memory, behind the SDK.
#![expect(clippy::unwrap_used, reason = "a scene that cannot be set is a failed test")]

mod importing;
mod listing;
mod pending;
mod world;
