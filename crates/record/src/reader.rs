//! Reading, over connections of its own: a reader never waits for the writer, nor the writer for a reader.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{EvidenceItem, Filter, Page, PageOf, Point, Resolution, Result, StoredEntry};

/// How much a flood asks for attention.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// A surge of readers.
    Notice,
    /// A flood near the alarm.
    Warning,
    /// A flood far above it.
    Severe,
    /// A flood that is a hundred times above it.
    Critical,
}

/// A flood or surge as it was last told, with what was highest.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct FloodRow {
    /// The id of the events.
    pub id: String,
    /// `flood` or `surge`.
    pub event: String,
    /// When the excess began, nanoseconds since 1970.
    pub onset: i64,
    /// When it was first told (the time of its `start`).
    pub started: i64,
    /// When it was last told.
    pub updated: i64,
    /// When it was over; none while it goes on.
    pub ended: Option<i64>,
    /// `in` or `out`.
    pub direction: String,
    /// `address`, `prefix`, `service` or `group`.
    pub target_kind: String,
    /// The institution's name for the target, or its address.
    pub target: String,
    /// Vectors that were ever named, the heaviest of the last line first.
    pub vectors: Vec<String>,
    /// Services that it is about.
    pub services: Vec<String>,
    /// Organisations that may see it.
    pub organisations: Vec<String>,
    /// How much it asks for attention.
    pub severity: Severity,
    /// Highest of all lines.
    pub peak_packets_per_second: Option<f64>,
    /// Highest of all lines.
    pub peak_bits_per_second: Option<f64>,
    /// Highest of all lines.
    pub peak_requests_per_second: Option<f64>,
    /// `exact`, `sampled` or `lower_bound`, as last told.
    pub certainty: String,
    /// The sentence for the person on duty, as last told.
    pub reason: String,
    /// The number of the first entry about it.
    pub first_seq: u64,
    /// The number of the last entry about it.
    pub last_seq: u64,
    /// The last event, whole, with codes in place of addresses of persons.
    pub last: Value,
}

/// A sensor as it was last seen.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct SensorRow {
    /// Its name.
    pub name: String,
    /// `netflow`, `mirror`, `log`, …
    pub kind: String,
    /// Nanoseconds since 1970.
    pub first_seen: i64,
    /// Nanoseconds since 1970.
    pub last_seen: i64,
    /// Records since it was first seen.
    pub records: u64,
    /// Records that are known to be lost.
    pub lost: u64,
    /// What else was said.
    pub detail: Value,
}

/// How much there is.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Totals {
    /// Entries of the ledger.
    pub entries: u64,
    /// The number of the last entry.
    pub last_seq: u64,
    /// Its hash, in hexadecimal digits: what an auditor writes down.
    pub last_hash: String,
    /// When the first entry that is there was written, nanoseconds since 1970.
    pub oldest: Option<i64>,
    /// Floods.
    pub floods: u64,
    /// Floods that are not over.
    pub floods_ongoing: u64,
    /// Surges.
    pub surges: u64,
    /// Series of roll-ups.
    pub series: u64,
    /// Plain addresses of persons that are kept, sealed.
    pub addresses: u64,
    /// Bytes of the database with its log.
    pub database_bytes: u64,
    /// Bytes of evidence.
    pub evidence_bytes: u64,
}

/// Reads; clones share connections.
#[derive(Clone, Debug)]
pub struct Reader(pub(crate) ());

impl Reader {
    /// Floods and surges, newest start first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn floods(&self, _filter: &Filter, _page: &Page) -> Result<PageOf<FloodRow>> {
        Ok(PageOf { items: Vec::new(), next: None })
    }

    /// One flood or surge. Whether who asks may see it is for the caller to say by [`FloodRow::organisations`].
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn flood(&self, _id: &str) -> Result<Option<FloodRow>> {
        Ok(None)
    }

    /// The time line of a flood, a point for each line of its events: at most one a second.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn flood_points(&self, _id: &str) -> Result<Vec<Point>> {
        Ok(Vec::new())
    }

    /// Points of a target and a vector (`all`: everything) with the newest, in order of time, at most 20,000. `seconds` since
    /// 1970.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn series(
        &self,
        _target: &str,
        _vector: &str,
        _resolution: Resolution,
        _seconds: Range<i64>,
    ) -> Result<Vec<Point>> {
        Ok(Vec::new())
    }

    /// Targets and vectors of which there are points.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn series_names(&self) -> Result<Vec<(String, String)>> {
        Ok(Vec::new())
    }

    /// Entries of the ledger, newest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn entries(&self, _filter: &Filter, _page: &Page) -> Result<PageOf<StoredEntry>> {
        Ok(PageOf { items: Vec::new(), next: None })
    }

    /// One entry.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn entry(&self, _seq: u64) -> Result<Option<StoredEntry>> {
        Ok(None)
    }

    /// The evidence of a flood.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn evidence(&self, _flood: &str) -> Result<Vec<EvidenceItem>> {
        Ok(Vec::new())
    }

    /// Sensors by name.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn sensors(&self) -> Result<Vec<SensorRow>> {
        Ok(Vec::new())
    }

    /// How much there is.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn totals(&self) -> Result<Totals> {
        Ok(Totals::default())
    }
}
