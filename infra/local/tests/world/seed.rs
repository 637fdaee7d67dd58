//! The seed data, made by the real functions.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use local::binaries;
use local::demo::people::Person;
use local::demo::{cast, seed};
use local::world::{World, WorldOptions};
use serde_json::Value;

use crate::support::request;

/// All accounts that a person sees under a status: Account ID to row.
async fn listed(world: &World, sub: &str, status: &str) -> Result<BTreeMap<String, Value>> {
    let person = Person::find(sub).context("a person of the demo world")?;
    let token = world.issuer.mint(&person.claims());
    let path = format!("/ad-accounts?limit=100&status={status}");
    let page: Value = request(world, "GET", &path)?.bearer_auth(token).send().await?.error_for_status()?.json().await?;
    let rows = page["accounts"].as_array().context("a page of accounts")?;
    let id = |row: &Value| row["advertiser_id"].as_str().unwrap_or_default().to_owned();
    Ok(rows.iter().map(|row| (id(row), row.clone())).collect())
}

#[tokio::test]
async fn every_account_is_as_the_cast_says() -> Result<()> {
    binaries::build_once().await?;
    let world = World::start(WorldOptions::default()).await?;
    assert!(world.is_empty()?);

    seed::fill(&world).await?;

    let mut active = listed(&world, "ana", "active").await?;
    active.extend(listed(&world, "bo", "active").await?);
    let mut lapsed = listed(&world, "ana", "needs_connecting").await?;
    lapsed.extend(listed(&world, "bo", "needs_connecting").await?);
    for account in cast::accounts() {
        let row = if account.cause.is_some() {
            lapsed.get(&account.advertiser_id)
        } else {
            active.get(&account.advertiser_id)
        };
        let row = row.with_context(|| format!("{} is not under its status", account.name))?;
        assert_eq!(row["cause"].as_str(), account.cause, "{}", account.name);
        assert_eq!(row["name"], account.name);
    }
    assert_eq!(active.len() + lapsed.len(), cast::accounts().len());

    let within_reach = listed(&world, "mira", "active").await?;
    assert!(within_reach.values().all(|row| row["market"] == "de"), "{within_reach:?}");
    assert!(!within_reach.is_empty());
    assert!(!listed(&world, "milo", "active").await?.is_empty());
    Ok(())
}
