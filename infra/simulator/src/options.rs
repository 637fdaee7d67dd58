//! The command line.

/// Runs the sweep and its guard over a fleet of any size, in virtual time, with TikTok wrong in many ways.
#[derive(Clone, Debug, clap::Parser)]
#[command(name = "simulator")]
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
    pub fn sweep_share(&self) -> u32 {
        self.qps * 4 / 5
    }
}
