//! What the Reconnect functions have in common.
//!
//! A request flows one way: a function parses it ([`http`]), gathers evidence ([`store`], [`tiktok`]), lets the pure
//! [`domain`] decide, and stores the decision. [`domain`] knows nothing of the others.

pub mod domain;
pub mod http;
pub mod logging;
pub mod sealing;
pub mod store;
