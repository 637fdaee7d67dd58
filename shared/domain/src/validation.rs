//! "Check now": what follows from a verdict on one ad account, and what can be said without one.

use std::collections::BTreeSet;

use super::account::{AdAccount, RiskFact, Status};
use super::causes::CauseCode;
use super::diagnosis::{Diagnosis, Verdict};
use super::examine::nothing_known;
use super::time_zone::ReportingTimeZone;
use super::transition::{self, Transition};
use jiff::Timestamp;

/// How the account moves, if it does.
///
/// * Connected: an Active account has fresh findings; one that needs connecting has healed.
/// * Lapsed: on the word of two endpoints an Active account lapses at once. On the word of one it is at risk, and the
///   regular checks decide. An account that needs connecting learns its causes of today.
/// * Undecided: nothing changes.
///
/// `last_proven` is the grant's, and says with `late_settling_days` where the gap of a lapse opens.
pub fn act(
    account: &AdAccount,
    diagnosis: &Diagnosis,
    at_risk: BTreeSet<RiskFact>,
    time_zone: Option<ReportingTimeZone>,
    last_proven: Option<Timestamp>,
    late_settling_days: u8,
    now: Timestamp,
) -> Option<Transition> {
    let findings = diagnosis.findings.clone();
    match (&diagnosis.verdict, account.status()) {
        (Verdict::Undecided { .. }, _) => None,
        (Verdict::Connected, Status::Active) => {
            Some(transition::observe(account, findings, time_zone, at_risk, None, now))
        }
        (Verdict::Connected, Status::NeedsConnecting) => {
            Some(transition::recover(account, findings, time_zone, at_risk, now))
        }
        (Verdict::Lapsed { causes, corroborated: true }, Status::Active) => {
            Some(transition::lapse(account, causes.clone(), findings, time_zone, last_proven, late_settling_days, now))
        }
        (Verdict::Lapsed { causes, .. }, Status::Active | Status::NeedsConnecting) => {
            Some(transition::observe(account, findings, time_zone, at_risk, Some(causes.clone()), now))
        }
    }
}

/// There is no token to ask with. A lapsed account is as lapsed as it was; an Active one without a token is our fault.
pub fn without_token(account: &AdAccount) -> Diagnosis {
    if account.is_active() {
        return unreadable();
    }
    let causes = match account.causes() {
        [] => vec![CauseCode::AuthorizationRevoked.into()],
        causes => causes.to_vec(),
    };
    Diagnosis { findings: account.findings.clone(), verdict: Verdict::Lapsed { causes, corroborated: false } }
}

/// Nothing was asked, so nothing is known.
pub fn unreadable() -> Diagnosis {
    let causes = vec![CauseCode::CredentialUnreadable.into()];
    Diagnosis { findings: nothing_known(), verdict: Verdict::Undecided { causes } }
}

/// Whether a verdict about `seen` is one about `fresh`: the same grant, asked about the same Business Center. If the row
/// is the one that was seen, it was the grant that changed.
pub fn is_still_about(seen: &AdAccount, fresh: &AdAccount) -> bool {
    fresh.grant_id == seen.grant_id
        && fresh.business_center.id == seen.business_center.id
        && fresh.revision != seen.revision
}

#[cfg(test)]
mod tests {
    use crate::account::Standing;
    use crate::causes::Cause;
    use crate::checks::{Answer, Check, Finding};
    use crate::events::EventKind;
    use crate::gap::{LastGood, Opening};
    use crate::testing::an_account;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn now() -> Timestamp {
        at("2026-11-23T12:00:00Z")
    }

    fn zone() -> ReportingTimeZone {
        "Pacific/Apia".parse().unwrap()
    }

    fn account(standing: Standing) -> AdAccount {
        AdAccount { grant_id: Some("grt_aaaaaaaaaaaaaaaaaaaaaa".parse().unwrap()), standing, ..an_account() }
    }

    fn active() -> AdAccount {
        account(Standing::Active { since: at("2026-10-01T00:00:00Z") })
    }

    fn lapsed() -> AdAccount {
        account(Standing::NeedsConnecting {
            lapsed_since: at("2026-11-20T08:00:00Z"),
            gap_opening: Opening { last_good: LastGood::Read(at("2026-11-19T08:00:00Z")), late_settling_days: 0 },
            causes: causes(CauseCode::AuthorizationRevoked),
        })
    }

