//! What starting an activation reads and writes: one read for everything keyed by the request, one for the grants that
//! preflight may ask with, one transaction.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::complete_activation::{CompleteActivations, Record};
use super::rows::{self, BusinessCenterItem, StoredGrant, read, written};
use super::transaction::Expression;
use super::{Item, StoreError, Table, keys, number, sort_key};
use domain::account::AdAccount;
use domain::activation::Activation;
use domain::ids::{ActivationId, AdvertiserId, OrgId, UserId};

/// Among so many other grants of a Business Center the healthiest is looked for. Retired ones are among them.
const OTHER_GRANTS: usize = 20;

/// What a person has under way. Each activation is an attribute of its own, so that ending one touches no other.
#[derive(Clone, Debug, Default)]
pub struct LiveActivations {
    /// Which write this is; a start states the one it has seen.
    revision: u64,
    expiries: BTreeMap<ActivationId, Timestamp>,
}

impl LiveActivations {
    pub fn count(&self, now: Timestamp) -> usize {
        self.expiries.values().filter(|expires_at| now < **expires_at).count()
    }

    /// When the next one ends by itself.
    pub fn next_expiry(&self, now: Timestamp) -> Option<Timestamp> {
        self.expiries.values().copied().filter(|expires_at| now < *expires_at).min()
    }

    fn from_item(item: &Item) -> Self {
        let int =
            |value: &aws_sdk_dynamodb::types::AttributeValue| value.as_n().ok().and_then(|n| n.parse::<i64>().ok());
        let revision = item.get("revision").and_then(int).and_then(|n| u64::try_from(n).ok()).unwrap_or_default();
        let expiries = item
            .iter()
            .filter_map(|(name, value)| Some((name.parse().ok()?, Timestamp::from_second(int(value)?).ok()?)))
            .collect();
        Self { revision, expiries }
    }

    fn item_with(&self, activation: &Activation, now: Timestamp) -> Item {
        let (pk, sk) = live_key(&activation.org_id, &activation.started_by);
        let mut item = super::key(pk, sk);
        let live = self.expiries.iter().filter(|(_, expires_at)| now < **expires_at).map(|(id, at)| (id, *at));
        for (id, expires_at) in live.chain([(&activation.activation_id, activation.expires_at)]) {
            item.insert(id.to_string(), number(expires_at.as_second()));
        }
        item.insert("revision".to_owned(), number(self.revision + 1));
        item.insert("ttl".to_owned(), number(activation.expires_at.as_second() + 3_600));
        item
    }
}

pub(super) fn live_key(org_id: &OrgId, user_id: &UserId) -> (String, String) {
    (keys::user(org_id, user_id), keys::LIVE_ACTIVATIONS.to_owned())
}

/// The answer that an Idempotency-Key got, sealed because it holds the state, and a hash of the request it answered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KeptAnswer {
    pub request_hash: String,
    pub sealed_answer: String,
    /// Unix seconds.
    pub expires_at: i64,
    pub ttl: i64,
}

/// Everything that is keyed by the request itself.
#[derive(Clone, Debug, Default)]
pub struct StartContext {
    pub account: Option<AdAccount>,
    pub live: LiveActivations,
    pub kept: Option<KeptAnswer>,
}

/// Grants that can tell something about an account before anybody signs in.
#[derive(Clone, Debug, Default)]
pub struct PreflightGrants {
    /// The account's own grant first, then the one of an Admin of the same Business Center that was proven last. Only
    /// such that still have a token.
    pub grants: Vec<StoredGrant>,
    pub business_center: BusinessCenterItem,
}

