//! The lines of one log, or of one sender: their format, and what they tell.
//!
//! A format is recognised from the first lines, which wait until there are [`WAIT_LINES`] of them, [`WAIT_BYTES`], or
//! [`WAIT_NANOSECONDS`] have passed. A declared one is looked for in whatever it is wrapped (syslog, quotes). After
//! [`AGAIN_AFTER`] lines in a row that cannot be read the format is looked for again, since servers are configured anew; where
//! none is found, the one before stays. Where there was none before, the lines are counted, and so are those
//! up to the next try: twice as many each time, so that a file that is no log costs next to nothing.
//!
//! Limit: what stands at the head of a file only, such as the columns of W3C's format, is not known of a log that is followed
//! from its end.

use wire::Time;
use wire::web::{Decoder, Format, MAX_SNIFFED_LINES, Request, Skip, fitted, recognise};

use super::lines::{LineFormat, LinesReport};

/// Lines that are enough: more are not looked at.
const WAIT_LINES: usize = MAX_SNIFFED_LINES;
/// Bytes that are enough.
const WAIT_BYTES: usize = 32 << 10;
/// No line waits longer.
const WAIT_NANOSECONDS: i64 = 1_000_000_000;
/// So many lines in a row are no accident.
const AGAIN_AFTER: u32 = 256;
/// Most lines between two tries.
const PASSED_MAXIMUM: u32 = 1 << 16;

/// One log, or one sender.
pub(super) struct Source {
    declared: Option<Format>,
    is_syslog: bool,
    zone_seconds: i32,
    decoder: Option<Decoder>,
    /// Lines are looked at to find their format.
    is_looking: bool,
    waiting: Vec<u8>,
    /// Where each waiting line ends; a line feed follows.
    ends: Vec<usize>,
    since: Time,
    unread_in_a_row: u32,
    /// Lines to be passed over before the next try, and after the next failure.
    to_pass: u32,
    to_pass_next: u32,
    /// Of decoders that were replaced, and of lines without one.
    before: LinesReport,
}

impl Source {
    /// Nothing came yet.
    pub(super) fn new(format: &LineFormat, is_syslog: bool, zone_seconds: i32) -> Self {
        let declared = match format {
            LineFormat::Auto => None,
            LineFormat::Declared { format, .. } => Some((**format).clone()),
        };
        Self {
            declared,
            is_syslog,
            zone_seconds,
            decoder: None,
            is_looking: true,
            waiting: Vec::new(),
            ends: Vec::new(),
            since: Time::default(),
            unread_in_a_row: 0,
            to_pass: 0,
            to_pass_next: WAIT_LINES as u32,
            before: LinesReport::default(),
        }
    }

    /// The zone of times that name none.
    pub(super) fn set_zone(&mut self, zone_seconds: i32) {
        self.zone_seconds = zone_seconds;
        if let Some(decoder) = &mut self.decoder {
            decoder.set_zone(zone_seconds);
        }
    }

