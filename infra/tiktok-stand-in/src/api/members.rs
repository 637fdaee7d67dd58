//! The people in a Business Center, on an asset, and the Business Centers it has dealings with.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Answer, Call, Refusal,
    assets::{AssetType, asset_type, is_share, nothing},
    business_centers::{Reach, as_admin, as_member, put_ext_user_role},
    params::matches_keyword,
};
use crate::world::{AdAccountState, BcRole, Membership, Owner, Person, RelationStatus, World};

#[derive(Deserialize, Default)]
struct MemberFilter {
    keyword: Option<String>,
    user_role: Option<BcRole>,
    relation_status: Option<RelationStatus>,
}

/// `GET /bc/member/get/`: admins only.
pub(super) fn of_center(world: &mut World, call: &Call<'_>) -> Answer {
    let reach = as_admin(world, call)?;
    let filter: MemberFilter = call.params.json("filtering")?.unwrap_or_default();
    let paging = call.params.paging(20)?;
    let Reach::Center(bc_id) = reach else { return Ok(nothing(&paging)) };
    let members = people_in(world, &bc_id).filter(|(member, person)| {
        filter.user_role.is_none_or(|wanted| wanted == member.role)
            && filter.relation_status.is_none_or(|wanted| wanted == member.relation_status)
            && matches_keyword(filter.keyword.as_deref(), &[&person.display_name, &person.email])
    });
    Ok(paging.cut(members, |(member, person)| {
        // Somebody who has only been invited is known by e-mail alone.
        let joined = member.relation_status == RelationStatus::Bound;
        let mut entry = json!({
            "user_id": joined.then_some(&person.user_id),
            "user_name": joined.then_some(&person.display_name),
            "user_email": person.email,
            "user_role": member.role,
            "relation_status": member.relation_status,
        });
        put_ext_user_role(world, &mut entry, member);
        entry
    }))
}

#[derive(Deserialize, Default)]
struct KeywordFilter {
    keyword: Option<String>,
}

/// `GET /bc/asset/member/get/`: who holds a role on an account; admins only.
pub(super) fn of_asset(world: &mut World, call: &Call<'_>) -> Answer {
    let reach = as_admin(world, call)?;
    let kind = asset_type(call.params)?;
    if !matches!(kind, AssetType::Advertiser | AssetType::Catalog | AssetType::Lead) {
        return Err(call.params.refuse("asset_type: Not a valid choice."));
    }
    let asset_id = call.params.required_id("asset_id")?;
    let filter: KeywordFilter = call.params.json("filtering")?.unwrap_or_default();
    let paging = call.params.paging(20)?;
    let (Reach::Center(bc_id), AssetType::Advertiser) = (reach, kind) else { return Ok(nothing(&paging)) };
    let account = listed(world, &bc_id, &asset_id)?;
    let holders = people_in(world, &bc_id).filter_map(|(_, person)| {
        let role = world.role_through(account, &bc_id, &person.login)?;
        matches_keyword(filter.keyword.as_deref(), &[&person.display_name, &person.email]).then_some((person, role))
    });
    Ok(paging.cut(holders, |(person, role)| {
        json!({
            "user_id": person.user_id, "user_name": person.display_name, "user_email": person.email,
            "advertiser_role": role, "catalog_role": null,
        })
    }))
}

/// `GET /bc/asset/partner/get/`: the Business Centers an account is shared with; admins only.
pub(super) fn partners_of_asset(world: &mut World, call: &Call<'_>) -> Answer {
    let reach = as_admin(world, call)?;
    let kind = asset_type(call.params)?;
    let asset_id = call.params.required_id("asset_id")?;
    let filter: KeywordFilter = call.params.json("filtering")?.unwrap_or_default();
    let paging = call.params.paging(50)?;
    let (Reach::Center(bc_id), AssetType::Advertiser) = (reach, kind) else { return Ok(nothing(&paging)) };
    let account = listed(world, &bc_id, &asset_id)?;
    let partners =
        account.relations.iter().filter(|relation| is_share(relation)).map(|relation| relation.bc_id.as_str());
    Ok(paging.cut(partners.filter_map(|id| partner(world, id, filter.keyword.as_deref())), |entry| entry))
}

#[derive(Deserialize, Default)]
struct NameFilter {
    name: Option<String>,
}

/// `GET /bc/partner/get/`: the Business Centers that share with this one, in either direction.
pub(super) fn partners(world: &mut World, call: &Call<'_>) -> Answer {
    let reach = as_member(world, call)?;
    let filter: NameFilter = call.params.json("filtering")?.unwrap_or_default();
    let paging = call.params.paging(50)?;
    let Reach::Center(bc_id) = reach else { return Ok(nothing(&paging)) };
    let mut partners = BTreeSet::new();
    for account in world.ad_accounts.values().filter(|account| !account.deleted) {
        let Owner::BusinessCenter(owner) = &account.info.owner else { continue };
        for relation in account.relations.iter().filter(|relation| is_share(relation)) {
            if *owner == bc_id {
                partners.insert(relation.bc_id.as_str());
            } else if relation.bc_id == bc_id {
                partners.insert(owner.as_str());
            }
        }
    }
    let entries = partners.into_iter().filter_map(|id| partner(world, id, filter.name.as_deref()));
    Ok(paging.cut(entries, |entry| entry))
}

fn partner(world: &World, bc_id: &str, name: Option<&str>) -> Option<Value> {
    let info = &world.business_centers.get(bc_id)?.info;
    matches_keyword(name, &[&info.name]).then(|| json!({ "bc_id": info.bc_id, "bc_name": info.name }))
}

/// Members, invited ones included, with the people they are.
fn people_in<'a>(world: &'a World, bc_id: &str) -> impl Iterator<Item = (&'a Membership, &'a Person)> {
    let members = world.business_centers.get(bc_id).map_or(&[][..], |center| &center.members);
    members.iter().filter_map(|member| Some((member, world.people.get(&member.login)?)))
}

fn listed<'a>(world: &'a World, bc_id: &str, asset_id: &str) -> Result<&'a AdAccountState, Refusal> {
    let account =
        world.ad_accounts.get(asset_id).filter(|account| !account.deleted && account.relation(bc_id).is_some());
    account.ok_or_else(|| Refusal::new(40001, format!("You don't have permission to operate this asset: {asset_id}")))
}
