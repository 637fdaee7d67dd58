//! Medians over the rounds, as one table in Markdown, and what became of the aims.

use std::fmt;
use std::time::Duration;

use crate::cases::{Case, FLOOR, LIST_ACCOUNTS};
use crate::counting::Usage;
use crate::measure::Sample;
use crate::options::Options;

/// The aims for `list-accounts`. The other functions' limits are a quarter higher.
const COLD_CPU_TO_FLOOR: f64 = 2.6;
const WARM_TO_RAW_QUERY: f64 = 2.0;
const RESIDENT_MIB: f64 = 8.0;
const BINARY_MIB: f64 = 6.0;
const OTHERS: f64 = 1.25;

const MIB: f64 = 1024.0 * 1024.0;

/// One function's line. Times are medians over the rounds in milliseconds, sizes are in MiB.
#[derive(Clone, Debug)]
pub struct Figures {
    function: &'static str,
    request: &'static str,
    asks_tiktok: bool,
    cold: f64,
    cold_cpu: f64,
    warm_p50: f64,
    warm_p99: f64,
    warm_cpu: f64,
    resident: f64,
    anonymous: f64,
    binary: f64,
    handshakes: usize,
    usage: Usage,
}

impl Figures {
    pub fn new(case: &Case, samples: &[Sample], binary: u64, usage: Usage) -> Self {
        let of = |figure: fn(&Sample) -> f64| percentile(samples.iter().map(figure).collect(), 50.0);
        let warm: Vec<f64> = samples.iter().flat_map(|sample| &sample.warm).copied().map(ms).collect();
        Self {
            function: case.function,
            request: case.request,
            asks_tiktok: case.asks_tiktok,
            cold: of(|sample| ms(sample.cold)),
            cold_cpu: of(|sample| ms(sample.cold_cpu)),
            warm_p50: percentile(warm.clone(), 50.0),
            warm_p99: percentile(warm, 99.0),
            warm_cpu: of(|sample| ms(sample.warm_cpu)),
            resident: of(|sample| mib(sample.memory.resident * 1024)),
            anonymous: of(|sample| mib(sample.memory.anonymous * 1024)),
            binary: mib(binary),
            handshakes: samples.first().map_or(0, |sample| sample.handshakes),
            usage,
        }
    }
}

/// Everything that was measured.
pub struct Report {
    pub options: Options,
    pub figures: Vec<Figures>,
    /// The raw query's times, round by round.
    pub raw_query: Vec<Vec<Duration>>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(floor) = self.figures.iter().find(|figures| figures.function == FLOOR) else { return Ok(()) };
        let raw: Vec<f64> = self.raw_query.iter().flatten().copied().map(ms).collect();
        let (raw_p50, raw_p99) = (percentile(raw.clone(), 50.0), percentile(raw, 99.0));

        writeln!(
            f,
            "| Function | Request | Cold ms | Cold CPU ms | × floor | Warm p50 ms | Warm p99 ms | × raw query | Warm CPU µs \
             | RSS MiB | own MiB | Binary MiB | TLS handshakes | DynamoDB calls | RCU | WCU |\n\
             |---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
        )?;
        for figures in &self.figures {
            let Figures { function, request, cold, cold_cpu, warm_p50, warm_p99, .. } = figures;
            let Figures { resident, anonymous, binary, handshakes, usage, .. } = figures;
            let (to_floor, to_raw) = (cold_cpu / floor.cold_cpu, warm_p50 / raw_p50);
            let warm_cpu = figures.warm_cpu * 1000.0;
            let Usage { calls, read_units, write_units } = usage;
            writeln!(
                f,
                "| `{function}` | {request} | {cold:.1} | {cold_cpu:.1} | {to_floor:.1} | {warm_p50:.2} | {warm_p99:.2} \
                 | {to_raw:.2} | {warm_cpu:.0} | {resident:.1} | {anonymous:.1} | {binary:.1} | {handshakes} | {calls} | {read_units} \
                 | {write_units} |"
            )?;
        }
        writeln!(
            f,
            "| one raw query | that of `list-accounts` | | | | {raw_p50:.2} | {raw_p99:.2} | 1.00 | | | | | 1 | | |"
        )?;

        self.notes(f)?;
        for figures in self.figures.iter().filter(|figures| figures.function != FLOOR) {
            writeln!(f, "{}", aims(figures, floor, raw_p50))?;
        }
        Ok(())
    }
}

