//! How often a channel is told: grouping and damping.
//!
//! A duty officer who gets a hundred messages in an hour reads none of them. So:
//!
//! * the start of a subject is told at once, its updates at most every `repeat_seconds` and as one, its end once and at
//!   once, with the update that was waiting; an update that is more severe than anything told of its subject goes at once;
//! * once all but one of the messages that a minute may have are gone, notices are gathered and go out together, one entry
//!   for each subject, in the last one;
//! * a topic that starts several times within minutes flaps: this is said, and what happens is then told together every
//!   `repeat_seconds` until it has been steady for long enough, which is said too;
//! * in quiet hours what is not urgent waits, and goes out together at their end.
//!
//! Nothing is lost silently: each [`Entry`] says how many starts, updates and ends it stands for, and what there was no room
//! to keep is counted in [`Batch::more`].
//!
//! Time is given with every call, in milliseconds of any steady clock. Limits: [`crate::limits::MAX_SUBJECTS`],
//! [`crate::limits::MAX_TOPICS`] and [`crate::limits::MAX_WAITING`]; where a table is full, ended and untouched ones go
//! first, and what was waiting for them is told at once.

mod entry;
mod memory;

use std::collections::VecDeque;

pub use entry::{Batch, Covers, Entry, Steadiness};

use crate::limits::MAX_WAITING;
use crate::notice::{Notice, Phase, Severity};
use crate::options::DamperOptions;
use memory::{Subject, Subjects, Topic, Topics};

/// The time in which messages are counted.
const MINUTE: u64 = 60_000;

/// What a damper has done.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct DamperCounters {
    /// Notices that were taken.
    pub taken: Covers,
    /// Of these: about a subject that had ended already. They are not told.
    pub repeated: Covers,
    /// Of these: told as a number only, for want of room.
    pub folded: Covers,
    /// Topics that began to flap.
    pub flapping: u64,
    /// Messages of more than one entry.
    pub digests: u64,
}

/// The damper of one channel.
#[derive(Debug)]
pub struct Damper {
    options: DamperOptions,
    subjects: Subjects,
    topics: Topics,
    /// What is to be told now, oldest first, one entry for each subject.
    waiting: VecDeque<Entry>,
    /// What did not fit in there.
    more: Covers,
    more_severity: Severity,
    /// When messages went out, in the last minute.
    told: VecDeque<u64>,
    /// Since when notices are gathered.
    gathering: Option<u64>,
    /// Something waits for the end of quiet hours.
    hushed: bool,
    counters: DamperCounters,
}

impl Damper {
    /// An empty one. Options outside their limits are brought within them.
    pub fn new(options: DamperOptions) -> Self {
        Self {
            options: DamperOptions {
                burst: options.burst.max(2),
                flap_starts: options.flap_starts.max(2),
                ..options
            },
            subjects: Subjects::default(),
            topics: Topics::default(),
            waiting: VecDeque::new(),
            more: Covers::default(),
            more_severity: Severity::Info,
            told: VecDeque::new(),
            gathering: None,
            hushed: false,
            counters: DamperCounters::default(),
        }
    }

    /// Whether the channel has been told of this subject and waits for its end.
    pub fn follows(&self, subject: &str) -> bool {
        self.subjects.get(subject).is_some_and(|known| !known.ended)
    }

    /// What it has done.
    pub fn counters(&self) -> DamperCounters {
        self.counters
    }

    /// Subjects that are kept until they may be told.
    pub fn waiting(&self) -> usize {
        self.waiting.len() + self.subjects.pending() + self.topics.held()
    }

    /// Takes a notice. What is due then comes from [`Self::poll`].
    pub fn take(&mut self, now: u64, notice: Notice) {
        let (phase, subject, topic) = (notice.phase, notice.subject.clone(), notice.topic().to_owned());
        self.counters.taken.add(Covers::of(phase));
        if phase != Phase::Start && self.subjects.get(&subject).is_some_and(|known| known.ended) {
            self.counters.repeated.add(Covers::of(phase));
            return;
        }
        let begins = phase == Phase::Start && self.starts(now, &topic);
        let mut entry = Entry::new(notice);
        if let Some(mut earlier) = self.remember(now, &subject, phase).pending.take() {
            earlier.absorb(entry);
            entry = earlier;
        }
        if self.topics.get(&topic).is_some_and(|topic| topic.flapping) {
            self.hold(now, &topic, entry, begins);
        } else {
            self.damp(now, &subject, entry);
        }
    }

