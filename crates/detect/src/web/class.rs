//! What kind of request this is, by itself: the raw material of every test at the web layer.
//!
//! Readers load pages and what belongs to them; tools load one thing, or ask what nobody asked before. A request is of
//! exactly one [`Class`]; that a class is named after something bad does not say that the request is.

use wire::web::{Method, Request, Version};

use crate::vector::Vector;

/// Kinds of request.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub(crate) enum Class {
    /// Image, script, style, font: what a page brings with it.
    Asset,
    /// A page, with the page before it named.
    PageReferred,
    /// A page out of nowhere: typed, from a bookmark, or by a program.
    PageBare,
    /// A page with a query that was asked lately.
    QueryKnown,
    /// A page with a query that was not asked lately.
    QueryNovel,
    /// POST, PUT, PATCH, DELETE.
    Post,
    /// The same, to where people sign in.
    Login,
    /// The client went away before the answer.
    Aborted,
    /// The server gave up waiting for the request.
    TimedOut,
    /// By a client that changes its `User-Agent` as it goes and loads no assets.
    Tool,
    /// By a client alone faster than people are, without assets.
    Paced,
    /// A TLS handshake that led to nothing.
    Hello,
    /// Inside TLS: that a client asked is seen, and not for what.
    Sealed,
    /// On a connection whose client asks at the even pace of a program.
    Steady,
    /// By a client that asks for the same few pages again and again, and for nothing that belongs to them.
    Looped,
    /// For a few figures, evenly and seldom: what pages that stay open do.
    Polled,
    /// A TLS connection for a request or two, ended at once: browsers keep theirs.
    Brief,
    /// A connection over which nothing is asked.
    Held,
    /// A QUIC handshake that led to nothing.
    Quic,
    /// Everything else: HEAD, OPTIONS, what is no request.
    Other,
}

/// How many classes there are.
pub(crate) const CLASSES: usize = Class::Other as usize + 1;

impl Class {
    /// Every class, in the order of their indexes.
    pub(crate) const ALL: [Self; CLASSES] = [
        Self::Asset,
        Self::PageReferred,
        Self::PageBare,
        Self::QueryKnown,
        Self::QueryNovel,
        Self::Post,
        Self::Login,
        Self::Aborted,
        Self::TimedOut,
        Self::Tool,
        Self::Paced,
        Self::Hello,
        Self::Sealed,
        Self::Steady,
        Self::Looped,
        Self::Polled,
        Self::Brief,
        Self::Held,
        Self::Quic,
        Self::Other,
    ];

    /// The vector that too many of these make; of aborted requests only if they came over HTTP/2 or 3.
    pub(crate) const fn vector(self) -> Vector {
        match self {
            Self::QueryNovel => Vector::HttpCacheBypass,
            Self::Login => Vector::LoginFlood,
            Self::Aborted => Vector::Http2RapidReset,
            Self::TimedOut => Vector::SlowHttp,
            Self::Hello => Vector::TlsHandshakeFlood,
            Self::Held => Vector::ConnectionFlood,
            Self::Quic => Vector::QuicFlood,
            _ => Vector::HttpFlood,
        }
    }

    /// Whether readers load these one by one: of such a request a program may be told from a reader.
    pub(crate) const fn is_by_choice(self) -> bool {
        matches!(
            self,
            Self::PageReferred | Self::PageBare | Self::QueryKnown | Self::Post | Self::Sealed | Self::Other
        )
    }

    /// Whether one reader asks for few of these.
    pub(crate) const fn is_by_page(self) -> bool {
        matches!(self, Self::PageReferred | Self::PageBare | Self::QueryKnown | Self::Paced)
    }

    /// Whether it is told from connections, without their content.
    pub(crate) const fn is_sealed(self) -> bool {
        matches!(self, Self::Hello | Self::Sealed | Self::Steady | Self::Brief | Self::Held | Self::Quic)
    }

    /// Its name where what was learnt is kept.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Asset => "asset",
            Self::PageReferred => "page_referred",
            Self::PageBare => "page_bare",
            Self::QueryKnown => "query_known",
            Self::QueryNovel => "query_novel",
            Self::Post => "post",
            Self::Login => "login",
            Self::Aborted => "aborted",
            Self::TimedOut => "timed_out",
            Self::Tool => "tool",
            Self::Paced => "paced",
            Self::Hello => "hello",
            Self::Sealed => "sealed",
            Self::Steady => "steady",
            Self::Looped => "looped",
            Self::Polled => "polled",
            Self::Brief => "brief",
            Self::Held => "held",
            Self::Quic => "quic",
            Self::Other => "other",
        }
    }

    /// Whether it tells of something that was asked for, and not of a connection over which nothing was.
    pub(crate) const fn is_request(self) -> bool {
        !matches!(self, Self::Hello | Self::Held | Self::Quic)
    }

    /// A few words for the evidence.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Asset => "images, scripts and styles",
            Self::PageReferred => "pages with a page before them",
            Self::PageBare => "pages out of nowhere",
            Self::QueryKnown => "pages with a query",
            Self::QueryNovel => "queries that nobody asked before",
            Self::Post => "uploads and forms",
            Self::Login => "sign-ins",
            Self::Aborted => "requests given up before the answer",
            Self::TimedOut => "requests that never became whole",
            Self::Tool => "requests by clients that change their agent as they go",
            Self::Paced => "requests by clients faster than people",
            Self::Hello => "TLS handshakes that lead to nothing",
            Self::Sealed => "requests inside TLS",
            Self::Steady => "requests at the even pace of a program",
            Self::Looped => "requests for the same few pages again and again",
            Self::Polled => "requests for a few figures, again and again",
            Self::Brief => "TLS connections for a request or two, ended at once",
            Self::Held => "connections over which nothing is asked",
            Self::Quic => "QUIC handshakes that lead to nothing",
            Self::Other => "other requests",
        }
    }
}

