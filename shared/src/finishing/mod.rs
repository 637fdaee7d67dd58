//! Finishing an activation whose code was exchanged.
//!
//! 1. [`commit`]: evidence about the candidate token is gathered, the domain decides, one transaction commits.
//! 2. [`siblings`]: accounts asked for through `also` follow, each in a transaction of its own.
//! 3. [`ending`]: whatever else ends it, a refusal or no answer at all.
//!
//! Two come here: `oauth-callback` with the person at the screen, right after the exchange or when they ask again; and
//! `check-grant` with [`Finisher::go_on`], when an activation is due that nobody asked for. They may meet: every write
//! states the step that it leaves, and one of them finds a conflict and reads again.
//!
//! What TikTok does not answer leaves the activation pending, with a new time at which it is due. What the table or a
//! secret does not answer is an error, and whoever asked tries again.

mod budget;
pub mod commit;
pub mod ending;
pub mod siblings;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tracing::{error, info, warn};

use crate::aws::Aws;
use crate::clock;
use crate::config::Environment;
use crate::judging::{self, TokenUnreadable};
use crate::metrics::{self, Metric, Unit};
use crate::runtime::StartError;
use crate::sealing::{AccessToken, Purpose, TokenBinding, TokenVault, Unsealable};
use crate::secrets::{AppCredentials, SecretSource, SecretUnavailable, TikTokApp, TokenKeys};
use crate::store::complete_activation::{Candidate, Record};
use crate::store::rows::StoredGrant;
use crate::store::{StoreError, Table};
use crate::tiktok::TikTok;
use crate::tls::{self, ExtraRoots};
use domain::account::AdAccount;
use domain::activation::{Activation, State, Step, TransitionError};
use domain::causes::CauseCode;
use domain::checks::Refusal;
use domain::ids::{ActivationId, GrantId, OrgId};

pub use budget::Budget;

/// A grant's token never changes here: a new consent is a new grant.
const FIRST_VERSION: u64 = 1;
/// Conflicts with whoever else is at the same activation are read and decided again this often.
pub const ROUNDS: usize = 6;

/// An activation with everything that finishing it needs. What `also` may touch is limited by the activation's own reach.
pub struct Attempt {
    pub record: Record,
    pub account: AdAccount,
    /// The grant that the account has.
    pub grant: Option<StoredGrant>,
}

