//! Who may do what.
//!
//! * [`matrix`]: every route of the API description, every kind of caller, every relation to what is asked for (T37, T39).
//! * [`tokens`]: sign-ins that must be refused before anything runs (T41).
//! * [`direct`]: events that never went through the gateway (T42).

mod direct;
mod matrix;
mod tokens;

use local::gateway::routes::{OPENAPI, Route, Routes};

fn routes() -> Vec<Route> {
    Routes::from_openapi(OPENAPI).expect("the API description").all().to_vec()
}
