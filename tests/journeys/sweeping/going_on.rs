//! Activations that nobody comes back for: the sweep finds them, `check-grant` goes on with them, and each ends within
//! fifteen minutes.

use jiff::SignedDuration;

use crate::flow::Flow;
use crate::support::proxy::{Break, Mode};
use crate::support::*;

/// Without these nobody can tell anything.
const NEEDED: [&str; 4] = ["/oauth2/advertiser/get/", "/bc/get/", "/advertiser/info/", "/report/integrated/get/"];

impl TestWorld {
    /// A completion that TikTok did not answer, and whose person has closed the browser.
    async fn left_pending(&self, number: u32, consent: Consent) -> Flow {
        let account = self.unconnected(number).await;
        let flow = self.flow(&account, ANA, consent).await;
        self.tiktok_says_nothing();
        assert_eq!(self.complete(&flow).await.expect(202)["outcome"], "pending");
        self.tiktok().clear_faults();
        flow
    }

    fn tiktok_says_nothing(&self) {
        for endpoint in NEEDED {
            self.tiktok().add_fault(Fault::code(50_000).on(endpoint)).unwrap();
        }
    }

    /// A minute later the sweep runs, and what it queued is worked on. Gives how many activations it found.
    async fn a_minute_and_a_run(&self) -> Value {
        self.pass(SignedDuration::from_mins(1));
        self.sweep().await["activations"].clone()
    }

    async fn shown(&self, flow: &Flow) -> Value {
        self.as_(&flow.person).activation(&flow.activation_id).await.expect(200).clone()
    }
}

#[tokio::test]
async fn what_tiktok_answers_a_minute_later_needs_nobody() {
    let world = TestWorld::start().await;
    let flow = world.left_pending(11, Consent::by("ana")).await;
    assert_eq!(world.run().await["activations"], 0, "the person may still be there");

    assert_eq!(world.a_minute_and_a_run().await, 1);

    let shown = world.shown(&flow).await;
    assert_eq!((&shown["outcome"], &shown["authorized_by"]), (&json!("reconnected"), &json!("Ana Moreau")));
    assert_eq!(world.complete(&flow).await.expect(200), &shown, "the ticket gives the same receipt");
    assert_eq!(world.kinds_of(&flow.account), ["AdAccountReconnected"]);
    assert_eq!((world.tiktok().exchanges(), world.candidates()), (1, 0));
    assert_eq!(world.a_minute_and_a_run().await, 0, "it is done");
    world.finish().await;
}

#[tokio::test]
async fn what_is_not_enough_is_refused_without_the_person() {
    let world = TestWorld::start().await;
    let flow = world.left_pending(11, Consent::by("ana").ad_accounts(AdAccounts::None)).await;

    assert_eq!(world.a_minute_and_a_run().await, 1);

    let shown = world.shown(&flow).await;
    assert_eq!((&shown["outcome"], &shown["cause"]), (&json!("refused"), &json!("no_ad_accounts_granted")));
    assert_eq!((world.status(&flow.account), world.candidates()), ("needs_connecting".to_owned(), 0));
    assert_eq!(world.kinds_of(&flow.account), ["ReconnectRefused"]);
    world.finish().await;
}

/// I7: TikTok never answers. It is tried again and again, and given up after fifteen minutes.
#[tokio::test]
async fn i7_after_fifteen_minutes_it_is_given_up() {
    let world = TestWorld::start().await;
    let flow = world.left_pending(11, Consent::by("ana")).await;
    world.tiktok_says_nothing();
    for minutes in [4, 8, 12] {
        world.pass(SignedDuration::from_mins(4));
        let asked = world.tiktok().total_calls();
        assert_eq!(world.sweep().await["activations"], 1, "after {minutes} minutes");
        assert!(world.tiktok().total_calls() > asked, "it was tried");
        assert_eq!((&world.shown(&flow).await["outcome"], world.candidates()), (&json!("pending"), 1));
    }
    world.pass(SignedDuration::from_mins(4));
    assert_eq!(world.sweep().await["activations"], 1);

    let shown = world.shown(&flow).await;
    assert_eq!((&shown["outcome"], &shown["cause"]), (&json!("gave_up"), &json!("tiktok_unavailable")));
    assert_eq!((world.state_of(&flow).as_str(), world.candidates()), ("closed", 0));
    world.tiktok().clear_faults();
    assert_eq!(world.a_minute_and_a_run().await, 0);
    assert_eq!(world.complete(&flow).await.expect(200)["outcome"], "gave_up");
    world.finish().await;
}

