//! The control routes. Bodies are JSON whatever their content type says; unknown fields are refused.

use std::{future::ready, sync::Arc};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, State as AppState},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{delete, get, post},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    bodies::{
        Account, AccountRole, Advance, Blocked, CenterStatus, Member, Move, NewMembership, NewSecret, Revoke, Scopes,
        Share, Status, Unshare,
    },
    view,
};
use crate::{
    faults::Fault,
    state::Shared,
    switches::Switches,
    world::{StandInError, World},
};

type Answer = Result<Json<Value>, Refused>;

pub(crate) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/state", get(state))
        .route("/people", post(change(World::add_person)))
        .route("/business-centers", post(change(World::add_business_center)))
        .route("/ad-accounts", post(change(World::add_ad_account)))
        .route("/apps", post(change(World::add_app)))
        .route(
            "/business-center-status",
            post(change(|world, it: CenterStatus| world.set_center_status(&it.bc_id, it.status))),
        )
        .route(
            "/memberships",
            post(change(|world, it: NewMembership| world.set_membership(&it.bc_id, it.membership)))
                .delete(change(|world, it: Member| world.remove_member(&it.bc_id, &it.login))),
        )
        .route(
            "/account-roles",
            post(change(|world, it: AccountRole| {
                world.set_account_role(&it.advertiser_id, &it.bc_id, &it.login, it.role)
            })),
        )
        .route(
            "/shares",
            post(change(|world, it: Share| world.share(&it.advertiser_id, &it.bc_id, it.relation_status)))
                .delete(change(|world, it: Unshare| world.unshare(&it.advertiser_id, &it.bc_id))),
        )
        .route(
            "/relation-status",
            post(change(|world, it: Share| {
                world.set_relation_status(&it.advertiser_id, &it.bc_id, it.relation_status)
            })),
        )
        .route("/move", post(change(|world, it: Move| world.move_account(&it.advertiser_id, it.owner))))
        .route("/delete", post(change(|world, it: Account| world.delete_account(&it.advertiser_id))))
        .route("/status", post(change(|world, it: Status| world.set_account_status(&it.advertiser_id, it.status))))
        .route("/revoke", post(change(|world, it: Revoke| world.revoke_authorization(&it.login, &it.app_id).map(drop))))
        .route("/apps/{app_id}/rotate-secret", post(rotate_secret))
        .route("/apps/{app_id}/blocked", post(set_blocked))
        .route("/apps/{app_id}/scopes", post(set_scopes))
        .route("/faults", get(faults).post(add_fault).delete(clear_faults))
        .route("/faults/{id}", delete(clear_fault))
        .route("/switches", get(switches).patch(set_switches))
        .route("/clock/advance", post(advance))
        .route("/log", get(log).delete(clear_log))
}

/// A handler that reads a `T` and applies it to the world.
fn change<T: DeserializeOwned>(
    apply: impl Fn(&mut World, T) -> Result<(), StandInError> + Clone + Send + Sync + 'static,
) -> impl Fn(AppState<Arc<Shared>>, Bytes) -> std::future::Ready<Answer> + Clone + Send + Sync + 'static {
    move |AppState(shared), body| {
        let applied = read(&body).and_then(|body| apply(&mut shared.lock().world, body).map_err(Refused::from));
        ready(applied.map(|()| done()))
    }
}

async fn state(AppState(shared): AppState<Arc<Shared>>) -> Json<Value> {
    Json(view::state(&shared.lock().world, shared.clock.now()))
}

async fn rotate_secret(AppState(shared): AppState<Arc<Shared>>, Path(app_id): Path<String>, body: Bytes) -> Answer {
    let NewSecret { secret } = read(&body)?;
    shared.lock().world.rotate_secret(&app_id, &secret)?;
    Ok(done())
}

