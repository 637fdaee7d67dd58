//! Functions as processes: reuse, concurrency, crashes, time limits, and the Invoke API.

use std::time::{Duration, Instant};

use anyhow::Result;
use local::clock;
use local::lambda::functions::InvokeError;
use local::world::{World, WorldOptions};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::support::{world, world_with};

async fn act(world: &World, act: &str) -> Result<Value, InvokeError> {
    world.functions.invoke("echo", json!({ "act": act })).await
}

#[tokio::test]
async fn a_process_is_used_again_and_a_second_event_starts_a_second_one() -> Result<()> {
    let world = world().await?;

    let first = act(&world, "pid").await?;
    assert_eq!(act(&world, "pid").await?, first);

    let slow = || world.functions.invoke("echo", json!({ "act": "sleep", "millis": 200 }));
    let (one, two) = tokio::join!(slow(), slow());
    assert_ne!(one?["slept"], two?["slept"]);
    assert_eq!(world.functions.pids("echo")?.len(), 2);
    assert!(world.functions.resident_kib("echo")?.iter().all(|kib| *kib > 500));
    Ok(())
}

#[tokio::test]
async fn beyond_the_limit_events_wait() -> Result<()> {
    let world = world_with(WorldOptions { max_processes: 2, ..WorldOptions::default() }).await?;

    let events = (0..6).map(|_| world.functions.invoke("echo", json!({ "act": "sleep", "millis": 20 })));
    for answer in futures::future::join_all(events).await {
        answer?;
    }

    assert_eq!(world.functions.pids("echo")?.len(), 2);
    Ok(())
}

#[tokio::test]
async fn functions_get_exactly_their_environment() -> Result<()> {
    let options =
        WorldOptions { environment: [("TABLE_NAME".to_owned(), "other".to_owned())].into(), ..WorldOptions::default() };
    let world = world_with(options).await?;
    world.functions.set_env("echo", "EXTRA", "1")?;

    let environment = act(&world, "environment").await?;

    assert_eq!(environment["TABLE_NAME"], "other");
    assert_eq!(environment["EXTRA"], "1");
    assert_eq!(environment["REDIRECT_URI"], format!("{}/oauth/tiktok/callback", world.gateway_url()));
    assert_eq!(environment["AWS_ENDPOINT_URL_DYNAMODB"], world.dynamodb.url());
    for inherited in ["PATH", "HOME", "CARGO_MANIFEST_DIR"] {
        assert_eq!(environment.get(inherited), None, "{inherited}");
    }

    let before = act(&world, "pid").await?;
    world.set_dynamodb_url("http://127.0.0.1:1");
    assert_ne!(act(&world, "pid").await?, before, "a process with the old environment is not used again");
    assert_eq!(act(&world, "environment").await?["AWS_ENDPOINT_URL_DYNAMODB"], "http://127.0.0.1:1");
    Ok(())
}

#[tokio::test]
async fn the_deadline_is_a_time_in_the_near_future() -> Result<()> {
    let world =
        world_with(WorldOptions { function_timeout: Duration::from_secs(7), ..WorldOptions::default() }).await?;

    let deadline = act(&world, "deadline").await?.as_i64().unwrap();

    let left = deadline - clock::epoch_millis();
    assert!((5_000..=7_000).contains(&left), "{left} ms");
    Ok(())
}

#[tokio::test]
async fn crashes_errors_and_time_limits_are_told_apart() -> Result<()> {
    let world = world().await?;
    world.functions.set_timeout("echo", Duration::from_millis(300))?;

    assert!(matches!(act(&world, "exit").await, Err(InvokeError::Crashed { .. })));
    assert!(
        matches!(act(&world, "error").await, Err(InvokeError::Failed { error, .. }) if error.error_message == "asked to fail")
    );
    assert!(matches!(act(&world, "panic").await, Err(InvokeError::Failed { .. })));
    let slow = world.functions.invoke("echo", json!({ "act": "sleep", "millis": 10_000 })).await;
    assert!(matches!(slow, Err(InvokeError::TimedOut { .. })));
    assert!(matches!(world.functions.invoke("nobody", json!({})).await, Err(InvokeError::UnknownFunction(_))));

    world.functions.set_env("echo", "FAIL_AT_START", "1")?;
    assert!(matches!(act(&world, "pid").await, Err(InvokeError::InitFailed { .. })));
    let printed = world.functions.logs().of("echo");
    assert!(printed.iter().any(|line| line.text.contains("FAIL_AT_START is set")), "{printed:?}");
    Ok(())
}

