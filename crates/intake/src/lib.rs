//! Where bytes come from, and what was lost on the way.
//!
//! For now these are files: [`Inputs`] opens any mix of captures (pcap, pcapng), captures of flow exports, dumps of
//! export datagrams and access logs, each plain or compressed with gzip, from disk, standard input or memory. What a
//! file is, is found from its content and never from its name. [`Inputs::run`] gives the packets, flow records and
//! requests of all of them to a [`Visitor`] on one merged time line.
//!
//! * A file is read in windows; memory does not grow with it. Its decompressed size is bounded.
//! * A damaged file gives everything before the damage; where and what is in its [`InputSummary`].
//! * Time that goes backwards inside one file is passed on as it is; who counts windows decides what is late.
//! * Nothing is dropped without a counter: records and skipped things add up to what the file holds.
//!
//! Limits: fragments are not reassembled. Dumps of datagrams have no addresses and no times of arrival: the
//! exporter is then the unspecified address and the arrival is the export time of the header; sFlow has none, so
//! the agent's uptime counts from the epoch. EVE JSON is recognised, and refused by name.

pub mod collect;
mod counters;
mod datagrams;
mod error;
pub mod follow;
mod hole;
mod input;
mod inputs;
mod kind;
mod lines;
pub mod mirror;
mod options;
pub mod syslog;
mod window;

pub use counters::{Counters, InputKind, InputSummary};
pub use error::{Damage, IntakeError};
pub use inputs::{Inputs, MAX_INPUTS};
pub use kind::Foreign;
pub use options::{Clock, DECOMPRESSED_BYTES_LIMIT, FLOW_PORTS, OpenOptions};
pub use window::Memory;

use wire::{Address, FlowRecord, Time, flow::InterfaceCounters, packet::Decoded, web::Request};

/// Takes what the inputs hold, in the order of the merged time line. `input` is the position of the input in
/// the order of opening.
pub trait Visitor {
    /// A mirrored packet, captured at `time`.
    fn packet(&mut self, input: usize, time: Time, decoded: &Decoded<'_>);

    /// A flow record, in a datagram that `exporter` sent and that arrived at `arrival`.
    fn flow(&mut self, input: usize, arrival: Time, exporter: Address, record: &FlowRecord);

    /// A request of an access log, at the time of its line. Lines that are slightly out of order come as they are.
    #[inline]
    fn request(&mut self, _input: usize, _request: &Request<'_>) {}

    /// The counters of one interface of an sFlow agent.
    fn interface_counters(
        &mut self,
        _input: usize,
        _arrival: Time,
        _exporter: Address,
        _counters: &InterfaceCounters,
    ) {
    }

    /// Something was lost before it came here: frames that the capturing machine dropped, or what the sequence
    /// numbers of an exporter miss. Called before what comes next; `lost` is the number since the last call.
    /// Captures say it where their format does, in pcapng usually at the end only.
    fn loss(&mut self, _input: usize, _lost: u64) {}

    /// Asked after every frame, datagram or request: whether to end now.
    #[inline]
    fn stop(&self) -> bool {
        false
    }
}
