//! How an account moves: versions, events and gaps.

use std::collections::BTreeSet;

use domain::access::Belonging;
use domain::account::{AdAccount, RiskFact, Standing, Status, risks_now};
use domain::causes::{Cause, CauseCode, NamedBusinessCenter};
use domain::events::EventKind;
use domain::gap::{LastGood, Opening};
use domain::time_zone::ReportingTimeZone;
use domain::transition::{Transition, lapse, observe, open_gap, reconnect, recover, refuse};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::sample::subsequence;

use crate::case::{ACCOUNT, ORIGINAL, in_order};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn now() -> Timestamp {
    at("2026-11-23T12:00:00Z")
}

fn active() -> AdAccount {
    AdAccount {
        org_id: "org-1".parse().unwrap(),
        advertiser_id: ACCOUNT.parse().unwrap(),
        name: "Shop EU".to_owned(),
        business_center: NamedBusinessCenter { id: ORIGINAL.parse().unwrap(), name: None },
        belonging: Belonging::default(),
        connected_by: Some("ana@example.com".to_owned()),
        last_data_on: None,
        time_zone: "Etc/UTC".parse().ok(),
        grant_id: Some("grt_aaaaaaaaaaaaaaaaaaaaaa".parse().unwrap()),
        standing: Standing::Active { since: at("2026-10-01T00:00:00Z") },
        at_risk: BTreeSet::new(),
        findings: Vec::new(),
        version: 6,
        revision: 9,
    }
}

fn lapsed() -> AdAccount {
    let standing = Standing::NeedsConnecting {
        lapsed_since: at("2026-11-20T08:00:00Z"),
        gap_opening: Opening { last_good: LastGood::Read(at("2026-11-19T23:00:00Z")), late_settling_days: 0 },
        causes: vec![CauseCode::AuthorizationRevoked.into()],
    };
    AdAccount { standing, ..active() }
}

fn revoked() -> Vec<Cause> {
    vec![CauseCode::AuthorizationRevoked.into()]
}

fn told(transition: &Transition) -> Option<EventKind> {
    transition.event.as_ref().map(|event| event.kind)
}

#[test]
fn a_lapse_opens_the_gap_where_the_data_was_last_good() {
    let proven = at("2026-11-22T10:00:00Z");
    let moved = lapse(&active(), revoked(), in_order().dead().diagnosis().findings, None, Some(proven), 0, now());
    assert_eq!(told(&moved), Some(EventKind::AdAccountLapsed));
    assert_eq!(moved.event.as_ref().unwrap().cause, Some(CauseCode::AuthorizationRevoked));
    assert_eq!(open_gap(&moved.after, now()).unwrap().from.to_string(), "2026-11-22");
    assert_eq!(moved.after.grant_id, active().grant_id, "the grant stays: it may heal");
    let never_proven = lapse(&active(), revoked(), Vec::new(), None, None, 0, now());
    assert_eq!(open_gap(&never_proven.after, now()).unwrap().from.to_string(), "2026-11-23");
    let imported = AdAccount { last_data_on: "2026-11-18".parse().ok(), ..active() };
    let from =
        |proven| open_gap(&lapse(&imported, revoked(), Vec::new(), None, proven, 0, now()).after, now()).unwrap().from;
    assert_eq!(from(None).to_string(), "2026-11-18");
    assert_eq!(from(Some(proven)).to_string(), "2026-11-22", "TikTok's word comes first");
}

#[test]
fn healing_closes_the_gap() {
    let moved = recover(&lapsed(), in_order().diagnosis().findings, None, BTreeSet::new(), now());
    assert_eq!(told(&moved), Some(EventKind::AdAccountRecovered));
    let gap = moved.event.unwrap().gap.unwrap();
    assert_eq!((gap.from.to_string(), gap.to.to_string()), ("2026-11-19".to_owned(), "2026-11-23".to_owned()));
    assert_eq!(moved.after.status(), Status::Active);
    assert_eq!(open_gap(&moved.after, now()), None);
}

