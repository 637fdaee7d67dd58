//! One evening of the sweep that can be lived again and again: everything the three functions do, ready to happen.
//!
//! | Ad account | Its grant's login | this evening |
//! |---|---|---|
//! | three of `revoked` | `ana`, taken back, struck once | lapse |
//! | `healed` | `carlos`; it was out of reach and is back | recovers |
//! | `pending` | `rita` consented, and TikTok failed then | is reconnected |
//! | `healthy` | `marc`, not due | stays Active |
//!
//! An evening is four [`Step`]s, one of which may be broken, and then whatever it takes until all is done. However it went,
//! it ends as it had to.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use tiktok_stand_in::Owner;

use crate::support::moment::Moment;
use crate::support::proxy::Proxy;
use crate::support::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// `lapse-sweep`
    Sweep,
    /// `check-grant`, with a batch of three.
    Check,
    /// `relay-events`, with the records of the stream.
    Relay,
    /// `relay-events` again: the stream has lost its records.
    Reconcile,
}

impl Step {
    pub const ALL: [Self; 4] = [Self::Sweep, Self::Check, Self::Relay, Self::Reconcile];

    pub fn function(self) -> &'static str {
        match self {
            Self::Sweep => "lapse-sweep",
            Self::Check => "check-grant",
            Self::Relay | Self::Reconcile => "relay-events",
        }
    }
}

/// What an evening came to, beside the rows of the accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    statuses: Vec<String>,
    kinds: Vec<Vec<String>>,
    /// What runs came to: `struck`, `lapsed`.
    outcomes: [i64; 2],
    /// What the guard has counted: grants, struck, newly struck, accounts.
    tallied: [i64; 4],
    /// Grants that used up the guard's budget.
    budget_used: i64,
}

pub struct Evening {
    pub world: TestWorld,
    /// Between the functions and these two, as `world.dynamodb` is.
    pub sqs: Proxy,
    pub bus: Proxy,
    revoked: Vec<Account>,
    healed: Account,
    pending: Account,
    healthy: Account,
    before: Moment,
    /// What was on the bus before this evening.
    on_the_bus: Cell<usize>,
    /// As it ends when nothing goes wrong.
    end: Option<End>,
}

impl Evening {
    pub async fn start() -> Self {
        let world =
            TestWorld::with().env("RUST_LOG", "info").env("TIKTOK_QPS", "50").env("CHECKS_AT_ONCE", "1").start().await;
        let functions = world.local.functions.clone();
        let sqs = Proxy::start(&world.local.sqs_url(), functions.clone()).await;
        let bus = Proxy::start(&world.local.eventbridge_url(), functions.clone()).await;
        functions.set_env_for_all("AWS_ENDPOINT_URL_SQS", &sqs.url());
        functions.set_env_for_all("AWS_ENDPOINT_URL_EVENTBRIDGE", &bus.url());

        let revoked: Vec<Account> = (11..14).map(Account::new).collect();
        let token = world.all_active(&revoked.iter().collect::<Vec<_>>()).await;
        let healed = Account { login: "carlos", ..Account::new(21) };
        let healthy = Account { login: "marc", ..Account::new(31) };
        world.all_active(&[&healed]).await;
        world.all_active(&[&healthy]).await;
        world.tiktok().world().move_account(&healed.id, Owner::business_center(RETAIL)).unwrap();
        world.sweep_twice().await;
        world.revoke(&token);
        world.due_now(&revoked[0]);
        world.sweep().await;
        world.tiktok().world().move_account(&healed.id, Owner::business_center(MEDIA)).unwrap();
        world.pass_half_an_hour();

        let late =
            world.tiktok().add_fault(Fault::code(50_000).on("/report/integrated/get/").for_person("rita")).unwrap();
        let flow = world.first_flow(41, "rita").await;
        world.complete(&flow).await.expect(202);
        world.tiktok().clear_fault(late);
        world.pass(SignedDuration::from_secs(90));
        world.due_now(&healed);
        world.due_now(&revoked[0]);
        world.deliver_events().await;

        let before = world.moment();
        Self {
            world,
            sqs,
            bus,
            revoked,
            healed,
            pending: flow.account,
            healthy,
            before,
            on_the_bus: Cell::default(),
            end: None,
        }
    }

    /// Lives an evening on which nothing goes wrong. Gives the calls to DynamoDB, SQS and EventBridge of each step, and
    /// which endpoints of TikTok were asked for whom.
    pub async fn learn(&mut self) -> (BTreeMap<Step, Calls>, BTreeSet<(String, String)>) {
        let mut calls = BTreeMap::new();
        let mut asked = BTreeSet::new();
        // On a machine that is too busy somebody may give up waiting even then.
        for _ in 0..5 {
            self.begin().await;
            self.world.tiktok().clear_log();
            for step in [Step::Sweep, Step::Check, Step::Relay] {
                calls.insert(step, self.listen(step).await);
            }
            let log = self.world.tiktok().log().into_iter();
            asked = log.map(|call| (call.endpoint, call.login.unwrap_or_default())).collect();
            // The same events once more, as if the stream had lost them.
            self.rows_wait_again();
            calls.insert(Step::Reconcile, self.listen(Step::Reconcile).await);
            if self.is_done() {
                break;
            }
        }
        self.end = Some(self.came_to());
        self.check("nothing went wrong");
        (calls, asked)
    }

    async fn listen(&self, step: Step) -> Calls {
        [&self.world.dynamodb, &self.sqs, &self.bus].into_iter().for_each(Proxy::forget);
        self.step(step).await;
        Calls { dynamodb: self.world.dynamodb.calls(), sqs: self.sqs.calls().len(), bus: self.bus.calls().len() }
    }

