//! `GET /advertiser/info/`: the details of ad accounts, up to fifty in one question.
//!
//! TikTok refuses a whole batch for the sake of one account in it and leaves open which. Such a batch is halved until
//! the account is found. What a refusal may be held against is therefore only ever an account that was asked about alone,
//! unless it is about the token, which all accounts share.

use std::collections::BTreeMap;
use std::slice::from_ref;

use futures::stream::{self, StreamExt};
use tokio::time::Instant;

use super::client::TikTok;
use super::gather::AT_ONCE;
use super::wire::{List, WireInfo};
use crate::sealing::AccessToken;
use domain::checks::{About, AdAccountInfo, Asked, Endpoint, Refusal};
use domain::ids::AdvertiserId;

/// How many ad accounts are asked about at once. TikTok's own limit is not published.
const BATCH: usize = 50;
/// How many questions may be spent on finding out whom refused batches are about: five accounts among fifty.
const TO_FIND_OUT: usize = 60;

/// A batch and what TikTok said about it.
type Batch<'a> = (&'a [AdvertiserId], Asked<Vec<AdAccountInfo>>);

impl TikTok {
    /// The details of one ad account.
    pub async fn info(&self, token: &AccessToken, account: &AdvertiserId, deadline: Instant) -> Asked<AdAccountInfo> {
        one_of(&self.some_infos(token, from_ref(account), deadline).await, account)
    }

    /// The details of many ad accounts, in their order: one question for fifty, and a bounded number more where batches
    /// are refused. Whom TikTok's refusal is about remains unknown (`NotPermitted`) where that number was not enough.
    pub async fn infos(
        &self,
        token: &AccessToken,
        accounts: &[AdvertiserId],
        deadline: Instant,
    ) -> Vec<(AdvertiserId, Asked<AdAccountInfo>)> {
        let ask = |batch| async move { (batch, self.some_infos(token, batch, deadline).await) };
        let mut batches: Vec<Batch<'_>> =
            stream::iter(accounts.chunks(BATCH)).map(ask).buffered(AT_ONCE).collect().await;
        let mut found = BTreeMap::new();
        let mut left = TO_FIND_OUT;
        while let Some((batch, asked)) = batches.pop() {
            let refusal = asked.refusal().filter(|_| batch.len() > 1);
            let is_about_one = refusal.is_some_and(may_be_about_one);
            if is_about_one && left >= 2 {
                left -= 2;
                let (first, second) = batch.split_at(batch.len() / 2);
                batches.extend(<[_; 2]>::from(futures::join!(ask(first), ask(second))));
                continue;
            }
            for account in batch {
                let known = if is_about_one {
                    Asked { evidence: asked.evidence.clone(), answer: Err(Refusal::NotPermitted) }
                } else {
                    one_of(&asked, account)
                };
                let is_left_out = asked.answer.is_ok() && known.answer.is_err();
                // Alone, an account that a batch leaves out may be refused with a reason.
                if is_left_out && batch.len() > 1 && left > 0 {
                    left -= 1;
                    batches.push(ask(from_ref(account)).await);
                } else {
                    found.insert(account, known);
                }
            }
        }
        accounts.iter().filter_map(|account| Some((account.clone(), found.get(account)?.clone()))).collect()
    }

    async fn some_infos(
        &self,
        token: &AccessToken,
        accounts: &[AdvertiserId],
        deadline: Instant,
    ) -> Asked<Vec<AdAccountInfo>> {
        let ids = serde_json::json!(accounts).to_string();
        let asked =
            self.read::<List<WireInfo>>(Endpoint::AdAccountInfo, token, &[("advertiser_ids", &ids)], deadline).await;
        asked.map(|data| data.list.into_iter().map(AdAccountInfo::from).collect())
    }
}

/// Whether a refusal may be that of a single ad account among those asked about. One that nobody understands may be.
pub(super) fn may_be_about_one(refusal: Refusal) -> bool {
    match refusal.about() {
        About::AdAccount | About::Person => true,
        About::Nothing => refusal.is_clear(),
        About::Token | About::Permission | About::AuthorizationCode | About::App | About::Moment => false,
    }
}

/// What a batch says about one account in it. Code 0 without the account is no answer about it.
fn one_of(asked: &Asked<Vec<AdAccountInfo>>, account: &AdvertiserId) -> Asked<AdAccountInfo> {
    let find = |list: &Vec<AdAccountInfo>| list.iter().find(|info| info.advertiser_id == *account).cloned();
    let answer = match &asked.answer {
        Ok(list) => find(list).ok_or(Refusal::Unavailable),
        Err(refusal) => Err(*refusal),
    };
    Asked { evidence: asked.evidence.clone(), answer }
}
