//! One bench from its beginning to the report.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use local::lambda::process::Launch;
use local::world::{World, WorldOptions};
use local::{environment, paths};
use tokio::process::Command;

use crate::cases::{CASES, Case, FLOOR, LIST_ACCOUNTS};
use crate::counting::{Call, Counting, Usage};
use crate::measure::{Laboratory, Sample};
use crate::options::Options;
use crate::report::{Figures, Report};
use crate::tls::Authority;
use crate::{measure, organisation};

/// What the functions are told that they have.
const MEMORY_MIB: u32 = 256;

/// Measures, and returns the table in Markdown.
pub async fn run(options: &Options) -> anyhow::Result<String> {
    let cases: Vec<Case> = CASES.into_iter().filter(|case| options.measures(case.function)).collect();
    let binaries = binaries(&options.profile)?;
    if !options.as_built {
        progress("building the functions");
        build(&options.profile).await?;
    }
    progress("an organisation of 240 ad accounts moves in");
    let world = World::start(WorldOptions { binaries: Some(binaries.clone()), ..WorldOptions::default() }).await?;
    organisation::fill(&world).await?;

    let bench = Bench { laboratory: Laboratory::new().await?, binaries, plain: world.environment().clone() };
    let counting = Counting::start(world.dynamodb.url()).await?;
    let mut usage = Vec::new();
    for case in &cases {
        progress(&format!("counting what {} asks of DynamoDB", case.function));
        usage.push(bench.count(case, &counting).await?);
    }
    let query = bench.query_of_list_accounts(&counting).await?;

    let authority = Authority::new()?;
    let environment = if options.plain { bench.plain.clone() } else { bench.behind_tls(&authority).await? };
    let raw = RawQuery::new(&environment, &authority, query)?;
    let mut samples = vec![Vec::<Sample>::new(); cases.len()];
    let mut raw_samples = Vec::new();
    for round in 0..options.rounds {
        for (case, samples) in cases.iter().zip(&mut samples) {
            progress(&format!("round {} of {}: {}", round + 1, options.rounds, case.function));
            let requests = usize::try_from(options.requests)?;
            // Numbers that the counting pass has not used.
            let first = 100 + usize::try_from(round)? * measure::requests_of_a_sample(requests);
            let launch = bench.launch(case, &environment);
            samples.push(bench.laboratory.sample(case, launch, first, requests, &authority).await?);
        }
        raw_samples.push(raw.sample(options.requests).await?);
    }
    progress("");

    let figures = cases.iter().zip(&samples).zip(usage).map(|((case, samples), usage)| {
        let binary = std::fs::metadata(bench.binaries.join(case.function))?.len();
        Ok(Figures::new(case, samples, binary, usage))
    });
    let figures = figures.collect::<anyhow::Result<_>>()?;
    Ok(Report { options: options.clone(), figures, raw_query: raw_samples }.to_string())
}

/// Where cargo puts the binaries of a profile.
fn binaries(profile: &str) -> anyhow::Result<PathBuf> {
    let ours = paths::binaries()?;
    let target = ours.parent().context("a profile's folder lies in the target folder")?;
    Ok(target.join(if profile == "dev" { "debug" } else { profile }))
}

/// Builds the functions and the floor, and nothing beside them: cargo unites the features that all packages of a build
/// want, and those of the local world have no place in what is measured.
async fn build(profile: &str) -> anyhow::Result<()> {
    let binaries = binaries(profile)?;
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--profile", profile, "--package", FLOOR]).current_dir(paths::workspace());
    for (function, _) in local::binaries::functions(&binaries)? {
        cargo.args(["--package", &function]);
    }
    cargo.arg("--target-dir").arg(binaries.parent().unwrap_or(&binaries));
    // Cargo's own progress is shown: this takes minutes.
    let status = cargo.stdin(Stdio::null()).kill_on_drop(true).status().await.context("running cargo")?;
    if !status.success() {
        bail!("the functions cannot be built");
    }
    Ok(())
}

struct Bench {
    laboratory: Laboratory,
    binaries: PathBuf,
    /// The functions' variables, with all servers over plain HTTP.
    plain: BTreeMap<String, String>,
}

impl Bench {
    fn launch(&self, case: &Case, environment: &BTreeMap<String, String>) -> Launch {
        let mut environment = environment.clone();
        environment.extend(environment::of_function(case.function, MEMORY_MIB));
        Launch { function: case.function.to_owned(), binary: self.binaries.join(case.function), environment }
    }

    /// The same variables, with TLS in front of every server.
    async fn behind_tls(&self, authority: &Authority) -> anyhow::Result<BTreeMap<String, String>> {
        let mut environment = self.plain.clone();
        let bundle = paths::state()?.join("bench-roots.pem");
        authority.write_bundle(&bundle)?;
        environment.insert("AWS_CA_BUNDLE".to_owned(), bundle.to_string_lossy().into_owned());
        for name in ["AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_SECRETS_MANAGER", "TIKTOK_API_BASE"] {
            let url = environment.get(name).with_context(|| format!("functions get {name}"))?;
            let front = authority.front(url).await?;
            environment.insert(name.to_owned(), front);
        }
        Ok(environment)
    }

    /// What a warm request asks of DynamoDB.
    async fn count(&self, case: &Case, counting: &Counting) -> anyhow::Result<Usage> {
        let mut environment = self.plain.clone();
        environment.insert("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), counting.url());
        let mut process = self.laboratory.start(self.launch(case, &environment))?;
        for number in 0..2 {
            counting.take();
            let answer = self.laboratory.ask(&mut process, case, case.payload(number)).await?;
            case.check(&answer)?;
        }
        Ok(counting.take())
    }

    /// The reference is the very query that `list-accounts` makes.
    async fn query_of_list_accounts(&self, counting: &Counting) -> anyhow::Result<Call> {
        let list = CASES.iter().rfind(|case| case.function == LIST_ACCOUNTS).context("list-accounts is measured")?;
        self.count(list, counting).await?;
        counting.last_query().context("list-accounts makes a query")
    }
}

/// One query, sent again and again over a connection that stays open.
struct RawQuery {
    client: reqwest::Client,
    url: String,
    call: Call,
}

impl RawQuery {
    fn new(environment: &BTreeMap<String, String>, authority: &Authority, call: Call) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder().tls_backend_preconfigured(authority.client_config()?).build()?;
        let url = environment.get("AWS_ENDPOINT_URL_DYNAMODB").context("functions know DynamoDB")?.clone();
        Ok(Self { client, url, call })
    }

    async fn sample(&self, requests: u32) -> anyhow::Result<Vec<Duration>> {
        let mut times = Vec::new();
        for _ in 0..=requests {
            let started = Instant::now();
            let request = self.client.post(&self.url).headers(self.call.headers.clone()).body(self.call.body.clone());
            request.send().await?.error_for_status()?.bytes().await?;
            times.push(started.elapsed());
        }
        // The first one may have had to connect.
        Ok(times.split_off(1))
    }
}

/// Shows what is being done, in one line that is written anew.
fn progress(what: &str) {
    let mut stderr = std::io::stderr();
    // Nobody needs to see it.
    let _ = if stderr.is_terminal() { write!(stderr, "\r\x1b[K{what}") } else { writeln!(stderr, "{what}") };
    let _ = stderr.flush();
}
