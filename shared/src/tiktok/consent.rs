//! Taking a grant and giving it back: where to send a person, the one exchange of what they bring, the revocation.

use tokio::time::Instant;
use url::Url;

use super::client::TikTok;
use super::codes::suspects_secret;
use super::wire::{ExchangeData, ExchangeRequest, RevokeRequest, Something};
use crate::sealing::{AccessToken, AuthCode, RawState};
use crate::secrets::AppCredentials;
use domain::checks::{Asked, Endpoint, Evidence, Refusal};
use domain::scopes::Scopes;

/// A code became a token.
#[derive(Debug)]
pub struct Exchanged {
    pub token: AccessToken,
    /// Empty when TikTok listed none, or nothing readable.
    pub scopes: Scopes,
    pub evidence: Evidence,
}

/// A code became nothing. Unless the refusal says otherwise it may be spent all the same: never exchange it again.
#[derive(Debug, thiserror::Error)]
#[error("the code exchange was refused: {refusal:?}")]
pub struct ExchangeFailed {
    pub refusal: Refusal,
    pub evidence: Evidence,
    /// The app secret may have been rotated: forget the cached one.
    pub suspect_secret: bool,
}

impl TikTok {
    /// TikTok's consent page for our app (`/portal/auth`). `redirect_uri` must be registered with the app, to the letter.
    pub fn authorization_url(&self, app_id: &str, state: &RawState, redirect_uri: &str) -> Url {
        let mut url = self.auth_base.clone();
        url.set_path(&format!("{}/portal/auth", self.auth_base.path().trim_end_matches('/')));
        url.query_pairs_mut()
            .clear()
            .append_pair("app_id", app_id)
            .append_pair("state", state.expose())
            .append_pair("redirect_uri", redirect_uri);
        url
    }

    /// `POST /oauth2/access_token/`, once: sent again only when no connection came about.
    ///
    /// TikTok is told to leave the list of ad accounts out, which can take it too long for a large login;
    /// `/oauth2/advertiser/get/` has the same list, fresher.
    pub async fn exchange(
        &self,
        app: &AppCredentials,
        code: AuthCode,
        deadline: Instant,
    ) -> Result<Exchanged, Box<ExchangeFailed>> {
        let request = ExchangeRequest {
            app_id: &app.app_id,
            secret: app.secret.expose(),
            auth_code: code.expose(),
            return_advertiser_ids: false,
        };
        let Asked { evidence, answer } = self.write::<ExchangeData>(Endpoint::Exchange, None, &request, deadline).await;
        match answer {
            Ok(data) => Ok(Exchanged { token: data.access_token, scopes: data.scope, evidence }),
            Err(refusal) => {
                let suspect_secret = suspects_secret(&evidence);
                Err(Box::new(ExchangeFailed { refusal, evidence, suspect_secret }))
            }
        }
    }

    /// `POST /oauth2/revoke_token/`: the whole token dies, for every ad account. A token that is dead already may answer
    /// [`Refusal::TokenDead`].
    pub async fn revoke(&self, app: &AppCredentials, token: &AccessToken, deadline: Instant) -> Asked<()> {
        let request = RevokeRequest { app_id: &app.app_id, secret: app.secret.expose(), access_token: token.expose() };
        let Asked { evidence, answer } =
            self.write::<Something>(Endpoint::Revoke, Some(token), &request, deadline).await;
        Asked { evidence, answer: answer.map(|_| ()) }
    }
}
