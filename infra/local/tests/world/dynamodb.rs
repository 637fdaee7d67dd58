//! DynamoDB as the real SDK meets it.

use anyhow::Result;
use aws_sdk_dynamodb::types::AttributeValue::{N, S};
use local::world::{World, WorldOptions};

use crate::support::dynamodb_client;

#[tokio::test]
async fn the_table_has_its_indexes_and_takes_conditional_writes() -> Result<()> {
    let world = World::start(WorldOptions::default()).await?;
    let client = dynamodb_client(&world);
    let put = |sk: &str| {
        client
            .put_item()
            .table_name("reconnect")
            .item("pk", S("org#1".to_owned()))
            .item("sk", S(sk.to_owned()))
            .item("status_pk", S("org#1#needs_connecting".to_owned()))
            .item("status_sk", S(sk.to_owned()))
            .condition_expression("attribute_not_exists(pk)")
    };

    put("account#1").send().await?;
    put("account#2").send().await?;
    let again = put("account#1").send().await.unwrap_err().into_service_error();
    assert!(again.is_conditional_check_failed_exception(), "{again}");

    let found = client
        .query()
        .table_name("reconnect")
        .index_name("by_status")
        .key_condition_expression("status_pk = :status")
        .expression_attribute_values(":status", S("org#1#needs_connecting".to_owned()))
        .send()
        .await?;
    assert_eq!(found.count(), 2);
    assert_eq!(world.dynamodb.dump("reconnect")?.len(), 2);

    let table = client.describe_table().table_name("reconnect").send().await?.table.unwrap();
    let mut indexes: Vec<_> = table.global_secondary_indexes().iter().filter_map(|index| index.index_name()).collect();
    indexes.sort_unstable();
    assert_eq!(indexes, ["by_due", "by_grant", "by_status"]);
    assert!(table.latest_stream_arn().is_some());
    Ok(())
}

#[tokio::test]
async fn concurrent_conditional_increments_lose_nothing() -> Result<()> {
    let world = World::start(WorldOptions::default()).await?;
    let client = dynamodb_client(&world);
    let increment = |_| {
        let client = client.clone();
        async move {
            let update = client
                .update_item()
                .table_name("reconnect")
                .key("pk", S("counter".to_owned()))
                .key("sk", S("counter".to_owned()));
            update
                .update_expression("ADD seen :one")
                .expression_attribute_values(":one", N("1".to_owned()))
                .send()
                .await
        }
    };

    for result in futures::future::join_all((0..100).map(increment)).await {
        result?;
    }

    let items = world.dynamodb.dump("reconnect")?;
    assert_eq!(items[0]["seen"]["N"], "100");
    Ok(())
}

#[tokio::test]
async fn a_kept_world_has_its_data_and_its_secrets_after_a_restart() -> Result<()> {
    let folder = std::env::temp_dir().join(format!("reconnect-{}", local::ids::uuid()));
    std::fs::create_dir_all(&folder)?;
    let options = || WorldOptions { state: Some(folder.clone()), ..WorldOptions::default() };

    let world = World::start(options()).await?;
    let put = dynamodb_client(&world)
        .put_item()
        .table_name("reconnect")
        .item("pk", S("a".to_owned()))
        .item("sk", S("b".to_owned()));
    put.send().await?;
    let keyring = world.secrets.current(local::aws::names::TOKEN_KEYRING_SECRET);
    drop(world);

    let world = World::start(options()).await?;
    assert_eq!(world.dynamodb.dump("reconnect")?.len(), 1);
    assert!(keyring.is_some());
    assert_eq!(world.secrets.current(local::aws::names::TOKEN_KEYRING_SECRET), keyring);
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}
