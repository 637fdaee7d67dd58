//! Brings everything up, and takes it down again when the [`World`] is dropped.
//!
//! With the default options nothing is shared and nothing is kept: every port is free to choose, database and secrets
//! are in memory. So tests start as many worlds as they like. The command line tool gives fixed ports and a folder to
//! keep the state in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use serde_json::json;
use url::Url;

use crate::authorizer::Authorizer;
use crate::build;
use crate::cors::Cors;
use crate::dynamodb::{self, Dynamo};
use crate::environment::{self, Places, TIKTOK_APP_SECRET, TOKEN_KEYRING_SECRET, WEB_KEYRING_SECRET};
use crate::functions::Functions;
use crate::gateway::Gateway;
use crate::ids;
use crate::invoke_api;
use crate::issuer::Issuer;
use crate::landing::{self, Landing};
use crate::logs::Logs;
use crate::paths;
use crate::processes::Launch;
use crate::routes::{self, Routes};
use crate::secrets_manager::Secrets;
use crate::secrets_wire;
use crate::server::{Server, listen};
use crate::tiktok::TikTok;

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
#[derive(Debug)]
pub struct WorldOptions {
    pub ports: Ports,
    /// Where database, secrets and the TikTok stand-in's contents are kept; `None` keeps them in memory.
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
    /// The TikTok stand-in's clock and switches.
    pub tiktok: tiktok_stand_in::Options,
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
            tiktok: tiktok_stand_in::Options::default(),
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
    pub tiktok: TikTok,
    pub functions: Functions,
    pub issuer: Issuer,
    table: String,
    environment: BTreeMap<String, String>,
    gateway: Server,
    invoke_api: Server,
    secrets_manager: Server,
}

impl World {
    /// Starts all servers. The functions' processes start with their first event; their binaries must be there by then.
    pub async fn start(options: WorldOptions) -> anyhow::Result<Self> {
        let ports = options.ports;
        let kept = |name: &str| options.state.as_ref().map(|folder| folder.join(name));
        for folder in [Some(paths::state()?), options.state.clone()].into_iter().flatten() {
            std::fs::create_dir_all(&folder).with_context(|| format!("making the folder {}", folder.display()))?;
        }

        let dynamodb = Dynamo::start(listen("DynamoDB", ports.dynamodb).await?, kept("dynamodb.sqlite").as_deref())?;
        let table = dynamodb.create_table(&options.table)?;

        let secrets = kept("secrets.json").map_or_else(|| Ok(Secrets::default()), |file| Secrets::kept_in(&file))?;
        put_missing_secrets(&secrets);
        let app = secrets.current(TIKTOK_APP_SECRET).context("the secret of our TikTok app is not text")?;
        let secrets_manager = listen("Secrets Manager", ports.secrets_manager).await?;
        let secrets_manager = Server::start(secrets_manager, secrets_wire::router(secrets.clone()))?;

        // The addresses of these two are told to parts that start before they can answer.
        let gateway = listen("the gateway", ports.gateway).await?;
        let gateway_url = format!("http://{}", gateway.local_addr()?);
        let invoke_api = listen("the Invoke API", ports.invoke_api).await?;

        let redirect_uri = format!("{gateway_url}/oauth/tiktok/callback");
        let app = serde_json::from_str(&app).context("the secret of our TikTok app")?;
        let tiktok = TikTok::start(ports.tiktok, options.tiktok, kept("tiktok.json"), &app, &redirect_uri).await?;

        let app_url = options.app_url.unwrap_or_else(|| format!("{gateway_url}/"));
        let origin = Url::parse(&app_url).context("APP_URL is not a URL")?.origin().ascii_serialization();
        let mut environment = environment::shared(&Places {
            dynamodb: dynamodb.url().to_owned(),
            secrets_manager: secrets_manager.url(),
            tiktok: tiktok.url(),
            redirect_uri,
            app_url,
            table: table.clone(),
        });
        environment.extend(options.environment);

        let binaries = options.binaries.map_or_else(paths::binaries, Ok)?;
        let launches = launches(&binaries, options.functions, &environment)?;
        let logs = Logs::new(options.echo);
        let functions = Functions::new(launches, logs, options.function_timeout, options.max_processes).await?;
        let issuer = Issuer::new(gateway_url.clone(), &paths::state()?)?;
        let landing = Landing {
            issuer: issuer.clone(),
            openapi: options.openapi.clone(),
            gateway: gateway_url,
            tiktok: tiktok.url(),
            invoke_api: format!("http://{}", invoke_api.local_addr()?),
            dynamodb: dynamodb.url().to_owned(),
            secrets_manager: secrets_manager.url(),
        };
        let front = Gateway {
            routes: Routes::from_openapi(&options.openapi)?,
            authorizer: Authorizer::new(&issuer),
            cors: Cors::new(vec![origin]),
            functions: functions.clone(),
            integration_timeout: options.integration_timeout,
        };
        let gateway = Server::start(gateway, front.router(issuer.router().merge(landing::router(landing))))?;
        let invoke_api = Server::start(invoke_api, invoke_api::router(functions.clone()))?;
        Ok(Self {
            dynamodb,
            secrets,
            tiktok,
            functions,
            issuer,
            table,
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

    /// Whether the table holds nothing at all, as after the first start.
    pub fn is_empty(&self) -> anyhow::Result<bool> {
        self.dynamodb.is_empty(&self.table)
    }

    /// Lets the functions reach DynamoDB by another way from the next event on, such as a proxy that counts.
    pub fn set_dynamodb_url(&self, url: &str) {
        self.functions.set_env_for_all("AWS_ENDPOINT_URL_DYNAMODB", url);
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.functions.stop();
    }
}

fn launches(
    binaries: &Path,
    more: BTreeMap<String, PathBuf>,
    environment: &BTreeMap<String, String>,
) -> anyhow::Result<Vec<Launch>> {
    let mut functions: BTreeMap<String, PathBuf> = build::functions(binaries)?.into_iter().collect();
    functions.extend(more);
    let launch = |(function, binary): (String, PathBuf)| {
        let mut environment = environment.clone();
        environment.extend(environment::of_function(&function, MEMORY_MIB));
        Launch { function, binary, environment }
    };
    Ok(functions.into_iter().map(launch).collect())
}

/// Makes the three secrets that the functions read, unless an earlier run has left them.
fn put_missing_secrets(secrets: &Secrets) {
    let keyring = || json!({ "writer": "k1", "keys": { "k1": ids::key() } }).to_string();
    for (name, value) in [
        (TIKTOK_APP_SECRET, json!({ "app_id": "7000000000000000001", "secret": ids::uuid() }).to_string()),
        (TOKEN_KEYRING_SECRET, keyring()),
        (WEB_KEYRING_SECRET, keyring()),
    ] {
        if secrets.current(name).is_none() {
            secrets.put(name, &value);
        }
    }
}
