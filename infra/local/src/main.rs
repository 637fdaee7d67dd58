//! The local world as a command: `cargo local` starts it, `cargo local import FILE` brings ad accounts into a running
//! one, `cargo local sweep` checks what is due in it, `cargo local guard hold` keeps everything from lapsing there,
//! and `cargo local revoke reconnect` revokes every token in it.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use jiff::Timestamp;
use local::console::{Console, Style};
use local::demo::seed;
use local::import::Importer;
use local::operate::{GuardOrder, Running};
use local::world::{Ports, World, WorldOptions};
use local::{binaries, clock, environment, import, paths};
use tokio::signal::unix::{SignalKind, signal};

/// Everything that the Reconnect functions need, on this machine.
#[derive(Parser)]
#[command(name = "local", subcommand_negates_reqs = true, args_conflicts_with_subcommands = false)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
struct Arguments {
    /// The first of seven ports in a row: gateway, TikTok, Invoke API, DynamoDB, Secrets Manager, SQS, EventBridge.
    #[arg(long, default_value_t = 3000, global = true, value_parser = clap::value_parser!(u16).range(1..=65529))]
    port: u16,
    /// Forgets what earlier runs have left and starts over.
    #[arg(long)]
    fresh: bool,
    /// Runs the functions as they were built last.
    #[arg(long)]
    no_build: bool,
    /// Lets nothing happen by itself: no schedule runs, and what waits in the queue and the stream goes on waiting.
    #[arg(long)]
    no_background: bool,
    /// Shows what the functions log, too. So does `RUST_LOG`, which they get then.
    #[arg(long)]
    logs: bool,
    /// Where the callback sends people, and whose origin may call the API. The default is the gateway's own page.
    #[arg(long)]
    app_url: Option<String>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Imports ad accounts from a spreadsheet's CSV or from JSON Lines, into the running local world or a function on AWS.
    Import(import::Options),
    /// Checks the grants that are due in the running local world, and tells what came of it.
    Sweep {
        /// All grants, due or not.
        #[arg(long)]
        all: bool,
    },
    /// Tells the guard of the running local world whether grants may lapse.
    Guard { order: GuardOrder },
    /// Revokes every token that was granted until now in the running local world, as after a leak.
    Revoke {
        /// The name of its table, so that it is meant.
        #[arg(required_unless_present = "stop")]
        table: Option<String>,
        /// Until this time instead, such as 2026-11-24T08:00:00Z.
        #[arg(long)]
        granted_before: Option<Timestamp>,
        /// Ends an order that is not carried out yet.
        #[arg(long, conflicts_with_all = ["table", "granted_before"])]
        stop: bool,
    },
}

/// How often the scheduled functions run here; every minute on AWS.
const SCHEDULE: Duration = Duration::from_secs(20);

