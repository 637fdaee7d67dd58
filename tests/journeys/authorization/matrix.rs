//! T37, T39, T40: the matrix of callers. One grid for each route; a route of the API description without a grid fails.
//!
//! Columns are what is asked for:
//!
//! | `own` | an ad account of Aurora, in Germany, or an activation for it |
//! |---|---|
//! | `elsewhere` | one of Aurora in France, which `limited` does not reach |
//! | `foreign` | one of Borealis |
//! | `missing` | a well-formed id that nobody has, as after a deletion |
//! | `malformed` | no id |
//!
//! Cells are `ok`, a refusal by the gateway (`401`, `403`), or a refusal by the function (see [`refusal`]). What is
//! completed was started by the same `sub` in the organisation that owns the ad account, reaching everything: so
//! `foreign` is about one person in two organisations, and `elsewhere` about a reach that shrank meanwhile.

use std::collections::{BTreeMap, BTreeSet};

use local::gateway::routes::Route;
use url::Url;

use super::routes;
use crate::edge::wire::{Reply, Request};
use crate::support::*;

const PRINCIPALS: [&str; 11] = [
    "manager",
    "viewer",
    "limited",
    "unreadable",
    "no_reach",
    "other_manager",
    "no_scope",
    "expired",
    "no_token",
    "no_org",
    "two_orgs",
];

const TABLE: [(&str, &str); 8] = [
    (
        "GET /ad-accounts",
        "               any
         manager        ok
         viewer         ok
         limited        ok
         unreadable     ok
         no_reach       ok
         other_manager  ok
         no_scope       403
         expired        401
         no_token       401
         no_org         nobody
         two_orgs       nobody",
    ),
    ("GET /ad-accounts/{advertiser_id}", READ_ACCOUNT),
    ("GET /ad-accounts/{advertiser_id}/history", READ_ACCOUNT),
    ("POST /ad-accounts/{advertiser_id}/activate", MANAGE_ACCOUNT),
    ("POST /ad-accounts/{advertiser_id}/validate", MANAGE_ACCOUNT),
    ("GET /activations/{activation_id}", READ_ACCOUNT),
    (
        "POST /activations/complete",
        "               own        elsewhere  foreign    missing  malformed
         manager        ok         ok         not_yours  over     bad
         viewer         403        403        403        403      403
         limited        ok         out        not_yours  over     bad
         unreadable     out        out        not_yours  over     bad
         no_reach       out        out        not_yours  over     bad
         other_manager  not_yours  not_yours  ok         over     bad
         no_scope       403        403        403        403      403
         expired        401        401        401        401      401
         no_token       401        401        401        401      401
         no_org         nobody     nobody     nobody     nobody   nobody
         two_orgs       nobody     nobody     nobody     nobody   nobody",
    ),
    (
        "GET /oauth/tiktok/callback",
        "               any
         manager        ok
         viewer         ok
         limited        ok
         unreadable     ok
         no_reach       ok
         other_manager  ok
         no_scope       ok
         expired        ok
         no_token       ok
         no_org         ok
         two_orgs       ok",
    ),
];

const READ_ACCOUNT: &str = "
                   own     elsewhere  foreign  missing  malformed
    manager        ok      ok         absent   absent   bad
    viewer         ok      ok         absent   absent   bad
    limited        ok      out        absent   absent   bad
    unreadable     out     out        absent   absent   bad
    no_reach       out     out        absent   absent   bad
    other_manager  absent  absent     ok       absent   bad
    no_scope       403     403        403      403      403
    expired        401     401        401      401      401
    no_token       401     401        401      401      401
    no_org         nobody  nobody     nobody   nobody   nobody
    two_orgs       nobody  nobody     nobody   nobody   nobody";

const MANAGE_ACCOUNT: &str = "
                   own     elsewhere  foreign  missing  malformed
    manager        ok      ok         absent   absent   bad
    viewer         403     403        403      403      403
    limited        ok      out        absent   absent   bad
    unreadable     out     out        absent   absent   bad
    no_reach       out     out        absent   absent   bad
    other_manager  absent  absent     ok       absent   bad
    no_scope       403     403        403      403      403
    expired        401     401        401      401      401
    no_token       401     401        401      401      401
    no_org         nobody  nobody     nobody   nobody   nobody
    two_orgs       nobody  nobody     nobody   nobody   nobody";

