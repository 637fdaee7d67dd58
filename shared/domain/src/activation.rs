//! One attempt to reconnect, from Activate to a receipt.
//!
//! * `Waiting`: a state was minted and the person sent to TikTok.
//! * `Exchanging`: the person is back and somebody has the right to spend the code, once.
//! * `Verifying`: the candidate token is stored; evidence is gathered, again and again if TikTok cannot answer.
//! * `Closed`: with an outcome that never changes; accounts asked for through `also` may be left to do.
//!
//! [`Activation::next_step`] says what may be done now; the moves below check the same rule again, and the store's
//! conditional writes restate it, so that the table referees races. [`Activation::due_at`] says when somebody is to look
//! who is not the person at the screen.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::access::Reach;
use super::causes::{Cause, CauseCode};
use super::checks::{Finding, Person};
use super::gap::Gap;
use super::ids::{ActivationId, AdvertiserId, GrantId, OrgId, UserId};

/// An exchange that has left nothing behind after this long will not any more: the function ends well before.
pub const EXCHANGE_LEASE: SignedDuration = SignedDuration::from_secs(60);
/// One completion at a time gathers evidence; after this long another may.
pub const VERIFY_LEASE: SignedDuration = SignedDuration::from_secs(35);
/// A pending activation ends within this time of the exchange.
pub const PENDING_LIFE: SignedDuration = SignedDuration::from_mins(15);
/// Whoever cannot answer in the last part of that time ends it. Due activations are looked for once a minute, so a try in
/// this part may be the last that is in time.
const LAST_PART: SignedDuration = SignedDuration::from_mins(2);
/// After a try without an answer, the next one comes no sooner.
const SOON: SignedDuration = SignedDuration::from_secs(30);
/// Live activations one person may have.
pub const MAX_LIVE: usize = 10;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activation {
    pub activation_id: ActivationId,
    pub org_id: OrgId,
    pub advertiser_id: AdvertiserId,
    pub started_by: UserId,
    /// How the token issuer names that person; becomes the account's `connected_by`.
    pub started_by_display: Option<String>,
    pub started_at: Timestamp,
    pub expires_at: Timestamp,
    /// Also reconnect the other lapsed accounts of the same Business Center.
    pub also_business_center: bool,
    /// What the person who started reached when they were last here: limits `also`, and what is left of it later.
    pub reach: Reach,
    /// The grant that the account had when the activation began.
    pub grant_at_start: Option<GrantId>,
    pub state: State,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "there is one at a time, and its end is what everybody waits for")]
pub enum State {
    Waiting,
    Exchanging {
        claimed_at: Timestamp,
    },
    Verifying {
        exchanged_at: Timestamp,
        /// Until then somebody is at it.
        leased_until: Timestamp,
        /// When it is gone on with if nobody asks.
        due_at: Timestamp,
    },
    Closed {
        closed_at: Timestamp,
        outcome: Outcome,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        siblings: Option<SiblingsLeft>,
    },
}

/// Accounts asked for through `also` are still to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiblingsLeft {
    /// When they are gone on with if nobody asks.
    pub due_at: Timestamp,
    /// Those that are not done by then stay as they are.
    pub until: Timestamp,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    Reconnected {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        authorized_by: Option<Person>,
        grant_id: GrantId,
    },
    Refused {
        cause: Cause,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        findings: Vec<Finding>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        authorized_by: Option<Person>,
        /// The grant that the siblings moved to all the same.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        grant_id: Option<GrantId>,
    },
    /// Somebody else presented the ticket.
    NotTheirs { presented_by: UserId, presented_in: OrgId },
    /// Another activation made the account Active first.
    AlreadyActive,
    /// TikTok, or something of ours, kept us from an answer.
    GaveUp { cause: Cause },
}

impl Outcome {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Reconnected { .. } => "reconnected",
            Self::Refused { .. } => "refused",
            Self::NotTheirs { .. } => "not_theirs",
            Self::AlreadyActive => "already_active",
            Self::GaveUp { .. } => "gave_up",
        }
    }

    pub fn cause(&self) -> Option<CauseCode> {
        match self {
            Self::Refused { cause, .. } | Self::GaveUp { cause } => Some(cause.cause),
            Self::Reconnected { .. } | Self::NotTheirs { .. } | Self::AlreadyActive => None,
        }
    }

    pub fn grant_id(&self) -> Option<&GrantId> {
        match self {
            Self::Reconnected { grant_id, .. } => Some(grant_id),
            Self::Refused { grant_id, .. } => grant_id.as_ref(),
            Self::NotTheirs { .. } | Self::AlreadyActive | Self::GaveUp { .. } => None,
        }
    }

    fn shown(&self) -> Shown {
        match self {
            Self::Reconnected { .. } => Shown::Reconnected,
            Self::Refused { cause, .. } => Shown::Refused { cause: Some(cause.clone()) },
            Self::NotTheirs { .. } => Shown::Refused { cause: Some(CauseCode::LinkExpired.into()) },
            Self::AlreadyActive => Shown::Refused { cause: None },
            Self::GaveUp { cause } => Shown::GaveUp { cause: cause.clone() },
        }
    }
}

