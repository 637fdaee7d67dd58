//! The questions of one check, as `shared/src/tiktok/sweeping.rs` puts them, at the pace of one worker. Only TikTok and the
//! clock are models; the answers are laid out by the real [`Answers::evidence`].

use std::collections::{BTreeMap, BTreeSet};

use domain::business_center::Member;
use domain::checks::{AdAccountInfo, Answer, Asked, Elsewhere, Endpoint, Evidence, Membership, Refusal, Tiers};
use domain::examine::ownership;
use domain::grant_evidence::{Answers, CenterAnswers, CheckEvidence};
use domain::ids::{AdvertiserId, BusinessCenterId};
use jiff::Timestamp;
use shared::tiktok::Pace;

use crate::fleet::{Fleet, Grant};
use crate::shapes::Reply;
use crate::tiktok::TikTok;
use crate::units::timestamp;

const PAGE: usize = 50;
const BATCH: usize = 50;
/// Ad accounts that the token no longer covers are asked about one by one, up to so many.
const UNCOVERED: usize = 20;

/// When a worker may ask each endpoint next, in milliseconds. Its checks share it.
#[derive(Clone, Debug)]
pub struct Turns {
    period: i64,
    next: [i64; Endpoint::ALL.len()],
}

impl Turns {
    /// As the real [`Pace`] begins: with a pause.
    pub fn new(qps: u32, workers: u32, now: i64) -> Self {
        let period = i64::try_from(Pace::period(qps, workers).as_millis()).unwrap_or(i64::MAX);
        Self { period, next: [now + period; Endpoint::ALL.len()] }
    }

    fn take(&mut self, endpoint: Endpoint, ready: i64) -> i64 {
        let leaves = ready.max(self.next[endpoint as usize]);
        self.next[endpoint as usize] = leaves + self.period;
        leaves
    }
}

/// One check that asks. Each question gives its answer and when that was there.
pub struct Asking<'a> {
    pub tiktok: &'a mut TikTok,
    pub turns: &'a mut Turns,
    /// The place of the grant in the fleet; `None` for the canary.
    pub number: Option<usize>,
    pub revoked_at: Option<i64>,
}

type Said = Result<bool, (Refusal, Option<i64>)>;