/// What the function answers to those whom the gateway lets in.
fn refusal(route: &str, word: &str) -> (u16, &'static str) {
    match word {
        "absent" if route.contains("/activations/") => (404, "activation_not_found"),
        "absent" => (404, "account_not_found"),
        "out" => (403, "account_out_of_reach"),
        "bad" => (400, "request_invalid"),
        "nobody" => (401, "not_authenticated"),
        "not_yours" => (403, "not_your_activation"),
        "over" => (410, "link_expired"),
        other => panic!("{other} is no word of the table"),
    }
}

fn done(route: &str) -> u16 {
    match route {
        "POST /ad-accounts/{advertiser_id}/activate" => 201,
        "GET /oauth/tiktok/callback" => 303,
        _ => 200,
    }
}

/// The claims, or nothing for somebody without a token.
fn claims(principal: &str) -> Option<Value> {
    let ana = |changes: Value| {
        let mut claims = ANA.claims();
        for (name, value) in changes.as_object().expect("an object") {
            claims[name] = value.clone();
        }
        Some(claims)
    };
    match principal {
        "manager" => ana(json!({})),
        "viewer" => Some(VICTOR.claims()),
        "limited" => Some(MIRA.claims()),
        "unreadable" => ana(json!({ "sub": "una", "account_access": "market:de office:berlin" })),
        "no_reach" => ana(json!({ "sub": "nora", "account_access": "" })),
        "other_manager" => Some(BO.claims()),
        "no_scope" => ana(json!({ "scope": "openid profile" })),
        "expired" => ana(json!({ "iat": 1_000_000_000, "nbf": 1_000_000_000, "exp": 1_000_000_600 })),
        "no_token" => None,
        "no_org" => ana(json!({ "sub": "olga", "org_id": null })),
        "two_orgs" => ana(json!({ "sub": "olga", "org_id": [AURORA, BOREALIS] })),
        other => panic!("{other} is no principal"),
    }
}

/// The ad accounts and activations behind the columns.
struct Scene {
    accounts: BTreeMap<&'static str, Account>,
    activations: BTreeMap<&'static str, String>,
}

impl Scene {
    async fn new(world: &TestWorld) -> Self {
        let own = Account::new(11);
        let elsewhere = Account { market: "fr", ..Account::new(12) };
        let foreign = Account::of_borealis(21);
        world.all_active(&[&own, &elsewhere]).await;
        world.all_active(&[&foreign]).await;
        let accounts = BTreeMap::from([("own", own), ("elsewhere", elsewhere), ("foreign", foreign)]);
        let mut activations = BTreeMap::new();
        for (target, account) in &accounts {
            let started = world.as_(&world.manager_of(account)).activate(account, json!({ "force": true })).await;
            started.expect(201);
            activations.insert(*target, started.text("activation_id").to_owned());
        }
        Self { accounts, activations }
    }

    fn path(&self, template: &str, target: &str) -> String {
        let (advertiser_id, activation_id) = match target {
            "missing" => ("7100000000000099999".to_owned(), format!("act_{}", "A".repeat(43))),
            "malformed" => ("12a".to_owned(), "act_short".to_owned()),
            "any" => return template.to_owned(),
            target => (self.accounts[target].id.clone(), self.activations[target].clone()),
        };
        template.replace("{advertiser_id}", &advertiser_id).replace("{activation_id}", &activation_id)
    }

    /// A ticket as this person gets it after starting in the organisation of the target.
    async fn ticket(&self, world: &TestWorld, sub: &str, target: &str) -> String {
        let state = match self.accounts.get(target) {
            None if target == "malformed" => return "no ticket".to_owned(),
            None => "A".repeat(43),
            Some(account) => {
                let person = json!({ "sub": sub, "org_id": account.org_id, "scope": ANA.scope });
                let started = world.as_claims(&person).activate(account, json!({ "force": true })).await;
                started.expect(201);
                let url = Url::parse(started.text("authorization_url")).expect("a URL");
                url.query_pairs().find(|(name, _)| name == "state").expect("a state").1.into_owned()
            }
        };
        let code = "c0de".repeat(10);
        let back = Url::parse(&format!("http://x.example/?state={state}&auth_code={code}")).expect("a URL");
        world.callback(&back).await.ticket()
    }
}

