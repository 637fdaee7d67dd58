//! A small town to test in: four people, two Business Centers, four ad accounts, one app.

use std::sync::Once;
use std::time::Duration;

use reqwest::{Client, Response, redirect::Policy};
use serde_json::{Value, json};
use tiktok_stand_in::{
    AdAccount, AdAccounts, App, BcRole, BusinessCenter, Clock, Consent, Membership, Options, Owner, Person,
    RelationStatus, StandIn,
};
use url::Url;

/// Makes a failure of a hang, and measures nothing.
pub const PATIENCE: Duration = Duration::from_mins(2);

pub const APP: &str = "7300000000000000031";
pub const SECRET: &str = "5ec4e75ec4e75ec4e75ec4e75ec4e75ec4e75ec4";
pub const CALLBACK: &str = "http://localhost:3000/oauth/tiktok/callback";
/// Newer than any published table.
pub const UNKNOWN_SCOPE: u64 = 7_580_203_444_061_896_721;

/// Ana is its admin, Ben a standard member without a role on any account.
pub const SHOP: &str = "7200000000000000021";
/// Cara is its admin.
pub const AGENCY: &str = "7200000000000000022";
/// Owned by SHOP.
pub const EU: &str = "7100000000000000011";
/// Owned by SHOP.
pub const US: &str = "7100000000000000022";
/// Owned by AGENCY, shared with SHOP.
pub const FR: &str = "7100000000000000033";
/// Dan's own, in no Business Center.
pub const DANS: &str = "7100000000000000044";

pub struct Town {
    pub tiktok: StandIn,
    pub http: Client,
}

impl Town {
    pub async fn new() -> Self {
        Self::with(Options::default()).await
    }

    /// Its clock goes on when a test says so.
    pub async fn where_time_stands_still() -> Self {
        let now = "2026-11-20T08:00:00Z".parse().unwrap();
        Self::with(Options { clock: Clock::from_fn(move || now), ..Options::default() }).await
    }

    async fn with(options: Options) -> Self {
        static PROVIDER: Once = Once::new();
        PROVIDER.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
        let tiktok = StandIn::start(([127, 0, 0, 1], 0).into(), options).await.unwrap();
        {
            let mut world = tiktok.handle().world();
            world.add_app(App::new(APP, SECRET, [CALLBACK], [1, 4, UNKNOWN_SCOPE])).unwrap();
            world.add_person(Person::new("ana").name("Ana M")).unwrap();
            for login in ["ben", "cara", "dan"] {
                world.add_person(Person::new(login)).unwrap();
            }
            world.add_business_center(BusinessCenter::new(SHOP, "Shop Group")).unwrap();
            world.add_business_center(BusinessCenter::new(AGENCY, "Agency")).unwrap();
            world.set_membership(SHOP, Membership::joined("ana", BcRole::Admin)).unwrap();
            world.set_membership(SHOP, Membership::joined("ben", BcRole::Standard)).unwrap();
            world.set_membership(AGENCY, Membership::joined("cara", BcRole::Admin)).unwrap();
            let owned = [(EU, "Shop EU", SHOP), (US, "Shop US", SHOP), (FR, "Shop FR", AGENCY)];
            for (id, name, owner) in owned {
                world.add_ad_account(AdAccount::new(id, name, Owner::business_center(owner))).unwrap();
            }
            world.add_ad_account(AdAccount::new(DANS, "Dan's own", Owner::person("dan"))).unwrap();
            world.share(FR, SHOP, RelationStatus::Bound).unwrap();
        }
        let http = Client::builder().redirect(Policy::none()).no_proxy().build().unwrap();
        Self { tiktok, http }
    }

    /// A token of Ana's for everything.
    pub fn ana(&self) -> String {
        self.token("ana", &[1, 4])
    }

    /// A token with these scopes for everything that its person reaches.
    pub fn token(&self, login: &str, scopes: &[u64]) -> String {
        self.tiktok.handle().authorize(login, APP, scopes, AdAccounts::All).unwrap().access_token
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}/open_api/v1.3{path}", self.tiktok.base_url())
    }

    pub async fn send(&self, token: &str, path: &str, query: &[(&str, &str)]) -> reqwest::Result<Response> {
        self.http.get(self.url(path)).header("Access-Token", token).query(query).send().await
    }

    /// An envelope: HTTP 200 and JSON, or the test fails.
    pub async fn get(&self, token: &str, path: &str, query: &[(&str, &str)]) -> Value {
        envelope(self.send(token, path, query).await.unwrap()).await
    }

    pub async fn code(&self, token: &str, path: &str, query: &[(&str, &str)]) -> i64 {
        self.get(token, path, query).await["code"].as_i64().unwrap()
    }

    pub async fn post(&self, path: &str, body: &Value) -> Value {
        envelope(self.http.post(self.url(path)).json(body).send().await.unwrap()).await
    }

    /// `/oauth2/advertiser/get/` with the right credentials.
    pub async fn authorized(&self, token: &str) -> Value {
        self.get(token, "/oauth2/advertiser/get/", &[("app_id", APP), ("secret", SECRET)]).await
    }

    pub async fn exchange(&self, code: &str) -> Value {
        self.post("/oauth2/access_token/", &json!({ "app_id": APP, "secret": SECRET, "auth_code": code })).await
    }

    pub fn link(&self) -> String {
        self.tiktok.authorization_url(APP, CALLBACK, "the-state")
    }

    /// Consents and returns the code of the redirect.
    pub fn consent(&self, consent: Consent) -> String {
        let outcome = self.tiktok.handle().consent(&self.link(), consent).unwrap();
        parameter(&outcome.redirect.unwrap(), "auth_code").unwrap()
    }
}

pub async fn envelope(response: Response) -> Value {
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/json");
    response.json().await.unwrap()
}

pub fn parameter(url: &Url, wanted: &str) -> Option<String> {
    url.query_pairs().find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned())
}

/// The values of one field in `data.list`.
pub fn column(envelope: &Value, field: &str) -> Vec<String> {
    let list = envelope["data"]["list"].as_array().unwrap_or_else(|| panic!("no list in {envelope}"));
    list.iter().map(|entry| entry[field].as_str().unwrap().to_owned()).collect()
}
