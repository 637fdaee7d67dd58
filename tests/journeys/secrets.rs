//! Keys, tokens and the app secret change or cannot be had while people are in the middle of it: T71–T75.

mod rotating;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use local::aws::names::{TIKTOK_APP_SECRET, TOKEN_KEYRING_SECRET};
use local::aws::secrets::Outage;

use crate::flow::Flow;
use crate::support::canaries::Kind;
use crate::support::*;

const REPORT: &str = "/report/integrated/get/";

fn key_of(byte: u8) -> String {
    BASE64_STANDARD.encode([byte; 32])
}

fn keyring(writer: &str, keys: &[(&str, &str)]) -> String {
    let keys: serde_json::Map<_, _> = keys.iter().map(|(id, key)| ((*id).to_owned(), json!(key))).collect();
    json!({ "writer": writer, "keys": keys }).to_string()
}

/// The key that a world begins with, `k1`.
fn first_key(world: &TestWorld) -> String {
    let ring: Value = serde_json::from_str(&world.local.secrets.current(TOKEN_KEYRING_SECRET).unwrap()).unwrap();
    let key = ring["keys"]["k1"].as_str().unwrap().to_owned();
    world.canary(Kind::Key, &key);
    key
}

fn sealed(grant: &Value) -> Vec<u8> {
    BASE64_STANDARD.decode(grant["sealed_token"].as_str().expect("a sealed token")).unwrap()
}

/// Which key sealed this: format, length of the id, id, nonce, ciphertext.
fn sealed_with(grant: &Value) -> String {
    let bytes = sealed(grant);
    String::from_utf8(bytes[2..2 + usize::from(bytes[1])].to_vec()).unwrap()
}

impl TestWorld {
    fn put_sealed(&self, grant: &Value, bytes: &[u8]) {
        let request = json!({
            "TableName": self.local.environment()["TABLE_NAME"],
            "Key": { "pk": { "S": grant["pk"] }, "sk": { "S": grant["sk"] } },
            "UpdateExpression": "SET sealed_token = :bytes",
            "ExpressionAttributeValues": { ":bytes": { "B": BASE64_STANDARD.encode(bytes) } },
        });
        self.local.dynamodb.database().update_item(serde_json::from_value(request).unwrap()).unwrap();
    }

    /// The next event meets a process that has fetched nothing yet.
    async fn fresh(&self, function: &str) {
        self.local.functions.kill(function).await.unwrap();
    }

    fn was_alarmed(&self, metric: &str) -> bool {
        !self.measured(metric).is_empty()
    }
}

fn assert_unreadable(world: &TestWorld, answer: &Answer, account: &Account, before: &Value) {
    assert_eq!(answer.expect(200)["verdict"], "undecided", "{answer:?}");
    assert_eq!(answer.body["causes"][0]["cause"], "credential_unreadable", "{answer:?}");
    assert_eq!(answer.body["status"], "active", "I6");
    assert_eq!(&world.account_row(account), before, "nothing changed");
    assert!(world.events_of(account).is_empty());
}

/// T71: bytes that were moved to another row, of another organisation or the same, open nothing.
#[tokio::test]
async fn t71_a_sealed_token_in_another_row_is_noise() {
    let world = TestWorld::start_watched().await;
    let ours = world.active(11).await;
    let neighbour = Account { login: "carlos", ..Account::new(12) };
    let theirs = Account::of_borealis(13);
    world.all_active(&[&neighbour]).await;
    world.all_active(&[&theirs]).await;
    let (a, b, c) = (world.grant_of(&ours), world.grant_of(&neighbour), world.grant_of(&theirs));
    assert!(a["grant_id"] != b["grant_id"] && sealed(&a) != sealed(&b));
    world.put_sealed(&a, &sealed(&b));
    world.put_sealed(&b, &sealed(&c));
    world.put_sealed(&c, &sealed(&a));
    let asked = world.tiktok().total_calls();

    for account in [&ours, &neighbour, &theirs] {
        let before = world.account_row(account);
        let checked = world.as_(&world.manager_of(account)).validate(account).await;
        assert_unreadable(&world, &checked, account, &before);
    }
    assert_eq!(world.tiktok().total_calls(), asked, "no token went anywhere");
    assert!(world.was_alarmed("CredentialUnreadable"));
    // Who would connect it again can do so: preflight knows nothing, and stands in nobody's way.
    let again = world.reconnect(&ours, &ANA, Consent::by("ana")).await;
    assert_eq!(again.expect(200)["outcome"], "reconnected");

    world.put_sealed(&b, &sealed(&b));
    world.put_sealed(&c, &sealed(&c));
    for account in [&ours, &neighbour, &theirs] {
        let checked = world.as_(&world.manager_of(account)).validate(account).await;
        assert_eq!(checked.expect(200)["verdict"], "connected", "{checked:?}");
    }
    world.finish().await;
}

