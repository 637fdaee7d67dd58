//! Carrying a fault out: another answer, an altered one, or a bad delivery.

use std::{io, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures::{StreamExt as _, stream};
use serde_json::{Value, json};

use super::FaultKind;

/// The answer that some kinds give in place of the real one; `None` for all other kinds.
pub(crate) fn instead(kind: &FaultKind, request_id: &str) -> Option<Response> {
    let envelope = |code: i64, message: &str| {
        json_response(&json!({ "code": code, "message": message, "request_id": request_id, "data": {} }))
    };
    let wrap = |data: String| format!(r#"{{"code":0,"message":"OK","request_id":"{request_id}","data":{data}}}"#);
    Some(match kind {
        FaultKind::Status { status } => {
            text(code_of(*status), "text/plain; charset=utf-8", "an ordered fault".to_owned())
        }
        FaultKind::BadGatewayHtml => text(
            StatusCode::BAD_GATEWAY,
            "text/html; charset=utf-8",
            "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>".to_owned(),
        ),
        FaultKind::TooManyRequests => {
            text(StatusCode::TOO_MANY_REQUESTS, "text/plain; charset=utf-8", "Too Many Requests".to_owned())
        }
        FaultKind::Code { code, message } => envelope(*code, message.as_deref().unwrap_or("An ordered fault.")),
        FaultKind::HugeBody { bytes } => huge(&wrap(r#"{"list":[],"padding":""#.to_owned()), *bytes),
        FaultKind::GarbageJson => {
            text(StatusCode::OK, "application/json", r#"{"code":0,"message":"OK","data":{"list":[{"#.to_owned())
        }
        FaultKind::Redirect { status, location } => {
            let mut response = code_of(*status).into_response();
            set(&mut response, header::LOCATION, location);
            response
        }
        FaultKind::DeepNesting { depth } => {
            text(StatusCode::OK, "application/json", wrap("[".repeat(*depth) + &"]".repeat(*depth)))
        }
        FaultKind::Body { status, content_type, headers, body } => {
            let mut response = text(code_of(*status), content_type, body.clone());
            for (name, value) in headers {
                if let Ok(name) = HeaderName::try_from(name.as_str()) {
                    set(&mut response, name, value);
                }
            }
            response
        }
        _ => return None,
    })
}

/// Alters a real answer; does nothing for kinds that do not. `asked_page` is the page that the client wanted.
pub(crate) fn alter(kind: &FaultKind, answer: &mut Value, asked_page: u64) {
    match kind {
        FaultKind::DataNull => answer["data"] = Value::Null,
        FaultKind::CodeAsString => answer["code"] = json!(answer["code"].to_string()),
        FaultKind::PartialList => {
            answer["code"] = json!(20001);
            answer["message"] = json!("Partial success.");
            if let Some(list) = answer.pointer_mut("/data/list").and_then(Value::as_array_mut) {
                list.truncate(list.len() / 2);
            }
        }
        FaultKind::EndlessPaging => {
            if let Some(info) = answer.pointer_mut("/data/page_info") {
                let page_size = info["page_size"].as_u64().unwrap_or(10);
                info["page"] = json!(asked_page);
                info["total_page"] = json!(asked_page + 1);
                info["total_number"] = json!((asked_page + 1) * page_size);
            }
        }
        FaultKind::LyingTotal { total_number, total_page } => {
            if let Some(info) = answer.pointer_mut("/data/page_info") {
                info["total_number"] = json!(total_number);
                if let Some(total_page) = total_page {
                    info["total_page"] = json!(total_page);
                }
            }
        }
        FaultKind::IdsAsNumbers => ids_to_numbers(answer),
        FaultKind::Replace { pointer, value } => {
            if let Some((parent, key)) = parent_of(answer, pointer) {
                match parent {
                    Value::Object(members) => drop(members.insert(key.to_owned(), value.clone())),
                    Value::Array(items) => {
                        if let Some(item) = key.parse().ok().and_then(|at: usize| items.get_mut(at)) {
                            *item = value.clone();
                        }
                    }
                    _ => {}
                }
            }
        }
        FaultKind::Remove { pointer } => {
            if let Some((Value::Object(members), key)) = parent_of(answer, pointer) {
                members.remove(key);
            }
        }
        _ => {}
    }
}

/// Sends an answer the way the last of these kinds wants it sent, or properly.
pub(crate) fn deliver<'a>(kinds: impl Iterator<Item = &'a FaultKind>, answer: &Value) -> Response {
    let mut response = json_response(answer);
    let bytes = answer.to_string().into_bytes();
    for kind in kinds {
        match kind {
            FaultKind::WrongContentType { content_type } => set(&mut response, header::CONTENT_TYPE, content_type),
            FaultKind::TruncatedBody => {
                let half = Bytes::copy_from_slice(&bytes[..bytes.len() / 2]);
                // A pause, so that the first half is on its way before the connection ends.
                let end = stream::once(async {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    Err(io::Error::from(io::ErrorKind::ConnectionAborted))
                });
                let cut = stream::once(async { Ok(half) }).chain(end);
                *response.body_mut() = Body::from_stream(cut);
                set(&mut response, header::CONTENT_LENGTH, &bytes.len().to_string());
            }
            FaultKind::SlowBody { chunk_bytes, milliseconds } => {
                let pause = Duration::from_millis(*milliseconds);
                let pieces: Vec<Bytes> = bytes.chunks(*chunk_bytes).map(Bytes::copy_from_slice).collect();
                let dribble = stream::unfold(pieces.into_iter(), move |mut pieces| async move {
                    tokio::time::sleep(pause).await;
                    Some((Ok::<_, io::Error>(pieces.next()?), pieces))
                });
                *response.body_mut() = Body::from_stream(dribble);
            }
            _ => {}
        }
    }
    response
}

fn json_response(answer: &Value) -> Response {
    text(StatusCode::OK, "application/json", answer.to_string())
}

fn text(status: StatusCode, content_type: &str, body: String) -> Response {
    let mut response = (status, body).into_response();
    set(&mut response, header::CONTENT_TYPE, content_type);
    response
}

/// Pieces of padding behind the envelope's beginning, so that a gigabyte costs no memory here.
fn huge(envelope: &str, bytes: usize) -> Response {
    const PIECE: usize = 64 * 1024;
    let start = envelope.trim_end_matches('}').to_owned();
    let padding = Bytes::from(vec![b'x'; PIECE]);
    let pieces = bytes / PIECE + 1;
    let body = stream::iter((0..pieces + 2).map(move |at| {
        Ok::<_, io::Error>(match at {
            0 => Bytes::from(start.clone()),
            last if last == pieces + 1 => Bytes::from_static(b"\"}}"),
            _ => padding.clone(),
        })
    }));
    let mut response = Body::from_stream(body).into_response();
    set(&mut response, header::CONTENT_TYPE, "application/json");
    response
}

fn set(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

fn code_of(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn parent_of<'a, 'p>(answer: &'a mut Value, pointer: &'p str) -> Option<(&'a mut Value, &'p str)> {
    let (parent, key) = pointer.rsplit_once('/')?;
    Some((answer.pointer_mut(parent)?, key))
}

fn ids_to_numbers(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(ids_to_numbers),
        Value::Object(members) => members.values_mut().for_each(ids_to_numbers),
        Value::String(text) if (15..=20).contains(&text.len()) => {
            if let Ok(number) = text.parse::<u64>() {
                *value = number.into();
            }
        }
        _ => {}
    }
}
