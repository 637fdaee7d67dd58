//! `WebDriver`, as much of it as is needed: JSON over HTTP to a `chromedriver` of one's own.
//!
//! Why no library: `thirtyfour` would turn on `serde_json/preserve_order` for everything that is built with the tests, the
//! functions included, and `fantoccini` brings the HTTP types of years ago beside today's. What is used here of the
//! protocol is one request with a body and one without.

use std::fmt;
use std::path::Path;
use std::process::Stdio;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use super::super::{Value, json};
use super::installed::Programs;

/// The name under which the protocol hands out elements, fixed by the W3C.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A fresh profile, no sandbox (as root there is none), and nobody whom Chromium asks for news by itself. Names other than
/// this machine's own have no address, so that nothing can leave. With the pipe the browser ends when its driver does.
const ARGUMENTS: [&str; 16] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-breakpad",
    "--disable-crash-reporter",
    "--force-prefers-reduced-motion",
    "--hide-scrollbars",
    "--lang=en-US",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    "--remote-debugging-pipe",
];

/// One browser with its driver. Both end when this is dropped.
pub struct Session {
    http: reqwest::Client,
    url: String,
    _driver: Child,
}

/// What the driver says when it cannot: a word of the protocol, such as `stale element reference`, and a sentence.
#[derive(Debug)]
pub struct Refusal {
    pub error: String,
    pub message: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first_line = self.message.lines().next().unwrap_or_default();
        write!(f, "{}: {first_line}", self.error)
    }
}

/// Something on the page, as long as it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element(String);

impl Element {
    pub fn from_json(value: &Value) -> Option<Self> {
        value[ELEMENT].as_str().map(|id| Self(id.to_owned()))
    }

    pub fn to_json(&self) -> Value {
        json!({ ELEMENT: self.0 })
    }
}

impl Session {
    pub async fn start(http: reqwest::Client, programs: &Programs, profile: &Path) -> Self {
        let (driver, address) = start_driver(&programs.chromedriver).await;
        let profile = format!("--user-data-dir={}", profile.display());
        let arguments: Vec<&str> = ARGUMENTS.into_iter().chain([profile.as_str()]).collect();
        let capabilities = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "unhandledPromptBehavior": "ignore",
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
            "goog:chromeOptions": { "binary": programs.chromium, "args": arguments },
        } } });
        let mut session = Self { http, url: format!("{address}/session"), _driver: driver };
        let started = session.post("", capabilities).await.unwrap_or_else(|refusal| panic!("no browser: {refusal:?}"));
        let id = started["sessionId"].as_str().expect("a session has an id");
        session.url = format!("{address}/session/{id}");
        session
    }

    /// Closes the browser in an orderly way.
    pub async fn quit(self) {
        let _ = self.http.delete(&self.url).send().await;
    }

    pub async fn get(&self, path: &str) -> Result<Value, Refusal> {
        let request = self.http.get(format!("{}{path}", self.url));
        answer(request.send().await.expect("the driver answers")).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Result<Value, Refusal> {
        let request = self.http.post(format!("{}{path}", self.url)).json(&body);
        answer(request.send().await.expect("the driver answers")).await
    }

    /// Runs this function body in the page; a content security policy does not stop it.
    pub async fn execute(&self, script: &str, arguments: Value) -> Result<Value, Refusal> {
        self.post("/execute/sync", json!({ "script": script, "args": arguments })).await
    }

    /// As [`Session::execute`]; the result is what the script gives to the function that is its last argument.
    pub async fn execute_async(&self, script: &str, arguments: Value) -> Result<Value, Refusal> {
        self.post("/execute/async", json!({ "script": script, "args": arguments })).await
    }

    /// A command of the `DevTools` protocol, to the tab that is shown.
    pub async fn devtools(&self, command: &str, parameters: Value) -> Value {
        let body = json!({ "cmd": command, "params": parameters });
        self.post("/goog/cdp/execute", body).await.unwrap_or_else(|refusal| panic!("{command}: {refusal}"))
    }

    /// What was logged since the last time: `browser` is the console, `performance` the network.
    pub async fn log(&self, kind: &str) -> Vec<Value> {
        let entries = self.post("/se/log", json!({ "type": kind })).await.expect("the log can be read");
        entries.as_array().cloned().unwrap_or_default()
    }

    pub async fn click(&self, element: &Element) -> Result<(), Refusal> {
        self.post(&format!("/element/{}/click", element.0), json!({})).await.map(drop)
    }

    pub async fn clear(&self, element: &Element) -> Result<(), Refusal> {
        self.post(&format!("/element/{}/clear", element.0), json!({})).await.map(drop)
    }

    pub async fn type_into(&self, element: &Element, text: &str) -> Result<(), Refusal> {
        self.post(&format!("/element/{}/value", element.0), json!({ "text": text })).await.map(drop)
    }

    /// Role and name as the browser tells them to assistive technology.
    pub async fn role_and_name(&self, element: &Element) -> Result<(String, String), Refusal> {
        let role = self.get(&format!("/element/{}/computedrole", element.0)).await?;
        let name = self.get(&format!("/element/{}/computedlabel", element.0)).await?;
        Ok((role.as_str().unwrap_or_default().to_owned(), name.as_str().unwrap_or_default().to_owned()))
    }

    /// What is to be seen, as a PNG. `/screenshot` would give the same in twice as many bytes.
    pub async fn screenshot(&self) -> Vec<u8> {
        let picture = self.devtools("Page.captureScreenshot", json!({ "format": "png" })).await;
        BASE64_STANDARD.decode(picture["data"].as_str().unwrap_or_default()).expect("a picture is base64")
    }
}

/// The driver takes a free port in one world, IPv4 or IPv6, and gives up if somebody has the same in the other.
async fn start_driver(program: &Path) -> (Child, String) {
    for _ in 0..10 {
        if let Some(started) = try_driver(program).await {
            return started;
        }
    }
    panic!("chromedriver ends before it says its port");
}

async fn try_driver(program: &Path) -> Option<(Child, String)> {
    let mut driver = Command::new(program)
        .arg("--port=0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("chromedriver starts");
    let mut lines = BufReader::new(driver.stdout.take().expect("its output is piped")).lines();
    while let Some(line) = lines.next_line().await.expect("chromedriver prints text") {
        if let Some((_, port)) = line.split_once("started successfully on port ") {
            // Read on, so that neither the driver nor its browser is held up by a full pipe.
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return Some((driver, format!("http://127.0.0.1:{}", port.trim_end_matches('.'))));
        }
    }
    None
}

async fn answer(response: reqwest::Response) -> Result<Value, Refusal> {
    let is_success = response.status().is_success();
    let mut body: Value = response.json().await.expect("the driver answers in JSON");
    let value = body["value"].take();
    if is_success {
        return Ok(value);
    }
    let text = |field: &str| value[field].as_str().unwrap_or_default().to_owned();
    Err(Refusal { error: text("error"), message: text("message") })
}
