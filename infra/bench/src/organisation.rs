//! The organisation that most requests are about: 240 ad accounts in five Business Centers, ten of which have lapsed.
//!
//! As in life, they come in through `import-accounts`, then a consent is revoked at TikTok, and `validate-permissions`
//! finds out.

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use tiktok_stand_in::{AdAccount, AdAccounts, BcRole, BusinessCenter, Membership, Owner, Person};

use local::tiktok::APP_SCOPES;
use local::world::World;

use crate::events::{self, ORG_ID};

/// Another one, whose ad accounts fit on one page of the list.
pub const SMALL_ORG_ID: &str = "org-small";
const SMALL: usize = 48;
const CENTERS: usize = 5;
const ACCOUNTS: usize = 240;
/// The first ones of the first Business Center. Another one's consent covers the rest there, and stays healthy.
const LAPSED: usize = 10;

/// The ad account that is activated.
pub fn lapsed() -> String {
    advertiser_id(0)
}

/// The ad account that is validated, and imported once more.
pub fn healthy() -> String {
    advertiser_id(ACCOUNTS - 1)
}

/// The row that says again what is known of [`healthy`].
pub fn known_row() -> Value {
    row(ACCOUNTS - 1)
}

fn advertiser_id(number: usize) -> String {
    format!("7318204956617{number:06}")
}

fn center_of(number: usize) -> (String, String) {
    let center = number * CENTERS / ACCOUNTS;
    (
        format!("7241906835517{center:06}"),
        format!("Northwind {}", ["Media", "Retail", "Foods", "Drinks", "Home"][center]),
    )
}

fn login_of(number: usize) -> String {
    if number < LAPSED { "rosa".to_owned() } else { format!("admin-{}", number * CENTERS / ACCOUNTS) }
}

fn row(number: usize) -> Value {
    let market = ["de", "fr", "es", "it", "uk"][number % 5];
    let brand = ["shop", "outlet", "foods"][number % 3];
    let (center, center_name) = center_of(number);
    json!({
        "advertiser_id": advertiser_id(number),
        "name": format!("{center_name} {} {number:03}", market.to_uppercase()),
        "business_center_id": center, "business_center_name": center_name,
        "brand": brand, "market": market,
        "partner": format!("agency-{}", number % 4),
        "connected_by": format!("{}@northwind.example", login_of(number)),
    })
}

/// Fills an empty world.
pub async fn fill(world: &World) -> anyhow::Result<()> {
    populate(world).context("populating the TikTok stand-in")?;
    let report = world.functions.invoke("import-accounts", import(world)?).await?;
    if report["imported"] != ACCOUNTS {
        bail!("not every ad account was imported: {report}");
    }
    let small: Vec<Value> = (0..SMALL).map(row).collect();
    world.functions.invoke("import-accounts", json!({ "org_id": SMALL_ORG_ID, "accounts": small })).await?;
    world.tiktok.handle().world().revoke_authorization("rosa", world.tiktok.app_id())?;
    for number in 0..LAPSED {
        let answer = world.functions.invoke("validate-permissions", events::validate(&advertiser_id(number))).await?;
        let body: Value = serde_json::from_str(answer["body"].as_str().unwrap_or_default()).unwrap_or_default();
        if body["status"] != "needs_connecting" {
            bail!("{} should have lapsed: {answer}", advertiser_id(number));
        }
    }
    Ok(())
}

fn populate(world: &World) -> anyhow::Result<()> {
    let mut tiktok = world.tiktok.handle().world();
    for number in 0..ACCOUNTS {
        let ((center, center_name), login) = (center_of(number), login_of(number));
        // Repeated ones are refused, and are there already.
        let _ = tiktok.add_business_center(BusinessCenter::new(&center, &center_name));
        let _ = tiktok.add_person(Person::new(&login).name(&login));
        tiktok.set_membership(&center, Membership::joined(&login, BcRole::Admin))?;
        let name = row(number)["name"].as_str().unwrap_or_default().to_owned();
        tiktok.add_ad_account(AdAccount::new(advertiser_id(number), name, Owner::business_center(center)))?;
    }
    Ok(())
}

/// All rows, each with the token of whoever connected it.
fn import(world: &World) -> anyhow::Result<Value> {
    let tiktok = world.tiktok.handle();
    let mut rows = Vec::new();
    let mut connected = std::collections::BTreeMap::new();
    for number in 0..ACCOUNTS {
        let login = login_of(number);
        if !connected.contains_key(&login) {
            let theirs = (0..ACCOUNTS).filter(|other| login_of(*other) == login).map(advertiser_id);
            let ticked = AdAccounts::Only(theirs.collect());
            let grant = tiktok.authorize(&login, world.tiktok.app_id(), APP_SCOPES.to_vec(), ticked)?;
            let scopes: Vec<String> = grant.scopes.iter().map(u64::to_string).collect();
            let of_login = json!({ "access_token": grant.access_token, "scopes": scopes, "authorized_by": login });
            connected.insert(login.clone(), of_login);
        }
        let mut row = row(number);
        row["connected"] = connected[&login].clone();
        rows.push(row);
    }
    Ok(json!({ "org_id": ORG_ID, "accounts": rows }))
}
