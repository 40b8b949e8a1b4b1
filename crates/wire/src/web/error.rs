//! What can be wrong with the text of a format.

use super::pattern::{MAX_FIELDS, MAX_FORMAT_BYTES};

/// Why a text is no format. Offsets are in bytes of the text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FormatError {
    /// Longer than [`MAX_FORMAT_BYTES`].
    #[error("a format has at most {MAX_FORMAT_BYTES} bytes, this one has {length}")]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// More fields than [`MAX_FIELDS`].
    #[error("at byte {offset}: more than {MAX_FIELDS} fields")]
    TooManyFields {
        /// Where the first one too many begins.
        offset: usize,
    },
    /// A brace, a quote or a directive that does not end.
    #[error("at byte {offset}: what begins here does not end")]
    Unfinished {
        /// Where it begins.
        offset: usize,
    },
    /// A field without anything between it and the one before, so that nobody can say where that one ends.
    #[error("at byte {offset}: nothing stands between this field and the one before it")]
    Adjacent {
        /// Where the second one begins.
        offset: usize,
    },
    /// No time is logged; without it a request has no place on the time line.
    #[error("no field of it is a time")]
    NoTime,
    /// It is neither a name nor a format string.
    #[error(
        "neither a known name nor a format string: it has no $variable, no %directive and no list of columns"
    )]
    Unknown,
}
