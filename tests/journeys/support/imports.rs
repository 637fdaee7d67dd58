//! Accounts that CreativeX knows: what `import-accounts` is given.

use tiktok_stand_in::{AdAccounts, Authorized};

use super::scene::Account;
use super::{TestWorld, Value, json};

impl TestWorld {
    /// Makes the account at TikTok.
    pub fn at_tiktok(&self, account: &Account) {
        self.tiktok().world().add_ad_account(account.at_tiktok()).expect("a new ad account");
    }

    /// Authorizes our app for these accounts with all its permissions, without any clicking.
    pub fn authorize(&self, login: &str, accounts: &[&Account]) -> Authorized {
        self.authorize_for(login, accounts, |_| true)
    }

    /// As [`TestWorld::authorize`], with some of the permissions only.
    pub fn authorize_for(&self, login: &str, accounts: &[&Account], is_on: impl Fn(&u64) -> bool) -> Authorized {
        let ids = AdAccounts::only(accounts.iter().map(|account| account.id.clone()));
        let scopes: Vec<u64> = local::tiktok::APP_SCOPES.into_iter().filter(is_on).collect();
        self.tiktok().authorize(login, self.local.tiktok.app_id(), scopes, ids).expect("an authorization")
    }

    /// Invokes `import-accounts` for accounts of one organisation, connected with this token or not connected at all.
    pub async fn import(&self, accounts: &[&Account], token: Option<&Authorized>) -> Value {
        let connected = token.map(|token| {
            let scopes: Vec<String> = token.scopes.iter().map(u64::to_string).collect();
            json!({ "access_token": token.access_token, "scopes": scopes })
        });
        self.import_rows(accounts, connected.as_ref()).await
    }

    /// As [`TestWorld::import`], with this as each row's `connected`.
    pub async fn import_rows(&self, accounts: &[&Account], connected: Option<&Value>) -> Value {
        let org_id = accounts.first().expect("at least one account").org_id;
        let rows: Vec<Value> = accounts.iter().map(|account| row(account, connected)).collect();
        let event = json!({ "org_id": org_id, "accounts": rows });
        self.local.functions.invoke("import-accounts", event).await.expect("the import works")
    }

    /// New accounts that are Active with one grant: made at TikTok, authorized by the first one's login, imported.
    pub async fn all_active(&self, accounts: &[&Account]) -> Authorized {
        for account in accounts {
            self.at_tiktok(account);
        }
        let token = self.authorize(accounts.first().expect("at least one account").login, accounts);
        self.import(accounts, Some(&token)).await;
        token
    }

    /// A new Active account, `Account::new(number)`.
    pub async fn active(&self, number: u32) -> Account {
        let account = Account::new(number);
        self.all_active(&[&account]).await;
        account
    }

    /// A new account that was never connected: it is there at TikTok, and Needs Connecting here.
    pub async fn unconnected(&self, number: u32) -> Account {
        let account = Account::new(number);
        self.at_tiktok(&account);
        self.import(&[&account], None).await;
        account
    }

    /// A new account whose authorization was withdrawn at TikTok, and that has lapsed for it. Its dead grant is stored.
    pub async fn lapsed(&self, number: u32) -> Account {
        let account = self.active(number).await;
        self.lapse(&account).await;
        account
    }

    /// Withdraws the authorization by the account's login, and lets the service find out about this account.
    pub async fn lapse(&self, account: &Account) {
        let app_id = self.local.tiktok.app_id();
        self.tiktok().world().revoke_authorization(account.login, app_id).expect("an authorization to withdraw");
        let manager = self.manager_of(account);
        let answer = self.as_(&manager).validate(account).await;
        assert_eq!(answer.expect(200)["status"], "needs_connecting", "{answer:?}");
    }
}

pub(super) fn row(account: &Account, connected: Option<&Value>) -> Value {
    let mut row = json!({
        "advertiser_id": account.id, "name": account.name,
        "business_center_id": account.center, "business_center_name": account.center_name(),
        "brand": account.brand, "market": account.market,
        "connected_by": format!("{}@example.com", account.login),
    });
    if let Some(partner) = account.partner {
        row["partner"] = json!(partner);
    }
    if let Some(connected) = connected {
        row["connected"] = connected.clone();
    }
    row
}
