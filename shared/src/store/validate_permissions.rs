//! What judging a stored grant reads and writes.

use jiff::Timestamp;

use super::rows::{self, BusinessCenterItem, StoredGrant};
use super::transaction::{Expression, LearntCenter};
use super::{StoreError, Table, key, keys, number, sort_key, text};
use domain::account::AdAccount;
use domain::checks::{Membership, Person};
use domain::grant::Grant;
use domain::ids::{AdvertiserId, OrgId};
use domain::transition::Transition;

/// What TikTok proved about a grant, beside the account that was asked about.
#[derive(Clone, Debug)]
pub struct GrantProven<'a> {
    pub at: Timestamp,
    pub authorized_by: Option<&'a Person>,
    pub business_centers: Vec<Membership>,
    /// Names of the Admins of the account's Business Center, where somebody could see them.
    pub admins: Option<&'a [String]>,
}

pub trait RecordVerdicts {
    /// One read.
    fn account(
        &self,
        org_id: &OrgId,
        advertiser_id: &AdvertiserId,
    ) -> impl Future<Output = Result<Option<AdAccount>, StoreError>> + Send;
    /// The account's grant and what is known of its Business Center. One read.
    fn grant_of(
        &self,
        account: &AdAccount,
    ) -> impl Future<Output = Result<(Option<StoredGrant>, BusinessCenterItem), StoreError>> + Send;
    /// The account moves (or only its findings do), on condition that the grant still holds the token that was tested.
    /// `proven` is given only when TikTok answered and everything held. One transaction.
    fn record(
        &self,
        account: &Transition,
        tested: &Grant,
        proven: Option<GrantProven<'_>>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

impl RecordVerdicts for Table {
    async fn account(&self, org_id: &OrgId, advertiser_id: &AdvertiserId) -> Result<Option<AdAccount>, StoreError> {
        self.get(keys::org(org_id), keys::account(advertiser_id)).await?.map(rows::account).transpose()
    }

    async fn grant_of(&self, account: &AdAccount) -> Result<(Option<StoredGrant>, BusinessCenterItem), StoreError> {
        let org = || keys::org(&account.org_id);
        let grant_key = account.grant_id.as_ref().map(|id| (org(), keys::grant(id)));
        let business_center_key = (org(), keys::business_center(&account.business_center.id));
        let (mut grant, mut business_center) = (None, BusinessCenterItem::default());
        for item in self.get_all([business_center_key].into_iter().chain(grant_key)).await? {
            if sort_key(&item).starts_with("BC#") {
                business_center = rows::business_center(item)?;
            } else {
                grant = Some(rows::grant(item)?);
            }
        }
        Ok((grant, business_center))
    }

    async fn record(
        &self,
        account: &Transition,
        tested: &Grant,
        proven: Option<GrantProven<'_>>,
    ) -> Result<(), StoreError> {
        let mut transaction = self.transaction();
        transaction.transition(account)?;
        let row = key(keys::org(&tested.org_id), keys::grant(&tested.grant_id));
        let version = number(tested.token_version);
        match proven {
            None => {
                transaction.check(row, Expression::new("token_version = :tested").value(":tested", version));
            }
            Some(GrantProven { at, authorized_by, business_centers, admins }) => {
                let centers = serde_dynamo::to_attribute_value(&business_centers).map_err(|error| {
                    StoreError::Unreadable { key: keys::grant(&tested.grant_id), problem: error.to_string() }
                })?;
                let mut update = Expression::new("SET last_proven_at = :now, business_centers = :centers")
                    .value(":tested", version)
                    .value(":now", text(at.to_string()))
                    .value(":centers", centers);
                if let Some(person) = authorized_by {
                    let person = serde_dynamo::to_attribute_value(person).map_err(|error| StoreError::Unreadable {
                        key: keys::grant(&tested.grant_id),
                        problem: error.to_string(),
                    })?;
                    update.text += ", authorized_by = :person";
                    update = update.value(":person", person);
                }
                transaction.update(row, update, Some("token_version = :tested AND attribute_not_exists(retired_at)"));
                let center = &account.after.business_center;
                let name = business_centers.iter().find(|one| one.business_center_id == center.id).map(|one| &one.name);
                let learnt = LearntCenter {
                    id: &center.id,
                    name: name.or(center.name.as_ref()).map(String::as_str),
                    admins,
                    came: Some(&tested.grant_id),
                    went: None,
                };
                transaction.know_business_center(&tested.org_id, &learnt);
            }
        }
        transaction.commit().await
    }
}
