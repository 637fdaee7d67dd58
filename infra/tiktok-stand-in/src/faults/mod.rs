//! Misbehaviour on demand: which calls it strikes, how often, and what happens then.

pub(crate) mod apply;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{StandInError, api::endpoints, ids};

/// A fault with its aim. Built as a sentence:
/// `Fault::new(FaultKind::Reset).on("/oauth2/access_token/").after_processing().times(1)`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// `None`: every endpoint.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// Only calls with this person's tokens or codes.
    #[serde(default)]
    pub login: Option<String>,
    /// Only calls with this token.
    #[serde(default)]
    pub token_fingerprint: Option<String>,
    /// Only calls that name this ad account, alone or among others.
    #[serde(default)]
    pub advertiser_id: Option<String>,
    /// Matching calls that pass before the fault begins.
    #[serde(default)]
    pub skip: u64,
    /// Calls that are struck; `None`: until it is cleared.
    #[serde(default)]
    pub times: Option<u64>,
    /// The call takes effect first (a code is spent, a token is revoked), and only the answer suffers.
    /// Kinds that alter or hold an answer always work this way.
    #[serde(default)]
    pub after_processing: bool,
    #[serde(rename = "fault")]
    pub kind: FaultKind,
}

/// What goes wrong.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FaultKind {
    // Time and connection.
    Latency {
        milliseconds: u64,
    },
    /// No answer, ever; the connection stays open.
    Hang,
    /// The answer is computed, then waits until the fault is cleared.
    Hold,
    /// The connection is reset instead of an answer.
    Reset,

    // Another answer in place of the real one.
    /// A bare HTTP status with a line of text.
    Status {
        status: u16,
    },
    /// HTTP 502 with an HTML page, as an edge proxy gives it.
    BadGatewayHtml,
    /// HTTP 429.
    TooManyRequests,
    /// HTTP 200 with this application code.
    Code {
        code: i64,
        #[serde(default)]
        message: Option<String>,
    },
    /// A well-formed envelope, padded to about this size.
    HugeBody {
        bytes: usize,
    },
    GarbageJson,
    Redirect {
        status: u16,
        location: String,
    },
    /// A well-formed envelope around this many nested arrays.
    DeepNesting {
        depth: usize,
    },
    /// Exactly this.
    Body {
        #[serde(default = "ok")]
        status: u16,
        #[serde(default = "json_type")]
        content_type: String,
        #[serde(default)]
        headers: BTreeMap<String, String>,
        body: String,
    },

    // The real answer, altered.
    DataNull,
    CodeAsString,
    /// Code 20001 and only the first half of `data.list`.
    PartialList,
    /// Every page is page one, and there is always another.
    EndlessPaging,
    LyingTotal {
        total_number: u64,
        #[serde(default)]
        total_page: Option<u64>,
    },
    /// Long digit strings become JSON numbers.
    IdsAsNumbers,
    /// Puts `value` at a JSON pointer, such as `/data/list/0/user_role`.
    Replace {
        pointer: String,
        value: Value,
    },
    /// Takes away the member at a JSON pointer.
    Remove {
        pointer: String,
    },

    // The real answer, badly delivered.
    WrongContentType {
        content_type: String,
    },
    /// The first half of the body, then the connection ends.
    TruncatedBody,
    /// The body in pieces of `chunk_bytes`, `milliseconds` apart.
    SlowBody {
        chunk_bytes: usize,
        milliseconds: u64,
    },
}

fn ok() -> u16 {
    200
}

fn json_type() -> String {
    "application/json".to_owned()
}

impl Fault {
    /// A fault that strikes every call until it is cleared.
    pub fn new(kind: FaultKind) -> Self {
        Self {
            endpoint: None,
            login: None,
            token_fingerprint: None,
            advertiser_id: None,
            skip: 0,
            times: None,
            after_processing: false,
            kind,
        }
    }

    /// Application code `code`, with a text that says it was ordered.
    pub fn code(code: i64) -> Self {
        Self::new(FaultKind::Code { code, message: None })
    }

    /// Only on this endpoint, such as `/bc/get/`.
    #[must_use]
    pub fn on(mut self, endpoint: impl Into<String>) -> Self {
        self.endpoint = Some(endpoint.into());
        self
    }

    #[must_use]
    pub fn for_person(mut self, login: impl Into<String>) -> Self {
        self.login = Some(login.into());
        self
    }

    #[must_use]
    pub fn for_token(mut self, access_token: &str) -> Self {
        self.token_fingerprint = Some(ids::fingerprint(access_token));
        self
    }

    #[must_use]
    pub fn for_ad_account(mut self, advertiser_id: impl Into<String>) -> Self {
        self.advertiser_id = Some(advertiser_id.into());
        self
    }

    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    #[must_use]
    pub fn skip(mut self, calls: u64) -> Self {
        self.skip = calls;
        self
    }

    #[must_use]
    pub fn after_processing(mut self) -> Self {
        self.after_processing = true;
        self
    }

