//! Bytes that were received or written in any pieces: messages of syslog streams, and lines of files that are followed.
//!
//! Both cutters give, skip and count the same as a reading of the whole at once, however the pieces fall, and keep no
//! more than one message or line. The same bytes as a log in memory give counters that add up.
#![no_main]

use std::time::Duration;

use cpu_time::ThreadTime;
use intake::follow::{Cutter, FollowCounters, Line};
use intake::syslog::{SplitCounters, Splitter};
use intake::{Inputs, OpenOptions, Visitor};
use libfuzzer_sys::fuzz_target;
use wire::web::{Format, Request};
use wire::{Address, FlowRecord, Time, packet::Decoded};

/// Per input of at most some kilobytes; a finding only if three tries all take longer. One takes milliseconds; the rest is for a
/// sanitized and niced run on a busy machine.
const WORST: Duration = Duration::from_secs(2);
/// Digits of a length that are taken for one.
const LENGTH_DIGITS: usize = 9;
/// Bytes of an input that say how it is cut.
const PLAN_BYTES: usize = 8;
const FORMATS: [&str; 4] = ["combined", "json", "w3c", "csv time,client_ip,request,status,agent"];

type Lines = Vec<(u64, Vec<u8>)>;

fuzz_target!(|data: &[u8]| {
    let Some((plan, bytes)) = data.split_first_chunk::<PLAN_BYTES>() else { return };
    let slow = (0..3).all(|_| {
        let start = ThreadTime::now();
        check(plan, bytes);
        start.elapsed() > WORST
    });
    assert!(!slow, "{} bytes take longer than {WORST:?}", bytes.len());
});

fn check(plan: &[u8; PLAN_BYTES], bytes: &[u8]) {
    // Short limits are met often; one in sixteen is long.
    let limit = if plan[0] < 16 { 8_192 } else { usize::from(plan[0] % 64) + 1 };
    let pieces = pieces(&plan[2..], bytes.len());
    let expected = messages_at_once(bytes, limit);
    assert_eq!(messages(bytes, limit, &[bytes.len()]), expected, "in one piece");
    assert_eq!(messages(bytes, limit, &pieces), expected, "in pieces");
    let is_skipping = plan[1] & 1 == 1;
    let expected = lines_at_once(bytes, limit, is_skipping);
    assert_eq!(lines(bytes, limit, is_skipping, &pieces), expected);
    log(FORMATS[usize::from(plan[1] >> 1) % FORMATS.len()], bytes);
}

/// Lengths of pieces, over and over; the last reaches the end.
fn pieces(plan: &[u8], length: usize) -> Vec<usize> {
    let sizes = plan.iter().cycle().map(|size| usize::from(*size) + 1);
    let mut left = length;
    let cut = |size: usize| {
        let now = size.min(left);
        left -= now;
        (now > 0).then_some(now)
    };
    sizes.map_while(cut).collect()
}

fn messages(bytes: &[u8], limit: usize, pieces: &[usize]) -> (Vec<Vec<u8>>, SplitCounters) {
    let (mut splitter, mut seen, mut rest) = (Splitter::new(limit), Vec::new(), bytes);
    for size in pieces {
        let (piece, later) = rest.split_at(*size);
        splitter.feed(piece, &mut |message| seen.push(message.to_vec()));
        rest = later;
    }
    splitter.finish(&mut |message| seen.push(message.to_vec()));
    for message in &seen {
        assert!(!message.is_empty() && message.len() <= limit);
    }
    assert_eq!(splitter.counters.messages, seen.len() as u64);
    (seen, splitter.counters)
}

/// The slow way: message by message, with all bytes at hand.
fn messages_at_once(bytes: &[u8], limit: usize) -> (Vec<Vec<u8>>, SplitCounters) {
    let (mut seen, mut counters, mut rest) = (Vec::new(), SplitCounters::default(), bytes);
    while let Some(first) = rest.first() {
        let (message, after) = if (b'1'..=b'9').contains(first) {
            counted(rest, limit, &mut counters)
        } else {
            ended(rest, limit, &mut counters)
        };
        let text = message.iter().rposition(|byte| !b"\r\n\0".contains(byte)).map_or(0, |last| last + 1);
        if text > 0 {
            counters.messages += 1;
            seen.push(message[..text].to_vec());
        }
        rest = after;
    }
    (seen, counters)
}

