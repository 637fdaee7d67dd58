//! What more than one function reads of an ad account: the account itself, the grant it lives on, its Business Center.

use super::rows::{self, BusinessCenterItem, StoredGrant};
use super::{Item, StoreError, Table, key, keys, sort_key, text};
use domain::account::{AdAccount, Status};
use domain::ids::{AdvertiserId, BusinessCenterId, GrantId, OrgId};

impl Table {
    /// One read.
    pub async fn account(&self, org_id: &OrgId, advertiser_id: &AdvertiserId) -> Result<Option<AdAccount>, StoreError> {
        self.get(keys::org(org_id), keys::account(advertiser_id)).await?.map(rows::account).transpose()
    }

    /// An account and the grant it is believed to have. One read.
    pub async fn account_and_grant(
        &self,
        org_id: &OrgId,
        advertiser_id: &AdvertiserId,
        grant_id: Option<&GrantId>,
    ) -> Result<(Option<AdAccount>, Option<StoredGrant>), StoreError> {
        let account_key = (keys::org(org_id), keys::account(advertiser_id));
        let grant_key = grant_id.map(|id| (keys::org(org_id), keys::grant(id)));
        let (mut account, mut grant) = (None, None);
        for item in self.get_all([account_key].into_iter().chain(grant_key)).await? {
            if sort_key(&item).starts_with(keys::ACCOUNT_PREFIX) {
                account = Some(rows::account(item)?);
            } else {
                grant = Some(rows::grant(item)?);
            }
        }
        Ok((account, grant))
    }

    /// The account's grant and what is known of its Business Center. One read.
    pub async fn grant_of(&self, account: &AdAccount) -> Result<(Option<StoredGrant>, BusinessCenterItem), StoreError> {
        let org = || keys::org(&account.org_id);
        let grant_key = account.grant_id.as_ref().map(|id| (org(), keys::grant(id)));
        let business_center_key = (org(), keys::business_center(&account.business_center.id));
        let (mut grant, mut business_center) = (None, BusinessCenterItem::default());
        for item in self.get_all([business_center_key].into_iter().chain(grant_key)).await? {
            if sort_key(&item).starts_with(keys::BUSINESS_CENTER_PREFIX) {
                business_center = rows::business_center(item)?;
            } else {
                grant = Some(rows::grant(item)?);
            }
        }
        Ok((grant, business_center))
    }

    /// What the organisation knows of a Business Center. One read.
    pub async fn business_center(
        &self,
        org_id: &OrgId,
        id: &BusinessCenterId,
    ) -> Result<BusinessCenterItem, StoreError> {
        let known = self.get(keys::org(org_id), keys::business_center(id)).await?;
        Ok(known.map(rows::business_center).transpose()?.unwrap_or_default())
    }
}

/// The key behind which a query of accounts goes on: of one tab, or of all of them. The account itself need not be there
/// any more.
pub(super) fn start_behind(org_id: &OrgId, tab: Option<Status>, advertiser_id: &AdvertiserId) -> Item {
    let sk = keys::account(advertiser_id);
    let mut start = key(keys::org(org_id), sk.clone());
    if let Some(status) = tab {
        start.insert("status_pk".to_owned(), text(keys::org_status(org_id, status)));
        start.insert("status_sk".to_owned(), text(sk));
    }
    start
}