/// T72: the old key is taken away too early. Nothing opens, nobody lapses, and all is well once it is back.
#[tokio::test]
async fn t72_a_key_that_is_removed_too_early_lapses_nobody() {
    let world = TestWorld::start_watched().await;
    let account = world.active(11).await;
    let pending = pending_flow(&world, 12).await;
    let (k1, k2) = (first_key(&world), key_of(2));
    world.local.secrets.put(TOKEN_KEYRING_SECRET, &keyring("k2", &[("k2", &k2)]));
    for function in ["validate-permissions", "oauth-callback"] {
        world.fresh(function).await;
    }

    let before = world.account_row(&account);
    let checked = world.as_(&ANA).validate(&account).await;
    assert_unreadable(&world, &checked, &account, &before);
    assert!(world.was_alarmed("CredentialUnreadable"));
    assert_eq!(world.complete(&pending).await.expect(202)["outcome"], "pending", "it costs no second consent");
    assert_eq!(world.candidates(), 1);

    world.local.secrets.put(TOKEN_KEYRING_SECRET, &keyring("k2", &[("k1", &k1), ("k2", &k2)]));
    for function in ["validate-permissions", "oauth-callback"] {
        world.fresh(function).await;
    }
    assert_eq!(world.as_(&ANA).validate(&account).await.expect(200)["verdict"], "connected");
    assert_eq!(world.complete(&pending).await.expect(200)["outcome"], "reconnected");
    assert_eq!(world.tiktok().exchanges(), 1);
    world.finish().await;
}

/// An activation whose candidate is stored, and that TikTok keeps from ending until faults are cleared; they are.
async fn pending_flow(world: &TestWorld, number: u32) -> Flow {
    let flow = world.first_flow(number, "carlos").await;
    let fault = world.tiktok().add_fault(Fault::code(50000).on(REPORT)).unwrap();
    world.complete(&flow).await.expect(202);
    world.tiktok().clear_fault(fault);
    flow
}

/// T72: the keyring gets a new writer between the exchange and the last write, and somebody with the old ring reads what
/// the new key sealed.
#[tokio::test]
async fn t72_keys_rotate_in_the_middle() {
    let world = TestWorld::start_watched().await;
    let account = world.active(11).await;
    assert_eq!(world.as_(&ANA).validate(&account).await.expect(200)["verdict"], "connected", "with the old ring");
    let flow = world.first_flow(12, "carlos").await;
    let held = world.tiktok().add_fault(Fault::new(FaultKind::Hold).on(REPORT)).unwrap();
    let asked = world.tiktok().calls(REPORT) + 1;
    let (k1, k2) = (first_key(&world), key_of(2));
    let rotate = async {
        world.tiktok().wait_for_calls(REPORT, asked).await;
        world.local.secrets.put(TOKEN_KEYRING_SECRET, &keyring("k2", &[("k1", &k1), ("k2", &k2)]));
        world.tiktok().clear_fault(held);
    };
    let (receipt, ()) = tokio::join!(world.complete(&flow), rotate);
    assert_eq!(receipt.expect(200)["outcome"], "reconnected");
    assert_eq!(sealed_with(&world.grant_of(&flow.account)), "k1", "this process has the old ring");

    // A new process seals with the new key, and opens what the old one sealed.
    let waiting = pending_flow(&world, 13).await;
    world.fresh("oauth-callback").await;
    assert_eq!(world.complete(&waiting).await.expect(200)["outcome"], "reconnected");
    let renewed = world.reconnect(&account, &ANA, Consent::by("ana")).await;
    assert_eq!(renewed.expect(200)["outcome"], "reconnected");
    assert_eq!(sealed_with(&world.grant_of(&account)), "k2");

    // The process that checked before still has the old ring, unless half a minute has gone by since it last looked for a
    // newer one. Until then it knows that it does not know, and so does whoever reads its answer.
    let checked = world.as_(&ANA).validate(&account).await;
    if checked.expect(200)["verdict"] == "undecided" {
        assert_eq!(checked.body["causes"][0]["cause"], "credential_unreadable");
        assert_eq!(checked.body["status"], "active", "I6");
    }
    world.fresh("validate-permissions").await;
    assert_eq!(world.as_(&ANA).validate(&account).await.expect(200)["verdict"], "connected");
    world.finish().await;
}

