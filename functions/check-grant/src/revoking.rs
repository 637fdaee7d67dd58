//! Takes a token back at TikTok, where an operator has ordered it for grants as old as this one.
//!
//! The order stands, so nothing about it is noted with the grant. A token that was revoked, and one of which nobody knows
//! whether it was, is revoked again with the next check, and TikTok answers that it is dead.

use std::time::Duration;

use domain::checks::{Asked, Refusal};
use domain::grant_check::Revocation;
use jiff::Timestamp;
use shared::metrics::{self, Metric, Unit};
use shared::sealing::AccessToken;
use shared::store::check_grant::GrantToCheck;
use shared::store::guard::StoredGuard;
use shared::tiktok::TikTok;
use tokio::time::Instant;
use tracing::{info, warn};

use crate::{CheckError, Clients};

/// TikTok is waited for so long; the rest of the time is for what comes of it.
const LONGEST: Duration = Duration::from_secs(20);

/// What came of the order, and what TikTok said if it was asked.
#[derive(Debug)]
pub struct Revoked {
    pub revocation: Revocation,
    pub asked: Option<Asked<()>>,
}

impl Revoked {
    pub fn refused(&self, refusal: Refusal) -> bool {
        self.asked.as_ref().and_then(Asked::refusal) == Some(refusal)
    }
}

/// The time before which tokens are to be revoked, if this one was granted before.
fn ordered(grant: &GrantToCheck, guard: Option<&StoredGuard>) -> Option<Timestamp> {
    guard.and_then(|stored| stored.guard.revoke_before).filter(|before| grant.stored.grant.granted_at < *before)
}

/// The grant is put off without a look. Whoever ordered its revocation learns that it is still to be done.
pub fn notice_put_off(clients: &Clients, grant: &GrantToCheck, guard: Option<&StoredGuard>) {
    if ordered(grant, guard).is_some() {
        count("TokensNotRevoked", clients.now());
    }
}

pub async fn revoke(
    clients: &Clients,
    tiktok: &TikTok,
    grant: &GrantToCheck,
    guard: Option<&StoredGuard>,
    token: &AccessToken,
    until: Instant,
) -> Result<Revoked, CheckError> {
    let Some(before) = ordered(grant, guard) else {
        return Ok(Revoked { revocation: Revocation::NotOrdered, asked: None });
    };
    let grant = &grant.stored.grant;
    // TikTok may have given the same token to somebody who consented after the order.
    if clients.table().is_held_since(grant, before).await? {
        warn!(grant.id = %grant.grant_id, "The token of grant {} is that of a newer one, too, and is not revoked", grant.grant_id);
        count("TokensNotRevoked", clients.now());
        return Ok(Revoked { revocation: Revocation::Withheld, asked: None });
    }
    let app = clients.finisher.app_credentials().await?;
    let asked = tiktok.revoke(&app, token, until.min(Instant::now() + LONGEST)).await;
    let revocation = match asked.answer {
        Ok(()) => {
            info!(grant.id = %grant.grant_id, "The token of grant {} is revoked", grant.grant_id);
            count("TokensRevoked", clients.now());
            Revocation::Done
        }
        Err(Refusal::TokenDead) => Revocation::Done,
        Err(refusal) => {
            let code = asked.evidence.code;
            warn!(grant.id = %grant.grant_id, code, ?refusal, "The token of grant {} could not be revoked", grant.grant_id);
            count("TokensNotRevoked", clients.now());
            Revocation::Outstanding
        }
    };
    Ok(Revoked { revocation, asked: Some(asked) })
}

fn count(name: &'static str, now: Timestamp) {
    metrics::emit(&[], &[Metric { name, unit: Unit::Count, value: 1 }], now);
}
