//! What a part of a line means, and how it gets into a [`Request`].

use super::clock::{self, Civil, Clock};
use super::skip::Skip;
use super::{Method, Request, Version, text};
use crate::Time;

const SECOND: u64 = 1_000_000_000;
const MILLISECOND: u64 = 1_000_000;

/// What a part of a line is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(super) enum Field {
    /// Of no interest here.
    #[default]
    Nothing,
    Client,
    ForwardedFor,
    Host,
    /// Method, target and version in one.
    RequestLine,
    Method,
    /// The path, with the query if it has one.
    Target,
    Query,
    Version,
    Status,
    ResponseBytes,
    RequestBytes,
    Duration(Unit),
    /// How long the application behind the server took. nginx's: of several, the last.
    Upstream,
    /// nginx's `$request_completion`.
    Completion,
    Referrer,
    Agent,
    Fingerprint,
    Cache,
    /// Apache's `%X`.
    Connection,
    /// A whole time, when the request was over or (`true`) when it began. Of W3C, a time of day.
    Time {
        is_begin: bool,
    },
    Date,
    /// A part of a time.
    Part(Part),
}

/// Units of durations.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Unit {
    Seconds,
    Milliseconds,
    Microseconds,
    Nanoseconds,
    /// Seconds if it has a fraction, else milliseconds: `time-taken` of W3C's format differs between servers.
    Taken,
}

/// Parts of a time.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Part {
    Year,
    Month,
    MonthName,
    Day,
    Hour,
    Minute,
    Second {
        is_begin: bool,
    },
    /// Digits of a part of a second, as many as there are.
    Fraction,
    Zone,
}

/// Fields of which a line has one. See [`Field::slot`].
pub(super) const SLOTS: usize = 20;

impl Field {
    /// Which of the [`SLOTS`] a field fills; `None` for what may come several times.
    pub(super) fn slot(self) -> Option<usize> {
        Some(match self {
            Self::Nothing | Self::Part(_) => return None,
            Self::Client => 0,
            Self::ForwardedFor => 1,
            Self::Host => 2,
            Self::RequestLine => 3,
            Self::Method => 4,
            Self::Target => 5,
            Self::Query => 6,
            Self::Version => 7,
            Self::Status => 8,
            Self::ResponseBytes => 9,
            Self::RequestBytes => 10,
            Self::Duration(_) => 11,
            Self::Referrer => 12,
            Self::Agent => 13,
            Self::Fingerprint => 14,
            Self::Cache => 15,
            Self::Connection => 16,
            Self::Time { .. } => 17,
            Self::Upstream => 18,
            Self::Completion => 19,
            // A date is nothing without its time.
            Self::Date => return None,
        })
    }

    /// Whether the request line says it too.
    pub(super) fn is_in_request_line(self) -> bool {
        matches!(self, Self::Method | Self::Target | Self::Query | Self::Version)
    }

    /// Whether a time of day can be had from it.
    pub(super) fn is_time(self) -> bool {
        matches!(self, Self::Time { .. } | Self::Part(Part::Second { .. }))
    }
}

/// A line that is being read.
#[derive(Default)]
pub(super) struct Row<'a> {
    pub(super) request: Request<'a>,
    civil: Civil,
    /// Of a time that came in parts.
    part_nanoseconds: i64,
    has_time: bool,
    has_time_of_day: bool,
    /// The time is that of the beginning.
    is_begin: bool,
    has_request: bool,
    was_aborted: bool,
    /// The line says that the answer was not taken whole.
    is_incomplete: bool,
    upstream: Option<u64>,
}

impl<'a> Row<'a> {
    /// Takes over one part of the line.
    ///
    /// Only a time or a status that is none spoils a line: without them a request cannot be placed or told from garbage.
    #[inline]
    pub(super) fn set(&mut self, field: Field, value: &'a [u8], clock: &mut Clock) -> Result<(), Skip> {
        let request = &mut self.request;
        match field {
            Field::Nothing => {}
            Field::Client => request.client = text::client(value),
            Field::RequestLine => {
                self.has_request = true;
                set_request_line(request, value);
            }
            Field::Time { is_begin } => return self.set_time(value, is_begin, clock).ok_or(Skip::Time),
            Field::Status => request.status = status(value).ok_or(Skip::Status)?,
            Field::ResponseBytes => request.response_bytes = text::number(value),
            Field::Referrer => request.referrer = text::present(value),
            Field::Agent => request.agent = text::present(value),
            _ => return self.set_rare(field, value).ok_or(Skip::Time),
        }
        Ok(())
    }

