//! What operators order.

use domain::guard::{Forced, Standing};
use jiff::{SignedDuration, Timestamp};

use crate::world::{World, now};

fn minutes(minutes: i64) -> Timestamp {
    now() + SignedDuration::from_mins(minutes)
}

impl World {
    async fn revoke_before(&self) -> Option<Timestamp> {
        self.table.guard(now()).await.unwrap().and_then(|guard| guard.revoke_before)
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
