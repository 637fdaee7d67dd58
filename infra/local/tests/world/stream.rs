//! The way from the table's stream to a function.

use anyhow::Result;
use local::aws::sqs::source::Drained;
use local::world::{World, WorldOptions};
use serde_json::json;

use crate::support::{consuming, consuming_with, records, until};

const RELAY: &str = "relay-events";

fn put(world: &World, sk: &str, act: &str) {
    let item = json!({ "pk": { "S": "p" }, "sk": { "S": sk }, "act": { "S": act } });
    let request = json!({ "TableName": "reconnect", "Item": item });
    let request = serde_json::from_value(request).expect("a request");
    world.dynamodb.database().put_item(request).expect("the item is put");
}

fn texts(world: &World) -> Vec<String> {
    records(world, RELAY).into_iter().map(|(text, _)| text).collect()
}

#[tokio::test]
async fn new_events_are_delivered_and_nothing_else() -> Result<()> {
    let world = consuming(RELAY).await?;
    assert_eq!(world.drain_stream().await?, Drained::default());
    put(&world, "EVENT#1", "one");
    put(&world, "ACCOUNT#1", "an account");
    put(&world, "EVENT#1", "changed");
    put(&world, "EVENT#2", "two");

    assert_eq!(world.drain_stream().await?, Drained { invocations: 1, deliveries: 2, failures: 0, errors: 0 });
    assert_eq!(world.drain_stream().await?, Drained::default(), "each comes once");

    assert_eq!(texts(&world), ["one", "two"]);
    let (_, record) = records(&world, RELAY).remove(0);
    assert_eq!((&record["eventName"], &record["eventSource"]), (&json!("INSERT"), &json!("aws:dynamodb")));
    let arn = record["eventSourceARN"].as_str().unwrap_or_default();
    assert!(arn.starts_with("arn:aws:dynamodb:eu-central-1:123456789012:table/reconnect/stream/"), "{arn}");
    assert_eq!(record["awsRegion"], "eu-central-1");
    assert_eq!(record["dynamodb"]["Keys"], json!({ "pk": { "S": "p" }, "sk": { "S": "EVENT#1" } }));
    assert_eq!(record["dynamodb"]["NewImage"]["act"]["S"], "one");
    assert!(record["dynamodb"]["SequenceNumber"].is_string());
    Ok(())
}

#[tokio::test]
async fn what_fails_is_tried_again_from_the_first_failed_record() -> Result<()> {
    let world = consuming(RELAY).await?;
    for (sk, act) in [("EVENT#1", "one"), ("EVENT#2", "fail"), ("EVENT#3", "three")] {
        put(&world, sk, act);
    }

    // The first batch gets past `one`, the second one nowhere.
    assert_eq!(world.drain_stream().await?, Drained { invocations: 2, deliveries: 5, failures: 4, errors: 0 });
    assert_eq!(texts(&world), ["one", "fail", "three", "fail", "three"]);
    assert_eq!(world.drain_stream().await?, Drained { invocations: 1, deliveries: 2, failures: 2, errors: 0 });
    Ok(())
}

#[tokio::test]
async fn a_crash_fails_the_whole_batch_and_loses_nothing() -> Result<()> {
    let world = consuming(RELAY).await?;
    put(&world, "EVENT#1", "one");
    put(&world, "EVENT#2", "exit");

    assert_eq!(world.drain_stream().await?, Drained { invocations: 1, deliveries: 2, failures: 2, errors: 1 });
    world.drain_stream().await?;
    assert_eq!(texts(&world), ["one", "exit", "one", "exit"]);
    Ok(())
}

#[tokio::test]
async fn batches_have_a_hundred_records_at_most() -> Result<()> {
    let world = consuming(RELAY).await?;
    for at in 0..250 {
        put(&world, &format!("EVENT#{at:03}"), "a");
        put(&world, &format!("OTHER#{at:03}"), "b");
    }

    let drained = world.drain_stream().await?;

    assert_eq!((drained.deliveries, drained.failures), (250, 0));
    let batches: Vec<String> = world
        .functions
        .logs()
        .of(RELAY)
        .into_iter()
        .map(|line| line.text)
        .filter(|text| text.starts_with("batch"))
        .collect();
    assert_eq!(batches.len(), drained.invocations);
    assert!(!batches.contains(&"batch of 0".to_owned()));
    Ok(())
}

#[tokio::test]
async fn records_can_be_lost_and_kept_back() -> Result<()> {
    let world = consuming(RELAY).await?;
    put(&world, "EVENT#1", "lost");
    world.stream.drop_records().await?;
    put(&world, "EVENT#2", "two");

    world.stream.pause(true);
    assert_eq!(world.drain_stream().await?, Drained::default());
    world.stream.pause(false);
    world.drain_stream().await?;

    assert_eq!(texts(&world), ["two"]);
    Ok(())
}

#[tokio::test]
async fn by_itself_the_stream_is_read_on() -> Result<()> {
    let world = consuming_with(RELAY, WorldOptions { poll_stream: true, ..WorldOptions::default() }).await?;

    for (count, sk) in ["EVENT#1", "EVENT#2"].into_iter().enumerate() {
        put(&world, sk, "a");
        until("it has come", || texts(&world).len() > count).await;
    }

    assert_eq!(texts(&world).len(), 2);
    Ok(())
}
