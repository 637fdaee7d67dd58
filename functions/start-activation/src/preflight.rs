//! What can be known before anybody signs in to TikTok. It takes two seconds at most, and whatever is not known by then
//! is `unknown` and stops nobody.
//!
//! The ad account's own grant is asked first: it tells about the last consent too. Where it cannot settle who owns the
//! ad account, the grant of another Admin of the same Business Center is asked.

use std::time::Duration;

use domain::account::AdAccount;
use domain::business_center::{self, Admins, Member};
use domain::causes::{Cause, NamedBusinessCenter};
use domain::checklist::{Line, Names, checklist};
use domain::checks::{Answer, Check, Finding};
use domain::diagnosis::{Diagnosis, consent_cannot_help};
use domain::examine::{Occasion, Subject};
use serde::Serialize;
use shared::judging::{self, Judged};
use shared::secrets::AppCredentials;
use shared::store::rows::{BusinessCenterItem, StoredGrant};
use shared::store::start_activation::PreflightGrants;
use tokio::time::{Instant, timeout_at};
use tracing::warn;

use crate::Clients;

/// All of it: the table, the keyring, TikTok.
const BUDGET: Duration = Duration::from_secs(2);

/// Schema `Preflight` of the API description.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Preflight {
    pub verdict: Verdict,
    pub business_center: NamedBusinessCenter,
    /// Admins of the Business Center, by name where known.
    pub fixers: Vec<String>,
    pub checklist: Vec<Line>,
    /// Why signing in cannot help, where that is proven.
    #[serde(skip)]
    pub in_the_way: Option<Cause>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// An Admin's grant proved that the Business Center owns the ad account, and nothing speaks against signing in.
    ConsentWillHelp,
    Unknown,
}

/// What could be learnt in time.
#[derive(Clone, Debug, Default)]
struct Learnt {
    /// The account's own grant.
    own: Option<Diagnosis>,
    /// The grant of another Admin, if it was asked.
    another: Option<Diagnosis>,
    /// What the organisation knew of the Business Center before.
    known: BusinessCenterItem,
    /// As TikTok names it today.
    name: Option<String>,
    /// As TikTok names them today; `None` where nobody could see them.
    admins: Option<Vec<String>>,
}

pub async fn preflight(clients: &Clients, app: &AppCredentials, account: &AdAccount) -> Preflight {
    weigh(account, &learn(clients, app, account, Instant::now() + BUDGET).await)
}

async fn learn(clients: &Clients, app: &AppCredentials, account: &AdAccount, deadline: Instant) -> Learnt {
    let mut learnt = Learnt::default();
    let Some(PreflightGrants { grants, business_center }) = grants(clients, account, deadline).await else {
        return learnt;
    };
    learnt.known = business_center;
    for stored in &grants {
        let Some((judged, members)) = ask(clients, app, account, stored, deadline).await else { continue };
        learnt.take(account, stored, judged, members);
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
    let subject = Subject {
        advertiser_id: &account.advertiser_id,
        original,
        scopes: &stored.grant.scopes,
        scope_evidence: &stored.grant.scope_evidence(),
        occasion: Occasion::Check,
    };
    let (judged, members) = futures::join!(
        judging::judge(&clients.tiktok, app, &token, subject, deadline),
        clients.tiktok.members(&token, original, deadline),
    );
    judging::notice(&judged, &clients.app, now);
    Some((judged, members.answer.ok()))
}

impl Learnt {
    fn take(&mut self, account: &AdAccount, stored: &StoredGrant, judged: Judged, members: Option<Vec<Member>>) {
        self.name = judged.grant.name_of(&account.business_center.id).or(self.name.take());
        if let Some(members) = members {
            self.admins = Some(Admins::of(&members).names);
        }
        if account.grant_id.as_ref() == Some(&stored.grant.grant_id) {
            self.own = Some(judged.diagnosis);
        } else {
            self.another = Some(judged.diagnosis);
        }
    }

    fn diagnoses(&self) -> impl Iterator<Item = &Diagnosis> {
        self.own.iter().chain(&self.another)
    }

    /// Whether it is known who owns the ad account, or that it is gone: no other grant can add anything.
    fn is_settled(&self) -> bool {
        self.diagnoses().any(|diagnosis| is_owned(diagnosis) || consent_cannot_help(diagnosis).is_some())
    }
}

/// Only an Admin sees what a Business Center owns, and only the word of one who is known to be Admin counts here.
fn is_owned(diagnosis: &Diagnosis) -> bool {
    [Check::AdAccountOwned, Check::BusinessCenterAdmin]
        .into_iter()
        .all(|check| diagnosis.findings.iter().any(|one| one.check == check && one.answer == Answer::Passed))
}

fn weigh(account: &AdAccount, learnt: &Learnt) -> Preflight {
    let business_center = business_center::named(account, learnt.name.clone(), learnt.known.name.clone());
    let fixers = learnt.admins.clone().filter(|names| !names.is_empty()).unwrap_or(learnt.known.admins.clone());
    let in_the_way = learnt.diagnoses().find_map(consent_cannot_help);
    let in_the_way = in_the_way.map(|cause| cause.clone().with_names(&business_center, &fixers));
    let verdict = if in_the_way.is_none() && learnt.diagnoses().any(is_owned) {
        Verdict::ConsentWillHelp
    } else {
        Verdict::Unknown
    };
    let names = Names {
        ad_account: &account.name,
        advertiser_id: &account.advertiser_id,
        business_center: &business_center,
        admins: &fixers,
    };
    let checklist = checklist(&told(learnt), names);
    Preflight { verdict, business_center, fixers, checklist, in_the_way }
}

/// The findings for the checklist: about the ad account itself from whichever grant could see it, about the last consent
/// from the account's own grant.
fn told(learnt: &Learnt) -> Vec<Finding> {
    let is_about_the_account = |finding: &&Finding| {
        matches!(finding.check, Check::AdAccountOwned | Check::AdAccountUsable)
            && finding.answer != Answer::Inconclusive
    };
    let of = |diagnosis: &Option<Diagnosis>| diagnosis.iter().flat_map(|one| one.findings.clone()).collect::<Vec<_>>();
    let (own, another) = (of(&learnt.own), of(&learnt.another));
    another.iter().filter(is_about_the_account).chain(&own).cloned().collect()
}

#[cfg(test)]
mod tests;
