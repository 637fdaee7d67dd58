//! What a person sees who runs `cargo run --bin local`: the real program, in a folder of its own, with the real functions.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use local::{binaries, ids, paths};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::net::TcpListener;
use tokio::process::{Child, ChildStdout, Command};

/// Long enough for any machine: nothing is measured by it.
const PATIENCE: Duration = Duration::from_mins(2);

/// Of the demo world: Ana's, and healthy.
const ACCOUNT: &str = "7318204956617320412";

/// The program, and what it has printed so far.
struct Program {
    child: Child,
    stdout: Lines<BufReader<ChildStdout>>,
    printed: Vec<String>,
    port: u16,
    folder: PathBuf,
}

impl Program {
    /// Starts it in an empty world. It keeps its world beside the folder of its binaries: here that is nobody else's.
    async fn start(arguments: &[&str]) -> Result<Self> {
        binaries::build_once().await?;
        let built = paths::binaries()?;
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(ids::uuid());
        let bin = folder.join("bin");
        std::fs::create_dir_all(&bin)?;
        std::fs::hard_link(built.join("local"), bin.join("local"))?;
        for (function, binary) in binaries::functions(&built)? {
            std::fs::hard_link(binary, bin.join(function))?;
        }
        let port = seven_ports().await?;
        let mut child = Command::new(bin.join("local"))
            .args(["--no-build", "--port", &port.to_string()])
            .args(arguments)
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let stdout = BufReader::new(child.stdout.take().context("its stdout")?).lines();
        Ok(Self { child, stdout, printed: Vec::new(), port, folder })
    }

    /// Reads on until there is a line like this.
    async fn line(&mut self, is_it: impl Fn(&str) -> bool) -> Result<String> {
        let found = async {
            while let Some(line) = self.stdout.next_line().await? {
                self.printed.push(line.clone());
                if is_it(&line) {
                    return Ok(line);
                }
            }
            anyhow::bail!("it ended")
        };
        let found = tokio::time::timeout(PATIENCE, found).await.context("there is no such line");
        found.and_then(|found| found).with_context(|| self.printed.join("\n"))
    }

    /// Ctrl-C; gives everything that it has printed.
    async fn stop(mut self) -> Result<Vec<String>> {
        kill(Pid::from_raw(i32::try_from(self.child.id().context("it runs")?)?), Signal::SIGINT)?;
        while let Some(line) = self.stdout.next_line().await? {
            self.printed.push(line);
        }
        assert!(self.child.wait().await?.success());
        Ok(std::mem::take(&mut self.printed))
    }

    fn url(&self, server: u16, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port + server)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The first of seven ports in a row that are free now.
async fn seven_ports() -> Result<u16> {
    // Each test begins elsewhere, so that no two find the same.
    static TESTS: AtomicU32 = AtomicU32::new(0);
    let begin = std::process::id() * 2 + TESTS.fetch_add(1, Ordering::Relaxed);
    for place in begin..begin + 100 {
        let first = u16::try_from(20_000 + place % 1_400 * 7)?;
        let taken: Vec<_> =
            futures::future::join_all((first..first + 7).map(|port| TcpListener::bind(("127.0.0.1", port)))).await;
        if taken.iter().all(Result::is_ok) {
            return Ok(first);
        }
    }
    anyhow::bail!("no seven ports in a row are free")
}

fn is_banner(line: &str) -> bool {
    line.starts_with("Reconnect, locally")
}

fn is_json(line: &str) -> bool {
    line.contains("{\"")
}

#[tokio::test]
async fn a_line_for_each_step_then_the_banner_then_a_line_for_each_request_and_sweep() -> Result<()> {
    let client = local::client::new()?;
    let mut program = Program::start(&[]).await?;

    program.line(is_banner).await?;
    assert_eq!(
        program.printed[..program.printed.len() - 1],
        ["Starting the local world …", "Seeding demo data …", ""],
        "a line for each step, and nothing else"
    );

    let log_file = program.line(|line| line.contains("functions' logs")).await?;
    let log_file = log_file.split_whitespace().nth(2).context("it is named")?.to_owned();

    let token = client.get(program.url(0, "/local/token/ana")).send().await?.text().await?;
    client.get(program.url(0, "/ad-accounts?limit=7")).bearer_auth(&token).send().await?;
    let line = program.line(|line| line.starts_with("GET")).await?;
    let words: Vec<&str> = line.split_whitespace().collect();
    assert_eq!((&words[..4], words[5], words.len()), (&["GET", "/ad-accounts", "ana", "200"][..], "ms", 6), "{line}");

    client.post(program.url(0, &format!("/ad-accounts/{ACCOUNT}/validate"))).send().await?;
    let line = program.line(|line| line.starts_with("POST")).await?;
    assert!(line.contains(ACCOUNT) && line.contains(" - ") && line.contains(" 401 "), "{line}");

    let revoke = json!({ "login": "ana", "app_id": "7000000000000000001" });
    client.post(program.url(1, "/control/revoke")).json(&revoke).send().await?.error_for_status()?;
    let sweep = program.url(2, "/2015-03-31/functions/lapse-sweep/invocations");
    client.post(sweep).json(&json!({ "sweep": "all" })).send().await?.error_for_status()?;
    let line = program.line(|line| line.starts_with("sweep")).await?;
    assert!(line.contains(" struck"), "{line}");

    let logs = std::fs::read_to_string(&log_file)?;
    let printed = program.stop().await?;
    assert!(!printed.iter().any(|line| is_json(line)), "{printed:#?}");
    assert!(!printed.iter().any(|line| line.contains('\x1b')), "colours are for terminals: {printed:#?}");

    let logs = logs.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>()?;
    let is_imported = |log: &Value| log["function"] == "import-accounts" && log["line"]["level"] == "INFO";
    assert!(logs.iter().any(is_imported), "{logs:#?}");
    let is_metric = |log: &Value| log["function"] == "check-grant" && log["line"]["_aws"].is_object();
    assert!(logs.iter().any(is_metric), "{logs:#?}");
    Ok(())
}

#[tokio::test]
async fn the_functions_own_logs_are_shown_to_who_wants_them() -> Result<()> {
    let mut program = Program::start(&["--logs", "--no-background"]).await?;

    program.line(is_banner).await?;

    let printed = program.stop().await?;
    let of_a_function = |line: &String| line.starts_with("import-accounts ") && is_json(line);
    assert!(printed.iter().any(of_a_function), "{printed:#?}");
    // Without a schedule nobody sweeps.
    assert!(!printed.iter().any(|line| line.starts_with("lapse-sweep")), "{printed:#?}");
    Ok(())
}
