//! The consent page's rules: what is asked, what a person may choose, and what comes of it.
//!
//! The clickable page and [`Handle::consent`](crate::Handle::consent) both end in [`decide`].

use std::collections::{BTreeSet, HashSet};

use jiff::Timestamp;
use url::{Position, Url, form_urlencoded};

use crate::{
    scopes,
    switches::{DeniedConsent, RedirectParameters},
    world::{AdAccountState, Owner, StandInError, World, grants::Agreement},
};

/// Stands in the Business Center switch for ad accounts of the person's own.
pub const PERSONAL: &str = "personal";

/// A person's decision, as a test words it.
#[derive(Clone, Debug)]
pub struct Consent {
    pub login: String,
    /// A `bc_id` or [`PERSONAL`]. `None`: the first that offers all the accounts asked for, else what the page shows first.
    pub business_center: Option<String>,
    pub permissions: Permissions,
    pub ad_accounts: AdAccounts,
    /// `false` presses Cancel.
    pub confirm: bool,
}

/// Which first-level permission switches stay on.
#[derive(Clone, Debug)]
pub enum Permissions {
    All,
    Off(Vec<u64>),
    Only(Vec<u64>),
}

/// Which ad accounts are ticked.
#[derive(Clone, Debug)]
pub enum AdAccounts {
    /// All that are offered.
    All,
    Only(Vec<String>),
    None,
}

impl AdAccounts {
    pub fn only<T: Into<String>>(ids: impl IntoIterator<Item = T>) -> Self {
        Self::Only(ids.into_iter().map(Into::into).collect())
    }
}

impl Consent {
    /// Confirms everything that the page offers this person at first.
    pub fn by(login: impl Into<String>) -> Self {
        Self {
            login: login.into(),
            business_center: None,
            permissions: Permissions::All,
            ad_accounts: AdAccounts::All,
            confirm: true,
        }
    }

    #[must_use]
    pub fn in_business_center(mut self, bc_id: impl Into<String>) -> Self {
        self.business_center = Some(bc_id.into());
        self
    }

    #[must_use]
    pub fn permissions(mut self, permissions: Permissions) -> Self {
        self.permissions = permissions;
        self
    }

    #[must_use]
    pub fn ad_accounts(mut self, ad_accounts: AdAccounts) -> Self {
        self.ad_accounts = ad_accounts;
        self
    }

    #[must_use]
    pub fn cancelled(mut self) -> Self {
        self.confirm = false;
        self
    }
}

/// Where the browser goes next; `None`: nowhere, the page says that the window may be closed.
#[derive(Clone, Debug)]
pub struct ConsentOutcome {
    pub redirect: Option<Url>,
}

/// An authorization URL that names a known app and one of its redirect URIs.
pub(crate) struct AuthorizationRequest {
    pub app_id: String,
    pub app_name: String,
    redirect_uri: Url,
    state: Option<String>,
    /// What the app asks for, less what a `scope` parameter leaves out.
    scopes: Vec<u64>,
}

impl AuthorizationRequest {
    /// Reads the query of `/portal/auth`. Parameters that nobody knows are ignored.
    pub fn parse(world: &World, query: &str) -> Result<Self, StandInError> {
        let invalid = |why: String| StandInError::Invalid(why);
        let find = |wanted: &str| {
            form_urlencoded::parse(query.as_bytes())
                .find(|(name, _)| name == wanted)
                .map(|(_, value)| value.into_owned())
        };
        let required = |name: &str| find(name).ok_or_else(|| invalid(format!("`{name}` is missing")));
        let app_id = required("app_id")?;
        let app = world.apps.get(&app_id).filter(|app| !app.blocked);
        let app = app.ok_or_else(|| StandInError::NotFound { what: "app", id: app_id.clone() })?;
        let redirect_uri = required("redirect_uri")?;
        if !app.redirect_uris.contains(&redirect_uri) {
            return Err(invalid(format!("`redirect_uri` {redirect_uri} is not registered for this app")));
        }
        let redirect_uri = Url::parse(&redirect_uri).map_err(|error| invalid(error.to_string()))?;
        let scopes = match find("scope") {
            None => app.scopes.clone(),
            Some(text) => {
                let asked: Vec<u64> = serde_json::from_str(&text)
                    .map_err(|_| invalid("`scope` is not a JSON list of scope ids".to_owned()))?;
                asked.into_iter().filter(|id| scopes::permits(&app.scopes, *id)).collect()
            }
        };
        Ok(Self { app_name: app.name.clone(), app_id, redirect_uri, state: find("state"), scopes })
    }

    /// The first-level permissions on the page, each once.
    pub fn permissions(&self) -> Vec<(u64, &'static str)> {
        let roots: BTreeSet<u64> = self.scopes.iter().filter_map(|id| scopes::root(*id)).collect();
        roots.into_iter().filter_map(|id| Some((id, scopes::find(id)?.name))).collect()
    }

    /// The site that the redirect URI is on, for a person to read.
    pub fn leads_to(&self) -> &str {
        &self.redirect_uri[..Position::BeforePath]
    }

    /// The redirect URI with these parameters and the state.
    fn back(&self, parameters: &[(&str, &str)]) -> Url {
        let mut url = self.redirect_uri.clone();
        url.query_pairs_mut()
            .extend_pairs(parameters)
            .extend_pairs(self.state.as_deref().map(|state| ("state", state)));
        url
    }
}

