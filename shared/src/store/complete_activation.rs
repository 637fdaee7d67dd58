//! What completing an activation reads and writes. Every write states the step it leaves, so that of two completions
//! one finds a conflict, reads again and shows what the other did.
//!
//! `oauth-callback` completes, and `check-grant` goes on where nobody came back. `start-activation` reads the record to
//! show how far an activation is.

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::accounts::start_behind;
use super::expression::Expression;
use super::rows::{self, StoredActivation, StoredGrant, bytes, read, take_bytes, written};
use super::transaction::{LearntCenter, Transaction};
use super::{Item, StoreError, Table, key, keys, number, sort_key, text};
use domain::account::{AdAccount, Status};
use domain::activation::{Activation, ReceiptLine};
use domain::causes::NamedBusinessCenter;
use domain::checks::Evidence;
use domain::grant::Grant;
use domain::ids::{ActivationId, AdvertiserId, BusinessCenterId, GrantId, OrgId};
use domain::scopes::Scopes;
use domain::transition::Transition;

/// A token that TikTok gave us and that is not proven yet. Kept so that a crash or a slow TikTok costs no second consent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Candidate {
    /// The id that the grant will have if it is proven.
    pub grant_id: GrantId,
    pub token_fingerprint: String,
    pub scopes: Scopes,
    /// TikTok's answer to the exchange.
    pub exchange: Evidence,
    #[serde(skip)]
    pub sealed_token: Vec<u8>,
}

/// An activation with everything that belongs to it.
#[derive(Clone, Debug)]
pub struct Record {
    pub stored: StoredActivation,
    pub candidate: Option<Candidate>,
    pub lines: Vec<ReceiptLine>,
}

/// Names that came to light about the account's Business Center.
#[derive(Clone, Copy, Debug)]
pub struct Learnt<'a> {
    pub business_center: &'a NamedBusinessCenter,
    pub admins: Option<&'a [String]>,
}

/// The first account that moves to a new grant, and with it the end of the activation.
#[derive(Clone, Copy, Debug)]
pub struct FirstMove<'a> {
    pub closed: &'a Activation,
    pub lines: &'a [ReceiptLine],
    pub grant: &'a StoredGrant,
    /// When the new grant is to be checked first.
    pub due_at: Timestamp,
    pub account: &'a Transition,
    pub left: Option<&'a Grant>,
    /// The asked-for account, where it is refused and the first to move is a sibling.
    pub refused: Option<&'a Transition>,
    pub learnt: Learnt<'a>,
}

/// A further account that moves to the same grant.
#[derive(Clone, Copy, Debug)]
pub struct FurtherMove<'a> {
    pub activation_id: &'a ActivationId,
    pub grant_id: &'a GrantId,
    pub line: &'a ReceiptLine,
    pub account: &'a Transition,
    pub left: Option<&'a Grant>,
}

impl Table {
    /// The activation, its candidate and its receipt. One read.
    pub async fn activation(&self, activation_id: &ActivationId) -> Result<Option<Record>, StoreError> {
        let rows = Expression::new("pk = :pk").value(":pk", text(keys::activation(activation_id)));
        let mut pages = self.query(rows).consistent_read(true).into_paginator().items().send();
        let (mut stored, mut candidate, mut lines) = (None, None, Vec::new());
        while let Some(item) = pages.next().await {
            let mut item: Item = item?;
            match sort_key(&item) {
                keys::ACTIVATION => stored = Some(rows::activation(item)?),
                keys::CANDIDATE => {
                    let sealed_token = take_bytes(&mut item, "sealed_token").unwrap_or_default();
                    candidate = Some(Candidate { sealed_token, ..read(item)? });
                }
                _ => lines.push(read(item)?),
            }
        }
        Ok(stored.map(|stored| Record { stored, candidate, lines }))
    }

