//! One set of answers of TikTok's about one ad account. It starts as a connection in order; a test changes one thing.

use std::collections::{BTreeMap, BTreeSet};

use domain::checks::{
    AccountEvidence, AdAccountInfo, Asked, Check, Elsewhere, Endpoint, Evidence, Finding, Gathered, GrantEvidence,
    Membership, Person, Refusal, Tiers,
};
use domain::diagnosis::{Diagnosis, diagnose};
use domain::examine::{Occasion, Subject};
use domain::ids::{AdvertiserId, BusinessCenterId};
use domain::scopes::Scopes;
use jiff::Timestamp;

pub const ACCOUNT: &str = "7100000000000000011";
pub const OTHER_ACCOUNT: &str = "7100000000000000012";
pub const ORIGINAL: &str = "7200000000000000021";
pub const OTHER_CENTER: &str = "7200000000000000022";

/// Asked for the Business Center by its id, and for those that belong to others.
pub type FurtherAnswers = (Result<Vec<Membership>, Refusal>, Result<Tiers, Refusal>);

#[derive(Clone, Debug)]
pub struct Case {
    pub scopes: Vec<u64>,
    pub authorized: Result<BTreeSet<AdvertiserId>, Refusal>,
    pub business_centers: Result<Vec<Membership>, Refusal>,
    /// What the further questions about Business Centers were answered: asked by id, and for those that belong to others.
    pub elsewhere: Option<FurtherAnswers>,
    pub owned: Result<BTreeMap<AdvertiserId, Option<String>>, Refusal>,
    pub info: Result<AdAccountInfo, Refusal>,
    pub report: Result<(), Refusal>,
    pub reachable: Option<Result<BTreeMap<AdvertiserId, Option<String>>, Refusal>>,
    pub occasion: Occasion,
}

/// The questions that a verdict rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    Authorized,
    BusinessCenters,
    Owned,
    Info,
    Report,
    Reachable,
}

impl Question {
    pub const ALWAYS_ASKED: [Self; 5] =
        [Self::Authorized, Self::BusinessCenters, Self::Owned, Self::Info, Self::Report];
}

pub fn account(id: &str) -> AdvertiserId {
    id.parse().unwrap()
}

pub fn membership(id: &str, role: Option<&str>) -> Membership {
    let name = if id == ORIGINAL { "Shop Group" } else { "Other" };
    Membership {
        business_center_id: id.parse().unwrap(),
        name: name.to_owned(),
        role: role.map(str::to_owned),
        is_suspended: false,
    }
}

pub fn owned(id: &str, status: Option<&str>) -> (AdvertiserId, Option<String>) {
    (account(id), status.map(str::to_owned))
}

pub fn reachable(id: &str, owner: Option<&str>) -> (AdvertiserId, Option<String>) {
    (account(id), owner.map(str::to_owned))
}

pub fn info(status: Option<&str>, owner: Option<&str>) -> AdAccountInfo {
    AdAccountInfo {
        advertiser_id: account(ACCOUNT),
        status: status.map(str::to_owned),
        owner_business_center_id: owner.map(|id| id.parse().unwrap()),
        time_zone: None,
    }
}

pub fn in_order() -> Case {
    Case {
        scopes: vec![1, 15, 4],
        authorized: Ok(BTreeSet::from([account(ACCOUNT), account(OTHER_ACCOUNT)])),
        business_centers: Ok(vec![membership(ORIGINAL, Some("ADMIN"))]),
        elsewhere: None,
        owned: Ok(BTreeMap::from([owned(OTHER_ACCOUNT, Some("BOUND")), owned(ACCOUNT, Some("BOUND"))])),
        info: Ok(info(Some("STATUS_ENABLE"), None)),
        report: Ok(()),
        reachable: None,
        occasion: Occasion::Check,
    }
}

/// Further answers that lack the original Business Center as well.
pub fn nowhere_else() -> FurtherAnswers {
    (Ok(Vec::new()), Ok(Tiers::default()))
}

