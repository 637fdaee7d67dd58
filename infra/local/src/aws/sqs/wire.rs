//! SQS's wire protocol, AWS JSON 1.0, as the real SDK speaks it, with the limits and errors of the API reference.
//!
//! Message attributes are not offered: they are refused rather than lost.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::Response;
use axum::routing::any;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::HeaderMap;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Sqs;
use super::queue::{MAX_RECEIVE_COUNT, Message, Queue, md5_of};
use crate::aws::faults::Fault;
use crate::aws::json::{self, ApiError, ApiResult};
use crate::aws::names::queue_url;

/// Who has sent every message: the functions' role.
pub const SENDER_ID: &str = "AROALOCALRECONNECT000:functions";

/// The most entries of a batch, and the most messages of one receipt.
const MAX_ENTRIES: usize = 10;
/// The largest message, and the largest batch of messages: 1 MiB.
const MAX_BYTES: usize = 1024 * 1024;
const MAX_DELAY: u64 = 900;
const MAX_VISIBILITY: u64 = 43_200;
const MAX_WAIT: u64 = 20;

#[derive(Clone, Debug)]
struct Wire {
    sqs: Sqs,
    endpoint: String,
}

/// `endpoint` is where this router is served.
pub fn router(sqs: Sqs, endpoint: String) -> Router {
    // A batch of JSON in JSON is larger on the wire than what counts.
    Router::new().fallback(any(call)).layer(DefaultBodyLimit::max(8 * MAX_BYTES)).with_state(Wire { sqs, endpoint })
}

