//! What a person at the terminal sees of a running world: a line for each step of its start, then a line for each request
//! and for each sweep that changed something.
//!
//! What the functions print, JSON and much of it, goes to a file, line by line as
//! `{"function": …, "pid": …, "line": …}`. On the terminal are only their errors, in words, unless all of it is wanted.

pub mod checks;

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use http::StatusCode;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use shared::logging::loggable;

use crate::activity::{Activity, LogLine, Request, Stream, Watcher};
use crate::aws::sqs::Queue;
use checks::Checks;

/// How often somebody looks whether a sweep is over.
const LOOK: Duration = Duration::from_millis(500);
/// A check that failed comes again minutes later: what the others came to is told without it.
const PATIENCE: Duration = Duration::from_secs(10);

const GREEN: &str = "32";
const YELLOW: &str = "33";
const RED: &str = "31";
const BOLD: &str = "1";

/// How it looks, and how much is shown.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    pub colours: bool,
    /// Everything that the functions print is shown as well.
    pub logs: bool,
}

/// A terminal and a file. Clones share them.
#[derive(Clone)]
pub struct Console {
    inner: Arc<Inner>,
}

struct Inner {
    style: Style,
    shown: Mutex<Shown>,
    file: Mutex<File>,
}

struct Shown {
    terminal: Box<dyn Write + Send>,
    /// Requests are shown: the start is over.
    is_open: bool,
    checks: Checks,
    last_check: Instant,
}

impl Console {
    /// The file is made anew; its folder, too, when it is missing.
    pub fn new(terminal: impl Write + Send + 'static, style: Style, file: &Path) -> anyhow::Result<Self> {
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).with_context(|| format!("making the folder {}", folder.display()))?;
        }
        // Appending, so that a world that still runs does not leave a hole where it wrote before.
        let opened = File::options().append(true).create(true).open(file);
        let file = opened
            .and_then(|opened| opened.set_len(0).map(|()| opened))
            .with_context(|| format!("making {}", file.display()))?;
        let shown = Shown {
            terminal: Box::new(terminal),
            is_open: false,
            checks: Checks::default(),
            last_check: Instant::now(),
        };
        Ok(Self { inner: Arc::new(Inner { style, shown: Mutex::new(shown), file: Mutex::new(file) }) })
    }

    /// For the world whose terminal this is.
    pub fn watcher(&self) -> Watcher {
        let console = self.clone();
        Watcher::new(move |activity| match activity {
            Activity::Request(request) => console.request(request),
            Activity::Line(line) => console.line(line),
        })
    }

    pub fn say(&self, text: &str) {
        // A closed terminal is no reason to stop.
        let _ = writeln!(self.shown().terminal, "{text}");
    }

    /// The start is over: from now on requests and sweeps are shown.
    pub fn open(&self) {
        self.shown().is_open = true;
    }

    /// Tells, for ever, what sweeps came to whose checks went through this queue.
    pub async fn report_sweeps(self, queue: Queue) {
        loop {
            tokio::time::sleep(LOOK).await;
            self.report_sweep(queue.is_empty());
        }
    }

    /// `is_over` when no check is under way or waits.
    fn report_sweep(&self, is_over: bool) {
        let mut shown = self.shown();
        if !shown.is_open || !(is_over || shown.last_check.elapsed() > PATIENCE) {
            return;
        }
        let checks = std::mem::take(&mut shown.checks);
        if checks.have_changed_something() {
            let _ = writeln!(shown.terminal, "{} {checks}", self.paint(BOLD, "sweep  "));
        }
    }

    fn request(&self, request: &Request) {
        let Request { method, path, who, status, took } = request;
        let who = who.as_deref().map_or_else(|| "-".to_owned(), loggable);
        let status = self.paint(colour(*status), status.as_str());
        let line =
            format!("{:<7} {:<44} {who:<8} {status} {:>5} ms", method.as_str(), loggable(path), took.as_millis());
        let mut shown = self.shown();
        if shown.is_open {
            let _ = writeln!(shown.terminal, "{line}");
        }
    }

    fn line(&self, line: &LogLine) {
        let written = json_line(line);
        // A full disk is no reason to stop.
        let _ = writeln!(self.inner.file.lock().unwrap_or_else(PoisonError::into_inner), "{written}");
        let mut shown = self.shown();
        if shown.checks.count(line) {
            shown.last_check = Instant::now();
        }
        let text = if self.inner.style.logs {
            format!("{:<20} │ {}", line.function, line.text)
        } else if let Some(trouble) = trouble(line) {
            format!("{} {trouble}", self.paint(RED, &line.function))
        } else {
            return;
        };
        let _ = writeln!(shown.terminal, "{text}");
    }

    fn paint(&self, colour: &str, text: &str) -> String {
        if self.inner.style.colours { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.inner.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Style {
    /// Colours are for terminals, and for people who want them (<https://no-color.org>).
    pub fn of(terminal: &impl io::IsTerminal, logs: bool) -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { colours: terminal.is_terminal() && !unwanted, logs }
    }
}

fn colour(status: StatusCode) -> &'static str {
    match status.as_u16() {
        ..400 => GREEN,
        400..500 => YELLOW,
        500.. => RED,
    }
}

/// As it stands in the file: the line as the function printed it, or as text when it is no JSON.
fn json_line(line: &LogLine) -> String {
    let text = serde_json::from_str::<&RawValue>(&line.text)
        .map_or_else(|_| json!(line.text).to_string(), ToString::to_string);
    format!(r#"{{"function":{},"pid":{},"line":{text}}}"#, json!(line.function), line.pid)
}

/// What a person should see even so: the world's own notes, a function's errors and warnings, and what is no log record.
fn trouble(line: &LogLine) -> Option<String> {
    let Ok(record) = serde_json::from_str::<Value>(&line.text) else {
        let is_told = line.pid == 0 || line.stream == Stream::Stderr;
        return is_told.then(|| loggable(&line.text));
    };
    if !matches!(record["level"].as_str(), Some("ERROR" | "WARN")) {
        return None;
    }
    let message = record["message"].as_str().unwrap_or_default();
    let reason = record["reason"].as_str().map(|reason| format!(": {reason}")).unwrap_or_default();
    Some(loggable(&format!("{message}{reason}")))
}

#[cfg(test)]
mod tests;
