//! Accounts, grants and counts change together, and whoever comes second is told so.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::access::Reach;
use domain::account::AdAccount;
use domain::causes::NamedBusinessCenter;
use domain::grant::Grant;
use domain::ids::GrantId;
use domain::scopes::Scopes;
use jiff::SignedDuration;
use shared::store::StoreError;
use shared::store::counts::Counts;
use shared::store::import_accounts::{Change, GrantChange, ROWS_AT_ONCE, grant_id_of};
use shared::store::list_accounts::Behind;
use shared::store::rows::StoredGrant;

use crate::world::{World, advertiser_id, an_account, lapsed, now, org};

pub fn a_grant(number: usize, ad_accounts: usize) -> StoredGrant {
    let token_fingerprint = format!("{number:064}");
    let grant = Grant {
        grant_id: grant_id_of(&org(), &token_fingerprint),
        org_id: org(),
        token_version: 1,
        token_fingerprint,
        authorized_by: None,
        scopes: Scopes::new([1, 4]),
        business_centers: Vec::new(),
        granted_at: now(),
        last_proven_at: None,
        ad_accounts: ad_accounts as u64,
        retired_at: None,
    };
    StoredGrant { grant, sealed_token: Some(vec![7; 60]) }
}

pub fn connected(number: usize, grant: &StoredGrant) -> AdAccount {
    AdAccount { grant_id: Some(grant.grant.grant_id.clone()), ..an_account(number) }
}

pub fn new(after: AdAccount) -> Change {
    Change { before: None, after }
}

async fn behind(world: &World, number: usize) -> Behind {
    let account = world.table.account(&org(), &advertiser_id(number)).await.unwrap().unwrap();
    world.table.behind(&account).await.unwrap()
}

async fn counts(world: &World) -> (u64, u64) {
    let Counts { active, needs_connecting } = world.table.counts(&org(), &Reach::default()).await.unwrap();
    (active, needs_connecting)
}

#[test]
fn a_token_makes_one_grant_in_each_organisation() {
    let id = |org: &str, fingerprint| grant_id_of(&org.parse().unwrap(), fingerprint);
    assert_eq!(id("org-a", "f1"), id("org-a", "f1"));
    assert_ne!(id("org-a", "f1"), id("org-a", "f2"));
    assert_ne!(id("org-a", "f1"), id("org-b", "f1"));
}

/// The largest transaction that can occur fits: every row with a grant and a Business Center of its own.
#[tokio::test]
async fn a_full_chunk_fits_into_one_transaction() {
    let world = World::start().await;
    let grants: Vec<_> = (0..ROWS_AT_ONCE).map(|number| a_grant(number, 1)).collect();
    let center = |number| NamedBusinessCenter {
        id: format!("{}", 7_200 + number).parse().unwrap(),
        name: Some(format!("Center {number}")),
    };
    let of_center = |number: usize| AdAccount { business_center: center(number), ..connected(number, &grants[number]) };
    let changes: Vec<_> = (0..ROWS_AT_ONCE).map(|number| new(of_center(number))).collect();
    let new_grants: Vec<_> = grants.iter().cloned().map(GrantChange::New).collect();
    world.table.import(&org(), &changes, &new_grants, now()).await.unwrap();
    assert_eq!(world.calls(), ["TransactWriteItems"]);

    assert_eq!(counts(&world).await, (ROWS_AT_ONCE as u64, 0));
    let Behind { grant, business_center } = behind(&world, 7).await;
    assert_eq!(grant, Some(grants[7].grant.clone()));
    assert_eq!(business_center.name.as_deref(), Some("Center 7"));

    world.calls();
    let ids: Vec<_> = (0..ROWS_AT_ONCE).map(advertiser_id).collect();
    let grant_ids: Vec<_> = grants.iter().map(|stored| stored.grant.grant_id.clone()).collect();
    let known = world.table.known(&org(), &ids, &grant_ids).await.unwrap();
    assert_eq!((known.accounts.len(), known.grants.len()), (ROWS_AT_ONCE, ROWS_AT_ONCE));
    assert_eq!(known.accounts[&ids[3]], changes[3].after, "what was written is what is read");
    assert_eq!(world.calls(), ["BatchGetItem"]);
}

/// I8: what was written by somebody else meanwhile is never overwritten, and then nothing at all is written.
#[tokio::test]
async fn whoever_comes_second_changes_nothing() {
    let world = World::start().await;
    world.with(&[an_account(1)]).await;
    let seen = an_account(1);
    let theirs = world.change(&seen, |account| account.name = "Theirs".to_owned()).await;

    let grant = a_grant(1, 1);
    let stale = AdAccount { revision: 1, ..connected(1, &grant) };
    for changes in [
        vec![new(an_account(2)), Change { before: Some(seen.clone()), after: stale }],
        vec![new(an_account(2)), new(an_account(1))],
    ] {
        let refused = world.table.import(&org(), &changes, &[GrantChange::New(grant.clone())], now()).await;
        assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
    }
    assert_eq!(world.table.account(&org(), &advertiser_id(1)).await.unwrap(), Some(theirs));
    assert_eq!(world.table.account(&org(), &advertiser_id(2)).await.unwrap(), None);
    assert!(world.table.known(&org(), &[], &[grant.grant.grant_id]).await.unwrap().grants.is_empty());
    assert_eq!(counts(&world).await, (1, 0));
}