/// Whether pages bring with them what ends so, in lower case.
const fn is_ending_of_assets(ending: &[u8]) -> bool {
    matches!(
        ending,
        b"css"
            | b"js"
            | b"mjs"
            | b"map"
            | b"wasm"
            | b"webmanifest"
            | b"png"
            | b"jpg"
            | b"jpeg"
            | b"gif"
            | b"svg"
            | b"webp"
            | b"avif"
            | b"ico"
            | b"bmp"
            | b"woff"
            | b"woff2"
            | b"ttf"
            | b"otf"
            | b"eot"
            | b"mp4"
            | b"webm"
            | b"mp3"
            | b"ogg"
            | b"m4s"
            | b"ts"
    )
}

/// Bytes of the longest of them.
const LONGEST_ENDING_BYTES: usize = 11;
/// Parts of paths at which people sign in.
const LOGIN_PARTS: [&[u8]; 14] = [
    b"login",
    b"signin",
    b"sign-in",
    b"logon",
    b"auth",
    b"session",
    b"password",
    b"xmlrpc",
    b"oauth",
    b"token",
    b"anmeld",
    b"connexion",
    b"accedi",
    b"inloggen",
];
/// Names of parameters that tell where a reader came from and not what is asked for.
const TRACKING: [&[u8]; 8] =
    [b"fbclid", b"gclid", b"msclkid", b"dclid", b"igshid", b"mc_cid", b"mc_eid", b"twclid"];
/// Names of parameters, and parts of paths, with which people search.
const SEARCH: [&[u8]; 12] = [
    b"q",
    b"s",
    b"query",
    b"search",
    b"searchterm",
    b"keyword",
    b"keywords",
    b"term",
    b"text",
    b"find",
    b"suche",
    b"recherche",
];
/// Bytes of a path or query that are looked at.
const LOOKED_AT_BYTES: usize = 512;

/// What one request says of itself. [`Class::QueryNovel`] stands for every query; whether it was asked before is the
/// caller's knowledge.
pub(crate) fn of(request: &Request<'_>) -> Class {
    of_parts(request, (request.path(), request.query()))
}

/// As [`of`], where path and query are known already.
pub(crate) fn of_parts(request: &Request<'_>, (path, query): (&[u8], &[u8])) -> Class {
    if request.is_timed_out || is_left_unfinished(request) || is_read_slowly(request) {
        return Class::TimedOut;
    }
    if request.is_aborted || is_cut_off(request) {
        return Class::Aborted;
    }
    match request.method {
        Method::Get => {}
        Method::Post | Method::Put | Method::Patch | Method::Delete => {
            return if is_login(path) { Class::Login } else { Class::Post };
        }
        _ => return Class::Other,
    }
    if is_asset(path) {
        Class::Asset
    } else if asks(query) {
        Class::QueryNovel
    } else if request.referrer.is_empty() {
        Class::PageBare
    } else {
        Class::PageReferred
    }
}

/// Whether the client took its time to read an answer, and never did to the end. What a server gave to its own buffers counts
/// as read, some hundred thousand bytes, so that the bound is far above what came through a window that is kept closed, and
/// the time long: whoever is on a link of 64 kbit/s is faster.
fn is_read_slowly(request: &Request<'_>) -> bool {
    const SLOW_NANOSECONDS: u64 = 15_000_000_000;
    const HONEST_BYTES_PER_SECOND: u64 = 8_192;
    let (Some(took), Some(bytes)) = (request.unread_nanoseconds, request.response_bytes) else {
        return false;
    };
    bytes > 0 && took >= SLOW_NANOSECONDS && bytes < took / 1_000_000_000 * HONEST_BYTES_PER_SECOND
}

/// Whether a body was promised and did not come: nginx logs 400 or 408 without an answer when its client leaves, where an
/// answer of its own has a page.
fn is_left_unfinished(request: &Request<'_>) -> bool {
    matches!(request.method, Method::Post | Method::Put | Method::Patch)
        && matches!(request.status, 400 | 408)
        && request.response_bytes == Some(0)
}

