//! The sweep in virtual time: `lapse-sweep` every minute, the queue, the workers, and what is written. Every decision is
//! made by the code that is deployed: `diagnose`, `grant_check::plan`, `grant_check::apply`, the guard's review, the tally, the back-off,
//! the spreading. The order of the steps is that of `functions/lapse-sweep` and `functions/check-grant`.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

use domain::backoff::Backoff;
use domain::checks::{Endpoint, Refusal};
use domain::grant_evidence::CheckEvidence;
use domain::guard::tally::Tally;
use domain::guard::{Canary, Guard, GuardEventKind, Standing, hour_of};
use domain::scopes::Scopes;
use domain::spread;
use jiff::{SignedDuration, Timestamp};
use shared::store::guard::StoredGuard;

use crate::asking::{Asking, Turns};
use crate::costs::{self, Bill};
use crate::figures::{Figures, HoldOf};
use crate::fleet::Fleet;
use crate::report::Ended;
use crate::tiktok::TikTok;
use crate::units::timestamp;

const MINUTE: i64 = 60_000;
/// What became due just now is left to the next run.
const SETTLED: i64 = 2_000;
/// Marks are taken back this often: what is still due is queued again.
const MARKS_LIVE: i64 = 30 * MINUTE;
/// A read or a write of the table takes so long.
const DATABASE: i64 = 10;
/// What one invocation gets, and how many of them it works on side by side.
const BATCH: usize = 10;
const SIDE_BY_SIDE: usize = 4;
const SHARDS: usize = 64;

#[derive(Clone, Copy, Debug)]
pub struct Settings {
    pub interval: SignedDuration,
    pub spacing: SignedDuration,
    pub qps: u32,
    pub workers: u32,
    pub canary: bool,
    /// Whether every ad account is judged by itself.
    pub each: bool,
    /// When it ends, in milliseconds.
    pub end: i64,
}

#[derive(Clone, Copy, Debug)]
enum Message {
    Grant { number: usize, due: Timestamp, run: i64 },
    Canary,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Happens {
    Minute,
    /// Something that a lane of a worker did is done.
    Done {
        worker: usize,
        lane: usize,
    },
}

/// What one lane of a worker waits for.
enum Waits {
    Nothing,
    Canary { refused: Option<Refusal> },
    Grant(Box<Answered>),
}

/// TikTok's answers about a grant, and what was read before.
struct Answered {
    number: usize,
    due: Timestamp,
    run: i64,
    seen: StoredGuard,
    pause: Option<Backoff>,
    evidence: CheckEvidence,
}

struct Worker {
    turns: Turns,
    batch: VecDeque<Message>,
    lanes: Vec<Option<Waits>>,
    /// When the batch came.
    since: Option<i64>,
}

pub struct Engine {
    pub fleet: Fleet,
    pub tiktok: TikTok,
    pub settings: Settings,
    pub scopes: Scopes,
    pub tally: Tally,
    pub guard: Guard,
    pub lapsed: BTreeMap<i64, i64>,
    backoff: Option<Backoff>,
    queue: VecDeque<Message>,
    /// When grants are due: the millisecond and the grant.
    due: BinaryHeap<Reverse<(i64, usize)>>,
    marked_since: i64,
    workers: Vec<Worker>,
    events: BinaryHeap<Reverse<(i64, u64, Happens)>>,
    sequence: u64,
    pub bill: Bill,
    pub figures: Figures,
}

impl Engine {
    pub fn new(mut fleet: Fleet, tiktok: TikTok, settings: Settings) -> anyhow::Result<Self> {
        let canary = Canary { org_id: "canary".parse()?, grant_id: "grt_canaryAAAAAAAAAAAAAAAA".parse()? };
        let guard = Guard {
            canary: settings.canary.then_some(canary),
            canary_passed_at: settings.canary.then(|| timestamp(0)),
            ..Guard::default()
        };
        let worker = || Worker {
            turns: Turns::new(settings.qps, settings.workers, 0),
            batch: VecDeque::new(),
            lanes: (0..SIDE_BY_SIDE).map(|_| None).collect(),
            since: None,
        };
        let due =
            fleet.grants.iter().enumerate().map(|(number, grant)| Reverse((milliseconds(grant.due), number))).collect();
        let mut engine = Self {
            tally: std::mem::take(&mut fleet.tally),
            fleet,
            tiktok,
            settings,
            // Everything below "Ad Account Management" and "Reporting".
            scopes: Scopes::new([1, 15, 4]),
            guard,
            lapsed: BTreeMap::new(),
            backoff: None,
            queue: VecDeque::new(),
            due,
            marked_since: 0,
            workers: (0..settings.workers).map(|_| worker()).collect(),
            events: BinaryHeap::new(),
            sequence: 0,
            bill: Bill::default(),
            figures: Figures::default(),
        };
        engine.happens(0, Happens::Minute);
        Ok(engine)
    }

