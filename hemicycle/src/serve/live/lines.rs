//! The seam between whoever brings lines of logs and whoever reads them.

use std::fmt;

use wire::web::{Format, Skip};
use wire::{Address, Time};

/// Where lines come from, as the configuration says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// Its place: every `[[log]]` in order, then `[syslog]`.
    pub(in crate::serve) number: usize,
    /// The path or pattern, or `syslog`.
    pub(in crate::serve) name: String,
    /// How its lines are written.
    pub(in crate::serve) format: LineFormat,
    /// The service of the institution file whose log it is.
    pub(in crate::serve) service: Option<String>,
}

/// How lines are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LineFormat {
    /// They are recognised.
    Auto,
    /// As the configuration says, in whatever they are wrapped.
    Declared {
        /// As it was typed.
        text: String,
        /// What that is.
        format: Box<Format>,
    },
}

impl fmt::Display for LineFormat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => formatter.write_str("auto"),
            Self::Declared { text, .. } => formatter.write_str(text),
        }
    }
}

/// A line as it came, borrowed from whoever read it.
#[derive(Clone, Copy, Debug)]
pub(in crate::serve) struct RawLine<'a> {
    pub(in crate::serve) bytes: &'a [u8],
    /// When it was read.
    pub(in crate::serve) arrival: Time,
    /// Who sent it, if it came by syslog.
    pub(in crate::serve) sender: Option<Address>,
}

/// What became of lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LinesReport {
    /// Lines that told of a request.
    pub(crate) requests: u64,
    /// Lines that did not, by [`Skip::index`].
    pub(crate) skips: [u64; Skip::ALL.len()],
    /// Lines that came while no format was recognised.
    pub(crate) unrecognised: u64,
    /// Lines that wait until there are enough to recognise their format.
    pub(crate) waiting: u64,
    /// Senders whose lines are read with those of others, for want of room.
    pub(crate) senders_refused: u64,
    /// The name of the format that was found last.
    pub(crate) format: Option<&'static str>,
}

impl LinesReport {
    /// Adds what became of others.
    pub(crate) fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.skips.iter_mut().zip(other.skips).for_each(|(sum, skips)| *sum += skips);
        self.unrecognised += other.unrecognised;
        self.waiting += other.waiting;
        self.senders_refused += other.senders_refused;
        self.format = self.format.or(other.format);
    }
}

/// Takes lines. Each thread that brings some has one of its own.
pub(in crate::serve) trait Lines: Send {
    /// Takes a line.
    fn line(&mut self, origin: &Origin, line: &RawLine<'_>);
    /// It is `now`, and every line that came before is here. About ten times a second.
    fn advance(&mut self, now: Time);
    /// Lines were lost before they came here.
    fn loss(&mut self);
    /// What became of those of one origin.
    fn report(&self, origin: &Origin) -> LinesReport;
    /// Nothing more comes.
    fn finish(&mut self);
}
