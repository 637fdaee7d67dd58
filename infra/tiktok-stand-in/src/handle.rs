//! Steering a stand-in from the same process.

use std::{
    collections::BTreeSet,
    fmt,
    ops::{Deref, DerefMut},
    sync::{Arc, MutexGuard},
};

use jiff::Timestamp;
use url::Url;

use crate::{
    faults::{ActiveFault, Fault},
    log::LogEntry,
    portal::{self, AdAccounts, AuthorizationRequest, Consent, ConsentOutcome},
    state::{Shared, State},
    world::{StandInError, World, grants::Agreement},
};

/// Cheap to clone; all clones steer the same stand-in.
#[derive(Clone)]
pub struct Handle {
    pub(crate) shared: Arc<Shared>,
}

/// A token that was made without clicking.
pub struct Authorized {
    pub access_token: String,
    pub scopes: Vec<u64>,
    pub advertiser_ids: Vec<String>,
}

impl fmt::Debug for Authorized {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorized")
            .field("scopes", &self.scopes)
            .field("advertiser_ids", &self.advertiser_ids)
            .finish_non_exhaustive()
    }
}

impl Handle {
    /// The people, Business Centers, ad accounts, apps and switches. All endpoints wait while the guard lives: use it for
    /// one statement, `tiktok.world().remove_member(bc, "ana")?`.
    pub fn world(&self) -> WorldGuard<'_> {
        WorldGuard(self.shared.lock())
    }

    /// Does what a person does on the page behind `authorization_url`, up to the redirect.
    pub fn consent(&self, authorization_url: &str, consent: Consent) -> Result<ConsentOutcome, StandInError> {
        let url = Url::parse(authorization_url).map_err(|error| StandInError::Invalid(error.to_string()))?;
        if url.path() != "/portal/auth" {
            return Err(StandInError::Invalid(format!("{} is not the authorization page", url.path())));
        }
        let now = self.now();
        let mut world = self.world();
        let request = AuthorizationRequest::parse(&world, url.query().unwrap_or_default())?;
        let choice = portal::choose(&world, &request, consent)?;
        portal::decide(&mut world, &request, choice, now)
    }

    /// Authorizes an app at once, without page, code or exchange: for seeding. `AdAccounts::All` is everything that the
    /// person reaches in any Business Center.
    pub fn authorize(
        &self,
        login: &str,
        app_id: &str,
        scopes: impl Into<Vec<u64>>,
        ad_accounts: AdAccounts,
    ) -> Result<Authorized, StandInError> {
        let now = self.now();
        let mut world = self.world();
        world.person(login)?;
        let app_scopes = world.app_mut(app_id)?.scopes.clone();
        let advertiser_ids: BTreeSet<String> = match ad_accounts {
            AdAccounts::All => {
                let reached = world.ad_accounts.values().filter(|account| world.reaches(account, login));
                reached.map(|account| account.info.advertiser_id.clone()).collect()
            }
            AdAccounts::Only(ids) => ids.into_iter().collect(),
            AdAccounts::None => BTreeSet::new(),
        };
        let agreement = Agreement {
            app_id: app_id.to_owned(),
            login: login.to_owned(),
            scopes: scopes.into(),
            advertiser_ids,
            app_scopes,
        };
        let (access_token, grant) = world.grant(agreement, now);
        let advertiser_ids = world.covered_ids(&grant.agreement);
        Ok(Authorized { access_token, scopes: grant.agreement.scopes, advertiser_ids })
    }

    /// Puts a fault in place and returns its id.
    pub fn add_fault(&self, fault: Fault) -> Result<u64, StandInError> {
        self.shared.lock().faults.add(fault)
    }

    /// Takes a fault away; calls that it held go on. `false`: there was none by this id.
    pub fn clear_fault(&self, id: u64) -> bool {
        let cleared = self.shared.lock().faults.clear(id);
        self.shared.changed();
        cleared
    }

    pub fn clear_faults(&self) {
        self.shared.lock().faults.clear_all();
        self.shared.changed();
    }

    pub fn faults(&self) -> Vec<ActiveFault> {
        self.shared.lock().faults.list().to_vec()
    }

    /// The API calls so far, oldest first; at most the last 20,000.
    pub fn log(&self) -> Vec<LogEntry> {
        self.shared.lock().log.entries()
    }

    /// Forgets the log and sets the counters to zero.
    pub fn clear_log(&self) {
        self.shared.lock().log.clear();
    }

    /// How often a code was brought for exchange, successfully or not, on either token endpoint.
    pub fn exchanges(&self) -> u64 {
        self.calls("/oauth2/access_token/") + self.calls("/oauth/token/")
    }

    /// API calls on one endpoint, such as `/bc/get/`.
    pub fn calls(&self, endpoint: &str) -> u64 {
        self.shared.lock().log.calls(endpoint)
    }

    /// API calls on all endpoints together.
    pub fn total_calls(&self) -> u64 {
        self.shared.lock().log.total()
    }

    /// The most calls on one endpoint within any second of real time.
    pub fn peak_per_second(&self, endpoint: &str) -> usize {
        self.shared.lock().log.peak_per_second(endpoint)
    }

    /// Waits until an endpoint was called this often; calls that hang or are held count from their arrival.
    pub async fn wait_for_calls(&self, endpoint: &str, calls: u64) {
        self.shared.until(|state| state.log.calls(endpoint) >= calls).await;
    }

    /// The stand-in's time.
    pub fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// Lets time pass, for codes and quotas.
    pub fn advance_clock(&self, seconds: i64) {
        self.shared.clock.advance(seconds);
    }

    /// Everything that exists, tokens included, as JSON: for keeping a local world over a restart. Treat it as a secret.
    pub fn snapshot(&self) -> String {
        serde_json::to_string(&*self.world()).expect("the world has only text keys")
    }

    /// Puts a [`Handle::snapshot`] in place of everything that exists.
    pub fn restore(&self, snapshot: &str) -> Result<(), StandInError> {
        let world: World = serde_json::from_str(snapshot)
            .map_err(|error| StandInError::Invalid(format!("not a snapshot: {error}")))?;
        self.shared.lock().world = world;
        Ok(())
    }
}

/// The world, locked for as long as this lives.
pub struct WorldGuard<'a>(MutexGuard<'a, State>);

impl Deref for WorldGuard<'_> {
    type Target = World;

    fn deref(&self) -> &World {
        &self.0.world
    }
}

impl DerefMut for WorldGuard<'_> {
    fn deref_mut(&mut self) -> &mut World {
        &mut self.0.world
    }
}
