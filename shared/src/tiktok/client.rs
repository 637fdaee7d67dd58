//! Sending one question to TikTok and receiving one answer, whatever happens on the way.

use std::error::Error;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use jiff::Timestamp;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{RequestBuilder, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout_at};
use url::Url;
use zeroize::Zeroizing;

use super::counting::{Answered, Came};
use super::pace::Pace;
use super::wire;
use crate::sealing::AccessToken;
use domain::checks::{Asked, Endpoint, Evidence, Refusal};

/// Longer than TikTok takes for its slowest read, short enough that a retry still fits into a budget of 20 s.
const READ_ATTEMPT: Duration = Duration::from_secs(6);
/// An answer beyond it is not read further. No list with pages comes near.
const MAX_BODY: usize = 1 << 20;
/// The list of all ad accounts of a token has no pages: some 150,000 of them fit.
const MAX_LIST_WITHOUT_PAGES: usize = 16 << 20;
/// How often a question is put again, for somebody who is waiting for the answer.
const RETRIES: usize = 2;

/// The client. Cheap to clone; make one per process.
#[derive(Clone)]
pub struct TikTok {
    http: reqwest::Client,
    api_base: Url,
    pub(super) auth_base: Url,
    pub(super) now: fn() -> Timestamp,
    retries: usize,
    pace: Option<Pace>,
    answered: Answered,
}

/// When a question may be put again. At most twice in any case, and only while the deadline allows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Retry {
    /// Reads: TikTok is throttling or unavailable.
    WhilePassing,
    /// Writes: not a byte was sent, because no connection came about.
    WhileUnsent,
}

/// One try: the answer, and whether TikTok may have seen the question.
struct Attempt<T> {
    asked: Asked<T>,
    sent: bool,
}

/// Why there is no body to read.
struct NoBody {
    refusal: Refusal,
    came: Came,
}

impl TikTok {
    /// `http` must neither follow redirects nor use a proxy, since it carries our secret; `api_base` and `auth_base` are
    /// `https://business-api.tiktok.com` in production.
    pub fn new(http: reqwest::Client, api_base: Url, auth_base: Url, now: fn() -> Timestamp) -> Self {
        Self { http, api_base, auth_base, now, retries: RETRIES, pace: None, answered: Answered::default() }
    }

    /// Puts every question once: for the sweep, which asks again in its next run.
    #[must_use]
    pub fn without_retries(self) -> Self {
        Self { retries: 0, ..self }
    }

    /// Puts every question when its turn comes. One whose turn does not come before its deadline is not sent and counts
    /// as unavailable.
    #[must_use]
    pub fn paced(self, pace: Pace) -> Self {
        Self { pace: Some(pace), ..self }
    }

    /// Writes the answers that came since the last time as metrics. To be called at the end of every invocation.
    pub fn tell_answers(&self, now: Timestamp) {
        self.answered.tell(now);
    }

    /// A question with a token. Asked again up to twice while TikTok is throttling or unavailable, if retries are wanted.
    pub(super) async fn read<T: DeserializeOwned>(
        &self,
        endpoint: Endpoint,
        token: &AccessToken,
        query: &[(&str, &str)],
        deadline: Instant,
    ) -> Asked<T> {
        let mut url = self.url(endpoint);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let request = || self.http.get(url.clone()).headers(token_header(token));
        self.ask(endpoint, request, Retry::WhilePassing, longest_read(endpoint), deadline).await
    }

