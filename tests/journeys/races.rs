//! Two or many at the same time: T15–T21. The table referees, and nobody who loses is told something wrong.

use futures::future::join_all;

use crate::flow::Flow;
use crate::support::*;

/// Rounds of each race; a release runs more.
const ROUNDS: u32 = 3;
const AT_ONCE: usize = 50;

const REPORT: &str = "/report/integrated/get/";

fn quiet() -> Setup {
    // What is logged is looked through elsewhere, at the most talkative level.
    TestWorld::with().env("RUST_LOG", "info")
}

fn only(account: &Account, login: &str) -> Consent {
    Consent::by(login).ad_accounts(AdAccounts::only([&account.id]))
}

/// One exchange, one transition, one event, whatever the number of answers.
fn assert_done_once(world: &TestWorld, flow: &Flow, exchanges_before: u64) {
    assert_eq!(world.tiktok().exchanges() - exchanges_before, 1, "I2");
    assert_eq!(world.kinds_of(&flow.account), ["AdAccountReconnected"], "I3");
    assert_eq!(world.account_row(&flow.account)["status"], "active");
    assert_eq!(world.candidates(), 0);
}

#[tokio::test]
async fn t15_fifty_completions_of_one_ticket_spend_its_code_once() {
    let world = quiet().start().await;
    for round in 0..ROUNDS {
        let flow = world.first_flow(11 + round, "ana").await;
        let before = world.tiktok().exchanges();
        world.tiktok().clear_faults();
        let exchange_takes = Fault::new(FaultKind::Latency { milliseconds: u64::from(round) * 150 });
        world.tiktok().add_fault(exchange_takes.on("/oauth2/access_token/")).unwrap();

        let answers = join_all((0..AT_ONCE).map(|_| world.complete(&flow))).await;

        for answer in &answers {
            match answer.status {
                200 => assert_eq!(answer.body["outcome"], "reconnected", "{answer:?}"),
                202 => assert_eq!(answer.body["outcome"], "pending", "{answer:?}"),
                _ => panic!("T15: {answer:?}"),
            }
        }
        assert!(answers.iter().any(|answer| answer.status == 200), "somebody was first");
        assert_eq!(world.complete(&flow).await.expect(200)["outcome"], "reconnected");
        assert_done_once(&world, &flow, before);
    }
    world.finish().await;
}

#[tokio::test]
async fn t15_one_event_that_lambda_delivers_twice_is_one_completion() {
    let world = TestWorld::start().await;
    let flow = world.first_flow(11, "ana").await;
    world.local.functions.deliver_twice("oauth-callback", 1).unwrap();

    let first = world.complete(&flow).await;

    assert!([200, 202].contains(&first.status), "{first:?}");
    assert_eq!(world.complete_until_final(&flow).await.body["outcome"], "reconnected");
    assert_done_once(&world, &flow, 0);
    world.finish().await;
}

#[tokio::test]
async fn t16_of_managers_who_reconnect_one_account_at_once_one_succeeds() {
    let world = quiet().start().await;
    let sets: [&[&str]; 3] = [&["ana", "carlos"], &["ana", "carlos", "marc"], &["ana", "carlos", "marc", "rita"]];
    for (number, logins) in (11..).zip(sets) {
        let account = world.unconnected(number).await;
        let mut flows = Vec::new();
        for (login, person) in logins.iter().zip([ANA, CARLA].into_iter().cycle()) {
            flows.push(world.flow(&account, person, only(&account, login)).await);
        }
        // All of them have exchanged and asked before any can commit.
        let held = world.tiktok().add_fault(Fault::new(FaultKind::Hold).on(REPORT)).unwrap();
        let reports = world.tiktok().calls(REPORT) + flows.len() as u64;
        let release = async {
            world.tiktok().wait_for_calls(REPORT, reports).await;
            world.tiktok().clear_fault(held);
        };

        let (answers, ()) = tokio::join!(join_all(flows.iter().map(|flow| world.complete(flow))), release);

        let won: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
        assert_eq!(won.len(), 1, "{answers:?}");
        assert_eq!(won[0].body["outcome"], "reconnected");
        for (answer, flow) in answers.iter().zip(&flows).filter(|(answer, _)| answer.status != 200) {
            assert_eq!(answer.status, 409, "{answer:?}");
            answer.problem("already_active");
            world.complete(flow).await.problem("already_active");
        }
        assert_eq!(world.kinds_of(&account), ["AdAccountReconnected"]);
        assert_eq!(world.candidates(), 0, "the losers' tokens are gone");
        let fingerprint = world.grant_of(&account)["token_fingerprint"].as_str().unwrap().to_owned();
        assert!(world.known_fingerprints().contains(&fingerprint), "a token that TikTok gave");
        let grants = world.rows().into_iter().filter(|row| row["sk"].as_str().unwrap().starts_with("GRANT#"));
        assert_eq!(grants.count(), number as usize - 10, "one for each account");
    }
    world.finish().await;
}

