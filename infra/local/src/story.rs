//! The seeded story: what a person finds who starts the local world for the first time.
//!
//! Two organisations have sixty ad accounts in four Business Centers, and a fifth one belongs to an agency. Most are
//! Active. For each reason why an account can lapse there is one that has, named after it. Nothing is written into the
//! database from here: the accounts come in through `import-accounts`, then things go wrong at TikTok, and
//! `validate-permissions` finds out, as in real life.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use jiff::SignedDuration;
use jiff::tz::Offset;
use serde_json::{Value, json};
use tiktok_stand_in::{
    AdAccount, AdAccounts, AdvertiserRole, Authorized, BcRole, BusinessCenter, Handle, Membership, Owner, Person,
    RelationStatus,
};

use crate::clock;
use crate::people::{self, AURORA, BOREALIS};
use crate::tiktok::APP_SCOPES;
use crate::world::World;

/// A Business Center of the story.
#[derive(Clone, Copy, Debug)]
pub struct Center {
    pub id: &'static str,
    pub name: &'static str,
}

/// Somebody who can sign in to TikTok, with the password `password`.
#[derive(Clone, Copy, Debug)]
pub struct Login {
    pub login: &'static str,
    pub name: &'static str,
    /// In which Business Centers, and as what.
    pub member_of: &'static [(&'static str, BcRole)],
}

const MEDIA: &str = "7241906835517320466";
const RETAIL: &str = "7241906835517320467";
const AGENCY: &str = "7241906835517320468";
const FOODS: &str = "7241906835517320469";
const DRINKS: &str = "7241906835517320470";

pub const CENTERS: [Center; 5] = [
    Center { id: MEDIA, name: "Northwind Media" },
    Center { id: RETAIL, name: "Northwind Retail" },
    Center { id: AGENCY, name: "Bright Agency" },
    Center { id: FOODS, name: "Fjord Foods" },
    Center { id: DRINKS, name: "Fjord Drinks" },
];

pub const LOGINS: [Login; 10] = [
    Login { login: "ana", name: "Ana Moreau", member_of: &[(MEDIA, BcRole::Admin), (RETAIL, BcRole::Admin)] },
    Login { login: "carlos", name: "Carlos Vega", member_of: &[(MEDIA, BcRole::Admin)] },
    Login { login: "rosa", name: "Rosa Lima", member_of: &[(MEDIA, BcRole::Admin)] },
    Login { login: "marc", name: "Marc Duval", member_of: &[(MEDIA, BcRole::Admin)] },
    Login { login: "rita", name: "Rita Stein", member_of: &[(MEDIA, BcRole::Admin)] },
    Login { login: "nora", name: "Nora Quist", member_of: &[(MEDIA, BcRole::Admin)] },
    Login { login: "sven", name: "Sven Falk", member_of: &[(MEDIA, BcRole::Standard)] },
    Login { login: "walt", name: "Walt Gray", member_of: &[(AGENCY, BcRole::Admin)] },
    Login { login: "bo", name: "Bo Tanaka", member_of: &[(FOODS, BcRole::Admin), (DRINKS, BcRole::Admin)] },
    Login { login: "piet", name: "Piet Holm", member_of: &[(FOODS, BcRole::Admin)] },
];

/// An ad account of the story.
#[derive(Clone, Debug)]
pub struct Account {
    pub advertiser_id: String,
    pub name: String,
    pub org_id: &'static str,
    /// The Business Center that it was first connected in.
    pub center: &'static str,
    /// The login whose consent connected it.
    pub connected_by: &'static str,
    pub brand: &'static str,
    pub market: &'static str,
    pub partner: Option<&'static str>,
    /// Why it has lapsed; `None` = it is Active.
    pub cause: Option<&'static str>,
}

