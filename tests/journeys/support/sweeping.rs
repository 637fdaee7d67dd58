//! The sweep, driven by hand: a run, what it queued, and what comes out of it.

use jiff::SignedDuration;
use local::aws::sqs::source::Drained;

use tiktok_stand_in::Authorized;

use super::{Account, TestWorld, Value, json};

impl TestWorld {
    /// What an operator or the schedule invokes `lapse-sweep` with, and its answer.
    pub async fn order(&self, order: Value) -> Value {
        self.local.functions.invoke("lapse-sweep", order).await.expect("the sweep answers")
    }

    /// One scheduled run. The index lags behind the table, so what is due this very second is left to the next run.
    pub async fn run(&self) -> Value {
        self.pass(SignedDuration::from_secs(3));
        self.local.tick("lapse-sweep", local::clock::now()).await.expect("the sweep answers")
    }

    /// One scheduled run, and all checks that it queued. Gives the run's answer.
    pub async fn sweep(&self) -> Value {
        let answer = self.run().await;
        let drained = self.local.drain_queue_whole().await;
        assert_eq!((drained.failures, drained.errors), (0, 0), "every check is done: {drained:?}");
        answer
    }

    /// Checks that are queued now, whatever becomes of them.
    pub async fn checks(&self) -> Drained {
        self.local.drain_queue_whole().await
    }

    /// A run, and half an hour later another one: what is dead lapses.
    pub async fn sweep_twice(&self) {
        self.sweep().await;
        self.pass_half_an_hour();
        self.sweep().await;
    }

    /// Somebody takes this authorization back at TikTok.
    pub fn revoke(&self, token: &Authorized) {
        self.tiktok().world().revoke_token(&token.access_token).expect("a living token");
    }

    /// What an operator orders who wants every token revoked that was granted until now. What this world did so far was a
    /// few seconds ago.
    pub fn revocation(&self) -> Value {
        self.pass(SignedDuration::from_secs(3));
        let now = local::clock::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        json!({ "revoke": { "granted_before": now, "table": self.local.environment()["TABLE_NAME"] } })
    }

    /// Whether TikTok has taken this token back.
    pub fn is_dead(&self, token: &Authorized) -> bool {
        // A living one would die of the question.
        let snapshot = self.tiktok().snapshot();
        let is_dead = self.tiktok().world().revoke_token(&token.access_token).is_err();
        self.tiktok().restore(&snapshot).expect("its own snapshot");
        is_dead
    }

    /// What `check-grant` has counted under this name.
    pub fn counted(&self, metric: &str) -> u64 {
        let lines = self.local.functions.logs().of("check-grant");
        let lines = lines.iter().filter_map(|line| serde_json::from_str::<Value>(&line.text).ok());
        lines.filter(|line| line["_aws"].is_object()).filter_map(|line| line[metric].as_u64()).sum()
    }

    /// The guard's row.
    pub fn guard(&self) -> Value {
        self.rows().into_iter().find(|row| row["sk"] == "GUARD").unwrap_or(Value::Null)
    }

    /// What runs came to, summed up: `connected`, `struck`, `lapsed`, `held`, `undecided`, `checked`.
    pub fn came_to(&self, outcome: &str) -> i64 {
        let runs = self.rows().into_iter().filter(|row| row["sk"].as_str().is_some_and(|sk| sk.starts_with("RUN#")));
        runs.filter_map(|row| row[outcome].as_i64()).sum()
    }

    /// As the table has it.
    pub fn status(&self, account: &Account) -> String {
        let sk = format!("ACCOUNT#{}", account.id);
        let row = self.rows().into_iter().find(|row| row["sk"] == sk.as_str()).unwrap_or(Value::Null);
        row["status"].as_str().unwrap_or_default().to_owned()
    }

    /// Everything that waits for the bus is delivered.
    pub async fn deliver_events(&self) {
        self.local.drain_stream().await.expect("the stream is there");
        self.local
            .functions
            .invoke(
                "relay-events",
                json!({ "source": "aws.scheduler", "detail-type": "Scheduled Event", "time": "2026-11-24T08:00:00Z" }),
            )
            .await
            .expect("the relay answers");
    }

    /// The account's grant is due for a check, and was for a while.
    pub fn due_now(&self, account: &Account) {
        let grant = self.grant_of(account);
        let text = |name: &str| grant[name].as_str().expect("text").to_owned();
        let since = local::clock::now() - SignedDuration::from_secs(30);
        let due = format!("{}#{}#{}", since.strftime("%Y-%m-%dT%H:%M:%SZ"), text("org_id"), text("grant_id"));
        self.set_text(&text("pk"), &text("sk"), "due_sk", &due);
    }

    /// What the guard has counted, over all buckets: `grants`, `struck`, `newly`, `accounts`.
    pub fn tallied(&self, what: &str) -> i64 {
        self.rows().iter().filter(|row| row["pk"] == "TALLY").filter_map(|row| row[what].as_i64()).sum()
    }

    /// Lapses that the guard has counted against its hourly budget.
    pub fn lapses_counted(&self) -> i64 {
        let guard = self.guard();
        let counts = guard.as_object().into_iter().flatten().filter(|(name, _)| name.starts_with("lapsed#"));
        counts.filter_map(|(_, count)| count.as_i64()).sum()
    }

    /// Puts back a row as [`TestWorld::dump`] has given it.
    pub fn put_row(&self, row: &Value) {
        let request = json!({ "TableName": self.local.environment()["TABLE_NAME"], "Item": row });
        let request = serde_json::from_value(request).expect("a request that DynamoDB takes");
        self.local.dynamodb.database().put_item(request).expect("the row comes");
    }

    /// Takes a row away, behind everybody's back.
    pub fn delete_row(&self, row: &Value) {
        let key = json!({ "pk": row["pk"], "sk": row["sk"] });
        let request = json!({ "TableName": self.local.environment()["TABLE_NAME"], "Key": key });
        let request = serde_json::from_value(request).expect("a request that DynamoDB takes");
        self.local.dynamodb.database().delete_item(request).expect("the row goes");
    }
}
