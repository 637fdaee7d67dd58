//! Brings ad accounts in from CreativeX: new ones, and what changed about known ones.
//!
//! 1. [`event`] reads what was sent: a batch from somebody who invokes the function, or one account from the event bus.
//! 2. [`row`] reads each row by itself; a row that is wrong is refused and holds up no other.
//! 3. Some rows at a time, the store tells what is known, [`plan`] decides in pure code what changes, and the store writes
//!    that as one transaction. If somebody else was faster, the same rows are read and planned again.
//!
//! Importing the same again changes nothing, so whoever got no answer just sends it again.

pub mod event;
pub mod plan;
pub mod row;

use std::sync::Arc;

use domain::grant::Grant;
use domain::ids::OrgId;
use jiff::Timestamp;
use lambda_runtime::Diagnostic;
use serde::Serialize;
use shared::aws::{Aws, AwsSettings};
use shared::config::Environment;
use shared::logging::chain;
use shared::runtime::StartError;
use shared::sealing::{AccessToken, Purpose, TokenBinding};
use shared::secrets::{SecretUnavailable, TokenKeys};
use shared::store::import_accounts::{Change, GrantChange, ROWS_AT_ONCE};
use shared::store::rows::StoredGrant;
use shared::store::{StoreError, Table};
use shared::tls::ExtraRoots;
use tracing::{error, info, warn};

use event::{Batch, EventError};
use plan::{GrantPlan, Plan};
use row::{Refusal, Row};

/// Rows that somebody else writes at the same time are read and planned again this often.
const ROUNDS: usize = 5;

/// Made once per process.
pub struct Clients {
    table: Table,
    tokens: TokenKeys,
}

impl Clients {
    pub fn new(env: &Environment) -> Result<Self, StartError> {
        let aws = Aws::new(AwsSettings::from_env(env)?, &ExtraRoots::load(env.ca_bundle().as_deref())?);
        Ok(Self {
            table: Table::new(aws.dynamodb(), env.table_name()?),
            tokens: TokenKeys::new(Arc::new(aws.secrets_manager()), env.token_keyring_secret_id()?),
        })
    }
}

/// What became of a batch. Rows that were refused are named; all others are in.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    pub imported: usize,
    pub updated: usize,
    pub unchanged: usize,
    pub refused: Vec<Refusal>,
}

/// The batch as a whole failed. Some of its rows may be in; sending it again is harmless.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error("the event is not ours to read")]
    Event(#[from] EventError),
    #[error("reading and writing ad accounts")]
    Store(#[from] StoreError),
    #[error("sealing an access token")]
    Secret(#[from] SecretUnavailable),
    #[error("somebody else keeps writing the same ad accounts")]
    Contended,
}

impl From<ImportError> for Diagnostic {
    fn from(error: ImportError) -> Self {
        let error_type = match &error {
            ImportError::Event(_) => "EventInvalid",
            ImportError::Store(_) | ImportError::Secret(_) | ImportError::Contended => "TryAgain",
        };
        Self { error_type: error_type.to_owned(), error_message: chain(&error) }
    }
}

/// One event: a direct invocation, or `AdAccountRegistered` from the bus.
pub async fn handle(clients: &Clients, event: &str, now: Timestamp) -> Result<Report, ImportError> {
    let outcome = import(clients, event, now).await;
    match &outcome {
        Ok(Report { imported, updated, unchanged, refused }) => {
            for Refusal { index, field, problem, .. } in refused {
                warn!(index, field, problem, "A row was refused");
            }
            let refused = refused.len();
            info!(imported, updated, unchanged, refused, "Ad accounts were imported");
        }
        Err(failed) => error!(reason = chain(failed), "The import failed"),
    }
    outcome
}

async fn import(clients: &Clients, event: &str, now: Timestamp) -> Result<Report, ImportError> {
    let Batch { org_id, rows, refused } = Batch::read(event)?;
    let mut report = Report { refused, ..Report::default() };
    for some in rows.chunks(ROWS_AT_ONCE) {
        import_some(clients, &org_id, some, now, &mut report).await?;
    }
    report.refused.sort_by_key(|refusal| refusal.index);
    Ok(report)
}

/// One transaction, tried again when somebody else was faster.
async fn import_some(
    clients: &Clients,
    org_id: &OrgId,
    rows: &[Row],
    now: Timestamp,
    report: &mut Report,
) -> Result<(), ImportError> {
    let accounts: Vec<_> = rows.iter().map(|row| row.advertiser_id.clone()).collect();
    for _ in 0..ROUNDS {
        let known = clients.table.known(org_id, &accounts, &plan::grants_named(rows)).await?;
        let Plan { changes, grants, unchanged, refused } = plan::plan(org_id, rows, &known, now);
        if !changes.is_empty() {
            let grants = sealed(clients, grants, now).await?;
            match clients.table.import(org_id, &changes, &grants, now).await {
                Ok(()) => {}
                Err(StoreError::Conflict) => continue,
                Err(failed) => return Err(failed.into()),
            }
        }
        let imported = changes.iter().filter(|Change { before, .. }| before.is_none()).count();
        report.imported += imported;
        report.updated += changes.len() - imported;
        report.unchanged += unchanged;
        report.refused.extend(refused);
        return Ok(());
    }
    Err(ImportError::Contended)
}

/// Seals the tokens of grants that get one. The token keyring is fetched for that alone.
async fn sealed(
    clients: &Clients,
    grants: Vec<GrantPlan<'_>>,
    now: Timestamp,
) -> Result<Vec<GrantChange>, SecretUnavailable> {
    let mut changes = Vec::new();
    for grant in grants {
        changes.push(match grant {
            GrantPlan::Make { grant, token } => GrantChange::New(seal(clients, grant, token, now).await?),
            GrantPlan::Revive { grant, token } => GrantChange::Revived(seal(clients, grant, token, now).await?),
            GrantPlan::Join { grant_id, accounts } => GrantChange::Joined { grant_id, accounts },
        });
    }
    Ok(changes)
}

async fn seal(
    clients: &Clients,
    grant: Grant,
    token: &AccessToken,
    now: Timestamp,
) -> Result<StoredGrant, SecretUnavailable> {
    let binding = TokenBinding {
        table: clients.table.name(),
        org_id: &grant.org_id,
        grant_id: &grant.grant_id,
        token_version: grant.token_version,
        purpose: Purpose::Grant,
    };
    let sealed = clients.tokens.vault(now).await?.seal(token, &binding);
    Ok(StoredGrant { grant, sealed_token: Some(sealed) })
}
