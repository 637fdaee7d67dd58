//! The numbers of all organisations are those of each, added up.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::access::Belonging;
use domain::account::AdAccount;
use shared::store::counts::Counts;

use crate::world::{World, an_account, flipped, lapsed};

async fn of_all(world: &World) -> (u64, u64) {
    let Counts { active, needs_connecting } = world.table.counts_of_all().await.unwrap();
    (active, needs_connecting)
}

fn of_org(org: usize, account: AdAccount) -> AdAccount {
    AdAccount { org_id: format!("org-{org}").parse().unwrap(), ..account }
}

#[tokio::test]
async fn they_follow_every_change_of_a_status_in_one_query() {
    let world = World::start().await;
    assert_eq!(of_all(&world).await, (0, 0));
    for org in 0..20 {
        let accounts = [an_account(1), an_account(2), AdAccount { standing: lapsed(), ..an_account(3) }];
        world.with(&accounts.map(|account| of_org(org, account))).await;
    }
    assert_eq!(of_all(&world).await, (40, 20));
    assert_eq!(world.calls(), ["Query"]);

    let account = of_org(7, an_account(1));
    let account = world.change(&account, |account| account.standing = flipped(account)).await;
    assert_eq!(of_all(&world).await, (39, 21));
    let account = world.change(&account, |account| account.standing = flipped(account)).await;
    assert_eq!(of_all(&world).await, (40, 20));
    let elsewhere = Belonging { brand: Some("shop".parse().unwrap()), ..Belonging::default() };
    world.change(&account, |account| account.belonging = elsewhere).await;
    assert_eq!(of_all(&world).await, (40, 20), "what it belongs to is its organisation's affair");
}

/// The runbook takes an organisation that moved off any one of the rows.
#[tokio::test]
async fn only_the_sum_counts() {
    let world = World::start().await;
    for org in 0..20 {
        world.with(&[of_org(org, an_account(1))]).await;
    }
    for row in ["0", "another"] {
        let off = world.client.update_item().table_name(world.table.name());
        let off = off.key("pk", AttributeValue::S("COUNTS".into())).key("sk", AttributeValue::S(row.into()));
        let off = off
            .update_expression("ADD active :some")
            .expression_attribute_values(":some", AttributeValue::N("-4".into()));
        off.send().await.unwrap();
    }
    assert_eq!(of_all(&world).await, (12, 0));
}