    /// A write. It may take all the time there is: an answer that is not waited for is lost, its effect is not.
    pub(super) async fn write<T: DeserializeOwned>(
        &self,
        endpoint: Endpoint,
        token: Option<&AccessToken>,
        body: &impl Serialize,
        deadline: Instant,
    ) -> Asked<T> {
        let headers = token.map(token_header).unwrap_or_default();
        let request = || self.http.post(self.url(endpoint)).headers(headers.clone()).json(body);
        self.ask(endpoint, request, Retry::WhileUnsent, Duration::MAX, deadline).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        endpoint: Endpoint,
        request: impl Fn() -> RequestBuilder,
        retry: Retry,
        longest_attempt: Duration,
        deadline: Instant,
    ) -> Asked<T> {
        let attempt = || async {
            if let Some(pace) = &self.pace
                && timeout_at(deadline, pace.turn(endpoint)).await.is_err()
            {
                return Ok(self.unsent(endpoint));
            }
            let until = Instant::now().checked_add(longest_attempt).map_or(deadline, |end| end.min(deadline));
            let attempt = self.attempt(endpoint, request(), until).await;
            let again = match retry {
                Retry::WhilePassing => attempt.asked.refusal().is_some_and(Refusal::is_passing),
                Retry::WhileUnsent => !attempt.sent,
            };
            if again { Err(Box::new(attempt.asked)) } else { Ok(attempt.asked) }
        };
        let backoff = ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(200))
            .with_factor(3.0)
            .with_jitter()
            .with_max_times(self.retries);
        attempt
            .retry(backoff)
            .adjust(|_, delay| delay.filter(|delay| Instant::now() + *delay < deadline))
            .await
            .unwrap_or_else(|asked| *asked)
    }

    async fn attempt<T: DeserializeOwned>(
        &self,
        endpoint: Endpoint,
        request: RequestBuilder,
        until: Instant,
    ) -> Attempt<T> {
        let mut evidence = self.evidence(endpoint);
        if Instant::now() >= until {
            return Attempt { asked: self.unsent(endpoint), sent: true };
        }
        let (answer, came) = match timeout_at(until, body(endpoint, request)).await {
            Ok(Ok(body)) => {
                let answer = wire::read(endpoint, &body, &mut evidence);
                let came = match evidence.code {
                    Some(code) if code != 0 || answer.is_ok() => Came::with_code(code),
                    Some(_) | None => Came::Unreadable,
                };
                (answer, came)
            }
            Ok(Err(NoBody { refusal, came })) => (Err(refusal), came),
            Err(_) => {
                tracing::warn!(endpoint = endpoint.path(), "TikTok did not answer in time");
                (Err(Refusal::Unavailable), Came::Nothing)
            }
        };
        self.answered.count(endpoint, came);
        if matches!(answer, Err(Refusal::AppMisconfigured | Refusal::RequestRejected)) {
            let Evidence { code, request_id, .. } = &evidence;
            tracing::error!(
                endpoint = endpoint.path(),
                code,
                request_id,
                "TikTok finds fault with our app or our request"
            );
        }
        Attempt { asked: Asked { evidence, answer }, sent: came != Came::NoConnection }
    }

    /// There was no time to ask.
    fn unsent<T>(&self, endpoint: Endpoint) -> Asked<T> {
        Asked { evidence: self.evidence(endpoint), answer: Err(Refusal::Unavailable) }
    }

    fn evidence(&self, endpoint: Endpoint) -> Evidence {
        Evidence { endpoint, code: None, request_id: None, asked_at: (self.now)() }
    }

    fn url(&self, endpoint: Endpoint) -> Url {
        let mut url = self.api_base.clone();
        url.set_path(&format!("{}/open_api/v1.3{}", self.api_base.path().trim_end_matches('/'), endpoint.path()));
        url
    }
}

/// How long one read is waited for. The list of all ad accounts of a token comes in one piece and takes TikTok long where
/// there are thousands of them: it may take all the time there is.
fn longest_read(endpoint: Endpoint) -> Duration {
    if endpoint == Endpoint::AuthorizedAdAccounts { Duration::MAX } else { READ_ATTEMPT }
}

fn longest_body(endpoint: Endpoint) -> usize {
    if endpoint == Endpoint::AuthorizedAdAccounts { MAX_LIST_WITHOUT_PAGES } else { MAX_BODY }
}

/// TikTok's header is bare, without `Bearer`.
fn token_header(token: &AccessToken) -> HeaderMap {
    let mut value = HeaderValue::from_str(token.expose()).expect("a token is printable ASCII");
    value.set_sensitive(true);
    HeaderMap::from_iter([(HeaderName::from_static("access-token"), value)])
}

/// The body of a good answer: HTTP 200, JSON, not too long. The exchange's holds a token, hence the wiping.
async fn body(endpoint: Endpoint, request: RequestBuilder) -> Result<Zeroizing<Vec<u8>>, NoBody> {
    let mut response = request.send().await.map_err(|error| broken(endpoint, error))?;
    let refusal = match response.status() {
        StatusCode::OK if is_json(response.headers()) => None,
        StatusCode::TOO_MANY_REQUESTS => Some(Refusal::Throttled),
        // TikTok's answer to a path or a method that it does not have.
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => Some(Refusal::AppMisconfigured),
        _ => Some(Refusal::Unavailable),
    };
    if let Some(refusal) = refusal {
        tracing::warn!(endpoint = endpoint.path(), status = response.status().as_u16(), "TikTok's answer is no answer");
        return Err(NoBody { refusal, came: Came::with_status(response.status()) });
    }
    let announced = response.content_length().and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
    let mut body = Zeroizing::new(Vec::with_capacity(announced.min(MAX_BODY)));
    let longest = longest_body(endpoint);
    while let Some(piece) = response.chunk().await.map_err(|error| broken(endpoint, error))? {
        if body.len() + piece.len() > longest {
            tracing::warn!(endpoint = endpoint.path(), "TikTok's answer is too long");
            return Err(NoBody { refusal: Refusal::Unavailable, came: Came::NoJson });
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(content_type) = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return false };
    let mut parts = content_type.split(';').map(|part| part.trim().to_ascii_lowercase());
    parts.next().as_deref() == Some("application/json")
        && parts.all(|part| part.strip_prefix("charset=").is_none_or(|charset| charset.trim_matches('"') == "utf-8"))
}

/// Notes why the connection failed. The URL is left out: one of ours carries the app secret.
fn broken(endpoint: Endpoint, error: reqwest::Error) -> NoBody {
    let came = if error.is_connect() { Came::NoConnection } else { Came::Broken };
    let error = error.without_url();
    let mut root: &dyn Error = &error;
    while let Some(source) = root.source() {
        root = source;
    }
    tracing::warn!(endpoint = endpoint.path(), reason = %root, "The connection to TikTok failed");
    NoBody { refusal: Refusal::Unavailable, came }
}