impl Report {
    fn notes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Options { rounds, requests, profile, plain, .. } = &self.options;
        let way = if *plain { "plain HTTP, no handshakes" } else { "TLS by a private authority" };
        writeln!(
            f,
            "\nMedians of {rounds} rounds, in each of which every function is started anew and then asked {requests} times \
             (percentiles are over all of these); profile `{profile}`; DynamoDB, Secrets Manager and TikTok's stand-in over {way}.\n\
             Cold: from the start of the process to its first answer. CPU: user and system time of the function's process. \
             RSS: after the last request; own: heap and stacks. DynamoDB: for one warm request."
        )?;
        let waiting: Vec<&str> =
            self.figures.iter().filter(|figures| figures.asks_tiktok).map(|figures| figures.function).collect();
        if !waiting.is_empty() {
            writeln!(
                f,
                "Times of {} include TikTok's stand-in on the same processors; their CPU does not.",
                waiting.join(" and ")
            )?;
        }
        writeln!(f)
    }
}

/// One line: each figure that has a limit, and whether it is kept.
fn aims(figures: &Figures, floor: &Figures, raw_p50: f64) -> String {
    let Figures { function, request, cold_cpu, warm_p50, resident, binary, .. } = figures;
    let slack = if *function == LIST_ACCOUNTS { 1.0 } else { OTHERS };
    let mut limits = vec![("cold CPU", cold_cpu / floor.cold_cpu, COLD_CPU_TO_FLOOR, "× floor")];
    if !figures.asks_tiktok {
        limits.push(("warm p50", warm_p50 / raw_p50, WARM_TO_RAW_QUERY, "× one raw query"));
    }
    limits.push(("RSS", *resident, RESIDENT_MIB, " MiB"));
    limits.push(("binary", *binary, BINARY_MIB, " MiB"));
    let judged = limits.into_iter().map(|(what, found, limit, unit)| {
        let limit = limit * slack;
        let verdict = if found <= limit { "kept" } else { "MISSED" };
        format!("{what} ≤ {limit:.2}{unit}: {found:.2}, {verdict}")
    });
    format!("* `{function}`, {request}: {}", judged.collect::<Vec<_>>().join("; "))
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

#[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^52")]
fn mib(bytes: u64) -> f64 {
    bytes as f64 / MIB
}

/// The nearest rank; the lower one of two in the middle.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a rank is at most the number of values"
)]
fn percentile(mut values: Vec<f64>, percent: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = (percent / 100.0 * values.len() as f64).ceil() as usize;
    values.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let values: Vec<f64> = (1..=200).rev().map(f64::from).collect();
        assert_eq!(percentile(values.clone(), 50.0).to_string(), "100");
        assert_eq!(percentile(values, 99.0).to_string(), "198");
        assert_eq!(percentile(vec![7.0], 99.0).to_string(), "7");
        assert!(percentile(Vec::new(), 50.0).is_nan());
    }

    fn figures(function: &'static str, cold_cpu: f64) -> Figures {
        let usage = Usage::default();
        Figures {
            function,
            request: "a page",
            asks_tiktok: false,
            cold: 5.0,
            cold_cpu,
            warm_p50: 2.0,
            warm_p99: 3.0,
            warm_cpu: 0.4,
            resident: 8.5,
            anonymous: 2.0,
            binary: 5.0,
            handshakes: 1,
            usage,
        }
    }

    #[test]
    fn the_aims_are_stricter_for_list_accounts() {
        let floor = figures(FLOOR, 2.0);
        assert_eq!(
            aims(&figures(LIST_ACCOUNTS, 5.0), &floor, 1.0),
            "* `list-accounts`, a page: cold CPU ≤ 2.60× floor: 2.50, kept; warm p50 ≤ 2.00× one raw query: 2.00, kept; \
             RSS ≤ 8.00 MiB: 8.50, MISSED; binary ≤ 6.00 MiB: 5.00, kept"
        );
        let other = aims(&figures("import-accounts", 6.5), &floor, 0.7);
        assert!(other.contains("cold CPU ≤ 3.25× floor: 3.25, kept"), "{other}");
        assert!(other.contains("warm p50 ≤ 2.50× one raw query: 2.86, MISSED"), "{other}");
        assert!(other.contains("RSS ≤ 10.00 MiB: 8.50, kept"), "{other}");
    }
}
