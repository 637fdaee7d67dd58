//! What a person has under way, in one row: starting an activation adds to it, ending one takes from it.
//!
//! Each activation is an attribute of its own, so that ending one touches no other.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::expression::Expression;
use super::transaction::Transaction;
use super::{Item, key, keys, number};
use domain::activation::Activation;
use domain::ids::{ActivationId, OrgId, UserId};

/// Seconds that the row outlives its youngest activation.
const KEPT: i64 = 3_600;

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

    pub(super) fn from_item(item: &Item) -> Self {
        let int = |value: &AttributeValue| value.as_n().ok().and_then(|n| n.parse::<i64>().ok());
        let revision = item.get("revision").and_then(int).and_then(|n| u64::try_from(n).ok()).unwrap_or_default();
        let expiries = item
            .iter()
            .filter_map(|(name, value)| Some((name.parse().ok()?, Timestamp::from_second(int(value)?).ok()?)))
            .collect();
        Self { revision, expiries }
    }

    fn item_with(&self, activation: &Activation, now: Timestamp) -> Item {
        let (pk, sk) = live_key(&activation.org_id, &activation.started_by);
        let mut item = key(pk, sk);
        let live = self.expiries.iter().filter(|(_, expires_at)| now < **expires_at).map(|(id, at)| (id, *at));
        for (id, expires_at) in live.chain([(&activation.activation_id, activation.expires_at)]) {
            item.insert(id.to_string(), number(expires_at.as_second()));
        }
        item.insert("revision".to_owned(), number(self.revision + 1));
        item.insert("ttl".to_owned(), number(activation.expires_at.as_second() + KEPT));
        item
    }

    /// Nobody wrote the row since it was read.
    fn unseen(&self) -> Expression {
        if self.revision == 0 {
            Expression::new("attribute_not_exists(revision)")
        } else {
            Expression::new("revision = :seen").value(":seen", number(self.revision))
        }
    }
}

pub(super) fn live_key(org_id: &OrgId, user_id: &UserId) -> (String, String) {
    (keys::user(org_id, user_id), keys::LIVE_ACTIVATIONS.to_owned())
}

impl Transaction<'_> {
    /// One more is under way, on condition that `live` is still all there was.
    pub(super) fn goes_live(&mut self, activation: &Activation, live: &LiveActivations, now: Timestamp) -> &mut Self {
        self.put(live.item_with(activation, now), Some(live.unseen()))
    }

    /// One fewer is: the person may start another.
    pub(super) fn no_longer_live(&mut self, closed: &Activation) -> &mut Self {
        let (pk, sk) = live_key(&closed.org_id, &closed.started_by);
        let ended = Expression::new("REMOVE #id SET #ttl = :ttl ADD revision :one")
            .name("#id", closed.activation_id.as_str())
            .name("#ttl", "ttl")
            .value(":ttl", number(closed.expires_at.as_second() + KEPT))
            .value(":one", number(1));
        self.update(key(pk, sk), ended, None)
    }
}
