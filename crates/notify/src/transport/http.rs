//! One `POST` (RFC 9112) and the status of its answer.
//!
//! Redirects are not followed: a signed message about an attack goes where the configuration says and nowhere else. The
//! body of the answer is not read: nothing in it is needed, and whatever a receiver writes could hold the secret path back.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::ClientConfig;

use super::connection::{Connection, failed};
use super::url::{self, Url};
use super::{Failure, TransportError, trust};
use crate::limits::{MAX_ANSWER_BYTES, MAX_ANSWER_FIELDS, MAX_RETRY_AFTER_SECONDS};
use crate::secret::Secret;

/// Where to post.
pub(super) struct Endpoint {
    url: Url,
    tls: Option<Arc<ClientConfig>>,
    timeout: Duration,
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Endpoint").field("url", &self.url.shown()).finish_non_exhaustive()
    }
}

/// What an answer says.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    status: u16,
    retry_after: Option<Duration>,
}

impl Endpoint {
    pub(super) fn open(
        address: &Secret,
        allow_plain: bool,
        ca_file: Option<&Path>,
        timeout: Duration,
    ) -> Result<Self, TransportError> {
        let url = url::parse(address.read()?.trim(), allow_plain)
            .map_err(|why| TransportError::Unfit { option: "url", why: why.to_owned() })?;
        let tls = if url.is_tls { Some(trust::configuration(ca_file)?) } else { None };
        Ok(Self { url, tls, timeout })
    }

    pub(super) fn target(&self) -> String {
        self.url.shown()
    }

    /// Posts JSON with some fields; their names and values are the caller's own and not from outside.
    pub(super) fn post(&self, fields: &[(&str, String)], body: &[u8]) -> Result<(), Failure> {
        let until = Instant::now() + self.timeout;
        let mut connection = Connection::open(&self.url.host, self.url.port, until)?;
        if let Some(tls) = &self.tls {
            connection = connection.secure(&self.url.host, tls)?;
        }
        let mut request = format!(
            "POST {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: hemicycle/{}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n",
            self.url.path,
            self.url.authority(),
            env!("CARGO_PKG_VERSION"),
            body.len(),
        );
        for (name, value) in fields {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        let mut bytes = request.into_bytes();
        bytes.extend_from_slice(body);
        // A receiver may refuse before it has read all of it, and its answer says why.
        let written = connection.write_all(&bytes).and_then(|()| connection.flush());
        match (answer(&mut connection), written) {
            (Ok(answer), _) => judge(&answer),
            (Err(_), Err(cause)) => Err(failed("cannot send", &cause)),
            (Err(failure), Ok(())) => Err(failure),
        }
    }
}

/// Reads up to the head of the final answer.
fn answer(connection: &mut impl Read) -> Result<Answer, Failure> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 2_048];
    loop {
        // Interim answers come before the one that counts.
        while let Some((answer, length)) = head(&bytes)? {
            if !(100..200).contains(&answer.status) {
                return Ok(answer);
            }
            bytes.drain(..length);
        }
        let room = MAX_ANSWER_BYTES.saturating_sub(bytes.len()).min(buffer.len());
        if room == 0 {
            return Err(Failure::temporary("the answer has too long a head"));
        }
        let read = connection.read(&mut buffer[..room]).map_err(|cause| failed("no answer", &cause))?;
        if read == 0 {
            return Err(Failure::temporary("the connection ended without an answer"));
        }
        bytes.extend_from_slice(&buffer[..read]);
    }
}

