//! Brings everything up, and takes it down again when the [`World`] is dropped.
//!
//! With the default options nothing is shared and nothing is kept: every port is free to choose, database and secrets are in memory. So
//! tests start as many worlds as they like. The command line tool gives fixed ports and a folder to keep the state in.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::json;
use url::Url;

use crate::authorizer::Authorizer;
use crate::build;
use crate::cors::Cors;
use crate::dynamodb::{self, Dynamo};
use crate::environment::{
    self, Places, TIKTOK_APP_SECRET, TOKEN_KEYRING_SECRET, WEB_KEYRING_SECRET,
};
use crate::functions::Functions;
use crate::gateway::Gateway;
use crate::ids;
use crate::invoke_api;
use crate::issuer::Issuer;
use crate::logs::Logs;
use crate::paths;
use crate::processes::Launch;
use crate::routes::{self, Routes};
use crate::secrets_manager::Secrets;
use crate::secrets_wire;
use crate::server::{Server, listen};

/// The memory that the functions are told they have.
const MEMORY_MIB: u32 = 256;

/// Which port each server takes; 0 is any free one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ports {
    pub gateway: u16,
    pub tiktok: u16,
    pub invoke_api: u16,
    pub dynamodb: u16,
    pub secrets_manager: u16,
}

/// How a world differs from the usual one.
#[derive(Clone, Debug)]
pub struct WorldOptions {
    pub ports: Ports,
    /// Where database and secrets are kept; `None` keeps them in memory.
    pub state: Option<PathBuf>,
    /// Where the functions' binaries are; `None` is where this program's own profile puts them.
    pub binaries: Option<PathBuf>,
    /// More functions, or other binaries for some: name to path.
    pub functions: BTreeMap<String, PathBuf>,
    /// Variables that the functions get beside the usual ones or instead of them.
    pub environment: BTreeMap<String, String>,
    /// Where the callback sends people, and whose origin may call the API; `None` is the gateway's own page.
    pub app_url: Option<String>,
    /// The description of the API, in YAML.
    pub openapi: String,
    /// The table, see [`crate::dynamodb`].
    pub table: String,
    /// Shows what the functions print.
    pub echo: bool,
    pub function_timeout: Duration,
    /// How long the gateway waits for a function.
    pub integration_timeout: Duration,
    /// How many processes one function may have.
    pub max_processes: usize,
}

impl Default for WorldOptions {
    fn default() -> Self {
        Self {
            ports: Ports::default(),
            state: None,
            binaries: None,
            functions: BTreeMap::new(),
            environment: BTreeMap::new(),
            app_url: None,
            openapi: routes::OPENAPI.to_owned(),
            table: dynamodb::TABLE.to_owned(),
            echo: false,
            function_timeout: Duration::from_secs(29),
            integration_timeout: Duration::from_secs(30),
            max_processes: 10,
        }
    }
}

/// Everything around the functions, running.
#[derive(Debug)]
pub struct World {
    pub dynamodb: Dynamo,
    pub secrets: Secrets,
    pub functions: Functions,
    pub issuer: Issuer,
    environment: BTreeMap<String, String>,
    gateway: Server,
    invoke_api: Server,
    secrets_manager: Server,
}

