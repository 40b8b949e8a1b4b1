//! What the shape of a connection's records says of its client: how evenly it asks, and whether it waits for answers.
//!
//! *Steady*: at least [`STEADY_LEAST`] requests in each of the last seconds, about as many in each. People read, so that
//! their requests come in bursts with silence between; a program goes on. Who gets much for each request downloads, and
//! is not meant: players fetch parts of a film at an even pace.
//!
//! *Resetting* (HTTP/2 rapid reset, CVE-2023-44487): a client opens streams and takes them back at once. What is
//! seen of it are batches that hold many streams and are not answered, or hardly, again and again on one connection. A form is
//! answered, an upload has large records, and who waits for a slow server does not ask for ten more things meanwhile.
//!
//! Limits: a client that takes back each stream so late that its answer is half there looks like one that reads. Streams are
//! estimated from bytes ([`STREAM_BYTES`]).

/// Requests in each second that make a pace.
const STEADY_LEAST: u16 = 3;
/// From so many on, three seconds are enough.
const STEADY_MANY: u16 = 10;
const SECONDS: usize = 4;
/// Bytes of answer for each request above which somebody downloads.
const DOWNLOAD_BYTES: u32 = 32 * 1_024;
/// Sums are halved here, so that they are of the last requests.
const SUM_MAXIMUM: u32 = 64;
/// Who sends nothing for so long has ended a batch.
const BATCH_GAP_MILLISECONDS: u32 = 100;
/// Bytes of a stream that is opened and reset: heads of frames (RFC 9113 section 4.1) of 9 bytes each, four of error code, and the
/// least of a field section that the server knows already.
const STREAM_BYTES: u32 = 40;
/// Streams that make a batch.
const BATCH_STREAMS: u32 = 8;
/// A batch with a larger record is an upload.
const UPLOAD_RECORD_BYTES: u32 = 8 * 1_024;
/// A longer batch of records that are not small is one too.
const UPLOAD_BATCH_BYTES: u32 = 64 * 1_024;
const SMALL_RECORD_BYTES: u32 = 1_024;
/// Batches in a row without an answer, and with hardly one, that make a connection resetting.
const UNANSWERED: u8 = 2;
const HARDLY_ANSWERED: u8 = 6;
/// An answer of fewer bytes for each of the batch's is hardly one: the heads of answers without their bodies.
const HARDLY_TIMES: u32 = 3;
/// Hardly answered batches have to come at least so fast on average.
const HARDLY_MILLISECONDS: u32 = 700;

/// At which pace a client asks.
#[derive(Clone, Copy, Default)]
pub(super) struct Pace {
    second: u32,
    now: u16,
    last: [u16; SECONDS],
    asked: u32,
    answered: u32,
    is_steady: bool,
}

/// How requests of a connection count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Paced {
    /// The client asks at a steady pace.
    pub(super) is_steady: bool,
    /// Requests of before that count now, since the pace has just turned out to be steady.
    pub(super) before: u32,
}

impl Pace {
    /// The server sends so many bytes.
    #[inline]
    pub(super) fn answer(&mut self, bytes: u32) {
        self.answered = self.answered.saturating_add(bytes);
    }

    /// The client asks so many times.
    pub(super) fn ask(&mut self, second: u32, asks: u16) -> Paced {
        let was_steady = self.is_steady;
        if second != self.second {
            self.turn(second);
        }
        self.now = self.now.saturating_add(asks);
        self.asked += u32::from(asks);
        if self.asked > SUM_MAXIMUM {
            (self.asked, self.answered) = (self.asked / 2, self.answered / 2);
        }
        // What came in two seconds: one client alone makes no flood because it turned out to be a program.
        let sum: u32 = self.last.iter().map(|asks| u32::from(*asks)).sum();
        Paced { is_steady: self.is_steady, before: if self.is_steady && !was_steady { sum / 2 } else { 0 } }
    }

    fn turn(&mut self, second: u32) {
        let silent = second.saturating_sub(self.second).saturating_sub(1) as usize;
        if silent >= SECONDS {
            self.last = [0; SECONDS];
        } else {
            self.last.rotate_right(silent + 1);
            self.last[..silent].fill(0);
            self.last[silent] = self.now;
        }
        (self.second, self.now) = (second, 0);
        let is_download = self.answered / self.asked.max(1) > DOWNLOAD_BYTES;
        let few = self.last[..SECONDS - 1].iter().copied().min().unwrap_or(0);
        let seconds = if few >= STEADY_MANY { SECONDS - 1 } else { SECONDS };
        let least = self.last[..seconds].iter().copied().min().unwrap_or(0);
        let most = self.last[..seconds].iter().copied().max().unwrap_or(0);
        // Once it is, a hiccup of the server does not change it.
        let (floor, times) = if self.is_steady { (1, 4) } else { (STEADY_LEAST, 2) };
        self.is_steady = !is_download && least >= floor && most <= least.saturating_mul(times);
    }
}

/// Batches of a client, and what came back.
#[derive(Clone, Copy, Default)]
pub(super) struct Batches {
    /// When the client sent last, in milliseconds, wrapping.
    at: u32,
    bytes: u32,
    records: u32,
    largest: u32,
    answer: u32,
    unanswered: u8,
    hardly: u8,
    hardly_since: u32,
    /// Streams of batches that count once the connection is resetting.
    owed: u32,
    pub(super) is_resetting: bool,
}

impl Batches {
    /// The server sends so many bytes.
    #[inline]
    pub(super) fn answer(&mut self, bytes: u32) {
        self.answer = self.answer.saturating_add(bytes);
    }

