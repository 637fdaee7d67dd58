//! Seed data: makes the [`cast`](super::cast) exist in an empty world.
//!
//! Nothing is written into the database from here: the accounts come in through `import-accounts`, then things go wrong
//! at TikTok, and `validate-permissions` finds out, as in real life.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use jiff::SignedDuration;
use jiff::tz::Offset;
use serde_json::{Value, json};
use tiktok_stand_in::{
    AdAccount, AdAccounts, AdvertiserRole, Authorized, BusinessCenter, Handle, Membership, Owner, Person,
    RelationStatus,
};

use crate::clock;
use crate::demo::cast::{AGENCY, Account, CENTERS, Center, LOGINS, Login, MEDIA, accounts};
use crate::demo::people::{self, AURORA, BOREALIS};
use crate::tiktok::APP_SCOPES;
use crate::world::World;

/// Fills an empty world, whose functions must be built. When that fails, TikTok is again as it was before.
pub async fn fill(world: &World) -> anyhow::Result<()> {
    let before = world.tiktok.handle().snapshot();
    let seeded = make_everything(world).await;
    if seeded.is_err() {
        world.tiktok.handle().restore(&before)?;
    }
    seeded
}

async fn make_everything(world: &World) -> anyhow::Result<()> {
    let accounts = accounts();
    let tiktok = world.tiktok.handle();
    populate(tiktok, &accounts).context("populating the TikTok stand-in")?;
    let grants = authorize(tiktok, world.tiktok.app_id(), &accounts).context("authorizing at the TikTok stand-in")?;
    for org_id in [AURORA, BOREALIS] {
        import(world, org_id, &accounts, &grants).await?;
    }
    go_wrong(tiktok, world.tiktok.app_id(), &accounts).context("breaking connections at the TikTok stand-in")?;
    for account in accounts.iter().filter(|account| account.cause.is_some()) {
        validate(world, account, "needs_connecting").await?;
    }
    // One healthy account of each Business Center makes known who its Admins are.
    for center in CENTERS {
        if let Some(account) = accounts.iter().find(|account| account.cause.is_none() && account.center == center.id) {
            validate(world, account, "active").await?;
        }
    }
    Ok(())
}

