//! Takes the advertiser back from TikTok and reconnects the account.
//!
//! `GET /oauth/tiktok/callback` ([`callback`]) is public and changes nothing; `POST /activations/complete` ([`complete`])
//! is for the person who started.

pub mod callback;
pub mod clients;
mod complete;

use domain::activation::Shown;
use http::StatusCode;
use serde_json::json;
use shared::finishing::Budget;
use shared::http::{Request, Response, respond};
use shared::receipt::receipt;

pub use clients::Clients;
pub use complete::CompleteError;

use callback::Redirect;

/// The two routes of this function.
pub async fn handle(clients: &Clients, request: Request) -> Result<Response, CompleteError> {
    match request.route() {
        "GET /oauth/tiktok/callback" => take_back(clients, &request).await,
        "POST /activations/complete" => finish(clients, &request).await,
        _ => Ok(respond::no_such_route()),
    }
}

/// Always 303 to the configured app; never HTML, never a cookie, nothing of the request in the answer.
async fn take_back(clients: &Clients, request: &Request) -> Result<Response, CompleteError> {
    Ok(match Redirect::parse(request.raw_query()) {
        Redirect::Approved { state, code } => {
            let seal = clients.web.seal(clients.now()).await?;
            let ticket = shared::http::ticket::seal(&seal, &state, &code, clients.ticket_ttl, clients.now());
            callback::to_app(&clients.app_url, &format!("activation_ticket={}", ticket.expose()))
        }
        Redirect::Denied => callback::to_app(&clients.app_url, "activation_error=consent_denied"),
        Redirect::Malformed => callback::to_app(&clients.app_url, "activation_error=link_invalid"),
    })
}

/// 200 with the receipt once it is final, 202 until then.
async fn finish(clients: &Clients, request: &Request) -> Result<Response, CompleteError> {
    let budget = Budget::new(request.time_left(clients.now()));
    // A completion is a long chain of awaits: on the heap it does not weigh on every other request.
    let completed = Box::pin(complete::complete(clients, request, budget)).await;
    clients.finisher.tiktok.tell_answers(clients.now());
    let (record, caller) = completed?;
    let now = clients.now();
    let activation = &record.stored.activation;
    Ok(match activation.shown(now) {
        Shown::Pending | Shown::Waiting => respond::json(
            StatusCode::ACCEPTED,
            &json!({ "activation_id": activation.activation_id, "outcome": "pending" }),
        ),
        Shown::Reconnected | Shown::Refused { .. } | Shown::GaveUp { .. } => {
            respond::json(StatusCode::OK, &receipt(&record, &caller, now))
        }
    })
}
