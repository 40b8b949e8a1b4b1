//! Reading, over connections of its own: a reader never waits for the writer, nor the writer for a reader.

use std::net::IpAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::evidence::{Hider, NetworkShare, Records, networks_of, store};
use crate::read::{entries, floods, other, points};
use crate::shared::Shared;
use crate::{
    AddressReport, Error, EvidenceItem, EvidenceKind, Filter, Mine, Page, PageOf, Point, Resolution, Result,
    StoredEntry, persons, schema,
};

/// Connections that are kept open for the next reader.
const MAXIMUM_POOL: usize = 8;

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
#[derive(Clone)]
pub struct Reader(pub(crate) Arc<Inner>);

/// What clones share.
pub(crate) struct Inner {
    folder: PathBuf,
    pool: Mutex<Vec<Connection>>,
    /// Of the process that writes: its newest points and its keys.
    shared: Option<Arc<Shared>>,
}

/// Shows where it reads.
impl std::fmt::Debug for Reader {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Reader").field("folder", &self.0.folder).finish_non_exhaustive()
    }
}

impl Reader {
    /// A reader of a folder, in a process that does not write there. Points of the last minute are not seen.
    ///
    /// # Errors
    /// When there is no record, or it is newer than this program or something else.
    pub fn open(folder: &Path) -> Result<Self> {
        let reader = Self::new(folder.to_owned(), None);
        reader.with(|_| Ok(()))?;
        Ok(reader)
    }

    pub(crate) fn new(folder: PathBuf, shared: Option<Arc<Shared>>) -> Self {
        Self(Arc::new(Inner { folder, pool: Mutex::new(Vec::new()), shared }))
    }

    /// Does something with a connection that nobody else has meanwhile.
    pub(crate) fn with<T>(&self, read: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let pooled = self.pool().pop();
        let connection = match pooled {
            Some(connection) => connection,
            None => schema::open_to_read(&self.0.folder.join(schema::FILE_NAME))?,
        };
        let done = read(&connection)?;
        // After an error the connection is not kept.
        let mut pool = self.pool();
        if pool.len() < MAXIMUM_POOL {
            pool.push(connection);
        }
        Ok(done)
    }

    fn pool(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.0.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shared(&self) -> Result<&Arc<Shared>> {
        self.0
            .shared
            .as_ref()
            .ok_or_else(|| Error::Refused("this needs the key of the deployment".to_owned()))
    }

    /// Floods and surges, newest start first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn floods(&self, filter: &Filter, page: &Page) -> Result<PageOf<FloodRow>> {
        self.with(|connection| floods::list(connection, filter, page))
    }

    /// One flood or surge. Whether who asks may see it is for the caller to say by [`FloodRow::organisations`].
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn flood(&self, id: &str) -> Result<Option<FloodRow>> {
        self.with(|connection| floods::one(connection, id))
    }

    /// The time line of a flood, a point for each line of its events: at most one a second.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn flood_points(&self, id: &str) -> Result<Vec<Point>> {
        self.with(|connection| points::of_flood(connection, id))
    }

    /// Points of a target and a vector (`all`: everything) with the newest, in order of time, at most 20,000. `seconds`
    /// since 1970. A minute or an hour is there once it is over.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn series(
        &self,
        target: &str,
        vector: &str,
        resolution: Resolution,
        seconds: Range<i64>,
    ) -> Result<Vec<Point>> {
        // Memory first: what is written in between is then seen twice, and not never.
        let newest = match &self.0.shared {
            Some(shared) => shared.rollup().newest(target, vector, resolution, seconds.start),
            None => Vec::new(),
        };
        self.with(|connection| points::of_series(connection, (target, vector), resolution, &seconds, newest))
    }

    /// Targets and vectors of which there are points.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn series_names(&self) -> Result<Vec<(String, String)>> {
        let mut names = self.with(points::names)?;
        if let Some(shared) = &self.0.shared {
            names.extend(shared.rollup().names().cloned());
        }
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    /// Entries of the ledger, newest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn entries(&self, filter: &Filter, page: &Page) -> Result<PageOf<StoredEntry>> {
        self.with(|connection| entries::list(connection, filter, page))
    }

    /// One entry.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn entry(&self, seq: u64) -> Result<Option<StoredEntry>> {
        self.with(|connection| entries::one(connection, seq))
    }

    /// The evidence of a flood.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn evidence(&self, flood: &str) -> Result<Vec<EvidenceItem>> {
        self.with(|connection| other::evidence(connection, flood))
    }

    /// The evidence of a flood as a pcap or Parquet file, with hosts hidden: the network of each address stays. With `of` only
    /// what names one of those addresses. None without evidence.
    ///
    /// # Errors
    /// When a file cannot be read, or without the key.
    pub fn evidence_file(
        &self,
        flood: &str,
        kind: EvidenceKind,
        of: Option<&Mine<'_>>,
    ) -> Result<Option<Vec<u8>>> {
        let shared = self.shared()?;
        let mut records = store::load(&shared.folder, &shared.keys, flood, kind)?;
        // Before hosts are hidden, since whose an address is follows from the plain one.
        of.inspect(|of| records.keep(of));
        Hider { keys: &shared.keys, own: &shared.options.own, flood }.records(&mut records);
        file(&records, flood, "hosts are hidden")
    }

    /// Networks that the kept traffic of a flood came from, the one with the most packets first; with `of` only those of what
    /// names one of those addresses.
    ///
    /// # Errors
    /// As [`Reader::evidence_file`].
    pub fn evidence_networks(&self, flood: &str, of: Option<&Mine<'_>>) -> Result<Vec<NetworkShare>> {
        let shared = self.shared()?;
        let load = |kind| {
            let mut records = store::load(&shared.folder, &shared.keys, flood, kind)?;
            of.inspect(|of| records.keep(of));
            Ok::<_, Error>(records)
        };
        let (flows, frames) = (load(EvidenceKind::Flows)?, load(EvidenceKind::Packets)?);
        match (&flows, &frames) {
            (Records::Flows(flows), Records::Packets(frames)) => {
                Ok(networks_of(flows, frames, &shared.options.own))
            }
            _ => Ok(Vec::new()),
        }
    }

    pub(crate) fn evidence_plain(&self, flood: &str, kind: EvidenceKind) -> Result<Option<Vec<u8>>> {
        let shared = self.shared()?;
        let records = store::load(&shared.folder, &shared.keys, flood, kind)?;
        file(&records, flood, "addresses of persons are open")
    }

    /// The plain address of a code.
    pub(crate) fn plain(&self, code: &str) -> Result<Option<IpAddr>> {
        let shared = self.shared()?;
        self.with(|connection| persons::plain(connection, &shared.keys, code))
    }

    /// What is held about an address.
    pub(crate) fn about(&self, address: IpAddr) -> Result<AddressReport> {
        let shared = self.shared()?;
        self.with(|connection| other::about(connection, shared, address))
    }

    /// Sensors by name.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn sensors(&self) -> Result<Vec<SensorRow>> {
        self.with(other::sensors)
    }

    /// How much there is.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn totals(&self) -> Result<Totals> {
        self.with(|connection| other::totals(connection, &self.0.folder))
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.0.folder
    }
}

fn file(records: &Records, flood: &str, note: &str) -> Result<Option<Vec<u8>>> {
    if records.len() == 0 {
        return Ok(None);
    }
    records.file(&format!("flood {flood}; {note}")).map(Some)
}
