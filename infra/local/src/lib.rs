//! The world around the functions, on one machine and in one process.
//!
//! Everything a deployed function meets is here as a server on a local port, so that the **unmodified function
//! binaries** run against it: only their environment variables differ. A request takes this way:
//!
//! ```text
//! curl ──▶ gateway ──▶ authorizer ──▶ functions ──▶ processes ──▶ runtime_api ──▶ child process (target/<profile>/<function>)
//!            │  routes, scopes and CORS from infra/openapi.yaml                       │
//!            └─ page (Ad Accounts) · landing (about, tokens)     dynamodb · secrets_manager · sqs · bus · TikTok stand-in
//!
//! schedule ──▶ lapse-sweep ──▶ sqs ──▶ check-grant ──▶ dynamodb ──▶ stream ──▶ relay-events ──▶ bus ──▶ import-accounts
//! ```
//!
//! [`world::World::start`] brings all of it up; the command line tool and the tests both begin there. In the list below
//! come, one group after the other: small tools, the AWS services, TikTok, the functions and their processes, the gateway,
//! what puts it all together, and what is there for people.

pub mod clock;
pub mod ids;
pub mod paths;
pub mod server;

pub mod aws;
pub mod lambda;

pub mod tiktok;

pub mod gateway;

pub mod demo;

pub mod build;
pub mod client;
pub mod environment;
pub mod world;

pub mod import;
pub mod sweep;