#[tokio::test]
async fn a_binary_that_is_not_built_is_named() -> Result<()> {
    let functions = [("echo".to_owned(), "/nowhere/echo".into())].into();
    let world = World::start(WorldOptions { functions, ..WorldOptions::default() }).await?;

    let error = act(&world, "pid").await.unwrap_err();

    assert!(error.to_string().contains("/nowhere/echo"), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_killed_process_is_replaced() -> Result<()> {
    let world = world().await?;

    let before = act(&world, "pid").await?;
    assert_eq!(world.functions.kill("echo").await?, 1);
    assert_ne!(act(&world, "pid").await?, before);

    let functions = world.functions.clone();
    let slow = tokio::spawn(async move { functions.invoke("echo", json!({ "act": "sleep", "millis": 10_000 })).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    let started = Instant::now();
    world.functions.kill("echo").await?;
    assert!(matches!(slow.await?, Err(InvokeError::Crashed { .. })));
    assert!(started.elapsed() < Duration::from_secs(2));
    Ok(())
}

#[tokio::test]
async fn a_stopped_process_runs_into_the_time_limit() -> Result<()> {
    let world = world().await?;
    world.functions.set_timeout("echo", Duration::from_millis(400))?;
    let functions = world.functions.clone();

    let slow = tokio::spawn(async move { functions.invoke("echo", json!({ "act": "sleep", "millis": 100 })).await });
    tokio::time::sleep(Duration::from_millis(60)).await;
    world.functions.signal("echo", Signal::SIGSTOP)?;

    assert!(matches!(slow.await?, Err(InvokeError::TimedOut { .. })));
    Ok(())
}

#[tokio::test]
async fn a_frozen_process_does_nothing_between_events() -> Result<()> {
    let world = world().await?;
    let worked_on = || world.functions.logs().of("echo").iter().filter(|line| line.text == "worked on").count();
    world.functions.freeze_after_answer("echo", true)?;

    act(&world, "work on").await?;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(worked_on(), 0);

    world.functions.freeze_after_answer("echo", false)?;
    act(&world, "pid").await?;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(worked_on(), 1, "it went on with the next event");
    Ok(())
}

#[tokio::test]
async fn an_event_can_be_delivered_twice() -> Result<()> {
    let world = world().await?;
    world.functions.deliver_twice("echo", 1)?;

    act(&world, "work on").await?;
    act(&world, "work on").await?;
    tokio::time::sleep(Duration::from_millis(400)).await;

    let worked = world.functions.logs().of("echo").iter().filter(|line| line.text == "worked on").count();
    assert_eq!(worked, 3, "the first event twice, the second one once");
    Ok(())
}

#[tokio::test]
async fn an_invocation_goes_on_when_its_caller_hangs_up() -> Result<()> {
    let world = world().await?;

    let hung_up = tokio::time::timeout(
        Duration::from_millis(50),
        world.functions.invoke("echo", json!({ "act": "sleep", "millis": 300 })),
    )
    .await;
    assert!(hung_up.is_err());
    let pids = world.functions.pids("echo")?;
    tokio::time::sleep(Duration::from_millis(500)).await;

    assert_eq!(json!(pids), json!([act(&world, "pid").await?]), "the process finished and takes the next event");
    Ok(())
}

#[tokio::test]
async fn nothing_is_left_when_the_world_is_gone() -> Result<()> {
    let world = world().await?;
    let pid = act(&world, "pid").await?;

    drop(world);
    tokio::time::sleep(Duration::from_millis(300)).await;

    assert!(!std::path::Path::new(&format!("/proc/{pid}/exe")).exists());
    Ok(())
}

#[tokio::test]
async fn the_invoke_api_speaks_as_lambda_does() -> Result<()> {
    let world = world().await?;
    let client = local::client::new()?;
    let url = |name: &str| format!("{}/2015-03-31/functions/{name}/invocations", world.invoke_url());

    let echoed = client.post(url("echo")).body(r#"{"a":1}"#).send().await?;
    assert_eq!(echoed.status(), 200);
    assert_eq!(echoed.json::<Value>().await?["body"], r#"{"a":1}"#);

    let failed = client
        .post(url("arn:aws:lambda:eu-central-1:123456789012:function:echo"))
        .body(r#"{"act":"error"}"#)
        .send()
        .await?;
    assert_eq!(failed.status(), 200);
    assert_eq!(failed.headers()["x-amz-function-error"], "Unhandled");
    assert_eq!(failed.json::<Value>().await?["errorMessage"], "asked to fail");

    assert_eq!(client.post(url("nobody")).send().await?.status(), 404);
    let later =
        client.post(url("echo")).header("x-amz-invocation-type", "Event").body(r#"{"act":"work on"}"#).send().await?;
    assert_eq!(later.status(), 202);
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert!(world.functions.logs().of("echo").iter().any(|line| line.text == "worked on"));
    Ok(())
}
