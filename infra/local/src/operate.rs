//! `local sweep`, `local guard` and `local revoke`: an operator's orders to `lapse-sweep` in the running local world, and
//! what came of them.
//!
//! All of it goes over the wire, as an operator's tools would go on AWS: the order through the Invoke API, the wait
//! through SQS, the report from the table.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::aws::dynamodb::TABLE;
use crate::aws::names::{ACCOUNT_ID, CHECKS};

const POLL: Duration = Duration::from_millis(200);
/// Waiting for less needs no progress bar.
const SHORT: Duration = Duration::from_secs(1);
/// A check that is in flight for longer has failed: it shows again when its visibility timeout is over.
const LONGEST_CHECK: Duration = Duration::from_secs(130);

/// What the guard shall do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum GuardOrder {
    /// Nothing lapses, whatever the guard thinks.
    Hold,
    /// Lapses go on, whatever the guard thinks.
    Release,
    /// The guard decides by itself.
    Auto,
}

/// The servers of a running local world that an operator needs.
#[derive(Clone, Debug)]
pub struct Running {
    pub client: reqwest::Client,
    pub invoke_url: String,
    pub sqs_url: String,
    pub dynamodb_url: String,
}

impl Running {
    /// Sweeps the grants that are due, or `all` of them, waits until they are checked, and tells what came of it.
    pub async fn sweep(&self, all: bool) -> anyhow::Result<String> {
        self.swept(&json!({ "sweep": if all { "all" } else { "due" } })).await
    }

    /// Revokes every token that was granted before this time, and tells what came of it.
    pub async fn revoke(&self, table: &str, granted_before: Timestamp) -> anyhow::Result<String> {
        self.swept(&json!({ "revoke": { "granted_before": granted_before, "table": table } })).await
    }

    /// What is not revoked yet is not revoked any more.
    pub async fn stop_revoking(&self) -> anyhow::Result<String> {
        self.order(&json!({ "revoke": "stop" })).await?;
        self.guard_shown().await
    }

    async fn swept(&self, order: &Value) -> anyhow::Result<String> {
        let answer = self.order(order).await?;
        let failed = self.wait_until_checked().await?;
        let mut report = "What the sweep says\n".to_owned();
        add_lines(&mut report, &answer);
        if let Some(run) = answer["run"].as_str() {
            report += "\nWhat the checks came to\n";
            let numbers = self.numbers_of(run).await?;
            if numbers.is_empty() {
                report += "  no grant was checked in this run\n";
            }
            for (name, number) in numbers {
                let _ = writeln!(report, "  {:<22} {number:>8}", name.replace('_', " "));
            }
        }
        if failed > 0 {
            let _ = writeln!(report, "\n{failed} checks failed; the queue delivers them again by itself");
        }
        Ok(report + "\n" + &self.guard_shown().await?)
    }

    /// Tells the guard what to do, and how it stands then.
    pub async fn guard(&self, order: GuardOrder) -> anyhow::Result<String> {
        let order = match order {
            GuardOrder::Hold => "hold",
            GuardOrder::Release => "release",
            GuardOrder::Auto => "auto",
        };
        self.order(&json!({ "guard": order })).await?;
        self.guard_shown().await
    }

    async fn order(&self, order: &Value) -> anyhow::Result<Value> {
        let url = format!("{}/2015-03-31/functions/lapse-sweep/invocations", self.invoke_url);
        let response = self.send(self.client.post(url).json(order)).await?;
        let failed = !response.status().is_success() || response.headers().contains_key("x-amz-function-error");
        let answer: Value = response.json().await?;
        if failed {
            bail!("lapse-sweep failed: {answer}");
        }
        Ok(answer)
    }