/// What happened to one account that an activation touched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum LineOutcome {
    Reconnected {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gap: Option<Gap>,
    },
    NotReconnected {
        cause: Cause,
    },
}

/// One line of the receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptLine {
    pub advertiser_id: AdvertiserId,
    pub name: String,
    #[serde(flatten)]
    pub outcome: LineOutcome,
}

/// What may be done now, by the right person or, from `Verify` on, without them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Take the one right to exchange the code.
    Claim,
    /// Somebody is at it: show `pending`.
    Wait,
    /// Nobody is: gather evidence with the stored candidate.
    Verify,
    /// The asked-for account is done; go on with its siblings.
    Siblings,
    /// The exchange left nothing behind: end it, the person starts again.
    LostExchange,
    /// Pending for too long: end it.
    GiveUp,
    /// The person came back too late.
    Expired,
    /// Show the receipt.
    Done,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransitionError {
    #[error("the link expired at {expired_at}")]
    Expired { expired_at: Timestamp },
    #[error("the activation is {from}, which does not allow this")]
    NotFrom { from: &'static str },
}

impl State {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Exchanging { .. } => "exchanging",
            Self::Verifying { .. } => "verifying",
            Self::Closed { .. } => "closed",
        }
    }
}

impl Activation {
    pub fn next_step(&self, now: Timestamp) -> Step {
        match &self.state {
            State::Waiting if now < self.expires_at => Step::Claim,
            State::Waiting => Step::Expired,
            State::Exchanging { claimed_at } if now < *claimed_at + EXCHANGE_LEASE => Step::Wait,
            State::Exchanging { .. } => Step::LostExchange,
            State::Verifying { leased_until, .. } if now < *leased_until => Step::Wait,
            State::Verifying { exchanged_at, .. } if now < *exchanged_at + PENDING_LIFE => Step::Verify,
            State::Verifying { .. } => Step::GiveUp,
            State::Closed { siblings: Some(_), .. } => Step::Siblings,
            State::Closed { siblings: None, .. } => Step::Done,
        }
    }

    /// When somebody has to look at it, though nobody asks. One that waits for a person, or is done, needs nobody.
    pub fn due_at(&self) -> Option<Timestamp> {
        match &self.state {
            State::Waiting => None,
            State::Exchanging { claimed_at } => Some(*claimed_at + EXCHANGE_LEASE),
            State::Verifying { due_at, .. } => Some(*due_at),
            State::Closed { siblings, .. } => siblings.map(|left| left.due_at),
        }
    }

    /// Whether what TikTok does not answer now has to be ended without its answer.
    pub fn is_last_try(&self, now: Timestamp) -> bool {
        match &self.state {
            State::Verifying { exchanged_at, .. } => *exchanged_at + PENDING_LIFE - LAST_PART <= now,
            State::Closed { siblings: Some(left), .. } => left.until - LAST_PART <= now,
            State::Waiting | State::Exchanging { .. } | State::Closed { siblings: None, .. } => false,
        }
    }

    /// Takes the right to exchange the code.
    pub fn claim(self, now: Timestamp) -> Result<Self, TransitionError> {
        match self.state {
            State::Waiting if now < self.expires_at => {
                Ok(Self { state: State::Exchanging { claimed_at: now }, ..self })
            }
            State::Waiting => Err(TransitionError::Expired { expired_at: self.expires_at }),
            State::Exchanging { .. } | State::Verifying { .. } | State::Closed { .. } => Err(self.not_from()),
        }
    }

    /// The code was exchanged; the candidate token goes into the store with this move.
    pub fn exchanged(self, now: Timestamp) -> Result<Self, TransitionError> {
        match self.state {
            State::Exchanging { .. } => Ok(Self { state: leased(now, now), ..self }),
            State::Waiting | State::Verifying { .. } | State::Closed { .. } => Err(self.not_from()),
        }
    }

    /// Takes up the verification that somebody left.
    pub fn resume(self, now: Timestamp) -> Result<Self, TransitionError> {
        match self.state {
            State::Verifying { exchanged_at, leased_until, .. } if leased_until <= now => {
                Ok(Self { state: leased(exchanged_at, now), ..self })
            }
            State::Waiting | State::Exchanging { .. } | State::Verifying { .. } | State::Closed { .. } => {
                Err(self.not_from())
            }
        }
    }

