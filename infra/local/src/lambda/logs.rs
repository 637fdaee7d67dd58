//! What the functions print, kept in memory for tests and told to whoever watches.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::task::JoinHandle;

use crate::activity::{Activity, LogLine, Stream, Watcher};

/// So many lines are kept over all functions; older ones go.
const KEPT_LINES: usize = 100_000;

/// The lines of all functions, oldest first. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Logs {
    lines: Arc<Mutex<VecDeque<LogLine>>>,
    watcher: Option<Watcher>,
}

impl Logs {
    /// The watcher is told of each line.
    pub fn new(watcher: Option<Watcher>) -> Self {
        Self { lines: Arc::default(), watcher }
    }

    pub fn all(&self) -> Vec<LogLine> {
        self.lock().iter().cloned().collect()
    }

    pub fn of(&self, function: &str) -> Vec<LogLine> {
        self.lock().iter().filter(|line| line.function == function).cloned().collect()
    }

    pub fn clear(&self) {
        self.lock().clear();
    }

    /// Adds a line of the world itself.
    pub(crate) fn note(&self, who: &str, text: String) {
        self.push(LogLine { function: who.to_owned(), pid: 0, stream: Stream::Stderr, text });
    }

    /// Reads a child's pipe line by line until it is closed.
    pub(crate) fn follow(
        &self,
        function: String,
        pid: u32,
        stream: Stream,
        pipe: impl AsyncRead + Unpin + Send + 'static,
    ) -> JoinHandle<()> {
        let logs = self.clone();
        tokio::spawn(async move {
            let mut pipe = BufReader::new(pipe);
            let mut bytes = Vec::new();
            while pipe.read_until(b'\n', &mut bytes).await.is_ok_and(|read| read > 0) {
                let text = String::from_utf8_lossy(&bytes).trim_end().to_owned();
                bytes.clear();
                logs.push(LogLine { function: function.clone(), pid, stream, text });
            }
        })
    }

    fn push(&self, line: LogLine) {
        if let Some(watcher) = &self.watcher {
            watcher.tell(&Activity::Line(line.clone()));
        }
        let mut lines = self.lock();
        if lines.len() == KEPT_LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<LogLine>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
