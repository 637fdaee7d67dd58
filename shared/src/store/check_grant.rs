//! What checking a grant reads and writes. For a grant under which nothing changed that is one read, one query and one
//! write; ad accounts that move cost one more read and one write for every [`MOVED_AT_ONCE`] of them.
//!
//! Every write states the due time and the token that were seen. Whoever comes second (a message that was delivered
//! twice, a run that overlaps another) finds that the due time moved, and does nothing.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use tracing::error;

use super::expression::Expression;
use super::guard::{StoredGuard, guard_key, on_guard};
use super::rows::{self, BusinessCenterItem, StoredGrant, bytes, read, written};
use super::transaction::{LearntCenter, Transaction};
use super::{Item, StoreError, Table, key, keys, number, sort_key, text};
use crate::logging::chain;
use domain::account::AdAccount;
use domain::backoff::Backoff;
use domain::checks::{Membership, Person};
use domain::grant::Grant;
use domain::grant_check::{CheckState, Outcome, Revocation, Watched};
use domain::guard::tally::{BUCKET, Recount};
use domain::guard::{Guard, Hearing, memory};
use domain::ids::{AdvertiserId, BusinessCenterId, GrantId, OrgId};
use domain::transition::Transition;

/// Each account that moves is two rows, and a transaction holds 100.
pub const MOVED_AT_ONCE: usize = 40;
/// Rows that one read gets.
const AT_ONCE: usize = 100;
/// How long the numbers of a run are kept.
const RUN_KEPT: SignedDuration = SignedDuration::from_hours(24);

/// A grant as its check begins.
#[derive(Clone, Debug)]
pub struct GrantToCheck {
    pub stored: StoredGrant,
    pub state: CheckState,
    /// As the table writes it.
    pub due: String,
}

impl GrantToCheck {
    /// When it was due as it was read.
    fn due_sk(&self) -> String {
        keys::due_at(&self.due, &self.stored.grant.org_id, &self.stored.grant.grant_id)
    }
}

/// What a check begins with.
#[derive(Clone, Debug, Default)]
pub struct Beginning {
    /// `None` if there is none that lives.
    pub grant: Option<GrantToCheck>,
    /// `None` before its first review, and where it cannot be read.
    pub guard: Option<StoredGuard>,
    pub backoff: Option<Backoff>,
}

/// What the organisation knows of Business Centers.
pub type KnownCenters = HashMap<BusinessCenterId, BusinessCenterItem>;

/// News of a Business Center.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CenterNews {
    pub id: BusinessCenterId,
    pub name: Option<String>,
    pub admins: Option<Vec<String>>,
}

/// What TikTok proved about the grant.
#[derive(Clone, Debug)]
pub struct Proof {
    pub at: Timestamp,
    pub authorized_by: Option<Person>,
    pub business_centers: Vec<Membership>,
}

/// A stored token that is sealed with another key from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedAgain {
    /// What was opened: nothing that came in between is written over.
    pub before: Vec<u8>,
    pub after: Vec<u8>,
}

/// How a check ends for the grant itself.
#[derive(Clone, Debug)]
pub struct Ending<'a> {
    pub state: &'a CheckState,
    /// Written only where the token still lies as it was opened.
    pub sealed_again: Option<&'a SealedAgain>,
    pub revocation: Revocation,
    pub next_due: Timestamp,
    pub proof: Option<&'a Proof>,
    pub centers: &'a [CenterNews],
    pub recount: &'a Recount,
    pub interval: SignedDuration,
    pub run: &'a str,
    pub outcome: Outcome,
    pub accounts: usize,
    pub now: Timestamp,
}

impl Table {
    /// One read.
    pub async fn begin(&self, org_id: &OrgId, grant_id: &GrantId, now: Timestamp) -> Result<Beginning, StoreError> {
        let grant_key = (keys::org(org_id), keys::grant(grant_id));
        let mut beginning = Beginning::default();
        for item in self.get_all([grant_key, guard_key(), backoff_key()]).await? {
            match sort_key(&item) {
                keys::GUARD => {
                    // Without it nothing lapses; everything else goes on.
                    let unreadable = |problem: &StoreError| error!(reason = chain(problem), "The guard cannot be read");
                    beginning.guard = StoredGuard::read(item, now).inspect_err(unreadable).ok();
                }
                keys::BACKOFF => {
                    // TikTok itself says again when it wants a pause.
                    let unreadable = |problem: &StoreError| error!(reason = chain(problem), "The pause cannot be read");
                    beginning.backoff = read(item).inspect_err(unreadable).ok();
                }
                _ => beginning.grant = to_check(item)?,
            }
        }
        Ok(beginning)
    }

