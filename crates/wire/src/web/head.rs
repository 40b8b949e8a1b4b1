//! The head of an HTTP/1 request in the first bytes that a client sends (RFC 9112 sections 3 and 5).
//!
//! What is there is read; a head that is cut off, by the capture or because the client has not sent more, says so.
//!
//! Limits: one segment, no reassembly: of a head over several segments the first one counts. [`HEAD_BYTES_MAXIMUM`] are
//! looked at, and [`HEAD_LINES_MAXIMUM`] lines.

use super::{Method, Request, Version};

/// Bytes of a head that are looked at.
pub const HEAD_BYTES_MAXIMUM: usize = 16_384;
/// Lines of a head that are looked at.
pub const HEAD_LINES_MAXIMUM: usize = 128;

/// What the first segment of a request says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Head<'a> {
    /// The request, without time, client and answer.
    pub request: Request<'a>,
    /// Whether the empty line that ends the head is there.
    pub is_complete: bool,
    /// Bytes of body that are announced.
    pub content_length: Option<u64>,
    /// Whether the body comes in chunks, of unknown length.
    pub is_chunked: bool,
    /// Bytes behind the head in this segment.
    pub body_bytes: usize,
}

/// Whether bytes begin as those of a request do: the first look at a payload.
#[inline]
pub fn begins_request(payload: &[u8]) -> bool {
    let Some(first) = payload.first_chunk::<4>() else { return false };
    matches!(
        first,
        b"GET " | b"POST" | b"HEAD" | b"PUT " | b"DELE" | b"OPTI" | b"PATC" | b"CONN" | b"TRAC" | b"PROP"
    )
}

/// Reads a head; `None` if this does not begin as one.
pub fn head(payload: &[u8]) -> Option<Head<'_>> {
    if !begins_request(payload) {
        return None;
    }
    let bytes = &payload[..payload.len().min(HEAD_BYTES_MAXIMUM)];
    let (line, mut rest) = split_line(bytes);
    let mut head = Head { request: request_line(line)?, ..Head::default() };
    for _ in 0..HEAD_LINES_MAXIMUM {
        let Some(after) = rest else { return Some(head) };
        let (line, next) = split_line(after);
        if line.is_empty() && next.is_some() {
            head.is_complete = true;
            head.body_bytes = payload.len() - (bytes.len() - next.map_or(0, <[u8]>::len));
            return Some(head);
        }
        if next.is_some() || !line.is_empty() {
            field(&mut head, line);
        }
        rest = next;
    }
    Some(head)
}

/// A line without its end, and what follows; nothing follows if the line does not end.
fn split_line(bytes: &[u8]) -> (&[u8], Option<&[u8]>) {
    match bytes.iter().position(|&byte| byte == b'\n') {
        Some(at) => {
            let line = &bytes[..at];
            (line.strip_suffix(b"\r").unwrap_or(line), Some(&bytes[at + 1..]))
        }
        None => (bytes, None),
    }
}

fn request_line(line: &[u8]) -> Option<Request<'_>> {
    let end = line.iter().position(|&byte| byte == b' ')?;
    let method = Method::of(&line[..end]);
    if method == Method::Invalid {
        return None;
    }
    let rest = &line[end + 1..];
    let (target, version) = match rest.iter().rposition(|&byte| byte == b' ') {
        Some(at) if rest[at + 1..].starts_with(b"HTTP/") => (&rest[..at], &rest[at + 1..]),
        _ => (rest, &b""[..]),
    };
    let version = match version {
        b"HTTP/1.1" => Version::Http11,
        b"HTTP/1.0" => Version::Http10,
        _ => Version::Unknown,
    };
    Some(Request { method, target, version, ..Request::default() })
}

fn field<'a>(head: &mut Head<'a>, line: &'a [u8]) {
    let Some(colon) = line.iter().position(|&byte| byte == b':') else { return };
    let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
    let is = |known: &[u8]| name.eq_ignore_ascii_case(known);
    let request = &mut head.request;
    match name.len() {
        4 if is(b"host") => request.host = value,
        7 if is(b"referer") => request.referrer = value,
        10 if is(b"user-agent") => request.agent = value,
        14 if is(b"content-length") => {
            head.content_length = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
        }
        15 if is(b"x-forwarded-for") => request.forwarded_for = value,
        17 if is(b"transfer-encoding") => head.is_chunked = value.to_ascii_lowercase().ends_with(b"chunked"),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_whole_head_is_read() {
        let bytes = b"POST /login?next=/a HTTP/1.1\r\nHost: www.example\r\nUser-Agent: x y\r\nReferer: /\r\nContent-Length: 12\r\n\r\nabc";
        let head = head(bytes).unwrap();
        assert!(head.is_complete && head.body_bytes == 3 && head.content_length == Some(12));
        assert_eq!((head.request.method, head.request.version), (Method::Post, Version::Http11));
        assert_eq!((head.request.path(), head.request.query()), (&b"/login"[..], &b"next=/a"[..]));
        assert_eq!((head.request.host, head.request.agent), (&b"www.example"[..], &b"x y"[..]));
    }

    #[test]
    fn a_head_that_goes_on_is_not_complete() {
        for bytes in [
            &b"GET / HTTP/1.1\r\nHost: a\r\n"[..],
            b"GET / HTTP/1.1\r\nX-a: b",
            b"GET /abc",
            b"GET / HTTP/1.1\r\n",
        ] {
            assert!(!head(bytes).unwrap().is_complete, "{bytes:?}");
        }
        assert!(
            head(b"GET / HTTP/1.0\n\n").unwrap().is_complete,
            "line feeds alone are tolerated (RFC 9112 section 2.2)"
        );
        assert!(
            head(b"HTTP/1.1 200 OK\r\n\r\n").is_none()
                && head(b"\x16\x03\x01").is_none()
                && head(b"").is_none()
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(method in "(GET|POST|HEAD) ", bytes: Vec<u8>) {
            let mut all = method.into_bytes();
            all.extend(&bytes);
            if let Some(head) = head(&all) {
                prop_assert!(head.body_bytes <= all.len());
            }
        }
    }
}