#[tokio::test]
async fn t17_one_idempotency_key_is_one_activation() {
    let world = quiet().start().await;
    let account = world.unconnected(11).await;
    let ana = world.as_(&ANA);

    let answers = join_all((0..20).map(|_| ana.activate_with_key(&account, json!({}), "key-1"))).await;

    for answer in &answers {
        assert_eq!(answer.expect(201), &answers[0].body);
    }
    let activations = world.rows().into_iter().filter(|row| row["sk"] == "ACTIVATION").count();
    assert_eq!(activations, 1);
    ana.activate_with_key(&account, json!({ "force": true }), "key-1").await.problem("idempotency_mismatch");
    let other = ana.activate_with_key(&account, json!({}), "key-2").await;
    assert_ne!(other.expect(201)["activation_id"], answers[0].body["activation_id"]);
    world.finish().await;
}

#[tokio::test]
async fn t18_a_verdict_about_the_old_grant_comes_too_late() {
    let world = TestWorld::start().await;
    let account = world.active(11).await;
    let flow = world.flow(&account, ANA, only(&account, "carlos")).await;
    let app_id = world.local.tiktok.app_id();
    world.tiktok().world().revoke_authorization("ana", app_id).unwrap();
    let held = Fault::new(FaultKind::Hold).on("/oauth2/advertiser/get/").for_person("ana");
    let held = world.tiktok().add_fault(held).unwrap();
    let asked = world.tiktok().calls("/oauth2/advertiser/get/") + 1;

    let ana = world.as_(&ANA);
    let meanwhile = async {
        world.tiktok().wait_for_calls("/oauth2/advertiser/get/", asked).await;
        world.complete(&flow).await.expect(200);
        world.tiktok().clear_fault(held);
    };
    let (verdict, ()) = tokio::join!(ana.validate(&account), meanwhile);

    assert_eq!(verdict.expect(200)["verdict"], "lapsed", "the old grant is dead");
    assert_eq!(verdict.body["status"], "active", "and the account has another");
    assert_eq!(world.account_row(&account)["status"], "active");
    assert_eq!(world.kinds_of(&account), ["AdAccountReconnected"]);
    assert_eq!(ana.validate(&account).await.expect(200)["verdict"], "connected");
    world.finish().await;
}

#[tokio::test]
async fn t19_who_lost_the_role_meanwhile_cannot_finish() {
    let world = TestWorld::start().await;
    let flow = world.first_flow(11, "ana").await;
    let dismissed = Person { scope: VICTOR.scope, ..ANA };

    let answer = world.as_(&dismissed).complete(&flow.ticket).await;

    assert_eq!(answer.status, 403, "{answer:?}");
    assert_eq!((world.tiktok().exchanges(), world.candidates()), (0, 0));
    assert_eq!(world.state_of(&flow), "waiting");

    // The same person as somebody of another organisation is somebody else.
    let elsewhere = Person { org_id: BOREALIS, ..ANA };
    world.as_(&elsewhere).complete(&flow.ticket).await.problem("not_your_activation");
    assert_eq!((world.tiktok().exchanges(), world.candidates()), (0, 0));
    assert_eq!(world.state_of(&flow), "closed");
    world.complete(&flow).await;
    assert_eq!(world.tiktok().exchanges(), 0);
    assert!(world.events_of(&flow.account).is_empty());
    world.finish().await;
}

#[tokio::test]
async fn t19_who_lost_the_reach_meanwhile_cannot_finish() {
    let world = TestWorld::start().await;
    let flow = world.first_flow(11, "ana").await;
    let elsewhere = Person { account_access: Some("market:fr"), ..ANA };
    world.as_(&elsewhere).complete(&flow.ticket).await.problem("account_out_of_reach");
    assert_eq!((world.tiktok().exchanges(), world.candidates()), (0, 0));
    world.finish().await;
}

/// Completes, and does something to the account's row while TikTok keeps the answers to itself.
async fn while_tiktok_holds(world: &TestWorld, flow: &Flow, change: impl AsyncFnOnce()) -> Answer {
    let held = world.tiktok().add_fault(Fault::new(FaultKind::Hold).on(REPORT)).unwrap();
    let reports = world.tiktok().calls(REPORT) + 1;
    let meanwhile = async {
        world.tiktok().wait_for_calls(REPORT, reports).await;
        assert_eq!(world.candidates(), 1);
        change().await;
        world.tiktok().clear_fault(held);
    };
    tokio::join!(world.complete(flow), meanwhile).0
}