    /// A move without a token: the claim, a lease, an end without a verdict. `write_id` is fresh for each call. One write.
    pub async fn move_on(
        &self,
        from: &StoredActivation,
        to: Activation,
        write_id: &str,
    ) -> Result<StoredActivation, StoreError> {
        let step = from.step + 1;
        let mut item = rows::activation_item(&to, step)?;
        item.insert("write_id".to_owned(), text(write_id));
        let written = self
            .client
            .put_item()
            .table_name(&self.name)
            .set_item(Some(item))
            .condition_expression("#step = :seen")
            .expression_attribute_names("#step", "step")
            .expression_attribute_values(":seen", number(from.step))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match written {
            Ok(_) => Ok(StoredActivation { activation: to, step }),
            Err(error) => match error.as_service_error() {
                // A repeat of our own write whose first answer was lost: it is ours.
                Some(PutItemError::ConditionalCheckFailedException(failed)) => match failed.item() {
                    Some(there)
                        if there.get("write_id").and_then(|id| id.as_s().ok()).is_some_and(|id| id == write_id) =>
                    {
                        Ok(StoredActivation { activation: to, step })
                    }
                    _ => Err(StoreError::Conflict),
                },
                _ => Err(error.into()),
            },
        }
    }

    /// The move that brings the candidate. One transaction.
    pub async fn keep_candidate(
        &self,
        from: &StoredActivation,
        to: Activation,
        candidate: &Candidate,
    ) -> Result<StoredActivation, StoreError> {
        let mut transaction = self.transaction();
        let moved = transaction.step(from, to)?;
        let mut item = written(&keys::activation(&moved.activation.activation_id), keys::CANDIDATE, candidate)?;
        item.insert("sealed_token".to_owned(), bytes(&candidate.sealed_token));
        let gone_at = candidate.exchange.asked_at + domain::activation::PENDING_LIFE;
        item.insert("ttl".to_owned(), number(gone_at.as_second()));
        transaction.put(item, None);
        transaction.commit().await?;
        Ok(moved)
    }

    /// Proven: account, grant, activation, counts and event as one.
    pub async fn commit(&self, from: &StoredActivation, first: FirstMove<'_>) -> Result<StoredActivation, StoreError> {
        let FirstMove { closed, lines, grant, due_at, account, left, refused, learnt } = first;
        let mut transaction = self.transaction();
        let moved = transaction.end(from, closed.clone(), lines)?;
        transaction.transition(account)?;
        if let Some(refused) = refused {
            transaction.transition(refused)?;
        }
        transaction.new_grant(grant, due_at)?;
        if let Some(left) = left {
            transaction.leave_grant(left, grant.grant.granted_at);
        }
        let learnt = LearntCenter {
            id: &learnt.business_center.id,
            name: learnt.business_center.name.as_deref(),
            admins: learnt.admins,
            came: Some(&grant.grant.grant_id),
            went: left.and_then(retiring),
        };
        transaction.know_business_center(&closed.org_id, &learnt);
        transaction.commit().await?;
        Ok(moved)
    }

    /// Ended without a new grant: the candidate goes in the same write. `account` carries the refusal's event.
    pub async fn close(
        &self,
        from: &StoredActivation,
        closed: Activation,
        lines: &[ReceiptLine],
        account: Option<&Transition>,
    ) -> Result<StoredActivation, StoreError> {
        let mut transaction = self.transaction();
        let moved = transaction.end(from, closed, lines)?;
        if let Some(account) = account {
            transaction.transition(account)?;
        }
        transaction.commit().await?;
        Ok(moved)
    }

