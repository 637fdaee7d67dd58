//! Writing several rows as one: all of them or none. The pieces here are what more than one operation writes.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, Delete, Put, TransactWriteItem, Update};
use jiff::Timestamp;

use super::expression::Expression;
use super::rows::{self, StoredGrant, written};
use super::{Item, StoreError, Table, counts, key, keys, number, text};
use domain::account::{AdAccount, Status};
use domain::events::Event;
use domain::grant::Grant;
use domain::ids::{BusinessCenterId, GrantId, OrgId};
use domain::transition::Transition;

/// How often a transaction is tried that met another one on the same row (the counts, mostly).
const ATTEMPTS: u32 = 5;

/// A transaction in the making. At most 100 rows.
#[derive(Debug)]
pub struct Transaction<'a> {
    table: &'a Table,
    writes: Vec<TransactWriteItem>,
    counts: HashMap<(OrgId, String), i64>,
}

/// News about a Business Center; what is `None` stays as it is.
#[derive(Clone, Copy, Debug)]
pub struct LearntCenter<'a> {
    pub id: &'a BusinessCenterId,
    pub name: Option<&'a str>,
    pub admins: Option<&'a [String]>,
    /// A living grant of an Admin of it.
    pub came: Option<&'a GrantId>,
    /// A grant that is retired.
    pub went: Option<&'a GrantId>,
}

impl Table {
    pub fn transaction(&self) -> Transaction<'_> {
        Transaction { table: self, writes: Vec::new(), counts: HashMap::new() }
    }
}

