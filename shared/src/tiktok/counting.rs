//! How often TikTok answered what, by endpoint and code, for a metric.
//!
//! Counted while an invocation lasts, and told at its end: a line for each combination that came up, instead of one for
//! each call. Every combination is a metric that costs money in each hour in which it comes up, so codes that nobody
//! here has heard of are one, and so are those of TikTok's own services.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use reqwest::StatusCode;

use super::codes;
use crate::metrics::{self, Metric, Unit};
use domain::checks::Endpoint;

/// What came back for one call that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Came {
    /// A code that means something to us.
    Code(i64),
    /// 50000 to 59999: TikTok's own services fail.
    ServiceCode,
    /// Any other code.
    UnknownCode,
    /// HTTP 200 and JSON, of a shape that we cannot read.
    Unreadable,
    /// HTTP 429.
    TooManyRequests,
    /// HTTP 4xx of another kind.
    ClientError,
    /// HTTP 5xx.
    ServerError,
    /// Anything else that is not HTTP 200 and JSON, or too much of it.
    NoJson,
    /// The connection came about, and broke.
    Broken,
    /// No connection came about.
    NoConnection,
    /// Nothing, in the time there was.
    Nothing,
}

impl Came {
    pub fn with_code(code: i64) -> Self {
        match code {
            0 => Self::Code(0),
            _ if codes::is_service(code) => Self::ServiceCode,
            _ if codes::is_known(code) => Self::Code(code),
            _ => Self::UnknownCode,
        }
    }

    /// There was an answer, and nothing in it to read.
    pub fn with_status(status: StatusCode) -> Self {
        match status {
            StatusCode::TOO_MANY_REQUESTS => Self::TooManyRequests,
            status if status.is_client_error() => Self::ClientError,
            status if status.is_server_error() => Self::ServerError,
            _ => Self::NoJson,
        }
    }
}

impl fmt::Display for Came {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self {
            Self::Code(code) => return write!(f, "{code}"),
            Self::ServiceCode => "5xxxx",
            Self::UnknownCode => "other",
            Self::Unreadable => "unreadable",
            Self::TooManyRequests => "http_429",
            Self::ClientError => "http_4xx",
            Self::ServerError => "http_5xx",
            Self::NoJson => "no_json",
            Self::Broken => "broken",
            Self::NoConnection => "no_connection",
            Self::Nothing => "no_answer",
        };
        f.write_str(word)
    }
}

/// Clones count together.
#[derive(Clone, Default)]
pub(super) struct Answered(Arc<Mutex<BTreeMap<(Endpoint, Came), u64>>>);

impl Answered {
    pub fn count(&self, endpoint: Endpoint, came: Came) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry((endpoint, came)).or_default() += 1;
    }

    /// All that was counted since the last time.
    pub fn take(&self) -> BTreeMap<(Endpoint, Came), u64> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn tell(&self, now: Timestamp) {
        for ((endpoint, came), value) in self.take() {
            let answers = Metric { name: "TikTokAnswers", unit: Unit::Count, value };
            metrics::emit(&[("Endpoint", endpoint.path()), ("Code", &came.to_string())], &[answers], now);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_that_mean_something_are_told_apart_and_no_others() {
        for (code, told) in [
            (0, "0"),
            (40100, "40100"),
            (40105, "40105"),
            (40133, "40133"),
            (51021, "51021"),
            (50000, "5xxxx"),
            (59999, "5xxxx"),
            (48123, "other"),
            (i64::MIN, "other"),
        ] {
            assert_eq!(Came::with_code(code).to_string(), told, "{code}");
        }
        for (status, told) in
            [(429, "http_429"), (404, "http_4xx"), (502, "http_5xx"), (302, "no_json"), (200, "no_json")]
        {
            assert_eq!(Came::with_status(StatusCode::from_u16(status).unwrap()).to_string(), told, "{status}");
        }
    }

    /// Whatever TikTok says, no more metrics than this can come of it at one endpoint.
    #[test]
    fn there_are_few_of_them() {
        let told: BTreeSet<Came> = (-100..100_000).map(Came::with_code).collect();
        assert_eq!(told.len(), 92);
    }

    #[test]
    fn clones_count_together_and_what_was_taken_is_not_counted_again() {
        let answered = Answered::default();
        answered.clone().count(Endpoint::Report, Came::with_code(0));
        answered.count(Endpoint::Report, Came::with_code(0));
        answered.count(Endpoint::UserInfo, Came::Nothing);
        let expected = [((Endpoint::UserInfo, Came::Nothing), 1), ((Endpoint::Report, Came::Code(0)), 2)];
        assert_eq!(answered.clone().take(), BTreeMap::from(expected));
        assert_eq!(answered.take(), BTreeMap::new());
    }
}
