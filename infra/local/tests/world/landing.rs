//! What a person finds at the gateway's address beside the API.

use anyhow::Result;
use local::demo::people::PEOPLE;
use local::world::{World, WorldOptions};
use serde_json::Value;

use crate::support::{event, request, world};

#[tokio::test]
async fn the_page_says_who_one_can_be_and_what_is_there() -> Result<()> {
    let world = World::start(WorldOptions::default()).await?;

    let response = request(&world, "GET", "/local/")?.send().await?;
    assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
    let page = response.text().await?;

    for person in PEOPLE {
        assert!(page.contains(&format!(r#"href="/local/token/{}""#, person.sub)), "{}", person.sub);
    }
    for needed in [
        world.tiktok.url(),
        world.invoke_url(),
        world.sqs_url(),
        world.eventbridge_url(),
        "7318204956617320411".to_owned(),
        "<code>reporting_missing</code>".to_owned(),
    ] {
        assert!(page.contains(&needed), "{needed}");
    }
    assert!(!page.contains("<script"));
    Ok(())
}

#[tokio::test]
async fn the_tokens_handed_out_are_the_peoples() -> Result<()> {
    let world = world().await?;

    for person in PEOPLE {
        let response = request(&world, "GET", &format!("/local/token/{}", person.sub))?.send().await?;
        assert_eq!(response.headers()["cache-control"], "no-store");
        let token = response.text().await?;
        let event = event(request(&world, "GET", "/things/mine")?.bearer_auth(token).send().await?).await?;
        let claims = &event["requestContext"]["authorizer"]["jwt"]["claims"];
        assert_eq!(claims["sub"], person.sub);
        assert_eq!(claims["org_id"], person.org_id);
        assert_eq!(claims["scope"], person.scope);
        assert_eq!(claims.get("account_access").and_then(Value::as_str), person.account_access);
    }
    assert_eq!(request(&world, "GET", "/local/token/nobody")?.send().await?.status(), 404);
    Ok(())
}

#[tokio::test]
async fn the_api_description_is_served_as_it_is() -> Result<()> {
    let world = World::start(WorldOptions::default()).await?;

    let served = request(&world, "GET", "/openapi.yaml")?.send().await?.text().await?;

    assert_eq!(served, local::gateway::routes::OPENAPI);
    Ok(())
}

#[tokio::test]
async fn the_stand_in_knows_our_app_and_is_kept() -> Result<()> {
    let folder = std::env::temp_dir().join(format!("reconnect-{}", local::ids::uuid()));
    let options = || WorldOptions { state: Some(folder.clone()), ..WorldOptions::default() };

    let world = World::start(options()).await?;
    let environment = world.environment();
    assert_eq!(environment["TIKTOK_API_BASE"], world.tiktok.url());
    world.tiktok.handle().world().add_person(tiktok_stand_in::Person::new("ana"))?;
    let token = world.tiktok.handle().authorize("ana", world.tiktok.app_id(), [1], tiktok_stand_in::AdAccounts::All)?;
    drop(world);

    // The gateway has another port now, and the app's redirect URI follows it.
    let world = World::start(options()).await?;
    let authorization = format!(
        "{}/portal/auth?app_id={}&state=s&redirect_uri={}",
        world.tiktok.url(),
        world.tiktok.app_id(),
        world.environment()["REDIRECT_URI"]
    );
    assert_eq!(local::client::new()?.get(authorization).send().await?.status(), 200);
    let again = world.tiktok.handle().authorize("ana", world.tiktok.app_id(), [1], tiktok_stand_in::AdAccounts::All)?;
    assert_eq!(again.access_token, token.access_token, "the grant of the first run lives");
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}
