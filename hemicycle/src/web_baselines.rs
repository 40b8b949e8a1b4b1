//! The text of the web layer's state file: what was learnt of each service, written and read back.
//!
//! As [`crate::baselines`]: a header, then a line for each service with the time until which it was learnt, all compressed with
//! gzip, and every line is checked like any foreign byte. What the file knows of services that were not seen since
//! the last start is kept.
//!
//! Limits: those of [`crate::baselines`], and [`MAXIMUM_SERVICES`] services.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};

use detect::web::{LearntWeb, MAXIMUM_SERVICES, WebDetector};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use wire::Time;

use crate::baselines::{MAXIMUM_LINE_BYTES, ReadError, opened, timestamp, write_lines};

const FORMAT: &str = "hemicycle-web-baselines";

/// What is known of one service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebEntry {
    /// The time until which it was learnt.
    pub at: Timestamp,
    /// What was learnt.
    pub learnt: LearntWeb,
}

/// A file that was read, by the names of services.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WebState {
    /// [`MAXIMUM_SERVICES`] at most.
    pub entries: BTreeMap<String, WebEntry>,
    /// Lines that could not be used.
    pub skipped_lines: u64,
}

impl WebState {
    /// Reads a file. A line that cannot be used is counted and left out.
    ///
    /// # Errors
    /// When it is not what this version writes, or not all of it.
    pub fn read(compressed: impl BufRead) -> Result<Self, ReadError> {
        let (_, mut lines) = opened(compressed, FORMAT)?;
        let mut state = Self::default();
        while let Some(line) = lines.next()? {
            match checked(line) {
                Some(entry) if state.has_room(&entry) => state.take(entry),
                _ => state.skipped_lines += 1,
            }
        }
        Ok(state)
    }

    fn has_room(&self, entry: &WebEntry) -> bool {
        self.entries.len() < MAXIMUM_SERVICES || self.entries.contains_key(&entry.learnt.service)
    }

    /// Of a service that is there twice, what is newer holds.
    fn take(&mut self, entry: WebEntry) {
        if self.entries.get(&entry.learnt.service).is_none_or(|known| known.at <= entry.at) {
            self.entries.insert(entry.learnt.service.clone(), entry);
        }
    }

    /// Gives it to a detector whose time is `now`. Says of how many services.
    pub fn recall(&self, detector: &mut WebDetector, now: Time) -> u64 {
        let seconds_ago = |entry: &WebEntry| timestamp(now).as_second().abs_diff(entry.at.as_second());
        let recalled = self.entries.values().filter(|entry| {
            // Every line was checked when it was read.
            detector.recall(&entry.learnt, now, seconds_ago(entry)).unwrap_or(false)
        });
        recalled.count() as u64
    }

    /// Takes what was learnt until `at` in place of what was known of these services. Of others it keeps what is not older
    /// than `oldest`, as far as there is room. What is from after `at` was learnt under a clock that was wrong, and counts as
    /// learnt now: it would otherwise never be too old. Says how many services were left out.
    pub fn renew(&mut self, learnt: Vec<LearntWeb>, at: Timestamp, oldest: Timestamp) -> u64 {
        let before = std::mem::take(&mut self.entries);
        let mut left_out = 0;
        for learnt in learnt {
            let entry = WebEntry { at, learnt };
            if self.has_room(&entry) && fits(&entry) {
                self.entries.insert(entry.learnt.service.clone(), entry);
            } else {
                left_out += 1;
            }
        }
        for (service, entry) in before {
            if self.entries.contains_key(&service) {
                continue;
            }
            let entry = WebEntry { at: entry.at.min(at), ..entry };
            if entry.at >= oldest && self.has_room(&entry) {
                self.entries.insert(service, entry);
            } else {
                left_out += 1;
            }
        }
        left_out
    }

    /// Writes what [`WebState::read`] reads, and gives the file back.
    ///
    /// # Errors
    /// When the file takes no more.
    pub fn write<W: Write>(&self, file: W, written: Timestamp) -> io::Result<W> {
        write_lines(file, FORMAT, self.entries.values(), written)
    }
}

