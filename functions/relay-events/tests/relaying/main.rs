//! The whole function against DynamoDB's wire protocol (dynoxide, in memory) and a bus that speaks EventBridge's.
#![expect(clippy::unwrap_used, reason = "a scene that cannot be set is a failed test")]

mod bus;
mod reconciling;
mod streaming;
mod world;
