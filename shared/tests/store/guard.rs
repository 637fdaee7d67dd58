//! The guard's row and the tally behind it.

use std::collections::BTreeMap;

use domain::backoff::Backoff;
use domain::grant::Grant;
use domain::guard::tally::{Counted, Numbers, Recount, bucket_of};
use domain::guard::{Doubt, Forced, Guard, Standing};
use jiff::{SignedDuration, Timestamp};
use shared::store::StoreError;

use crate::import_accounts::a_grant;
use crate::world::{World, now, org};

const INTERVAL: SignedDuration = SignedDuration::from_hours(6);

fn standing(guard: Guard) -> Standing {
    Standing { guard, tally: domain::guard::tally::Tally::default(), interval: INTERVAL }
}

fn minutes(minutes: i64) -> Timestamp {
    now() + SignedDuration::from_mins(minutes)
}

impl World {
    async fn guard(&self) -> Guard {
        self.table.guard(now()).await.unwrap().unwrap_or_default()
    }

    async fn counted(&self, grant: &Grant, recount: &Recount) {
        let mut transaction = self.table.transaction();
        transaction.recount(&grant.grant_id, recount, INTERVAL);
        transaction.commit().await.unwrap();
    }

    async fn reviewed(&self, at: Timestamp) -> Guard {
        let standing = standing(self.guard().await);
        let (after, event) = standing.review(at);
        self.table.reviewed(&standing.guard, &after, event.as_ref()).await.unwrap();
        after
    }
}

#[tokio::test]
async fn a_guard_is_not_there_until_it_is_reviewed() {
    let world = World::start().await;
    assert_eq!(world.table.guard(now()).await.unwrap(), None);
    let reviewed = world.reviewed(now()).await;
    assert_eq!(world.guard().await, reviewed);
    assert!(reviewed.may_lapse(0, now()));
}

#[tokio::test]
async fn a_hold_and_a_release_are_events_in_the_outbox() {
    let world = World::start().await;
    world.reviewed(now()).await;
    world.table.force(Some(Forced::Hold)).await.unwrap();
    let held = world.reviewed(minutes(1)).await;
    assert_eq!(held.hold.map(|hold| hold.reason), Some(Doubt::Operator));
    assert_eq!(world.guard().await, held);
    world.table.force(None).await.unwrap();
    let released = world.reviewed(minutes(12)).await;
    assert_eq!((released.hold, world.guard().await), (None, released.clone()));

    let rows = world.client.query().table_name(world.table.name()).key_condition_expression("pk = :pk");
    let pk = aws_sdk_dynamodb::types::AttributeValue::S("SWEEP".to_owned());
    let rows = rows.expression_attribute_values(":pk", pk).send().await.unwrap();
    let waiting: Vec<_> = rows.items().iter().filter(|row| row.contains_key("due_pk")).collect();
    let kinds: Vec<_> = waiting.iter().map(|row| row["kind"].as_s().unwrap().as_str()).collect();
    assert_eq!(kinds, ["SweepHeld", "SweepReleased"]);
}

#[tokio::test]
async fn of_two_reviews_that_hold_one_wins() {
    let world = World::start().await;
    world.reviewed(now()).await;
    let forced = standing(Guard { forced: Some(Forced::Hold), ..world.guard().await });
    let (after, event) = forced.review(minutes(1));
    world.table.reviewed(&forced.guard, &after, event.as_ref()).await.unwrap();
    let second = world.table.reviewed(&forced.guard, &after, event.as_ref()).await;
    assert!(matches!(second, Err(StoreError::Conflict)), "{second:?}");
}

#[tokio::test]
async fn what_workers_tell_is_there_for_the_next_review() {
    let world = World::start().await;
    let canary = domain::guard::Canary { org_id: org(), grant_id: a_grant(1, 1).grant.grant_id };
    world.table.name_canary(&canary, now()).await.unwrap();
    assert_eq!(world.reviewed(now()).await.hold, None);
    world.table.canary_answered(false, minutes(1)).await.unwrap();
    assert_eq!(world.reviewed(minutes(1)).await.hold.map(|hold| hold.reason), Some(Doubt::CanaryRefused));
    world.table.canary_answered(true, minutes(2)).await.unwrap();
    world.table.canary_heard_app_level(minutes(2)).await.unwrap();
    assert_eq!(standing(world.guard().await).doubt(minutes(3)), Some(Doubt::AppLevelCode));

    let pause = Backoff { until: minutes(5), level: 3 };
    world.table.throttled(pause).await.unwrap();
    let began = world.table.begin(&org(), &canary.grant_id, now()).await.unwrap();
    assert_eq!(began.backoff, Some(pause));
    assert!(began.guard.is_some() && began.grant.is_none());
}

/// Two grants that hear it at the same time: the second one reads what the first one wrote.
#[tokio::test]
async fn who_heard_that_our_app_is_at_fault_is_remembered_once_each() {
    let world = World::start().await;
    let grant = |number| a_grant(number, 1).grant.grant_id;
    let mut seen = world.reviewed(now()).await;
    for number in [1, 2] {
        let after = seen.app_level_heard(&org(), &grant(number), minutes(1)).unwrap();
        world.table.grant_heard_app_level(&seen, &after).await.unwrap();
        let stale = world.table.grant_heard_app_level(&seen, &after).await;
        assert!(matches!(stale, Err(StoreError::Conflict)), "{stale:?}");
        seen = world.guard().await;
        assert_eq!(seen.app_level_heard, after.app_level_heard);
    }
    assert_eq!(standing(seen.clone()).doubt(minutes(2)), None);
    let after = seen.app_level_heard(&org(), &grant(3), minutes(2)).unwrap();
    world.table.grant_heard_app_level(&seen, &after).await.unwrap();
    assert_eq!(standing(world.guard().await).doubt(minutes(3)), Some(Doubt::AppLevelCode));
}

#[tokio::test]
async fn organisations_are_remembered_beside_the_guard() {
    let world = World::start().await;
    let seen = BTreeMap::from([(org(), now())]);
    world.table.saw_organisations(&seen).await.unwrap();
    assert_eq!(world.reviewed(minutes(1)).await.organisations, seen);
}

#[tokio::test]
async fn a_tally_is_the_sum_of_its_rows() {
    let world = World::start().await;
    let bucket = bucket_of(now());
    let numbers = |grants, struck, newly, accounts| Numbers { grants, struck, newly, accounts };
    let mut before = None;
    for (number, struck) in [(1, None), (2, Some(bucket)), (3, None)] {
        let grant = a_grant(number, 1).grant;
        let counted = Counted { bucket, accounts: 10, struck };
        let recount = Recount::new(None, counted, false);
        world.counted(&grant, &recount).await;
        before = Some((grant, counted));
    }
    assert_eq!(world.table.tally(INTERVAL, now()).await.unwrap().0[&bucket], numbers(3, 1, 1, 30));
    let (grant, counted) = before.unwrap();
    let later = Counted { bucket: bucket + 1, ..counted };
    world.counted(&grant, &Recount::new(Some(counted), later, false)).await;
    let tally = world.table.tally(INTERVAL, now()).await.unwrap();
    assert_eq!((tally.0[&bucket], tally.0[&(bucket + 1)]), (numbers(2, 1, 1, 20), numbers(1, 0, 0, 10)));
    assert_eq!(tally.during(SignedDuration::from_hours(1), minutes(10)), numbers(3, 1, 1, 30));
}
