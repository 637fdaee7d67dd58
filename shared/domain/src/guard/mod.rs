//! The guard: when many verdicts at once are bad, distrust the verdicts.
//!
//! While it holds, nothing lapses; strikes are kept, and what is still dead when it lets go lapses then. It holds when
//!
//! * the canary, a grant of our own on a standing account, is refused or silent;
//! * TikTok says that our own app is at fault: to the canary, or to three different grants of at least two organisations
//!   (of one, where there is only one), since what it says to one grant may be about that one;
//! * too large a part of the grants that answered within an hour was struck for the first time, or too large a part of
//!   all grants is struck;
//! * an operator says so.
//!
//! `lapse-sweep` reviews it every minute ([`Standing::review`]) and writes down what it found; `check-grant` goes by what
//! is written ([`Guard::may_lapse`]). What is old or not to be read holds.
//!
//! It lets go by itself when none of this is so any more. Whatever it says, no more grants lapse in an hour than
//! [`Standing::budget`]. A grant counts once, however many ad accounts hang on it: somebody who takes back one
//! authorization with 5,000 of them is one event, not an outage.
//!
//! The numbers: `docs/decisions/guard.md`.

pub mod tally;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use super::ids::{GrantId, OrgId};
use tally::{BUCKET, Numbers, Tally};

/// The time in which grants newly struck are compared with those that answered.
pub const WINDOW: SignedDuration = SignedDuration::from_hours(1);
/// More than so many per cent of at least so many grants is too large a part.
const TOO_LARGE: [(i64, i64); 2] = [(2, 200), (20, 20)];
/// An answer that blames our app casts its doubt for so long.
const APP_LEVEL: SignedDuration = SignedDuration::from_mins(30);
/// So many different grants must hear it within that time, of so many organisations where there are as many.
const APP_LEVEL_GRANTS: usize = 3;
const APP_LEVEL_ORGANISATIONS: usize = 2;
/// The canary must have answered within this time. It is asked every minute.
const CANARY_FRESH: SignedDuration = SignedDuration::from_mins(10);
/// Once it holds, it holds for so long at least, so that it does not flap.
const SHORTEST_HOLD: SignedDuration = SignedDuration::from_mins(10);
/// A review that is older says nothing any more. There is one every minute.
const REVIEW_FRESH: SignedDuration = SignedDuration::from_mins(5);
/// Grants that may lapse in an hour: so many, or one in a thousand of the ad accounts.
const LEAST_BUDGET: i64 = 25;
const BUDGET_SHARE: i64 = 1_000;

/// Why lapsing is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// TikTok refuses the canary, which nobody revoked.
    CanaryRefused,
    /// The canary has not answered for too long.
    CanarySilent,
    /// TikTok says that our app, our secret or our requests are wrong.
    AppLevelCode,
    /// Too many of the grants that answered lately were struck for the first time.
    ManyNewlyStruck,
    /// Too many of all grants are struck.
    ManyStruck,
    /// An operator holds it.
    Operator,
}

impl Doubt {
    pub fn name(self) -> &'static str {
        match self {
            Self::CanaryRefused => "canary_refused",
            Self::CanarySilent => "canary_silent",
            Self::AppLevelCode => "app_level_code",
            Self::ManyNewlyStruck => "many_newly_struck",
            Self::ManyStruck => "many_struck",
            Self::Operator => "operator",
        }
    }
}

/// What an operator wants, until they say `auto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Forced {
    Hold,
    Release,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    pub since: Timestamp,
    pub reason: Doubt,
}

/// A grant of our own, on an ad account that nobody but us touches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Canary {
    pub org_id: OrgId,
    pub grant_id: GrantId,
}

/// A grant that heard an answer which blames our app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hearing {
    pub org_id: OrgId,
    pub grant_id: GrantId,
    pub at: Timestamp,
}

/// The guard as it is remembered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guard {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forced: Option<Forced>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<Canary>,
    /// Tokens of grants that were given before this time are revoked, an operator ordered. The guard has no say in it; the
    /// order lies here because everybody who checks a grant reads this row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoke_before: Option<Timestamp>,
    /// When the canary was named, or answered healthy last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary_passed_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary_refused_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_level_at: Option<Timestamp>,
    /// Who else heard lately that our app is at fault; few, since a few are enough.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub app_level_heard: Vec<Hearing>,
    /// Organisations that have grants, each as of a review that saw it: two of them, which is all that needs to be known.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub organisations: BTreeMap<OrgId, Timestamp>,
    /// Grows with every hold and release.
    #[serde(default)]
    pub version: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reviewed_at: Option<Timestamp>,
    /// Grants that may lapse in an hour, as of that review.
    #[serde(default)]
    pub budget: i64,
}

