//! Clients that ask for the same few things again and again, and how many of them there are at once.
//!
//! People read one page and then another, crawlers hardly ever come back to one, and feed readers come once an hour. A
//! loop somebody wrote comes back at once. In clear text the same thing is the same path, without a page before it; inside TLS
//! it is an answer of the same size. One such client is a monitor or a script; a dozen at once are somebody's plan, even if all of
//! them together ask for ten pages a second: [`Swarm`] counts them.
//!
//! Not meant are clients that load what belongs to pages (who presses reload), interfaces for programs and answers of a few
//! bytes (whoever waits for the result of a vote), and large ones (a film comes in even pieces).
//!
//! Inside TLS who asks by a timer over a connection that is kept is not meant either: that may be a page that stays open, and is told by its
//! pace (`rhythm`).
//!
//! Limits: each client has [`MARKS`] places, so that a list of many more pages looks like a crawler. Nothing is said of a client
//! that comes back less often than about every five seconds.

use wire::web::{Method, Request};

use super::class::Class;
use crate::fade::faded;

/// What is counted decays over so many seconds.
pub(super) const MEMORY_SECONDS: f32 = 10.0;
/// Things that a client asked for last.
const MARKS: usize = 8;
/// Two repeated requests within so many seconds make a loop, if they are such a share of what was asked for lately.
const REPEATS_SECONDS: u32 = 5;
const REPEATS_SHARE: f32 = 0.34;
/// One is enough of a client that asked so often lately, decayed over ten seconds: a list has to be gone through first.
const ASKED_OFTEN: f32 = 2.4;
/// A client that was not seen in a loop for so long begins anew.
const AGAIN_SECONDS: u32 = 60;
/// Share of equal times between requests that makes a timer, and the longest time, in quarters of a second.
const TIMED_SHARE: f32 = 0.9;
const LONGEST_GAP: u32 = 40;
/// Share of answers of a few bytes that make somebody who waits for news.
const SMALL_SHARE: f32 = 0.8;
/// A program in a loop is seen within so many seconds.
const SWARM_SECONDS: usize = 8;
/// Answers of fewer bytes have no page in them, packed or not.
const PAGE_BYTES: u64 = 600;
/// The same with what HTTP and TLS add.
const SEALED_PAGE_BYTES: u32 = 900;
/// Larger ones are pieces of something.
const PIECE_BYTES: u32 = 32 * 1_024;
/// Answers are of the same size up to so many units, and a part of theirs: a head that is packed, a date.
const SIZE_UNIT_BYTES: u32 = 16;
const SIZE_UNITS: u16 = 4;
const SIZE_PART: u16 = 64;
/// Beginnings of a part of a path that is there for programs, and ends.
const INTERFACES: [&[u8]; 10] =
    [b"api", b"ajax", b"feed", b"graphql", b"health", b"metrics", b"ping", b"poll", b"rss", b"status"];
const INTERFACE_ENDINGS: [&[u8]; 4] = [b".json", b".xml", b".rss", b".txt"];
/// Bytes of a path that are looked at.
const LOOKED_AT_BYTES: usize = 256;

/// A client in a loop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Seen {
    /// The second in which that was said of it last.
    pub(crate) told: u32,
    /// Requests of before that count now, since it has just turned out to be in one.
    pub(crate) before: u32,
}

/// What a client asked for lately.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Loop {
    /// The mark of its client in the table, and the second in which it was looked at last.
    client: u32,
    second: u32,
    marks: [u16; MARKS],
    next: u8,
    asked: f32,
    repeats: f32,
    /// Answers without a page in them.
    small: f32,
    /// When it asked last and how long before that, in quarters of a second, and how often that was as long as the time before.
    at: u32,
    gap: u32,
    gaps: f32,
    even: f32,
    /// The seconds of the last two repeated requests, the later one first.
    repeated: [u32; 2],
    /// The second in which it was counted last.
    told: u32,
}

impl Loop {
    /// Somebody looks at it: what was counted fades, and is forgotten if it was another client's.
    pub(crate) fn begin(&mut self, client: u32, second: u32) {
        if self.client != client {
            *self = Self { client, second, ..Self::default() };
        }
        let silent = second.saturating_sub(self.second);
        if silent > 0 {
            self.fade(kept(silent));
            self.second = second;
        }
    }

    fn fade(&mut self, kept: f32) {
        self.asked = faded(self.asked * kept);
        self.repeats = faded(self.repeats * kept);
        self.small = faded(self.small * kept);
        self.gaps = faded(self.gaps * kept);
        self.even = faded(self.even * kept);
    }

    /// It asks, at a time in quarters of a second.
    pub(crate) fn note_time(&mut self, quarter: u32) {
        let gap = quarter.wrapping_sub(self.at);
        if (1..=LONGEST_GAP).contains(&self.gap) && gap <= LONGEST_GAP {
            self.gaps += 1.0;
            self.even += f32::from(u8::from(gap.abs_diff(self.gap) <= 1));
        }
        (self.at, self.gap) = (quarter, gap);
    }

