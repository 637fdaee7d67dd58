//! T86: TikTok is out of order in every way we know of, for three runs of the sweep, and nobody lapses for it. And what
//! is to be fetched again once an account comes back: its gap.

use std::time::Duration;

use jiff::{SignedDuration, ToSpan as _};

use crate::support::*;

const PROBE: &str = "/oauth2/advertiser/get/";
const CENTERS: &str = "/bc/get/";
const OWNED: &str = "/bc/asset/admin/get/";
const ENDPOINTS: [&str; 7] =
    [PROBE, CENTERS, OWNED, "/bc/member/get/", "/advertiser/info/", "/report/integrated/get/", "/user/info/"];

fn status(status: u16) -> Fault {
    Fault::new(FaultKind::Status { status })
}

fn kind(kind: FaultKind) -> Fault {
    Fault::new(kind)
}

/// Forty ad accounts under 25 grants, all of them proven once.
async fn forty() -> (TestWorld, Vec<Granted>) {
    let world = TestWorld::quick().start().await;
    let sizes: Vec<usize> = (0..25).map(|place| if place < 15 { 2 } else { 1 }).collect();
    let fleet = world.fleet(&sizes).await;
    world.sweep().await;
    assert_eq!((world.came_to("connected"), world.how_many("active")), (25, 40));
    world.pass_an_interval();
    (world, fleet)
}

impl TestWorld {
    /// Three runs, far enough apart that every grant is due again and every strike would count.
    async fn three_runs(&self, shape: &str) {
        for _ in 0..3 {
            let before = self.tiktok().total_calls();
            let run = self.sweep().await;
            assert_eq!(run["grants"], 25, "{shape}: {run}");
            assert!(self.tiktok().total_calls() > before, "{shape}: nobody was asked");
            self.pass_an_interval();
        }
        assert_eq!(self.how_many("active"), 40, "{shape}");
        let kinds = self.all_kinds();
        let of_accounts: Vec<&String> = kinds.iter().filter(|kind| !kind.starts_with("Sweep")).collect();
        assert!(of_accounts.is_empty(), "{shape}: {of_accounts:?}");
        assert_eq!((self.came_to("lapsed"), self.came_to("held")), (0, 0), "{shape}");
    }

    /// TikTok is well again: every grant is connected with the next run, and nothing is held against anybody.
    async fn all_is_well_again(self, fleet: &[Granted]) {
        self.tiktok().clear_faults();
        self.pass_an_interval();
        let before = self.came_to("connected");
        self.sweep().await;
        assert_eq!((self.came_to("connected") - before, self.struck_grants()), (25, 0));
        let counts = self.as_(&ANA).list("limit=1").await.expect(200)["counts"].clone();
        assert_eq!(counts, json!({ "active": 40, "needs_connecting": 0 }));
        for granted in fleet.iter().step_by(8) {
            let details = self.as_(&ANA).details(granted.account()).await;
            assert_eq!(details.expect(200)["at_risk"], json!([]), "nobody is at risk for it");
        }
        self.finish().await;
    }
}

async fn survive(shapes: Vec<(&str, Fault)>) {
    let (world, fleet) = forty().await;
    for (shape, fault) in shapes {
        world.tiktok().add_fault(fault).unwrap();
        world.three_runs(shape).await;
        world.tiktok().clear_faults();
    }
    assert_eq!(world.struck_grants(), 0, "no answer is no strike");
    world.all_is_well_again(&fleet).await;
}

#[tokio::test]
async fn t86_total_outages() {
    survive(vec![
        ("500", status(500)),
        ("an HTML page with 502", kind(FaultKind::BadGatewayHtml)),
        ("429", kind(FaultKind::TooManyRequests)),
        ("reset", kind(FaultKind::Reset)),
    ])
    .await;
}

#[tokio::test]
async fn t86_nonsense() {
    survive(vec![
        ("garbage", kind(FaultKind::GarbageJson)),
        ("truncated", kind(FaultKind::TruncatedBody)),
        ("no data", kind(FaultKind::DataNull)),
        ("lists in part", kind(FaultKind::PartialList)),
        ("pages without end", kind(FaultKind::EndlessPaging).on(OWNED)),
    ])
    .await;
}

