//! What can be told before anybody signs in to TikTok: whether signing in will help, who can fix what is in the way, and the
//! help page's checklist. Whatever is not known is `unknown` and stops nobody.

use serde::Serialize;

use super::account::AdAccount;
use super::business_center;
use super::causes::{Cause, NamedBusinessCenter};
use super::checklist::{Line, Names, checklist};
use super::checks::{Answer, Check, Finding};
use super::diagnosis::{Diagnosis, consent_cannot_help};

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
pub struct Learnt {
    /// The account's own grant.
    pub own: Option<Diagnosis>,
    /// The grant of another Admin, if it was asked.
    pub another: Option<Diagnosis>,
    /// What the organisation knew of the Business Center before: its name, and its Admins'.
    pub known_name: Option<String>,
    pub known_admins: Vec<String>,
    /// As TikTok names it today.
    pub name: Option<String>,
    /// As TikTok names them today; `None` where nobody could see them.
    pub admins: Option<Vec<String>>,
}

impl Learnt {
    fn diagnoses(&self) -> impl Iterator<Item = &Diagnosis> {
        self.own.iter().chain(&self.another)
    }

    /// Whether it is known who owns the ad account, or that it is gone: no other grant can add anything.
    pub fn is_settled(&self) -> bool {
        self.diagnoses().any(|diagnosis| is_owned(diagnosis) || consent_cannot_help(diagnosis).is_some())
    }
}

/// Only an Admin sees what a Business Center owns, and only the word of one who is known to be Admin counts here.
fn is_owned(diagnosis: &Diagnosis) -> bool {
    [Check::AdAccountOwned, Check::BusinessCenterAdmin]
        .into_iter()
        .all(|check| diagnosis.findings.iter().any(|one| one.check == check && one.answer == Answer::Passed))
}

/// What to tell before anybody signs in.
pub fn weigh(account: &AdAccount, learnt: &Learnt) -> Preflight {
    let business_center = business_center::named(account, learnt.name.clone(), learnt.known_name.clone());
    let fixers = learnt.admins.clone().filter(|names| !names.is_empty()).unwrap_or(learnt.known_admins.clone());
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