impl Transaction<'_> {
    pub fn put(&mut self, item: Item, condition: Option<Expression>) -> &mut Self {
        let put = Put::builder().table_name(&self.table.name).set_item(Some(item));
        let put = match condition {
            None => put,
            Some(condition) => {
                let (text, names, values) = condition.parts();
                put.condition_expression(text)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values)
            }
        };
        self.push(put.build().map(|put| TransactWriteItem::builder().put(put).build()))
    }

    /// `condition` uses the names and values of `update`.
    pub fn update(&mut self, key: Item, update: Expression, condition: Option<&str>) -> &mut Self {
        let (text, names, values) = update.parts();
        let update = Update::builder()
            .table_name(&self.table.name)
            .set_key(Some(key))
            .update_expression(text)
            .set_condition_expression(condition.map(str::to_owned))
            .set_expression_attribute_names(names)
            .set_expression_attribute_values(values)
            .build();
        self.push(update.map(|update| TransactWriteItem::builder().update(update).build()))
    }

    pub fn delete(&mut self, key: Item) -> &mut Self {
        let delete = Delete::builder().table_name(&self.table.name).set_key(Some(key)).build();
        self.push(delete.map(|delete| TransactWriteItem::builder().delete(delete).build()))
    }

    pub fn check(&mut self, key: Item, condition: Expression) -> &mut Self {
        let (text, names, values) = condition.parts();
        let check = ConditionCheck::builder()
            .table_name(&self.table.name)
            .set_key(Some(key))
            .condition_expression(text)
            .set_expression_attribute_names(names)
            .set_expression_attribute_values(values)
            .build();
        self.push(check.map(|check| TransactWriteItem::builder().condition_check(check).build()))
    }

    fn push(&mut self, write: Result<TransactWriteItem, aws_smithy_types::error::operation::BuildError>) -> &mut Self {
        // The builders refuse only a missing table, key or expression, and none is missing above.
        self.writes.extend(write);
        self
    }

    /// The account as it shall be, its counts, and the event that tells of it.
    pub fn transition(&mut self, transition: &Transition) -> Result<&mut Self, StoreError> {
        let Transition { before, after, event, by } = transition;
        let unchanged = Expression::new("revision = :seen").value(":seen", number(before.revision));
        self.put(rows::account_item(after)?, Some(unchanged));
        self.count(before, -1);
        self.count(after, 1);
        if let Some(event) = event {
            self.put(event_item(event, by.as_deref())?, Some(Expression::new("attribute_not_exists(pk)")));
        }
        Ok(self)
    }

    /// Adds to (or takes from) the counts, those of the organisation and those of all; what cancels out is not written.
    pub fn count(&mut self, account: &AdAccount, by: i64) {
        *self.counts.entry((account.org_id.clone(), counts::attribute(account))).or_default() += by;
    }

    /// A grant that comes into being.
    pub fn new_grant(&mut self, stored: &StoredGrant, due_at: Timestamp) -> Result<&mut Self, StoreError> {
        let grant = &stored.grant;
        let fresh = || Some(Expression::new("attribute_not_exists(pk)"));
        self.put(rows::grant_item(stored, due_at)?, fresh());
        self.put(key(keys::token(&grant.token_fingerprint), keys::token_holder(&grant.org_id, &grant.grant_id)), None);
        Ok(self)
    }

    /// One more account points to a living grant.
    pub fn join_grant(&mut self, org_id: &OrgId, grant_id: &GrantId, accounts: u64) -> &mut Self {
        self.update(
            key(keys::org(org_id), keys::grant(grant_id)),
            Expression::new("ADD ad_accounts :more").value(":more", number(accounts)),
            Some("attribute_exists(pk) AND attribute_not_exists(retired_at)"),
        )
    }

    /// One account fewer points to it. The last one retires it: its token is deleted in this transaction.
    pub fn leave_grant(&mut self, grant: &Grant, now: Timestamp) -> &mut Self {
        let row = key(keys::org(&grant.org_id), keys::grant(&grant.grant_id));
        if grant.ad_accounts > 1 {
            let one_less = Expression::new("SET ad_accounts = ad_accounts - :one").value(":one", number(1));
            return self.update(row, one_less, Some("ad_accounts > :one"));
        }
        let retire = Expression::new("SET ad_accounts = :none, retired_at = :now REMOVE sealed_token, due_pk, due_sk")
            .value(":none", number(0))
            .value(":one", number(1))
            .value(":now", text(now.to_string()));
        self.update(row, retire, Some("ad_accounts = :one"));
        self.delete(key(keys::token(&grant.token_fingerprint), keys::token_holder(&grant.org_id, &grant.grant_id)))
    }

    /// What was learnt about a Business Center, and which grant of an Admin came or went. Writes nothing if that is nothing.
    pub fn know_business_center(&mut self, org_id: &OrgId, learnt: &LearntCenter<'_>) -> &mut Self {
        let mut sets = Vec::new();
        let mut update = Expression::default();
        if let Some(name) = learnt.name {
            sets.push("#name = :name");
            update = update.name("#name", "name").value(":name", text(name));
        }
        if let Some(admins) = learnt.admins {
            sets.push("admins = :admins");
            update = update.value(":admins", AttributeValue::L(admins.iter().map(text).collect()));
        }
        if let Some(grant_id) = learnt.came {
            sets.push("#came = :is_there");
            update = update.name("#came", grant_id.as_str()).value(":is_there", AttributeValue::Bool(true));
        }
        if !sets.is_empty() {
            update.text = format!("SET {}", sets.join(", "));
        }
        if let Some(grant_id) = learnt.went {
            update.text.push_str(" REMOVE #went");
            update = update.name("#went", grant_id.as_str());
        }
        if update.text.is_empty() {
            return self;
        }
        self.update(key(keys::org(org_id), keys::business_center(learnt.id)), update, None)
    }

    /// Writes all of it, or nothing.
    pub async fn commit(mut self) -> Result<(), StoreError> {
        self.write_counts();
        for attempt in 1..=ATTEMPTS {
            let written =
                self.table.client.transact_write_items().set_transact_items(Some(self.writes.clone())).send().await;
            match written {
                Ok(_) => return Ok(()),
                Err(error) => match cancelled(&error) {
                    Some(Cancelled::Conflict) => return Err(StoreError::Conflict),
                    Some(Cancelled::Contended) if attempt < ATTEMPTS => {
                        tokio::time::sleep(Duration::from_millis(20 << attempt)).await;
                    }
                    Some(Cancelled::Contended) | None => return Err(error.into()),
                },
            }
        }
        Err(StoreError::Unavailable("too much contention".to_owned()))
    }

    fn write_counts(&mut self) {
        let mut by_org: HashMap<OrgId, Vec<(String, i64)>> = HashMap::new();
        for ((org_id, attribute), by) in std::mem::take(&mut self.counts) {
            if by != 0 {
                by_org.entry(org_id).or_default().push((attribute, by));
            }
        }
        for (org_id, changes) in by_org {
            let mut update = Expression::default();
            let mut adds = Vec::new();
            let mut by_status = BTreeMap::new();
            for (place, (attribute, by)) in changes.into_iter().enumerate() {
                if let Some((status, _)) = counts::counted(&attribute) {
                    *by_status.entry(status).or_default() += by;
                }
                adds.push(format!("#c{place} :c{place}"));
                update = update.name(&format!("#c{place}"), &attribute).value(&format!(":c{place}"), number(by));
            }
            update.text = format!("ADD {}", adds.join(", "));
            self.update(key(keys::org(&org_id), keys::COUNTS.to_owned()), update, None);
            self.write_counts_of_all(&org_id, &by_status);
        }
    }

    /// In a partition of its own, so that whoever adds to it has no right to any other row for that.
    fn write_counts_of_all(&mut self, org_id: &OrgId, by_status: &BTreeMap<Status, i64>) {
        let mut update = Expression::default();
        let mut adds = Vec::new();
        for (status, by) in by_status.iter().filter(|(_, by)| **by != 0) {
            let status = status.name();
            adds.push(format!("{status} :{status}"));
            update = update.value(&format!(":{status}"), number(by));
        }
        if !adds.is_empty() {
            update.text = format!("ADD {}", adds.join(", "));
            self.update(key(keys::COUNTS.to_owned(), keys::count_shard(org_id)), update, None);
        }
    }
}

