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

    /// Takes what was learnt until `at`, and forgets what is older than `oldest`.
    pub fn renew(&mut self, learnt: Vec<LearntWeb>, at: Timestamp, oldest: Timestamp) {
        for learnt in learnt {
            let entry = WebEntry { at, learnt };
            if self.has_room(&entry) {
                self.take(entry);
            }
        }
        self.entries.retain(|_, entry| entry.at >= oldest);
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
    (serde_json::to_vec(&entry).ok()?.len() < MAXIMUM_LINE_BYTES).then_some(entry)
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
        state.renew(Vec::new(), at(3_000), at(1_500));
        assert!(!state.entries.contains_key("old"));
        let mut detector = WebDetector::new([1; 16]);
        detector.service("www", &[]);
        assert_eq!(state.recall(&mut detector, Time::from_seconds(3_000, 0)), 1);
    }
}
