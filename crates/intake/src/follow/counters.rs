//! What a follower counted.

/// Counts since a follower began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FollowCounters {
    /// Lines given.
    pub lines: u64,
    /// Their bytes with line feeds.
    pub bytes: u64,
    /// Lines longer than allowed, and the rest of a line in which reading began.
    pub skipped_lines: u64,
    /// Bytes of these.
    pub skipped_bytes: u64,
    /// Lines given without their end, because their file was given up.
    pub unfinished_lines: u64,
    /// Times that another file was in the place of one that is read.
    pub rotations: u64,
    /// Times that a file was shorter or began otherwise than before.
    pub truncations: u64,
    /// Files left out because of [`super::MAX_FILES`] or because too many were rotated at once; as often as that was seen.
    pub left_out: u64,
    /// Rotated files that were read as history or after a restart.
    pub history_files: u64,
    /// Calls that failed.
    pub errors: u64,
    /// Files open now.
    pub open_files: u64,
    /// Bytes that are in these files and were not read yet, as of the last look at each: the backlog.
    pub unread_bytes: u64,
}
