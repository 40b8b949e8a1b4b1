//! Why a line gave no request.

/// Why a line gave no request. Callers count them by [`Skip::index`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, thiserror::Error)]
#[repr(u8)]
pub enum Skip {
    /// Nothing stands there.
    #[error("empty line")]
    Empty,
    /// A line about the log: a directive of W3C's format, the names of columns.
    #[error("directive or heading")]
    Directive,
    /// A line of a server's log that is about something else: a failed handshake, a start.
    #[error("not about a request")]
    NotARequest,
    /// It has not the parts of the format.
    #[error("does not fit the format")]
    Shape,
    /// There is no time in it that can be read.
    #[error("no time")]
    Time,
    /// Where the status should be is something else.
    #[error("no status")]
    Status,
    /// It is longer than [`super::MAX_LINE_BYTES`].
    #[error("too long")]
    TooLong,
    /// No directive has said yet what the columns are.
    #[error("before the columns are known")]
    NoColumns,
    /// The input ends in the middle of it.
    #[error("cut off")]
    CutOff,
}

impl Skip {
    /// Every reason, in the order of [`Skip::index`].
    pub const ALL: [Self; 9] = [
        Self::Empty,
        Self::Directive,
        Self::NotARequest,
        Self::Shape,
        Self::Time,
        Self::Status,
        Self::TooLong,
        Self::NoColumns,
        Self::CutOff,
    ];

    /// Position in [`Skip::ALL`], for arrays of counters.
    #[inline]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The name of its counter.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty_lines",
            Self::Directive => "directives",
            Self::NotARequest => "lines_not_about_requests",
            Self::Shape => "lines_of_another_format",
            Self::Time => "lines_without_time",
            Self::Status => "lines_without_status",
            Self::TooLong => "lines_too_long",
            Self::NoColumns => "lines_before_columns",
            Self::CutOff => "lines_cut_off",
        }
    }

    /// Whether a request may have been missed: not so of empty lines and directives.
    pub const fn is_loss(self) -> bool {
        !matches!(self, Self::Empty | Self::Directive)
    }
}