impl Guard {
    /// What there is to doubt beside the numbers.
    fn own_doubt(&self, now: Timestamp) -> Option<Doubt> {
        let has_canary = self.canary.is_some();
        if has_canary && self.canary_refused_at.is_some() && self.canary_refused_at >= self.canary_passed_at {
            Some(Doubt::CanaryRefused)
        } else if self.app_level_at.is_some_and(|at| now < at + APP_LEVEL) {
            Some(Doubt::AppLevelCode)
        } else if has_canary && self.canary_passed_at.is_none_or(|at| at + CANARY_FRESH <= now) {
            Some(Doubt::CanarySilent)
        } else {
            None
        }
    }

    /// The guard after a grant heard that our app is at fault; `None` where that adds nothing, since it was heard from this
    /// grant already or is held against the app for long enough. The canary's word is enough by itself, and comes as
    /// `app_level_at`.
    pub fn app_level_heard(&self, org_id: &OrgId, grant_id: &GrantId, now: Timestamp) -> Option<Self> {
        let mut heard: Vec<Hearing> =
            self.app_level_heard.iter().filter(|one| now < one.at + APP_LEVEL).cloned().collect();
        let is_known = heard.iter().any(|one| one.grant_id == *grant_id && one.org_id == *org_id);
        if is_known || self.app_level_at.is_some_and(|at| now < at + APP_LEVEL / 2) {
            return None;
        }
        heard.push(Hearing { org_id: org_id.clone(), grant_id: grant_id.clone(), at: now });
        let mut after = self.clone();
        let organisations: BTreeSet<&OrgId> = heard.iter().map(|one| &one.org_id).collect();
        let enough = APP_LEVEL_ORGANISATIONS.min(self.organisations.len().max(1));
        if heard.len() >= APP_LEVEL_GRANTS && organisations.len() >= enough {
            after.app_level_at = Some(now);
        }
        // Grants of one organisation need not be remembered beyond what it takes; another's makes the difference.
        while heard.len() > APP_LEVEL_GRANTS + 1 {
            heard.remove(most_heard(&heard));
        }
        after.app_level_heard = heard;
        Some(after)
    }

    /// Which organisations have grants, after a run came upon `seen`; `None` where that is known well enough.
    pub fn organisations_with(
        &self,
        seen: &BTreeSet<OrgId>,
        interval: SignedDuration,
        now: Timestamp,
    ) -> Option<BTreeMap<OrgId, Timestamp>> {
        let mut after = self.organisations.clone();
        // Every grant comes up once in an interval.
        after.retain(|_, at| now < *at + memory(interval));
        for org_id in seen {
            if after.len() < APP_LEVEL_ORGANISATIONS || after.contains_key(org_id) {
                after.insert(org_id.clone(), now);
            }
        }
        let is_news = |(org_id, at): (&OrgId, &Timestamp)| {
            self.organisations.get(org_id).is_none_or(|known| *known + WINDOW <= *at)
        };
        (after.len() != self.organisations.len() || after.iter().any(is_news)).then_some(after)
    }

    /// Whether a token may be believed to be another app's: only while the canary, if there is one, is well.
    pub fn believes_other_apps(&self, now: Timestamp) -> bool {
        let is_refused = self.canary_refused_at.is_some() && self.canary_refused_at >= self.canary_passed_at;
        let is_silent = self.canary_passed_at.is_none_or(|at| at + CANARY_FRESH <= now);
        self.canary.is_none() || !(is_refused || is_silent)
    }

    /// Whether one more grant, or what is lost under it, may lapse now. `lapsed` is how many did in this hour.
    pub fn may_lapse(&self, lapsed: i64, now: Timestamp) -> bool {
        let is_trusted = match self.forced {
            Some(Forced::Hold) => false,
            Some(Forced::Release) => true,
            None => self.hold.is_none() && self.own_doubt(now).is_none(),
        };
        let is_reviewed = self.reviewed_at.is_some_and(|at| now < at + REVIEW_FRESH);
        is_trusted && is_reviewed && lapsed < self.budget
    }
}

