//! The store, and what finishes an activation through it, against DynamoDB's real wire protocol: dynoxide, in memory,
//! behind the SDK.
#![expect(clippy::unwrap_used, reason = "a scene that cannot be set is a failed test")]

mod going_on;
mod importing;
mod listing;
mod pending;
mod world;
