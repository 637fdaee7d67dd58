//! A table and a bus of one's own for every test, and what lies in the table.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::config::{
    BehaviorVersion, ConfigBag, Credentials, Intercept, Region, RuntimeComponents,
    interceptors::BeforeTransmitInterceptorContextRef,
};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::{Client, Config};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use domain::events::{Event, EventKind};
use jiff::{SignedDuration, Timestamp};
use relay_events::reconcile::Report;
use relay_events::{Answer, Clients, RelayError, handle};
use serde_json::{Value, json};
use shared::aws::{Aws, AwsSettings};
use shared::bus::EventBus;
use shared::config::Environment;
use shared::store::transaction::event_item;
use shared::store::{Item, Table};
use shared::tls::ExtraRoots;
use tokio::net::TcpListener;

use crate::bus::{self, Bus};

const TABLE: &str = include_str!("../../../../infra/local/table.json");

/// Counts the requests that leave for DynamoDB by name, and keeps some from leaving.
#[derive(Clone, Debug, Default)]
struct Calls {
    counted: Arc<Mutex<BTreeMap<String, usize>>>,
    broken: Arc<Mutex<Option<&'static str>>>,
}

impl Intercept for Calls {
    fn name(&self) -> &'static str {
        "calls"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let operation = config.load::<Metadata>().map_or("unknown", Metadata::name);
        *self.counted.lock().unwrap().entry(operation.to_owned()).or_default() += 1;
        if *self.broken.lock().unwrap() == Some(operation) { Err("broken".into()) } else { Ok(()) }
    }
}

pub struct World {
    pub clients: Clients,
    pub bus: Bus,
    client: Client,
    table: String,
    calls: Calls,
}

impl World {
    pub async fn start() -> Self {
        let mut definition: Value = serde_json::from_str(TABLE).unwrap();
        definition.as_object_mut().unwrap().remove("TimeToLiveSpecification");
        let table = definition["TableName"].as_str().unwrap().to_owned();
        let database = dynoxide::Database::memory().unwrap();
        database.create_table(serde_json::from_value(definition).unwrap()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(dynoxide::server::serve_on(listener, database));

        let calls = Calls::default();
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(Credentials::new("local", "local", None, None, "tests"))
            .endpoint_url(url)
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .interceptor(calls.clone())
            .build();
        let client = Client::from_conf(config);

        let bus = Bus::default();
        let settings = AwsSettings::from_env(&Environment::of(&[
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "local"),
            ("AWS_SECRET_ACCESS_KEY", "local"),
            ("AWS_ENDPOINT_URL_EVENTBRIDGE", &bus.start().await),
        ]));
        let aws = Aws::new(settings.unwrap(), &ExtraRoots::default());
        let clients = Clients {
            table: Table::new(client.clone(), table.clone()),
            bus: EventBus::new(aws.eventbridge(), bus::NAME.to_owned()),
        };
        Self { clients, bus, client, table, calls }
    }

    /// Commits events as a change does.
    pub async fn with(&self, events: &[Event]) {
        for event in events {
            self.put(event_item(event, Some("c4n4ry@example.com")).unwrap()).await;
        }
        self.calls();
    }

    pub async fn put(&self, row: Item) {
        self.client.put_item().table_name(&self.table).set_item(Some(row)).send().await.unwrap();
    }

    /// What was asked of DynamoDB since the last time.
    pub fn calls(&self) -> BTreeMap<String, usize> {
        std::mem::take(&mut *self.calls.counted.lock().unwrap())
    }

    /// From now on, this operation fails.
    pub fn broken(&self, operation: Option<&'static str>) {
        *self.calls.broken.lock().unwrap() = operation;
    }

    /// The ids of what waits for the bus, in the order of the alphabet.
    pub async fn unsent(&self) -> Vec<String> {
        self.ids("attribute_exists(due_pk) AND attribute_exists(due_sk) AND attribute_not_exists(delivered_at)").await
    }

    /// The ids of what is marked as delivered.
    pub async fn delivered(&self) -> Vec<String> {
        self.ids("attribute_exists(delivered_at) AND attribute_not_exists(due_pk) AND attribute_not_exists(due_sk)")
            .await
    }

    async fn ids(&self, filter: &str) -> Vec<String> {
        let found = self.client.scan().table_name(&self.table).filter_expression(filter).send().await.unwrap();
        self.calls();
        let mut ids: Vec<_> = found.items().iter().map(|row| row["event_id"].as_s().unwrap().clone()).collect();
        ids.sort();
        ids
    }

    pub async fn stream(&self, batch: &Value) {
        let answer = self.handle(batch, SignedDuration::from_secs(30)).await.unwrap();
        assert_eq!(serde_json::to_value(answer).unwrap(), json!({"batchItemFailures": []}));
    }

    pub async fn reconcile(&self) -> Report {
        match self.handle(&example("scheduled"), SignedDuration::from_secs(30)).await.unwrap() {
            Answer::Reconciled(report) => report,
            Answer::Stream { .. } => panic!("a schedule is no stream"),
        }
    }

    pub async fn handle(&self, event: &Value, time: SignedDuration) -> Result<Answer, RelayError> {
        Box::pin(handle(&self.clients, &event.to_string(), now(), now() + time)).await
    }
}

/// The stream's batch for events that were just committed.
pub fn batch(events: &[Event]) -> Value {
    let records = events.iter().map(|event| {
        let image = serde_dynamo::Item::from(event_item(event, Some("c4n4ry@example.com")).unwrap());
        json!({"eventName": "INSERT", "dynamodb": {
            "Keys": {"pk": image["pk"], "sk": image["sk"]}, "NewImage": image, "SequenceNumber": "1"}})
    });
    json!({ "Records": records.collect::<Vec<_>>() })
}

pub fn example(case: &str) -> Value {
    let file = format!("{}/../../events/relay-events/{case}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

pub fn now() -> Timestamp {
    "2026-11-23T12:05:00Z".parse().unwrap()
}

/// Events of as many accounts, committed so long ago.
pub fn events(number: usize, ago: SignedDuration) -> Vec<Event> {
    (0..number).map(|account| event(account, 4, EventKind::AdAccountReconnected, ago)).collect()
}

pub fn event(account: usize, version: u64, kind: EventKind, ago: SignedDuration) -> Event {
    let advertiser_id = (7_100_000_000_000_000_000 + account).to_string().parse().unwrap();
    Event::new(kind, &"org-a".parse().unwrap(), &advertiser_id, version, now() - ago)
}

/// Their ids, in the order of the alphabet.
pub fn ids(events: &[Event]) -> Vec<String> {
    let mut ids: Vec<_> = events.iter().map(|event| event.event_id.clone()).collect();
    ids.sort();
    ids
}
