//! Requests at the web layer: what a line of an access log says, or the head of a request in a packet.
//!
//! [`Request`] is the one shape for all of them. It borrows from the line: nothing is copied, nothing is decoded that
//! was not asked for (percent-encoding stays as it is), and whoever keeps something hashes it under a secret key.
//!
//! A [`Decoder`] reads the lines of a log in a [`Format`], which is declared ([`Format::of`]) or found ([`recognise`]). [`head`] and
//! [`status`] read the beginning of a TCP payload. [`syslog`] takes off what a message has around a line.
//!
//! Limits: an empty slice or `None` means that the source does not say, or says `-`. Values are given as the log has them, with
//! its escapes.

mod apache;
mod clock;
mod columns;
mod decoder;
mod error;
mod field;
mod format;
mod haproxy;
mod head;
mod json;
mod names;
mod nginx;
mod pattern;
mod skip;
mod sniff;
pub mod syslog;
mod text;

pub use decoder::{Counters, Decoder, MAX_LINE_BYTES, line_end};
pub use error::FormatError;
pub use format::{Format, Server};
pub use head::{Head, MAX_HEAD_BYTES, MAX_HEADERS, StatusLine, head, status};
pub use pattern::{MAX_FIELDS, MAX_FORMAT_BYTES};
pub use skip::Skip;
pub use sniff::{MAX_SNIFFED_LINES, fitted, recognise};

use crate::{Address, Time};

/// One request as a server or proxy logged it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Request<'a> {
    /// When the server logged it, or when its head was seen in packets. Access logs write a line when the request is
    /// over; `duration_nanoseconds` before that it began. Where a log has the time of the beginning and a duration, this is
    /// their sum.
    pub time: Time,
    /// Who is connected: the reader, or the nearest proxy.
    pub client: Client<'a>,
    /// `X-Forwarded-For` or `Forwarded` as logged. Only to be believed if `client` is a trusted proxy.
    pub forwarded_for: &'a [u8],
    /// The virtual host, from the log's own field or the `Host` header.
    pub host: &'a [u8],
    /// The method.
    pub method: Method,
    /// The request target as it was sent: path and query (RFC 9112 section 3.2).
    pub target: &'a [u8],
    /// The query, where the log has it in a field of its own (IIS, nginx's `$args`). Ask [`Request::query`].
    pub query_apart: &'a [u8],
    /// The protocol's version.
    pub version: Version,
    /// The status code; 0 where there was none.
    pub status: u16,
    /// Bytes of the answer, head included where the log counts it.
    pub response_bytes: Option<u64>,
    /// Bytes of the request.
    pub request_bytes: Option<u64>,
    /// From the first byte of the request to the last one of the answer.
    pub duration_nanoseconds: Option<u64>,
    /// How long the client took to read an answer that it did not take whole; known only where the log says both that it did
    /// not (nginx: `$request_completion`) and how long the application took (`$upstream_response_time`).
    pub unread_nanoseconds: Option<u64>,
    /// `Referer`.
    pub referrer: &'a [u8],
    /// `User-Agent`.
    pub agent: &'a [u8],
    /// Fingerprint of the TLS client (JA3 or JA4), if it is logged.
    pub fingerprint: &'a [u8],
    /// What the cache in front said.
    pub cache: Cache,
    /// Whether the client went away before it had its answer (nginx: 499; HAProxy: termination state beginning with `C`).
    pub is_aborted: bool,
    /// Whether the server gave up waiting for the request (408; nginx: 400 without a request line; HAProxy: `cR`).
    pub is_timed_out: bool,
}

/// Who sent a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Client<'a> {
    /// An address.
    Address(Address),
    /// A name that the server looked up (Apache: `HostnameLookups`), or whatever else stands there.
    Name(&'a [u8]),
}

impl Default for Client<'_> {
    fn default() -> Self {
        Self::Name(b"")
    }
}

/// Request methods (RFC 9110 section 9, RFC 5789).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[repr(u8)]
pub enum Method {
    /// GET.
    Get,
    /// HEAD.
    Head,
    /// POST.
    Post,
    /// PUT.
    Put,
    /// DELETE.
    Delete,
    /// CONNECT.
    Connect,
    /// OPTIONS.
    Options,
    /// TRACE.
    Trace,
    /// PATCH.
    Patch,
    /// Another token, as of WebDAV.
    Other,
    /// What came was no request, or it is not known.
    #[default]
    Invalid,
}

/// Versions of HTTP.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[repr(u8)]
pub enum Version {
    /// It is not known.
    #[default]
    Unknown,
    /// HTTP/0.9.
    Http09,
    /// HTTP/1.0.
    Http10,
    /// HTTP/1.1.
    Http11,
    /// HTTP/2.
    Http2,
    /// HTTP/3.
    Http3,
}

/// What a cache said of a request.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[repr(u8)]
pub enum Cache {
    /// There is none, or it is not logged.
    #[default]
    Unknown,
    /// Answered from the cache, stale answers too.
    Hit,
    /// The origin had to be asked.
    Miss,
    /// The cache was not to be asked.
    Bypass,
}

impl<'a> Request<'a> {
    /// The path: the target without its query.
    #[inline]
    pub fn path(&self) -> &'a [u8] {
        self.path_and_query().0
    }

    /// The query behind the first `?`, or from a field of its own; empty without one.
    #[inline]
    pub fn query(&self) -> &'a [u8] {
        self.path_and_query().1
    }

    /// Both, for who needs both.
    #[inline]
    pub fn path_and_query(&self) -> (&'a [u8], &'a [u8]) {
        let (path, query) = match memchr::memchr(b'?', self.target) {
            Some(at) => (&self.target[..at], &self.target[at + 1..]),
            None => (self.target, &[][..]),
        };
        (path, if query.is_empty() { self.query_apart } else { query })
    }
}

impl Method {
    /// The method that a token is. Methods are case-sensitive (RFC 9110 section 9.1).
    #[inline]
    pub fn of(token: &[u8]) -> Self {
        match token {
            b"GET" => Self::Get,
            b"HEAD" => Self::Head,
            b"POST" => Self::Post,
            b"PUT" => Self::Put,
            b"DELETE" => Self::Delete,
            b"CONNECT" => Self::Connect,
            b"OPTIONS" => Self::Options,
            b"TRACE" => Self::Trace,
            b"PATCH" => Self::Patch,
            _ if !token.is_empty() && token.len() <= 24 && token.iter().all(u8::is_ascii_uppercase) => {
                Self::Other
            }
            _ => Self::Invalid,
        }
    }
}
