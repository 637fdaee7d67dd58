//! From what was committed to the bus: everything, nothing else, and nothing that is nobody's business. T62 to T64, T66,
//! T70, T96.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use local::aws::faults::Fault as Failure;

use crate::support::*;

/// The reconciler's turn, and its answer.
async fn reconcile(world: &TestWorld) -> Value {
    world.local.tick("relay-events", local::clock::now()).await.expect("the relay answers")
}

async fn reconcile_later(world: &TestWorld) -> Value {
    world.pass(SignedDuration::from_secs(61));
    reconcile(world).await
}

/// Two events: it lapses, and somebody reconnects it.
async fn lapse_and_reconnect(world: &TestWorld, number: u32) -> Account {
    let account = world.lapsed(number).await;
    assert_eq!(world.reconnect(&account, &ANA, Consent::by("carlos")).await.expect(200)["outcome"], "reconnected");
    account
}

/// So many accounts lapse in one transaction.
async fn lapse_together(world: &TestWorld, numbers: std::ops::Range<u32>) -> Vec<Account> {
    let accounts: Vec<Account> = numbers.map(Account::new).collect();
    let token = world.all_active(&accounts.iter().collect::<Vec<_>>()).await;
    world.revoke(&token);
    world.sweep_twice().await;
    accounts
}

#[tokio::test]
async fn t62_a_bus_that_is_down_for_a_whole_flow_loses_nothing() {
    let world = TestWorld::start().await;
    world.local.bus.faults.always(Failure::Down);
    lapse_and_reconnect(&world, 11).await;
    let drained = world.local.drain_stream().await.unwrap();
    assert_eq!((drained.failures, drained.deliveries), (0, 2), "the stream is not held up");
    // Two days later the stream has forgotten.
    world.local.stream.drop_records().await.unwrap();
    world.pass(SignedDuration::from_hours(48));

    let report = reconcile(&world).await;

    assert_eq!((&report["delivered"], &report["unsent"]), (&json!(0), &json!(2)), "{report}");
    assert!(report["oldest_unsent_seconds"].as_i64().unwrap() >= 48 * 3600, "{report}");
    assert!(world.local.bus.delivered().is_empty());
    world.local.bus.faults.clear();
    let report = reconcile(&world).await;
    assert_eq!((&report["delivered"], &report["unsent"]), (&json!(2), &json!(0)), "{report}");
    world.the_bus_has_all();
    assert_eq!(reconcile_later(&world).await["delivered"], 0, "and never again");
    world.finish().await;
}

#[tokio::test]
async fn t62_a_relay_that_is_killed_sends_again_and_nothing_else() {
    let world = TestWorld::start().await;
    lapse_and_reconnect(&world, 11).await;
    let bus = &world.local.bus;
    for failure in [Failure::Hang, Failure::AnswerLost] {
        // It dies while it waits for an answer, with the events taken or not.
        bus.faults.always(failure);
        let asked = bus.faults.calls();
        let kill = async {
            until("it asks", || bus.faults.calls() > asked).await;
            world.local.functions.kill("relay-events").await.unwrap();
        };
        let (drained, ()) = tokio::join!(world.local.drain_stream(), kill);
        assert_eq!(drained.unwrap().errors, 1);
    }
    bus.faults.clear();
    world.local.stream.drop_records().await.unwrap();

    reconcile_later(&world).await;

    assert_eq!(world.outbox().len(), 2);
    assert!(bus.delivered().len() >= 3, "some came twice: {:?}", bus.delivered());
    world.the_bus_has_all();
    world.finish().await;
}

/// The stream's records of everything that waits now, oldest first.
fn records(world: &TestWorld) -> Vec<Value> {
    let mut waiting: Vec<Value> = world.dump().into_iter().filter(|row| row["event_id"].is_object()).collect();
    waiting.sort_by_key(|row| row["sk"]["S"].as_str().unwrap_or_default().to_owned());
    let record = |(number, row): (usize, Value)| {
        json!({
            "eventName": "INSERT", "eventSource": "aws:dynamodb",
            "dynamodb": {
                "Keys": { "pk": row["pk"], "sk": row["sk"] }, "NewImage": row,
                "SequenceNumber": format!("{number:021}"), "StreamViewType": "NEW_IMAGE",
            },
        })
    };
    waiting.into_iter().enumerate().map(record).collect()
}

