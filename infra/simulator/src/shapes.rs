//! What may be wrong with TikTok for a while: the shapes of an outage.

use domain::checks::{Endpoint, Refusal};

/// The time, in milliseconds, after which the client gives a question up.
const GIVEN_UP: i64 = 6_000;
/// A flapping TikTok is well for so many minutes, and then wrong for as many.
const FLAPS_EVERY: i64 = 5 * 60_000;

/// What one call gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// How things are.
    Truth,
    /// Code 0 and an empty list, whatever there is.
    Nothing,
    Refused(Refusal, Option<i64>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Nothing is wrong.
    Calm,
    /// Nothing is wrong; 37 grants are revoked, the largest of them among them.
    Revocation,
    /// Nobody answers.
    TotalOutage,
    /// So many per cent of all calls end in a 5xx.
    Errors(u32),
    /// Every token is called dead, the canary's too.
    DeadAll,
    /// One token in ten is called dead, always the same ones. The canary is well.
    DeadTenth,
    /// Answers take one to ten seconds; after six nobody waits any more.
    Slow,
    /// TikTok allows two calls a second, a fifth of what it promises.
    Throttled,
    /// HTTP 200, and something that is no JSON.
    Garbage,
    /// Every list says that some of its items are missing (20001).
    PartialLists,
    /// One endpoint fails with 50000.
    Fails(Endpoint),
    /// One endpoint says that all is well and that there is nothing: code 0, an empty list.
    Empty(Endpoint),
    /// One endpoint refuses everybody for the lack of a permission (40001).
    Refuses(Endpoint),
    /// TikTok refuses our app (40101).
    AppLevel,
    /// Five minutes well, five minutes every token dead.
    Flapping,
    /// Connections are refused at once, everywhere; then all is well again from one moment to the next.
    Stampede,
}

/// Twelve kinds of outage, some in several variants.
pub const OUTAGES: [Shape; 20] = [
    Shape::TotalOutage,
    Shape::Errors(1),
    Shape::Errors(10),
    Shape::Errors(50),
    Shape::DeadAll,
    Shape::DeadTenth,
    Shape::Slow,
    Shape::Throttled,
    Shape::Garbage,
    Shape::PartialLists,
    Shape::Fails(Endpoint::BusinessCenters),
    Shape::Fails(Endpoint::OwnedAssets),
    Shape::Fails(Endpoint::Members),
    Shape::Empty(Endpoint::AuthorizedAdAccounts),
    Shape::Empty(Endpoint::BusinessCenters),
    Shape::Empty(Endpoint::OwnedAssets),
    Shape::Refuses(Endpoint::Report),
    Shape::AppLevel,
    Shape::Flapping,
    Shape::Stampede,
];

impl Shape {
    pub fn name(self) -> String {
        let of = |endpoint: Endpoint| {
            match endpoint {
                Endpoint::AuthorizedAdAccounts => "advertiser-get",
                Endpoint::BusinessCenters => "bc-get",
                Endpoint::OwnedAssets => "bc-asset-admin",
                Endpoint::Members => "bc-member",
                Endpoint::Report => "report",
                other => other.path(),
            }
            .to_owned()
        };
        match self {
            Self::Calm => "calm".to_owned(),
            Self::Revocation => "revocation".to_owned(),
            Self::TotalOutage => "total-outage".to_owned(),
            Self::Errors(per_cent) => format!("5xx-{per_cent}"),
            Self::DeadAll => "40105-all".to_owned(),
            Self::DeadTenth => "40105-tenth".to_owned(),
            Self::Slow => "slow".to_owned(),
            Self::Throttled => "throttled".to_owned(),
            Self::Garbage => "garbage".to_owned(),
            Self::PartialLists => "partial-lists".to_owned(),
            Self::Fails(endpoint) => format!("one-fails:{}", of(endpoint)),
            Self::Empty(endpoint) => format!("one-empty:{}", of(endpoint)),
            Self::Refuses(endpoint) => format!("one-refuses:{}", of(endpoint)),
            Self::AppLevel => "app-level".to_owned(),
            Self::Flapping => "flapping".to_owned(),
            Self::Stampede => "stampede".to_owned(),
        }
    }

    /// How many calls a second TikTok allows, where it usually allows `usual`.
    pub fn limit(self, usual: u32) -> u32 {
        if self == Self::Throttled { usual.min(2) } else { usual }
    }

    /// What a call gets while the shape is on, and how long that takes. The classification is the client's
    /// (`shared/src/tiktok/codes.rs`). `usual` is the time of a usual answer, `since` how long the shape is on.
    pub fn answer(
        self,
        endpoint: Endpoint,
        grant: Option<usize>,
        since: i64,
        usual: i64,
        rng: &mut fastrand::Rng,
    ) -> (Reply, i64) {
        let refused = |refusal, code| (Reply::Refused(refusal, code), usual);
        let dead = || refused(Refusal::TokenDead, Some(40105));
        let is_list = matches!(
            endpoint,
            Endpoint::BusinessCenters | Endpoint::OwnedAssets | Endpoint::ReachableAssets | Endpoint::Members
        );
        match self {
            Self::TotalOutage => (Reply::Refused(Refusal::Unavailable, None), GIVEN_UP),
            Self::Stampede => (Reply::Refused(Refusal::Unavailable, None), 5),
            Self::Errors(per_cent) if rng.u32(0..100) < per_cent => refused(Refusal::Unavailable, Some(50000)),
            Self::DeadAll => dead(),
            Self::DeadTenth if grant.is_some_and(|grant| grant % 10 == 3) => dead(),
            Self::Flapping if since / FLAPS_EVERY % 2 == 1 => dead(),
            Self::Slow => match rng.i64(1_000..10_000) {
                late if late >= GIVEN_UP => (Reply::Refused(Refusal::Unavailable, None), GIVEN_UP),
                in_time => (Reply::Truth, in_time),
            },
            Self::Garbage => refused(Refusal::Unavailable, None),
            Self::PartialLists if is_list => refused(Refusal::Unavailable, Some(20001)),
            Self::Fails(one) if one == endpoint => refused(Refusal::Unavailable, Some(50000)),
            Self::Empty(one) if one == endpoint => (Reply::Nothing, usual),
            Self::Refuses(one) if one == endpoint => refused(Refusal::PermissionNotGranted, Some(40001)),
            Self::AppLevel => refused(Refusal::AppMisconfigured, Some(40101)),
            _ => (Reply::Truth, usual),
        }
    }
}
