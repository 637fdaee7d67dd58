//! What the stream did not bring is found.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::SignedDuration;
use relay_events::reconcile::Report;
use relay_events::{Answer, RelayError};
use shared::store::transaction::event_item;

use crate::world::{World, batch, events, example, ids};

const LONG_AGO: SignedDuration = SignedDuration::from_mins(30);

fn calls(expected: &[(&str, usize)]) -> BTreeMap<String, usize> {
    expected.iter().map(|(name, times)| ((*name).to_owned(), *times)).collect()
}

/// T62: the bus is down when the events are committed; after that, exactly they are delivered.
#[tokio::test]
async fn an_outage_of_the_bus_loses_nothing() {
    let world = World::start().await;
    let events = events(30, LONG_AGO);
    world.with(&events).await;
    world.bus.mood(|mood| mood.down = true);
    let time = SignedDuration::from_secs(5);
    world.handle(&batch(&events), time).await.unwrap();
    let Answer::Reconciled(report) = world.handle(&example("scheduled"), time).await.unwrap() else { panic!() };
    assert_eq!((report.delivered, report.unsent, report.oldest_unsent_seconds), (0, 30, 1_800));
    assert!(world.bus.taken().is_empty());
    assert_eq!(world.unsent().await, ids(&events));

    world.bus.mood(|mood| mood.down = false);
    assert_eq!(world.reconcile().await, Report { delivered: 30, ..Report::default() });
    assert_eq!(world.bus.ids(), ids(&events), "exactly these, each once");
    assert_eq!(world.delivered().await, ids(&events));
    assert_eq!(world.reconcile().await, Report::default());
    assert!(world.bus.taken().is_empty());
}

/// T62: nobody told us of them at all. One run finds every one, with no more calls than that takes.
#[tokio::test]
async fn hundreds_are_delivered_in_one_run() {
    let world = World::start().await;
    let events = events(250, LONG_AGO);
    world.with(&events).await;
    assert_eq!(world.reconcile().await, Report { delivered: 250, ..Report::default() });
    assert_eq!(world.calls(), calls(&[("BatchGetItem", 3), ("Query", 16), ("UpdateItem", 250)]));
    assert_eq!(world.bus.calls().len(), 25);
    assert_eq!(world.bus.ids(), ids(&events));
    assert_eq!(world.delivered().await, ids(&events));
}

/// A shard with more than one page of keys is read to its end.
#[tokio::test]
async fn a_backlog_is_paged_through() {
    let world = World::start().await;
    let events = events(1_010, LONG_AGO);
    for event in &events {
        let mut row = event_item(event, None).unwrap();
        row.insert("due_pk".to_owned(), AttributeValue::S("OUTBOX#05".to_owned()));
        world.put(row).await;
    }
    world.calls();
    assert_eq!(world.reconcile().await, Report { delivered: 1_010, ..Report::default() });
    assert_eq!(world.calls(), calls(&[("BatchGetItem", 11), ("Query", 17), ("UpdateItem", 1_010)]));
    assert_eq!(world.bus.ids(), ids(&events));
}

/// What has just come is left to the stream, and measured all the same.
#[tokio::test]
async fn the_young_are_measured_and_not_sent() {
    let world = World::start().await;
    assert_eq!(world.reconcile().await, Report::default());
    assert_eq!(world.calls(), calls(&[("Query", 16)]), "nothing waits");
    world.with(&events(4, SignedDuration::from_secs(60))).await;
    let report = Report { unsent: 4, oldest_unsent_seconds: 60, ..Report::default() };
    assert_eq!(world.reconcile().await, report);
    assert!(world.bus.calls().is_empty());
    let old = events(5, SignedDuration::from_secs(61)).split_off(4);
    world.with(&old).await;
    assert_eq!(world.reconcile().await, Report { delivered: 1, ..report });
    assert_eq!(world.bus.ids(), ids(&old));
}

/// One event that the bus never takes and one row that is no event hold up no other, and are seen to wait.
#[tokio::test]
async fn what_cannot_be_sent_holds_up_nothing() {
    let world = World::start().await;
    let events = events(40, LONG_AGO);
    world.with(&events).await;
    let never = events[17].event_id.clone();
    world.bus.mood(|mood| mood.refuses = [(never.clone(), usize::MAX)].into());
    let mut broken = event_item(&crate::world::events(41, LONG_AGO * 2)[40], None).unwrap();
    broken.remove("occurred_at");
    world.put(broken).await;
    for delivered in [39, 0] {
        let expected = Report { delivered, refused: 1, unreadable: 1, unsent: 2, oldest_unsent_seconds: 3_600 };
        assert_eq!(world.reconcile().await, expected);
    }
    assert_eq!(world.bus.ids().len(), 39);
    assert_eq!(world.unsent().await.len(), 2);
}

/// The table does not answer: the run fails, so that it is not taken for one that found nothing.
#[tokio::test]
async fn an_outage_of_the_table_is_no_empty_outbox() {
    let world = World::start().await;
    let events = events(3, LONG_AGO);
    world.with(&events).await;
    world.broken(Some("Query"));
    let failed = world.handle(&example("scheduled"), SignedDuration::from_secs(30)).await;
    assert!(matches!(failed, Err(RelayError::Store(_))), "{failed:?}");
    world.broken(Some("BatchGetItem"));
    assert_eq!(world.reconcile().await, Report { unsent: 3, oldest_unsent_seconds: 1_800, ..Report::default() });
    assert!(world.bus.calls().is_empty());
    world.broken(None);
    assert_eq!(world.reconcile().await.delivered, 3);
}
