//! Function `check-grant`: settings, clients, run.

use std::process::ExitCode;

use aws_lambda_events::sqs::SqsEvent;
use check_grant::{Clients, handle};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use shared::clock;
use shared::runtime;

fn main() -> ExitCode {
    runtime::start("check-grant", async |env| {
        let clients = &Clients::new(env)?;
        lambda_runtime::run(service_fn(async move |event: LambdaEvent<SqsEvent>| {
            let now = clock::now();
            let deadline = runtime::deadline(&event.context, now);
            // Boxed, because the compiler gives up on futures that hold the SDK's many layers by value.
            Ok::<_, Error>(Box::pin(handle(clients, event.payload, now, deadline)).await)
        }))
        .await
    })
}
