//! What each function is asked to do: its most usual request, as the gateway would send it.

use anyhow::bail;
use axum::body::Bytes;
use serde_json::{Value, json};

use crate::events::{ORG_ID, http, validate};
use crate::organisation::{self, SMALL_ORG_ID};

/// One function and its request.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    pub function: &'static str,
    /// For the table.
    pub request: &'static str,
    /// Whether it asks TikTok, whose stand-in then works on the same processors.
    pub asks_tiktok: bool,
    event: fn(usize) -> Value,
    /// The status of an HTTP answer; `None` for a function that is invoked directly.
    status: Option<u16>,
}

/// The one that does nothing; the others are measured against it.
pub const FLOOR: &str = "floor";
/// The one that has an aim of its own.
pub const LIST_ACCOUNTS: &str = "list-accounts";

pub const CASES: [Case; 7] = [
    Case { function: FLOOR, request: "nothing", asks_tiktok: false, event: |_| list(ORG_ID), status: Some(200) },
    Case {
        function: LIST_ACCOUNTS,
        request: "48 accounts, the only page",
        asks_tiktok: false,
        event: |_| list(SMALL_ORG_ID),
        status: Some(200),
    },
    Case {
        function: LIST_ACCOUNTS,
        // Its cursor is sealed, so that the web keyring is fetched at a cold start.
        request: "50 accounts, first page of five",
        asks_tiktok: false,
        event: |_| list(ORG_ID),
        status: Some(200),
    },
    Case {
        function: "start-activation",
        request: "activate, with preflight",
        asks_tiktok: true,
        event: activate,
        status: Some(201),
    },
    Case {
        function: "oauth-callback",
        request: "TikTok's redirect back",
        asks_tiktok: false,
        event: |_| callback(),
        status: Some(303),
    },
    Case {
        function: "validate-permissions",
        request: "validate a healthy account",
        asks_tiktok: true,
        event: |_| validate(&organisation::healthy()),
        status: Some(200),
    },
    Case {
        function: "import-accounts",
        request: "one unchanged row",
        asks_tiktok: false,
        event: |_| json!({ "org_id": ORG_ID, "accounts": [organisation::known_row()] }),
        status: None,
    },
];

impl Case {
    /// The `number`th request of a run. Only activating differs from time to time: a person may have ten live at once,
    /// so each is somebody else's.
    pub fn payload(&self, number: usize) -> Bytes {
        (self.event)(number).to_string().into()
    }

    /// Refuses any answer but the one that the request should get: a fast error is no measurement.
    pub fn check(&self, answer: &[u8]) -> anyhow::Result<()> {
        let answer: Value = serde_json::from_slice(answer)?;
        let good = match self.status {
            Some(status) => answer["statusCode"] == status,
            None => answer["unchanged"] == 1,
        };
        if !good {
            bail!("{} should {}, but answered {answer}", self.function, self.request);
        }
        Ok(())
    }
}

fn list(org_id: &str) -> Value {
    let mut event = http("GET /ad-accounts", "/ad-accounts", &json!({}), "limit=50", Some("ana"));
    event["requestContext"]["authorizer"]["jwt"]["claims"]["org_id"] = json!(org_id);
    event
}

fn activate(number: usize) -> Value {
    let advertiser_id = organisation::lapsed();
    let path = format!("/ad-accounts/{advertiser_id}/activate");
    let parameters = json!({ "advertiser_id": advertiser_id });
    http("POST /ad-accounts/{advertiser_id}/activate", &path, &parameters, "", Some(&format!("user-{number}")))
}

fn callback() -> Value {
    let query = "auth_code=9f2c4b7e1d8a3056c4e7b9120f6d5a83e1c7b042&code=9f2c4b7e1d8a3056c4e7b9120f6d5a83e1c7b042\
                 &state=q7Zr1mX0vTnB4sKd8LwYcE2gUhJ6pAoR5iFfVyN3xQk";
    http("GET /oauth/tiktok/callback", "/oauth/tiktok/callback", &json!({}), query, None)
}
