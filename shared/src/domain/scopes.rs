//! Permission scopes of a TikTok token and the rule that an id grants everything below it.
//!
//! TikTok publishes three levels; a token's list mixes them and may hold ids newer than any published table, which are
//! kept and ignored. Ids reach beyond 2^53, hence `u64` here and text in our JSON.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::checks::{Answer, Check, Finding};

/// What TikTok granted to one token, as the code exchange listed it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scopes(BTreeSet<u64>);

/// Something a call needs: satisfied by any of these ids, itself or an ancestor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permission {
    pub name: &'static str,
    satisfied_by: &'static [u64],
}

/// `/advertiser/info/` and `/oauth2/advertiser/get/`: Read Ad Account Information.
pub const READ_AD_ACCOUNT: Permission = Permission { name: "Read Ad Account Information", satisfied_by: &[100, 10, 1] };
/// `/bc/get/`: Read Business Center.
pub const READ_BUSINESS_CENTER: Permission = Permission { name: "Read Business Center", satisfied_by: &[150, 15, 1] };
/// `/bc/asset/admin/get/`: Business Center Asset.
pub const READ_BUSINESS_CENTER_ASSETS: Permission =
    Permission { name: "Business Center Asset", satisfied_by: &[153, 15, 1] };
/// `/report/integrated/get/`: Consolidated Report. Ids 40 to 43 have no endpoint left.
pub const READ_REPORTS: Permission = Permission { name: "Reporting", satisfied_by: &[44, 4] };

/// What the "Ad Account Management" switch must bring: everything that proving a connection reads.
pub const AD_ACCOUNT_MANAGEMENT: [Permission; 3] = [READ_AD_ACCOUNT, READ_BUSINESS_CENTER, READ_BUSINESS_CENTER_ASSETS];
/// What the "Reporting" switch must bring.
pub const REPORTING: [Permission; 1] = [READ_REPORTS];

impl Scopes {
    pub fn new(ids: impl IntoIterator<Item = u64>) -> Self {
        Self(ids.into_iter().collect())
    }

    pub fn ids(&self) -> impl Iterator<Item = u64> {
        self.0.iter().copied()
    }

    pub fn grants(&self, permission: Permission) -> bool {
        permission.satisfied_by.iter().any(|id| self.0.contains(id))
    }

    /// The first thing of `needed` that is missing; `None` when all of it is granted.
    pub fn missing(&self, needed: &[Permission]) -> Option<Permission> {
        needed.iter().copied().find(|permission| !self.grants(*permission))
    }

    /// Whether `earlier` held something that is no longer here. A list that TikTok left out says nothing.
    pub fn narrowed_from(&self, earlier: &Self) -> bool {
        !self.0.is_empty() && !earlier.0.is_subset(&self.0)
    }

    /// The names of the two switches a marketer knows, as far as they are granted: what a check found, and where none has
    /// an answer, what the list says.
    pub fn permissions(&self, findings: &[Finding]) -> Vec<&'static str> {
        let answer = |check| findings.iter().find(|finding| finding.check == check).map(|finding| finding.answer);
        let is_granted = |check, needed| match answer(check) {
            Some(Answer::Passed) => true,
            Some(Answer::Failed) => false,
            Some(Answer::Inconclusive) | None => self.missing(needed).is_none(),
        };
        let management = is_granted(Check::AdAccountManagementGranted, &AD_ACCOUNT_MANAGEMENT);
        let reporting = is_granted(Check::ReportingGranted, &REPORTING);
        let names = [(management, "Ad Account Management"), (reporting, "Reporting")];
        names.into_iter().filter_map(|(is_granted, name)| is_granted.then_some(name)).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn any_level_satisfies() {
        for granted in [1, 10, 100] {
            assert!(Scopes::new([granted]).grants(READ_AD_ACCOUNT));
        }
        assert!(Scopes::new([1, 4]).missing(&AD_ACCOUNT_MANAGEMENT).is_none());
        assert_eq!(Scopes::new([10, 150, 4]).missing(&AD_ACCOUNT_MANAGEMENT), Some(READ_BUSINESS_CENTER_ASSETS));
        assert_eq!(Scopes::new([1]).missing(&REPORTING), Some(READ_REPORTS));
        assert!(!Scopes::new([41]).grants(READ_REPORTS), "campaign-level reports are not account-level reports");
        assert!(Scopes::new([]).missing(&REPORTING).is_some());
    }

    #[test]
    fn a_check_says_more_than_the_list() {
        let known = Scopes::new([1]);
        let unknown = Scopes::new([7_000_000_000_000_000_001]);
        assert_eq!((known.permissions(&[]), unknown.permissions(&[])), (vec!["Ad Account Management"], vec![]));
        let passed = Finding::new(Check::ReportingGranted, Answer::Passed, []);
        let failed = Finding::new(Check::AdAccountManagementGranted, Answer::Failed, []);
        assert_eq!(known.permissions(&[passed, failed]), ["Reporting"]);
        let undecided = Finding::new(Check::AdAccountManagementGranted, Answer::Inconclusive, []);
        assert_eq!(known.permissions(&[undecided]), ["Ad Account Management"]);
    }

    proptest! {
        #[test]
        fn unknown_ids_neither_grant_nor_take_away(unknown in proptest::collection::vec(7_000_000_000_000_000_000u64.., 0..5), known in proptest::collection::vec(prop_oneof![Just(1u64), Just(4), Just(10), Just(15), Just(100), Just(150), Just(153), Just(40)], 0..6)) {
            let plain = Scopes::new(known.clone());
            let mixed = Scopes::new(known.into_iter().chain(unknown));
            for permission in AD_ACCOUNT_MANAGEMENT.into_iter().chain(REPORTING) {
                prop_assert_eq!(plain.grants(permission), mixed.grants(permission));
            }
        }

        #[test]
        fn more_scopes_never_grant_less(base in proptest::collection::btree_set(1u64..200, 0..20), more in 1u64..200) {
            let fewer = Scopes::new(base.clone());
            let wider = Scopes::new(base.into_iter().chain([more]));
            for permission in AD_ACCOUNT_MANAGEMENT.into_iter().chain(REPORTING) {
                prop_assert!(!fewer.grants(permission) || wider.grants(permission));
            }
            prop_assert!(!wider.narrowed_from(&fewer));
        }
    }
}
