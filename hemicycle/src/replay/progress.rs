//! One line on standard error that says how far reading is, where somebody sits before it.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use hemicycle::pipeline::Progress;
use wire::Time;

use crate::style::{duration, short};

/// Time between two lines.
const INTERVAL: Duration = Duration::from_millis(100);
/// Back to the beginning of the line, and clear it.
const CLEAR: &str = "\r\x1b[K";

/// The line.
pub(crate) struct Line {
    started: Instant,
    printed: Instant,
    first: Option<Time>,
    is_shown: bool,
}

impl Line {
    /// On a terminal; elsewhere there is none.
    pub(crate) fn new(started: Instant) -> Option<Self> {
        let line = Self { started, printed: started, first: None, is_shown: false };
        io::stderr().is_terminal().then_some(line)
    }

    /// Shows how far reading is, if the line is not fresh.
    pub(crate) fn show(&mut self, progress: Progress) {
        let first = *self.first.get_or_insert(progress.now);
        if self.printed.elapsed() < INTERVAL {
            return;
        }
        self.printed = Instant::now();
        let seconds = self.started.elapsed().as_secs_f64().max(1e-3);
        let records = progress.records as f64;
        let text = format!(
            "{CLEAR}{} of traffic, {}B; {} records, {}/s",
            duration(progress.now.seconds_since(first)),
            short(progress.traffic_bytes as f64),
            short(records),
            short(records / seconds),
        );
        self.is_shown = true;
        write(&text);
    }

    /// Clears the line, before something else is written.
    pub(crate) fn clear(&mut self) {
        if std::mem::take(&mut self.is_shown) {
            write(CLEAR);
        }
    }
}

fn write(text: &str) {
    let mut errors = io::stderr().lock();
    // Progress that nobody can see is no loss.
    let _ = errors.write_all(text.as_bytes()).and_then(|()| errors.flush());
}
