//! What starting an activation reads and writes: one read for everything keyed by the request, one for the grants that
//! preflight may ask with, one transaction.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::expression::Expression;
use super::live::{LiveActivations, live_key};
use super::rows::{self, BusinessCenterItem, StoredGrant, read, written};
use super::{StoreError, Table, keys, number, sort_key};
use domain::account::AdAccount;
use domain::activation::Activation;
use domain::ids::{AdvertiserId, OrgId, UserId};

/// Among so many other grants of a Business Center the healthiest is looked for. Retired ones are among them.
const OTHER_GRANTS: usize = 20;

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

impl Table {
    /// One read.
    pub async fn start_context(
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

    /// At most two reads.
    pub async fn preflight_grants(&self, account: &AdAccount) -> Result<PreflightGrants, StoreError> {
        let (own, business_center) = self.grant_of(account).await?;
        let others = business_center.grants.iter().filter(|id| Some(*id) != account.grant_id.as_ref());
        let others = others.take(OTHER_GRANTS).map(|id| (keys::org(&account.org_id), keys::grant(id)));
        let others = self.get_all(others.collect::<Vec<_>>()).await?.into_iter().map(rows::grant);
        let others = others.collect::<Result<Vec<_>, _>>()?.into_iter().filter(has_token);
        let mut grants: Vec<_> = own.into_iter().filter(has_token).collect();
        grants.extend(others.max_by_key(|stored| stored.grant.last_proven_at));
        Ok(PreflightGrants { grants, business_center })
    }

    /// One transaction: the activation, the person's live ones, the kept answer.
    pub async fn start(
        &self,
        activation: &Activation,
        live: &LiveActivations,
        kept: Option<(&str, &KeptAnswer)>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut transaction = self.transaction();
        transaction.put(rows::activation_item(activation, 0)?, Some(Expression::new("attribute_not_exists(pk)")));
        transaction.goes_live(activation, live, now);
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

fn has_token(stored: &StoredGrant) -> bool {
    stored.sealed_token.is_some()
}
