//! The three secrets in Secrets Manager, kept in process and renewed without a deploy.
//!
//! | Handle | Secret | For whom |
//! |---|---|---|
//! | [`TikTokApp`] | TikTok's app credentials | whoever exchanges codes or revokes |
//! | [`TokenKeys`] | the token keyring | whoever seals or opens access tokens |
//! | [`WebKeys`] | the web keyring | whoever seals or opens cursors, tickets and remembered answers |
//!
//! A function makes only the handles that it needs; nothing is fetched before it is asked for, and two handles can be
//! asked at the same time. A value is fresh for five minutes. When Secrets Manager does not answer, the last value serves
//! for up to a day. Sealed bytes that name a key we do not know make us look again at once, though not more often than
//! every 30 seconds.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_secretsmanager as secretsmanager;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use tracing::warn;

use crate::logging::chain;
use crate::sealing::{AppSecret, Keyring, TokenVault, WebSeal, key_id_of};

const FRESH: SignedDuration = SignedDuration::from_mins(5);
const STALE: SignedDuration = SignedDuration::from_hours(24);
const BETWEEN_ATTEMPTS: SignedDuration = SignedDuration::from_secs(30);

/// Where secrets come from.
pub trait SecretSource: Send + Sync {
    /// The current text of a secret.
    fn fetch<'a>(&'a self, id: &'a str) -> Pin<Box<dyn Future<Output = Result<SecretString, FetchError>> + Send + 'a>>;
}

/// Why a secret could not be fetched.
pub type FetchError = Box<dyn Error + Send + Sync>;

impl SecretSource for secretsmanager::Client {
    fn fetch<'a>(&'a self, id: &'a str) -> Pin<Box<dyn Future<Output = Result<SecretString, FetchError>> + Send + 'a>> {
        Box::pin(async move {
            let answer = self.get_secret_value().secret_id(id).send().await?;
            Ok(SecretString::from(answer.secret_string.ok_or("the secret is not text")?))
        })
    }
}

/// A secret that cannot be had now: nothing fetched within a day, or nothing usable in it. Ours to mend; people try again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the secret {id} is not to be had: {reason}")]
pub struct SecretUnavailable {
    pub id: String,
    reason: String,
}

/// TikTok's app credentials, as the secret has them: `{"app_id": "…", "secret": "…"}`.
#[derive(Debug, Deserialize)]
pub struct AppCredentials {
    pub app_id: String,
    pub secret: AppSecret,
}

/// TikTok's app credentials, kept current.
pub struct TikTokApp {
    cached: Cached<AppCredentials>,
}

impl TikTokApp {
    pub fn new(source: Arc<dyn SecretSource>, secret_id: String) -> Self {
        Self { cached: Cached::new(source, secret_id, parse_credentials) }
    }

    pub async fn credentials(&self, now: Timestamp) -> Result<Arc<AppCredentials>, SecretUnavailable> {
        self.cached.get(now, FRESH).await
    }

    /// TikTok says that the secret is wrong: the next one who asks gets it anew.
    pub fn forget(&self) {
        *self.cached.kept() = Kept::default();
    }
}

/// The token keyring, kept current.
pub struct TokenKeys {
    cached: Cached<Keyring>,
}

impl TokenKeys {
    pub fn new(source: Arc<dyn SecretSource>, secret_id: String) -> Self {
        Self { cached: Cached::new(source, secret_id, parse_keyring) }
    }

    /// The vault to seal with.
    pub async fn vault(&self, now: Timestamp) -> Result<TokenVault, SecretUnavailable> {
        self.cached.get(now, FRESH).await.map(TokenVault::new)
    }

    /// The vault to open these sealed bytes with.
    pub async fn vault_for(&self, sealed: &[u8], now: Timestamp) -> Result<TokenVault, SecretUnavailable> {
        self.cached.knowing(key_id_of(sealed), now).await.map(TokenVault::new)
    }

    /// The vault to seal the token in these bytes again with; `None` if the key that seals now has sealed them. Before
    /// anything is sealed again the keyring is looked up, though not more often than every 30 seconds: one that is about to
    /// be replaced would put tokens back under the key that everybody else leaves.
    pub async fn vault_to_seal_again(
        &self,
        sealed: &[u8],
        now: Timestamp,
    ) -> Result<Option<TokenVault>, SecretUnavailable> {
        if !self.vault(now).await?.is_under_another_key(sealed) {
            return Ok(None);
        }
        let vault = self.cached.get(now, SignedDuration::ZERO).await.map(TokenVault::new)?;
        Ok(Some(vault).filter(|vault| vault.is_under_another_key(sealed)))
    }
}

