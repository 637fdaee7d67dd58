//! What we answer when a request cannot be met: `application/problem+json` (RFC 9457), and the catalogue of its codes.
//!
//! Every code has fixed words, written for a marketer: what happened, and what to do about it. A problem may say more
//! about its own case, always in our words; text from TikTok or AWS never gets in.

use std::fmt;

use http::StatusCode;
use serde_json::{Map, Value, json};

use domain::causes::Cause;

/// Why a request was not met. The list is closed: clients are written against it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Code {
    NotAuthenticated,
    ManagerRequired,
    AccountOutOfReach,
    AccountNotFound,
    ActivationNotFound,
    RequestInvalid,
    CursorInvalid,
    AlreadyActive,
    ConsentCannotHelp,
    IdempotencyMismatch,
    TooManyActivations,
    TicketInvalid,
    LinkExpired,
    NotYourActivation,
    TryAgain,
}

/// The fixed part of a problem.
#[derive(Clone, Copy, Debug)]
pub struct Words {
    pub name: &'static str,
    pub status: StatusCode,
    pub title: &'static str,
    pub detail: &'static str,
    pub remedy: &'static str,
}

impl Code {
    pub const ALL: [Self; 15] = [
        Self::NotAuthenticated,
        Self::ManagerRequired,
        Self::AccountOutOfReach,
        Self::AccountNotFound,
        Self::ActivationNotFound,
        Self::RequestInvalid,
        Self::CursorInvalid,
        Self::AlreadyActive,
        Self::ConsentCannotHelp,
        Self::IdempotencyMismatch,
        Self::TooManyActivations,
        Self::TicketInvalid,
        Self::LinkExpired,
        Self::NotYourActivation,
        Self::TryAgain,
    ];

    #[expect(clippy::too_many_lines, reason = "one catalogue, one place")]
    pub fn words(self) -> Words {
        match self {
            Self::NotAuthenticated => Words {
                name: "not_authenticated",
                status: StatusCode::UNAUTHORIZED,
                title: "You are not signed in",
                detail: "The request carries no sign-in that gives access here.",
                remedy: "Sign in to CreativeX again. If that does not help, write to support@creativex.com.",
            },
            Self::ManagerRequired => Words {
                name: "manager_required",
                status: StatusCode::FORBIDDEN,
                title: "Your role does not allow this",
                detail: "Reconnecting and checking ad accounts is for users who may manage them; your user may only look.",
                remedy: "Ask somebody in your organisation who manages ad accounts to do it, or to give you that role.",
            },
            Self::AccountOutOfReach => Words {
                name: "account_out_of_reach",
                status: StatusCode::FORBIDDEN,
                title: "You have no access to this ad account",
                detail: "The ad account belongs to your organisation, but not to the brands, markets and partners that your user has access to.",
                remedy: "Confirm that you selected the right account and that your CreativeX user has access to it.",
            },
            Self::AccountNotFound => Words {
                name: "account_not_found",
                status: StatusCode::NOT_FOUND,
                title: "There is no such ad account",
                detail: "Your organisation has no ad account with this Account ID.",
                remedy: "Compare the Account ID with the one in TikTok Ads Manager, and search for it in the list of ad accounts.",
            },
            Self::ActivationNotFound => Words {
                name: "activation_not_found",
                status: StatusCode::NOT_FOUND,
                title: "There is no such activation",
                detail: "Your organisation has no activation with this id.",
                remedy: "Open the ad account and choose Activate to start a new one.",
            },
            Self::RequestInvalid => Words {
                name: "request_invalid",
                status: StatusCode::BAD_REQUEST,
                title: "Something in the request is not right",
                detail: "The request is not one that we understand.",
                remedy: "Correct it and send it again.",
            },
            Self::CursorInvalid => Words {
                name: "cursor_invalid",
                status: StatusCode::BAD_REQUEST,
                title: "The list cannot go on from here",
                detail: "The cursor was altered, is too old, or belongs to a list with other filters.",
                remedy: "Load the list again from its first page.",
            },
            Self::AlreadyActive => Words {
                name: "already_active",
                status: StatusCode::CONFLICT,
                title: "The ad account is already connected",
                detail: "Data of this ad account is being collected; nothing needs to be activated.",
                remedy: "You need not do anything. To renew the TikTok authorization all the same, choose Renew connection.",
            },
            Self::ConsentCannotHelp => Words {
                name: "consent_cannot_help",
                status: StatusCode::CONFLICT,
                title: "Signing in to TikTok cannot repair this",
                detail: "TikTok shows that something else has to change first.",
                remedy: "Open the ad account's details to see what has to change and who can do it.",
            },
            Self::IdempotencyMismatch => Words {
                name: "idempotency_mismatch",
                status: StatusCode::CONFLICT,
                title: "This request was sent before with other content",
                detail: "The Idempotency-Key was used in the last 24 hours for a different request.",
                remedy: "Use a new Idempotency-Key for a new request.",
            },
            Self::TooManyActivations => Words {
                name: "too_many_activations",
                status: StatusCode::TOO_MANY_REQUESTS,
                title: "You have too many activations open",
                detail: "You started as many activations as one user may have open at a time.",
                remedy: "Finish one of them at TikTok, or wait a few minutes until the oldest runs out.",
            },
            Self::TicketInvalid => Words {
                name: "ticket_invalid",
                status: StatusCode::BAD_REQUEST,
                title: "This way back from TikTok does not work",
                detail: "The ticket that came with your return from TikTok is incomplete or not ours.",
                remedy: "Open the ad account and choose Activate again.",
            },
            Self::LinkExpired => Words {
                name: "link_expired",
                status: StatusCode::GONE,
                title: "This link does not work any more",
                detail: "It is not known, was already used, or is too old.",
                remedy: "Choose Activate again, finish at TikTok by the time that is shown there, and stay in the same browser.",
            },
            Self::NotYourActivation => Words {
                name: "not_your_activation",
                status: StatusCode::FORBIDDEN,
                title: "Somebody else started this activation",
                detail: "Only the user who chose Activate can finish it, so it was closed and nothing was connected.",
                remedy: "Open the ad account and choose Activate yourself. Do not use TikTok links that others send you.",
            },
            Self::TryAgain => Words {
                name: "try_again",
                status: StatusCode::SERVICE_UNAVAILABLE,
                title: "We could not do this just now",
                detail: "A part of our service is not answering. Nothing was lost.",
                remedy: "Wait a moment and try again; you need not start over.",
            },
        }
    }
}

