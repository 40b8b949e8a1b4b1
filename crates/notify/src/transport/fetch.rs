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
    fetched.body = match length {
        Length::Known(wanted) if wanted > most => return Err(too_long(most)),
        Length::Known(wanted) => until_length(from, bytes, wanted)?,
        Length::Chunks => {
            let mut chunks = Chunks::new(most);
            chunks.take(&bytes)?;
            while !chunks.is_done() {
                match more(from, &mut buffer)? {
                    0 => return Err(Failure::temporary("the answer breaks off within a chunk")),
                    count => chunks.take(&buffer[..count])?,
                }
            }
            chunks.body
        }
        Length::End => loop {
            if bytes.len() > most {
                return Err(too_long(most));
            }
            match more(from, &mut buffer)? {
                0 => break bytes,
                count => bytes.extend_from_slice(&buffer[..count]),
            }
        },
    };
    Ok(fetched)
}

fn more(from: &mut impl Read, buffer: &mut [u8]) -> Result<usize, Failure> {
    from.read(buffer).map_err(|cause| failed("the answer breaks off", &cause))
}

fn until_length(from: &mut impl Read, mut bytes: Vec<u8>, wanted: usize) -> Result<Vec<u8>, Failure> {
    let mut buffer = [0; 16_384];
    while bytes.len() < wanted {
        match more(from, &mut buffer)? {
            0 => return Err(Failure::temporary("the answer breaks off")),
            count => bytes.extend_from_slice(&buffer[..count]),
        }
    }
    bytes.truncate(wanted);
    Ok(bytes)
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
                let odd = || Failure::temporary("the answer has no sensible length");
                let known = value.trim().parse().map_err(|_| odd())?;
                // Two lengths, of which an attacker chose which one is believed where (RFC 9112, 6.3).
                if matches!(length, Length::Known(other) if other != known) {
                    return Err(odd());
                }
                length = Length::Known(known);
            }
            _ => {}
        }
        fetched.fields.push((name, value.trim().to_owned()));
    }
    Ok(Some((fetched, length, used)))
}

/// Where a body of chunks stands (RFC 9112, 7.1).
#[derive(Debug, PartialEq, Eq)]
enum Part {
    /// In the line of a size.
    Size,
    /// So many bytes of a chunk are to come.
    Data(usize),
    /// In the line end behind a chunk.
    End,
    /// In a line behind the last chunk.
    Trailer,
    /// Behind the empty line that ends it all.
    Done,
}

/// A body that comes in chunks, taken as it comes: its end is known from its form and not from what the last bytes look like.
struct Chunks {
    part: Part,
    /// The line that is not whole yet.
    line: Vec<u8>,
    body: Vec<u8>,
    /// Bytes beside the body: sizes, line ends, trailers.
    beside: usize,
    most: usize,
}

impl Chunks {
    const fn new(most: usize) -> Self {
        Self { part: Part::Size, line: Vec::new(), body: Vec::new(), beside: 0, most }
    }

    fn is_done(&self) -> bool {
        self.part == Part::Done
    }

    /// Takes what came, cut anywhere. What follows the end is left.
    fn take(&mut self, mut bytes: &[u8]) -> Result<(), Failure> {
        while let Some(&byte) = bytes.first().filter(|_| self.part != Part::Done) {
            if let Part::Data(left) = self.part {
                let (data, rest) = bytes.split_at(left.min(bytes.len()));
                self.body.extend_from_slice(data);
                bytes = rest;
                self.part = if data.len() == left { Part::End } else { Part::Data(left - data.len()) };
                continue;
            }
            bytes = &bytes[1..];
            self.line.push(byte);
            self.beside += 1;
            // As much beside the body as in it, and room for a head: many tiny chunks are no honest answer.
            if self.line.len() > MAX_ANSWER_BYTES || self.beside > self.most.saturating_add(MAX_ANSWER_BYTES)
            {
                return Err(too_long(self.most));
            }
            if byte == b'\n' {
                self.line_ends()?;
                self.line.clear();
            }
        }
        Ok(())
    }