    /// TikTok could not answer: the person may go on at once, and without them it is gone on with a little later.
    pub fn released(self, now: Timestamp) -> Result<Self, TransitionError> {
        match self.state {
            State::Verifying { exchanged_at, .. } => {
                let due_at = later(exchanged_at + PENDING_LIFE, now);
                Ok(Self { state: State::Verifying { exchanged_at, leased_until: now, due_at }, ..self })
            }
            State::Waiting | State::Exchanging { .. } | State::Closed { .. } => Err(self.not_from()),
        }
    }

    /// Ends it. A closed activation stays as it was closed.
    pub fn close(self, outcome: Outcome, now: Timestamp) -> Result<Self, TransitionError> {
        match self.state {
            State::Waiting | State::Exchanging { .. } | State::Verifying { .. } => {
                Ok(Self { state: State::Closed { closed_at: now, outcome, siblings: None }, ..self })
            }
            State::Closed { .. } => Err(self.not_from()),
        }
    }

    /// Ends it for the asked-for account; those asked for through `also` follow, within the same time.
    pub fn close_with_siblings(self, outcome: Outcome, now: Timestamp) -> Result<Self, TransitionError> {
        match self.state {
            State::Verifying { exchanged_at, .. } => {
                let left = SiblingsLeft { due_at: now + VERIFY_LEASE, until: exchanged_at + PENDING_LIFE };
                Ok(Self { state: State::Closed { closed_at: now, outcome, siblings: Some(left) }, ..self })
            }
            State::Waiting | State::Exchanging { .. } | State::Closed { .. } => Err(self.not_from()),
        }
    }

    /// Somebody goes on with the accounts asked for through `also`: the next look comes after that.
    pub fn siblings_taken_up(mut self, now: Timestamp) -> Result<Self, TransitionError> {
        match &mut self.state {
            State::Closed { siblings: Some(left), .. } => {
                left.due_at = later(left.until, now).max(now + VERIFY_LEASE);
                Ok(self)
            }
            State::Waiting | State::Exchanging { .. } | State::Verifying { .. } | State::Closed { .. } => {
                Err(self.not_from())
            }
        }
    }

    /// Every account asked for through `also` has its line. The outcome itself stays as it was.
    pub fn siblings_done(mut self) -> Result<Self, TransitionError> {
        match &mut self.state {
            State::Closed { siblings: left @ Some(_), .. } => {
                *left = None;
                Ok(self)
            }
            State::Waiting | State::Exchanging { .. } | State::Verifying { .. } | State::Closed { .. } => {
                Err(self.not_from())
            }
        }
    }

    fn not_from(&self) -> TransitionError {
        TransitionError::NotFrom { from: self.state.name() }
    }

    /// What anybody may be shown now. Time alone can end an activation; reading it never writes that down.
    pub fn shown(&self, now: Timestamp) -> Shown {
        match (self.next_step(now), &self.state) {
            (Step::Claim, _) => Shown::Waiting,
            (Step::Expired, _) => Shown::Refused { cause: Some(CauseCode::LinkExpired.into()) },
            (_, State::Closed { siblings: Some(left), .. }) if now < left.until => Shown::Pending,
            (_, State::Closed { outcome, .. }) => outcome.shown(),
            (Step::LostExchange | Step::GiveUp, _) => Shown::GaveUp { cause: CauseCode::TiktokUnavailable.into() },
            (Step::Wait | Step::Verify | Step::Siblings | Step::Done, _) => Shown::Pending,
        }
    }
}

/// Somebody is at it, and if they do not come to an end, it is due.
fn leased(exchanged_at: Timestamp, now: Timestamp) -> State {
    let leased_until = now + VERIFY_LEASE;
    State::Verifying { exchanged_at, leased_until, due_at: leased_until }
}

/// The next try: the longer it takes, the later, but early enough to be one before `end`.
fn later(end: Timestamp, now: Timestamp) -> Timestamp {
    let lasted = now.duration_since(end - PENDING_LIFE);
    let wait = SignedDuration::from_secs(lasted.as_secs() / 4).max(SOON);
    (now + wait).min(end - LAST_PART).max(now)
}

/// The outcome as the API words it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The person has not come back from TikTok yet.
    Waiting,
    Pending,
    Reconnected,
    Refused {
        cause: Option<Cause>,
    },
    GaveUp {
        cause: Cause,
    },
}

impl Shown {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Pending => "pending",
            Self::Reconnected => "reconnected",
            Self::Refused { .. } => "refused",
            Self::GaveUp { .. } => "gave_up",
        }
    }
}

#[cfg(test)]
mod tests;
