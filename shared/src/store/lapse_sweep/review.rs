//! What the guard's review reads and writes, once a minute.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::store::expression::Expression;
use crate::store::guard::{guard_key, on_guard};
use crate::store::rows::written;
use crate::store::transaction::{Transaction, waits_for_bus};
use crate::store::{StoreError, Table, key, keys, number, text};
use domain::guard::tally::{Numbers, Tally, bucket_of};
use domain::guard::{Canary, Guard, GuardEvent, memory};
use domain::ids::OrgId;

impl Table {
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
        let late = Expression::new("pk = :pk AND sk >= :oldest")
            .value(":pk", text(keys::TALLY))
            .value(":oldest", text(keys::tally(bucket_of(now - memory(interval)), 0)));
        let mut tally = Tally::default();
        let mut start = None;
        loop {
            let answer = self.query(late.clone()).consistent_read(true).set_exclusive_start_key(start).send().await?;
            for item in answer.items.unwrap_or_default() {
                // `read` wants the keys for its complaint only.
                let Row { sk, grants, struck, newly, accounts } = serde_dynamo::from_item(item).map_err(|error| {
                    StoreError::Unreadable { key: keys::TALLY.to_owned(), problem: error.to_string() }
                })?;
                let bucket = keys::tally_bucket(&sk).ok_or_else(|| StoreError::Unreadable {
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

impl Transaction<'_> {
    /// The history and outbox row of a hold or a release.
    fn guard_event(&mut self, event: &GuardEvent) -> Result<&mut Self, StoreError> {
        let mut item = written(keys::SWEEP, &keys::event(event.version, event.kind.name()), event)?;
        waits_for_bus(&mut item, &event.event_id, event.occurred_at);
        Ok(self.put(item, Some(Expression::new("attribute_not_exists(pk)"))))
    }
}
