//! Every setting, read from the environment once, when a function starts.
//!
//! A function asks for the settings that it needs and for no others, so that it cannot know what it may not use. What is
//! missing or malformed stops the start and is named; its value is not repeated.
//!
//! | Variable | What it is |
//! |---|---|
//! | `TABLE_NAME` | the `DynamoDB` table |
//! | `EVENT_BUS_NAME`, `CHECK_QUEUE_URL` | where events and checks go |
//! | `TIKTOK_APP_SECRET_ID` | secret with TikTok's app credentials |
//! | `TOKEN_KEYRING_SECRET_ID`, `WEB_KEYRING_SECRET_ID` | secrets with the two keyrings |
//! | `TIKTOK_API_BASE`, `TIKTOK_AUTH_BASE` | TikTok's addresses; `https://business-api.tiktok.com` by default |
//! | `REDIRECT_URI` | where TikTok sends people back to, letter by letter as registered there |
//! | `APP_URL` | where we send people on to |
//! | `ACTIVATION_TTL_SECONDS` | 1 to 3,600, by default 1,800 |
//! | `TICKET_TTL_SECONDS` | 1 to 300, by default 300 |
//! | `CHECK_INTERVAL_SECONDS` | 60 to 86,400, by default 21,600 |
//! | `STRIKE_SPACING_SECONDS` | 10 to 86,400, by default 1,800: between the two checks that a lapse takes |
//! | `LATE_SETTLING_DAYS` | 0 to 30, by default 3: days whose data TikTok may still correct after they ended |
//! | `TIKTOK_QPS` | 1 to 50, by default 10: calls a second that TikTok allows our app per endpoint |
//! | `CHECKS_AT_ONCE` | 1 to 100, by default 2, no more than `TIKTOK_QPS`: checks that the queue lets run at a time |
//! | `AWS_CA_BUNDLE` | file of extra PEM roots |
//! | `AWS_REGION`, `AWS_ACCESS_KEY_ID`, … | the SDK's own, see [`AwsSettings`](crate::aws::AwsSettings) |
//! | `RUST_LOG` | how much is logged, by default `info` |

use std::fmt;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;

use jiff::SignedDuration;
use tracing_subscriber::filter::Targets;
use url::Url;

use domain::gap::LATE_SETTLING_DAYS;

const TIKTOK: &str = "https://business-api.tiktok.com";

/// A setting that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    #[error("the environment variable {0} is missing")]
    Missing(&'static str),
    #[error("the environment variable {name} must be {expected}")]
    Malformed { name: &'static str, expected: String },
}

/// Where settings are read from: the process, or a test's list.
pub struct Environment {
    read: Box<Lookup>,
}

type Lookup = dyn Fn(&str) -> Option<String> + Send + Sync;

/// Where TikTok is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TikTokSettings {
    /// For what a person's grant is asked.
    pub api_base: Url,
    /// For what the person sees: TikTok's consent portal.
    pub auth_base: Url,
}

/// Where a person goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebSettings {
    /// Kept as text: TikTok compares it letter by letter, and a parsed URL may be written otherwise.
    pub redirect_uri: String,
    pub app_url: Url,
}

impl Environment {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
    pub fn of_process() -> Self {
        Self { read: Box::new(|name| std::env::var(name).ok()) }
    }

    pub fn of(variables: &[(&str, &str)]) -> Self {
        let variables: Vec<(String, String)> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self {
            read: Box::new(move |name| {
                variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
            }),
        }
    }

    pub fn table_name(&self) -> Result<String, SettingError> {
        self.required("TABLE_NAME")
    }

    pub fn event_bus_name(&self) -> Result<String, SettingError> {
        self.required("EVENT_BUS_NAME")
    }

    pub fn check_queue_url(&self) -> Result<Url, SettingError> {
        self.required("CHECK_QUEUE_URL").and_then(|text| url("CHECK_QUEUE_URL", &text))
    }

    pub fn tiktok_app_secret_id(&self) -> Result<String, SettingError> {
        self.required("TIKTOK_APP_SECRET_ID")
    }

    pub fn token_keyring_secret_id(&self) -> Result<String, SettingError> {
        self.required("TOKEN_KEYRING_SECRET_ID")
    }

    pub fn web_keyring_secret_id(&self) -> Result<String, SettingError> {
        self.required("WEB_KEYRING_SECRET_ID")
    }

    pub fn tiktok(&self) -> Result<TikTokSettings, SettingError> {
        let base = |name| url(name, &self.optional(name).unwrap_or_else(|| TIKTOK.to_owned()));
        Ok(TikTokSettings { api_base: base("TIKTOK_API_BASE")?, auth_base: base("TIKTOK_AUTH_BASE")? })
    }

    pub fn web(&self) -> Result<WebSettings, SettingError> {
        let redirect_uri = self.required("REDIRECT_URI")?;
        url("REDIRECT_URI", &redirect_uri)?;
        let app_url = url("APP_URL", &self.required("APP_URL")?)?;
        Ok(WebSettings { redirect_uri, app_url })
    }

