//! Which activations are due without anybody asking, and that a write says it whatever it is for.

use domain::access::Reach;
use domain::activation::{Activation, EXCHANGE_LEASE, Outcome, State, VERIFY_LEASE};
use domain::causes::CauseCode;
use domain::checks::{Endpoint, Evidence};
use domain::ids::ActivationId;
use jiff::{SignedDuration, Timestamp};
use serde_dynamo::to_item;
use shared::store::complete_activation::Candidate;
use shared::store::keys::{PENDING_SHARDS, pending_shard};
use shared::store::lapse_sweep::pending::DueActivations;
use shared::store::live::LiveActivations;
use shared::store::rows::StoredActivation;

use crate::world::{World, advertiser_id, now, org};

fn waiting(number: usize) -> Activation {
    Activation {
        activation_id: format!("act_{number:043}").parse().unwrap(),
        org_id: org(),
        advertiser_id: advertiser_id(number),
        started_by: format!("person-{number}").parse().unwrap(),
        started_by_display: None,
        started_at: now(),
        expires_at: now() + SignedDuration::from_mins(15),
        also_business_center: true,
        reach: Reach::parse("market:de brand:shop").unwrap(),
        grant_at_start: None,
        state: State::Waiting,
    }
}

fn candidate() -> Candidate {
    Candidate {
        grant_id: "grt_aaaaaaaaaaaaaaaaaaaaaa".parse().unwrap(),
        token_fingerprint: "fingerprint".to_owned(),
        scopes: serde_json::from_value(serde_json::json!([])).unwrap(),
        exchange: Evidence { endpoint: Endpoint::BusinessCenters, code: Some(0), request_id: None, asked_at: now() },
        sealed_token: vec![1],
    }
}

fn seconds(seconds: i64) -> Timestamp {
    now() + SignedDuration::from_secs(seconds)
}

impl World {
    async fn started(&self, number: usize) -> StoredActivation {
        let activation = waiting(number);
        self.table.start(&activation, &LiveActivations::default(), None, now()).await.unwrap();
        StoredActivation { activation, step: 0 }
    }

    async fn claimed(&self, number: usize, at: Timestamp) -> StoredActivation {
        let started = self.started(number).await;
        let claimed = started.activation.clone().claim(at).unwrap();
        self.table.move_on(&started, claimed, "w1").await.unwrap()
    }

    /// What is due in all shards.
    async fn due(&self, until: Timestamp) -> Vec<ActivationId> {
        let mut due = Vec::new();
        for shard in 0..PENDING_SHARDS {
            let mut after = None;
            loop {
                let DueActivations { activation_ids, next } =
                    self.table.due_activations(shard, until, after).await.unwrap();
                due.extend(activation_ids);
                if next.is_none() {
                    break;
                }
                after = next;
            }
        }
        due
    }

    async fn is_due(&self, stored: &StoredActivation, until: Timestamp) -> bool {
        self.due(until).await == [stored.activation.activation_id.clone()]
    }
}

/// From a start to an end, through every kind of write.
#[tokio::test]
async fn every_write_says_when_the_activation_is_due() {
    let world = World::start().await;
    let waits = world.started(1).await;
    let much_later = seconds(86_400);
    assert!(world.due(much_later).await.is_empty(), "one that waits for a person, or expired, needs nothing");

    let claimed = waits.activation.clone().claim(now()).unwrap();
    let claimed = world.table.move_on(&waits, claimed, "w1").await.unwrap();
    assert!(!world.is_due(&claimed, now() + EXCHANGE_LEASE - SignedDuration::from_secs(1)).await);
    assert!(world.is_due(&claimed, now() + EXCHANGE_LEASE).await, "that very second");

    let kept = claimed.activation.clone().exchanged(now()).unwrap();
    let kept = world.table.keep_candidate(&claimed, kept, &candidate()).await.unwrap();
    assert!(!world.is_due(&kept, seconds(34)).await && world.is_due(&kept, now() + VERIFY_LEASE).await);

    let released = kept.activation.clone().released(seconds(10)).unwrap();
    let released = world.table.move_on(&kept, released, "w2").await.unwrap();
    assert!(!world.is_due(&released, seconds(39)).await && world.is_due(&released, seconds(40)).await);

    let outcome = Outcome::Refused {
        cause: CauseCode::WrongBusinessCenter.into(),
        findings: Vec::new(),
        authorized_by: None,
        grant_id: Some(candidate().grant_id),
    };
    let closed = released.activation.clone().close_with_siblings(outcome, seconds(40)).unwrap();
    let closed = world.table.close(&released, closed, &[], None).await.unwrap();
    assert!(!world.is_due(&closed, seconds(74)).await && world.is_due(&closed, seconds(75)).await);

    let done = closed.activation.clone().siblings_done().unwrap();
    let done = world.table.move_on(&closed, done, "w3").await.unwrap();
    assert!(world.due(much_later).await.is_empty());
    let read = world.table.activation(&done.activation.activation_id).await.unwrap().unwrap();
    assert_eq!(read.stored.activation, done.activation, "reach and all");
    assert_eq!(read.stored.step, done.step);
}

/// Another activation's row of a time when reach was not stored, or of somebody who reaches everything.
#[tokio::test]
async fn no_reach_in_a_row_is_everything() {
    let world = World::start().await;
    let everything = Activation { reach: Reach::default(), ..waiting(1) };
    world.table.start(&everything, &LiveActivations::default(), None, now()).await.unwrap();
    let read = world.table.activation(&everything.activation_id).await.unwrap().unwrap();
    assert!(read.stored.activation.reach.is_everything());
    let key = to_item(serde_json::json!({
        "pk": format!("ACTIVATION#{}", everything.activation_id), "sk": "ACTIVATION"
    }));
    let row = world.client.get_item().table_name(world.table.name()).set_key(Some(key.unwrap())).send().await.unwrap();
    assert!(!row.item.unwrap().contains_key("reach"));
}

#[tokio::test]
async fn a_shard_is_read_page_by_page_longest_due_first() {
    let world = World::start().await;
    let shard_of = |number: usize| pending_shard(&waiting(number).activation_id);
    let in_shard: Vec<usize> = (0..400).filter(|number| shard_of(*number) == "PENDING#2").collect();
    assert!((60..140).contains(&in_shard.len()), "about a fourth: {}", in_shard.len());
    let mut expected = Vec::new();
    for (place, number) in in_shard.iter().take(6).enumerate() {
        // The first one stored is the last one due.
        let at = seconds(i64::try_from(60 - place).unwrap());
        expected.insert(0, world.claimed(*number, at).await.activation.activation_id);
    }
    world.calls();
    let all = world.table.due_activations(2, seconds(120), None).await.unwrap();
    assert_eq!((all.activation_ids, all.next.is_none()), (expected.clone(), true));
    assert_eq!(world.calls(), ["Query"]);
    let some = world.table.due_activations(2, seconds(118), None).await.unwrap();
    assert_eq!(some.activation_ids, expected[..4], "what is due later waits");
    let other = world.table.due_activations(1, seconds(120), None).await.unwrap();
    assert!(other.activation_ids.is_empty() && other.next.is_none());
}
