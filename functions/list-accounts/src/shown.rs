//! What people get to see, in the shapes of the API description.

use domain::account::AdAccount;
use domain::causes::{Cause, CauseShown, NamedBusinessCenter};
use domain::checks::Finding;
use domain::gap::{Gap, unrecoverable_before};
use domain::grant::Grant;
use domain::transition::open_gap;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;
use shared::store::counts::Counts;
use shared::store::list_accounts::{Behind, Happened};
use shared::store::rows::{self, RowItem};

const SUPPORT: &str = "support@creativex.com";

#[derive(Serialize)]
pub struct AccountList {
    accounts: Vec<AccountRow>,
    counts: Counts,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

impl AccountList {
    pub fn new(rows: Vec<RowItem>, counts: Counts, next_cursor: Option<String>) -> Self {
        Self { accounts: rows.into_iter().map(AccountRow::from).collect(), counts, next_cursor }
    }
}

#[derive(Serialize)]
struct AccountRow {
    #[serde(flatten)]
    row: RowItem,
    platform: &'static str,
}

impl From<RowItem> for AccountRow {
    fn from(row: RowItem) -> Self {
        Self { row, platform: "tiktok" }
    }
}

#[derive(Serialize)]
pub struct AccountDetails<'a> {
    #[serde(flatten)]
    row: AccountRow,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_proven_at: Option<Timestamp>,
    business_center: NamedBusinessCenter,
    causes: Vec<CauseShown>,
    findings: &'a [Finding],
    grant: Option<GrantShown<'a>>,
    gap: Option<OpenGap>,
    support: &'static str,
}

impl<'a> AccountDetails<'a> {
    pub fn new(account: &'a AdAccount, behind: &'a Behind, now: Timestamp) -> Self {
        let Behind { grant, business_center } = behind;
        let known = account.business_center.name.as_ref();
        Self {
            row: rows::row(account).into(),
            last_proven_at: grant.as_ref().and_then(|grant| grant.last_proven_at),
            business_center: NamedBusinessCenter {
                id: account.business_center.id.clone(),
                name: known.or(business_center.name.as_ref()).cloned(),
            },
            causes: account.causes().iter().map(Cause::shown).collect(),
            findings: &account.findings,
            grant: grant.as_ref().map(|grant| GrantShown::new(grant, &account.findings)),
            gap: open_gap(account, now).map(|Gap { from, to, .. }| OpenGap {
                from,
                to,
                unrecoverable_before: unrecoverable_before(now, account.time_zone.as_ref()),
            }),
            support: SUPPORT,
        }
    }
}

/// Of a grant, what helps people recognise it.
#[derive(Serialize)]
struct GrantShown<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    authorized_by: Option<&'a str>,
    granted_at: Timestamp,
    permissions: Vec<&'static str>,
    ad_accounts: u64,
}

impl<'a> GrantShown<'a> {
    fn new(grant: &'a Grant, findings: &[Finding]) -> Self {
        Self {
            authorized_by: grant.authorized_by.as_ref().map(|person| person.display_name.as_str()),
            granted_at: grant.granted_at,
            permissions: grant.scopes.permissions(findings),
            ad_accounts: grant.ad_accounts,
        }
    }
}

#[derive(Serialize)]
struct OpenGap {
    from: Date,
    to: Date,
    unrecoverable_before: Date,
}

#[derive(Serialize)]
pub struct History {
    pub history: Vec<Happened>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}