/// T69: twenty people close the browser right after the exchange. When their time is over, one run takes all tokens away.
#[tokio::test]
async fn t69_tokens_of_abandoned_activations_go_with_one_run() {
    let world = TestWorld::with().env("RUST_LOG", "info").start().await;
    let accounts: Vec<Account> = (11..31).map(Account::new).collect();
    for account in &accounts {
        world.at_tiktok(account);
    }
    world.import(&accounts.iter().collect::<Vec<_>>(), None).await;
    world.tiktok_says_nothing();
    let mut flows = Vec::new();
    for (place, account) in accounts.iter().enumerate() {
        let person = if place % 2 == 0 { ANA } else { CARLA };
        let flow = world.flow(account, person, Consent::by("ana")).await;
        world.complete(&flow).await.expect(202);
        flows.push(flow);
    }
    assert_eq!(world.candidates(), 20);
    world.pass(SignedDuration::from_mins(16));

    let run = world.sweep().await;

    assert_eq!((&run["activations"], world.candidates()), (&json!(20), 0));
    for flow in &flows {
        assert_eq!(world.shown(flow).await["outcome"], "gave_up");
    }
    assert_eq!(world.outbox().len(), 0);
    world.finish().await;
}

/// The process that goes on with the siblings dies. They follow without it, as far as the person reached who asked.
#[tokio::test]
async fn siblings_follow_within_the_reach_of_who_asked() {
    let world = TestWorld::start().await;
    let (asked, german) = (Account::new(11), Account::new(12));
    let french = Account { market: "fr", ..Account::new(13) };
    let all = [&asked, &german, &french];
    for account in &all {
        world.at_tiktok(account);
    }
    world.import(&all, None).await;
    let started = world.as_(&MIRA).activate(&asked, json!({ "also": "business_center" })).await;
    let activation_id = started.expect(201)["activation_id"].as_str().unwrap().to_owned();
    let landed = world.walk_consent(started.text("authorization_url"), Consent::by("ana")).await;
    // The first transaction stores the candidate, the second makes the account Active, the third is the sibling's.
    world.dynamodb.strike(Break::nth("TransactWriteItems", 3), Mode::KillBefore("oauth-callback"));
    world.as_(&MIRA).complete(&landed.ticket()).await;
    world.dynamodb.heal();
    assert_eq!((world.status(&asked), world.status(&german)), ("active".to_owned(), "needs_connecting".to_owned()));
    assert_eq!(world.as_(&MIRA).activation(&activation_id).await.expect(200)["outcome"], "pending");

    assert_eq!(world.a_minute_and_a_run().await, 1);

    let receipt = world.as_(&MIRA).activation(&activation_id).await;
    assert_eq!(receipt.expect(200)["outcome"], "reconnected");
    let lines = receipt.body["accounts"].as_array().unwrap();
    assert!(lines.len() == 2 && lines.iter().all(|line| line["outcome"] == "reconnected"), "{receipt:?}");
    assert_eq!((world.status(&german), world.status(&french)), ("active".to_owned(), "needs_connecting".to_owned()));
    assert_eq!(world.kinds_of(&german), ["AdAccountReconnected"]);
    assert_eq!((world.tiktok().exchanges(), world.candidates()), (1, 0));
    world.finish().await;
}

/// The person comes back at the moment in which it is gone on with.
#[tokio::test]
async fn the_person_and_the_sweep_meet() {
    let world = TestWorld::start().await;
    for number in 11..15 {
        let flow = world.left_pending(number, Consent::by("ana")).await;
        world.pass(SignedDuration::from_mins(1));
        assert_eq!(world.run().await["activations"], 1);

        let (answer, drained) = futures::join!(world.complete(&flow), world.checks());

        assert_eq!(drained.errors, 0);
        assert!([200, 202].contains(&answer.status), "{answer:?}");
        world.a_minute_and_a_run().await;
        assert_eq!(world.shown(&flow).await["outcome"], "reconnected");
        assert_eq!(world.kinds_of(&flow.account), ["AdAccountReconnected"], "once");
        assert_eq!(world.candidates(), 0);
        world.check_invariants();
    }
    world.finish().await;
}

/// I7: the code is spent and what it gave is lost with the process. Nobody can go on with that; it ends all the same.
#[tokio::test]
async fn i7_a_crash_after_the_exchange_ends_as_given_up() {
    let world = TestWorld::start().await;
    let account = world.unconnected(11).await;
    let flow = world.flow(&account, ANA, Consent::by("ana")).await;
    world.dynamodb.strike(Break::nth("TransactWriteItems", 1), Mode::KillBefore("oauth-callback"));
    world.complete(&flow).await;
    world.dynamodb.heal();
    assert_eq!((world.tiktok().exchanges(), world.state_of(&flow).as_str()), (1, "exchanging"));
    assert_eq!(world.shown(&flow).await["outcome"], "pending");

    assert_eq!(world.a_minute_and_a_run().await, 1);

    assert_eq!(world.shown(&flow).await["outcome"], "gave_up");
    assert_eq!((world.state_of(&flow).as_str(), world.candidates()), ("closed", 0));
    assert_eq!((world.status(&account), world.outbox().len()), ("needs_connecting".to_owned(), 0));
    world.finish().await;
}
