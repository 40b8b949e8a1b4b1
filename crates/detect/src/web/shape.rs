//! What the shape of a connection's records says of its client: how evenly it asks, and whether it waits for answers.
//!
//! *Steady*: at least [`STEADY_LEAST`] requests in each of the last seconds, about as many in each. People read, so that
//! their requests come in bursts with silence between; a program goes on. Who gets much for each request downloads, and
//! is not meant: players fetch parts of a film at an even pace. A page of two hundred parts over a slow line is fetched evenly
//! for some seconds too; so few clients that are steady, and ask no more than a page has, are believed [`LONE_SECONDS`] later.
//!
//! *Resetting* (HTTP/2 rapid reset, CVE-2023-44487): a client opens streams and takes them back at once. What is
//! seen of it is a client of HTTP/2 that goes on sending batches of small records although nothing is answered any more. An
//! upload has large records; who waits for a slow server does not ask for fifty more things meanwhile.
//!
//! Streams that come one by one, each with what takes it back right behind, say so sooner ([`SINGLE_STREAMS`]).
//!
//! Limits: where the server answers each stream before it is taken back, or with the head of an answer alone, this looks like
//! somebody who asks much and gets little (counters of visits do just that), and is judged by its pace. Streams are
//! estimated from bytes ([`STREAM_BYTES`]). A call over a WebSocket in which only one side speaks would look the same if
//! browsers offered HTTP/2 for it, which they do not.

use super::tls::Sent;

/// Requests in each second that make a pace.
const STEADY_LEAST: u16 = 3;
/// From so many on, or where they are very even, three seconds are enough.
const STEADY_MANY: u16 = 10;
const SECONDS: usize = 4;
/// A client that is alone in being steady has to go on for so long, which a page does not.
const LONE_SECONDS: u32 = 8;
/// So many clients that are steady at once are not alone, each for so long after it was last seen to be.
const COMPANY: usize = 3;
const COMPANY_SECONDS: u32 = 10;
/// Requests a second at an even pace, of all together, that no page over a slow line has for seconds.
const MANY_EVEN_REQUESTS: u32 = 100;
/// Bytes of answer for each request above which somebody downloads.
const DOWNLOAD_BYTES: u32 = 32 * 1_024;
/// Bytes of answer for each request, with its head, below which there is no page.
const SMALL_ANSWER_BYTES: u32 = 900;
/// Sums are halved here, so that they are of the last requests.
const SUM_MAXIMUM: u32 = 64;
/// Who sends nothing for so long has ended a batch.
const BATCH_GAP_MILLISECONDS: u32 = 100;
/// Bytes of a stream that is opened and reset: heads of frames (RFC 9113 section 4.1) of 9 bytes each, four of error code, and the
/// least of a field section that the server knows already.
const STREAM_BYTES: u32 = 40;
/// Streams without an answer that nobody opens who waits for one, in so many batches over so long.
const UNANSWERED_STREAMS: u32 = 48;
const UNANSWERED_BATCHES: u32 = 2;
const UNANSWERED_MILLISECONDS: u32 = 1_000;
/// The same of streams that come one by one, each with what takes it back behind it.
const SINGLE_STREAMS: u32 = 5;
/// A larger record is of an upload.
const UPLOAD_RECORD_BYTES: u32 = 8 * 1_024;
/// More than this in records that are not small is one too.
const UPLOAD_BYTES: u32 = 24 * 1_024;
const SMALL_RECORD_BYTES: u32 = 1_024;
/// Streams of a batch that is one or the other.
const DOUBTFUL_STREAMS: u32 = 8;
/// What the server says in fewer bytes is of the protocol itself: settings, window updates, a farewell.
const ANSWER_BYTES: u32 = 64;

/// At which pace a client asks.
#[derive(Clone, Copy, Default)]
pub(super) struct Pace {
    second: u32,
    now: u16,
    last: [u16; SECONDS],
    asked: u32,
    answered: u32,
    is_steady: bool,
    /// When it turned out to be steady, and whether that was told.
    since: u32,
    is_told: bool,
}

/// The clients of a service that were seen to be steady lately.
#[derive(Clone, Copy, Default)]
pub(super) struct Company {
    clients: [u128; COMPANY],
    /// When each was steady last; nought for none.
    seconds: [u32; COMPANY],
    /// What all together ask at an even pace in this second, and in the one before.
    now: (u32, u32),
    last: u32,
}

impl Company {
    /// A client that is steady asks so many times. Says whether others do, or all together so much, that it is no page.
    pub(super) fn join(&mut self, client: u128, second: u32, asks: u16) -> bool {
        if self.now.0 != second {
            self.last = if self.now.0.wrapping_add(1) == second { self.now.1 } else { 0 };
            self.now = (second, 0);
        }
        self.now.1 = self.now.1.saturating_add(u32::from(asks));
        let is_known = |place: &usize| self.seconds[*place] > 0 && self.clients[*place] == client;
        let place = (0..COMPANY).find(is_known).or_else(|| (0..COMPANY).min_by_key(|at| self.seconds[*at]));
        if let Some(place) = place {
            (self.clients[place], self.seconds[place]) = (client, second.max(1));
        }
        let are_many = self.last.max(self.now.1) >= MANY_EVEN_REQUESTS;
        are_many
            || self.seconds.iter().all(|seen| *seen > 0 && second.saturating_sub(*seen) <= COMPANY_SECONDS)
    }
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

