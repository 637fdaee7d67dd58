//! Rows on their way to `import-accounts`, 1,000 at a time: through the local world's Invoke API, or through AWS CLI,
//! which knows profiles, single sign-on and roles.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::Outcome;
use super::refused::Refused;
use super::sheet::Row;

/// The most rows that `import-accounts` takes at once.
const BATCH: usize = 1_000;
/// A batch that failed is sent again after these: sending it twice changes nothing.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(5)];

/// Where the rows go.
#[derive(Clone, Debug)]
pub enum Importer {
    /// To the Invoke API of a running local world.
    Local { invoke_url: String },
    /// To a function on AWS, through AWS CLI 2.
    Aws { function: String, region: Option<String> },
}

/// What `import-accounts` answers to a batch.
#[derive(Deserialize)]
struct Report {
    imported: u64,
    updated: u64,
    unchanged: u64,
    refused: Vec<RefusedRow>,
}

#[derive(Deserialize)]
struct RefusedRow {
    /// Its place in the batch.
    index: usize,
    field: String,
    problem: String,
}

impl Importer {
    /// Sends all rows. Stops at a batch that fails again and again: what was sent before it is in.
    pub async fn send(&self, org_id: &str, rows: Vec<Row>, refused: &mut Vec<Refused>) -> anyhow::Result<Outcome> {
        let style = ProgressStyle::with_template("{bar:40} {pos} of {len} rows, {eta} left").expect("a template");
        let bar = ProgressBar::new(rows.len() as u64).with_style(style);
        let mut outcome = Outcome::default();
        let mut rows = rows.into_iter();
        loop {
            let batch: Vec<_> = rows.by_ref().take(BATCH).collect();
            let Some(first) = batch.first() else { break };
            let line = first.line;
            let accounts: Vec<_> = batch.iter().map(|row| &row.json).collect();
            let event = json!({ "org_id": org_id, "accounts": accounts }).to_string();
            let report = self
                .invoke_patiently(&event)
                .await
                .with_context(|| format!("the rows before line {line} are in; go on with --from-line {line}"))?;
            bar.inc(batch.len() as u64);
            outcome.imported += report.imported;
            outcome.updated += report.updated;
            outcome.unchanged += report.unchanged;
            let mut batch: Vec<_> = batch.into_iter().map(Some).collect();
            for RefusedRow { index, field, problem } in report.refused {
                let row = batch.get_mut(index).and_then(Option::take).context("a row was refused that was not sent")?;
                refused.push(row.refused(&field, &problem));
            }
        }
        bar.finish_and_clear();
        Ok(outcome)
    }

    async fn invoke_patiently(&self, event: &str) -> anyhow::Result<Report> {
        for pause in PAUSES {
            match self.invoke(event).await {
                Ok(answer) => return Ok(serde_json::from_value(answer)?),
                Err(_) => tokio::time::sleep(pause).await,
            }
        }
        Ok(serde_json::from_value(self.invoke(event).await?)?)
    }

    async fn invoke(&self, event: &str) -> anyhow::Result<Value> {
        match self {
            Self::Local { invoke_url } => invoke_locally(invoke_url, event).await,
            Self::Aws { function, region } => invoke_on_aws(function, region.as_deref(), event).await,
        }
    }
}

async fn invoke_locally(invoke_url: &str, event: &str) -> anyhow::Result<Value> {
    let url = format!("{invoke_url}/2015-03-31/functions/import-accounts/invocations");
    let request = crate::client::new()?.post(&url).body(event.to_owned());
    let response = request.send().await.context("is the local world running?")?;
    let failed = !response.status().is_success() || response.headers().contains_key("x-amz-function-error");
    let answer: Value = response.json().await?;
    if failed {
        bail!("import-accounts answered {answer}");
    }
    Ok(answer)
}

/// The event may hold access tokens: it goes through a pipe, and not into a file or an argument.
async fn invoke_on_aws(function: &str, region: Option<&str>, event: &str) -> anyhow::Result<Value> {
    let answer = AnswerFile::new();
    let mut aws = Command::new("aws");
    aws.args(["lambda", "invoke", "--function-name", function, "--cli-binary-format", "raw-in-base64-out"]);
    aws.args(["--payload", "file:///dev/stdin", "--cli-read-timeout", "300", "--output", "json"]);
    aws.args(region.iter().flat_map(|region| ["--region", region]));
    aws.arg(&answer.0).env("AWS_PAGER", "");
    let mut child = aws
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("AWS CLI 2 is needed to import into a function on AWS")?;
    let mut input = child.stdin.take().expect("a pipe");
    // It may end without having read all; what it says then tells more than the broken pipe.
    let _ = input.write_all(event.as_bytes()).await;
    drop(input);
    let output = child.wait_with_output().await?;
    if !output.status.success() {
        bail!("aws lambda invoke: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let about: Value = serde_json::from_slice(&output.stdout).context("what aws lambda invoke prints")?;
    let text = std::fs::read_to_string(&answer.0).context("what the function answered")?;
    if about.get("FunctionError").is_some() {
        bail!("{function} answered {text}");
    }
    Ok(serde_json::from_str(&text)?)
}

/// Where AWS CLI writes what the function answered; removed in any case.
struct AnswerFile(PathBuf);

impl AnswerFile {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("import-{}-{}.json", std::process::id(), crate::ids::uuid())))
    }
}

impl Drop for AnswerFile {
    fn drop(&mut self) {
        // It is not there when AWS CLI failed.
        let _ = std::fs::remove_file(&self.0);
    }
}