impl World {
    /// Starts all servers. The functions' processes start with their first event; their binaries must be there by then.
    pub async fn start(options: WorldOptions) -> anyhow::Result<Self> {
        let kept = paths::state()?;
        std::fs::create_dir_all(&kept)
            .with_context(|| format!("making the folder {}", kept.display()))?;
        let ports = options.ports;

        let file = options
            .state
            .as_ref()
            .map(|folder| folder.join("dynamodb.sqlite"));
        let dynamodb = Dynamo::start(listen("DynamoDB", ports.dynamodb).await?, file.as_deref())?;
        dynamodb.create_table(&options.table)?;

        let secrets = match &options.state {
            Some(folder) => Secrets::kept_in(&folder.join("secrets.json"))?,
            None => Secrets::default(),
        };
        put_missing_secrets(&secrets);
        let secrets_manager = Server::start(
            listen("Secrets Manager", ports.secrets_manager).await?,
            secrets_wire::router(secrets.clone()),
        )?;

        // The gateway's address is part of the functions' environment, so its port is opened before there are functions.
        let gateway_listener = listen("the gateway", ports.gateway).await?;
        let gateway_url = format!("http://{}", gateway_listener.local_addr()?);
        let app_url = options
            .app_url
            .clone()
            .unwrap_or_else(|| format!("{gateway_url}/"));
        let table: serde_json::Value = serde_json::from_str(&options.table)?;
        let mut environment = environment::shared(&Places {
            dynamodb: dynamodb.url().to_owned(),
            secrets_manager: secrets_manager.url(),
            tiktok: String::new(),
            gateway: gateway_url.clone(),
            app: app_url.clone(),
            table: table["TableName"].as_str().unwrap_or_default().to_owned(),
        });
        environment.extend(options.environment.clone());

        let functions = Functions::new(
            launches(&options, &environment)?,
            Logs::new(options.echo),
            options.function_timeout,
            options.max_processes,
        )
        .await?;
        let issuer = Issuer::new(gateway_url, &kept)?;
        let origin = Url::parse(&app_url)
            .context("APP_URL is not a URL")?
            .origin()
            .ascii_serialization();
        let gateway = Gateway {
            routes: Routes::from_openapi(&options.openapi)?,
            authorizer: Authorizer::new(&issuer),
            cors: Cors::new(vec![origin]),
            functions: functions.clone(),
            integration_timeout: options.integration_timeout,
        };
        let gateway = Server::start(gateway_listener, gateway.router(issuer.router()))?;
        let invoke_api = Server::start(
            listen("the Invoke API", ports.invoke_api).await?,
            invoke_api::router(functions.clone()),
        )?;
        Ok(Self {
            dynamodb,
            secrets,
            functions,
            issuer,
            environment,
            gateway,
            invoke_api,
            secrets_manager,
        })
    }

    /// Where the API is: `http://127.0.0.1:<port>`.
    pub fn gateway_url(&self) -> String {
        self.gateway.url()
    }

    pub fn invoke_url(&self) -> String {
        self.invoke_api.url()
    }

    pub fn secrets_manager_url(&self) -> String {
        self.secrets_manager.url()
    }

    /// The variables that all functions got at the start.
    pub fn environment(&self) -> &BTreeMap<String, String> {
        &self.environment
    }

    /// Lets the functions reach DynamoDB by another way from the next event on, such as a proxy that counts.
    pub fn set_dynamodb_url(&self, url: &str) {
        self.functions
            .set_env_for_all("AWS_ENDPOINT_URL_DYNAMODB", url);
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.functions.stop();
    }
}

fn launches(
    options: &WorldOptions,
    shared: &BTreeMap<String, String>,
) -> anyhow::Result<Vec<Launch>> {
    let folder = match &options.binaries {
        Some(folder) => folder.clone(),
        None => paths::binaries()?,
    };
    let mut binaries: BTreeMap<String, PathBuf> = build::functions(&folder)?.into_iter().collect();
    binaries.extend(options.functions.clone());
    let launch = |(function, binary): (String, PathBuf)| {
        let mut environment = shared.clone();
        environment.extend(environment::of_function(&function, MEMORY_MIB));
        Launch {
            function,
            binary,
            environment,
        }
    };
    Ok(binaries.into_iter().map(launch).collect())
}

/// Makes the three secrets that the functions read, unless an earlier run has left them.
fn put_missing_secrets(secrets: &Secrets) {
    let keyring = || json!({ "writer": "k1", "keys": { "k1": ids::key() } }).to_string();
    for (name, value) in [
        (
            TIKTOK_APP_SECRET,
            json!({ "app_id": "7000000000000000001", "secret": ids::uuid() }).to_string(),
        ),
        (TOKEN_KEYRING_SECRET, keyring()),
        (WEB_KEYRING_SECRET, keyring()),
    ] {
        if secrets.current(name).is_none() {
            secrets.put(name, &value);
        }
    }
}