    /// Whether what was answered so far is too little for pages.
    pub(super) const fn is_small(&self) -> bool {
        self.asked > 0 && self.answered / self.asked < SMALL_ANSWER_BYTES
    }

    /// The client asks so many times. `join` is asked, where it is steady, whether others are.
    pub(super) fn ask(&mut self, second: u32, asks: u16, join: impl FnOnce() -> bool) -> Paced {
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
        let has_company = self.is_steady && join();
        let is_believed = self.is_steady
            && (self.is_told || has_company || second.saturating_sub(self.since) >= LONE_SECONDS);
        let was_told = std::mem::replace(&mut self.is_told, is_believed);
        Paced { is_steady: is_believed, before: if is_believed && !was_told { sum / 2 } else { 0 } }
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
        let many = self.last[..SECONDS - 1].iter().copied().max().unwrap_or(0);
        let is_even = u32::from(many) * 2 <= u32::from(few) * 3;
        let seconds = if few >= STEADY_MANY || is_even { SECONDS - 1 } else { SECONDS };
        let least = self.last[..seconds].iter().copied().min().unwrap_or(0);
        let most = self.last[..seconds].iter().copied().max().unwrap_or(0);
        // Once it is, a hiccup of the server does not change it.
        let (floor, times) = if self.is_steady { (1, 4) } else { (STEADY_LEAST, 2) };
        let was_steady = self.is_steady;
        self.is_steady = !is_download && least >= floor && most <= least.saturating_mul(times);
        if self.is_steady && !was_steady {
            self.since = second;
        }
    }
}

/// What a client sent since its server answered last.
#[derive(Clone, Copy, Default)]
pub(super) struct Batches {
    /// When the client sent first and last since then, in milliseconds, wrapping.
    since: u32,
    at: u32,
    bytes: u32,
    records: u32,
    resets: u32,
    largest: u32,
    batches: u32,
    /// Streams that were counted.
    counted: u32,
    pub(super) is_resetting: bool,
}

impl Batches {
    /// The server sends so many bytes.
    #[inline]
    pub(super) fn answer(&mut self, bytes: u32) {
        if bytes >= ANSWER_BYTES {
            *self = Self::default();
        }
    }

