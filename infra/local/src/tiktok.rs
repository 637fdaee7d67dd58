//! The TikTok stand-in as part of this world: our app is registered with it, and what exists there is kept like the
//! database.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};
use tiktok_stand_in::{App, Handle, Options, StandIn};
use tokio::task::JoinHandle;

use crate::server::port_taken;

/// What our app asks people for: Ad Account Management, Reporting, a child of the latter, and one that no published
/// table knows. Real grants hold such ids, beyond what a JavaScript number can carry.
pub const APP_SCOPES: [u64; 4] = [1, 4, 7_043_626_160_646_815_746, 7_543_056_879_933_489_153];

/// How often a kept stand-in is written to its file.
const SAVE_INTERVAL: Duration = Duration::from_secs(2);

/// Our app's credentials, as the secret holds them.
#[derive(Clone, serde::Deserialize)]
pub struct AppCredentials {
    pub app_id: String,
    pub secret: String,
}

/// A running stand-in. It stops, and is written to its file, when this value is dropped.
pub struct TikTok {
    stand_in: StandIn,
    app_id: String,
    file: Option<PathBuf>,
    saver: Option<JoinHandle<()>>,
}

impl TikTok {
    /// Starts a stand-in in which nobody and nothing exists but our app, or what an earlier run has left in `file`.
    /// TikTok sends people back to `redirect_uri` only.
    pub async fn start(
        port: u16,
        options: Options,
        file: Option<PathBuf>,
        app: &AppCredentials,
        redirect_uri: &str,
    ) -> anyhow::Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let stand_in = StandIn::start(address, options).await.with_context(|| port_taken("TikTok", port))?;
        if let Some(file) = file.as_deref().filter(|file| file.exists()) {
            let damaged = || format!("{} is damaged; --fresh starts over", file.display());
            restore(stand_in.handle(), file).with_context(damaged)?;
        }
        stand_in.handle().world().add_app(App::new(&app.app_id, &app.secret, [redirect_uri], APP_SCOPES))?;
        let saver = file.clone().map(|file| tokio::spawn(save_often(stand_in.handle().clone(), file)));
        Ok(Self { stand_in, app_id: app.app_id.clone(), file, saver })
    }

    /// Where the API and the authorization page are.
    pub fn url(&self) -> String {
        self.stand_in.base_url()
    }

    /// For steering what exists and what goes wrong.
    pub fn handle(&self) -> &Handle {
        self.stand_in.handle()
    }

    /// Our app's id there.
    pub fn app_id(&self) -> &str {
        &self.app_id
    }
}

impl std::fmt::Debug for TikTok {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TikTok").field("url", &self.url()).finish_non_exhaustive()
    }
}

impl Drop for TikTok {
    fn drop(&mut self) {
        if let Some(saver) = &self.saver {
            saver.abort();
        }
        if let Some(file) = &self.file {
            // Nobody is left to hear of an error; the last regular save is then what remains.
            let _ = std::fs::write(file, self.handle().snapshot());
        }
    }
}

fn restore(tiktok: &Handle, file: &Path) -> anyhow::Result<()> {
    let mut snapshot: Value = serde_json::from_slice(&std::fs::read(file)?)?;
    // Our app is registered anew: its redirect URI follows the gateway's port.
    snapshot["apps"] = json!({});
    tiktok.restore(&snapshot.to_string())?;
    Ok(())
}

async fn save_often(tiktok: Handle, file: PathBuf) {
    let mut saved = String::new();
    let mut timer = tokio::time::interval(SAVE_INTERVAL);
    loop {
        timer.tick().await;
        let snapshot = tiktok.snapshot();
        if snapshot != saved && tokio::fs::write(&file, &snapshot).await.is_ok() {
            saved = snapshot;
        }
    }
}
