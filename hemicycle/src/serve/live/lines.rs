//! The seam between whoever brings lines of logs and whoever reads them.

use wire::{Address, Time};

/// Where lines come from, as the configuration says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::serve) struct Origin {
    /// The path or pattern, or `syslog`.
    pub(in crate::serve) name: String,
    /// How its lines are written; `auto` if they are to be recognised.
    pub(in crate::serve) format: String,
    /// The service of the institution file whose log it is.
    pub(in crate::serve) service: Option<String>,
}

/// A line as it came, borrowed from whoever read it.
#[derive(Clone, Copy, Debug)]
#[expect(dead_code, reason = "for the decoder, which is not connected yet")]
pub(in crate::serve) struct RawLine<'a> {
    pub(in crate::serve) bytes: &'a [u8],
    /// When it was read.
    pub(in crate::serve) arrival: Time,
    /// Who sent it, if it came by syslog.
    pub(in crate::serve) sender: Option<Address>,
    /// It was written before the service knew of the log.
    pub(in crate::serve) is_history: bool,
}

/// Takes lines. Each thread that brings some has one of its own.
pub(in crate::serve) trait Lines: Send {
    /// Takes a line.
    fn line(&mut self, origin: &Origin, line: &RawLine<'_>);
    /// It is `now`, and every line that came before is here. About ten times a second.
    fn advance(&mut self, now: Time);
    /// Lines were lost before they came here.
    fn loss(&mut self);
    /// Nothing more comes.
    fn finish(&mut self);
}

/// Counts lines and looks at none: stands where the decoder of access logs and the detector of the web layer will.
#[derive(Debug, Default)]
pub(in crate::serve) struct CountLines {
    pub(in crate::serve) lines: u64,
}

impl Lines for CountLines {
    fn line(&mut self, _origin: &Origin, _line: &RawLine<'_>) {
        self.lines += 1;
    }

    fn advance(&mut self, _now: Time) {}

    fn loss(&mut self) {}

    fn finish(&mut self) {}
}
