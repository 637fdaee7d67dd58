//! `POST /ad-accounts/{advertiser_id}/activate`.
//!
//! 1. One read for everything that the request itself names.
//! 2. A repeat gets its answer again.
//! 3. What stands in the way inside CreativeX is told at once.
//! 4. What stands in the way at TikTok is told as far as it is proven.
//! 5. A state is minted: it leaves in the authorization link, and only its hash stays.
//! 6. One transaction stores the activation, beside the person's other ones.
//!
//! Whoever wrote in between makes us read and decide again.

use domain::access::Caller;
use domain::account::AdAccount;
use domain::activation::{Activation, MAX_LIVE, State};
use domain::ids::{ActivationId, AdvertiserId};
use domain::preflight::Preflight;
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use shared::http::{Code, Problem, Request, Response, respond};
use shared::sealing::{RawState, activation_id_of};
use shared::secrets::{AppCredentials, SecretUnavailable};
use shared::store::StoreError;
use shared::store::live::LiveActivations;
use shared::store::start_activation::{KeptAnswer, StartContext};
use tracing::info;

use crate::kept::{self, IdempotencyKey};
use crate::preflight::preflight;
use crate::{Clients, StartError};

/// A conflict means that another start of the same person came through, or that one of theirs ended. After so many there
/// are too many live ones.
const ROUNDS: usize = MAX_LIVE + 2;

/// Schema `Activate` of the API description.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Body {
    also: Also,
    force: bool,
}

/// Read as text first, so that whatever else comes in its place is blamed on this field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
enum Also {
    #[default]
    Nothing,
    BusinessCenter,
}

impl TryFrom<String> for Also {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text == "business_center" { Ok(Self::BusinessCenter) } else { Err("must be business_center") }
    }
}

/// A request that was understood.
struct Asked {
    caller: Caller,
    advertiser_id: AdvertiserId,
    also_business_center: bool,
    force: bool,
    key: Option<IdempotencyKey>,
}

impl Asked {
    fn parse(request: &Request) -> Result<Self, Problem> {
        let caller = request.manager()?;
        let advertiser_id = request.path("advertiser_id")?;
        request.query()?.nothing_else()?;
        let Body { also, force } = request.body_or_default()?;
        let key = IdempotencyKey::of(request)?;
        Ok(Self { caller, advertiser_id, also_business_center: also == Also::BusinessCenter, force, key })
    }

    fn hash(&self) -> String {
        let flag = |set| if set { "yes" } else { "no" };
        kept::request_hash(&[self.advertiser_id.as_str(), flag(self.also_business_center), flag(self.force)])
    }
}

/// Schema `ActivationStarted` of the API description.
#[derive(Serialize)]
struct Started<'a> {
    activation_id: &'a ActivationId,
    authorization_url: &'a str,
    expires_at: Timestamp,
    preflight: &'a Preflight,
}

pub async fn start(clients: &Clients, request: &Request) -> Result<Response, StartError> {
    let asked = Asked::parse(request)?;
    let mut known: Option<Preflight> = None;
    for _ in 0..ROUNDS {
        // The secrets are fetched meanwhile, and missed only where they are needed.
        let (context, app, ()) = futures::join!(
            context(clients, &asked),
            clients.app.credentials(clients.now()),
            fetch_web_keys(clients, &asked),
        );
        let StartContext { account, live, kept } = context?;
        let now = clients.now();
        if let Some(body) = repeated(clients, &asked, kept.as_ref(), now).await? {
            return Ok(respond::json(StatusCode::CREATED, &body));
        }
        let account = permitted(&asked, account, &live, now)?;
        let app = app?;
        let preflight = match known.take() {
            Some(preflight) => preflight,
            None => preflight(clients, &app, &account).await,
        };
        if let Some(cause) = preflight.in_the_way.as_ref().filter(|_| !asked.force) {
            return Err(Problem::consent_cannot_help(cause).into());
        }
        match begin(clients, &asked, &account, &live, &app, &preflight).await {
            Ok(body) => return Ok(respond::json(StatusCode::CREATED, &body)),
            Err(StartError::Store(StoreError::Conflict)) => known = Some(preflight),
            Err(error) => return Err(error),
        }
    }
    Err(StoreError::Conflict.into())
}