    fn line_ends(&mut self) -> Result<(), Failure> {
        let broken = || Failure::temporary("the answer has a chunk that is none");
        let is_empty = self.line == b"\r\n";
        self.part = match self.part {
            Part::Size => {
                // A line without a digit would be read as the last chunk.
                let is_size = self.line.first().is_some_and(u8::is_ascii_hexdigit);
                let parsed = httparse::parse_chunk_size(&self.line).map_err(|_| broken())?;
                let httparse::Status::Complete((used, size)) = parsed else { return Err(broken()) };
                if !is_size || used != self.line.len() {
                    return Err(broken());
                }
                let room = self.most - self.body.len();
                match usize::try_from(size) {
                    Ok(0) => Part::Trailer,
                    Ok(size) if size <= room => Part::Data(size),
                    _ => return Err(too_long(self.most)),
                }
            }
            Part::End if is_empty => Part::Size,
            Part::Trailer if is_empty => Part::Done,
            // Fields behind the body are not asked for and not kept.
            Part::Trailer if self.line.ends_with(b"\r\n") => Part::Trailer,
            Part::End | Part::Trailer | Part::Data(_) | Part::Done => return Err(broken()),
        };
        Ok(())
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
        assert!(of(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab").is_err());
        assert!(of(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n").is_err());
        assert!(of(b"hello").is_err() && of(b"").is_err());
    }

    /// Gives a few bytes at each read.
    struct Slow<'a>(&'a [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let count = self.1.min(self.0.len()).min(buffer.len());
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

    #[test]
    fn chunks_end_by_their_form_and_not_by_their_looks() {
        let body = |chunks: &[u8]| of(&[HEAD, chunks].concat()).map(|answer| answer.1);
        // The first chunk ends with what looks like the end of all of it.
        assert_eq!(body(b"5\r\n0\r\n\r\n\r\n2\r\nab\r\n0\r\n\r\n"), Ok(b"0\r\n\r\nab".to_vec()));
        assert_eq!(
            body(b"2\r\nab\r\n0\r\nA: b\r\nC: 0\r\n\r\nrest"),
            Ok(b"ab".to_vec()),
            "trailers are left"
        );
        assert_eq!(body(b"0\r\n\r\n"), Ok(Vec::new()));
        assert_eq!(body(b"64\r\n"), Err("the answer breaks off within a chunk".to_owned()));
        for broken in [
            b"2\r\nabc\r\n0\r\n\r\n".as_slice(),
            b"2\r\nab0\r\n\r\n",
            b"2\nab\r\n0\r\n\r\n",
            b"\r\nab",
            b";x\r\n",
            b"-2\r\nab\r\n",
            b"2\r\nab\r\n0\r\nno end",
            b"2\r\nab\r\n0\r\n",
            b"65\r\n",
            b"ffffffffffffffff\r\n",
        ] {
            assert!(body(broken).is_err(), "{:?}", String::from_utf8_lossy(broken));
        }
        let tiny = b"1\r\na\r\n".repeat(100);
        assert_eq!(body(&[tiny.as_slice(), b"0\r\n\r\n"].concat()).map(|body| body.len()), Ok(100));
        let long = [b"0\r\nA: ".as_slice(), &vec![b'x'; MAX_ANSWER_BYTES], b"\r\n\r\n"].concat();
        assert!(body(&long).is_err(), "trailers have a limit");
    }

    proptest::proptest! {
        /// However chunks are cut, and however the connection cuts them, the body comes whole and the connection is not read on.
        #[test]
        fn chunks_come_whole(parts in proptest::collection::vec(proptest::collection::vec(proptest::prelude::any::<u8>(), 1..20), 0..5), step in 1usize..40, trailers in 0usize..3) {
            let mut bytes = HEAD.to_vec();
            for part in &parts {
                bytes.extend_from_slice(format!("{:X};a=b\r\n", part.len()).as_bytes());
                bytes.extend_from_slice(part);
                bytes.extend_from_slice(b"\r\n");
            }
            bytes.extend_from_slice(b"0\r\n");
            (0..trailers).for_each(|_| bytes.extend_from_slice(b"X-A: 0\r\n"));
            bytes.extend_from_slice(b"\r\n");
            let whole = bytes.len();
            let read_whole = read(&mut Slow(&bytes, step), 100).map(|fetched| fetched.body).map_err(|failure| failure.text);
            proptest::prop_assert_eq!(read_whole, Ok(parts.concat()));
            for end in [whole - 1, whole - 2, whole / 2 + HEAD.len() / 2] {
                proptest::prop_assert!(read(&mut Slow(&bytes[..end], step), 100).is_err());
            }
        }
    }
}
