//! Syslog around log lines: the header of a message, and messages in a stream.
//!
//! [`message`] takes RFC 5424, RFC 3164 and what servers and files make of the latter: no priority, no host, an ISO time. What has no
//! header is body altogether. [`Splitter`] cuts a TCP stream into messages (RFC 6587), by counted octets or by line
//! feeds, whichever each message uses.
//!
//! Limits: structured data is passed over. The time of RFC 3164 has neither year nor zone and is given as text.

use memchr::memchr2;

/// Longest message of a stream, in bytes. Longer ones are passed over and counted.
pub const MAX_MESSAGE_BYTES: usize = super::MAX_LINE_BYTES + 1024;
/// Most digits of a message's length.
const MAX_LENGTH_DIGITS: usize = 9;
/// Longest host or tag that is taken for one (RFC 5424 section 6).
const MAX_WORD_BYTES: usize = 255;

/// What stands before a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Header<'a> {
    /// Facility times 8 plus severity.
    pub priority: Option<u8>,
    /// The time as it was written.
    pub time: &'a [u8],
    /// Who sent it; empty if it does not say.
    pub host: &'a [u8],
    /// The program.
    pub application: &'a [u8],
    /// Its process.
    pub process: &'a [u8],
}

/// Header and body of a message.
pub fn message(bytes: &[u8]) -> (Header<'_>, &[u8]) {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let (priority, rest) = match priority(bytes) {
        Some((priority, rest)) => (Some(priority), rest),
        None => (None, bytes),
    };
    let header = Header { priority, ..Header::default() };
    if let Some(rest) = rest.strip_prefix(b"1 ")
        && priority.is_some()
        && let Some(found) = structured(header, rest)
    {
        return found;
    }
    traditional(header, rest).unwrap_or((header, rest))
}

/// `<191>`.
fn priority(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let rest = bytes.strip_prefix(b"<")?;
    let end = rest.iter().take(4).position(|byte| *byte == b'>')?;
    let value = super::text::number(rest.get(..end)?).filter(|value| *value <= 191)?;
    Some((value as u8, rest.get(end + 1..)?))
}

fn word(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().take(MAX_WORD_BYTES + 1).position(|byte| *byte == b' ')?;
    Some((bytes.get(..end)?, bytes.get(end + 1..)?))
}

/// RFC 5424 section 6, after the version.
fn structured<'a>(header: Header<'a>, rest: &'a [u8]) -> Option<(Header<'a>, &'a [u8])> {
    let (time, rest) = word(rest)?;
    let (host, rest) = word(rest)?;
    let (application, rest) = word(rest)?;
    let (process, rest) = word(rest)?;
    let (_, rest) = word(rest)?;
    let body = match rest {
        [b'-', body @ ..] => body,
        [b'[', ..] => elements(rest)?,
        _ => return None,
    };
    let body = body.strip_prefix(b" ").unwrap_or(body);
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let present = super::text::present;
    let (time, host) = (present(time), present(host));
    let (application, process) = (present(application), present(process));
    Some((Header { time, host, application, process, ..header }, body))
}

/// What follows elements in brackets, whose values stand in quotes.
fn elements(mut rest: &[u8]) -> Option<&[u8]> {
    while let [b'[', inner @ ..] = rest {
        let (mut at, mut is_quoted) = (0, false);
        loop {
            match inner.get(at)? {
                b'\\' if is_quoted => at += 1,
                b'"' => is_quoted = !is_quoted,
                b']' if !is_quoted => break,
                _ => {}
            }
            at += 1;
        }
        rest = inner.get(at + 1..)?;
    }
    Some(rest)
}

/// RFC 3164 section 4.1, and its relatives.
fn traditional<'a>(header: Header<'a>, rest: &'a [u8]) -> Option<(Header<'a>, &'a [u8])> {
    let (time, rest) = time(rest)?;
    let (first, after) = word(rest)?;
    // Programs that write to the local daemon send no host.
    let (host, tag, body) = match first.strip_suffix(b":") {
        Some(tag) => (&[][..], tag, after),
        None => match word(after) {
            Some((second, body)) if second.ends_with(b":") => (first, second.strip_suffix(b":")?, body),
            _ => (first, &[][..], after),
        },
    };
    let (application, process) = match tag.iter().position(|byte| *byte == b'[') {
        Some(at) => (tag.get(..at)?, tag.get(at + 1..)?.strip_suffix(b"]").unwrap_or_default()),
        None => (tag, &[][..]),
    };
    Some((Header { time, host, application, process, ..header }, body))
}

/// `Dec 25 00:32:26 ` or `2014-12-25T00:32:26.081+01:00 `.
fn time(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    const TRADITIONAL: usize = 15;
    if let [a, b, c, b' ', _, _, b' ', _, _, b':', _, _, b':', _, _, b' ', after @ ..] = rest {
        super::clock::month(&[*a, *b, *c])?;
        return Some((rest.get(..TRADITIONAL)?, after));
    }
    let (time, after) = word(rest)?;
    super::clock::Clock::default().read(time).filter(|_| time.get(10) == Some(&b'T'))?;
    Some((time, after))
}

/// What was counted of a stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct StreamCounters {
    /// Messages given on.
    pub messages: u64,
    /// Messages longer than [`MAX_MESSAGE_BYTES`], passed over.
    pub too_long: u64,
    /// Bytes of messages that were passed over.
    pub bytes_skipped: u64,
}

