//! What changes through some rows, decided from what is known. No IO: same rows, same knowledge, same plan.
//!
//! * An unknown account is new. With a connection it is Active and points to that grant; without one no authorization is
//!   held, so it needs connecting from now on.
//! * Of a known account, an import corrects names and what it belongs to. It never takes away a grant, and its Business
//!   Center is the original one for good.
//! * A known account that never had a grant becomes Active when a connection comes with it.

use std::collections::{BTreeMap, BTreeSet};

use domain::access::Belonging;
use domain::account::{AdAccount, Standing};
use domain::causes::CauseCode;
use domain::checks::Person;
use domain::gap::Opening;
use domain::grant::Grant;
use domain::ids::{GrantId, OrgId};
use jiff::Timestamp;
use shared::sealing::AccessToken;
use shared::store::import_accounts::{Change, Known};

use crate::row::{Connected, Refusal, Row, Wrong};

/// What is to be written for some rows, as one transaction.
#[derive(Debug, Default)]
pub struct Plan<'a> {
    pub changes: Vec<Change>,
    pub grants: Vec<GrantPlan<'a>>,
    pub unchanged: usize,
    pub refused: Vec<Refusal>,
}

/// What becomes of a grant that accounts begin to point to. The token is still to be sealed.
#[derive(Debug)]
pub enum GrantPlan<'a> {
    Make {
        grant: Grant,
        token: &'a AccessToken,
    },
    /// It was retired, and its token deleted.
    Revive {
        grant: Grant,
        token: &'a AccessToken,
    },
    Join {
        grant_id: GrantId,
        accounts: u64,
    },
}

/// The grants that the rows bring, each once.
pub fn grants_named(rows: &[Row]) -> Vec<GrantId> {
    let named: BTreeSet<_> = rows.iter().filter_map(|row| row.connected.as_ref()).map(|its| &its.grant_id).collect();
    named.into_iter().cloned().collect()
}

pub fn plan<'a>(org_id: &OrgId, rows: &'a [Row], known: &Known, now: Timestamp) -> Plan<'a> {
    let mut plan = Plan::default();
    let mut joined: BTreeMap<&GrantId, (&Connected, u64)> = BTreeMap::new();
    for row in rows {
        let before = known.accounts.get(&row.advertiser_id);
        let after = match before {
            None => Ok(new_account(org_id, row, now)),
            Some(before) => known_account(before, row, now),
        };
        match after {
            Err(wrong) => plan.refused.push(Refusal::of(row, wrong)),
            Ok(after) if Some(&after) == before => plan.unchanged += 1,
            Ok(mut after) => {
                after.revision += u64::from(before.is_some());
                let change = Change { before: before.cloned(), after };
                if let Some(connected) = row.connected.as_ref().filter(|_| change.joined().is_some()) {
                    joined.entry(&connected.grant_id).or_insert((connected, 0)).1 += 1;
                }
                plan.changes.push(change);
            }
        }
    }
    plan.grants = joined
        .into_values()
        .map(|(connected, accounts)| grant(org_id, connected, known.grants.get(&connected.grant_id), accounts, now))
        .collect();
    plan
}

fn new_account(org_id: &OrgId, row: &Row, now: Timestamp) -> AdAccount {
    let standing = match &row.connected {
        Some(_) => Standing::Active { since: now },
        None => Standing::NeedsConnecting {
            lapsed_since: now,
            gap_opening: Opening::never_read(now),
            causes: vec![CauseCode::AuthorizationRevoked.into()],
        },
    };
    AdAccount {
        org_id: org_id.clone(),
        advertiser_id: row.advertiser_id.clone(),
        name: row.name.clone(),
        business_center: row.business_center.clone(),
        belonging: row.belonging.clone(),
        connected_by: row.connected_by.clone(),
        last_data_on: row.connected.as_ref().and_then(|connected| connected.last_data_on),
        time_zone: None,
        grant_id: row.connected.as_ref().map(|connected| connected.grant_id.clone()),
        standing,
        at_risk: BTreeSet::new(),
        // Nothing has been asked of TikTok yet.
        findings: Vec::new(),
        version: 0,
        revision: 0,
    }
}

