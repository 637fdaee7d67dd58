//! Function `import-accounts`: settings, clients, run.

use std::process::ExitCode;

use import_accounts::{Clients, handle};
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::value::RawValue;
use shared::clock;
use shared::runtime;

fn main() -> ExitCode {
    runtime::start("import-accounts", async |env| {
        let clients = &Clients::new(env)?;
        lambda_runtime::run(service_fn(async move |event: LambdaEvent<Box<RawValue>>| {
            // Boxed, because the compiler gives up on futures that hold the SDK's many layers by value.
            Box::pin(handle(clients, event.payload.get(), clock::now())).await
        }))
        .await
    })
}