/// The web keyring, kept current.
pub struct WebKeys {
    cached: Cached<Keyring>,
}

impl WebKeys {
    pub fn new(source: Arc<dyn SecretSource>, secret_id: String) -> Self {
        Self { cached: Cached::new(source, secret_id, parse_keyring) }
    }

    /// What to seal with.
    pub async fn seal(&self, now: Timestamp) -> Result<WebSeal, SecretUnavailable> {
        self.cached.get(now, FRESH).await.map(WebSeal::new)
    }

    /// What to open this text with: a cursor, a ticket, a remembered answer.
    pub async fn seal_for(&self, text: &str, now: Timestamp) -> Result<WebSeal, SecretUnavailable> {
        self.cached.knowing(WebSeal::key_id_of(text), now).await.map(WebSeal::new)
    }
}

fn parse_credentials(text: &str) -> Result<AppCredentials, String> {
    let credentials: Option<AppCredentials> = serde_json::from_str(text).ok();
    credentials
        .filter(|credentials| !credentials.app_id.is_empty())
        .ok_or_else(|| "it must be JSON with `app_id` and `secret`".to_owned())
}

fn parse_keyring(text: &str) -> Result<Keyring, String> {
    Keyring::parse(text).map_err(|malformed| malformed.to_string())
}

/// One secret: where it is, how it is read, and its last good value.
struct Cached<T> {
    source: Arc<dyn SecretSource>,
    id: String,
    parse: fn(&str) -> Result<T, String>,
    kept: Mutex<Kept<T>>,
}

struct Kept<T> {
    value: Option<(Arc<T>, Timestamp)>,
    attempted_at: Option<Timestamp>,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self { value: None, attempted_at: None }
    }
}

impl Cached<Keyring> {
    /// The keyring, looked up again if it lacks this key.
    async fn knowing(
        &self,
        key: Option<crate::sealing::KeyId>,
        now: Timestamp,
    ) -> Result<Arc<Keyring>, SecretUnavailable> {
        let keyring = self.get(now, FRESH).await?;
        match key {
            Some(key) if !keyring.knows(&key) => self.get(now, SignedDuration::ZERO).await,
            _ => Ok(keyring),
        }
    }
}

impl<T> Cached<T> {
    fn new(source: Arc<dyn SecretSource>, id: String, parse: fn(&str) -> Result<T, String>) -> Self {
        Self { source, id, parse, kept: Mutex::default() }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept<T>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value, fetched anew if it is older than `max_age`. The lock is held only to look and to put.
    async fn get(&self, now: Timestamp, max_age: SignedDuration) -> Result<Arc<T>, SecretUnavailable> {
        if let Some(value) = self.good_enough(now, max_age) {
            return Ok(value);
        }
        let reason = match self.fetch().await {
            Ok(value) => {
                let value = Arc::new(value);
                self.kept().value = Some((value.clone(), now));
                return Ok(value);
            }
            Err(reason) => reason,
        };
        let kept = self.kept().value.clone().filter(|(_, fetched_at)| now.duration_since(*fetched_at) < STALE);
        let (id, stale) = (&self.id, kept.is_some());
        warn!(id, reason, stale, "A secret could not be fetched");
        kept.map(|(value, _)| value).ok_or_else(|| SecretUnavailable { id: self.id.clone(), reason })
    }

    /// What is kept, if it is young enough, or if it is too early to look again. Otherwise notes that somebody looks now.
    fn good_enough(&self, now: Timestamp, max_age: SignedDuration) -> Option<Arc<T>> {
        let mut kept = self.kept();
        if let Some((value, fetched_at)) = &kept.value {
            let age = now.duration_since(*fetched_at);
            let rested = kept.attempted_at.is_none_or(|at| now.duration_since(at) >= BETWEEN_ATTEMPTS);
            if age < max_age || (!rested && age < STALE) {
                return Some(value.clone());
            }
        }
        kept.attempted_at = Some(now);
        None
    }

    async fn fetch(&self) -> Result<T, String> {
        let text = self.source.fetch(&self.id).await.map_err(|error| chain(error.as_ref()))?;
        (self.parse)(text.expose_secret())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use crate::sealing::keyring_tests::secret;
    use crate::sealing::{AccessToken, Purpose, TokenBinding, Unsealable, WebPurpose};
    use domain::ids::{GrantId, OrgId};

    /// Secrets Manager as a test tells it to be: it answers with the last of what it was told, or with an outage.
    #[derive(Default)]
    struct Fake {
        answers: Mutex<VecDeque<Option<String>>>,
        asked: Mutex<Vec<String>>,
    }

    impl Fake {
        fn saying(text: &str) -> Arc<Self> {
            let fake = Arc::new(Self::default());
            fake.now_says(text);
            fake
        }
        fn now_says(&self, text: &str) {
            *self.answers.lock().unwrap() = VecDeque::from([Some(text.to_owned())]);
        }
        fn is_down(&self) {
            *self.answers.lock().unwrap() = VecDeque::from([None]);
        }
        fn asked(&self) -> usize {
            self.asked.lock().unwrap().len()
        }
    }

    impl SecretSource for Fake {
        fn fetch<'a>(
            &'a self,
            id: &'a str,
        ) -> Pin<Box<dyn Future<Output = Result<SecretString, FetchError>> + Send + 'a>> {
            self.asked.lock().unwrap().push(id.to_owned());
            let answer = self.answers.lock().unwrap().back().cloned().flatten();
            Box::pin(async move { answer.map(SecretString::from).ok_or_else(|| "down".into()) })
        }
    }