    pub fn activation_ttl(&self) -> Result<SignedDuration, SettingError> {
        self.seconds("ACTIVATION_TTL_SECONDS", 1..=3_600, 1_800)
    }

    pub fn ticket_ttl(&self) -> Result<SignedDuration, SettingError> {
        self.seconds("TICKET_TTL_SECONDS", 1..=300, 300)
    }

    pub fn check_interval(&self) -> Result<SignedDuration, SettingError> {
        self.seconds("CHECK_INTERVAL_SECONDS", 60..=86_400, 21_600)
    }

    pub fn strike_spacing(&self) -> Result<SignedDuration, SettingError> {
        self.seconds("STRIKE_SPACING_SECONDS", 10..=86_400, 1_800)
    }

    pub fn late_settling_days(&self) -> Result<u8, SettingError> {
        self.number("LATE_SETTLING_DAYS", 0..=30, LATE_SETTLING_DAYS)
    }

    pub fn tiktok_qps(&self) -> Result<u32, SettingError> {
        self.number("TIKTOK_QPS", 1..=50, 10)
    }

    /// Checks that ask TikTok only once, all at the same time, must still keep to its limit. Two are always allowed: the
    /// queue cannot be held to fewer.
    pub fn checks_at_once(&self) -> Result<u32, SettingError> {
        let checks = self.number("CHECKS_AT_ONCE", 1..=100, 2)?;
        if checks > self.tiktok_qps()?.max(2) {
            return Err(malformed("CHECKS_AT_ONCE", "no more than TIKTOK_QPS"));
        }
        Ok(checks)
    }

    pub fn ca_bundle(&self) -> Option<PathBuf> {
        self.optional("AWS_CA_BUNDLE").map(PathBuf::from)
    }

    pub fn log_filter(&self) -> Result<Targets, SettingError> {
        let text = self.optional("RUST_LOG").unwrap_or_else(|| "info".to_owned());
        text.parse().map_err(|_| malformed("RUST_LOG", "levels such as `info` or `info,shared=debug`"))
    }

    /// A variable that must be there. An empty one is as good as none.
    pub(crate) fn required(&self, name: &'static str) -> Result<String, SettingError> {
        self.optional(name).ok_or(SettingError::Missing(name))
    }

    pub(crate) fn optional(&self, name: &str) -> Option<String> {
        (self.read)(name).filter(|value| !value.is_empty())
    }

    fn seconds(
        &self,
        name: &'static str,
        range: RangeInclusive<i64>,
        default: i64,
    ) -> Result<SignedDuration, SettingError> {
        self.number(name, range, default).map(SignedDuration::from_secs)
    }

    fn number<T>(&self, name: &'static str, range: RangeInclusive<T>, default: T) -> Result<T, SettingError>
    where
        T: FromStr + PartialOrd + fmt::Display,
    {
        let Some(text) = self.optional(name) else { return Ok(default) };
        let number = text.parse().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| malformed(name, &format!("a whole number from {} to {}", range.start(), range.end())))
    }
}

/// An absolute `http` or `https` URL without a fragment, which is ours to add.
pub(crate) fn url(name: &'static str, text: &str) -> Result<Url, SettingError> {
    let url = Url::parse(text).ok();
    url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host() && url.fragment().is_none())
        .filter(|url| url.username().is_empty() && url.password().is_none())
        .ok_or_else(|| malformed(name, "an absolute http or https URL without credentials and fragment"))
}

