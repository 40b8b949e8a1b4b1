//! The data's time: no clock is read in this project left of the binary, so every record carries it.

/// Nanoseconds since 1970-01-01T00:00:00Z, without leap seconds. Reaches from 1677 to 2262; arithmetic
/// saturates at the ends, because capture files may claim any time.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Time(i64);

impl Time {
    /// The time that many nanoseconds after the epoch.
    #[inline]
    pub const fn from_nanoseconds(nanoseconds: i64) -> Self {
        Self(nanoseconds)
    }

    /// The time of a whole number of seconds and a part in nanoseconds.
    #[inline]
    pub const fn from_seconds(seconds: i64, nanoseconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds))
    }

    /// The time of a whole number of milliseconds.
    #[inline]
    pub const fn from_milliseconds(milliseconds: i64) -> Self {
        Self(milliseconds.saturating_mul(1_000_000))
    }

    /// Nanoseconds since the epoch.
    #[inline]
    pub const fn nanoseconds(self) -> i64 {
        self.0
    }

    /// This time moved by a (possibly negative) number of nanoseconds.
    #[inline]
    #[must_use]
    pub const fn plus_nanoseconds(self, nanoseconds: i64) -> Self {
        Self(self.0.saturating_add(nanoseconds))
    }

    /// Nanoseconds from `earlier` to this time, negative if it is later.
    #[inline]
    pub const fn nanoseconds_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Seconds from `earlier` to this time, negative if it is later.
    #[inline]
    pub const fn seconds_since(self, earlier: Self) -> f64 {
        self.nanoseconds_since(earlier) as f64 / 1e9
    }
}
