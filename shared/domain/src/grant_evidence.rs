//! What TikTok said to one check of a whole grant, laid out per ad account as [`super::diagnosis`] takes it.
//!
//! Nothing here asks anybody: whoever has [`Answers`] from elsewhere gets the same [`CheckEvidence`].

use std::collections::{BTreeMap, BTreeSet};

use super::business_center::Member;
use super::checks::{
    AccountEvidence, AdAccountInfo, Asked, Elsewhere, Endpoint, Evidence, GrantEvidence, Membership, Person, Refusal,
};
use super::ids::{AdvertiserId, BusinessCenterId};

/// All answers. What is `None` or missing was not asked.
#[derive(Clone, Debug)]
pub struct Answers {
    pub authorized: Asked<BTreeSet<AdvertiserId>>,
    pub person: Option<Asked<Person>>,
    pub business_centers: Option<Asked<Vec<Membership>>>,
    /// By the original Business Center that `business_centers` lacks.
    pub elsewhere: BTreeMap<BusinessCenterId, Elsewhere>,
    pub centers: BTreeMap<BusinessCenterId, CenterAnswers>,
    pub infos: BTreeMap<AdvertiserId, Asked<AdAccountInfo>>,
    /// Stands for every ad account that is not in `own_reports`.
    pub report: Option<Asked<()>>,
    pub own_reports: BTreeMap<AdvertiserId, Asked<()>>,
}

/// What was said about one original Business Center.
#[derive(Clone, Debug)]
pub struct CenterAnswers {
    pub owned: Asked<BTreeMap<AdvertiserId, Option<String>>>,
    pub admins: Asked<Vec<Member>>,
    pub reachable: Option<Asked<BTreeMap<AdvertiserId, Option<String>>>>,
}

/// The evidence about all ad accounts of one grant.
#[derive(Clone, Debug)]
pub struct CheckEvidence {
    /// Whether the token lives: `/oauth2/advertiser/get/`.
    pub probe: Asked<()>,
    /// One for each original Business Center, in the order of their ids.
    pub centers: Vec<CenterEvidence>,
    /// All refusals that a verdict may rest on.
    refusals: BTreeSet<Refusal>,
    /// TikTok wants a pause, whatever it was asked.
    pub is_throttled: bool,
}

/// One original Business Center and its ad accounts. With `grant`, each account's evidence makes a
/// [`Gathered`](super::checks::Gathered).
#[derive(Clone, Debug)]
pub struct CenterEvidence {
    pub business_center_id: BusinessCenterId,
    pub grant: GrantEvidence,
    pub accounts: Vec<(AdvertiserId, AccountEvidence)>,
    /// `None` where TikTok would not tell.
    pub admins: Option<Vec<Member>>,
}

impl Answers {
    /// Lays the answers out. `accounts` are the grant's, each with its original Business Center.
    pub fn evidence(mut self, accounts: &[(AdvertiserId, BusinessCenterId)]) -> CheckEvidence {
        let refusals = self.refusals();
        let mut of_members = self.centers.values().filter_map(|center| center.admins.refusal());
        let is_throttled =
            refusals.contains(&Refusal::Throttled) || of_members.any(|refusal| refusal == Refusal::Throttled);
        let mut by_center: BTreeMap<&BusinessCenterId, Vec<&AdvertiserId>> = BTreeMap::new();
        for (account, center) in accounts {
            by_center.entry(center).or_default().push(account);
        }
        let centers = by_center.into_iter().map(|(center, accounts)| self.center(center, &accounts)).collect();
        CheckEvidence { probe: self.authorized.only(), centers, refusals, is_throttled }
    }

    fn center(&mut self, center: &BusinessCenterId, accounts: &[&AdvertiserId]) -> CenterEvidence {
        let (owned, admins, reachable) = match self.centers.remove(center) {
            Some(CenterAnswers { owned, admins, reachable }) => (owned, admins.answer.ok(), reachable),
            None => (self.not_asked(Endpoint::OwnedAssets), None, None),
        };
        let accounts = accounts.iter().map(|account| ((*account).clone(), self.account(account))).collect();
        let grant = GrantEvidence {
            authorized: self.authorized.clone(),
            person: self.person.clone().unwrap_or_else(|| self.not_asked(Endpoint::UserInfo)),
            business_centers: self
                .business_centers
                .clone()
                .unwrap_or_else(|| self.not_asked(Endpoint::BusinessCenters)),
            elsewhere: self.elsewhere.remove(center),
            owned,
            reachable,
        };
        CenterEvidence { business_center_id: center.clone(), grant, accounts, admins }
    }

    fn account(&mut self, account: &AdvertiserId) -> AccountEvidence {
        let info = self.infos.remove(account).unwrap_or_else(|| self.not_asked(Endpoint::AdAccountInfo));
        let report = self.own_reports.remove(account).or_else(|| self.report.clone());
        AccountEvidence { info, report: report.unwrap_or_else(|| self.not_asked(Endpoint::Report)) }
    }

    fn not_asked<T>(&self, endpoint: Endpoint) -> Asked<T> {
        let asked_at = self.authorized.evidence.asked_at;
        let evidence = Evidence { endpoint, code: None, request_id: None, asked_at };
        Asked { evidence, answer: Err(Refusal::NotAsked) }
    }

    /// `/bc/member/get/` is left out: it names people, and nothing it says is about a token or about our app.
    fn refusals(&self) -> BTreeSet<Refusal> {
        let of_centers = self.centers.values().flat_map(|center| {
            let reachable = center.reachable.as_ref().and_then(Asked::refusal);
            [center.owned.refusal(), reachable]
        });
        let elsewhere = self.elsewhere.values().flat_map(|one| [one.by_id.refusal(), one.tiered.refusal()]);
        let once = [
            self.authorized.refusal(),
            self.person.as_ref().and_then(Asked::refusal),
            self.business_centers.as_ref().and_then(Asked::refusal),
            self.report.as_ref().and_then(Asked::refusal),
        ];
        let of_accounts = self.infos.values().map(Asked::refusal).chain(self.own_reports.values().map(Asked::refusal));
        once.into_iter().chain(of_centers).chain(elsewhere).chain(of_accounts).flatten().collect()
    }
}

impl CheckEvidence {
    /// While the canary is not well, nobody is believed to hold a token of another app.
    pub fn doubt_other_apps(&mut self) {
        let doubted = |refusal: &mut Refusal| {
            if *refusal == Refusal::TokenOfAnotherApp {
                *refusal = Refusal::Unrecognised;
            }
        };
        let _ = self.probe.answer.as_mut().map_err(doubted);
        for center in &mut self.centers {
            let _ = center.grant.authorized.answer.as_mut().map_err(doubted);
        }
    }

    /// Whether any question was refused in this way.
    pub fn refused(&self, refusal: Refusal) -> bool {
        self.refusals.contains(&refusal)
    }
}
