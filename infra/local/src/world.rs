//! Brings everything up, and takes it down again when the [`World`] is dropped.
//!
//! With the default options nothing is shared and nothing is kept: every port is free to choose, database and secrets
//! are in memory. So tests start as many worlds as they like. The command line tool gives fixed ports and a folder to
//! keep the state in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use url::Url;

use crate::activity::Watcher;
use crate::aws::dynamodb::{self, Dynamo};
use crate::aws::events::{self, Bus};
use crate::aws::invoke;
use crate::aws::names::{TIKTOK_APP_SECRET, TOKEN_KEYRING_SECRET, WEB_KEYRING_SECRET};
use crate::aws::scheduler::{self, SCHEDULED};
use crate::aws::secrets::{self, Secrets};
use crate::aws::sqs::source::{Drained, QueueSource};
use crate::aws::sqs::{self, Sqs};
use crate::aws::stream::StreamSource;
use crate::demo::landing::{self, Landing};
use crate::demo::page;
use crate::environment::{self, Places};
use crate::gateway::Gateway;
use crate::gateway::authorizer::Authorizer;
use crate::gateway::cors::Cors;
use crate::gateway::issuer::Issuer;
use crate::gateway::routes::{self, Routes};
use crate::lambda::functions::Functions;
use crate::lambda::functions::InvokeError;
use crate::lambda::logs::Logs;
use crate::lambda::process::Launch;
use crate::server::{Server, listen};
use crate::tiktok::TikTok;
use crate::{binaries, ids, paths};

/// The memory that the functions are told they have.
const MEMORY_MIB: u32 = 256;
/// Who gets the messages of the queue, and who the records of the table's stream.
const CHECKER: &str = "check-grant";
const RELAY: &str = "relay-events";

/// Which port each server takes; 0 is any free one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ports {
    pub gateway: u16,
    pub tiktok: u16,
    pub invoke_api: u16,
    pub dynamodb: u16,
    pub secrets_manager: u16,
    pub sqs: u16,
    pub eventbridge: u16,
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
    /// The table, see [`crate::aws::dynamodb`].
    pub table: String,
    /// The TikTok stand-in's clock and switches.
    pub tiktok: tiktok_stand_in::Options,
    /// Is told of requests, and of what the functions print.
    pub watcher: Option<Watcher>,
    pub function_timeout: Duration,
    /// Functions that have another timeout.
    pub function_timeouts: BTreeMap<String, Duration>,
    /// How long the gateway waits for a function.
    pub integration_timeout: Duration,
    /// How much longer than they are told functions may work, see [`Functions::set_grace`].
    pub grace: Duration,
    /// How many processes one function may have.
    pub max_processes: usize,
    /// How many batches of queued checks are worked on at once.
    pub maximum_concurrency: usize,
    /// How long a received check stays hidden; `None` is six times the timeout of `check-grant`, as AWS advises.
    pub visibility_timeout: Option<Duration>,
    /// How often [`SCHEDULED`] functions are invoked by themselves; `None` is never, see [`World::tick`].
    pub schedule: Option<Duration>,
    /// Delivers queued checks by itself; otherwise see [`World::drain_queue`].
    pub poll_queue: bool,
    /// Delivers the table's new events by itself; otherwise see [`World::drain_stream`].
    pub poll_stream: bool,
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
            watcher: None,
            function_timeout: Duration::from_secs(29),
            integration_timeout: Duration::from_secs(30),
            grace: Duration::ZERO,
            function_timeouts: [(CHECKER.to_owned(), Duration::from_mins(2))].into(),
            max_processes: 10,
            maximum_concurrency: 2,
            visibility_timeout: None,
            schedule: None,
            poll_queue: false,
            poll_stream: false,
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
    pub sqs: Sqs,
    pub bus: Bus,
    pub stream: StreamSource,
    checks: QueueSource,
    table: String,
    environment: BTreeMap<String, String>,
    gateway: Server,
    invoke_api: Server,
    secrets_manager: Server,
    sqs_server: Server,
    eventbridge: Server,
    /// What moves by itself, until this is dropped.
    _running: JoinSet<()>,
}