/// The zone that TikTok names in the answers that bring an account back already counts for its gap.
#[test]
fn a_gap_closes_in_the_time_zone_that_is_known_by_then() {
    let opening = Opening { last_good: LastGood::Read(at("2026-11-20T03:00:00Z")), late_settling_days: 0 };
    let standing = Standing::NeedsConnecting { lapsed_since: now(), gap_opening: opening, causes: revoked() };
    let account = AdAccount { standing, time_zone: "Europe/Berlin".parse().ok(), ..active() };
    let grant = "grt_bbbbbbbbbbbbbbbbbbbbbb".parse().unwrap();
    let los_angeles: Option<ReportingTimeZone> = "America/Los_Angeles".parse().ok();
    for (said, known, from) in [(&los_angeles, &los_angeles, "2026-11-19"), (&None, &account.time_zone, "2026-11-20")] {
        for moved in [
            reconnect(&account, &grant, Vec::new(), said.clone(), BTreeSet::new(), None, now()),
            recover(&account, Vec::new(), said.clone(), BTreeSet::new(), now()),
        ] {
            assert_eq!((&moved.after.time_zone, &moved.before), (known, &account));
            assert_eq!(moved.event.unwrap().gap.unwrap().from.to_string(), from);
        }
        let seen = observe(&account, Vec::new(), said.clone(), BTreeSet::new(), None, now());
        assert_eq!((told(&seen), open_gap(&seen.after, now()).unwrap().from.to_string()), (None, from.to_owned()));
    }
}

#[test]
fn renewing_an_active_account_closes_no_gap() {
    let grant = "grt_bbbbbbbbbbbbbbbbbbbbbb".parse().unwrap();
    let moved =
        reconnect(&active(), &grant, Vec::new(), None, BTreeSet::new(), Some("ben@example.com".to_owned()), now());
    assert_eq!(moved.event.unwrap().gap, None);
    assert_eq!(moved.after.grant_id, Some(grant));
    assert_eq!(moved.after.connected_by.as_deref(), Some("ben@example.com"));
}

#[test]
fn an_account_heals_when_it_is_active_again_and_not_when_it_first_is() {
    let grant = "grt_bbbbbbbbbbbbbbbbbbbbbb".parse().unwrap();
    let reconnected = |account: &AdAccount| reconnect(account, &grant, Vec::new(), None, BTreeSet::new(), None, now());
    let after = Some(SignedDuration::from_hours(3 * 24 + 4));
    assert_eq!(reconnected(&lapsed()).healed_after(), after);
    assert_eq!(recover(&lapsed(), Vec::new(), None, BTreeSet::new(), now()).healed_after(), after);
    let never_connected = AdAccount { grant_id: None, ..lapsed() };
    assert_eq!(reconnected(&never_connected).healed_after(), None);
    for moved in [
        reconnected(&active()),
        lapse(&active(), revoked(), Vec::new(), None, None, 0, now()),
        refuse(&lapsed(), CauseCode::WrongBusinessCenter, None, now()),
        observe(&lapsed(), Vec::new(), None, BTreeSet::new(), None, now()),
        observe(&active(), Vec::new(), None, BTreeSet::new(), None, now()),
    ] {
        assert_eq!(moved.healed_after(), None, "{moved:?}");
    }
}

#[test]
fn a_refusal_leaves_the_connection_as_it_is() {
    for account in [active(), lapsed()] {
        let moved = refuse(&account, CauseCode::WrongBusinessCenter, None, now());
        assert_eq!(told(&moved), Some(EventKind::ReconnectRefused));
        let unmoved = AdAccount { version: account.version, revision: account.revision, ..moved.after };
        assert_eq!(unmoved, account);
    }
}

#[test]
fn a_new_risk_is_told_once() {
    let risk = BTreeSet::from([RiskFact::AdAccountNotUsable]);
    let first = observe(&active(), Vec::new(), None, risk.clone(), None, now());
    assert_eq!(told(&first), Some(EventKind::AdAccountAtRisk));
    let again = observe(&first.after, Vec::new(), None, risk, None, now());
    assert_eq!(told(&again), None);
    let over = observe(&first.after, Vec::new(), None, BTreeSet::new(), None, now());
    assert_eq!((told(&over), over.after.at_risk.len()), (None, 0));
}