    /// The parts that the usual formats do not have.
    fn set_rare(&mut self, field: Field, value: &'a [u8]) -> Option<()> {
        let request = &mut self.request;
        match field {
            Field::ForwardedFor => request.forwarded_for = text::present(value),
            Field::Host => request.host = text::present(value),
            Field::Method => {
                self.has_request = true;
                request.method = Method::of(value);
            }
            Field::Target => {
                self.has_request = true;
                request.target = text::present(value);
            }
            Field::Query => {
                let value = text::present(value);
                request.query_apart = value.strip_prefix(b"?").unwrap_or(value);
            }
            Field::Version => request.version = text::version(value),
            Field::RequestBytes => request.request_bytes = text::number(value),
            Field::Duration(unit) => request.duration_nanoseconds = duration(value, unit),
            Field::Upstream => self.upstream = Some(upstream(value)),
            Field::Completion => self.is_incomplete = value != b"OK",
            Field::Fingerprint => request.fingerprint = text::present(value),
            Field::Cache => request.cache = text::cache(value),
            Field::Connection => self.was_aborted = value == b"X",
            Field::Date => return self.civil.set_date(value),
            Field::Part(part) => return self.set_part(part, value),
            _ => {}
        }
        Some(())
    }

    #[inline]
    fn set_time(&mut self, value: &[u8], is_begin: bool, clock: &mut Clock) -> Option<()> {
        if value.get(2) == Some(&b':') {
            self.part_nanoseconds = self.civil.set_time(value)?;
            self.has_time_of_day = true;
        } else {
            let value = match value {
                [b'[', inner @ .., b']'] => inner,
                value => value,
            };
            self.request.time = clock.read(value)?;
            self.has_time = true;
        }
        self.is_begin = is_begin;
        Some(())
    }

    fn set_part(&mut self, part: Part, value: &[u8]) -> Option<()> {
        if part == Part::Fraction {
            self.part_nanoseconds = clock::part_of_second(value)?;
            return Some(());
        }
        let civil = &mut self.civil;
        match part {
            Part::MonthName => {
                civil.month = clock::month(value)?;
                return Some(());
            }
            Part::Zone => {
                civil.zone_seconds = Some(clock::zone(value)? as i32);
                return Some(());
            }
            _ => {}
        }
        // `%e` is padded with a space.
        let number = text::number(value.strip_prefix(b" ").unwrap_or(value))?;
        match part {
            Part::Year => civil.year = u16::try_from(number).ok()?,
            Part::Month => civil.month = u8::try_from(number).ok()?,
            Part::Day => civil.day = u8::try_from(number).ok()?,
            Part::Hour => civil.hour = u8::try_from(number).ok()?,
            Part::Minute => civil.minute = u8::try_from(number).ok()?,
            Part::Second { is_begin } => {
                civil.second = u8::try_from(number).ok()?;
                self.is_begin = is_begin;
                self.has_time_of_day = true;
            }
            _ => {}
        }
        Some(())
    }

    /// The date of a time of day that has none of its own, as a directive gives it.
    pub(super) fn set_date(&mut self, date: &[u8]) {
        let _ = self.civil.set_date(date);
    }

    /// A time that is that of the beginning.
    pub(super) fn begins(&mut self, time: Time) {
        self.request.time = time;
        self.has_time = true;
        self.is_begin = true;
    }

    /// Method, target and version.
    pub(super) fn set_request(&mut self, text: &'a [u8]) {
        self.has_request = true;
        set_request_line(&mut self.request, text);
    }

    /// Remembers that the line has a place for a request.
    pub(super) fn note(&mut self, field: Field) {
        self.has_request |= matches!(field, Field::RequestLine | Field::Method | Field::Target);
    }

    /// Whether the line says anything about a request.
    pub(super) fn has_request(&self) -> bool {
        self.has_request
    }

    /// Adds to the request what follows from several parts together.
    #[inline]
    pub(super) fn finish(&mut self, clock: &Clock) -> Result<(), Skip> {
        if !self.has_time {
            if !self.has_time_of_day || !self.civil.has_date() {
                return Err(Skip::Time);
            }
            self.request.time = clock.of(&self.civil).ok_or(Skip::Time)?;
        }
        let request = &mut self.request;
        if self.part_nanoseconds != 0 {
            request.time = request.time.plus_nanoseconds(self.part_nanoseconds);
        }
        if self.is_begin
            && let Some(duration) = request.duration_nanoseconds
        {
            request.time = request.time.plus_nanoseconds(i64::try_from(duration).unwrap_or(i64::MAX));
        }
        request.is_aborted |= request.status == 499 || self.was_aborted;
        if self.is_incomplete
            && let (Some(all), Some(upstream)) = (request.duration_nanoseconds, self.upstream)
        {
            request.unread_nanoseconds = Some(all.saturating_sub(upstream));
        }
        // Better than nothing, where the whole is not logged.
        request.duration_nanoseconds = request.duration_nanoseconds.or(self.upstream);
        let has_none = self.has_request && request.target.is_empty() && request.method == Method::Invalid;
        request.is_timed_out |= request.status == 408 || (request.status == 400 && has_none);
        Ok(())
    }
}