pub fn event_item(event: &Event, by: Option<&str>) -> Result<Item, StoreError> {
    let mut item = written(
        &keys::history(&event.org_id, &event.advertiser_id),
        &keys::event(event.version, event.kind.name()),
        event,
    )?;
    waits_for_bus(&mut item, &event.event_id, event.occurred_at);
    if let Some(by) = by {
        item.insert("by".to_owned(), text(by));
    }
    Ok(item)
}

/// Until the bus has it. Whoever delivers it takes these two away.
pub(super) fn waits_for_bus(event: &mut Item, event_id: &str, occurred_at: Timestamp) {
    event.insert("due_pk".to_owned(), text(keys::outbox_shard(event_id)));
    event.insert("due_sk".to_owned(), text(keys::outbox_at(occurred_at, event_id)));
}

enum Cancelled {
    /// A condition did not hold.
    Conflict,
    /// Another transaction was at one of the rows.
    Contended,
}

fn cancelled<R>(error: &SdkError<TransactWriteItemsError, R>) -> Option<Cancelled> {
    let SdkError::ServiceError(context) = error else { return None };
    match context.err() {
        TransactWriteItemsError::TransactionCanceledException(cancelled) => {
            let has = |code: &str| cancelled.cancellation_reasons().iter().any(|reason| reason.code() == Some(code));
            if has("ConditionalCheckFailed") {
                Some(Cancelled::Conflict)
            } else if has("TransactionConflict") || has("ThrottlingError") || has("ProvisionedThroughputExceeded") {
                Some(Cancelled::Contended)
            } else {
                None
            }
        }
        TransactWriteItemsError::TransactionInProgressException(_) => Some(Cancelled::Contended),
        _ => None,
    }
}
