//! The environment that the functions get: theirs entirely, nothing of the developer's own.
//!
//! The same variables as on AWS, see the settings in `shared::config`. Only endpoints and credentials differ, so that
//! no function needs to know where it runs.

use std::collections::BTreeMap;

use crate::aws::names::{BUS, CHECKS, REGION, TIKTOK_APP_SECRET, TOKEN_KEYRING_SECRET, WEB_KEYRING_SECRET, queue_url};

/// Where the parts of the world are.
#[derive(Clone, Debug)]
pub struct Places {
    pub dynamodb: String,
    pub secrets_manager: String,
    pub sqs: String,
    pub eventbridge: String,
    pub tiktok: String,
    pub redirect_uri: String,
    pub app_url: String,
    pub table: String,
    /// How many batches of the queue are worked on at once: each of them paces itself accordingly.
    pub checks_at_once: usize,
}

/// The variables that all functions share.
pub fn shared(places: &Places) -> BTreeMap<String, String> {
    let queue = queue_url(&places.sqs, CHECKS);
    let checks_at_once = places.checks_at_once.to_string();
    let variables = [
        ("TABLE_NAME", places.table.as_str()),
        ("EVENT_BUS_NAME", BUS),
        ("CHECK_QUEUE_URL", &queue),
        ("TIKTOK_APP_SECRET_ID", TIKTOK_APP_SECRET),
        ("TOKEN_KEYRING_SECRET_ID", TOKEN_KEYRING_SECRET),
        ("WEB_KEYRING_SECRET_ID", WEB_KEYRING_SECRET),
        ("TIKTOK_API_BASE", &places.tiktok),
        ("TIKTOK_AUTH_BASE", &places.tiktok),
        ("REDIRECT_URI", &places.redirect_uri),
        ("APP_URL", &places.app_url),
        ("ACTIVATION_TTL_SECONDS", "1800"),
        ("TICKET_TTL_SECONDS", "300"),
        ("CHECK_INTERVAL_SECONDS", "21600"),
        ("CHECKS_AT_ONCE", &checks_at_once),
        ("RUST_LOG", "info"),
        ("AWS_ENDPOINT_URL_DYNAMODB", &places.dynamodb),
        ("AWS_ENDPOINT_URL_DYNAMODB_STREAMS", &places.dynamodb),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &places.secrets_manager),
        ("AWS_ENDPOINT_URL_SQS", &places.sqs),
        ("AWS_ENDPOINT_URL_EVENTBRIDGE", &places.eventbridge),
        ("AWS_REGION", REGION),
        ("AWS_DEFAULT_REGION", REGION),
        // The signature must be there, but nobody checks it.
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
        // Keeps a developer's own profile out.
        ("AWS_CONFIG_FILE", "/dev/null"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
    ];
    variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// What Lambda adds for one function, so that its runtime knows itself.
pub fn of_function(function: &str, memory_mib: u32) -> BTreeMap<String, String> {
    let variables = [
        ("AWS_LAMBDA_FUNCTION_NAME", function.to_owned()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", memory_mib.to_string()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{function}")),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "local".to_owned()),
        ("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023".to_owned()),
        ("_HANDLER", "bootstrap".to_owned()),
    ];
    variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The variables as lines of an env file.
pub fn as_file(variables: &BTreeMap<String, String>) -> String {
    let lines: Vec<String> = variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
    lines.join("\n") + "\n"
}
