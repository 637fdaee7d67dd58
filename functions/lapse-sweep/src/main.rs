//! Function `lapse-sweep`: settings, clients, run.

use std::process::ExitCode;

use lambda_runtime::{LambdaEvent, service_fn};
use lapse_sweep::{Clients, handle};
use serde_json::value::RawValue;
use shared::clock;
use shared::runtime;

fn main() -> ExitCode {
    runtime::start("lapse-sweep", async |env| {
        let clients = &Clients::new(env)?;
        lambda_runtime::run(service_fn(async move |event: LambdaEvent<Box<RawValue>>| {
            let now = clock::now();
            let deadline = runtime::deadline(&event.context, now);
            // Boxed, because the compiler gives up on futures that hold the SDK's many layers by value.
            Box::pin(handle(clients, event.payload.get(), now, deadline)).await
        }))
        .await
    })
}
