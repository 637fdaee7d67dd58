//! What a check of a grant writes, under which conditions, and who else holds the grant's token string.

use domain::account::AdAccount;
use domain::causes::CauseCode;
use domain::grant::Grant;
use domain::grant_check::{CheckState, Outcome, Revocation};
use domain::guard::tally::{Counted, Recount, Tally, bucket_of};
use domain::guard::{Guard, Standing};
use domain::ids::OrgId;
use domain::strike::Look;
use domain::transition::{self, Transition};
use jiff::{SignedDuration, Timestamp};
use shared::store::StoreError;
use shared::store::check_grant::{Ending, GrantToCheck, MOVED_AT_ONCE, SealedAgain};
use shared::store::guard::StoredGuard;
use shared::store::import_accounts::{GrantChange, grant_id_of};
use shared::store::rows::StoredGrant;

use crate::import_accounts::{a_grant, connected, new};
use crate::world::{World, advertiser_id, now, org};

const INTERVAL: SignedDuration = SignedDuration::from_hours(6);

fn minutes(minutes: i64) -> Timestamp {
    now() + SignedDuration::from_mins(minutes)
}

impl World {
    /// One grant with so many accounts.
    async fn with_grant(&self, accounts: usize) -> Grant {
        let grant = a_grant(1, accounts);
        let all: Vec<_> = (0..accounts).map(|number| new(connected(number, &grant))).collect();
        for (place, some) in all.chunks(20).enumerate() {
            let change = if place == 0 {
                let mut first = grant.clone();
                first.grant.ad_accounts = some.len() as u64;
                GrantChange::New(first)
            } else {
                GrantChange::Joined { grant_id: grant.grant.grant_id.clone(), accounts: some.len() as u64 }
            };
            self.table.import(&org(), some, &[change], now()).await.unwrap();
        }
        self.calls();
        grant.grant
    }

    async fn begun(&self, grant: &Grant) -> (GrantToCheck, Option<StoredGuard>) {
        let began = self.table.begin(&org(), &grant.grant_id, now()).await.unwrap();
        (began.grant.unwrap(), began.guard)
    }

    async fn account_row(&self, number: usize) -> AdAccount {
        self.table.account(&org(), &advertiser_id(number)).await.unwrap().unwrap()
    }

    async fn with_guard(&self) {
        let standing = Standing { guard: Guard::default(), tally: Tally::default(), interval: INTERVAL };
        let (after, _) = standing.review(now());
        self.table.reviewed(&standing.guard, &after, None).await.unwrap();
        self.calls();
    }

    /// A grant with one account; `number` is the account's.
    async fn given(&self, stored: &StoredGrant, number: usize) {
        let org_id = &stored.grant.org_id;
        let account = AdAccount { org_id: org_id.clone(), ..connected(number, stored) };
        self.table.import(org_id, &[new(account)], &[GrantChange::New(stored.clone())], now()).await.unwrap();
        self.calls();
    }
}

fn struck() -> CheckState {
    let mut state = CheckState { checks: 1, ..CheckState::default() };
    state.strikes.strike_token(Look {
        run: "run-1",
        at: now(),
        token_version: 1,
        spacing: SignedDuration::from_mins(30),
    });
    state.counted = Some(Counted { bucket: bucket_of(now()), accounts: 3, struck: Some(bucket_of(now())) });
    state
}

fn ending<'a>(state: &'a CheckState, recount: &'a Recount, outcome: Outcome) -> Ending<'a> {
    Ending {
        state,
        sealed_again: None,
        revocation: Revocation::NotOrdered,
        next_due: minutes(31),
        proof: None,
        centers: &[],
        recount,
        interval: INTERVAL,
        run: "run-1",
        outcome,
        accounts: 3,
        now: now(),
    }
}

fn lapse(account: &AdAccount) -> Transition {
    transition::lapse(account, vec![CauseCode::AuthorizationRevoked.into()], Vec::new(), None, None, 0, now())
}

