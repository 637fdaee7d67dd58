//! What a completion needs from outside: the table, TikTok, the secrets, the time and fresh ids. Made once per process.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use shared::aws::{Aws, AwsSettings};
use shared::config::Environment;
use shared::domain::account::AdAccount;
use shared::domain::causes::CauseCode;
use shared::domain::checks::{AccountEvidence, Gathered, Refusal};
use shared::domain::clock;
use shared::domain::diagnosis::{Diagnosis, diagnose};
use shared::domain::examine::Subject;
use shared::domain::ids::{GrantId, OrgId};
use shared::judging::{self, Judged, TokenUnreadable};
use shared::metrics::{self, Metric, Unit};
use shared::runtime::StartError;
use shared::sealing::{AccessToken, FinishTicket, Purpose, TokenBinding, TokenVault, Unsealable, WebSeal};
use shared::secrets::{AppCredentials, SecretUnavailable, TikTokApp, TokenKeys, WebKeys};
use shared::store::Table;
use shared::store::completing::{Candidate, CompleteActivations};
use shared::store::items::StoredGrant;
use shared::tiktok::TikTok;
use shared::tls::{self, ExtraRoots};
use std::sync::Arc;
use tokio::time::Instant;
use tracing::{error, warn};
use url::Url;

use crate::commit::Proven;
use crate::complete::CompleteError;

/// A secret that cannot be had now; people try again.
pub type Unready = SecretUnavailable;

/// A grant's token never changes here: a new consent is a new grant.
pub const FIRST_VERSION: u64 = 1;
/// Evidence is gathered within this time.
const EVIDENCE: Duration = Duration::from_secs(20);
/// What is kept for deciding and committing.
const FOR_THE_COMMIT: Duration = Duration::from_secs(3);
/// How long a person waits for us to give an old token back.
const REVOKE: Duration = Duration::from_secs(2);

pub struct Clients {
    pub table: Table,
    pub tiktok: TikTok,
    pub app_url: Url,
    pub ticket_ttl: SignedDuration,
    pub check_interval: SignedDuration,
    app: TikTokApp,
    tokens: TokenKeys,
    web: WebKeys,
}

/// How much time a request has. Time is money here: what is not answered in time is inconclusive.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    end: Instant,
}

impl Budget {
    /// `left` is what Lambda leaves us, if it says so.
    pub fn new(left: Option<Duration>) -> Self {
        let longest = EVIDENCE + FOR_THE_COMMIT;
        let left = left.map_or(longest, |left| left.min(longest));
        Self { end: Instant::now() + left }
    }

    /// Leaves time to gather evidence and to commit after the exchange.
    pub fn exchange_until(self) -> Instant {
        self.evidence_until()
            .checked_sub(Duration::from_secs(8))
            .unwrap_or_else(|| self.evidence_until())
            .max(Instant::now() + Duration::from_secs(1))
    }

    pub fn evidence_until(self) -> Instant {
        self.end.checked_sub(FOR_THE_COMMIT).unwrap_or(self.end)
    }

    pub fn is_over(self) -> bool {
        Instant::now() >= self.evidence_until()
    }
}

impl Clients {
    pub fn new(env: &Environment) -> Result<Self, StartError> {
        let roots = ExtraRoots::load(env.ca_bundle().as_deref())?;
        let aws = Aws::new(AwsSettings::from_env(env)?, &roots);
        let secrets = Arc::new(aws.secrets_manager());
        let tiktok = env.tiktok()?;
        Ok(Self {
            table: Table::new(aws.dynamodb(), env.table_name()?),
            tiktok: TikTok::new(tls::tiktok_client(&roots)?, tiktok.api_base, tiktok.auth_base, clock::now),
            app_url: env.web()?.app_url,
            ticket_ttl: env.ticket_ttl()?,
            check_interval: env.check_interval()?,
            app: TikTokApp::new(secrets.clone(), env.tiktok_app_secret_id()?),
            tokens: TokenKeys::new(secrets.clone(), env.token_keyring_secret_id()?),
            web: WebKeys::new(secrets, env.web_keyring_secret_id()?),
        })
    }

    pub fn now(&self) -> Timestamp {
        clock::now()
    }

    pub fn fresh_grant_id(&self) -> GrantId {
        GrantId::from_random(&shared::sealing::random_bits())
    }

    /// Tells our own repeated write from somebody else's.
    pub fn fresh_id(&self) -> String {
        self.fresh_grant_id().to_string()
    }

    pub async fn app(&self) -> Result<Arc<AppCredentials>, Unready> {
        self.app.credentials(self.now()).await
    }

    pub fn forget_app(&self) {
        self.app.forget();
    }

