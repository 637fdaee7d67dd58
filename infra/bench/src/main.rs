//! What each function costs, in one table.
//!
//! 1. Functions and `floor`, a function that does nothing, are built by one call of cargo, without what the local world
//!    needs: just as they are deployed.
//! 2. A world starts in memory, and an [`organisation`] of 240 ad accounts moves in.
//! 3. A [`counting`] pass asks each function twice and notes what the second request asked of DynamoDB.
//! 4. The measured rounds. In every round each function is started once, asked, asked again many times, and ended, one
//!    after the other and with the floor among them: whatever else the machine does meanwhile hits all alike. Behind
//!    [`tls`], as on AWS.
//! 5. [`report`] takes medians over the rounds and says whether the aims are met.
//!
//! One of the measured is no function: the query of `list-accounts`, sent over a connection that stays open. No function
//! can be faster than that.

mod bench;
mod cases;
mod counting;
mod events;
mod measure;
mod options;
mod organisation;
mod report;
mod tls;

use std::io::Write as _;

use clap::Parser as _;

use options::Options;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let table = bench::run(&Options::parse()).await?;
    // A closed terminal is no reason to fail.
    let _ = writeln!(std::io::stdout(), "{table}");
    Ok(())
}