/// The head at the beginning of these bytes and its length, if all of it is there.
fn head(bytes: &[u8]) -> Result<Option<(Answer, usize)>, Failure> {
    let mut fields = [httparse::EMPTY_HEADER; MAX_ANSWER_FIELDS];
    let mut response = httparse::Response::new(&mut fields);
    let parsed = response.parse(bytes).map_err(|_| Failure::temporary("the answer is not HTTP"))?;
    let (httparse::Status::Complete(length), Some(status)) = (parsed, response.code) else { return Ok(None) };
    let retry_after = response.headers.iter().find(|field| field.name.eq_ignore_ascii_case("retry-after"));
    let retry_after = retry_after
        .and_then(|field| std::str::from_utf8(field.value).ok()?.trim().parse::<u64>().ok())
        .map(|seconds| Duration::from_secs(seconds.min(MAX_RETRY_AFTER_SECONDS)));
    Ok(Some((Answer { status, retry_after }, length)))
}

fn judge(answer: &Answer) -> Result<(), Failure> {
    let Answer { status, retry_after } = *answer;
    match status {
        200..=299 => Ok(()),
        300..=399 => {
            Err(Failure::permanent(format!("the receiver answered {status}; redirects are not followed")))
        }
        408 | 425 | 429 | 500..=599 => {
            Err(Failure { retry_after, ..Failure::temporary(format!("the receiver answered {status}")) })
        }
        _ => Err(Failure::permanent(format!("the receiver answered {status}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(mut bytes: &[u8]) -> Result<u16, String> {
        answer(&mut bytes).map(|answer| answer.status).map_err(|failure| failure.text)
    }

    #[test]
    fn answers_are_read_within_limits() {
        assert_eq!(read(b"HTTP/1.1 204 No Content\r\n\r\n"), Ok(204));
        assert_eq!(
            read(b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\n\r\nrest"),
            Ok(200)
        );
        assert!(read(b"HTTP/1.1 200 OK\r\nA: b").is_err());
        assert!(read(b"220 mail.example ESMTP\r\n").is_err());
        assert!(read(b"").is_err());
        let many = [b"HTTP/1.1 200 OK\r\n".as_slice(), &b"A: b\r\n".repeat(100), b"\r\n"].concat();
        assert!(read(&many).is_err());
        let long =
            [b"HTTP/1.1 200 OK\r\nA: ".as_slice(), &b"x".repeat(MAX_ANSWER_BYTES), b"\r\n\r\n"].concat();
        assert!(read(&long).is_err());
    }

    #[test]
    fn what_may_pass_is_tried_again_and_what_will_not_is_not() {
        let kind =
            |status| judge(&Answer { status, retry_after: None }).map_err(|failure| failure.is_permanent);
        for status in [200, 202, 204] {
            assert_eq!(kind(status), Ok(()));
        }
        for status in [408, 425, 429, 500, 502, 503, 504] {
            assert_eq!(kind(status), Err(false), "{status}");
        }
        for status in [301, 302, 307, 400, 401, 403, 404, 410, 413, 600, 999] {
            assert_eq!(kind(status), Err(true), "{status}");
        }
        let (found, _) = head(b"HTTP/1.1 429 x\r\nretry-AFTER: 9999999\r\n\r\n").unwrap().unwrap();
        assert_eq!(found.retry_after, Some(Duration::from_secs(MAX_RETRY_AFTER_SECONDS)));
        let (found, _) = head(b"HTTP/1.1 429 x\r\nRetry-After: Fri, 27 Nov\r\n\r\n").unwrap().unwrap();
        assert_eq!(found.retry_after, None);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_an_answer_or_a_failure(begin in "(HTTP/1.[01] [0-9]{2,4} [a-z]{0,3}\r\n)?([A-Za-z-]{1,12}: .{0,20}\r\n){0,4}(\r\n)?", rest: Vec<u8>) {
            let bytes = [begin.as_bytes(), &rest].concat();
            if let Ok(answer) = answer(&mut bytes.as_slice()) {
                proptest::prop_assert!(bytes.starts_with(b"HTTP/1.") || bytes.starts_with(b"\r\n") || bytes.starts_with(b"\n"));
                proptest::prop_assert!(!(100..200).contains(&answer.status));
            }
        }
    }
}
