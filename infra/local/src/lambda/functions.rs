//! The functions: which there are, how they are invoked, and what tests can do to them.
//!
//! As on Lambda, a process works on one event at a time; a second event at the same moment starts a second process, up
//! to a limit, after which events wait. A process is used again while it lives and its binary is still the one it was
//! started from: after a build the next event runs the new code. An invocation runs in a task of its own: a caller who
//! hangs up does not end it.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use nix::sys::signal::Signal;
use serde_json::Value;
use thiserror::Error;
use tokio::sync::Semaphore;

use crate::aws::names::{ACCOUNT_ID, REGION};
use crate::ids;
use crate::lambda::logs::Logs;
use crate::lambda::process::{Launch, Living, Process, Run, send_signal};
use crate::lambda::runtime_api::{FunctionError, RuntimeApi};

/// Lambda's limit for one synchronous event, in bytes.
pub const MAX_EVENT: usize = 6 * 1024 * 1024;

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum InvokeError {
    #[error("there is no function {0}")]
    UnknownFunction(String),
    #[error("the event has more than {MAX_EVENT} bytes")]
    EventTooLarge,
    #[error("cannot run {}; has it been built with `cargo build --bins`?", binary.display())]
    NotStarted { binary: PathBuf, source: std::io::Error },
    #[error("{function} ended before it asked for an event: {reason}")]
    InitFailed { function: String, reason: String },
    #[error("{function} ended while it worked: {status}")]
    Crashed { function: String, status: std::process::ExitStatus },
    #[error("{function} timed out after {after:?}")]
    TimedOut { function: String, after: Duration },
    /// The function itself reported an error, or panicked.
    #[error("{function} failed: {}: {}", error.error_type, error.error_message)]
    Failed { function: String, error: FunctionError },
    #[error("the answer of {function} is not JSON")]
    NotJson { function: String, source: serde_json::Error },
}

/// What tests have asked of one function.
#[derive(Debug)]
struct Knobs {
    timeout: Duration,
    grace: Duration,
    freeze_after_answer: bool,
    deliver_twice: u32,
}

#[derive(Debug)]
struct Function {
    launch: Mutex<Launch>,
    knobs: Mutex<Knobs>,
    idle: Mutex<VecDeque<Process>>,
    living: Living,
    places: Semaphore,
}

#[derive(Debug)]
struct Inner {
    api: RuntimeApi,
    functions: BTreeMap<String, Arc<Function>>,
    logs: Logs,
}

/// All functions of one world. Clones share them; the processes end with the last clone, or with [`Functions::stop`].
#[derive(Clone, Debug)]
pub struct Functions {
    inner: Arc<Inner>,
}

impl Functions {
    /// `max_processes` is how many events one function works on at once. Nothing is started before the first event.
    pub async fn new(
        launches: Vec<Launch>,
        logs: Logs,
        timeout: Duration,
        max_processes: usize,
    ) -> anyhow::Result<Self> {
        let function = |launch: Launch| {
            let function = Function {
                knobs: Mutex::new(Knobs {
                    timeout,
                    grace: Duration::ZERO,
                    freeze_after_answer: false,
                    deliver_twice: 0,
                }),
                idle: Mutex::default(),
                living: Living::default(),
                places: Semaphore::new(max_processes),
                launch: Mutex::new(launch),
            };
            Arc::new(function)
        };
        let functions = launches.into_iter().map(|launch| (launch.function.clone(), function(launch))).collect();
        Ok(Self { inner: Arc::new(Inner { api: RuntimeApi::start().await?, functions, logs }) })
    }

    pub fn timeout(&self, function: &str) -> Result<Duration, InvokeError> {
        Ok(lock(&self.find(function)?.knobs).timeout)
    }

    pub fn names(&self) -> Vec<&str> {
        self.inner.functions.keys().map(String::as_str).collect()
    }

    pub fn logs(&self) -> &Logs {
        &self.inner.logs
    }

    /// Invokes a function with any JSON, as `lambda:InvokeFunction` does.
    pub async fn invoke(&self, function: &str, event: Value) -> Result<Value, InvokeError> {
        let answer = self.invoke_bytes(function, event.to_string().into()).await?;
        serde_json::from_slice(&answer).map_err(|source| InvokeError::NotJson { function: function.to_owned(), source })
    }

    /// Invokes a function with a payload that need not be JSON.
    pub async fn invoke_bytes(&self, function: &str, payload: Bytes) -> Result<Bytes, InvokeError> {
        if payload.len() > MAX_EVENT {
            return Err(InvokeError::EventTooLarge);
        }
        let twice = {
            let mut knobs = lock(&self.find(function)?.knobs);
            let twice = knobs.deliver_twice > 0;
            knobs.deliver_twice = knobs.deliver_twice.saturating_sub(1);
            twice
        };
        if !twice {
            return self.deliver(function, payload).await;
        }
        // Both at the same time, as a queue or a retrying caller may do; the first one's answer is the answer.
        let (first, _second) = tokio::join!(self.deliver(function, payload.clone()), self.deliver(function, payload));
        first
    }

    async fn deliver(&self, function: &str, payload: Bytes) -> Result<Bytes, InvokeError> {
        let inner = Arc::clone(&self.inner);
        let name = function.to_owned();
        let found = Arc::clone(self.find(function)?);
        let task = tokio::spawn(async move { found.invoke(&inner, name, payload).await });
        task.await.unwrap_or_else(|_| {
            Err(InvokeError::InitFailed { function: function.to_owned(), reason: "the world stopped".to_owned() })
        })
    }

