//! Follows log files while they are written and rotated: whole lines, each once.
//!
//! A [`Follower`] has one path or a pattern (`*` and `?` in the last part). [`Follower::turn`] does a bounded piece of work
//! and never waits; the caller comes again at once if there was something, else after 50 to 100 ms. Looking that often costs
//! one or two system calls a file and works on every file system; notifications (inotify) do not come from network file
//! systems, can overflow, and still need the look at what was missed, so they would be a second way and not a replacement.
//!
//! * Renamed and made anew: what is still written to the old file is read for [`LINGER_SECONDS`] more.
//! * Copied and cut to nothing (copytruncate): seen by a size below what was read, or another beginning of the file.
//! * Deleted, not there yet, unreadable: told once by a [`Notice`] for each change, tried again, and never the end.
//! * A last line without its end waits for it; when the file is given up it is given as it is.
//! * A line longer than [`FollowOptions::longest_line_bytes`] is skipped and counted. Lines are bytes, whatever is in them.
//! * [`Follower::positions`] can be saved; with them nothing is lost or repeated over a restart, also if files were rotated
//!   and compressed (gzip) meanwhile.
//!
//! Limits: between the copy and the cut of copytruncate a program may write what nobody will read; that is in its nature. A
//! file that is cut and grows beyond its old size with the same beginning between two looks is taken for the old one. Names
//! that look rotated (`.1`, `-20261127`, `.gz`) are never taken by a pattern. Other compressions than gzip are not read.

mod counters;
mod cut;
mod follower;
mod history;
mod options;
mod position;
mod source;
mod tail;

pub use counters::FollowCounters;
pub use cut::Cutter;
pub use follower::{Follower, Notice, Turn};
pub use options::{FollowOptions, LINGER_SECONDS, LONGEST_LINE_BYTES, MAX_FILES, StartAt};
pub use position::Position;

/// A line of a file, borrowed from the memory of its follower.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Without its line feed.
    pub bytes: &'a [u8],
    /// Where it begins in the (decompressed) file, in bytes.
    pub offset: u64,
    /// It is from a file that was rotated away before the follower began.
    pub is_history: bool,
}
