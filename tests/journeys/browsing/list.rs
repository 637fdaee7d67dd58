//! The list: tabs, search, filters, and what is shown when there is nothing to show.

use crate::support::browser::{Browser, Role, starts};
use crate::support::proxy::{Break, Mode};
use crate::support::*;

/// Two that need connecting and two that are Active, each different in something.
async fn four(world: &TestWorld) -> [Account; 4] {
    let german = Account { name: "Lumen Berlin".to_owned(), ..Account::new(11) };
    let french = Account {
        name: "Lumen Paris".to_owned(),
        market: "fr",
        partner: None,
        id: Account::new(712).id,
        ..Account::new(12)
    };
    let outlet = Account { name: "Outlet Berlin".to_owned(), brand: "outlet", ..Account::new(13) };
    let spanish =
        Account { name: "Lumen Madrid".to_owned(), market: "es", partner: Some("agency-2"), ..Account::new(14) };
    for account in [&german, &french] {
        world.at_tiktok(account);
    }
    world.import(&[&german, &french], None).await;
    world.all_active(&[&outlet, &spanish]).await;
    [german, french, outlet, spanish]
}

async fn chosen_tab(browser: &Browser) -> String {
    browser.texts("[role=tab][aria-selected=true]").await.concat()
}

#[tokio::test]
async fn the_tabs_count_and_are_in_the_address() {
    let Some(browser) = Browser::start().await else { return };
    let [german, french, outlet, spanish] = four(&browser.world).await;
    browser.open_as(&ANA, "/").await;
    browser.counts(2, 2).await;
    browser.lists(&[&german, &french]).await;
    browser.looks_right("list, Needs Connecting").await;
    browser.click(Role::Tab, starts("Active")).await;
    browser.lists(&[&outlet, &spanish]).await;
    browser.looks_right("list, Active").await;
    assert_eq!(browser.url().await.query(), Some("tab=active"));

    // The address is the view: whoever gets it sees the same.
    browser.open("/?tab=active&search=lumen").await;
    browser.lists(&[&spanish]).await;
    assert!(chosen_tab(&browser).await.starts_with("Active 2"));
    browser.finish().await;
}

#[tokio::test]
async fn the_search_finds_as_one_types_and_knows_the_other_tab() {
    let Some(browser) = Browser::start().await else { return };
    let [german, french, outlet, _] = four(&browser.world).await;
    browser.open_as(&ANA, "/").await;
    let search = async |text: &str| browser.fill(Role::SearchBox, "Search by Account ID", text).await;
    search("paris").await;
    browser.lists(&[&french]).await;
    browser.hear("1 ad account found").await;
    search(&french.id[..17]).await;
    browser.lists(&[&french]).await;
    // As it comes along when an id is copied from elsewhere.
    search(&format!("  {} ", german.id)).await;
    browser.lists(&[&german]).await;
    assert_eq!(browser.url().await.query(), Some(format!("search={}", german.id).as_str()));

    // What is not here may be in the other tab.
    search("outlet").await;
    browser.lists(&[]).await;
    browser.read(".empty", "There is one in Active.").await;
    browser.looks_right("nothing found here, but in Active").await;
    browser.click_button("Look in Active").await;
    browser.lists(&[&outlet]).await;
    assert!(chosen_tab(&browser).await.starts_with("Active"));

    search("nowhere").await;
    browser.read(".empty", "No ad account in Active matches “nowhere”").await;
    browser.read(".empty", "your CreativeX user may have no access to this ad account").await;
    assert!(!browser.sees(Role::Button, "Look in Needs Connecting").await);
    browser.looks_right("nothing found").await;
    browser.click_button("Show everything").await;
    browser.counts(2, 2).await;
    assert_eq!(browser.rows().await.len(), 2);
    assert_eq!(browser.execute("return document.getElementById('search').value", json!([])).await, "");
    browser.finish().await;
}

