//! Five thousand ad accounts, and what the page weighs. `just page-timings` prints what it measures.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Command, Stdio};

use local::demo::page;

use crate::support::browser::{Browser, Role};
use crate::support::proxy::{Break, Mode};
use crate::support::*;

const BATCH: usize = 1_000;

/// So many ad accounts that need connecting, imported as CreativeX does it.
async fn imported(world: &TestWorld, number: u32) -> Vec<Account> {
    let accounts: Vec<Account> =
        (0..number).map(|nth| Account { name: format!("Shop {nth}"), ..Account::new(nth) }).collect();
    for batch in accounts.chunks(BATCH) {
        world.import(&batch.iter().collect::<Vec<_>>(), None).await;
    }
    accounts
}

/// Notes when the first row was there, when a click after it would have been heard, and what kept the page busy.
const WATCH: &str = "window.seen = { longest: 0 };
    new PerformanceObserver((list) => {
        for (const { duration } of list.getEntries()) seen.longest = Math.max(seen.longest, duration);
    }).observe({ type: 'longtask', buffered: true });
    new MutationObserver((_, observer) => {
        if (!document.querySelector('tr[data-account]')) return;
        observer.disconnect();
        seen.row = performance.now();
        requestAnimationFrame(() => setTimeout(() => { seen.interactive = performance.now(); }));
    }).observe(document, { childList: true, subtree: true });";

/// Scrolls down with every picture that is drawn, until no page is left to come.
const SCROLL: &str = "const begun = performance.now();
    const step = () => {
        scrollTo(0, document.documentElement.scrollHeight);
        seen.rows = document.querySelectorAll('tr[data-account]').length;
        if (document.querySelector('.more') || !seen.rows) requestAnimationFrame(step);
        else seen.scrolled = performance.now() - begun;
    };
    step();";

#[expect(clippy::print_stdout, reason = "measured, not asserted: somebody wants to read it")]
fn tell(measured: &str) {
    println!("{measured}");
}

/// Opens the list of somebody who is signed in, and scrolls to its end. What was measured is printed, and asserted nowhere.
async fn scrolled_to_the_end(browser: &Browser, accounts: &[Account]) {
    browser.before_each_page(WATCH).await;
    browser.reload().await;
    browser.lists_some().await;
    assert!(browser.rows().await.len() <= 200, "not all at once");
    browser.execute(SCROLL, json!([])).await;
    let seen = loop {
        let seen = browser.execute("return seen", json!([])).await;
        assert!(seen["rows"].as_u64() <= Some(accounts.len() as u64), "{seen}");
        if seen["scrolled"].is_number() {
            break seen;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    };
    let milliseconds = |what: &str| seen[what].as_f64().unwrap_or_default().round();
    tell(&format!(
        "{} ad accounts: first row after {} ms, interactive after {} ms, longest task {} ms, scrolled to the end in {} ms",
        accounts.len(),
        milliseconds("row"),
        milliseconds("interactive"),
        milliseconds("longest"),
        milliseconds("scrolled"),
    ));
    let shown = browser.rows().await;
    let expected: BTreeSet<_> = accounts.iter().map(|account| account.id.clone()).collect();
    assert_eq!(shown.len(), expected.len(), "each once");
    assert_eq!(shown.into_iter().collect::<BTreeSet<_>>(), expected);
}

#[tokio::test]
async fn fifty_are_there_at_once() {
    let Some(browser) = Browser::within(TestWorld::quick()).await else { return };
    let accounts = imported(&browser.world, 50).await;
    browser.open_as(&ANA, "/").await;
    scrolled_to_the_end(&browser, &accounts).await;
    browser.finish().await;
}

#[tokio::test]
async fn five_thousand_are_there_each_once_as_one_scrolls() {
    const PLACE: &str = "return scrollY";
    let Some(browser) = Browser::within(TestWorld::quick()).await else { return };
    let accounts = imported(&browser.world, 5_000).await;
    browser.open_as(&ANA, "/").await;
    browser.read("[role=tab]", "5,000").await;
    scrolled_to_the_end(&browser, &accounts).await;

    // The place in the list is kept while one looks at the details.
    let one = accounts.iter().find(|account| account.id.ends_with("04321")).expect("one of many");
    // What is far away is not even laid out.
    let row = format!("tr[data-account='{}']", one.id);
    browser.execute("document.querySelector(arguments[0]).scrollIntoView({ block: 'center' })", json!([row])).await;
    browser.open_details(one).await;
    let place = browser.execute(PLACE, json!([])).await;
    browser.click_button("Close").await;
    browser.see_no_more(Role::Dialog, &one.name).await;
    assert_eq!(browser.execute(PLACE, json!([])).await, place);
    assert_eq!(browser.rows().await.len(), 5_000);
    browser.fill(Role::SearchBox, "Search by Account ID", &one.id).await;
    browser.lists(&[one]).await;
    browser.finish().await;
}

/// When the next page cannot come, what is there stays, and one goes on from there.
#[tokio::test]
async fn a_page_that_does_not_come_costs_nobody_their_place() {
    let Some(browser) = Browser::within(TestWorld::quick()).await else { return };
    imported(&browser.world, 400).await;
    browser.hold("*cursor=*").await;
    browser.open_as(&ANA, "/").await;
    browser.lists_some().await;
    browser.execute("scrollTo(0, document.documentElement.scrollHeight)", json!([])).await;
    browser.see(Role::Button, "Loading more…").await;
    let there = browser.rows().await;
    browser.world.dynamodb.strike(Break::nth_of_all(1).times(1_000), Mode::InternalError);
    browser.expect_status(503);
    browser.release().await;
    browser.read("#panel [role=alert]", "We could not do this just now").await;
    assert_eq!(browser.rows().await, there);
    browser.is_accessible("list, no more of it").await;
    browser.world.dynamodb.heal();
    browser.click_button("Try again").await;
    browser
        .until("more of them", async || {
            let shown = browser.rows().await;
            let has_kept = shown.starts_with(&there);
            if has_kept && shown.len() > there.len() { Ok(()) } else { Err("there are no more".into()) }
        })
        .await;
    browser.finish().await;
}

/// Everything that a first visit loads, compressed as a web server would.
#[test]
fn the_page_is_light() {
    let files = files_in(&page::folder());
    let mut sizes: Vec<(String, usize)> = files
        .iter()
        .filter(|file| file.extension().is_some_and(|kind| ["html", "js", "css", "svg"].iter().any(|it| kind == *it)))
        .map(|file| (file.file_name().unwrap().to_string_lossy().into_owned(), gzipped(&std::fs::read(file).unwrap())))
        .collect();
    sizes.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
    let whole: usize = sizes.iter().map(|(_, size)| size).sum();
    tell(&format!("the page: {whole} bytes compressed: {sizes:?}"));
    assert!(sizes.len() > 10 && whole < 60_000, "{whole} bytes: {sizes:?}");
}

fn files_in(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_in(&path) } else { vec![path] }).collect()
}

fn gzipped(content: &[u8]) -> usize {
    let mut gzip =
        Command::new("gzip").arg("-9").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("gzip is there");
    let (mut stdin, content) = (gzip.stdin.take().expect("a pipe"), content.to_owned());
    let writing = std::thread::spawn(move || stdin.write_all(&content).expect("gzip reads"));
    let size = gzip.wait_with_output().expect("gzip ends").stdout.len();
    writing.join().expect("all was read");
    size
}
