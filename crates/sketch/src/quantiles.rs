//! How values are spread: logarithmic buckets, as in DDSketch (Masson, Rim, Lee, VLDB 2019), but with the range
//! and so the number of buckets fixed in advance.
//!
//! Bucket `i` holds the values in `low*gamma^i .. low*gamma^(i+1)` with `gamma = (1+e)/(1-e)`; a quantile is
//! answered with the value that is within the relative error `e` of everything in its bucket. Values at or below
//! `low` and above `high` are counted at the ends and answered with the smallest and largest value seen, so
//! that nothing is lost, only less exact. No key is hashed, so there is nothing to choose.

use crate::{MergeError, ShapeError};

/// Most buckets of one summary (32 KiB).
pub const MAXIMUM_BUCKETS: usize = 4096;

/// A histogram that answers quantiles of positive values with a stated relative error.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantiles {
    buckets: Box<[u64]>,
    below: u64,
    above: u64,
    total: u64,
    minimum: f64,
    maximum: f64,
    low: f64,
    high: f64,
    relative_error: f64,
    per_ln_gamma: f64,
}

impl Quantiles {
    /// An empty summary that answers within `relative_error` for values between `low` and `high`.
    ///
    /// # Errors
    /// [`ShapeError::Buckets`] unless `0 < low < high`, `0 < relative_error < 1`, all finite, and the
    /// range fits [`MAXIMUM_BUCKETS`].
    pub fn new(low: f64, high: f64, relative_error: f64) -> Result<Self, ShapeError> {
        let refused = ShapeError::Buckets { low, high, relative_error };
        let in_range =
            low > 0.0 && high > low && high.is_finite() && relative_error > 0.0 && relative_error < 1.0;
        if !in_range {
            return Err(refused);
        }
        let ln_gamma = ((1.0 + relative_error) / (1.0 - relative_error)).ln();
        let count = ((high / low).ln() / ln_gamma).ceil();
        if !(1.0..=MAXIMUM_BUCKETS as f64).contains(&count) {
            return Err(refused);
        }
        Ok(Self {
            buckets: vec![0; count as usize].into_boxed_slice(),
            below: 0,
            above: 0,
            total: 0,
            minimum: f64::INFINITY,
            maximum: f64::NEG_INFINITY,
            low,
            high,
            relative_error,
            per_ln_gamma: 1.0 / ln_gamma,
        })
    }

    /// Counts a value. One that is not a number is left out.
    #[inline]
    pub fn insert(&mut self, value: f64) {
        self.insert_many(value, 1);
    }

    /// Counts a value `times` times.
    #[inline]
    pub fn insert_many(&mut self, value: f64, times: u64) {
        if value.is_nan() || times == 0 {
            return;
        }
        self.total = self.total.saturating_add(times);
        self.minimum = self.minimum.min(value);
        self.maximum = self.maximum.max(value);
        let count = if value <= self.low {
            &mut self.below
        } else if value > self.high {
            &mut self.above
        } else {
            let index = ((value / self.low).ln() * self.per_ln_gamma) as usize;
            let last = self.buckets.len() - 1;
            match self.buckets.get_mut(index.min(last)) {
                Some(bucket) => bucket,
                None => return,
            }
        };
        *count = count.saturating_add(times);
    }

    /// How many values were counted.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The relative error of quantiles between `low` and `high`.
    pub fn relative_error(&self) -> f64 {
        self.relative_error
    }

    /// The smallest value, exactly.
    pub fn minimum(&self) -> Option<f64> {
        (self.total > 0).then_some(self.minimum)
    }

    /// The largest value, exactly.
    pub fn maximum(&self) -> Option<f64> {
        (self.total > 0).then_some(self.maximum)
    }

    /// The value below or at which the share `quantile` (0 to 1, clamped) of the values lies; none if
    /// nothing was counted or `quantile` is not a number.
    pub fn quantile(&self, quantile: f64) -> Option<f64> {
        if self.total == 0 || quantile.is_nan() {
            return None;
        }
        let rank = (quantile.clamp(0.0, 1.0) * (self.total - 1) as f64) as u64;
        let mut seen = self.below;
        if rank < seen {
            return Some(self.minimum);
        }
        for (index, &count) in self.buckets.iter().enumerate() {
            seen = seen.saturating_add(count);
            if rank < seen {
                let start = self.low * (index as f64 / self.per_ln_gamma).exp();
                return Some((start * (1.0 + self.relative_error)).clamp(self.minimum, self.maximum));
            }
        }
        Some(self.maximum)
    }

    /// Makes this the summary of both streams.
    ///
    /// # Errors
    /// [`MergeError::DifferentShapes`] if ranges or errors differ.
    pub fn merge(&mut self, other: &Self) -> Result<(), MergeError> {
        let shape = |of: &Self| [of.low.to_bits(), of.high.to_bits(), of.relative_error.to_bits()];
        if shape(self) != shape(other) {
            return Err(MergeError::DifferentShapes);
        }
        for (bucket, &theirs) in self.buckets.iter_mut().zip(&other.buckets) {
            *bucket = bucket.saturating_add(theirs);
        }
        self.below = self.below.saturating_add(other.below);
        self.above = self.above.saturating_add(other.above);
        self.total = self.total.saturating_add(other.total);
        self.minimum = self.minimum.min(other.minimum);
        self.maximum = self.maximum.max(other.maximum);
        Ok(())
    }

    /// Forgets everything, keeping the memory.
    pub fn clear(&mut self) {
        self.buckets.fill(0);
        (self.below, self.above, self.total) = (0, 0, 0);
        (self.minimum, self.maximum) = (f64::INFINITY, f64::NEG_INFINITY);
    }
}
