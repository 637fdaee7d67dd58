//! What TikTok's answers lead to: the verdict about a connection, its causes, and how the account moves.

#![expect(clippy::unwrap_used, reason = "this is a test from its first line on")]

mod case;
mod causes;
mod plans;
mod properties;
mod transitions;
