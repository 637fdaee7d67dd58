//! What each function is asked to do: its most usual request, as the gateway would send it.

use anyhow::bail;
use axum::body::Bytes;
use serde_json::{Value, json};

use super::organisation::{self, ORG_ID, SMALL_ORG_ID};

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

pub fn validate(advertiser_id: &str) -> Value {
    let path = format!("/ad-accounts/{advertiser_id}/validate");
    let parameters = json!({ "advertiser_id": advertiser_id });
    http("POST /ad-accounts/{advertiser_id}/validate", &path, &parameters, "", Some("ana"))
}

/// An event of payload format 2.0. `caller` is a manager of the organisation.
fn http(route: &str, path: &str, parameters: &Value, query: &str, caller: Option<&str>) -> Value {
    let method = route.split(' ').next().unwrap_or_default();
    let mut event = json!({
        "version": "2.0", "routeKey": route, "rawPath": path, "rawQueryString": query,
        "headers": { "accept": "application/json", "host": "api.example.com", "user-agent": "bench",
                     "x-forwarded-for": "203.0.113.7", "x-forwarded-port": "443", "x-forwarded-proto": "https" },
        "pathParameters": parameters,
        "requestContext": {
            "accountId": "123456789012", "apiId": "local", "domainName": "api.example.com", "domainPrefix": "api",
            "http": { "method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7", "userAgent": "bench" },
            "requestId": "c5f0a7d2-3b1e", "routeKey": route, "stage": "$default",
            "time": "23/Nov/2026:12:00:00 +0000", "timeEpoch": 1_795_435_200_000_u64,
        },
        "isBase64Encoded": false,
    });
    if let Some(sub) = caller {
        let claims = json!({ "sub": sub, "org_id": ORG_ID, "scope": "ad-accounts:read ad-accounts:manage",
                             "name": "Ana Moreau", "email": "ana@northwind.example" });
        event["requestContext"]["authorizer"] = json!({ "jwt": { "claims": claims, "scopes": null } });
    }
    event
}
