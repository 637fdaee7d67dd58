//! The fleet: grants of realistic sizes and the ad accounts under them, as small as they can be kept.
//!
//! How many ad accounts a grant covers is drawn from a log-normal distribution (median 9, sigma 1.3: half of the grants
//! have between 4 and 22, one in fifty more than 125), at most 5,000; and one grant in four thousand is an agency's with
//! 5,000. That makes some 22 ad accounts per grant. A grant of up to 40 ad accounts lies in one Business Center, a larger one
//! in up to ten; a Business Center owns half as much again as the grant covers.
//!
//! Ad accounts under one grant whose details TikTok is asked for together share every answer, and nothing in the domain
//! tells them apart. So such a bloc, of up to fifty, is kept as one, and one ad account is judged for all of them. A test
//! judges each by itself and gets the same table.

use std::collections::BTreeSet;

use domain::access::Belonging;
use domain::account::{AdAccount, RiskFact, Standing, Status};
use domain::causes::{Cause, CauseCode, NamedBusinessCenter};
use domain::gap::Opening;
use domain::grant_check::{CheckState, Watched};
use domain::guard::tally::{Counted, Recount, Tally, bucket_of};
use domain::ids::{AdvertiserId, BusinessCenterId, GrantId, OrgId};
use domain::spread;
use jiff::{SignedDuration, Timestamp};

use crate::units::real;

const MEDIAN: f64 = 9.0;
const SIGMA: f64 = 1.3;
const LARGEST: usize = 5_000;
/// One grant of so many is an agency's.
const AGENCY_EVERY: usize = 4_000;
/// How many ad accounts are asked about together.
const BLOC: usize = 50;
const PER_CENTER: usize = 40;
const MOST_CENTERS: usize = 10;

/// How large grants are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sizes {
    Realistic,
    /// All alike.
    Each(usize),
}

/// Ad accounts under one grant that have always had the same answers.
#[derive(Clone, Debug)]
pub struct Bloc {
    /// The number of the first of them.
    first: u64,
    pub size: usize,
    pub center: BusinessCenterId,
    pub status: Status,
    pub cause: Option<CauseCode>,
    pub at_risk: BTreeSet<RiskFact>,
    pub version: u64,
    /// When the token really lost them.
    pub lost_at: Option<i64>,
    pub lapsed_at: Option<i64>,
}

#[derive(Clone, Debug)]
pub struct Grant {
    pub id: GrantId,
    pub blocs: Vec<Bloc>,
    pub state: CheckState,
    pub due: Timestamp,
    /// Queued by a run, and not yet looked at again.
    pub sent: bool,
    pub revoked_at: Option<i64>,
    /// How often it was looked at, and answered, since something was really lost.
    pub looks: u64,
    pub last_proven: Option<Timestamp>,
}

pub struct Fleet {
    pub grants: Vec<Grant>,
    /// What was counted before the simulation begins: every grant answered at its own place in the last interval.
    pub tally: Tally,
    pub org_id: OrgId,
}

fn account_id(number: u64) -> Option<AdvertiserId> {
    format!("70{number:017}").parse().ok()
}

impl Bloc {
    /// The ids of the ad accounts to judge: one, or each.
    pub fn ids(&self, each: bool) -> impl Iterator<Item = AdvertiserId> {
        let many = if each { self.size } else { 1 };
        (self.first..).take(many).filter_map(account_id)
    }

    pub fn watched(&self, advertiser_id: AdvertiserId) -> Watched {
        Watched {
            advertiser_id,
            business_center_id: self.center.clone(),
            status: self.status,
            cause: self.cause,
            at_risk: self.at_risk.clone(),
            time_zone: None,
        }
    }

    /// One of its ad accounts in full.
    pub fn account(&self, org_id: &OrgId, grant: &GrantId, advertiser_id: AdvertiserId, now: Timestamp) -> AdAccount {
        let standing = match self.status {
            Status::Active => Standing::Active { since: now },
            Status::NeedsConnecting => Standing::NeedsConnecting {
                lapsed_since: now,
                gap_opening: Opening::never_read(now),
                causes: self.cause.into_iter().map(Cause::from).collect(),
            },
        };
        AdAccount {
            org_id: org_id.clone(),
            advertiser_id,
            name: String::new(),
            business_center: NamedBusinessCenter { id: self.center.clone(), name: None },
            belonging: Belonging::default(),
            connected_by: None,
            last_data_on: None,
            time_zone: None,
            grant_id: Some(grant.clone()),
            standing,
            at_risk: self.at_risk.clone(),
            findings: Vec::new(),
            version: self.version,
            revision: self.version,
        }
    }
}