/// I1: a grant is made once, later accounts join it while it lives, and a retired one comes back only with a new token.
#[tokio::test]
async fn accounts_share_a_grant_and_none_joins_a_retired_one() {
    let world = World::start().await;
    let grant = a_grant(1, 2);
    let id = grant.grant.grant_id.clone();
    let both = [new(connected(1, &grant)), new(connected(2, &grant))];
    world.table.import(&org(), &both, &[GrantChange::New(grant.clone())], now()).await.unwrap();
    assert_eq!(grants_due(&world).await, [(id.clone(), now().to_string())].into());

    let again =
        world.table.import(&org(), &[new(connected(3, &grant))], &[GrantChange::New(grant.clone())], now()).await;
    assert!(matches!(again, Err(StoreError::Conflict)), "{again:?}");
    let join = [GrantChange::Joined { grant_id: id.clone(), accounts: 1 }];
    world.table.import(&org(), &[new(connected(3, &grant))], &join, now()).await.unwrap();
    let shared = behind(&world, 1).await.grant.unwrap();
    assert_eq!(shared.ad_accounts, 3);
    let early = StoredGrant { grant: Grant { token_version: 2, ..shared.clone() }, ..grant.clone() };
    let early = world.table.import(&org(), &[new(connected(4, &grant))], &[GrantChange::Revived(early)], now()).await;
    assert!(matches!(early, Err(StoreError::Conflict)), "a living grant keeps its token: {early:?}");

    let mut leave = world.table.transaction();
    leave.leave_grant(&Grant { ad_accounts: 1, ..shared.clone() }, now());
    assert!(matches!(leave.commit().await, Err(StoreError::Conflict)), "three accounts point to it");
    for ad_accounts in [3, 2, 1] {
        let mut leave = world.table.transaction();
        leave.leave_grant(&Grant { ad_accounts, ..shared.clone() }, now());
        leave.commit().await.unwrap();
    }
    let retired = behind(&world, 1).await.grant.unwrap();
    assert!(!retired.is_living() && grants_due(&world).await.is_empty());

    let join = world.table.import(&org(), &[new(connected(4, &grant))], &join, now()).await;
    assert!(matches!(join, Err(StoreError::Conflict)), "{join:?}");
    let later = now() + SignedDuration::from_hours(1);
    let revived =
        StoredGrant { grant: Grant { token_version: 2, ad_accounts: 1, ..grant.grant.clone() }, ..grant.clone() };
    let revive = [GrantChange::Revived(revived.clone())];
    world.table.import(&org(), &[new(connected(4, &grant))], &revive, later).await.unwrap();
    assert_eq!(behind(&world, 4).await.grant, Some(revived.grant));
    assert_eq!(grants_due(&world).await, [(id, later.to_string())].into());
    assert_eq!(counts(&world).await, (4, 0));
}

/// What index `by_due` says is to be checked, and when.
async fn grants_due(world: &World) -> HashMap<GrantId, String> {
    let mut due = HashMap::new();
    for shard in 0..64 {
        let answer = world
            .client
            .query()
            .table_name(world.table.name())
            .index_name("by_due")
            .key_condition_expression("due_pk = :shard")
            .expression_attribute_values(":shard", AttributeValue::S(format!("DUE#{shard:02}")))
            .send()
            .await
            .unwrap();
        for item in answer.items() {
            let mut due_sk = item["due_sk"].as_s().unwrap().split('#');
            let (at, grant_id) = (due_sk.next().unwrap(), due_sk.next_back().unwrap());
            due.insert(grant_id.parse().unwrap(), at.to_owned());
        }
    }
    due
}

#[tokio::test]
async fn one_transaction_moves_the_counts_of_many_accounts() {
    let world = World::start().await;
    let accounts: Vec<_> = (0..20).map(an_account).collect();
    world.with(&accounts).await;
    let lapse = |account: &AdAccount| Change {
        before: Some(account.clone()),
        after: AdAccount { standing: lapsed(), revision: 1, ..account.clone() },
    };
    let changes: Vec<_> = accounts[..7].iter().map(lapse).chain([new(an_account(20))]).collect();
    world.table.import(&org(), &changes, &[], now()).await.unwrap();
    assert_eq!(counts(&world).await, (14, 7));
    assert!(world.table.history(&accounts[0], 10, None).await.unwrap().history.is_empty(), "an import is no event");
}
