//! The browser tests' own eyes: what they are to find is found.

use crate::support::browser::{Browser, Role, starts};
use crate::support::*;

const CODE: &str = "0123456789abcdef0123456789abcdef01234567";

#[tokio::test]
async fn what_a_page_must_not_do_is_found() {
    let Some(browser) = Browser::start().await else { return };
    // A page without a policy, which would keep it from doing most of this.
    browser.open("/local/").await;
    browser.expect_status(418);
    let wrong = format!(
        "const ignore = () => {{}};
         console.error('something broke');
         history.pushState(null, '', '/?auth_code={CODE}');
         const told = fetch('/healthz', {{ referrerPolicy: 'unsafe-url' }}).catch(ignore);
         history.pushState(null, '', '/#activation_ticket={CODE}');
         sessionStorage.setItem('kept', '/#activation_ticket={CODE}');
         return Promise.all([told, fetch('https://collector.example.com/').catch(ignore)]).then(ignore);"
    );
    browser.execute(&wrong, json!([])).await;

    let complaints = browser.complaints().await;
    for expected in [
        "something leaves for https://collector.example.com/",
        "a ticket or code stays in the history",
        "a ticket or code stays in what the tab keeps",
        "learns a secret from the Referer",
        "in the console: ",
        "something broke",
        "announced, and it never came: the server responded with a status of 418",
    ] {
        assert!(complaints.iter().any(|complaint| complaint.contains(expected)), "{expected}: {complaints:#?}");
    }
    browser.close().await;
}

#[tokio::test]
async fn axe_core_finds_what_has_no_name() {
    let Some(browser) = Browser::start().await else { return };
    browser.go(&browser.world.local.tiktok.url()).await;
    browser.execute("document.body.innerHTML = '<main><h1>Page</h1><button>Go</button></main>'", json!([])).await;
    browser.is_accessible("a button with a name").await;
    browser.execute("document.querySelector('button').textContent = ''", json!([])).await;
    if let Some(found) = browser.violations().await {
        assert!(found.iter().any(|violation| violation.contains("button-name")), "{found:?}");
    }
    browser.close().await;
}

/// Whoever cannot see a thing, or cannot reach it, does not find it.
#[tokio::test]
async fn only_what_can_be_used_is_found() {
    const BODY: &str = "document.body.innerHTML = `<main><h1>Page</h1>
        <button aria-label='Save'>x</button><button hidden>Hidden</button><button aria-hidden='true'>Unheard</button>
        <label>Name <input></label><a href='/'>Save</a><dialog><button>In the dialog</button></dialog></main>`";
    let Some(browser) = Browser::start().await else { return };
    browser.go(&browser.world.local.tiktok.url()).await;
    browser.execute(BODY, json!([])).await;
    browser.see(Role::Button, "Save").await;
    browser.fill(Role::TextBox, "Name", "Ana").await;
    assert_eq!(browser.execute("return document.querySelector('input').value", json!([])).await, "Ana");
    for name in ["x", "Hidden", "Unheard", "In the dialog"] {
        assert!(!browser.sees(Role::Button, name).await, "{name}");
    }
    browser.execute("document.querySelector('dialog').showModal()", json!([])).await;
    browser.see(Role::Button, "In the dialog").await;
    assert!(!browser.sees(Role::Link, "Save").await, "it is behind the dialog");
    browser.press("Escape").await;
    browser.see_no_more(Role::Button, "In the dialog").await;
    browser.close().await;
}

#[tokio::test]
async fn things_are_found_by_role_and_name() {
    const BODY: &str = "document.body.innerHTML = `<main><h1>Heading</h1>
        <section aria-labelledby='name'><h2 id='name'>Region</h2></section>
        <div role='tablist'><button role='tab'>Tab <span>10</span></button></div>
        <div role='menu'><button role='menuitem'>Item</button></div>
        <button>Button</button><a href='/'>Link</a><dialog open aria-label='Dialog'></dialog>
        <label>Search <input type='search'></label><input aria-label='Text'>
        <label><input type='checkbox'> Checkbox</label><button role='switch' aria-checked='true'>Switch</button>
        <label>List <select><option>One</option><option>Two</option></select></label></main>`";
    let Some(browser) = Browser::start().await else { return };
    browser.go(&browser.world.local.tiktok.url()).await;
    browser.execute(BODY, json!([])).await;
    for (role, name) in [
        (Role::Heading, "Heading"),
        (Role::Region, "Region"),
        (Role::Tab, "Tab 10"),
        (Role::MenuItem, "Item"),
        (Role::Button, "Button"),
        (Role::Link, "Link"),
        (Role::Dialog, "Dialog"),
        (Role::SearchBox, "Search"),
        (Role::TextBox, "Text"),
        (Role::Checkbox, "Checkbox"),
        (Role::Switch, "Switch"),
        (Role::ComboBox, "List"),
    ] {
        browser.see(role, name).await;
    }
    browser.see(Role::Tab, starts("Tab")).await;
    browser.choose("List", "Two").await;
    assert_eq!(browser.execute("return document.querySelector('select').value", json!([])).await, "Two");
    browser.close().await;
}