    /// The client sends so many bytes in so many records. Gives the streams that turned out to be reset.
    pub(super) fn send(&mut self, at: u32, bytes: u32, records: u32, largest: u32) -> u32 {
        let is_new = self.answer > 0 || at.wrapping_sub(self.at) >= BATCH_GAP_MILLISECONDS;
        let counts = if self.bytes > 0 && is_new { self.judge() } else { 0 };
        self.at = at;
        self.bytes = self.bytes.saturating_add(bytes);
        self.records = self.records.saturating_add(records);
        self.largest = self.largest.max(largest);
        counts
    }

    /// The batch is over.
    pub(super) fn judge(&mut self) -> u32 {
        let streams = (self.bytes / STREAM_BYTES).max(self.records);
        let is_upload = self.largest > UPLOAD_RECORD_BYTES
            || (self.bytes > UPLOAD_BATCH_BYTES && self.bytes > SMALL_RECORD_BYTES * self.records);
        let (bytes, answer) = (self.bytes, self.answer);
        (self.bytes, self.records, self.largest, self.answer) = (0, 0, 0, 0);
        if streams < BATCH_STREAMS || is_upload {
            // Too little to say anything by itself; an answer shows that the client is served.
            if is_upload || answer >= HARDLY_TIMES * bytes {
                self.serve();
            }
            return 0;
        }
        if answer == 0 {
            self.unanswered = self.unanswered.saturating_add(1);
        } else if answer < bytes.saturating_mul(HARDLY_TIMES) {
            if self.hardly == 0 {
                self.hardly_since = self.at;
            }
            self.hardly = self.hardly.saturating_add(1);
            let lasted = self.at.wrapping_sub(self.hardly_since);
            if lasted > HARDLY_MILLISECONDS * u32::from(self.hardly) {
                (self.hardly, self.owed) = (1, 0);
                self.hardly_since = self.at;
            }
        } else {
            self.serve();
            return 0;
        }
        self.owed = self.owed.saturating_add(streams);
        self.is_resetting |= self.unanswered >= UNANSWERED || self.hardly >= HARDLY_ANSWERED;
        if self.is_resetting { std::mem::take(&mut self.owed) } else { 0 }
    }

    const fn serve(&mut self) {
        (self.unanswered, self.hardly, self.owed) = (0, 0, 0);
        self.is_resetting = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a client is steady after asking so many times in each second.
    fn is_steady(asks: &[u16], answer: u32) -> bool {
        let (mut pace, mut last) = (Pace::default(), false);
        for (second, &asks) in asks.iter().enumerate() {
            for _ in 0..asks {
                last = pace.ask(1_000 + second as u32, 1).is_steady;
                pace.answer(answer);
            }
        }
        last
    }

    #[test]
    fn a_program_is_steady_and_people_are_not() {
        assert!(is_steady(&[50, 50, 51, 49, 1], 2_600));
        assert!(is_steady(&[4, 4, 4, 5, 1], 2_600));
        assert!(!is_steady(&[4, 4, 4, 1], 2_600), "few have to go on for longer");
        assert!(!is_steady(&[80, 4, 0, 0, 0, 30, 1, 0, 0, 9, 1], 9_000), "pages and time to read them");
        assert!(!is_steady(&[1; 30], 300), "one a second, as open pages ask");
        assert!(!is_steady(&[6; 12], 60_000), "parts of a film");
        assert!(!is_steady(&[20, 20, 0, 20, 20, 0, 1], 300));
    }

    #[test]
    fn what_came_before_counts_once() {
        let mut pace = Pace::default();
        let before: Vec<_> = (0..8).map(|second| pace.ask(second, 20).before).collect();
        assert_eq!(before.iter().filter(|count| **count > 0).count(), 1);
    }

    #[test]
    fn batches_that_nobody_answers_are_resets() {
        let mut batches = Batches::default();
        assert_eq!(batches.send(0, 560, 1, 560), 0);
        assert_eq!(batches.send(300, 560, 1, 560), 0, "the first may wait for its answer");
        assert_eq!(batches.send(600, 560, 1, 560), 28, "both count now");
        assert_eq!(batches.send(900, 560, 1, 560), 14);
        batches.answer(50_000);
        assert_eq!(batches.send(1_000, 560, 1, 560), 0);
        assert!(!batches.is_resetting, "somebody who is answered again");
    }

    #[test]
    fn heads_without_bodies_are_hardly_answers() {
        let (mut batches, mut counted) = (Batches::default(), 0);
        for number in 0..10 {
            counted += batches.send(number * 100, 560, 1, 560);
            batches.answer(1_220);
        }
        assert!(counted >= 80, "{counted}");
    }

    #[test]
    fn pages_forms_uploads_and_talk_are_no_resets() {
        let counted = |gap: u32, bytes: u32, records: u32, largest: u32, answer: u32| -> u32 {
            let mut batches = Batches::default();
            (0..400)
                .map(|number| {
                    let counts = batches.send(number * gap, bytes, records, largest);
                    batches.answer(answer);
                    counts
                })
                .sum()
        };
        assert_eq!(counted(2_000, 900, 20, 60, 160_000), 0, "eighty assets of a page at once");
        assert_eq!(counted(3_000, 3_000, 1, 3_000, 220), 0, "forms one after the other");
        assert_eq!(counted(10, 1_460, 0, 0, 0) / 400, 0, "pieces of one record");
        assert_eq!(counted(120, 16_384, 1, 16_384, 0), 0, "an upload");
        assert_eq!(counted(1_000, 120, 1, 120, 0), 0, "what people say to each other");
        assert_eq!(counted(500, 34, 1, 34, 0), 0, "window updates of a download");
    }
}
