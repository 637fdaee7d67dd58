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
mod options;
mod report;
mod shapes;
mod simulation;
#[cfg(test)]
mod tests;
mod tiktok;
mod units;

use std::io::Write as _;

use clap::Parser as _;

use options::Options;

fn main() -> anyhow::Result<()> {
    let report = simulation::run(&Options::parse())?;
    // A reader who has seen enough, such as `head`, is no error.
    let _ = writeln!(std::io::stdout(), "{report}");
    Ok(())
}
