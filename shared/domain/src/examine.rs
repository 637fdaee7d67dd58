//! From TikTok's answers to findings: for each check, what counts as passed, what counts as failed, and everything
//! else is inconclusive.
//!
//! Only a typed answer with code 0 may pass a check. Only a refusal on the closed list of [`Refusal`] or a complete
//! list may fail one. The first piece of evidence of a finding is the one that decided it; the others are further
//! endpoints that agree, which is what lets a lapse be acted on without waiting for a second opinion.

use std::collections::BTreeMap;

use super::checks::{
    AdAccountInfo, Answer, Asked, Check, Elsewhere, Evidence, Finding, Gathered, GrantEvidence, Membership, Refusal,
};
use super::ids::{AdvertiserId, BusinessCenterId};
use super::scopes::{AD_ACCOUNT_MANAGEMENT, Permission, REPORTING, Scopes};

/// Whom the questions are about, and what the exchange said about permissions.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    pub advertiser_id: &'a AdvertiserId,
    /// The Business Center that owned the account when it was first connected.
    pub original: &'a BusinessCenterId,
    pub scopes: &'a Scopes,
    /// Where `scopes` comes from: the code exchange.
    pub scope_evidence: &'a Evidence,
    pub occasion: Occasion,
}

impl<'a> Subject<'a> {
    /// An ad account under a stored grant: its scopes, and where they come from
    /// ([`Grant::scope_evidence`](super::grant::Grant::scope_evidence)).
    pub fn of(
        scopes: &'a Scopes,
        scope_evidence: &'a Evidence,
        advertiser_id: &'a AdvertiserId,
        original: &'a BusinessCenterId,
    ) -> Self {
        Self { advertiser_id, original, scopes, scope_evidence, occasion: Occasion::Check }
    }
}

/// Why the questions are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// A person has just consented. That this login has no Business Center at all is an answer.
    Consent,
    /// A stored grant is looked at again. An empty list may as well be TikTok's mistake.
    Check,
}

/// All eight findings, in the order of [`Check::ALL`].
pub fn examine(subject: Subject<'_>, gathered: Gathered<'_>) -> Vec<Finding> {
    vec![
        authorization_alive(gathered),
        ad_account_granted(subject, gathered),
        management_granted(subject, gathered),
        reporting_granted(subject, gathered),
        business_center_matches(subject, gathered),
        business_center_admin(subject, gathered),
        ad_account_owned(subject, gathered),
        ad_account_usable(gathered),
    ]
}

/// What an unreadable stored token leaves us with: nothing was asked, nothing is known.
pub fn nothing_known() -> Vec<Finding> {
    Check::ALL.into_iter().map(|check| Finding::new(check, Answer::Inconclusive, [])).collect()
}

/// Every question that was put with this token: evidence and refusal.
pub(super) fn everything_asked(gathered: Gathered<'_>) -> Vec<(&Evidence, Option<Refusal>)> {
    fn of<T>(asked: &Asked<T>) -> (&Evidence, Option<Refusal>) {
        (&asked.evidence, asked.refusal())
    }
    let Gathered { grant, account } = gathered;
    let mut all = vec![
        of(&grant.authorized),
        of(&grant.business_centers),
        of(&grant.owned),
        of(&account.info),
        of(&account.report),
    ];
    all.extend(grant.reachable.as_ref().map(of));
    all.extend(grant.elsewhere.iter().flat_map(|one| [of(&one.by_id), of(&one.tiered)]));
    all.retain(|(_, refusal)| *refusal != Some(Refusal::NotAsked));
    all
}

/// The evidence of all questions that were refused in this way.
fn agreeing(gathered: Gathered<'_>, refusal: Refusal) -> impl Iterator<Item = Evidence> {
    everything_asked(gathered)
        .into_iter()
        .filter(move |(_, refused)| *refused == Some(refusal))
        .map(|(evidence, _)| evidence.clone())
}

fn authorization_alive(gathered: Gathered<'_>) -> Finding {
    let asked = &gathered.grant.authorized;
    match asked.answer {
        Ok(_) => Finding::new(Check::AuthorizationAlive, Answer::Passed, [asked.evidence.clone()]),
        Err(dead @ (Refusal::TokenDead | Refusal::TokenOfAnotherApp)) => {
            Finding::new(Check::AuthorizationAlive, Answer::Failed, agreeing(gathered, dead))
        }
        Err(_) => Finding::new(Check::AuthorizationAlive, Answer::Inconclusive, asked.on_record()),
    }
}

