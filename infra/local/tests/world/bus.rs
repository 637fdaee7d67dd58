//! EventBridge as the real SDK meets it, and the way from the bus to a function.

use std::time::Duration;

use anyhow::Result;
use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use aws_sdk_eventbridge::types::builders::PutEventsRequestEntryBuilder;
use local::aws::faults::Fault;
use local::world::{World, WorldOptions};
use serde_json::json;

use crate::support::{PATIENCE, consuming, eventbridge_client, got};

async fn world_and_client() -> Result<(World, Client)> {
    let world = World::start(WorldOptions::default()).await?;
    let client = eventbridge_client(&world);
    Ok((world, client))
}

fn entry() -> PutEventsRequestEntryBuilder {
    let entry = PutEventsRequestEntry::builder().event_bus_name("reconnect").source("creativex.ad-accounts");
    entry.detail_type("AdAccountLapsed").detail(r#"{"event_id":"1"}"#)
}

#[tokio::test]
async fn what_is_put_is_delivered_in_its_envelope() -> Result<()> {
    let (world, client) = world_and_client().await?;
    let time = aws_sdk_eventbridge::primitives::DateTime::from_secs(1_764_000_000);

    let put = client.put_events().entries(entry().time(time).resources("a").build()).send().await?;

    assert_eq!(put.failed_entry_count(), 0);
    let id = put.entries()[0].event_id().unwrap();
    let envelope = json!({
        "version": "0", "id": id, "detail-type": "AdAccountLapsed", "source": "creativex.ad-accounts",
        "account": "123456789012", "time": "2025-11-24T16:00:00Z", "region": "eu-central-1", "resources": ["a"],
        "detail": { "event_id": "1" },
    });
    assert_eq!(world.bus.delivered(), [envelope]);
    assert_eq!(world.bus.of_type("AdAccountReconnected"), [] as [serde_json::Value; 0]);
    Ok(())
}

#[tokio::test]
async fn each_entry_has_a_result_of_its_own() -> Result<()> {
    let (world, client) = world_and_client().await?;
    let entries = vec![
        entry().build(),
        PutEventsRequestEntry::builder().event_bus_name("reconnect").detail_type("x").detail("{}").build(),
        PutEventsRequestEntry::builder().event_bus_name("reconnect").source("x").detail("{}").build(),
        PutEventsRequestEntry::builder().event_bus_name("reconnect").source("x").detail_type("x").build(),
        entry().detail("{").build(),
        entry().event_bus_name("another").build(),
        entry().source("aws.s3").build(),
        entry().build(),
    ];

    let put = client.put_events().set_entries(Some(entries)).send().await?;

    assert_eq!(put.failed_entry_count(), 6);
    let codes: Vec<_> = put.entries().iter().map(|entry| entry.error_code().unwrap_or("ok")).collect();
    let [argument, detail] = ["InvalidArgument", "MalformedDetail"];
    let [no_bus, no_right] = ["ResourceNotFoundException", "NotAuthorizedForSourceException"];
    assert_eq!(codes, ["ok", argument, argument, argument, detail, no_bus, no_right, "ok"]);
    assert_eq!(world.bus.delivered().len(), 2);
    Ok(())
}

#[tokio::test]
async fn calls_have_the_limits_of_the_bus() -> Result<()> {
    let (world, client) = world_and_client().await?;
    let put = |entries: Vec<PutEventsRequestEntry>| client.put_events().set_entries(Some(entries)).send();
    let detail = json!({ "text": "x".repeat(30_000) }).to_string();

    for too_much in [vec![entry().build(); 11], vec![entry().detail(detail).build(); 9], Vec::new()] {
        let error = put(too_much).await.unwrap_err().into_service_error();
        assert_eq!(error.meta().code(), Some("ValidationException"), "{error:?}");
    }
    assert_eq!(world.bus.delivered().len(), 0);
    put(vec![entry().build(); 10]).await?;
    assert!(world.bus.wait_for(10, PATIENCE).await);
    assert!(!world.bus.wait_for(11, Duration::ZERO).await);
    Ok(())
}

#[tokio::test]
async fn faults_come_when_they_are_asked_for() -> Result<()> {
    let (world, client) = world_and_client().await?;
    let put = || client.put_events().entries(entry().build()).entries(entry().build()).send();

    world.bus.faults.always(Fault::Down);
    assert!(put().await.unwrap_err().into_service_error().is_internal_exception());
    world.bus.faults.always(Fault::Throttled);
    assert_eq!(put().await.unwrap_err().into_service_error().meta().code(), Some("ThrottlingException"));
    assert_eq!(world.bus.delivered().len(), 0);
    world.bus.faults.clear();

    world.bus.faults.once(Fault::entry(1));
    let failed = put().await?;
    assert_eq!(failed.failed_entry_count(), 1);
    assert_eq!(failed.entries()[1].error_code(), Some("InternalFailure"));
    assert_eq!(put().await?.failed_entry_count(), 0, "only one call was to fail");
    assert_eq!(world.bus.delivered().len(), 3);
    assert_eq!(world.bus.asked().len() as u64, world.bus.faults.calls());
    Ok(())
}

#[tokio::test]
async fn registered_ad_accounts_go_to_the_import_and_nothing_else_does() -> Result<()> {
    let world = consuming("import-accounts").await?;
    let client = eventbridge_client(&world);
    let registered = entry().source("creativex.registry").detail_type("AdAccountRegistered");

    let puts = [registered.clone().build(), registered.source("creativex.ad-accounts").build(), entry().build()];
    let put = client.put_events().set_entries(Some(puts.to_vec())).send().await?;
    world.bus.settled().await;

    let got = got(&world, "import-accounts");
    assert_eq!(got.len(), 1, "{got:?}");
    assert_eq!(got[0]["id"], put.entries()[0].event_id().unwrap());
    assert_eq!(got, [world.bus.delivered()[0].clone()], "the whole envelope");
    Ok(())
}

#[tokio::test]
async fn a_failing_target_gets_the_event_three_times() -> Result<()> {
    let functions = [("import-accounts".to_owned(), "/nowhere".into())].into();
    let world = World::start(WorldOptions { functions, ..WorldOptions::default() }).await?;
    let registered = entry().source("creativex.registry").detail_type("AdAccountRegistered").build();

    eventbridge_client(&world).put_events().entries(registered).send().await?;
    world.bus.settled().await;

    assert_eq!(world.bus.failures().len(), 3);
    Ok(())
}
