//! Schedules, by hand and by themselves, and the functions' timeouts.

use std::time::Duration;

use anyhow::Result;
use local::lambda::functions::InvokeError;
use local::world::WorldOptions;
use serde_json::json;

use crate::support::{consuming, consuming_with, got, until};

#[tokio::test]
async fn a_tick_is_an_event_of_the_scheduler() -> Result<()> {
    let world = consuming("lapse-sweep").await?;

    let answer = world.tick("lapse-sweep", "2026-11-24T00:01:00.5Z".parse()?).await?;

    let event = &answer["got"];
    assert_eq!(event["time"], "2026-11-24T00:01:00Z");
    assert_eq!(event["source"], "aws.scheduler");
    assert_eq!(event["detail-type"], "Scheduled Event");
    assert_eq!(event["detail"], json!({}));
    assert_eq!(event["id"].as_str().map(str::len), Some(36));
    let _: aws_lambda_events::eventbridge::EventBridgeEvent = serde_json::from_value(event.clone())?;
    Ok(())
}

#[tokio::test]
async fn nothing_moves_by_itself_unless_it_is_asked_to() -> Result<()> {
    let still = consuming("lapse-sweep").await?;
    let schedule = Some(Duration::from_millis(100));
    let moving = consuming_with("lapse-sweep", WorldOptions { schedule, ..WorldOptions::default() }).await?;

    until("it is invoked again and again", || got(&moving, "lapse-sweep").len() >= 3).await;

    assert_eq!(got(&still, "lapse-sweep").len(), 0);
    Ok(())
}

#[tokio::test]
async fn a_function_may_have_a_timeout_of_its_own() -> Result<()> {
    let usual = consuming("check-grant").await?;
    assert_eq!(usual.functions.timeout("check-grant")?, Duration::from_mins(2));
    assert_eq!(usual.functions.timeout("lapse-sweep")?, Duration::from_secs(29));

    let function_timeouts = [("check-grant".to_owned(), Duration::from_millis(100))].into();
    let world = consuming_with("check-grant", WorldOptions { function_timeouts, ..WorldOptions::default() }).await?;
    assert_eq!(world.sqs.checks.visibility_timeout(), Duration::from_millis(600), "six times as long");
    let slow = json!({ "Records": [{ "body": "wait /for/ever" }] });
    let timed_out = world.functions.invoke("check-grant", slow).await;
    assert!(matches!(timed_out, Err(InvokeError::TimedOut { .. })), "{timed_out:?}");
    Ok(())
}
