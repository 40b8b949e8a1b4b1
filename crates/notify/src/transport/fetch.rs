//! One `GET` (RFC 9112), with a limit on everything that comes: for feeds of intelligence, whose servers are as hostile as anybody.
//!
//! Redirects are not followed, nothing is unpacked, no connection is kept, and no cookie is taken. One deadline holds for all of it.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::ClientConfig;

use super::connection::{Connection, failed};
use super::url::{self, Url};
use super::{Failure, TransportError, trust};
use crate::limits::{MAX_ANSWER_BYTES, MAX_ANSWER_FIELDS};

/// A server that is asked.
pub struct Source {
    url: Url,
    tls: Option<Arc<ClientConfig>>,
}

/// What it answered.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Fetched {
    /// The status.
    pub status: u16,
    /// Names in lower case, and values that are text.
    pub fields: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// Limits of one request.
#[derive(Debug, Clone, Copy)]
pub struct FetchLimits {
    /// For all of it.
    pub timeout: Duration,
    /// Longest body.
    pub body_bytes: usize,
}

/// How the body ends.
#[derive(Debug, PartialEq, Eq)]
enum Length {
    Known(usize),
    Chunks,
    End,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Source").field("url", &self.url.shown()).finish_non_exhaustive()
    }
}

impl Source {
    /// Gets ready to ask what begins with this URL.
    ///
    /// # Errors
    /// When it is none, or there are no authorities to believe.
    pub fn open(address: &str, allow_plain: bool, ca_file: Option<&Path>) -> Result<Self, TransportError> {
        let url = url::parse(address.trim().trim_end_matches('/'), allow_plain)
            .map_err(|why| TransportError::Unfit { option: "url", why: why.to_owned() })?;
        let tls = if url.is_tls { Some(trust::configuration(ca_file)?) } else { None };
        Ok(Self { url, tls })
    }

    /// Where it leads, without a path.
    #[must_use]
    pub fn target(&self) -> String {
        self.url.shown()
    }

    /// Asks for what lies below the URL. Fields are the caller's own and not from outside.
    ///
    /// # Errors
    /// What failed, in words that hold nothing of the server's.
    pub fn get(&self, below: &str, fields: &[(&str, &str)], limits: FetchLimits) -> Result<Fetched, String> {
        self.attempt(below, fields, limits).map_err(|failure| failure.text)
    }

    fn attempt(&self, below: &str, fields: &[(&str, &str)], limits: FetchLimits) -> Result<Fetched, Failure> {
        let until = Instant::now() + limits.timeout;
        let mut connection = Connection::open(&self.url.host, self.url.port, until)?;
        if let Some(tls) = &self.tls {
            connection = connection.secure(&self.url.host, tls)?;
        }
        let path = format!("{}{below}", self.url.path.trim_end_matches('/'));
        let path = if path.starts_with('/') { path } else { format!("/{path}") };
        let mut request = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nUser-Agent: hemicycle/{}\r\nConnection: close\r\n",
            self.url.authority(),
            env!("CARGO_PKG_VERSION"),
        );
        for (name, value) in fields.iter().filter(|(_, value)| !value.contains(['\r', '\n'])) {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        connection.write_all(request.as_bytes()).map_err(|cause| failed("cannot send", &cause))?;
        connection.flush().map_err(|cause| failed("cannot send", &cause))?;
        read(&mut connection, limits.body_bytes)
    }
}

