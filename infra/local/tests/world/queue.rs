//! SQS as the real SDK meets it, and the way from the queue to a function.

use std::time::Duration;

use anyhow::Result;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{
    DeleteMessageBatchRequestEntry, MessageSystemAttributeName, QueueAttributeName, SendMessageBatchRequestEntry,
};
use local::aws::faults::Fault;
use local::aws::sqs::queue::Depth;
use local::aws::sqs::source::Drained;
use local::world::{World, WorldOptions};
use serde_json::Value;

use crate::support::{FOR_EVER, Gate, consuming, consuming_with, printed, records, sqs_client, until};

async fn world_and_queue() -> Result<(World, Client, String)> {
    let world = World::start(WorldOptions::default()).await?;
    let client = sqs_client(&world);
    let url = world.environment()["CHECK_QUEUE_URL"].clone();
    Ok((world, client, url))
}

fn entry(id: usize, body: &str) -> SendMessageBatchRequestEntry {
    SendMessageBatchRequestEntry::builder().id(id.to_string()).message_body(body).build().expect("an entry")
}

#[tokio::test]
async fn a_message_is_hidden_while_in_flight_and_goes_when_it_is_deleted() -> Result<()> {
    let (world, client, url) = world_and_queue().await?;
    let receive = || client.receive_message().queue_url(&url).max_number_of_messages(10);

    let sent = client.send_message().queue_url(&url).message_body("one").send().await?;
    assert_eq!(sent.md5_of_message_body(), Some("f97c5d29941bfb1b2fdab0874906ab82"));
    let all = MessageSystemAttributeName::All;
    let first = receive().message_system_attribute_names(all).send().await?.messages.unwrap().remove(0);
    assert_eq!(first.body(), Some("one"));
    assert_eq!(first.md5_of_body(), sent.md5_of_message_body());
    assert_eq!(first.message_id(), sent.message_id());
    let count = MessageSystemAttributeName::ApproximateReceiveCount;
    assert_eq!(first.attributes().unwrap()[&count], "1");
    assert_eq!(receive().send().await?.messages(), [], "it is in flight");
    assert_eq!(world.sqs.checks.depth(), Depth { visible: 0, in_flight: 1, delayed: 0 });

    // Received for a second and waited for, it shows again by itself.
    assert_eq!(world.sqs.checks.let_timeouts_pass(), 1);
    assert_eq!(receive().visibility_timeout(1).send().await?.messages().len(), 1);
    let again = receive().wait_time_seconds(20).send().await?.messages.unwrap().remove(0);
    assert_ne!(again.receipt_handle(), first.receipt_handle());

    let delete =
        |handle: Option<&str>| client.delete_message().queue_url(&url).set_receipt_handle(handle.map(str::to_owned));
    delete(first.receipt_handle()).send().await?;
    assert!(!world.sqs.checks.is_empty(), "an old receipt handle deletes nothing");
    delete(again.receipt_handle()).send().await?;
    assert!(world.sqs.checks.is_empty());
    let invalid = delete(Some("nonsense")).send().await.unwrap_err().into_service_error();
    assert!(invalid.is_receipt_handle_is_invalid(), "{invalid:?}");
    Ok(())
}

#[tokio::test]
async fn visibility_can_be_changed_while_in_flight_only() -> Result<()> {
    let (_world, client, url) = world_and_queue().await?;
    client.send_message().queue_url(&url).message_body("one").send().await?;
    let receive = || client.receive_message().queue_url(&url);
    let handle = receive().send().await?.messages.unwrap().remove(0).receipt_handle.unwrap();
    let change = |seconds| {
        client.change_message_visibility().queue_url(&url).receipt_handle(&handle).visibility_timeout(seconds)
    };

    change(0).send().await?;
    let error = change(0).send().await.unwrap_err().into_service_error();
    assert!(error.is_message_not_inflight(), "{error:?}");
    assert_eq!(receive().send().await?.messages().len(), 1, "it shows at once");
    Ok(())
}

