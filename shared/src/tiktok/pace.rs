//! The sweep's share of what TikTok allows our app.
//!
//! TikTok counts the calls of one app per endpoint, for all organisations together: 10 a second and 600 a minute at its
//! Basic level. What the sweep uses up, a person who is connecting an account right now does not have, so it leaves a
//! fifth to them. The rest is shared without anybody counting: the number of checks that run at the same time is limited
//! from outside, and each keeps a [`Pace`] of its own, one call per endpoint and [period](Pace::period).
//!
//! Two things make that hold for any one second, and not just on average. A pace begins with a pause, so that a check may
//! start, in whichever process, the moment another one ends. And nothing is made up for: whoever was idle or frozen goes on
//! at the same pace, so that checks which all begin together, after an outage of TikTok's, are no more than they ever are.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use domain::checks::Endpoint;

/// What is kept free of the sweep for people, in percent.
const KEPT_FOR_PEOPLE: u64 = 20;

/// One call per endpoint and period. Clones share it. Make one per check: it holds for what runs one after the other.
#[derive(Clone)]
pub struct Pace {
    turns: Arc<BTreeMap<Endpoint, Mutex<Interval>>>,
}

impl Pace {
    /// The share of one of `workers` that all ask TikTok, which allows `qps` calls a second. The first turns come one
    /// period from now. Must be called on a Tokio runtime.
    pub fn share(qps: u32, workers: u32) -> Self {
        Self::every(Self::period(qps, workers))
    }

    /// The time between two calls of one worker.
    ///
    /// A worker with more than one call a second has a whole number of them, since the fraction would be a call too many
    /// in some seconds. So all workers together never exceed what is not kept for people, unless there are more workers
    /// than that: then each has one call at a time, and any second sees at most as many as there are workers.
    pub fn period(qps: u32, workers: u32) -> Duration {
        let (workers, percent) = (u64::from(workers.max(1)), u64::from(qps.max(1)) * (100 - KEPT_FOR_PEOPLE));
        let each = percent / (100 * workers);
        let milliseconds = if each > 0 { 1_000_u64.div_ceil(each) } else { (100_000 * workers).div_ceil(percent) };
        Duration::from_millis(milliseconds)
    }

    fn every(period: Duration) -> Self {
        let turns = Endpoint::ALL.into_iter().map(|endpoint| {
            let mut turns = interval_at(Instant::now() + period, period);
            turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
            (endpoint, Mutex::new(turns))
        });
        Self { turns: Arc::new(turns.collect()) }
    }

    /// Waits until it is this question's turn; those that ask first go first. Dropping the future gives the turn up.
    pub async fn turn(&self, endpoint: Endpoint) {
        self.turns[&endpoint].lock().await.tick().await;
    }
}

#[cfg(test)]
mod tests {
    use futures::future::join_all;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use tokio::time::{sleep, sleep_until};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn on_a_paused_clock<T>(future: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.unwrap().block_on(future)
    }

    /// When the calls of all workers went out. Each worker gets the times, in milliseconds, at which it wants to ask.
    async fn departures(qps: u32, wanted: &[Vec<u64>]) -> Vec<Instant> {
        let begun = Instant::now();
        let workers = u32::try_from(wanted.len()).unwrap();
        let worker = |times: &Vec<u64>| {
            let (pace, times) = (Pace::share(qps, workers), times.clone());
            async move {
                let call = |at| {
                    let pace = pace.clone();
                    async move {
                        sleep_until(begun + Duration::from_millis(at)).await;
                        pace.turn(Endpoint::Report).await;
                        Instant::now()
                    }
                };
                join_all(times.into_iter().map(call)).await
            }
        };
        let mut all: Vec<Instant> = join_all(wanted.iter().map(worker)).await.concat();
        all.sort();
        all
    }

    /// The most calls that any one second saw.
    fn peak(departures: &[Instant]) -> usize {
        let from = |(first, begin): (usize, &Instant)| {
            departures[first..].iter().take_while(|at| **at < *begin + SECOND).count()
        };
        departures.iter().enumerate().map(from).max().unwrap_or_default()
    }

    #[test]
    fn the_defaults_use_four_fifths() {
        assert_eq!(Pace::period(10, 1), Duration::from_millis(125));
        assert_eq!(Pace::period(10, 2), Duration::from_millis(250));
        assert_eq!(Pace::period(20, 2), Duration::from_millis(125));
        assert_eq!(Pace::period(10, 3), Duration::from_millis(500), "two each: three each were nine");
        assert_eq!(Pace::period(10, 10), Duration::from_millis(1_250));
        assert_eq!(Pace::period(1, 2), Duration::from_millis(2_500));
        let busy = on_a_paused_clock(departures(10, &[vec![0; 400], vec![0; 400]]));
        assert_eq!((peak(&busy), *busy.last().unwrap() - busy[0]), (8, Duration::from_millis(99_750)));
    }

    #[test]
    fn endpoints_do_not_wait_for_each_other() {
        on_a_paused_clock(async {
            let pace = Pace::share(10, 2);
            let begun = Instant::now();
            join_all(Endpoint::ALL.map(|endpoint| pace.turn(endpoint))).await;
            assert_eq!(begun.elapsed(), Duration::from_millis(250));
        });
    }

    #[test]
    fn whoever_gives_up_waiting_leaves_the_turn_to_others() {
        on_a_paused_clock(async {
            let pace = Pace::share(10, 2);
            let begun = Instant::now();
            let impatient = tokio::time::timeout(Duration::from_millis(100), pace.turn(Endpoint::Report));
            let (gave_up, ()) = futures::join!(impatient, pace.turn(Endpoint::Report));
            assert!(gave_up.is_err());
            assert_eq!(begun.elapsed(), Duration::from_millis(250));
        });
    }

    /// T91: a check ends and another begins in a process that knows nothing of it.
    #[test]
    fn t91_one_check_after_the_other_is_no_faster_than_one() {
        let calls = on_a_paused_clock(async {
            let mut calls = Vec::new();
            for number in 0..40_u64 {
                let pace = Pace::share(10, 1);
                for _ in 0..=number % 4 {
                    pace.turn(Endpoint::Report).await;
                    calls.push(Instant::now());
                }
                sleep(Duration::from_millis(number % 7 * 10)).await;
            }
            calls
        });
        assert!(peak(&calls) <= 8);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// T91: whenever the checks want to ask, together or apart, after an hour of nothing or an hour of waiting.
        #[test]
        fn t91_no_second_sees_more_than_the_limit(
            qps in 1_u32..=50,
            wanted in vec(vec(prop_oneof![0_u64..3_000, Just(0), Just(3_600_000), 3_600_000_u64..3_602_000], 0..60), 1..50),
        ) {
            let workers = wanted.len();
            let most = (qps as usize * 4 / 5).max(workers);
            let departures = on_a_paused_clock(departures(qps, &wanted));
            prop_assert_eq!(departures.len(), wanted.iter().map(Vec::len).sum::<usize>());
            prop_assert!(peak(&departures) <= most, "{} of {most} with {workers} workers", peak(&departures));
        }
    }
}