/// So that one sees a lapse within two minutes, and not within hours.
const HURRIED: [(&str, &str); 2] = [("STRIKE_SPACING_SECONDS", "30"), ("CHECK_INTERVAL_SECONDS", "60")];

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    match &arguments.command {
        None => serve(&arguments).await?,
        Some(Command::Import(options)) => {
            let importer = match &options.function {
                Some(function) => Importer::Aws { function: function.clone(), region: options.region.clone() },
                None => Importer::Local { invoke_url: running(arguments.port)?.invoke_url },
            };
            let outcome = import::run(options, &importer, say).await?;
            // So that a script notices, although the other rows are in.
            if outcome.refused > 0 {
                return Ok(ExitCode::FAILURE);
            }
        }
        Some(Command::Sweep { all }) => {
            say(&running(arguments.port)?.sweep(*all).await?);
        }
        Some(Command::Guard { order }) => {
            say(&running(arguments.port)?.guard(*order).await?);
        }
        Some(Command::Revoke { table, granted_before, .. }) => {
            let running = running(arguments.port)?;
            let report = match table {
                Some(table) => running.revoke(table, granted_before.unwrap_or_else(clock::now)).await?,
                None => running.stop_revoking().await?,
            };
            say(&report);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn ports(first: u16) -> Ports {
    Ports {
        gateway: first,
        tiktok: first + 1,
        invoke_api: first + 2,
        dynamodb: first + 3,
        secrets_manager: first + 4,
        sqs: first + 5,
        eventbridge: first + 6,
    }
}

fn running(port: u16) -> anyhow::Result<Running> {
    let ports = ports(port);
    let url = |port: u16| format!("http://127.0.0.1:{port}");
    Ok(Running {
        client: local::client::new()?,
        invoke_url: url(ports.invoke_api),
        sqs_url: url(ports.sqs),
        dynamodb_url: url(ports.dynamodb),
    })
}

async fn serve(arguments: &Arguments) -> anyhow::Result<()> {
    let state = paths::state()?.join("world");
    if arguments.fresh && state.exists() {
        std::fs::remove_dir_all(&state).with_context(|| format!("removing {}", state.display()))?;
    }
    let log_level = log_level();
    let log_file = state.join("functions.log");
    let style = Style::of(&std::io::stdout(), arguments.logs || log_level.is_some());
    let console = Console::new(std::io::stdout(), style, &log_file)?;
    if !arguments.no_build {
        console.say("Building the functions …");
        binaries::build().await?;
    }
    console.say("Starting the local world …");
    let environment = HURRIED.into_iter().chain(log_level.as_deref().map(|level| ("RUST_LOG", level)));
    let world = World::start(WorldOptions {
        ports: ports(arguments.port),
        state: Some(state),
        app_url: arguments.app_url.clone(),
        watcher: Some(console.watcher()),
        environment: environment.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        schedule: (!arguments.no_background).then_some(SCHEDULE),
        poll_queue: !arguments.no_background,
        poll_stream: !arguments.no_background,
        ..WorldOptions::default()
    })
    .await?;
    let env_file = paths::state()?.join("functions.env");
    std::fs::write(&env_file, environment::as_file(world.environment()))
        .with_context(|| format!("writing {}", env_file.display()))?;

    if world.is_empty()? {
        console.say("Seeding demo data …");
        if let Err(error) = seed::fill(&world).await {
            console.say(&format!(
                "The demo data could not be seeded: {error:#}\nThere may be little to see; --fresh starts over."
            ));
        }
    }
    // From the line that says how to stop it, it can be stopped.
    let (mut interrupted, mut terminated) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    console.say(&whereabouts(&world, &env_file, &log_file));
    console.open();
    tokio::spawn(console.clone().report_sweeps(world.sqs.checks.clone()));
    tokio::select! {
        _ = interrupted.recv() => {}
        _ = terminated.recv() => {}
    }
    console.say("Stopping.");
    Ok(())
}

/// For the functions, which are given no variable of this program by themselves.
#[expect(clippy::disallowed_methods, reason = "the rule is for functions: their settings are read in one place")]
fn log_level() -> Option<String> {
    std::env::var("RUST_LOG").ok()
}

fn whereabouts(world: &World, env_file: &Path, log_file: &Path) -> String {
    let gateway = world.gateway_url();
    format!(
        "
Reconnect, locally: {gateway}/  (start here: the page Ad Accounts; {gateway}/local/ says who is who)

  API               {gateway}  described by {gateway}/openapi.yaml
  TikTok stand-in   {tiktok}
  Invoke API        {invoke}
  DynamoDB          {dynamodb}
  Secrets Manager   {secrets}
  SQS               {sqs}
  EventBridge       {eventbridge}
  settings          {env}  (for cargo lambda watch)
  functions' logs   {logs}  (--logs shows them here)

  token=$(curl -s {gateway}/local/token/ana)
  curl -s -H \"Authorization: Bearer $token\" '{gateway}/ad-accounts?status=needs_connecting'

A function that you build anew runs with the next request. Ctrl-C stops everything; the data stays.
Below is a line for each request to the API, and for each sweep that changed something.
",
        tiktok = world.tiktok.url(),
        invoke = world.invoke_url(),
        dynamodb = world.dynamodb.url(),
        secrets = world.secrets_manager_url(),
        sqs = world.sqs_url(),
        eventbridge = world.eventbridge_url(),
        env = env_file.display(),
        logs = log_file.display(),
    )
}

fn say(text: &str) {
    // A closed terminal is no reason to stop.
    let _ = writeln!(std::io::stdout(), "{text}");
}