#[tokio::test]
async fn batches_have_the_limits_of_sqs() -> Result<()> {
    let (world, client, url) = world_and_queue().await?;
    let batch = |entries: Vec<SendMessageBatchRequestEntry>| {
        client.send_message_batch().queue_url(&url).set_entries(Some(entries)).send()
    };

    let sent = batch((0..10).map(|id| entry(id, "x")).collect()).await?;
    assert_eq!((sent.successful().len(), sent.failed().len()), (10, 0));
    assert_eq!(sent.successful()[9].id(), "9");
    let many = batch((0..11).map(|id| entry(id, "x")).collect()).await.unwrap_err().into_service_error();
    assert!(many.is_too_many_entries_in_batch_request(), "{many:?}");
    let twice = batch(vec![entry(1, "x"), entry(1, "y")]).await.unwrap_err().into_service_error();
    assert!(twice.is_batch_entry_ids_not_distinct(), "{twice:?}");
    let none = batch(Vec::new()).await.unwrap_err().into_service_error();
    assert!(none.is_empty_batch_request(), "{none:?}");
    let half = "x".repeat(512 * 1024);
    let long = batch(vec![entry(1, &half), entry(2, &half), entry(3, "x")]).await.unwrap_err().into_service_error();
    assert!(long.is_batch_request_too_long(), "{long:?}");
    batch(vec![entry(1, &half), entry(2, &half)]).await?;
    assert_eq!(world.sqs.checks.depth().visible, 12, "what was refused left nothing behind");

    let received = client.receive_message().queue_url(&url).max_number_of_messages(10).send().await?;
    let deletions = received.messages().iter().enumerate().map(|(id, message)| {
        let handle = message.receipt_handle().unwrap_or_default();
        DeleteMessageBatchRequestEntry::builder().id(id.to_string()).receipt_handle(handle).build().unwrap()
    });
    client.delete_message_batch().queue_url(&url).set_entries(Some(deletions.collect())).send().await?;
    assert_eq!(world.sqs.checks.depth(), Depth { visible: 2, ..Depth::default() });
    client.purge_queue().queue_url(&url).send().await?;
    assert!(world.sqs.checks.is_empty());
    Ok(())
}

#[tokio::test]
async fn the_queues_say_who_they_are() -> Result<()> {
    let (world, client, url) = world_and_queue().await?;

    let found = client.get_queue_url().queue_name("reconnect-checks").send().await?;
    assert_eq!(found.queue_url(), Some(url.as_str()));
    let missing = client.get_queue_url().queue_name("others").send().await.unwrap_err().into_service_error();
    assert!(missing.is_queue_does_not_exist(), "{missing:?}");

    client.send_message().queue_url(&url).message_body("x").delay_seconds(60).send().await?;
    let attributes =
        client.get_queue_attributes().queue_url(&url).attribute_names(QueueAttributeName::All).send().await?;
    let attributes = attributes.attributes.unwrap();
    assert_eq!(attributes[&QueueAttributeName::ApproximateNumberOfMessagesDelayed], "1");
    assert_eq!(attributes[&QueueAttributeName::ApproximateNumberOfMessages], "0");
    assert_eq!(attributes[&QueueAttributeName::VisibilityTimeout], "720", "six times the function's timeout");
    let redrive: Value = serde_json::from_str(&attributes[&QueueAttributeName::RedrivePolicy])?;
    assert_eq!(redrive["maxReceiveCount"], 5);
    assert_eq!(redrive["deadLetterTargetArn"], "arn:aws:sqs:eu-central-1:123456789012:reconnect-checks-dead");
    assert_eq!(world.sqs.checks.let_delays_pass(), 1);
    assert_eq!(world.sqs.checks.depth().visible, 1);
    Ok(())
}

#[tokio::test]
async fn faults_come_when_they_are_asked_for() -> Result<()> {
    let (world, client, url) = world_and_queue().await?;
    let one = || client.send_message().queue_url(&url).message_body("x").send();

    world.sqs.faults.always(Fault::Down);
    let down = one().await.unwrap_err();
    assert_eq!(down.raw_response().unwrap().status().as_u16(), 500);
    world.sqs.faults.always(Fault::Throttled);
    assert!(one().await.unwrap_err().into_service_error().is_request_throttled());
    assert!(world.sqs.checks.is_empty());
    world.sqs.faults.always(Fault::AnswerLost);
    assert!(one().await.is_err());
    assert!(!world.sqs.checks.is_empty(), "it was sent all the same");
    world.sqs.faults.clear();

    world.sqs.faults.once(Fault::entry(1));
    let entries = || Some(vec![entry(0, "a"), entry(1, "b"), entry(2, "c")]);
    let sent = client.send_message_batch().queue_url(&url).set_entries(entries()).send().await?;
    assert_eq!(
        sent.failed().iter().map(|failed| (failed.id(), failed.sender_fault())).collect::<Vec<_>>(),
        [("1", false)]
    );
    assert_eq!(sent.successful().len(), 2);
    let sent = client.send_message_batch().queue_url(&url).set_entries(entries()).send().await?;
    assert_eq!(sent.failed().len(), 0, "only one call was to fail");
    Ok(())
}

#[tokio::test]
async fn messages_can_come_several_times_and_backwards() -> Result<()> {
    let (world, client, url) = world_and_queue().await?;
    world.sqs.checks.copies(2);
    world.sqs.checks.newest_first(true);

    for body in ["one", "two"] {
        client.send_message().queue_url(&url).message_body(body).send().await?;
    }

    let received = client.receive_message().queue_url(&url).max_number_of_messages(10).send().await?;
    let bodies: Vec<_> = received.messages().iter().filter_map(|message| message.body()).collect();
    assert_eq!(bodies, ["two", "two", "one", "one"]);
    assert_eq!(world.sqs.checks.sent(), ["one", "two"]);
    Ok(())
}

