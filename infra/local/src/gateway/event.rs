//! Between HTTP and the functions: a request as an API Gateway event of payload format 2.0, and a function's answer as
//! HTTP.
//!
//! The format's habits, which functions must live with: header names are lower case and repeated headers are joined by
//! commas; so are repeated query parameters, while `rawQueryString` keeps what was sent; cookies are a list of their
//! own; the path is **decoded**, also in `rawPath`; a body that is not known to be text comes in base64.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use axum::body::{Body, Bytes};
use axum::response::Response;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version, header};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::aws::names::ACCOUNT_ID;
use crate::clock;
use crate::gateway::routes::Route;
use crate::ids;

const API_ID: &str = "local";
const DOMAIN: &str = "localhost";

/// What the gateway knows of a request beside the request itself.
#[derive(Debug)]
pub struct Context<'a> {
    pub route: &'a Route,
    pub path_parameters: BTreeMap<String, String>,
    /// `requestContext.authorizer.jwt`, on a route that needs a token.
    pub jwt: Option<Value>,
    pub caller: SocketAddr,
    pub request_id: &'a str,
}

/// Makes the event of a request.
pub fn from_request(request: &Parts, body: &Bytes, context: Context<'_>) -> Value {
    let now = clock::now();
    let path = decoded_path(request.uri.path());
    let query = request.uri.query().unwrap_or_default();
    let ip = context.caller.ip().to_string();
    let mut headers = joined_headers(&request.headers);
    let forwarded = headers.get("x-forwarded-for").map_or(ip.clone(), |before| format!("{before}, {ip}"));
    headers.insert("x-forwarded-for".to_owned(), forwarded);
    // TLS ends at API Gateway, so that is what functions see there.
    headers.insert("x-forwarded-port".to_owned(), "443".to_owned());
    headers.insert("x-forwarded-proto".to_owned(), "https".to_owned());
    let trace = u128::from_be_bytes(ids::random()) >> 32;
    headers.insert("x-amzn-trace-id".to_owned(), format!("Root=1-{:08x}-{trace:024x}", now.as_second()));

    let mut event = json!({
        "version": "2.0",
        "routeKey": context.route.key(),
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": {
            "accountId": ACCOUNT_ID,
            "apiId": API_ID,
            "domainName": DOMAIN,
            "domainPrefix": DOMAIN,
            "http": {
                "method": request.method.as_str(),
                "path": path,
                "protocol": if request.version == Version::HTTP_10 { "HTTP/1.0" } else { "HTTP/1.1" },
                "sourceIp": ip,
                "userAgent": headers.get("user-agent").map(String::as_str).unwrap_or_default(),
            },
            "requestId": context.request_id,
            "routeKey": context.route.key(),
            "stage": "$default",
            "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
            "timeEpoch": now.as_millisecond(),
        },
        "isBase64Encoded": false,
    });
    if let Some(jwt) = context.jwt {
        event["requestContext"]["authorizer"] = json!({ "jwt": jwt });
    }
    if !context.path_parameters.is_empty() {
        event["pathParameters"] = json!(context.path_parameters);
    }
    if !query.is_empty() {
        event["queryStringParameters"] = Value::Object(joined_query(query));
    }
    let cookies = cookies(&request.headers);
    if !cookies.is_empty() {
        event["cookies"] = json!(cookies);
    }
    if !body.is_empty() {
        let text = as_text(&request.headers, body);
        event["isBase64Encoded"] = json!(text.is_none());
        event["body"] = text.map_or_else(|| json!(BASE64_STANDARD.encode(body)), |text| json!(text));
    }
    event
}

/// HTTP APIs decode the path, and cut it at a question mark that comes out.
fn decoded_path(path: &str) -> String {
    let decoded = percent_decode_str(path).decode_utf8_lossy();
    decoded.split('?').next().unwrap_or_default().to_owned()
}

fn joined_headers(headers: &HeaderMap) -> BTreeMap<String, String> {
    let mut joined = BTreeMap::<String, String>::new();
    for (name, value) in headers.iter().filter(|(name, _)| *name != header::COOKIE) {
        let value = String::from_utf8_lossy(value.as_bytes());
        join(joined.entry(name.as_str().to_owned()), &value);
    }
    joined
}

fn joined_query(query: &str) -> Map<String, Value> {
    let mut joined = BTreeMap::<String, String>::new();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        join(joined.entry(name.into_owned()), &value);
    }
    joined.into_iter().map(|(name, value)| (name, Value::String(value))).collect()
}

fn join(entry: std::collections::btree_map::Entry<'_, String, String>, value: &str) {
    entry.and_modify(|values| *values = format!("{values},{value}")).or_insert_with(|| value.to_owned());
}

fn cookies(headers: &HeaderMap) -> Vec<String> {
    let lines =
        headers.get_all(header::COOKIE).into_iter().map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned());
    lines
        .flat_map(|line| line.split(';').map(|cookie| cookie.trim().to_owned()).collect::<Vec<_>>())
        .filter(|cookie| !cookie.is_empty())
        .collect()
}

/// The body as text, if its type is one that API Gateway passes on as text.
fn as_text<'a>(headers: &HeaderMap, body: &'a Bytes) -> Option<&'a str> {
    let content_type = headers.get(header::CONTENT_TYPE)?.to_str().ok()?.to_lowercase();
    let essence = content_type.split(';').next()?.trim();
    let is_text = essence.starts_with("text/")
        || ["application/json", "application/javascript", "application/xml"].contains(&essence);
    if is_text { str::from_utf8(body).ok() } else { None }
}

/// A function's answer in the format's full form.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    status_code: u16,
    #[serde(default)]
    headers: BTreeMap<String, Value>,
    #[serde(default)]
    cookies: Vec<String>,
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

/// Makes the HTTP response of a function's answer; `None` when the answer is not one, which callers see as an internal
/// error.
///
/// An answer without `statusCode` is, as on AWS, the body of a 200 in JSON. `multiValueHeaders` belong to another
/// format and are ignored.
pub fn to_response(answer: &[u8]) -> Option<Response> {
    let answer: Value = serde_json::from_slice(answer).ok()?;
    if answer.get("statusCode").is_none() {
        let body = if let Value::String(text) = answer { text } else { answer.to_string() };
        return Response::builder().header(header::CONTENT_TYPE, "application/json").body(Body::from(body)).ok();
    }
    let answer: Answer = serde_json::from_value(answer).ok()?;
    let mut headers = HeaderMap::new();
    for (name, value) in &answer.headers {
        let value = match value {
            Value::String(text) => text.clone(),
            Value::Bool(_) | Value::Number(_) => value.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => return None,
        };
        headers.insert(HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?);
    }
    // The gateway knows the length better, and connections are its own.
    for name in [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION] {
        headers.remove(name);
    }
    for cookie in &answer.cookies {
        headers.append(header::SET_COOKIE, HeaderValue::try_from(cookie).ok()?);
    }
    let body = answer.body.unwrap_or_default();
    let body = if answer.is_base64_encoded { BASE64_STANDARD.decode(body).ok()? } else { body.into_bytes() };
    if !body.is_empty() {
        headers.entry(header::CONTENT_TYPE).or_insert(HeaderValue::from_static("text/plain;charset=utf-8"));
    }
    let status = StatusCode::from_u16(answer.status_code).ok().filter(|status| !status.is_informational())?;
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Some(response)
}
