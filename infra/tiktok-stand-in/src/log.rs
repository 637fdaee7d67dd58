//! What was asked of the stand-in: one entry per API call, and counters. Never a token, a code or a secret.

use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

/// Older entries are forgotten; the counters are not.
const KEPT: usize = 20_000;

/// One API call.
#[derive(Clone, Debug, Serialize)]
pub struct LogEntry {
    /// Counts from 1.
    pub ordinal: u64,
    /// By the stand-in's clock, at arrival.
    pub at: Timestamp,
    /// Without `/open_api/v1.3`, for example `/bc/get/`.
    pub endpoint: String,
    pub method: String,
    pub app_id: Option<String>,
    /// Whose token or code it was.
    pub login: Option<String>,
    pub token_fingerprint: Option<String>,
    /// Names of the faults that were applied.
    pub faults: Vec<&'static str>,
    /// `None` while the call is under way, or when it got no answer at all.
    pub http_status: Option<u16>,
    /// The `code` of the envelope, where there was one.
    pub code: Option<i64>,
    pub request_id: Option<String>,
}

#[derive(Default)]
pub(crate) struct Log {
    entries: VecDeque<LogEntry>,
    count: u64,
    endpoints: BTreeMap<String, Tally>,
}

#[derive(Default)]
struct Tally {
    calls: u64,
    last_second: VecDeque<Timestamp>,
    peak: usize,
}

impl Log {
    /// Notes an arrival and numbers it.
    pub fn begin(&mut self, mut entry: LogEntry) -> u64 {
        self.count += 1;
        entry.ordinal = self.count;
        let tally = self.endpoints.entry(entry.endpoint.clone()).or_default();
        tally.calls += 1;
        let now = entry.at;
        tally.last_second.push_back(now);
        while tally.last_second.front().is_some_and(|at| now.duration_since(*at) >= SignedDuration::from_secs(1)) {
            tally.last_second.pop_front();
        }
        tally.peak = tally.peak.max(tally.last_second.len());
        if self.entries.len() == KEPT {
            self.entries.pop_front();
        }
        self.entries.push_back(entry);
        self.count
    }

    pub fn finish(&mut self, ordinal: u64, http_status: Option<u16>, code: Option<i64>, request_id: Option<String>) {
        let first = self.entries.front().map_or(0, |entry| entry.ordinal);
        let at = ordinal.checked_sub(first).and_then(|at| usize::try_from(at).ok());
        if let Some(entry) = at.and_then(|at| self.entries.get_mut(at)) {
            entry.http_status = http_status;
            entry.code = code;
            entry.request_id = request_id;
        }
    }

    pub fn entries(&self) -> Vec<LogEntry> {
        self.entries.iter().cloned().collect()
    }

    pub fn total(&self) -> u64 {
        self.count
    }

    pub fn calls(&self, endpoint: &str) -> u64 {
        self.endpoints.get(endpoint).map_or(0, |tally| tally.calls)
    }

    pub fn peak_per_second(&self, endpoint: &str) -> usize {
        self.endpoints.get(endpoint).map_or(0, |tally| tally.peak)
    }

    /// `(endpoint, calls, peak per second)`.
    pub fn totals(&self) -> impl Iterator<Item = (&str, u64, usize)> {
        self.endpoints.iter().map(|(endpoint, tally)| (endpoint.as_str(), tally.calls, tally.peak))
    }

    /// Forgets the entries and sets all counters to zero; calls under way are not counted again.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_of_any_second_and_of_one_endpoint() {
        let mut log = Log::default();
        let mut call = |milliseconds, endpoint: &str| {
            log.begin(LogEntry {
                ordinal: 0,
                at: Timestamp::from_millisecond(milliseconds).unwrap(),
                endpoint: endpoint.to_owned(),
                method: "GET".to_owned(),
                app_id: None,
                login: None,
                token_fingerprint: None,
                faults: Vec::new(),
                http_status: None,
                code: None,
                request_id: None,
            });
        };
        for milliseconds in [0, 600, 999, 1_000, 1_599, 5_000] {
            call(milliseconds, "/bc/get/");
        }
        call(1_100, "/user/info/");
        assert_eq!((log.peak_per_second("/bc/get/"), log.peak_per_second("/user/info/")), (4, 1));
        assert_eq!(log.peak_per_second("/report/"), 0);
    }
}
