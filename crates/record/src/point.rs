//! Points of a time line.

use serde::{Deserialize, Serialize};

/// How far points are apart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Resolution {
    /// One second.
    #[serde(rename = "1s")]
    Second,
    /// One minute.
    #[serde(rename = "1min")]
    Minute,
    /// One hour.
    #[serde(rename = "1h")]
    Hour,
}

impl Resolution {
    /// All, the finest first.
    pub const ALL: [Self; 3] = [Self::Second, Self::Minute, Self::Hour];

    /// Seconds from point to point.
    pub const fn seconds(self) -> i64 {
        match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3600,
        }
    }
}

/// What is offered once a second for each target and vector that had traffic.
#[derive(Clone, PartialEq, Debug)]
pub struct Sample {
    /// The institution's name for the target, or its address or prefix. Of an address that is not the institution's own its
    /// network is kept.
    pub target: String,
    /// A vector, or `all` for everything towards the target.
    pub vector: String,
    /// The second, since 1970. Those of one series come in order; what comes late is counted and gone.
    pub second: i64,
    /// In this second.
    pub packets: f64,
    /// In this second, at the IP layer.
    pub bits: f64,
    /// In this second, at the web layer.
    pub requests: f64,
}

/// One point: rates over its time, and the highest second in it. Stored with an error of 0.04 % at most.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Point {
    /// When it begins, seconds since 1970.
    pub second: i64,
    /// Mean over the time of the point; a second without a sample counts as nought.
    pub packets_per_second: f64,
    /// The same of bits.
    pub bits_per_second: f64,
    /// The same of requests.
    pub requests_per_second: f64,
    /// The highest second.
    pub peak_packets_per_second: f64,
    /// The highest second.
    pub peak_bits_per_second: f64,
    /// The highest second.
    pub peak_requests_per_second: f64,
}

/// Nanoseconds since 1970 of an RFC 3339 text.
pub(crate) fn parse_time(text: &str) -> Option<i64> {
    let timestamp: jiff::Timestamp = text.parse().ok()?;
    i64::try_from(timestamp.as_nanosecond()).ok()
}
