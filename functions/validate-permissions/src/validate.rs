//! `POST /ad-accounts/{advertiser_id}/validate`.
//!
//! The verdict is about the grant that was tested. If the account has another one by the time the verdict is there,
//! somebody was faster: the account stays as they left it.

use std::time::Duration;

use domain::account::{AdAccount, Status, risks_now};
use domain::business_center::{self, Admins};
use domain::causes::{Cause, CauseShown};
use domain::checks::Finding;
use domain::diagnosis::{Diagnosis, Verdict};
use domain::examine::Subject;
use domain::grant::Grant;
use domain::ids::AdvertiserId;
use domain::validation::{act, is_still_about, unreadable, without_token};
use http::StatusCode;
use jiff::Timestamp;
use serde::Serialize;
use shared::healing::{self, How};
use shared::http::{Code, NoBody, Request, Response, respond};
use shared::judging::{self, Judged, TokenUnreadable};
use shared::sealing::AccessToken;
use shared::secrets::AppCredentials;
use shared::store::StoreError;
use shared::store::rows::StoredGrant;
use shared::store::validate_permissions::GrantProven;
use tokio::time::Instant;
use tracing::{error, info};

use crate::{Clients, ValidateError};

/// TikTok's answers are waited for so long at most.
const EVIDENCE: Duration = Duration::from_secs(20);
/// What is kept of the request's time for writing the verdict down.
const FOR_WRITING: Duration = Duration::from_secs(1);
/// Who the Admins are is worth knowing, but not worth waiting for.
const MEMBERS: Duration = Duration::from_secs(5);
/// A verdict that met another write is acted on once more.
const ROUNDS: usize = 2;

/// Schema `ValidateResult` of the API description.
#[derive(Serialize)]
struct Validated<'a> {
    advertiser_id: &'a AdvertiserId,
    verdict: &'static str,
    status: Status,
    findings: &'a [Finding],
    causes: Vec<CauseShown>,
}

/// What TikTok said for the verdict, and who it says are the Business Center's Admins; `None` where it would not say.
struct Proof {
    judged: Judged,
    admins: Option<Admins>,
}

pub async fn validate(clients: &Clients, request: &Request) -> Result<Response, ValidateError> {
    let caller = request.manager()?;
    let advertiser_id: AdvertiserId = request.path("advertiser_id")?;
    request.query()?.nothing_else()?;
    let NoBody {} = request.body_or_default()?;
    let deadline = evidence_until(request.time_left(clients.now()));

    let account = clients.table.account(&caller.org_id, &advertiser_id).await?.ok_or(Code::AccountNotFound)?;
    if !caller.reach.contains(&account.belonging) {
        return Err(Code::AccountOutOfReach.into());
    }
    if account.grant_id.is_none() {
        return Ok(not_asked(&account));
    }
    // The keyring is fetched meanwhile, and missed only where it is needed.
    let now = clients.now();
    let (found, app, _) =
        futures::join!(clients.table.grant_of(&account), clients.app.credentials(now), clients.tokens.vault(now),);
    let (stored, known) = found?;
    let token = match stored.as_ref() {
        Some(stored) => judging::open_token(&clients.tokens, clients.table.name(), stored, now).await,
        None => Err(TokenUnreadable::Retired),
    };
    let (stored, token) = match (stored, token) {
        (Some(stored), Ok(token)) => (stored, token),
        (_, Err(TokenUnreadable::NoKeyring(outage))) => return Err(outage.into()),
        (_, Err(TokenUnreadable::Unsealable(_))) => return Ok(answer(&account, &unreadable())),
        (_, Err(TokenUnreadable::Retired)) | (None, Ok(_)) => return Ok(not_asked(&account)),
    };
    let mut proof = prove(clients, &*app?, &account, &stored, &token, deadline).await;
    let told = proof.judged.grant.name_of(&account.business_center.id);
    proof.judged.diagnosis.name(&business_center::named(&account, told, known.name), &known.admins);
    let account = record(clients, account, &stored.grant, &proof).await?;
    let diagnosis = &proof.judged.diagnosis;
    info!(
        advertiser.id = %account.advertiser_id, verdict = diagnosis.verdict.name(), status = account.status().name(),
        "Account {} was checked: {}", account.advertiser_id, diagnosis.verdict.name()
    );
    Ok(answer(&account, diagnosis))
}