impl Grant {
    pub fn accounts(&self) -> usize {
        self.blocs.iter().map(|bloc| bloc.size).sum()
    }

    pub fn is_dead(&self, at: i64) -> bool {
        self.revoked_at.is_some_and(|revoked| revoked <= at)
    }

    /// Takes one ad account out of the grant's reach, for good.
    pub fn lose_one(&mut self, at: i64) {
        let Some(bloc) = self.blocs.iter_mut().find(|bloc| bloc.size > 1) else { return };
        bloc.size -= 1;
        let lost = Bloc { first: bloc.first + bloc.size as u64, size: 1, lost_at: Some(at), ..bloc.clone() };
        self.blocs.push(lost);
    }
}

impl Fleet {
    pub fn new(
        accounts: usize,
        sizes: Sizes,
        interval: SignedDuration,
        begin: Timestamp,
        seed: u64,
    ) -> anyhow::Result<Self> {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut fleet = Self { grants: Vec::new(), tally: Tally::default(), org_id: "simulated".parse()? };
        let (mut placed, mut center) = (0, 0_u64);
        while placed < accounts {
            let number = fleet.grants.len();
            let size = match sizes {
                Sizes::Each(size) => size,
                // Not the first, so that small fleets have none.
                Sizes::Realistic if number % AGENCY_EVERY == AGENCY_EVERY / 2 => LARGEST,
                Sizes::Realistic => log_normal(&mut rng),
            };
            let size = size.min(accounts - placed);
            let blocs = blocs(placed, size, &mut center)?;
            placed += size;
            let id = GrantId::from_random(&rng.u128(..).to_be_bytes());
            let due = spread::regular(&id, begin, interval);
            let checked = due - interval;
            let counted = Counted { bucket: bucket_of(checked), accounts: i64::try_from(size)?, struck: None };
            fleet.tally.add(&Recount::new(None, counted, false));
            let state = CheckState { counted: Some(counted), checks: rng.u64(1..100), ..CheckState::default() };
            fleet.grants.push(Grant {
                id,
                blocs,
                state,
                due,
                sent: false,
                revoked_at: None,
                looks: 0,
                last_proven: Some(checked),
            });
        }
        Ok(fleet)
    }

    /// How many ad accounts a Business Center owns that holds so many of a grant.
    pub fn owned_by_center(watched: usize) -> usize {
        watched + watched / 2
    }
}

fn log_normal(rng: &mut fastrand::Rng) -> usize {
    // Box and Muller.
    let (one, other) = (1.0 - rng.f64(), rng.f64());
    let normal = (-2.0 * one.ln()).sqrt() * (std::f64::consts::TAU * other).cos();
    let size = MEDIAN * (SIGMA * normal).exp();
    (1..LARGEST).find(|whole| real(*whole as u64) >= size).unwrap_or(LARGEST)
}

/// The ad accounts of one grant, in blocs, spread over Business Centers of its own.
fn blocs(first: usize, size: usize, center: &mut u64) -> anyhow::Result<Vec<Bloc>> {
    let centers = size.div_ceil(PER_CENTER).min(MOST_CENTERS);
    let mut blocs = Vec::new();
    for part in 0..centers {
        *center += 1;
        let id: BusinessCenterId = format!("69{:017}", *center).parse()?;
        let (from, to) = (first + size * part / centers, first + size * (part + 1) / centers);
        for begin in (from..to).step_by(BLOC) {
            blocs.push(Bloc {
                first: begin as u64,
                size: BLOC.min(to - begin),
                center: id.clone(),
                status: Status::Active,
                cause: None,
                at_risk: BTreeSet::new(),
                version: 1,
                lost_at: None,
                lapsed_at: None,
            });
        }
    }
    Ok(blocs)
}
