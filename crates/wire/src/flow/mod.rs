//! Flow export datagrams to records.

mod counters;
mod decoder;
mod limits;
mod record;

pub use counters::{FlowCounters, SourceStatus};
pub use decoder::{FlowDecoder, looks_like};
pub use limits::Limits;
pub use record::{FlowRecord, FlowSink, InterfaceCounters, Outcome, Protocol};
