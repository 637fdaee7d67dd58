//! The sweep and its guard at scale: up to a million ad accounts, TikTok wrong in twenty ways, in virtual time.
//!
//! What decides is the deployed code; what is modelled is IO: time, the queue, the workers, the table's rows and
//! TikTok. A simulation goes like this:
//!
//! * [`fleet`]: grants and the ad accounts under them, in the middle of a usual day;
//! * [`shapes`]: what is wrong with TikTok from the first hour on, for `--hours`;
//! * [`tiktok`]: what one call gets, and how many there were;
//! * [`asking`]: the questions of one check, at a worker's pace;
//! * [`engine`]: runs, queue and workers;
//! * [`deciding`]: what follows from the answers;
//! * [`costs`], [`figures`], [`report`]: what came of it.
//!
//! A dozen grants are really lost before, while and after the shape is on, so that one sees what the guard costs.
//! Everything is drawn from the seed: the same command prints the same table, byte for byte.

mod asking;
mod costs;
mod deciding;
mod engine;
mod figures;
mod fleet;
mod report;
mod shapes;
#[cfg(test)]
mod tests;
mod tiktok;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::{SignedDuration, Timestamp};

use engine::{Engine, Settings};
use figures::Row;
use fleet::{Fleet, Sizes};
pub use report::Report;
use shapes::{OUTAGES, Shape};
use tiktok::TikTok;

const HOUR: i64 = 3_600_000;
const MINUTE: i64 = 60_000;
/// Before the shape, and after it.
const BEFORE: i64 = HOUR;
const AFTER: i64 = 12 * HOUR;
/// Grants that are really lost, beside the shape.
const LOST: usize = 12;
/// Grants that are really revoked in the shape `revocation`.
const REVOKED: usize = 37;
/// When the simulation begins: 2026-11-23.
const BEGIN: i64 = 1_795_392_000_000;

#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// How many ad accounts there are.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(100..=2_000_000))]
    pub accounts: u32,
    /// One shape by its name, or all.
    #[arg(long, default_value = "all")]
    pub shape: String,
    /// For how many hours the shape is on.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=48))]
    pub hours: u32,
    /// Everything that happens by chance follows from it.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// `TIKTOK_QPS`: calls a second that TikTok allows per endpoint.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=50))]
    pub qps: u32,
    /// `CHECKS_AT_ONCE`: workers.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=50))]
    pub workers: u32,
    /// Nobody named a canary.
    #[arg(long)]
    pub no_canary: bool,
    /// Judges every ad account by itself, not one for all that share every answer. Slow, and the same table.
    #[arg(long)]
    pub each: bool,
}

impl Options {
    /// Calls a second that the sweep may take of it.
    fn sweep_share(&self) -> u32 {
        self.qps * 4 / 5
    }
}

