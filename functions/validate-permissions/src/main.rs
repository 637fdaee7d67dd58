//! Function `validate-permissions`: settings, clients, run.

use std::process::ExitCode;

use shared::runtime;
use validate_permissions::{Clients, handle};

fn main() -> ExitCode {
    runtime::start("validate-permissions", async |env| {
        let clients = Clients::new(env)?;
        runtime::serve_http(async |request| handle(&clients, request).await).await
    })
}
