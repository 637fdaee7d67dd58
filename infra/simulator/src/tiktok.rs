//! TikTok as the model has it: it answers one call at a time, counts them, and throttles what is too much.

use domain::checks::{Endpoint, Refusal};

use crate::shapes::{Reply, Shape};

/// Calls are counted in tenths of a second.
const TENTH: i64 = 100;
/// An answer usually takes so many milliseconds.
const USUAL: std::ops::Range<i64> = 100..500;
const ENDPOINTS: usize = Endpoint::ALL.len();

/// Times are milliseconds of the simulation.
#[derive(Debug)]
pub struct TikTok {
    shape: Shape,
    /// When the shape is on.
    pub trouble: std::ops::Range<i64>,
    /// Calls that TikTok allows in a second, per endpoint, as long as all is well.
    qps: u32,
    /// What people who are connecting accounts use of it at the same time.
    people: u32,
    tenths: Vec<[u16; ENDPOINTS]>,
    pub throttled: u64,
    rng: fastrand::Rng,
}

impl TikTok {
    pub fn new(shape: Shape, trouble: std::ops::Range<i64>, qps: u32, seed: u64) -> Self {
        Self {
            shape,
            trouble,
            qps,
            people: qps / 5,
            tenths: Vec::new(),
            throttled: 0,
            rng: fastrand::Rng::with_seed(seed),
        }
    }

    /// One call that leaves at `at`, with the token of a grant (`None`: the canary's). `is_dead` is the truth about
    /// that token. Gives the answer and when it is there.
    pub fn ask(&mut self, endpoint: Endpoint, grant: Option<usize>, is_dead: bool, at: i64) -> (Reply, i64) {
        let usual = self.rng.i64(USUAL);
        let tenth = usize::try_from(at / TENTH).unwrap_or_default();
        if self.tenths.len() <= tenth {
            self.tenths.resize(tenth + 1, [0; ENDPOINTS]);
        }
        self.tenths[tenth][endpoint as usize] += 1;
        let is_on = self.trouble.contains(&at);
        let limit = if is_on { self.shape.limit(self.qps) } else { self.qps };
        let second = tenth / 10 * 10;
        let in_this_second: u32 =
            self.tenths[second..].iter().take(10).map(|tenth| u32::from(tenth[endpoint as usize])).sum();
        if in_this_second + self.people.min(limit / 5) > limit {
            self.throttled += 1;
            return (Reply::Refused(Refusal::Throttled, Some(40100)), at + usual);
        }
        let (reply, takes) = if is_on {
            self.shape.answer(endpoint, grant, at - self.trouble.start, usual, &mut self.rng)
        } else {
            (Reply::Truth, usual)
        };
        let reply =
            if reply == Reply::Truth && is_dead { Reply::Refused(Refusal::TokenDead, Some(40105)) } else { reply };
        (reply, at + takes)
    }

    /// Calls between two moments, per endpoint in the order of [`Endpoint::ALL`].
    pub fn calls(&self, during: std::ops::Range<i64>) -> [u64; ENDPOINTS] {
        let mut calls = [0; ENDPOINTS];
        let tenths = during.start / TENTH..during.end / TENTH;
        for (tenth, counted) in self.tenths.iter().enumerate() {
            if tenths.contains(&i64::try_from(tenth).unwrap_or_default()) {
                for (sum, one) in calls.iter_mut().zip(counted) {
                    *sum += u64::from(*one);
                }
            }
        }
        calls
    }

    /// The most calls that the busiest endpoint saw in any one second that begins `from` or later, whichever tenth it begins with.
    pub fn peak(&self, from: i64) -> u32 {
        let tenths = self.tenths.get(usize::try_from(from / TENTH).unwrap_or_default()..).unwrap_or_default();
        let in_a_second = |endpoint: usize| {
            let windows = tenths.windows(10.min(tenths.len().max(1)));
            windows.map(|second| second.iter().map(|tenth| u32::from(tenth[endpoint])).sum::<u32>()).max()
        };
        (0..ENDPOINTS).filter_map(in_a_second).max().unwrap_or_default()
    }
}
