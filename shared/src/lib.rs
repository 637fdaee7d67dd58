//! What the Reconnect functions have in common.
//!
//! A request flows one way: a function parses it ([`http`]), gathers evidence ([`store`], [`tiktok`]), lets the pure
//! [`domain`] decide, and stores the decision. [`domain`] knows nothing of the others.

pub mod aws;
pub mod bus;
pub mod clock;
pub mod config;
pub mod finishing;
pub mod healing;
pub mod http;
pub mod judging;
pub mod logging;
pub mod metrics;
pub mod queue;
pub mod receipt;
pub mod runtime;
pub mod sealing;
pub mod secrets;
pub mod store;
pub mod tiktok;
pub mod tls;