fn evidence_until(time_left: Option<Duration>) -> Instant {
    let budget = time_left.map_or(EVIDENCE, |left| left.saturating_sub(FOR_WRITING).min(EVIDENCE));
    Instant::now() + budget
}

fn answer(account: &AdAccount, diagnosis: &Diagnosis) -> Response {
    let validated = Validated {
        advertiser_id: &account.advertiser_id,
        verdict: diagnosis.verdict.name(),
        status: account.status(),
        findings: &diagnosis.findings,
        causes: diagnosis.verdict.causes().iter().map(Cause::shown).collect(),
    };
    respond::json(StatusCode::OK, &validated)
}

/// The answer without a token to ask with.
fn not_asked(account: &AdAccount) -> Response {
    if account.is_active() {
        error!(advertiser.id = %account.advertiser_id, "Active account {} has no token", account.advertiser_id);
    }
    answer(account, &without_token(account))
}

async fn prove(
    clients: &Clients,
    app: &AppCredentials,
    account: &AdAccount,
    stored: &StoredGrant,
    token: &AccessToken,
    deadline: Instant,
) -> Proof {
    let original = &account.business_center.id;
    let scope_evidence = stored.grant.scope_evidence();
    let subject = Subject::of(&stored.grant.scopes, &scope_evidence, &account.advertiser_id, original);
    let (judged, members) = futures::join!(
        judging::judge(&clients.tiktok, app, token, subject, deadline),
        clients.tiktok.members(token, original, deadline.min(Instant::now() + MEMBERS)),
    );
    judging::notice(&judged, &clients.app, clients.now());
    Proof { judged, admins: members.value().map(|members| Admins::of(members)) }
}

/// Acts on the verdict. Gives the account as it is now.
async fn record(
    clients: &Clients,
    mut account: AdAccount,
    tested: &Grant,
    proof: &Proof,
) -> Result<AdAccount, ValidateError> {
    for _ in 0..ROUNDS {
        let now = clients.now();
        let diagnosis = &proof.judged.diagnosis;
        let at_risk =
            risks_now(&account.at_risk, &diagnosis.findings, proof.admins.as_ref().map(|admins| admins.count));
        let (zone, days) = (proof.judged.account.time_zone(), clients.late_settling_days);
        let Some(moved) = act(&account, diagnosis, at_risk, zone, tested.last_proven_at, days, now) else {
            return Ok(account);
        };
        match clients.table.record_verdict(&moved, tested, proof.proven(now)).await {
            Ok(()) => {
                healing::tell([&moved], How::Validated, now);
                return Ok(moved.after);
            }
            Err(StoreError::Conflict) => {
                let fresh = clients.table.account(&account.org_id, &account.advertiser_id).await?;
                let fresh = fresh.ok_or(Code::AccountNotFound)?;
                if !is_still_about(&account, &fresh) {
                    return Ok(fresh);
                }
                account = fresh;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(account)
}

impl Proof {
    /// What the grant itself gains: only where everything held.
    fn proven(&self, at: Timestamp) -> Option<GrantProven<'_>> {
        let evidence = &self.judged.grant;
        (self.judged.diagnosis.verdict == Verdict::Connected).then(|| GrantProven {
            at,
            authorized_by: evidence.person.value(),
            business_centers: evidence.business_centers_of_person(),
            admins: self.admins.as_ref().and_then(Admins::to_remember),
        })
    }
}

#[cfg(test)]
mod tests;