/// The budget: three calls for a grant under which nothing moves.
#[tokio::test]
async fn a_check_without_news_is_one_read_one_query_and_one_write() {
    let world = World::start().await;
    let grant = world.with_grant(3).await;
    world.with_guard().await;
    let (begun, _) = world.begun(&grant).await;
    assert_eq!(begun.state, CheckState::default());
    let watched = world.table.watched(&org(), &grant.grant_id).await.unwrap();
    assert_eq!(watched.len(), 3);
    let state = struck();
    let recount = Recount::new(None, state.counted.unwrap(), false);
    world.table.finish(&begun, &[], None, &ending(&state, &recount, Outcome::Struck)).await.unwrap();
    assert_eq!(world.calls(), ["BatchGetItem", "Query", "TransactWriteItems"]);

    let (after, _) = world.begun(&grant).await;
    assert_eq!((after.state, after.due), (state, minutes(31).to_string()));
    let tally = world.table.tally(INTERVAL, now()).await.unwrap();
    assert_eq!((tally.0[&bucket_of(now())].struck, tally.0[&bucket_of(now())].accounts), (1, 3));
}

/// T90: of two checks of the same due time, one counts.
#[tokio::test]
async fn a_check_that_comes_second_changes_nothing() {
    let world = World::start().await;
    let grant = world.with_grant(3).await;
    world.with_guard().await;
    let (begun, guard) = world.begun(&grant).await;
    let state = struck();
    let recount = Recount::new(None, state.counted.unwrap(), false);
    world.table.finish(&begun, &[], None, &ending(&state, &recount, Outcome::Struck)).await.unwrap();

    let account = world.account_row(0).await;
    for refused in [
        world
            .table
            .finish(&begun, &[lapse(&account)], guard.as_ref(), &ending(&state, &recount, Outcome::Lapsed))
            .await,
        world.table.move_some(&begun, &[lapse(&account)], None, now()).await,
        world.table.put_off(&begun, minutes(5)).await,
    ] {
        assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
    }
    assert_eq!(world.account_row(0).await, account);
    assert_eq!(world.table.tally(INTERVAL, now()).await.unwrap().0[&bucket_of(now())].struck, 1);
}

/// The same three calls; strikes and the token's version are what they were.
#[tokio::test]
async fn a_token_is_sealed_again_in_the_write_that_ends_the_check() {
    let world = World::start().await;
    let grant = world.with_grant(3).await;
    world.with_guard().await;
    let (begun, _) = world.begun(&grant).await;
    world.table.watched(&org(), &grant.grant_id).await.unwrap();
    let state = struck();
    let recount = Recount::new(None, state.counted.unwrap(), false);
    let before = begun.stored.sealed_token.clone().unwrap();
    let again = SealedAgain { before: before.clone(), after: vec![9; 61] };
    let ending = Ending { sealed_again: Some(&again), ..ending(&state, &recount, Outcome::Struck) };
    world.table.finish(&begun, &[], None, &ending).await.unwrap();
    assert_eq!(world.calls(), ["BatchGetItem", "Query", "TransactWriteItems"]);
    let (after, _) = world.begun(&grant).await;
    assert_eq!((after.stored.sealed_token, &after.stored.grant), (Some(vec![9; 61]), &begun.stored.grant));
    assert_eq!((after.state, after.due), (state, minutes(31).to_string()));
}

/// Somebody put other bytes there since they were opened: they stay, and the check is not written either.
#[tokio::test]
async fn no_token_that_came_in_between_is_written_over() {
    let world = World::start().await;
    let grant = world.with_grant(1).await;
    let (begun, _) = world.begun(&grant).await;
    let (state, recount) = (struck(), Recount::default());
    let again = SealedAgain { before: vec![8; 60], after: vec![9; 61] };
    let ending = Ending { sealed_again: Some(&again), ..ending(&state, &recount, Outcome::Struck) };
    let refused = world.table.finish(&begun, &[], None, &ending).await;
    assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
    let (after, _) = world.begun(&grant).await;
    assert_eq!((after.stored.sealed_token, after.due), (begun.stored.sealed_token, begun.due));
}

