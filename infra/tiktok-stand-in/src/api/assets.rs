//! The ad accounts in a Business Center, seen by a member, by an admin, and between partners.
//!
//! Ad accounts are the only assets here: every other asset type is a valid question with an empty answer.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Answer, Call, Refusal,
    business_centers::{Reach, as_admin, as_member},
    params::{Paging, Params, matches_keyword},
};
use crate::world::{AccountStatus, AdAccountState, Owner, Relation, RelationStatus, RelationType, World};

#[derive(Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum AssetType {
    Advertiser,
    Catalog,
    Pixel,
    Lead,
    Storefront,
    TiktokShop,
    TtAccount,
    ManagedBusinessAccount,
}

pub(super) fn asset_type(params: &Params) -> Result<AssetType, Refusal> {
    params.word("asset_type")?.ok_or_else(|| params.missing("asset_type"))
}

#[derive(Deserialize, Default)]
struct ReachableFilter {
    keyword: Option<String>,
    user_id: Option<String>,
    user_email: Option<String>,
}

/// `GET /bc/asset/get/`: what one member reaches; by default the authorizing person.
pub(super) fn reachable(world: &mut World, call: &Call<'_>) -> Answer {
    let reach = as_member(world, call)?;
    let kind = asset_type(call.params)?;
    let filter: ReachableFilter = call.params.json("filtering")?.unwrap_or_default();
    let paging = call.params.paging(50)?;
    let whose = match (&filter.user_id, &filter.user_email) {
        (Some(_), Some(_)) => return Err(call.params.refuse("filtering: user_id and user_email exclude each other.")),
        (None, None) => Some(call.login()),
        (wanted_id, wanted_email) => world
            .people
            .values()
            .find(|person| wanted_id.as_ref() == Some(&person.user_id) || wanted_email.as_ref() == Some(&person.email))
            .map(|person| person.login.as_str()),
    };
    let (Reach::Center(bc_id), AssetType::Advertiser, Some(whose)) = (reach, kind, whose) else {
        return Ok(nothing(&paging));
    };
    let accounts = world.listed_in(&bc_id).filter(|(account, _)| {
        world.role_through(account, &bc_id, whose).is_some() && named(account, filter.keyword.as_deref())
    });
    Ok(paging.cut(accounts, |(account, _)| entry(world, account, &bc_id, whose)))
}

#[derive(Deserialize, Clone, Copy, PartialEq)]
enum ShowStatus {
    #[serde(rename = "SHOW_ACCOUNT_STATUS_APPROVED")]
    Approved,
    #[serde(rename = "SHOW_ACCOUNT_STATUS_IN_REVIEW")]
    InReview,
    #[serde(rename = "SHOW_ACCOUNT_STATUS_NOT_APPROVED")]
    NotApproved,
    #[serde(rename = "SHOW_ACCOUNT_STATUS_PUNISHED")]
    Punished,
}

impl From<AccountStatus> for ShowStatus {
    fn from(status: AccountStatus) -> Self {
        match status {
            AccountStatus::Enable => Self::Approved,
            AccountStatus::Limit | AccountStatus::Disable => Self::Punished,
            AccountStatus::ConfirmFail | AccountStatus::ConfirmFailEnd | AccountStatus::ConfirmModifyFail => {
                Self::NotApproved
            }
            AccountStatus::PendingConfirm
            | AccountStatus::PendingVerified
            | AccountStatus::PendingConfirmModify
            | AccountStatus::WaitForBpmAudit
            | AccountStatus::WaitForPublicAuth
            | AccountStatus::SelfServiceUnaudited
            | AccountStatus::ContractPending => Self::InReview,
        }
    }
}

#[derive(Deserialize, Default)]
struct AdminFilter {
    keyword: Option<String>,
    relation_type: Option<RelationType>,
    relation_status: Option<RelationStatus>,
    advertiser_show_status: Option<ShowStatus>,
}