#[test]
fn a_risk_that_was_not_looked_at_again_stays() {
    let findings = in_order().diagnosis().findings;
    let known = BTreeSet::from([RiskFact::AdAccountNotUsable, RiskFact::SiblingLapsed, RiskFact::SingleAdminLeft]);
    let still = BTreeSet::from([RiskFact::SiblingLapsed, RiskFact::SingleAdminLeft]);
    assert_eq!(risks_now(&known, &findings, None), still, "the ad account is usable again");
    assert_eq!(risks_now(&known, &findings, Some(1)), still);
    assert_eq!(risks_now(&known, &findings, Some(2)), BTreeSet::from([RiskFact::SiblingLapsed]));
    assert_eq!(risks_now(&BTreeSet::new(), &findings, Some(1)), BTreeSet::from([RiskFact::SingleAdminLeft]));
    assert_eq!(risks_now(&BTreeSet::new(), &findings, Some(0)), BTreeSet::new(), "no list has no Admin in it");
}

#[test]
fn a_lapsed_account_learns_fresh_causes_and_keeps_its_gap() {
    let fresh: Vec<Cause> = vec![CauseCode::AdAccountMoved.into()];
    let risk = BTreeSet::from([RiskFact::SiblingLapsed]);
    let moved = observe(&lapsed(), Vec::new(), None, risk, Some(fresh.clone()), now());
    assert_eq!(moved.after.causes(), fresh);
    assert_eq!(open_gap(&moved.after, now()), open_gap(&lapsed(), now()));
    assert!(moved.after.at_risk.is_empty(), "what lapsed is not at risk any more");
    assert_eq!(observe(&lapsed(), Vec::new(), None, BTreeSet::new(), None, now()).after.causes(), lapsed().causes());
    let none = observe(&lapsed(), Vec::new(), None, BTreeSet::new(), Some(Vec::new()), now());
    assert_eq!(none.after.causes(), lapsed().causes(), "a lapsed account always has a cause");
}

#[derive(Clone, Debug)]
enum Move {
    Lapse,
    Recover,
    Reconnect,
    Refuse,
    Observe(Vec<RiskFact>),
}

fn any_move() -> impl Strategy<Value = Move> {
    let risks = vec![RiskFact::AdAccountNotUsable, RiskFact::SingleAdminLeft, RiskFact::PermissionsNarrowed];
    prop_oneof![
        Just(Move::Lapse),
        Just(Move::Recover),
        Just(Move::Reconnect),
        Just(Move::Refuse),
        subsequence(risks, 0..=3).prop_map(Move::Observe),
    ]
}

proptest! {
    /// I3: each version but the first is told of by exactly one event, and an event's id follows from it.
    #[test]
    fn versions_and_events_go_together(moves in proptest::collection::vec(any_move(), 1..20)) {
        let (mut account, mut time, mut ids) = (active(), now(), BTreeSet::new());
        for one in moves {
            time += SignedDuration::from_hours(7);
            let grant = "grt_bbbbbbbbbbbbbbbbbbbbbb".parse().unwrap();
            let moved = match one {
                Move::Lapse => lapse(&account, revoked(), Vec::new(), None, None, 0, time),
                Move::Recover => recover(&account, Vec::new(), None, BTreeSet::new(), time),
                Move::Reconnect => reconnect(&account, &grant, Vec::new(), None, BTreeSet::new(), None, time),
                Move::Refuse => refuse(&account, CauseCode::WrongBusinessCenter, None, time),
                Move::Observe(risks) => observe(&account, Vec::new(), None, risks.into_iter().collect(), None, time),
            };
            prop_assert_eq!(&moved.before, &account);
            prop_assert_eq!(moved.after.revision, account.revision + 1);
            prop_assert_eq!(moved.after.version, account.version + u64::from(moved.event.is_some()));
            prop_assert_eq!(&moved.after.business_center, &account.business_center, "the original never changes");
            prop_assert!(moved.event.is_some() || moved.after.status() == account.status(), "a silent change of status");
            prop_assert_eq!(moved.after.status() == Status::NeedsConnecting, !moved.after.causes().is_empty());
            if let Some(event) = &moved.event {
                prop_assert_eq!(event.version, moved.after.version);
                prop_assert!(ids.insert(event.event_id.clone()), "an event id came twice");
            }
            account = moved.after;
        }
    }
}