    pub async fn vault(&self) -> Result<TokenVault, Unready> {
        self.tokens.vault(self.now()).await
    }

    pub async fn web_seal(&self) -> Result<WebSeal, Unready> {
        self.web.seal(self.now()).await
    }

    pub async fn web_seal_for(&self, ticket: &FinishTicket) -> Result<WebSeal, Unready> {
        self.web.seal_for(ticket.expose(), self.now()).await
    }

    /// Opens a candidate token. One that cannot be read is our trouble and nobody's lapse.
    pub async fn open_candidate(
        &self,
        org_id: &OrgId,
        candidate: &Candidate,
    ) -> Result<Result<AccessToken, Unsealable>, Unready> {
        let vault = self.tokens.vault_for(&candidate.sealed_token, self.now()).await?;
        let opened =
            vault.open(&candidate.sealed_token, &self.binding(org_id, &candidate.grant_id, Purpose::Candidate));
        Ok(opened.inspect_err(|unsealable| error!(reason = %unsealable, "A candidate token does not open")))
    }

    /// The token of a stored grant.
    pub async fn open(&self, stored: &StoredGrant) -> Result<AccessToken, TokenUnreadable> {
        judging::open_token(&self.tokens, self.table.name(), stored, self.now()).await
    }

    /// What the token of a new grant is bound to, first as a candidate and then for good.
    pub fn binding<'a>(&'a self, org_id: &'a OrgId, grant_id: &'a GrantId, purpose: Purpose) -> TokenBinding<'a> {
        TokenBinding { table: self.table.name(), org_id, grant_id, token_version: FIRST_VERSION, purpose }
    }

    pub async fn judge(
        &self,
        token: &AccessToken,
        account: &AdAccount,
        candidate: &Candidate,
        deadline: Instant,
    ) -> Result<Judged, CompleteError> {
        let app = self.app().await?;
        let judged = judging::judge(&self.tiktok, &app, token, subject(account, candidate), deadline).await;
        judging::notice(&judged, &self.app, self.now());
        Ok(judged)
    }

    /// The verdict about a sibling, from evidence about the grant that is already there.
    pub fn diagnose(&self, account: &AdAccount, proven: &Proven<'_>, evidence: &AccountEvidence) -> Diagnosis {
        diagnose(subject(account, proven.candidate), Gathered { grant: proven.evidence, account: evidence })
    }

    /// A promoted grant as the candidate it once was, to go on with its siblings.
    pub fn as_candidate(&self, stored: &StoredGrant) -> Candidate {
        let grant = &stored.grant;
        Candidate {
            grant_id: grant.grant_id.clone(),
            token_fingerprint: grant.token_fingerprint.clone(),
            scopes: grant.scopes.clone(),
            exchange: grant.scope_evidence(),
            sealed_token: Vec::new(),
        }
    }

    /// TikTok says that our own app is at fault: an incident, alarmed on.
    pub fn app_level_code(&self, at: &str) {
        error!("TikTok refuses our own app at {at}");
        metrics::emit(&[], &[Metric { name: "AppLevelCode", unit: Unit::Count, value: 1 }], self.now());
    }

    /// An activation ended.
    pub fn ended(&self, outcome: &str, cause: Option<CauseCode>) {
        let cause = cause.map_or("none", CauseCode::name);
        let ended = Metric { name: "ActivationsEnded", unit: Unit::Count, value: 1 };
        metrics::emit(&[("Outcome", outcome), ("Cause", cause)], &[ended], self.now());
    }

    /// Admins of the account's Business Center as somebody last saw them, to be named to those who are not.
    pub async fn known_admins(&self, account: &AdAccount) -> Result<Vec<String>, CompleteError> {
        Ok(self.table.business_center_admins(&account.org_id, &account.business_center.id).await?)
    }

    /// The account left this grant. If it was the last one, the grant is retired by now and its token is given back to
    /// TikTok, unless a living grant holds the same string. Nothing depends on it, so nothing fails with it.
    pub async fn let_go(&self, left: Option<StoredGrant>, budget: Budget) {
        let Some(left) = left.filter(|left| left.grant.ad_accounts <= 1) else { return };
        let (Ok(token), Ok(app)) = (self.open(&left).await, self.app().await) else { return };
        let grant = left.grant;
        match self.table.is_token_held(&grant.token_fingerprint).await {
            Ok(false) => match self.tiktok.revoke(&app, &token, (Instant::now() + REVOKE).min(budget.end)).await.answer
            {
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

fn subject<'a>(account: &'a AdAccount, candidate: &'a Candidate) -> Subject<'a> {
    Subject {
        advertiser_id: &account.advertiser_id,
        original: &account.business_center.id,
        scopes: &candidate.scopes,
        scope_evidence: &candidate.exchange,
    }
}
