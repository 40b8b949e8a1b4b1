//! What to follow, and from where.

use std::path::PathBuf;

/// Longest line where nothing else is said: 64 KiB, more than any server takes as a request line.
pub const LONGEST_LINE_BYTES: usize = 64 << 10;
/// Most files of one pattern; further ones are left out and counted.
pub const MAX_FILES: usize = 256;
/// How long a file is read after it was rotated away, in seconds since it last grew: servers open the new one when they
/// are told to, each of their processes by itself.
pub const LINGER_SECONDS: i64 = 60;
/// Rotated files that are read at once beside the one in their place.
pub(super) const MAX_OLD: usize = 4;
/// Rotated files read as history, or after a restart.
pub(super) const MAX_HISTORY: usize = 64;
/// Bytes read in one turn of one file.
pub(super) const TURN_BYTES: usize = 1 << 20;
/// Memory of the follower, beyond one line.
pub(super) const CHUNK_BYTES: usize = 256 << 10;
/// Between two looks at a folder, and at what could not be opened.
pub(super) const LOOK_NANOSECONDS: i64 = 500_000_000;

/// Where to begin in files that are there when a follower begins and of which no position was saved. Files that come later
/// are read from their beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StartAt {
    /// Behind the last whole line.
    #[default]
    End,
    /// At the first line.
    Beginning,
    /// With the rotated files beside it, the oldest first, plain or compressed with gzip.
    History,
}

/// What to follow, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FollowOptions {
    /// A file, or a pattern with `*` and `?` in its last part.
    pub path: PathBuf,
    /// Where to begin.
    pub start_at: StartAt,
    /// Longest line in bytes, 1 to 16 MiB.
    pub longest_line_bytes: usize,
    /// Secret under which beginnings of files are remembered.
    pub key: [u8; 16],
}

impl FollowOptions {
    /// Follows a path from its end on.
    pub fn new(path: impl Into<PathBuf>, key: [u8; 16]) -> Self {
        Self { path: path.into(), start_at: StartAt::End, longest_line_bytes: LONGEST_LINE_BYTES, key }
    }
}