    /// How long the function may work on one event, from the next event on.
    pub fn set_timeout(&self, function: &str, timeout: Duration) -> Result<(), InvokeError> {
        lock(&self.find(function)?.knobs).timeout = timeout;
        Ok(())
    }

    /// How much longer than it is told a function may work before it is killed. Lambda gives no grace. A test of deadlines
    /// does: whether a function ends by itself must not depend on how busy the machine is.
    pub fn set_grace(&self, grace: Duration) {
        for function in self.inner.functions.values() {
            lock(&function.knobs).grace = grace;
        }
    }

    /// Stops a process (`SIGSTOP`) as soon as it has answered and lets it go on (`SIGCONT`) with the next event, as
    /// Lambda freezes functions: what a function leaves undone when it answers stays undone.
    pub fn freeze_after_answer(&self, function: &str, freeze: bool) -> Result<(), InvokeError> {
        lock(&self.find(function)?.knobs).freeze_after_answer = freeze;
        Ok(())
    }

    /// Delivers each of the next `events` events twice, to two processes at the same time.
    pub fn deliver_twice(&self, function: &str, events: u32) -> Result<(), InvokeError> {
        lock(&self.find(function)?.knobs).deliver_twice = events;
        Ok(())
    }

    /// Sets one variable from the next event on: a process that was started without it is not used again.
    pub fn set_env(&self, function: &str, name: &str, value: &str) -> Result<(), InvokeError> {
        lock(&self.find(function)?.launch).environment.insert(name.to_owned(), value.to_owned());
        Ok(())
    }

    /// [`Functions::set_env`] for every function.
    pub fn set_env_for_all(&self, name: &str, value: &str) {
        for function in self.inner.functions.values() {
            lock(&function.launch).environment.insert(name.to_owned(), value.to_owned());
        }
    }

    /// Kills all processes of the function this instant (`kill -9`), the working ones too, and waits for their end.
    /// Returns how many.
    pub async fn kill(&self, function: &str) -> Result<usize, InvokeError> {
        let killed = self.pids(function)?;
        self.signal(function, Signal::SIGKILL)?;
        while self.pids(function)?.iter().any(|pid| killed.contains(pid)) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(killed.len())
    }

    /// Sends a signal to all processes of the function. Returns how many got it.
    pub fn signal(&self, function: &str, signal: Signal) -> Result<usize, InvokeError> {
        let pids = self.pids(function)?;
        for pid in &pids {
            send_signal(*pid, signal);
        }
        Ok(pids.len())
    }

    /// The processes of the function that live now.
    pub fn pids(&self, function: &str) -> Result<Vec<u32>, InvokeError> {
        Ok(self.find(function)?.living.pids())
    }

    /// Resident memory of each process of the function that lives now, in KiB.
    pub fn resident_kib(&self, function: &str) -> Result<Vec<u64>, InvokeError> {
        Ok(self.pids(function)?.into_iter().filter_map(resident_kib).collect())
    }

    /// Ends all processes and lets nothing more be invoked.
    pub fn stop(&self) {
        for function in self.inner.functions.values() {
            function.places.close();
            lock(&function.idle).clear();
            for pid in function.living.pids() {
                send_signal(pid, Signal::SIGKILL);
            }
        }
    }

    fn find(&self, function: &str) -> Result<&Arc<Function>, InvokeError> {
        self.inner.functions.get(function).ok_or_else(|| InvokeError::UnknownFunction(function.to_owned()))
    }
}

impl Function {
    async fn invoke(&self, inner: &Inner, function: String, payload: Bytes) -> Result<Bytes, InvokeError> {
        let Ok(_place) = self.places.acquire().await else {
            return Err(InvokeError::InitFailed { function, reason: "the world has stopped".to_owned() });
        };
        let arn = format!("arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:{function}");
        loop {
            let launch = lock(&self.launch).clone();
            let reused = self.take_idle(&launch);
            let is_fresh = reused.is_none();
            let mut process = match reused {
                Some(process) => process,
                None => Process::start(launch.clone(), &inner.api, &inner.logs, &self.living)
                    .map_err(|source| InvokeError::NotStarted { binary: launch.binary, source })?,
            };
            let (told, grace) = {
                let knobs = lock(&self.knobs);
                (knobs.timeout, knobs.grace)
            };
            match process.run(ids::uuid(), arn.clone(), payload.clone(), told, grace).await {
                Run::Answered(answer) => {
                    if lock(&self.knobs).freeze_after_answer {
                        process.signal(Signal::SIGSTOP);
                    }
                    lock(&self.idle).push_back(process);
                    return answer.map_err(|error| InvokeError::Failed { function, error });
                }
                // It died in its idle time, unseen until now. The event was not touched, so a fresh process gets it.
                Run::NeverTaken(_) if !is_fresh => {}
                Run::NeverTaken(reason) => {
                    return Err(InvokeError::InitFailed { function, reason });
                }
                Run::Crashed(status) => return Err(InvokeError::Crashed { function, status }),
                Run::TimedOut => {
                    return Err(InvokeError::TimedOut { function, after: told + grace });
                }
            }
        }
    }

    /// The process that answered last and is still good; the outdated ones found on the way end.
    fn take_idle(&self, launch: &Launch) -> Option<Process> {
        let mut idle = lock(&self.idle);
        while let Some(process) = idle.pop_back() {
            if process.is_current(launch) {
                process.signal(Signal::SIGCONT);
                return Some(process);
            }
        }
        None
    }
}

/// Resident memory of one process in KiB, from `/proc`.
fn resident_kib(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
