//! The dialogue with a mail server (RFC 5321 section 4.2): lines out, replies in, everything with a limit.

use std::io::{Read, Write};
use std::sync::Arc;

use rustls::ClientConfig;

use super::Failure;
use super::connection::{Connection, failed};
use crate::limits::{MAX_REPLY_LINE_BYTES, MAX_REPLY_LINES};

/// A connection to a mail server.
pub(super) struct Dialogue<S = Connection> {
    connection: S,
    /// What has come and is not read yet.
    buffer: Vec<u8>,
}

/// What a server answered.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) code: u16,
    /// Without their codes.
    pub(super) lines: Vec<String>,
}

impl Reply {
    /// Done, or go on.
    pub(super) fn is_good(&self) -> bool {
        (200..400).contains(&self.code)
    }

    /// The failure that it is. Only the numbers are shown: the words are the server's.
    pub(super) fn failure(&self, stage: &str) -> Failure {
        let status =
            self.lines.first().and_then(|line| line.split(' ').next()).filter(|word| is_status(word));
        let status = status.map(|status| format!(" {status}")).unwrap_or_default();
        let text = format!("{stage}: the server answered {}{status}", self.code);
        if self.code >= 500 { Failure::permanent(text) } else { Failure::temporary(text) }
    }
}

/// An enhanced status code (RFC 3463 section 2).
fn is_status(word: &str) -> bool {
    let parts: Vec<&str> = word.split('.').collect();
    let is_number =
        |part: &&str| (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    parts.len() == 3 && parts.iter().all(is_number)
}

impl Dialogue {
    /// Goes on within TLS.
    pub(super) fn secure(self, host: &str, tls: &Arc<ClientConfig>) -> Result<Self, Failure> {
        // What came in the clear behind the answer to STARTTLS would be taken for an answer within TLS (RFC 3207 section 6).
        if !self.buffer.is_empty() {
            return Err(Failure::temporary("STARTTLS: somebody put an answer before TLS began"));
        }
        Ok(Self::new(self.connection.secure(host, tls)?))
    }
}

impl<S: Read + Write> Dialogue<S> {
    pub(super) fn new(connection: S) -> Self {
        Self { connection, buffer: Vec::new() }
    }

    /// Sends one line. `line` comes from this program and checked options only.
    pub(super) fn say(&mut self, line: &str, stage: &str) -> Result<Reply, Failure> {
        if line.contains(['\r', '\n']) {
            return Err(Failure::permanent(format!("{stage}: a line in a line")));
        }
        self.send(format!("{line}\r\n").as_bytes(), stage)
    }

    /// Sends bytes and reads the reply.
    pub(super) fn send(&mut self, bytes: &[u8], stage: &str) -> Result<Reply, Failure> {
        let written = self.connection.write_all(bytes).and_then(|()| self.connection.flush());
        written.map_err(|cause| failed(stage, &cause))?;
        self.reply(stage)
    }

    /// The next reply.
    pub(super) fn reply(&mut self, stage: &str) -> Result<Reply, Failure> {
        let wrong = || Failure::temporary(format!("{stage}: the answer is not one of a mail server"));
        let mut lines = Vec::new();
        for _ in 0..MAX_REPLY_LINES {
            let line = self.line(stage)?;
            let code = line.get(..3).and_then(|digits| digits.parse::<u16>().ok()).ok_or_else(wrong)?;
            if !(200..600).contains(&code) {
                return Err(wrong());
            }
            lines.push(line.get(4..).unwrap_or_default().to_owned());
            match line.as_bytes().get(3) {
                Some(b'-') => {}
                Some(b' ') | None => return Ok(Reply { code, lines }),
                Some(_) => return Err(wrong()),
            }
        }
        Err(Failure::temporary(format!("{stage}: the answer has too many lines")))
    }

    fn line(&mut self, stage: &str) -> Result<String, Failure> {
        let mut chunk = [0; 1_024];
        loop {
            if let Some(end) = self.buffer.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                return Ok(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned());
            }
            if self.buffer.len() > MAX_REPLY_LINE_BYTES {
                return Err(Failure::temporary(format!("{stage}: the answer has too long a line")));
            }
            let read = self.connection.read(&mut chunk).map_err(|cause| failed(stage, &cause))?;
            if read == 0 {
                return Err(Failure::temporary(format!("{stage}: the server hung up")));
            }
            self.buffer.extend_from_slice(&chunk[..read]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_shows_numbers_and_no_words() {
        let reply = |code, line: &str| Reply { code, lines: vec![line.to_owned()] };
        let failure = reply(550, "5.7.1 your password is hunter2").failure("recipient");
        assert_eq!(failure, Failure::permanent("recipient: the server answered 550 5.7.1"));
        let failure = reply(451, "hunter2 4.7.1").failure("recipient");
        assert_eq!(failure, Failure::temporary("recipient: the server answered 451"));
        assert!(is_status("4.2.0") && !is_status("4.2") && !is_status("4.2.0000") && !is_status("a.b.c"));
    }

    proptest::proptest! {
        /// Whatever a server says: a reply within the limits or a failure, and no panic.
        #[test]
        fn any_bytes_are_a_reply_or_a_failure(
            lines in proptest::collection::vec("(2|5|x)[0-9é]{0,3}[ -]?.{0,9}\r?\n?", 0..20),
            rest: Vec<u8>,
        ) {
            let mut bytes = lines.concat().into_bytes();
            bytes.extend(rest);
            let mut dialogue = Dialogue::new(std::io::Cursor::new(bytes.clone()));
            for _ in 0..=bytes.len() {
                match dialogue.reply("stage") {
                    Ok(reply) => proptest::prop_assert!((200..600).contains(&reply.code) && !reply.lines.is_empty()),
                    Err(failure) => {
                        proptest::prop_assert!(!failure.is_permanent);
                        break;
                    }
                }
            }
        }
    }
}