pub trait StartActivations {
    /// One read.
    fn start_context(
        &self,
        org_id: &OrgId,
        advertiser_id: &AdvertiserId,
        user_id: &UserId,
        idempotency_key: Option<&str>,
    ) -> impl Future<Output = Result<StartContext, StoreError>> + Send;
    /// At most two reads.
    fn preflight_grants(&self, account: &AdAccount)
    -> impl Future<Output = Result<PreflightGrants, StoreError>> + Send;
    /// One transaction: the activation, the person's live ones, the kept answer.
    fn start(
        &self,
        activation: &Activation,
        live: &LiveActivations,
        kept: Option<(&str, &KeptAnswer)>,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

impl StartActivations for Table {
    async fn start_context(
        &self,
        org_id: &OrgId,
        advertiser_id: &AdvertiserId,
        user_id: &UserId,
        idempotency_key: Option<&str>,
    ) -> Result<StartContext, StoreError> {
        let account = (keys::org(org_id), keys::account(advertiser_id));
        let kept = idempotency_key.map(|key| (keys::user(org_id, user_id), keys::idempotency(key)));
        let mut context = StartContext::default();
        for item in self.get_all([account, live_key(org_id, user_id)].into_iter().chain(kept)).await? {
            match sort_key(&item) {
                keys::LIVE_ACTIVATIONS => context.live = LiveActivations::from_item(&item),
                sk if sk.starts_with(keys::ACCOUNT_PREFIX) => context.account = Some(rows::account(item)?),
                _ => context.kept = Some(read(item)?),
            }
        }
        Ok(context)
    }

    async fn preflight_grants(&self, account: &AdAccount) -> Result<PreflightGrants, StoreError> {
        let org = || keys::org(&account.org_id);
        let own = account.grant_id.as_ref().map(|id| (org(), keys::grant(id)));
        let business_center = (org(), keys::business_center(&account.business_center.id));
        let mut found = PreflightGrants::default();
        for item in self.get_all([business_center].into_iter().chain(own)).await? {
            if sort_key(&item).starts_with("BC#") {
                found.business_center = rows::business_center(item)?;
            } else {
                found.grants.push(rows::grant(item)?);
            }
        }
        found.grants.retain(|stored| stored.sealed_token.is_some());
        let others = found.business_center.grants.iter().filter(|id| Some(*id) != account.grant_id.as_ref());
        let keys: Vec<_> = others.take(OTHER_GRANTS).map(|id| (org(), keys::grant(id))).collect();
        let others: Result<Vec<_>, _> = self.get_all(keys).await?.into_iter().map(rows::grant).collect();
        let living = others?.into_iter().filter(|stored| stored.sealed_token.is_some());
        found.grants.extend(living.max_by_key(|stored| stored.grant.last_proven_at));
        Ok(found)
    }

    async fn start(
        &self,
        activation: &Activation,
        live: &LiveActivations,
        kept: Option<(&str, &KeptAnswer)>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut transaction = self.transaction();
        transaction.put(rows::activation_item(activation, 0)?, Some(Expression::new("attribute_not_exists(pk)")));
        let unseen = if live.revision == 0 {
            Expression::new("attribute_not_exists(revision)")
        } else {
            Expression::new("revision = :seen").value(":seen", number(live.revision))
        };
        transaction.put(live.item_with(activation, now), Some(unseen));
        if let Some((key, answer)) = kept {
            let item =
                written(&keys::user(&activation.org_id, &activation.started_by), &keys::idempotency(key), answer)?;
            let free = Expression::new("attribute_not_exists(pk) OR expires_at <= :now")
                .value(":now", number(now.as_second()));
            transaction.put(item, Some(free));
        }
        transaction.commit().await
    }
}

/// What following an activation reads.
pub trait FollowActivations {
    /// One read.
    fn activation(
        &self,
        activation_id: &ActivationId,
    ) -> impl Future<Output = Result<Option<Record>, StoreError>> + Send;
    /// One read.
    fn account(
        &self,
        org_id: &OrgId,
        advertiser_id: &AdvertiserId,
    ) -> impl Future<Output = Result<Option<AdAccount>, StoreError>> + Send;
}

impl FollowActivations for Table {
    async fn activation(&self, activation_id: &ActivationId) -> Result<Option<Record>, StoreError> {
        CompleteActivations::record(self, activation_id).await
    }

    async fn account(&self, org_id: &OrgId, advertiser_id: &AdvertiserId) -> Result<Option<AdAccount>, StoreError> {
        self.get(keys::org(org_id), keys::account(advertiser_id)).await?.map(rows::account).transpose()
    }
}