    /// Whether it asks by a timer, as pages that stay open do.
    pub(crate) fn is_timed(&self) -> bool {
        self.gaps > 0.0 && self.even >= TIMED_SHARE * self.gaps
    }

    /// It asks for a path.
    pub(crate) fn note_path(&mut self, path: u64, second: u32) {
        self.note(second, (path >> 48) as u16 | 1, |known, mark| known == mark);
    }

    /// It was answered with so many bytes.
    pub(crate) fn note_answer(&mut self, bytes: u32, second: u32) {
        let is_page = (SEALED_PAGE_BYTES..=PIECE_BYTES).contains(&bytes);
        // Other answers count, and are never the same.
        let mark = if is_page { (bytes / SIZE_UNIT_BYTES).min(u32::from(u16::MAX)) as u16 } else { 0 };
        self.small += f32::from(u8::from(bytes < SEALED_PAGE_BYTES));
        self.note(second, mark, |known, mark| {
            mark > 0 && known.abs_diff(mark) <= SIZE_UNITS + mark / SIZE_PART
        });
    }

    fn note(&mut self, second: u32, mark: u16, is_same: impl Fn(u16, u16) -> bool) {
        self.asked += 1.0;
        if self.marks.iter().any(|known| is_same(*known, mark)) {
            self.repeats += 1.0;
            self.repeated = [second, self.repeated[0]];
        }
        self.marks[usize::from(self.next) % MARKS] = mark;
        self.next = (self.next + 1) % MARKS as u8;
    }

    /// Whether it goes round in a loop.
    pub(crate) fn goes_on(&mut self, second: u32) -> Option<Seen> {
        let repeated = self.repeated[usize::from(self.asked < ASKED_OFTEN)];
        let is_recent = second.saturating_sub(repeated) <= REPEATS_SECONDS;
        if !is_recent || self.repeats < REPEATS_SHARE * self.asked {
            return None;
        }
        let told = std::mem::replace(&mut self.told, second);
        let is_new = second.saturating_sub(told) > AGAIN_SECONDS;
        Some(Seen { told, before: if is_new { self.repeats as u32 } else { 0 } })
    }

    /// Whether it is answered with a few bytes each time.
    pub(crate) fn is_small(&self) -> bool {
        self.small > 0.0 && self.small >= SMALL_SHARE * self.asked
    }
}

/// Clients in loops at one service.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Swarm {
    /// Clients by the second in which they were seen last.
    seen: [u16; SWARM_SECONDS],
    second: u32,
}

impl Swarm {
    /// A client is seen that was seen before in the second `told`.
    pub(crate) fn note(&mut self, told: u32, second: u32) {
        self.turn(second);
        let place = |second: u32| second as usize % SWARM_SECONDS;
        if second.wrapping_sub(told) < SWARM_SECONDS as u32 {
            self.seen[place(told)] = self.seen[place(told)].saturating_sub(1);
        }
        self.seen[place(second)] = self.seen[place(second)].saturating_add(1);
    }

    fn turn(&mut self, second: u32) {
        let ahead = second.wrapping_sub(self.second);
        // A clock that was set back begins anew.
        for gone in 0..ahead.min(SWARM_SECONDS as u32) {
            self.seen[second.wrapping_sub(gone) as usize % SWARM_SECONDS] = 0;
        }
        self.second = second;
    }

    /// How many there are.
    pub(crate) fn clients(&mut self, second: u32) -> u32 {
        self.turn(second);
        self.seen.iter().map(|clients| u32::from(*clients)).sum()
    }
}

/// The part of what was counted that is left after so many seconds.
pub(super) fn kept(silent: u32) -> f32 {
    KEPT.get(silent as usize).copied().unwrap_or(0.0)
}

/// That part after each second, until there is next to nothing.
const KEPT: [f32; 256] = {
    /// e to the power of -1/10, for [`MEMORY_SECONDS`].
    const AFTER_A_SECOND: f64 = 0.904_837_418_035_959_6;
    let (mut kept, mut left, mut second) = ([0.0; 256], 1.0_f64, 0);
    while second < kept.len() {
        kept[second] = left as f32;
        left *= AFTER_A_SECOND;
        second += 1;
    }
    kept
};

/// Whether a request may be one of a loop: for a page that nothing led to.
pub(crate) fn is_for_a_page(request: &Request<'_>, class: Class) -> bool {
    matches!(class, Class::PageBare | Class::QueryKnown)
        && request.method == Method::Get
        && request.referrer.is_empty()
}

