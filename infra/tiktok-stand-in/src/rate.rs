//! TikTok's quota: per app and endpoint, in windows of a second, a minute and a day.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::switches::RateLevel;

const SECOND: i64 = 1;
const MINUTE: i64 = 60;
const DAY: i64 = 86_400;
/// After too many calls in a minute an endpoint stays shut this long.
const MINUTE_PENALTY: i64 = 300;

#[derive(Default)]
pub(crate) struct Rates {
    windows: BTreeMap<(String, &'static str), Windows>,
}

#[derive(Default)]
struct Windows {
    /// For each window length: its number since 1970, and the calls in it.
    counts: [(i64, u64); 3],
    shut_until: i64,
}

impl Rates {
    /// Counts one call. `Err` is the text beside code 40100.
    pub fn admit(
        &mut self,
        app_id: &str,
        endpoint: &'static str,
        level: RateLevel,
        now: Timestamp,
    ) -> Result<(), String> {
        let now = now.as_second();
        let limits = level.limits();
        let windows = self.windows.entry((app_id.to_owned(), endpoint)).or_default();
        if level == RateLevel::Unlimited {
            return Ok(());
        }
        if now < windows.shut_until {
            return Err(format!("Due to too many requests, requests from App {app_id} are temporarily restricted."));
        }
        for ((number, calls), length) in windows.counts.iter_mut().zip([SECOND, MINUTE, DAY]) {
            let current = now.div_euclid(length);
            if *number != current {
                (*number, *calls) = (current, 0);
            }
            *calls += 1;
        }
        let [second, minute, day] = windows.counts.map(|(_, calls)| calls);
        if day > limits[2] {
            windows.shut_until = (now.div_euclid(DAY) + 1) * DAY;
        } else if minute > limits[1] {
            windows.shut_until = now + MINUTE_PENALTY;
        } else if second <= limits[0] {
            return Ok(());
        }
        Err(format!("App reaches the QPS limit {}", limits[0]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 - 1_700_000_000 % DAY + second).unwrap()
    }

    fn admitted(rates: &mut Rates, endpoint: &'static str, level: RateLevel, calls: usize, second: i64) -> usize {
        (0..calls).filter(|_| rates.admit("7300000000000000031", endpoint, level, at(second)).is_ok()).count()
    }

    #[test]
    fn a_second_recovers_in_the_next_and_endpoints_count_apart() {
        let mut rates = Rates::default();
        assert_eq!(admitted(&mut rates, "/bc/get/", RateLevel::Basic, 15, 0), 10);
        assert_eq!(admitted(&mut rates, "/user/info/", RateLevel::Basic, 15, 0), 10);
        assert_eq!(admitted(&mut rates, "/bc/get/", RateLevel::Basic, 15, 1), 10);
    }

    #[test]
    fn a_minute_shuts_the_endpoint_for_five() {
        let mut rates = Rates::default();
        let seconds = 0..40;
        let admitted_in_a_minute: usize =
            seconds.map(|second| admitted(&mut rates, "/bc/get/", RateLevel::Sandbox, 1, second)).sum();
        assert_eq!(admitted_in_a_minute, 30);
        assert_eq!(admitted(&mut rates, "/bc/get/", RateLevel::Sandbox, 1, 120), 0);
        assert_eq!(admitted(&mut rates, "/bc/get/", RateLevel::Sandbox, 1, 30 + MINUTE_PENALTY), 1);
    }

    #[test]
    fn a_day_shuts_the_endpoint_until_midnight_utc() {
        let mut rates = Rates::default();
        let within_limits = (0..DAY).step_by(3);
        let total: usize =
            within_limits.map(|second| admitted(&mut rates, "/bc/get/", RateLevel::Sandbox, 1, second)).sum();
        assert_eq!(total, 1_000);
        assert_eq!(admitted(&mut rates, "/bc/get/", RateLevel::Sandbox, 1, DAY - 1), 0);
        assert_eq!(admitted(&mut rates, "/bc/get/", RateLevel::Sandbox, 1, DAY), 1);
    }
}
