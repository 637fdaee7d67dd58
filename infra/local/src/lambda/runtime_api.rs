//! The Lambda Runtime API, as the runtime inside a function's process speaks it.
//!
//! Each process gets a path prefix of its own, so that an answer, a timeout or a crash concerns the right one. Behind
//! the prefix is a [`Mailbox`]: the process takes one [`Delivery`] with `GET …/invocation/next`, works, and posts its
//! answer to `…/response` or `…/error`; only then does it ask for the next. The deadline that it is told is counted
//! from the moment it takes the delivery, so that starting up does not eat into the function's time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::{mpsc, oneshot};

use crate::clock;
use crate::ids;
use crate::server::{Server, listen};

/// Lambda's limit for one answer, in bytes.
pub const MAX_ANSWER: usize = 6 * 1024 * 1024 + 1024;

/// One event on its way to one process.
#[derive(Debug)]
pub struct Delivery {
    pub request_id: String,
    pub function_arn: String,
    pub payload: Bytes,
    pub timeout: Duration,
    /// Told when the process has taken the event.
    pub taken: oneshot::Sender<()>,
    pub answer: oneshot::Sender<Answer>,
}

/// What a function answered: any JSON, or an error.
pub type Answer = Result<Bytes, FunctionError>;

/// An error in the shape that functions report it and Lambda passes it on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FunctionError {
    pub error_type: String,
    pub error_message: String,
}

/// One process's side of the Runtime API.
#[derive(Debug)]
pub struct Mailbox {
    deliveries: tokio::sync::Mutex<mpsc::Receiver<Delivery>>,
    working_on: Mutex<Option<(String, oneshot::Sender<Answer>)>>,
    init_error: Mutex<Option<FunctionError>>,
}

impl Mailbox {
    /// Why the process could not start, when it said so.
    pub fn init_error(&self) -> Option<FunctionError> {
        lock(&self.init_error).clone()
    }

    /// Hands `answer` to whoever waits for it; `false` when the process does not work on this request.
    fn answer(&self, request_id: &str, answer: Answer) -> bool {
        let Some((_, sender)) = lock(&self.working_on).take_if(|(id, _)| id == request_id) else {
            return false;
        };
        // Nobody waits any more after a timeout.
        let _ = sender.send(answer);
        true
    }
}

type Mailboxes = Arc<Mutex<HashMap<String, Arc<Mailbox>>>>;

/// The server, and the mailboxes of all processes that live now.
#[derive(Debug)]
pub struct RuntimeApi {
    server: Server,
    mailboxes: Mailboxes,
}

impl RuntimeApi {
    pub async fn start() -> anyhow::Result<Self> {
        let mailboxes = Mailboxes::default();
        let router = Router::new()
            .route("/{process}/2018-06-01/runtime/invocation/next", get(next))
            .route("/{process}/2018-06-01/runtime/invocation/{request_id}/response", post(response))
            .route("/{process}/2018-06-01/runtime/invocation/{request_id}/error", post(error))
            .route("/{process}/2018-06-01/runtime/init/error", post(init_error))
            .with_state(Arc::clone(&mailboxes));
        let server = Server::start(listen("the Lambda Runtime API", 0).await?, router)?;
        Ok(Self { server, mailboxes })
    }

    /// Opens a mailbox for a new process. It closes when the registration is dropped.
    pub fn register(&self) -> Registration {
        let id = ids::uuid();
        let (sender, deliveries) = mpsc::channel(1);
        let mailbox = Arc::new(Mailbox {
            deliveries: tokio::sync::Mutex::new(deliveries),
            working_on: Mutex::default(),
            init_error: Mutex::default(),
        });
        lock(&self.mailboxes).insert(id.clone(), Arc::clone(&mailbox));
        Registration {
            address: format!("{}/{id}", self.server.url()),
            id,
            sender,
            mailbox,
            mailboxes: Arc::clone(&self.mailboxes),
        }
    }
}

