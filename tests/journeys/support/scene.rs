//! TikTok's side before anything happens, and ad accounts to put there.
//!
//! | Business Center | Admins | others |
//! |---|---|---|
//! | [`MEDIA`] | `ana` (Ana Moreau), `carlos` (Carlos Vega), `marc`, `rita` | `sven`, Standard |
//! | [`RETAIL`] | `ana`, `carlos` | |
//! | [`AGENCY`] | `walt`, `wilma` | |
//! | [`FOODS`], [`DRINKS`] | `bo`, `piet` | |
//!
//! Nobody has ad accounts yet. Two Admins everywhere, because a single one is a risk that the service reports.

pub use local::demo::cast::{AGENCY, DRINKS, FOODS, MEDIA, RETAIL};
use local::demo::cast::{CENTERS, Center, LOGINS};
use tiktok_stand_in::{AdAccount, BcRole, BusinessCenter, Handle, Membership, Owner, Person};

use super::people::{AURORA, BOREALIS};

const ADMINS: [(&str, &[&str]); 8] = [
    ("ana", &[MEDIA, RETAIL]),
    ("carlos", &[MEDIA, RETAIL]),
    ("marc", &[MEDIA]),
    ("rita", &[MEDIA]),
    ("walt", &[AGENCY]),
    ("wilma", &[AGENCY]),
    ("bo", &[FOODS, DRINKS]),
    ("piet", &[FOODS, DRINKS]),
];

/// What somebody is called at TikTok. All but Wilma are in the demo world, too.
fn name_of(login: &str) -> &'static str {
    LOGINS.iter().find(|one| one.login == login).map_or("Wilma Gray", |one| one.name)
}

/// Everything in the table above.
pub fn populate(tiktok: &Handle) {
    let mut world = tiktok.world();
    for Center { id, name } in CENTERS {
        world.add_business_center(BusinessCenter::new(id, name)).expect("a new Business Center");
    }
    for (login, centers) in ADMINS {
        world.add_person(Person::new(login).name(name_of(login))).expect("a new login");
        for center in centers {
            world.set_membership(center, Membership::joined(login, BcRole::Admin)).expect("a member");
        }
    }
    world.add_person(Person::new("sven").name(name_of("sven"))).expect("a new login");
    world.set_membership(MEDIA, Membership::joined("sven", BcRole::Standard)).expect("a member");
}

/// One ad account, as TikTok and CreativeX know it. `Account::new(11)` is a German shop in [`MEDIA`] of Aurora.
#[derive(Clone, Debug)]
pub struct Account {
    pub id: String,
    pub name: String,
    pub org_id: &'static str,
    /// The Business Center that owns it, and that CreativeX connected it from.
    pub center: &'static str,
    /// The login whose consent connects it when it is imported with a token.
    pub login: &'static str,
    pub brand: &'static str,
    pub market: &'static str,
    pub partner: Option<&'static str>,
}

impl Account {
    pub fn new(number: u32) -> Self {
        Self {
            id: format!("71000000000000{number:05}"),
            name: format!("Shop {number}"),
            org_id: AURORA,
            center: MEDIA,
            login: "ana",
            brand: "shop",
            market: "de",
            partner: Some("agency-1"),
        }
    }

    /// The other organisation's: in [`FOODS`], connected by `bo`.
    pub fn of_borealis(number: u32) -> Self {
        Self { org_id: BOREALIS, center: FOODS, login: "bo", brand: "foods", ..Self::new(number) }
    }

    pub fn center_name(&self) -> &'static str {
        CENTERS.iter().find(|one| one.id == self.center).map_or("Another Business Center", |one| one.name)
    }

    /// As TikTok has it.
    pub fn at_tiktok(&self) -> AdAccount {
        let mut account = AdAccount::new(&self.id, &self.name, Owner::business_center(self.center));
        account.daily_spend = Some(12.5);
        account
    }
}