/// Three digits; `-`, 0, 000 and -1 stand for none.
#[inline]
fn status(text: &[u8]) -> Option<u16> {
    match text {
        [a, b, c] if text.iter().all(u8::is_ascii_digit) => {
            let digit = |byte: u8| u16::from(byte - b'0');
            Some(digit(*a) * 100 + digit(*b) * 10 + digit(*c))
        }
        b"" | b"-" | b"0" | b"-1" => Some(0),
        _ => None,
    }
}

fn duration(text: &[u8], unit: Unit) -> Option<u64> {
    let unit = match unit {
        Unit::Seconds => SECOND,
        Unit::Milliseconds => MILLISECOND,
        Unit::Microseconds => 1_000,
        Unit::Nanoseconds => 1,
        Unit::Taken if text.contains(&b'.') => SECOND,
        Unit::Taken => MILLISECOND,
    };
    text::decimal(text, unit)
}

/// Seconds that the application took; none where it was not asked. Several servers are divided by commas or colons.
fn upstream(text: &[u8]) -> u64 {
    let last = text.rsplit(|byte| matches!(byte, b',' | b':')).next().unwrap_or_default();
    duration(last.trim_ascii(), Unit::Seconds).unwrap_or(0)
}

/// Takes a request line apart. Of what is no request line everything is the target, so that it can be looked at.
#[inline]
fn set_request_line<'a>(request: &mut Request<'a>, line: &'a [u8]) {
    let line = text::present(line);
    request.target = line;
    request.method = Method::Invalid;
    request.version = Version::Unknown;
    let Some(space) = line.iter().take(MAX_METHOD_BYTES + 1).position(|byte| *byte == b' ') else { return };
    let (token, rest) = line.split_at(space);
    let method = Method::of(token);
    let rest = rest.get(1..).unwrap_or_default();
    if method == Method::Invalid || rest.is_empty() {
        return;
    }
    let (target, version) = split_version(rest);
    // Without a version it was HTTP/0.9, if it looks like a path at all.
    if version == Version::Unknown && rest.first() != Some(&b'/') {
        return;
    }
    request.method = method;
    request.target = target;
    request.version = version;
}

/// Longest method that [`Method::of`] takes.
const MAX_METHOD_BYTES: usize = 24;

/// The target and the version behind it. Targets with spaces are wrong and common.
#[inline]
fn split_version(text: &[u8]) -> (&[u8], Version) {
    // ` HTTP/1.1`, and the short form of the later ones.
    for length in [9, 7] {
        if let Some(at) = text.len().checked_sub(length)
            && let Some((target, [b' ', token @ ..])) = text.split_at_checked(at)
            && token.starts_with(b"HTTP/")
        {
            return (target, text::version(token));
        }
    }
    (text, if text.contains(&b' ') { Version::Unknown } else { Version::Http09 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_lines_are_taken_apart_and_garbage_is_kept_whole() {
        let cases: [(&str, Method, &str, Version); 12] = [
            ("GET / HTTP/1.1", Method::Get, "/", Version::Http11),
            ("POST /a?b=c HTTP/2.0", Method::Post, "/a?b=c", Version::Http2),
            ("GET / HTTP/3", Method::Get, "/", Version::Http3),
            ("GET /a b HTTP/1.0", Method::Get, "/a b", Version::Http10),
            ("PRI * HTTP/2.0", Method::Other, "*", Version::Http2),
            ("CONNECT a:25 HTTP/1.0", Method::Connect, "a:25", Version::Http10),
            ("GET /old", Method::Get, "/old", Version::Http09),
            ("GET http://a/ HTTP/1.1", Method::Get, "http://a/", Version::Http11),
            ("\\x16\\x03\\x01 x", Method::Invalid, "\\x16\\x03\\x01 x", Version::Unknown),
            ("MGLNDD_192.0.2.1_80", Method::Invalid, "MGLNDD_192.0.2.1_80", Version::Unknown),
            ("-", Method::Invalid, "", Version::Unknown),
            ("", Method::Invalid, "", Version::Unknown),
        ];
        for (line, method, target, version) in cases {
            let mut request = Request::default();
            set_request_line(&mut request, line.as_bytes());
            let seen = (request.method, request.target, request.version);
            assert_eq!(seen, (method, target.as_bytes(), version), "{line}");
        }
    }

    #[test]
    fn a_status_is_three_digits_or_none() {
        let cases: [(&[u8], Option<u16>); 8] = [
            (b"200", Some(200)),
            (b"000", Some(0)),
            (b"-", Some(0)),
            (b"-1", Some(0)),
            (b"0", Some(0)),
            (b"20", None),
            (b"2000", None),
            (b"abc", None),
        ];
        for (text, expected) in cases {
            assert_eq!(status(text), expected, "{text:?}");
        }
    }
}
