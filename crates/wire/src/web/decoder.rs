//! Lines to requests: a format, what it has to remember from line to line, and counters.

use memchr::memchr;

use super::clock::Clock;
use super::columns::Columns;
use super::field::Row;
use super::format::{Format, Shape};
use super::{Request, Skip, columns, haproxy, json, syslog};

/// Longest line that is read, in bytes. Servers take requests of 8 KiB by default, which escaping makes four times as long,
/// and headers beside them.
pub const MAX_LINE_BYTES: usize = 64 << 10;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
const DATE_BYTES: usize = 10;

/// Where the line at the beginning of `bytes` ends: the position of its line feed.
#[inline]
pub fn line_end(bytes: &[u8]) -> Option<usize> {
    memchr(b'\n', bytes)
}

/// What was counted. `lines` = `requests` + the sum of `skips`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Lines, directives and empty ones too.
    pub lines: u64,
    /// Lines that gave a request.
    pub requests: u64,
    /// Lines that did not, by [`Skip::index`].
    pub skips: [u64; Skip::ALL.len()],
}

/// Reads the lines of one log, in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decoder {
    format: Format,
    clock: Clock,
    /// Of W3C's format, as the last directive says.
    columns: Option<Columns>,
    /// Of W3C's format, for columns without one.
    date: [u8; DATE_BYTES],
    counters: Counters,
}

impl Decoder {
    /// A decoder of lines in this format.
    pub fn new(format: Format) -> Self {
        let columns = match &format.shape {
            Shape::Columns(columns) => Some(**columns),
            _ => None,
        };
        Self {
            format,
            clock: Clock::default(),
            columns,
            date: [0; DATE_BYTES],
            counters: Counters::default(),
        }
    }

    /// The zone of times that name none (HAProxy's), in seconds east of Greenwich. UTC if this is never called.
    pub fn set_zone(&mut self, offset_seconds: i32) {
        self.clock.set_zone(offset_seconds);
    }

    /// The format.
    pub fn format(&self) -> &Format {
        &self.format
    }

    /// What was counted.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The request that a line tells of. A line feed at its end does not matter.
    ///
    /// # Errors
    /// Why it tells of none; counted.
    pub fn decode<'a>(&mut self, line: &'a [u8]) -> Result<Request<'a>, Skip> {
        self.decode_with(line, |request| *request)
    }

    /// As [`Decoder::decode`], for who looks at the request where it is: it is as large as a line.
    ///
    /// # Errors
    /// As [`Decoder::decode`]; `take` is not called then.
    #[inline]
    pub fn decode_with<'a, T>(
        &mut self,
        line: &'a [u8],
        take: impl FnOnce(&mut Request<'a>) -> T,
    ) -> Result<T, Skip> {
        self.counters.lines += 1;
        let mut row = Row::default();
        match self.read(line, &mut row) {
            Ok(()) => {
                self.counters.requests += 1;
                Ok(take(&mut row.request))
            }
            Err(skip) => {
                self.count_skip(skip);
                Err(skip)
            }
        }
    }

    /// A line that was read before, not counted again.
    pub fn again<'a>(&mut self, line: &'a [u8]) -> Option<Request<'a>> {
        let mut row = Row::default();
        self.read(line, &mut row).ok()?;
        Some(row.request)
    }

    /// Counts a line that was not given to this decoder: too long to be held, or cut off.
    pub fn skip(&mut self, skip: Skip) {
        self.counters.lines += 1;
        self.count_skip(skip);
    }

    #[cold]
    fn count_skip(&mut self, skip: Skip) {
        if let Some(counter) = self.counters.skips.get_mut(skip.index()) {
            *counter += 1;
        }
    }

    #[inline]
    fn read<'a>(&mut self, line: &'a [u8], row: &mut Row<'a>) -> Result<(), Skip> {
        let mut line = line.strip_suffix(b"\n").unwrap_or(line);
        line = line.strip_suffix(b"\r").unwrap_or(line);
        line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
        if line.len() > MAX_LINE_BYTES {
            return Err(Skip::TooLong);
        }
        if line.is_empty() {
            return Err(Skip::Empty);
        }
        if self.format.is_framed {
            line = syslog::message(line).1;
        }
        if self.format.is_wrapped
            && let [b'"', inner @ .., b'"'] = line
        {
            line = inner;
        }
        match &self.format.shape {
            Shape::Pattern(pattern) => pattern.read(line, row, &mut self.clock)?,
            Shape::Haproxy(captures) => haproxy::read(line, captures, row, &mut self.clock)?,
            Shape::Json => json::read(line, row, &mut self.clock)?,
            Shape::W3c => self.w3c(line, row)?,
            Shape::Columns(columns) => {
                let read = columns.read(line, row, &mut self.clock);
                read.map_err(|skip| if columns::is_heading(line) { Skip::Directive } else { skip })?;
            }
        }
        row.finish(&self.clock)
    }

    fn w3c<'a>(&mut self, line: &'a [u8], row: &mut Row<'a>) -> Result<(), Skip> {
        if line.first() == Some(&b'#') {
            self.directive(line);
            return Err(Skip::Directive);
        }
        let columns = self.columns.ok_or(Skip::NoColumns)?;
        row.set_date(&self.date);
        columns.read(line, row, &mut self.clock)
    }

    fn directive(&mut self, line: &[u8]) {
        if let Some(columns) = Columns::of_directive(line) {
            self.columns = Some(columns);
        } else if let Some(date) = line.strip_prefix(b"#Date:")
            && let Some(date) = date.trim_ascii_start().first_chunk::<DATE_BYTES>()
        {
            self.date = *date;
        }
    }
}
