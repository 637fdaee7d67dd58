//! AWS clients, configured by hand.
//!
//! `aws-config` would look for profiles, instance metadata and SSO at every cold start. A Lambda function has region and
//! credentials in its environment, so reading those is all there is to do.

mod connector;

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;

use crate::config::{Environment, SettingError, url};
use crate::tls::{self, ExtraRoots};
use connector::Connector;

const ATTEMPTS: u32 = 3;
/// One call with all its attempts.
const OPERATION: Duration = Duration::from_secs(3);
const ATTEMPT: Duration = Duration::from_secs(1);
const CONNECT: Duration = Duration::from_millis(900);

/// What the AWS SDK takes from its environment.
#[derive(Clone, Debug)]
pub struct AwsSettings {
    /// `AWS_REGION`, which Lambda sets.
    region: String,
    /// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`: the function's role.
    credentials: Credentials,
    /// `AWS_ENDPOINT_URL_DYNAMODB`, `…_EVENTBRIDGE`, `…_SECRETS_MANAGER`, `…_SQS`, or `AWS_ENDPOINT_URL` for all.
    dynamodb_endpoint: Option<String>,
    eventbridge_endpoint: Option<String>,
    secrets_manager_endpoint: Option<String>,
    sqs_endpoint: Option<String>,
}

impl AwsSettings {
    pub fn from_env(env: &Environment) -> Result<Self, SettingError> {
        Ok(Self {
            region: env.required("AWS_REGION")?,
            credentials: Credentials::new(
                env.required("AWS_ACCESS_KEY_ID")?,
                env.required("AWS_SECRET_ACCESS_KEY")?,
                env.optional("AWS_SESSION_TOKEN"),
                None,
                "environment",
            ),
            dynamodb_endpoint: endpoint(env, "AWS_ENDPOINT_URL_DYNAMODB")?,
            eventbridge_endpoint: endpoint(env, "AWS_ENDPOINT_URL_EVENTBRIDGE")?,
            secrets_manager_endpoint: endpoint(env, "AWS_ENDPOINT_URL_SECRETS_MANAGER")?,
            sqs_endpoint: endpoint(env, "AWS_ENDPOINT_URL_SQS")?,
        })
    }
}

fn endpoint(env: &Environment, of_service: &'static str) -> Result<Option<String>, SettingError> {
    if env.optional("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return Ok(None);
    }
    for name in [of_service, "AWS_ENDPOINT_URL"] {
        if let Some(text) = env.optional(name) {
            url(name, &text)?;
            return Ok(Some(text));
        }
    }
    Ok(None)
}

/// Makes the clients of a function. They share one HTTP client, so that its roots are read once.
#[derive(Clone, Debug)]
pub struct Aws {
    settings: AwsSettings,
    http: SharedHttpClient,
}

impl Aws {
    pub fn new(settings: AwsSettings, roots: &ExtraRoots) -> Self {
        Self { settings, http: SharedHttpClient::new(Connector::new(tls::aws_client(roots, CONNECT))) }
    }

    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::new(&self.config(self.settings.dynamodb_endpoint.as_ref()))
    }

    pub fn eventbridge(&self) -> aws_sdk_eventbridge::Client {
        aws_sdk_eventbridge::Client::new(&self.config(self.settings.eventbridge_endpoint.as_ref()))
    }

    pub fn secrets_manager(&self) -> aws_sdk_secretsmanager::Client {
        aws_sdk_secretsmanager::Client::new(&self.config(self.settings.secrets_manager_endpoint.as_ref()))
    }

    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::new(&self.config(self.settings.sqs_endpoint.as_ref()))
    }

    /// What all clients have in common.
    fn config(&self, endpoint: Option<&String>) -> SdkConfig {
        let mut config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(self.settings.region.clone()))
            .credentials_provider(SharedCredentialsProvider::new(self.settings.credentials.clone()))
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .timeout_config(timeouts())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .http_client(self.http.clone());
        config.set_endpoint_url(endpoint.cloned());
        config.build()
    }
}

