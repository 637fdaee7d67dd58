//! Many grants at once: what outages, the guard and the pace are about.

use tiktok_stand_in::{Authorized, BcRole, BusinessCenter, Membership, Person};

use super::imports::row;
use super::scene::Account;
use super::{Setup, TestWorld, json};

/// The first ad account of a fleet is `Account::new` of this number.
const FIRST: u32 = 20_000;

/// One grant and what hangs on it. Its login and its Business Center are its own; `carlos` is the other Admin there.
#[derive(Debug)]
pub struct Granted {
    pub login: &'static str,
    pub token: Authorized,
    pub accounts: Vec<Account>,
}

impl TestWorld {
    /// Settings for a fleet: quiet, and with so large a limit that checks hardly wait for their turns.
    pub fn quick() -> Setup {
        Self::with().env("RUST_LOG", "info").env("TIKTOK_QPS", "50").env("CHECKS_AT_ONCE", "1")
    }

    /// So many grants with so many ad accounts each, all of them Active, and due for their first check.
    pub async fn fleet(&self, sizes: &[usize]) -> Vec<Granted> {
        let mut numbers = FIRST..;
        let mut fleet = Vec::new();
        for (place, size) in sizes.iter().enumerate() {
            // Worlds end with their tests, so what little is leaked here is, too.
            let login: &'static str = format!("fleet-{place}").leak();
            let center: &'static str = format!("72420000000000{place:05}").leak();
            {
                let mut world = self.tiktok().world();
                world.add_business_center(BusinessCenter::new(center, "Another Business Center")).expect("a new one");
                world.add_person(Person::new(login).name(login)).expect("a new login");
                for member in [login, "carlos"] {
                    world.set_membership(center, Membership::joined(member, BcRole::Admin)).expect("a member");
                }
            }
            let accounts: Vec<Account> =
                numbers.by_ref().take(*size).map(|number| Account { center, login, ..Account::new(number) }).collect();
            for account in &accounts {
                self.at_tiktok(account);
            }
            let token = self.authorize(login, &accounts.iter().collect::<Vec<_>>());
            fleet.push(Granted { login, token, accounts });
        }
        let rows: Vec<_> = fleet.iter().flat_map(Granted::rows).collect();
        let event = json!({ "org_id": Account::new(FIRST).org_id, "accounts": rows });
        self.local.functions.invoke("import-accounts", event).await.expect("the import works");
        fleet
    }

    /// Accounts with this status, as the table has them.
    pub fn how_many(&self, status: &str) -> usize {
        let rows = self.rows();
        let accounts = rows.iter().filter(|row| row["sk"].as_str().is_some_and(|sk| sk.starts_with("ACCOUNT#")));
        accounts.filter(|row| row["status"] == status).count()
    }

    /// Kinds of all committed events, sorted.
    pub fn all_kinds(&self) -> Vec<String> {
        let kind = |row: &super::Value| row["kind"].as_str().unwrap_or_default().to_owned();
        let mut kinds: Vec<String> = self.outbox().iter().map(kind).collect();
        kinds.sort();
        kinds
    }

    /// How many grants have a strike.
    pub fn struck_grants(&self) -> usize {
        self.rows().iter().filter(|row| row["check"]["strikes"].as_array().is_some_and(|all| !all.is_empty())).count()
    }
}

/// Where something is counted by the hour of the clock: a scene that the end of an hour has cut in two is played again.
pub async fn within_an_hour(scene: impl AsyncFn() -> (TestWorld, Vec<Granted>)) -> (TestWorld, Vec<Granted>) {
    let hour = || local::clock::now().as_second().div_euclid(3_600);
    loop {
        let begun = hour();
        let (world, fleet) = scene().await;
        if hour() == begun {
            return (world, fleet);
        }
        world.finish().await;
    }
}

impl Granted {
    fn rows(&self) -> impl Iterator<Item = super::Value> {
        let scopes: Vec<String> = self.token.scopes.iter().map(u64::to_string).collect();
        let connected = json!({ "access_token": self.token.access_token, "scopes": scopes });
        self.accounts.iter().map(move |account| row(account, Some(&connected)))
    }

    /// Its only ad account, or its first.
    pub fn account(&self) -> &Account {
        self.accounts.first().expect("at least one account")
    }
}
