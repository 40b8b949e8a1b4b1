//! The forms of answers. The OpenAPI document is made of these types, so that it cannot say something else.

use jiff::Timestamp;
use record::{EvidenceItem, FloodRow, Point, StoredEntry};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::live::{Sensor, Service};

/// Whether the console answers.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Health {
    /// Always `ok`; who is not well does not answer.
    pub(crate) status: &'static str,
}

/// What became of a webhook.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Taken {
    /// Floods that were taken up.
    pub(crate) taken: usize,
    /// Floods for which there was no room; send the message again.
    pub(crate) refused: usize,
}

/// How everything is now.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Now {
    /// The institution.
    pub(crate) institution: String,
    /// When this was so, RFC 3339.
    pub(crate) time: String,
    /// When the service started, RFC 3339.
    pub(crate) started: String,
    /// Whether anything may be filtered.
    pub(crate) mode: String,
    /// What everybody has to know.
    pub(crate) warnings: Vec<String>,
    /// How ready to be, while that is more than on other days; null for accounts of one organisation.
    pub(crate) readiness: Option<crate::outlook::Readiness>,
    /// Services.
    pub(crate) services: Vec<Service>,
    /// The last event of each flood and surge that goes on.
    pub(crate) floods: Vec<Value>,
}

/// What the next days may bring.
#[derive(Serialize, JsonSchema)]
pub(crate) struct CurrentOutlook {
    /// Null where no lists and no calendar are set up.
    pub(crate) outlook: Option<crate::outlook::Outlook>,
}

/// Services.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Services {
    /// In the order of the institution file.
    pub(crate) items: Vec<Service>,
}

/// Sensors.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Sensors {
    /// By name.
    pub(crate) items: Vec<Sensor>,
}

/// Points over time.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Series {
    /// Of what.
    pub(crate) target: String,
    /// A vector, or `all`.
    pub(crate) vector: String,
    /// How far points are apart; those without traffic are left out.
    pub(crate) resolution_seconds: i64,
    /// In order of time.
    pub(crate) items: Vec<SeriesPoint>,
}

/// Rates over the time of one point.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SeriesPoint {
    /// When it begins, RFC 3339.
    time: String,
    /// Mean.
    packets_per_second: f64,
    /// Mean.
    bits_per_second: f64,
    /// Mean.
    requests_per_second: f64,
    /// Highest second.
    peak_packets_per_second: f64,
}

impl From<Point> for SeriesPoint {
    fn from(point: Point) -> Self {
        Self {
            time: Timestamp::from_second(point.second).unwrap_or_default().to_string(),
            packets_per_second: point.packets_per_second,
            bits_per_second: point.bits_per_second,
            requests_per_second: point.requests_per_second,
            peak_packets_per_second: point.peak_packets_per_second,
        }
    }
}

/// RFC 3339 of nanoseconds since 1970.
fn time(nanoseconds: i64) -> String {
    Timestamp::from_nanosecond(nanoseconds.into()).unwrap_or_default().to_string()
}

/// A flood or surge.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Flood {
    /// The same for all of its events.
    id: String,
    /// `flood` or `surge`.
    kind: String,
    /// When the excess began, RFC 3339.
    onset: String,
    /// When it was first told, RFC 3339.
    started: String,
    /// When it was last told, RFC 3339.
    updated: String,
    /// When it was over, RFC 3339; null while it goes on.
    ended: Option<String>,
    /// `in` or `out`.
    direction: String,
    /// `address`, `prefix`, `service` or `group`.
    target_kind: String,
    /// Its name or address.
    target: String,
    /// The heaviest first.
    vectors: Vec<String>,
    /// Services that it is about.
    services: Vec<String>,
    /// `notice`, `warning`, `severe` or `critical`.
    severity: String,
    /// Highest of all events.
    peak_packets_per_second: Option<f64>,
    /// Highest of all events.
    peak_bits_per_second: Option<f64>,
    /// Highest of all events.
    peak_requests_per_second: Option<f64>,
    /// `exact`, `sampled` or `lower_bound`.
    certainty: String,
    /// One sentence.
    reason: String,
    /// The last event, whole, with codes in place of addresses of persons.
    last: Value,
}

impl From<FloodRow> for Flood {
    fn from(row: FloodRow) -> Self {
        Self {
            id: row.id,
            kind: row.event,
            onset: time(row.onset),
            started: time(row.started),
            updated: time(row.updated),
            ended: row.ended.map(time),
            direction: row.direction,
            target_kind: row.target_kind,
            target: row.target,
            vectors: row.vectors,
            services: row.services,
            severity: crate::pages::words::severity(row.severity).to_owned(),
            peak_packets_per_second: row.peak_packets_per_second,
            peak_bits_per_second: row.peak_bits_per_second,
            peak_requests_per_second: row.peak_requests_per_second,
            certainty: row.certainty,
            reason: row.reason,
            last: row.last,
        }
    }
}

/// A page of floods.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Floods {
    /// Newest first.
    pub(crate) items: Vec<Flood>,
    /// The next page begins after this; null on the last one.
    pub(crate) next: Option<String>,
}

/// An entry of the ledger.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Entry {
    /// Its number.
    seq: u64,
    /// When it was so, RFC 3339.
    time: String,
    /// When it was written, RFC 3339.
    written: String,
    /// What it says.
    kind: String,
    /// Who did it.
    actor: String,
    /// What it is about.
    subject: String,
    /// Services that it is about.
    services: Vec<String>,
    /// The rest; null once its time was up.
    body: Value,
    /// Its hash.
    hash: String,
    /// The hash of the one before.
    previous: String,
}

impl From<StoredEntry> for Entry {
    fn from(entry: StoredEntry) -> Self {
        let body = entry.body.as_deref().and_then(|text| serde_json::from_str(text).ok());
        Self {
            seq: entry.seq,
            time: time(entry.time),
            written: time(entry.written),
            kind: entry.kind,
            actor: entry.actor,
            subject: entry.subject,
            services: entry.services,
            body: body.unwrap_or_default(),
            hash: entry.hash,
            previous: entry.previous,
        }
    }
}

/// A page of entries.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Entries {
    /// Newest first.
    pub(crate) items: Vec<Entry>,
    /// The next page begins after this; null on the last one.
    pub(crate) next: Option<String>,
}

/// A file of evidence.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Evidence {
    /// `packets` (pcap) or `flows` (Parquet).
    kind: String,
    /// Packets or flow records in it.
    records: u64,
    /// Those that did not fit.
    left_out: u64,
    /// Bytes on the disk, sealed.
    bytes: u64,
    /// When it was last written, RFC 3339.
    written: String,
}

impl From<EvidenceItem> for Evidence {
    fn from(item: EvidenceItem) -> Self {
        Self {
            kind: item.kind.name().to_owned(),
            records: item.records,
            left_out: item.left_out,
            bytes: item.bytes,
            written: time(item.written),
        }
    }
}

/// The evidence of a flood.
#[derive(Serialize, JsonSchema)]
pub(crate) struct EvidenceList {
    /// At most one of each kind.
    pub(crate) items: Vec<Evidence>,
}
