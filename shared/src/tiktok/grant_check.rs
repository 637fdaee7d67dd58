//! Checking a whole grant with few questions.
//!
//! First whether the token lives at all. A token that is dead gets one more question, to hear it from a second endpoint; a
//! TikTok that is out of order gets none, so an outage costs one call per grant. Then, side by side, what the token, each
//! original Business Center and the ad accounts say:
//!
//! | Question | How often |
//! |---|---|
//! | `/oauth2/advertiser/get/` | once |
//! | `/bc/get/` | once (50 Business Centers a page); twice more for each original one that it lacks |
//! | `/bc/asset/admin/get/`, `/bc/member/get/` | once per Business Center (50 assets and 20 Admins a page) |
//! | `/advertiser/info/` | once per 50 ad accounts |
//! | `/report/integrated/get/` | once, for an ad account that is another one each time; and once for each one that is struck |
//! | `/user/info/` | once, if wanted |
//! | `/bc/asset/get/` | once per Business Center where ownership is in doubt (50 assets a page) |
//!
//! So a grant in order with fewer than 50 ad accounts in one Business Center takes six calls, or seven with the person,
//! and one with 5,000 takes about two hundred. Where something is wrong with single accounts there are more, up to a fixed
//! number: 60 to find out whom refused batches of details are about, 20 for accounts that the token no longer covers, 20
//! for the reports of those that are struck, two for reports that are refused.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::{OptionFuture, join_all};
use futures::stream::{self, StreamExt};
use tokio::time::Instant;

use super::client::TikTok;
use super::gather::AT_ONCE;
use super::infos::may_be_about_one;
use crate::sealing::AccessToken;
use crate::secrets::AppCredentials;
use domain::checks::{AdAccountInfo, Answer, Asked, Refusal};
use domain::examine::ownership;
use domain::grant_evidence::{Answers, CenterAnswers, CheckEvidence};
use domain::ids::{AdvertiserId, BusinessCenterId};

/// Ad accounts that the token no longer covers are asked about one by one, since TikTok refuses them in batches. It says
/// whether they are gone or just out of reach, which is good to know and not worth a call for each of thousands.
const UNCOVERED: usize = 20;
/// How many ad accounts may be asked for a report until one answer stands for all.
const REPORTS: usize = 3;
/// How many of those that are struck are asked for their own.
const STRUCK: usize = 20;

/// What to ask about one grant.
#[derive(Clone, Copy, Debug)]
pub struct Inquiry<'a> {
    /// All ad accounts under the grant, each with its original Business Center.
    pub accounts: &'a [(AdvertiserId, BusinessCenterId)],
    /// Any number that is another one each time: chooses the ad account whose report is read.
    pub sample: usize,
    /// Ad accounts that are struck: what another one's report says takes nothing back from these.
    pub struck: &'a BTreeSet<AdvertiserId>,
    /// Whether to ask who authorized.
    pub with_person: bool,
}

/// The answers about reports: one for all, and those of accounts that were asked about by themselves.
type Reports = (Option<Asked<()>>, BTreeMap<AdvertiserId, Asked<()>>);

impl TikTok {
    /// Asks about one token and all its ad accounts. What is not answered by `deadline` is inconclusive.
    pub async fn check_evidence(
        &self,
        app: &AppCredentials,
        token: &AccessToken,
        inquiry: Inquiry<'_>,
        deadline: Instant,
    ) -> CheckEvidence {
        let authorized = self.authorized(app, token, deadline).await;
        let mut answers = Answers {
            authorized,
            person: None,
            business_centers: None,
            elsewhere: BTreeMap::new(),
            centers: BTreeMap::new(),
            infos: BTreeMap::new(),
            report: None,
            own_reports: BTreeMap::new(),
        };
        match answers.authorized.refusal() {
            // A missing permission is the token's own, and the other questions tell which.
            None | Some(Refusal::PermissionNotGranted) => self.all_else(token, inquiry, &mut answers, deadline).await,
            Some(Refusal::TokenDead | Refusal::TokenOfAnotherApp) => {
                answers.business_centers = Some(self.business_centers(token, deadline).await);
            }
            Some(_) => {}
        }
        answers.evidence(inquiry.accounts)
    }

