//! Summaries of a stream whose size is fixed when they are made: how many distinct keys
//! ([`DistinctCount`]), which keys weigh most ([`HeavyHitters`]), how values are spread ([`Quantiles`]).
//!
//! The sender of the traffic chooses the keys. With a published hash it could pick source addresses that a
//! distinct count takes for a handful, or that all land in one bucket of a table; so every key goes through
//! SipHash-1-3 under a secret of the deployment ([`KeyedState`]). The same state serves the hash tables of
//! other crates. Nothing here is random: the same key and the same stream give the same bytes, and summaries
//! of parts of a stream can be merged, under one key only.
//!
//! Why own code and not the `datasketches` crate (0.6): its distinct count changes representation as it
//! grows, allocating on the way, and hashes with a fixed seed; its frequent items purge a whole table at
//! once (a pause that a sender can time) and keep no per-key error; its quantile sketches grow or compact
//! by chance. Each of the three here has one flat array (or two), a bounded cost for every single operation and
//! an error that is stated.
//!
//! Limits: counts saturate at the ends of their types; nothing here forgets with time, callers clear or
//! replace summaries at the ends of their windows.

mod distinct;
mod hitters;
mod key;
mod quantiles;

pub use distinct::{DistinctCount, MAXIMUM_PRECISION, MINIMUM_PRECISION};
pub use hitters::{HeavyHitters, Hitter, MAXIMUM_CAPACITY};
pub use key::{KeyedState, PUBLISHED_KEY, TableKey, TextKey};
pub use quantiles::{MAXIMUM_BUCKETS, Quantiles};

/// Why two summaries cannot become one. Neither is changed when this is returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// They were made with different secrets, so that the same key has different hashes in them.
    #[error("the summaries were made under different keys")]
    DifferentKeys,
    /// They have different sizes or ranges.
    #[error("the summaries have different shapes")]
    DifferentShapes,
}

/// Why a summary cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum ShapeError {
    /// A precision outside [`MINIMUM_PRECISION`]..=[`MAXIMUM_PRECISION`].
    #[error("precision {0} is not in {MINIMUM_PRECISION}..={MAXIMUM_PRECISION}")]
    Precision(u8),
    /// A capacity of nought or above [`MAXIMUM_CAPACITY`].
    #[error("capacity {0} is not in 1..={MAXIMUM_CAPACITY}")]
    Capacity(usize),
    /// A range or error that is not finite and positive, or that needs more than [`MAXIMUM_BUCKETS`].
    #[error("no {MAXIMUM_BUCKETS} buckets hold {low}..{high} with a relative error of {relative_error}")]
    Buckets {
        /// Lower end of the range.
        low: f64,
        /// Upper end of the range.
        high: f64,
        /// The relative error that was asked for.
        relative_error: f64,
    },
}