/// What the splitter is in the middle of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum State {
    /// Before a message.
    #[default]
    Begin,
    /// In the digits of a length.
    Length(usize),
    /// In a message of which so many bytes are missing.
    Counted(usize),
    /// In a message up to a line feed.
    Line,
    /// In a counted message that is too long.
    SkipCounted(usize),
    /// In a line that is too long.
    SkipLine,
}

/// Cuts a stream into messages, as its bytes come. Holds at most one message that is not whole.
#[derive(Clone, Debug, Default)]
pub struct Splitter {
    state: State,
    held: Vec<u8>,
    counters: StreamCounters,
}

impl Splitter {
    /// A splitter at the beginning of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// What was counted.
    pub fn counters(&self) -> StreamCounters {
        self.counters
    }

    /// Takes the next bytes of the stream and gives each message that is whole to `sink`; what is whole in `bytes` is not copied.
    pub fn feed(&mut self, bytes: &[u8], sink: &mut impl FnMut(&[u8])) {
        let mut rest = bytes;
        while !rest.is_empty() {
            rest = self.step(rest, sink);
        }
    }

    /// The stream is over: a line without its end counts as a message, half of a counted one does not.
    pub fn finish(&mut self, sink: &mut impl FnMut(&[u8])) {
        match std::mem::take(&mut self.state) {
            State::Line | State::Length(_) if !self.held.is_empty() => self.emit(&[], sink),
            _ => self.counters.bytes_skipped += self.held.len() as u64,
        }
        self.held.clear();
    }

    /// Takes some bytes, at least one; what is left.
    fn step<'b>(&mut self, bytes: &'b [u8], sink: &mut impl FnMut(&[u8])) -> &'b [u8] {
        match self.state {
            State::Begin => self.begin(bytes),
            State::Length(length) => self.length(length, bytes),
            State::Counted(missing) => {
                let (here, rest) = bytes.split_at(missing.min(bytes.len()));
                if here.len() == missing {
                    self.state = State::Begin;
                    self.emit(here, sink);
                } else {
                    self.held.extend_from_slice(here);
                    self.state = State::Counted(missing - here.len());
                }
                rest
            }
            State::Line => self.line(bytes, sink),
            State::SkipCounted(missing) => {
                let (here, rest) = bytes.split_at(missing.min(bytes.len()));
                self.counters.bytes_skipped += here.len() as u64;
                self.state = if here.len() == missing {
                    State::Begin
                } else {
                    State::SkipCounted(missing - here.len())
                };
                rest
            }
            State::SkipLine => {
                let end = memchr2(b'\n', 0, bytes);
                let taken = end.map_or(bytes.len(), |end| end + 1);
                self.counters.bytes_skipped += taken as u64;
                if end.is_some() {
                    self.state = State::Begin;
                }
                bytes.get(taken..).unwrap_or_default()
            }
        }
    }

    fn begin<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        match bytes {
            // Some senders end counted messages with a line feed too.
            [b'\n' | b'\r' | 0, rest @ ..] => rest,
            [b'1'..=b'9', ..] => {
                self.state = State::Length(0);
                bytes
            }
            _ => {
                self.state = State::Line;
                bytes
            }
        }
    }

    /// One digit of a length. What only looked like one becomes the beginning of a line.
    fn length<'b>(&mut self, length: usize, bytes: &'b [u8]) -> &'b [u8] {
        let Some((byte, rest)) = bytes.split_first() else { return bytes };
        match byte {
            b'0'..=b'9' if self.held.len() < MAX_LENGTH_DIGITS => {
                self.held.push(*byte);
                self.state = State::Length(length * 10 + usize::from(byte - b'0'));
                rest
            }
            b' ' => {
                self.held.clear();
                if length > MAX_MESSAGE_BYTES {
                    self.counters.too_long += 1;
                    self.state = State::SkipCounted(length);
                } else {
                    self.state = State::Counted(length);
                }
                rest
            }
            _ => {
                self.state = State::Line;
                bytes
            }
        }
    }

    fn line<'b>(&mut self, bytes: &'b [u8], sink: &mut impl FnMut(&[u8])) -> &'b [u8] {
        let room = MAX_MESSAGE_BYTES - self.held.len().min(MAX_MESSAGE_BYTES);
        let end = memchr2(b'\n', 0, bytes);
        let length = end.unwrap_or(bytes.len());
        if length > room {
            self.counters.too_long += 1;
            self.counters.bytes_skipped += self.held.len() as u64;
            self.held.clear();
            self.state = State::SkipLine;
            return bytes;
        }
        let (here, rest) = bytes.split_at(length);
        if end.is_none() {
            self.held.extend_from_slice(here);
            return rest;
        }
        self.state = State::Begin;
        self.emit(here, sink);
        rest.get(1..).unwrap_or_default()
    }

    /// Gives on what is held and what follows it.
    fn emit(&mut self, tail: &[u8], sink: &mut impl FnMut(&[u8])) {
        let trimmed = |message: &[u8]| message.trim_ascii_end().is_empty();
        if self.held.is_empty() {
            if !trimmed(tail) {
                self.counters.messages += 1;
                sink(tail);
            }
            return;
        }
        self.held.extend_from_slice(tail);
        if !trimmed(&self.held) {
            self.counters.messages += 1;
            sink(&self.held);
        }
        self.held.clear();
    }
}