/// The SDK by itself would wait for an answer without end. With these, watching for stalled streams adds nothing.
fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder().operation_timeout(OPERATION).operation_attempt_timeout(ATTEMPT).build()
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const KEYS: [(&str, &str); 3] =
        [("AWS_REGION", "eu-central-1"), ("AWS_ACCESS_KEY_ID", "local"), ("AWS_SECRET_ACCESS_KEY", "c4n4ry")];

    fn settings(more: &[(&str, &str)]) -> Result<AwsSettings, SettingError> {
        AwsSettings::from_env(&Environment::of(&[&KEYS, more].concat()))
    }

    #[test]
    fn endpoints_are_per_service_before_they_are_for_all() {
        let both = settings(&[
            ("AWS_ENDPOINT_URL", "http://all.example"),
            ("AWS_ENDPOINT_URL_DYNAMODB", "http://dynamodb.example"),
        ])
        .unwrap();
        assert_eq!(both.dynamodb_endpoint.as_deref(), Some("http://dynamodb.example"));
        assert_eq!(both.secrets_manager_endpoint.as_deref(), Some("http://all.example"));
        assert_eq!(settings(&[]).unwrap().dynamodb_endpoint, None);
        let queue_and_bus = settings(&[
            ("AWS_ENDPOINT_URL_EVENTBRIDGE", "http://bus.example"),
            ("AWS_ENDPOINT_URL_SQS", "http://queue.example"),
        ])
        .unwrap();
        assert_eq!(queue_and_bus.eventbridge_endpoint.as_deref(), Some("http://bus.example"));
        assert_eq!(queue_and_bus.sqs_endpoint.as_deref(), Some("http://queue.example"));
        assert_eq!(queue_and_bus.dynamodb_endpoint, None);
        let ignored =
            settings(&[("AWS_ENDPOINT_URL", "http://all.example"), ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")]);
        assert_eq!(ignored.unwrap().dynamodb_endpoint, None);
        for of_service in ["DYNAMODB", "EVENTBRIDGE", "SECRETS_MANAGER", "SQS"] {
            assert!(settings(&[(&format!("AWS_ENDPOINT_URL_{of_service}"), "nonsense")]).is_err(), "{of_service}");
        }
    }

    #[test]
    fn missing_keys_are_named_and_secret_ones_not_shown() {
        for (position, (name, _)) in KEYS.iter().enumerate() {
            let mut rest = KEYS.to_vec();
            rest.remove(position);
            let error = AwsSettings::from_env(&Environment::of(&rest)).unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
        }
        assert!(!format!("{:?}", settings(&[]).unwrap()).contains("c4n4ry"));
    }

    /// A server that answers every connection with this, or not at all; counts the connections.
    fn server(answer: Option<&'static str>) -> (String, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = connections.clone();
        std::thread::spawn(move || {
            let mut open = Vec::new();
            for connection in listener.incoming() {
                let mut connection = connection.unwrap();
                counted.fetch_add(1, Ordering::SeqCst);
                if let Some(answer) = answer {
                    let _ = connection.read(&mut [0; 8_192]);
                    let _ = connection.write_all(answer.as_bytes());
                }
                open.push(connection);
            }
        });
        (url, connections)
    }

    fn aws(url: &str) -> Aws {
        Aws::new(settings(&[("AWS_ENDPOINT_URL", url)]).unwrap(), &ExtraRoots::default())
    }

    #[tokio::test]
    async fn a_plain_endpoint_is_asked() {
        let (url, connections) = server(Some(
            "HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.1\r\ncontent-length: 23\r\n\r\n{\"SecretString\":\"text\"}",
        ));
        let answer = aws(&url).secrets_manager().get_secret_value().secret_id("id").send().await.unwrap();
        assert_eq!(answer.secret_string(), Some("text"));
        assert_eq!(connections.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn the_bus_is_asked_at_its_endpoint() {
        let (url, connections) = server(Some(
            "HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.1\r\ncontent-length: 50\r\n\r\n{\"FailedEntryCount\":0,\"Entries\":[{\"EventId\":\"1\"}]}",
        ));
        let answer = aws(&url).eventbridge().put_events().send().await.unwrap();
        assert_eq!(answer.entries()[0].event_id(), Some("1"));
        assert_eq!(connections.load(Ordering::SeqCst), 1);
    }

    /// The queue's URL may name another host; the endpoint is where it is asked.
    #[tokio::test]
    async fn the_queue_is_asked_at_its_endpoint() {
        let (url, connections) = server(Some(
            "HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: 17\r\n\r\n{\"MessageId\":\"1\"}",
        ));
        let queue = "https://sqs.eu-central-1.amazonaws.com/1/checks";
        let answer = aws(&url).sqs().send_message().queue_url(queue).message_body("{}").send().await.unwrap();
        assert_eq!(answer.message_id(), Some("1"));
        assert_eq!(connections.load(Ordering::SeqCst), 1);
    }

    /// T67: up to three attempts of a second, and never longer than three seconds in all. That it ends shows that: the
    /// service never answers.
    #[tokio::test]
    async fn a_service_that_hangs_is_given_up_in_time() {
        let (url, connections) = server(None);
        let aws = aws(&url);
        let asked = aws.dynamodb().list_tables().send();
        assert!(tokio::time::timeout(Duration::from_mins(1), asked).await.expect("it ends").is_err());
        assert!((1..=3).contains(&connections.load(Ordering::SeqCst)));
    }
}