/// A message with its length before it (or nothing), and what comes after it.
fn counted<'a>(rest: &'a [u8], limit: usize, counters: &mut SplitCounters) -> (&'a [u8], &'a [u8]) {
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits > LENGTH_DIGITS || rest.get(digits).is_some_and(|byte| *byte != b' ') {
        counters.malformed += 1;
        let end = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |end| end + 1);
        return (&[], &rest[end..]);
    }
    let Some((number, after)) = rest.split_at_checked(digits).filter(|(_, after)| !after.is_empty()) else {
        counters.unfinished += 1;
        return (&[], &[]);
    };
    let length: usize = std::str::from_utf8(number).map_or(0, |text| text.parse().unwrap_or(0));
    let after = &after[1..];
    if length > limit {
        counters.oversized += 1;
        return (&[], after.get(length..).unwrap_or_default());
    }
    after.split_at_checked(length).unwrap_or_else(|| {
        counters.unfinished += 1;
        (&[], &[])
    })
}

/// A message up to a line feed or the end (or nothing), and what comes after it.
fn ended<'a>(rest: &'a [u8], limit: usize, counters: &mut SplitCounters) -> (&'a [u8], &'a [u8]) {
    let end = rest.iter().position(|byte| *byte == b'\n');
    let message = &rest[..end.unwrap_or(rest.len())];
    let after = end.map_or(&[][..], |end| &rest[end + 1..]);
    if message.len() > limit {
        counters.oversized += 1;
        return (&[], after);
    }
    counters.unfinished += u64::from(end.is_none());
    (message, after)
}

/// As a file that grows by pieces, of which no more is at hand than what was not used.
fn lines(bytes: &[u8], limit: usize, is_skipping: bool, pieces: &[usize]) -> (Lines, FollowCounters) {
    let (mut cutter, mut counters) = (Cutter { is_skipping, ..Cutter::default() }, FollowCounters::default());
    let mut given = Lines::new();
    let mut take = |line: Line<'_>| given.push((line.offset, line.bytes.to_vec()));
    let (mut from, mut seen) = (0, 0);
    for size in pieces {
        seen += size;
        from += cutter.cut(&bytes[from..seen], limit, &mut counters, &mut take);
        assert_eq!(cutter.offset, from as u64);
        assert!(seen - from <= limit, "no more is kept than a line");
    }
    cutter.finish(&bytes[from..], &mut counters, &mut take);
    assert_eq!(cutter.offset, bytes.len() as u64);
    assert_eq!(counters.bytes + counters.skipped_bytes, bytes.len() as u64, "every byte is given or counted");
    (given, counters)
}

/// The slow way: line by line, with all bytes at hand.
fn lines_at_once(bytes: &[u8], limit: usize, mut is_skipping: bool) -> (Lines, FollowCounters) {
    let (mut given, mut counters, mut offset) = (Lines::new(), FollowCounters::default(), 0);
    for whole in bytes.split_inclusive(|byte| *byte == b'\n') {
        let line = whole.strip_suffix(b"\n").unwrap_or(whole);
        if std::mem::take(&mut is_skipping) || line.len() > limit {
            counters.skipped_lines += 1;
            counters.skipped_bytes += whole.len() as u64;
        } else {
            counters.lines += 1;
            counters.bytes += whole.len() as u64;
            counters.unfinished_lines += u64::from(line.len() == whole.len());
            given.push((offset, line.to_vec()));
        }
        offset += whole.len() as u64;
    }
    // A file that begins within a line and has no more of it.
    counters.skipped_lines += u64::from(is_skipping);
    (given, counters)
}

/// Counts requests.
struct Requests(u64);

impl Visitor for Requests {
    fn packet(&mut self, _: usize, _: Time, _: &Decoded<'_>) {}
    fn flow(&mut self, _: usize, _: Time, _: Address, _: &FlowRecord) {}
    fn request(&mut self, _: usize, _: &Request<'_>) {
        self.0 += 1;
    }
}

fn log(format: &str, bytes: &[u8]) {
    let log_format = Format::of(format).ok();
    let options = OpenOptions { log_format, decompressed_bytes_limit: 1 << 20, ..OpenOptions::default() };
    let Ok(mut inputs) = Inputs::from_memory("log", bytes.to_vec(), &options) else { return };
    let mut requests = Requests(0);
    assert!(inputs.run(&mut requests).is_ok());
    for summary in inputs.summaries() {
        let log = summary.counters.log;
        assert_eq!((log.requests, log.lines), (requests.0, log.requests + log.skips.iter().sum::<u64>()));
        let lines = bytes.split_inclusive(|byte| *byte == b'\n').count() as u64;
        // What is packed may hold more lines than are seen from outside.
        assert!(log.lines <= lines || bytes.starts_with(&[0x1f, 0x8b]), "{} of {lines} lines", log.lines);
    }
}
