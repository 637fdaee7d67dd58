//! The TikTok client against a stand-in that behaves, and misbehaves, like TikTok.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod answers;
mod consent;
mod faults;
mod grant_check;
mod lists;
mod support;