    /// Counts a start of a topic; whether it begins to flap with it.
    fn starts(&mut self, now: u64, name: &str) -> bool {
        let window = u64::from(self.options.flap_seconds) * 1_000;
        let most = usize::try_from(self.options.flap_starts).unwrap_or(usize::MAX);
        if let Some(evicted) = self.topics.make_room(name) {
            self.tell(evicted);
        }
        let topic = self.topics.entry(name);
        topic.starts.retain(|start| start.saturating_add(window) > now);
        topic.starts.push_back(now);
        while topic.starts.len() > most {
            topic.starts.pop_front();
        }
        let begins = !topic.flapping && topic.starts.len() >= most;
        topic.flapping |= begins;
        self.counters.flapping += u64::from(begins);
        begins
    }

    /// The memory of a subject, new if it starts.
    fn remember(&mut self, now: u64, name: &str, phase: Phase) -> &mut Subject {
        if let Some(evicted) = self.subjects.make_room(name) {
            self.tell(evicted);
        }
        let subject = self.subjects.entry(name);
        if subject.ended {
            *subject = Subject::default();
        }
        subject.touched = now;
        subject.ended = phase == Phase::End;
        subject
    }

    /// One entry of a topic that flaps.
    fn hold(&mut self, now: u64, name: &str, mut entry: Entry, begins: bool) {
        entry.steadiness = Steadiness::Flapping;
        let subject = self.subjects.entry(&entry.notice.subject);
        subject.told = Some((now, entry.severity));
        let topic = self.topics.entry(name);
        let is_worse = entry.severity > topic.told_severity;
        match &mut topic.held {
            Some(held) => held.absorb(entry),
            None => topic.held = Some(entry),
        }
        if begins || is_worse {
            self.release(now, name, Steadiness::Flapping);
        }
    }

    /// Tells what a topic holds.
    fn release(&mut self, now: u64, name: &str, steadiness: Steadiness) {
        let topic = self.topics.entry(name);
        topic.told_at = now;
        if let Some(mut held) = topic.held.take() {
            topic.told_severity = topic.told_severity.max(held.severity);
            held.steadiness = steadiness;
            self.tell(held);
        }
    }

    /// One entry of a topic that does not flap.
    fn damp(&mut self, now: u64, name: &str, entry: Entry) {
        let repeat = u64::from(self.options.repeat_seconds) * 1_000;
        let subject = self.subjects.entry(name);
        let is_due = match subject.told {
            None => true,
            Some((at, severity)) => {
                subject.ended || entry.severity > severity || now >= at.saturating_add(repeat)
            }
        };
        if is_due {
            let highest = subject.told.map_or(entry.severity, |(_, severity)| severity.max(entry.severity));
            subject.told = Some((now, highest));
            self.tell(entry);
        } else {
            subject.pending = Some(entry);
        }
    }

    /// Puts an entry to those that are to be told.
    fn tell(&mut self, entry: Entry) {
        let same = |other: &Entry| {
            let flap = entry.steadiness != Steadiness::Steady && other.steadiness != Steadiness::Steady;
            other.notice.subject == entry.notice.subject
                || flap && other.notice.topic() == entry.notice.topic()
        };
        if let Some(earlier) = self.waiting.iter_mut().find(|other| same(other)) {
            earlier.absorb(entry);
            return;
        }
        self.waiting.push_back(entry);
        if self.waiting.len() > MAX_WAITING {
            // The last of the least severe.
            let least = (0..self.waiting.len()).rev().min_by_key(|&index| self.waiting[index].severity);
            if let Some(folded) = least.and_then(|index| self.waiting.remove(index)) {
                self.more.add(folded.covers);
                self.more_severity = self.more_severity.max(folded.severity);
                self.counters.folded.add(folded.covers);
            }
        }
    }

