//! Whether everything is written, for the page that the person on duty looks at and for the metrics.

use serde::Serialize;

/// Whether the disk takes what it is given.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum State {
    /// Everything is written.
    Writing,
    /// Nothing can be written: a full or read-only disk, mostly. Detection goes on; the writer tries again every second.
    Degraded {
        /// What the system says.
        why: String,
        /// Since when, nanoseconds since 1970.
        since: i64,
        /// Entries, samples, frames and flow records that were lost since then.
        lost: u64,
    },
    /// The writer has ended.
    Closed,
}

/// The state and the counts of a record.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Health {
    /// Whether it writes.
    pub state: State,
    /// What was counted since the start.
    pub counts: Counts,
}

/// What was counted since the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Counts {
    /// Entries on the disk.
    pub entries_written: u64,
    /// Transactions.
    pub commits: u64,
    /// Commits that failed.
    pub commits_failed: u64,
    /// Events that only the time line of their flood keeps: updates between two that are entries.
    pub updates_condensed: u64,
    /// Offered entries that did not fit into the queue or into what is held while nothing can be written.
    pub entries_lost: u64,
    /// Entries that were refused: too large, or no object.
    pub entries_refused: u64,
    /// Samples taken up.
    pub samples: u64,
    /// Samples that did not fit, came too late, or were of one series too many.
    pub samples_lost: u64,
    /// Frames and flow records taken up as evidence.
    pub evidence_taken: u64,
    /// Frames and flow records that did not fit into the queue, the flood's share, or the disk.
    pub evidence_lost: u64,
    /// Frames and flow records that were not taken up because they name an address that was erased within the last day.
    pub evidence_erased: u64,
    /// Addresses of persons that were replaced by codes.
    pub addresses_concealed: u64,
    /// Things that wait in the queue.
    pub queue_length: u64,
    /// Rows and files removed because their time was up or there were too many.
    pub retired: u64,
}
