//! The shapes that were asked for, side by side, each in a world of its own.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::SignedDuration;

use crate::engine::{Engine, Settings};
use crate::fleet::{Fleet, Sizes};
use crate::options::Options;
use crate::report::{Report, Row};
use crate::shapes::{OUTAGES, Shape};
use crate::tiktok::TikTok;
use crate::units::timestamp;

const HOUR: i64 = 3_600_000;
const MINUTE: i64 = 60_000;
/// Before the shape, and after it.
const BEFORE: i64 = HOUR;
const AFTER: i64 = 12 * HOUR;
/// Grants that are really lost, beside the shape.
const LOST: usize = 12;
/// Grants that are really revoked in the shape `revocation`.
const REVOKED: usize = 37;

/// One simulation.
#[derive(Clone, Copy, Debug)]
pub struct Job {
    pub shape: Shape,
    pub accounts: usize,
    pub sizes: Sizes,
    /// It belongs to the table of sizes.
    pub is_scale: bool,
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

pub fn simulate(job: Job, options: &Options, minute: impl Fn()) -> anyhow::Result<Row> {
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
    Ok(Row::new(job.shape, engine.ended(), settings.end, settings.interval.as_secs() * 1_000))
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
