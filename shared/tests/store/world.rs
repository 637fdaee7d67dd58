//! A table of one's own for every test, and what lies in it.

use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::config::{
    BehaviorVersion, ConfigBag, Credentials, Intercept, Region, RuntimeComponents,
    interceptors::BeforeTransmitInterceptorContextRef,
};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::{Client, Config};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use domain::access::Belonging;
use domain::account::{AdAccount, Standing, Status};
use domain::causes::{CauseCode, NamedBusinessCenter};
use domain::gap::Opening;
use domain::ids::{AdvertiserId, OrgId};
use jiff::Timestamp;
use serde_json::Value;
use shared::store::Table;
use shared::store::import_accounts::{Change, ROWS_AT_ONCE};
use tokio::net::TcpListener;

const TABLE: &str = include_str!("../../../infra/local/table.json");

/// Notes the name of every request that leaves for DynamoDB, repeats included.
#[derive(Clone, Debug, Default)]
struct Calls(Arc<Mutex<Vec<String>>>);

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
        self.0.lock().unwrap().push(operation.to_owned());
        Ok(())
    }
}

pub struct World {
    pub table: Table,
    pub client: Client,
    calls: Calls,
}

impl World {
    pub async fn start() -> Self {
        let mut definition: Value = serde_json::from_str(TABLE).unwrap();
        definition.as_object_mut().unwrap().remove("TimeToLiveSpecification");
        let name = definition["TableName"].as_str().unwrap().to_owned();

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
        Self { table: Table::new(client.clone(), name), client, calls }
    }

    /// What was asked of DynamoDB since the last time, in the order of the alphabet.
    pub fn calls(&self) -> Vec<String> {
        let mut calls = std::mem::take(&mut *self.calls.0.lock().unwrap());
        calls.sort();
        calls
    }

    /// Puts accounts into the table as an import does, counts included.
    pub async fn with(&self, accounts: &[AdAccount]) {
        let changes: Vec<_> = accounts.iter().map(|after| Change { before: None, after: after.clone() }).collect();
        for some in changes.chunks(ROWS_AT_ONCE) {
            self.table.import(&some[0].after.org_id, some, &[], now()).await.unwrap();
        }
        self.calls();
    }

    /// An account changes; gives what it is afterwards.
    pub async fn change(&self, before: &AdAccount, change: impl FnOnce(&mut AdAccount)) -> AdAccount {
        let mut after = AdAccount { revision: before.revision + 1, ..before.clone() };
        change(&mut after);
        let changed = Change { before: Some(before.clone()), after: after.clone() };
        self.table.import(&before.org_id, &[changed], &[], now()).await.unwrap();
        after
    }
}

pub fn now() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

pub fn org() -> OrgId {
    "org-a".parse().unwrap()
}

pub fn advertiser_id(number: usize) -> AdvertiserId {
    format!("{}", 7_100_000_000_000_000_000 + number).parse().unwrap()
}

pub fn active() -> Standing {
    Standing::Active { since: now() }
}

pub fn lapsed() -> Standing {
    Standing::NeedsConnecting {
        lapsed_since: now(),
        gap_opening: Opening::never_read(now()),
        causes: vec![CauseCode::AuthorizationRevoked.into()],
    }
}

/// An Active account of `org-a` that belongs to nothing in particular.
pub fn an_account(number: usize) -> AdAccount {
    AdAccount {
        org_id: org(),
        advertiser_id: advertiser_id(number),
        name: format!("Shop {number}"),
        business_center: NamedBusinessCenter { id: "7200000000000000021".parse().unwrap(), name: None },
        belonging: Belonging::default(),
        connected_by: None,
        last_data_on: None,
        time_zone: None,
        grant_id: None,
        standing: active(),
        at_risk: std::collections::BTreeSet::default(),
        findings: Vec::new(),
        version: 0,
        revision: 0,
    }
}

pub fn flipped(account: &AdAccount) -> Standing {
    match account.status() {
        Status::Active => lapsed(),
        Status::NeedsConnecting => active(),
    }
}
