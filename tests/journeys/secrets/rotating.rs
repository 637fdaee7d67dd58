//! A sealing key is replaced to the end: every stored token moves to the new key with its next check, whatever that check
//! comes to, and then the old key is taken away.

use local::aws::names::TOKEN_KEYRING_SECRET;

use super::{first_key, key_of, keyring, sealed_with};
use crate::support::canaries::Kind;
use crate::support::proxy::{Break, Mode};
use crate::support::*;

impl TestWorld {
    /// As long after the change as it takes until no process has an older keyring.
    async fn everybody_has(&self, ring: &str) {
        self.local.secrets.put(TOKEN_KEYRING_SECRET, ring);
        for function in self.local.functions.names() {
            self.fresh(function).await;
        }
    }

    /// All grants, due or not, and what is queued then.
    async fn sweep_all(&self) {
        self.order(json!({ "sweep": "all" })).await;
        assert_eq!(self.checks().await.failures, 0);
    }

    fn sealed_with(&self, granted: &Granted) -> String {
        sealed_with(&self.grant_of(granted.account()))
    }

    fn strikes_of(&self, granted: &Granted) -> Value {
        self.grant_of(granted.account())["check"]["strikes"].clone()
    }
}

/// What the runbook says, step by step. Nobody turns undecided by it, and a strike from before stays one.
#[tokio::test]
async fn a_key_is_replaced_to_the_end_and_nobody_notices() {
    let world = TestWorld::quick().start().await;
    let fleet = world.fleet(&[2, 1, 1, 1]).await;
    let (k1, k2) = (first_key(&world), key_of(2));
    world.canary(Kind::Key, &k2);
    world.sweep().await;
    world.revoke(&fleet[1].token);
    world.pass_an_interval();
    world.sweep().await;
    assert_eq!((world.came_to("connected"), world.came_to("struck")), (7, 1));
    let (strikes, before) = (world.strikes_of(&fleet[1]), fleet.iter().map(|one| world.grant_of(one.account())));
    let before: Vec<Value> = before.collect();

    // The key is added, and everybody gets to know it.
    world.everybody_has(&keyring("k1", &[("k1", &k1), ("k2", &k2)])).await;
    world.sweep_all().await;
    assert_eq!((world.came_to("sealed_again"), world.counted("TokensUnderOldKey")), (0, 0));

    // It becomes the writer. TikTok has no answer about two of the four.
    world.everybody_has(&keyring("k2", &[("k1", &k1), ("k2", &k2)])).await;
    for silent in &fleet[1..3] {
        world.tiktok().add_fault(Fault::code(50_000).for_person(silent.login)).unwrap();
    }
    world.sweep_all().await;
    assert_eq!((world.came_to("sealed_again"), world.came_to("undecided")), (4, 2));
    assert_eq!((world.counted("TokensUnderOldKey"), world.counted("TokensSealedAgain")), (4, 4));
    for (granted, before) in fleet.iter().zip(&before) {
        let after = world.grant_of(granted.account());
        assert_eq!((sealed_with(before), sealed_with(&after)), ("k1".to_owned(), "k2".to_owned()));
        for what in ["token_version", "token_fingerprint", "granted_at", "ad_accounts"] {
            assert_eq!(before[what], after[what], "{what}: it is the same token of the same grant");
        }
    }
    assert!(!strikes.is_null() && world.strikes_of(&fleet[1]) == strikes, "a strike stays what it was");

    // A whole round in which no check meets the old key.
    world.tiktok().clear_faults();
    world.pass_half_an_hour();
    world.sweep_all().await;
    assert_eq!((world.came_to("lapsed"), world.status(fleet[1].account())), (1, "needs_connecting".to_owned()));
    assert_eq!((world.counted("TokensUnderOldKey"), world.came_to("sealed_again")), (4, 4), "none was added");

    // The old key goes.
    let undecided = world.came_to("undecided");
    world.everybody_has(&keyring("k2", &[("k2", &k2)])).await;
    world.pass_an_interval();
    world.sweep().await;
    assert_eq!((world.came_to("undecided"), world.came_to("needs_connecting")), (undecided, 1));
    assert!(!world.was_alarmed("CredentialUnreadable"));
    for granted in [&fleet[0], &fleet[2], &fleet[3]] {
        let checked = world.as_(&ANA).validate(granted.account()).await;
        assert_eq!(checked.expect(200)["verdict"], "connected", "{checked:?}");
    }
    let consent = Consent::by(fleet[1].login).in_business_center(fleet[1].account().center);
    let receipt = world.reconnect(fleet[1].account(), &ANA, consent).await;
    assert_eq!(receipt.expect(200)["outcome"], "reconnected");
    assert_eq!(world.sealed_with(&fleet[1]), "k2");
    world.finish().await;
}

