//! When a grant is checked next. Times follow from the grant's id, so that a fleet spreads evenly over the interval
//! whatever happened to it at once: an import of everything, or the end of an outage.

use jiff::{SignedDuration, Timestamp};
use ring::digest::{SHA256, digest};

use super::ids::GrantId;

/// The first try after an answer that was none; later ones wait as long as there has been none so far.
const FIRST_RETRY: SignedDuration = SignedDuration::from_mins(10);
const LONGEST_RETRY: SignedDuration = SignedDuration::from_hours(1);
/// A revocation that TikTok did not confirm is tried again after this time.
const OUTSTANDING: SignedDuration = SignedDuration::from_mins(30);
/// Checks that TikTok's limit put off are spread over this time.
const AFTER_THROTTLING: SignedDuration = SignedDuration::from_mins(5);

/// Where in any interval a grant has its place: 0 to 65,535 of 65,536.
fn place(grant_id: &GrantId, of: SignedDuration) -> SignedDuration {
    let hash = digest(&SHA256, format!("spread/v1|{grant_id}").as_bytes());
    let fraction = i64::from(u16::from_be_bytes([hash.as_ref()[0], hash.as_ref()[1]]));
    SignedDuration::from_secs(of.as_secs() * fraction / 65_536)
}

/// After a check that told everything: the grant's own place in the interval, the next time it comes round.
pub fn regular(grant_id: &GrantId, now: Timestamp, interval: SignedDuration) -> Timestamp {
    let earliest = now + interval / 10;
    let since_place = (earliest - place(grant_id, interval)).as_second().rem_euclid(interval.as_secs());
    earliest + SignedDuration::from_secs(interval.as_secs() - since_place)
}

/// After a strike: the earliest time at which a second one counts, and a little later for most.
pub fn after_strike(grant_id: &GrantId, now: Timestamp, spacing: SignedDuration) -> Timestamp {
    now + spacing + place(grant_id, spacing / 6) + SignedDuration::from_secs(1)
}

/// While nobody can tell. `since` is when that began.
pub fn undecided(grant_id: &GrantId, since: Timestamp, now: Timestamp, interval: SignedDuration) -> Timestamp {
    let wait = now.duration_since(since).clamp(FIRST_RETRY.min(interval), LONGEST_RETRY.min(interval));
    now + wait + place(grant_id, wait / 4)
}

/// While TikTok has not confirmed that a token is revoked.
pub fn outstanding(grant_id: &GrantId, now: Timestamp, interval: SignedDuration) -> Timestamp {
    let wait = OUTSTANDING.min(interval);
    now + wait + place(grant_id, wait / 6)
}

/// TikTok, or our own share of its limit, allows no more until then.
pub fn throttled(grant_id: &GrantId, until: Timestamp) -> Timestamp {
    until + place(grant_id, AFTER_THROTTLING)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn grant(number: u64) -> GrantId {
        format!("grt_{number:022}").parse().unwrap()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + second).unwrap()
    }

    const SIX_HOURS: SignedDuration = SignedDuration::from_hours(6);

    /// T91: a fleet that was imported at one moment is spread over the interval with the first round.
    #[test]
    fn a_fleet_spreads_evenly_over_the_interval() {
        let mut per_half_hour = [0u32; 14];
        for number in 0..12_000 {
            let due = regular(&grant(number), at(0), SIX_HOURS);
            per_half_hour[usize::try_from(due.duration_since(at(0)).as_mins() / 30).unwrap()] += 1;
        }
        // The first tenth is too soon to ask again; everybody else has a place of the same width.
        for full in &per_half_hour[2..13] {
            assert!((900..1_100).contains(full), "{per_half_hour:?}");
        }
    }

    proptest! {
        #[test]
        fn a_grant_keeps_its_place(number in 0u64..1_000_000, start in 0i64..1_000_000, late in 0i64..1_000) {
            let first = regular(&grant(number), at(start), SIX_HOURS);
            prop_assert!(first > at(start) && first <= at(start) + SIX_HOURS + SIX_HOURS / 10);
            // However long the check itself waited in a queue.
            let second = regular(&grant(number), first + SignedDuration::from_secs(late), SIX_HOURS);
            prop_assert_eq!(second, first + SIX_HOURS);
        }

        #[test]
        fn a_second_strike_is_never_too_early(number in 0u64..1_000_000, spacing in 10i64..86_400) {
            let spacing = SignedDuration::from_secs(spacing);
            let due = after_strike(&grant(number), at(0), spacing);
            prop_assert!(due > at(0) + spacing && due <= at(1) + spacing + spacing / 6);
        }

        #[test]
        fn doubt_is_asked_again_soon_then_seldom_and_always(number in 0u64..1_000_000, for_seconds in 0i64..200_000) {
            let wait = undecided(&grant(number), at(0), at(for_seconds), SIX_HOURS).duration_since(at(for_seconds));
            prop_assert!(wait >= FIRST_RETRY && wait <= LONGEST_RETRY + LONGEST_RETRY / 4);
        }
    }
}
