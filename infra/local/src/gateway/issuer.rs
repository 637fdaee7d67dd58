//! The local issuer of tokens: what an identity provider is on AWS.
//!
//! It signs with an RSA key that is made once and kept, publishes the public half as a key set, and hands out tokens to
//! whoever asks: this is a development tool. For tests it also makes tokens that must be refused.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::crypto::sign;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use rsa::pkcs1::{DecodeRsaPrivateKey as _, EncodeRsaPrivateKey as _};
use rsa::pkcs8::{EncodePublicKey as _, LineEnding};
use rsa::rand_core::OsRng;
use rsa::traits::PublicKeyParts as _;
use rsa::{RsaPrivateKey, RsaPublicKey};
use serde_json::{Value, json};

use crate::clock;

/// Whom the tokens are for: the `aud` claim.
pub const AUDIENCE: &str = "reconnect";
/// The name of the one published key: the `kid` header.
pub const KEY_ID: &str = "local-1";

const TOKEN_LIFETIME_SECONDS: i64 = 12 * 60 * 60;
const KEY_BITS: usize = 2048;

/// Two RSA keys: the published one, and a stranger's for tests.
struct Keys {
    ours: RsaPrivateKey,
    stranger: RsaPrivateKey,
}

/// Issues tokens in the name of one issuer URL.
#[derive(Clone)]
pub struct Issuer {
    url: String,
    public: RsaPublicKey,
    signing: EncodingKey,
    stranger: EncodingKey,
}

impl std::fmt::Debug for Issuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issuer").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Issuer {
    /// `url` becomes the `iss` claim. The keys are kept in `folder`, and are made there when absent.
    pub fn new(url: String, folder: &Path) -> anyhow::Result<Self> {
        let keys = keys(folder)?;
        let signing =
            |key: &RsaPrivateKey| Ok::<_, anyhow::Error>(EncodingKey::from_rsa_der(key.to_pkcs1_der()?.as_bytes()));
        Ok(Self {
            url,
            public: keys.ours.to_public_key(),
            signing: signing(&keys.ours)?,
            stranger: signing(&keys.stranger)?,
        })
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// A good token with these claims (a JSON object). `iss`, `aud`, `iat`, `nbf` and `exp` are added where they are
    /// absent; a claim that is `null` is left out, also one of those.
    pub fn mint(&self, claims: &Value) -> String {
        self.sign(&json!({ "alg": "RS256", "typ": "JWT", "kid": KEY_ID }), claims)
    }

    /// As [`Issuer::mint`], but with this header, whatever it says.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        signed(&self.signing, Algorithm::RS256, header, &self.complete(claims))
    }

    /// As [`Issuer::mint`], but signed with a key that was never published.
    pub fn sign_as_stranger(&self, header: &Value, claims: &Value) -> String {
        signed(&self.stranger, Algorithm::RS256, header, &self.complete(claims))
    }

    /// A token with an HMAC, such as one keyed with the public key's text.
    pub fn sign_hs256(&self, secret: &[u8], header: &Value, claims: &Value) -> String {
        signed(&EncodingKey::from_secret(secret), Algorithm::HS256, header, &self.complete(claims))
    }

    /// A token with an empty signature.
    pub fn unsigned(&self, header: &Value, claims: &Value) -> String {
        format!("{}.", signing_input(header, &self.complete(claims)))
    }

    pub fn public_key_pem(&self) -> anyhow::Result<String> {
        Ok(self.public.to_public_key_pem(LineEnding::LF)?)
    }

    pub(crate) fn decoding_key(&self) -> DecodingKey {
        DecodingKey::from_rsa_raw_components(&self.public.n().to_bytes_be(), &self.public.e().to_bytes_be())
    }

    /// `/.well-known/openid-configuration` and the keys that it points to.
    pub fn router(&self) -> Router {
        let configuration = json!({
            "issuer": self.url,
            "jwks_uri": format!("{}/.well-known/jwks.json", self.url),
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["token"],
            "subject_types_supported": ["public"],
        });
        let keys = json!({ "keys": [{
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": KEY_ID,
            "n": BASE64_URL_SAFE_NO_PAD.encode(self.public.n().to_bytes_be()),
            "e": BASE64_URL_SAFE_NO_PAD.encode(self.public.e().to_bytes_be()),
        }] });
        Router::new()
            .route("/.well-known/openid-configuration", get(async move || Json(configuration)))
            .route("/.well-known/jwks.json", get(async move || Json(keys)))
    }

    fn complete(&self, claims: &Value) -> Value {
        let now = clock::now().as_second();
        let mut complete = json!({
            "iss": self.url, "aud": AUDIENCE, "iat": now, "nbf": now, "exp": now + TOKEN_LIFETIME_SECONDS,
        });
        for (name, value) in claims.as_object().into_iter().flatten() {
            complete[name] = value.clone();
        }
        if let Some(claims) = complete.as_object_mut() {
            claims.retain(|_, value| !value.is_null());
        }
        complete
    }
}

fn signing_input(header: &Value, claims: &Value) -> String {
    let part = |json: &Value| BASE64_URL_SAFE_NO_PAD.encode(json.to_string());
    format!("{}.{}", part(header), part(claims))
}

fn signed(key: &EncodingKey, algorithm: Algorithm, header: &Value, claims: &Value) -> String {
    let input = signing_input(header, claims);
    let signature = sign(input.as_bytes(), key, algorithm).expect("an RSA or HMAC key signs anything");
    format!("{input}.{signature}")
}

/// The keys, once per program and, through the file, once per checkout: making them takes a moment.
fn keys(folder: &Path) -> anyhow::Result<Arc<Keys>> {
    static KEYS: Mutex<Option<(PathBuf, Arc<Keys>)>> = Mutex::new(None);
    let mut known = KEYS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((from, keys)) = known.as_ref()
        && from == folder
    {
        return Ok(Arc::clone(keys));
    }
    let keys = Arc::new(load_or_make(&folder.join("issuer.json"))?);
    *known = Some((folder.to_path_buf(), Arc::clone(&keys)));
    Ok(keys)
}

fn load_or_make(file: &Path) -> anyhow::Result<Keys> {
    if let Ok(text) = std::fs::read(file) {
        let saved: Value =
            serde_json::from_slice(&text).with_context(|| format!("{} is damaged: delete it", file.display()))?;
        let read = |name: &str| {
            let der = BASE64_STANDARD.decode(saved[name].as_str().unwrap_or_default())?;
            RsaPrivateKey::from_pkcs1_der(&der).with_context(|| format!("{} is damaged: delete it", file.display()))
        };
        return Ok(Keys { ours: read("ours")?, stranger: read("stranger")? });
    }
    let keys =
        Keys { ours: RsaPrivateKey::new(&mut OsRng, KEY_BITS)?, stranger: RsaPrivateKey::new(&mut OsRng, KEY_BITS)? };
    let write = |key: &RsaPrivateKey| Ok::<_, anyhow::Error>(BASE64_STANDARD.encode(key.to_pkcs1_der()?.as_bytes()));
    let saved = json!({ "ours": write(&keys.ours)?, "stranger": write(&keys.stranger)? });
    // Two programs may do this at once: each writes a file of its own and the last one to rename wins.
    let draft = file.with_extension(format!("{}.tmp", std::process::id()));
    std::fs::write(&draft, saved.to_string()).with_context(|| format!("writing {}", draft.display()))?;
    std::fs::rename(&draft, file).with_context(|| format!("writing {}", file.display()))?;
    Ok(keys)
}
