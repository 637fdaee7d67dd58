//! Function `oauth-callback`: settings, clients, run.

use std::process::ExitCode;

use oauth_callback::{Clients, handle};
use shared::runtime;

fn main() -> ExitCode {
    runtime::start("oauth-callback", async |env| {
        let clients = Clients::new(env)?;
        runtime::serve_http(async |request| handle(&clients, request).await).await
    })
}