struct Cell {
    principal: &'static str,
    target: &'static str,
    expected: &'static str,
}

fn cells(grid: &'static str) -> Vec<Cell> {
    let mut lines = grid.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).filter(|row| !row.is_empty());
    let targets = lines.next().expect("a line of targets");
    let rows: Vec<Vec<&str>> = lines.collect();
    assert_eq!(rows.iter().map(|row| row[0]).collect::<Vec<_>>(), PRINCIPALS, "a line for each principal");
    let mut cells = Vec::new();
    for row in rows {
        assert_eq!(row.len(), targets.len() + 1, "{row:?}");
        cells.extend(targets.iter().zip(&row[1..]).map(|(target, expected)| Cell {
            principal: row[0],
            target,
            expected,
        }));
    }
    cells
}

#[test]
fn t37_every_route_of_the_api_description_has_a_grid() {
    let described: BTreeSet<String> = routes().iter().map(Route::key).collect();
    let tested: BTreeSet<String> = TABLE.iter().map(|(route, _)| (*route).to_owned()).collect();
    assert_eq!(tested, described);
}

#[tokio::test]
async fn t37_t39_t40_everybody_gets_what_is_theirs_and_nothing_else() {
    let world = TestWorld::with().env("RUST_LOG", "info").start().await;
    let scene = Scene::new(&world).await;
    for route in routes() {
        let key = route.key();
        let grid = TABLE.iter().find(|(known, _)| *known == key).expect("the test above").1;
        let mut replies = BTreeMap::new();
        for cell in cells(grid) {
            let reply = try_cell(&world, &scene, &route, &cell).await;
            if cell.expected == "absent" {
                replies.entry(cell.principal).or_insert_with(Vec::new).push(reply);
            }
        }
        // Another organisation's and one that never existed: not a byte differs.
        for (principal, replies) in replies {
            let first = replies[0].comparable();
            assert!(replies.len() > 1, "{key} by {principal} has nothing to compare");
            assert!(replies.iter().all(|reply| reply.comparable() == first), "{key} by {principal}: {replies:?}");
        }
    }
    world.finish().await;
}

async fn try_cell(world: &TestWorld, scene: &Scene, route: &Route, cell: &Cell) -> Reply {
    let (key, Cell { principal, target, expected }) = (route.key(), cell);
    let claims = claims(principal);
    let mut request = Request::new(route.method.as_str(), &scene.path(&route.template, target));
    if key == "POST /activations/complete" {
        let sub = claims.as_ref().and_then(|claims| claims["sub"].as_str()).unwrap_or("ana");
        request = request.json(json!({ "ticket": scene.ticket(world, sub, target).await }).to_string());
    } else if key.ends_with("/activate") {
        request = request.json(r#"{"force": true}"#);
    }
    if let Some(claims) = &claims {
        request = request.bearer(&world.local.issuer.mint(claims));
    }

    let before = rows(world, expected);
    let reply = request.send(world).await;
    let what = format!("{key} by {principal} for {target}: {reply:?}");
    match *expected {
        "ok" => assert_eq!(reply.status, done(&key), "{what}"),
        "401" | "403" => {
            assert_eq!(reply.status.to_string(), *expected, "{what}");
            assert!(reply.json()["message"].is_string(), "the gateway's own words: {what}");
        }
        refused => {
            let (status, code) = refusal(&key, refused);
            assert_eq!((reply.status, &reply.json()["type"]), (status, &json!(format!("/problems/{code}"))), "{what}");
        }
    }
    if *expected != "ok" || route.method == "GET" {
        assert_eq!(rows(world, expected), before, "the table changed: {what}");
    }
    reply
}

/// The table, without what a ticket in the wrong hands may change: the activation is closed.
fn rows(world: &TestWorld, expected: &str) -> Vec<String> {
    let closes = ["not_yours", "out"].contains(&expected);
    let may_change = |row: &Value| closes && row["sk"].as_str().is_some_and(|sk| sk.starts_with("ACTIVATION"));
    let mut rows: Vec<String> = world.rows().iter().filter(|row| !may_change(row)).map(ToString::to_string).collect();
    rows.sort();
    rows
}