/// A moment of the simulation, in milliseconds since its begin.
fn timestamp(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(BEGIN + milliseconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// For tables: nothing here is counted beyond what a float holds.
#[expect(clippy::cast_precision_loss, reason = "numbers for people to read, below 2^52")]
fn real(number: u64) -> f64 {
    number as f64
}

/// One simulation.
#[derive(Clone, Copy, Debug)]
struct Job {
    shape: Shape,
    accounts: usize,
    sizes: Sizes,
    /// It belongs to the table of sizes.
    is_scale: bool,
}

/// Runs the shapes that were asked for, on all processors, and gives the tables.
pub fn run(options: &Options) -> anyhow::Result<Report> {
    let accounts = usize::try_from(options.accounts)?;
    let named = [Shape::Calm, Shape::Revocation].into_iter().chain(OUTAGES);
    let is_wanted = |shape: &Shape| options.shape == "all" || shape.name() == options.shape;
    let of_shape = |shape| Job { shape, accounts, sizes: Sizes::Realistic, is_scale: false };
    let mut jobs: Vec<Job> = named.filter(is_wanted).map(of_shape).collect();
    anyhow::ensure!(!jobs.is_empty(), "there is no shape {:?}; there are: all, {}", options.shape, names());
    if options.shape == "all" {
        let calm = |accounts, sizes| Job { shape: Shape::Calm, accounts, sizes, is_scale: true };
        jobs.extend([1_000, 10_000, 100_000, 1_000_000].map(|accounts| calm(accounts, Sizes::Realistic)));
        jobs.extend([1, 5, 25, 50].map(|each| calm(2_000 * each, Sizes::Each(each))));
    }
    let rows = side_by_side(&jobs, options)?;
    let (scale, rows) = jobs.iter().zip(rows).partition::<Vec<_>, _>(|(job, _)| job.is_scale);
    let only_rows = |pairs: Vec<(&Job, Row)>| pairs.into_iter().map(|(_, row)| row).collect();
    Ok(Report { options: options.clone(), rows: only_rows(rows), scale: only_rows(scale) })
}

fn names() -> String {
    let all = [Shape::Calm, Shape::Revocation].into_iter().chain(OUTAGES);
    all.map(Shape::name).collect::<Vec<_>>().join(", ")
}

fn side_by_side(jobs: &[Job], options: &Options) -> anyhow::Result<Vec<Row>> {
    let minutes: i64 = jobs.iter().map(|_| end(options) / MINUTE).sum();
    let bar = ProgressBar::with_draw_target(Some(u64::try_from(minutes)?), ProgressDrawTarget::hidden());
    bar.set_style(ProgressStyle::with_template("{wide_bar} {pos} of {len} minutes simulated, {eta} left")?);
    let minute = || {
        if bar.is_hidden() && bar.elapsed() > Duration::from_secs(1) {
            // Hidden all the same where nobody watches.
            bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        bar.inc(1);
    };
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    let work = || -> anyhow::Result<()> {
        while let Some((number, job)) =
            Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|at| Some((at, jobs.get(at)?)))
        {
            let row = simulate(*job, options, minute)?;
            done.lock().unwrap_or_else(PoisonError::into_inner).push((number, row));
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(jobs.len());
        let working: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        working
            .into_iter()
            .try_for_each(|thread| thread.join().map_err(|_| anyhow::anyhow!("a simulation broke off"))?)
    })?;
    bar.finish_and_clear();
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(number, _)| *number);
    Ok(done.into_iter().map(|(_, row)| row).collect())
}

fn end(options: &Options) -> i64 {
    BEFORE + i64::from(options.hours) * HOUR + AFTER
}

fn simulate(job: Job, options: &Options, minute: impl Fn()) -> anyhow::Result<Row> {
    let settings = Settings {
        interval: SignedDuration::from_hours(6),
        spacing: SignedDuration::from_mins(30),
        qps: options.qps,
        workers: options.workers,
        canary: !options.no_canary,
        each: options.each,
        end: end(options),
    };
    let trouble = BEFORE..BEFORE + i64::from(options.hours) * HOUR;
    let mut fleet = Fleet::new(job.accounts, job.sizes, settings.interval, timestamp(0), options.seed)?;
    match job.shape {
        Shape::Calm => {}
        Shape::Revocation => revoke(&mut fleet, trouble.start).context("nobody to revoke")?,
        _ => lose_some(&mut fleet, trouble.end),
    }
    let tiktok = TikTok::new(job.shape, trouble, options.qps, options.seed);
    let mut engine = Engine::new(fleet, tiktok, settings)?;
    engine.run(minute);
    Ok(Row::new(job.shape, engine, settings.end, settings.interval.as_secs() * 1_000))
}

/// A dozen grants, or one in a hundred, lose their tokens or one ad account, from the first minutes to an hour
/// after the end of the shape.
fn lose_some(fleet: &mut Fleet, until: i64) {
    let many = LOST.min(fleet.grants.len() / 100).max(1);
    let every = fleet.grants.len() / many;
    let from = 10 * MINUTE;
    let apart = (until + HOUR - from) / i64::try_from(many).unwrap_or(i64::MAX);
    let times = std::iter::successors(Some(from), |at| Some(at + apart));
    for (one, at) in (0..many).zip(times) {
        let grant = &mut fleet.grants[one * every + every / 2];
        if one % 3 == 2 && grant.blocs.iter().any(|bloc| bloc.size > 1) {
            grant.lose_one(at);
        } else {
            grant.revoked_at = Some(at);
        }
    }
}

/// The largest grant and others, at one moment.
fn revoke(fleet: &mut Fleet, at: i64) -> Option<()> {
    let largest = (0..fleet.grants.len()).max_by_key(|number| fleet.grants[*number].accounts())?;
    let every = fleet.grants.len() / REVOKED;
    let others = (0..fleet.grants.len()).step_by(every.max(1)).filter(|number| *number != largest);
    for number in others.take(REVOKED - 1).chain([largest]) {
        fleet.grants[number].revoked_at = Some(at);
    }
    Some(())
}
