//! What is due is found shard by shard, sent once, and found again if it was lost.

mod counting;
mod orders;
mod pending;

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use shared::store::StoreError;
use shared::store::import_accounts::GrantChange;
use shared::store::keys::{DUE_SHARDS, due_shard};
use shared::store::lapse_sweep::{DueGrant, Lease, PAGE};

use crate::import_accounts::{a_grant, connected, new};
use crate::world::{World, now, org};

const LASTS: SignedDuration = SignedDuration::from_secs(58);

fn minutes(minutes: i64) -> Timestamp {
    now() + SignedDuration::from_mins(minutes)
}

impl World {
    /// Grants with one account each.
    async fn with_grants(&self, grants: std::ops::Range<usize>, due_at: Timestamp) -> BTreeSet<String> {
        let mut made = BTreeSet::new();
        for numbers in grants.collect::<Vec<_>>().chunks(12) {
            let grants: Vec<_> = numbers.iter().map(|number| a_grant(*number, 1)).collect();
            let changes: Vec<_> =
                numbers.iter().zip(&grants).map(|(number, grant)| new(connected(*number, grant))).collect();
            made.extend(grants.iter().map(|stored| stored.grant.grant_id.to_string()));
            let grants: Vec<_> = grants.into_iter().map(GrantChange::New).collect();
            self.table.import(&org(), &changes, &grants, due_at).await.unwrap();
        }
        self.calls();
        made
    }

    /// Everything that a run with this lease sends, and marks as sent.
    async fn swept(&self, lease: &Lease, until: Timestamp) -> Vec<DueGrant> {
        let mut sent = Vec::new();
        for shard in 0..DUE_SHARDS {
            let mut from = lease.mark(shard).cloned();
            loop {
                let page = self.table.due_grants(shard, until, from.as_ref()).await.unwrap();
                assert_eq!(page.unreadable, 0);
                sent.extend(page.due);
                if let Some(mark) = &page.mark {
                    self.table.sent(lease, shard, mark).await.unwrap();
                }
                from = page.next;
                if from.is_none() {
                    break;
                }
            }
        }
        sent
    }
}

/// T93: grants are spread over all shards.
#[tokio::test]
async fn what_is_due_is_found_once_in_its_shard() {
    let world = World::start().await;
    let made = world.with_grants(0..120, now()).await;
    let shards: BTreeSet<_> = made.iter().map(|id| due_shard(&id.parse().unwrap())).collect();
    assert!(shards.len() > 40, "120 grants in {} of 64 shards", shards.len());

    let lease = world.table.lease("run-1", LASTS, minutes(1)).await.unwrap().unwrap();
    assert!(world.swept(&lease, now() - SignedDuration::from_secs(1)).await.is_empty(), "not due yet");
    world.calls();
    let sent = world.swept(&lease, minutes(1)).await;
    assert_eq!(sent.iter().map(|due| due.grant_id.to_string()).collect::<BTreeSet<_>>(), made);
    assert_eq!(sent.len(), made.len());
    assert!(sent.iter().all(|due| due.due == now().to_string() && due.org_id == org()));
    let calls = world.calls();
    assert_eq!(calls.iter().filter(|call| *call == "Query").count(), 64, "one for each shard");
    assert_eq!(calls.len() - 64, shards.len(), "and a mark where there was something: {calls:?}");
}

/// T95: a run that comes after, or takes over from one that died, goes on where it was.
#[tokio::test]
async fn a_run_goes_on_where_the_last_one_was() {
    let world = World::start().await;
    let made = world.with_grants(0..30, now()).await;
    let first = world.table.lease("run-1", LASTS, minutes(1)).await.unwrap().unwrap();
    assert!(world.table.lease("run-1", LASTS, minutes(1)).await.unwrap().is_none(), "the schedule fired twice");
    assert!(world.table.lease("run-2", LASTS, minutes(1)).await.unwrap().is_none(), "one at a time");
    assert_eq!(world.swept(&first, minutes(1)).await.len(), 30);

    // It dies here; its lease runs out.
    let second = world.table.lease("run-2", LASTS, minutes(2)).await.unwrap().unwrap();
    let shard = due_shard(&made.first().unwrap().parse().unwrap()).strip_prefix("DUE#").unwrap().parse().unwrap();
    let mark = world.table.due_grants(shard, minutes(1), None).await.unwrap().mark.unwrap();
    let lost = world.table.sent(&first, shard, &mark).await;
    assert!(matches!(lost, Err(StoreError::Conflict)), "the first one has nothing to say any more: {lost:?}");
    world.with_grants(30..40, minutes(1)).await;
    assert_eq!(world.swept(&second, minutes(2)).await.len(), 10, "what came since, and nothing again");
    world.table.completed(&second, minutes(2)).await.unwrap();

    let third = world.table.lease("run-3", LASTS, minutes(3)).await.unwrap().unwrap();
    assert!(third.completed_at.is_some());
    assert!(world.swept(&third, minutes(3)).await.is_empty(), "everything was sent");
    world.table.completed(&third, minutes(3)).await.unwrap();

    // Half an hour later what is still due was lost somewhere, or is about to be checked.
    let late = world.table.lease("run-4", LASTS, minutes(40)).await.unwrap().unwrap();
    assert_eq!(world.swept(&late, minutes(40)).await.len(), 40);
}

#[tokio::test]
async fn a_shard_may_hold_more_than_a_page() {
    let world = World::start().await;
    let pages = usize::try_from(PAGE).unwrap();
    // All in one shard, written straight into the table.
    for number in 0..pages + 5 {
        let item = [
            ("pk", "ORG#org-a".to_owned()),
            ("sk", format!("GRANT#grt_{number:022}")),
            ("due_pk", "DUE#07".to_owned()),
            ("due_sk", format!("{}#org-a#grt_{number:022}", now())),
        ];
        let item =
            item.into_iter().map(|(name, value)| (name.to_owned(), aws_sdk_dynamodb::types::AttributeValue::S(value)));
        world.client.put_item().table_name(world.table.name()).set_item(Some(item.collect())).send().await.unwrap();
    }
    let lease = world.table.lease("run-1", LASTS, minutes(1)).await.unwrap().unwrap();
    assert_eq!(world.swept(&lease, minutes(1)).await.len(), pages + 5);
}
