//! What makes a run stop.

use crate::day::Day;

/// Why there is no answer. A row that cannot be read only costs itself; these are rows that would make the answer a lie.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A file has not the columns that it needs.
    #[error("{file} has no column `{column}`")]
    Column {
        /// The file.
        file: String,
        /// The column.
        column: &'static str,
    },
    /// An event that was known only after it could have been used.
    #[error(
        "{file}:{line}: `{title}` of {date} was known only from {known_from}: a run that uses it looks ahead"
    )]
    EventBeforeKnown {
        /// The file.
        file: String,
        /// The row's line.
        line: usize,
        /// What happened.
        title: String,
        /// When.
        date: Day,
        /// When it was first known.
        known_from: Day,
    },
    /// A label that nobody could have at the cut-off.
    #[error(
        "{file}:{line}: a label of {date} lies after {last}, the last day with data: it comes from the future"
    )]
    LabelFromFuture {
        /// The file.
        file: String,
        /// The row's line.
        line: usize,
        /// Its day.
        date: Day,
        /// The last day that can have one.
        last: Day,
    },
    /// Nothing was left to work with.
    #[error("{file} has no day that can be used")]
    Empty {
        /// The file.
        file: String,
    },
    /// More than this program holds.
    #[error("{file} has more than {limit} {what}")]
    TooMuch {
        /// The file.
        file: String,
        /// The limit.
        limit: usize,
        /// Of what.
        what: &'static str,
    },
    /// An event was asked for before it was known. Features are made so that this cannot happen; it is checked all the same.
    #[error("{file}:{line}: an event known from {known_from} reached the forecast of {origin}")]
    LookAhead {
        /// The file of the event.
        file: String,
        /// Its line.
        line: usize,
        /// When it was first known.
        known_from: Day,
        /// The day of the forecast.
        origin: Day,
    },
}