    /// What there is to report once it has run.
    pub fn ended(self) -> Ended {
        let most_in_an_hour = self.lapsed.values().copied().max().unwrap_or_default();
        let Self { fleet, tiktok, figures, bill, .. } = self;
        Ended { fleet, tiktok, figures, bill, most_in_an_hour }
    }

    /// Runs to the end. `minute` hears of every minute that went by.
    pub fn run(&mut self, minute: impl Fn()) {
        while let Some(Reverse((at, _, what))) = self.events.pop() {
            if at >= self.settings.end {
                break;
            }
            match what {
                Happens::Minute => {
                    self.sweep(at);
                    self.happens(at + MINUTE, Happens::Minute);
                    minute();
                }
                Happens::Done { worker, lane } => {
                    if let Some(waits) = self.workers[worker].lanes[lane].take() {
                        self.act(waits, at);
                    }
                }
            }
            self.employ(at);
        }
    }

    fn happens(&mut self, at: i64, what: Happens) {
        self.sequence += 1;
        self.events.push(Reverse((at, self.sequence, what)));
    }

    /// One run of `lapse-sweep`.
    fn sweep(&mut self, at: i64) {
        let now = timestamp(at);
        let standing = Standing {
            guard: self.guard.clone(),
            tally: std::mem::take(&mut self.tally),
            interval: self.settings.interval,
        };
        let (after, event) = standing.review(now);
        self.tally = standing.tally;
        self.guard = after;
        if let Some(event) = event {
            match event.kind {
                GuardEventKind::SweepHeld => {
                    self.figures.holds.push(HoldOf { from: at, to: None, reason: event.reason });
                }
                GuardEventKind::SweepReleased => {
                    if let Some(hold) = self.figures.holds.last_mut() {
                        hold.to = Some(at);
                    }
                }
            }
        }
        if self.guard.canary.is_some() {
            self.queue.push_back(Message::Canary);
        }
        let mut per_shard = vec![0; SHARDS];
        let until = at - SETTLED;
        if self.marked_since + MARKS_LIVE <= at {
            self.marked_since = at;
            for (number, grant) in self.fleet.grants.iter().enumerate() {
                if grant.sent && milliseconds(grant.due) <= until {
                    self.queue.push_back(Message::Grant { number, due: grant.due, run: at });
                    per_shard[number % SHARDS] += 1;
                }
            }
        }
        while let Some(Reverse((due, number))) = self.due.peek().copied().filter(|Reverse((due, _))| *due <= until) {
            self.due.pop();
            let grant = &mut self.fleet.grants[number];
            if milliseconds(grant.due) == due && !grant.sent {
                grant.sent = true;
                self.queue.push_back(Message::Grant { number, due: grant.due, run: at });
                per_shard[number % SHARDS] += 1;
            }
        }
        self.figures.longest_queue = self.figures.longest_queue.max(self.queue.len());
        self.bill += costs::sweep(&per_shard);
    }

    /// Whoever has nothing to do takes the next message; who has no message left fetches a batch.
    fn employ(&mut self, at: i64) {
        for worker in 0..self.workers.len() {
            if self.workers[worker].batch.is_empty() && self.workers[worker].lanes.iter().all(Option::is_none) {
                if let Some(since) = self.workers[worker].since.take() {
                    self.bill += costs::batch(u64::try_from(at - since).unwrap_or_default());
                }
                let many = BATCH.min(self.queue.len());
                if many == 0 {
                    continue;
                }
                let batch = self.queue.drain(..many).collect();
                self.workers[worker].batch = batch;
                self.workers[worker].turns = Turns::new(self.settings.qps, self.settings.workers, at);
                self.workers[worker].since = Some(at);
            }
            for lane in 0..SIDE_BY_SIDE {
                while self.workers[worker].lanes[lane].is_none() {
                    let Some(message) = self.workers[worker].batch.pop_front() else { break };
                    let (waits, done) = self.begin(worker, message, at);
                    self.workers[worker].lanes[lane] = Some(waits);
                    self.happens(done, Happens::Done { worker, lane });
                }
            }
        }
    }

