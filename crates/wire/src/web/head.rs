//! Heads of HTTP/1 messages in packets (RFC 9112): the request line and the headers that an access log would have, and
//! the status of an answer.
//!
//! Reads the first segment as it comes and borrows from it. What is cut off is not guessed: a target whose end is missing is given as
//! far as it goes, and [`Head::is_complete`] says whether the empty line was there. A connection that never sends that
//! line is what slow attacks leave.
//!
//! Limits: at most [`MAX_HEAD_BYTES`] and [`MAX_HEADERS`] are looked at; segments are not put together; HTTP/2 and later are not
//! text.

use memchr::memchr;

use super::field::Row;
use super::{Client, Method, Request, Version, text};
use crate::Time;

/// Most bytes of a head that are looked at.
pub const MAX_HEAD_BYTES: usize = 16 << 10;
/// Most headers that are looked at.
pub const MAX_HEADERS: usize = 128;

/// The head of a request, as far as it is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Head<'a> {
    /// The method.
    pub method: Method,
    /// The target, up to the end of the segment if that comes first.
    pub target: &'a [u8],
    /// The version; unknown while the request line is not whole.
    pub version: Version,
    /// `Host`.
    pub host: &'a [u8],
    /// `User-Agent`.
    pub agent: &'a [u8],
    /// `Referer`.
    pub referrer: &'a [u8],
    /// `X-Forwarded-For`, or `Forwarded` without it.
    pub forwarded_for: &'a [u8],
    /// `Content-Length`.
    pub content_length: Option<u64>,
    /// Whether the empty line at the end is there.
    pub is_complete: bool,
    /// Bytes of the head that are there, the empty line included.
    pub bytes: usize,
}

impl<'a> Head<'a> {
    /// The same in the shape of a log line: no answer is known yet.
    pub fn request(&self, time: Time, client: Client<'a>) -> Request<'a> {
        Request {
            time,
            client,
            method: self.method,
            target: self.target,
            version: self.version,
            host: self.host,
            agent: self.agent,
            referrer: self.referrer,
            forwarded_for: self.forwarded_for,
            request_bytes: Some(self.bytes as u64),
            ..Request::default()
        }
    }
}

/// The first line of an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StatusLine {
    /// The version.
    pub version: Version,
    /// The status code, 100 to 999.
    pub status: u16,
}

/// The line at the beginning and what follows its end; the end is `None` if the line feed is missing.
fn line(bytes: &[u8]) -> (&[u8], Option<&[u8]>) {
    match memchr(b'\n', bytes).and_then(|at| bytes.split_at_checked(at)) {
        Some((line, rest)) => (line.strip_suffix(b"\r").unwrap_or(line), rest.get(1..)),
        None => (bytes, None),
    }
}

/// The head at the beginning of a payload; `None` if no request begins there.
pub fn head(payload: &[u8]) -> Option<Head<'_>> {
    let bytes = payload.get(..MAX_HEAD_BYTES).unwrap_or(payload);
    let (first, rest) = line(bytes);
    let mut head = request_line(first, rest.is_some())?;
    let mut rest = rest;
    for _ in 0..=MAX_HEADERS {
        let Some(here) = rest else { break };
        let (field, after) = line(here);
        // A line whose end is missing may have half of its value.
        let Some(after) = after else { break };
        rest = Some(after);
        if field.is_empty() {
            head.is_complete = true;
            head.bytes = bytes.len() - after.len();
            return Some(head);
        }
        head.take(field);
    }
    head.bytes = bytes.len();
    Some(head)
}

fn request_line(first: &[u8], is_whole: bool) -> Option<Head<'_>> {
    let space = first.iter().take(MAX_METHOD_BYTES + 1).position(|byte| *byte == b' ')?;
    let (token, rest) = first.split_at_checked(space)?;
    let method = Method::of(token);
    let target = rest.get(1..)?;
    if is_whole {
        let mut row = Row::default();
        row.set_request(first);
        let Request { method, target, version, .. } = row.request;
        let is_http = version != Version::Unknown && (version != Version::Http09 || method != Method::Other);
        return (method != Method::Invalid && is_http).then(|| Head {
            method,
            target,
            version,
            ..Head::default()
        });
    }
    // Text of other protocols is full of words in capitals, so that only the methods of the standards count here.
    let is_usual = !matches!(method, Method::Other | Method::Invalid);
    let is_target = matches!(target, [] | [b'/' | b'*', ..]) || target.starts_with(b"http");
    let end = target.iter().position(|byte| *byte == b' ').unwrap_or(target.len());
    (is_usual && is_target).then(|| Head {
        method,
        target: target.get(..end).unwrap_or_default(),
        ..Head::default()
    })
}

/// Longest method that is looked for.
const MAX_METHOD_BYTES: usize = 24;

impl<'a> Head<'a> {
    fn take(&mut self, line: &'a [u8]) {
        let Some((name, value)) = memchr(b':', line).and_then(|at| line.split_at_checked(at)) else { return };
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        let is = |other: &str| name.eq_ignore_ascii_case(other.as_bytes());
        // Whoever sends a header twice means the first one here; servers refuse or join them.
        let place = match name.len() {
            4 if is("host") => &mut self.host,
            7 if is("referer") => &mut self.referrer,
            9 if is("forwarded") => &mut self.forwarded_for,
            10 if is("user-agent") => &mut self.agent,
            14 if is("content-length") => {
                self.content_length = self.content_length.or_else(|| text::number(value));
                return;
            }
            15 if is("x-forwarded-for") => {
                self.forwarded_for = value;
                return;
            }
            _ => return,
        };
        if place.is_empty() {
            *place = value;
        }
    }
}

/// The status at the beginning of a payload; `None` if no answer begins there.
pub fn status(payload: &[u8]) -> Option<StatusLine> {
    let (token, rest) = payload.split_at_checked(8)?;
    let [b' ', a @ b'1'..=b'9', b, c, after @ ..] = rest else { return None };
    let version = text::version(token);
    let is_end = matches!(after.first(), None | Some(b' ' | b'\r' | b'\n'));
    let status = text::number(&[*a, *b, *c])? as u16;
    (version != Version::Unknown && is_end).then_some(StatusLine { version, status })
}
