//! Function `list-accounts`: settings, clients, run.

use std::process::ExitCode;

use list_accounts::{Clients, handle};
use shared::clock;
use shared::runtime;

fn main() -> ExitCode {
    runtime::start("list-accounts", async |env| {
        let clients = Clients::new(env)?;
        // Boxed, because the compiler gives up on futures that hold the SDK's many layers by value.
        runtime::serve_http(async |request| Box::pin(handle(&clients, &request, clock::now())).await).await
    })
}
