//! One small world at the stand-in: Ana is Admin of the Shop Group and ticked its three ad accounts.

use std::time::Duration;

use domain::ids::{AdvertiserId, BusinessCenterId};
use jiff::Timestamp;
use shared::sealing::AccessToken;
use shared::secrets::AppCredentials;
use shared::tiktok::TikTok;
use shared::tls::{ExtraRoots, tiktok_client};
use tiktok_stand_in::{
    AdAccount, AdAccounts, App, BcRole, BusinessCenter, Handle, Membership, Options, Owner, Person, RelationStatus,
    StandIn, Switches,
};
use tokio::time::Instant;
use url::Url;

pub const APP_ID: &str = "7300000000000000031";
pub const SECRET: &str = "5ec2e70123456789012345678901234567890123";
pub const REDIRECT_URI: &str = "https://reconnect.example.com/oauth/tiktok/callback";
/// One scope is newer than every published table and beyond what a double can hold.
pub const SCOPES: [u64; 3] = [1, 4, 7_543_056_879_933_489_153];

pub const SHOP: &str = "7200000000000000021";
pub const OTHER: &str = "7200000000000000022";
pub const ACCOUNTS: [&str; 3] = ["7123456789012345678", "7123456789012345679", "7123456789012345680"];

pub struct World {
    pub stand_in: StandIn,
    pub tiktok: TikTok,
    pub app: AppCredentials,
    /// Ana's.
    pub token: AccessToken,
}

impl World {
    pub async fn new() -> Self {
        Self::with(Switches::default()).await
    }

    pub async fn with(switches: Switches) -> Self {
        let stand_in = start(switches).await;
        let token = stand_in.handle().authorize("ana", APP_ID, SCOPES, AdAccounts::only(ACCOUNTS)).unwrap();
        let tiktok = client(&stand_in.base_url());
        Self { stand_in, tiktok, app: app(SECRET), token: access_token(token.access_token) }
    }

    pub fn at_tiktok(&self) -> &Handle {
        self.stand_in.handle()
    }

    /// A token of somebody else, or with other scopes; it covers everything that person reaches.
    pub fn token_of(&self, login: &str, scopes: impl Into<Vec<u64>>) -> AccessToken {
        let made = self.at_tiktok().authorize(login, APP_ID, scopes, AdAccounts::All).unwrap();
        access_token(made.access_token)
    }
}

async fn start(switches: Switches) -> StandIn {
    let options = Options { switches, ..Options::default() };
    let stand_in = StandIn::start(([127, 0, 0, 1], 0).into(), options).await.unwrap();
    let mut world = stand_in.handle().world();
    for login in ["ana", "ben", "cleo"] {
        world.add_person(Person::new(login)).unwrap();
    }
    for (bc_id, name) in [(SHOP, "Shop Group"), (OTHER, "Agency")] {
        world.add_business_center(BusinessCenter::new(bc_id, name)).unwrap();
    }
    for (bc_id, login, role) in
        [(SHOP, "ana", BcRole::Admin), (SHOP, "ben", BcRole::Standard), (OTHER, "cleo", BcRole::Admin)]
    {
        world.set_membership(bc_id, member(login, role, RelationStatus::Bound)).unwrap();
    }
    for id in ACCOUNTS {
        world.add_ad_account(AdAccount::new(id, "Shop", Owner::business_center(SHOP))).unwrap();
    }
    world.add_app(App::new(APP_ID, SECRET, [REDIRECT_URI], SCOPES)).unwrap();
    drop(world);
    stand_in
}

pub fn member(login: &str, role: BcRole, relation_status: RelationStatus) -> Membership {
    Membership { login: login.to_owned(), role, finance_role: None, relation_status }
}

pub fn client(base: &str) -> TikTok {
    let base: Url = base.parse().unwrap();
    TikTok::new(tiktok_client(&ExtraRoots::default()).unwrap(), base.clone(), base, now)
}

pub fn now() -> Timestamp {
    shared::clock::now()
}

pub fn app(secret: &str) -> AppCredentials {
    AppCredentials { app_id: APP_ID.to_owned(), secret: secret.to_owned().try_into().unwrap() }
}

pub fn access_token(text: impl Into<String>) -> AccessToken {
    text.into().try_into().unwrap()
}

pub fn shop() -> BusinessCenterId {
    SHOP.parse().unwrap()
}

pub fn account(id: &str) -> AdvertiserId {
    id.parse().unwrap()
}

/// Adds ad accounts of the Shop Group, with ascending ids.
pub fn add_accounts(world: &World, count: u64) -> Vec<AdvertiserId> {
    let ids: Vec<_> = (0..count).map(|number| (7_150_000_000_000_000_000 + number).to_string()).collect();
    let mut there = world.at_tiktok().world();
    for id in &ids {
        there.add_ad_account(AdAccount::new(id, "One of many", Owner::business_center(SHOP))).unwrap();
    }
    ids.iter().map(|id| account(id)).collect()
}

/// What has not ended by then hangs, on any machine.
pub const HANGS_AFTER: Duration = Duration::from_mins(1);

impl World {
    /// One try for each question, so that what it is answered is the answer.
    pub fn that_asks_once(mut self) -> Self {
        self.tiktok = self.tiktok.without_retries();
        self
    }
}

/// More time than anything should take.
pub fn soon() -> Instant {
    within(60_000)
}

pub fn within(milliseconds: u64) -> Instant {
    Instant::now() + Duration::from_millis(milliseconds)
}