    const APP: &str = r#"{"app_id": "app-1", "secret": "first"}"#;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + seconds).unwrap()
    }

    fn app(source: &Arc<Fake>) -> TikTokApp {
        TikTokApp::new(source.clone(), "tiktok-app".to_owned())
    }

    async fn secret_of(app: &TikTokApp, seconds: i64) -> String {
        app.credentials(at(seconds)).await.unwrap().secret.expose().to_owned()
    }

    /// T73: a rotated secret is there within five minutes, and at once when TikTok refuses the old one.
    #[tokio::test]
    async fn a_rotated_secret_is_picked_up() {
        let source = Fake::saying(APP);
        let app = app(&source);
        assert_eq!(secret_of(&app, 0).await, "first");
        source.now_says(r#"{"app_id": "app-1", "secret": "second"}"#);
        assert_eq!(secret_of(&app, 299).await, "first");
        assert_eq!(source.asked(), 1);
        assert_eq!(secret_of(&app, 300).await, "second");
        source.now_says(r#"{"app_id": "app-1", "secret": "third"}"#);
        app.forget();
        assert_eq!(secret_of(&app, 301).await, "third");
        assert_eq!(source.asked(), 3);
        assert_eq!(*source.asked.lock().unwrap(), ["tiktok-app"; 3]);
    }

    /// T74: an outage is not felt for a day where the secret is known, and does not slow down every request either.
    #[tokio::test]
    async fn an_outage_is_outlived() {
        let source = Fake::saying(APP);
        let app = app(&source);
        assert_eq!(secret_of(&app, 0).await, "first");
        source.is_down();
        assert_eq!(secret_of(&app, 300).await, "first");
        assert_eq!(secret_of(&app, 310).await, "first");
        assert_eq!(source.asked(), 2, "the second look has to wait");
        assert_eq!(secret_of(&app, 330).await, "first");
        assert_eq!(source.asked(), 3);
        assert_eq!(secret_of(&app, 86_399).await, "first");
        assert!(app.credentials(at(86_400)).await.is_err(), "a day is enough");
        source.now_says(APP);
        assert_eq!(secret_of(&app, 86_401).await, "first");
    }

    /// T74: where nothing is known yet, an outage is told, and over as soon as it is over.
    #[tokio::test]
    async fn a_cold_start_in_an_outage_is_told() {
        let source = Arc::new(Fake::default());
        let app = app(&source);
        let unavailable = app.credentials(at(0)).await.unwrap_err();
        assert_eq!(unavailable.to_string(), "the secret tiktok-app is not to be had: down");
        source.now_says(APP);
        assert_eq!(secret_of(&app, 1).await, "first");
    }

    #[tokio::test]
    async fn a_broken_secret_does_not_replace_a_good_one() {
        let source = Fake::saying(APP);
        let app = app(&source);
        assert_eq!(secret_of(&app, 0).await, "first");
        for broken in
            ["", "{}", r#"{"app_id": "", "secret": "c4n4ry"}"#, r#"{"app_id": "a", "secret": "c4n4ry with spaces"}"#]
        {
            source.now_says(broken);
            assert_eq!(secret_of(&app, 300).await, "first");
            let unavailable = TikTokApp::new(source.clone(), "id".to_owned()).credentials(at(0)).await.unwrap_err();
            assert!(!unavailable.to_string().contains("c4n4ry"), "{unavailable}");
        }
    }

    fn binding<'a>(org_id: &'a OrgId, grant_id: &'a GrantId) -> TokenBinding<'a> {
        TokenBinding { table: "reconnect", org_id, grant_id, token_version: 1, purpose: Purpose::Grant }
    }

    /// T72: a container with the old ring looks again when it meets the new key, and not more often than it should.
    #[tokio::test]
    async fn an_unknown_key_makes_us_look_again() {
        let (org, grant) = ("org-1".parse().unwrap(), "grt_aaaaaaaaaaaaaaaaaaaaaa".parse().unwrap());
        let token = AccessToken::try_from("t0ken".to_owned()).unwrap();
        let new_ring = secret("k2", &[("k1", 1), ("k2", 2)]);
        let newer = TokenKeys::new(Fake::saying(&new_ring), "ring".to_owned());
        let sealed = newer.vault(at(0)).await.unwrap().seal(&token, &binding(&org, &grant));

        let source = Fake::saying(&secret("k1", &[("k1", 1)]));
        let keys = TokenKeys::new(source.clone(), "ring".to_owned());
        keys.vault(at(0)).await.unwrap();
        let open = async |seconds| {
            let vault = keys.vault_for(&sealed, at(seconds)).await.unwrap();
            vault.open(&sealed, &binding(&org, &grant)).map(|token| token.expose().to_owned())
        };
        assert!(matches!(open(29).await, Err(Unsealable::UnknownKey(_))));
        assert_eq!(source.asked(), 1);
        assert!(matches!(open(30).await, Err(Unsealable::UnknownKey(_))));
        assert_eq!(source.asked(), 2);
        source.now_says(&new_ring);
        assert!(open(59).await.is_err());
        assert_eq!(open(60).await.unwrap(), "t0ken");
        assert_eq!(open(61).await.unwrap(), "t0ken");
        assert_eq!(source.asked(), 3);
    }

    /// A container with the old ring meets a token that a newer one has sealed, and leaves it alone.
    #[tokio::test]
    async fn nothing_is_sealed_back_with_a_key_that_is_left() {
        let (org, grant) = ("org-1".parse().unwrap(), "grt_aaaaaaaaaaaaaaaaaaaaaa".parse().unwrap());
        let token = AccessToken::try_from("t0ken".to_owned()).unwrap();
        let (both_old, both_new) = (secret("k1", &[("k1", 1), ("k2", 2)]), secret("k2", &[("k1", 1), ("k2", 2)]));
        let sealed_by = async |ring: &str| {
            let keys = TokenKeys::new(Fake::saying(ring), "ring".to_owned());
            keys.vault(at(0)).await.unwrap().seal(&token, &binding(&org, &grant))
        };
        let (old, new) = (sealed_by(&both_old).await, sealed_by(&both_new).await);

        let source = Fake::saying(&both_old);
        let keys = TokenKeys::new(source.clone(), "ring".to_owned());
        assert!(keys.vault_to_seal_again(&old, at(0)).await.unwrap().is_none(), "it is the writer's");
        source.now_says(&both_new);
        assert!(keys.vault_to_seal_again(&new, at(40)).await.unwrap().is_none(), "looked up before");
        let vault = keys.vault_to_seal_again(&old, at(41)).await.unwrap().expect("the writer moved");
        assert!(!vault.is_under_another_key(&vault.seal(&token, &binding(&org, &grant))));
        assert_eq!(source.asked(), 2, "not again within half a minute");
    }

    #[tokio::test]
    async fn text_of_a_new_key_opens_too() {
        let new_ring = secret("k2", &[("k1", 1), ("k2", 2)]);
        let sealer = WebKeys::new(Fake::saying(&new_ring), "ring".to_owned());
        let text = sealer.seal(at(0)).await.unwrap().seal(WebPurpose::Cursor, &[], &7, at(100));
        let source = Fake::saying(&secret("k1", &[("k1", 1)]));
        let keys = WebKeys::new(source.clone(), "ring".to_owned());
        keys.seal(at(0)).await.unwrap();
        source.now_says(&new_ring);
        let seal = keys.seal_for(&text, at(40)).await.unwrap();
        assert_eq!(seal.open::<u8>(WebPurpose::Cursor, &[], &text).unwrap().value, 7);
        let junk = keys.seal_for("junk", at(100)).await;
        assert!(junk.is_ok(), "what names no key makes nobody look");
        assert_eq!(source.asked(), 2);
    }

    #[tokio::test]
    async fn secrets_can_be_fetched_at_the_same_time() {
        let ring = secret("k1", &[("k1", 1)]);
        let (tokens, web) =
            (TokenKeys::new(Fake::saying(&ring), "t".into()), WebKeys::new(Fake::saying(&ring), "w".into()));
        let (vault, seal) = tokio::join!(tokens.vault(at(0)), web.seal(at(0)));
        assert!(vault.is_ok() && seal.is_ok());
    }
}