    /// The next message, if one is due. In quiet hours `least` is what is told even then.
    pub fn poll(&mut self, now: u64, least: Option<Severity>) -> Option<Batch> {
        self.ripen(now);
        while self.told.front().is_some_and(|&at| at.saturating_add(MINUTE) <= now) {
            self.told.pop_front();
        }
        let may = |entry: &Entry| least.is_none_or(|least| entry.severity >= least);
        let eligible = self.waiting.iter().filter(|entry| may(entry)).count();
        self.hushed |= eligible < self.waiting.len();
        if eligible == 0 && (least.is_some() || self.more.total() == 0) {
            self.gathering = None;
            self.hushed &= least.is_some();
            return None;
        }
        let is_morning = self.hushed && least.is_none();
        let room = self.room();
        if room >= 2 && self.gathering.is_none() && !is_morning && (least.is_some() || self.more.total() == 0)
        {
            let index = self.waiting.iter().position(may)?;
            self.told.push_back(now);
            return self.waiting.remove(index).map(Batch::single);
        }
        let since = *self.gathering.get_or_insert(now);
        let is_due =
            is_morning || now >= since.saturating_add(u64::from(self.options.digest_seconds) * 1_000);
        if room == 0 || !is_due {
            return None;
        }
        self.told.push_back(now);
        self.gathering = None;
        Some(self.digest(least))
    }

    /// Everything that may be told, in one message.
    fn digest(&mut self, least: Option<Severity>) -> Batch {
        let may = |entry: &Entry| least.is_none_or(|least| entry.severity >= least);
        let (entries, later): (Vec<Entry>, Vec<Entry>) = self.waiting.drain(..).partition(may);
        self.waiting = later.into();
        let mut batch = Batch { entries, more: Covers::default(), severity: Severity::Info };
        if least.is_none() {
            self.hushed = false;
            batch.more = std::mem::take(&mut self.more);
            batch.severity = std::mem::replace(&mut self.more_severity, Severity::Info);
        }
        batch.severity = batch.entries.iter().map(|entry| entry.severity).fold(batch.severity, Severity::max);
        self.counters.digests += u64::from(batch.entries.len() > 1 || batch.more.total() > 0);
        batch
    }

    /// Messages that may still go out now.
    fn room(&self) -> usize {
        usize::try_from(self.options.burst).unwrap_or(usize::MAX).saturating_sub(self.told.len())
    }

    /// Moves what has waited long enough to what is to be told.
    fn ripen(&mut self, now: u64) {
        let repeat = u64::from(self.options.repeat_seconds) * 1_000;
        for entry in self.subjects.ripe(now, repeat) {
            self.tell(entry);
        }
        for (name, steadiness) in self.topics.ripe(now, repeat, u64::from(self.options.flap_seconds) * 1_000)
        {
            self.release(now, &name, steadiness);
            if steadiness == Steadiness::Settled {
                *self.topics.entry(&name) = Topic::default();
            }
        }
        self.subjects.forget(now);
        self.topics.forget(now, u64::from(self.options.flap_seconds) * 1_000);
    }

    /// When [`Self::poll`] may have something, if nothing comes until then. The end of quiet hours is not in it.
    pub fn next_due(&self, now: u64, least: Option<Severity>) -> Option<u64> {
        let (repeat, flap) =
            (u64::from(self.options.repeat_seconds) * 1_000, u64::from(self.options.flap_seconds) * 1_000);
        let ripe =
            self.subjects.next_ripe(repeat).into_iter().chain(self.topics.next_ripe(repeat, flap)).min();
        let is_ready = self.waiting.iter().any(|entry| least.is_none_or(|least| entry.severity >= least))
            || least.is_none() && self.more.total() > 0;
        if !is_ready {
            return ripe;
        }
        let digest = u64::from(self.options.digest_seconds) * 1_000;
        let gathered = self.gathering.map_or(now, |since| since.saturating_add(digest));
        let room = match self.told.front() {
            Some(&oldest) if self.room() == 0 => oldest.saturating_add(MINUTE),
            _ => 0,
        };
        Some(ripe.unwrap_or(u64::MAX).min(gathered.max(room)))
    }

    /// Everything that is left, at the end of the service.
    pub fn flush(&mut self) -> Option<Batch> {
        let left: Vec<Entry> = self.subjects.drain().chain(self.topics.drain()).collect();
        left.into_iter().for_each(|entry| self.tell(entry));
        let batch = self.digest(None);
        (batch.covers().total() > 0).then_some(batch)
    }
}

#[cfg(test)]
mod tests;