async fn context(clients: &Clients, asked: &Asked) -> Result<StartContext, StoreError> {
    let Asked { caller, advertiser_id, key, .. } = asked;
    let key = key.as_ref().map(IdempotencyKey::as_str);
    clients.table.start_context(&caller.org_id, advertiser_id, &caller.user_id, key).await
}

/// Only who sends an Idempotency-Key has an answer sealed.
async fn fetch_web_keys(clients: &Clients, asked: &Asked) {
    if asked.key.is_some() {
        // Whoever needs them next finds them, or finds out why not.
        let _ = clients.web.seal(clients.now()).await;
    }
}

/// The answer that this very request got before.
async fn repeated(
    clients: &Clients,
    asked: &Asked,
    kept: Option<&KeptAnswer>,
    now: Timestamp,
) -> Result<Option<Box<RawValue>>, StartError> {
    let kept = kept.filter(|kept| now.as_second() < kept.expires_at);
    let (Some(key), Some(kept)) = (&asked.key, kept) else { return Ok(None) };
    let seal = clients.web.seal_for(&kept.sealed_answer, now).await?;
    kept::open(&seal, &asked.caller, key, &asked.hash(), kept, now).map(Some)
}

/// The ad account, if this person may start an activation for it now.
fn permitted(
    asked: &Asked,
    account: Option<AdAccount>,
    live: &LiveActivations,
    now: Timestamp,
) -> Result<AdAccount, Problem> {
    let account = account.ok_or(Code::AccountNotFound)?;
    if !asked.caller.reach.contains(&account.belonging) {
        return Err(Code::AccountOutOfReach.into());
    }
    if account.is_active() && !asked.force {
        return Err(Code::AlreadyActive.into());
    }
    if live.count(now) >= MAX_LIVE {
        let wait = live.next_expiry(now).map_or(0, |expires_at| expires_at.duration_since(now).as_secs());
        let too_many = Problem::from(Code::TooManyActivations);
        return Err(too_many.with_retry_after(u32::try_from(wait).unwrap_or(u32::MAX)));
    }
    Ok(account)
}

/// Mints the state and stores the activation that waits for it.
async fn begin(
    clients: &Clients,
    asked: &Asked,
    account: &AdAccount,
    live: &LiveActivations,
    app: &AppCredentials,
    preflight: &Preflight,
) -> Result<Box<RawValue>, StartError> {
    let now = clients.now();
    let state = RawState::mint();
    let activation = waiting(clients, asked, account, activation_id_of(&state), now);
    let url = clients.tiktok.authorization_url(&app.app_id, &state, &clients.redirect_uri);
    let started = Started {
        activation_id: &activation.activation_id,
        authorization_url: url.as_str(),
        expires_at: activation.expires_at,
        preflight,
    };
    let body = to_raw_value(&started).expect("an answer is plain data with text keys");
    let kept = match &asked.key {
        Some(key) => Some((key.as_str(), keep(clients, asked, key, &body, now).await?)),
        None => None,
    };
    let kept = kept.as_ref().map(|(key, answer)| (*key, answer));
    clients.table.start(&activation, live, kept, now).await?;
    info!(
        activation.id = %activation.activation_id, advertiser.id = %account.advertiser_id,
        "Activation {} of account {} waits for TikTok", activation.activation_id, account.advertiser_id
    );
    Ok(body)
}

async fn keep(
    clients: &Clients,
    asked: &Asked,
    key: &IdempotencyKey,
    body: &RawValue,
    now: Timestamp,
) -> Result<KeptAnswer, SecretUnavailable> {
    let seal = clients.web.seal(now).await?;
    Ok(kept::seal(&seal, &asked.caller, key, asked.hash(), body, now))
}

fn waiting(
    clients: &Clients,
    asked: &Asked,
    account: &AdAccount,
    activation_id: ActivationId,
    now: Timestamp,
) -> Activation {
    Activation {
        activation_id,
        org_id: account.org_id.clone(),
        advertiser_id: account.advertiser_id.clone(),
        started_by: asked.caller.user_id.clone(),
        started_by_display: asked.caller.display.clone(),
        started_at: now,
        expires_at: now + clients.activation_ttl,
        also_business_center: asked.also_business_center,
        reach: asked.caller.reach.clone(),
        grant_at_start: account.grant_id.clone(),
        state: State::Waiting,
    }
}

#[cfg(test)]
mod tests;
