//! One organisation never sees, changes or senses another (I5).

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use futures::future::join_all;
use jiff::SignedDuration;
use local::aws::names::WEB_KEYRING_SECRET;
use shared::http::cursor::{self, List};
use shared::sealing::{Keyring, WebSeal};
use tiktok_stand_in::{BcRole, BusinessCenter, Membership, Owner};

use crate::edge::wire::{Reply, Request};
use crate::support::proxy::{Break, Mode};
use crate::support::*;

fn bearer(world: &TestWorld, claims: &Value) -> String {
    world.local.issuer.mint(claims)
}

/// T40: whatever a request says about an organisation beside the token.
#[tokio::test]
async fn t40_hints_at_another_organisation_change_nothing() {
    let world = TestWorld::with().env("RUST_LOG", "info").start().await;
    let (own, foreign) = (Account::new(11), Account::of_borealis(21));
    world.all_active(&[&own]).await;
    world.all_active(&[&foreign]).await;
    let token = bearer(&world, &ANA.claims());
    let plain = Request::get("/ad-accounts").bearer(&token).send(&world).await;
    assert!(plain.body.contains(&own.id) && !plain.body.contains(&foreign.id), "{plain:?}");

    let hints = |request: Request| {
        let names = ["x-org-id", "org-id", "org_id", "x-tenant", "x-tenant-id", "x-organization", "x-amzn-oidc-data"];
        let request = names.iter().fold(request, |request, name| request.header(name, BOREALIS));
        request
            .header("cookie", format!("org_id={BOREALIS}; tenant={BOREALIS}"))
            .header("x-original-url", format!("/ad-accounts/{}", foreign.id))
            .header("x-http-method-override", "POST")
            .header("x-amzn-apigateway-authorizer", format!(r#"{{"jwt":{{"claims":{{"org_id":"{BOREALIS}"}}}}}}"#))
            .header("forwarded", format!("host={BOREALIS}.example"))
            .bearer(&token)
    };
    let hinted = hints(Request::get("/ad-accounts")).send(&world).await;
    assert_eq!(hinted.comparable(), plain.comparable());

    let before = world.dump();
    for name in ["org_id", "org", "tenant", "organization_id"] {
        let path = format!("/ad-accounts?{name}={BOREALIS}");
        let refused = hints(Request::get(&path)).send(&world).await.problem(400, "request_invalid");
        assert_eq!(refused["field"], name);
        for path in [
            format!("/ad-accounts/{}/activate", own.id),
            format!("/ad-accounts/{}/validate", own.id),
            "/activations/complete".to_owned(),
        ] {
            let body = json!({ name: BOREALIS }).to_string();
            let refused = hints(Request::post(&path)).json(body).send(&world).await.problem(400, "request_invalid");
            assert_eq!(refused["field"], name, "{path}");
            let queried = format!("{path}?{name}={BOREALIS}");
            let refused = hints(Request::post(&queried)).send(&world).await.problem(400, "request_invalid");
            assert_eq!(refused["field"], name, "{queried}");
        }
    }
    for path in ["", "/history"] {
        let path = format!("/ad-accounts/{}{path}", foreign.id);
        hints(Request::get(&path)).send(&world).await.problem(404, "account_not_found");
    }
    for path in ["/activate", "/validate"] {
        let path = format!("/ad-accounts/{}{path}", foreign.id);
        hints(Request::post(&path)).send(&world).await.problem(404, "account_not_found");
    }
    assert_eq!(world.dump(), before);
    world.finish().await;
}

/// T38: a miss and another organisation's account take the same path: the same calls to DynamoDB and none to TikTok.
#[tokio::test]
async fn t38_foreign_and_missing_cost_the_same() {
    let world = TestWorld::with().env("RUST_LOG", "info").start().await;
    let (own, foreign) = (Account::new(11), Account::of_borealis(21));
    world.all_active(&[&own]).await;
    world.all_active(&[&foreign]).await;
    let started = world.as_(&BO).activate(&foreign, json!({ "force": true })).await;
    let foreign_activation = started.text("activation_id").to_owned();
    let missing_activation = format!("act_{}", "A".repeat(43));
    let token = bearer(&world, &ANA.claims());
    for (method, path, foreign_id, missing_id) in [
        ("GET", "/ad-accounts/{id}", foreign.id.as_str(), "7100000000000000022"),
        ("GET", "/ad-accounts/{id}/history", &foreign.id, "7100000000000000022"),
        ("POST", "/ad-accounts/{id}/activate", &foreign.id, "7100000000000000022"),
        ("POST", "/ad-accounts/{id}/validate", &foreign.id, "7100000000000000022"),
        ("GET", "/activations/{id}", &foreign_activation, &missing_activation),
    ] {
        let mut seen = Vec::new();
        for id in [missing_id, foreign_id, missing_id] {
            world.dynamodb.forget();
            let asked = world.tiktok().total_calls();
            let reply = Request::new(method, &path.replace("{id}", id)).bearer(&token).send(&world).await;
            assert_eq!(reply.status, 404, "{reply:?}");
            assert_eq!(world.tiktok().total_calls(), asked, "TikTok was asked about {path}");
            let mut calls = world.dynamodb.calls();
            calls.sort();
            seen.push((calls, reply.comparable()));
        }
        assert!(!seen[0].0.is_empty(), "{path} looks something up");
        assert!(seen.iter().all(|one| *one == seen[0]), "{method} {path}: {seen:?}");
    }
    world.finish().await;
}

async fn list(world: &TestWorld, token: &str, query: &str) -> Reply {
    Request::get(&format!("/ad-accounts?{query}")).bearer(token).send(world).await
}

/// T43: a cursor goes on with the list that gave it out, and is nothing anywhere else.
#[tokio::test]
async fn t43_a_cursor_opens_one_list_only() {
    let world = TestWorld::with().env("RUST_LOG", "info").start().await;
    let accounts: Vec<Account> = (11..14).map(Account::new).collect();
    let foreign: Vec<Account> = (21..24).map(Account::of_borealis).collect();
    world.all_active(&accounts.iter().collect::<Vec<_>>()).await;
    world.all_active(&foreign.iter().collect::<Vec<_>>()).await;
    let (ana, bo) = (bearer(&world, &ANA.claims()), bearer(&world, &BO.claims()));
    let (mira, carla) = (bearer(&world, &MIRA.claims()), bearer(&world, &CARLA.claims()));
    let first = list(&world, &ana, "limit=1").await;
    let cursor = first.json()["next_cursor"].as_str().expect("there is more").to_owned();
    assert_eq!(list(&world, &ana, &format!("limit=1&cursor={cursor}")).await.status, 200);
    // Not bound to a person: a colleague who reaches as much goes on with it.
    assert_eq!(list(&world, &carla, &format!("cursor={cursor}")).await.status, 200);

    let refused = list(&world, &ana, "cursor=AAAA").await.comparable();
    let all_same = async |what: &str, reply: Reply| {
        reply.problem(400, "cursor_invalid");
        assert_eq!(reply.comparable(), refused, "{what}");
    };
    for (who, token) in [("another organisation", &bo), ("somebody with less reach", &mira)] {
        all_same(who, list(&world, token, &format!("limit=1&cursor={cursor}")).await).await;
    }
    for filter in
        ["status=active", "status=needs_connecting", "search=Shop", "brand=shop", "market=de", "partner=agency-1"]
    {
        all_same(filter, list(&world, &ana, &format!("{filter}&cursor={cursor}")).await).await;
    }
    let history = format!("/ad-accounts/{}/history?cursor={cursor}", accounts[0].id);
    all_same("another route", Request::get(&history).bearer(&ana).send(&world).await).await;

    // Every character, and every byte of what the characters stand for.
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(&cursor).expect("base64");
    let characters = (0..cursor.len()).map(|at| {
        let other = if cursor.as_bytes()[at] == b'A' { "B" } else { "A" };
        format!("{}{other}{}", &cursor[..at], &cursor[at + 1..])
    });
    let flipped = (0..bytes.len()).map(|at| {
        let mut bytes = bytes.clone();
        bytes[at] ^= 1 << (at % 8);
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    });
    let cut = [1, cursor.len() / 2, cursor.len() - 1].map(|length| cursor[..length].to_owned());
    for altered in characters.chain(flipped).chain(cut).chain([format!("{cursor}A"), format!("{cursor}{cursor}")]) {
        all_same(&altered, list(&world, &ana, &format!("cursor={altered}")).await).await;
    }
    world.finish().await;
}

/// T43: a cursor that was good an hour ago. Sealed here with the service's own key, since no test waits an hour.
#[tokio::test]
async fn t43_a_cursor_expires() {
    let world = TestWorld::with().env("RUST_LOG", "info").start().await;
    let accounts: Vec<Account> = (11..14).map(Account::new).collect();
    world.all_active(&accounts.iter().collect::<Vec<_>>()).await;
    let token = bearer(&world, &ANA.claims());
    let secret = world.local.secrets.current(WEB_KEYRING_SECRET).expect("the web keyring");
    let seal = WebSeal::new(Keyring::parse(&secret).expect("a keyring").into());
    let org_id = AURORA.parse().expect("an organisation");
    let filter = json!([null, null, null, null, null, null, null, null]).to_string();
    let list_of = List { org_id: &org_id, route: "GET /ad-accounts", filter: &filter };
    let sealed_ago = |minutes| {
        let then = world.tiktok().now() - SignedDuration::from_mins(minutes);
        cursor::seal(&seal, list_of, &accounts[0].id, then)
    };
    let good = list(&world, &token, &format!("cursor={}", sealed_ago(55))).await;
    assert_eq!(good.status, 200, "{good:?}");
    assert_eq!(good.json()["accounts"][0]["advertiser_id"], accounts[1].id.as_str());
    list(&world, &token, &format!("cursor={}", sealed_ago(61))).await.problem(400, "cursor_invalid");
    world.finish().await;
}

const ORGANISATIONS: usize = 50;
const REQUESTS: usize = 20 * ORGANISATIONS;
const LANES: usize = 4;

/// T44: fifty organisations take turns in one warm process of each function; some hang up in the middle, and DynamoDB
/// fails now and then. Nobody ever sees a name of somebody else.
#[tokio::test]
async fn t44_a_warm_process_remembers_nobody() {
    let world = TestWorld::with().env("RUST_LOG", "warn").one_process_each().start().await;
    let tokens: Vec<String> = (0..ORGANISATIONS)
        .map(|org| json!({ "sub": "someone", "org_id": format!("org-{org:02}"), "scope": "ad-accounts:read" }))
        .map(|claims| bearer(&world, &claims))
        .collect();
    for org in 0..ORGANISATIONS {
        let row = |number: usize| {
            json!({ "advertiser_id": format!("7{org:02}000000000000{number}"), "name": format!("canary-{org:02} {number}"),
                    "business_center_id": MEDIA, "brand": format!("canary-{org:02}"), "connected_by": format!("canary-{org:02}") })
        };
        let event = json!({ "org_id": format!("org-{org:02}"), "accounts": [row(1), row(2)] });
        let report = world.local.functions.invoke("import-accounts", event).await.expect("the import works");
        assert_eq!(report["imported"], 2, "{report}");
    }
    for (operation, nth, mode) in [
        ("Query", 90, Mode::DropReply),
        ("GetItem", 140, Mode::Hang),
        ("Query", 200, Mode::Hang),
        ("GetItem", 250, Mode::DropReply),
        ("BatchGetItem", 20, Mode::DropReply),
    ] {
        world.dynamodb.strike(Break::nth(operation, nth), mode);
    }

    let lane = async |lane: usize| {
        let mut answered = 0;
        for turn in (lane..REQUESTS).step_by(LANES) {
            let org = (turn * 7) % ORGANISATIONS;
            let other = (org + 1) % ORGANISATIONS;
            let path = match turn % 6 {
                0 => "/ad-accounts".to_owned(),
                1 => format!("/ad-accounts/7{org:02}0000000000001"),
                2 => format!("/ad-accounts?search=canary&limit=1&status=needs_connecting&brand=canary-{org:02}"),
                3 => format!("/ad-accounts/7{other:02}0000000000001"),
                4 => format!("/ad-accounts/7{org:02}0000000000002/history"),
                _ => format!("/ad-accounts?search=canary-{other:02}"),
            };
            let request = Request::get(&path).bearer(&tokens[org]);
            let sent = request.send(&world);
            if turn % 5 == 3 {
                // While the process asks the table, for this request or for another one.
                let asked = world.dynamodb.calls().len();
                tokio::select! {
                    _ = sent => {}
                    () = until("the table is asked", || world.dynamodb.calls().len() > asked) => {}
                }
                continue;
            }
            let reply = sent.await;
            assert_eq!(reply.status, if turn % 6 == 3 { 404 } else { 200 }, "{reply:?}");
            let own = format!("canary-{org:02}");
            for found in reply.body.match_indices("canary-").map(|(at, _)| &reply.body[at..at + own.len()]) {
                assert_eq!(found, own, "T44: another organisation's name: {reply:?}");
            }
            assert_eq!(reply.body.contains(&own), turn % 6 < 3, "{reply:?}");
            answered += 1;
        }
        answered
    };
    let list = Request::get("/ad-accounts").bearer(&tokens[0]).send(&world).await;
    assert_eq!(list.status, 200, "{list:?}");
    let processes = || world.local.functions.pids("list-accounts").expect("a function");
    let one = processes();
    assert_eq!(one.len(), 1, "{one:?}");
    let answered: usize = join_all((0..LANES).map(lane)).await.into_iter().sum();
    assert_eq!(answered, REQUESTS * 4 / 5, "all but those who hung up");
    assert_eq!(processes(), one, "the same process answered them all");
    world.finish().await;
}

/// T45: the same ad account in two organisations is two accounts; reconnecting one leaves the other as it is.
#[tokio::test]
async fn t45_one_ad_account_in_two_organisations() {
    let world = TestWorld::start().await;
    let here = Account::new(11);
    let there = Account { org_id: BOREALIS, login: "carlos", ..Account::new(11) };
    world.at_tiktok(&here);
    for account in [&here, &there] {
        let token = world.authorize(account.login, &[account]);
        world.import(&[account], Some(&token)).await;
    }
    let of_borealis = || -> Vec<Value> {
        let belongs = |row: &Value| row.to_string().contains(BOREALIS);
        world.dump().into_iter().filter(belongs).collect()
    };
    let before = of_borealis();
    assert!(before.len() >= 3, "account, grant and counts: {before:?}");

    world.lapse(&here).await;
    assert_eq!(of_borealis(), before, "a lapse in one organisation");
    assert_eq!(world.reconnect(&here, &ANA, Consent::by("ana")).await.expect(200)["outcome"], "reconnected");
    assert_eq!(of_borealis(), before, "a reconnection in one organisation");

    assert_eq!(world.as_(&BO).validate(&there).await.expect(200)["verdict"], "connected");
    let (here, there) = (world.grant_of(&here), world.grant_of(&there));
    assert_ne!(here["token_fingerprint"], there["token_fingerprint"]);
    world.finish().await;
}

/// T46: a Business Center is its id. One with the same name is another one.
#[tokio::test]
async fn t46_the_right_name_with_another_id_is_refused() {
    const IMPOSTOR: &str = "7241906835517320999";
    let world = TestWorld::start().await;
    let account = world.lapsed(11).await;
    {
        let mut tiktok = world.tiktok().world();
        tiktok.add_business_center(BusinessCenter::new(IMPOSTOR, account.center_name())).expect("a new one");
        tiktok.add_person(tiktok_stand_in::Person::new("imke")).expect("a new login");
        tiktok.set_membership(IMPOSTOR, Membership::joined("imke", BcRole::Admin)).expect("a member");
        tiktok.move_account(&account.id, Owner::business_center(IMPOSTOR)).expect("moved");
    }
    let before = world.account_row(&account);
    let receipt = world.reconnect(&account, &ANA, Consent::by("imke").in_business_center(IMPOSTOR)).await;
    let receipt = receipt.expect(200);
    assert_eq!(receipt["outcome"], "refused", "{receipt}");
    let cause = receipt["cause"].as_str().expect("a cause");
    assert!(["wrong_business_center", "ad_account_moved"].contains(&cause), "{receipt}");
    let after = world.account_row(&account);
    for field in ["status", "business_center_id", "business_center", "grant_id"] {
        assert_eq!(after[field], before[field], "{field}");
    }
    assert_eq!(world.candidates(), 0);
    world.finish().await;
}