    /// Takes a line, and gives the requests that can be read by now.
    pub(super) fn take(&mut self, line: &[u8], now: Time, give: &mut impl FnMut(&Request<'_>)) {
        if !self.is_looking {
            return self.read(line, give);
        }
        if self.to_pass > 0 {
            self.to_pass -= 1;
            self.before.unrecognised += 1;
            return;
        }
        if self.ends.is_empty() {
            self.since = now;
        }
        self.waiting.extend_from_slice(line);
        self.ends.push(self.waiting.len());
        self.waiting.push(b'\n');
        if self.ends.len() >= WAIT_LINES || self.waiting.len() >= WAIT_BYTES {
            self.decide(give);
        }
    }

    /// It is `now`: whatever has waited long enough is decided upon.
    pub(super) fn advance(&mut self, now: Time, give: &mut impl FnMut(&Request<'_>)) {
        if now.nanoseconds_since(self.since).abs() >= WAIT_NANOSECONDS {
            self.decide(give);
        }
    }

    /// Decides upon what waits now.
    pub(super) fn decide(&mut self, give: &mut impl FnMut(&Request<'_>)) {
        if self.ends.is_empty() {
            return;
        }
        let (waiting, ends) = (std::mem::take(&mut self.waiting), std::mem::take(&mut self.ends));
        if let Some(format) = self.found(&waiting) {
            self.read_as(format);
        }
        if self.decoder.is_none() {
            self.before.unrecognised += ends.len() as u64;
            self.to_pass = self.to_pass_next;
            self.to_pass_next = self.to_pass_next.saturating_mul(2).min(PASSED_MAXIMUM);
            return;
        }
        self.is_looking = false;
        self.unread_in_a_row = 0;
        let mut begin = 0;
        for end in ends {
            self.read(waiting.get(begin..end).unwrap_or_default(), give);
            begin = end + 1;
        }
    }

    fn found(&self, lines: &[u8]) -> Option<Format> {
        let Some(declared) = &self.declared else { return recognise(lines) };
        let found = fitted(declared, lines);
        if found.is_some() || self.decoder.is_some() {
            return found;
        }
        // What was declared holds; a header of syslog that is not there does not matter.
        Some(if self.is_syslog { declared.clone().in_syslog() } else { declared.clone() })
    }

    /// From now on lines are in this format. One that is known already keeps what it remembers.
    fn read_as(&mut self, format: Format) {
        if self.decoder.as_ref().is_some_and(|decoder| *decoder.format() == format) {
            return;
        }
        let mut decoder = Decoder::new(format);
        decoder.set_zone(self.zone_seconds);
        if let Some(old) = self.decoder.replace(decoder) {
            let old = counted(&old);
            self.before.add(&LinesReport { format: None, ..old });
        }
    }

    #[inline]
    fn read(&mut self, line: &[u8], give: &mut impl FnMut(&Request<'_>)) {
        let Some(decoder) = &mut self.decoder else { return };
        match decoder.decode(line) {
            Ok(request) => {
                self.unread_in_a_row = 0;
                give(&request);
            }
            Err(skip) if skip.is_loss() && skip != Skip::NotARequest => {
                self.unread_in_a_row += 1;
                if self.unread_in_a_row >= AGAIN_AFTER {
                    (self.is_looking, self.unread_in_a_row) = (true, 0);
                }
            }
            Err(_) => {}
        }
    }

    /// What became of its lines.
    pub(super) fn report(&self) -> LinesReport {
        let mut report = self.decoder.as_ref().map(counted).unwrap_or_default();
        report.add(&self.before);
        report.waiting = self.ends.len() as u64;
        report
    }
}

fn counted(decoder: &Decoder) -> LinesReport {
    let counters = decoder.counters();
    LinesReport {
        requests: counters.requests,
        skips: counters.skips,
        format: Some(decoder.format().name()),
        ..LinesReport::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMBINED: &str =
        "198.51.100.7 - - [27/Nov/2026:13:52:46 +0000] \"GET /a HTTP/1.1\" 200 5 \"-\" \"reader\"";
    const JSON: &str = "{\"time\":\"2026-11-27T13:52:46Z\",\"remote_addr\":\"198.51.100.7\",\"request\":\"GET /b HTTP/1.1\",\"status\":200}";

    fn at(milliseconds: i64) -> Time {
        Time::from_seconds(1_795_787_566, 0).plus_nanoseconds(milliseconds * 1_000_000)
    }

    fn declared(text: &str) -> LineFormat {
        LineFormat::Declared { text: text.to_owned(), format: Box::new(Format::of(text).unwrap()) }
    }

    #[test]
    fn lines_wait_for_a_second_at_most_and_come_in_order() {
        let mut source = Source::new(&LineFormat::Auto, false, 0);
        let mut targets = Vec::new();
        let give = &mut |request: &Request<'_>| targets.push(request.target.to_vec());
        source.take(COMBINED.as_bytes(), at(0), give);
        source.take(COMBINED.replace("/a", "/second").as_bytes(), at(500), give);
        source.advance(at(999), give);
        assert_eq!(source.report().waiting, 2);
        source.advance(at(1000), give);
        source.take(COMBINED.replace("/a", "/third").as_bytes(), at(1001), give);
        assert_eq!(targets, [&b"/a"[..], b"/second", b"/third"]);
        let report = source.report();
        assert_eq!((report.requests, report.waiting, report.format), (3, 0, Some("combined")));
    }

    #[test]
    fn a_log_in_another_format_is_recognised_anew_and_nothing_is_counted_twice() {
        let mut source = Source::new(&LineFormat::Auto, false, 0);
        let mut requests = 0;
        let give = &mut |_: &Request<'_>| requests += 1;
        (0..100).for_each(|_| source.take(COMBINED.as_bytes(), at(0), give));
        (0..1000).for_each(|_| source.take(JSON.as_bytes(), at(0), give));
        let report = source.report();
        assert_eq!(report.format, Some("json"));
        assert_eq!(report.requests, 100 + 1000 - u64::from(AGAIN_AFTER));
        assert_eq!(report.skips[Skip::Shape.index()], u64::from(AGAIN_AFTER));
        assert_eq!(requests, report.requests);
        // Nothing that can be read: the format stays.
        (0..1000).for_each(|_| source.take(b"who knows", at(0), &mut |_| ()));
        source.take(JSON.as_bytes(), at(0), &mut |_| ());
        source.decide(&mut |_| ());
        assert_eq!(source.report().format, Some("json"));
    }

    #[test]
    fn what_is_no_log_is_looked_at_ever_more_seldom() {
        let mut source = Source::new(&LineFormat::Auto, false, 0);
        let (mut tries, mut waiting) = (0, 0);
        for _ in 0..100_000 {
            source.take(b"who knows what this is", at(0), &mut |_| ());
            tries += usize::from(waiting > 0 && source.ends.is_empty());
            waiting = source.ends.len();
            assert!(source.waiting.len() <= WAIT_BYTES + 64);
        }
        assert!((5..20).contains(&tries), "{tries}");
        assert_eq!(source.report().unrecognised + waiting as u64, 100_000);
        // Too large a line is decided upon at once and does not stay in memory.
        let mut source = Source::new(&LineFormat::Auto, false, 0);
        source.take(&vec![b'x'; 2 * WAIT_BYTES], at(0), &mut |_| ());
        assert_eq!((source.waiting.capacity(), source.report().unrecognised), (0, 1));
    }

    #[test]
    fn a_declared_format_holds_in_whatever_it_is_wrapped() {
        let message = format!("<190>Nov 27 13:52:46 web nginx: {COMBINED}");
        for (is_syslog, line) in [(true, message.as_str()), (false, &message), (true, COMBINED)] {
            let mut source = Source::new(&declared("combined"), is_syslog, 0);
            let mut requests = 0;
            source.take(line.as_bytes(), at(0), &mut |_| requests += 1);
            source.decide(&mut |_| requests += 1);
            assert_eq!(requests, 1, "{line}");
        }
        // Lines in another format are not taken for something that was not declared.
        let mut source = Source::new(&declared("combined"), false, 0);
        source.take(JSON.as_bytes(), at(0), &mut |_| ());
        source.decide(&mut |_| ());
        assert_eq!(source.report().skips[Skip::Shape.index()], 1);
        assert_eq!(source.report().format, Some("combined"));
    }
}
