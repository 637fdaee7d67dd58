//! The command line.

use crate::cases::FLOOR;

/// Measures every function against one that does nothing, in a world of its own.
#[derive(Clone, Debug, clap::Parser)]
#[command(name = "bench")]
pub struct Options {
    /// How often each function is started.
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: u32,
    /// Warm requests to each function in a round.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub requests: u32,
    /// Measures this function only, beside the floor; may be repeated.
    #[arg(long)]
    pub only: Vec<String>,
    /// The profile that the functions are built in.
    #[arg(long, default_value = "release")]
    pub profile: String,
    /// Leaves TLS out.
    #[arg(long)]
    pub plain: bool,
    /// Measures the functions as they were built last.
    #[arg(long)]
    pub as_built: bool,
}

impl Options {
    pub fn measures(&self, function: &str) -> bool {
        function == FLOOR || self.only.is_empty() || self.only.iter().any(|only| only == function)
    }
}
