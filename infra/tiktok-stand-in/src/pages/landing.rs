//! `GET /`: who and what exists here.

use std::sync::Arc;

use axum::extract::State as AppState;
use maud::{Markup, html};

use super::{
    frame::{Page, table},
    login::role,
};
use crate::{
    state::Shared,
    world::{AdAccountState, Owner, World},
};

pub(crate) async fn landing(AppState(shared): AppState<Arc<Shared>>) -> Page {
    let state = shared.lock();
    let world = &state.world;
    let content = html! {
        h1 { "Who and what exists here" }
        p.lead {
            "The API is at " code { "/open_api/v1.3/" } ", the authorization page at " code { "/portal/auth" }
            ". People, accounts and faults can be steered: " a href="/control/" { "control API" } "."
        }
        (table("People", &["Name", "Login", "Password", "Business Centers"], &people(world)))
        (table("Business Centers", &["Name", "ID", "Members"], &centers(world)))
        (table("Ad accounts", &["Name", "Account ID", "Owner", "Shared with", "Status"], &accounts(world)))
        (table("Apps", &["Name", "ID", "State"], &apps(world)))
    };
    Page::new("Who and what exists", content)
}

fn people(world: &World) -> Markup {
    html! {
        @for person in world.people.values() {
            tr {
                th scope="row" { bdi { (person.display_name) } }
                td { code { (person.login) } } td { code { (person.password) } }
                td {
                    @for (center, member) in world.centers_of(&person.login) {
                        div { (role(member.role)) " in " bdi { (center.info.name) } }
                    }
                }
            }
        }
    }
}

fn centers(world: &World) -> Markup {
    html! {
        @for center in world.business_centers.values() {
            tr {
                th scope="row" { bdi { (center.info.name) } }
                td { code { (center.info.bc_id) } } td { (center.members.len()) }
            }
        }
    }
}

fn accounts(world: &World) -> Markup {
    html! {
        @for account in world.ad_accounts.values() {
            tr {
                th scope="row" { bdi { (account.info.name) } }
                td { code { (account.info.advertiser_id) } }
                td { bdi { (world.owner_name(account).unwrap_or("?")) } }
                td { @for name in shared_with(world, account) { div { bdi { (name) } } } }
                td { @if account.deleted { "deleted" } @else { (format!("{:?}", account.info.status)) } }
            }
        }
    }
}

fn apps(world: &World) -> Markup {
    html! {
        @for app in world.apps.values() {
            tr {
                th scope="row" { bdi { (app.name) } }
                td { code { (app.app_id) } } td { @if app.blocked { "blocked" } @else { "in use" } }
            }
        }
    }
}

fn shared_with<'a>(world: &'a World, account: &'a AdAccountState) -> impl Iterator<Item = &'a str> {
    let others =
        account.relations.iter().filter(|relation| account.info.owner != Owner::business_center(&relation.bc_id));
    others.filter_map(|relation| Some(world.business_centers.get(&relation.bc_id)?.info.name.as_str()))
}