    /// Waits until the queue is empty. Returns how many checks have failed and are still to come again.
    async fn wait_until_checked(&self) -> anyhow::Result<u64> {
        let started = Instant::now();
        let (mut most, mut before, mut since) = (0, (0, 0), started);
        let mut bar = None;
        loop {
            let (visible, in_flight) = self.depth().await?;
            if (visible, in_flight) != before {
                (before, since) = ((visible, in_flight), Instant::now());
            }
            let left = visible + in_flight;
            most = most.max(left);
            if left == 0 || (visible == 0 && since.elapsed() > LONGEST_CHECK) {
                return Ok(left);
            }
            if started.elapsed() > SHORT {
                // It shows on a terminal only.
                let bar = bar.get_or_insert_with(|| ProgressBar::new(most).with_style(style()));
                bar.set_length(most);
                bar.set_position(most - left);
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Messages that are to be delivered, and messages that are being worked on.
    async fn depth(&self) -> anyhow::Result<(u64, u64)> {
        let names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"];
        let url = format!("{}/{ACCOUNT_ID}/{CHECKS}", self.sqs_url);
        let request = json!({ "QueueUrl": url, "AttributeNames": names });
        let answer = self.call(&self.sqs_url, "AmazonSQS.GetQueueAttributes", &request).await?;
        let [visible, in_flight] =
            names.map(|name| answer["Attributes"][name].as_str().and_then(|text| text.parse().ok()));
        visible.zip(in_flight).with_context(|| format!("SQS answered {answer}"))
    }

    /// All numbers in the rows of a run, summed up.
    async fn numbers_of(&self, run: &str) -> anyhow::Result<BTreeMap<String, i64>> {
        let mut numbers = BTreeMap::new();
        for row in self.rows(&format!("RUN#{run}")).await? {
            for (name, value) in row.as_object().into_iter().flatten().filter(|(name, _)| *name != "ttl") {
                if let Some(number) = value["N"].as_str().and_then(|text| text.parse::<i64>().ok()) {
                    *numbers.entry(name.clone()).or_default() += number;
                }
            }
        }
        Ok(numbers)
    }

    async fn guard_shown(&self) -> anyhow::Result<String> {
        let rows = self.rows("GUARD").await?;
        let Some(row) = rows.first() else {
            return Ok("Guard: not there yet, so nothing lapses\n".to_owned());
        };
        let text = |value: &Value| value["S"].as_str().unwrap_or("unknown").to_owned();
        let hold = &row["hold"]["M"];
        let mut shown = if hold.is_object() {
            format!("Guard: holds since {} ({})\n", text(&hold["since"]), text(&hold["reason"]))
        } else {
            "Guard: lets grants lapse\n".to_owned()
        };
        if row["forced"]["S"].is_string() {
            let _ = writeln!(
                shown,
                "       told to {} by an operator; `guard auto` leaves it to itself",
                text(&row["forced"])
            );
        }
        if let Some(before) = row["revoke_before"]["S"].as_str() {
            let _ = writeln!(shown, "Tokens granted before {before} are revoked, an operator ordered");
        }
        Ok(shown)
    }

    /// The rows of the sweep whose sort key begins like this, in DynamoDB's own JSON.
    async fn rows(&self, start: &str) -> anyhow::Result<Vec<Value>> {
        let definition: Value = serde_json::from_str(TABLE).context("the table's definition")?;
        let request = json!({
            "TableName": definition["TableName"],
            "ConsistentRead": true,
            "KeyConditionExpression": "pk = :pk AND begins_with(sk, :start)",
            "ExpressionAttributeValues": { ":pk": { "S": "SWEEP" }, ":start": { "S": start } },
        });
        let mut answer = self.call(&self.dynamodb_url, "DynamoDB_20120810.Query", &request).await?;
        match answer["Items"].take() {
            Value::Array(rows) => Ok(rows),
            _ => bail!("DynamoDB answered {answer}"),
        }
    }

    async fn call(&self, url: &str, target: &str, request: &Value) -> anyhow::Result<Value> {
        let request = self
            .client
            .post(url)
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", target)
            // A signature must be there, but nobody checks it.
            .header("x-amz-date", "20260101T000000Z")
            .header(
                "authorization",
                "AWS4-HMAC-SHA256 Credential=local/20260101/eu-central-1/local/aws4_request, SignedHeaders=host;x-amz-date, Signature=0",
            )
            .body(request.to_string());
        Ok(self.send(request).await?.json().await?)
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> anyhow::Result<reqwest::Response> {
        request.send().await.map_err(|error| {
            if error.is_connect() {
                let nobody = "no local world is running there; `cargo local` starts one, and `--port` says where it is";
                return anyhow::Error::new(error).context(nobody);
            }
            error.into()
        })
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{bar:40} {pos} of {len} checks, {elapsed}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// One line for each field, fields of fields with both names.
fn add_lines(report: &mut String, answer: &Value) {
    let mut lines = Vec::new();
    flatten(&mut lines, "", answer.as_object().unwrap_or(&Map::new()));
    for (name, value) in lines {
        let _ = writeln!(report, "  {name:<22} {value:>8}");
    }
}

fn flatten(lines: &mut Vec<(String, String)>, before: &str, fields: &Map<String, Value>) {
    for (name, value) in fields {
        let name = format!("{before}{name}").replace('_', " ");
        match value {
            Value::Object(fields) => flatten(lines, &format!("{name} "), fields),
            Value::String(text) => lines.push((name, text.clone())),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => lines.push((name, value.to_string())),
        }
    }
}
