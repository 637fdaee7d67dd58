//! The tables, in Markdown.

use std::fmt::{self, Write as _};

use shared::domain::checks::Endpoint;

use super::figures::Row;
use super::{Options, costs, real};

pub struct Report {
    pub options: Options,
    pub rows: Vec<Row>,
    pub scale: Vec<Row>,
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