/// T73: our app gets a new secret at TikTok while somebody is on the consent page.
#[tokio::test]
async fn t73_a_rotated_app_secret_is_nobodys_refusal() {
    let world = TestWorld::start_watched().await;
    let rotate = |secret: &str| {
        world.tiktok().world().rotate_secret(world.local.tiktok.app_id(), secret).unwrap();
        world.canary(Kind::AppSecret, secret);
    };
    let keep = |secret: &str| {
        let value = json!({ "app_id": world.local.tiktok.app_id(), "secret": secret }).to_string();
        world.local.secrets.put(TIKTOK_APP_SECRET, &value);
    };
    // Both sides at once: a process that is warm has the old one, and finds out by TikTok's answer.
    let warm = world.first_flow(11, "ana").await;
    assert_eq!(world.complete(&warm).await.expect(200)["outcome"], "reconnected");
    let caught = world.first_flow(12, "ana").await;
    rotate("the-second-secret-of-our-app");
    keep("the-second-secret-of-our-app");
    let answer = world.complete(&caught).await;
    assert_eq!(answer.expect(200)["outcome"], "gave_up", "never refused");
    assert_eq!(answer.body["cause"], "app_misconfigured");
    assert!(world.events_of(&caught.account).is_empty());
    let again = world.flow(&caught.account, ANA, Consent::by("ana")).await;
    assert_eq!(world.complete(&again).await.expect(200)["outcome"], "reconnected", "with the secret of today");

    // TikTok first, Secrets Manager later: whoever checks meanwhile learns nothing and lapses nobody.
    rotate("the-third-secret-of-our-app-");
    let before = world.account_row(&warm.account);
    let checked = world.as_(&ANA).validate(&warm.account).await;
    assert_eq!(checked.expect(200)["verdict"], "undecided", "{checked:?}");
    assert_eq!(world.account_row(&warm.account), before);
    keep("the-third-secret-of-our-app-");
    let checked = world.as_(&ANA).validate(&warm.account).await;
    assert_eq!(checked.expect(200)["verdict"], "connected", "{checked:?}");
    world.finish().await;
}

/// T74: who has the secrets goes on; who starts cold says when to come back, and the same link works then.
#[tokio::test]
async fn t74_an_outage_of_secrets_manager_costs_nobody_the_link() {
    let world = TestWorld::start_watched().await;
    let first = world.first_flow(11, "ana").await;
    world.complete(&first).await.expect(200);
    let cold = world.first_flow(12, "ana").await;
    let warm = world.first_flow(13, "ana").await;
    let started = world.as_(&ANA).activate(&first.account, json!({ "force": true })).await;
    let back = world.tiktok().consent(started.text("authorization_url"), Consent::by("ana")).unwrap();
    let back = back.redirect.expect("she confirmed");
    world.local.secrets.set_outage(Outage::Status(500));

    assert_eq!(world.complete(&warm).await.expect(200)["outcome"], "reconnected", "a warm process needs nothing");

    world.fresh("oauth-callback").await;
    world.fresh("start-activation").await;
    let path = format!("/oauth/tiktok/callback?{}", back.query().unwrap());
    for answer in [
        world.complete(&cold).await,
        world.send(reqwest::Method::GET, &path, &[], String::new()).await,
        world.as_(&ANA).activate(&first.account, json!({ "force": true })).await,
    ] {
        assert_eq!(answer.status, 503, "{answer:?}");
        answer.problem("try_again");
        assert!(!answer.header("retry-after").is_empty(), "{answer:?}");
    }
    assert_eq!(world.state_of(&cold), "waiting", "the state is untouched");
    let exchanges = world.tiktok().exchanges();

    world.local.secrets.set_outage(Outage::None);
    assert_eq!(world.complete(&cold).await.expect(200)["outcome"], "reconnected");
    let ticket = world.callback(&back).await.ticket();
    assert_eq!(world.as_(&ANA).complete(&ticket).await.expect(200)["outcome"], "reconnected");
    assert_eq!(world.tiktok().exchanges(), exchanges + 2);
    world.finish().await;
}

/// T75: TikTok hands out the same string again. Nobody who reads the table can tell.
#[tokio::test]
async fn t75_one_token_sealed_twice_looks_like_two() {
    let world = TestWorld::start_watched().await;
    let account = world.active(11).await;
    let first = world.grant_of(&account);
    world.reconnect(&account, &ANA, Consent::by("ana")).await.expect(200);
    let second = world.grant_of(&account);
    assert_ne!(first["grant_id"], second["grant_id"]);
    assert_eq!(first["token_fingerprint"], second["token_fingerprint"], "the stand-in's default: the same token");

    let (first, second) = (sealed(&first), sealed(&second));
    assert_eq!(first.len(), second.len());
    // Behind format and key id, all is nonce, ciphertext and tag.
    let start = 2 + usize::from(first[1]);
    for (one, other) in first[start..].chunks_exact(12).zip(second[start..].chunks_exact(12)) {
        assert_ne!(one, other);
    }
    world.finish().await;
}
