//! Secrets Manager as the real SDK meets it.

use anyhow::Result;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::primitives::Blob;
use local::aws::names::{TIKTOK_APP_SECRET, TOKEN_KEYRING_SECRET, WEB_KEYRING_SECRET};
use local::aws::secrets::Outage;
use local::world::{World, WorldOptions};
use serde_json::Value;

use crate::support::{secrets_client, until};

async fn world_and_client() -> Result<(World, Client)> {
    let world = World::start(WorldOptions::default()).await?;
    let client = secrets_client(&world);
    Ok((world, client))
}

async fn text(client: &Client, stage: &str) -> Result<String> {
    let answer = client.get_secret_value().secret_id("s").version_stage(stage).send().await?;
    Ok(answer.secret_string.unwrap_or_default())
}

#[tokio::test]
async fn the_three_secrets_are_there() -> Result<()> {
    let (world, client) = world_and_client().await?;

    for id in [TOKEN_KEYRING_SECRET, WEB_KEYRING_SECRET] {
        let answer = client.get_secret_value().secret_id(id).send().await?;
        let keyring: Value = serde_json::from_str(answer.secret_string().unwrap())?;
        assert_eq!(keyring["writer"], "k1");
        assert_eq!(keyring["keys"]["k1"].as_str().unwrap().len(), 44, "32 bytes in base64");
        assert_eq!(world.secrets.calls("GetSecretValue", id), 1);
    }
    let app = client.get_secret_value().secret_id(TIKTOK_APP_SECRET).send().await?;
    assert!(serde_json::from_str::<Value>(app.secret_string().unwrap())?["app_id"].is_string());
    assert_eq!(world.secrets.total_calls(), 3);
    Ok(())
}

#[tokio::test]
async fn rotation_moves_the_labels() -> Result<()> {
    let (world, client) = world_and_client().await?;
    world.secrets.put("s", "one");
    assert!(text(&client, "AWSPREVIOUS").await.is_err());

    world.secrets.put("s", "two");
    assert_eq!(text(&client, "AWSCURRENT").await?, "two");
    assert_eq!(text(&client, "AWSPREVIOUS").await?, "one");

    let put = client.put_secret_value().secret_id("s").secret_string("three").send().await?;
    assert_eq!(put.version_stages(), ["AWSCURRENT"]);
    assert_eq!(text(&client, "AWSPREVIOUS").await?, "two");

    let described = client.describe_secret().secret_id("s").send().await?;
    let stages = described.version_ids_to_stages().unwrap();
    assert_eq!(stages.len(), 2, "the oldest version has no label and is gone: {stages:?}");

    let previous = stages.iter().find(|(_, stages)| stages.contains(&"AWSPREVIOUS".to_owned())).unwrap().0;
    let by_id = client.get_secret_value().secret_id(described.arn().unwrap()).version_id(previous).send().await?;
    assert_eq!(by_id.secret_string(), Some("two"));

    let back =
        client.update_secret_version_stage().secret_id("s").version_stage("AWSCURRENT").move_to_version_id(previous);
    back.send().await?;
    assert_eq!(text(&client, "AWSCURRENT").await?, "two");
    assert_eq!(text(&client, "AWSPREVIOUS").await?, "three");
    Ok(())
}

#[tokio::test]
async fn bytes_stay_bytes_and_errors_have_their_names() -> Result<()> {
    let (_world, client) = world_and_client().await?;

    client.create_secret().name("b").secret_binary(Blob::new([0_u8, 255])).send().await?;
    let answer = client.get_secret_value().secret_id("b").send().await?;
    assert_eq!(answer.secret_binary().unwrap().as_ref(), [0, 255]);
    assert_eq!(answer.secret_string(), None);

    let twice = client.create_secret().name("b").secret_string("x").send().await.unwrap_err().into_service_error();
    assert!(twice.is_resource_exists_exception(), "{twice:?}");
    let missing = client.get_secret_value().secret_id("nobody").send().await.unwrap_err().into_service_error();
    assert!(missing.is_resource_not_found_exception(), "{missing:?}");
    let nothing = client.put_secret_value().secret_id("b").send().await.unwrap_err().into_service_error();
    assert!(nothing.is_invalid_request_exception(), "{nothing:?}");
    Ok(())
}

#[tokio::test]
async fn outages_are_seen_and_end() -> Result<()> {
    let (world, client) = world_and_client().await?;
    let get = || client.get_secret_value().secret_id(WEB_KEYRING_SECRET).send();

    world.secrets.set_outage(Outage::Status(500));
    let down = get().await.unwrap_err().into_service_error();
    assert!(down.is_internal_service_error(), "{down:?}");

    world.secrets.set_outage(Outage::Hang);
    let asked = world.secrets.total_calls();
    tokio::select! {
        answer = get() => panic!("there is no answer: {answer:?}"),
        () = until("it was asked", || world.secrets.total_calls() > asked) => {}
    }

    world.secrets.set_outage(Outage::None);
    get().await?;
    Ok(())
}
