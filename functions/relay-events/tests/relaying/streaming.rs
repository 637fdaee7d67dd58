//! What the stream brings goes out at once.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use domain::events::{Event, EventKind};
use jiff::SignedDuration;
use relay_events::RelayError;
use serde_json::{Value, json};

use crate::bus::Taken;
use crate::world::{World, batch, event, events, example, ids};

const JUST_NOW: SignedDuration = SignedDuration::from_secs(1);

#[tokio::test]
async fn committed_events_are_delivered_and_marked() {
    let world = World::start().await;
    let events = events(23, JUST_NOW);
    world.with(&events).await;
    world.stream(&batch(&events)).await;
    assert_eq!(world.calls(), BTreeMap::from([("UpdateItem".to_owned(), 23)]));
    assert_eq!(world.bus.ids(), ids(&events));
    let mut sizes: Vec<_> = world.bus.calls().iter().map(Vec::len).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [3, 10, 10]);
    assert_eq!(world.delivered().await, ids(&events));
}

/// T70: of a row full of other things, the bus gets what the contract of events names, and no more.
#[tokio::test]
async fn nothing_else_of_a_row_leaves() {
    let world = World::start().await;
    let mut event = event(1, 7, EventKind::AdAccountReconnected, JUST_NOW);
    event.gap = Some(
        serde_json::from_value(json!({"from": "2025-11-20", "to": "2026-11-23",
                                                   "unrecoverable_before": "2025-11-23"}))
        .unwrap(),
    );
    let mut stream = batch(&[event.clone()]);
    let image = &mut stream["Records"][0]["dynamodb"]["NewImage"];
    assert_eq!(image["by"]["S"], "c4n4ry@example.com");
    for attribute in ["name", "sealed_token", "connected_by", "email"] {
        image[attribute] = json!({"S": "c4n4ry"});
    }
    image["gap"]["M"]["seen_by"] = json!({"S": "c4n4ry"});
    world.stream(&stream).await;
    let told = json!({
        "event_id": event.event_id, "org_id": "org-a", "advertiser_id": "7100000000000000001", "version": 7,
        "occurred_at": "2026-11-23T12:04:59Z",
        "gap": {"from": "2025-11-20", "to": "2026-11-23", "unrecoverable_before": "2025-11-23"},
    });
    assert_eq!(world.bus.taken(), [Taken { kind: "AdAccountReconnected".to_owned(), detail: told }]);
}

/// T64: one of ten is not taken, and only that one is sent again.
#[tokio::test]
async fn only_what_the_bus_did_not_take_is_sent_again() {
    let world = World::start().await;
    let events = events(10, JUST_NOW);
    let refused = events[6].event_id.clone();
    world.with(&events).await;
    world.bus.mood(|mood| mood.refuses = HashMap::from([(refused.clone(), 2)]));
    world.stream(&batch(&events)).await;
    let calls = world.bus.calls();
    assert_eq!(calls[0].len(), 10);
    assert_eq!(calls[1..], [vec![refused.clone()], vec![refused]]);
    assert_eq!(world.bus.ids(), ids(&events), "each of them once");
    assert_eq!(world.delivered().await, ids(&events));
}

/// T64: what the bus never takes stays unsent, wherever it stands and whichever call is answered first.
#[tokio::test]
async fn each_event_has_its_own_answer() {
    let world = World::start().await;
    let events = events(35, JUST_NOW);
    let never: Vec<Event> = [0, 3, 9, 10, 21, 34].map(|place| events[place].clone()).into();
    world.with(&events).await;
    world.bus.mood(|mood| {
        mood.refuses = ids(&never).into_iter().map(|id| (id, usize::MAX)).collect();
        mood.slow = HashMap::from([(0, Duration::from_millis(300)), (2, Duration::from_millis(150))]);
    });
    world.stream(&batch(&events)).await;
    assert_eq!(world.unsent().await, ids(&never));
    let taken: BTreeSet<_> = world.bus.ids().into_iter().collect();
    assert_eq!(taken.len(), 29);
    assert_eq!(world.delivered().await, taken.into_iter().collect::<Vec<_>>());
}

/// T63: however often and in whatever order, a copy has the id and the version of the first one, so that whoever keeps
/// to the highest version ends up right.
#[tokio::test]
async fn copies_and_reversals_can_be_told() {
    let world = World::start().await;
    let history: Vec<Event> = [
        EventKind::AdAccountLapsed,
        EventKind::AdAccountReconnected,
        EventKind::AdAccountLapsed,
        EventKind::AdAccountRecovered,
    ]
    .into_iter()
    .zip(5..)
    .map(|(kind, version)| event(1, version, kind, JUST_NOW))
    .collect();
    world.with(&history).await;
    let reversed: Vec<Event> = history.iter().rev().cloned().collect();
    for _ in 0..5 {
        world.stream(&batch(&reversed)).await;
    }
    let taken = world.bus.taken();
    assert_eq!(taken.len(), 20);
    let mut state: Option<(u64, &str)> = None;
    let mut met = BTreeMap::new();
    for Taken { kind, detail } in &taken {
        let (id, version) = (detail["event_id"].as_str().unwrap(), detail["version"].as_u64().unwrap());
        assert_eq!(*met.entry(id).or_insert(version), version);
        if state.is_none_or(|(highest, _)| version > highest) {
            state = Some((version, kind));
        }
    }
    assert_eq!(met.len(), 4);
    assert_eq!(state, Some((8, "AdAccountRecovered")));
    assert_eq!(world.delivered().await, ids(&history));
}