    /// One sibling, as one transaction of its own.
    pub async fn commit_sibling(&self, further: FurtherMove<'_>, now: Timestamp) -> Result<(), StoreError> {
        let FurtherMove { activation_id, grant_id, line, account, left } = further;
        let mut transaction = self.transaction();
        transaction.transition(account)?;
        transaction.join_grant(&account.after.org_id, grant_id, 1);
        if let Some(left) = left {
            transaction.leave_grant(left, now);
        }
        let id = &account.after.business_center.id;
        let learnt = LearntCenter { id, name: None, admins: None, came: None, went: left.and_then(retiring) };
        transaction.know_business_center(&account.after.org_id, &learnt);
        transaction.put(line_item(activation_id, line)?, None);
        transaction.commit().await
    }

    /// A sibling that stays lapsed.
    pub async fn note_sibling(&self, activation_id: &ActivationId, line: &ReceiptLine) -> Result<(), StoreError> {
        self.client.put_item().table_name(&self.name).set_item(Some(line_item(activation_id, line)?)).send().await?;
        Ok(())
    }

    /// Lapsed accounts of one Business Center: one page, and where the next begins.
    pub async fn lapsed_siblings(
        &self,
        org_id: &OrgId,
        business_center_id: &BusinessCenterId,
        after: Option<&AdvertiserId>,
    ) -> Result<(Vec<AdAccount>, Option<AdvertiserId>), StoreError> {
        let lapsed = Expression::new("status_pk = :lapsed")
            .value(":lapsed", text(keys::org_status(org_id, Status::NeedsConnecting)))
            .value(":bc", text(business_center_id.as_str()));
        let answer = self
            .query(lapsed)
            .index_name(keys::BY_STATUS)
            .filter_expression("business_center_id = :bc")
            .projection_expression("pk, sk")
            .set_exclusive_start_key(after.map(|id| start_behind(org_id, Some(Status::NeedsConnecting), id)))
            .limit(100)
            .send()
            .await?;
        let keys =
            answer.items.unwrap_or_default().into_iter().map(|item| (keys::org(org_id), sort_key(&item).to_owned()));
        let rows = self.get_all(keys).await?;
        let accounts: Result<Vec<_>, _> = rows.into_iter().map(rows::account).collect();
        let next = answer.last_evaluated_key.as_ref().and_then(|item| keys::advertiser_id(sort_key(item)));
        Ok((accounts?.into_iter().filter(|account| !account.is_active()).collect(), next))
    }

    /// Whether any living grant, of whichever organisation, holds this token string.
    pub async fn is_token_held(&self, fingerprint: &str) -> Result<bool, StoreError> {
        let holders = Expression::new("pk = :pk").value(":pk", text(keys::token(fingerprint)));
        let answer = self.query(holders).consistent_read(true).limit(1).send().await?;
        Ok(answer.count > 0)
    }
}

/// The grant, if the account that leaves it is its last.
fn retiring(left: &Grant) -> Option<&GrantId> {
    (left.ad_accounts <= 1).then_some(&left.grant_id)
}

fn line_item(activation_id: &ActivationId, line: &ReceiptLine) -> Result<Item, StoreError> {
    written(&keys::activation(activation_id), &keys::line(&line.advertiser_id), line)
}

impl Transaction<'_> {
    /// The activation moves from the step that was read.
    fn step(&mut self, from: &StoredActivation, to: Activation) -> Result<StoredActivation, StoreError> {
        let step = from.step + 1;
        let seen = Expression::new("#step = :seen").name("#step", "step").value(":seen", number(from.step));
        self.put(rows::activation_item(&to, step)?, Some(seen));
        Ok(StoredActivation { activation: to, step })
    }

    /// The last move: the candidate goes, the receipt comes, and the person may start another.
    fn end(
        &mut self,
        from: &StoredActivation,
        closed: Activation,
        lines: &[ReceiptLine],
    ) -> Result<StoredActivation, StoreError> {
        let pk = keys::activation(&closed.activation_id);
        self.delete(key(pk, keys::CANDIDATE.to_owned()));
        for line in lines {
            self.put(line_item(&closed.activation_id, line)?, None);
        }
        self.no_longer_live(&closed);
        self.step(from, closed)
    }
}