/// Why it did not go on. Nothing of it is about the connection, and none of it is TikTok's.
#[derive(Debug, thiserror::Error)]
pub enum FinishError {
    #[error("the table")]
    Store(#[from] StoreError),
    #[error("a secret")]
    Unready(#[from] SecretUnavailable),
    #[error("the activation moved unexpectedly")]
    Moved(#[from] TransitionError),
}

/// What finishing needs from outside. Made once per process.
pub struct Finisher {
    pub table: Table,
    pub tiktok: TikTok,
    pub app: TikTokApp,
    pub tokens: TokenKeys,
    /// When a new grant is to be checked first.
    pub check_interval: SignedDuration,
    pub clock: fn() -> Timestamp,
}

impl Finisher {
    pub fn new(
        env: &Environment,
        aws: &Aws,
        roots: &ExtraRoots,
        secrets: Arc<dyn SecretSource>,
    ) -> Result<Self, StartError> {
        let tiktok = env.tiktok()?;
        Ok(Self {
            table: Table::new(aws.dynamodb(), env.table_name()?),
            tiktok: TikTok::new(tls::tiktok_client(roots)?, tiktok.api_base, tiktok.auth_base, clock::now),
            app: TikTokApp::new(secrets.clone(), env.tiktok_app_secret_id()?),
            tokens: TokenKeys::new(secrets, env.token_keyring_secret_id()?),
            check_interval: env.check_interval()?,
            clock: clock::now,
        })
    }

    /// Goes on with an activation that is due, without the person. Where there is nothing to do, nothing is done: it may
    /// be told twice, late, or while the person is at it.
    pub async fn go_on(&self, activation_id: &ActivationId, budget: Budget) -> Result<(), FinishError> {
        for _ in 0..ROUNDS {
            match Box::pin(self.round(activation_id, budget)).await {
                Err(FinishError::Store(StoreError::Conflict)) => {}
                done => return done,
            }
        }
        Err(StoreError::Conflict.into())
    }

    async fn round(&self, activation_id: &ActivationId, budget: Budget) -> Result<(), FinishError> {
        let Some(record) = self.table.activation(activation_id).await? else { return Ok(()) };
        let activation = &record.stored.activation;
        match activation.next_step(self.now()) {
            Step::Claim | Step::Wait | Step::Expired | Step::Done => return Ok(()),
            Step::Verify | Step::Siblings | Step::LostExchange | Step::GiveUp => {}
        }
        info!(activation.id = %activation_id, "Activation {activation_id} goes on by itself");
        match self.account_of(activation).await? {
            Some((account, grant)) => self.step(Attempt { record, account, grant }, budget).await.map(drop),
            None => ending::without_account(self, record.stored).await,
        }
    }

    /// The account that an activation is for, and the grant that it has now.
    pub async fn account_of(
        &self,
        activation: &Activation,
    ) -> Result<Option<(AdAccount, Option<StoredGrant>)>, StoreError> {
        let Activation { org_id, advertiser_id, grant_at_start, .. } = activation;
        let (account, grant) = self.table.account_and_grant(org_id, advertiser_id, grant_at_start.as_ref()).await?;
        let Some(account) = account else { return Ok(None) };
        let grant = match &account.grant_id {
            // It changed since the activation began.
            Some(id) if grant.as_ref().is_none_or(|stored| stored.grant.grant_id != *id) => {
                self.table.account_and_grant(org_id, advertiser_id, Some(id)).await?.1
            }
            Some(_) => grant,
            None => None,
        };
        Ok(Some((account, grant)))
    }

    /// Does what the activation's state allows now, if that needs no code of TikTok's; the record says how far it came.
    pub async fn step(&self, attempt: Attempt, budget: Budget) -> Result<Record, FinishError> {
        match attempt.record.stored.activation.next_step(self.now()) {
            Step::Verify => commit::resume(self, attempt, budget).await,
            Step::Siblings => siblings::go_on(self, attempt, budget).await,
            Step::LostExchange | Step::GiveUp => {
                ending::give_up(self, attempt, CauseCode::TiktokUnavailable.into()).await
            }
            Step::Claim | Step::Wait | Step::Expired | Step::Done => Ok(attempt.record),
        }
    }

    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    pub fn fresh_grant_id(&self) -> GrantId {
        GrantId::from_random(&crate::sealing::random_bits())
    }

    /// Tells our own repeated write from somebody else's.
    pub fn fresh_id(&self) -> String {
        self.fresh_grant_id().to_string()
    }

    pub async fn app_credentials(&self) -> Result<Arc<AppCredentials>, SecretUnavailable> {
        self.app.credentials(self.now()).await
    }

    pub async fn vault(&self) -> Result<TokenVault, SecretUnavailable> {
        self.tokens.vault(self.now()).await
    }

    /// What the token of a new grant is bound to, first as a candidate and then for good.
    pub fn binding<'a>(&'a self, org_id: &'a OrgId, grant_id: &'a GrantId, purpose: Purpose) -> TokenBinding<'a> {
        TokenBinding { table: self.table.name(), org_id, grant_id, token_version: FIRST_VERSION, purpose }
    }

    /// Opens a candidate token. One that cannot be read is our trouble and nobody's lapse.
    async fn open_candidate(
        &self,
        org_id: &OrgId,
        candidate: &Candidate,
    ) -> Result<Result<AccessToken, Unsealable>, SecretUnavailable> {
        let vault = self.tokens.vault_for(&candidate.sealed_token, self.now()).await?;
        let opened =
            vault.open(&candidate.sealed_token, &self.binding(org_id, &candidate.grant_id, Purpose::Candidate));
        Ok(opened.inspect_err(|unsealable| error!(reason = %unsealable, "A candidate token does not open")))
    }

    /// The token of a stored grant.
    async fn open(&self, stored: &StoredGrant) -> Result<AccessToken, TokenUnreadable> {
        judging::open_token(&self.tokens, self.table.name(), stored, self.now()).await
    }

    /// TikTok says that our own app is at fault: an incident, alarmed on.
    pub fn app_level_code(&self, at: &str) {
        error!("TikTok refuses our own app at {at}");
        metrics::emit(&[], &[Metric { name: "AppLevelCode", unit: Unit::Count, value: 1 }], self.now());
    }

    /// An activation has ended, and that is committed: a repeat finds it closed and does not count it again.
    pub fn ended(&self, closed: &Activation) {
        let State::Closed { outcome, .. } = &closed.state else { return };
        let cause = outcome.cause().map_or("none", CauseCode::name);
        let ended = Metric { name: "ActivationsEnded", unit: Unit::Count, value: 1 };
        metrics::emit(&[("Outcome", outcome.name()), ("Cause", cause)], &[ended], self.now());
    }

    /// The account left this grant. If it was the last one, the grant is retired by now and its token is given back to
    /// TikTok, unless a living grant holds the same string. Nothing depends on it, so nothing fails with it.
    async fn let_go(&self, left: Option<StoredGrant>, budget: Budget) {
        let Some(left) = left.filter(|left| left.grant.ad_accounts <= 1) else { return };
        let (Ok(token), Ok(app)) = (self.open(&left).await, self.app_credentials().await) else { return };
        let grant = left.grant;
        match self.table.is_token_held(&grant.token_fingerprint).await {
            Ok(false) => match self.tiktok.revoke(&app, &token, budget.revoke_until()).await.answer {
                // Dead already, which is how most accounts came to need connecting.
                Ok(()) | Err(Refusal::TokenDead) => {}
                Err(refusal) => {
                    warn!(grant.id = %grant.grant_id, ?refusal, "The token of retired grant {} could not be revoked", grant.grant_id);
                }
            },
            Ok(true) => {}
            Err(failed) => {
                warn!(grant.id = %grant.grant_id, reason = %failed, "Whether the token of grant {} is held elsewhere is not known", grant.grant_id);
            }
        }
    }
}
