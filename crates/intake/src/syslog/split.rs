//! Bytes of a stream to messages: RFC 6587 (octet counting and line feeds), which RFC 5425 uses too.
//!
//! A message that begins with a digit other than 0 is counted, `LENGTH SP MESSAGE`; any other ends with a line feed (a NUL or
//! carriage return before it is part of the end). Each message is judged by itself, since senders were seen to mix.

/// Digits of a length: 999,999,999 bytes.
const LENGTH_DIGITS: usize = 9;

/// Counts of a splitter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SplitCounters {
    /// Messages given.
    pub messages: u64,
    /// Messages longer than allowed, skipped.
    pub oversized: u64,
    /// Lengths that are none; skipped up to the next line feed.
    pub malformed: u64,
    /// Messages whose stream ended before they did.
    pub unfinished: u64,
}

/// Cuts one stream.
#[derive(Clone, Debug)]
pub struct Splitter {
    /// What was received and not given.
    waiting: Vec<u8>,
    /// Longest message.
    limit: usize,
    skip: Skip,
    /// What was counted.
    pub counters: SplitCounters,
}

/// What is passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Skip {
    Nothing,
    Bytes(usize),
    Line,
}

impl Splitter {
    /// Messages of up to `limit` bytes; it keeps no more than that and a length.
    pub fn new(limit: usize) -> Self {
        Self { waiting: Vec::new(), limit, skip: Skip::Nothing, counters: SplitCounters::default() }
    }

    /// Takes what was received, and gives every message that is whole.
    pub fn feed(&mut self, received: &[u8], take: &mut impl FnMut(&[u8])) {
        // A message that is whole in what was received is given from there.
        if self.waiting.is_empty() {
            let used = self.cut(received, take);
            self.waiting.extend_from_slice(received.get(used..).unwrap_or_default());
            return;
        }
        let mut rest = received;
        while !rest.is_empty() {
            // Never more than one message and a length.
            let room = (self.limit + LENGTH_DIGITS + 2).saturating_sub(self.waiting.len()).max(1);
            let (now, later) = rest.split_at(room.min(rest.len()));
            let mut waiting = std::mem::take(&mut self.waiting);
            waiting.extend_from_slice(now);
            let used = self.cut(&waiting, take);
            waiting.drain(..used);
            self.waiting = waiting;
            rest = later;
        }
    }

    /// The stream has ended: what is left of a line is given as it is.
    pub fn finish(&mut self, take: &mut impl FnMut(&[u8])) {
        let waiting = std::mem::take(&mut self.waiting);
        let is_counted = waiting.first().is_some_and(|byte| (b'1'..=b'9').contains(byte));
        if self.skip != Skip::Nothing || waiting.is_empty() {
            return;
        }
        self.counters.unfinished += 1;
        if !is_counted {
            self.give(&waiting, take);
        }
    }

