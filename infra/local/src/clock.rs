//! The one place that asks the machine what time it is. Everything else takes the time as an argument or calls these.
#![expect(
    clippy::disallowed_methods,
    reason = "this is the local world's clock: the rule exists so that there is only one"
)]

use jiff::Timestamp;

/// Now.
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// Milliseconds since 1970, as Lambda's deadline header and API Gateway's `timeEpoch` count them.
pub fn epoch_millis() -> i64 {
    now().as_millisecond()
}
