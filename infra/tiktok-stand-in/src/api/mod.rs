//! `/open_api/v1.3/`: from an HTTP request to TikTok's envelope.
//!
//! `endpoints` is the table of what exists and what it needs; `pipeline` walks one request through faults, token, quota,
//! scope and parameters; the other modules answer.

mod advertisers;
mod assets;
mod business_centers;
pub(crate) mod endpoints;
mod members;
mod oauth;
mod params;
pub(crate) mod pipeline;
mod report;

use serde_json::Value;

pub(crate) use self::params::Params;
use crate::world::grants::Grant;

/// The part of an envelope that an endpoint decides.
pub(crate) type Answer = Result<Value, Refusal>;

/// An application error: HTTP 200 with this code and text.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub code: i64,
    pub message: String,
}

impl Refusal {
    pub fn new(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// One call as an endpoint sees it: already past token, quota and scope.
pub(crate) struct Call<'a> {
    pub params: &'a Params,
    /// `None` only on the endpoints that take no token.
    pub grant: Option<&'a Grant>,
    pub now: jiff::Timestamp,
}

impl<'a> Call<'a> {
    /// The grant behind the token.
    pub fn grant(&self) -> &'a Grant {
        self.grant.expect("the endpoint table says that this endpoint needs a token")
    }

    /// Who authorized the token.
    pub fn login(&self) -> &'a str {
        &self.grant().agreement.login
    }
}
