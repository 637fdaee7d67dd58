//! One walk through the main states, with a picture of each in `docs/screenshots` (`just screenshots`).

use jiff::SignedDuration;
use tiktok_stand_in::{AdvertiserRole, Owner};

use crate::support::browser::{Browser, Role, starts};
use crate::support::*;

const REPORTING: u64 = 4;

/// An ad account of the pictures: what tells it apart, and whose consent connected it.
fn account(number: u32, name: &str, brand: &'static str, market: &'static str, login: &'static str) -> Account {
    Account { name: name.to_owned(), brand, market, login, ..Account::new(number) }
}

/// An organisation on an ordinary day: most is Active, and some things have gone wrong, each in its own way.
async fn an_ordinary_day(world: &TestWorld) -> [Account; 3] {
    let shop = account(11, "Northwind Shop Germany", "shop", "de", "ana");
    let outlet = account(12, "Northwind Outlet Germany", "outlet", "de", "ana");
    let home = account(13, "Northwind Home Italy", "home", "it", "marc");
    let kids = account(14, "Northwind Kids France", "kids", "fr", "carlos");
    let sport = account(15, "Northwind Sport Spain", "sport", "es", "sven");
    let active = [
        account(21, "Northwind Shop France", "shop", "fr", "carlos"),
        account(22, "Northwind Shop Netherlands", "shop", "nl", "carlos"),
        account(23, "Northwind Shop United Kingdom", "shop", "uk", "carlos"),
        Account { partner: None, ..account(24, "Northwind Home Spain", "home", "es", "carlos") },
    ];
    let by_carlos: Vec<&Account> = active.iter().chain([&kids]).collect();
    world.all_active(&by_carlos).await;
    world.all_active(&[&shop, &outlet]).await;
    world.all_active(&[&sport]).await;
    world.at_tiktok(&home);
    let without_reporting = world.authorize_for("marc", &[&home], |scope| *scope != REPORTING);
    world.import(&[&home], Some(&without_reporting)).await;
    {
        let mut tiktok = world.tiktok().world();
        tiktok.move_account(&kids.id, Owner::business_center(AGENCY)).unwrap();
        tiktok.set_account_role(&sport.id, MEDIA, "sven", Some(AdvertiserRole::Operator)).unwrap();
    }
    for account in [&shop, &outlet, &active[0]] {
        world.as_(&ANA).validate(account).await.expect(200);
    }
    world.pass(SignedDuration::from_hours(3 * 24));
    for account in [&kids, &sport, &home] {
        assert_eq!(world.as_(&ANA).validate(account).await.expect(200)["status"], "needs_connecting");
    }
    for account in [&shop, &outlet] {
        let app_id = world.local.tiktok.app_id();
        let _ = world.tiktok().world().revoke_authorization("ana", app_id);
        assert_eq!(world.as_(&ANA).validate(account).await.expect(200)["status"], "needs_connecting");
    }
    for (account, hours) in [(&shop, 7), (&outlet, 7), (&home, 20), (&kids, 31), (&sport, 52)] {
        let since = local::clock::now() - SignedDuration::from_hours(hours);
        let (pk, sk) = (format!("ORG#{}", account.org_id), format!("ACCOUNT#{}", account.id));
        world.set_text(&pk, &sk, "lapsed_since", &since.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    }
    [shop, outlet, home]
}

#[tokio::test]
async fn the_main_states_look_right() {
    let Some(browser) = Browser::start().await else { return };
    let [shop, outlet, home] = an_ordinary_day(&browser.world).await;
    browser.open_as(&ANA, "/").await;
    browser.counts(5, 4).await;
    browser.looks_right_and_is_pictured("list").await;
    browser.open_details(&shop).await;
    browser.looks_right_and_is_pictured("details").await;
    browser.click_button("Close").await;

    browser.begin(&shop).await;
    browser.click(Role::Checkbox, starts("Also reconnect the 4 other lapsed ad accounts")).await;
    browser.looks_right_and_is_pictured("activate").await;
    browser.continue_to_tiktok().await;
    browser.sign_in_to_tiktok("Ana Moreau").await;
    browser.looks_right_and_is_pictured("consent").await;
    browser.confirm().await;
    browser.receipt("Reconnected").await;
    assert!(browser.line(&outlet).await.contains("Active."));
    browser.looks_right_and_is_pictured("receipt").await;
    browser.click_button("Done").await;
    browser.click(Role::Tab, starts("Active")).await;
    browser.read("tr[data-account] .pill", "Active").await;
    browser.looks_right_and_is_pictured("active").await;

    browser.choose_action(&home, "Renew connection").await;
    browser.continue_to_tiktok().await;
    browser.click(Role::Switch, "Reporting").await;
    browser.confirm().await;
    browser.receipt("Not reconnected").await;
    browser.looks_right_and_is_pictured("refused").await;
    browser.finish().await;
}
