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
        let text = format!(
            "{CLEAR}{} of traffic{}",
            duration(progress.now.seconds_since(first)),
            counted(&progress, seconds)
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

/// What of each kind there was in so many seconds.
fn counted(progress: &Progress, seconds: f64) -> String {
    let kind = |count: u64, name: &str| {
        (count > 0).then(|| format!("{} {name}, {}/s", short(count as f64), short(count as f64 / seconds)))
    };
    let records = kind(progress.records, "records")
        .map(|records| format!(", {}B; {records}", short(progress.traffic_bytes as f64)));
    let requests = kind(progress.requests, "requests").map(|requests| format!("; {requests}"));
    format!("{}{}", records.unwrap_or_default(), requests.unwrap_or_default())
}

fn write(text: &str) {
    let mut errors = io::stderr().lock();
    // Progress that nobody can see is no loss.
    let _ = errors.write_all(text.as_bytes()).and_then(|()| errors.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_have_progress_of_their_own() {
        let progress = |records, requests| {
            counted(&Progress { records, requests, traffic_bytes: 3_000, now: Time::default() }, 2.0)
        };
        assert_eq!(progress(200, 0), ", 3.00 kB; 200 records, 100/s");
        assert_eq!(progress(0, 200), "; 200 requests, 100/s");
        assert_eq!(progress(2, 4), ", 3.00 kB; 2 records, 1/s; 4 requests, 2/s");
    }
}
