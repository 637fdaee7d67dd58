//! The order to revoke, and who else holds a token string.

use domain::guard::{Forced, Standing};
use domain::ids::OrgId;
use jiff::{SignedDuration, Timestamp};
use shared::store::import_accounts::{GrantChange, grant_id_of};
use shared::store::rows::StoredGrant;

use crate::import_accounts::{a_grant, connected, new};
use crate::world::{World, now};

fn minutes(minutes: i64) -> Timestamp {
    now() + SignedDuration::from_mins(minutes)
}

impl World {
    async fn revoke_before(&self) -> Option<Timestamp> {
        self.table.guard(now()).await.unwrap().and_then(|guard| guard.revoke_before)
    }

    /// A grant with one account; `number` is the account's.
    async fn given(&self, stored: &StoredGrant, number: usize) {
        let org_id = &stored.grant.org_id;
        let account = domain::account::AdAccount { org_id: org_id.clone(), ..connected(number, stored) };
        self.table.import(org_id, &[new(account)], &[GrantChange::New(stored.clone())], now()).await.unwrap();
        self.calls();
    }
}

#[tokio::test]
async fn an_order_stands_until_it_is_stopped_and_only_a_later_one_changes_it() {
    let world = World::start().await;
    for (ordered, stands) in [(10, 10), (10, 10), (20, 20), (15, 20)] {
        world.table.revoke_before(minutes(ordered)).await.unwrap();
        assert_eq!(world.revoke_before().await, Some(minutes(stands)));
    }
    // Reviews and other orders leave it alone.
    let guard = world.table.guard(now()).await.unwrap().unwrap();
    let standing =
        Standing { guard, tally: domain::guard::tally::Tally::default(), interval: SignedDuration::from_hours(6) };
    let (after, event) = standing.review(now());
    world.table.reviewed(&standing.guard, &after, event.as_ref()).await.unwrap();
    world.table.force(Some(Forced::Hold)).await.unwrap();
    assert_eq!(world.revoke_before().await, Some(minutes(20)));
    world.table.stop_revoking().await.unwrap();
    world.table.stop_revoking().await.unwrap();
    assert_eq!(world.revoke_before().await, None);
    assert_eq!(world.table.guard(now()).await.unwrap().unwrap().forced, Some(Forced::Hold));
}

/// Who held the same string before the order is meant as well; who came since is not.
#[tokio::test]
async fn a_token_string_may_be_a_newer_grants_too() {
    let world = World::start().await;
    let first = a_grant(1, 1);
    world.given(&first, 0).await;
    assert!(!world.table.is_held_since(&first.grant, minutes(10)).await.unwrap());
    assert_eq!(world.calls(), ["Query"], "nobody else holds it");

    let in_org = |name: &str, granted_at| {
        let org_id: OrgId = name.parse().unwrap();
        let mut stored = first.clone();
        stored.grant.grant_id = grant_id_of(&org_id, &stored.grant.token_fingerprint);
        stored.grant.org_id = org_id;
        stored.grant.granted_at = granted_at;
        stored
    };
    world.given(&in_org("org-b", minutes(9)), 1).await;
    assert!(!world.table.is_held_since(&first.grant, minutes(10)).await.unwrap());
    assert_eq!(world.calls(), ["BatchGetItem", "Query"]);
    let newer = in_org("org-c", minutes(10));
    world.given(&newer, 2).await;
    assert!(world.table.is_held_since(&first.grant, minutes(10)).await.unwrap());
    assert!(!world.table.is_held_since(&first.grant, minutes(11)).await.unwrap());
    assert!(!world.table.is_held_since(&newer.grant, minutes(10)).await.unwrap(), "itself does not count");

    let mut leave = world.table.transaction();
    leave.leave_grant(&newer.grant, minutes(12));
    leave.commit().await.unwrap();
    assert!(!world.table.is_held_since(&first.grant, minutes(10)).await.unwrap(), "who is retired holds nothing");
    assert!(!world.table.is_held_since(&a_grant(2, 1).grant, now()).await.unwrap());
}