    /// The client sends something. Gives the streams that turned out to be reset.
    pub(super) fn send(&mut self, at: u32, sent: &Sent) -> u32 {
        let Sent { bytes, records, largest, .. } = *sent;
        if self.records > 0 || records > 0 {
            // Windows of before are no streams.
            self.resets = self.resets.saturating_add(sent.resets);
        }
        if bytes == 0 {
            return 0;
        }
        if self.batches == 0 {
            self.since = at;
        }
        if self.batches == 0 || at.wrapping_sub(self.at) >= BATCH_GAP_MILLISECONDS {
            self.batches = self.batches.saturating_add(1);
        }
        self.at = at;
        self.bytes = self.bytes.saturating_add(bytes);
        self.records = self.records.saturating_add(records);
        self.largest = self.largest.max(largest);
        let streams = (self.bytes / STREAM_BYTES).max(self.records);
        // Records of this size may be of a batch of many streams, or of an upload over a bad link.
        let is_doubtful = self.bytes / SMALL_RECORD_BYTES > self.records;
        let is_upload = self.largest > UPLOAD_RECORD_BYTES || (self.bytes > UPLOAD_BYTES && is_doubtful);
        let goes_on = streams >= UNANSWERED_STREAMS
            && (self.batches >= UNANSWERED_BATCHES || self.records >= UNANSWERED_STREAMS)
            && at.wrapping_sub(self.since) >= UNANSWERED_MILLISECONDS;
        // A stream and its end, again and again, and nothing between: nobody waits for anything here.
        let is_single = self.resets >= SINGLE_STREAMS
            && self.batches >= SINGLE_STREAMS
            && self.resets.saturating_mul(2) >= self.records
            && at.wrapping_sub(self.since) >= UNANSWERED_MILLISECONDS;
        self.is_resetting = (goes_on || is_single) && !is_upload;
        if !self.is_resetting {
            return 0;
        }
        let streams = if goes_on { streams } else { self.resets.min(self.records) };
        let streams = if is_doubtful { self.batches.saturating_mul(DOUBTFUL_STREAMS) } else { streams };
        let new = streams.saturating_sub(self.counted);
        self.counted = self.counted.max(streams);
        new
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
                last = pace.ask(1_000 + second as u32, 1, || true).is_steady;
                pace.answer(answer);
            }
        }
        last
    }

    #[test]
    fn a_program_is_steady_and_people_are_not() {
        assert!(is_steady(&[50, 50, 51, 49, 1], 2_600));
        assert!(is_steady(&[4, 4, 4, 5, 1], 2_600));
        assert!(is_steady(&[4, 4, 4, 1], 2_600), "so even that three seconds are enough");
        assert!(!is_steady(&[5, 3, 4, 1], 2_600), "few have to go on for longer");
        assert!(!is_steady(&[80, 4, 0, 0, 0, 30, 1, 0, 0, 9, 1], 9_000), "pages and time to read them");
        assert!(!is_steady(&[1; 30], 300), "one a second, as open pages ask");
        assert!(!is_steady(&[6; 12], 60_000), "parts of a film");
        assert!(!is_steady(&[20, 20, 0, 20, 20, 0, 1], 300));
    }

    #[test]
    fn what_came_before_counts_once() {
        let mut pace = Pace::default();
        let before: Vec<_> = (0..8).map(|second| pace.ask(second, 20, || true).before).collect();
        assert_eq!(before.iter().filter(|count| **count > 0).count(), 1);
    }

    #[test]
    fn who_is_alone_has_to_go_on_for_longer_than_a_page_takes() {
        let told = |seconds: u32, others: bool| {
            let mut pace = Pace::default();
            let told = (0..seconds).map(|second| pace.ask(second, 50, || others)).collect::<Vec<_>>();
            (
                told.iter().filter(|paced| paced.is_steady).count(),
                told.iter().map(|paced| paced.before).sum::<u32>(),
            )
        };
        assert_eq!(told(8, false), (0, 0), "two hundred parts and more over a slow line");
        assert_eq!(told(20, false), (9, 100), "what came before is not all of it");
        assert_eq!(told(8, true), (5, 75));
        let mut company = Company::default();
        assert!((0..20).all(|second| !company.join(1, second, 30) && !company.join(2, second, 30)), "two");
        assert!(company.join(3, 20, 1) && company.join(1, 21, 1) && !company.join(1, 40, 1));
        assert!(company.join(1, 50, 100) && company.join(1, 51, 1) && !company.join(1, 52, 1), "no page");
    }

    fn sent(bytes: u32, records: u32, largest: u32) -> Sent {
        Sent { bytes, records, largest, ..Sent::default() }
    }

    #[test]
    fn batches_that_nobody_answers_are_resets() {
        let mut batches = Batches::default();
        let counted: Vec<_> = (0..6).map(|number| batches.send(number * 300, &sent(560, 1, 560))).collect();
        assert_eq!(counted, [0, 0, 0, 0, 70, 14], "what came before counts too");
        batches.answer(31);
        assert_eq!(batches.send(1_800, &sent(560, 1, 560)), 14, "an acknowledgement is no answer");
        batches.answer(2_500);
        assert_eq!(batches.send(2_100, &sent(560, 1, 560)), 0);
        assert!(!batches.is_resetting, "somebody who is answered again");
    }

    #[test]
    fn streams_one_by_one_are_resets_too() {
        let mut batches = Batches::default();
        let counted: u32 = (0..1_000).map(|number| batches.send(number * 5, &sent(62, 1, 62))).sum();
        assert!(counted >= 1_000, "{counted}");
    }

    #[test]
    fn a_stream_and_its_end_again_and_again_are_resets_however_slow() {
        let counted = |resets: u32, is_answered: bool| -> u32 {
            let mut batches = Batches::default();
            (0..20)
                .map(|number| {
                    let asked = batches.send(number * 700, &sent(46, 1, 46));
                    let given_up = batches.send(number * 700 + 4, &Sent { resets, ..Sent::default() });
                    batches.answer(if is_answered { 3_000 } else { 26 });
                    asked + given_up
                })
                .sum()
        };
        assert!(counted(1, false) >= 18, "{}", counted(1, false));
        assert_eq!(counted(0, false), 0, "somebody who waits for a server that hangs");
        assert_eq!(counted(1, true), 0, "a window after each answer");
    }

    #[test]
    fn pages_forms_uploads_and_talk_are_no_resets() {
        let counted = |gap: u32, bytes: u32, records: u32, largest: u32, answer: u32| -> u32 {
            let mut batches = Batches::default();
            (0..400)
                .map(|number| {
                    let counts = batches.send(number * gap, &sent(bytes, records, largest));
                    batches.answer(answer);
                    counts
                })
                .sum()
        };
        assert_eq!(counted(2_000, 900, 20, 60, 160_000), 0, "eighty assets of a page at once");
        assert_eq!(counted(3_000, 3_000, 1, 3_000, 220), 0, "forms one after the other");
        assert_eq!(counted(120, 16_384, 1, 16_384, 0), 0, "an upload");
        assert_eq!(counted(120, 4_096, 1, 4_096, 0), 0, "an upload in smaller pieces");
        assert!(counted(300, 4_096, 1, 4_096, 0) < 60, "the same over a bad link");
        assert_eq!(counted(150, 520, 1, 520, 147), 0, "counters of visits");
    }
}