/// One problem: a code with its words, and what is particular to the case.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    code: Code,
    status: StatusCode,
    detail: String,
    remedy: String,
    retry_after: Option<u32>,
    members: Vec<(&'static str, Value)>,
}

impl From<Code> for Problem {
    fn from(code: Code) -> Self {
        let Words { status, detail, remedy, .. } = code.words();
        let retry_after = match code {
            Code::TryAgain => Some(5),
            Code::TooManyActivations => Some(60),
            _ => None,
        };
        Self { code, status, detail: detail.to_owned(), remedy: remedy.to_owned(), retry_after, members: Vec::new() }
    }
}

impl Problem {
    /// `request_invalid` for one field. `expected` finishes the sentence "`field` must be …"; what was sent is not repeated.
    pub fn field(field: &str, expected: &str) -> Self {
        let field = shown(field);
        Self::from(Code::RequestInvalid).with_detail(format!("`{field}` must be {expected}.")).with("field", field)
    }

    /// `request_invalid` with status 413: `field` is longer than we read.
    pub fn too_large(field: &str, limit: &str) -> Self {
        Self { status: StatusCode::PAYLOAD_TOO_LARGE, ..Self::field(field, &format!("at most {limit}")) }
    }

    /// `consent_cannot_help` with the cause that stands in the way, its explanation and its remedy.
    pub fn consent_cannot_help(cause: &Cause) -> Self {
        let shown = cause.shown();
        Self::from(Code::ConsentCannotHelp)
            .with_detail(shown.explanation)
            .with_remedy(shown.remedy)
            .with("cause", json!(shown.cause))
    }