/// Whoever listens: remembers each account's highest version, and what it said of the status.
#[derive(Default)]
struct Consumer {
    statuses: BTreeMap<String, (u64, &'static str)>,
    /// One that believes whatever came last.
    credulous: BTreeMap<String, &'static str>,
}

impl Consumer {
    fn hear(&mut self, event: &Value) {
        let status = match event["detail-type"].as_str().unwrap() {
            "AdAccountLapsed" => "needs_connecting",
            "AdAccountReconnected" | "AdAccountRecovered" => "active",
            _ => return,
        };
        let id = event["detail"]["advertiser_id"].as_str().unwrap().to_owned();
        let version = event["detail"]["version"].as_u64().unwrap();
        self.credulous.insert(id.clone(), status);
        let known = self.statuses.entry(id).or_insert((version, status));
        if version > known.0 {
            *known = (version, status);
        }
    }
}

#[tokio::test]
async fn t63_copies_and_disorder_are_harmless_to_who_looks_at_versions() {
    let world = TestWorld::start().await;
    let back = lapse_and_reconnect(&world, 11).await;
    let gone = world.lapsed(12).await;
    let mut records = records(&world);
    records.reverse();

    for _ in 0..5 {
        let answer = world.local.functions.invoke("relay-events", json!({ "Records": records })).await.unwrap();
        assert_eq!(answer, json!({ "batchItemFailures": [] }));
    }

    let mut consumer = Consumer::default();
    let delivered = world.local.bus.delivered();
    for event in &delivered {
        consumer.hear(event);
    }
    let times = |event: &Value| {
        let id = event["event_id"].as_str().unwrap().to_owned();
        delivered.iter().filter(|copy| copy["detail"]["event_id"] == id.as_str()).count()
    };
    assert!(world.outbox().iter().all(|event| times(event) == 5), "{delivered:?}");
    for account in [&back, &gone] {
        assert_eq!(consumer.statuses[&account.id].1, world.status(account));
    }
    assert_ne!(consumer.credulous[&back.id], world.status(&back), "the order was wrong indeed");
    world.the_bus_has_all();
    world.finish().await;
}

#[tokio::test]
async fn t64_of_a_call_that_half_failed_only_that_half_is_sent_again() {
    let world = TestWorld::start().await;
    lapse_together(&world, 11..21).await;
    world.local.bus.faults.once(Failure::entry(3));

    world.local.drain_stream().await.unwrap();

    let calls: Vec<Value> = world.local.bus.asked().iter().map(|body| serde_json::from_str(body).unwrap()).collect();
    let details = |call: &Value| -> Vec<Value> {
        call["Entries"].as_array().unwrap().iter().map(|entry| entry["Detail"].clone()).collect()
    };
    assert_eq!(calls.iter().map(|call| details(call).len()).collect::<Vec<_>>(), [10, 1]);
    assert_eq!(details(&calls[1])[0], details(&calls[0])[3]);
    assert_eq!(world.local.bus.delivered().len(), 10, "each once");
    world.the_bus_has_all();
    world.finish().await;
}

#[tokio::test]
async fn t64_what_the_bus_refuses_for_good_keeps_nobody_waiting() {
    let world = TestWorld::start().await;
    lapse_together(&world, 11..23).await;
    // Every call of the relay loses its first entry, whichever that is.
    world.local.bus.faults.always(Failure::entry(0));
    let drained = world.local.drain_stream().await.unwrap();
    assert_eq!((drained.failures, drained.errors), (0, 0));
    assert!((10..12).contains(&world.local.bus.delivered().len()), "{}", world.local.bus.delivered().len());

    world.local.bus.faults.clear();
    reconcile_later(&world).await;

    world.the_bus_has_all();
    assert_eq!(world.local.bus.delivered().len(), 12, "each once");
    world.finish().await;
}

/// T66: Lambda freezes a process as soon as it has answered. Nothing is left to it.
#[tokio::test]
async fn t66_nothing_is_left_to_a_process_that_has_answered() {
    const FUNCTIONS: [&str; 3] = ["lapse-sweep", "check-grant", "relay-events"];
    let world = TestWorld::start().await;
    for function in FUNCTIONS {
        world.local.functions.freeze_after_answer(function, true).unwrap();
    }
    let account = Account::new(11);
    let token = world.all_active(&[&account]).await;
    world.revoke(&token);
    for _ in 0..2 {
        world.run().await;
        // What has answered never comes back.
        world.local.functions.kill("lapse-sweep").await.unwrap();
        assert_eq!(world.checks().await.failures, 0);
        world.local.functions.kill("check-grant").await.unwrap();
        world.pass_half_an_hour();
    }
    world.local.drain_stream().await.unwrap();
    world.local.functions.kill("relay-events").await.unwrap();

    assert_eq!(world.status(&account), "needs_connecting");
    assert_eq!(world.kinds_of(&account), ["AdAccountLapsed"]);
    world.the_bus_has_all();
    world.finish().await;
}

/// T70: every kind of event about an account is on the bus, and says only what it may; what it may not is looked for at
/// the end of every journey, in what went to the queue and to the bus, too.
#[tokio::test]
async fn t70_events_say_what_they_may_and_nothing_else() {
    let world = TestWorld::start().await;
    let back = lapse_and_reconnect(&world, 11).await;
    let accounts = lapse_together(&world, 21..23).await;
    let refused = world.lapsed(31).await;
    world.reconnect(&refused, &ANA, Consent::by("carlos").ad_accounts(AdAccounts::None)).await;
    world.deliver_events().await;
    reconcile_later(&world).await;

    let mut kinds = BTreeMap::new();
    for event in world.local.bus.delivered() {
        *kinds.entry(event["detail-type"].as_str().unwrap().to_owned()).or_insert(0) += 1;
        let lines = event["detail"].to_string();
        for private in [back.name.as_str(), accounts[0].name.as_str(), "Ana", "Carlos", "@", "http"] {
            assert!(!lines.contains(private), "T70: {private} in {lines}");
        }
    }
    for kind in ["AdAccountLapsed", "AdAccountReconnected"] {
        assert!(kinds.contains_key(kind), "{kinds:?}");
    }
    assert!(!world.local.sqs.checks.sent().is_empty());
    world.the_bus_has_all();
    world.finish().await;
}

/// T96: nobody relays, and within ten minutes the alarm's metric says so.
#[tokio::test]
async fn t96_an_event_that_waits_is_seen_to_wait() {
    const ALARM_SECONDS: i64 = 600;
    let world = TestWorld::start().await;
    world.local.bus.faults.always(Failure::Down);
    world.lapsed(11).await;
    let age = || {
        let lines = world.local.functions.logs().of("relay-events");
        let told = lines.iter().filter_map(|line| serde_json::from_str::<Value>(&line.text).ok());
        told.filter_map(|line| line["OldestUnsentEventAge"].as_i64()).next_back()
    };
    let mut ages = Vec::new();
    for time in 1..=6 {
        reconcile(&world).await;
        until("it is measured every time", || age_lines(&world) == time).await;
        ages.push(age().expect("a number"));
        world.pass(SignedDuration::from_mins(2));
    }
    assert!(ages.is_sorted() && ages[0] < ALARM_SECONDS && ages[5] >= ALARM_SECONDS, "{ages:?}");

    world.local.bus.faults.clear();
    reconcile(&world).await;
    until("it is measured again", || age_lines(&world) == 7).await;
    assert_eq!(age(), Some(0));
    world.the_bus_has_all();
    // A reconciler that cannot see the table tells no comfortable zero.
    let before = age_lines(&world);
    world.local.set_dynamodb_url("http://127.0.0.1:9");
    assert!(world.local.tick("relay-events", local::clock::now()).await.is_err());
    assert_eq!(age_lines(&world), before);
    world.finish().await;
}

fn age_lines(world: &TestWorld) -> usize {
    world
        .local
        .functions
        .logs()
        .of("relay-events")
        .iter()
        .filter(|line| line.text.contains("OldestUnsentEventAge"))
        .count()
}
