//! The canary: a grant of our own on an ad account that nobody but us touches. If TikTok refuses it, TikTok is wrong about
//! others, too.

use domain::checks::Refusal;
use domain::ids::{GrantId, OrgId};
use shared::judging;
use shared::tiktok::TikTok;
use tokio::time::Instant;
use tracing::{error, warn};

use crate::{CheckError, Clients};

/// Asks one question with the canary's token and tells the guard. No answer tells nothing: the guard counts the silence.
pub async fn ask(
    clients: &Clients,
    tiktok: &TikTok,
    org_id: &OrgId,
    grant_id: &GrantId,
    until: Instant,
) -> Result<(), CheckError> {
    let now = clients.now();
    let Some(grant) = clients.table().begin(org_id, grant_id, now).await?.grant else {
        error!(grant.id = %grant_id, "The canary's grant is not there");
        return Ok(());
    };
    let finisher = &clients.finisher;
    let Ok(token) = judging::open_token(&finisher.tokens, clients.table().name(), &grant.stored, now).await else {
        return Ok(());
    };
    let app = finisher.app_credentials().await?;
    let answered = tiktok.authorized(&app, &token, until).await;
    match answered.refusal() {
        None => clients.table().canary_answered(true, clients.now()).await?,
        Some(Refusal::Throttled | Refusal::Unavailable | Refusal::NotAsked) => {
            warn!(grant.id = %grant_id, "The canary has no answer");
        }
        Some(refusal) => {
            error!(grant.id = %grant_id, code = answered.evidence.code, "The canary is refused");
            if refusal == Refusal::AppMisconfigured {
                finisher.app_level_code("the canary");
                clients.table().canary_heard_app_level(clients.now()).await?;
            }
            clients.table().canary_answered(false, clients.now()).await?;
        }
    }
    Ok(())
}
