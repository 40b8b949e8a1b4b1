//! HAProxy: `option httplog`, and `option httpslog`, whose suffix says the server name of the TLS handshake.
//!
//! Its manual, section 8.2.3, has the fields. What was captured of headers stands in braces, without names: which they are has to
//! be said ([`super::Format::haproxy`]). HAProxy cuts long lines, so the quote at the end may be missing. The logged time
//! is that of the first byte, in the time of the machine.

use memchr::memchr;

use super::clock::Clock;
use super::field::{Field, Row};
use super::names;
use super::names::Known;
use super::skip::Skip;
use super::text;

/// Most headers that are captured for a request.
pub(super) const MAX_CAPTURES: usize = 16;
const MILLISECOND: u64 = 1_000_000;

/// What the parts of the braces are, in order.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Captures([Field; MAX_CAPTURES]);

impl Captures {
    /// The captures of headers of these names.
    pub(super) fn of(headers: &[&str]) -> Self {
        let mut fields = [Field::Nothing; MAX_CAPTURES];
        for (place, name) in fields.iter_mut().zip(headers) {
            if let Some(Known { field, .. }) = names::request_header(name.trim().as_bytes()) {
                *place = field;
            }
        }
        Self(fields)
    }
}

/// What is left of a line.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    /// What comes before the next space.
    #[inline]
    fn word(&mut self) -> Result<&'a [u8], Skip> {
        self.until(b' ')
    }

    #[inline]
    fn until(&mut self, byte: u8) -> Result<&'a [u8], Skip> {
        let at = memchr(byte, self.0).ok_or(Skip::Shape)?;
        let (value, rest) = self.0.split_at_checked(at).ok_or(Skip::Shape)?;
        self.0 = rest.get(1..).unwrap_or_default();
        Ok(value)
    }
}

/// Takes a line apart, without what syslog put before it.
pub(super) fn read<'a>(
    line: &'a [u8],
    captures: &Captures,
    row: &mut Row<'a>,
    clock: &mut Clock,
) -> Result<(), Skip> {
    let mut rest = Rest(line);
    // Other lines of the program: "Connect from", "Server … is DOWN", "Proxy … started".
    let client = rest.word().ok().and_then(text::address_and_port).ok_or(Skip::NotARequest)?;
    row.request.client = super::Client::Address(client);
    rest.0 = rest.0.strip_prefix(b"[").ok_or(Skip::NotARequest)?;
    let time = clock.read(rest.until(b']')?).ok_or(Skip::Time)?;
    row.begins(time);
    rest.0 = rest.0.strip_prefix(b" ").ok_or(Skip::Shape)?;
    rest.word()?;
    // After a failed handshake there is a reason in plain words instead.
    let server = rest.word().map_err(|_| Skip::NotARequest)?;
    let timers = rest.word().map_err(|_| Skip::NotARequest)?;
    if server.ends_with(b":") || !timers.contains(&b'/') {
        return Err(Skip::NotARequest);
    }
    let total = timers.rsplit(|byte| *byte == b'/').next().and_then(more_or_less);
    row.request.duration_nanoseconds = total.and_then(|total| total.checked_mul(MILLISECOND));
    row.set(Field::Status, rest.word()?, clock)?;
    row.request.response_bytes = more_or_less(rest.word()?);
    rest.word()?;
    rest.word()?;
    let state = rest.word()?;
    row.request.is_aborted = state.first() == Some(&b'C');
    row.request.is_timed_out = state.starts_with(b"cR");
    // Connections and queues.
    rest.word()?;
    rest.word()?;
    braces(&mut rest, captures, row, clock)?;
    request(rest.0, row)
}

/// A number, with a plus before it if it still grew when it was logged.
fn more_or_less(text: &[u8]) -> Option<u64> {
    text::number(text.strip_prefix(b"+").unwrap_or(text))
}

/// Captured headers of the request, then those of the answer; either may be missing.
fn braces<'a>(
    rest: &mut Rest<'a>,
    captures: &Captures,
    row: &mut Row<'a>,
    clock: &mut Clock,
) -> Result<(), Skip> {
    let mut is_first = true;
    while let [b'{', inner @ ..] = rest.0 {
        rest.0 = inner;
        let inside = rest.until(b'}')?;
        if is_first {
            for (field, value) in captures.0.iter().zip(inside.split(|byte| *byte == b'|')) {
                row.set(*field, value, clock)?;
            }
        }
        rest.0 = rest.0.strip_prefix(b" ").ok_or(Skip::Shape)?;
        is_first = false;
    }
    Ok(())
}

fn request<'a>(rest: &'a [u8], row: &mut Row<'a>) -> Result<(), Skip> {
    let inner = rest.strip_prefix(b"\"").ok_or(Skip::Shape)?;
    // A quote inside is written as #22.
    let (line, suffix) = match memchr(b'"', inner).and_then(|end| inner.split_at_checked(end)) {
        Some((line, suffix)) => (line, suffix.get(1..).unwrap_or_default()),
        None => (inner, &[][..]),
    };
    row.set_request(if line == b"<BADREQ>" { b"" } else { line });
    if row.request.host.is_empty() {
        row.request.host = server_name(suffix).or_else(|| authority(row.request.target)).unwrap_or_default();
    }
    Ok(())
}

/// The server name of the handshake: the last word of httpslog's suffix is `name/version/cipher`.
fn server_name(suffix: &[u8]) -> Option<&[u8]> {
    let last = suffix.rsplit(|byte| *byte == b' ').next()?;
    let mut parts = last.split(|byte| *byte == b'/');
    let (name, version) = (parts.next()?, parts.next()?);
    let is_there = (version.starts_with(b"TLS") || version.starts_with(b"SSL")) && parts.next().is_some();
    let name = text::present(name);
    (is_there && !name.is_empty()).then_some(name)
}

/// The host of a target in absolute form, which is how HTTP/2 is logged.
fn authority(target: &[u8]) -> Option<&[u8]> {
    let rest = target.strip_prefix(b"https://").or_else(|| target.strip_prefix(b"http://"))?;
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len());
    rest.get(..end)
}
