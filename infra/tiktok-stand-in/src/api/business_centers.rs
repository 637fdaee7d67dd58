//! The Business Centers of the authorizing person, and the questions that all Business Center endpoints begin with.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, Call, Refusal, params::matches_keyword};
use crate::{
    switches::{EmptyExtUserRole, EmptyList},
    world::{BusinessCenterState, Membership, World},
};

#[derive(Deserialize, Default, Clone, Copy, PartialEq)]
enum Scene {
    #[default]
    #[serde(rename = "SINGLE_ACCOUNT")]
    Single,
    #[serde(rename = "TIERED_ACCOUNT")]
    Tiered,
}

#[derive(Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Tier {
    Parent,
    Child,
}

#[derive(Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum KeywordType {
    Asset,
    Member,
    Partner,
    Tier,
}

#[derive(Deserialize, Default)]
struct Filter {
    keyword: Option<String>,
    /// Read so that a wrong word is refused; keywords are matched against names and ids all the same.
    #[serde(rename = "keyword_type")]
    _keyword_type: Option<KeywordType>,
    relation_type: Option<Tier>,
}

/// `GET /bc/get/`
pub(super) fn get(world: &mut World, call: &Call<'_>) -> Answer {
    let params = call.params;
    let bc_id = params.id("bc_id")?;
    let scene: Scene = params.word("scene")?.unwrap_or_default();
    let filter: Filter = params.json("filtering")?.unwrap_or_default();
    let paging = params.paging(50)?;
    let login = call.login();
    if let Some(bc_id) = &bc_id
        && world.member(bc_id, login).is_none()
        && world.switches.unknown_business_center != 0
    {
        return Err(no_permission(world.switches.unknown_business_center, bc_id));
    }
    let matches = |center: &BusinessCenterState| {
        let info = &center.info;
        let is_shown = info.parent_bc_id.is_none() || world.switches.children_in_single_scene;
        let named = match scene {
            Scene::Single => bc_id.as_ref().map_or(is_shown, |wanted| wanted == &info.bc_id),
            Scene::Tiered => {
                info.parent_bc_id.as_ref().is_some_and(|parent| bc_id.as_ref().is_none_or(|id| id == parent))
            }
        };
        let tier = filter.relation_type.is_none_or(|tier| (tier == Tier::Child) == info.parent_bc_id.is_some());
        named && tier && matches_keyword(filter.keyword.as_deref(), &[&info.name, &info.bc_id])
    };
    let acting = |center| match scene {
        Scene::Single => BusinessCenterState::joined(center, login),
        Scene::Tiered => world.acts_in(center, login),
    };
    let centers = world.business_centers.values().filter_map(|center| Some((center, acting(center)?)));
    let centers: Vec<_> = centers.filter(|(center, _)| matches(center)).collect();
    let parent = centers.first().and_then(|(center, _)| center.info.parent_bc_id.clone()).or(bc_id);
    let mut data = paging.cut(centers.into_iter(), |(center, member)| entry(world, center, member));
    if scene == Scene::Tiered
        && let Some(parent) = parent.as_deref()
        && let (Some(center), Some(member)) = (world.business_centers.get(parent), world.member(parent, login))
    {
        data["parent_bc"] = entry(world, center, member);
    }
    drop_nulls(&mut data);
    if data["page_info"]["total_number"] == 0 {
        match world.switches.no_business_centers {
            EmptyList::Empty => {}
            EmptyList::Null => data["list"] = Value::Null,
            EmptyList::Absent => drop(data.as_object_mut().map(|data| data.remove("list"))),
        }
    }
    Ok(data)
}

/// This endpoint leaves out what is null, wherever it stands.
fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(drop_nulls);
        }
        Value::Array(entries) => entries.iter_mut().for_each(drop_nulls),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn entry(world: &World, center: &BusinessCenterState, member: &Membership) -> Value {
    let info = &center.info;
    let mut entry = json!({
        "bc_info": {
            "bc_id": info.bc_id, "name": info.name, "company": info.company, "currency": info.currency,
            "registered_area": info.registered_area, "status": info.status, "timezone": info.timezone,
            "type": info.bc_type, "organization_type": null, "verification_status": "NOT_SUBMITTED",
        },
        "user_role": member.role,
        "binding_status": null,
    });
    put_ext_user_role(world, &mut entry, member);
    entry
}

/// Adds `ext_user_role`, whose empty form is one of the switches.
pub(super) fn put_ext_user_role(world: &World, entry: &mut Value, member: &Membership) {
    match (member.finance_role, world.switches.empty_ext_user_role) {
        (Some(role), _) => entry["ext_user_role"] = json!({ "finance_role": role }),
        (None, EmptyExtUserRole::Null) => entry["ext_user_role"] = Value::Null,
        (None, EmptyExtUserRole::Absent) => {}
    }
}

/// What a Business Center call may see.
pub(super) enum Reach {
    /// The Business Center to answer for: `bc_id`, or the child that `child_bc_id` names.
    Center(String),
    /// Nothing, but without an error.
    Nothing,
}

/// Whether the caller is a member of the Business Center they ask about.
pub(super) fn as_member(world: &World, call: &Call<'_>) -> Result<Reach, Refusal> {
    let bc_id = call.params.required_id("bc_id")?;
    if world.member(&bc_id, call.login()).is_none() {
        return match world.switches.unknown_business_center_assets {
            0 => Ok(Reach::Nothing),
            code => Err(no_permission(code, &bc_id)),
        };
    }
    match call.params.id("child_bc_id")? {
        None => Ok(Reach::Center(bc_id)),
        Some(child) if world.center(&child).is_ok_and(|it| it.info.parent_bc_id.as_ref() == Some(&bc_id)) => {
            Ok(Reach::Center(child))
        }
        Some(child) => Err(call.params.refuse(format!("child_bc_id: {child} is not a child of {bc_id}."))),
    }
}

/// The same, for endpoints that only admins may use.
pub(super) fn as_admin(world: &World, call: &Call<'_>) -> Result<Reach, Refusal> {
    let reach = as_member(world, call)?;
    let bc_id = call.params.required_id("bc_id")?;
    if matches!(reach, Reach::Nothing) || world.is_admin(&bc_id, call.login()) {
        return Ok(reach);
    }
    match world.switches.not_an_admin {
        0 => Ok(Reach::Nothing),
        code => Err(Refusal::new(code, format!("No permission: only admins of Business Center {bc_id} may do this."))),
    }
}

fn no_permission(code: i64, bc_id: &str) -> Refusal {
    Refusal::new(code, format!("You don't have permission to operate this Business Center: {bc_id}"))
}
