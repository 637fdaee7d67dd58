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
            // Somebody who cancels at TikTok may come back with nothing at all.
            None if auth_code.is_none() && code.is_none() && query.take("error").is_some() => return Self::Denied,
            Some(Err(_)) | None => return Self::Malformed,
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STATE: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc";

    fn outcome(query: &str) -> &'static str {
        match Redirect::parse(&query.replace("STATE", STATE)) {
            Redirect::Approved { .. } => "approved",
            Redirect::Denied => "denied",
            Redirect::Malformed => "malformed",
        }
    }

    #[test]
    fn either_name_of_the_code_will_do() {
        for query in [
            "auth_code=abc&state=STATE",
            "code=abc&state=STATE",
            "auth_code=abc&code=abc&state=STATE",
            "state=STATE&auth_code=abc&foo=bar",
        ] {
            assert_eq!(outcome(query), "approved", "{query}");
        }
    }

    /// T23: whatever TikTok says about a denial is read by nobody.
    #[test]
    fn back_without_a_code_is_a_denial() {
        for query in
            ["state=STATE", "state=STATE&error=access_denied&error_description=%3Cscript%3E", "error=access_denied"]
        {
            assert_eq!(outcome(query), "denied", "{query}");
        }
    }

    /// T03, T24, T26: one state and one code, each once and in shape; everything else leads nowhere.
    #[test]
    fn anything_doubtful_is_malformed() {
        let long = format!("state=STATE&auth_code={}", "a".repeat(513));
        let longest = format!("state=STATE&auth_code=abc&x={}", "a".repeat(4_096));
        for query in [
            "",
            "auth_code=abc",
            "state=&auth_code=abc",
            "state=%00&auth_code=abc",
            "state=short&auth_code=abc",
            "state=STATE=&auth_code=abc",
            "state=STATE&auth_code=",
            "state=STATE&auth_code=a%20b",
            "state=STATE&auth_code=a%0d%0ab",
            "state=STATE&auth_code=a&auth_code=a",
            "state=STATE&state=STATE&auth_code=a",
            "state=STATE&auth_code=a&code=b",
            "state=STATE&auth_code=%zz",
            "state=STATE&auth_code=%ff",
            "STATE=STATE&auth_code=a",
            long.as_str(),
            longest.as_str(),
        ] {
            assert_eq!(outcome(query), "malformed", "{query}");
        }
    }

    #[test]
    fn the_app_gets_the_outcome_in_the_fragment_alone() {
        let app = Url::parse("https://app.example/ad-accounts?tab=needs#old").unwrap();
        let response = to_app(&app, "activation_error=link_invalid");
        assert_eq!(response.status(), 303);
        assert_eq!(
            response.headers()["location"],
            "https://app.example/ad-accounts?tab=needs#activation_error=link_invalid"
        );
    }

    proptest! {
        /// T25: no query makes it panic, and none makes up a code.
        #[test]
        fn any_query_has_an_outcome(query in "\\PC{0,200}", bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let encoded = bytes.iter().fold(String::new(), |text, byte| format!("{text}%{byte:02x}"));
            for query in [query.clone(), format!("state={STATE}&auth_code={encoded}"), format!("{query}&state={STATE}"), encoded] {
                if let Redirect::Approved { code, .. } = Redirect::parse(&query) {
                    prop_assert!((1..=512).contains(&code.expose().len()) && code.expose().bytes().all(|byte| byte.is_ascii_graphic()));
                }
            }
        }
    }
}