#[tokio::test]
async fn the_function_gets_lambdas_own_event() -> Result<()> {
    let world = consuming("check-grant").await?;
    let id = world.sqs.checks.send("hello", Duration::ZERO);

    let drained = world.drain_queue().await;

    assert_eq!(drained, Drained { invocations: 1, deliveries: 1, failures: 0, errors: 0 });
    assert!(world.sqs.checks.is_empty());
    let (_, record) = records(&world, "check-grant").remove(0);
    let event: aws_lambda_events::sqs::SqsMessage = serde_json::from_value(record.clone())?;
    assert_eq!(event.message_id.as_deref(), Some(id.as_str()));
    assert_eq!(event.body.as_deref(), Some("hello"));
    assert_eq!(event.md5_of_body.as_deref(), Some("5d41402abc4b2a76b9719d911017c592"));
    assert_eq!(event.event_source.as_deref(), Some("aws:sqs"));
    assert_eq!(event.event_source_arn.as_deref(), Some("arn:aws:sqs:eu-central-1:123456789012:reconnect-checks"));
    assert_eq!(event.attributes["ApproximateReceiveCount"], "1");
    assert_eq!(record["awsRegion"], "eu-central-1");
    Ok(())
}

#[tokio::test]
async fn only_what_failed_comes_again_and_at_last_it_is_given_up() -> Result<()> {
    let world = consuming("check-grant").await?;
    for body in ["a", "fail", "b"] {
        world.sqs.checks.send(body, Duration::ZERO);
    }

    assert_eq!(world.drain_queue().await, Drained { invocations: 1, deliveries: 3, failures: 1, errors: 0 });
    assert_eq!(world.drain_queue().await, Drained::default(), "the failed one is in flight");
    assert_eq!(world.sqs.checks.bodies(), ["fail"]);

    let rest = world.drain_queue_whole().await;
    assert_eq!(rest, Drained { invocations: 4, deliveries: 4, failures: 4, errors: 0 });
    assert!(world.sqs.checks.is_empty());
    assert_eq!(world.sqs.dead.bodies(), ["fail"]);
    let texts: Vec<_> = records(&world, "check-grant").into_iter().map(|(text, _)| text).collect();
    assert_eq!(texts, ["a", "fail", "b", "fail", "fail", "fail", "fail"]);
    Ok(())
}

#[tokio::test]
async fn errors_crashes_and_nonsense_fail_the_whole_batch() -> Result<()> {
    for bad in ["throw", "exit", "nonsense"] {
        let world = consuming("check-grant").await?;
        world.sqs.checks.send("a", Duration::ZERO);
        world.sqs.checks.send(bad, Duration::ZERO);

        assert_eq!(
            world.drain_queue().await,
            Drained { invocations: 1, deliveries: 2, failures: 2, errors: 1 },
            "{bad}"
        );
        assert_eq!(world.sqs.checks.depth(), Depth { in_flight: 2, ..Depth::default() }, "{bad}");
    }
    Ok(())
}

#[tokio::test]
async fn batches_are_of_ten_and_no_more_of_them_than_allowed_at_once() -> Result<()> {
    let options = WorldOptions { maximum_concurrency: 3, ..WorldOptions::default() };
    let world = consuming_with("check-grant", options).await?;
    assert_eq!(world.environment()["CHECKS_AT_ONCE"], "3");
    world.functions.set_timeout("check-grant", FOR_EVER)?;
    let gate = Gate::shut();
    let wait = format!("wait {}", gate.path());
    for at in 0..60 {
        world.sqs.checks.send(if at % 10 == 0 { &wait } else { "a" }, Duration::ZERO);
    }

    let three_at_once = async {
        until("three batches", || printed(&world, "check-grant", "batch of 10") == 3).await;
        gate.open();
    };
    let (drained, ()) = tokio::join!(world.drain_queue(), three_at_once);

    assert_eq!(drained, Drained { invocations: 6, deliveries: 60, failures: 0, errors: 0 });
    assert_eq!(world.functions.pids("check-grant")?.len(), 3);
    Ok(())
}

#[tokio::test]
async fn by_itself_the_queue_tries_again_after_the_visibility_timeout() -> Result<()> {
    let options =
        WorldOptions { poll_queue: true, visibility_timeout: Some(Duration::from_secs(1)), ..WorldOptions::default() };
    let world = consuming_with("check-grant", options).await?;

    world.sqs.checks.send("fail", Duration::ZERO);
    world.sqs.checks.send("a", Duration::ZERO);
    until("it is given up", || !world.sqs.dead.is_empty()).await;

    assert_eq!(world.sqs.dead.bodies(), ["fail"]);
    assert!(world.sqs.checks.is_empty());
    let failed = || records(&world, "check-grant").iter().filter(|(text, _)| text == "fail").count();
    until("each time was heard of", || failed() == 5).await;
    Ok(())
}