/// An entry that can be what was learnt, and that can be kept.
fn checked(line: &[u8]) -> Option<WebEntry> {
    let entry: WebEntry = serde_json::from_slice(line).ok()?;
    entry.learnt.check().ok()?;
    fits(&entry).then_some(entry)
}

/// Whether an entry is a line that can be read back: one that is too long would cost the whole file.
fn fits(entry: &WebEntry) -> bool {
    serde_json::to_vec(entry).is_ok_and(|line| line.len() < MAXIMUM_LINE_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learnt(service: &str, readers: f32) -> LearntWeb {
        LearntWeb {
            service: service.to_owned(),
            seconds: 5_000,
            kinds: Vec::new(),
            hours: vec![-1.0; 168],
            readers,
            readers_seconds: 5_000,
            slow_connections: 0.0,
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn what_is_written_is_read_and_a_bad_line_costs_itself() {
        let mut state = WebState::default();
        state.renew(vec![learnt("www", 1.5), learnt("media", 0.5)], at(1_000), at(0));
        let file = state.write(Vec::new(), at(1_000)).unwrap();
        assert_eq!(WebState::read(&*file).unwrap(), state);
        let mut bad = state.clone();
        bad.entries.get_mut("media").unwrap().learnt.readers = -4.0;
        let read = WebState::read(&*bad.write(Vec::new(), at(1_000)).unwrap()).unwrap();
        assert_eq!((read.entries.len(), read.skipped_lines), (1, 1));
        assert!(matches!(WebState::read(&file[..file.len() / 2]), Err(ReadError::Damaged(_))));
        let other = crate::baselines::write(Vec::new(), std::iter::empty(), at(0)).unwrap();
        assert!(matches!(WebState::read(&*other), Err(ReadError::Foreign)));
    }

    #[test]
    fn what_is_not_seen_any_more_is_kept_and_goes_in_time() {
        let mut state = WebState::default();
        state.renew(vec![learnt("www", 1.5), learnt("old", 0.5)], at(1_000), at(0));
        state.renew(vec![learnt("www", 2.0)], at(2_000), at(900));
        assert_eq!((state.entries.len(), state.entries["www"].learnt.readers), (2, 2.0));
        assert_eq!(state.renew(Vec::new(), at(3_000), at(1_500)), 1);
        assert!(!state.entries.contains_key("old"));
        let mut detector = WebDetector::new([1; 16]);
        detector.service("www", &[]);
        assert_eq!(state.recall(&mut detector, Time::from_seconds(3_000, 0)), 1);
    }

    #[test]
    fn what_is_from_the_future_is_replaced_and_grows_old() {
        let mut state = WebState::default();
        // A clock that was decades ahead.
        state.renew(vec![learnt("www", 9.0), learnt("old", 9.0)], at(4_000_000_000), at(0));
        state.renew(vec![learnt("www", 2.0)], at(1_000), at(0));
        assert_eq!((state.entries["www"].learnt.readers, state.entries["www"].at), (2.0, at(1_000)));
        assert_eq!(state.entries["old"].at, at(1_000));
        assert_eq!(state.renew(vec![learnt("www", 2.0)], at(3_000), at(2_000)), 1);
        assert_eq!(state.entries.keys().collect::<Vec<_>>(), ["www"]);
    }

    #[test]
    fn what_is_learnt_now_has_room_before_what_is_old_and_what_does_not_fit_is_counted() {
        let mut state = WebState::default();
        let all = |name: &str| {
            (0..MAXIMUM_SERVICES).map(|number| learnt(&format!("{name} {number}"), 1.0)).collect()
        };
        assert_eq!(state.renew(all("old"), at(1_000), at(0)), 0);
        assert_eq!(state.renew(vec![learnt("www", 1.0)], at(2_000), at(0)), 1);
        assert!(state.entries.len() == MAXIMUM_SERVICES && state.entries.contains_key("www"));
        // A name that would make the file unreadable.
        let long = "a".repeat(MAXIMUM_LINE_BYTES);
        assert_eq!(state.renew(vec![learnt(&long, 1.0)], at(2_000), at(0)), 1);
        assert_eq!(WebState::read(&*state.write(Vec::new(), at(2_000)).unwrap()).unwrap(), state);
    }
}