impl Asking<'_> {
    /// `Ok(true)` is the truth, `Ok(false)` an empty list.
    pub fn once(&mut self, endpoint: Endpoint, ready: i64) -> (Said, i64) {
        let leaves = self.turns.take(endpoint, ready);
        let is_dead = self.revoked_at.is_some_and(|at| at <= leaves);
        let (reply, there) = self.tiktok.ask(endpoint, self.number, is_dead, leaves);
        let said = match reply {
            Reply::Truth => Ok(true),
            Reply::Nothing => Ok(false),
            Reply::Refused(refusal, code) => Err((refusal, code)),
        };
        (said, there)
    }

    /// Business Centers that the default list lacks are asked for twice more, each.
    fn elsewhere(&mut self, grant: &Grant, answers: &mut Answers, ready: i64) -> i64 {
        let Some(known) = answers.business_centers.as_ref().and_then(Asked::value) else { return ready };
        let centers: BTreeSet<_> = grant.blocs.iter().map(|bloc| &bloc.center).collect();
        let is_lacking = |center: &&&BusinessCenterId| known.iter().all(|one| one.business_center_id != ***center);
        let lacking: Vec<BusinessCenterId> =
            centers.iter().filter(is_lacking).map(|center| (*center).clone()).collect();
        let mut complete = ready;
        for center in lacking {
            let (by_id, first) = self.once(Endpoint::BusinessCenters, ready);
            let (tiered, second) = self.once(Endpoint::BusinessCenters, ready);
            let elsewhere = Elsewhere {
                by_id: asked(Endpoint::BusinessCenters, by_id, first, |truth| {
                    if truth { vec![admin_of(&center)] } else { Vec::new() }
                }),
                tiered: asked(Endpoint::BusinessCenters, tiered, second, |_| Tiers::default()),
            };
            answers.elsewhere.insert(center, elsewhere);
            complete = complete.max(first).max(second);
        }
        complete
    }

    /// A list of so many pages: the first one tells how many there are, and the first refusal ends it.
    fn pages(&mut self, endpoint: Endpoint, pages: usize, ready: i64) -> (Said, i64) {
        let (mut said, mut there) = self.once(endpoint, ready);
        let ready = there;
        for _ in 1..pages {
            if said != Ok(true) {
                break;
            }
            let (next, when) = self.once(endpoint, ready);
            (said, there) = (next, there.max(when));
        }
        (said, there)
    }

    /// All questions about a grant. Gives the evidence and when it is complete. `each` asks the domain about each ad
    /// account by itself and not about one for all that share their answers.
    pub fn check(&mut self, grant: &Grant, each: bool, begin: i64) -> (CheckEvidence, i64) {
        let (probe, probed) = self.once(Endpoint::AuthorizedAdAccounts, begin);
        let accounts: Vec<(AdvertiserId, BusinessCenterId)> =
            grant.blocs.iter().flat_map(|bloc| bloc.ids(each).map(|id| (id, bloc.center.clone()))).collect();
        let covered = |truth: bool| -> BTreeSet<AdvertiserId> {
            let blocs = grant.blocs.iter().filter(|bloc| truth && bloc.lost_at.is_none_or(|at| at > probed));
            blocs.flat_map(|bloc| bloc.ids(each)).collect()
        };
        let mut answers = Answers {
            authorized: asked(Endpoint::AuthorizedAdAccounts, probe, probed, covered),
            person: None,
            business_centers: None,
            elsewhere: BTreeMap::new(),
            centers: BTreeMap::new(),
            infos: BTreeMap::new(),
            report: None,
            own_reports: BTreeMap::new(),
        };
        let complete = match answers.authorized.refusal() {
            None | Some(Refusal::PermissionNotGranted) => self.all_else(grant, each, &accounts, &mut answers, probed),
            Some(Refusal::TokenDead) => self.memberships(grant, &mut answers, probed),
            Some(_) => probed,
        };
        (answers.evidence(&accounts), complete)
    }

    fn memberships(&mut self, grant: &Grant, answers: &mut Answers, ready: i64) -> i64 {
        let (said, there) = self.once(Endpoint::BusinessCenters, ready);
        let centers: BTreeSet<_> = grant.blocs.iter().map(|bloc| &bloc.center).collect();
        let list = |truth: bool| centers.iter().filter(|_| truth).map(|id| admin_of(id)).collect();
        answers.business_centers = Some(asked(Endpoint::BusinessCenters, said, there, list));
        there
    }

    fn all_else(
        &mut self,
        grant: &Grant,
        each: bool,
        accounts: &[(AdvertiserId, BusinessCenterId)],
        answers: &mut Answers,
        ready: i64,
    ) -> i64 {
        let mut complete = self.memberships(grant, answers, ready);
        let mut in_centers: BTreeMap<&BusinessCenterId, usize> = BTreeMap::new();
        for bloc in &grant.blocs {
            *in_centers.entry(&bloc.center).or_default() += bloc.size;
        }
        let named = |center: &BusinessCenterId, value: &str| -> BTreeMap<AdvertiserId, Option<String>> {
            let inside = grant.blocs.iter().filter(|bloc| bloc.center == *center);
            inside.flat_map(|bloc| bloc.ids(each)).map(|id| (id, Some(value.to_owned()))).collect()
        };
        for (center, watched) in &in_centers {
            let pages = Fleet::owned_by_center(*watched).div_ceil(PAGE);
            let (said, there) = self.pages(Endpoint::OwnedAssets, pages, ready);
            let bound = |truth: bool| if truth { named(center, "BOUND") } else { BTreeMap::new() };
            let owned = asked(Endpoint::OwnedAssets, said, there, bound);
            let (said, admins_there) = self.once(Endpoint::Members, ready);
            let two = |truth: bool| {
                let admin = Member { display_name: None, is_admin: true };
                if truth { vec![admin.clone(), admin] } else { Vec::new() }
            };
            let admins = asked(Endpoint::Members, said, admins_there, two);
            answers.centers.insert((*center).clone(), CenterAnswers { owned, admins, reachable: None });
            complete = complete.max(there).max(admins_there);
        }
        complete = complete.max(self.elsewhere(grant, answers, complete));
        let is_covered = |id: &AdvertiserId| answers.authorized.value().is_none_or(|list| list.contains(id));
        let (covered, uncovered): (Vec<_>, Vec<_>) =
            grant.blocs.iter().partition(|bloc| bloc.ids(false).all(|id| is_covered(&id)));
        for bloc in &covered {
            // The details of a bloc are one question; one that is split by a loss shares it with the rest.
            debug_assert!(bloc.size <= BATCH);
            let (said, there) = self.once(Endpoint::AdAccountInfo, ready);
            answers.infos.extend(bloc.ids(each).map(|id| (id.clone(), info(said, id, there))));
            complete = complete.max(there);
        }
        complete = complete.max(self.report(&covered, answers, ready));

        // A second look, where something is in doubt.
        let ready = complete;
        let is_in_doubt = |(id, center): &&(AdvertiserId, BusinessCenterId)| {
            answers.centers.get(center).is_some_and(|said| ownership(&said.owned, id) == Answer::Failed)
        };
        let in_doubt: BTreeSet<BusinessCenterId> =
            accounts.iter().filter(is_in_doubt).map(|(_, center)| center.clone()).collect();
        for center in in_doubt {
            let watched = in_centers.get(&center).copied().unwrap_or_default();
            let (said, there) = self.pages(Endpoint::ReachableAssets, watched.div_ceil(PAGE), ready);
            let list = |truth: bool| if truth { named(&center, &format!("Center {center}")) } else { BTreeMap::new() };
            let reachable = asked(Endpoint::ReachableAssets, said, there, list);
            answers.centers.entry(center).and_modify(|said| said.reachable = Some(reachable));
            complete = complete.max(there);
        }
        let mut left = UNCOVERED;
        for bloc in uncovered {
            for number in 0..bloc.size.min(left) {
                left -= 1;
                let (said, there) = self.once(Endpoint::AdAccountInfo, ready);
                complete = complete.max(there);
                let is_lost = bloc.lost_at.is_some_and(|at| at <= there);
                let said = if is_lost { said.and(Err((Refusal::AdAccountNotPermitted, Some(40001)))) } else { said };
                answers.infos.extend(bloc.ids(each).nth(number).map(|id| (id.clone(), info(said, id, there))));
            }
        }
        complete
    }

    /// One report stands for all. The model's refusals are about the token, so there is never a second one to ask for.
    fn report(&mut self, covered: &[&super::fleet::Bloc], answers: &mut Answers, ready: i64) -> i64 {
        if covered.is_empty() {
            return ready;
        }
        let (said, there) = self.once(Endpoint::Report, ready);
        answers.report = Some(asked(Endpoint::Report, said, there, drop));
        there
    }
}

fn admin_of(center: &BusinessCenterId) -> Membership {
    Membership {
        business_center_id: center.clone(),
        name: format!("Center {center}"),
        role: Some("ADMIN".to_owned()),
        is_suspended: false,
    }
}

fn asked<T>(endpoint: Endpoint, said: Said, at: i64, value: impl FnOnce(bool) -> T) -> Asked<T> {
    let code = match said {
        Ok(_) => Some(0),
        Err((_, code)) => code,
    };
    let asked_at: Timestamp = timestamp(at);
    let evidence = Evidence { endpoint, code, request_id: None, asked_at };
    Asked { evidence, answer: said.map(value).map_err(|(refusal, _)| refusal) }
}

fn info(said: Said, advertiser_id: AdvertiserId, at: i64) -> Asked<AdAccountInfo> {
    let details = |_| AdAccountInfo {
        advertiser_id,
        status: Some("STATUS_ENABLE".to_owned()),
        owner_business_center_id: None,
        time_zone: None,
    };
    asked(Endpoint::AdAccountInfo, said, at, details)
}
