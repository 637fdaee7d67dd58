//! Reads a verdict off the findings. Same findings, same verdict.
//!
//! Connected means that every required check passed. Lapsed means that at least one failed. A check without an answer
//! counts for neither, and "we cannot tell" is a verdict of its own. While TikTok says that our own app is at fault,
//! no failure is believed.

use std::collections::BTreeSet;

use super::causes::{Cause, CauseCode, NamedBusinessCenter};
use super::checks::{About, Answer, Asked, Check, Evidence, Finding, Gathered, Refusal};
use super::examine::{Subject, everything_asked, examine, is_gone, membership, owner_is_another};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Connected,
    Lapsed {
        /// Most useful first; never empty.
        causes: Vec<Cause>,
        /// Two different endpoints say so: enough to act on at once.
        corroborated: bool,
    },
    Undecided {
        /// Why we cannot tell; never empty.
        causes: Vec<Cause>,
    },
}

impl Verdict {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Lapsed { .. } => "lapsed",
            Self::Undecided { .. } => "undecided",
        }
    }

    pub fn causes(&self) -> &[Cause] {
        match self {
            Self::Connected => &[],
            Self::Lapsed { causes, .. } | Self::Undecided { causes } => causes,
        }
    }
}

/// Findings and what they say together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    pub findings: Vec<Finding>,
    pub verdict: Verdict,
}

impl Diagnosis {
    /// With the names that people know in the texts of why it lapsed: the Business Center's, and its Admins'.
    pub fn name(&mut self, business_center: &NamedBusinessCenter, admins: &[String]) {
        if let Verdict::Lapsed { causes, .. } = &mut self.verdict {
            for cause in causes {
                *cause = cause.clone().with_names(business_center, admins);
            }
        }
    }
}

pub fn diagnose(subject: Subject<'_>, gathered: Gathered<'_>) -> Diagnosis {
    let findings = examine(subject, gathered);
    let verdict = if refused(gathered, Refusal::AppMisconfigured) {
        undecided(gathered)
    } else if failed(&findings).next().is_some() {
        Verdict::Lapsed {
            causes: causes(subject, gathered, &findings),
            corroborated: failed(&findings).any(is_corroborated),
        }
    } else if findings.iter().all(|finding| finding.answer == Answer::Passed || !finding.check.is_required()) {
        Verdict::Connected
    } else {
        undecided(gathered)
    };
    Diagnosis { findings, verdict }
}

fn failed(findings: &[Finding]) -> impl Iterator<Item = &Finding> {
    findings.iter().filter(|finding| finding.answer == Answer::Failed && finding.check.is_required())
}

fn is_corroborated(finding: &Finding) -> bool {
    finding.evidence.iter().any(|one| one.endpoint != finding.evidence[0].endpoint)
}

fn refused(gathered: Gathered<'_>, refusal: Refusal) -> bool {
    everything_asked(gathered).iter().any(|(_, refused)| *refused == Some(refusal))
}

/// One cause for each failed check, most useful first.
fn causes(subject: Subject<'_>, gathered: Gathered<'_>, findings: &[Finding]) -> Vec<Cause> {
    let has_failed = |check| failed(findings).any(|finding| finding.check == check);
    if has_failed(Check::AuthorizationAlive) {
        // A dead token cannot tell anything else.
        return vec![match gathered.grant.authorized.refusal() {
            Some(Refusal::TokenOfAnotherApp) => CauseCode::AuthorizationOfAnotherApp.into(),
            _ => CauseCode::AuthorizationRevoked.into(),
        }];
    }
    let mut codes: Vec<CauseCode> = failed(findings)
        .filter_map(|finding| match finding.check {
            Check::AdAccountManagementGranted => Some(CauseCode::AdAccountManagementMissing),
            Check::ReportingGranted => Some(CauseCode::ReportingMissing),
            Check::BusinessCenterMatches => Some(CauseCode::WrongBusinessCenter),
            Check::BusinessCenterAdmin => Some(CauseCode::NotBusinessCenterAdmin),
            Check::AdAccountGranted | Check::AdAccountOwned => {
                Some(where_the_account_is(subject, gathered, has_failed(Check::AdAccountOwned)))
            }
            Check::AuthorizationAlive | Check::AdAccountUsable => None,
        })
        .collect();
    codes.sort_by_key(|code| CauseCode::ALL.iter().position(|one| one == code));
    codes.dedup();
    codes.into_iter().map(|code| with_facts(code, subject, gathered)).collect()
}

