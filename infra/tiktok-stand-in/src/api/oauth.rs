//! Codes for tokens, and the end of tokens. These endpoints take the app's secret instead of a token.

use serde_json::{Value, json};

use super::{Answer, Call, Refusal};
use crate::world::{World, grants::Grant};

/// `POST /oauth2/access_token/`
pub(super) fn access_token(world: &mut World, call: &Call<'_>) -> Answer {
    let params = call.params;
    let app_id = params.required("app_id")?;
    let secret = params.required("secret")?;
    let code = params.required("auth_code")?;
    let with_accounts = params.flag("return_advertiser_ids", true)?;
    let (token, grant) = exchange(world, call, &app_id, &secret, &code)?;
    let mut data = json!({ "access_token": token, "scope": grant.agreement.scopes });
    if with_accounts {
        data["advertiser_ids"] = json!(world.covered_ids(&grant.agreement));
    }
    Ok(data)
}

/// `POST /oauth/token/`: the same under OAuth's own names, as JSON or as a form.
pub(super) fn token(world: &mut World, call: &Call<'_>) -> Answer {
    let params = call.params;
    let app_id = params.required("client_id")?;
    let secret = params.required("client_secret")?;
    if params.required("grant_type")? != "authorization_code" {
        return Err(Refusal::new(40108, "The grant_type is not supported."));
    }
    let code = params.required("code")?;
    let (token, grant) = exchange(world, call, &app_id, &secret, &code)?;
    Ok(json!({
        "access_token": token,
        "token_type": "Bearer",
        "scope": grant.agreement.scopes,
        "advertiser_ids": world.covered_ids(&grant.agreement),
    }))
}

/// `POST /oauth2/revoke_token/`
pub(super) fn revoke_token(world: &mut World, call: &Call<'_>) -> Answer {
    let params = call.params;
    let app_id = params.required("app_id")?;
    let secret = params.required("secret")?;
    let token = params.required("access_token")?;
    check_app(world, &app_id, &secret)?;
    let Some(grant) = world.grants.get(&token).filter(|grant| !grant.revoked).cloned() else {
        return match world.switches.dead_token_revocation {
            0 => Ok(json!({ "app_id": app_id, "advertiser_ids": [] })),
            code => Err(Refusal::new(code, DEAD_TOKEN)),
        };
    };
    if grant.agreement.app_id != app_id {
        return Err(Refusal::new(world.switches.app_token_mismatch, OTHER_APP));
    }
    let data: Value = json!({ "app_id": app_id, "advertiser_ids": world.covered_ids(&grant.agreement) });
    world.revoke_token(&token).map_err(|_| Refusal::new(40105, DEAD_TOKEN))?;
    Ok(data)
}

pub(super) const DEAD_TOKEN: &str = "Access token is incorrect or has been revoked.";
pub(super) const OTHER_APP: &str =
    "The app_id is inconsistent with the token's app information. Please retry after correcting it.";

fn exchange(
    world: &mut World,
    call: &Call<'_>,
    app_id: &str,
    secret: &str,
    code: &str,
) -> Result<(String, Grant), Refusal> {
    check_app(world, app_id, secret)?;
    if code.len() != 40 || !code.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Refusal::new(world.switches.malformed_code, "Invalid auth_code. Please re-authorize."));
    }
    let bad_code = world.switches.bad_code;
    world.redeem(code, app_id, call.now).ok_or_else(|| {
        Refusal::new(bad_code, "The auth_code is canceled. Please re-authorize and try again with a new auth_code.")
    })
}

/// The app must exist, know its secret and not be blocked.
pub(super) fn check_app(world: &World, app_id: &str, secret: &str) -> Result<(), Refusal> {
    let Some(app) = world.apps.get(app_id) else {
        return Err(Refusal::new(world.switches.unknown_app, "The app does not exist."));
    };
    if app.blocked {
        return Err(Refusal::new(40113, "The app has been blocked."));
    }
    if app.secret != secret {
        return Err(Refusal::new(world.switches.wrong_secret, "The app_id and the secret do not match."));
    }
    Ok(())
}