/// The oldest hearing of the organisation that has most of them.
fn most_heard(heard: &[Hearing]) -> usize {
    let of = |org_id: &OrgId| heard.iter().filter(|one| one.org_id == *org_id).count();
    (0..heard.len()).rev().max_by_key(|place| of(&heard[*place].org_id)).unwrap_or_default()
}

/// The guard and what the fleet answered lately: enough to review it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub guard: Guard,
    pub tally: Tally,
    /// How often every grant is checked.
    pub interval: SignedDuration,
}

/// Which hour a lapse counts in.
pub fn hour_of(time: Timestamp) -> i64 {
    time.as_second().div_euclid(3_600)
}

/// How long buckets are of use: in one interval every grant answers once.
pub fn memory(interval: SignedDuration) -> SignedDuration {
    interval + interval / 5 + WINDOW
}

fn is_too_large(part: i64, of: i64) -> bool {
    TOO_LARGE.iter().any(|(per_cent, at_least)| of >= *at_least && part * 100 > per_cent * of)
}

impl Standing {
    /// What there is to doubt now, whoever may have decided what before.
    pub fn doubt(&self, now: Timestamp) -> Option<Doubt> {
        let lately: Numbers = self.tally.during(WINDOW - BUCKET, now);
        let all: Numbers = self.tally.during(memory(self.interval), now);
        if is_too_large(lately.newly, lately.grants) {
            Some(Doubt::ManyNewlyStruck)
        } else if is_too_large(all.struck, all.grants) {
            Some(Doubt::ManyStruck)
        } else {
            self.guard.own_doubt(now)
        }
    }

    /// Grants that gave a definitive answer within an interval and a little more.
    pub fn answered(&self, now: Timestamp) -> i64 {
        self.tally.during(memory(self.interval), now).grants
    }

    /// Grants that may lapse in an hour.
    pub fn budget(&self, now: Timestamp) -> i64 {
        LEAST_BUDGET.max(self.tally.during(memory(self.interval), now).accounts / BUDGET_SHARE)
    }

    /// The guard as it shall be from now on, and the event that tells of it, if it begins to hold or lets go.
    pub fn review(&self, now: Timestamp) -> (Guard, Option<GuardEvent>) {
        let reason = match self.guard.forced {
            Some(Forced::Hold) => Some(Doubt::Operator),
            Some(Forced::Release) => None,
            None => self.doubt(now),
        };
        let mut guard = Guard { reviewed_at: Some(now), budget: self.budget(now), ..self.guard.clone() };
        let (kind, reason) = match (self.guard.hold, reason) {
            (None, Some(reason)) => {
                guard.hold = Some(Hold { since: now, reason });
                (GuardEventKind::SweepHeld, reason)
            }
            (Some(was), None) if self.guard.forced.is_some() || was.since + SHORTEST_HOLD <= now => {
                guard.hold = None;
                (GuardEventKind::SweepReleased, was.reason)
            }
            (Some(_), None | Some(_)) | (None, None) => return (guard, None),
        };
        guard.version += 1;
        let event = GuardEvent::new(kind, guard.version, reason, now);
        (guard, Some(event))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GuardEventKind {
    SweepHeld,
    SweepReleased,
}

impl GuardEventKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::SweepHeld => "SweepHeld",
            Self::SweepReleased => "SweepReleased",
        }
    }
}

/// What the bus gets when the guard holds or lets go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardEvent {
    pub event_id: String,
    pub kind: GuardEventKind,
    /// The guard's version after the change.
    pub version: u64,
    pub occurred_at: Timestamp,
    /// Why it holds; at a release, why it held.
    pub reason: Doubt,
}

impl GuardEvent {
    fn new(kind: GuardEventKind, version: u64, reason: Doubt, occurred_at: Timestamp) -> Self {
        let hash = digest(&SHA256, format!("guard-event/v1|{version}|{}", kind.name()).as_bytes());
        let event_id = hash.as_ref()[..16].iter().fold(String::from("evt_"), |id, byte| id + &format!("{byte:02x}"));
        Self { event_id, kind, version, occurred_at, reason }
    }
}

#[cfg(test)]
mod tests;
