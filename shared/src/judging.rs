//! Judging a connection: everything is asked at the same time, and the domain decides.
//!
//! [`open_token`] opens the stored token, [`seal_again`] seals it with a newer key. [`judge`] is for one token and one ad account; where one token is judged for
//! many, [`TikTok::check_evidence`] gathers for all of them. [`notice`] raises the alarm where the answers say that the
//! fault is ours.

use jiff::Timestamp;
use tokio::time::Instant;
use tracing::error;

use crate::logging::chain;
use crate::metrics::{self, Metric, Unit};
use crate::sealing::{AccessToken, Purpose, TokenBinding, Unsealable};
use crate::secrets::{AppCredentials, SecretUnavailable, TikTokApp, TokenKeys};
use crate::store::check_grant::SealedAgain;
use crate::store::rows::StoredGrant;
use crate::tiktok::{TikTok, suspects_secret};
use domain::causes::CauseCode;
use domain::checks::{AccountEvidence, Answer, Gathered, GrantEvidence};
use domain::diagnosis::{Diagnosis, diagnose};
use domain::examine::{Subject, ownership};
use domain::grant::Grant;

/// Why there is no token to ask with (`credential_unreadable`). Ours to mend; none of it says anything about the grant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenUnreadable {
    #[error("the token keyring is not to be had")]
    NoKeyring(#[from] SecretUnavailable),
    #[error("the stored token does not open")]
    Unsealable(#[from] Unsealable),
    #[error("the grant was retired, and its token with it")]
    Retired,
}

/// Opens the token of a grant that is stored in `table`. A key that is not in the keyring makes us look for a newer
/// keyring once. A token that does not open is an incident, alarmed on.
pub async fn open_token(
    keys: &TokenKeys,
    table: &str,
    stored: &StoredGrant,
    now: Timestamp,
) -> Result<AccessToken, TokenUnreadable> {
    let StoredGrant { grant, sealed_token } = stored;
    let sealed = sealed_token.as_deref().ok_or(TokenUnreadable::Retired)?;
    let opened = keys.vault_for(sealed, now).await?.open(sealed, &binding(table, grant));
    Ok(opened.inspect_err(|unsealable| {
        error!(grant.id = %grant.grant_id, reason = chain(unsealable), "The token of grant {} does not open", grant.grant_id);
        count("CredentialUnreadable", now);
    })?)
}

/// The token that [`open_token`] gave, sealed again with the key that seals now; `None` if that key has sealed it. It is
/// bound to what it was bound to, so it stays the same token of the same grant.
pub async fn seal_again(
    keys: &TokenKeys,
    table: &str,
    stored: &StoredGrant,
    token: &AccessToken,
    now: Timestamp,
) -> Result<Option<SealedAgain>, SecretUnavailable> {
    let Some(before) = &stored.sealed_token else { return Ok(None) };
    let vault = keys.vault_to_seal_again(before, now).await?;
    let after = vault.map(|vault| vault.seal(token, &binding(table, &stored.grant)));
    Ok(after.map(|after| SealedAgain { before: before.clone(), after }))
}

fn binding<'a>(table: &'a str, grant: &'a Grant) -> TokenBinding<'a> {
    TokenBinding {
        table,
        org_id: &grant.org_id,
        grant_id: &grant.grant_id,
        token_version: grant.token_version,
        purpose: Purpose::Grant,
    }
}

/// A diagnosis and all that TikTok said for it: who authorized, which Business Centers that person has, what was refused.
#[derive(Clone, Debug)]
pub struct Judged {
    pub grant: GrantEvidence,
    pub account: AccountEvidence,
    pub diagnosis: Diagnosis,
}

/// Asks TikTok everything about a token and an ad account; where ownership fails, a second endpoint is asked about it.
/// Whatever has no answer by `deadline` is inconclusive.
pub async fn judge(
    tiktok: &TikTok,
    app: &AppCredentials,
    token: &AccessToken,
    subject: Subject<'_>,
    deadline: Instant,
) -> Judged {
    let (mut grant, account) = futures::join!(
        tiktok.grant_evidence(app, token, subject.original, deadline),
        tiktok.account_evidence(token, subject.advertiser_id, deadline),
    );
    if ownership(&grant.owned, subject.advertiser_id) == Answer::Failed {
        grant.reachable = Some(tiktok.reachable(token, subject.original, deadline).await);
    }
    let diagnosis = diagnose(subject, Gathered { grant: &grant, account: &account });
    Judged { grant, account, diagnosis }
}

/// An answer that blames our app is an incident, alarmed on. One that casts doubt on the app secret makes the next
/// request look for a newer one.
pub fn notice(judged: &Judged, app: &TikTokApp, now: Timestamp) {
    if judged.diagnosis.verdict.causes().iter().any(|cause| cause.cause == CauseCode::AppMisconfigured) {
        error!("TikTok refuses our own app");
        count("AppLevelCode", now);
    }
    if suspects_secret(&judged.grant.authorized.evidence) {
        app.forget();
    }
}

fn count(name: &'static str, now: Timestamp) {
    metrics::emit(&[], &[Metric { name, unit: Unit::Count, value: 1 }], now);
}
