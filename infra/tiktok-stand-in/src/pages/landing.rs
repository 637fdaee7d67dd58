//! `GET /`: who and what exists here.

use std::sync::Arc;

use axum::{extract::State as AppState, response::Html};
use maud::html;

use super::page;
use crate::{
    state::Shared,
    world::{AdAccountState, Owner, World},
};

pub(crate) async fn landing(AppState(shared): AppState<Arc<Shared>>) -> Html<String> {
    let state = shared.lock();
    let world = &state.world;
    page(
        "TikTok for Business",
        &html! {
            h1 { "TikTok for Business" }
            p {
                "The API is at " code { "/open_api/v1.3/" } ", the authorization page at " code { "/portal/auth" }
                ". People, accounts and faults can be steered: " a href="/control/" { "control API" } "."
            }
            h2 { "People" }
            table {
                tr { th { "Login" } th { "Password" } th { "Name" } th { "Business Centers" } }
                @for person in world.people.values() {
                    tr {
                        td { (person.login) } td { code { (person.password) } } td { (person.display_name) }
                        td {
                            @for (center, member) in world.centers_of(&person.login) {
                                (center.info.name) " " (format!("{:?}", member.role)) br;
                            }
                        }
                    }
                }
            }
            h2 { "Business Centers" }
            table {
                tr { th { "Id" } th { "Name" } th { "Members" } }
                @for center in world.business_centers.values() {
                    tr { td { code { (center.info.bc_id) } } td { (center.info.name) } td { (center.members.len()) } }
                }
            }
            h2 { "Ad accounts" }
            table {
                tr { th { "Id" } th { "Name" } th { "Owner" } th { "Shared with" } th { "Status" } }
                @for account in world.ad_accounts.values() {
                    tr {
                        td { code { (account.info.advertiser_id) } } td { (account.info.name) }
                        td { (world.owner_name(account).unwrap_or("?")) } td { (shared_with(world, account)) }
                        td { @if account.deleted { "deleted" } @else { (format!("{:?}", account.info.status)) } }
                    }
                }
            }
            h2 { "Apps" }
            ul {
                @for app in world.apps.values() {
                    li { (app.name) " " code { (app.app_id) } @if app.blocked { ", blocked" } }
                }
            }
        },
    )
}

fn shared_with(world: &World, account: &AdAccountState) -> String {
    let others =
        account.relations.iter().filter(|relation| account.info.owner != Owner::business_center(&relation.bc_id));
    let names = others.filter_map(|relation| Some(world.business_centers.get(&relation.bc_id)?.info.name.as_str()));
    names.collect::<Vec<_>>().join(", ")
}
