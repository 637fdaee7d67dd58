//! Rows as they lie in the table. They never leave this module: what cannot be read as a domain value is refused here,
//! naming the row.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_dynamo::{from_item, to_item};

use super::{Item, StoreError, keys, text};
use domain::access::{Belonging, Reach};
use domain::account::{AdAccount, RiskFact, Standing, Status};
use domain::activation::{Activation, State};
use domain::causes::{Cause, CauseCode, NamedBusinessCenter};
use domain::checks::Finding;
use domain::gap::Opening;
use domain::grant::Grant;
use domain::ids::{ActivationId, AdvertiserId, BusinessCenterId, GrantId, Label, OrgId, UserId};
use domain::time_zone::{ReportingTimeZone, if_known};

/// The part of an account that a list shows; index `by_status` holds just this.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RowItem {
    pub advertiser_id: AdvertiserId,
    pub name: String,
    pub status: Status,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<CauseCode>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lapsed_since: Option<Timestamp>,
    #[serde(default)]
    pub at_risk: BTreeSet<RiskFact>,
    pub business_center_id: BusinessCenterId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brand: Option<Label>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub market: Option<Label>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partner: Option<Label>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connected_by: Option<String>,
    pub version: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct AccountItem {
    #[serde(flatten)]
    row: RowItem,
    org_id: OrgId,
    /// For the search by name: lower case.
    name_folded: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    business_center_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_data_on: Option<Date>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "if_known")]
    time_zone: Option<ReportingTimeZone>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    grant_id: Option<GrantId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gap_opening: Option<Opening>,
    #[serde(default)]
    causes: Vec<Cause>,
    #[serde(default)]
    findings: Vec<Finding>,
    revision: u64,
}

pub fn row(account: &AdAccount) -> RowItem {
    let lapsed_since = match &account.standing {
        Standing::Active { .. } => None,
        Standing::NeedsConnecting { lapsed_since, .. } => Some(*lapsed_since),
    };
    RowItem {
        advertiser_id: account.advertiser_id.clone(),
        name: account.name.clone(),
        status: account.status(),
        cause: account.causes().first().map(|cause| cause.cause),
        lapsed_since,
        at_risk: account.at_risk.clone(),
        business_center_id: account.business_center.id.clone(),
        brand: account.belonging.brand.clone(),
        market: account.belonging.market.clone(),
        partner: account.belonging.partner.clone(),
        connected_by: account.connected_by.clone(),
        version: account.version,
    }
}

pub fn account_item(account: &AdAccount) -> Result<Item, StoreError> {
    let (since, gap_opening) = match &account.standing {
        Standing::Active { since } => (Some(*since), None),
        Standing::NeedsConnecting { gap_opening, .. } => (None, Some(*gap_opening)),
    };
    let sk = keys::account(&account.advertiser_id);
    let mut item = written(
        &keys::org(&account.org_id),
        &sk,
        &AccountItem {
            row: row(account),
            org_id: account.org_id.clone(),
            name_folded: account.name.to_lowercase(),
            business_center_name: account.business_center.name.clone(),
            last_data_on: account.last_data_on,
            time_zone: account.time_zone.clone(),
            grant_id: account.grant_id.clone(),
            since,
            gap_opening,
            causes: account.causes().to_vec(),
            findings: account.findings.clone(),
            revision: account.revision,
        },
    )?;
    item.insert("status_pk".to_owned(), text(keys::org_status(&account.org_id, account.status())));
    item.insert("status_sk".to_owned(), text(sk));
    if let Some(grant_id) = &account.grant_id {
        item.insert("grant_pk".to_owned(), text(keys::accounts_of(&account.org_id, grant_id)));
    }
    Ok(item)
}

pub fn account(item: Item) -> Result<AdAccount, StoreError> {
    let AccountItem {
        row,
        org_id,
        business_center_name,
        last_data_on,
        time_zone,
        grant_id,
        since,
        gap_opening,
        causes,
        findings,
        revision,
        ..
    } = read(item)?;
    let key = keys::account(&row.advertiser_id);
    let missing =
        |attribute: &str| StoreError::Unreadable { key: key.clone(), problem: format!("{attribute} is missing") };
    let standing = match row.status {
        Status::Active => Standing::Active { since: since.ok_or_else(|| missing("since"))? },
        Status::NeedsConnecting => Standing::NeedsConnecting {
            lapsed_since: row.lapsed_since.ok_or_else(|| missing("lapsed_since"))?,
            gap_opening: gap_opening.ok_or_else(|| missing("gap_opening"))?,
            causes,
        },
    };
    Ok(AdAccount {
        org_id,
        advertiser_id: row.advertiser_id,
        name: row.name,
        business_center: NamedBusinessCenter { id: row.business_center_id, name: business_center_name },
        belonging: Belonging { brand: row.brand, market: row.market, partner: row.partner },
        connected_by: row.connected_by,
        last_data_on,
        time_zone,
        grant_id,
        standing,
        at_risk: row.at_risk,
        findings,
        version: row.version,
        revision,
    })
}

/// A grant and the token that belongs to it, sealed. A retired one has none.
#[derive(Clone, Debug)]
pub struct StoredGrant {
    pub grant: Grant,
    pub sealed_token: Option<Vec<u8>>,
}

pub fn grant_item(stored: &StoredGrant, due_at: Timestamp) -> Result<Item, StoreError> {
    let StoredGrant { grant, sealed_token } = stored;
    let mut item = written(&keys::org(&grant.org_id), &keys::grant(&grant.grant_id), grant)?;
    if let Some(sealed) = sealed_token {
        item.insert("sealed_token".to_owned(), bytes(sealed));
        item.insert("due_pk".to_owned(), text(keys::due_shard(&grant.grant_id)));
        item.insert("due_sk".to_owned(), text(keys::due_at(due_at, &grant.org_id, &grant.grant_id)));
    }
    Ok(item)
}

