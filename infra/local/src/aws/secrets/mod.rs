//! Secrets Manager: the secrets with their versions and stages, what was asked for them, and outages on demand.
//!
//! [`Secrets`] is the handle that the world and the tests hold; [`wire`] is what the SDK talks to. As on
//! AWS, a secret has versions, and stage labels point at them: a new value takes `AWSCURRENT`, and what had it becomes
//! `AWSPREVIOUS`.

pub mod wire;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::aws::names::{ACCOUNT_ID, REGION};
use crate::clock;

pub const CURRENT: &str = "AWSCURRENT";
pub const PREVIOUS: &str = "AWSPREVIOUS";

/// The value of a version, as text or as bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SecretValue {
    Text(String),
    /// Base64, as on the wire.
    Binary(String),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Version {
    pub id: String,
    pub value: SecretValue,
    /// Seconds since 1970.
    pub created: i64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Secret {
    pub name: String,
    pub arn: String,
    pub versions: Vec<Version>,
    /// Stage label to version id.
    pub stages: BTreeMap<String, String>,
}

impl Secret {
    pub fn version(&self, id: &str) -> Option<&Version> {
        self.versions.iter().find(|version| version.id == id)
    }

    pub fn stages_of(&self, id: &str) -> Vec<&str> {
        self.stages.iter().filter(|(_, version)| *version == id).map(|(stage, _)| stage.as_str()).collect()
    }

    /// Adds a version and moves the labels as AWS does. A version without any label left is forgotten.
    pub fn put(&mut self, id: &str, value: SecretValue, stages: &[String]) {
        self.versions.push(Version { id: id.to_owned(), value, created: clock::now().as_second() });
        for stage in stages {
            self.move_stage(stage, id);
        }
    }

    pub fn move_stage(&mut self, stage: &str, id: &str) {
        let before = self.stages.insert(stage.to_owned(), id.to_owned());
        if let Some(before) = before.filter(|before| stage == CURRENT && before != id) {
            self.stages.insert(PREVIOUS.to_owned(), before);
        }
        let Self { versions, stages, .. } = self;
        versions.retain(|version| stages.values().any(|staged| *staged == version.id));
    }
}

/// How Secrets Manager behaves from now on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outage {
    #[default]
    None,
    /// Answers every call with this HTTP status and `InternalServiceError`.
    Status(u16),
    /// Takes calls and never answers.
    Hang,
    /// Answers rightly, but only after this time.
    Slow(Duration),
}

#[derive(Debug, Default)]
struct State {
    secrets: BTreeMap<String, Secret>,
    /// (operation, secret id as it was asked for) to number of calls.
    calls: BTreeMap<(String, String), u64>,
    outage: Outage,
}

/// The secrets of one world. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Secrets {
    state: Arc<Mutex<State>>,
    file: Option<PathBuf>,
}

impl Secrets {
    /// Secrets that are kept in `file` from run to run, since tokens in a kept database are sealed with a kept key.
    pub fn kept_in(file: &Path) -> anyhow::Result<Self> {
        let secrets = match std::fs::read(file) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .with_context(|| format!("{} is damaged; --fresh starts over", file.display()))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error).with_context(|| format!("reading {}", file.display())),
        };
        let state = State { secrets, ..State::default() };
        Ok(Self { state: Arc::new(Mutex::new(state)), file: Some(file.to_path_buf()) })
    }

    /// Creates the secret or rotates it: `value` becomes current, and what was current becomes previous.
    pub fn put(&self, name: &str, value: &str) {
        let value = SecretValue::Text(value.to_owned());
        self.change(|secrets| {
            let secret = secrets.entry(name.to_owned()).or_insert_with(|| new_secret(name));
            secret.put(&new_version_id(), value, &[CURRENT.to_owned()]);
        });
    }

    pub fn remove(&self, name: &str) {
        self.change(|secrets| secrets.remove(name));
    }

    /// The current text of a secret.
    pub fn current(&self, name: &str) -> Option<String> {
        let state = self.lock();
        let secret = state.secrets.get(name)?;
        match &secret.version(secret.stages.get(CURRENT)?)?.value {
            SecretValue::Text(text) => Some(text.clone()),
            SecretValue::Binary(_) => None,
        }
    }

    /// How often an operation, such as `GetSecretValue`, was called for this secret, under the name or ARN that was
    /// asked for.
    pub fn calls(&self, operation: &str, secret_id: &str) -> u64 {
        self.lock().calls.get(&(operation.to_owned(), secret_id.to_owned())).copied().unwrap_or_default()
    }

    /// All calls since the start or since [`Secrets::forget_calls`].
    pub fn total_calls(&self) -> u64 {
        self.lock().calls.values().sum()
    }

    pub fn forget_calls(&self) {
        self.lock().calls.clear();
    }

    pub fn set_outage(&self, outage: Outage) {
        self.lock().outage = outage;
    }

    pub(crate) fn outage(&self) -> Outage {
        self.lock().outage
    }

    pub(crate) fn count(&self, operation: &str, secret_id: &str) {
        *self.lock().calls.entry((operation.to_owned(), secret_id.to_owned())).or_default() += 1;
    }

    /// Finds a secret by name or ARN.
    pub(crate) fn find(&self, id: &str) -> Option<Secret> {
        self.lock().secrets.values().find(|secret| secret.name == id || secret.arn == id).cloned()
    }

    /// Changes the secrets and keeps them, when they are kept.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut BTreeMap<String, Secret>) -> T) -> T {
        let mut state = self.lock();
        let result = change(&mut state.secrets);
        if let Some(file) = &self.file {
            // A file that cannot be written shows at the next start, as secrets that do not open the database's tokens.
            let _ = serde_json::to_vec_pretty(&state.secrets).map(|bytes| std::fs::write(file, bytes));
        }
        result
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn new_secret(name: &str) -> Secret {
    Secret {
        name: name.to_owned(),
        // AWS ends an ARN with six random characters, so that a secret made again has another one. Names are never
        // reused here.
        arn: format!("arn:aws:secretsmanager:{REGION}:{ACCOUNT_ID}:secret:{name}-LocAl1"),
        versions: Vec::new(),
        stages: BTreeMap::new(),
    }
}

pub(crate) fn new_version_id() -> String {
    crate::ids::uuid()
}
