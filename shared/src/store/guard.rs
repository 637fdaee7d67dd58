//! The guard's row, what the fleet answered lately, and the pause after throttling.
//!
//! `SWEEP`/`GUARD` is one row. What the fleet answered is spread: ten minutes of answers are eight rows (`TALLY`,
//! `<bucket>#<0..7>`), so that many workers seldom meet at one. Nobody reads the rows but the review, once a minute.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::Deserialize;

use super::rows::{read, written};
use super::transaction::{Expression, Transaction};
use super::{Item, StoreError, Table, key, keys, number, text};
use domain::backoff::Backoff;
use domain::guard::tally::{BUCKET, Numbers, Recount, Tally, bucket_of};
use domain::guard::{Canary, Forced, Guard, GuardEvent, Hearing, hour_of, memory};
use domain::ids::{GrantId, OrgId};
use jiff::SignedDuration;

const LAPSED: &str = "lapsed#";

/// The guard as it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredGuard {
    pub guard: Guard,
    /// Grants that lapsed in the hour of the reading.
    pub lapsed_this_hour: i64,
}

impl StoredGuard {
    pub(super) fn read(item: Item, now: Timestamp) -> Result<Self, StoreError> {
        let this_hour = format!("{LAPSED}{}", hour_of(now));
        let lapsed_this_hour =
            item.get(&this_hour).and_then(|value| value.as_n().ok()?.parse().ok()).unwrap_or_default();
        Ok(Self { guard: read(item)?, lapsed_this_hour })
    }

    pub fn may_lapse(&self, now: Timestamp) -> bool {
        self.guard.may_lapse(self.lapsed_this_hour, now)
    }
}

pub(super) fn guard_key() -> (String, String) {
    (keys::SWEEP.to_owned(), keys::GUARD.to_owned())
}

pub(super) fn backoff_key() -> (String, String) {
    (keys::SWEEP.to_owned(), keys::BACKOFF.to_owned())
}

/// A value for the guard's row.
fn on_guard(value: Result<AttributeValue, serde_dynamo::Error>) -> Result<AttributeValue, StoreError> {
    value.map_err(|error| StoreError::Unreadable { key: keys::GUARD.to_owned(), problem: error.to_string() })
}

impl Table {
    async fn set_on_guard(&self, update: Expression) -> Result<(), StoreError> {
        let (pk, sk) = guard_key();
        self.update_one(key(pk, sk), update).await
    }

    /// An update without a condition.
    pub(super) async fn update_one(&self, row: Item, update: Expression) -> Result<(), StoreError> {
        let Expression { text, names, values } = update;
        self.client
            .update_item()
            .table_name(&self.name)
            .set_key(Some(row))
            .update_expression(text)
            .set_expression_attribute_names((!names.is_empty()).then_some(names))
            .set_expression_attribute_values((!values.is_empty()).then_some(values))
            .send()
            .await?;
        Ok(())
    }
}

impl Table {
    /// The guard; `None` before its first review. One read.
    pub async fn guard(&self, now: Timestamp) -> Result<Option<Guard>, StoreError> {
        let (pk, sk) = guard_key();
        let found = self.get(pk, sk).await?.map(|item| StoredGuard::read(item, now)).transpose()?;
        Ok(found.map(|stored| stored.guard))
    }

