//! What an import reads and writes: one read for some rows, then one transaction for what changes through them.
//!
//! An account, the grant it points to and the counts of its organisation change together or not at all. Whoever comes
//! second finds [`StoreError::Conflict`], reads again and plans again.

use std::collections::{BTreeMap, HashMap};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ring::digest::{SHA256, digest};

use super::expression::Expression;
use super::rows::{self, StoredGrant};
use super::transaction::LearntCenter;
use super::{StoreError, Table, key, keys, sort_key};
use domain::account::AdAccount;
use domain::grant::Grant;
use domain::ids::{AdvertiserId, BusinessCenterId, GrantId, OrgId};
use domain::transition::Transition;

/// How many rows one transaction holds at most: each may write its account, a Business Center's name, a grant and the
/// holder of its token, beside the counts, and a transaction holds 100 writes.
pub const ROWS_AT_ONCE: usize = 24;

/// What the table knows of the accounts and grants that some rows name.
#[derive(Clone, Debug, Default)]
pub struct Known {
    pub accounts: HashMap<AdvertiserId, AdAccount>,
    pub grants: HashMap<GrantId, Grant>,
}

/// One account that an import makes (`before` is `None`) or changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub before: Option<AdAccount>,
    pub after: AdAccount,
}

impl Change {
    /// The grant that the account begins to point to.
    pub fn joined(&self) -> Option<&GrantId> {
        let before = self.before.as_ref().and_then(|account| account.grant_id.as_ref());
        self.after.grant_id.as_ref().filter(|grant_id| before != Some(*grant_id))
    }

    /// The Business Center's name, if it was not known of this account.
    fn named(&self) -> Option<(&BusinessCenterId, &str)> {
        let before = self.before.as_ref().and_then(|account| account.business_center.name.as_deref());
        let center = &self.after.business_center;
        center.name.as_deref().filter(|name| before != Some(*name)).map(|name| (&center.id, name))
    }
}

/// What becomes of a grant that accounts begin to point to. Each holds as many accounts as the changes beside it say.
#[derive(Clone, Debug)]
pub enum GrantChange {
    /// It comes into being.
    New(StoredGrant),
    /// Nobody pointed to it any more, so it was retired; now it holds a token again.
    Revived(StoredGrant),
    /// It lives, and so many more accounts point to it.
    Joined { grant_id: GrantId, accounts: u64 },
}

/// The same token always makes the same grant of an organisation, so that importing it again finds what is there.
pub fn grant_id_of(org_id: &OrgId, token_fingerprint: &str) -> GrantId {
    let hash = digest(&SHA256, format!("grant/v1|{org_id}|{token_fingerprint}").as_bytes());
    let text = BASE64_URL_SAFE_NO_PAD.encode(hash);
    format!("grt_{}", &text[..22]).try_into().expect("base64url of a hash has 43 characters")
}

impl Table {
    /// One read, for at most 100 accounts and grants.
    pub async fn known(
        &self,
        org_id: &OrgId,
        accounts: &[AdvertiserId],
        grants: &[GrantId],
    ) -> Result<Known, StoreError> {
        let rows = accounts.iter().map(keys::account).chain(grants.iter().map(keys::grant));
        let mut known = Known::default();
        for item in self.get_all(rows.map(|sk| (keys::org(org_id), sk))).await? {
            if sort_key(&item).starts_with(keys::ACCOUNT_PREFIX) {
                let account = rows::account(item)?;
                known.accounts.insert(account.advertiser_id.clone(), account);
            } else {
                let grant = rows::grant(item)?.grant;
                known.grants.insert(grant.grant_id.clone(), grant);
            }
        }
        Ok(known)
    }

    /// One transaction, for at most [`ROWS_AT_ONCE`] changes. `due_at` is when a grant that holds a new token is to be
    /// checked first.
    pub async fn import(
        &self,
        org_id: &OrgId,
        changes: &[Change],
        grants: &[GrantChange],
        due_at: Timestamp,
    ) -> Result<(), StoreError> {
        let mut transaction = self.transaction();
        for Change { before, after } in changes {
            if let Some(before) = before {
                // An import is no news for anybody: no event.
                let (before, after) = (before.clone(), after.clone());
                transaction.transition(&Transition { before, after, event: None, by: None })?;
            } else {
                let absent = Expression::new("attribute_not_exists(pk)");
                transaction.put(rows::account_item(after)?, Some(absent)).count(after, 1);
            }
        }
        for grant in grants {
            match grant {
                GrantChange::New(stored) => {
                    transaction.new_grant(stored, due_at)?;
                }
                GrantChange::Revived(stored) => {
                    let retired = Expression::new("attribute_exists(retired_at)");
                    let holder = keys::token_holder(org_id, &stored.grant.grant_id);
                    transaction
                        .put(rows::grant_item(stored, due_at)?, Some(retired))
                        .put(key(keys::token(&stored.grant.token_fingerprint), holder), None);
                }
                GrantChange::Joined { grant_id, accounts } => {
                    transaction.join_grant(org_id, grant_id, *accounts);
                }
            }
        }
        // A transaction writes a row once, whatever number of accounts names it.
        let names: BTreeMap<_, _> = changes.iter().filter_map(Change::named).collect();
        for (id, name) in names {
            let learnt = LearntCenter { id, name: Some(name), admins: None, came: None, went: None };
            transaction.know_business_center(org_id, &learnt);
        }
        transaction.commit().await
    }
}