    /// The token lives.
    async fn all_else(&self, token: &AccessToken, inquiry: Inquiry<'_>, answers: &mut Answers, deadline: Instant) {
        let is_covered = |account: &AdvertiserId| answers.authorized.value().is_none_or(|list| list.contains(account));
        let (covered, uncovered): (Vec<_>, Vec<_>) =
            inquiry.accounts.iter().partition(|(account, _)| is_covered(account));
        let covered: Vec<AdvertiserId> = covered.iter().map(|(account, _)| account.clone()).collect();
        let centers: BTreeSet<_> = inquiry.accounts.iter().map(|(_, center)| center).collect();
        let centers = stream::iter(centers)
            .map(|center| async move { (center.clone(), self.center_answers(token, center, deadline).await) })
            .buffered(AT_ONCE);
        let person = OptionFuture::from(inquiry.with_person.then(|| self.person(token, deadline)));
        let (business_centers, centers, infos, (report, own_reports), person) = futures::join!(
            self.business_centers(token, deadline),
            centers.collect(),
            self.infos(token, &covered, deadline),
            self.reports(token, &covered, inquiry, deadline),
            person,
        );
        answers.centers = centers;
        for center in inquiry.accounts.iter().map(|(_, center)| center).collect::<BTreeSet<_>>() {
            let elsewhere = self.elsewhere(token, center, &business_centers, deadline).await;
            if let Some(said) = answers.centers.get_mut(center) {
                let owned = said.owned.clone();
                said.owned = self.owned_as_child(token, center, owned, elsewhere.as_ref(), deadline).await;
            }
            answers.elsewhere.extend(elsewhere.map(|elsewhere| (center.clone(), elsewhere)));
        }
        answers.business_centers = Some(business_centers);
        answers.infos = infos.into_iter().collect();
        (answers.report, answers.own_reports) = (report, own_reports);
        answers.person = person;

        let not_owned = |(account, center): &(AdvertiserId, BusinessCenterId)| {
            answers.centers.get(center).is_some_and(|said| ownership(&said.owned, account) == Answer::Failed)
        };
        let in_doubt: BTreeSet<_> =
            inquiry.accounts.iter().filter(|one| not_owned(one)).map(|(_, center)| center).collect();
        // Those that are not owned either are the ones that may be gone for good.
        let (mut to_ask, others): (Vec<_>, Vec<_>) = uncovered.into_iter().partition(|one| not_owned(one));
        to_ask.extend(others);
        let (reachable, infos) = futures::join!(
            join_all(in_doubt.iter().map(|center| self.reachable(token, center, deadline))),
            self.each_info(token, to_ask.iter().map(|(account, _)| account).take(UNCOVERED), deadline),
        );
        for (center, reachable) in in_doubt.into_iter().zip(reachable) {
            answers.centers.entry(center.clone()).and_modify(|said| said.reachable = Some(reachable));
        }
        answers.infos.extend(infos);
    }

    async fn center_answers(&self, token: &AccessToken, center: &BusinessCenterId, deadline: Instant) -> CenterAnswers {
        let (owned, admins) =
            futures::join!(self.owned(token, center, None, deadline), self.admins(token, center, deadline));
        CenterAnswers { owned, admins, reachable: None }
    }

    async fn each_info(
        &self,
        token: &AccessToken,
        accounts: impl Iterator<Item = &AdvertiserId>,
        deadline: Instant,
    ) -> Vec<(AdvertiserId, Asked<AdAccountInfo>)> {
        let ask = |account: &AdvertiserId| {
            let account = account.clone();
            async move {
                let info = self.info(token, &account, deadline).await;
                (account, info)
            }
        };
        stream::iter(accounts).map(ask).buffered(AT_ONCE).collect().await
    }

    /// One report stands for all, since the permission is the token's, and so does the refusal that the token lacks it. Any
    /// other refusal may be about the account that was asked for: it is held against that one alone, and the next one is
    /// asked, up to three. What is struck answers for itself.
    async fn reports(
        &self,
        token: &AccessToken,
        accounts: &[AdvertiserId],
        inquiry: Inquiry<'_>,
        deadline: Instant,
    ) -> Reports {
        let struck: BTreeSet<_> = accounts.iter().filter(|one| inquiry.struck.contains(*one)).take(STRUCK).collect();
        let accounts: Vec<_> = accounts.iter().filter(|one| !struck.contains(one)).cloned().collect();
        let mut own: BTreeMap<_, _> = stream::iter(struck)
            .map(|account| async move { (account.clone(), self.report(token, account, deadline).await) })
            .buffered(AT_ONCE)
            .collect()
            .await;
        let from = inquiry.sample.checked_rem(accounts.len()).unwrap_or_default();
        for account in accounts.iter().cycle().skip(from).take(accounts.len().min(REPORTS)) {
            let report = self.report(token, account, deadline).await;
            if !report.refusal().is_some_and(may_be_about_one) {
                return (Some(report), own);
            }
            own.insert(account.clone(), report);
        }
        (None, own)
    }
}