    /// What the fleet answered lately. One query.
    pub async fn tally(&self, interval: SignedDuration, now: Timestamp) -> Result<Tally, StoreError> {
        #[derive(Deserialize)]
        struct Row {
            sk: String,
            #[serde(default)]
            grants: i64,
            #[serde(default)]
            struck: i64,
            #[serde(default)]
            newly: i64,
            #[serde(default)]
            accounts: i64,
        }
        let mut tally = Tally::default();
        let mut start = None;
        loop {
            let answer = self
                .client
                .query()
                .table_name(&self.name)
                .consistent_read(true)
                .key_condition_expression("pk = :pk AND sk >= :oldest")
                .expression_attribute_values(":pk", text(keys::TALLY))
                .expression_attribute_values(":oldest", text(keys::tally(bucket_of(now - memory(interval)), 0)))
                .set_exclusive_start_key(start)
                .send()
                .await?;
            for item in answer.items.unwrap_or_default() {
                // `read` wants the keys for its complaint only.
                let Row { sk, grants, struck, newly, accounts } = serde_dynamo::from_item(item).map_err(|error| {
                    StoreError::Unreadable { key: keys::TALLY.to_owned(), problem: error.to_string() }
                })?;
                let bucket = sk.split('#').next().and_then(|bucket| bucket.parse().ok());
                let bucket: i64 = bucket.ok_or_else(|| StoreError::Unreadable {
                    key: format!("{}/{sk}", keys::TALLY),
                    problem: "this is no bucket".to_owned(),
                })?;
                *tally.0.entry(bucket).or_default() += Numbers { grants, struck, newly, accounts };
            }
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(tally);
            }
        }
    }

    /// Writes down a review, with the event if it begins to hold or lets go. One write; a conflict when somebody else
    /// began or ended a hold since `before` was read.
    pub async fn reviewed(&self, before: &Guard, after: &Guard, event: Option<&GuardEvent>) -> Result<(), StoreError> {
        let (pk, sk) = guard_key();
        let at = after.reviewed_at.map(|at| at.to_string()).unwrap_or_default();
        let mut update = Expression::new("SET version = :version, reviewed_at = :at, budget = :budget")
            .value(":version", number(after.version))
            .value(":seen", number(before.version))
            .value(":at", text(at))
            .value(":budget", number(after.budget));
        match (&before.hold, &after.hold) {
            (before, Some(hold)) if *before != Some(*hold) => {
                let hold = on_guard(serde_dynamo::to_attribute_value(hold))?;
                update.text += ", #hold = :hold";
                update = update.name("#hold", "hold").value(":hold", hold);
            }
            (Some(_), None) => {
                update.text += " REMOVE #hold";
                update = update.name("#hold", "hold");
            }
            (_, Some(_)) | (None, None) => {}
        }
        let mut transaction = self.transaction();
        transaction.update(key(pk, sk), update, Some("attribute_not_exists(version) OR version = :seen"));
        if let Some(event) = event {
            transaction.guard_event(event)?;
        }
        transaction.commit().await
    }

    /// What an operator wants from now on; `None` leaves it to the guard. One write.
    pub async fn force(&self, forced: Option<Forced>) -> Result<(), StoreError> {
        let update = match forced {
            None => Expression::new("REMOVE forced"),
            Some(forced) => Expression::new("SET forced = :forced").value(
                ":forced",
                text(match forced {
                    Forced::Hold => "hold",
                    Forced::Release => "release",
                }),
            ),
        };
        self.set_on_guard(update).await
    }

    /// Which organisations have grants, as [`Guard::organisations_with`] has it. One write.
    pub async fn saw_organisations(&self, organisations: &BTreeMap<OrgId, Timestamp>) -> Result<(), StoreError> {
        let seen = on_guard(serde_dynamo::to_attribute_value(organisations))?;
        self.set_on_guard(Expression::new("SET organisations = :seen").value(":seen", seen)).await
    }

    /// Which grant is the canary from now on. One write.
    pub async fn name_canary(&self, canary: &Canary, now: Timestamp) -> Result<(), StoreError> {
        let named = on_guard(serde_dynamo::to_attribute_value(canary))?;
        let update = Expression::new("SET canary = :canary, canary_passed_at = :now REMOVE canary_refused_at")
            .value(":canary", named)
            .value(":now", text(now.to_string()));
        self.set_on_guard(update).await
    }
}

impl Table {
    /// The canary answered. One write.
    pub async fn canary_answered(&self, healthy: bool, now: Timestamp) -> Result<(), StoreError> {
        let attribute = if healthy { "canary_passed_at" } else { "canary_refused_at" };
        let update = Expression::new("SET #answered = :now").name("#answered", attribute);
        self.set_on_guard(update.value(":now", text(now.to_string()))).await
    }

