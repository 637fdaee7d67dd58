//! One completion, broken at each of its calls in each way (T65, T68).
//!
//! Every case has an account of its own that is Active with a grant of `ana`, and renews it with a consent of `carlos`:
//! the longest chain of calls, since the old grant is retired and revoked too.
//!
//! On a push each call goes wrong in one way, at night in all of them: see [`sample`].

use std::collections::BTreeSet;

use crate::flow::Flow;
use crate::support::proxy::{Break, Mode};
use crate::support::*;

const FUNCTION: &str = "oauth-callback";

/// How a call to DynamoDB goes wrong, and how often one after the other.
const WAYS: [(Mode, usize); 6] = [
    (Mode::KillBefore(FUNCTION), 1),
    (Mode::KillAfter(FUNCTION), 1),
    (Mode::Throttle, 3),
    (Mode::TransactionConflict, 3),
    (Mode::InternalError, 1),
    (Mode::DropReply, 1),
];

/// How a call to TikTok goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AtTikTok {
    KilledBefore,
    KilledAfter,
    AnswerLost,
}

impl AtTikTok {
    const ALL: [Self; 3] = [Self::KilledBefore, Self::KilledAfter, Self::AnswerLost];
}

/// A world with its cases so far.
struct Matrix {
    world: TestWorld,
    accounts: u32,
}

/// The calls of one completion on which nothing goes wrong.
struct Calls {
    dynamodb: Vec<String>,
    /// Endpoints of TikTok; most are asked at the same time.
    tiktok: BTreeSet<String>,
}

impl Matrix {
    async fn start() -> Self {
        Self { world: TestWorld::with().env("RUST_LOG", "info").start().await, accounts: 0 }
    }

    async fn flow(&mut self) -> Flow {
        self.accounts += 1;
        let account = self.world.active(self.accounts).await;
        let consent = Consent::by("carlos").ad_accounts(AdAccounts::only([&account.id]));
        self.world.flow(&account, ANA, consent).await
    }

    async fn learn(&mut self) -> Calls {
        let flow = self.flow().await;
        self.world.dynamodb.forget();
        self.world.tiktok().clear_log();
        self.world.complete(&flow).await.expect(200);
        let tiktok = self.world.tiktok().log().into_iter().map(|entry| entry.endpoint).collect();
        let calls = Calls { dynamodb: self.world.dynamodb.calls(), tiktok };
        assert!(calls.dynamodb.len() >= 5 && calls.tiktok.len() >= 8, "{:?} {:?}", calls.dynamodb, calls.tiktok);
        calls
    }

    /// The calls to DynamoDB that are to go wrong in this way, and what they are called in a message.
    async fn at_dynamodb(&mut self, way: &Mode) -> Vec<(usize, String)> {
        let own = WAYS.iter().position(|(mode, _)| mode == way).expect("one of them");
        let calls = self.learn().await.dynamodb.into_iter().enumerate();
        let tried = calls.filter(|(at, _)| sample::is_tried(*at, own, WAYS.len()));
        tried.map(|(at, operation)| (at + 1, format!("{way:?} at call {} to DynamoDB ({operation})", at + 1))).collect()
    }

    /// The endpoints of TikTok a call to which is to go wrong in this way.
    async fn at_tiktok(&mut self, way: AtTikTok) -> Vec<String> {
        let own = AtTikTok::ALL.iter().position(|one| *one == way).expect("one of them");
        let endpoints = self.learn().await.tiktok.into_iter().enumerate();
        endpoints
            .filter(|(at, _)| sample::is_tried(*at, own, AtTikTok::ALL.len()))
            .map(|(_, endpoint)| endpoint)
            .collect()
    }

    /// Repeats the completion until it is final, and checks that it ended as it had to: reconnected if the token was
    /// kept, otherwise given up with the old grant untouched, so that a new activation does it.
    async fn heal(&mut self, flow: &Flow, old_grant: &Value, exchanges: u64, case: &str) {
        let world = &self.world;
        world.dynamodb.heal();
        world.tiktok().clear_faults();
        let has_lost_the_token = world.state_of(flow) == "exchanging";

        let receipt = world.complete_until_final(flow).await;

        assert!(world.tiktok().exchanges() <= exchanges + 1, "I2: {case}");
        assert_eq!(world.state_of(flow), "closed", "I7: {case}");
        let account = &flow.account;
        if has_lost_the_token {
            assert_eq!(receipt.body["outcome"], "gave_up", "{case}: {receipt:?}");
            assert_eq!(&world.grant_of(account), old_grant, "{case}: the old grant stays as it was");
            assert!(world.events_of(account).is_empty(), "I3: {case}");
            let again = world.flow(account, ANA, Consent::by("carlos")).await;
            assert_eq!(world.complete(&again).await.expect(200)["outcome"], "reconnected", "{case}");
        } else {
            assert_eq!(receipt.body["outcome"], "reconnected", "{case}: {receipt:?}");
        }
        assert_eq!(world.kinds_of(account), ["AdAccountReconnected"], "I3: {case}");
        assert_ne!(world.grant_of(account)["grant_id"], old_grant["grant_id"], "{case}");
        assert_eq!(world.candidates(), 0, "{case}");
    }

    /// The process dies at the nth call to DynamoDB.
    async fn die_at_dynamodb(&mut self, nth: usize, mode: Mode, case: &str) {
        let flow = self.flow().await;
        let (old_grant, exchanges) = (self.world.grant_of(&flow.account), self.world.tiktok().exchanges());
        self.world.dynamodb.strike(Break::nth_of_all(nth), mode);
        let answer = self.world.complete(&flow).await;
        assert_ne!(answer.body["outcome"], "refused", "{case}: {answer:?}");
        self.heal(&flow, &old_grant, exchanges, case).await;
    }

