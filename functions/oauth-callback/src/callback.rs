//! `GET /oauth/tiktok/callback`: TikTok sends the person back. Whoever's browser this is, it decides nothing and writes
//! nothing: what TikTok sent is sealed into a ticket, and the app brings the ticket back with the person's own sign-in.

use shared::http::query::Query;
use shared::http::{Response, respond};
use shared::sealing::{AuthCode, RawState};
use url::Url;

/// What TikTok's redirect says, before any of it is believed.
#[derive(Debug)]
pub enum Redirect {
    Approved {
        state: RawState,
        code: AuthCode,
    },
    /// Back without a code: the person cancelled, or TikTok says why not.
    Denied,
    /// Nothing that a consent of ours could have led to.
    Malformed,
}

impl Redirect {
    /// Never fails and never looks anything up. Parameters that are not ours are ignored; ours must stand there once.
    pub fn parse(raw_query: &str) -> Self {
        let Ok(mut query) = Query::parse(raw_query) else { return Self::Malformed };
        let (auth_code, code) = (query.take("auth_code"), query.take("code"));
        let state = match query.take("state").map(RawState::try_from) {
            Some(Ok(state)) => state,
            Some(Err(_)) => return Self::Malformed,
            // Somebody who cancels at TikTok may come back with nothing at all.
            None if auth_code.is_none() && code.is_none() && query.take("error").is_some() => return Self::Denied,
            None => return Self::Malformed,
        };
        let code = match (auth_code, code) {
            (Some(auth_code), Some(code)) if auth_code != code => return Self::Malformed,
            (Some(code), _) | (None, Some(code)) => code,
            (None, None) => return Self::Denied,
        };
        match AuthCode::try_from(code) {
            Ok(code) => Self::Approved { state, code },
            Err(_) => Self::Malformed,
        }
    }
}

/// 303 to the app, with the outcome in the fragment, which no server and no `Referer` ever sees.
pub fn to_app(app_url: &Url, fragment: &str) -> Response {
    let mut target = app_url.clone();
    target.set_fragment(Some(fragment));
    respond::see_other(&target)
}
