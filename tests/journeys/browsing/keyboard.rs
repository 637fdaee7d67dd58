//! Without a mouse, and without seeing: the keyboard reaches everything, the focus is never lost, and what happens is said.

use crate::support::browser::{Browser, Role, starts};
use crate::support::*;

/// Role and name of what has the focus.
async fn focused(browser: &Browser) -> String {
    let (role, name) = browser.focus().await;
    format!("{role} {name}")
}

/// Presses Tab until this has the focus.
async fn tab_to(browser: &Browser, wanted: &str) {
    let mut passed = Vec::new();
    for _ in 0..40 {
        browser.press("Tab").await;
        let focus = focused(browser).await;
        if focus == wanted {
            return;
        }
        passed.push(focus);
    }
    panic!("Tab never comes to {wanted}, but to {passed:#?}");
}

async fn has_focus(browser: &Browser, wanted: &str) {
    browser
        .until(&format!("the focus being on {wanted}"), async || {
            let focus = focused(browser).await;
            if focus == wanted { Ok(()) } else { Err(format!("it is on {focus}").into()) }
        })
        .await;
}

#[tokio::test]
async fn the_whole_job_needs_no_mouse() {
    let Some(browser) = Browser::start().await else { return };
    let account = browser.world.lapsed(11).await;
    browser.open("/").await;
    browser.see(Role::Region, "Sign in").await;
    tab_to(&browser, "button Ana Moreau").await;
    browser.press("Enter").await;
    browser.lists(&[&account]).await;
    tab_to(&browser, "button Actions for Shop 11").await;
    browser.press("Enter").await;
    has_focus(&browser, "menuitem Activate").await;
    browser.press("Enter").await;
    browser.see(Role::Button, "Continue to TikTok").await;
    tab_to(&browser, "button Continue to TikTok").await;
    browser.press("Enter").await;
    browser.arrive_at_tiktok().await;
    tab_to(&browser, "button Continue as Ana Moreau").await;
    browser.press("Enter").await;
    browser.see(Role::Button, "Confirm").await;
    tab_to(&browser, "button Confirm").await;
    browser.press("Enter").await;
    browser.receipt("Reconnected").await;
    browser.hear("Reconnected").await;
    tab_to(&browser, "button Show in Active").await;
    browser.press("Enter").await;
    browser.lists(&[&account]).await;
    browser.finish().await;
}

#[tokio::test]
async fn arrows_change_the_tab() {
    let Some(browser) = Browser::start().await else { return };
    let account = browser.world.active(11).await;
    browser.open_as(&ANA, "/").await;
    browser.counts(0, 1).await;
    tab_to(&browser, "tab Needs Connecting 0").await;
    browser.press("ArrowRight").await;
    has_focus(&browser, "tab Active 1").await;
    browser.lists(&[&account]).await;
    for (key, focus) in [
        ("ArrowRight", "tab Needs Connecting 0"),
        ("ArrowLeft", "tab Active 1"),
        ("Home", "tab Needs Connecting 0"),
        ("Home", "tab Needs Connecting 0"),
        ("End", "tab Active 1"),
        ("End", "tab Active 1"),
    ] {
        browser.press(key).await;
        has_focus(&browser, focus).await;
    }
    browser.lists(&[&account]).await;
    // Only the chosen one is a stop on the way: Tab goes on to the search.
    browser.press("Tab").await;
    has_focus(&browser, "searchbox Search by Account ID").await;
    browser.finish().await;
}

#[tokio::test]
async fn the_menu_goes_round_and_gives_the_focus_back() {
    let Some(browser) = Browser::start().await else { return };
    let account = browser.world.lapsed(11).await;
    browser.open_as(&ANA, "/").await;
    browser.lists(&[&account]).await;
    tab_to(&browser, "button Actions for Shop 11").await;
    browser.press("Enter").await;
    has_focus(&browser, "menuitem Activate").await;
    browser.looks_right("menu").await;
    for (key, item) in [
        ("ArrowDown", "Check now"),
        ("ArrowDown", "Details"),
        ("ArrowDown", "Activate"),
        ("ArrowUp", "Details"),
        ("Home", "Activate"),
        ("End", "Details"),
    ] {
        browser.press(key).await;
        has_focus(&browser, &format!("menuitem {item}")).await;
    }
    browser.press("Escape").await;
    has_focus(&browser, "button Actions for Shop 11").await;
    browser.see_no_more(Role::MenuItem, "Details").await;

    browser.press("Enter").await;
    has_focus(&browser, "menuitem Activate").await;
    browser.press("End").await;
    browser.press("Enter").await;
    browser.see(Role::Heading, "History").await;
    has_focus(&browser, "heading Shop 11").await;
    browser.press("Escape").await;
    has_focus(&browser, "button Actions for Shop 11").await;
    browser.finish().await;
}

