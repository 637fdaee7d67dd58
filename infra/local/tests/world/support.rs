//! A world with one function, `echo` (see `examples/echo.rs`), behind an API of its own.

use std::time::Duration;

use anyhow::Context as _;
use aws_credential_types::Credentials;
use aws_smithy_http_client::{Builder, tls};
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

/// A request to the gateway, without a token.
pub fn request(world: &World, method: &str, path: &str) -> anyhow::Result<RequestBuilder> {
    // Every world uses plain HTTP, but the client is made for TLS as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client =
        Client::builder().timeout(Duration::from_secs(20)).redirect(reqwest::redirect::Policy::none()).build()?;
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

/// What the AWS clients need to know of a world.
pub fn aws(endpoint: &str) -> (aws_sdk_dynamodb::Config, aws_sdk_secretsmanager::Config) {
    let credentials = Credentials::new("local", "local", None, None, "tests");
    let http = Builder::new().tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring)).build_https();
    let dynamodb = aws_sdk_dynamodb::Config::builder()
        .behavior_version_latest()
        .region(aws_sdk_dynamodb::config::Region::new("eu-central-1"))
        .credentials_provider(credentials.clone())
        .endpoint_url(endpoint)
        .http_client(http.clone())
        .build();
    let secrets = aws_sdk_secretsmanager::Config::builder()
        .behavior_version_latest()
        .region(aws_sdk_secretsmanager::config::Region::new("eu-central-1"))
        .credentials_provider(credentials)
        .endpoint_url(endpoint)
        .http_client(http)
        .build();
    (dynamodb, secrets)
}