/// The account as it shall be, but for its revision: the same as before when the row says nothing new.
fn known_account(before: &AdAccount, row: &Row, now: Timestamp) -> Result<AdAccount, Wrong> {
    if row.business_center.id != before.business_center.id {
        return Err(Wrong::new("business_center_id", "is not the one that the ad account was first connected in"));
    }
    let mut after = before.clone();
    after.name.clone_from(&row.name);
    learn(&mut after.business_center.name, row.business_center.name.as_ref());
    let Belonging { brand, market, partner } = &row.belonging;
    learn(&mut after.belonging.brand, brand.as_ref());
    learn(&mut after.belonging.market, market.as_ref());
    learn(&mut after.belonging.partner, partner.as_ref());
    learn(&mut after.connected_by, row.connected_by.as_ref());
    if let (None, Some(connected)) = (&before.grant_id, &row.connected) {
        after.grant_id = Some(connected.grant_id.clone());
        after.last_data_on = connected.last_data_on;
        after.standing = Standing::Active { since: now };
    }
    Ok(after)
}

/// What a row leaves out stays as it is.
fn learn<T: Clone>(known: &mut Option<T>, said: Option<&T>) {
    if let Some(said) = said {
        *known = Some(said.clone());
    }
}

fn grant<'a>(
    org_id: &OrgId,
    connected: &'a Connected,
    known: Option<&Grant>,
    accounts: u64,
    now: Timestamp,
) -> GrantPlan<'a> {
    let Connected { token, token_fingerprint, grant_id, scopes, authorized_by, last_data_on: _ } = connected;
    if known.is_some_and(Grant::is_living) {
        return GrantPlan::Join { grant_id: grant_id.clone(), accounts };
    }
    let grant = Grant {
        grant_id: grant_id.clone(),
        org_id: org_id.clone(),
        token_version: known.map_or(1, |retired| retired.token_version + 1),
        token_fingerprint: token_fingerprint.clone(),
        // TikTok's own id of the person comes with the first check.
        authorized_by: authorized_by.clone().map(|display_name| Person { core_user_id: String::new(), display_name }),
        scopes: scopes.clone(),
        business_centers: Vec::new(),
        granted_at: now,
        last_proven_at: None,
        ad_accounts: accounts,
        retired_at: None,
    };
    match known {
        None => GrantPlan::Make { grant, token },
        Some(_) => GrantPlan::Revive { grant, token },
    }
}

#[cfg(test)]
mod tests {
    use domain::account::Status;
    use serde_json::value::to_raw_value;
    use serde_json::{Value, json};

    use super::*;

    fn now() -> Timestamp {
        "2026-11-23T12:00:00Z".parse().unwrap()
    }

    fn org() -> OrgId {
        "org-a".parse().unwrap()
    }

    /// A row with a name and more, or without some of it.
    fn row(advertiser_id: &str, more: &Value) -> Row {
        let mut json = json!({"advertiser_id": advertiser_id, "name": "Shop", "business_center_id": "72"});
        for (field, value) in more.as_object().unwrap() {
            json[field] = value.clone();
        }
        Row::read(0, &to_raw_value(&json).unwrap(), &org()).unwrap()
    }

    fn with_token(token: &str) -> Value {
        json!({"connected": {"access_token": token, "scopes": [1, 4], "authorized_by": "Ana M"}})
    }

    /// What is known once this plan is carried out.
    fn carried_out(known: &Known, plan: &Plan<'_>) -> Known {
        let mut known = known.clone();
        for change in &plan.changes {
            known.accounts.insert(change.after.advertiser_id.clone(), change.after.clone());
        }
        for grant in &plan.grants {
            match grant {
                GrantPlan::Make { grant, .. } | GrantPlan::Revive { grant, .. } => {
                    known.grants.insert(grant.grant_id.clone(), grant.clone());
                }
                GrantPlan::Join { grant_id, accounts } => {
                    known.grants.get_mut(grant_id).unwrap().ad_accounts += accounts;
                }
            }
        }
        known
    }

    fn import(known: &Known, rows: &[Row]) -> Known {
        carried_out(known, &plan(&org(), rows, known, now()))
    }

    fn only(known: &Known) -> &AdAccount {
        assert_eq!(known.accounts.len(), 1);
        known.accounts.values().next().unwrap()
    }

    #[test]
    fn an_account_without_a_connection_needs_connecting_from_now_on() {
        let known = import(&Known::default(), &[row("71", &json!({"brand": "shop"}))]);
        let account = only(&known);
        assert_eq!(
            account.causes().iter().map(|cause| cause.cause).collect::<Vec<_>>(),
            [CauseCode::AuthorizationRevoked]
        );
        let Standing::NeedsConnecting { lapsed_since, gap_opening, .. } = account.standing else { panic!() };
        assert_eq!((lapsed_since, gap_opening), (now(), Opening::never_read(now())));
        assert_eq!((account.version, account.revision, &account.grant_id), (0, 0, &None));
        assert!(known.grants.is_empty());
    }