pub fn grant(mut item: Item) -> Result<StoredGrant, StoreError> {
    let sealed_token = take_bytes(&mut item, "sealed_token");
    Ok(StoredGrant { grant: read(item)?, sealed_token })
}

/// What an organisation knows about a Business Center.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct BusinessCenterItem {
    #[serde(default)]
    pub name: Option<String>,
    /// Its Admins, by name, as of the last time somebody could see them.
    #[serde(default)]
    pub admins: Vec<String>,
    /// Living grants whose person was proven to be Admin there. Each is an attribute of the row, named by its id, so that
    /// one may come and another go in the same write.
    #[serde(skip)]
    pub grants: BTreeSet<GrantId>,
}

pub fn business_center(item: Item) -> Result<BusinessCenterItem, StoreError> {
    let grants = item.keys().filter_map(|attribute| attribute.parse().ok()).collect();
    Ok(BusinessCenterItem { grants, ..read(item)? })
}

#[derive(Debug, Serialize, Deserialize)]
struct ActivationItem {
    activation_id: ActivationId,
    org_id: OrgId,
    advertiser_id: AdvertiserId,
    started_by: UserId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    started_by_display: Option<String>,
    started_at: Timestamp,
    /// Unix seconds, because conditions compare numbers.
    expires_at: i64,
    also_business_center: bool,
    #[serde(default, skip_serializing_if = "Reach::is_everything")]
    reach: Reach,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    grant_at_start: Option<GrantId>,
    #[serde(flatten)]
    state: State,
    /// Grows with every move, so that a move states which state it leaves.
    step: u64,
    ttl: i64,
}

/// An activation as it was read, with the `step` that its next move must still find.
#[derive(Clone, Debug)]
pub struct StoredActivation {
    pub activation: Activation,
    pub step: u64,
}

/// How long a closed activation can still be looked up.
const ACTIVATION_KEPT: jiff::SignedDuration = jiff::SignedDuration::from_hours(30 * 24);

/// Whether and when it is due follows from the state, so that no write can forget it.
pub fn activation_item(activation: &Activation, step: u64) -> Result<Item, StoreError> {
    let mut item = written(
        &keys::activation(&activation.activation_id),
        keys::ACTIVATION,
        &ActivationItem {
            activation_id: activation.activation_id.clone(),
            org_id: activation.org_id.clone(),
            advertiser_id: activation.advertiser_id.clone(),
            started_by: activation.started_by.clone(),
            started_by_display: activation.started_by_display.clone(),
            started_at: activation.started_at,
            expires_at: activation.expires_at.as_second(),
            also_business_center: activation.also_business_center,
            reach: activation.reach.clone(),
            grant_at_start: activation.grant_at_start.clone(),
            state: activation.state.clone(),
            step,
            ttl: (activation.expires_at + ACTIVATION_KEPT).as_second(),
        },
    )?;
    if let Some(due_at) = activation.due_at() {
        item.insert("due_pk".to_owned(), text(keys::pending_shard(&activation.activation_id)));
        item.insert("due_sk".to_owned(), text(keys::pending_at(due_at, &activation.activation_id)));
    }
    Ok(item)
}

pub fn activation(item: Item) -> Result<StoredActivation, StoreError> {
    let item: ActivationItem = read(item)?;
    let expires_at = Timestamp::from_second(item.expires_at).map_err(|_| StoreError::Unreadable {
        key: keys::activation(&item.activation_id),
        problem: "expires_at is no time".to_owned(),
    })?;
    Ok(StoredActivation {
        activation: Activation {
            activation_id: item.activation_id,
            org_id: item.org_id,
            advertiser_id: item.advertiser_id,
            started_by: item.started_by,
            started_by_display: item.started_by_display,
            started_at: item.started_at,
            expires_at,
            also_business_center: item.also_business_center,
            reach: item.reach,
            grant_at_start: item.grant_at_start,
            state: item.state,
        },
        step: item.step,
    })
}

/// Reads a row, or says which row cannot be read.
pub fn read<T: DeserializeOwned>(item: Item) -> Result<T, StoreError> {
    let key = format!("{}/{}", plain(&item, "pk"), plain(&item, "sk"));
    from_item(item).map_err(|error| StoreError::Unreadable { key, problem: error.to_string() })
}

/// Writes a row's content and its keys.
pub fn written(pk: &str, sk: &str, content: &impl Serialize) -> Result<Item, StoreError> {
    let mut item: Item = to_item(content)
        .map_err(|error| StoreError::Unreadable { key: format!("{pk}/{sk}"), problem: error.to_string() })?;
    item.insert("pk".to_owned(), text(pk));
    item.insert("sk".to_owned(), text(sk));
    Ok(item)
}

pub fn bytes(value: &[u8]) -> aws_sdk_dynamodb::types::AttributeValue {
    aws_sdk_dynamodb::types::AttributeValue::B(aws_sdk_dynamodb::primitives::Blob::new(value))
}

pub fn take_bytes(item: &mut Item, attribute: &str) -> Option<Vec<u8>> {
    item.remove(attribute).and_then(|value| match value {
        aws_sdk_dynamodb::types::AttributeValue::B(blob) => Some(blob.into_inner()),
        _ => None,
    })
}

fn plain<'a>(item: &'a Item, attribute: &str) -> &'a str {
    item.get(attribute).and_then(|value| value.as_s().ok()).map_or("?", String::as_str)
}