async fn call(State(wire): State<Wire>, headers: HeaderMap, body: Bytes) -> Response {
    let fault = wire.sqs.faults.next();
    let result = match &fault {
        Fault::Down => Err(ApiError::down("InternalFailure").query_name("InternalFailure")),
        Fault::Throttled => Err(ApiError::new("RequestThrottled", "The request was denied due to request throttling.")
            .query_name("RequestThrottled")),
        Fault::Hang => std::future::pending().await,
        Fault::None | Fault::Entries(_) => wire.act(json::operation(&headers), &body, &fault).await,
        Fault::AnswerLost => {
            let _ = wire.act(json::operation(&headers), &body, &fault).await;
            Err(ApiError::down("InternalFailure").query_name("InternalFailure"))
        }
    };
    json::answer("1.0", result)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Send {
    message_body: String,
    #[serde(default)]
    delay_seconds: u64,
    message_attributes: Option<Map<String, Value>>,
    /// In a batch only.
    #[serde(default)]
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Receive {
    max_number_of_messages: Option<usize>,
    visibility_timeout: Option<u64>,
    wait_time_seconds: Option<u64>,
    #[serde(default)]
    attribute_names: Vec<String>,
    #[serde(default)]
    message_system_attribute_names: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OfReceipt {
    receipt_handle: String,
    visibility_timeout: Option<u64>,
    /// In a batch only.
    #[serde(default)]
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Batch<T> {
    entries: Vec<T>,
}

impl Wire {
    async fn act(&self, operation: &str, body: &[u8], fault: &Fault) -> ApiResult {
        let body: Value = parse(if body.is_empty() { b"{}" } else { body })?;
        if operation == "GetQueueUrl" {
            let queue = self.find(body["QueueName"].as_str())?;
            return Ok(json!({ "QueueUrl": queue_url(&self.endpoint, queue.name()) }));
        }
        let queue = self.find(body["QueueUrl"].as_str())?;
        match operation {
            "SendMessage" => send(queue, &read(body)?),
            "SendMessageBatch" => send_batch(queue, &read::<Batch<Send>>(body)?.entries, fault),
            "ReceiveMessage" => receive(queue, read(body)?).await,
            "DeleteMessage" => delete(queue, &read(body)?),
            "DeleteMessageBatch" => delete_batch(queue, &read::<Batch<OfReceipt>>(body)?.entries, fault),
            "ChangeMessageVisibility" => hide(queue, &read(body)?),
            "GetQueueAttributes" => attributes(queue, &body["AttributeNames"]),
            "PurgeQueue" => {
                queue.purge();
                Ok(json!({}))
            }
            _ => Err(ApiError::new("InvalidAction", format!("{operation} is not offered by the local SQS"))
                .query_name("InvalidAction")),
        }
    }

    fn find(&self, url: Option<&str>) -> Result<&Queue, ApiError> {
        self.sqs.find(url.unwrap_or_default()).ok_or_else(|| {
            ApiError::new("QueueDoesNotExist", "The specified queue does not exist.")
                .query_name("AWS.SimpleQueueService.NonExistentQueue")
        })
    }
}

fn parse(body: &[u8]) -> ApiResult {
    serde_json::from_slice(body).map_err(|error| ApiError::new("SerializationException", error.to_string()))
}

fn read<T: for<'de> Deserialize<'de>>(body: Value) -> Result<T, ApiError> {
    serde_json::from_value(body).map_err(|error| ApiError::new("MissingParameter", error.to_string()))
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidParameterValue", message).query_name("InvalidParameterValue")
}

fn at_most(name: &str, value: u64, most: u64) -> Result<Duration, ApiError> {
    if value <= most {
        return Ok(Duration::from_secs(value));
    }
    Err(invalid(format!("Value {value} for parameter {name} is invalid. Reason: Must be between 0 and {most}.")))
}

fn send(queue: &Queue, message: &Send) -> ApiResult {
    if message.message_attributes.as_ref().is_some_and(|attributes| !attributes.is_empty()) {
        return Err(ApiError::new("UnsupportedOperation", "Message attributes are not offered by the local SQS.")
            .query_name("AWS.SimpleQueueService.UnsupportedOperation"));
    }
    let delay = at_most("DelaySeconds", message.delay_seconds, MAX_DELAY)?;
    let body = &message.message_body;
    if body.is_empty() || body.len() > MAX_BYTES {
        return Err(invalid(format!(
            "One or more parameters are invalid. Reason: Message must have 1 to {MAX_BYTES} bytes."
        )));
    }
    Ok(json!({ "MessageId": queue.send(body, delay), "MD5OfMessageBody": md5_of(body) }))
}

fn send_batch(queue: &Queue, entries: &[Send], fault: &Fault) -> ApiResult {
    check_batch(entries.iter().map(|entry| entry.id.as_str()))?;
    let bytes: usize = entries.iter().map(|entry| entry.message_body.len()).sum();
    if bytes > MAX_BYTES {
        let message = format!("Batch requests cannot be longer than {MAX_BYTES} bytes. You have sent {bytes} bytes.");
        return Err(
            ApiError::new("BatchRequestTooLong", message).query_name("AWS.SimpleQueueService.BatchRequestTooLong")
        );
    }
    Ok(each(entries, |entry| &entry.id, fault, |entry| send(queue, entry)))
}

async fn receive(queue: &Queue, request: Receive) -> ApiResult {
    let most = request.max_number_of_messages.unwrap_or(1);
    if !(1..=MAX_ENTRIES).contains(&most) {
        let message =
            format!("Value {most} for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10.");
        return Err(invalid(message));
    }
    let timeout = request.visibility_timeout.map(|seconds| at_most("VisibilityTimeout", seconds, MAX_VISIBILITY));
    let timeout = timeout.transpose()?;
    let wait = at_most("WaitTimeSeconds", request.wait_time_seconds.unwrap_or(0), MAX_WAIT)?;
    let names: BTreeSet<String> =
        request.attribute_names.into_iter().chain(request.message_system_attribute_names).collect();
    let started = Instant::now();
    loop {
        let messages = queue.receive(most, timeout);
        if messages.is_empty() && started.elapsed() < wait {
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        }
        let messages: Vec<Value> = messages.iter().map(|message| received(message, &names)).collect();
        return Ok(if messages.is_empty() { json!({}) } else { json!({ "Messages": messages }) });
    }
}

fn received(message: &Message, names: &BTreeSet<String>) -> Value {
    let millis = |time: jiff::Timestamp| time.as_millisecond().to_string();
    let attributes: Map<String, Value> = [
        ("ApproximateFirstReceiveTimestamp", millis(message.first_received.unwrap_or(message.sent))),
        ("ApproximateReceiveCount", message.receive_count.to_string()),
        ("SenderId", SENDER_ID.to_owned()),
        ("SentTimestamp", millis(message.sent)),
    ]
    .into_iter()
    .filter(|(name, _)| names.contains(*name) || names.contains("All"))
    .map(|(name, value)| (name.to_owned(), json!(value)))
    .collect();
    let mut received = json!({
        "MessageId": message.id,
        "ReceiptHandle": message.receipt_handle,
        "MD5OfBody": message.md5_of_body(),
        "Body": message.body,
    });
    if !attributes.is_empty() {
        received["Attributes"] = Value::Object(attributes);
    }
    received
}

/// A handle that was good once deletes nothing and is no error; one that SQS never gave is.
fn check_handle(handle: &str) -> Result<(), ApiError> {
    if BASE64_STANDARD.decode(handle).is_ok_and(|bytes| bytes.len() == 32) {
        return Ok(());
    }
    Err(ApiError::new("ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
        .query_name("ReceiptHandleIsInvalid"))
}

fn delete(queue: &Queue, request: &OfReceipt) -> ApiResult {
    check_handle(&request.receipt_handle)?;
    queue.delete(&request.receipt_handle);
    Ok(json!({}))
}

fn delete_batch(queue: &Queue, entries: &[OfReceipt], fault: &Fault) -> ApiResult {
    check_batch(entries.iter().map(|entry| entry.id.as_str()))?;
    Ok(each(entries, |entry| &entry.id, fault, |entry| delete(queue, entry)))
}

fn hide(queue: &Queue, request: &OfReceipt) -> ApiResult {
    check_handle(&request.receipt_handle)?;
    let timeout = at_most("VisibilityTimeout", request.visibility_timeout.unwrap_or_default(), MAX_VISIBILITY)?;
    if queue.hide(&request.receipt_handle, timeout) {
        return Ok(json!({}));
    }
    Err(ApiError::new("MessageNotInflight", "The specified message isn't in flight.")
        .query_name("AWS.SimpleQueueService.MessageNotInflight"))
}

fn check_batch<'a>(ids: impl Iterator<Item = &'a str>) -> Result<(), ApiError> {
    let ids: Vec<&str> = ids.collect();
    let problem = |name, query_name, message: &str| Err(ApiError::new(name, message).query_name(query_name));
    if ids.is_empty() {
        return problem(
            "EmptyBatchRequest",
            "AWS.SimpleQueueService.EmptyBatchRequest",
            "There should be at least one entry in the request.",
        );
    }
    if ids.len() > MAX_ENTRIES {
        return problem(
            "TooManyEntriesInBatchRequest",
            "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
            "Maximum number of entries per request are 10.",
        );
    }
    let is_id = |id: &&str| {
        (1..=80).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    if !ids.iter().all(is_id) {
        return problem(
            "InvalidBatchEntryId",
            "AWS.SimpleQueueService.InvalidBatchEntryId",
            "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.",
        );
    }
    if ids.iter().collect::<BTreeSet<_>>().len() < ids.len() {
        return problem(
            "BatchEntryIdsNotDistinct",
            "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
            "Two or more batch entries in the request have the same Id.",
        );
    }
    Ok(())
}

/// Does each entry of a batch, and reports which have succeeded and which have failed.
fn each<T>(entries: &[T], id: impl Fn(&T) -> &str, fault: &Fault, act: impl Fn(&T) -> ApiResult) -> Value {
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for (at, entry) in entries.iter().enumerate() {
        let result = if fault.hits(at) { Err(ApiError::down("InternalError")) } else { act(entry) };
        match result {
            Ok(mut done) => {
                done["Id"] = json!(id(entry));
                successful.push(done);
            }
            Err(error) => failed.push(json!({
                "Id": id(entry), "Code": error.query_name.unwrap_or(error.name), "Message": error.message,
                "SenderFault": error.status.is_client_error(),
            })),
        }
    }
    json!({ "Successful": successful, "Failed": failed })
}

fn attributes(queue: &Queue, names: &Value) -> ApiResult {
    let depth = queue.depth();
    let mut all = vec![
        ("ApproximateNumberOfMessages", depth.visible.to_string()),
        ("ApproximateNumberOfMessagesNotVisible", depth.in_flight.to_string()),
        ("ApproximateNumberOfMessagesDelayed", depth.delayed.to_string()),
        ("QueueArn", queue.arn()),
        ("VisibilityTimeout", queue.visibility_timeout().as_secs().to_string()),
    ];
    if let Some(dead) = queue.dead() {
        let policy = json!({ "deadLetterTargetArn": dead.arn(), "maxReceiveCount": MAX_RECEIVE_COUNT });
        all.push(("RedrivePolicy", policy.to_string()));
    }
    let asked: Vec<&str> = names.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let known = |name: &&str| *name == "All" || *name == "RedrivePolicy" || all.iter().any(|(known, _)| known == name);
    if !asked.iter().all(known) {
        return Err(ApiError::new("InvalidAttributeName", "Unknown Attribute.").query_name("InvalidAttributeName"));
    }
    let all = all.into_iter().filter(|(name, _)| asked.contains(name) || asked.contains(&"All"));
    let found: Map<String, Value> = all.map(|(name, value)| (name.to_owned(), json!(value))).collect();
    Ok(json!({ "Attributes": found }))
}
