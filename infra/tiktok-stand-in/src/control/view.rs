//! `GET /control/state`: the world without its secrets.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    ids,
    world::{AdAccountState, World},
};

pub(super) fn state(world: &World, now: Timestamp) -> Value {
    let centers = world.business_centers.values().map(|center| {
        let mut entry = json!(center.info);
        entry["members"] = json!(center.members);
        entry
    });
    let apps = world.apps.values().map(|app| {
        json!({
            "app_id": app.app_id, "name": app.name, "redirect_uris": app.redirect_uris, "scopes": app.scopes,
            "blocked": app.blocked,
        })
    });
    let grants = world.grants.iter().map(|(token, grant)| {
        json!({
            "token_fingerprint": ids::fingerprint(token), "login": grant.agreement.login,
            "app_id": grant.agreement.app_id, "scopes": grant.agreement.scopes,
            "ticked": grant.agreement.advertiser_ids, "covers": world.covered_ids(&grant.agreement),
            "granted_at": grant.granted_at, "revoked": grant.revoked,
        })
    });
    json!({
        "now": now,
        "people": world.people.values().collect::<Vec<_>>(),
        "business_centers": centers.collect::<Vec<_>>(),
        "ad_accounts": world.ad_accounts.values().map(ad_account).collect::<Vec<_>>(),
        "apps": apps.collect::<Vec<_>>(),
        "grants": grants.collect::<Vec<_>>(),
        "codes_waiting": world.codes.values().filter(|code| !code.spent && now < code.expires_at).count(),
        "switches": world.switches,
    })
}

fn ad_account(account: &AdAccountState) -> Value {
    let mut entry = json!(account.info);
    entry["deleted"] = json!(account.deleted);
    entry["business_centers"] = account
        .relations
        .iter()
        .map(|relation| {
            json!({
                "bc_id": relation.bc_id, "relation_type": relation.kind, "relation_status": relation.status,
            })
        })
        .collect();
    entry["roles"] = account
        .roles
        .iter()
        .map(|given| json!({ "login": given.login, "bc_id": given.bc_id, "role": given.role }))
        .collect();
    entry
}
