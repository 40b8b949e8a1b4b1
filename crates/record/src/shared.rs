//! What the writer's thread, those who hand things in and readers have in common.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::keys::Keys;
use crate::rollup::Rollup;
use crate::{Counts, Health, Limits, Options, Result, Retention, State};

/// What is counted; the order of [`Counts`].
#[derive(Clone, Copy, Debug)]
pub(crate) enum Count {
    EntriesWritten,
    Commits,
    CommitsFailed,
    UpdatesCondensed,
    EntriesLost,
    EntriesRefused,
    Samples,
    SamplesLost,
    EvidenceTaken,
    EvidenceLost,
    EvidenceErased,
    AddressesConcealed,
    Retired,
}

const COUNTS: usize = Count::Retired as usize + 1;

/// What all have in common.
pub(crate) struct Shared {
    pub(crate) folder: PathBuf,
    pub(crate) keys: Keys,
    pub(crate) options: Options,
    pub(crate) queued: AtomicUsize,
    state: Mutex<State>,
    counts: [AtomicU64; COUNTS],
    rollup: Mutex<Rollup>,
}

impl Shared {
    /// Before anything happened.
    ///
    /// # Errors
    /// When the key cannot be used.
    pub(crate) fn new(folder: PathBuf, options: Options) -> Result<Self> {
        Ok(Self {
            folder,
            keys: Keys::new(options.key)?,
            options,
            queued: AtomicUsize::new(0),
            state: Mutex::new(State::Writing),
            counts: std::array::from_fn(|_| AtomicU64::new(0)),
            rollup: Mutex::new(Rollup::default()),
        })
    }

    /// The time.
    pub(crate) fn now(&self) -> i64 {
        (self.options.clock)()
    }

    /// Bounds.
    pub(crate) fn limits(&self) -> &Limits {
        &self.options.limits
    }

    /// Times to keep.
    pub(crate) fn retention(&self) -> &Retention {
        &self.options.retention
    }

    /// The roll-ups. Held for milliseconds, never by the detector.
    pub(crate) fn rollup(&self) -> MutexGuard<'_, Rollup> {
        self.rollup.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts.
    pub(crate) fn count(&self, what: Count, by: u64) {
        self.counts[what as usize].fetch_add(by, Ordering::Relaxed);
    }

    /// Counts a loss, which the state shows too while nothing can be written.
    pub(crate) fn lose(&self, what: Count, by: u64) {
        self.count(what, by);
        if by > 0
            && let State::Degraded { lost, .. } = &mut *self.state()
        {
            *lost += by;
        }
    }

    /// The state and the counts.
    pub(crate) fn health(&self) -> Health {
        let get = |what: Count| self.counts[what as usize].load(Ordering::Relaxed);
        let counts = Counts {
            entries_written: get(Count::EntriesWritten),
            commits: get(Count::Commits),
            commits_failed: get(Count::CommitsFailed),
            updates_condensed: get(Count::UpdatesCondensed),
            entries_lost: get(Count::EntriesLost),
            entries_refused: get(Count::EntriesRefused),
            samples: get(Count::Samples),
            samples_lost: get(Count::SamplesLost),
            evidence_taken: get(Count::EvidenceTaken),
            evidence_lost: get(Count::EvidenceLost),
            evidence_erased: get(Count::EvidenceErased),
            addresses_concealed: get(Count::AddressesConcealed),
            queue_length: self.queued.load(Ordering::Relaxed) as u64,
            retired: get(Count::Retired),
        };
        Health { state: self.state().clone(), counts }
    }
}