    /// The canary heard that our app is at fault. One write.
    pub async fn canary_heard_app_level(&self, now: Timestamp) -> Result<(), StoreError> {
        self.set_on_guard(Expression::new("SET app_level_at = :now").value(":now", text(now.to_string()))).await
    }

    /// A grant heard that our app is at fault, as [`Guard::app_level_heard`] has it. One write; a conflict when another
    /// grant heard it since `seen` was read.
    pub async fn grant_heard_app_level(&self, seen: &Guard, after: &Guard) -> Result<(), StoreError> {
        let list = |heard: &[Hearing]| on_guard(serde_dynamo::to_attribute_value(heard));
        let mut update = Expression::new("SET app_level_heard = :after").value(":after", list(&after.app_level_heard)?);
        if let Some(at) = after.app_level_at.filter(|_| after.app_level_at != seen.app_level_at) {
            update.text += ", app_level_at = :at";
            update = update.value(":at", text(at.to_string()));
        }
        let condition = if seen.app_level_heard.is_empty() {
            "attribute_not_exists(app_level_heard)"
        } else {
            update = update.value(":seen", list(&seen.app_level_heard)?);
            "app_level_heard = :seen"
        };
        let (pk, sk) = guard_key();
        let mut transaction = self.transaction();
        transaction.update(key(pk, sk), update, Some(condition));
        transaction.commit().await
    }

    /// TikTok throttled us: everybody pauses. One write.
    pub async fn throttled(&self, pause: Backoff) -> Result<(), StoreError> {
        let (pk, sk) = backoff_key();
        self.client.put_item().table_name(&self.name).set_item(Some(written(&pk, &sk, &pause)?)).send().await?;
        Ok(())
    }
}

impl Transaction<'_> {
    /// The history and outbox row of a hold or a release.
    fn guard_event(&mut self, event: &GuardEvent) -> Result<&mut Self, StoreError> {
        let mut item = written(keys::SWEEP, &keys::event(event.version, event.kind.name()), event)?;
        item.insert("due_pk".to_owned(), text(keys::outbox_shard(&event.event_id)));
        item.insert("due_sk".to_owned(), text(format!("{}#{}", event.occurred_at, event.event_id)));
        Ok(self.put(item, Some(Expression::new("attribute_not_exists(pk)"))))
    }

    /// A grant, or what is lost under it, lapses: it counts in this hour, and only while nobody began to hold.
    pub(super) fn claim_lapse(&mut self, seen: &StoredGuard, now: Timestamp) -> &mut Self {
        let (pk, sk) = guard_key();
        let claim = Expression::new("ADD #this_hour :one")
            .name("#this_hour", &format!("{LAPSED}{}", hour_of(now)))
            .value(":one", number(1))
            .value(":seen", number(seen.guard.version))
            .value(":budget", number(seen.guard.budget));
        let still = "version = :seen AND (attribute_not_exists(#this_hour) OR #this_hour < :budget)";
        self.update(key(pk, sk), claim, Some(still))
    }

    /// Where the guard counts a grant.
    pub fn recount(&mut self, grant_id: &GrantId, recount: &Recount, interval: SignedDuration) -> &mut Self {
        for (bucket, change) in &recount.0 {
            let mut adds = Vec::new();
            let mut update = Expression::default();
            for (attribute, by) in [
                ("grants", change.grants),
                ("struck", change.struck),
                ("newly", change.newly),
                ("accounts", change.accounts),
            ] {
                if by != 0 {
                    adds.push(format!("#{attribute} :{attribute}"));
                    update = update.name(&format!("#{attribute}"), attribute);
                    update = update.value(&format!(":{attribute}"), number(by));
                }
            }
            let gone_at = (bucket + 1) * BUCKET.as_secs() + memory(interval).as_secs() + 3_600;
            update.text = format!("SET #ttl = :ttl ADD {}", adds.join(", "));
            update = update.name("#ttl", "ttl").value(":ttl", number(gone_at));
            let row = key(keys::TALLY.to_owned(), keys::tally(*bucket, keys::tally_shard(grant_id)));
            self.update(row, update, None);
        }
        self
    }
}
