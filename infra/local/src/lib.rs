//! The world around the functions, on one machine and in one process.
//!
//! Everything a deployed function meets is here as a server on a local port, so that the **unmodified function
//! binaries** run against it: only their environment variables differ. A request takes this way:
//!
//! ```text
//! curl ──▶ gateway ──▶ authorizer ──▶ functions ──▶ process ──▶ runtime_api ──▶ child process (target/<profile>/<function>)
//!            │  routes, scopes and CORS from infra/openapi.yaml                     │
//!            └─ page (Ad Accounts) · landing (about, tokens)       dynamodb · secrets · sqs · events · TikTok stand-in
//!
//! scheduler ──▶ lapse-sweep ──▶ sqs ──▶ check-grant ──▶ dynamodb ──▶ stream ──▶ relay-events ──▶ events ──▶ import-accounts
//! ```
//!
//! [`world::World::start`] brings all of it up; the command line tool and the tests both begin there.
//!
//! | Room | What is in it |
//! |---|---|
//! | [`aws`] | the services that the functions call, and what delivers events to them |
//! | [`lambda`] | the functions' processes and what they print |
//! | [`gateway`] | the HTTP API in front of them: routes, authorizer, CORS, and the issuer of tokens |
//! | [`demo`] | who and what there is to begin with, and the pages |
//! | [`tiktok`] | the TikTok stand-in as part of this world |
//! | [`operate`], [`import`] | what an operator does to a running world |
//! | [`binaries`], [`environment`] | what the functions are started from |
//! | [`activity`], [`console`] | what happens here, and how a terminal shows it |

pub mod aws;
pub mod demo;
pub mod gateway;
pub mod lambda;

pub mod activity;
pub mod binaries;
pub mod client;
pub mod clock;
pub mod console;
pub mod environment;
pub mod ids;
pub mod import;
pub mod operate;
pub mod paths;
pub mod server;
pub mod tiktok;
pub mod world;