/// The account is not granted, not owned, or neither: what became of it?
fn where_the_account_is(subject: Subject<'_>, gathered: Gathered<'_>, not_owned: bool) -> CauseCode {
    let grant = gathered.grant;
    let granted = grant.authorized.value();
    let reachable = grant.reachable.as_ref().and_then(Asked::value);
    let is_seen = granted.is_some_and(|ids| ids.contains(subject.advertiser_id))
        || reachable.is_some_and(|list| list.contains_key(subject.advertiser_id));
    if is_gone(subject, gathered) {
        CauseCode::AdAccountNotFound
    } else if not_owned && is_seen && !owner_is_another(subject, gathered) {
        CauseCode::AdAccountNotOwned
    } else if not_owned {
        CauseCode::AdAccountMoved
    } else if granted.is_some_and(BTreeSet::is_empty) {
        CauseCode::NoAdAccountsGranted
    } else {
        CauseCode::AdAccountNotGranted
    }
}

fn with_facts(code: CauseCode, subject: Subject<'_>, gathered: Gathered<'_>) -> Cause {
    let mut cause = Cause::from(code);
    if matches!(
        code,
        CauseCode::WrongBusinessCenter
            | CauseCode::NotBusinessCenterAdmin
            | CauseCode::AdAccountNotOwned
            | CauseCode::AdAccountMoved
    ) {
        let name = membership(subject, gathered).map(|membership| membership.name.clone());
        cause.original = Some(NamedBusinessCenter { id: subject.original.clone(), name });
    }
    if code == CauseCode::WrongBusinessCenter {
        let mut found: Vec<_> = gathered
            .grant
            .memberships()
            .map(|(_, one)| NamedBusinessCenter { id: one.business_center_id.clone(), name: Some(one.name.clone()) })
            .collect();
        found.sort_by(|one, other| one.id.cmp(&other.id));
        found.dedup_by(|one, other| one.id == other.id);
        found.truncate(5);
        cause.has_no_business_center = found.is_empty();
        cause.found = found;
    }
    cause
}

/// Why we cannot tell: our own fault first, then what TikTok refused in words that are no other cause, then its trouble of
/// the moment.
fn undecided(gathered: Gathered<'_>) -> Verdict {
    let asked = everything_asked(gathered);
    let first = |wanted: &[Refusal]| asked.iter().find(|(_, refusal)| refusal.is_some_and(|one| wanted.contains(&one)));
    let with_reference = |code: CauseCode, evidence: &Evidence| {
        let mut cause = Cause::from(code);
        cause.tiktok_code = evidence.code;
        cause.tiktok_request_id.clone_from(&evidence.request_id);
        cause
    };
    let mut causes = Vec::new();
    if first(&[Refusal::AppMisconfigured]).is_some() {
        causes.push(CauseCode::AppMisconfigured.into());
    }
    let is_unexplained = |refusal: Refusal| refusal.is_clear() && refusal.about() != About::App;
    if let Some((evidence, _)) = asked.iter().find(|(_, refusal)| refusal.is_some_and(is_unexplained)) {
        causes.push(with_reference(CauseCode::Unrecognised, evidence));
    }
    if causes.is_empty() || first(&[Refusal::Throttled, Refusal::Unavailable]).is_some() {
        causes.push(CauseCode::TiktokUnavailable.into());
    }
    Verdict::Undecided { causes }
}

/// What preflight can say before anybody signs in: does any of the causes make signing in pointless? Who owns an ad
/// account is believed from an Admin of the Business Center only.
pub fn consent_cannot_help(diagnosis: &Diagnosis) -> Option<&Cause> {
    let is_admin = diagnosis
        .findings
        .iter()
        .any(|finding| finding.check == Check::BusinessCenterAdmin && finding.answer == Answer::Passed);
    diagnosis.verdict.causes().iter().find(|cause| {
        cause.cause == CauseCode::AdAccountNotFound
            || (is_admin && matches!(cause.cause, CauseCode::AdAccountMoved | CauseCode::AdAccountNotOwned))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_known_before_are_in_the_causes() {
        let causes = vec![Cause::from(CauseCode::NotBusinessCenterAdmin)];
        let mut diagnosis = Diagnosis { findings: Vec::new(), verdict: Verdict::Lapsed { causes, corroborated: true } };
        let business_center = NamedBusinessCenter { id: "72".parse().unwrap(), name: None };
        diagnosis.name(&business_center, &["Ana M".to_owned()]);
        assert!(diagnosis.verdict.causes()[0].remedy().contains("Ana M"));
    }
}