/// The Business Centers that the switch offers this person: `(bc_id, name)`.
pub(crate) fn centers(world: &World, login: &str) -> Vec<(String, String)> {
    let acts_in = world.business_centers.values().filter(|center| world.acts_in(center, login).is_some());
    let mut centers: Vec<_> = acts_in.map(|center| (center.info.bc_id.clone(), center.info.name.clone())).collect();
    let owns = world.ad_accounts.values().any(|account| !account.deleted && account.info.owner == Owner::person(login));
    if owns || centers.is_empty() {
        centers.push((PERSONAL.to_owned(), "No Business Center: your own ad accounts".to_owned()));
    }
    centers
}

/// The ad accounts that can be ticked in one Business Center, those shared with it included.
pub(crate) fn accounts<'a>(world: &'a World, login: &str, center: &str) -> Vec<&'a AdAccountState> {
    let accounts = world.ad_accounts.values().filter(|account| !account.deleted);
    accounts
        .filter(|account| match center {
            PERSONAL => account.info.owner == Owner::person(login),
            bc_id => world.role_through(account, bc_id, login).is_some(),
        })
        .collect()
}

/// What the page's buttons send.
pub(crate) struct Choice {
    pub login: String,
    pub center: String,
    /// First-level permissions that are on.
    pub permissions: Vec<u64>,
    pub advertiser_ids: Vec<String>,
    pub confirm: bool,
}

/// Confirm or Cancel. On Confirm a code is issued.
pub(crate) fn decide(
    world: &mut World,
    request: &AuthorizationRequest,
    choice: Choice,
    now: Timestamp,
) -> Result<ConsentOutcome, StandInError> {
    world.person(&choice.login)?;
    if !choice.confirm {
        let redirect = match world.switches.denied_consent {
            DeniedConsent::NoRedirect => None,
            DeniedConsent::StateOnly => Some(request.back(&[])),
            DeniedConsent::AccessDenied => Some(request.back(&[("error", "access_denied")])),
        };
        return Ok(ConsentOutcome { redirect });
    }
    if !centers(world, &choice.login).iter().any(|(bc_id, _)| *bc_id == choice.center) {
        return Err(StandInError::Invalid(format!("{} is not in Business Center {}", choice.login, choice.center)));
    }
    let offered = accounts(world, &choice.login, &choice.center).into_iter();
    let offered: HashSet<&str> = offered.map(|account| account.info.advertiser_id.as_str()).collect();
    if let Some(id) = choice.advertiser_ids.iter().find(|id| !offered.contains(id.as_str())) {
        return Err(StandInError::Invalid(format!("ad account {id} is not offered in {}", choice.center)));
    }
    // Ids that no table knows have no switch: they go with the rest.
    let is_on = |id: &u64| scopes::root(*id).is_none_or(|root| choice.permissions.contains(&root));
    let agreement = Agreement {
        app_id: request.app_id.clone(),
        login: choice.login,
        scopes: request.scopes.iter().copied().filter(is_on).collect(),
        advertiser_ids: choice.advertiser_ids.into_iter().collect(),
        app_scopes: request.scopes.clone(),
    };
    let code = world.issue_code(agreement, now);
    let parameters: &[(&str, &str)] = match world.switches.redirect_parameters {
        RedirectParameters::Both => &[("auth_code", &code), ("code", &code)],
        RedirectParameters::AuthCodeOnly => &[("auth_code", &code)],
        RedirectParameters::CodeOnly => &[("code", &code)],
    };
    Ok(ConsentOutcome { redirect: Some(request.back(parameters)) })
}

/// Turns a test's words into the clicks they stand for.
pub(crate) fn choose(world: &World, request: &AuthorizationRequest, consent: Consent) -> Result<Choice, StandInError> {
    world.person(&consent.login)?;
    let ids_in = |center: &str| -> Vec<String> {
        accounts(world, &consent.login, center).iter().map(|account| account.info.advertiser_id.clone()).collect()
    };
    let centers = centers(world, &consent.login);
    let center = match (consent.business_center, &consent.ad_accounts) {
        (Some(center), _) => Some(center),
        (None, AdAccounts::Only(wanted)) => {
            let offers_all = |center: &str| {
                let offered = ids_in(center);
                wanted.iter().all(|id| offered.contains(id))
            };
            let fitting = centers.iter().find(|(bc_id, _)| offers_all(bc_id));
            fitting.or(centers.first()).map(|(bc_id, _)| bc_id.clone())
        }
        (None, _) => centers.first().map(|(bc_id, _)| bc_id.clone()),
    }
    .unwrap_or_else(|| PERSONAL.to_owned());
    let shown: Vec<u64> = request.permissions().into_iter().map(|(id, _)| id).collect();
    let permissions = match &consent.permissions {
        Permissions::All => shown,
        Permissions::Off(off) => shown.into_iter().filter(|id| !off.contains(id)).collect(),
        Permissions::Only(only) => shown.into_iter().filter(|id| only.contains(id)).collect(),
    };
    let advertiser_ids = match consent.ad_accounts {
        AdAccounts::All => ids_in(&center),
        AdAccounts::Only(ids) => ids,
        AdAccounts::None => Vec::new(),
    };
    Ok(Choice { login: consent.login, center, permissions, advertiser_ids, confirm: consent.confirm })
}