#[tokio::test]
async fn the_filters_narrow_it_down_together() {
    let Some(browser) = Browser::start().await else { return };
    let [german, french, outlet, spanish] = four(&browser.world).await;
    browser.open_as(&ANA, "/").await;
    let filter = async |field: &str, value: &str| {
        browser.fill(Role::ComboBox, field, value).await;
        browser.press("Enter").await;
    };
    filter("Market", "fr").await;
    browser.lists(&[&french]).await;
    filter("Market", "de").await;
    browser.lists(&[&german]).await;
    filter("Partner", "agency-2").await;
    browser.read(".empty", "No ad account in Needs Connecting matches the filters").await;
    filter("Market", "").await;
    browser.click_button("Look in Active").await;
    browser.lists(&[&spanish]).await;
    filter("Partner", "").await;
    filter("Brand", "outlet").await;
    browser.lists(&[&outlet]).await;
    assert_eq!(browser.url().await.query(), Some("tab=active&brand=outlet"));
    browser.reload().await;
    browser.lists(&[&outlet]).await;
    browser.see(Role::ComboBox, "Brand").await;
    assert_eq!(browser.execute("return document.getElementById('brand').value", json!([])).await, "outlet");
    browser.back().await;
    browser.lists(&[&outlet, &spanish]).await;
    assert_eq!(browser.execute("return document.getElementById('brand').value", json!([])).await, "");
    browser.counts(2, 2).await;
    browser.finish().await;
}

#[tokio::test]
async fn when_nothing_is_there_it_says_what_that_means() {
    let Some(browser) = Browser::start().await else { return };
    browser.open_as(&ANA, "/").await;
    browser.read(".empty", "Everything is connected").await;
    browser.looks_right("nothing needs connecting").await;
    browser.click(Role::Tab, starts("Active")).await;
    browser.read(".empty", "No ad account is active").await;
    browser.counts(0, 0).await;
    browser.finish().await;
}

#[tokio::test]
async fn while_it_loads_it_says_so() {
    let Some(browser) = Browser::start().await else { return };
    let account = browser.world.lapsed(11).await;
    browser.open("/").await;
    browser.see(Role::Region, "Sign in").await;
    browser.looks_right("sign-in").await;
    browser.hold("*/ad-accounts?*").await;
    browser.sign_in(&ANA).await;
    browser.read("table[aria-busy=true]", "").await;
    assert!(browser.texts("#panel").await.concat().contains("Loading"));
    browser.looks_right("list, loading").await;
    browser.release().await;
    browser.lists(&[&account]).await;
    assert_eq!(browser.texts("table[aria-busy=false]").await.len(), 1);
    browser.finish().await;
}

#[tokio::test]
async fn when_it_cannot_load_it_says_so_and_tries_again() {
    let Some(browser) = Browser::start().await else { return };
    let account = browser.world.lapsed(11).await;
    browser.world.dynamodb.strike(Break::nth_of_all(1).times(1_000), Mode::InternalError);
    browser.expect_status(503);
    browser.open_as(&ANA, "/").await;
    browser.read("#panel [role=alert]", "We could not do this just now").await;
    browser.looks_right("list, error").await;
    browser.click_button("Try again").await;
    browser.read("#panel [role=alert]", "We could not do this just now").await;
    browser.world.dynamodb.heal();
    browser.click_button("Try again").await;
    browser.lists(&[&account]).await;

    browser.go_offline().await;
    browser.click(Role::Tab, starts("Active")).await;
    browser.read("#panel [role=alert]", "There is no connection to CreativeX").await;
    browser.go_online().await;
    browser.click_button("Try again").await;
    browser.read(".empty", "No ad account is active").await;
    browser.finish().await;
}

#[tokio::test]
async fn the_page_about_the_local_world_looks_right() {
    let Some(browser) = Browser::start().await else { return };
    browser.open("/").await;
    browser.see(Role::Region, "Sign in").await;
    browser.execute("document.querySelector('a[href=\"/local/\"]').click()", json!([])).await;
    browser.arrive("the page about it", |url| url.path() == "/local/").await;
    browser.looks_right("about this local world").await;
    browser.finish().await;
}

/// A token that has run out is renewed without anybody noticing, as after a night with the page open.
#[tokio::test]
async fn a_sign_in_that_ran_out_is_renewed() {
    // The page holds its token in memory only, so it is spoiled on the way: once.
    const SPOIL: &str = "const send = window.fetch; let isSpoiled = false;
        window.fetch = (path, options) => {
            if (isSpoiled || !options?.headers?.Authorization) return send(path, options);
            isSpoiled = true;
            return send(path, { ...options, headers: { ...options.headers, Authorization: 'Bearer old' } });
        };";
    let Some(browser) = Browser::start().await else { return };
    let account = browser.world.lapsed(11).await;
    browser.open_as(&ANA, "/").await;
    browser.lists(&[&account]).await;
    browser.execute(SPOIL, json!([])).await;
    browser.expect_status(401);
    browser.click(Role::Tab, starts("Active")).await;
    browser.read(".empty", "No ad account is active").await;
    browser.finish().await;
}