/// `GET /bc/asset/admin/get/`: everything a Business Center lists and why; admins only.
pub(super) fn all(world: &mut World, call: &Call<'_>) -> Answer {
    let reach = as_admin(world, call)?;
    let kind = asset_type(call.params)?;
    let filter: AdminFilter = call.params.json("filtering")?.unwrap_or_default();
    let paging = call.params.paging(50)?;
    let (Reach::Center(bc_id), AssetType::Advertiser) = (reach, kind) else {
        return Ok(nothing(&paging));
    };
    let accounts = world.listed_in(&bc_id).filter(|(account, relation)| {
        filter.relation_type.is_none_or(|wanted| wanted == relation.kind)
            && filter.relation_status.is_none_or(|wanted| wanted == relation.status)
            && filter.advertiser_show_status.is_none_or(|wanted| wanted == account.info.status.into())
            && named(account, filter.keyword.as_deref())
    });
    Ok(paging.cut(accounts, |(account, relation)| {
        let mut entry = entry(world, account, &bc_id, call.login());
        entry["relation_type"] = json!(relation.kind);
        entry["relation_status"] = json!(relation.status);
        entry["advertiser_status"] = json!(account.info.status);
        entry["pixel_code"] = Value::Null;
        entry
    }))
}

#[derive(Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum ShareType {
    Sharing,
    Shared,
}

#[derive(Deserialize, Default)]
struct KeywordFilter {
    keyword: Option<String>,
}

/// `GET /bc/partner/asset/get/`: what one Business Center shares with another, or has from it.
pub(super) fn exchanged_with_partner(world: &mut World, call: &Call<'_>) -> Answer {
    let reach = as_member(world, call)?;
    let kind = asset_type(call.params)?;
    if !matches!(kind, AssetType::Advertiser | AssetType::Catalog) {
        return Err(call.params.refuse("asset_type: Not a valid choice."));
    }
    let partner = call.params.required_id("partner_id")?;
    let direction: ShareType = call.params.word("share_type")?.ok_or_else(|| call.params.missing("share_type"))?;
    let filter: KeywordFilter = call.params.json("filtering")?.unwrap_or_default();
    let paging = call.params.paging(50)?;
    let (Reach::Center(bc_id), AssetType::Advertiser) = (reach, kind) else {
        return Ok(nothing(&paging));
    };
    let (owner, receiver) = match direction {
        ShareType::Sharing => (&bc_id, &partner),
        ShareType::Shared => (&partner, &bc_id),
    };
    let accounts = world.listed_in(receiver).filter(|(account, relation)| {
        account.info.owner == Owner::business_center(owner)
            && is_share(relation)
            && named(account, filter.keyword.as_deref())
    });
    Ok(paging.cut(accounts, |(account, _)| entry(world, account, &bc_id, call.login())))
}

/// Whether a relation is a living share between Business Centers.
pub(super) fn is_share(relation: &Relation) -> bool {
    relation.kind == RelationType::OwnerPartner && relation.status == RelationStatus::Bound
}

pub(super) fn nothing(paging: &Paging) -> Value {
    paging.cut(std::iter::empty::<()>(), |()| Value::Null)
}

fn named(account: &AdAccountState, keyword: Option<&str>) -> bool {
    matches_keyword(keyword, &[&account.info.name, &account.info.advertiser_id])
}

fn entry(world: &World, account: &AdAccountState, bc_id: &str, login: &str) -> Value {
    json!({
        "asset_id": account.info.advertiser_id,
        "asset_name": account.info.name,
        "asset_type": "ADVERTISER",
        "advertiser_role": world.role_through(account, bc_id, login),
        "advertiser_account_type": "AUCTION",
        "owner_bc_name": world.owner_name(account),
        "catalog_role": null,
        "ad_creation_eligible": null,
        "store_role": null,
        "tt_account_roles": null,
    })
}