    /// Every ad account under the grant. One query for each MiB, which is several thousand accounts.
    pub async fn watched(&self, org_id: &OrgId, grant_id: &GrantId) -> Result<Vec<Watched>, StoreError> {
        let under = Expression::new("grant_pk = :grant").value(":grant", text(keys::accounts_of(org_id, grant_id)));
        let mut watched = Vec::new();
        let mut start = None;
        loop {
            let answer =
                self.query(under.clone()).index_name(keys::BY_GRANT).set_exclusive_start_key(start).send().await?;
            for item in answer.items.unwrap_or_default() {
                watched.push(read(item)?);
            }
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(watched);
            }
        }
    }

    /// Accounts in full, and what is known of Business Centers, at most 100 together. One read.
    pub async fn accounts(
        &self,
        org_id: &OrgId,
        ids: &[AdvertiserId],
        centers: &[BusinessCenterId],
    ) -> Result<(Vec<AdAccount>, KnownCenters), StoreError> {
        let rows = ids.iter().map(keys::account).chain(centers.iter().map(keys::business_center));
        let (mut accounts, mut known) = (Vec::new(), KnownCenters::new());
        for item in self.get_all(rows.map(|sk| (keys::org(org_id), sk))).await? {
            match keys::business_center_id(sort_key(&item)) {
                Some(id) => drop(known.insert(id, rows::business_center(item)?)),
                None => accounts.push(rows::account(item)?),
            }
        }
        Ok((accounts, known))
    }

    /// Some of the accounts move; `claim` is the guard as it was seen, where something lapses for the first time in this
    /// check. One transaction.
    pub async fn move_some(
        &self,
        grant: &GrantToCheck,
        moves: &[Transition],
        claim: Option<&StoredGuard>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut transaction = self.transaction();
        for one in moves {
            transaction.transition(one)?;
        }
        if let Some(guard) = claim {
            transaction.claim_lapse(guard, now);
        }
        let condition = Expression::new(STILL_THE_SAME)
            .value(":tested", number(grant.stored.grant.token_version))
            .value(":due", text(grant.due_sk()));
        transaction.check(grant_key(&grant.stored.grant), condition);
        transaction.commit().await
    }

    /// The last of the accounts move, and the check is over. One transaction.
    pub async fn finish(
        &self,
        grant: &GrantToCheck,
        moves: &[Transition],
        claim: Option<&StoredGuard>,
        ending: &Ending<'_>,
    ) -> Result<(), StoreError> {
        let mut transaction = self.transaction();
        for one in moves {
            transaction.transition(one)?;
        }
        if let Some(guard) = claim {
            transaction.claim_lapse(guard, ending.now);
        }
        transaction.end_check(grant, ending)?;
        transaction.commit().await
    }

    /// Nothing could be asked: the check is due again later, and nothing else changes. One write.
    pub async fn put_off(&self, grant: &GrantToCheck, until: Timestamp) -> Result<(), StoreError> {
        let Grant { org_id, grant_id, token_version, .. } = &grant.stored.grant;
        let mut transaction = self.transaction();
        let later = Expression::new("SET due_sk = :later")
            .value(":later", text(keys::due_at(until, org_id, grant_id)))
            .value(":tested", number(*token_version))
            .value(":due", text(grant.due_sk()));
        transaction.update(grant_key(&grant.stored.grant), later, Some(STILL_THE_SAME));
        transaction.commit().await
    }

    /// Whether a living grant, of whichever organisation, holds the same token string as this one and was given at this
    /// time or later. One query, and one read for every hundred other holders.
    pub async fn is_held_since(&self, grant: &Grant, since: Timestamp) -> Result<bool, StoreError> {
        let own = keys::token_holder(&grant.org_id, &grant.grant_id);
        let holders = Expression::new("pk = :pk").value(":pk", text(keys::token(&grant.token_fingerprint)));
        let mut pages = self.query(holders).consistent_read(true).into_paginator().items().send();
        let mut others = Vec::new();
        while let Some(item) = pages.next().await {
            let item = item?;
            others.extend(Some(sort_key(&item)).filter(|sk| *sk != own).and_then(keys::held_by));
        }
        for some in others.chunks(AT_ONCE) {
            for item in self.get_all(some.iter().cloned()).await? {
                let other = rows::grant(item)?.grant;
                if other.is_living() && other.granted_at >= since {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

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

/// Nobody checked the grant, gave it another token or retired it since it was read.
const STILL_THE_SAME: &str = "token_version = :tested AND due_sk = :due AND attribute_not_exists(retired_at)";

fn backoff_key() -> (String, String) {
    (keys::SWEEP.to_owned(), keys::BACKOFF.to_owned())
}

fn grant_key(grant: &Grant) -> Item {
    key(keys::org(&grant.org_id), keys::grant(&grant.grant_id))
}

fn to_check(item: Item) -> Result<Option<GrantToCheck>, StoreError> {
    #[derive(Deserialize)]
    struct Checks {
        #[serde(default)]
        check: CheckState,
        #[serde(default)]
        due_sk: Option<String>,
    }
    let Checks { check, due_sk } = read(item.clone())?;
    let stored = rows::grant(item)?;
    // A retired grant is never due.
    let due = due_sk.map(|due_sk| keys::due_parts(&due_sk).0.to_owned());
    Ok(due.filter(|_| stored.grant.is_living()).map(|due| GrantToCheck { stored, state: check, due }))
}

impl Transaction<'_> {
    fn end_check(&mut self, grant: &GrantToCheck, ending: &Ending<'_>) -> Result<&mut Self, StoreError> {
        let Grant { org_id, grant_id, token_version, .. } = &grant.stored.grant;
        let unreadable = |error: serde_dynamo::Error| StoreError::Unreadable {
            key: keys::grant(grant_id),
            problem: error.to_string(),
        };
        let mut update = Expression::new("SET #check = :check, due_sk = :next")
            .name("#check", "check")
            .value(":check", serde_dynamo::to_attribute_value(ending.state).map_err(unreadable)?)
            .value(":next", text(keys::due_at(ending.next_due, org_id, grant_id)))
            .value(":tested", number(*token_version))
            .value(":due", text(grant.due_sk()));
        if let Some(proof) = ending.proof {
            update.text += ", last_proven_at = :proven, business_centers = :centers";
            update = update
                .value(":proven", text(proof.at.to_string()))
                .value(":centers", serde_dynamo::to_attribute_value(&proof.business_centers).map_err(unreadable)?);
            if let Some(person) = &proof.authorized_by {
                update.text += ", authorized_by = :person";
                update = update.value(":person", serde_dynamo::to_attribute_value(person).map_err(unreadable)?);
            }
        }
        let mut condition = STILL_THE_SAME.to_owned();
        if let Some(SealedAgain { before, after }) = ending.sealed_again {
            update.text += ", sealed_token = :sealed";
            condition += " AND sealed_token = :opened";
            update = update.value(":sealed", bytes(after)).value(":opened", bytes(before));
        }
        self.update(grant_key(&grant.stored.grant), update, Some(&condition));
        for center in ending.centers {
            let learnt = LearntCenter {
                id: &center.id,
                name: center.name.as_deref(),
                admins: center.admins.as_deref(),
                came: Some(grant_id),
                went: None,
            };
            self.know_business_center(org_id, &learnt);
        }
        self.recount(grant_id, ending.recount, ending.interval);
        let mut counts = "SET #ttl = :ttl ADD #outcome :one, checked :one, ad_accounts :accounts".to_owned();
        if ending.sealed_again.is_some() {
            counts += ", sealed_again :one";
        }
        counts += match ending.revocation {
            Revocation::NotOrdered => "",
            Revocation::Done => ", revoked :one",
            Revocation::Withheld | Revocation::Outstanding => ", not_revoked :one",
        };
        let report = Expression::new(&counts)
            .name("#ttl", "ttl")
            .name("#outcome", ending.outcome.name())
            .value(":one", number(1))
            .value(":accounts", number(ending.accounts))
            .value(":ttl", number((ending.now + RUN_KEPT).as_second()));
        let row = key(keys::SWEEP.to_owned(), keys::run(ending.run, keys::tally_shard(grant_id)));
        Ok(self.update(row, report, None))
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
