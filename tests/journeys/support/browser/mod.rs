//! A real browser in a world of its own: Chromium without a window, used as people use it.
//!
//! ```ignore
//! #[tokio::test]
//! async fn victor_may_only_look() {
//!     let Some(browser) = Browser::start().await else { return };   // not installed, and said so
//!     let account = browser.world.lapsed(11).await;
//!     browser.open_as(&VICTOR, "/").await;
//!     browser.lists(&[&account]).await;
//!     browser.looks_right("the list").await;
//!     browser.finish().await;
//! }
//! ```
//!
//! | What you want | Where |
//! |---|---|
//! | the world around it | `browser.world`, a [`TestWorld`]; other settings: [`Browser::within`] |
//! | go somewhere | [`Browser::open`] (in the app), [`Browser::go`], `reload`, `back`, `forward`, [`Browser::url`] |
//! | use the page | [`acting`]: `click`, `click_button`, `fill`, `choose`, `press`; all wait until it can be done |
//! | look at it | [`acting`]: `see`, `sees`, `see_no_more`, `read`, `texts`; `execute` for the rest |
//! | the page *Ad Accounts* | [`app`]: sign in, the list, Activate, the receipt |
//! | TikTok's pages | [`tiktok`] |
//! | another tab | [`Browser::new_tab`], [`Browser::switch_to`] |
//! | dark, narrow | [`looks`]: [`Browser::show`] with a [`Look`]; [`Browser::looks_right`] in every one |
//! | nobody scrolls sideways | [`Browser::fits`] |
//! | axe-core finds nothing | [`Browser::is_accessible`] |
//! | an answer of 400 or more | [`Browser::expect_status`] beforehand: unannounced ones are errors |
//! | a picture in `docs/screenshots` | [`Browser::screenshot`], made only with `SCREENSHOTS=1` |
//! | tickets that came by | [`Browser::tickets`] |
//!
//! Every journey ends with [`Browser::finish`]: see [`watching`] for what it checks.

pub mod acting;
pub mod app;
pub mod axe;
pub mod installed;
pub mod looks;
pub mod tiktok;
pub mod watching;
pub mod wire;

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use local::paths;
use tokio::sync::{Semaphore, SemaphorePermit};
use url::Url;

pub use acting::{Role, starts};
pub use looks::Look;

use super::{Setup, TestWorld, Value, json};
use watching::Watched;
use wire::Session;

/// So many browsers at once, whatever the number of tests that run: each has half a dozen processes.
static PLACES: Semaphore = Semaphore::const_new(2);

/// Somebody's browser, and the world that it is in.
pub struct Browser {
    pub world: TestWorld,
    session: Session,
    watched: Mutex<Watched>,
    // After the session, which uses it until its end.
    folder: Folder,
    _place: SemaphorePermit<'static>,
}

/// A tab, to come back to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tab(String);

impl Browser {
    /// A browser in the usual world. `None` where none is installed; then this has been said.
    pub async fn start() -> Option<Self> {
        Self::within(TestWorld::with()).await
    }

    /// A browser in a world with other settings.
    pub async fn within(setup: Setup) -> Option<Self> {
        let programs = installed::programs()?;
        let place = PLACES.acquire().await.expect("nobody closes this");
        let world = setup.start().await;
        let folder = Folder::new();
        let session = Session::start(world.http.clone(), &programs, &folder.0).await;
        let browser = Self { world, session, watched: Mutex::default(), folder, _place: place };
        browser.show(Look::WIDE).await;
        Some(browser)
    }

    /// Checks what must hold after every journey, closes the browser and ends the world.
    pub async fn finish(self) {
        let complaints = self.complaints().await;
        assert!(complaints.is_empty(), "{}\n{}", complaints.join("\n"), self.scene().await);
        self.close().await;
    }

    /// Closes the browser and ends the world, whatever the browser has to complain about.
    pub async fn close(self) {
        self.session.quit().await;
        self.world.finish().await;
    }

    /// Opens a path of the app, such as `/?tab=active`.
    pub async fn open(&self, path: &str) {
        self.go(&format!("{}{path}", self.world.local.gateway_url())).await;
    }

    pub async fn go(&self, url: &str) {
        self.navigate("/url", json!({ "url": url })).await;
    }

    pub async fn reload(&self) {
        self.navigate("/refresh", json!({})).await;
    }

    pub async fn back(&self) {
        self.navigate("/back", json!({})).await;
    }

    pub async fn forward(&self) {
        self.navigate("/forward", json!({})).await;
    }

    async fn navigate(&self, path: &str, body: Value) {
        self.session.post(path, body).await.unwrap_or_else(|refusal| panic!("{path}: {refusal}"));
    }

    /// What stands in the address bar.
    pub async fn url(&self) -> Url {
        let url = self.session.get("/url").await.expect("a tab is open");
        Url::parse(url.as_str().unwrap_or_default()).expect("a tab has an address")
    }

    /// Waits until the address bar says this, as a test of the address, and gives the address.
    pub async fn arrive(&self, what: &str, is_there: impl Fn(&Url) -> bool) -> Url {
        self.until(&format!("arriving at {what}"), async || {
            let url = self.url().await;
            if is_there(&url) { Ok(url) } else { Err(format!("it is {url}").into()) }
        })
        .await
    }

    /// Runs this in every page of the present tab from now on, before the page's own scripts.
    pub async fn before_each_page(&self, script: &str) {
        self.session.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": script })).await;
    }

    /// The tab that is shown.
    pub async fn tab(&self) -> Tab {
        let handle = self.session.get("/window").await.expect("a tab is open");
        Tab(handle.as_str().unwrap_or_default().to_owned())
    }

    /// Opens an empty tab and shows it.
    pub async fn new_tab(&self) -> Tab {
        let opened = self.session.post("/window/new", json!({ "type": "tab" })).await.expect("a new tab");
        let tab = Tab(opened["handle"].as_str().unwrap_or_default().to_owned());
        self.switch_to(&tab).await;
        self.show(Look::WIDE).await;
        tab
    }

    pub async fn switch_to(&self, tab: &Tab) {
        self.session.post("/window", json!({ "handle": tab.0 })).await.expect("the tab is open");
    }

    async fn tabs(&self) -> Vec<Tab> {
        let handles = self.session.get("/window/handles").await.expect("a browser has tabs");
        handles
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(|handle| Tab(handle.to_owned()))
            .collect()
    }

    /// What is to be seen, for whoever reads that a test failed.
    async fn scene(&self) -> String {
        let picture = self.folder.0.with_extension("png");
        self.picture(&picture).await;
        let (url, texts, console) = (self.url().await, self.texts("body").await.join("\n"), self.console().await);
        format!("at {url}\nseen in {}\nconsole: {console:#?}\n\n{texts}", picture.display())
    }

    fn watched<T>(&self, look: impl FnOnce(&mut Watched) -> T) -> T {
        look(&mut self.watched.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A folder of one browser's own, for its profile.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let state = paths::state().expect("a target folder");
        let folder = state.with_file_name("browsing").join(format!("{}-{number}", std::process::id()));
        // Left by a test of long ago that failed.
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a folder for the browser");
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A browser that ends with a test that failed may write once more: then something stays in `target`.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