fn no_grants(world: &TestWorld) -> bool {
    !world.rows().iter().any(|row| row["sk"].as_str().unwrap().starts_with("GRANT#"))
}

#[tokio::test]
async fn t20_an_account_that_is_deleted_meanwhile_gets_no_token() {
    let world = TestWorld::start().await;
    let flow = world.first_flow(11, "ana").await;

    let answer = while_tiktok_holds(&world, &flow, async || world.delete_account(&flow.account)).await;

    assert_eq!(answer.status, 404, "{answer:?}");
    answer.problem("account_not_found");
    assert!(no_grants(&world) && world.outbox().is_empty());
    assert_eq!(world.candidates(), 0, "a token for nothing is not kept");
    assert_eq!(world.state_of(&flow), "closed", "I7");
    world.complete(&flow).await.problem("account_not_found");
    assert_eq!(world.tiktok().exchanges(), 1);
    world.finish().await;
}

#[tokio::test]
async fn t20_an_account_that_changes_its_business_center_meanwhile_is_judged_again() {
    let world = TestWorld::start().await;
    let flow = world.first_flow(11, "ana").await;
    let imported_again = Account { center: RETAIL, ..flow.account.clone() };

    let answer = while_tiktok_holds(&world, &flow, async || {
        world.import(&[&imported_again], None).await;
        // Whoever writes the row counts it up; that the import may not move an account is its own business.
        world.re_home(&flow.account, RETAIL);
    })
    .await;

    assert_eq!(answer.expect(202)["outcome"], "pending");
    assert!(no_grants(&world) && world.outbox().is_empty());
    let answer = world.complete(&flow).await;
    assert_eq!(answer.expect(200)["outcome"], "refused", "proven in the Business Center that it belongs to now");
    assert!(no_grants(&world));
    assert_eq!(world.kinds_of(&flow.account), ["ReconnectRefused"]);
    assert_eq!((world.candidates(), world.tiktok().exchanges()), (0, 1));
    world.finish().await;
}

#[tokio::test]
async fn t21_a_lost_answer_is_there_again_after_a_reload() {
    let world = TestWorld::start().await;
    let flow = world.first_flow(11, "ana").await;
    let held = world.tiktok().add_fault(Fault::new(FaultKind::Hold).on(REPORT)).unwrap();
    // The browser goes away in the middle.
    tokio::select! {
        answer = world.complete(&flow) => panic!("too early: {answer:?}"),
        () = world.tiktok().wait_for_calls(REPORT, 1) => {}
    }
    world.tiktok().clear_fault(held);
    let ana = world.as_(&ANA);
    until("it was finished without a browser", || world.state_of(&flow) == "closed").await;
    let shown = ana.activation(&flow.activation_id).await;
    assert_eq!(shown.expect(200)["outcome"], "reconnected");
    let asked = world.tiktok().total_calls();

    let reloaded = world.complete(&flow).await;

    assert_eq!(reloaded.expect(200), &shown.body);
    assert_eq!(world.tiktok().total_calls(), asked, "TikTok is not asked again");
    assert_done_once(&world, &flow, 0);
    world.finish().await;
}

impl TestWorld {
    /// Somebody deletes the account from the table, and from the counts.
    fn delete_account(&self, account: &Account) {
        let row = self.account_row(account);
        let key = |name: &str| row[name].as_str().unwrap().to_owned();
        let labels = ["status", "brand", "market", "partner"].map(key).join("|");
        self.set_number(&key("pk"), "COUNTS", &labels, 0);
        let of_all = self.rows().into_iter().find(|row| row["pk"] == "COUNTS" && row[key("status")].is_i64());
        let of_all = of_all.expect("the account is counted");
        let left = of_all[key("status")].as_i64().unwrap() - 1;
        self.set_number("COUNTS", of_all["sk"].as_str().unwrap(), &key("status"), left);
        let request = json!({
            "TableName": self.local.environment()["TABLE_NAME"],
            "Key": { "pk": { "S": key("pk") }, "sk": { "S": key("sk") } },
        });
        self.local.dynamodb.database().delete_item(serde_json::from_value(request).unwrap()).unwrap();
    }

    /// Somebody writes another Business Center into the account's row.
    fn re_home(&self, account: &Account, center: &str) {
        let row = self.account_row(account);
        let key = |name: &str| row[name].as_str().unwrap().to_owned();
        self.set_text(&key("pk"), &key("sk"), "business_center_id", center);
        self.set_number(&key("pk"), &key("sk"), "revision", row["revision"].as_i64().unwrap() + 1);
    }
}
