//! How a record is opened.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

/// The time, nanoseconds since 1970 in UTC.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;
/// Whether an address is the institution's own, and so nobody's personal data.
pub type OwnAddresses = Arc<dyn Fn(IpAddr) -> bool + Send + Sync>;

/// How a record is opened.
#[derive(Clone)]
pub struct Options {
    /// The deployment's secret. Everything is derived from it: seals, codes, the key under which addresses and evidence are
    /// kept. A record is opened under the key that it was made with only.
    pub key: [u8; 16],
    /// The clock.
    pub clock: Clock,
    /// Which addresses are the institution's own. Those stay as they are.
    pub own: OwnAddresses,
    /// Bounds of what is held in memory and on the disk.
    pub limits: Limits,
    /// How long what is kept.
    pub retention: Retention,
}

impl Options {
    /// The defaults under a key and a clock. No address is the institution's own.
    pub fn new(key: [u8; 16], clock: Clock) -> Self {
        Self {
            key,
            clock,
            own: Arc::new(|_| false),
            limits: Limits::default(),
            retention: Retention::default(),
        }
    }
}

/// Never shows the key.
impl fmt::Debug for Options {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Options").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// Bounds of what is held.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Things that wait for the writer.
    pub queue_places: usize,
    /// Offered entries that are held while nothing can be written.
    pub held_entries: usize,
    /// Series of a target and a vector.
    pub series: usize,
    /// Plain addresses of persons that are kept; those that were seen longest ago go first.
    pub addresses: usize,
    /// Bytes of one body.
    pub body_bytes: usize,
    /// Floods for which evidence is gathered at a time.
    pub evidence_floods: usize,
    /// Frames kept of one flood.
    pub evidence_frames: usize,
    /// Flow records kept of one flood.
    pub evidence_flows: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            queue_places: 4096,
            held_entries: 4096,
            series: 16_384,
            addresses: 1_000_000,
            body_bytes: 64 << 10,
            evidence_floods: 64,
            evidence_frames: 10_000,
            evidence_flows: 20_000,
        }
    }
}

/// How long what is kept, in days, and how much. None: for ever.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Retention {
    /// Bodies of observed entries, and floods with their time lines.
    pub observed_days: Option<u32>,
    /// Bodies of entries of all other kinds.
    pub acts_days: Option<u32>,
    /// Points of a second.
    pub seconds_days: u32,
    /// Points of a minute.
    pub minutes_days: u32,
    /// Points of an hour.
    pub hours_days: u32,
    /// Plain addresses of persons, after they were last seen.
    pub addresses_days: u32,
    /// Evidence of floods, after they ended.
    pub evidence_days: u32,
    /// All evidence together; the oldest goes first.
    pub evidence_bytes: u64,
    /// The database file; the finest and oldest points go first, then bodies of observed entries.
    pub database_bytes: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            observed_days: Some(730),
            acts_days: None,
            seconds_days: 1,
            minutes_days: 7,
            hours_days: 90,
            addresses_days: 30,
            evidence_days: 90,
            evidence_bytes: 2 << 30,
            database_bytes: 4 << 30,
        }
    }
}