/// Tab stays in the dialog, Escape closes it, and the focus is where it was before. One above the other, too.
#[tokio::test]
async fn dialogs_keep_the_focus_and_give_it_back() {
    let Some(browser) = Browser::start().await else { return };
    let account = browser.world.lapsed(11).await;
    let link = format!("link {}, details of Shop 11", account.id);
    browser.open_as(&ANA, "/").await;
    browser.lists(&[&account]).await;
    tab_to(&browser, &link).await;
    browser.press("Enter").await;
    browser.see(Role::Heading, "History").await;
    has_focus(&browser, "heading Shop 11").await;
    stays_inside(&browser, "details").await;

    tab_to(&browser, "button Activate").await;
    browser.press("Enter").await;
    browser.see(Role::Button, "Continue to TikTok").await;
    has_focus(&browser, "heading Activate Shop 11").await;
    stays_inside(&browser, "activate").await;
    browser.press("Escape").await;
    has_focus(&browser, "button Activate").await;
    browser.press("Escape").await;
    has_focus(&browser, &link).await;
    assert!(!browser.sees(Role::Dialog, &account.name).await);
    browser.finish().await;
}

/// A round with Tab: everything that gets the focus is in this dialog, and is to be seen.
async fn stays_inside(browser: &Browser, dialog: &str) {
    const WHERE: &str = "const { activeElement: focus, body } = document;
        if (focus === body) return 'nothing';
        const { top, bottom, left, right } = focus.getBoundingClientRect();
        const over = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
        if (!focus.contains(over)) return `covered: ${focus.outerHTML}`;
        return focus.closest('dialog')?.id ?? `outside: ${focus.outerHTML}`;";
    let mut stops = 0;
    for _ in 0..25 {
        browser.press("Tab").await;
        let place = browser.execute(WHERE, json!([])).await;
        // Between the last and the first the focus is the browser's own.
        assert!(place == dialog || place == "nothing", "{place}");
        stops += usize::from(place == dialog);
    }
    assert!(stops > 15, "{stops} of 25");
}

#[tokio::test]
async fn what_is_copied_or_found_is_said() {
    let Some(browser) = Browser::start().await else { return };
    let account = browser.world.lapsed(11).await;
    browser.open_as(&ANA, "/").await;
    browser.lists(&[&account]).await;
    let copy = format!("Copy Account ID {}", account.id);
    tab_to(&browser, &format!("button {copy}")).await;
    browser.press("Enter").await;
    browser.hear(&format!("Copied Account ID {}", account.id)).await;
    has_focus(&browser, &format!("button {copy}")).await;
    assert_eq!(browser.clipboard().await, account.id);
    browser.fill(Role::SearchBox, "Search by Account ID", "shop").await;
    browser.hear("1 ad account found").await;
    browser.begin(&account).await;
    browser.click_button("Copy Business Center ID").await;
    browser.hear("Copied Business Center ID").await;
    assert_eq!(browser.clipboard().await, MEDIA);
    browser.finish().await;
}

/// Where the browser keeps the clipboard to itself, the text is said instead.
#[tokio::test]
async fn what_cannot_be_copied_is_said_in_full() {
    let Some(browser) = Browser::start().await else { return };
    let account = browser.world.lapsed(11).await;
    browser.open_as(&ANA, "/").await;
    browser.lists(&[&account]).await;
    let refuse = "navigator.clipboard.writeText = () => Promise.reject(new Error('not allowed'))";
    browser.execute(refuse, json!([])).await;
    browser.click_button(format!("Copy Account ID {}", account.id)).await;
    browser.hear(&format!("The browser does not let this page copy. It is: {}", account.id)).await;
    browser.see(Role::Tab, starts("Active")).await;
    browser.finish().await;
}
