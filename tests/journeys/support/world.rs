//! Starting a world and ending it.

use std::collections::BTreeMap;
use std::time::Duration;

use local::world::{World, WorldOptions};
use tiktok_stand_in::{Handle, Switches};

use super::canaries::{Canaries, Kind};
use super::people::{ANA, AURORA, BO, Person};
use super::proxy::Proxy;
use super::scene::Account;
use super::{PATIENCE, build, invariants, sample, scene};

/// How a world differs from the usual one.
#[derive(Debug, Default)]
pub struct Setup {
    environment: BTreeMap<String, String>,
    switches: Switches,
    function_timeout: Option<Duration>,
    is_one_process_each: bool,
}

impl Setup {
    /// A variable for all functions, such as `("ACTIVATION_TTL_SECONDS", "1")`.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// What TikTok does where nobody knows for certain.
    #[must_use]
    pub fn switches(mut self, switches: Switches) -> Self {
        self.switches = switches;
        self
    }

    /// How long functions are told that they have. One that does not keep to that is killed only much later, and the gateway
    /// waits so long: whether an answer is the function's own does not depend on how busy the machine is.
    #[must_use]
    pub fn function_timeout(mut self, timeout: Duration) -> Self {
        self.function_timeout = Some(timeout);
        self
    }

    /// One process for each function: events wait for each other, and whoever comes meets the process of those before.
    #[must_use]
    pub fn one_process_each(mut self) -> Self {
        self.is_one_process_each = true;
        self
    }

    /// The functions log all they can. What the most talkative settings leave out must be left out on purpose.
    #[must_use]
    pub fn watched(self) -> Self {
        self.env("RUST_LOG", "trace")
    }

    pub async fn start(self) -> TestWorld {
        TestWorld::begin(self).await
    }
}

/// A running world. Everything in it is this test's own.
pub struct TestWorld {
    pub local: World,
    /// Between the functions and DynamoDB.
    pub dynamodb: Proxy,
    pub(super) http: reqwest::Client,
    pub(super) canaries: Canaries,
    is_finished: bool,
}

impl TestWorld {
    pub async fn start() -> Self {
        Setup::default().start().await
    }

    /// A world for what could lay a secret open: whatever the functions have to say is searched for it. Of the other worlds
    /// that is done in some, see [`sample::is_watched`].
    pub async fn start_watched() -> Self {
        Setup::default().watched().start().await
    }

    /// A world with other settings: `TestWorld::with().env("TICKET_TTL_SECONDS", "1").start().await`.
    pub fn with() -> Setup {
        Setup::default()
    }

    async fn begin(setup: Setup) -> Self {
        build::build_once().await;
        let mut environment = setup.environment;
        let level = if sample::is_watched() { "trace" } else { "info" };
        environment.entry("RUST_LOG".to_owned()).or_insert_with(|| level.to_owned());
        let tiktok = tiktok_stand_in::Options { switches: setup.switches, ..tiktok_stand_in::Options::default() };
        let usual = WorldOptions::default();
        let options = WorldOptions {
            environment,
            tiktok,
            function_timeout: setup.function_timeout.unwrap_or(usual.function_timeout),
            integration_timeout: usual.integration_timeout + PATIENCE,
            grace: PATIENCE,
            max_processes: if setup.is_one_process_each { 1 } else { usual.max_processes },
            ..usual
        };
        let local = World::start(options).await.expect("the world starts");
        let dynamodb = Proxy::start(local.dynamodb.url(), local.functions.clone()).await;
        local.set_dynamodb_url(&dynamodb.url());
        scene::populate(local.tiktok.handle());
        Self { local, dynamodb, http: http_client(), canaries: Canaries::default(), is_finished: false }
    }

    /// TikTok, to look at and to steer.
    pub fn tiktok(&self) -> &Handle {
        self.local.tiktok.handle()
    }

    /// A manager of the account's organisation who reaches everything.
    #[expect(clippy::unused_self, reason = "it is a question about who is in this world")]
    pub fn manager_of(&self, account: &Account) -> Person {
        if account.org_id == AURORA { ANA } else { BO }
    }

    /// Something recognisable that must show up nowhere but where it is issued.
    pub fn canary(&self, kind: Kind, secret: &str) {
        self.canaries.add(kind, secret);
    }

    /// Ends the functions and checks what must hold at the end of every journey.
    pub async fn finish(mut self) {
        self.is_finished = true;
        for function in self.local.functions.names() {
            self.local.functions.kill(function).await.expect("a known function");
        }
        self.check_invariants();
    }

    /// See [`invariants`]. Between two steps, too.
    pub fn check_invariants(&self) {
        invariants::check(self);
    }
}

impl Drop for TestWorld {
    #[expect(clippy::print_stderr, reason = "for whoever reads why a test failed")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", sample::again());
        }
        assert!(self.is_finished || std::thread::panicking(), "a journey ends with `world.finish().await`");
    }
}

fn http_client() -> reqwest::Client {
    // For its side effect: `reqwest` wants a crypto provider even for plain HTTP.
    drop(local::client::new().expect("a client"));
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(2 * PATIENCE)
        .build()
        .expect("a client")
}
