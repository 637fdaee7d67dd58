//! What can be known before anybody signs in to TikTok. It takes two seconds at most, and whatever is not known by then
//! is `unknown` and stops nobody.
//!
//! The ad account's own grant is asked first: it tells about the last consent too. Where it cannot settle who owns the
//! ad account, the grant of another Admin of the same Business Center is asked.

use std::time::Duration;

use domain::account::AdAccount;
use domain::business_center::{Admins, Member};
use domain::examine::Subject;
use domain::preflight::{Learnt, Preflight, weigh};
use shared::judging::{self, Judged};
use shared::secrets::AppCredentials;
use shared::store::rows::StoredGrant;
use shared::store::start_activation::PreflightGrants;
use tokio::time::{Instant, timeout_at};
use tracing::warn;

use crate::Clients;

/// All of it: the table, the keyring, TikTok.
const BUDGET: Duration = Duration::from_secs(2);

pub async fn preflight(clients: &Clients, app: &AppCredentials, account: &AdAccount) -> Preflight {
    weigh(account, &learn(clients, app, account, Instant::now() + BUDGET).await)
}

async fn learn(clients: &Clients, app: &AppCredentials, account: &AdAccount, deadline: Instant) -> Learnt {
    let mut learnt = Learnt::default();
    let Some(PreflightGrants { grants, business_center }) = grants(clients, account, deadline).await else {
        return learnt;
    };
    (learnt.known_name, learnt.known_admins) = (business_center.name, business_center.admins);
    for stored in &grants {
        let Some((judged, members)) = ask(clients, app, account, stored, deadline).await else { continue };
        learnt.name = judged.grant.name_of(&account.business_center.id).or(learnt.name);
        learnt.admins = members.map(|members| Admins::of(&members).names).or(learnt.admins);
        if account.grant_id.as_ref() == Some(&stored.grant.grant_id) {
            learnt.own = Some(judged.diagnosis);
        } else {
            learnt.another = Some(judged.diagnosis);
        }
        if learnt.is_settled() {
            break;
        }
    }
    learnt
}

/// The keyring is fetched meanwhile: a cold start would otherwise wait for it afterwards.
async fn grants(clients: &Clients, account: &AdAccount, deadline: Instant) -> Option<PreflightGrants> {
    let both = futures::future::join(clients.table.preflight_grants(account), clients.tokens.vault(clients.now()));
    match timeout_at(deadline, both).await {
        Ok((Ok(grants), _)) => Some(grants),
        Ok((Err(failed), _)) => {
            warn!(reason = %failed, "Preflight could not read the grants");
            None
        }
        Err(_) => {
            warn!("Preflight could not read the grants in time");
            None
        }
    }
}

async fn ask(
    clients: &Clients,
    app: &AppCredentials,
    account: &AdAccount,
    stored: &StoredGrant,
    deadline: Instant,
) -> Option<(Judged, Option<Vec<Member>>)> {
    let now = clients.now();
    let opened = timeout_at(deadline, judging::open_token(&clients.tokens, clients.table.name(), stored, now)).await;
    let token = opened.ok()?.ok()?;
    let original = &account.business_center.id;
    let scope_evidence = stored.grant.scope_evidence();
    let subject = Subject::of(&stored.grant.scopes, &scope_evidence, &account.advertiser_id, original);
    let (judged, members) = futures::join!(
        judging::judge(&clients.tiktok, app, &token, subject, deadline),
        clients.tiktok.members(&token, original, deadline),
    );
    judging::notice(&judged, &clients.app, now);
    Some((judged, members.answer.ok()))
}
