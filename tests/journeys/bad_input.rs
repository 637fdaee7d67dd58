//! Requests that are wrong in every way we could think of: each is refused in plain words with the field named, nothing
//! is written, and the same processes go on in little memory (T33 to T36).

use std::collections::{BTreeMap, BTreeSet};

use local::gateway::routes::OPENAPI;
use shared::http::Code;
use shared::logging::loggable;

use crate::edge::wire::{Reply, Request, pids};
use crate::support::*;

/// Every field of every request; those of the callback, which refuses nothing, are in [`crate::edge`].
const FIELDS: [(&str, &str); 20] = [
    ("GET /ad-accounts", "status"),
    ("GET /ad-accounts", "search"),
    ("GET /ad-accounts", "brand"),
    ("GET /ad-accounts", "market"),
    ("GET /ad-accounts", "partner"),
    ("GET /ad-accounts", "limit"),
    ("GET /ad-accounts", "cursor"),
    ("GET /ad-accounts/{advertiser_id}", "advertiser_id"),
    ("GET /ad-accounts/{advertiser_id}/history", "advertiser_id"),
    ("GET /ad-accounts/{advertiser_id}/history", "limit"),
    ("GET /ad-accounts/{advertiser_id}/history", "cursor"),
    ("POST /ad-accounts/{advertiser_id}/activate", "advertiser_id"),
    ("POST /ad-accounts/{advertiser_id}/activate", "Idempotency-Key"),
    ("POST /ad-accounts/{advertiser_id}/activate", "also"),
    ("POST /ad-accounts/{advertiser_id}/activate", "force"),
    ("POST /ad-accounts/{advertiser_id}/validate", "advertiser_id"),
    ("GET /activations/{activation_id}", "activation_id"),
    ("POST /activations/complete", "ticket"),
    // Checked by [`t35_hostile_bodies`] on every route that takes a body.
    ("POST /ad-accounts/{advertiser_id}/activate", "body"),
    ("POST /activations/complete", "body"),
];

const MOST_MEMORY_KIB: u64 = 128 * 1024;

/// The fields that the API description knows, as in [`FIELDS`].
fn described() -> BTreeSet<(String, String)> {
    let api: Value = serde_yaml_ng::from_str(OPENAPI).expect("the API description");
    let resolve = |value: &Value| match value["$ref"].as_str() {
        Some(reference) => api.pointer(reference.trim_start_matches('#')).expect("what is referred to").clone(),
        None => value.clone(),
    };
    let mut fields = BTreeSet::new();
    for (path, item) in api["paths"].as_object().expect("paths") {
        for method in ["get", "post"] {
            let operation = &item[method];
            let route = format!("{} {path}", method.to_uppercase());
            let lists = [&item["parameters"], &operation["parameters"]];
            if operation.is_null() || path == "/oauth/tiktok/callback" {
                continue;
            }
            for parameter in lists.into_iter().filter_map(Value::as_array).flatten() {
                fields.insert((route.clone(), resolve(parameter)["name"].as_str().expect("a name").to_owned()));
            }
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            if !schema.is_null() {
                fields.insert((route.clone(), "body".to_owned()));
                let properties = resolve(schema)["properties"].as_object().cloned().expect("properties");
                fields.extend(properties.keys().map(|name| (route.clone(), name.clone())));
            }
        }
    }
    fields
}

#[test]
fn every_field_of_the_api_description_is_tried() {
    let tried: BTreeSet<_> = FIELDS.iter().map(|(route, field)| ((*route).to_owned(), (*field).to_owned())).collect();
    assert_eq!(tried, described());
}

fn bad_in_a_query(field: &str) -> Vec<String> {
    let own = match field {
        "status" => vec!["", "paused", "Active", "active,active", "active%20", "1", "true"],
        "search" => vec![""],
        "brand" | "market" | "partner" => vec!["", "a%23b", "a,b", "a+b", "%C3%A9", "..%2f", "a%3a"],
        "limit" => {
            vec!["", "0", "101", "-1", "%2B5", "1.5", "1e1", "0x10", "ten", "99999999999999999999999", "%D9%A1", "5,5"]
        }
        _ => vec![],
    };
    let long = "%C3%A9".repeat(101);
    let anywhere = ["%00", "%ff", "%zz", "%", "%C0%80", "%ED%A0%80", "a%0ab", "a%7fb", "a%1b[31m"];
    let mut values: Vec<String> = own.into_iter().chain(anywhere).map(str::to_owned).collect();
    if field != "cursor" {
        values.push(long);
    }
    values.push(format!("1&{field}=1"));
    values
}

