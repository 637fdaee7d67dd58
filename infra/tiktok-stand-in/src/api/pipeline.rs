//! One request's way through the stand-in: faults, token, quota, scope, parameters, answer, faults again.

use std::{sync::Arc, time::Duration};

use axum::{
    body::to_bytes,
    extract::{ConnectInfo, Request, State as AppState},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    Answer, Call, Params, Refusal,
    endpoints::{self, Access, Endpoint, PREFIX},
    oauth::DEAD_TOKEN,
};
use crate::{
    connection::ResetSwitch,
    faults::{Aim, FaultKind, Strike, apply},
    ids,
    log::LogEntry,
    scopes,
    state::{Shared, State},
    switches::MissingPermissionText,
    world::{World, grants::Grant},
};

const BODY_LIMIT: usize = 1024 * 1024;

/// Handles everything below `/open_api/`.
pub(crate) async fn handle(
    AppState(shared): AppState<Arc<Shared>>,
    ConnectInfo(reset): ConnectInfo<ResetSwitch>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let Some(endpoint) = parts.uri.path().strip_prefix(PREFIX).and_then(endpoints::find) else {
        return (StatusCode::NOT_FOUND, "404 page not found").into_response();
    };
    if !endpoint.methods.contains(&parts.method.as_str()) {
        return (StatusCode::METHOD_NOT_ALLOWED, "405 method not allowed").into_response();
    }
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let mut arrival =
        arrive(&shared, endpoint, &parts.method, &parts.headers, parts.uri.query().unwrap_or_default(), &body);
    let outcome = answer(&shared, endpoint, &mut arrival).await;

    let (response, code) = match outcome {
        Outcome::Answered(response, code) => (response, code),
        Outcome::Reset => {
            reset.throw();
            shared.lock().log.finish(arrival.ordinal, None, None, None);
            shared.changed();
            return StatusCode::OK.into_response();
        }
    };
    let mut response = response;
    if let Ok(id) = HeaderValue::from_str(&arrival.request_id) {
        response.headers_mut().insert(HeaderName::from_static("x-tt-logid"), id);
    }
    let status = response.status().as_u16();
    shared.lock().log.finish(arrival.ordinal, Some(status), code, Some(arrival.request_id));
    shared.changed();
    response
}

/// A call that was numbered and logged, with the faults that strike it.
struct Arrival {
    ordinal: u64,
    params: Params,
    caller: Caller,
    strikes: Vec<Strike>,
    request_id: String,
}

/// Who is calling, as far as the call itself tells.
#[derive(Default)]
struct Caller {
    token: Option<String>,
    app_id: Option<String>,
    login: Option<String>,
}

enum Outcome {
    /// With the envelope's `code`, if it has one.
    Answered(Response, Option<i64>),
    Reset,
}

fn arrive(
    shared: &Shared,
    endpoint: &'static Endpoint,
    method: &Method,
    headers: &HeaderMap,
    query: &str,
    body: &[u8],
) -> Arrival {
    let now = shared.clock.now();
    let mut state = shared.lock();
    let bad = state.world.switches.bad_parameter;
    let params = match (method == Method::POST, is_form(headers) && endpoint.flat) {
        (true, true) => Params::from_form(&String::from_utf8_lossy(body), bad),
        (true, false) if !body.is_empty() => Params::from_json(body, bad),
        _ => Params::from_form(query, bad),
    };
    let caller = identify(&state.world, endpoint, headers, &params);
    let fingerprint = caller.token.as_deref().map(ids::fingerprint);
    let aim = Aim {
        endpoint: endpoint.path,
        login: caller.login.as_deref(),
        token_fingerprint: fingerprint.as_deref(),
        ad_accounts: &params.ad_accounts(),
    };
    let mut strikes = state.faults.meet(&aim);
    strikes.sort_by_key(|strike| !matches!(strike.kind, FaultKind::Latency { .. }));
    let ordinal = state.log.begin(LogEntry {
        ordinal: 0,
        at: now,
        endpoint: endpoint.path.to_owned(),
        method: method.to_string(),
        app_id: caller.app_id.clone(),
        login: caller.login.clone(),
        token_fingerprint: fingerprint,
        faults: strikes.iter().map(|strike| strike.kind.name()).collect(),
        http_status: None,
        code: None,
        request_id: None,
    });
    drop(state);
    shared.changed();
    Arrival { ordinal, params, caller, strikes, request_id: ids::request_id(now) }
}

async fn answer(shared: &Shared, endpoint: &'static Endpoint, arrival: &mut Arrival) -> Outcome {
    for strike in arrival.strikes.iter().filter(|strike| strike.first) {
        if let Some(outcome) = strike_instead(shared, strike, &arrival.request_id).await {
            return outcome;
        }
    }
    let asked_page = arrival.params.text("page").and_then(|page| page.parse().ok()).unwrap_or(1);
    if arrival.strikes.iter().any(|strike| matches!(strike.kind, FaultKind::EndlessPaging)) {
        arrival.params.set_page(1);
    }
    let mut envelope = {
        let now = shared.clock.now();
        process(&mut shared.lock(), endpoint, &arrival.caller, &arrival.params, now, &arrival.request_id)
    };
    for strike in arrival.strikes.iter().filter(|strike| !strike.first) {
        if let Some(outcome) = strike_instead(shared, strike, &arrival.request_id).await {
            return outcome;
        }
        apply::alter(&strike.kind, &mut envelope, asked_page);
    }
    let code = envelope["code"].as_i64();
    Outcome::Answered(apply::deliver(arrival.strikes.iter().map(|strike| &strike.kind), &envelope), code)
}

