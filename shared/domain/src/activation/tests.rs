use proptest::prelude::*;

use super::*;

fn start() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

fn waiting() -> Activation {
    Activation {
        activation_id: format!("act_{}", "a".repeat(43)).parse().unwrap(),
        org_id: "org-a".parse().unwrap(),
        advertiser_id: "7100000000000000011".parse().unwrap(),
        started_by: "ana".parse().unwrap(),
        started_by_display: None,
        started_at: start(),
        expires_at: start() + SignedDuration::from_mins(15),
        also_business_center: false,
        reach: Reach::default(),
        grant_at_start: None,
        state: State::Waiting,
    }
}

fn gave_up() -> Outcome {
    Outcome::GaveUp { cause: CauseCode::TiktokUnavailable.into() }
}

#[test]
fn a_state_is_claimed_once_and_only_in_time() {
    let claimed = waiting().claim(start()).unwrap();
    assert_eq!(claimed.clone().claim(start()), Err(TransitionError::NotFrom { from: "exchanging" }));
    let late = waiting().expires_at;
    assert_eq!(waiting().claim(late), Err(TransitionError::Expired { expired_at: late }));
    assert_eq!(waiting().next_step(late), Step::Expired);
    assert_eq!(waiting().shown(late), Shown::Refused { cause: Some(CauseCode::LinkExpired.into()) });
}

#[test]
fn a_lost_exchange_ends_and_is_never_tried_again() {
    let claimed = waiting().claim(start()).unwrap();
    assert_eq!(claimed.next_step(start() + SignedDuration::from_secs(59)), Step::Wait);
    assert_eq!(claimed.next_step(start() + EXCHANGE_LEASE), Step::LostExchange);
}

/// Left alone by the person, it is looked at again and again, ever more seldom, and once more before its time is over.
#[test]
fn a_pending_one_is_due_until_it_ends() {
    let exchanged_at = start();
    let mut pending = waiting().claim(start()).unwrap();
    assert_eq!((waiting().due_at(), pending.due_at()), (None, Some(start() + EXCHANGE_LEASE)));
    pending = pending.exchanged(exchanged_at).unwrap();
    assert_eq!(pending.due_at(), Some(start() + VERIFY_LEASE), "somebody is at it until then");
    pending = pending.released(start()).unwrap();
    let mut tries = Vec::new();
    let ended_at = loop {
        let now = pending.due_at().unwrap();
        assert_eq!(pending.next_step(now), Step::Verify);
        tries.push(now.duration_since(exchanged_at).as_secs());
        pending = pending.resume(now).unwrap();
        if pending.is_last_try(now) {
            break now;
        }
        pending = pending.released(now).unwrap();
    };
    assert_eq!(tries[..4], [30, 60, 90, 120]);
    assert!((10..20).contains(&tries.len()), "{tries:?}");
    assert_eq!(ended_at, exchanged_at + SignedDuration::from_mins(13), "a minute's sweep later is still in time");
    assert_eq!(pending.close(gave_up(), ended_at).unwrap().due_at(), None);
}

#[test]
fn siblings_have_what_is_left_of_the_same_time() {
    let pending = waiting().claim(start()).unwrap().exchanged(start()).unwrap();
    let grant_id = "grt_aaaaaaaaaaaaaaaaaaaaaa".parse().unwrap();
    let outcome = Outcome::Reconnected { authorized_by: None, grant_id };
    let closed_at = start() + SignedDuration::from_mins(5);
    let mut closed = pending.close_with_siblings(outcome, closed_at).unwrap();
    assert_eq!((closed.next_step(closed_at), closed.shown(closed_at)), (Step::Siblings, Shown::Pending));
    assert_eq!(closed.due_at(), Some(closed_at + VERIFY_LEASE));
    while !closed.is_last_try(closed.due_at().unwrap()) {
        let now = closed.due_at().unwrap();
        closed = closed.siblings_taken_up(now).unwrap();
        assert!(closed.due_at().unwrap() >= now + VERIFY_LEASE);
    }
    let over = start() + PENDING_LIFE;
    assert!(closed.due_at().unwrap() < over);
    assert_eq!(closed.shown(over), Shown::Reconnected, "I7: nobody waits for longer");
    let done = closed.siblings_done().unwrap();
    assert_eq!((done.due_at(), done.next_step(over)), (None, Step::Done));
    assert!(done.clone().siblings_taken_up(over).is_err() && done.siblings_done().is_err());
}

#[derive(Clone, Debug)]
enum Move {
    Claim,
    Exchanged,
    Resume,
    Released,
    Close,
}

proptest! {
    /// Whatever is tried in whatever order: one claim, one exchange, and what is closed stays closed.
    #[test]
    fn no_order_of_moves_claims_twice_or_reopens(
        moves in proptest::collection::vec((prop_oneof![Just(Move::Claim), Just(Move::Exchanged), Just(Move::Resume), Just(Move::Released), Just(Move::Close)], 0i64..400), 1..40)
    ) {
        let (mut activation, mut now, mut claims, mut exchanges) = (waiting(), start(), 0, 0);
        for (next, seconds) in moves {
            now += SignedDuration::from_secs(seconds);
            let was_closed = matches!(activation.state, State::Closed { .. });
            let before = activation.clone();
            let moved = match next {
                Move::Claim => activation.clone().claim(now).inspect(|_| claims += 1),
                Move::Exchanged => activation.clone().exchanged(now).inspect(|_| exchanges += 1),
                Move::Resume => activation.clone().resume(now),
                Move::Released => activation.clone().released(now),
                Move::Close => activation.clone().close(gave_up(), now),
            };
            if let Ok(moved) = moved { activation = moved; }
            prop_assert!(!was_closed || activation == before, "a final state was left");
            prop_assert!(claims <= 1 && exchanges <= claims);
            prop_assert!(activation.next_step(now) != Step::Claim || claims == 0);
        }
        // I7: left alone, it ends by itself.
        let much_later = now + PENDING_LIFE + PENDING_LIFE;
        prop_assert!(!matches!(activation.shown(much_later), Shown::Waiting | Shown::Pending));
    }
}
