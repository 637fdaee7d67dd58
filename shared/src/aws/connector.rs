//! The AWS SDK over `reqwest`, which talks to TikTok as well: one HTTP client in the binary instead of two.
//!
//! The SDK's own client can speak HTTP/2, and carries that code into every binary. DynamoDB and Secrets Manager speak
//! HTTP/1.1 only. See `docs/decisions/small-and-fast.md`.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;

/// Sends what the SDK wants sent. The SDK counts time and attempts; the time to connect is the client's own.
#[derive(Clone, Debug)]
pub(super) struct Connector {
    client: reqwest::Client,
}

impl Connector {
    pub(super) fn new(client: reqwest::Client) -> Self {
        Self { client }
    }

    async fn send(self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
        let (parts, body) = request.into_parts();
        // Neither service is sent anything that is not in memory as a whole.
        let body = body.bytes().ok_or_else(|| ConnectorError::user("the body of a request is a stream".into()))?;
        let request = http::Request::from_parts(parts, reqwest::Body::from(body.to_vec()));
        let request = reqwest::Request::try_from(request).map_err(|error| ConnectorError::user(error.into()))?;

        let answer = self.client.execute(request).await.map_err(failed)?;
        let (parts, body) = http::Response::from(answer).into_parts();
        let answer = http::Response::from_parts(parts, SdkBody::from_body_1_x(body));
        HttpResponse::try_from(answer).map_err(|error| ConnectorError::other(error.into(), None))
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(self.clone().send(request))
    }
}

impl HttpClient for Connector {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

/// Says what kind of failure it was: the SDK tries again after some.
fn failed(error: reqwest::Error) -> ConnectorError {
    let kind: fn(BoxError) -> ConnectorError =
        if error.is_timeout() { ConnectorError::timeout } else { ConnectorError::io };
    kind(error.into())
}