/// Waits, or gives the fault's own outcome in place of the real answer.
async fn strike_instead(shared: &Shared, strike: &Strike, request_id: &str) -> Option<Outcome> {
    match &strike.kind {
        FaultKind::Latency { milliseconds } => {
            tokio::time::sleep(Duration::from_millis(*milliseconds)).await;
            None
        }
        FaultKind::Hold => {
            shared.until(|state| state.faults.list().iter().all(|active| active.id != strike.id)).await;
            None
        }
        FaultKind::Hang => {
            shared.closed().await;
            Some(Outcome::Reset)
        }
        FaultKind::Reset => Some(Outcome::Reset),
        kind => {
            let code = if let FaultKind::Code { code, .. } = kind { Some(*code) } else { None };
            apply::instead(kind, request_id).map(|response| Outcome::Answered(response, code))
        }
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    content_type.starts_with("application/x-www-form-urlencoded")
}

fn identify(world: &World, endpoint: &Endpoint, headers: &HeaderMap, params: &Params) -> Caller {
    let mut caller = Caller::default();
    if matches!(endpoint.access, Access::App) {
        caller.token = params.text("access_token");
        let app_id = params.text("app_id").or_else(|| params.text("client_id"));
        // Only ids that exist are written down: anything else could be a misplaced secret.
        caller.app_id = app_id.filter(|id| world.apps.contains_key(id));
        let code = params.text("auth_code").or_else(|| params.text("code"));
        let code = code.and_then(|code| world.codes.get(&code));
        caller.login = code.map(|code| code.agreement.login.clone());
    } else {
        let header = headers.get("access-token").map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        caller.token = header.filter(|token| !token.is_empty());
        if caller.token.is_none() && world.switches.access_token_in_query {
            caller.token = params.text("access_token");
        }
    }
    if let Some(grant) = caller.token.as_ref().and_then(|token| world.grants.get(token)) {
        caller.login = Some(grant.agreement.login.clone());
        caller.app_id = caller.app_id.or_else(|| Some(grant.agreement.app_id.clone()));
    }
    caller
}

/// Computes the whole envelope. From here on the call has taken effect.
fn process(
    state: &mut State,
    endpoint: &'static Endpoint,
    caller: &Caller,
    params: &Params,
    now: Timestamp,
    request_id: &str,
) -> Value {
    match decide(state, endpoint, caller, params, now) {
        Ok(Value::Object(data)) if endpoint.flat => {
            let mut envelope = json!({ "code": 0, "message": "OK", "request_id": request_id });
            data.into_iter().for_each(|(name, value)| envelope[name] = value);
            envelope
        }
        Ok(data) => json!({ "code": 0, "message": "OK", "request_id": request_id, "data": data }),
        Err(refusal) => {
            json!({ "code": refusal.code, "message": refusal.message, "request_id": request_id, "data": {} })
        }
    }
}

fn decide(state: &mut State, endpoint: &'static Endpoint, caller: &Caller, params: &Params, now: Timestamp) -> Answer {
    let grant = match endpoint.access {
        Access::App => None,
        _ => Some(authenticate(&state.world, caller.token.as_deref())?),
    };
    if let Some(app_id) = &caller.app_id {
        let level = state.world.switches.rate_level;
        state.rates.admit(app_id, endpoint.path, level, now).map_err(|text| Refusal::new(40100, text))?;
    }
    if let Some(grant) = &grant {
        authorize(&state.world, endpoint, grant)?;
    }
    params.readable()?;
    (endpoint.answer)(&mut state.world, &Call { params, grant: grant.as_ref(), now })
}

fn authenticate(world: &World, token: Option<&str>) -> Result<Grant, Refusal> {
    let token = token.ok_or_else(|| {
        Refusal::new(40104, "Access token is null, you should set it in http header with key Access-Token.")
    })?;
    let grant = world.grants.get(token).filter(|grant| !grant.revoked);
    let grant = grant.ok_or_else(|| Refusal::new(40105, DEAD_TOKEN))?;
    match world.apps.get(&grant.agreement.app_id) {
        Some(app) if !app.blocked => Ok(grant.clone()),
        _ => Err(Refusal::new(40113, "The app has been blocked.")),
    }
}

fn authorize(world: &World, endpoint: &Endpoint, grant: &Grant) -> Result<(), Refusal> {
    let needed = match endpoint.access {
        Access::App | Access::Token => return Ok(()),
        Access::Scope(needed) => needed,
    };
    if scopes::permits(&grant.agreement.scopes, needed) {
        return Ok(());
    }
    let app_has_it = world.apps.get(&grant.agreement.app_id).is_some_and(|app| scopes::permits(&app.scopes, needed));
    let came_later = app_has_it && !scopes::permits(&grant.agreement.app_scopes, needed);
    let path = endpoint.path;
    let not_granted = match world.switches.missing_permission_text {
        MissingPermissionText::ByCause => came_later,
        MissingPermissionText::LacksScope => false,
        MissingPermissionText::NotGranted => true,
    };
    Err(Refusal::new(
        40001,
        if not_granted {
            format!("advertiser does not grant you {path}:GET permission")
        } else {
            format!(
                "Permission error: The access token lacks the required scope for endpoint '{path}(method=GET)'. Please \
                 first check if the request method is correct then ask the user to generate a new access token and \
                 reauthorize your API App with the necessary API scopes."
            )
        },
    ))
}
