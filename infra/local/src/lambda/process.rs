//! One process of a function: started from the unmodified binary, given one event at a time, killed when it is dropped.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use axum::body::Bytes;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::sync::{oneshot, watch};

use crate::activity::Stream;
use crate::lambda::logs::Logs;
use crate::lambda::runtime_api::{Answer, Delivery, FunctionError, Mailbox, Registration, RuntimeApi};

/// How long a process may take to ask for its first event. Lambda gives it ten seconds; a laptop that compiles meanwhile
/// deserves more.
const INIT_TIMEOUT: Duration = Duration::from_mins(1);

/// How long the pipes of a process that has ended are read. They end with it, unless a child of its own holds them.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// What a function's processes are started from.
#[derive(Clone, Debug)]
pub struct Launch {
    pub function: String,
    pub binary: PathBuf,
    /// The whole environment: nothing is inherited.
    pub environment: BTreeMap<String, String>,
}

/// The ids of a function's processes that live now, the busy ones too.
#[derive(Clone, Debug, Default)]
pub struct Living(Arc<Mutex<BTreeSet<u32>>>);

impl Living {
    pub fn pids(&self) -> Vec<u32> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }

    fn contains(&self, pid: u32) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&pid)
    }

    fn change(&self, change: impl FnOnce(&mut BTreeSet<u32>)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// How an event fared in a process.
#[derive(Debug)]
pub enum Run {
    Answered(Answer),
    /// The process ended before it took the event, so another one may have it.
    NeverTaken(String),
    /// The process ended while it worked on the event.
    Crashed(ExitStatus),
    TimedOut,
}

#[derive(Debug)]
pub struct Process {
    pid: u32,
    launch: Launch,
    built: SystemTime,
    living: Living,
    registration: Registration,
    exited: watch::Receiver<Option<ExitStatus>>,
    /// Dropped with the process, which makes its guard kill it.
    _kill: oneshot::Sender<()>,
}

impl Process {
    pub fn start(launch: Launch, api: &RuntimeApi, logs: &Logs, living: &Living) -> io::Result<Self> {
        let built = built_at(&launch.binary)?;
        let registration = api.register();
        let mut child = Command::new(&launch.binary)
            .env_clear()
            .envs(&launch.environment)
            .env("AWS_LAMBDA_RUNTIME_API", &registration.address)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let pid = child.id().unwrap_or_default();
        let stdout = child.stdout.take().map(|pipe| logs.follow(launch.function.clone(), pid, Stream::Stdout, pipe));
        let stderr = child.stderr.take().map(|pipe| logs.follow(launch.function.clone(), pid, Stream::Stderr, pipe));
        living.change(|pids| {
            pids.insert(pid);
        });

        let (kill, killed) = oneshot::channel();
        let (exit, exited) = watch::channel(None);
        let process = Self { pid, launch, built, living: living.clone(), registration, exited, _kill: kill };
        let living = living.clone();
        tokio::spawn(async move {
            let status = guard(child, killed).await;
            // What it printed last explains why it ended: have it before anybody hears of the end.
            for reader in [stdout, stderr].into_iter().flatten() {
                let _ = tokio::time::timeout(LAST_WORDS, reader).await;
            }
            living.change(|pids| {
                pids.remove(&pid);
            });
            let _ = exit.send(Some(status));
        });
        Ok(process)
    }

    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether it lives, and was started from the binary and the environment that it would be started from now.
    pub fn is_current(&self, launch: &Launch) -> bool {
        let same_binary = built_at(&launch.binary).is_ok_and(|built| built == self.built);
        same_binary && self.launch.environment == launch.environment && self.living.contains(self.pid)
    }

    /// Gives the process one event and waits for what becomes of it: as long as the process is `told` that it has, and the
    /// `grace` beyond that. After anything but an answer, drop the process.
    pub async fn run(
        &mut self,
        request_id: String,
        function_arn: String,
        payload: Bytes,
        told: Duration,
        grace: Duration,
    ) -> Run {
        let (taken, has_taken) = oneshot::channel();
        let (answer, mut answered) = oneshot::channel();
        let delivery = Delivery { request_id, function_arn, payload, timeout: told, taken, answer };
        if self.registration.sender.send(delivery).await.is_err() {
            return Run::NeverTaken("it no longer takes events".to_owned());
        }

        tokio::select! {
            biased;
            Ok(()) = has_taken => {}
            Ok(status) = ended(&mut self.exited) => return Run::NeverTaken(why_it_ended(status, &self.registration.mailbox)),
            () = tokio::time::sleep(INIT_TIMEOUT) => return Run::NeverTaken(format!("it asked for no event within {INIT_TIMEOUT:?}")),
        }

        tokio::select! {
            biased;
            Ok(answer) = &mut answered => Run::Answered(answer),
            Ok(status) = ended(&mut self.exited) => Run::Crashed(status),
            () = tokio::time::sleep(told + grace) => Run::TimedOut,
        }
    }

    pub fn signal(&self, signal: Signal) {
        if self.living.contains(self.pid) {
            send_signal(self.pid, signal);
        }
    }
}

async fn ended(exited: &mut watch::Receiver<Option<ExitStatus>>) -> Result<ExitStatus, watch::error::RecvError> {
    exited.wait_for(Option::is_some).await.map(|status| status.unwrap_or_default())
}

fn why_it_ended(status: ExitStatus, mailbox: &Mailbox) -> String {
    match mailbox.init_error() {
        Some(FunctionError { error_type, error_message }) => format!("{status}: {error_type}: {error_message}"),
        None => status.to_string(),
    }
}

/// Waits for the child's end, or kills it as soon as its [`Process`] is gone.
async fn guard(mut child: Child, killed: oneshot::Receiver<()>) -> ExitStatus {
    tokio::select! {
        status = child.wait() => return status.unwrap_or_default(),
        _ = killed => {}
    }
    let _ = child.start_kill();
    child.wait().await.unwrap_or_default()
}

pub fn send_signal(pid: u32, signal: Signal) {
    if let Ok(pid) = i32::try_from(pid) {
        // A process that has just ended needs no signal.
        let _ = kill(Pid::from_raw(pid), signal);
    }
}

fn built_at(binary: &Path) -> io::Result<SystemTime> {
    std::fs::metadata(binary)?.modified()
}