/// Whether this asks for a few figures and not for a page. What the server does not have is no interface of its, whatever the
/// path says.
pub(crate) fn is_for_news(request: &Request<'_>, path: &[u8]) -> bool {
    let is_small = || request.response_bytes.is_some_and(|bytes| bytes < PAGE_BYTES);
    request.method == Method::Get
        && (matches!(request.status, 200 | 204 | 304) && is_small()
            || !matches!(request.status, 400 | 404 | 405) && is_interface(path))
}

/// Whether a path is there for programs.
fn is_interface(path: &[u8]) -> bool {
    let path = &path[..path.len().min(LOOKED_AT_BYTES)];
    // Most parts are passed over by their first letter.
    let starts = |part: &[u8]| {
        part.first().is_some_and(|first| b"afghmprsAFGHMPRS".contains(first))
            && INTERFACES
                .iter()
                .any(|known| part.get(..known.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(known)))
    };
    INTERFACE_ENDINGS.iter().any(|known| path.ends_with(known))
        || path.split(|&byte| byte == b'/').any(starts)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a client is in a loop after a request each `every` seconds.
    fn goes_on(every: u32, note: &dyn Fn(&mut Loop, u32, u32)) -> bool {
        let mut seen = Loop::default();
        for number in 0..20 {
            seen.begin(7, 1_000 + every * number);
            note(&mut seen, number, 1_000 + every * number);
        }
        seen.goes_on(1_000 + every * 19).is_some()
    }

    #[test]
    fn who_comes_back_to_a_page_is_in_a_loop_and_who_reads_is_not() {
        let path = |number: u32| u64::from(2 * number) << 48;
        assert!(goes_on(1, &|seen, _, second| seen.note_path(path(4), second)), "one page");
        assert!(goes_on(5, &|seen, _, second| seen.note_path(path(4), second)), "every five seconds");
        assert!(goes_on(1, &|seen, number, second| seen.note_path(path(number % 6), second)), "six pages");
        assert!(!goes_on(1, &|seen, number, second| seen.note_path(path(number), second)), "a crawler");
        assert!(!goes_on(10, &|seen, _, second| seen.note_path(path(4), second)), "a monitor");
    }

    #[test]
    fn answers_of_one_size_are_one_page_unless_they_are_small_or_large() {
        assert!(goes_on(1, &|seen, number, second| seen.note_answer(5_000 + number % 60, second)));
        assert!(
            !goes_on(1, &|seen, number, second| seen.note_answer(2_000 + 313 * number, second)),
            "a crawler"
        );
        assert!(!goes_on(1, &|seen, _, second| seen.note_answer(400, second)), "a vote's figures");
        assert!(!goes_on(1, &|seen, _, second| seen.note_answer(60_000, second)), "a film");
    }

    #[test]
    fn a_timer_is_told_from_waits_by_chance() {
        let is_timed = |wait: &dyn Fn(u32) -> u32| {
            let (mut seen, mut now) = (Loop::default(), 4_000);
            for number in 0..12 {
                seen.note_time(now / 250);
                now += wait(number);
            }
            seen.is_timed()
        };
        assert!(
            is_timed(&|number| 1_960 + number * 31 % 80) && !is_timed(&|number| 400 + number * 617 % 1_000)
        );
    }

    #[test]
    fn a_swarm_has_each_client_once_while_it_goes_on() {
        let (mut swarm, mut told) = (Swarm::default(), [0_u32; 20]);
        for second in 100..130_u32 {
            for client in (0..20).filter(|client| (client + second) % 2 == 0) {
                let told = &mut told[client as usize];
                swarm.note(std::mem::replace(told, second), second);
            }
            assert!(second < 102 || swarm.clients(second) == 20, "{second}");
        }
        assert_eq!((swarm.clients(133), swarm.clients(140)), (20, 0));
        swarm.note(0, 20);
        assert_eq!(swarm.clients(20), 1, "a clock that was set back");
    }

    #[test]
    fn the_table_of_what_is_kept_is_that_of_its_length_of_time() {
        for second in [0, 1, 7, 60, 255] {
            let exact = (-f64::from(second) / f64::from(MEMORY_SECONDS)).exp();
            assert!((f64::from(kept(second)) - exact).abs() <= 1e-6 * exact, "{second}");
        }
        assert!(kept(256) == 0.0 && kept(u32::MAX) == 0.0);
    }

    #[test]
    fn what_is_not_there_is_no_interface() {
        let asks = |status: u16| {
            let request = Request {
                method: Method::Get,
                target: b"/api/votes",
                status,
                response_bytes: Some(5_000),
                ..Request::default()
            };
            is_for_news(&request, request.path())
        };
        assert!(asks(200) && asks(503), "one that has too much to do is one");
        assert!(!asks(404) && !asks(405));
    }

    #[test]
    fn interfaces_are_known_by_their_paths() {
        assert!(is_interface(b"/api/votes") && is_interface(b"/de/rss") && is_interface(b"/votes/4.json"));
        assert!(!is_interface(b"/capital") && !is_interface(b"/votes/4"));
    }
}
