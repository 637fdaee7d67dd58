//! Function `start-activation`: settings, clients, run.

use std::process::ExitCode;

use shared::runtime;
use start_activation::{Clients, handle};

fn main() -> ExitCode {
    runtime::start("start-activation", async |env| {
        let clients = Clients::new(env)?;
        runtime::serve_http(async |request| handle(&clients, request).await).await
    })
}
