//! A way to DynamoDB that counts and that can be broken.
//!
//! It stands between the functions and the database all the time. [`Proxy::calls`] tells what was asked; a [`Break`]
//! strikes one call of one operation, or of any:
//!
//! ```ignore
//! world.dynamodb.forget();                                           // count from here
//! world.dynamodb.strike(Break::nth("TransactWriteItems", 2), Mode::DropReply);
//! ```

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use local::lambda::functions::Functions;
use local::server::{Server, listen};

use super::{Value, json};

/// Which call is struck.
#[derive(Clone, Debug)]
pub struct Break {
    /// Such as `TransactWriteItems`; `None` is any.
    operation: Option<String>,
    /// Counts from 1, from now on.
    nth: usize,
    times: usize,
}

impl Break {
    /// The nth call of this operation.
    pub fn nth(operation: &str, nth: usize) -> Self {
        Self { operation: Some(operation.to_owned()), nth, times: 1 }
    }

    /// The nth call of any operation.
    pub fn nth_of_all(nth: usize) -> Self {
        Self { operation: None, nth, times: 1 }
    }

    /// So many calls in a row.
    #[must_use]
    pub fn times(mut self, times: usize) -> Self {
        self.times = times;
        self
    }
}

/// What happens to the struck call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Refused as too much, and not done.
    Throttle,
    /// Another transaction was at one of the rows; not done.
    TransactionConflict,
    /// HTTP 500; not done.
    InternalError,
    /// The function's processes die before the call gets through.
    KillBefore(&'static str),
    /// Done; then the function's processes die.
    KillAfter(&'static str),
    /// Done; the connection ends without an answer.
    DropReply,
    /// Not done; no answer ever.
    Hang,
}

#[derive(Debug)]
struct Strike {
    which: Break,
    mode: Mode,
    met: usize,
}

#[derive(Default, Debug)]
struct Ledger {
    calls: Vec<String>,
    strikes: Vec<Strike>,
    has_scanned: bool,
}

struct Inner {
    target: String,
    http: reqwest::Client,
    functions: Functions,
    ledger: Mutex<Ledger>,
}

impl Inner {
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub struct Proxy {
    inner: Arc<Inner>,
    server: Server,
}

impl Proxy {
    pub async fn start(target: &str, functions: Functions) -> Self {
        let http = local::client::new().expect("a client");
        let inner = Arc::new(Inner { target: target.to_owned(), http, functions, ledger: Mutex::default() });
        let router = Router::new().fallback(pass).with_state(Arc::clone(&inner));
        let listener = listen("the way to DynamoDB", 0).await.expect("a free port");
        Self { inner, server: Server::start(listener, router).expect("the proxy starts") }
    }

    pub fn url(&self) -> String {
        self.server.url()
    }

    /// The operations so far, in order, such as `["Query", "GetItem"]`.
    pub fn calls(&self) -> Vec<String> {
        self.inner.ledger().calls.clone()
    }

    /// How often this operation was asked for. `Scan` is never forgotten.
    pub fn count(&self, operation: &str) -> usize {
        let ledger = self.inner.ledger();
        let counted = ledger.calls.iter().filter(|call| *call == operation).count();
        if operation == "Scan" { counted.max(usize::from(ledger.has_scanned)) } else { counted }
    }

    /// Counts from here.
    pub fn forget(&self) {
        self.inner.ledger().calls.clear();
    }

    /// Breaks calls that come from now on.
    pub fn strike(&self, which: Break, mode: Mode) {
        self.inner.ledger().strikes.push(Strike { which, mode, met: 0 });
    }

    /// Takes all breaks away.
    pub fn heal(&self) {
        self.inner.ledger().strikes.clear();
    }
}

async fn pass(State(inner): State<Arc<Inner>>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
    let mode = note(&mut inner.ledger(), &operation);
    match mode {
        None => forward(&inner, headers, body).await,
        Some(Mode::Throttle) => refusal(400, "ProvisionedThroughputExceededException", &Value::Null),
        Some(Mode::TransactionConflict) => conflict(&operation, &body),
        Some(Mode::InternalError) => refusal(500, "InternalServerError", &Value::Null),
        Some(Mode::KillBefore(function)) => {
            inner.functions.kill(function).await.expect("a known function");
            hang_up()
        }
        Some(Mode::KillAfter(function)) => {
            forward(&inner, headers, body).await;
            inner.functions.kill(function).await.expect("a known function");
            hang_up()
        }
        Some(Mode::DropReply) => {
            forward(&inner, headers, body).await;
            hang_up()
        }
        Some(Mode::Hang) => std::future::pending().await,
    }
}

/// Writes a call down, and says what is to happen to it.
fn note(ledger: &mut Ledger, operation: &str) -> Option<Mode> {
    ledger.calls.push(operation.to_owned());
    ledger.has_scanned |= operation == "Scan";
    let mut mode = None;
    for strike in &mut ledger.strikes {
        if strike.which.operation.as_deref().is_none_or(|wanted| wanted == operation) {
            strike.met += 1;
            if (strike.which.nth..strike.which.nth + strike.which.times).contains(&strike.met) {
                mode = Some(strike.mode.clone());
            }
        }
    }
    mode
}

async fn forward(inner: &Inner, mut headers: HeaderMap, body: Bytes) -> Response {
    headers.remove("host");
    headers.remove("content-length");
    let answer = inner.http.post(&inner.target).headers(headers).body(body).send().await.expect("DynamoDB answers");
    let (status, headers) = (answer.status(), answer.headers().clone());
    let body = answer.bytes().await.expect("DynamoDB's whole answer");
    (status, headers, body).into_response()
}

fn refusal(status: u16, code: &str, more: &Value) -> Response {
    let mut body = json!({ "__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "message": code });
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    let status = axum::http::StatusCode::from_u16(status).expect("a status");
    (status, [("content-type", "application/x-amz-json-1.0")], body.to_string()).into_response()
}

fn conflict(operation: &str, body: &Bytes) -> Response {
    if operation != "TransactWriteItems" {
        return refusal(400, "TransactionConflictException", &Value::Null);
    }
    let request: Value = serde_json::from_slice(body).unwrap_or_default();
    let mut reasons = vec![json!({ "Code": "None" }); request["TransactItems"].as_array().map_or(1, Vec::len)];
    reasons[0] = json!({ "Code": "TransactionConflict", "Message": "Transaction is ongoing for the item" });
    refusal(400, "TransactionCanceledException", &json!({ "CancellationReasons": reasons }))
}

/// Ends the connection without an answer: the task that serves it unwinds, quietly.
fn hang_up() -> ! {
    std::panic::resume_unwind(Box::new("hung up on purpose"))
}