/// The accounts that have lapsed: last two digits, name, who connected it, cause. All are in Northwind Media but the
/// last one.
const LAPSED: [(u32, &str, &str, &str); 11] = [
    (11, "Authorization revoked", "rosa", "authorization_revoked"),
    (13, "Ad account moved", "ana", "ad_account_moved"),
    (16, "Ad account management missing", "marc", "ad_account_management_missing"),
    (17, "Reporting missing", "rita", "reporting_missing"),
    (18, "Ad account not granted", "ana", "ad_account_not_granted"),
    (19, "No ad accounts granted", "nora", "no_ad_accounts_granted"),
    (20, "Wrong Business Center", "walt", "wrong_business_center"),
    (21, "Not Business Center Admin", "sven", "not_business_center_admin"),
    (22, "Ad account not owned", "ana", "ad_account_not_owned"),
    (23, "Ad account not found", "ana", "ad_account_not_found"),
    (24, "Authorization revoked at Fjord", "piet", "authorization_revoked"),
];

/// All sixty accounts.
pub fn accounts() -> Vec<Account> {
    let lapsed = LAPSED.into_iter().map(|(number, name, login, cause)| {
        let at_fjord = login == "piet";
        Account {
            advertiser_id: advertiser_id(number),
            name: name.to_owned(),
            org_id: if at_fjord { BOREALIS } else { AURORA },
            center: if at_fjord { FOODS } else { MEDIA },
            connected_by: login,
            brand: if at_fjord { "foods" } else { "shop" },
            market: "de",
            partner: None,
            cause: Some(cause),
        }
    });
    let numbers = [12, 14, 15].into_iter().chain(25..=70);
    lapsed.chain(numbers.zip(0..).map(|(number, nth)| active(number, nth))).collect()
}

fn active(number: u32, nth: usize) -> Account {
    let market = ["de", "fr", "es", "it", "uk"][nth % 5];
    // The third one is the first of Fjord's; after that one in three.
    let (org_id, center, brand, name) = match (nth % 3, nth % 2) {
        (2, 0) => (BOREALIS, DRINKS, "drinks", "Fjord Drinks"),
        (2, _) => (BOREALIS, FOODS, "foods", "Fjord Foods"),
        (_, 0) => (AURORA, MEDIA, "shop", "Northwind Shop"),
        (_, _) => (AURORA, RETAIL, "outlet", "Northwind Outlet"),
    };
    Account {
        advertiser_id: advertiser_id(number),
        name: format!("{name} {} {number}", market.to_uppercase()),
        org_id,
        center,
        connected_by: if org_id == AURORA { "ana" } else { "bo" },
        brand,
        market,
        partner: [Some("agency-1"), None, Some("agency-2")][nth % 3],
        cause: None,
    }
}

fn advertiser_id(number: u32) -> String {
    format!("73182049566173204{number:02}")
}

/// Tells the whole story to an empty world, whose functions must be built. When that fails, TikTok is again as it was
/// before.
pub async fn seed(world: &World) -> anyhow::Result<()> {
    let before = world.tiktok.handle().snapshot();
    let told = tell(world).await;
    if told.is_err() {
        world.tiktok.handle().restore(&before)?;
    }
    told
}

async fn tell(world: &World) -> anyhow::Result<()> {
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn there_are_sixty_accounts_with_ids_of_their_own() {
        let accounts = accounts();
        let ids: BTreeSet<_> = accounts.iter().map(|account| &account.advertiser_id).collect();

        assert_eq!((accounts.len(), ids.len()), (60, 60));
        assert!(ids.iter().all(|id| id.len() == 19));
        for org_id in [AURORA, BOREALIS] {
            assert!(accounts.iter().filter(|account| account.org_id == org_id).count() > 15);
        }
    }

    #[test]
    fn the_accounts_that_the_example_events_name_are_what_they_say() {
        let accounts = accounts();
        let find = |number| accounts.iter().find(|account| account.advertiser_id == advertiser_id(number)).unwrap();

        assert_eq!((find(11).cause, find(11).market), (Some("authorization_revoked"), "de"));
        assert_eq!((find(12).cause, find(12).org_id), (None, AURORA));
        assert_eq!(find(13).cause, Some("ad_account_moved"));
        assert_ne!(find(14).market, "de");
        assert_eq!((find(14).org_id, find(15).org_id), (AURORA, BOREALIS));
    }
}
