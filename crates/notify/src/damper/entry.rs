//! What is told: one or many notices about one subject, and one or many of those.

use serde::{Deserialize, Serialize};

use crate::notice::{Notice, Phase, Severity};

/// How many notices something stands for, by phase.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Covers {
    /// Starts.
    pub starts: u64,
    /// Updates.
    pub updates: u64,
    /// Ends.
    pub ends: u64,
}

impl Covers {
    /// One notice.
    pub const fn of(phase: Phase) -> Self {
        match phase {
            Phase::Start => Self { starts: 1, updates: 0, ends: 0 },
            Phase::Update => Self { starts: 0, updates: 1, ends: 0 },
            Phase::End => Self { starts: 0, updates: 0, ends: 1 },
        }
    }

    /// Adds others.
    pub const fn add(&mut self, other: Self) {
        self.starts = self.starts.saturating_add(other.starts);
        self.updates = self.updates.saturating_add(other.updates);
        self.ends = self.ends.saturating_add(other.ends);
    }

    /// All of them.
    pub const fn total(self) -> u64 {
        self.starts.saturating_add(self.updates).saturating_add(self.ends)
    }
}

/// Whether a topic comes and goes.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Steadiness {
    /// It does not.
    #[default]
    Steady,
    /// It has started several times within minutes; what happens is told together.
    Flapping,
    /// It did, and has not for a while.
    Settled,
}

/// One or many notices about one subject (of one topic, while it flaps).
#[derive(Clone, PartialEq, Debug)]
pub struct Entry {
    /// The newest.
    pub notice: Notice,
    /// The highest severity of all.
    pub severity: Severity,
    /// How many it stands for.
    pub covers: Covers,
    /// Whether it comes and goes.
    pub steadiness: Steadiness,
}

impl Entry {
    /// One notice.
    pub fn new(notice: Notice) -> Self {
        Self {
            severity: notice.severity,
            covers: Covers::of(notice.phase),
            steadiness: Steadiness::Steady,
            notice,
        }
    }

    /// Takes up what came later.
    pub(super) fn absorb(&mut self, later: Self) {
        self.severity = self.severity.max(later.severity);
        self.covers.add(later.covers);
        if later.steadiness != Steadiness::Steady {
            self.steadiness = later.steadiness;
        }
        self.notice = later.notice;
    }

    /// What it is to somebody who has heard nothing that it stands for: a start with an update is a start.
    pub fn phase(&self) -> Phase {
        match self.notice.phase {
            Phase::Update if self.covers.starts > 0 => Phase::Start,
            phase => phase,
        }
    }
}

/// One message: what goes out at once.
#[derive(Clone, PartialEq, Debug)]
pub struct Batch {
    /// What it tells, oldest first.
    pub entries: Vec<Entry>,
    /// What there was no room to keep: only how much.
    pub more: Covers,
    /// The highest severity of all, with what is only counted.
    pub severity: Severity,
}

impl Batch {
    pub(crate) fn single(entry: Entry) -> Self {
        Self { severity: entry.severity, entries: vec![entry], more: Covers::default() }
    }

    /// How many notices it stands for.
    pub fn covers(&self) -> Covers {
        let mut covers = self.more;
        self.entries.iter().for_each(|entry| covers.add(entry.covers));
        covers
    }
}
