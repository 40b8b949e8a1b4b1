//! The decoder.

use super::{
    counters::{FlowCounters, SourceStatus},
    limits::Limits,
    record::{FlowSink, Outcome, Protocol},
};
use crate::{Address, Time};

/// Decodes the datagrams of many exporters.
#[derive(Debug)]
pub struct FlowDecoder {
    counters: FlowCounters,
}

impl FlowDecoder {
    /// A decoder with nothing learnt. `key` keys its hash table: a secret of the deployment.
    pub fn new(_limits: Limits, _key: [u8; 16]) -> Self {
        Self { counters: FlowCounters::default() }
    }

    /// Decodes one datagram that `exporter` sent and that arrived at `arrival`, giving each record to `sink`.
    pub fn decode(
        &mut self,
        _exporter: Address,
        _arrival: Time,
        datagram: &[u8],
        _sink: &mut impl FlowSink,
    ) -> Outcome {
        Outcome { protocol: looks_like(datagram), ..Outcome::default() }
    }

    /// What was counted so far.
    pub fn counters(&self) -> &FlowCounters {
        &self.counters
    }

    /// What is known of each source.
    pub fn sources(&self) -> impl Iterator<Item = SourceStatus> + '_ {
        std::iter::empty()
    }
}

/// The export protocol that a datagram is of.
pub fn looks_like(_datagram: &[u8]) -> Option<Protocol> {
    None
}
