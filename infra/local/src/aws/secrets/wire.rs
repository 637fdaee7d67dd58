//! Secrets Manager's wire protocol, AWS JSON 1.1, as the real SDK speaks it: `POST /` with the operation in
//! `X-Amz-Target`.
//!
//! Errors are HTTP 400, or 500 in an outage.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{CURRENT, Outage, Secret, SecretValue, Secrets, new_secret, new_version_id};
use crate::aws::json::{self, ApiError, ApiResult};

pub fn router(secrets: Secrets) -> Router {
    Router::new().route("/", post(call)).with_state(secrets)
}

async fn call(State(secrets): State<Secrets>, headers: HeaderMap, body: Bytes) -> Response {
    let operation = json::operation(&headers);
    let secret_id = serde_json::from_slice::<Value>(&body).ok().and_then(|body| {
        let id = body.get("SecretId").or_else(|| body.get("Name"))?;
        Some(id.as_str()?.to_owned())
    });
    secrets.count(operation, &secret_id.unwrap_or_default());

    let result = match secrets.outage() {
        Outage::None => act(&secrets, operation, &body),
        Outage::Slow(delay) => {
            tokio::time::sleep(delay).await;
            act(&secrets, operation, &body)
        }
        Outage::Hang => std::future::pending().await,
        Outage::Status(status) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            Err(ApiError { status, ..ApiError::down("InternalServiceError") })
        }
    };
    json::answer("1.1", result)
}

fn act(secrets: &Secrets, operation: &str, body: &[u8]) -> ApiResult {
    match operation {
        "GetSecretValue" => get_secret_value(secrets, &parse(body)?),
        "DescribeSecret" => describe_secret(secrets, &parse(body)?),
        "PutSecretValue" => put_secret_value(secrets, parse(body)?),
        "CreateSecret" => create_secret(secrets, parse(body)?),
        "UpdateSecretVersionStage" => update_stage(secrets, &parse(body)?),
        _ => {
            let message = format!("{operation} is not offered by the local Secrets Manager");
            Err(ApiError::new("UnknownOperationException", message))
        }
    }
}

fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body).map_err(|error| ApiError::new("InvalidParameterException", error.to_string()))
}

