//! The world that every journey walks through: the unmodified function binaries between a gateway, a DynamoDB and a
//! TikTok of their own. Each test starts a world, takes a walk, and ends with [`TestWorld::finish`], which checks what
//! must hold after any walk whatever (see [`invariants`]).
//!
//! ```ignore
//! #[tokio::test]
//! async fn a_lapsed_account_comes_back() {
//!     let world = TestWorld::start().await;
//!     let account = world.lapsed(11).await;                                  // imported, revoked at TikTok, validated
//!     let receipt = world.reconnect(&account, &ANA, Consent::by("ana")).await; // activate, consent, callback, complete
//!     assert_eq!(receipt.expect(200)["outcome"], "reconnected");
//!     world.finish().await;
//! }
//! ```
//!
//! | What you want | Where |
//! |---|---|
//! | start a world; other settings | [`TestWorld::start`], [`TestWorld::with`] and [`Setup`] |
//! | call the API as somebody | [`TestWorld::as_`] gives an [`Api`](api::Api): `list`, `details`, `activate`, `validate`, `complete`, … |
//! | any other request | [`TestWorld::send`], or [`Api::send`](api::Api::send) with a sign-in |
//! | an answer | [`Answer`]: `status`, `headers`, `body`; `expect(200)`, `problem("ticket_invalid")` |
//! | callers | [`people`]: `ANA` and `CARLA` manage, `VICTOR` reads, `MIRA` manages German accounts; `BO` is in another organisation |
//! | TikTok's side | [`scene`]: Business Centers, logins, [`Account`]; `world.tiktok()` is the stand-in's handle |
//! | accounts in CreativeX | `world.active(11)`, `world.lapsed(11)`, `world.unconnected(11)`, `world.import(…)` |
//! | the consent page | [`TestWorld::walk_consent`] gives [`Landed`]: `ticket()` or `error()` |
//! | go back and let it go wrong otherwise | [`TestWorld::moment`] and [`TestWorld::back_to`] |
//! | many grants at once | [`TestWorld::fleet`], in a world that is started with [`TestWorld::quick`] |
//! | what DynamoDB was asked; faults there | `world.dynamodb`, a [`proxy::Proxy`] |
//! | metrics that functions wrote | [`metrics`]: `measured("TimeToHeal")` |
//! | days as TikTok's reports have them | [`days`]: `day_in("Pacific/Apia", time)`, `reporting_day(time)` |
//! | rows | [`table`]: `rows`, `account_row`, `grant_of`, `outbox` |
//! | whether an answer is as described | by itself, see [`schema`] |
//! | a real browser in it | [`browser`] |
//! | wait until something is so | [`until`], without a time that a busy machine could miss |
//! | secrets that must not show | [`canaries`]: collected by themselves; `world.canary(…)` adds one; [`TestWorld::start_watched`] |
//! | try some of many cases on a push, all at night | [`sample`] |

pub mod api;
pub mod browser;
pub mod build;
pub mod canaries;
pub mod days;
pub mod fleet;
pub mod imports;
pub mod invariants;
pub mod metrics;
pub mod moment;
pub mod passing;
pub mod people;
pub mod proxy;
pub mod sample;
pub mod scene;
pub mod schema;
pub mod sweeping;
pub mod table;
pub mod waiting;
pub mod world;

pub use api::{Answer, Landed};
pub use days::{day_in, reporting_day};
pub use fleet::{Granted, within_an_hour};
pub use people::*;
pub use scene::{AGENCY, Account, MEDIA, RETAIL};
pub use serde_json::{Value, json};
pub use tiktok_stand_in::{AdAccounts, Consent, Fault, FaultKind, Permissions};
pub use waiting::{PATIENCE, seconds_pass, until};
pub use world::{Setup, TestWorld};