    /// The same problem, with what is to be said of this case instead of the catalogue's sentence.
    #[must_use]
    pub fn with_detail(self, detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), ..self }
    }

    #[must_use]
    pub fn with_remedy(self, remedy: impl Into<String>) -> Self {
        Self { remedy: remedy.into(), ..self }
    }

    /// The same problem with the seconds after which a repeat makes sense, for `Retry-After`.
    #[must_use]
    pub fn with_retry_after(self, seconds: u32) -> Self {
        Self { retry_after: Some(seconds.max(1)), ..self }
    }

    /// The same problem with an extension member (RFC 9457, section 3.2).
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.members.push((name, value.into()));
        self
    }

    pub fn code(&self) -> Code {
        self.code
    }

    pub fn status(&self) -> StatusCode {
        self.status
    }

    pub fn retry_after(&self) -> Option<u32> {
        self.retry_after
    }

    /// The body of the answer.
    pub fn to_json(&self, request_id: &str) -> Value {
        let Words { name, title, .. } = self.code.words();
        let mut body = Map::new();
        for (member, value) in &self.members {
            body.insert((*member).to_owned(), value.clone());
        }
        body.insert("type".to_owned(), json!(format!("/problems/{name}")));
        body.insert("title".to_owned(), json!(title));
        body.insert("status".to_owned(), json!(self.status.as_u16()));
        body.insert("detail".to_owned(), json!(self.detail));
        body.insert("remedy".to_owned(), json!(self.remedy));
        body.insert("request_id".to_owned(), json!(request_id));
        Value::Object(body)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.words().name, self.detail)
    }
}

impl std::error::Error for Problem {}

/// A field's name as we may repeat it: unknown fields are named by whoever sent them. Tokens, codes and states that
/// were put in a name's place are longer than any name.
fn shown(field: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.[]".contains(&byte);
    let shown = (1..=32).contains(&field.len()) && field.bytes().all(plain);
    if shown { field.to_owned() } else { "request".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::causes::CauseCode;

    #[test]
    fn every_code_has_its_words_and_the_api_description_knows_it() {
        let description = include_str!("../../../infra/openapi.yaml");
        for (place, code) in Code::ALL.into_iter().enumerate() {
            let words = code.words();
            assert!(description.contains(&format!("/problems/{}", words.name)), "{code:?}");
            assert!(!words.title.ends_with('.') && words.title.len() > 10, "{code:?}");
            assert!(words.detail.ends_with('.') && words.remedy.ends_with('.'), "{code:?}");
            assert!(!Code::ALL[..place].contains(&code), "{code:?} is listed twice");
        }
        // `words` has no catch-all arm, so a variant without words does not compile; one that ALL forgot is caught here.
        assert_eq!(Code::ALL.len(), Code::TryAgain as usize + 1);
        assert_eq!(description.matches("/problems/").count(), Code::ALL.len() + 1, "one in the example");
    }

    #[test]
    fn a_problem_is_told_whole() {
        let problem = Problem::field("limit", "a whole number from 1 to 100");
        assert_eq!(
            problem.to_json("r-1"),
            json!({
                "type": "/problems/request_invalid", "title": "Something in the request is not right", "status": 400,
                "detail": "`limit` must be a whole number from 1 to 100.", "remedy": "Correct it and send it again.",
                "request_id": "r-1", "field": "limit"
            })
        );
    }

    /// The help page's line for somebody who opened the wrong account.
    #[test]
    fn out_of_reach_tells_what_to_confirm() {
        let remedy = Code::AccountOutOfReach.words().remedy;
        assert!(remedy.contains("selected the right account") && remedy.contains("CreativeX user has access to it"));
    }

    #[test]
    fn consent_that_cannot_help_says_what_can() {
        let cause = Cause::from(CauseCode::AdAccountMoved);
        let body = Problem::consent_cannot_help(&cause).to_json("r-1");
        assert_eq!(body["cause"], "ad_account_moved");
        assert_eq!(body["remedy"], cause.remedy());
        assert_eq!(body["status"], 409);
    }

    #[test]
    fn members_never_replace_what_every_problem_has() {
        let body = Problem::from(Code::TryAgain).with("status", 200).to_json("r-1");
        assert_eq!(body["status"], 503);
    }

    /// T30, T77: what somebody sent comes back in no form but a plain name.
    #[test]
    fn strange_field_names_are_not_repeated() {
        for strange in ["<script>", "a b", "é", "a\r\nb", "", &"0a".repeat(20), &"x".repeat(33)] {
            let body = Problem::field(strange, "something else").to_json("r-1");
            assert_eq!(body["field"], "request", "{strange:?}");
        }
    }
}