    fn causes(code: CauseCode) -> Vec<Cause> {
        vec![code.into()]
    }

    fn diagnosis(verdict: Verdict) -> Diagnosis {
        let finding = Finding::new(Check::AuthorizationAlive, Answer::Passed, []);
        Diagnosis { findings: vec![finding], verdict }
    }

    fn not_owned(corroborated: bool) -> Diagnosis {
        diagnosis(Verdict::Lapsed { causes: causes(CauseCode::AdAccountNotOwned), corroborated })
    }

    fn acted(account: &AdAccount, diagnosis: &Diagnosis) -> Option<Transition> {
        let at_risk = BTreeSet::from([RiskFact::ConnectorNoLongerAdmin]);
        act(account, diagnosis, at_risk, Some(zone()), Some(at("2026-11-22T06:00:00Z")), 0, now())
    }

    fn told(transition: &Transition) -> Option<EventKind> {
        transition.event.as_ref().map(|event| event.kind)
    }

    /// I6.
    #[test]
    fn undecided_changes_nothing() {
        let undecided = diagnosis(Verdict::Undecided { causes: causes(CauseCode::TiktokUnavailable) });
        assert_eq!(acted(&active(), &undecided), None);
        assert_eq!(acted(&lapsed(), &undecided), None);
    }

    #[test]
    fn a_healthy_account_gets_fresh_findings_and_its_risks() {
        let moved = acted(&active(), &diagnosis(Verdict::Connected)).unwrap();
        assert_eq!(told(&moved), Some(EventKind::AdAccountAtRisk));
        assert_eq!(moved.after.standing, active().standing);
        assert_eq!(moved.after.findings.len(), 1);
    }

    #[test]
    fn a_lapsed_account_heals_and_its_gap_closes() {
        let moved = acted(&lapsed(), &diagnosis(Verdict::Connected)).unwrap();
        assert_eq!(told(&moved), Some(EventKind::AdAccountRecovered));
        let gap = moved.event.unwrap().gap.unwrap();
        assert_eq!((gap.from.to_string(), gap.to.to_string()), ("2026-11-19".to_owned(), "2026-11-24".to_owned()));
        assert!(moved.after.is_active());
    }

    #[test]
    fn two_endpoints_lapse_an_account_and_one_does_not() {
        let moved = acted(&active(), &not_owned(true)).unwrap();
        assert_eq!(told(&moved), Some(EventKind::AdAccountLapsed));
        assert_eq!(moved.after.causes(), causes(CauseCode::AdAccountNotOwned));
        let gap = transition::open_gap(&moved.after, now()).unwrap();
        assert_eq!(gap.from.to_string(), "2026-11-22", "from the grant's last good read");

        let moved = acted(&active(), &not_owned(false)).unwrap();
        assert!(moved.after.is_active());
        assert_eq!(told(&moved), Some(EventKind::AdAccountAtRisk));
    }

    #[test]
    fn a_lapsed_account_learns_why_it_is_lapsed_today() {
        for corroborated in [true, false] {
            let lapsed = AdAccount { time_zone: Some(zone()), ..lapsed() };
            let moved = acted(&lapsed, &not_owned(corroborated)).unwrap();
            assert_eq!(moved.after.causes(), causes(CauseCode::AdAccountNotOwned));
            assert_eq!(told(&moved), None, "it lapsed once already");
            assert_eq!(transition::open_gap(&moved.after, now()), transition::open_gap(&lapsed, now()));
        }
    }

    /// T18: a verdict about one grant is never written over another.
    #[test]
    fn a_verdict_is_about_the_grant_that_was_tested() {
        let seen = active();
        let changed = |change: fn(&mut AdAccount)| {
            let mut fresh = AdAccount { revision: 8, ..active() };
            change(&mut fresh);
            fresh
        };
        assert!(is_still_about(&seen, &changed(|_| ())));
        assert!(is_still_about(&seen, &changed(|fresh| fresh.name = "Renamed".to_owned())));
        assert!(!is_still_about(&seen, &changed(|fresh| fresh.grant_id = "grt_bbbbbbbbbbbbbbbbbbbbbb".parse().ok())));
        assert!(!is_still_about(&seen, &changed(|fresh| fresh.business_center.id = "72".parse().unwrap())));
        assert!(!is_still_about(&seen, &seen), "the row is as it was, so the token is not");
    }
}
