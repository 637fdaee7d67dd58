//! `lapse-sweep` and `check-grant` die, or are failed by whom they ask, at every call that an order to revoke takes. T65, T68.
//! On a push each call goes wrong in one way, at night in all of them: see [`sample`].

use jiff::SignedDuration;

use super::crashes::{deaths, failures, is_tried, places};
use super::evening::Step;
use crate::support::moment::Moment;
use crate::support::proxy::{Break, Mode, Proxy};
use crate::support::*;

const REVOKE: &str = "/oauth2/revoke_token/";

/// A world in which the order is about to be given, again and again.
struct Leak {
    world: TestWorld,
    sqs: Proxy,
    fleet: Vec<Granted>,
    order: Value,
    before: Moment,
}

impl Leak {
    /// Two grants, one of them too large for one transaction.
    async fn start() -> Self {
        let world = TestWorld::quick().start().await;
        let sqs = Proxy::start(&world.local.sqs_url(), world.local.functions.clone()).await;
        world.local.functions.set_env_for_all("AWS_ENDPOINT_URL_SQS", &sqs.url());
        let fleet = world.fleet(&[1, 41]).await;
        world.sweep().await;
        let order = world.revocation();
        let before = world.moment();
        Self { world, sqs, fleet, order, before }
    }

    /// The order, or the checks that it queued, whatever comes of it.
    async fn step(&self, step: Step) {
        match step {
            Step::Sweep => drop(self.world.local.functions.invoke("lapse-sweep", self.order.clone()).await),
            Step::Check | Step::Relay | Step::Reconcile => {
                self.world.local.drain_queue().await;
            }
        }
    }

    fn is_done(&self) -> bool {
        self.world.how_many("needs_connecting") == 42 && self.world.local.sqs.checks.is_empty()
    }

    /// One of the two steps goes as `act` has it. Then the order is repeated as an operator would, and the sweep goes on.
    async fn live(&self, broken: Step, case: &str, act: impl AsyncFn(&Self)) {
        let world = &self.world;
        world.back_to(&self.before).await;
        for step in [Step::Sweep, Step::Check] {
            if step == broken { act(self).await } else { self.step(step).await }
        }
        [&world.dynamodb, &self.sqs].into_iter().for_each(Proxy::heal);
        world.tiktok().clear_faults();
        world.local.sqs.faults.clear();
        for minutes in [2, 36, 36] {
            if self.is_done() {
                break;
            }
            world.pass(SignedDuration::from_mins(minutes));
            self.step(Step::Sweep).await;
            world.checks().await;
        }
        self.check(case);
    }

    fn check(&self, case: &str) {
        let world = &self.world;
        assert!(self.fleet.iter().all(|granted| world.is_dead(&granted.token)), "{case}");
        // With what `check_rows` says of events, each account has lapsed once.
        assert_eq!(world.all_kinds(), vec!["AdAccountLapsed"; 42], "{case}");
        assert!(self.is_done() && world.local.sqs.dead.is_empty(), "{case}: {:?}", world.local.sqs.dead.bodies());
        assert_eq!(world.lapses_counted(), 0, "{case}");
        world.check_rows();
    }

    async fn break_dynamodb(&self, step: Step, modes: impl IntoIterator<Item = (Mode, usize)>) {
        self.world.back_to(&self.before).await;
        if step == Step::Check {
            self.step(Step::Sweep).await;
        }
        self.world.dynamodb.forget();
        self.step(step).await;
        let calls = self.world.dynamodb.calls();
        assert!(calls.len() >= 8, "{calls:?}");
        self.world.checks().await;
        // Of the order, the call that writes it down and the one that ends the run; what is between them is every run's.
        let places = if step == Step::Sweep { vec![0, calls.len() - 1] } else { places(&calls) };
        for (mode, times) in modes {
            for at in places.iter().copied().filter(|at| is_tried(step, *at, &mode, &calls[*at])) {
                let case = format!("{mode:?} x{times} at call {} of {step:?} to DynamoDB ({})", at + 1, calls[at]);
                let break_it = async |leak: &Self| {
                    leak.world.dynamodb.forget();
                    leak.world.dynamodb.strike(Break::nth_of_all(at + 1).times(times), mode.clone());
                    leak.step(step).await;
                };
                self.live(step, &case, break_it).await;
            }
        }
    }
}

#[tokio::test]
async fn t65_an_order_to_revoke_survives_deaths_at_dynamodb() {
    let leak = Leak::start().await;
    for step in [Step::Sweep, Step::Check] {
        leak.break_dynamodb(step, deaths(step)).await;
    }
    leak.world.finish().await;
}

#[tokio::test]
async fn t68_an_order_to_revoke_survives_what_dynamodb_refuses() {
    let leak = Leak::start().await;
    for step in [Step::Sweep, Step::Check] {
        leak.break_dynamodb(step, failures(step)).await;
    }
    leak.world.finish().await;
}

/// The order is written and the queue does not take the grants, or the process dies with it: the order stands.
#[tokio::test]
async fn t65_an_order_to_revoke_survives_deaths_at_the_queue() {
    let leak = Leak::start().await;
    for (way, (mode, times)) in deaths(Step::Sweep).into_iter().enumerate() {
        for nth in (1..=2).filter(|nth| sample::is_tried(*nth, way, 3)) {
            let case = format!("{mode:?} at call {nth} to the queue");
            let break_it = async |leak: &Leak| {
                leak.sqs.forget();
                leak.sqs.strike(Break::nth_of_all(nth).times(times), mode.clone());
                leak.step(Step::Sweep).await;
                assert!(leak.sqs.calls().len() >= nth, "{case}");
            };
            leak.live(Step::Sweep, &case, break_it).await;
        }
    }
    leak.world.finish().await;
}

/// TikTok has revoked and nobody has heard of it, or nobody knows whether it has.
#[tokio::test]
async fn t65_an_order_to_revoke_survives_deaths_at_tiktok() {
    let leak = Leak::start().await;
    for granted in &leak.fleet {
        for endpoint in [REVOKE, "/oauth2/advertiser/get/", "/bc/get/"] {
            let case = format!("killed at {endpoint} for {}", granted.login);
            let break_it = async |leak: &Leak| {
                let tiktok = leak.world.tiktok();
                tiktok.clear_log();
                tiktok.add_fault(Fault::new(FaultKind::Hold).on(endpoint).for_person(granted.login)).unwrap();
                let arrived = || {
                    let is_it = |login: &Option<String>| login.as_deref() == Some(granted.login);
                    tiktok.log().iter().any(|call| call.endpoint == endpoint && is_it(&call.login))
                };
                let kill = async {
                    until("the call has arrived", arrived).await;
                    leak.world.local.functions.kill("check-grant").await.unwrap();
                };
                tokio::join!(leak.step(Step::Check), kill);
            };
            leak.live(Step::Check, &case, break_it).await;
            for lost in [Fault::new(FaultKind::Reset).after_processing(), Fault::new(FaultKind::Reset)] {
                let case = format!("{lost:?}: answer lost at {endpoint} for {}", granted.login);
                let break_it = async |leak: &Leak| {
                    let lost = lost.clone().on(endpoint).for_person(granted.login).times(1);
                    leak.world.tiktok().add_fault(lost).unwrap();
                    leak.step(Step::Check).await;
                };
                leak.live(Step::Check, &case, break_it).await;
            }
        }
    }
    leak.world.finish().await;
}
