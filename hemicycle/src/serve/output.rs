//! Events to standard output, one JSON object a line, and what a person wants to know to standard error.
//!
//! Both have a thread of their own, so that nothing waits for whoever reads. Where the reader of events is gone, the
//! service goes on and counts them. Where they cannot be written for another reason, as on a full disk, those that come are
//! counted as dropped, and it is tried again with each: lines stay whole, and the service needs no restart.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::Arc;

use detect::Event;
use jiff::tz::TimeZone;

use super::indicators::Sign;
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
    /// Something known passed by.
    Sign(Box<Sign>),
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
        // Without the memory of the standard library, which cannot tell what of a line is out.
        let mut written = Written::new(io::stdout().as_fd().try_clone_to_owned().ok().map(File::from));
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
                Output::Sign(sign) => {
                    told.sign(sign);
                    format!("{}\n", sign.shown(&privacy))
                }
                Output::Summary(line) => format!("{line}\n"),
            };
            let (is_out, said) = written.line(&line);
            if !is_out {
                counts.drop_one();
            }
            said.iter().for_each(|text| log.say(text));
        })
    })
}

/// Standard output, or whatever lines go to.
struct Written<W> {
    /// Until nobody reads any more.
    to: Option<W>,
    /// The end of a line of which the beginning is out: no longer than a line.
    rest: Vec<u8>,
    is_failing: bool,
    /// Lines that were given up since it began to fail.
    given_up: u64,
}

impl<W: Write> Written<W> {
    fn new(to: Option<W>) -> Self {
        Self { to, rest: Vec::new(), is_failing: false, given_up: 0 }
    }

    /// Writes a line: whether it is out, or will be, and what a person should know. A line that is begun is not given up:
    /// its end goes first once there is room.
    fn line(&mut self, line: &str) -> (bool, Option<String>) {
        let Some(to) = &mut self.to else { return (false, None) };
        if let Err(error) = write_rest(to, &mut self.rest) {
            return self.failed(&error, false);
        }
        self.rest.extend_from_slice(line.as_bytes());
        let written = write_rest(to, &mut self.rest);
        let is_begun = self.rest.len() < line.len();
        match written {
            Err(error) => {
                if !is_begun {
                    self.rest.clear();
                }
                self.failed(&error, is_begun)
            }
            Ok(()) => {
                let again = format!("events are written again; {} are not there", self.given_up);
                self.given_up = 0;
                (true, std::mem::take(&mut self.is_failing).then_some(again))
            }
        }
    }

    fn failed(&mut self, error: &io::Error, is_begun: bool) -> (bool, Option<String>) {
        if error.kind() == io::ErrorKind::BrokenPipe {
            self.to = None;
            let text = "warning: standard output is closed; events are counted and not written any more";
            return (false, Some(text.to_owned()));
        }
        self.given_up += u64::from(!is_begun);
        let text = format!(
            "warning: events cannot be written ({error}); they are counted, and it is tried again with each"
        );
        let is_first = !std::mem::replace(&mut self.is_failing, true);
        (is_begun, is_first.then_some(text))
    }
}

/// Writes all of it, or leaves what is not out.
fn write_rest(to: &mut impl Write, rest: &mut Vec<u8>) -> io::Result<()> {
    while !rest.is_empty() {
        match to.write(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(length) => drop(rest.drain(..length)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk with so much room.
    #[derive(Default)]
    struct Disk {
        room: usize,
        text: Vec<u8>,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let length = bytes.len().min(self.room);
            if length == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.room -= length;
            self.text.extend_from_slice(&bytes[..length]);
            Ok(length)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_costs_the_lines_that_come_meanwhile_and_no_other() {
        let mut written = Written::new(Some(Disk { room: 10, ..Disk::default() }));
        let (one, said) = written.line("first\n");
        assert!(one && said.is_none());
        // Half of it is out.
        let (two, said) = written.line("second\n");
        assert!(two && said.unwrap().contains("it is tried again"));
        assert_eq!(written.line("third\n"), (false, None), "said once");
        assert_eq!(written.line("fourth\n"), (false, None));
        written.to.as_mut().unwrap().room = 100;
        let (five, said) = written.line("fifth\n");
        assert!(five && said.unwrap().contains("2 are not there"));
        assert_eq!(written.line("sixth\n"), (true, None));
        assert_eq!(written.to.unwrap().text, b"first\nsecond\nfifth\nsixth\n");
    }

    #[test]
    fn a_reader_that_has_gone_does_not_come_back() {
        struct Gone;
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut written = Written::new(Some(Gone));
        assert!(written.line("first\n").1.unwrap().contains("closed"));
        assert_eq!(written.line("second\n"), (false, None));
    }
}
