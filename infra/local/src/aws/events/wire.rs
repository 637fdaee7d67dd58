//! EventBridge's wire protocol, AWS JSON 1.1, as far as the functions need it: `PutEvents`.
//!
//! A call is answered with HTTP 200 and one result for each entry, good or bad; only a call that is wrong as a whole is
//! an error. On one point this bus is stricter than AWS, which takes events for a bus that does not exist and drops
//! them: here such an entry fails.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::Response;
use axum::routing::post;
use http::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Bus, Entry};
use crate::aws::faults::Fault;
use crate::aws::json::{self, ApiError, ApiResult};
use crate::aws::names::BUS;

const MAX_ENTRIES: usize = 10;
/// All entries of a call together.
const MAX_BYTES: usize = 256 * 1024;

pub fn router(bus: Bus) -> Router {
    Router::new().route("/", post(call)).layer(DefaultBodyLimit::max(16 * MAX_BYTES)).with_state(bus)
}

async fn call(State(bus): State<Bus>, headers: HeaderMap, body: Bytes) -> Response {
    bus.note_call(&body);
    let fault = bus.faults.next();
    let result = match &fault {
        Fault::Down => Err(ApiError::down("InternalException")),
        Fault::Throttled => Err(ApiError::new("ThrottlingException", "Rate exceeded")),
        Fault::Hang => std::future::pending().await,
        Fault::None | Fault::Entries(_) => act(&bus, json::operation(&headers), &body, &fault),
        Fault::AnswerLost => {
            let _ = act(&bus, json::operation(&headers), &body, &fault);
            Err(ApiError::down("InternalException"))
        }
    };
    json::answer("1.1", result)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutEvents {
    entries: Vec<Asked>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Asked {
    source: Option<String>,
    detail_type: Option<String>,
    detail: Option<String>,
    event_bus_name: Option<String>,
    #[serde(default)]
    resources: Vec<String>,
    /// Seconds since 1970.
    time: Option<f64>,
}

fn act(bus: &Bus, operation: &str, body: &[u8], fault: &Fault) -> ApiResult {
    if operation != "PutEvents" {
        let message = format!("{operation} is not offered by the local EventBridge");
        return Err(ApiError::new("UnknownOperationException", message));
    }
    let PutEvents { entries } =
        serde_json::from_slice(body).map_err(|error| ApiError::new("SerializationException", error.to_string()))?;
    let wrong = match entries.len() {
        0 => Some("greater than or equal to 1"),
        1..=MAX_ENTRIES => None,
        _ => Some("less than or equal to 10"),
    };
    if let Some(wrong) = wrong {
        let message = format!(
            "1 validation error detected: Value at 'entries' failed to satisfy constraint: Member must have length {wrong}"
        );
        return Err(ApiError::new("ValidationException", message));
    }
    if entries.iter().map(size).sum::<usize>() > MAX_BYTES {
        let message = "Total size of the entries in the request is over the limit.";
        return Err(ApiError::new("ValidationException", message));
    }
    let results: Vec<Value> =
        entries.into_iter().enumerate().map(|(at, asked)| put(bus, asked, fault.hits(at))).collect();
    let failed = results.iter().filter(|result| result.get("ErrorCode").is_some()).count();
    Ok(json!({ "FailedEntryCount": failed, "Entries": results }))
}

/// As the API reference counts an entry.
fn size(entry: &Asked) -> usize {
    let texts = [&entry.source, &entry.detail_type, &entry.detail].into_iter().flatten().map(String::len);
    let time = if entry.time.is_some() { 14 } else { 0 };
    texts.sum::<usize>() + entry.resources.iter().map(String::len).sum::<usize>() + time
}

fn put(bus: &Bus, asked: Asked, fails: bool) -> Value {
    if fails {
        return failed("InternalFailure", "An error occurred on the server side.");
    }
    match check(asked) {
        Ok(entry) => json!({ "EventId": bus.publish(&entry) }),
        Err(failure) => failure,
    }
}

fn check(asked: Asked) -> Result<Entry, Value> {
    let required = |name: &str, value: Option<String>| {
        value.filter(|value| !value.is_empty()).ok_or_else(|| {
            let message = format!("Parameter {name} is not valid. Reason: {name} is a required argument.");
            failed("InvalidArgument", &message)
        })
    };
    let source = required("Source", asked.source)?;
    if source.starts_with("aws.") {
        return Err(failed("NotAuthorizedForSourceException", "Not authorized for the source."));
    }
    let detail_type = required("DetailType", asked.detail_type)?;
    let detail = required("Detail", asked.detail)?;
    let detail: Value = serde_json::from_str(&detail)
        .ok()
        .filter(Value::is_object)
        .ok_or_else(|| failed("MalformedDetail", "Detail is malformed."))?;
    let bus = asked.event_bus_name.unwrap_or_default();
    if bus.rsplit('/').next() != Some(BUS) {
        return Err(failed("ResourceNotFoundException", &format!("Event bus {bus} does not exist.")));
    }
    #[expect(clippy::cast_possible_truncation, reason = "the envelope has whole seconds")]
    let time = asked.time.and_then(|seconds| jiff::Timestamp::from_second(seconds as i64).ok());
    Ok(Entry { source, detail_type, detail, resources: asked.resources, time })
}

fn failed(code: &str, message: &str) -> Value {
    json!({ "ErrorCode": code, "ErrorMessage": message })
}