    /// Kills the process while TikTok has its call: before TikTok does anything, or before its answer arrives.
    async fn kill_at_tiktok(&mut self, endpoint: &str, has_effect: bool, case: &str) {
        let flow = self.flow().await;
        let world = &self.world;
        let (old_grant, exchanges) = (world.grant_of(&flow.account), world.tiktok().exchanges());
        let kind = if has_effect { FaultKind::Hold } else { FaultKind::Hang };
        world.tiktok().add_fault(Fault::new(kind).on(endpoint)).unwrap();
        let arrived = world.tiktok().calls(endpoint) + 1;
        let kill = async {
            world.tiktok().wait_for_calls(endpoint, arrived).await;
            world.local.functions.kill(FUNCTION).await.unwrap();
        };
        let (answer, ()) = tokio::join!(world.complete(&flow), kill);
        assert_eq!(answer.status, 500, "{case}: the gateway answers for the dead: {answer:?}");
        self.heal(&flow, &old_grant, exchanges, case).await;
    }

    /// TikTok does what it is asked, and its answer gets lost.
    async fn lose_tiktok(&mut self, endpoint: &str, case: &str) {
        let flow = self.flow().await;
        let (old_grant, exchanges) = (self.world.grant_of(&flow.account), self.world.tiktok().exchanges());
        let lost = Fault::new(FaultKind::Reset).on(endpoint).after_processing().times(1);
        self.world.tiktok().add_fault(lost).unwrap();
        let answer = self.world.complete(&flow).await;
        if endpoint == "/oauth2/access_token/" {
            assert_eq!(answer.expect(200)["outcome"], "gave_up", "{case}: T58");
            let again = self.world.flow(&flow.account, ANA, Consent::by("carlos")).await;
            self.heal(&again, &old_grant, exchanges + 1, case).await;
        } else {
            assert_eq!(answer.expect(200)["outcome"], "reconnected", "{case}: a read is repeated");
            self.heal(&flow, &old_grant, exchanges, case).await;
        }
    }

    async fn finish(self) {
        self.world.finish().await;
    }
}

async fn dies_at_dynamodb(mode: Mode) {
    let mut matrix = Matrix::start().await;
    for (nth, case) in matrix.at_dynamodb(&mode).await {
        matrix.die_at_dynamodb(nth, mode.clone(), &case).await;
    }
    matrix.finish().await;
}

#[tokio::test]
async fn t65_killed_before_a_call_to_dynamodb() {
    dies_at_dynamodb(Mode::KillBefore(FUNCTION)).await;
}

#[tokio::test]
async fn t65_killed_after_a_call_to_dynamodb() {
    dies_at_dynamodb(Mode::KillAfter(FUNCTION)).await;
}

#[tokio::test]
async fn t65_killed_before_or_after_a_call_to_tiktok() {
    let mut matrix = Matrix::start().await;
    for (way, has_effect) in [(AtTikTok::KilledBefore, false), (AtTikTok::KilledAfter, true)] {
        for endpoint in matrix.at_tiktok(way).await {
            matrix.kill_at_tiktok(&endpoint, has_effect, &format!("{way:?} at {endpoint}")).await;
        }
    }
    matrix.finish().await;
}

#[tokio::test]
async fn t65_the_answer_to_a_call_to_tiktok_is_lost() {
    let mut matrix = Matrix::start().await;
    for endpoint in matrix.at_tiktok(AtTikTok::AnswerLost).await {
        matrix.lose_tiktok(&endpoint, &format!("answer lost at {endpoint}")).await;
    }
    matrix.finish().await;
}

/// T68: every call to DynamoDB of a completion fails in this way, one after the other.
async fn dynamodb_fails(mode: Mode) {
    let mut matrix = Matrix::start().await;
    let times = WAYS.iter().find(|(one, _)| *one == mode).expect("one of them").1;
    for (nth, case) in matrix.at_dynamodb(&mode).await {
        let flow = matrix.flow().await;
        let (old_grant, exchanges) = (matrix.world.grant_of(&flow.account), matrix.world.tiktok().exchanges());
        matrix.world.dynamodb.strike(Break::nth_of_all(nth).times(times), mode.clone());
        let answer = matrix.world.complete(&flow).await;
        match answer.status {
            200 => assert_eq!(answer.body["outcome"], "reconnected", "{case}: {answer:?}"),
            202 => {}
            _ => {
                answer.problem("try_again");
                assert!(!answer.header("retry-after").is_empty(), "{case}: {answer:?}");
            }
        }
        assert_ne!(matrix.world.state_of(&flow), "exchanging", "{case}: no second consent is needed");
        matrix.heal(&flow, &old_grant, exchanges, &case).await;
    }
    matrix.finish().await;
}

#[tokio::test]
async fn t68_dynamodb_refuses_for_now() {
    // Side by side, since the SDK spends most of the time waiting.
    tokio::join!(
        dynamodb_fails(Mode::Throttle),
        dynamodb_fails(Mode::TransactionConflict),
        dynamodb_fails(Mode::InternalError),
    );
}

/// T65 and T68 alike: the write is done, and nobody hears of it.
#[tokio::test]
async fn t68_dynamodb_does_it_and_the_answer_is_lost() {
    dynamodb_fails(Mode::DropReply).await;
}
