//! Who and what exists in the demo world: Business Centers, logins at TikTok, ad accounts. The tests' scenes have the same
//! Business Centers and people.
//!
//! Two organisations have sixty ad accounts in four Business Centers, and a fifth one belongs to an agency. Most are
//! Active. For each reason why an account can lapse there is one that has, named after it.

use tiktok_stand_in::BcRole;

use super::people::{AURORA, BOREALIS};

/// A Business Center.
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

/// The Business Centers, by id.
pub const MEDIA: &str = "7241906835517320466";
pub const RETAIL: &str = "7241906835517320467";
pub const AGENCY: &str = "7241906835517320468";
pub const FOODS: &str = "7241906835517320469";
pub const DRINKS: &str = "7241906835517320470";

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

/// An ad account.
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
