//! Where things are handed in.

use std::net::IpAddr;

use serde::Serialize;
use serde_json::Value;

use crate::{Entry, Error, FlowRow, Frame, Health, Receipt, Result, Sample};

/// What a sensor said of itself.
#[derive(Clone, PartialEq, Debug)]
pub struct SensorSeen {
    /// Its name: of an exporter, a mirror, a log.
    pub name: String,
    /// `netflow`, `mirror`, `log`, …
    pub kind: String,
    /// When something last came from it, nanoseconds since 1970.
    pub time: i64,
    /// Records since it was first seen.
    pub records: u64,
    /// Records that are known to be lost.
    pub lost: u64,
    /// What else there is to say.
    pub detail: Value,
}

/// What is held about an address.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct AddressReport {
    /// Its codes with the time in which they were given.
    pub codes: Vec<CodeReport>,
    /// Whether the plain address is still kept.
    pub plain_kept: bool,
    /// Files of evidence that hold it, by the id of the flood.
    pub evidence: Vec<String>,
}

/// What is held under one code.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct CodeReport {
    /// The code.
    pub code: String,
    /// Nanoseconds since 1970.
    pub first_seen: i64,
    /// Nanoseconds since 1970.
    pub last_seen: i64,
    /// Numbers of the entries that name it; the first 1,000.
    pub entries: Vec<u64>,
    /// Ids of the floods that name it; the first 1,000.
    pub floods: Vec<String>,
}

/// What an erasure did.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Erasure {
    /// The codes that lead nowhere now.
    pub codes: Vec<String>,
    /// Packets and records that were taken out of evidence.
    pub evidence_records: u64,
    /// The entry that says so.
    pub seq: u64,
}

/// Where things are handed in; clones share one queue.
#[derive(Clone, Debug)]
pub struct Writer(pub(crate) ());

impl Writer {
    /// Writes an entry and waits until it is on the disk. Many that wait at once are written together.
    ///
    /// # Errors
    /// [`Error::Refused`] for a body that is too large, [`Error::NotWritten`] while the disk takes nothing.
    pub fn append(&self, _entry: Entry) -> Result<Receipt> {
        Err(Error::Closed)
    }

    /// Hands an entry over and does not wait: for the detector. What does not fit is counted. Whether it fitted.
    pub fn offer(&self, _entry: Entry) -> bool {
        false
    }

    /// Hands samples of a second over and does not wait. Whether they fitted.
    pub fn offer_points(&self, _samples: Vec<Sample>) -> bool {
        false
    }

    /// Hands headers of sampled packets of a flood over and does not wait. Whether they fitted.
    pub fn offer_frames(&self, _flood: &str, _frames: Vec<Frame>) -> bool {
        false
    }

    /// Hands flow records around a flood over and does not wait. Whether they fitted.
    pub fn offer_flows(&self, _flood: &str, _flows: Vec<FlowRow>) -> bool {
        false
    }

    /// Hands over what sensors said of themselves and does not wait. Whether it fitted.
    pub fn offer_sensors(&self, _sensors: Vec<SensorSeen>) -> bool {
        false
    }

    /// The plain address of a code, for a purpose. The entry that says so is on the disk before the address is given.
    ///
    /// # Errors
    /// When the purpose is empty, when the entry cannot be written. None if the address is no longer kept.
    pub fn open_address(&self, _code: &str, _purpose: &str, _who: &str) -> Result<Option<IpAddr>> {
        Err(Error::Closed)
    }

    /// What is held about an address. The entry that says that it was asked for holds the codes only.
    ///
    /// # Errors
    /// As [`Writer::open_address`].
    pub fn held_about(&self, _address: IpAddr, _purpose: &str, _who: &str) -> Result<AddressReport> {
        Err(Error::Closed)
    }

    /// Erases a person's address: the plain one, what links it to its codes, and its packets and records in evidence. The
    /// chain is not touched: its codes then lead nowhere.
    ///
    /// # Errors
    /// As [`Writer::open_address`].
    pub fn erase(&self, _address: IpAddr, _purpose: &str, _who: &str) -> Result<Erasure> {
        Err(Error::Closed)
    }

    /// Whether everything is written.
    pub fn health(&self) -> Health {
        Health { state: crate::State::Closed, counts: crate::Counts::default() }
    }
}
