//! What a browser gave away, and what it complained about. Checked at the end of every journey:
//!
//! * nothing was asked of another host: this world's gateway and its TikTok are all there is;
//! * neither a ticket nor a code is in the address of a visited page, in what a tab keeps, or in any `Referer`, and the
//!   app learns no state from one;
//! * no error and no warning in the console, and no answer of 400 or more that the test has not announced.
//!
//! Tickets, states and sign-ins that come by are looked for in logs, table, queue and bus, too: see
//! [`canaries`](super::super::canaries).

use std::collections::BTreeSet;

use regex_lite::Regex;
use url::Url;

use super::super::canaries::Kind;
use super::super::{Value, json};
use super::Browser;

/// What was seen so far.
#[derive(Default)]
pub struct Watched {
    /// The address of each request.
    requests: Vec<Url>,
    /// `Host` and `Referer` of each request that had the latter.
    referers: Vec<(String, String)>,
    console: Vec<Value>,
    tickets: BTreeSet<String>,
    codes: BTreeSet<String>,
    states: BTreeSet<String>,
    sign_ins: BTreeSet<String>,
    /// How messages end that belong to the story.
    announced: BTreeSet<String>,
}

impl Watched {
    fn saw(&mut self, event: &Value) {
        let parameters = &event["params"];
        match event["method"].as_str().unwrap_or_default() {
            "Network.requestWillBeSent" => self.requested(&parameters["request"]["url"]),
            "Network.webSocketCreated" => self.requested(&parameters["url"]),
            "Network.requestWillBeSentExtraInfo" => {
                let headers = &parameters["headers"];
                if let Some(referer) = headers["Referer"].as_str() {
                    self.referers.push((headers["Host"].as_str().unwrap_or_default().to_owned(), referer.to_owned()));
                }
            }
            _ => {}
        }
        self.learn(&event.to_string());
    }

    fn requested(&mut self, url: &Value) {
        let url = Url::parse(url.as_str().unwrap_or_default()).unwrap_or_else(|error| panic!("{url}: {error}"));
        self.requests.push(url);
    }

    /// Whatever in this text is confidential by its looks.
    fn learn(&mut self, text: &str) {
        for (pattern, known) in [
            (r"activation_ticket=([\w-]{16,})", &mut self.tickets),
            (r"[?&](?:auth_)?code=([\w-]{16,})", &mut self.codes),
            (r"[?&]state=([\w-]{43})", &mut self.states),
            (r"Bearer ([\w.-]+)", &mut self.sign_ins),
        ] {
            let pattern = Regex::new(pattern).expect("a pattern");
            known.extend(pattern.captures_iter(text).map(|found| found[1].to_owned()));
        }
    }

    fn leaves(&self, origins: &[String]) -> Vec<String> {
        let on_the_wire = self.requests.iter().filter(|url| ["http", "https", "ws", "wss"].contains(&url.scheme()));
        let foreign = on_the_wire.filter(|url| !origins.contains(&url.origin().ascii_serialization()));
        foreign.map(|url| format!("something leaves for {url}")).collect()
    }

    fn leaks(&self, app: &str) -> Vec<String> {
        let has_secret = |(host, referer): &&(String, String)| {
            let states = self.states.iter().filter(|_| host == app);
            self.tickets.iter().chain(&self.codes).chain(states).any(|secret| referer.contains(secret))
        };
        let leaks = self.referers.iter().filter(has_secret);
        leaks.map(|(host, referer)| format!("{host} learns a secret from the Referer {referer}")).collect()
    }

    fn stays(&self, place: &str, text: &str) -> Option<String> {
        let stays = self.tickets.iter().chain(&self.codes).any(|secret| text.contains(secret));
        stays.then(|| format!("a ticket or code stays in {place}: {text}"))
    }

    fn console_complaints(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        let mut unseen = self.announced.clone();
        for entry in self.console.iter().filter(|entry| entry["level"] == "SEVERE" || entry["level"] == "WARNING") {
            match self.announced.iter().find(|what| is_failure_to_load(entry, what)) {
                Some(what) => drop(unseen.remove(what)),
                None => complaints.push(format!("in the console: {entry}")),
            }
        }
        complaints.extend(unseen.iter().map(|what| format!("announced, and it never came: {what}")));
        complaints
    }
}

