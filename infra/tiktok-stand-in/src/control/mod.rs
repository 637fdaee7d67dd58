//! `/control/`: steering over HTTP, for people with curl and for browser tests. Never shows a token, a code or a secret.

mod bodies;
mod docs;
mod routes;
mod view;

pub(crate) use self::{docs::show as documentation, routes::router};