fn asked<T: Clone>(endpoint: Endpoint, answer: &Result<T, Refusal>) -> Asked<T> {
    let code = match answer {
        Ok(_) => Some(0),
        Err(Refusal::Unavailable) => None,
        Err(_) => Some(40_000),
    };
    let evidence = Evidence {
        endpoint,
        code,
        request_id: Some("20261123120000A1B2".to_owned()),
        asked_at: Timestamp::from_second(1_795_435_200).unwrap(),
    };
    Asked { evidence, answer: answer.clone() }
}

impl Case {
    pub fn diagnosis(&self) -> Diagnosis {
        let scopes = Scopes::new(self.scopes.iter().copied());
        let exchange = asked(Endpoint::Exchange, &Ok(())).evidence;
        let (account, original): (_, BusinessCenterId) = (account(ACCOUNT), ORIGINAL.parse().unwrap());
        let subject = Subject {
            advertiser_id: &account,
            original: &original,
            scopes: &scopes,
            scope_evidence: &exchange,
            occasion: self.occasion,
        };
        let person = Person { core_user_id: "7400000000000000001".to_owned(), display_name: "Ana M".to_owned() };
        let grant = GrantEvidence {
            authorized: asked(Endpoint::AuthorizedAdAccounts, &self.authorized),
            person: asked(Endpoint::UserInfo, &Ok(person)),
            business_centers: asked(Endpoint::BusinessCenters, &self.business_centers),
            elsewhere: self.elsewhere.as_ref().map(|(by_id, tiered)| Elsewhere {
                by_id: asked(Endpoint::BusinessCenters, by_id),
                tiered: asked(Endpoint::BusinessCenters, tiered),
            }),
            owned: asked(Endpoint::OwnedAssets, &self.owned),
            reachable: self.reachable.as_ref().map(|answer| asked(Endpoint::ReachableAssets, answer)),
        };
        let account = AccountEvidence {
            info: asked(Endpoint::AdAccountInfo, &self.info),
            report: asked(Endpoint::Report, &self.report),
        };
        diagnose(subject, Gathered { grant: &grant, account: &account })
    }

    pub fn finding(&self, check: Check) -> Finding {
        self.diagnosis().findings.into_iter().find(|finding| finding.check == check).unwrap()
    }

    pub fn refusal(&self, question: Question) -> Option<Refusal> {
        match question {
            Question::Authorized => self.authorized.as_ref().err().copied(),
            Question::BusinessCenters => self.business_centers.as_ref().err().copied(),
            Question::Owned => self.owned.as_ref().err().copied(),
            Question::Info => self.info.as_ref().err().copied(),
            Question::Report => self.report.err(),
            Question::Reachable => self.reachable.as_ref().and_then(|answer| answer.as_ref().err().copied()),
        }
    }

    pub fn refusal_of(&self, endpoint: Endpoint) -> Option<Refusal> {
        self.refusal(match endpoint {
            Endpoint::AuthorizedAdAccounts => Question::Authorized,
            Endpoint::BusinessCenters => Question::BusinessCenters,
            Endpoint::OwnedAssets => Question::Owned,
            Endpoint::AdAccountInfo => Question::Info,
            Endpoint::Report => Question::Report,
            Endpoint::ReachableAssets => Question::Reachable,
            _ => return None,
        })
    }

    /// The same case with one question refused.
    pub fn refused(&self, question: Question, refusal: Refusal) -> Self {
        let mut case = self.clone();
        match question {
            Question::Authorized => case.authorized = Err(refusal),
            // No further questions follow from an answer that is not there.
            Question::BusinessCenters => (case.business_centers, case.elsewhere) = (Err(refusal), None),
            Question::Owned => case.owned = Err(refusal),
            Question::Info => case.info = Err(refusal),
            Question::Report => case.report = Err(refusal),
            Question::Reachable => case.reachable = Some(Err(refusal)),
        }
        case
    }

    /// The same case for a token that TikTok no longer takes.
    pub fn dead(&self) -> Self {
        Question::ALWAYS_ASKED.into_iter().fold(self.clone(), |case, one| case.refused(one, Refusal::TokenDead))
    }
}
