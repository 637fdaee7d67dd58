//! Events as the gateway makes them of requests.

use serde_json::{Value, json};

/// Whose ad accounts most requests are about.
pub const ORG_ID: &str = "org-bench";

/// A manager has one ad account checked now.
pub fn validate(advertiser_id: &str) -> Value {
    let path = format!("/ad-accounts/{advertiser_id}/validate");
    let parameters = json!({ "advertiser_id": advertiser_id });
    http("POST /ad-accounts/{advertiser_id}/validate", &path, &parameters, "", Some("ana"))
}

/// An event of payload format 2.0. `caller` is a manager of the organisation.
pub fn http(route: &str, path: &str, parameters: &Value, query: &str, caller: Option<&str>) -> Value {
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