fn malformed(name: &'static str, expected: &str) -> SettingError {
    SettingError::Malformed { name, expected: expected.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: [(&str, &str); 0] = [];

    #[test]
    fn what_is_missing_is_named() {
        let env = Environment::of(&NONE);
        assert_eq!(env.table_name(), Err(SettingError::Missing("TABLE_NAME")));
        assert_eq!(env.event_bus_name(), Err(SettingError::Missing("EVENT_BUS_NAME")));
        assert_eq!(env.check_queue_url(), Err(SettingError::Missing("CHECK_QUEUE_URL")));
        assert_eq!(env.tiktok_app_secret_id(), Err(SettingError::Missing("TIKTOK_APP_SECRET_ID")));
        assert_eq!(env.token_keyring_secret_id(), Err(SettingError::Missing("TOKEN_KEYRING_SECRET_ID")));
        assert_eq!(env.web_keyring_secret_id(), Err(SettingError::Missing("WEB_KEYRING_SECRET_ID")));
        assert_eq!(env.web(), Err(SettingError::Missing("REDIRECT_URI")));
        assert_eq!(Environment::of(&[("TABLE_NAME", "")]).table_name(), Err(SettingError::Missing("TABLE_NAME")));
        assert_eq!(env.table_name().unwrap_err().to_string(), "the environment variable TABLE_NAME is missing");
    }

    #[test]
    fn what_may_be_left_out_has_its_default() {
        let env = Environment::of(&NONE);
        assert_eq!(env.tiktok().unwrap().api_base.as_str(), "https://business-api.tiktok.com/");
        assert_eq!(env.tiktok().unwrap().auth_base.as_str(), "https://business-api.tiktok.com/");
        assert_eq!(env.activation_ttl(), Ok(SignedDuration::from_mins(30)));
        assert_eq!(env.ticket_ttl(), Ok(SignedDuration::from_mins(5)));
        assert_eq!(env.check_interval(), Ok(SignedDuration::from_hours(6)));
        assert_eq!(env.strike_spacing(), Ok(SignedDuration::from_mins(30)));
        assert_eq!(env.late_settling_days(), Ok(3));
        assert_eq!((env.tiktok_qps(), env.checks_at_once()), (Ok(10), Ok(2)));
        assert_eq!(env.ca_bundle(), None);
        assert!(env.log_filter().unwrap().would_enable("any", &tracing::Level::INFO));
        assert!(!env.log_filter().unwrap().would_enable("any", &tracing::Level::DEBUG));
    }

    #[test]
    fn what_is_malformed_is_named_and_not_repeated() {
        type Read = fn(&Environment) -> Option<SettingError>;
        let reads: [(&'static str, Read); 9] = [
            ("ACTIVATION_TTL_SECONDS", |env| env.activation_ttl().err()),
            ("TICKET_TTL_SECONDS", |env| env.ticket_ttl().err()),
            ("CHECK_INTERVAL_SECONDS", |env| env.check_interval().err()),
            ("STRIKE_SPACING_SECONDS", |env| env.strike_spacing().err()),
            ("TIKTOK_QPS", |env| env.tiktok_qps().err()),
            ("CHECKS_AT_ONCE", |env| env.checks_at_once().err()),
            ("TIKTOK_API_BASE", |env| env.tiktok().err()),
            ("TIKTOK_AUTH_BASE", |env| env.tiktok().err()),
            ("CHECK_QUEUE_URL", |env| env.check_queue_url().err()),
        ];
        for (name, read) in reads {
            for value in [
                "c4n4ry",
                "0",
                "-1",
                "86401",
                "1.5",
                "//evil",
                "ftp://a/",
                "file:///x",
                "https://user:c4n4ry@host/",
                "https://",
            ] {
                let error = read(&Environment::of(&[(name, value)])).unwrap_or_else(|| panic!("{name}={value}"));
                assert!(matches!(error, SettingError::Malformed { name: named, .. } if named == name), "{error}");
                assert!(!error.to_string().contains("c4n4ry"), "{error}");
            }
        }
        assert!(Environment::of(&[("RUST_LOG", "shared=loud")]).log_filter().is_err());
    }

    /// T28, T29: the targets come from here, and nothing in them is up to a request.
    #[test]
    fn where_people_go_is_checked_and_the_redirect_uri_stays_as_it_is() {
        let web =
            |redirect_uri, app_url| Environment::of(&[("REDIRECT_URI", redirect_uri), ("APP_URL", app_url)]).web();
        let good = web("https://API.example:443/oauth/tiktok/callback", "http://localhost:3000").unwrap();
        assert_eq!(good.redirect_uri, "https://API.example:443/oauth/tiktok/callback");
        assert_eq!(good.app_url.as_str(), "http://localhost:3000/");
        for bad in ["app.example", "/path", "//app.example", "javascript:alert(1)", "https://app.example/#x", "data:,x"]
        {
            assert!(web("https://api.example/", bad).is_err(), "{bad}");
            assert!(web(bad, "https://app.example/").is_err(), "{bad}");
        }
    }

    #[test]
    fn limits_are_inclusive() {
        let ttl = |value| Environment::of(&[("TICKET_TTL_SECONDS", value)]).ticket_ttl();
        assert_eq!(ttl("1"), Ok(SignedDuration::from_secs(1)));
        assert_eq!(ttl("300"), Ok(SignedDuration::from_secs(300)));
        assert!(ttl("301").is_err());
        let days = |value| Environment::of(&[("LATE_SETTLING_DAYS", value)]).late_settling_days();
        assert_eq!((days("0"), days("30")), (Ok(0), Ok(30)));
        assert!(days("31").is_err() && days("-1").is_err());
    }

    #[test]
    fn more_checks_than_calls_a_second_are_refused() {
        let checks = |qps, checks| Environment::of(&[("TIKTOK_QPS", qps), ("CHECKS_AT_ONCE", checks)]).checks_at_once();
        assert_eq!((checks("20", "20"), checks("1", "2")), (Ok(20), Ok(2)));
        assert!(checks("20", "21").is_err() && checks("1", "3").is_err() && checks("50", "51").is_err());
        assert!(matches!(checks("0", "1"), Err(SettingError::Malformed { name: "TIKTOK_QPS", .. })));
    }
}
