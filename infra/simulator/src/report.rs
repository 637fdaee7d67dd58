//! The tables, in Markdown.

use std::fmt::{self, Write as _};

use domain::account::Status;
use domain::checks::Endpoint;

use crate::costs::{self, Bill};
use crate::figures::Figures;
use crate::fleet::{Fleet, Grant};
use crate::options::Options;
use crate::shapes::Shape;
use crate::tiktok::TikTok;
use crate::units::real;

const HOUR: f64 = 3_600_000.0;

pub struct Report {
    pub options: Options,
    pub rows: Vec<Row>,
    pub scale: Vec<Row>,
}

/// What is left of a simulation at its end.
pub struct Ended {
    pub fleet: Fleet,
    pub tiktok: TikTok,
    pub figures: Figures,
    pub bill: Bill,
    /// The most grants that lapsed in any one hour.
    pub most_in_an_hour: i64,
}

/// One line of the table.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub shape: Shape,
    pub accounts: usize,
    pub grants: usize,
    pub figures: Figures,
    /// Lapsed at the end, and should not be.
    pub still_false: u64,
    /// Lapsed for good, really.
    pub genuine: u64,
    /// Not lapsed at the end, and should be.
    pub missed: u64,
    /// Wrongly told to be at risk, and still so at the end.
    pub still_warned: u64,
    pub calls: [u64; Endpoint::ALL.len()],
    pub calls_an_interval: u64,
    pub peak: u32,
    pub peak_after: u32,
    pub throttled: u64,
    pub bill: Bill,
    pub days: f64,
    pub end: i64,
    /// The most grants that lapsed in any one hour.
    pub most_in_an_hour: i64,
}

impl Row {
    /// `end` and `interval` are milliseconds.
    pub fn new(shape: Shape, ended: Ended, end: i64, interval: i64) -> Self {
        let Ended { fleet, tiktok, figures, bill, most_in_an_hour } = ended;
        let (mut still_false, mut genuine, mut missed, mut still_warned) = (0, 0, 0, 0);
        for grant in &fleet.grants {
            for bloc in &grant.blocs {
                let is_gone = grant.is_dead(end) || bloc.lost_at.is_some_and(|at| at <= end);
                let size = bloc.size as u64;
                genuine += if is_gone { size } else { 0 };
                match (is_gone, bloc.status) {
                    (true, Status::Active) => missed += size,
                    (false, Status::NeedsConnecting) => still_false += size,
                    _ => {}
                }
                let has_reason = grant.blocs.iter().any(|bloc| bloc.lost_at.is_some());
                still_warned += if bloc.at_risk.is_empty() || has_reason { 0 } else { size };
            }
        }
        Self {
            shape,
            accounts: fleet.grants.iter().map(Grant::accounts).sum(),
            grants: fleet.grants.len(),
            still_false,
            genuine,
            missed,
            still_warned,
            calls: tiktok.calls(0..end),
            calls_an_interval: tiktok.calls(end - interval..end).iter().sum(),
            peak: tiktok.peak(0),
            peak_after: tiktok.peak(tiktok.trouble.end),
            throttled: tiktok.throttled,
            bill,
            days: real(end.unsigned_abs()) / HOUR / 24.0,
            end,
            figures,
            most_in_an_hour,
        }
    }

    /// The time, in milliseconds, in which so many per cent of the genuine lapses were seen.
    pub fn detected_within(&self, per_cent: u64) -> Option<i64> {
        let mut delays = self.figures.detected.clone();
        delays.sort_unstable();
        let all: u64 = delays.iter().map(|(_, many)| many).sum();
        let mut seen = 0;
        delays.into_iter().find_map(|(delay, many)| {
            seen += many;
            (seen * 100 >= all * per_cent).then_some(delay)
        })
    }

    pub fn healed_within(&self) -> Option<i64> {
        self.figures.healed.iter().map(|(after, _)| *after).max()
    }

    /// How long the guard held, in milliseconds, and why.
    pub fn held(&self) -> (i64, Vec<&'static str>) {
        let long = self.figures.holds.iter().map(|hold| hold.to.unwrap_or(self.end) - hold.from).sum();
        let mut reasons: Vec<_> = self.figures.holds.iter().map(|hold| hold.reason.name()).collect();
        reasons.sort_unstable();
        reasons.dedup();
        (long, reasons)
    }

    pub fn all_calls(&self) -> u64 {
        self.calls.iter().sum()
    }

    /// `number` of something in the whole time, for 1,000 ad accounts and a day.
    pub fn per_thousand_and_day(&self, number: f64) -> f64 {
        number * 1_000.0 / real(self.accounts as u64) / self.days
    }
}

fn minutes(milliseconds: Option<i64>) -> String {
    milliseconds.map_or_else(|| "–".to_owned(), |time| format!("{}", (time + 30_000) / 60_000))
}