#[tokio::test]
async fn t86_codes_that_say_nothing_about_the_token() {
    survive(vec![
        ("20001", Fault::code(20_001)),
        ("50000", Fault::code(50_000)),
        ("an unknown code", Fault::code(49_999)),
        ("throttled", Fault::code(40_100)),
    ])
    .await;
}

/// Our secret is wrong, says TikTok: an incident of ours, which holds the guard and lapses nobody.
#[tokio::test]
async fn t86_codes_about_our_app() {
    let (world, fleet) = forty().await;
    world.tiktok().add_fault(Fault::code(40_113)).unwrap();
    world.three_runs("40113").await;
    world.sweep().await;
    let answer = world.run().await;
    assert_eq!(answer["guard"]["reason"], "app_level_code", "{answer}");
    assert_eq!(world.all_kinds(), ["SweepHeld"]);
    world.all_is_well_again(&fleet).await;
}

/// Each endpoint is down, or lists half, for people of its own, while the others work.
#[tokio::test]
async fn t86_one_endpoint_only() {
    let (world, fleet) = forty().await;
    let kinds = [FaultKind::Status { status: 500 }, FaultKind::PartialList, FaultKind::GarbageJson];
    let mut people = fleet.iter();
    for endpoint in ENDPOINTS {
        for (broken, granted) in kinds.iter().zip(people.by_ref()) {
            world.tiktok().add_fault(kind(broken.clone()).on(endpoint).for_person(granted.login)).unwrap();
        }
    }
    world.three_runs("one endpoint").await;
    world.all_is_well_again(&fleet).await;
}

/// Calls that never end cost the time of their own check, and the function ends in time.
#[tokio::test]
async fn t86_silence_until_the_deadline() {
    let world = TestWorld::quick().start().await;
    let fleet = world.fleet(&[1; 3]).await;
    world.sweep().await;
    // Ten seconds of them are kept for writing down what was found.
    world.local.functions.set_timeout("check-grant", Duration::from_secs(14)).unwrap();
    for (granted, endpoint) in fleet.iter().zip([PROBE, CENTERS, OWNED]) {
        world.tiktok().add_fault(kind(FaultKind::Hang).on(endpoint).for_person(granted.login)).unwrap();
    }
    world.pass_an_interval();
    for _ in 0..3 {
        world.sweep().await;
        world.pass(SignedDuration::from_mins(76));
    }
    assert_eq!((world.came_to("undecided"), world.how_many("active")), (9, 3));
    world.tiktok().clear_faults();
    world.sweep().await;
    assert_eq!((world.came_to("connected"), world.struck_grants(), world.outbox().len()), (6, 0, 0));
    world.finish().await;
}

/// The gap opens with the last good read, and some days before it where TikTok may still have corrected them; it names
/// the days that are lost for good.
#[tokio::test]
async fn a_gap_opens_at_the_last_good_read_and_names_what_is_lost() {
    for (settling, unseen_for, is_lost) in [("0", 3, false), ("2", 3, false), ("2", 400, true)] {
        let world = TestWorld::with().env("LATE_SETTLING_DAYS", settling).start().await;
        let account = Account::new(11);
        let token = world.all_active(&[&account]).await;
        world.sweep().await;
        world.revoke(&token);
        let now = local::clock::now();
        let last_good = now - SignedDuration::from_hours(24 * unseen_for);
        world.pass_an_interval();
        world.sweep().await;
        world.pass_half_an_hour();
        world.proven_last_at(&account, last_good);
        world.sweep().await;

        let settling: i64 = settling.parse().unwrap();
        let (from, to) = (reporting_day(last_good) - settling.days(), reporting_day(now));
        let reach = to - 365.days();
        let details = world.as_(&ANA).details(&account).await;
        let expected = json!({ "from": from, "to": to, "unrecoverable_before": reach });
        assert_eq!(details.expect(200)["gap"], expected);

        let receipt = world.reconnect(&account, &ANA, Consent::by("ana")).await;
        assert_eq!(receipt.expect(200)["outcome"], "reconnected");
        world.deliver_events().await;
        let told = &world.local.bus.of_type("AdAccountReconnected")[0]["detail"]["gap"];
        let lost = if is_lost { json!(reach) } else { Value::Null };
        assert_eq!((&told["from"], &told["unrecoverable_before"]), (&json!(from), &lost), "{told}");
        world.finish().await;
    }
}