/// Reads an answer to its end.
fn read(from: &mut impl Read, most: usize) -> Result<Fetched, Failure> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 16_384];
    let (mut fetched, length) = loop {
        if let Some((fetched, length, used)) = head(&bytes)? {
            bytes.drain(..used);
            if (100..200).contains(&fetched.status) {
                continue;
            }
            break (fetched, length);
        }
        if bytes.len() > MAX_ANSWER_BYTES {
            return Err(Failure::temporary("the answer has too long a head"));
        }
        let count = from.read(&mut buffer).map_err(|cause| failed("no answer", &cause))?;
        if count == 0 {
            return Err(Failure::temporary("the connection ended without an answer"));
        }
        bytes.extend_from_slice(&buffer[..count]);
    };
    // Chunks carry lengths and line ends beside the body, small ones more than that.
    let limit = most.saturating_mul(if length == Length::Chunks { 2 } else { 1 });
    let wanted = if let Length::Known(length) = length { Some(length) } else { None };
    if wanted.is_some_and(|wanted| wanted > most) {
        return Err(too_long(most));
    }
    while wanted.is_none_or(|wanted| bytes.len() < wanted)
        && !(length == Length::Chunks && ends_chunks(&bytes))
    {
        let count = from.read(&mut buffer).map_err(|cause| failed("the answer breaks off", &cause))?;
        if count == 0 {
            break;
        }
        bytes.extend_from_slice(&buffer[..count]);
        if bytes.len() > limit {
            return Err(too_long(most));
        }
    }
    // What came together with the head was not counted yet.
    if wanted.is_none() && bytes.len() > limit {
        return Err(too_long(most));
    }
    fetched.body = match wanted {
        Some(wanted) if bytes.len() < wanted => return Err(Failure::temporary("the answer breaks off")),
        Some(wanted) => {
            bytes.truncate(wanted);
            bytes
        }
        None if length == Length::Chunks => {
            unchunk(&bytes, most).ok_or_else(|| Failure::temporary("the answer breaks off within a chunk"))?
        }
        None => bytes,
    };
    Ok(fetched)
}

fn too_long(most: usize) -> Failure {
    Failure::permanent(format!("the answer is longer than {most} bytes"))
}

fn head(bytes: &[u8]) -> Result<Option<(Fetched, Length, usize)>, Failure> {
    let mut fields = [httparse::EMPTY_HEADER; MAX_ANSWER_FIELDS];
    let mut response = httparse::Response::new(&mut fields);
    let parsed = response.parse(bytes).map_err(|_| Failure::temporary("the answer is not HTTP"))?;
    let (httparse::Status::Complete(used), Some(status)) = (parsed, response.code) else { return Ok(None) };
    let mut fetched = Fetched { status, ..Fetched::default() };
    let mut length = Length::End;
    for field in response.headers.iter() {
        let Ok(value) = std::str::from_utf8(field.value) else { continue };
        let name = field.name.to_ascii_lowercase();
        match name.as_str() {
            "transfer-encoding" if value.trim().eq_ignore_ascii_case("chunked") => length = Length::Chunks,
            "transfer-encoding" => {
                return Err(Failure::permanent("the answer is encoded in a way that is not asked for"));
            }
            "content-length" if length != Length::Chunks => {
                let known = value
                    .trim()
                    .parse()
                    .map_err(|_| Failure::temporary("the answer has no sensible length"))?;
                length = Length::Known(known);
            }
            _ => {}
        }
        fetched.fields.push((name, value.trim().to_owned()));
    }
    Ok(Some((fetched, length, used)))
}

fn ends_chunks(bytes: &[u8]) -> bool {
    bytes.ends_with(b"0\r\n\r\n")
}

fn unchunk(mut bytes: &[u8], most: usize) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
        let size = std::str::from_utf8(bytes.get(..end)?).ok()?;
        let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
        bytes = bytes.get(end + 2..)?;
        if size == 0 {
            return Some(body);
        }
        if body.len().saturating_add(size) > most {
            return None;
        }
        body.extend_from_slice(bytes.get(..size)?);
        bytes = bytes.get(size..)?.strip_prefix(b"\r\n")?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(mut bytes: &[u8]) -> Result<(u16, Vec<u8>), String> {
        read(&mut bytes, 100).map(|fetched| (fetched.status, fetched.body)).map_err(|failure| failure.text)
    }

    #[test]
    fn bodies_end_where_they_say_and_within_limits() {
        assert_eq!(of(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabc"), Ok((200, b"ab".to_vec())));
        assert_eq!(of(b"HTTP/1.1 404 No\r\n\r\nabc"), Ok((404, b"abc".to_vec())));
        let chunked = b"HTTP/1.1 100 Go\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;x=y\r\nc\r\n0\r\n\r\n";
        assert_eq!(of(chunked), Ok((200, b"abc".to_vec())));
        assert!(of(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc").is_err(), "broken off");
        assert!(of(b"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n").is_err(), "too long");
        assert!(
            of(&[b"HTTP/1.1 200 OK\r\n\r\n".as_slice(), &[b'x'; 101]].concat()).is_err(),
            "too long without a length"
        );
        assert!(of(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\nab").is_err());
        assert!(of(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n").is_err());
        assert!(of(b"hello").is_err() && of(b"").is_err());
    }
}
