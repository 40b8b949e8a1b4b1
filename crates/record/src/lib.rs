//! What was seen, decided and done: kept so that nobody can change it without being found out, and so that what was
//! shown to a person can be shown again.
//!
//! One folder holds one SQLite file (`record.sqlite3`, WAL) and, sealed, the evidence of floods. One thread writes;
//! everybody else hands it things over a bounded queue ([`Writer`]) or reads over connections of their own
//! ([`Reader`]). In the file are
//!
//! * the **ledger**: entries of everything observed, decided and done, and by whom, each with the hash of the one
//!   before ([`StoredEntry`], [`verify`]);
//! * **floods** and surges with their time line, derived from the ledger's events as they are written;
//! * **roll-ups** of 1 s, 1 min and 1 h for each target and vector, many points to a row;
//! * the **plain addresses of persons**, sealed, apart from everything else, so that they can be erased without the
//!   chain being touched.
//!
//! # What holds
//! * An entry that [`Writer::append`] acknowledged is on the disk (`synchronous = FULL`).
//! * [`Writer::offer`] and its like never wait. What does not fit is counted, and shown by [`Writer::health`].
//! * No body of an entry, no row of a flood and no export holds a person's address, unless somebody opened it, with a
//!   purpose, which is an entry of its own.
//! * Everything has a limit: [`Limits`], [`Retention`].
//!
//! # Limits
//! The clock is handed in ([`Options::clock`]). There is one writer for a folder; a second one is refused.

mod block;
mod canonical;
mod chain;
mod conceal;
mod copy;
mod entry;
mod erased;
mod error;
mod event;
mod evidence;
mod export;
mod filter;
mod floods;
mod health;
mod keys;
mod ledger;
mod options;
mod persons;
mod point;
mod read;
mod reader;
mod record;
mod rollup;
mod schema;
mod shared;
mod verify;
mod write;
mod writer;

pub use copy::{Copied, backup, restore};
pub use entry::{Actor, Entry, Kind, Receipt, StoredEntry};
pub use error::Error;
pub use evidence::{EvidenceItem, EvidenceKind, FlowRow, Frame, MAXIMUM_HEADER_BYTES, Mine, NetworkShare};
pub use export::{Exported, export};
pub use filter::{Filter, Page, PageOf};
pub use health::{Counts, Health, State};
pub use options::{Clock, Limits, Options, OwnAddresses, Retention};
pub use point::{Point, Resolution, Sample};
pub use reader::{FloodRow, Reader, SensorRow, Severity, Totals};
pub use record::Record;
pub use verify::{Fault, Head, Verification, verify, verify_all, verify_export};
pub use writer::{AddressReport, CodeReport, Erasure, SensorSeen, Writer};

/// The result of whatever reads or writes.
pub type Result<T, E = Error> = std::result::Result<T, E>;
