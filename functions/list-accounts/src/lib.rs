//! Shows ad accounts: the list with its tabs, one account with everything about it, and what happened to it.
//!
//! Three routes that change nothing. [`asked`] reads what is asked for, the store looks it up, [`shown`] is what people
//! get to see. The web keyring is fetched only when a page has a successor or is one; no other secret is known here, so
//! that nothing that lists can ever open a token.

mod asked;
mod shown;

use std::sync::Arc;

use domain::access::Caller;
use domain::account::AdAccount;
use domain::ids::AdvertiserId;
use http::StatusCode;
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use shared::aws::{Aws, AwsSettings};
use shared::config::Environment;
use shared::http::cursor::{self, List};
use shared::http::{Code, Problem, Request, Response, respond};
use shared::runtime::StartError;
use shared::secrets::{SecretUnavailable, WebKeys};
use shared::store::{StoreError, Table};
use shared::tls::ExtraRoots;

use asked::{Asked, AskedHistory};
use shown::{AccountDetails, AccountList, History};

const LIST: &str = "GET /ad-accounts";
const DETAILS: &str = "GET /ad-accounts/{advertiser_id}";
const HISTORY: &str = "GET /ad-accounts/{advertiser_id}/history";

/// Made once per process.
pub struct Clients {
    table: Table,
    web: WebKeys,
}

impl Clients {
    pub fn new(env: &Environment) -> Result<Self, StartError> {
        let aws = Aws::new(AwsSettings::from_env(env)?, &ExtraRoots::load(env.ca_bundle().as_deref())?);
        Ok(Self {
            table: Table::new(aws.dynamodb(), env.table_name()?),
            web: WebKeys::new(Arc::new(aws.secrets_manager()), env.web_keyring_secret_id()?),
        })
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ListError {
    #[error(transparent)]
    Refused(#[from] Problem),
    #[error("looking up ad accounts")]
    Store(#[from] StoreError),
    #[error("sealing or opening a cursor")]
    Secret(#[from] SecretUnavailable),
}

impl From<ListError> for Problem {
    fn from(error: ListError) -> Self {
        match error {
            ListError::Refused(problem) => problem,
            ListError::Store(_) | ListError::Secret(_) => Code::TryAgain.into(),
        }
    }
}

/// The three routes of this function.
pub async fn handle(clients: &Clients, request: &Request, now: Timestamp) -> Result<Response, ListError> {
    match request.route() {
        LIST => list(clients, request, now).await,
        DETAILS => details(clients, request, now).await,
        HISTORY => history(clients, request, now).await,
        _ => Ok(respond::no_such_route()),
    }
}

/// One query and the counts, at the same time.
async fn list(clients: &Clients, request: &Request, now: Timestamp) -> Result<Response, ListError> {
    let caller = request.reader()?;
    let asked = Asked::read(request.query()?)?;
    let filter = asked.filter(&caller.reach);
    let list = List { org_id: &caller.org_id, route: LIST, filter: &filter };
    let after = open(clients, list, asked.cursor.as_deref(), now).await?;
    let wanted = asked.wanted(&caller, after);
    let (page, counts) =
        tokio::try_join!(clients.table.page(&wanted), clients.table.counts(&caller.org_id, &caller.reach))?;
    let next_cursor = seal(clients, list, page.next.as_ref(), now).await?;
    Ok(respond::json(StatusCode::OK, &AccountList::new(page.rows, counts, next_cursor)))
}

async fn details(clients: &Clients, request: &Request, now: Timestamp) -> Result<Response, ListError> {
    let caller = request.reader()?;
    let advertiser_id = request.path("advertiser_id")?;
    request.query()?.nothing_else()?;
    let account = account(clients, &caller, &advertiser_id).await?;
    let behind = clients.table.behind(&account).await?;
    Ok(respond::json(StatusCode::OK, &AccountDetails::new(&account, &behind, now)))
}

async fn history(clients: &Clients, request: &Request, now: Timestamp) -> Result<Response, ListError> {
    let caller = request.reader()?;
    let advertiser_id: AdvertiserId = request.path("advertiser_id")?;
    let AskedHistory { limit, cursor } = AskedHistory::read(request.query()?)?;
    let list = List { org_id: &caller.org_id, route: HISTORY, filter: advertiser_id.as_str() };
    let before = open(clients, list, cursor.as_deref(), now).await?;
    let account = account(clients, &caller, &advertiser_id).await?;
    let page = clients.table.history(&account, limit, before.as_ref()).await?;
    let next_cursor = seal(clients, list, page.next.as_ref(), now).await?;
    Ok(respond::json(StatusCode::OK, &History { history: page.history, next_cursor }))
}

/// The account, if the caller may see it. Another organisation's is looked for in the caller's own, and so is not found.
async fn account(clients: &Clients, caller: &Caller, advertiser_id: &AdvertiserId) -> Result<AdAccount, ListError> {
    let found = clients.table.account(&caller.org_id, advertiser_id).await?;
    let account = found.ok_or_else(|| Problem::from(Code::AccountNotFound))?;
    if caller.reach.contains(&account.belonging) {
        Ok(account)
    } else {
        Err(Problem::from(Code::AccountOutOfReach).into())
    }
}

/// Where the page begins that a cursor stands for.
async fn open<T: DeserializeOwned>(
    clients: &Clients,
    list: List<'_>,
    cursor: Option<&str>,
    now: Timestamp,
) -> Result<Option<T>, ListError> {
    match cursor {
        None => Ok(None),
        Some(text) => {
            let web = clients.web.seal_for(text, now).await?;
            Ok(Some(cursor::open(&web, list, text, now)?))
        }
    }
}

async fn seal<T: Serialize>(
    clients: &Clients,
    list: List<'_>,
    next: Option<&T>,
    now: Timestamp,
) -> Result<Option<String>, ListError> {
    match next {
        None => Ok(None),
        Some(next) => Ok(Some(cursor::seal(&clients.web.seal(now).await?, list, next, now))),
    }
}
