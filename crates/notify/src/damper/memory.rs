//! What a damper remembers of subjects and topics.
//!
//! Ordered maps: names are not an attacker's to choose in bulk, and no map here has more than a thousand of them.

use std::collections::{BTreeMap, VecDeque};

use super::{Entry, Steadiness};
use crate::limits::{MAX_SUBJECTS, MAX_TOPICS};
use crate::notice::Severity;

/// How long an ended subject is remembered, so that its end is told once. Milliseconds.
const ENDED_KEPT: u64 = 3_600_000;

/// One subject.
#[derive(Default, Debug)]
pub(super) struct Subject {
    /// When it was told last, and the highest severity that was.
    pub(super) told: Option<(u64, Severity)>,
    /// Its end has come.
    pub(super) ended: bool,
    /// When it was heard of last.
    pub(super) touched: u64,
    /// What is not told yet.
    pub(super) pending: Option<Entry>,
}

/// Those of one channel.
#[derive(Default, Debug)]
pub(super) struct Subjects(BTreeMap<String, Subject>);

impl Subjects {
    pub(super) fn get(&self, name: &str) -> Option<&Subject> {
        self.0.get(name)
    }

    /// The memory of this one, made if need be. [`Self::make_room`] comes first.
    pub(super) fn entry(&mut self, name: &str) -> &mut Subject {
        self.0.entry(name.to_owned()).or_default()
    }

    /// Forgets one if there is no room for this one; what waited of it is to be told.
    pub(super) fn make_room(&mut self, name: &str) -> Option<Entry> {
        if self.0.len() < MAX_SUBJECTS || self.0.contains_key(name) {
            return None;
        }
        let victim = self.0.iter().min_by_key(|(_, subject)| (!subject.ended, subject.touched));
        let victim = victim.map(|(name, _)| name.clone())?;
        self.0.remove(&victim).and_then(|subject| subject.pending)
    }

    pub(super) fn pending(&self) -> usize {
        self.0.values().filter(|subject| subject.pending.is_some()).count()
    }

    /// What may be told again.
    pub(super) fn ripe(&mut self, now: u64, repeat: u64) -> Vec<Entry> {
        let mut ripe = Vec::new();
        for subject in self.0.values_mut() {
            let at = subject.told.map_or(0, |(at, _)| at.saturating_add(repeat));
            if at > now {
                continue;
            }
            if let Some(entry) = subject.pending.take() {
                let highest =
                    subject.told.map_or(entry.severity, |(_, severity)| severity.max(entry.severity));
                subject.told = Some((now, highest));
                ripe.push(entry);
            }
        }
        ripe
    }

    pub(super) fn next_ripe(&self, repeat: u64) -> Option<u64> {
        let pending = self.0.values().filter(|subject| subject.pending.is_some());
        pending.map(|subject| subject.told.map_or(0, |(at, _)| at.saturating_add(repeat))).min()
    }

    pub(super) fn forget(&mut self, now: u64) {
        self.0.retain(|_, subject| !subject.ended || subject.touched.saturating_add(ENDED_KEPT) > now);
    }

    pub(super) fn drain(&mut self) -> impl Iterator<Item = Entry> {
        std::mem::take(&mut self.0).into_values().filter_map(|subject| subject.pending)
    }
}

/// One topic.
#[derive(Debug)]
pub(super) struct Topic {
    /// Its last starts.
    pub(super) starts: VecDeque<u64>,
    /// It comes and goes.
    pub(super) flapping: bool,
    /// What is not told yet.
    pub(super) held: Option<Entry>,
    /// When it was told last, since it flaps.
    pub(super) told_at: u64,
    /// The highest severity that was.
    pub(super) told_severity: Severity,
}

impl Default for Topic {
    fn default() -> Self {
        Self {
            starts: VecDeque::new(),
            flapping: false,
            held: None,
            told_at: 0,
            told_severity: Severity::Info,
        }
    }
}

impl Topic {
    /// When it will have been steady for long enough.
    fn settles(&self, flap: u64) -> u64 {
        self.starts.back().map_or(0, |last| last.saturating_add(flap))
    }
}

/// Those of one channel.
#[derive(Default, Debug)]
pub(super) struct Topics(BTreeMap<String, Topic>);

impl Topics {
    pub(super) fn get(&self, name: &str) -> Option<&Topic> {
        self.0.get(name)
    }

    /// The memory of this one, made if need be. [`Self::make_room`] comes first.
    pub(super) fn entry(&mut self, name: &str) -> &mut Topic {
        self.0.entry(name.to_owned()).or_default()
    }

    /// Forgets one if there is no room for this one; what it held is to be told.
    pub(super) fn make_room(&mut self, name: &str) -> Option<Entry> {
        if self.0.len() < MAX_TOPICS || self.0.contains_key(name) {
            return None;
        }
        let victim = self.0.iter().min_by_key(|(_, topic)| (topic.flapping, topic.starts.back().copied()));
        let victim = victim.map(|(name, _)| name.clone())?;
        self.0.remove(&victim).and_then(|topic| topic.held)
    }

    pub(super) fn held(&self) -> usize {
        self.0.values().filter(|topic| topic.held.is_some()).count()
    }

    /// Those that hold something that may be told, and those that have settled.
    pub(super) fn ripe(&self, now: u64, repeat: u64, flap: u64) -> Vec<(String, Steadiness)> {
        let flapping = self.0.iter().filter(|(_, topic)| topic.flapping);
        let ripe = flapping.filter_map(|(name, topic)| {
            if topic.settles(flap) <= now {
                Some((name.clone(), Steadiness::Settled))
            } else {
                let is_ripe = topic.held.is_some() && topic.told_at.saturating_add(repeat) <= now;
                is_ripe.then(|| (name.clone(), Steadiness::Flapping))
            }
        });
        ripe.collect()
    }

    pub(super) fn next_ripe(&self, repeat: u64, flap: u64) -> Option<u64> {
        let held = self.0.values().filter(|topic| topic.held.is_some());
        held.map(|topic| topic.told_at.saturating_add(repeat).min(topic.settles(flap))).min()
    }

    pub(super) fn forget(&mut self, now: u64, flap: u64) {
        self.0.retain(|_, topic| topic.flapping || topic.settles(flap) > now);
    }

    pub(super) fn drain(&mut self) -> impl Iterator<Item = Entry> {
        std::mem::take(&mut self.0).into_values().filter_map(|topic| topic.held)
    }
}
