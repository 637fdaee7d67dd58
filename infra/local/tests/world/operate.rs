//! An operator's orders to the running world.

use std::time::Duration;

use anyhow::Result;
use local::operate::{GuardOrder, Running};
use local::world::{World, WorldOptions};
use serde_json::{Value, json};

use crate::support::{PATIENCE, consuming, got, until};

fn running(world: &World) -> Result<Running> {
    Ok(Running {
        client: local::client::new()?,
        invoke_url: world.invoke_url(),
        sqs_url: world.sqs_url(),
        dynamodb_url: world.dynamodb.url().to_owned(),
    })
}

fn put(world: &World, sk: &str, fields: Value) -> Result<()> {
    let mut item = fields;
    item["pk"] = json!({ "S": "SWEEP" });
    item["sk"] = json!({ "S": sk });
    let request = json!({ "TableName": "reconnect", "Item": item });
    world.dynamodb.database().put_item(serde_json::from_value(request)?)?;
    Ok(())
}

/// Whether a line has this name and this value.
fn says(report: &str, name: &str, value: &str) -> bool {
    report.lines().any(|line| line.trim().strip_prefix(name).is_some_and(|rest| rest.trim() == value))
}

#[tokio::test]
async fn a_sweep_is_reported_with_what_its_checks_came_to() -> Result<()> {
    let world = consuming("lapse-sweep").await?;
    put(
        &world,
        "RUN#run-1#0",
        json!({ "checked": { "N": "2" }, "connected": { "N": "2" }, "ttl": { "N": "4000000000" } }),
    )?;
    put(&world, "RUN#run-1#5", json!({ "checked": { "N": "1" }, "struck": { "N": "1" } }))?;
    put(&world, "RUN#run-2#0", json!({ "checked": { "N": "70" } }))?;
    let hold = json!({ "M": { "since": { "S": "2026-11-24T00:00:00Z" }, "reason": { "S": "canary_refused" } } });
    put(&world, "GUARD", json!({ "hold": hold, "forced": { "S": "hold" } }))?;

    let report = running(&world)?.sweep(true).await?;

    assert_eq!(got(&world, "lapse-sweep"), [json!({ "sweep": "all" })]);
    for (name, value) in
        [("grants", "3"), ("guard holding", "true"), ("checked", "3"), ("connected", "2"), ("struck", "1")]
    {
        assert!(says(&report, name, value), "{name}:\n{report}");
    }
    assert!(!report.contains("ttl"), "{report}");
    assert!(report.contains("holds since 2026-11-24T00:00:00Z (canary_refused)"), "{report}");
    assert!(report.contains("told to hold"), "{report}");
    Ok(())
}

/// It asks the queue again and again instead of coming to an end.
async fn it_waits(world: &World, running: &Running, why: &str) {
    let asked = world.sqs.faults.calls();
    tokio::select! {
        report = running.sweep(false) => panic!("{why}: {report:?}"),
        () = until("the queue is asked three times", || world.sqs.faults.calls() >= asked + 3) => {}
    }
}

#[tokio::test]
async fn a_sweep_waits_for_its_checks() -> Result<()> {
    let world = consuming("lapse-sweep").await?;
    world.sqs.checks.send("x", Duration::ZERO);
    let running = running(&world)?;

    it_waits(&world, &running, "a check waits in the queue").await;
    let received = world.sqs.checks.receive(1, None);
    it_waits(&world, &running, "a check is in flight").await;
    assert!(world.sqs.checks.delete(&received[0].receipt_handle));

    let report = tokio::time::timeout(PATIENCE, running.sweep(false)).await??;
    assert!(report.contains("no grant was checked in this run"), "{report}");
    assert!(report.contains("not there yet"), "{report}");
    Ok(())
}

#[tokio::test]
async fn the_guard_is_told() -> Result<()> {
    let world = consuming("lapse-sweep").await?;
    put(&world, "GUARD", json!({ "budget": { "N": "25" } }))?;
    let running = running(&world)?;

    for order in [GuardOrder::Hold, GuardOrder::Release, GuardOrder::Auto] {
        assert!(running.guard(order).await?.contains("lets grants lapse"));
    }

    assert_eq!(got(&world, "lapse-sweep"), ["hold", "release", "auto"].map(|order| json!({ "guard": order })));
    Ok(())
}

#[tokio::test]
async fn tokens_are_revoked_and_the_order_is_shown() -> Result<()> {
    let world = consuming("lapse-sweep").await?;
    put(
        &world,
        "RUN#run-1#0",
        json!({ "checked": { "N": "3" }, "revoked": { "N": "2" }, "not_revoked": { "N": "1" } }),
    )?;
    put(&world, "GUARD", json!({ "revoke_before": { "S": "2026-11-24T08:00:00Z" } }))?;
    let running = running(&world)?;

    let report = running.revoke("reconnect", "2026-11-24T08:00:00Z".parse()?).await?;
    running.stop_revoking().await?;

    let order = json!({ "granted_before": "2026-11-24T08:00:00Z", "table": "reconnect" });
    assert_eq!(got(&world, "lapse-sweep"), [json!({ "revoke": order }), json!({ "revoke": "stop" })]);
    for (name, value) in [("checked", "3"), ("revoked", "2"), ("not revoked", "1")] {
        assert!(says(&report, name, value), "{name}:\n{report}");
    }
    assert!(report.contains("Tokens granted before 2026-11-24T08:00:00Z are revoked"), "{report}");
    Ok(())
}

#[tokio::test]
async fn what_goes_wrong_is_said() -> Result<()> {
    let functions = [("lapse-sweep".to_owned(), "/nowhere".into())].into();
    let world = World::start(WorldOptions { functions, ..WorldOptions::default() }).await?;
    let failed = running(&world)?.sweep(false).await.unwrap_err();
    assert!(failed.to_string().contains("lapse-sweep failed"), "{failed:#}");

    let mut running = running(&world)?;
    running.invoke_url = "http://127.0.0.1:9".to_owned();
    let nobody = running.sweep(false).await.unwrap_err();
    assert!(nobody.to_string().contains("cargo local"), "{nobody:#}");
    Ok(())
}
