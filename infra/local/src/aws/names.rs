//! What the services, the queues, the bus and the secrets are called here. Whoever needs a name takes it from here, and no
//! part of the world has to know another for it.

/// Where the functions believe they run.
pub const REGION: &str = "eu-central-1";
/// AWS's own example account.
pub const ACCOUNT_ID: &str = "123456789012";

/// The event bus.
pub const BUS: &str = "reconnect";

/// The queue of grants to check, and its dead-letter queue.
pub const CHECKS: &str = "reconnect-checks";
pub const DEAD: &str = "reconnect-checks-dead";

/// The three secrets.
pub const TIKTOK_APP_SECRET: &str = "reconnect/tiktok-app";
pub const TOKEN_KEYRING_SECRET: &str = "reconnect/token-keyring";
pub const WEB_KEYRING_SECRET: &str = "reconnect/web-keyring";

/// The URL under which the functions know a queue.
pub fn queue_url(endpoint: &str, name: &str) -> String {
    format!("{endpoint}/{ACCOUNT_ID}/{name}")
}
