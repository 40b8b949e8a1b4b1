//! Where things are handed in.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{SyncSender, sync_channel};

use serde::Serialize;
use serde_json::{Value, json};

use crate::shared::{Count, Shared};
use crate::write::{Message, Room};
use crate::{
    Actor, Entry, Error, EvidenceKind, FlowRow, Frame, Health, Kind, Reader, Receipt, Result, Sample, State,
};

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
#[derive(Clone)]
pub struct Writer {
    pub(crate) sender: SyncSender<Message>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) reader: Reader,
}

/// Shows where it writes.
impl std::fmt::Debug for Writer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Writer").field("folder", &self.shared.folder).finish_non_exhaustive()
    }
}

impl Writer {
    /// Writes an entry and waits until it is on the disk. Many that wait at once are written together.
    ///
    /// # Errors
    /// [`Error::Refused`] for a body that is no object, nested too deeply or too large; [`Error::NotWritten`] while the
    /// disk takes nothing. An event of a flood that says nothing new is refused too: it belongs into [`Writer::offer`].
    pub fn append(&self, entry: Entry) -> Result<Receipt> {
        let (reply, receipt) = sync_channel(1);
        self.send(Message::Append(Box::new(entry), reply))?;
        let receipt = receipt.recv().map_err(|_| Error::Closed)??;
        receipt.ok_or_else(|| Error::Refused("this update says nothing new; the time line has it".to_owned()))
    }

    /// Hands an entry over and does not wait: for the detector. What does not fit is counted. Whether it fitted. Updates
    /// of floods are refused while three quarters of the queue are taken, so that starts and ends find room.
    pub fn offer(&self, entry: Entry) -> bool {
        let is_update = entry.body.get("phase").and_then(Value::as_str) == Some("update");
        self.try_send(Message::Offer(Box::new(entry)), is_update, Count::EntriesLost, 1)
    }

    /// Hands samples of a second over and does not wait. Whether they fitted.
    pub fn offer_points(&self, samples: Vec<Sample>) -> bool {
        let count = samples.len() as u64;
        self.try_send(Message::Samples(samples), true, Count::SamplesLost, count)
    }

    /// Hands headers of sampled packets of a flood over and does not wait. Whether they fitted. Only headers are kept.
    pub fn offer_frames(&self, flood: &str, frames: Vec<Frame>) -> bool {
        let count = frames.len() as u64;
        self.try_send(Message::Frames(flood.to_owned(), frames), true, Count::EvidenceLost, count)
    }

    /// Hands flow records around a flood over and does not wait. Whether they fitted.
    pub fn offer_flows(&self, flood: &str, flows: Vec<FlowRow>) -> bool {
        let count = flows.len() as u64;
        self.try_send(Message::Flows(flood.to_owned(), flows), true, Count::EvidenceLost, count)
    }

    /// Hands over what sensors said of themselves and does not wait. Whether it fitted. At most 4,096 are kept.
    pub fn offer_sensors(&self, sensors: Vec<SensorSeen>) -> bool {
        self.try_send(Message::Sensors(sensors), true, Count::EntriesLost, 0)
    }

    /// The plain address of a code, for a purpose. The entry that says so is on the disk before the address is given.
    ///
    /// # Errors
    /// When the purpose is empty, when the entry cannot be written. None if the address is no longer kept.
    pub fn open_address(&self, code: &str, purpose: &str, who: &str) -> Result<Option<IpAddr>> {
        let body = json!({"what": "address", "code": code, "purpose": needed(purpose)?});
        self.append(Entry::new(Kind::Opened, Actor::Person(who.to_owned()), code, body))?;
        self.reader.plain(code)
    }

    /// What is held about an address. The entry that says that it was asked for holds the codes only.
    ///
    /// # Errors
    /// As [`Writer::open_address`].
    pub fn held_about(&self, address: IpAddr, purpose: &str, who: &str) -> Result<AddressReport> {
        let report = self.reader.about(address.to_canonical())?;
        let codes: Vec<&str> = report.codes.iter().map(|code| code.code.as_str()).collect();
        let body = json!({"what": "report", "codes": codes, "purpose": needed(purpose)?});
        self.append(Entry::new(Kind::Opened, Actor::Person(who.to_owned()), "held-about", body))?;
        Ok(report)
    }