#[tokio::test]
async fn forty_accounts_move_in_one_write_with_their_counts_and_events() {
    let world = World::start().await;
    let grant = world.with_grant(MOVED_AT_ONCE + 5).await;
    world.with_guard().await;
    let (begun, guard) = world.begun(&grant).await;
    let ids: Vec<_> = (0..MOVED_AT_ONCE).map(advertiser_id).collect();
    let (accounts, _) = world.table.accounts(&org(), &ids, &[]).await.unwrap();
    let moves: Vec<_> = accounts.iter().map(lapse).collect();
    world.calls();
    world.table.move_some(&begun, &moves, guard.as_ref(), now()).await.unwrap();
    assert_eq!(world.calls(), ["TransactWriteItems"]);
    let watched = world.table.watched(&org(), &grant.grant_id).await.unwrap();
    assert_eq!(watched.iter().filter(|account| account.cause.is_some()).count(), MOVED_AT_ONCE);
    let (_, guard) = world.begun(&grant).await;
    assert_eq!(guard.unwrap().lapsed_this_hour, 1, "one grant, however many accounts");
}

/// Nothing lapses past a guard that holds since it was read, or past the hour's budget.
#[tokio::test]
async fn a_lapse_claims_its_place_in_the_budget() {
    let world = World::start().await;
    let grant = world.with_grant(3).await;
    world.with_guard().await;
    let (begun, guard) = world.begun(&grant).await;
    let guard = guard.unwrap();
    let full = StoredGuard { guard: Guard { budget: 0, ..guard.guard.clone() }, ..guard.clone() };
    world.table.move_some(&begun, &[lapse(&world.account_row(0).await)], Some(&guard), now()).await.unwrap();
    let spent = StoredGuard { guard: Guard { budget: 1, ..guard.guard.clone() }, ..guard.clone() };
    let held = StoredGuard { guard: Guard { version: guard.guard.version + 1, ..guard.guard.clone() }, ..guard };
    for seen in [full, spent, held] {
        let refused = world.table.move_some(&begun, &[lapse(&world.account_row(1).await)], Some(&seen), now()).await;
        assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
    }
    assert!(world.account_row(1).await.is_active());
}

#[tokio::test]
async fn a_retired_grant_is_not_checked() {
    let world = World::start().await;
    let grant = world.with_grant(1).await;
    let mut leave = world.table.transaction();
    leave.leave_grant(&grant, now());
    leave.commit().await.unwrap();
    assert!(world.table.begin(&org(), &grant.grant_id, now()).await.unwrap().grant.is_none());
}

/// Who held the same string before the order is meant as well; who came since is not.
#[tokio::test]
async fn a_token_string_may_be_a_newer_grants_too() {
    let world = World::start().await;
    let first = a_grant(1, 1);
    world.given(&first, 0).await;
    assert!(!world.table.is_held_since(&first.grant, minutes(10)).await.unwrap());
    assert_eq!(world.calls(), ["Query"], "nobody else holds it");

    let in_org = |name: &str, granted_at| {
        let org_id: OrgId = name.parse().unwrap();
        let mut stored = first.clone();
        stored.grant.grant_id = grant_id_of(&org_id, &stored.grant.token_fingerprint);
        stored.grant.org_id = org_id;
        stored.grant.granted_at = granted_at;
        stored
    };
    world.given(&in_org("org-b", minutes(9)), 1).await;
    assert!(!world.table.is_held_since(&first.grant, minutes(10)).await.unwrap());
    assert_eq!(world.calls(), ["BatchGetItem", "Query"]);
    let newer = in_org("org-c", minutes(10));
    world.given(&newer, 2).await;
    assert!(world.table.is_held_since(&first.grant, minutes(10)).await.unwrap());
    assert!(!world.table.is_held_since(&first.grant, minutes(11)).await.unwrap());
    assert!(!world.table.is_held_since(&newer.grant, minutes(10)).await.unwrap(), "itself does not count");

    let mut leave = world.table.transaction();
    leave.leave_grant(&newer.grant, minutes(12));
    leave.commit().await.unwrap();
    assert!(!world.table.is_held_since(&first.grant, minutes(10)).await.unwrap(), "who is retired holds nothing");
    assert!(!world.table.is_held_since(&a_grant(2, 1).grant, now()).await.unwrap());
}
