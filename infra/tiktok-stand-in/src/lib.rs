//! Something that behaves like TikTok for Business: the Marketing API, its authorization page, and the people, Business
//! Centers and ad accounts behind them. For the local world and for tests; never part of what is deployed.
//!
//! ```
//! use tiktok_stand_in::{AdAccount, App, BcRole, BusinessCenter, Consent, Membership, Options, Owner, Person, StandIn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let tiktok = StandIn::start("127.0.0.1:0".parse()?, Options::default()).await?;
//! let handle = tiktok.handle();
//!
//! // Somebody, somewhere, with something. The world is steered statement by statement and seen by all endpoints at once.
//! let (app, center, account) = ("7300000000000000031", "7200000000000000021", "7100000000000000011");
//! handle.world().add_app(App::new(app, "the-secret", ["http://localhost:3000/callback"], [1, 4]))?;
//! handle.world().add_person(Person::new("ana").name("Ana M"))?;
//! handle.world().add_business_center(BusinessCenter::new(center, "Shop Group"))?;
//! handle.world().set_membership(center, Membership::joined("ana", BcRole::Admin))?;
//! handle.world().add_ad_account(AdAccount::new(account, "Shop EU", Owner::business_center(center)))?;
//!
//! // Ana confirms, as she would by clicking, and is sent back with a code that lives one hour.
//! let link = tiktok.authorization_url(app, "http://localhost:3000/callback", "some-state");
//! let back = handle.consent(&link, Consent::by("ana"))?.redirect.expect("she confirmed");
//! assert!(back.as_str().starts_with("http://localhost:3000/callback?auth_code="));
//!
//! // Later she loses her role: nothing else has to be told.
//! handle.world().remove_member(center, "ana")?;
//! # Ok(())
//! # }
//! ```
//!
//! | Question | Where |
//! |---|---|
//! | who reaches what, what can happen to whom | `world`: pure state, no HTTP |
//! | codes, tokens, authorizing again, revoking | `world::grants` |
//! | which endpoints exist and which scope each needs | `api::endpoints`, [`scopes`] |
//! | in which order a call is refused | `api::pipeline` |
//! | what nobody outside TikTok knows for certain | [`switches`], each with its default |
//! | outages, lies and slowness on demand | [`Fault`] and [`FaultKind`] |
//! | what a person sees and clicks | `portal` (the rules) and `pages` (the HTML) |
//! | steering with curl | `control`, documented at `GET /control/` |
//! | what was asked so far | [`Handle::log`], [`Handle::calls`], [`Handle::exchanges`] |
//! | a stand-in by itself, for others to call | `examples/alone.rs` |
//!
//! Ad accounts are the only assets. Not played: the code that TikTok mails at the first authorization of an account, the
//! ten minutes until a new redirect URI works, sandbox hosts, and every endpoint that the table in `api::endpoints` lacks.

mod api;
mod clock;
mod connection;
mod control;
mod faults;
mod handle;
mod ids;
mod log;
mod pages;
mod portal;
mod rate;
pub mod scopes;
mod state;
pub mod switches;
mod world;

use std::{io, net::SocketAddr, sync::Arc};

use axum::{
    Router,
    http::StatusCode,
    routing::{any, get},
};
use tokio::net::TcpListener;

pub use crate::{
    clock::Clock,
    faults::{ActiveFault, Fault, FaultKind},
    handle::{Authorized, Handle, WorldGuard},
    ids::fingerprint,
    log::LogEntry,
    portal::{AdAccounts, Consent, ConsentOutcome, PERSONAL, Permissions},
    switches::Switches,
    world::{
        AccountStatus, AdAccount, AdvertiserRole, App, BcRole, BcStatus, BcType, BusinessCenter, FinanceRole,
        Membership, Owner, Person, RelationStatus, RelationType, StandInError, World,
    },
};
use crate::{
    connection::{ResetSwitch, ResettableListener},
    state::Shared,
};

/// How a stand-in begins.
#[derive(Debug)]
pub struct Options {
    pub clock: Clock,
    pub switches: Switches,
}

impl Default for Options {
    fn default() -> Self {
        Self { clock: Clock::system(), switches: Switches::default() }
    }
}

/// A running stand-in. Dropping it closes the port and lets held calls go.
pub struct StandIn {
    handle: Handle,
    address: SocketAddr,
}

impl StandIn {
    /// Starts listening; with port 0 on any free port. Nobody and nothing exists at first.
    pub async fn start(address: SocketAddr, options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::new(options.clock));
        shared.lock().world.switches = options.switches;
        let handle = Handle { shared: Arc::clone(&shared) };

        let app = Router::new()
            .route("/", get(pages::landing))
            .nest("/portal", pages::router())
            .route("/control/", get(control::documentation))
            .nest("/control", control::router())
            .route("/open_api/{*path}", any(api::pipeline::handle))
            .fallback(|| async { (StatusCode::NOT_FOUND, "404 page not found") })
            .with_state(Arc::clone(&shared))
            .into_make_service_with_connect_info::<ResetSwitch>();
        let server =
            axum::serve(ResettableListener(listener), app).with_graceful_shutdown(async move { shared.closed().await });
        tokio::spawn(server.into_future());
        Ok(Self { handle, address })
    }

    /// For example `http://127.0.0.1:4000`: the API's and the authorization page's base alike.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// The URL that an app sends its user to.
    pub fn authorization_url(&self, app_id: &str, redirect_uri: &str, state: &str) -> String {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("app_id", app_id), ("state", state), ("redirect_uri", redirect_uri)])
            .finish();
        format!("{}/portal/auth?{query}", self.base_url())
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.handle.shared.close();
    }
}
