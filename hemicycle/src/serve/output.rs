//! Events to standard output, one JSON object a line, and what a person wants to know to standard error.
//!
//! Both have a thread of their own, so that nothing waits for whoever reads. Where the reader of events is gone, the
//! service goes on and counts them.

use std::io::{self, Write};
use std::sync::Arc;

use detect::Event;
use jiff::tz::TimeZone;

use super::office::Told;
use super::outlet::{Counts, Drain, Outlet};
use crate::replay::privacy::Privacy;
use crate::replay::reporter::json;
use crate::replay::timeline::Timeline;
use crate::style::{Style, plain};

/// Texts that wait for standard error.
const LOG_PLACES: usize = 1024;

/// Where texts for people are put; clones share one queue.
#[derive(Clone)]
pub(super) struct Log(Outlet<String>);

impl Log {
    /// A log on standard error.
    ///
    /// # Errors
    /// When the system refuses another thread.
    pub(super) fn open() -> io::Result<(Self, Drain)> {
        let (outlet, drain) = Outlet::open("log", LOG_PLACES, |counts| {
            Box::new(move |text: String| {
                if io::stderr().lock().write_all(text.as_bytes()).is_err() {
                    counts.drop_one();
                }
            })
        })?;
        Ok((Self(outlet), drain))
    }

    /// A line.
    pub(super) fn say(&self, text: &str) {
        self.0.put(format!("{}\n", plain(text)));
    }

    /// Lines that are laid out already, and hold nothing from outside that was not made harmless.
    pub(super) fn lines(&self, text: String) {
        self.0.put_minor(text);
    }

    /// What was counted.
    pub(super) fn counts(&self) -> &Arc<Counts> {
        self.0.counts()
    }
}

/// How events are shown.
pub(super) struct Shown {
    pub(super) privacy: Privacy,
    /// A timeline in the log, with its style and its zone.
    pub(super) timeline: Option<(Style, TimeZone)>,
}

/// What the thread of standard output gets.
pub(super) enum Output {
    Event(Event),
    /// The last line.
    Summary(String),
}

/// Where events are put.
///
/// # Errors
/// When the system refuses another thread.
pub(super) fn events(
    places: usize,
    shown: Shown,
    log: Log,
    mut told: Told,
) -> io::Result<(Outlet<Output>, Drain)> {
    Outlet::open("events", places, move |counts| {
        let Shown { privacy, timeline } = shown;
        let mut timeline = timeline.map(|(style, zone)| Timeline::new(style, zone));
        let mut is_closed = false;
        Box::new(move |output: Output| {
            let line = match &output {
                Output::Event(event) => {
                    let lines = timeline.as_mut().map(|timeline| timeline.lines(event.line(), &privacy));
                    if let Some(lines) = lines.filter(|lines| !lines.is_empty()) {
                        log.lines(lines);
                    }
                    told.event(event);
                    json(event, &privacy)
                }
                Output::Summary(line) => format!("{line}\n"),
            };
            if is_closed || !write(&line) {
                counts.drop_one();
                if !std::mem::replace(&mut is_closed, true) {
                    log.say(
                        "warning: standard output is closed; events are counted and not written any more",
                    );
                }
            }
        })
    })
}

/// Whether the line is out.
fn write(line: &str) -> bool {
    let mut output = io::stdout().lock();
    output.write_all(line.as_bytes()).and_then(|()| output.flush()).is_ok()
}