impl World {
    /// Starts all servers. The functions' processes start with their first event; their binaries must be there by then.
    pub async fn start(options: WorldOptions) -> anyhow::Result<Self> {
        let ports = options.ports;
        let kept = |name: &str| options.state.as_ref().map(|folder| folder.join(name));
        make_folders(options.state.as_deref())?;

        let dynamodb = Dynamo::start(listen("DynamoDB", ports.dynamodb).await?, kept("dynamodb.sqlite").as_deref())?;
        let table = dynamodb.create_table(&options.table)?;

        let secrets = kept("secrets.json").map_or_else(|| Ok(Secrets::default()), |file| Secrets::kept_in(&file))?;
        put_missing_secrets(&secrets);
        let app = secrets.current(TIKTOK_APP_SECRET).context("the secret of our TikTok app is not text")?;
        let secrets_manager = listen("Secrets Manager", ports.secrets_manager).await?;
        let secrets_manager = Server::start(secrets_manager, secrets::wire::router(secrets.clone()))?;

        // The addresses of these are told to parts that start before they can answer.
        let gateway = listen("the gateway", ports.gateway).await?;
        let gateway_url = format!("http://{}", gateway.local_addr()?);
        let invoke_api = listen("the Invoke API", ports.invoke_api).await?;

        let eventbridge = listen("EventBridge", ports.eventbridge).await?;
        let eventbridge_url = format!("http://{}", eventbridge.local_addr()?);
        let sqs_listener = listen("SQS", ports.sqs).await?;
        let sqs_url = format!("http://{}", sqs_listener.local_addr()?);

        let checker_timeout = options.function_timeouts.get(CHECKER).unwrap_or(&options.function_timeout);
        let sqs = Sqs::new(options.visibility_timeout.unwrap_or(*checker_timeout * 6));
        let sqs_server = Server::start(sqs_listener, sqs::wire::router(sqs.clone(), sqs_url.clone()))?;

        let redirect_uri = format!("{gateway_url}/oauth/tiktok/callback");
        let app = serde_json::from_str(&app).context("the secret of our TikTok app")?;
        let tiktok = TikTok::start(ports.tiktok, options.tiktok, kept("tiktok.json"), &app, &redirect_uri).await?;

        let app_url = options.app_url.unwrap_or_else(|| format!("{gateway_url}/"));
        let origin = Url::parse(&app_url).context("APP_URL is not a URL")?.origin().ascii_serialization();
        let mut environment = environment::shared(&Places {
            dynamodb: dynamodb.url().to_owned(),
            secrets_manager: secrets_manager.url(),
            sqs: sqs_url.clone(),
            eventbridge: eventbridge_url.clone(),
            tiktok: tiktok.url(),
            redirect_uri,
            app_url,
            table: table.clone(),
            checks_at_once: options.maximum_concurrency,
        });
        environment.extend(options.environment);

        let binaries = options.binaries.map_or_else(paths::binaries, Ok)?;
        let launches = launches(&binaries, options.functions, &environment)?;
        let logs = Logs::new(options.watcher.clone());
        let functions = Functions::new(launches, logs, options.function_timeout, options.max_processes).await?;
        functions.set_grace(options.grace);
        for (function, timeout) in &options.function_timeouts {
            // A world may lack a function that usually has another timeout.
            let _ = functions.set_timeout(function, *timeout);
        }
        let bus = Bus::new(functions.clone())?;
        let eventbridge = Server::start(eventbridge, events::wire::router(bus.clone()))?;
        let stream = StreamSource::new(dynamodb.database().clone(), &table, functions.clone(), RELAY)?;
        let checks = QueueSource {
            queue: sqs.checks.clone(),
            functions: functions.clone(),
            function: CHECKER,
            maximum_concurrency: options.maximum_concurrency,
        };
        let issuer = Issuer::new(gateway_url.clone(), &paths::state()?)?;
        let landing = Landing {
            issuer: issuer.clone(),
            openapi: options.openapi.clone(),
            gateway: gateway_url,
            tiktok: tiktok.url(),
            invoke_api: format!("http://{}", invoke_api.local_addr()?),
            dynamodb: dynamodb.url().to_owned(),
            secrets_manager: secrets_manager.url(),
            sqs: sqs_url,
            eventbridge: eventbridge_url,
        };
        let front = Gateway {
            routes: Routes::from_openapi(&options.openapi)?,
            authorizer: Authorizer::new(&issuer),
            cors: Cors::new(vec![origin]),
            functions: functions.clone(),
            watcher: options.watcher,
            integration_timeout: options.integration_timeout,
        };
        let pages = landing::router(landing).merge(page::router());
        let gateway = Server::start(gateway, front.router(issuer.router().merge(pages)))?;
        let invoke_api = Server::start(invoke_api, invoke::router(functions.clone()))?;

        let by_itself = ByItself { schedule: options.schedule, queue: options.poll_queue, stream: options.poll_stream };
        let running = by_itself.start(&functions, &checks, &stream);
        Ok(Self {
            dynamodb,
            secrets,
            tiktok,
            functions,
            issuer,
            sqs,
            bus,
            stream,
            checks,
            table,
            environment,
            gateway,
            invoke_api,
            secrets_manager,
            sqs_server,
            eventbridge,
            _running: running,
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

    pub fn sqs_url(&self) -> String {
        self.sqs_server.url()
    }

    pub fn eventbridge_url(&self) -> String {
        self.eventbridge.url()
    }

    /// Invokes a function as its schedule would at this time, and gives what it answers.
    pub async fn tick(&self, function: &str, at: Timestamp) -> Result<Value, InvokeError> {
        self.functions.invoke(function, scheduler::event(function, at)).await
    }

    /// Delivers queued checks until nothing is deliverable. What fails stays hidden until its visibility timeout is over.
    pub async fn drain_queue(&self) -> Drained {
        self.checks.drain().await
    }

    /// As [`World::drain_queue`], but lets the visibility timeout of what fails pass at once: at the end each message is
    /// done or in the dead-letter queue.
    pub async fn drain_queue_whole(&self) -> Drained {
        self.checks.drain_whole().await
    }

    /// Delivers the table's new events to the relay until there are none, or until a batch fails and gets no further.
    pub async fn drain_stream(&self) -> anyhow::Result<Drained> {
        self.stream.drain().await
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

/// What moves by itself.
struct ByItself {
    schedule: Option<Duration>,
    queue: bool,
    stream: bool,
}

impl ByItself {
    fn start(&self, functions: &Functions, checks: &QueueSource, stream: &StreamSource) -> JoinSet<()> {
        let mut running = JoinSet::new();
        if let Some(every) = self.schedule {
            for function in SCHEDULED {
                running.spawn(scheduler::run(functions.clone(), function, every));
            }
        }
        if self.queue {
            running.spawn(checks.clone().run());
        }
        if self.stream {
            running.spawn(stream.clone().run());
        }
        running
    }
}

/// For what is kept, and for the issuer's key.
fn make_folders(state: Option<&Path>) -> anyhow::Result<()> {
    for folder in [Some(paths::state()?.as_path()), state].into_iter().flatten() {
        std::fs::create_dir_all(folder).with_context(|| format!("making the folder {}", folder.display()))?;
    }
    Ok(())
}

fn launches(
    binaries: &Path,
    more: BTreeMap<String, PathBuf>,
    environment: &BTreeMap<String, String>,
) -> anyhow::Result<Vec<Launch>> {
    let mut functions: BTreeMap<String, PathBuf> = binaries::functions(binaries)?.into_iter().collect();
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