/// Whether a request's line alone says of which kind it is, so that a capture may end behind it.
pub(crate) fn is_told_by_its_line(request: &Request<'_>) -> bool {
    request.version != Version::Unknown && !matches!(of(request), Class::PageBare | Class::PageReferred)
}

/// Whether an answer over HTTP/2 or 3 was cut off before its body, as where the client took its request back: nginx logs
/// the status it had in mind, with no bytes.
fn is_cut_off(request: &Request<'_>) -> bool {
    let is_multiplexed = matches!(request.version, Version::Http2 | Version::Http3);
    is_multiplexed
        && request.method == Method::Get
        && request.response_bytes == Some(0)
        && (request.status == 200 || request.status >= 500)
}

/// Whether a path ends as those of assets do.
pub(crate) fn is_asset(path: &[u8]) -> bool {
    let end = &path[path.len().saturating_sub(LONGEST_ENDING_BYTES + 1)..];
    let Some(dot) = end.iter().rposition(|&byte| byte == b'.') else { return false };
    let ending = &end[dot + 1..];
    let mut lower = [0; LONGEST_ENDING_BYTES];
    let lower = &mut lower[..ending.len()];
    lower.copy_from_slice(ending);
    lower.make_ascii_lowercase();
    is_ending_of_assets(lower)
}

fn is_login(path: &[u8]) -> bool {
    let path = &path[..path.len().min(LOOKED_AT_BYTES)];
    LOGIN_PARTS.iter().any(|part| path.windows(part.len()).any(|window| window.eq_ignore_ascii_case(part)))
}

/// Whether a query asks for something, and does not only tell where the reader came from.
fn asks(query: &[u8]) -> bool {
    let query = &query[..query.len().min(LOOKED_AT_BYTES)];
    query.split(|&byte| byte == b'&').any(|parameter| {
        let name = name_of(parameter);
        !parameter.is_empty() && !name.starts_with(b"utm_") && !TRACKING.contains(&name)
    })
}

/// Whether this is a search for words.
pub(crate) fn is_search(request: &Request<'_>) -> bool {
    let query = request.query();
    let query = &query[..query.len().min(LOOKED_AT_BYTES)];
    let by_name = query
        .split(|&byte| byte == b'&')
        .any(|parameter| SEARCH.iter().any(|name| name.eq_ignore_ascii_case(name_of(parameter))));
    let path = request.path();
    let path = &path[..path.len().min(LOOKED_AT_BYTES)];
    by_name || (!query.is_empty() && path.windows(6).any(|window| window.eq_ignore_ascii_case(b"search")))
}

fn name_of(parameter: &[u8]) -> &[u8] {
    let end = parameter.iter().position(|&byte| byte == b'=').unwrap_or(parameter.len());
    &parameter[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get<'a>(target: &'a [u8], referrer: &'a [u8]) -> Request<'a> {
        Request { method: Method::Get, target, referrer, ..Request::default() }
    }

    #[test]
    fn a_request_is_of_one_kind() {
        assert_eq!(of(&get(b"/style.CSS?v=3", b"")), Class::Asset);
        assert_eq!(of(&get(b"/agenda", b"")), Class::PageBare);
        assert_eq!(of(&get(b"/agenda", b"https://www.parliament.example/")), Class::PageReferred);
        assert_eq!(of(&get(b"/?id=1444832852687", b"")), Class::QueryNovel);
        assert_eq!(of(&get(b"/vote?utm_source=news&fbclid=Iw", b"x")), Class::PageReferred);
        assert_eq!(
            of(&Request { method: Method::Post, target: b"/de/Anmeldung", ..Request::default() }),
            Class::Login
        );
        assert_eq!(
            of(&Request { method: Method::Post, target: b"/form", ..Request::default() }),
            Class::Post
        );
        assert_eq!(of(&Request { method: Method::Head, target: b"/", ..Request::default() }), Class::Other);
        assert_eq!(of(&Request { is_aborted: true, ..get(b"/", b"") }), Class::Aborted);
        let read = |bytes| Request {
            unread_nanoseconds: Some(37_000_000_000),
            response_bytes: Some(bytes),
            ..get(b"/report.pdf", b"")
        };
        assert_eq!((of(&read(30_000)), of(&read(3_000_000))), (Class::TimedOut, Class::PageBare));
        assert_eq!(of(&Request { is_timed_out: true, ..Request::default() }), Class::TimedOut);
    }

    #[test]
    fn a_search_is_known_by_its_parameter_or_its_path() {
        assert!(is_search(&get(b"/find?q=abc", b"")) && is_search(&get(b"/search/docs?page=2", b"")));
        assert!(!is_search(&get(b"/?id=3", b"")) && !is_search(&get(b"/research", b"")));
    }
}
