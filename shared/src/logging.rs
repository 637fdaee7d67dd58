//! Logs: one line of JSON per record on stdout, and nothing confidential in any of them.

use std::error::Error;
use std::io::{self, Write as _};
use std::panic::{self, PanicHookInfo};

use tracing::error;
use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::{Targets, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{Registry, fmt};

/// Starts logging for a function, to stdout. `wanted` is what `RUST_LOG` says; what it says nothing about is at `info`.
///
/// Other people's crates are heard down to `info` only, whatever `RUST_LOG` says: below that the SDK and the HTTP clients
/// log bodies and headers, and with them tokens.
pub fn start(function: &'static str, wanted: Targets) {
    let logs = to(io::stdout, function, wanted);
    // A second start in the same process is a test's, and the first one stays.
    if tracing::subscriber::set_global_default(logs).is_ok() {
        panic::set_hook(Box::new(tell));
    }
}

fn to<W>(writer: W, function: &'static str, wanted: Targets) -> impl tracing::Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let crate_name = function.replace('-', "_");
    let ours = move |metadata: &Metadata<'_>| {
        let name = metadata.target().split("::").next().unwrap_or_default();
        name == "shared" || name == crate_name || *metadata.level() <= Level::INFO
    };
    let lines = fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_ansi(false)
        .with_writer(writer);
    let wanted = if wanted.default_level().is_none() { wanted.with_default(LevelFilter::INFO) } else { wanted };
    Registry::default().with(filter_fn(ours)).with(wanted).with(lines)
}

/// T77: where it happened and no more, since a panic's message may hold anything.
fn tell(panic: &PanicHookInfo<'_>) {
    let location = panic.location().map(ToString::to_string).unwrap_or_default();
    error!(location, "The function panicked");
    // With `panic = "abort"` nobody else gets to flush.
    let _ = io::stdout().flush();
}

/// An error and everything behind it, in one line.
pub fn chain(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        line += ": ";
        line += &source.to_string();
        next = source.source();
    }
    loggable(&line)
}

/// Text from outside as it may stand in a log, an event or a name on a screen: without control characters, and without
/// those that turn the direction of writing and so show one thing and say another. Joiners stay: names in Persian, Hindi
/// and many other scripts are not written right without.
pub fn loggable(text: &str) -> String {
    let tricky = |c: char| {
        c.is_control()
            || matches!(c, '\u{061C}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
    };
    text.chars().filter(|c| !tricky(*c)).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::Value;
    use tracing::{debug, info, trace};

    use super::*;

    /// A place to write to that can be looked at.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(wanted: &str, tell: impl FnOnce()) -> Vec<Value> {
        logged_by("list_accounts", wanted, tell)
    }

    fn logged_by(function: &'static str, wanted: &str, tell: impl FnOnce()) -> Vec<Value> {
        let lines = Lines::default();
        let writer = lines.clone();
        tracing::subscriber::with_default(to(move || writer.clone(), function, wanted.parse().unwrap()), tell);
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn each_record_is_a_line_of_json() {
        let lines = logged("info", || {
            info!(advertiser_id = "71", name = "a\nb\u{1b}[31m", "Account lapsed");
            debug!("not asked for");
        });
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0]["level"], "INFO");
        assert_eq!(lines[0]["message"], "Account lapsed");
        assert_eq!(lines[0]["advertiser_id"], "71");
        assert_eq!(lines[0]["name"], "a\nb\u{1b}[31m", "escaped, and so still one line");
    }

    /// T76: the most verbose level makes our own code talk, and nobody else's.
    #[test]
    fn other_crates_are_not_heard_below_info() {
        let lines = logged("trace", || {
            trace!(target: "aws_smithy_runtime::client", "c4n4ry");
            debug!(target: "hyper_util", "c4n4ry");
            info!(target: "lambda_runtime", "heard");
            trace!(target: "shared::store", "heard");
            trace!(target: "list_accounts", "heard");
        });
        assert_eq!(lines.iter().map(|line| line["message"].as_str().unwrap()).collect::<Vec<_>>(), ["heard"; 3]);
    }

    /// A function starts under its deployed name, with hyphens; what it logs is under its crate's, with underscores.
    #[test]
    fn a_function_with_hyphens_in_its_name_is_heard_below_info() {
        let lines = logged_by("list-accounts", "debug", || {
            debug!(target: "list_accounts::page", "heard");
            debug!(target: "list", "not ours");
        });
        assert_eq!(lines.iter().map(|line| line["message"].as_str().unwrap()).collect::<Vec<_>>(), ["heard"]);
    }

    #[test]
    fn what_is_not_spoken_of_is_at_info() {
        let lines = logged("shared::store=debug", || {
            info!("heard");
            debug!("not heard");
        });
        assert_eq!(lines.len(), 1);
    }

    #[test]
    fn an_error_is_told_with_what_is_behind_it() {
        #[derive(Debug, thiserror::Error)]
        #[error("the row was not read")]
        struct Outer(#[source] std::num::ParseIntError);
        let error = Outer("x".parse::<u8>().unwrap_err());
        assert_eq!(chain(&error), "the row was not read: invalid digit found in string");
    }

    /// T34.
    #[test]
    fn tricks_are_taken_out_of_names() {
        assert_eq!(loggable("Shop \u{202e}UE\u{202c}\r\n\0\u{85}\u{200f}é 🛍"), "Shop UEé 🛍");
        // "I want", as Persian is written, and a family of one sign.
        for name in ["می\u{200c}خواهم", "👩\u{200d}👧"] {
            assert_eq!(loggable(name), name);
        }
    }
}