fn bad_in_a_path() -> Vec<String> {
    let mut values: Vec<String> = [
        "12a",
        "123456789012345678901",
        "-1",
        "+1",
        "1e5",
        "0x10",
        "1.0",
        "%20",
        "%00",
        "71%00",
        "71%0a",
        "%0d%0aX-Injected:%201",
        "%ff",
        "%C0%80",
        "%E2%80%AE71",
        "%D9%A1%D9%A2",
        "..",
        "%2e%2e",
        "%2e%2e%2f%2e%2e",
        "71%2f72",
        "71%3f72",
        "71%2500",
        "71'%20OR%20'1'='1",
        "%7b%22$ne%22:1%7d",
        "null",
        "ACCOUNT%2371",
        "act_x",
        "*",
        "~",
        "71;72",
        "71,72",
    ]
    .map(str::to_owned)
    .to_vec();
    values.extend(["1".repeat(9_000), "%41".repeat(3_000)]);
    values
}

/// JSON for one field of a body.
fn bad_in_a_body(field: &str) -> Vec<String> {
    let deep = format!("{}{}", "[".repeat(2_000), "]".repeat(2_000));
    let mut values: Vec<String> =
        ["1", "0", "-1.5", "null", "[]", "{}", "[true]", r#"{"a":1}"#, "9007199254740993"].map(str::to_owned).to_vec();
    values.extend([deep, format!("\"{}\"", "a".repeat(5_000)), r#""é""#.to_owned(), r#""\u0000""#.to_owned()]);
    let own = match field {
        "also" => vec![r#""""#, r#""Business_Center""#, r#""business_center ""#, r#""organisation""#, "true"],
        "force" => vec![r#""true""#, r#""""#, r#""yes""#],
        "ticket" => vec![r#""""#, r#""a b""#, r#""a+b/c=""#, "true", r#""<script>""#],
        other => panic!("{other}"),
    };
    values.extend(own.into_iter().map(str::to_owned));
    values
}

/// A refusal in words of the closed list that names this field.
#[track_caller]
fn names(reply: &Reply, field: &str) {
    let body = reply.json();
    assert!([400, 413].contains(&reply.status), "{field}: {reply:?}");
    assert_eq!(body["type"], "/problems/request_invalid", "{field}: {reply:?}");
    assert_eq!(body["field"], field, "{reply:?}");
    assert!(body["detail"].as_str().is_some_and(|detail| detail.starts_with(&format!("`{field}` must be "))));
    assert_eq!(body["title"], Code::RequestInvalid.words().title);
}

struct Scene {
    world: TestWorld,
    account: Account,
    token: String,
    before: Vec<Value>,
    alive: Vec<(String, Vec<u32>)>,
}

impl Scene {
    /// Every function is warm, so that a new process shows.
    async fn new() -> Self {
        let world = TestWorld::with().env("RUST_LOG", "info").start().await;
        let account = world.active(11).await;
        let token = world.local.issuer.mint(&ANA.claims());
        for function in world.local.functions.names() {
            let _ = world.local.functions.invoke(function, json!({})).await;
        }
        let (before, alive) = (world.dump(), pids(&world));
        Self { world, account, token, before, alive }
    }

    fn request(&self, route: &str) -> Request {
        let path = route.replace("{advertiser_id}", &self.account.id);
        let (method, path) = path.split_once(' ').expect("method and path");
        Request::new(method, &path.replace("{activation_id}", &format!("act_{}", "A".repeat(43)))).bearer(&self.token)
    }

    async fn send(&self, request: Request) -> Reply {
        request.send(&self.world).await
    }

    async fn finish(self) {
        assert_eq!(self.world.dump(), self.before, "nothing was written");
        assert_eq!(pids(&self.world), self.alive, "no process ended");
        for function in self.world.local.functions.names() {
            for resident in self.world.local.functions.resident_kib(function).expect("a known function") {
                assert!(resident < MOST_MEMORY_KIB, "{function} takes {resident} KiB");
            }
        }
        self.world.finish().await;
    }
}

#[tokio::test]
async fn t35_every_field_is_checked_and_named() {
    let scene = Scene::new().await;
    for (route, field) in FIELDS {
        match field {
            "advertiser_id" | "activation_id" => {
                for value in bad_in_a_path() {
                    let path = route.replace(&format!("{{{field}}}"), &value);
                    names(&scene.send(scene.request(&path)).await, field);
                }
            }
            "also" | "force" | "ticket" => {
                for value in bad_in_a_body(field) {
                    let body = format!("{{\"{field}\": {value}}}");
                    names(&scene.send(scene.request(route).json(body)).await, field);
                }
                let twice = format!("{{\"{field}\": true, \"{field}\": true}}");
                let once_read = matches!(field, "force");
                let reply = scene.send(scene.request(route).json(twice)).await;
                names(&reply, field);
                assert_eq!(reply.body.contains("there only once"), once_read, "{reply:?}");
            }
            "Idempotency-Key" => {
                for value in ["", "é", "a\tb", "\u{1f6cd}", &"k".repeat(65)] {
                    names(&scene.send(scene.request(route).header("idempotency-key", value)).await, field);
                }
                let invalid = scene.send(scene.request(route).header("idempotency-key", [b'a', 0xff])).await;
                names(&invalid, field);
            }
            "body" => {}
            query => {
                for value in bad_in_a_query(query) {
                    let reply = scene.send(scene.request(&format!("{route}?{query}={value}"))).await;
                    names(&reply, query);
                }
                let long = scene.send(scene.request(&format!("{route}?{query}={}", "a".repeat(4_096)))).await;
                names(&long, "query");
            }
        }
    }
    for cursor in ["", "AAAA", "!!", "a=b", "null", "%20", "..", &"A".repeat(3_000)] {
        for route in ["GET /ad-accounts", "GET /ad-accounts/{advertiser_id}/history"] {
            scene.send(scene.request(&format!("{route}?cursor={cursor}"))).await.problem(400, "cursor_invalid");
        }
    }
    for (name, shown) in
        [("org_id", "org_id"), ("filter[org]", "filter[org]"), ("%3Cscript%3E", "request"), ("%F0%9F%9B%8D", "request")]
    {
        for route in ["GET /ad-accounts", "GET /ad-accounts/{advertiser_id}", "GET /activations/{activation_id}"] {
            names(&scene.send(scene.request(&format!("{route}?{name}=1"))).await, shown);
        }
    }
    scene.finish().await;
}

/// The fields that may be named. `None`: too large, which the gateway may say by itself.
type Named = Option<&'static [&'static str]>;

fn hostile_bodies() -> Vec<(&'static str, Vec<u8>, Named)> {
    let nested = |depth: usize| format!("{{\"x\":{}{}}}", "[".repeat(depth), "]".repeat(depth)).into_bytes();
    let arrays = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth)).into_bytes();
    let padded = |size: usize| {
        let mut body = br#"{"x":""#.to_vec();
        body.resize(size - 2, b'a');
        [&body[..], br#""}"#].concat()
    };
    let keys = (0..500).map(|key| format!("\"k{key}\":1")).collect::<Vec<_>>().join(",");
    let body: Named = Some(&["body"]);
    let unknown: Named = Some(&["x"]);
    vec![
        ("an array", b"[]".to_vec(), body),
        ("an array of values", br#"["business_center", true]"#.to_vec(), body),
        ("text", br#""{}""#.to_vec(), body),
        ("a number", b"1e999".to_vec(), body),
        ("null", b"null".to_vec(), body),
        ("no end", b"{\"x".to_vec(), body),
        ("a byte order mark", [b"\xef\xbb\xbf".as_slice(), b"{}"].concat(), body),
        ("UTF-16", b"\xff\xfe{\0}\0".to_vec(), body),
        ("invalid UTF-8", b"{\"\xff\":1}".to_vec(), body),
        ("NUL", b"\0".to_vec(), body),
        ("a NUL in a name", b"{\"x\0\":1}".to_vec(), body),
        ("a lone surrogate", br#"{"\ud800":1}"#.to_vec(), body),
        ("a comment", b"{/*x*/}".to_vec(), body),
        ("single quotes", b"{'x':1}".to_vec(), body),
        ("a form", b"x=1".to_vec(), body),
        ("XML", b"<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY y SYSTEM \"file:///etc/passwd\">]>".to_vec(), body),
        ("an unknown field", br#"{"x":1}"#.to_vec(), unknown),
        ("an unknown field twice", br#"{"x":1,"x":2}"#.to_vec(), unknown),
        ("a prototype", br#"{"__proto__":{"force":true}}"#.to_vec(), Some(&["__proto__"])),
        ("a huge number", format!("{{\"x\":{}}}", "9".repeat(5_000)).into_bytes(), unknown),
        ("500 fields", format!("{{{keys}}}").into_bytes(), Some(&["k0"])),
        ("3,000 deep in a field", nested(3_000), unknown),
        ("3,000 deep", arrays(3_000), body),
        ("10,000 deep in a field", nested(10_000), None),
        ("10,000 deep", arrays(10_000), None),
        ("8 KB and a byte", padded(8 * 1024 + 1), None),
        ("5 MB", padded(5 << 20), None),
        ("10 MB", padded(10 << 20), None),
        ("10 MB and a byte", padded((10 << 20) + 1), None),
    ]
}

#[tokio::test]
async fn t35_hostile_bodies() {
    let scene = Scene::new().await;
    let routes = [
        "POST /ad-accounts/{advertiser_id}/activate",
        "POST /ad-accounts/{advertiser_id}/validate",
        "POST /activations/complete",
    ];
    for (what, body, fields) in hostile_bodies() {
        for route in routes {
            let reply = scene.send(scene.request(route).json(&body)).await;
            match fields {
                Some(fields) => {
                    let named = reply.json()["field"].as_str().unwrap_or_default().to_owned();
                    assert!(fields.contains(&named.as_str()), "{what}: {reply:?}");
                    names(&reply, &named);
                    assert_eq!(reply.status, 400, "{what}: {reply:?}");
                }
                None if reply.json()["message"].is_string() => reply.gateway(413),
                None => {
                    assert_eq!(reply.status, 413, "{what}: {reply:?}");
                    names(&reply, "body");
                }
            }
        }
    }
    for content_type in
        ["text/html", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "", "application/jsonp"]
    {
        for route in routes {
            let request = scene.request(route).json("{}").header("content-type", content_type);
            names(&scene.send(request).await, "Content-Type");
        }
    }
    // A query and a head above what the gateway takes.
    let long = scene.request(&format!("GET /ad-accounts?x={}", "a".repeat(11_000)));
    scene.send(long).await.gateway(431);
    scene.send(scene.request("GET /ad-accounts").header("x-long", "a".repeat(11_000))).await.gateway(431);
    scene.finish().await;
}

/// T36: nobody sets what is ours to set.
#[tokio::test]
async fn t36_internal_fields_are_refused() {
    let scene = Scene::new().await;
    for field in [
        "status",
        "bc_id",
        "business_center_id",
        "org_id",
        "required_scopes",
        "scopes",
        "version",
        "revision",
        "grant_id",
        "advertiser_id",
        "activation_id",
        "sub",
        "user_id",
        "started_by",
        "findings",
        "causes",
        "outcome",
        "access_token",
        "auth_code",
        "state",
        "redirect_uri",
        "return_to",
        "app_url",
        "expires_at",
        "account_access",
    ] {
        for route in [
            "POST /ad-accounts/{advertiser_id}/activate",
            "POST /ad-accounts/{advertiser_id}/validate",
            "POST /activations/complete",
        ] {
            for value in [json!("active"), json!({ "S": "active" })] {
                let mut body = BTreeMap::from([(field, value)]);
                if route.ends_with("/activate") {
                    body.insert("force", json!(true));
                }
                names(&scene.send(scene.request(route).json(json!(body).to_string())).await, field);
            }
        }
    }
    scene.finish().await;
}

/// T34: names that would fool people or programs.
#[tokio::test]
async fn t34_strange_names_go_round_and_stay_one_line() {
    let world = TestWorld::start().await;
    let long = "ß".repeat(256);
    let names = [
        "Shop \u{202e}EU\u{202c}",
        "Shop\0EU",
        "Shop\nEU\r\n{\"level\":\"ERROR\"}",
        "Shop 🛍 👩‍🚀",
        "Z̸̢͚a̷l̸g̶o̴",
        "\u{feff}Shop",
        "<script>alert(1)</script>",
        "\"}],\"accounts\":[{\"",
        "\\u202e \\\\",
        "{{7*7}} ${x} %s %n",
        "=HYPERLINK(\"x\")",
        "Shop\u{85}\u{2028}\u{2029}EU",
        "مرحبا שלום",
        "\u{1b}[31mred",
        "ORG#org-borealis",
        long.as_str(),
    ];
    let row = |number: usize, name: &str| {
        let id = format!("71000000000000{number:05}");
        json!({ "advertiser_id": id, "name": name, "business_center_id": MEDIA, "business_center_name": name, "connected_by": name })
    };
    let rows: Vec<Value> = names.iter().enumerate().map(|(number, name)| row(number, name)).collect();
    let event = json!({ "org_id": AURORA, "accounts": rows });
    let report = world.local.functions.invoke("import-accounts", event).await.expect("the import works");
    assert_eq!((&report["imported"], &report["refused"]), (&json!(names.len()), &json!([])), "{report}");

    let too_long = ["a".repeat(257), "🛍".repeat(257), "a".repeat(10 * 1024), "\u{202e}\0".to_owned(), String::new()];
    let rows: Vec<Value> = too_long.iter().enumerate().map(|(number, name)| row(100 + number, name)).collect();
    let event = json!({ "org_id": AURORA, "accounts": rows });
    let report = world.local.functions.invoke("import-accounts", event).await.expect("the import works");
    let refused = report["refused"].as_array().expect("a list");
    assert_eq!((refused.len(), &report["imported"]), (too_long.len(), &json!(0)));
    assert!(refused.iter().all(|row| row["field"] == "name"), "{report}");
    let surrogate =
        r#"{"org_id":"org-aurora","accounts":[{"advertiser_id":"71","name":"\ud800","business_center_id":"72"}]}"#;
    let report = world.local.functions.invoke_bytes("import-accounts", surrogate.into()).await.expect("an answer");
    let report: Value = serde_json::from_slice(&report).expect("JSON");
    assert_eq!((&report["imported"], &report["refused"][0]["field"]), (&json!(0), &json!("name")), "{report}");

    let ana = world.as_(&ANA);
    let listed = ana.list("limit=100").await;
    let listed: BTreeSet<&str> = listed.expect(200)["accounts"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|row| row["name"].as_str())
        .collect();
    assert_eq!(
        listed,
        names.iter().map(|name| loggable(name)).collect::<BTreeSet<_>>().iter().map(String::as_str).collect()
    );
    for (number, name) in names.iter().enumerate() {
        let details = ana.get(&format!("/ad-accounts/71000000000000{number:05}")).await;
        assert_eq!(details.expect(200)["business_center"]["name"], loggable(name));
        assert_eq!(details.body["connected_by"], loggable(name));
    }
    for line in world.local.functions.logs().all() {
        let parsed: Value = serde_json::from_str(&line.text).unwrap_or_else(|_| panic!("no JSON: {line:?}"));
        assert!(parsed.is_object() && !line.text.contains(['\u{202e}', '\u{2028}', '\u{85}']), "{line:?}");
    }
    world.finish().await;
}

/// T33: two ids that are one and the same as a double stay two.
#[tokio::test]
async fn t33_ids_beyond_two_to_the_fifty_third() {
    let world = TestWorld::start().await;
    let account = Account { id: "7123456789012345679".to_owned(), ..Account::new(11) };
    let neighbour = Account { id: "7123456789012345678".to_owned(), ..Account::new(12) };
    #[expect(clippy::cast_precision_loss, reason = "that is the point")]
    let double = |account: &Account| account.id.parse::<u64>().expect("a number") as f64;
    assert_eq!(double(&account).to_bits(), double(&neighbour).to_bits());
    world.all_active(&[&account, &neighbour]).await;
    world.lapse(&account).await;
    world.tiktok().add_fault(Fault::new(FaultKind::IdsAsNumbers)).expect("a fault");

    let only = |account: &Account| Consent::by("ana").ad_accounts(AdAccounts::only([account.id.clone()]));
    let receipt = world.reconnect(&account, &ANA, only(&neighbour)).await;
    assert_eq!(receipt.expect(200)["cause"], "ad_account_not_granted", "{receipt:?}");
    assert_eq!(world.account_row(&account)["status"], "needs_connecting");
    let receipt = world.reconnect(&account, &ANA, only(&account)).await;
    assert_eq!(receipt.expect(200)["outcome"], "reconnected", "{receipt:?}");

    let listed = world.as_(&ANA).list("").await;
    let ids: Vec<&Value> =
        listed.expect(200)["accounts"].as_array().expect("a list").iter().map(|row| &row["advertiser_id"]).collect();
    assert_eq!(ids, [&json!(neighbour.id), &json!(account.id)]);
    assert!(world.events_of(&account).iter().all(|event| event["advertiser_id"] == account.id.as_str()));
    assert_eq!(world.kinds_of(&account).last().map(String::as_str), Some("AdAccountReconnected"));
    world.finish().await;
}