    fn check(&self) -> Result<(), StandInError> {
        if let Some(endpoint) = self.endpoint.as_deref().filter(|path| endpoints::find(path).is_none()) {
            return Err(StandInError::NotFound { what: "endpoint", id: endpoint.to_owned() });
        }
        let invalid = |why: &str| Err(StandInError::Invalid(why.to_owned()));
        match &self.kind {
            FaultKind::Status { status } | FaultKind::Body { status, .. } if !(200..=599).contains(status) => {
                invalid("`status` is 200 to 599")
            }
            FaultKind::Redirect { status, .. } if !(300..=399).contains(status) => invalid("`status` is 300 to 399"),
            FaultKind::SlowBody { chunk_bytes: 0, .. } => invalid("`chunk_bytes` is at least 1"),
            _ => Ok(()),
        }
    }
}

impl FaultKind {
    /// The name in the request log.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Latency { .. } => "latency",
            Self::Hang => "hang",
            Self::Hold => "hold",
            Self::Reset => "reset",
            Self::Status { .. } => "status",
            Self::BadGatewayHtml => "bad_gateway_html",
            Self::TooManyRequests => "too_many_requests",
            Self::Code { .. } => "code",
            Self::HugeBody { .. } => "huge_body",
            Self::GarbageJson => "garbage_json",
            Self::Redirect { .. } => "redirect",
            Self::DeepNesting { .. } => "deep_nesting",
            Self::Body { .. } => "body",
            Self::DataNull => "data_null",
            Self::CodeAsString => "code_as_string",
            Self::PartialList => "partial_list",
            Self::EndlessPaging => "endless_paging",
            Self::LyingTotal { .. } => "lying_total",
            Self::IdsAsNumbers => "ids_as_numbers",
            Self::Replace { .. } => "replace",
            Self::Remove { .. } => "remove",
            Self::WrongContentType { .. } => "wrong_content_type",
            Self::TruncatedBody => "truncated_body",
            Self::SlowBody { .. } => "slow_body",
        }
    }

    /// Whether the call is refused the chance to take effect unless `after_processing` is set.
    fn can_come_first(&self) -> bool {
        matches!(
            self,
            Self::Latency { .. }
                | Self::Hang
                | Self::Reset
                | Self::Status { .. }
                | Self::BadGatewayHtml
                | Self::TooManyRequests
                | Self::Code { .. }
                | Self::HugeBody { .. }
                | Self::GarbageJson
                | Self::Redirect { .. }
                | Self::DeepNesting { .. }
                | Self::Body { .. }
        )
    }
}

/// A fault in place, and how often it was met.
#[derive(Clone, Debug, Serialize)]
pub struct ActiveFault {
    pub id: u64,
    #[serde(flatten)]
    pub fault: Fault,
    /// Matching calls so far, the skipped ones included.
    pub met: u64,
    /// Calls that were struck.
    pub struck: u64,
}

#[derive(Default)]
pub(crate) struct Faults {
    last_id: u64,
    active: Vec<ActiveFault>,
}

/// What a call is, for faults that strike some calls only.
pub(crate) struct Aim<'a> {
    pub endpoint: &'a str,
    pub login: Option<&'a str>,
    pub token_fingerprint: Option<&'a str>,
    pub ad_accounts: &'a [String],
}

/// A fault that strikes the present call.
pub(crate) struct Strike {
    pub id: u64,
    pub first: bool,
    pub kind: FaultKind,
}

impl Faults {
    pub fn add(&mut self, fault: Fault) -> Result<u64, StandInError> {
        fault.check()?;
        self.last_id += 1;
        self.active.push(ActiveFault { id: self.last_id, fault, met: 0, struck: 0 });
        Ok(self.last_id)
    }

    /// `false`: there was none by this id.
    pub fn clear(&mut self, id: u64) -> bool {
        let before = self.active.len();
        self.active.retain(|active| active.id != id);
        self.active.len() < before
    }

    pub fn clear_all(&mut self) {
        self.active.clear();
    }

    pub fn list(&self) -> &[ActiveFault] {
        &self.active
    }

    /// Counts one call against every fault that is aimed at it, and returns those that strike.
    pub fn meet(&mut self, aim: &Aim<'_>) -> Vec<Strike> {
        let matches = |wanted: &Option<String>, actual: Option<&str>| wanted.is_none() || wanted.as_deref() == actual;
        let mut strikes = Vec::new();
        for active in &mut self.active {
            let fault = &active.fault;
            if !matches(&fault.endpoint, Some(aim.endpoint))
                || !matches(&fault.login, aim.login)
                || !matches(&fault.token_fingerprint, aim.token_fingerprint)
                || fault.advertiser_id.as_ref().is_some_and(|id| !aim.ad_accounts.contains(id))
            {
                continue;
            }
            active.met += 1;
            if active.met > fault.skip && fault.times.is_none_or(|times| active.struck < times) {
                active.struck += 1;
                let first = fault.kind.can_come_first() && !fault.after_processing;
                strikes.push(Strike { id: active.id, first, kind: fault.kind.clone() });
            }
        }
        strikes
    }
}