    /// The events of this evening wait for the bus, whether it has them or not.
    fn rows_wait_again(&self) {
        for row in self.world.dump() {
            if row["event_id"].is_object() && !self.before.had(&row) {
                let (pk, sk) = (row["pk"]["S"].as_str().unwrap(), row["sk"]["S"].as_str().unwrap());
                self.world.set_text(pk, sk, "due_pk", "OUTBOX#03");
                let due = format!("2026-11-23T12:00:00Z#{}", row["event_id"]["S"].as_str().unwrap());
                self.world.set_text(pk, sk, "due_sk", &due);
            }
        }
    }

    /// Everybody is where he has to be in the end, and nothing is under way.
    fn is_done(&self) -> bool {
        let statuses: Vec<String> = self.accounts().map(|account| self.world.status(account)).collect();
        let lapsed = "needs_connecting";
        statuses == [lapsed, lapsed, lapsed, "active", "active", "active"]
            && self.world.local.sqs.checks.is_empty()
            && self.world.outbox().iter().all(|event| event["due_pk"].is_null())
    }

    /// Lives an evening of which `step` goes as `act` has it, and lets everybody work until all is done.
    pub async fn live(&self, broken: Step, case: &str, act: impl AsyncFn(&Self)) {
        self.begin().await;
        for step in Step::ALL {
            if step == broken {
                act(self).await;
                self.heal();
            } else if step == Step::Relay && broken == Step::Reconcile {
                self.world.local.stream.drop_records().await.unwrap();
            } else {
                self.step(step).await;
            }
        }
        // Two minutes for what somebody had taken up and not finished, half an hour for who was struck and gave no answer.
        for minutes in [2, 2, 2, 36, 2] {
            if self.is_done() {
                break;
            }
            self.world.pass(SignedDuration::from_mins(minutes));
            drop(self.world.local.tick("lapse-sweep", local::clock::now()).await);
            self.world.checks().await;
            self.step(Step::Relay).await;
            self.step(Step::Reconcile).await;
        }
        self.check(case);
    }

    /// Everything as it was before the evening.
    async fn begin(&self) {
        self.world.back_to(&self.before).await;
        self.on_the_bus.set(self.world.local.bus.delivered().len());
    }

    /// One step, whatever comes of it.
    pub async fn step(&self, step: Step) {
        let (local, now) = (&self.world.local, local::clock::now());
        match step {
            Step::Sweep => drop(local.tick("lapse-sweep", now).await),
            Step::Check => drop(local.drain_queue().await),
            Step::Relay => drop(local.drain_stream().await),
            Step::Reconcile => {
                self.world.pass(SignedDuration::from_secs(61));
                drop(local.tick("relay-events", now).await);
            }
        }
    }

    fn heal(&self) {
        [&self.world.dynamodb, &self.sqs, &self.bus].into_iter().for_each(Proxy::heal);
        self.world.tiktok().clear_faults();
        self.world.local.sqs.faults.clear();
        self.world.local.bus.faults.clear();
    }

    fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.revoked.iter().chain([&self.healed, &self.pending, &self.healthy])
    }

    fn came_to(&self) -> End {
        let world = &self.world;
        let tallied = ["grants", "struck", "newly", "accounts"].map(|what| world.tallied(what));
        End {
            statuses: self.accounts().map(|account| world.status(account)).collect(),
            kinds: self.accounts().map(|account| world.kinds_of(account)).collect(),
            outcomes: ["struck", "lapsed"].map(|outcome| world.came_to(outcome)),
            tallied,
            budget_used: world.lapses_counted(),
        }
    }

    /// I1 to I8: exactly these accounts have moved, and the bus has heard of exactly that.
    fn check(&self, case: &str) {
        let world = &self.world;
        let end = self.came_to();
        let lapsed = vec!["AdAccountLapsed".to_owned()];
        for account in &self.revoked {
            assert_eq!(world.status(account), "needs_connecting", "{case}: {}", self.logs());
            assert_eq!(world.kinds_of(account), lapsed, "{case}");
        }
        assert_eq!(world.status(&self.healed), "active", "{case}: {}", self.logs());
        assert_eq!(world.kinds_of(&self.healed), ["AdAccountLapsed", "AdAccountRecovered"], "{case}");
        assert_eq!(world.status(&self.pending), "active", "{case}: {}", self.logs());
        assert_eq!(world.kinds_of(&self.pending), ["AdAccountReconnected"], "{case}");
        assert_eq!(world.status(&self.healthy), "active", "{case}");
        assert!(world.kinds_of(&self.healthy).is_empty(), "{case}");
        assert_eq!(Some(&end), self.end.as_ref(), "{case}: {}", self.logs());
        assert_eq!(end.budget_used, 2, "{case}: two grants have lapsed in all, the one of the evening once");
        assert_eq!(world.candidates(), 0, "{case}");
        assert!(world.local.sqs.checks.is_empty(), "{case}: {:?}", world.local.sqs.checks.bodies());
        assert!(world.local.sqs.dead.is_empty(), "{case}: {:?}", world.local.sqs.dead.bodies());
        let known: BTreeSet<&str> = self.before.rows().filter_map(|row| row["event_id"]["S"].as_str()).collect();
        world.the_bus_has(|event_id| !known.contains(event_id), self.on_the_bus.get(), case);
        world.check_rows();
    }

    fn logs(&self) -> String {
        let lines = self.world.local.functions.logs().all();
        let last = lines.len().saturating_sub(20);
        lines[last..].iter().map(|line| line.function.clone() + ": " + &line.text + "\n").collect()
    }

    pub async fn finish(self) {
        self.world.finish().await;
    }
}

/// The calls of one step.
#[derive(Clone, Debug)]
pub struct Calls {
    pub dynamodb: Vec<String>,
    pub sqs: usize,
    pub bus: usize,
}