fn populate(tiktok: &Handle, accounts: &[Account]) -> anyhow::Result<()> {
    let mut world = tiktok.world();
    for Center { id, name } in CENTERS {
        world.add_business_center(BusinessCenter::new(id, name))?;
    }
    for Login { login, name, member_of } in LOGINS {
        world.add_person(Person::new(login).name(name))?;
        for (bc_id, role) in member_of {
            let membership = Membership {
                login: login.to_owned(),
                role: *role,
                finance_role: None,
                relation_status: RelationStatus::Bound,
            };
            world.set_membership(bc_id, membership)?;
        }
    }
    for account in accounts {
        let owner = if account.cause == Some("ad_account_not_owned") { AGENCY } else { account.center };
        let mut new = AdAccount::new(&account.advertiser_id, &account.name, Owner::business_center(owner));
        new.daily_spend = Some(12.5);
        world.add_ad_account(new)?;
        match account.cause {
            // The agency owns it, and shares it.
            Some("ad_account_not_owned") => world.share(&account.advertiser_id, MEDIA, RelationStatus::Bound)?,
            // Walt reaches it through the agency.
            Some("wrong_business_center") => world.share(&account.advertiser_id, AGENCY, RelationStatus::Bound)?,
            // A Standard member needs a role on the account itself.
            Some("not_business_center_admin") => {
                world.set_account_role(&account.advertiser_id, MEDIA, "sven", Some(AdvertiserRole::Operator))?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// One grant for each login that connected something.
fn authorize(
    tiktok: &Handle,
    app_id: &str,
    accounts: &[Account],
) -> anyhow::Result<BTreeMap<&'static str, Authorized>> {
    let mut grants = BTreeMap::new();
    for login in accounts.iter().map(|account| account.connected_by) {
        if grants.contains_key(login) {
            continue;
        }
        let [management, reporting, ..] = APP_SCOPES;
        let scopes = match login {
            "marc" => vec![reporting],
            "rita" => vec![management],
            _ => APP_SCOPES.to_vec(),
        };
        let theirs = accounts.iter().filter(|account| account.connected_by == login);
        let ticked = theirs
            .filter(|account| !matches!(account.cause, Some("ad_account_not_granted" | "no_ad_accounts_granted")));
        let ticked = AdAccounts::Only(ticked.map(|account| account.advertiser_id.clone()).collect());
        grants.insert(login, tiktok.authorize(login, app_id, scopes, ticked)?);
    }
    Ok(grants)
}

async fn import(
    world: &World,
    org_id: &str,
    accounts: &[Account],
    grants: &BTreeMap<&'static str, Authorized>,
) -> anyhow::Result<()> {
    // The data stopped three days ago, so that there is a gap to see.
    let last_data_on = Offset::UTC.to_datetime(clock::now() - SignedDuration::from_hours(72)).date().to_string();
    let mut rows = Vec::new();
    for account in accounts.iter().filter(|account| account.org_id == org_id) {
        let grant = grants.get(account.connected_by).context("every connector has a grant")?;
        let login =
            LOGINS.iter().find(|login| login.login == account.connected_by).context("every connector has a login")?;
        let center =
            CENTERS.iter().find(|center| center.id == account.center).context("every account has a Business Center")?;
        let scopes: Vec<String> = grant.scopes.iter().map(u64::to_string).collect();
        let mut row = json!({
            "advertiser_id": account.advertiser_id, "name": account.name,
            "business_center_id": account.center, "business_center_name": center.name,
            "brand": account.brand, "market": account.market,
            "connected_by": format!("{}@example.com", account.connected_by),
            "connected": {
                "access_token": grant.access_token, "scopes": scopes, "authorized_by": login.name,
                "last_data_on": last_data_on,
            },
        });
        if let Some(partner) = account.partner {
            row["partner"] = json!(partner);
        }
        rows.push(row);
    }
    let event = json!({ "org_id": org_id, "accounts": rows });
    world
        .functions
        .invoke("import-accounts", event)
        .await
        .with_context(|| format!("importing the accounts of {org_id}"))?;
    Ok(())
}

/// What happened at TikTok after the accounts were connected. The other causes were there from the start.
fn go_wrong(tiktok: &Handle, app_id: &str, accounts: &[Account]) -> anyhow::Result<()> {
    let mut world = tiktok.world();
    for account in accounts {
        match account.cause {
            Some("authorization_revoked") => {
                world.revoke_authorization(account.connected_by, app_id)?;
            }
            Some("ad_account_moved") => world.move_account(&account.advertiser_id, Owner::business_center(AGENCY))?,
            Some("ad_account_not_found") => world.delete_account(&account.advertiser_id)?,
            _ => {}
        }
    }
    Ok(())
}

/// Asks the service, as the organisation's manager, to look at one account now.
async fn validate(world: &World, account: &Account, expected: &str) -> anyhow::Result<()> {
    let manager = people::PEOPLE
        .iter()
        .find(|person| person.org_id == account.org_id && person.is_manager() && person.account_access.is_none());
    let token = world.issuer.mint(&manager.context("every organisation has a manager")?.claims());
    let url = format!("{}/ad-accounts/{}/validate", world.gateway_url(), account.advertiser_id);
    let response = crate::client::new()?.post(url).bearer_auth(token).send().await?;
    let status = response.status();
    let answer: Value = response.json().await.unwrap_or_default();
    if !status.is_success() || answer["status"] != expected {
        bail!("{} should be {expected} with cause {:?}, but: {status} {answer}", account.name, account.cause);
    }
    Ok(())
}