    /// How many bytes are done.
    fn cut(&mut self, bytes: &[u8], take: &mut impl FnMut(&[u8])) -> usize {
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            let done = match self.skip {
                Skip::Bytes(left) => {
                    let passed = left.min(rest.len());
                    self.skip = if passed == left { Skip::Nothing } else { Skip::Bytes(left - passed) };
                    passed
                }
                Skip::Line => match memchr::memchr(b'\n', rest) {
                    Some(end) => {
                        self.skip = Skip::Nothing;
                        end + 1
                    }
                    None => rest.len(),
                },
                Skip::Nothing if (b'1'..=b'9').contains(rest.first().unwrap_or(&0)) => {
                    self.counted(rest, take)
                }
                Skip::Nothing => self.line(rest, take),
            };
            if done == 0 && self.skip == Skip::Nothing {
                break;
            }
            at += done;
        }
        at
    }

    /// A message with its length before it. Gives 0 if it is not whole.
    fn counted(&mut self, rest: &[u8], take: &mut impl FnMut(&[u8])) -> usize {
        let digits = rest.iter().take(LENGTH_DIGITS + 1).take_while(|byte| byte.is_ascii_digit()).count();
        match rest.get(digits) {
            None if digits <= LENGTH_DIGITS => return 0,
            Some(b' ') if digits <= LENGTH_DIGITS => {}
            _ => {
                self.counters.malformed += 1;
                self.skip = Skip::Line;
                return 0;
            }
        }
        let number =
            rest.iter().take(digits).fold(0_usize, |sum, digit| sum * 10 + usize::from(digit - b'0'));
        if number > self.limit {
            self.counters.oversized += 1;
            self.skip = Skip::Bytes(number);
            return digits + 1;
        }
        match rest.get(digits + 1..digits + 1 + number) {
            Some(message) => {
                self.give(message, take);
                digits + 1 + number
            }
            None => 0,
        }
    }

    /// A message that ends with a line feed. Gives 0 if it is not whole.
    fn line(&mut self, rest: &[u8], take: &mut impl FnMut(&[u8])) -> usize {
        match memchr::memchr(b'\n', rest) {
            Some(end) if end <= self.limit => {
                self.give(rest.get(..end).unwrap_or_default(), take);
                end + 1
            }
            Some(end) => {
                self.counters.oversized += 1;
                end + 1
            }
            None if rest.len() > self.limit => {
                self.counters.oversized += 1;
                self.skip = Skip::Line;
                0
            }
            None => 0,
        }
    }

    fn give(&mut self, message: &[u8], take: &mut impl FnMut(&[u8])) {
        let end =
            message.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n' | 0)).map_or(0, |last| last + 1);
        // Some senders put a line feed behind a counted message.
        if let Some(message) = message.get(..end).filter(|message| !message.is_empty()) {
            self.counters.messages += 1;
            take(message);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(stream: &[u8], limit: usize, piece: usize) -> (Vec<Vec<u8>>, SplitCounters) {
        let (mut splitter, mut all) = (Splitter::new(limit), Vec::new());
        for part in stream.chunks(piece) {
            splitter.feed(part, &mut |message| all.push(message.to_vec()));
            assert!(splitter.waiting.len() <= limit + LENGTH_DIGITS + 2);
        }
        splitter.finish(&mut |message| all.push(message.to_vec()));
        (all, splitter.counters)
    }

    #[test]
    fn both_framings_are_cut_wherever_the_pieces_end() {
        let stream = b"<13>one\n8 <13>two\n<14>three\r\n\n9 <15>a\nb c<16>four\x00\n<17>rest";
        let expected: [&[u8]; 6] =
            [b"<13>one", b"<13>two", b"<14>three", b"<15>a\nb c", b"<16>four", b"<17>rest"];
        for piece in 1..stream.len() {
            let (messages, counters) = split(stream, 100, piece);
            assert_eq!(messages, expected, "pieces of {piece}");
            assert_eq!((counters.messages, counters.unfinished, counters.malformed), (6, 1, 0));
        }
    }

    #[test]
    fn what_is_too_long_or_wrong_costs_itself() {
        let stream = b"20 01234567890123456789<1>a\n<2>much too long a line\n<3>b\n12x what is this\n<4>c\n1234567890 x\n5 <5>de";
        for piece in 1..stream.len() {
            let (messages, counters) = split(stream, 10, piece);
            assert_eq!(messages, [&b"<1>a"[..], b"<3>b", b"<4>c", b"<5>de"], "pieces of {piece}");
            assert_eq!((counters.oversized, counters.malformed, counters.unfinished), (2, 2, 0));
        }
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter_and_nothing_grows(
            stream in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b' '), b'0'..=b'9', any::<u8>()], 0..200),
            limit in 1_usize..30,
            piece in 1_usize..40,
        ) {
            let (whole, whole_counters) = split(&stream, limit, stream.len().max(1));
            let (parts, counters) = split(&stream, limit, piece);
            prop_assert_eq!(whole, parts);
            prop_assert_eq!(whole_counters, counters);
        }

        #[test]
        fn counted_messages_come_back(messages in proptest::collection::vec("<[0-9]{1,3}>[ -~]{1,40}", 0..10), piece in 1_usize..40) {
            let stream: Vec<u8> = messages.iter().flat_map(|text| format!("{} {text}", text.len()).into_bytes()).collect();
            let (all, _) = split(&stream, 100, piece);
            let expected: Vec<Vec<u8>> = messages.iter().map(|text| text.clone().into_bytes()).collect();
            prop_assert_eq!(all, expected);
        }
    }
}
