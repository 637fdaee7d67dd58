//! DynamoDB: dynoxide, embedded, behind the real wire protocol on its own port.
//!
//! The table comes from `infra/local/table.json`, in the shape of the AWS `CreateTable` request, with
//! `CloudFormation`'s `TimeToLiveSpecification` beside it. Expired items go when a timer sweeps them, as late and as
//! unannounced as on AWS.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use dynoxide::Database;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// The definition of the one table.
pub const TABLE: &str = include_str!("../../table.json");

const TTL_SWEEP: Duration = Duration::from_secs(30);

/// A running DynamoDB. It stops when this value is dropped.
pub struct Dynamo {
    url: String,
    database: Database,
    sweeper: JoinHandle<()>,
    _stop: oneshot::Sender<()>,
}

impl Dynamo {
    /// Serves the database in `file` (made when absent), or one in memory.
    pub fn start(listener: TcpListener, file: Option<&Path>) -> anyhow::Result<Self> {
        let database = match file {
            Some(file) => Database::new(file.to_str().context("the database's path is not UTF-8")?)?,
            None => Database::memory()?,
        };
        let url = format!("http://{}", listener.local_addr()?);
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(dynoxide::server::serve_with_shutdown(listener, database.clone(), async move {
            let _ = stopped.await;
        }));
        let sweeper = tokio::spawn(sweep_expired(database.clone()));
        Ok(Self { url, database, sweeper, _stop: stop })
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// The database itself, to look at or prepare items without a client.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Creates the table of `definition`, see the module's documentation. A table that is already there is left as it
    /// is. Returns the table's name.
    pub fn create_table(&self, definition: &str) -> anyhow::Result<String> {
        let mut definition: Value = serde_json::from_str(definition).context("the table definition is not JSON")?;
        let name = definition["TableName"].as_str().context("the table definition lacks TableName")?.to_owned();
        if self.database.get_table_metadata(&name)?.is_some() {
            return Ok(name);
        }
        let time_to_live = definition.as_object_mut().and_then(|table| table.remove("TimeToLiveSpecification"));
        self.database
            .create_table(serde_json::from_value(definition)?)
            .with_context(|| format!("creating the table {name}"))?;
        if let Some(specification) = time_to_live {
            let request = json!({ "TableName": name, "TimeToLiveSpecification": specification });
            self.database.update_time_to_live(serde_json::from_value(request)?)?;
        }
        Ok(name)
    }

    pub fn is_empty(&self, table: &str) -> anyhow::Result<bool> {
        let request = json!({ "TableName": table, "Limit": 1 });
        let page = serde_json::to_value(self.database.scan(serde_json::from_value(request)?)?)?;
        Ok(page["Count"] == 0)
    }

    /// Every item of a table in DynamoDB's own JSON, to look for what must not be there. Reads the database directly,
    /// so that no call is counted.
    pub fn dump(&self, table: &str) -> anyhow::Result<Vec<Value>> {
        let mut items = Vec::new();
        let mut start = Value::Null;
        loop {
            let mut request = json!({ "TableName": table });
            if !start.is_null() {
                request["ExclusiveStartKey"] = start;
            }
            let mut page = serde_json::to_value(self.database.scan(serde_json::from_value(request)?)?)?;
            if let Value::Array(found) = page["Items"].take() {
                items.extend(found);
            }
            start = page["LastEvaluatedKey"].take();
            if start.is_null() {
                return Ok(items);
            }
        }
    }
}

impl std::fmt::Debug for Dynamo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dynamo").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Drop for Dynamo {
    fn drop(&mut self) {
        self.sweeper.abort();
    }
}

async fn sweep_expired(database: Database) {
    let mut timer = tokio::time::interval(TTL_SWEEP);
    loop {
        timer.tick().await;
        let database = database.clone();
        // Takes the database's lock, so it must not hold up the async threads. What fails now is tried again at the
        // next tick.
        let _ = tokio::task::spawn_blocking(move || database.sweep_ttl()).await;
    }
}
