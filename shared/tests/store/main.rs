//! The store, and what finishes an activation through it, against DynamoDB's real wire protocol: dynoxide, in memory,
//! behind the SDK.
#![expect(clippy::unwrap_used, reason = "a scene that cannot be set is a failed test")]

mod checking;
mod counting;
mod going_on;
mod guarding;
mod importing;
mod listing;
mod pending;
mod sweeping;
mod world;