async fn set_blocked(AppState(shared): AppState<Arc<Shared>>, Path(app_id): Path<String>, body: Bytes) -> Answer {
    let Blocked { blocked } = read(&body)?;
    shared.lock().world.set_app_blocked(&app_id, blocked)?;
    Ok(done())
}

async fn set_scopes(AppState(shared): AppState<Arc<Shared>>, Path(app_id): Path<String>, body: Bytes) -> Answer {
    let Scopes { scopes } = read(&body)?;
    shared.lock().world.set_app_scopes(&app_id, scopes)?;
    Ok(done())
}

async fn faults(AppState(shared): AppState<Arc<Shared>>) -> Answer {
    to_json(shared.lock().faults.list())
}

async fn add_fault(AppState(shared): AppState<Arc<Shared>>, body: Bytes) -> Answer {
    let fault: Fault = read(&body)?;
    let id = shared.lock().faults.add(fault)?;
    Ok(Json(json!({ "id": id })))
}

async fn clear_faults(AppState(shared): AppState<Arc<Shared>>) -> Json<Value> {
    shared.lock().faults.clear_all();
    shared.changed();
    done()
}

async fn clear_fault(AppState(shared): AppState<Arc<Shared>>, Path(id): Path<u64>) -> Answer {
    let cleared = shared.lock().faults.clear(id);
    shared.changed();
    if cleared { Ok(done()) } else { Err(StandInError::NotFound { what: "fault", id: id.to_string() }.into()) }
}

async fn switches(AppState(shared): AppState<Arc<Shared>>) -> Answer {
    to_json(&shared.lock().world.switches)
}

/// Turns the switches that are named and leaves the others.
async fn set_switches(AppState(shared): AppState<Arc<Shared>>, body: Bytes) -> Answer {
    let turned: serde_json::Map<String, Value> = read(&body)?;
    let mut state = shared.lock();
    let mut all = serde_json::to_value(&state.world.switches).map_err(|error| invalid(&error))?;
    for (name, value) in turned {
        all[name] = value;
    }
    let all: Switches = serde_json::from_value(all).map_err(|error| invalid(&error))?;
    state.world.switches = all;
    to_json(&state.world.switches)
}

async fn advance(AppState(shared): AppState<Arc<Shared>>, body: Bytes) -> Answer {
    let Advance { seconds } = read(&body)?;
    shared.clock.advance(seconds);
    Ok(Json(json!({ "now": shared.clock.now() })))
}

async fn log(AppState(shared): AppState<Arc<Shared>>) -> Answer {
    let state = shared.lock();
    let endpoints = state
        .log
        .totals()
        .map(|(endpoint, calls, peak)| json!({ "endpoint": endpoint, "calls": calls, "peak_per_second": peak }));
    Ok(Json(json!({
        "calls": state.log.total(),
        "endpoints": endpoints.collect::<Vec<_>>(),
        "entries": state.log.entries(),
    })))
}

async fn clear_log(AppState(shared): AppState<Arc<Shared>>) -> Json<Value> {
    shared.lock().log.clear();
    done()
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refused> {
    serde_json::from_slice(body).map_err(|error| invalid(&error))
}

fn to_json(value: &(impl Serialize + ?Sized)) -> Answer {
    serde_json::to_value(value).map(Json).map_err(|error| invalid(&error))
}

fn done() -> Json<Value> {
    Json(json!({ "done": true }))
}

fn invalid(error: &serde_json::Error) -> Refused {
    Refused(StandInError::Invalid(error.to_string()))
}

/// A refused control call: 400, 404 or 409 with one sentence.
struct Refused(StandInError);

impl From<StandInError> for Refused {
    fn from(error: StandInError) -> Self {
        Self(error)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = match &self.0 {
            StandInError::NotFound { .. } => StatusCode::NOT_FOUND,
            StandInError::Exists { .. } => StatusCode::CONFLICT,
            StandInError::Invalid(_) => StatusCode::BAD_REQUEST,
        };
        (status, Json(json!({ "error": self.0.to_string() }))).into_response()
    }
}
