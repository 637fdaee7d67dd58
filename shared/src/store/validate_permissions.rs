//! What validating permissions writes: the verdict on one ad account, and what TikTok proved about its grant. It reads what
//! others read too, see [`super::accounts`].

use jiff::Timestamp;

use super::expression::Expression;
use super::transaction::LearntCenter;
use super::{StoreError, Table, key, keys, number, text};
use domain::checks::{Membership, Person};
use domain::grant::Grant;
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

impl Table {
    /// The account moves (or only its findings do), on condition that the grant still holds the token that was tested.
    /// `proven` is given only when TikTok answered and everything held. One transaction.
    pub async fn record_verdict(
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