fn ad_account_granted(subject: Subject<'_>, gathered: Gathered<'_>) -> Finding {
    let check = Check::AdAccountGranted;
    let asked = &gathered.grant.authorized;
    let info = &gathered.account.info;
    let list = asked.evidence.clone();
    match (asked.value(), info.refusal()) {
        (Some(ids), _) if ids.contains(subject.advertiser_id) && is_gone(subject, gathered) => {
            Finding::new(check, Answer::Failed, [info.evidence.clone(), gathered.grant.owned.evidence.clone()])
        }
        (Some(ids), _) if ids.contains(subject.advertiser_id) => Finding::new(check, Answer::Passed, [list]),
        (Some(_), Some(Refusal::AdAccountGone | Refusal::AdAccountNotPermitted)) => {
            Finding::new(check, Answer::Failed, [list, info.evidence.clone()])
        }
        (Some(_), _) => Finding::new(check, Answer::Failed, [list]),
        (None, _) => Finding::new(check, Answer::Inconclusive, asked.on_record()),
    }
}

/// TikTok says "deleted" of accounts that are merely out of sight, too. Gone is only what the complete list of what the
/// Business Center owns lacks as well.
pub(super) fn is_gone(subject: Subject<'_>, gathered: Gathered<'_>) -> bool {
    gathered.account.info.refusal() == Some(Refusal::AdAccountGone)
        && gathered.grant.owned.value().is_some_and(|list| !list.contains_key(subject.advertiser_id))
}

fn management_granted(subject: Subject<'_>, gathered: Gathered<'_>) -> Finding {
    let Gathered { grant, account } = gathered;
    // The switch brings the reads of Business Centers too, so where these lack their scope, the switch is off.
    let others = [grant.business_centers.only(), grant.owned.only(), grant.authorized.only()];
    permission(Check::AdAccountManagementGranted, subject, &AD_ACCOUNT_MANAGEMENT, &account.info, &others)
}

fn reporting_granted(subject: Subject<'_>, gathered: Gathered<'_>) -> Finding {
    permission(Check::ReportingGranted, subject, &REPORTING, &gathered.account.report, &[])
}

/// A permission is what its own endpoint answers: a typed read with code 0 is the permission, whatever the list of scopes
/// says, since TikTok's lists hold ids that no published table has. The list alone fails nothing: it may agree with a read
/// that was refused, and is on record otherwise.
fn permission<T>(
    check: Check,
    subject: Subject<'_>,
    needed: &[Permission],
    read: &Asked<T>,
    others: &[Asked<()>],
) -> Finding {
    let mut against: Vec<Evidence> = [read.only()]
        .iter()
        .filter(|asked| {
            let refused = [Refusal::PermissionNotGranted, Refusal::PermissionNotGrantedForAdAccount];
            asked.refusal().is_some_and(|refusal| refused.contains(&refusal))
        })
        .chain(others.iter().filter(|asked| asked.refusal() == Some(Refusal::PermissionNotGranted)))
        .map(|asked| asked.evidence.clone())
        .collect();
    if !against.is_empty() {
        against.extend(subject.scopes.missing(needed).map(|_| subject.scope_evidence.clone()));
        return Finding::new(check, Answer::Failed, against);
    }
    let answer = if read.answer.is_ok() { Answer::Passed } else { Answer::Inconclusive };
    Finding::new(check, answer, read.on_record().into_iter().chain([subject.scope_evidence.clone()]))
}

/// The person's membership in the original Business Center, from whichever answer has it.
pub(super) fn membership<'a>(subject: Subject<'_>, gathered: Gathered<'a>) -> Option<&'a Membership> {
    found(subject, gathered).map(|(_, membership)| membership)
}

fn found<'a>(subject: Subject<'_>, gathered: Gathered<'a>) -> Option<(&'a Evidence, &'a Membership)> {
    gathered.grant.memberships().find(|(_, one)| one.business_center_id == *subject.original)
}

fn business_center_matches(subject: Subject<'_>, gathered: Gathered<'_>) -> Finding {
    let check = Check::BusinessCenterMatches;
    let asked = &gathered.grant.business_centers;
    if let Some((evidence, membership)) = found(subject, gathered) {
        return Finding::new(check, Answer::Passed, [evidence.clone()]).suspended(membership.is_suspended);
    }
    let answers = asked.on_record().into_iter().chain(
        gathered.grant.elsewhere.iter().flat_map(|one| [one.by_id.on_record(), one.tiered.on_record()]).flatten(),
    );
    if is_nowhere(subject, gathered) {
        Finding::new(check, Answer::Failed, with_refused_admin_read(gathered, answers))
    } else {
        Finding::new(check, Answer::Inconclusive, answers)
    }
}