fn is_failure_to_load(entry: &Value, what: &str) -> bool {
    let message = entry["message"].as_str().unwrap_or_default();
    entry["source"] == "network" && message.contains(&format!("Failed to load resource: {what}"))
}

impl Browser {
    /// Answers with this status are part of the story. At least one must come.
    pub fn expect_status(&self, status: u16) {
        self.watched(|watched| watched.announced.insert(format!("the server responded with a status of {status} ")));
    }

    /// From here on there is no connection, until [`Browser::go_online`].
    pub async fn go_offline(&self) {
        self.watched(|watched| watched.announced.insert("net::ERR_INTERNET_DISCONNECTED".to_owned()));
        self.connect(false).await;
    }

    pub async fn go_online(&self) {
        self.connect(true).await;
    }

    async fn connect(&self, is_online: bool) {
        let network = json!({ "offline": !is_online, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1 });
        self.session.devtools("Network.emulateNetworkConditions", network).await;
    }

    /// Keeps requests for such addresses (`*` is anything) waiting, until [`Browser::release`].
    pub async fn hold(&self, address: &str) {
        self.session.devtools("Fetch.enable", json!({ "patterns": [{ "urlPattern": address }] })).await;
    }

    pub async fn release(&self) {
        self.session.devtools("Fetch.disable", json!({})).await;
    }

    /// The tickets that came by.
    pub async fn tickets(&self) -> Vec<String> {
        self.watch().await;
        self.watched(|watched| watched.tickets.iter().cloned().collect())
    }

    /// What the console has had so far.
    pub async fn console(&self) -> Vec<Value> {
        self.watch().await;
        self.watched(|watched| watched.console.clone())
    }

    /// Takes over what the driver has logged meanwhile.
    async fn watch(&self) {
        let (network, console) = (self.session.log("performance").await, self.session.log("browser").await);
        self.watched(|watched| {
            for entry in network {
                let event: Value = serde_json::from_str(entry["message"].as_str().unwrap_or_default())
                    .unwrap_or_else(|error| panic!("{entry}: {error}"));
                watched.saw(&event["message"]);
            }
            watched.console.extend(console);
        });
    }

    /// Everything that is wrong by now.
    pub async fn complaints(&self) -> Vec<String> {
        self.watch().await;
        let mut complaints = self.what_stays().await;
        self.register_canaries();
        let app = self.world.local.gateway_url();
        let origins = [app.clone(), self.world.local.tiktok.url()];
        let host = app.trim_start_matches("http://");
        self.watched(|watched| {
            complaints.extend(watched.leaves(&origins));
            complaints.extend(watched.leaks(host));
            complaints.extend(watched.console_complaints());
        });
        complaints
    }

    fn register_canaries(&self) {
        self.watched(|watched| {
            let all =
                [(Kind::Ticket, &watched.tickets), (Kind::State, &watched.states), (Kind::Jwt, &watched.sign_ins)];
            for (kind, secrets) in all {
                for secret in secrets {
                    self.world.canary(kind, secret);
                }
            }
        });
    }

    /// The pages that Back leads to, and what the tabs keep.
    async fn what_stays(&self) -> Vec<String> {
        const KEPT: &str = "return JSON.stringify([{ ...sessionStorage }, { ...localStorage }, document.cookie])";
        let mut complaints = Vec::new();
        for tab in self.tabs().await {
            self.switch_to(&tab).await;
            let history = self.session.devtools("Page.getNavigationHistory", json!({})).await;
            let entries = history["entries"].as_array().cloned().unwrap_or_default();
            let mut places: Vec<_> = entries.iter().map(|entry| ("the history", entry["url"].to_string())).collect();
            if self.url().await.scheme() == "http" {
                places.push(("what the tab keeps", self.execute(KEPT, json!([])).await.to_string()));
            }
            self.watched(|watched| {
                for (_, text) in &places {
                    watched.learn(text);
                }
                complaints.extend(places.iter().filter_map(|(place, text)| watched.stays(place, text)));
            });
        }
        complaints
    }
}
