//! Something that behaves like TikTok for Business, in this process.

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
