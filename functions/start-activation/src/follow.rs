//! `GET /activations/{activation_id}`: how far an activation is, and its receipt.

use domain::ids::ActivationId;
use http::StatusCode;
use shared::http::{Code, Request, Response, respond};
use shared::receipt::receipt;

use crate::{Clients, StartError};

/// For every reader of the organisation whose reach contains the ad account. In another organisation the activation
/// does not exist, and no answer tells the difference.
pub async fn follow(clients: &Clients, request: &Request) -> Result<Response, StartError> {
    let caller = request.reader()?;
    let activation_id: ActivationId = request.path("activation_id")?;
    request.query()?.nothing_else()?;
    let record = clients.table.activation(&activation_id).await?;
    let record = record.filter(|record| record.stored.activation.org_id == caller.org_id);
    let record = record.ok_or(Code::ActivationNotFound)?;
    let account = clients.table.account(&caller.org_id, &record.stored.activation.advertiser_id).await?;
    if !caller.reach.contains(&account.ok_or(Code::ActivationNotFound)?.belonging) {
        return Err(Code::AccountOutOfReach.into());
    }
    Ok(respond::json(StatusCode::OK, &receipt(&record, &caller, clients.now())))
}
