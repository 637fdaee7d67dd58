//! A world with one function, `echo` (see `examples/echo.rs`), behind an API of its own.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use aws_credential_types::Credentials;
use aws_smithy_http_client::{Builder, tls};
use local::aws::names::REGION;
use local::paths;
use local::world::{World, WorldOptions};
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};

pub const API: &str = r#"
openapi: 3.1.0
paths:
  /open: { get: { security: [], x-reconnect-function: echo }, post: { security: [], x-reconnect-function: echo } }
  /things: { get: { security: [{ jwt: ["things:read"] }], x-reconnect-function: echo } }
  /things/{id}:
    parameters: []
    get: { security: [{ jwt: ["things:read", "things:manage"] }], x-reconnect-function: echo }
    post: { security: [{ jwt: ["things:manage"] }], x-reconnect-function: echo }
  /things/mine: { get: { security: [{ jwt: [] }], x-reconnect-function: echo } }
"#;

/// What comes at all has come by then, on the slowest machine.
pub const PATIENCE: Duration = Duration::from_mins(1);
/// Longer than any test takes.
pub const FOR_EVER: Duration = Duration::from_hours(1);

pub const APP: &str = "https://app.example.com";

pub async fn world() -> anyhow::Result<World> {
    world_with(WorldOptions::default()).await
}

pub async fn world_with(options: WorldOptions) -> anyhow::Result<World> {
    let echo = paths::binaries()?.join("examples").join("echo");
    World::start(WorldOptions {
        functions: [("echo".to_owned(), echo)].into(),
        openapi: API.to_owned(),
        app_url: Some(format!("{APP}/accounts")),
        ..options
    })
    .await
}

/// What functions wait for that a test holds up: a file that is not there yet.
pub struct Gate(PathBuf);

impl Gate {
    pub fn shut() -> Self {
        Self(std::env::temp_dir().join(format!("reconnect-gate-{}", local::ids::uuid())))
    }

    pub fn path(&self) -> String {
        self.0.to_string_lossy().into_owned()
    }

    pub fn open(&self) {
        std::fs::write(&self.0, "").expect("a folder for temporary files");
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        // A gate that nobody has opened is no file.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Waits until it is so.
pub async fn until(what: &str, is_so: impl Fn() -> bool) {
    let wait = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("it never was so: {what}"));
}

/// How often a function has printed this line.
pub fn printed(world: &World, function: &str, line: &str) -> usize {
    world.functions.logs().of(function).iter().filter(|printed| printed.text == line).count()
}

/// A request to the gateway, without a token.
pub fn request(world: &World, method: &str, path: &str) -> anyhow::Result<RequestBuilder> {
    // Every world uses plain HTTP, but the client is made for TLS as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none()).build()?;
    Ok(client.request(method.parse()?, format!("{}{path}", world.gateway_url())))
}

/// A good token for somebody with these scopes.
pub fn token(world: &World, scope: &str) -> String {
    world.issuer.mint(&json!({ "sub": "user-1", "org_id": "org-1", "scope": scope }))
}

/// The event that the function got.
pub async fn event(response: Response) -> anyhow::Result<Value> {
    anyhow::ensure!(response.status() == 200, "{}", response.status());
    response.json().await.context("the function echoes the event")
}

/// The message of an answer that the gateway gave itself.
pub async fn refusal(response: Response) -> anyhow::Result<(u16, String)> {
    let status = response.status().as_u16();
    let body: Value = response.json().await?;
    Ok((status, body["message"].as_str().context("a message")?.to_owned()))
}

/// A world in which one function is `consumer`, see `examples/consumer.rs`.
pub async fn consuming(function: &str) -> anyhow::Result<World> {
    consuming_with(function, WorldOptions::default()).await
}

pub async fn consuming_with(function: &str, options: WorldOptions) -> anyhow::Result<World> {
    let consumer = paths::binaries()?.join("examples").join("consumer");
    World::start(WorldOptions { functions: [(function.to_owned(), consumer)].into(), ..options }).await
}

/// The records that a consumer got: what each one says, and the record itself.
pub fn records(world: &World, function: &str) -> Vec<(String, Value)> {
    let lines = world.functions.logs().of(function);
    let records = lines.iter().filter_map(|line| line.text.strip_prefix("record ")?.split_once(' '));
    records.map(|(text, record)| (text.to_owned(), serde_json::from_str(record).unwrap_or_default())).collect()
}

/// The events without records that a consumer got.
pub fn got(world: &World, function: &str) -> Vec<Value> {
    let lines = world.functions.logs().of(function);
    lines.iter().filter_map(|line| serde_json::from_str(line.text.strip_prefix("got ")?).ok()).collect()
}

fn credentials() -> Credentials {
    Credentials::new("local", "local", None, None, "tests")
}

fn http() -> aws_sdk_sqs::config::SharedHttpClient {
    Builder::new().tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring)).build_https()
}

pub fn dynamodb_client(world: &World) -> aws_sdk_dynamodb::Client {
    let config = aws_sdk_dynamodb::Config::builder().behavior_version_latest();
    let config = config.region(aws_sdk_dynamodb::config::Region::new(REGION)).credentials_provider(credentials());
    aws_sdk_dynamodb::Client::from_conf(config.endpoint_url(world.dynamodb.url()).http_client(http()).build())
}

pub fn secrets_client(world: &World) -> aws_sdk_secretsmanager::Client {
    let config = aws_sdk_secretsmanager::Config::builder().behavior_version_latest();
    let config = config.region(aws_sdk_secretsmanager::config::Region::new(REGION)).credentials_provider(credentials());
    let config = config.endpoint_url(world.secrets_manager_url()).http_client(http());
    aws_sdk_secretsmanager::Client::from_conf(config.build())
}

pub fn sqs_client(world: &World) -> aws_sdk_sqs::Client {
    let config = aws_sdk_sqs::Config::builder().behavior_version_latest();
    let config = config.region(aws_sdk_sqs::config::Region::new(REGION)).credentials_provider(credentials());
    let config = config.retry_config(aws_sdk_sqs::config::retry::RetryConfig::disabled());
    aws_sdk_sqs::Client::from_conf(config.endpoint_url(world.sqs_url()).http_client(http()).build())
}

pub fn eventbridge_client(world: &World) -> aws_sdk_eventbridge::Client {
    let config = aws_sdk_eventbridge::Config::builder().behavior_version_latest();
    let config = config.region(aws_sdk_eventbridge::config::Region::new(REGION)).credentials_provider(credentials());
    let config = config.retry_config(aws_sdk_eventbridge::config::retry::RetryConfig::disabled());
    aws_sdk_eventbridge::Client::from_conf(config.endpoint_url(world.eventbridge_url()).http_client(http()).build())
}
