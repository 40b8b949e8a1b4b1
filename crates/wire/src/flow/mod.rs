//! Flow export datagrams to records.
//!
//! [`FlowDecoder`] takes NetFlow v5 and v9, IPFIX and sFlow v5 datagrams of any number of exporters and gives
//! out [`FlowRecord`]s. NetFlow v9 and IPFIX describe their records by templates, which come seldom and are kept
//! for each source (exporter and observation domain), as are sampling rates from options data. A template is
//! compiled when it arrives, so that a record costs a fixed number of loads (module `template`).
//!
//! Senders can be forged and datagrams damaged, so nothing here grows beyond [`Limits`], nothing is allocated
//! for a datagram unless it changes a template, the work for a datagram is bounded by its bytes, and whatever
//! cannot be read is skipped and counted in [`FlowCounters`] while the rest is kept.
//!
//! Limits: UDP only, so a lost template means records lost until it is sent again; anyone who can forge an
//! exporter's address can replace its templates (the protocols have no authentication over UDP). NetFlow v9
//! sequence numbers are taken to count datagrams (RFC 3954 section 5.1); exporters that count records there
//! show as losing datagrams.

mod bytes;
mod clock;
mod counters;
mod decoder;
mod extract;
mod fields;
mod frame;
mod layout;
mod limits;
mod netflow5;
mod record;
mod sampling;
mod sequence;
mod sets;
mod sflow;
mod sniff;
mod sources;
mod template;

pub use counters::{FlowCounters, SourceStatus};
pub use decoder::FlowDecoder;
pub use limits::Limits;
pub use record::{FlowRecord, FlowSink, InterfaceCounters, Outcome, Protocol};
pub use sniff::{Datagrams, datagrams, looks_like};
