//! The TikTok client against a stand-in that behaves, and misbehaves, like TikTok.

mod answers;
mod consent;
mod faults;
mod lists;
mod support;
