//! Authorization: codes that live an hour and are used once, tokens that live until someone ends them.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{AdAccountState, StandInError, World, change::not_found};
use crate::{
    ids,
    switches::{Reauthorization, ReauthorizedAccounts},
};

/// What a person agreed to on the consent page. Becomes a token when its code is exchanged.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Agreement {
    pub app_id: String,
    pub login: String,
    /// In the app's order; any mix of levels.
    pub scopes: Vec<u64>,
    pub advertiser_ids: BTreeSet<String>,
    /// What the app asked for at that moment: tells "was refused" from "came later".
    pub app_scopes: Vec<u64>,
}

/// A one-use code. No `Debug`: it is a secret.
#[derive(Serialize, Deserialize)]
pub(crate) struct Code {
    pub agreement: Agreement,
    pub expires_at: Timestamp,
    pub spent: bool,
}

/// A living or dead token's meaning. No `Debug`: it lies beside its token.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Grant {
    pub agreement: Agreement,
    pub granted_at: Timestamp,
    pub revoked: bool,
}

impl World {
    /// Writes down an agreement and returns the code for the redirect.
    pub(crate) fn issue_code(&mut self, agreement: Agreement, now: Timestamp) -> String {
        let life = SignedDuration::from_secs(self.switches.code_lifetime_seconds);
        let code = ids::secret();
        let expires_at = now.checked_add(life).unwrap_or(now);
        self.codes.insert(code.clone(), Code { agreement, expires_at, spent: false });
        code
    }

    /// Uses a code up. `None`: unknown, used, cancelled, expired, or another app's.
    pub(crate) fn redeem(&mut self, code: &str, app_id: &str, now: Timestamp) -> Option<(String, Grant)> {
        let code = self.codes.get_mut(code)?;
        if code.spent || now >= code.expires_at || code.agreement.app_id != app_id {
            return None;
        }
        code.spent = true;
        let agreement = code.agreement.clone();
        Some(self.grant(agreement, now))
    }

    /// Turns an agreement into a token: the same one again, or a new one, as the switches have it.
    pub(crate) fn grant(&mut self, agreement: Agreement, now: Timestamp) -> (String, Grant) {
        let how = self.switches.reauthorization;
        let wanted: BTreeSet<u64> = agreement.scopes.iter().copied().collect();
        let mut living = self.grants.iter_mut().filter(|(_, grant)| {
            !grant.revoked && grant.agreement.app_id == agreement.app_id && grant.agreement.login == agreement.login
        });
        if how == Reauthorization::SameToken
            && let Some((token, grant)) =
                living.find(|(_, grant)| grant.agreement.scopes.iter().copied().collect::<BTreeSet<_>>() == wanted)
        {
            let earlier = std::mem::replace(&mut grant.agreement, agreement).advertiser_ids;
            if self.switches.reauthorized_accounts == ReauthorizedAccounts::Added {
                grant.agreement.advertiser_ids.extend(earlier);
            }
            grant.granted_at = now;
            return (token.clone(), grant.clone());
        }
        if how == Reauthorization::NewTokenKillsOld {
            self.grants
                .values_mut()
                .filter(|grant| grant.agreement.app_id == agreement.app_id && grant.agreement.login == agreement.login)
                .for_each(|grant| grant.revoked = true);
        }
        let token = ids::secret();
        let grant = Grant { agreement, granted_at: now, revoked: false };
        self.grants.insert(token.clone(), grant.clone());
        (token, grant)
    }

    /// The accounts a grant covers now: those that were ticked and that its person still reaches.
    pub(crate) fn covered<'a>(&'a self, agreement: &'a Agreement) -> impl Iterator<Item = &'a AdAccountState> {
        self.ad_accounts.values().filter(|account| self.covers(agreement, account))
    }

    pub(crate) fn covers(&self, agreement: &Agreement, account: &AdAccountState) -> bool {
        let ticked = agreement.advertiser_ids.contains(&account.info.advertiser_id);
        (ticked || self.switches.later_accounts_covered) && self.reaches(account, &agreement.login)
    }

    pub(crate) fn covered_ids(&self, agreement: &Agreement) -> Vec<String> {
        self.covered(agreement).map(|account| account.info.advertiser_id.clone()).collect()
    }

    /// The person withdraws their authorization of the app: all its tokens die, and codes on the way are cancelled.
    /// Returns how many tokens died.
    pub fn revoke_authorization(&mut self, login: &str, app_id: &str) -> Result<usize, StandInError> {
        self.person(login)?;
        self.app_mut(app_id)?;
        let theirs = |agreement: &Agreement| agreement.login == login && agreement.app_id == app_id;
        for code in self.codes.values_mut().filter(|code| theirs(&code.agreement)) {
            code.spent = true;
        }
        let living = self.grants.values_mut().filter(|grant| !grant.revoked && theirs(&grant.agreement));
        Ok(living.map(|grant| grant.revoked = true).count())
    }

    /// Ends one token.
    pub fn revoke_token(&mut self, token: &str) -> Result<(), StandInError> {
        let grant = self.grants.get_mut(token).filter(|grant| !grant.revoked);
        grant.ok_or_else(|| not_found("living token", &ids::fingerprint(token)))?.revoked = true;
        Ok(())
    }

    pub fn rotate_secret(&mut self, app_id: &str, secret: &str) -> Result<(), StandInError> {
        secret.clone_into(&mut self.app_mut(app_id)?.secret);
        if self.switches.secret_rotation_kills_tokens {
            self.grants
                .values_mut()
                .filter(|grant| grant.agreement.app_id == app_id)
                .for_each(|grant| grant.revoked = true);
        }
        Ok(())
    }
}
