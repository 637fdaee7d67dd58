//! Between API Gateway and a handler: one request in, one answer out.
//!
//! A handler's path through this module, in order:
//!
//! 1. [`Request`] is the gateway's event (HTTP API, payload format 2.0), read once. Its [`Request::route`] is matched
//!    against the route keys that the function serves; anything else is [`respond::no_such_route`].
//! 2. [`Request::reader`] or [`Request::manager`] says who is calling, or refuses ([`claims`]).
//! 3. [`Request::path`], [`Request::query`] and [`Request::body`] parse what was sent, strictly: whatever is unknown,
//!    repeated, too long or misshapen is refused, and the refusal names the field.
//! 4. [`cursor`] and [`ticket`] open what we sealed earlier.
//! 5. [`respond`] makes the answer. Everything that goes wrong becomes a [`Problem`] ([`problem`]), and [`mod@answer`] turns
//!    that into a response: the one door from errors to HTTP.

mod answer;
pub mod body;
pub mod claims;
pub mod cursor;
pub mod problem;
pub mod query;
mod request;
pub mod respond;
pub mod ticket;

pub use answer::answer;
pub use body::NoBody;
pub use problem::{Code, Problem};
pub use query::Query;
pub use request::Request;
pub use respond::Response;
