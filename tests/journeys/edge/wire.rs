//! Requests byte by byte, because a good HTTP client does not send most of what is tried here.

use std::fmt;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::TestWorld;

/// A request. Nothing in it is checked or escaped.
#[derive(Clone)]
pub struct Request {
    method: String,
    target: Vec<u8>,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl Request {
    pub fn new(method: &str, target: &str) -> Self {
        Self { method: method.to_owned(), target: target.into(), headers: Vec::new(), body: Vec::new() }
    }

    /// `GET` with bytes in the request line that need not be text.
    pub fn raw_get(path: &str, more: &[u8]) -> Self {
        Self { target: [path.as_bytes(), more].concat(), ..Self::get(path) }
    }

    pub fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    pub fn post(target: &str) -> Self {
        Self::new("POST", target)
    }

    /// A `host` given here takes the place of the usual one.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// A body that says of itself that it is JSON.
    pub fn json(self, body: impl AsRef<[u8]>) -> Self {
        let mut request = self.header("content-type", "application/json");
        request.body = body.as_ref().to_vec();
        request
    }

    fn head(&self, host: &str) -> Vec<u8> {
        let mut head = [self.method.as_bytes(), b" ", &self.target, b" HTTP/1.1\r\nconnection: close\r\n"].concat();
        if !self.headers.iter().any(|(name, _)| name == "host") {
            head.extend(format!("host: {host}\r\n").bytes());
        }
        if !self.body.is_empty() {
            head.extend(format!("content-length: {}\r\n", self.body.len()).bytes());
        }
        for (name, value) in &self.headers {
            head.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
        }
        head.extend(b"\r\n");
        head
    }

    /// Sends it on a connection of its own and reads the answer to its end.
    pub async fn send(&self, world: &TestWorld) -> Reply {
        let url = world.local.gateway_url();
        let host = url.trim_start_matches("http://");
        let mut stream = TcpStream::connect(host).await.expect("the gateway listens");
        stream.set_nodelay(true).expect("a socket");
        // A server may answer and hang up before it has read everything.
        let _ = stream.write_all(&[self.head(host), self.body.clone()].concat()).await;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.expect("a whole answer");
        Reply::parse(&format!("{} {:.120}", self.method, String::from_utf8_lossy(&self.target)), &bytes)
    }
}

/// An answer as it came.
#[derive(Clone)]
pub struct Reply {
    pub request: String,
    pub status: u16,
    /// Names in lower case, in the order they came.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {} {:?} {}", self.request, self.status, self.headers, self.body)
    }
}

impl Reply {
    fn parse(request: &str, bytes: &[u8]) -> Self {
        let text = String::from_utf8(bytes.to_vec()).expect("answers are UTF-8");
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer to {request}: {text:?}"));
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok());
        let header = |line: &str| {
            assert!(!line.contains(['\r', '\n']), "T27: a bare line break in the answer to {request}: {line:?}");
            let (name, value) = line.split_once(':').expect("a header");
            (name.to_lowercase(), value.trim().to_owned())
        };
        let headers = lines.map(header).collect();
        Self { request: request.to_owned(), status: status.expect("a status"), headers, body: body.to_owned() }
    }

    /// A header that is there at most once; empty when it is absent.
    pub fn header(&self, name: &str) -> &str {
        let mut values = self.headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let first = values.next().unwrap_or_default();
        assert_eq!(values.next(), None, "{name} is there twice: {self:?}");
        first
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// Everything but what differs between two answers to the same question.
    pub fn comparable(&self) -> (u16, Vec<(String, String)>, String) {
        let id = self.header("apigw-requestid").to_owned();
        let own = |(name, _): &(String, String)| !["date", "apigw-requestid"].contains(&name.as_str());
        (self.status, self.headers.iter().filter(|header| own(header)).cloned().collect(), self.body.replace(&id, "…"))
    }

    /// The body, if it is this problem.
    #[track_caller]
    pub fn problem(&self, status: u16, code: &str) -> Value {
        let body = self.json();
        assert_eq!((self.status, body["status"].as_u64()), (status, Some(u64::from(status))), "{self:?}");
        assert_eq!(body["type"], format!("/problems/{code}"), "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        body
    }

    /// Refused by the gateway itself.
    #[track_caller]
    pub fn gateway(&self, status: u16) {
        assert_eq!(self.status, status, "{self:?}");
        let body = self.json();
        assert!(body["message"].is_string() && body["type"].is_null(), "not the gateway's own words: {self:?}");
    }
}

/// The processes of all functions that live now.
pub fn pids(world: &TestWorld) -> Vec<(String, Vec<u32>)> {
    let functions = &world.local.functions;
    let living = |name: &&str| ((*name).to_owned(), functions.pids(name).expect("a known function"));
    functions.names().iter().map(living).collect()
}
