//! One process from its start to its end: how long it takes, what it costs, how large it becomes.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use axum::body::Bytes;
use nix::time::{clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;

use crate::cases::Case;
use crate::tls::Authority;
use local::aws::names::{ACCOUNT_ID, REGION};
use local::ids;
use local::lambda::logs::Logs;
use local::lambda::process::{Launch, Living, Process, Run};
use local::lambda::runtime_api::RuntimeApi;

/// Requests that are made and not measured: the first ones find cold caches and the processor elsewhere.
const WARM_UP: usize = 10;
const TIMEOUT: Duration = Duration::from_secs(29);

/// What one process showed.
#[derive(Clone, Debug)]
pub struct Sample {
    /// From the start of the process to its first answer.
    pub cold: Duration,
    /// What that cost in user and system time.
    pub cold_cpu: Duration,
    /// Each request afterwards.
    pub warm: Vec<Duration>,
    /// What those cost on average.
    pub warm_cpu: Duration,
    pub memory: Memory,
    /// TLS connections that it opened.
    pub handshakes: usize,
}

/// Memory after the last request, in KiB.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// Everything that is in memory.
    pub resident: u64,
    /// The part that is the process's own: heap and stacks, without what is mapped from the binary.
    pub anonymous: u64,
}

/// Starts processes and sends them events.
pub struct Laboratory {
    api: RuntimeApi,
    logs: Logs,
    living: Living,
}

impl Laboratory {
    pub async fn new() -> anyhow::Result<Self> {
        Ok(Self { api: RuntimeApi::start().await?, logs: Logs::default(), living: Living::default() })
    }

    pub fn start(&self, launch: Launch) -> anyhow::Result<Process> {
        let binary = launch.binary.clone();
        Process::start(launch, &self.api, &self.logs, &self.living)
            .with_context(|| format!("cannot run {}", binary.display()))
    }

    /// Starts a process, sends it one request and then `requests` more. `first` is the number of its first request.
    pub async fn sample(
        &self,
        case: &Case,
        launch: Launch,
        first: usize,
        requests: usize,
        authority: &Authority,
    ) -> anyhow::Result<Sample> {
        let handshakes_before = authority.handshakes();
        let payload = case.payload(first);
        let started = Instant::now();
        let mut process = self.start(launch)?;
        let answer = self.ask(&mut process, case, payload).await?;
        let cold = started.elapsed();
        let cold_cpu = cpu(process.pid())?;
        case.check(&answer)?;

        let mut warm = Vec::with_capacity(requests);
        let mut cpu_before = cold_cpu;
        for number in 0..WARM_UP + requests {
            if number == WARM_UP {
                cpu_before = cpu(process.pid())?;
            }
            let payload = case.payload(first + 1 + number);
            let asked = Instant::now();
            let answer = self.ask(&mut process, case, payload).await?;
            let took = asked.elapsed();
            case.check(&answer)?;
            if number >= WARM_UP {
                warm.push(took);
            }
        }
        let warm_cpu = cpu(process.pid())?.saturating_sub(cpu_before) / u32::try_from(requests.max(1))?;
        let handshakes = authority.handshakes() - handshakes_before;
        Ok(Sample { cold, cold_cpu, warm, warm_cpu, memory: memory(process.pid())?, handshakes })
    }

    /// One request to a process.
    pub async fn ask(&self, process: &mut Process, case: &Case, payload: Bytes) -> anyhow::Result<Bytes> {
        let arn = format!("arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:{}", case.function);
        match process.run(ids::uuid(), arn, payload, TIMEOUT, Duration::ZERO).await {
            Run::Answered(Ok(answer)) => Ok(answer),
            other => {
                let printed = self.logs.of(case.function).into_iter().rev().take(5).map(|line| line.text);
                bail!("{}: {other:?}; it printed last: {:#?}", case.function, printed.collect::<Vec<_>>())
            }
        }
    }
}

/// How many requests a sample sends.
pub const fn requests_of_a_sample(requests: usize) -> usize {
    1 + WARM_UP + requests
}

/// User and system time of all threads of a process so far, those that have ended included.
fn cpu(pid: u32) -> anyhow::Result<Duration> {
    let clock = clock_getcpuclockid(Pid::from_raw(i32::try_from(pid)?)).context("the process has ended")?;
    Ok(clock_gettime(clock).context("the process has ended")?.into())
}

fn memory(pid: u32) -> anyhow::Result<Memory> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).context("the process has ended")?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).with_context(|| format!("no {name}"))?;
        line.trim().trim_end_matches(" kB").parse().with_context(|| format!("{name} is no number"))
    };
    Ok(Memory { resident: field("VmRSS:")?, anonymous: field("RssAnon:")? })
}
