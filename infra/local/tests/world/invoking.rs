//! Functions as processes: reuse, concurrency, crashes, time limits, and the Invoke API.

use std::time::Duration;

use anyhow::Result;
use local::clock;
use local::lambda::functions::InvokeError;
use local::world::{World, WorldOptions};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::support::{FOR_EVER, Gate, printed, until, world, world_with};

async fn act(world: &World, act: &str) -> Result<Value, InvokeError> {
    world.functions.invoke("echo", json!({ "act": act })).await
}

/// An event that is worked on until the gate opens. Its answer is the process.
async fn wait(world: &World, gate: &Gate) -> Result<Value, InvokeError> {
    world.functions.invoke("echo", json!({ "act": "wait", "gate": gate.path() })).await
}

/// So many events are being worked on, or were.
async fn begun(world: &World, events: usize) {
    until("it works on an event", || printed(world, "echo", "waiting") == events).await;
}

#[tokio::test]
async fn a_process_is_used_again_and_a_second_event_starts_a_second_one() -> Result<()> {
    let world = world().await?;

    let first = act(&world, "pid").await?;
    assert_eq!(act(&world, "pid").await?, first);

    let gate = Gate::shut();
    let both_at_once = async {
        begun(&world, 2).await;
        gate.open();
    };
    let (one, two, ()) = tokio::join!(wait(&world, &gate), wait(&world, &gate), both_at_once);
    assert_ne!(one?, two?);
    assert_eq!(world.functions.pids("echo")?.len(), 2);
    assert!(world.functions.resident_kib("echo")?.iter().all(|kib| *kib > 500));
    Ok(())
}

#[tokio::test]
async fn beyond_the_limit_events_wait() -> Result<()> {
    let world = world_with(WorldOptions { max_processes: 2, ..WorldOptions::default() }).await?;

    let gate = Gate::shut();
    let events = futures::future::join_all((0..6).map(|_| wait(&world, &gate)));
    let two_at_once = async {
        begun(&world, 2).await;
        assert_eq!(world.functions.pids("echo").unwrap().len(), 2);
        gate.open();
    };
    let (answers, ()) = tokio::join!(events, two_at_once);
    for answer in answers {
        answer?;
    }

    assert_eq!(printed(&world, "echo", "waiting"), 6);
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

    let asked = clock::epoch_millis();
    let deadline = act(&world, "deadline").await?.as_i64().unwrap();
    let answered = clock::epoch_millis();

    let begun = deadline - 7_000;
    assert!((asked..=answered).contains(&begun), "{begun} is not between {asked} and {answered}");
    Ok(())
}

#[tokio::test]
async fn crashes_errors_and_time_limits_are_told_apart() -> Result<()> {
    let world = world().await?;

    assert!(matches!(act(&world, "exit").await, Err(InvokeError::Crashed { .. })));
    assert!(
        matches!(act(&world, "error").await, Err(InvokeError::Failed { error, .. }) if error.error_message == "asked to fail")
    );
    assert!(matches!(act(&world, "panic").await, Err(InvokeError::Failed { .. })));
    world.functions.set_timeout("echo", Duration::from_millis(300))?;
    assert!(matches!(wait(&world, &Gate::shut()).await, Err(InvokeError::TimedOut { .. })));
    world.functions.set_timeout("echo", FOR_EVER)?;
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

    world.functions.set_timeout("echo", FOR_EVER)?;
    let never = Gate::shut();
    let kill = async {
        begun(&world, 1).await;
        world.functions.kill("echo").await
    };
    let (crashed, killed) = tokio::join!(wait(&world, &never), kill);
    assert!(matches!(crashed, Err(InvokeError::Crashed { .. })));
    assert_eq!(killed?, 1);
    Ok(())
}

#[tokio::test]
async fn a_stopped_process_runs_into_the_time_limit() -> Result<()> {
    let world = world().await?;
    world.functions.set_timeout("echo", Duration::from_secs(5))?;
    let gate = Gate::shut();
    let stop = async {
        begun(&world, 1).await;
        world.functions.signal("echo", Signal::SIGSTOP).unwrap();
        // It could answer now, and does not.
        gate.open();
    };

    let (stopped, ()) = tokio::join!(wait(&world, &gate), stop);

    assert!(matches!(stopped, Err(InvokeError::TimedOut { .. })));
    Ok(())
}

/// As the kernel sees it.
fn is_stopped(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    status.lines().any(|line| line.starts_with("State:") && line.contains("stopped"))
}

#[tokio::test]
async fn a_frozen_process_does_nothing_between_events() -> Result<()> {
    let world = world().await?;
    let worked_on = || printed(&world, "echo", "worked on");
    world.functions.freeze_after_answer("echo", true)?;
    let gate = Gate::shut();

    world.functions.invoke("echo", json!({ "act": "work on", "gate": gate.path() })).await?;
    let pid = world.functions.pids("echo")?[0];
    until("it is stopped", || is_stopped(pid)).await;
    gate.open();
    assert_eq!(worked_on(), 0);

    world.functions.freeze_after_answer("echo", false)?;
    act(&world, "pid").await?;
    until("it went on with the next event", || worked_on() == 1).await;
    Ok(())
}

#[tokio::test]
async fn an_event_can_be_delivered_twice() -> Result<()> {
    let world = world().await?;
    world.functions.deliver_twice("echo", 1)?;
    let gate = Gate::shut();

    let twice = async {
        begun(&world, 2).await;
        gate.open();
    };
    let (first, ()) = tokio::join!(wait(&world, &gate), twice);
    first?;
    wait(&world, &gate).await?;

    begun(&world, 3).await;
    assert_eq!(world.functions.pids("echo")?.len(), 2, "the first event at the same time, the second one once");
    Ok(())
}

#[tokio::test]
async fn an_invocation_goes_on_when_its_caller_hangs_up() -> Result<()> {
    let world = world_with(WorldOptions { max_processes: 1, ..WorldOptions::default() }).await?;
    let gate = Gate::shut();

    tokio::select! {
        answer = wait(&world, &gate) => panic!("nothing to answer yet: {answer:?}"),
        () = begun(&world, 1) => {}
    }
    let pids = world.functions.pids("echo")?;
    gate.open();

    assert_eq!(json!(pids), json!([act(&world, "pid").await?]), "the process finished and takes the next event");
    Ok(())
}

#[tokio::test]
async fn nothing_is_left_when_the_world_is_gone() -> Result<()> {
    let world = world().await?;
    let pid = act(&world, "pid").await?;

    drop(world);

    until("the process is gone", || !std::path::Path::new(&format!("/proc/{pid}/exe")).exists()).await;
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
    let gate = Gate::shut();
    let event = json!({ "act": "wait", "gate": gate.path() }).to_string();
    let later = client.post(url("echo")).header("x-amz-invocation-type", "Event").body(event).send().await?;
    assert_eq!(later.status(), 202, "before the function has answered");
    begun(&world, 1).await;
    gate.open();
    Ok(())
}