/// All three answers are there and none has the original Business Center. A login that seems to have no Business Center
/// at all is believed at a consent; of a stored grant only where the original one does not answer it either.
fn is_nowhere(subject: Subject<'_>, gathered: Gathered<'_>) -> bool {
    let GrantEvidence { business_centers, elsewhere, owned, .. } = gathered.grant;
    let (Some(list), Some(Elsewhere { by_id, tiered })) = (business_centers.value(), elsewhere) else { return false };
    let is_believed = match subject.occasion {
        Occasion::Consent => true,
        Occasion::Check => !list.is_empty() || owned.refusal() == Some(Refusal::NotPermitted),
    };
    // Whoever asks for a Business Center by its id and is refused is not in it, as far as a person can tell.
    let is_refused = subject.occasion == Occasion::Consent && by_id.refusal() == Some(Refusal::NotPermitted);
    is_believed && (by_id.answer.is_ok() || is_refused) && tiered.answer.is_ok()
}

fn business_center_admin(subject: Subject<'_>, gathered: Gathered<'_>) -> Finding {
    let check = Check::BusinessCenterAdmin;
    match found(subject, gathered) {
        Some((evidence, membership)) if membership.is_admin() => {
            Finding::new(check, Answer::Passed, [evidence.clone()])
        }
        Some((evidence, Membership { role: Some(role), .. })) if role == "STANDARD" => {
            Finding::new(check, Answer::Failed, with_refused_admin_read(gathered, [evidence.clone()]))
        }
        // A role we do not know, or somebody who is no member at all: `business_center_matches` tells the latter.
        Some(_) | None => Finding::new(check, Answer::Inconclusive, gathered.grant.business_centers.on_record()),
    }
}

/// The list of owned ad accounts is for Admins only: its refusal agrees with "no member" and "no Admin".
fn with_refused_admin_read(gathered: Gathered<'_>, decisive: impl IntoIterator<Item = Evidence>) -> Vec<Evidence> {
    let owned = &gathered.grant.owned;
    let agrees = matches!(owned.refusal(), Some(Refusal::NotPermitted));
    decisive.into_iter().chain(agrees.then(|| owned.evidence.clone())).collect()
}

fn ad_account_owned(subject: Subject<'_>, gathered: Gathered<'_>) -> Finding {
    let owned = &gathered.grant.owned;
    let answer = ownership(owned, subject.advertiser_id);
    let mut evidence = Vec::from_iter(owned.on_record());
    if answer == Answer::Failed {
        evidence.extend(not_owned_elsewhere(subject, gathered));
    }
    Finding::new(Check::AdAccountOwned, answer, evidence)
}

/// What the list of what a Business Center owns says about an ad account. Where that is `Failed`, a second endpoint is
/// worth asking (`reachable`).
pub fn ownership(owned: &Asked<BTreeMap<AdvertiserId, Option<String>>>, advertiser_id: &AdvertiserId) -> Answer {
    match owned.value().map(|list| list.get(advertiser_id).map(Option::as_deref)) {
        Some(Some(Some("BOUND"))) => Answer::Passed,
        Some(None | Some(Some("PENDING" | "REJECTED" | "UNBOUND"))) => Answer::Failed,
        Some(Some(_)) | None => Answer::Inconclusive,
    }
}

/// Other endpoints that agree that the original Business Center does not own the account.
fn not_owned_elsewhere(subject: Subject<'_>, gathered: Gathered<'_>) -> Vec<Evidence> {
    let mut agree = Vec::new();
    let info = &gathered.account.info;
    let gone = matches!(info.refusal(), Some(Refusal::AdAccountGone | Refusal::AdAccountNotPermitted));
    if gone || owner_is_another(subject, gathered) {
        agree.push(info.evidence.clone());
    }
    if let Some(reachable) = &gathered.grant.reachable
        && let Some(list) = reachable.value()
    {
        let original = membership(subject, gathered).map(|membership| &membership.name);
        // Names are not unique, so an equal name proves nothing; a different one, or no sight of the account, agrees.
        let has_other_owner = |owner: &String| original.is_some_and(|original| owner != original);
        if list.get(subject.advertiser_id).is_none_or(|owner| owner.as_ref().is_some_and(has_other_owner)) {
            agree.push(reachable.evidence.clone());
        }
    }
    agree
}

pub(super) fn owner_is_another(subject: Subject<'_>, gathered: Gathered<'_>) -> bool {
    let owner = gathered.account.info.value().and_then(|info| info.owner_business_center_id.as_ref());
    owner.is_some_and(|owner| owner != subject.original)
}

fn ad_account_usable(gathered: Gathered<'_>) -> Finding {
    let asked = &gathered.account.info;
    let answer = match asked.value() {
        Some(AdAccountInfo { status: Some(status), .. }) if status == "STATUS_ENABLE" => Answer::Passed,
        Some(AdAccountInfo { status: Some(_), .. }) => Answer::Failed,
        Some(AdAccountInfo { status: None, .. }) | None => Answer::Inconclusive,
    };
    let status = asked.value().and_then(|info| info.status.as_deref());
    Finding::new(Check::AdAccountUsable, answer, asked.on_record()).suspended(status == Some("STATUS_LIMIT"))
}