    /// Erases a person's address: the plain one, what links it to its codes, and its packets and records in evidence. The
    /// chain is not touched: its codes then lead nowhere. Names of floods' targets and their words hold codes only. What others
    /// still remember of the address does not bring it back: for a day nothing of it is taken up into evidence, and it has
    /// a code that leads nowhere.
    ///
    /// # Errors
    /// As [`Writer::open_address`]. It can be done again.
    pub fn erase(&self, address: IpAddr, purpose: &str, who: &str) -> Result<Erasure> {
        let purpose = needed(purpose)?.to_owned();
        let address = address.to_canonical();
        let (codes, evidence_records) = self.run(move |room| room.erase(address))??;
        let body = json!({"what": "address", "codes": codes, "evidence_records": evidence_records, "purpose": purpose});
        let entry = Entry::new(Kind::Erased, Actor::Person(who.to_owned()), "address", body);
        let seq = self.append(entry)?.seq;
        Ok(Erasure { codes, evidence_records, seq })
    }

    /// The evidence of a flood as a pcap or Parquet file with plain addresses, for a purpose. The entry that says so is
    /// on the disk before the file is made. None without evidence.
    ///
    /// # Errors
    /// As [`Writer::open_address`].
    pub fn open_evidence(
        &self,
        flood: &str,
        kind: EvidenceKind,
        purpose: &str,
        who: &str,
    ) -> Result<Option<Vec<u8>>> {
        let body = json!({"what": "evidence", "kind": kind.name(), "purpose": needed(purpose)?});
        self.append(Entry::new(Kind::Opened, Actor::Person(who.to_owned()), flood, body))?;
        self.reader.evidence_plain(flood, kind)
    }

    /// Writes everything that waits: points and evidence too. For tests, backups and orderly ends.
    ///
    /// # Errors
    /// When nobody writes any more, or nothing can be written.
    pub fn flush(&self) -> Result<()> {
        self.run(|room| room.flush(true))?;
        match &*self.shared.state() {
            State::Degraded { why, .. } => Err(Error::NotWritten(why.clone())),
            _ => Ok(()),
        }
    }

    /// Removes now what is past its time; otherwise that is done every ten minutes.
    ///
    /// # Errors
    /// When nobody writes any more.
    pub fn retire(&self) -> Result<()> {
        self.run(Room::retire)
    }

    /// Whether everything is written.
    pub fn health(&self) -> Health {
        self.shared.health()
    }

    /// Runs something in the writer's thread, between two transactions.
    fn run<T: Send + 'static>(&self, task: impl FnOnce(&mut Room) -> T + Send + 'static) -> Result<T> {
        let (reply, done) = sync_channel(1);
        self.send(Message::Do(Box::new(move |room| {
            // Who no longer waits has given up.
            let _ = reply.try_send(task(room));
        })))?;
        done.recv().map_err(|_| Error::Closed)
    }

    fn send(&self, message: Message) -> Result<()> {
        self.shared.queued.fetch_add(1, Ordering::Relaxed);
        self.sender.send(message).map_err(|_| {
            self.shared.queued.fetch_sub(1, Ordering::Relaxed);
            Error::Closed
        })
    }

    fn try_send(&self, message: Message, is_minor: bool, lost: Count, count: u64) -> bool {
        let places = self.shared.limits().queue_places;
        let places = if is_minor { places / 4 * 3 } else { places };
        let waiting = self.shared.queued.fetch_add(1, Ordering::Relaxed);
        let fits = waiting < places && self.sender.try_send(message).is_ok();
        if !fits {
            self.shared.queued.fetch_sub(1, Ordering::Relaxed);
            self.shared.count(lost, count);
        }
        fits
    }
}

fn needed(purpose: &str) -> Result<&str> {
    match purpose.trim() {
        "" => Err(Error::Refused("say what it is needed for".to_owned())),
        purpose => Ok(purpose),
    }
}