fn not_found() -> ApiError {
    ApiError::new("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WhichVersion {
    secret_id: String,
    version_id: Option<String>,
    version_stage: Option<String>,
}

fn get_secret_value(secrets: &Secrets, request: &WhichVersion) -> ApiResult {
    let secret = secrets.find(&request.secret_id).ok_or_else(not_found)?;
    let stage = request.version_stage.as_deref();
    let id = match &request.version_id {
        Some(id) => Some(id.as_str()),
        None => secret.stages.get(stage.unwrap_or(CURRENT)).map(String::as_str),
    };
    let version = id.and_then(|id| secret.version(id)).filter(|version| {
        // Asked for by both, they must mean the same version.
        stage.is_none_or(|stage| secret.stages.get(stage) == Some(&version.id))
    });
    let Some(version) = version else {
        let what = request
            .version_id
            .as_deref()
            .map_or_else(|| format!("staging label: {}", stage.unwrap_or(CURRENT)), |id| format!("VersionId: {id}"));
        let message = format!("Secrets Manager can't find the specified secret value for {what}");
        return Err(ApiError::new("ResourceNotFoundException", message));
    };
    let mut answer = json!({
        "ARN": secret.arn, "Name": secret.name, "VersionId": version.id,
        "VersionStages": secret.stages_of(&version.id), "CreatedDate": version.created,
    });
    match &version.value {
        SecretValue::Text(text) => answer["SecretString"] = json!(text),
        SecretValue::Binary(base64) => answer["SecretBinary"] = json!(base64),
    }
    Ok(answer)
}

fn describe_secret(secrets: &Secrets, request: &WhichVersion) -> ApiResult {
    let secret = secrets.find(&request.secret_id).ok_or_else(not_found)?;
    let stages: serde_json::Map<String, Value> =
        secret.versions.iter().map(|version| (version.id.clone(), json!(secret.stages_of(&version.id)))).collect();
    let created = secret.versions.first().map(|version| version.created);
    let changed = secret.versions.last().map(|version| version.created);
    Ok(json!({
        "ARN": secret.arn, "Name": secret.name, "CreatedDate": created, "LastChangedDate": changed, "VersionIdsToStages": stages,
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NewValue {
    #[serde(alias = "Name")]
    secret_id: String,
    client_request_token: Option<String>,
    secret_string: Option<String>,
    secret_binary: Option<String>,
    version_stages: Option<Vec<String>>,
}

impl NewValue {
    fn value(&self) -> Result<Option<SecretValue>, ApiError> {
        match (&self.secret_string, &self.secret_binary) {
            (Some(text), None) => Ok(Some(SecretValue::Text(text.clone()))),
            (None, Some(base64)) => Ok(Some(SecretValue::Binary(base64.clone()))),
            (None, None) => Ok(None),
            (Some(_), Some(_)) => Err(ApiError::new(
                "InvalidParameterException",
                "You can't specify both a SecretString and a SecretBinary.",
            )),
        }
    }
}

fn put_secret_value(secrets: &Secrets, request: NewValue) -> ApiResult {
    let Some(value) = request.value()? else {
        return Err(ApiError::new("InvalidRequestException", "You must provide either SecretString or SecretBinary."));
    };
    let id = request.client_request_token.unwrap_or_else(new_version_id);
    let stages = request.version_stages.unwrap_or_else(|| vec![CURRENT.to_owned()]);
    secrets.change(|all| {
        let secret = all.values_mut().find(|secret| secret.name == request.secret_id || secret.arn == request.secret_id);
        let secret = secret.ok_or_else(not_found)?;
        match secret.version(&id) {
            // The same token with the same value is the same request again.
            Some(version) if version.value == value => {}
            Some(_) => {
                let message = format!("You can't use ClientRequestToken {id} because that value is already in use for a version of this secret.");
                return Err(ApiError::new("ResourceExistsException", message));
            }
            None => secret.put(&id, value, &stages),
        }
        Ok(version_answer(secret, &id))
    })
}

fn create_secret(secrets: &Secrets, request: NewValue) -> ApiResult {
    let value = request.value()?;
    let id = request.client_request_token.unwrap_or_else(new_version_id);
    secrets.change(|all| {
        if all.contains_key(&request.secret_id) {
            let message = format!("The operation failed because the secret {} already exists.", request.secret_id);
            return Err(ApiError::new("ResourceExistsException", message));
        }
        let mut secret = new_secret(&request.secret_id);
        if let Some(value) = value {
            secret.put(&id, value, &[CURRENT.to_owned()]);
        }
        let answer = version_answer(&secret, &id);
        all.insert(request.secret_id, secret);
        Ok(answer)
    })
}

fn version_answer(secret: &Secret, id: &str) -> Value {
    json!({ "ARN": secret.arn, "Name": secret.name, "VersionId": id, "VersionStages": secret.stages_of(id) })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MoveStage {
    secret_id: String,
    version_stage: String,
    move_to_version_id: Option<String>,
}

fn update_stage(secrets: &Secrets, request: &MoveStage) -> ApiResult {
    secrets.change(|all| {
        let secret =
            all.values_mut().find(|secret| secret.name == request.secret_id || secret.arn == request.secret_id);
        let secret = secret.ok_or_else(not_found)?;
        match &request.move_to_version_id {
            Some(id) if secret.version(id).is_none() => return Err(not_found()),
            Some(id) => secret.move_stage(&request.version_stage, id),
            None => {
                secret.stages.remove(&request.version_stage);
            }
        }
        Ok(json!({ "ARN": secret.arn, "Name": secret.name }))
    })
}
