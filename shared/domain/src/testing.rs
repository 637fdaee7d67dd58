//! For tests (feature `testing`): rows that are in order, so that a test says only what it changes.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::access::Belonging;
use crate::account::{AdAccount, Standing};
use crate::causes::{Cause, NamedBusinessCenter};
use crate::gap::Opening;

/// An Active ad account of `org-1` that nobody has asked TikTok about.
pub fn an_account() -> AdAccount {
    AdAccount {
        org_id: "org-1".parse().expect("an organisation"),
        advertiser_id: "7100000000000000011".parse().expect("digits"),
        name: "Shop EU".to_owned(),
        business_center: NamedBusinessCenter { id: "7200000000000000021".parse().expect("digits"), name: None },
        belonging: Belonging::default(),
        connected_by: None,
        last_data_on: None,
        time_zone: None,
        grant_id: None,
        standing: Standing::Active { since: Timestamp::UNIX_EPOCH },
        at_risk: BTreeSet::new(),
        findings: Vec::new(),
        version: 4,
        revision: 7,
    }
}

/// One that has needed connecting since `at`, with data until then.
pub fn a_lapsed_account(causes: Vec<Cause>, at: Timestamp) -> AdAccount {
    let standing = Standing::NeedsConnecting { lapsed_since: at, gap_opening: Opening::never_read(at), causes };
    AdAccount { standing, ..an_account() }
}
