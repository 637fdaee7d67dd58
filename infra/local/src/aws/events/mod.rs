//! EventBridge: the bus `reconnect`, its rules, and an archive of everything that was delivered.
//!
//! A rule is a pattern and a function. An event that matches is handed to the function whole, with its envelope, in the
//! background, and again when the function fails, as Lambda does with asynchronous events. [`wire`] is what
//! the SDK talks to.

pub mod wire;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use quamina::Quamina;
use serde_json::{Value, json};

use crate::aws::faults::Faults;
use crate::aws::names::{ACCOUNT_ID, REGION};
use crate::clock;
use crate::ids;
use crate::lambda::functions::Functions;

/// Which events go to which function.
const RULES: [(&str, &str); 1] =
    [("import-accounts", r#"{"source":["creativex.registry"],"detail-type":["AdAccountRegistered"]}"#)];

/// Lambda tries an asynchronous event twice more, after one minute and then two; here it need not take so long.
const ATTEMPTS: u32 = 3;
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(100);

/// An event before it is on the bus.
#[derive(Clone, Debug)]
pub struct Entry {
    pub source: String,
    pub detail_type: String,
    pub detail: Value,
    pub resources: Vec<String>,
    /// `None` is now.
    pub time: Option<jiff::Timestamp>,
}

#[derive(Debug, Default)]
struct Archive {
    /// Envelopes, in the order in which they came.
    delivered: Vec<Value>,
    /// Bodies of all calls, also of those that failed.
    asked: Vec<String>,
    failures: Vec<String>,
}

struct Inner {
    functions: Functions,
    rules: Mutex<Quamina<String>>,
    archive: Mutex<Archive>,
    /// Targets that are being invoked now.
    under_way: AtomicUsize,
}

/// The bus of one world. Clones share it.
#[derive(Clone)]
pub struct Bus {
    inner: Arc<Inner>,
    /// For calls over the wire.
    pub faults: Faults,
}

impl Bus {
    pub fn new(functions: Functions) -> anyhow::Result<Self> {
        let inner = Inner {
            functions,
            rules: Mutex::new(Quamina::new()),
            archive: Mutex::default(),
            under_way: AtomicUsize::new(0),
        };
        let bus = Self { inner: Arc::new(inner), faults: Faults::default() };
        for (function, pattern) in RULES {
            bus.add_rule(function, pattern)?;
        }
        Ok(bus)
    }

    /// From now on `function` gets the events that match this pattern. Patterns are EventBridge's own.
    pub fn add_rule(&self, function: &str, pattern: &str) -> anyhow::Result<()> {
        let mut rules = lock(&self.inner.rules);
        rules.add_pattern(function.to_owned(), pattern).with_context(|| format!("the pattern {pattern}"))
    }

    /// Puts one event on the bus, past the wire and its faults. Returns the id of its envelope.
    pub fn publish(&self, entry: &Entry) -> String {
        let id = ids::uuid();
        let time = entry.time.unwrap_or_else(clock::now);
        let envelope = json!({
            "version": "0",
            "id": id,
            "detail-type": entry.detail_type,
            "source": entry.source,
            "account": ACCOUNT_ID,
            "time": seconds(time),
            "region": REGION,
            "resources": entry.resources,
            "detail": entry.detail,
        });
        let matching = lock(&self.inner.rules).matches_for_event(envelope.to_string().as_bytes());
        lock(&self.inner.archive).delivered.push(envelope.clone());
        match matching {
            Ok(functions) => functions.into_iter().for_each(|function| self.deliver(function, envelope.clone())),
            Err(error) => self.note_failure(format!("matching the event {id}: {error}")),
        }
        id
    }

    fn deliver(&self, function: String, envelope: Value) {
        self.inner.under_way.fetch_add(1, Ordering::SeqCst);
        let bus = self.clone();
        tokio::spawn(async move {
            for attempt in 1..=ATTEMPTS {
                match bus.inner.functions.invoke(&function, envelope.clone()).await {
                    Ok(_) => break,
                    Err(error) => bus.note_failure(error.to_string()),
                }
                if attempt < ATTEMPTS {
                    tokio::time::sleep(BETWEEN_ATTEMPTS).await;
                }
            }
            bus.inner.under_way.fetch_sub(1, Ordering::SeqCst);
        });
    }

    fn note_failure(&self, failure: String) {
        self.inner.functions.logs().note("event bus", failure.clone());
        lock(&self.inner.archive).failures.push(failure);
    }

    /// Everything that was delivered so far: whole envelopes, in the order in which they came.
    pub fn delivered(&self) -> Vec<Value> {
        lock(&self.inner.archive).delivered.clone()
    }

    /// Delivered events with this detail type.
    pub fn of_type(&self, detail_type: &str) -> Vec<Value> {
        self.delivered().into_iter().filter(|event| event["detail-type"] == detail_type).collect()
    }

    /// The bodies of all calls, also of those that failed.
    pub fn asked(&self) -> Vec<String> {
        lock(&self.inner.archive).asked.clone()
    }

    /// What went wrong with the functions behind the rules.
    pub fn failures(&self) -> Vec<String> {
        lock(&self.inner.archive).failures.clone()
    }

    /// Waits until at least `count` events were delivered; `false` when they are not within `patience`.
    pub async fn wait_for(&self, count: usize, patience: Duration) -> bool {
        let come = async {
            while lock(&self.inner.archive).delivered.len() < count {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(patience, come).await.is_ok()
    }

    /// Waits until the functions behind the rules have dealt with all that was delivered so far.
    pub async fn settled(&self) {
        while self.inner.under_way.load(Ordering::SeqCst) > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub(crate) fn note_call(&self, body: &[u8]) {
        lock(&self.inner.archive).asked.push(String::from_utf8_lossy(body).into_owned());
    }
}

impl std::fmt::Debug for Bus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bus").field("delivered", &lock(&self.inner.archive).delivered.len()).finish_non_exhaustive()
    }
}

/// As EventBridge spells times: UTC, whole seconds.
pub(crate) fn seconds(time: jiff::Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