    #[test]
    fn rows_with_the_same_token_share_a_grant() {
        let rows = [row("71", &with_token("t1")), row("72", &with_token("t1")), row("73", &with_token("t2"))];
        let known = import(&Known::default(), &rows);
        assert!(known.accounts.values().all(AdAccount::is_active));
        let mut sizes: Vec<_> = known.grants.values().map(|grant| grant.ad_accounts).collect();
        sizes.sort_unstable();
        assert_eq!(sizes, [1, 2]);
        let grant = &known.grants[&rows[0].connected.as_ref().unwrap().grant_id];
        assert_eq!((grant.last_proven_at, grant.token_version), (None, 1), "only TikTok's answers prove anything");
        assert_eq!(grant.authorized_by.as_ref().unwrap().display_name, "Ana M");
    }

    #[test]
    fn the_same_rows_again_change_nothing() {
        let rows =
            [row("71", &with_token("t1")), row("72", &json!({"market": "de", "connected_by": "ana@example.com"}))];
        let known = import(&Known::default(), &rows);
        let again = plan(&org(), &rows, &known, now());
        assert!(again.changes.is_empty() && again.grants.is_empty());
        assert_eq!(again.unchanged, 2);
    }

    #[test]
    fn what_a_row_leaves_out_stays_as_it_is() {
        let known = import(
            &Known::default(),
            &[row(
                "71",
                &json!({"brand": "shop", "market": "de", "business_center_name": "Media", "connected_by": "ana"}),
            )],
        );
        let before = only(&known).clone();
        let known = import(&known, &[row("71", &json!({"name": "Shop EU", "market": "fr"}))]);
        let mut expected = AdAccount { name: "Shop EU".to_owned(), revision: 1, ..before };
        expected.belonging.market = Some("fr".parse().unwrap());
        assert_eq!(only(&known), &expected);
    }

    #[test]
    fn the_business_center_is_the_original_one_for_good() {
        let known = import(&Known::default(), &[row("71", &json!({}))]);
        let rows = [row("71", &json!({"business_center_id": "73"})), row("74", &json!({}))];
        let plan = plan(&org(), &rows, &known, now());
        assert_eq!(plan.refused.len(), 1);
        assert_eq!(plan.refused[0].field, "business_center_id");
        assert_eq!(plan.changes.len(), 1, "the other row is not held up");
    }

    #[test]
    fn a_connection_is_for_an_account_that_never_had_one() {
        let unconnected = import(&Known::default(), &[row("71", &json!({}))]);
        let connected = import(&unconnected, &[row("71", &with_token("t1"))]);
        assert_eq!(only(&connected).status(), Status::Active);
        assert_eq!((only(&connected).version, only(&connected).revision), (0, 1));

        let other = plan_one(&connected, &row("71", &with_token("t2")));
        assert_eq!(other, (0, 1), "its grant stays");

        let mut lapsed = connected.clone();
        let account = lapsed.accounts.values_mut().next().unwrap();
        account.standing = Standing::NeedsConnecting {
            lapsed_since: now(),
            gap_opening: Opening::never_read(now()),
            causes: vec![CauseCode::ReportingMissing.into()],
        };
        assert_eq!(plan_one(&lapsed, &row("71", &with_token("t1"))), (0, 1), "an import proves nothing");
    }

    /// How many accounts change and how many do not.
    fn plan_one(known: &Known, row: &Row) -> (usize, usize) {
        let plan = plan(&org(), std::slice::from_ref(row), known, now());
        assert!(plan.grants.is_empty());
        (plan.changes.len(), plan.unchanged)
    }

    #[test]
    fn later_accounts_join_a_living_grant_and_revive_a_retired_one() {
        let mut known = import(&Known::default(), &[row("71", &with_token("t1"))]);
        let later = [row("72", &with_token("t1")), row("73", &with_token("t1"))];
        let plan_join = plan(&org(), &later, &known, now());
        assert!(matches!(plan_join.grants.as_slice(), [GrantPlan::Join { accounts: 2, .. }]));

        let retired = known.grants.values_mut().next().unwrap();
        retired.ad_accounts = 0;
        retired.retired_at = Some(now());
        let plan_revive = plan(&org(), &later, &known, now());
        let [GrantPlan::Revive { grant, token }] = plan_revive.grants.as_slice() else { panic!("{plan_revive:?}") };
        assert_eq!((grant.token_version, grant.ad_accounts, grant.retired_at), (2, 2, None));
        assert_eq!(token.expose(), "t1");
    }
}
