//! The few calls we make to TikTok's Business API v1.3, and what its answers mean.
//!
//! [`TikTok`] is the client. A consent goes through [`TikTok::authorization_url`] and [`TikTok::exchange`]; what a token
//! can do is asked with [`TikTok::grant_evidence`] and [`TikTok::account_evidence`], which return the domain's own types
//! for [`domain::diagnosis`] to judge. The sweep asks about all ad accounts of a grant with
//! [`TikTok::check_evidence`]. The client asks and classifies; it never judges.
//!
//! * `client` sends one question: deadlines, retries, size limits, and which HTTP answers are answers at all.
//! * `wire` is TikTok's JSON; none of its types are visible outside.
//! * `codes` classifies TikTok's codes and texts.
//! * `counting` counts the answers, by endpoint and code.
//! * `pace` holds the sweep back, for TikTok's limits and for the people who are waiting.
//! * `paging` walks lists to their end, or says that it could not.
//! * `consent`, `gather` and `infos` are the questions themselves.
//! * `sweeping` chooses the questions that judge a whole grant; `swept` lays the answers out per ad account.
//!
//! Three rules hold everywhere. Only HTTP 200, JSON, code 0 and complete, typed data are a positive answer. Of
//! a refusal only the code and TikTok's request id are kept, never its text. Nothing is cached: asking twice asks
//! TikTok twice.

mod client;
mod codes;
mod consent;
mod counting;
mod gather;
mod grant_check;
mod infos;
mod pace;
mod paging;
mod wire;

pub use client::TikTok;
pub use codes::suspects_secret;
pub use consent::{ExchangeFailed, Exchanged};
pub use grant_check::Inquiry;
pub use pace::Pace;