/// A process's place in the Runtime API.
#[derive(Debug)]
pub struct Registration {
    /// For `AWS_LAMBDA_RUNTIME_API`. It has a path, so it needs its scheme.
    pub address: String,
    id: String,
    pub sender: mpsc::Sender<Delivery>,
    pub mailbox: Arc<Mailbox>,
    mailboxes: Mailboxes,
}

impl Drop for Registration {
    fn drop(&mut self) {
        lock(&self.mailboxes).remove(&self.id);
    }
}

async fn next(State(mailboxes): State<Mailboxes>, Path(process): Path<String>) -> Response {
    let Some(mailbox) = find(&mailboxes, &process) else {
        return unknown("process");
    };
    let Some(delivery) = mailbox.deliveries.lock().await.recv().await else {
        return unknown("process");
    };
    let timeout = i64::try_from(delivery.timeout.as_millis()).unwrap_or(i64::MAX);
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("lambda-runtime-aws-request-id", delivery.request_id.clone()),
        ("lambda-runtime-deadline-ms", clock::epoch_millis().saturating_add(timeout).to_string()),
        ("lambda-runtime-invoked-function-arn", delivery.function_arn),
        ("lambda-runtime-trace-id", format!("Root=1-{:08x}-{:024x};Sampled=0", clock::now().as_second(), 0)),
    ];
    *lock(&mailbox.working_on) = Some((delivery.request_id, delivery.answer));
    let _ = delivery.taken.send(());
    (headers, delivery.payload).into_response()
}

async fn response(
    State(mailboxes): State<Mailboxes>,
    Path((process, request_id)): Path<(String, String)>,
    body: Body,
) -> Response {
    let Some(mailbox) = find(&mailboxes, &process) else {
        return unknown("process");
    };
    let Ok(body) = to_bytes(body, MAX_ANSWER).await else {
        let too_large = FunctionError {
            error_type: "Function.ResponseSizeTooLarge".to_owned(),
            error_message: format!("Response payload size exceeded maximum allowed payload size ({MAX_ANSWER} bytes)."),
        };
        mailbox.answer(&request_id, Err(too_large));
        return (StatusCode::PAYLOAD_TOO_LARGE, axum::Json(json!({ "errorType": "RequestEntityTooLarge" })))
            .into_response();
    };
    accepted(mailbox.answer(&request_id, Ok(body)))
}

async fn error(
    State(mailboxes): State<Mailboxes>,
    Path((process, request_id)): Path<(String, String)>,
    body: Bytes,
) -> Response {
    let Some(mailbox) = find(&mailboxes, &process) else {
        return unknown("process");
    };
    accepted(mailbox.answer(&request_id, Err(parse_error(&body))))
}

async fn init_error(State(mailboxes): State<Mailboxes>, Path(process): Path<String>, body: Bytes) -> Response {
    let Some(mailbox) = find(&mailboxes, &process) else {
        return unknown("process");
    };
    *lock(&mailbox.init_error) = Some(parse_error(&body));
    accepted(true)
}

fn parse_error(body: &[u8]) -> FunctionError {
    serde_json::from_slice(body).unwrap_or_else(|_| FunctionError {
        error_type: "Unhandled".to_owned(),
        error_message: String::from_utf8_lossy(body).into_owned(),
    })
}

fn accepted(known: bool) -> Response {
    if known {
        (StatusCode::ACCEPTED, axum::Json(json!({ "status": "OK" }))).into_response()
    } else {
        unknown("request")
    }
}

fn unknown(what: &str) -> Response {
    let body = json!({ "errorType": "InvalidRequestID", "errorMessage": format!("unknown {what}") });
    (StatusCode::BAD_REQUEST, axum::Json(body)).into_response()
}

fn find(mailboxes: &Mailboxes, process: &str) -> Option<Arc<Mailbox>> {
    lock(mailboxes).get(process).cloned()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