    /// Reads, and asks TikTok.
    fn begin(&mut self, worker: usize, message: Message, at: i64) -> (Waits, i64) {
        self.bill += costs::begin();
        let now = timestamp(at);
        let turns = &mut self.workers[worker].turns;
        let (number, due, run) = match message {
            Message::Canary => {
                let mut asking = Asking { tiktok: &mut self.tiktok, turns, number: None, revoked_at: None };
                let (said, there) = asking.once(Endpoint::AuthorizedAdAccounts, at + DATABASE);
                let refused = said.err().map(|(refusal, _)| refusal);
                return (Waits::Canary { refused }, there + DATABASE);
            }
            Message::Grant { number, due, run } => (number, due, run),
        };
        let grant = &self.fleet.grants[number];
        if grant.due != due {
            return (Waits::Nothing, at + DATABASE);
        }
        if let Some(pause) = self.backoff.filter(|pause| pause.is_on(now)) {
            self.put_off(number, pause.until);
            return (Waits::Nothing, at + 2 * DATABASE);
        }
        self.bill += costs::watched(grant.accounts() as u64);
        let mut asking = Asking { tiktok: &mut self.tiktok, turns, number: Some(number), revoked_at: grant.revoked_at };
        let (evidence, there) = asking.check(grant, self.settings.each, at + 2 * DATABASE);
        let seen = self.stored_guard(now);
        let answered = Answered { number, due, run, seen, pause: self.backoff, evidence };
        (Waits::Grant(Box::new(answered)), there + DATABASE)
    }

    pub fn stored_guard(&self, now: Timestamp) -> StoredGuard {
        let lapsed_this_hour = self.lapsed.get(&hour_of(now)).copied().unwrap_or_default();
        StoredGuard { guard: self.guard.clone(), lapsed_this_hour }
    }

    fn put_off(&mut self, number: usize, until: Timestamp) {
        self.bill += costs::put_off();
        let due = spread::throttled(&self.fleet.grants[number].id, until);
        self.is_due(number, due);
    }

    pub fn is_due(&mut self, number: usize, due: Timestamp) {
        let grant = &mut self.fleet.grants[number];
        grant.due = due;
        grant.sent = false;
        self.due.push(Reverse((milliseconds(due), number)));
    }

    /// TikTok has answered.
    fn act(&mut self, waits: Waits, at: i64) {
        let now = timestamp(at);
        match waits {
            Waits::Nothing => {}
            Waits::Canary { refused } => self.canary(refused, now),
            Waits::Grant(answered) => {
                let Answered { number, due, run, seen, pause, evidence } = *answered;
                let grant_id = &self.fleet.grants[number].id;
                if evidence.refused(Refusal::AppMisconfigured)
                    && let Some(after) = self.guard.app_level_heard(&self.fleet.org_id, grant_id, now)
                {
                    self.guard = after;
                    self.bill += costs::tell();
                }
                if evidence.is_throttled {
                    let pause = Backoff::after_throttling(pause, now);
                    self.backoff = Some(pause);
                    self.bill += costs::tell();
                    if self.fleet.grants[number].due == due {
                        self.put_off(number, pause.until);
                    }
                } else if self.fleet.grants[number].due == due {
                    self.decide(number, run, seen, &evidence, at);
                }
            }
        }
    }

    fn canary(&mut self, refused: Option<Refusal>, now: Timestamp) {
        match refused {
            None => self.guard.canary_passed_at = Some(now),
            Some(Refusal::Throttled | Refusal::Unavailable | Refusal::NotAsked) => return,
            Some(refusal) => {
                if refusal == Refusal::AppMisconfigured {
                    self.guard.app_level_at = Some(now);
                }
                self.guard.canary_refused_at = Some(now);
            }
        }
        self.bill += costs::tell();
    }
}

fn milliseconds(time: Timestamp) -> i64 {
    time.as_millisecond() - timestamp(0).as_millisecond()
}
