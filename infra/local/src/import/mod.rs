//! `local import FILE`: brings the ad accounts of a file in through `import-accounts`, here or on AWS.
//!
//! 1. [`sheet`] reads the rows of the file, as spreadsheets write them or as JSON Lines;
//! 2. [`rounded`] refuses ids that a spreadsheet has rounded, which nobody else could notice;
//! 3. [`batches`] sends the rest, 1,000 rows at a time;
//! 4. [`refused`] lists the rows that were refused and keeps them in a file, without their access tokens.
//!
//! Importing the same file again changes nothing, so whatever fails is just done again.

mod batches;
mod refused;
mod rounded;
mod sheet;

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

pub use batches::Importer;

/// What to import, and how.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// One row per ad account: .csv or .tsv as a spreadsheet saves it, .jsonl or .ndjson.
    pub file: PathBuf,
    /// The organisation that the ad accounts belong to.
    #[arg(long)]
    pub org: String,
    /// The name of `import-accounts` on AWS, such as reconnect-import-accounts. Needs AWS CLI 2, whose credentials and
    /// profile are used. Without it, the rows go to the local world.
    #[arg(long)]
    pub function: Option<String>,
    /// The region of `--function`. The default is that of AWS CLI.
    #[arg(long, requires = "function")]
    pub region: Option<String>,
    /// Begins at this line of the file, after an import that was interrupted.
    #[arg(long, default_value_t = 1)]
    pub from_line: u64,
    /// Takes ids of 18 or more digits that end in three zeros, which otherwise count as rounded.
    #[arg(long)]
    pub rounded_ids_are_right: bool,
    /// Where refused rows are kept, without access tokens. The default is FILE with `.refused` before its ending.
    #[arg(long)]
    pub refused: Option<PathBuf>,
}

/// What became of a file.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    pub imported: u64,
    pub updated: u64,
    pub unchanged: u64,
    pub refused: usize,
}

/// Imports the file and prints what became of it through `say`.
pub async fn run(options: &Options, importer: &Importer, say: impl Fn(&str)) -> anyhow::Result<Outcome> {
    let text = sheet::text_of(&options.file)?;
    let mut sheet = sheet::read(&options.file, &text)?;
    sheet.rows.retain(|row| row.line >= options.from_line);
    sheet.broken.retain(|refused| refused.line >= options.from_line);
    let mut refused = sheet.broken;
    let (rounded, rows): (Vec<_>, Vec<_>) = sheet
        .rows
        .into_iter()
        .map(|row| (rounded::field_of(&row.json, options.rounded_ids_are_right), row))
        .partition(|(rounded, _)| rounded.is_some());
    refused.extend(rounded.into_iter().filter_map(|(field, row)| Some(row.refused(field?, rounded::PROBLEM))));
    let rows: Vec<_> = rows.into_iter().map(|(_, row)| row).collect();

    let mut outcome = importer.send(&options.org, rows, &mut refused).await?;
    outcome.refused = refused.len();
    say(&format!(
        "{} imported · {} updated · {} unchanged · {} refused",
        outcome.imported, outcome.updated, outcome.unchanged, outcome.refused
    ));
    if !refused.is_empty() {
        let file = options.refused.clone().unwrap_or_else(|| refused::file_beside(&options.file));
        refused.sort_by_key(|refused| refused.line);
        refused::write(&file, sheet.columns.as_deref(), &refused)
            .with_context(|| format!("writing {}", file.display()))?;
        say(&refused::listed(&refused, &file));
    }
    Ok(outcome)
}