fn hours(milliseconds: i64) -> String {
    let tenths = (milliseconds + 180_000) / 360_000;
    format!("{}.{} h", tenths / 10, tenths % 10)
}

/// 1234567 as 1,234,567.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(row) = self.rows.first() {
            let Options { qps, workers, seed, hours, no_canary, .. } = self.options;
            let canary = if no_canary { "no canary" } else { "a canary" };
            writeln!(
                f,
                "{} ad accounts under {} grants, {canary}; {qps} calls a second and endpoint, {workers} workers; the shape is on \
                 for {hours} h; seed {seed}.\n",
                thousands(row.accounts as u64),
                thousands(row.grants as u64)
            )?;
            self.outcomes(f)?;
            self.calls(f)?;
            self.costs(f)?;
        }
        self.scale(f)
    }
}

impl Report {
    fn outcomes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| Shape | False lapses: accounts (grants) | most grants an hour | wrong at the end | healed within | Warned wrongly (at the end) \
             | Genuine | missed | seen after min: p50 | p99 | max | looks | Guard held | why |\n\
             |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|"
        )?;
        for row in &self.rows {
            let figures = &row.figures;
            let (held, why) = row.held();
            writeln!(
                f,
                "| {} | {} ({}) | {} | {} | {} | {} ({}) | {} | {} | {} | {} | {} | {} | {} | {} |",
                row.shape.name(),
                thousands(figures.falsely),
                figures.falsely_grants,
                row.most_in_an_hour,
                thousands(row.still_false),
                row.healed_within().map_or_else(|| "–".to_owned(), hours),
                thousands(figures.warned),
                thousands(row.still_warned),
                thousands(row.genuine),
                row.missed,
                minutes(row.detected_within(50)),
                minutes(row.detected_within(99)),
                minutes(row.detected_within(100)),
                figures.most_looks,
                hours(held),
                why.join(", "),
            )?;
        }
        writeln!(f)
    }

    fn calls(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let used: Vec<Endpoint> = Endpoint::ALL
            .into_iter()
            .filter(|endpoint| self.rows.iter().any(|row| row.calls[*endpoint as usize] > 0))
            .collect();
        let mut head = String::from("| Shape | TikTok calls |");
        let mut rule = String::from("|---|--:|");
        for endpoint in &used {
            write!(head, " `{}` |", endpoint.path())?;
            rule.push_str("--:|");
        }
        writeln!(
            f,
            "{head} most in a second, busiest endpoint | after the shape | throttled | longest queue |\n{rule}--:|--:|--:|--:|"
        )?;
        for row in &self.rows {
            write!(f, "| {} | {} |", row.shape.name(), thousands(row.all_calls()))?;
            for endpoint in &used {
                write!(f, " {} |", thousands(row.calls[*endpoint as usize]))?;
            }
            writeln!(
                f,
                " {} of {} | {} | {} | {} |",
                row.peak,
                self.options.sweep_share(),
                row.peak_after,
                thousands(row.throttled),
                thousands(row.figures.longest_queue as u64),
            )?;
        }
        writeln!(f)
    }

    fn costs(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "Per 1,000 ad accounts and day, and dollars a month for the whole fleet if every day were like this one. {}\n\n\
             | Shape | DynamoDB calls | read units | write units | dollars a month |\n|---|--:|--:|--:|--:|",
            costs::PRICES
        )?;
        for row in &self.rows {
            let each = |number| row.per_thousand_and_day(number);
            writeln!(
                f,
                "| {} | {:.0} | {:.0} | {:.0} | {:.2} |",
                row.shape.name(),
                each(real(row.bill.database_calls)),
                each(row.bill.read_units()),
                each(real(row.bill.writes)),
                row.bill.dollars(row.days),
            )?;
        }
        writeln!(f)
    }

    fn scale(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.scale.is_empty() {
            return Ok(());
        }
        writeln!(
            f,
            "When all is well (the canary is asked 360 times in an interval):\n\n| Ad accounts | grants | TikTok calls per interval | per grant | per 1,000 accounts | DynamoDB calls per 1,000 \
             accounts and day | read units | write units | dollars a month |\n|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
        )?;
        for row in &self.scale {
            let each = |number| row.per_thousand_and_day(number);
            let calls = real(row.calls_an_interval);
            writeln!(
                f,
                "| {} | {} | {} | {:.1} | {:.0} | {:.0} | {:.0} | {:.0} | {:.2} |",
                thousands(row.accounts as u64),
                thousands(row.grants as u64),
                thousands(row.calls_an_interval),
                calls / real(row.grants as u64),
                calls * 1_000.0 / real(row.accounts as u64),
                each(real(row.bill.database_calls)),
                each(row.bill.read_units()),
                each(real(row.bill.writes)),
                row.bill.dollars(row.days),
            )?;
        }
        Ok(())
    }
}