/// The process dies when the bus has the events and before they are marked: they are delivered again, the same.
#[tokio::test]
async fn death_between_sending_and_marking_makes_copies_and_no_loss() {
    let world = World::start().await;
    let events = events(3, SignedDuration::from_mins(2));
    world.with(&events).await;
    world.bus.mood(|mood| mood.silent = true);
    let stream = batch(&events);
    tokio::select! {
        () = world.stream(&stream) => panic!("the bus does not answer"),
        () = world.bus.called() => {}
    }
    let before = world.bus.taken();
    assert_eq!(world.unsent().await, ids(&events));
    world.bus.mood(|mood| mood.silent = false);
    assert_eq!(world.reconcile().await.delivered, 3);
    let by_id = |taken: Vec<Taken>| -> BTreeMap<_, _> {
        taken.into_iter().map(|Taken { kind, detail }| (crate::bus::id(&detail), (kind, detail))).collect()
    };
    assert_eq!(by_id(world.bus.taken()), by_id(before));
}

/// The table cannot mark: the bus has the events, and gets them again with the same ids.
#[tokio::test]
async fn what_cannot_be_marked_is_sent_again() {
    let world = World::start().await;
    let events = events(12, SignedDuration::from_mins(2));
    world.with(&events).await;
    world.broken(Some("UpdateItem"));
    world.stream(&batch(&events)).await;
    assert_eq!(world.bus.ids(), ids(&events));
    assert_eq!(world.unsent().await, ids(&events));
    let report = world.reconcile().await;
    assert_eq!((report.delivered, report.unsent, report.oldest_unsent_seconds), (12, 12, 120));
    assert_eq!(world.bus.ids(), ids(&events));
    world.broken(None);
    assert_eq!(world.reconcile().await.unsent, 0);
    assert_eq!(world.bus.ids(), ids(&events));
    assert_eq!(world.delivered().await, ids(&events));
}

/// T67: a bus that says nothing is left in time, and holds up no shard.
#[tokio::test]
async fn a_bus_that_hangs_is_left_in_time() {
    let world = World::start().await;
    let events = events(2, JUST_NOW);
    world.with(&events).await;
    world.bus.mood(|mood| mood.silent = true);
    // The bus never answers: that this ends at all is by the function's own deadline.
    let batch = batch(&events);
    let handled = world.handle(&batch, SignedDuration::from_secs(5));
    tokio::time::timeout(Duration::from_mins(1), handled).await.expect("it ends").unwrap();
    assert_eq!(world.unsent().await, ids(&events));
}

#[tokio::test]
async fn every_example_event_does_what_its_name_says() {
    let (reconnected, lapsed) = ("AdAccountReconnected", "AdAccountLapsed");
    for (case, expected) in [
        ("stream", vec![lapsed, reconnected, "SweepHeld", "SweepReleased"]),
        ("stream_delivered", vec![lapsed]),
        ("stream_removed", vec![]),
        ("stream_poison", vec![lapsed]),
        ("scheduled", vec![]),
    ] {
        let world = World::start().await;
        let answer = world.handle(&example(case), SignedDuration::from_secs(30)).await.unwrap();
        let answer: Value = serde_json::to_value(answer).unwrap();
        let taken = world.bus.taken();
        let mut kinds: Vec<_> = taken.iter().map(|taken| taken.kind.as_str()).collect();
        kinds.sort_unstable();
        assert_eq!(kinds, expected, "{case}");
        assert_eq!(answer.get("batchItemFailures").is_some(), case != "scheduled", "{case}");
        assert!(!format!("{taken:?}").contains('@'), "{case}");
        for held in taken.iter().filter(|taken| taken.kind == "SweepHeld") {
            assert_eq!(held.detail["reason"], "many_newly_struck");
            assert!(held.detail.get("org_id").is_none());
        }
        // Rows that the table does not know are not made by marking them.
        assert!(world.delivered().await.is_empty(), "{case}");
    }
    let world = World::start().await;
    let failed = world.handle(&example("other_source"), SignedDuration::from_secs(30)).await;
    assert!(matches!(failed, Err(RelayError::Event(_))), "{failed:?}");
}