/// It is the write that ends the check in any case; and of three copies of a message one seals.
#[tokio::test]
async fn sealing_again_costs_no_call_and_happens_once() {
    let world = TestWorld::quick().start().await;
    let fleet = world.fleet(&[30]).await;
    world.sweep().await;
    let (k1, k2) = (first_key(&world), key_of(2));
    world.everybody_has(&keyring("k2", &[("k1", &k1), ("k2", &k2)])).await;
    world.pass_an_interval();
    world.run().await;
    world.dynamodb.forget();
    world.tiktok().clear_log();

    world.checks().await;

    let mut calls = world.dynamodb.calls();
    calls.sort();
    assert_eq!(calls, ["BatchGetItem", "Query", "TransactWriteItems"]);
    assert_eq!(world.tiktok().log().len(), 6, "as ever");
    assert_eq!((world.sealed_with(&fleet[0]), world.came_to("sealed_again")), ("k2".to_owned(), 1));

    let k3 = key_of(3);
    world.everybody_has(&keyring("k3", &[("k2", &k2), ("k3", &k3)])).await;
    world.local.sqs.checks.copies(3);
    world.pass_an_interval();
    world.run().await;
    world.checks().await;
    assert_eq!((world.sealed_with(&fleet[0]), world.came_to("sealed_again")), ("k3".to_owned(), 2));
    assert_eq!(world.came_to("connected"), 3);
    world.finish().await;
}

/// T65, T68: `check-grant` dies or is failed at each call of a check that seals again. The token lies under the one key or
/// the other, and opens; in the end it lies under the new one.
#[tokio::test]
async fn t65_a_death_while_a_token_is_sealed_again_costs_nothing() {
    let world = TestWorld::quick().start().await;
    let fleet = world.fleet(&[2]).await;
    world.sweep().await;
    let keys = [("k1", first_key(&world)), ("k2", key_of(2))];
    let both: Vec<(&str, &str)> = keys.iter().map(|(id, key)| (*id, key.as_str())).collect();
    let modes = [
        (Mode::KillBefore("check-grant"), 1),
        (Mode::KillAfter("check-grant"), 1),
        (Mode::DropReply, 1),
        (Mode::Throttle, 3),
        (Mode::TransactionConflict, 5),
        (Mode::InternalError, 3),
    ];
    let (mut sealed, mut cases) = (world.came_to("sealed_again"), 0);
    for (mode, times) in modes {
        for nth in 1..=3 {
            let (case, writer) = (format!("{mode:?} at call {nth}"), ["k2", "k1"][cases % 2]);
            cases += 1;
            world.everybody_has(&keyring(writer, &both)).await;
            world.pass_an_interval();
            world.run().await;
            world.dynamodb.forget();
            world.dynamodb.strike(Break::nth_of_all(nth).times(times), mode.clone());
            world.local.drain_queue().await;
            assert!(world.dynamodb.calls().len() >= nth, "{case}");
            world.dynamodb.heal();
            assert!(["k1", "k2"].contains(&world.sealed_with(&fleet[0]).as_str()), "{case}");
            let checked = world.as_(&ANA).validate(fleet[0].account()).await;
            assert_eq!(checked.expect(200)["verdict"], "connected", "{case}");

            world.checks().await;
            sealed += 1;
            assert_eq!(
                (world.sealed_with(&fleet[0]).as_str(), world.came_to("sealed_again")),
                (writer, sealed),
                "{case}"
            );
        }
    }
    assert!(world.outbox().is_empty() && world.local.sqs.dead.is_empty());
    world.finish().await;
}
