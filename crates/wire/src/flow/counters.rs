//! What the decoder counted.

use super::record::Protocol;
use crate::Address;

/// Totals since the decoder was made. Nothing is dropped without one of these moving.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FlowCounters {
    /// Datagrams given to the decoder.
    pub datagrams: u64,
    /// Bytes of these datagrams.
    pub bytes: u64,
    /// NetFlow v5 datagrams.
    pub netflow5_datagrams: u64,
    /// NetFlow v9 datagrams.
    pub netflow9_datagrams: u64,
    /// IPFIX messages.
    pub ipfix_datagrams: u64,
    /// sFlow v5 datagrams.
    pub sflow5_datagrams: u64,
    /// Datagrams of no known protocol or shorter than their header.
    pub unknown_datagrams: u64,
    /// Records given to the sink.
    pub records: u64,
    /// Records given to the sink for the reverse direction of a bidirectional flow (in `records` too).
    pub reverse_records: u64,
    /// Records or samples without an IP address (layer 2, MPLS, statistics): not given to the sink.
    pub records_without_address: u64,
    /// Records that hold a sampled frame which could not be decoded.
    pub undecodable_frames: u64,
    /// Options data records read.
    pub options_records: u64,
    /// Options data records beyond the limit for one datagram: not interpreted.
    pub options_records_refused: u64,
    /// Sampling rates learnt or changed from options records.
    pub sampling_changes: u64,
    /// Sampling rates refused because a source named too many samplers.
    pub samplers_refused: u64,
    /// Data sets that came before their template.
    pub sets_before_template: u64,
    /// Sets skipped because their id is reserved or their template has records of no length.
    pub sets_skipped: u64,
    /// Lengths that do not fit: datagram, set, record or sample; what was whole before is kept.
    pub bad_lengths: u64,
    /// Templates added.
    pub templates_added: u64,
    /// Templates announced again unchanged.
    pub templates_repeated: u64,
    /// Templates announced again with other fields.
    pub templates_changed: u64,
    /// Templates withdrawn (IPFIX).
    pub templates_withdrawn: u64,
    /// Templates that made room for others.
    pub templates_evicted: u64,
    /// Templates refused: malformed, too many fields, too many in one datagram, or no room.
    pub templates_refused: u64,
    /// Data records that the sequence numbers show as lost (NetFlow v5 flows, IPFIX data records).
    pub lost_records: u64,
    /// Datagrams that the sequence numbers show as lost (NetFlow v9, sFlow).
    pub lost_datagrams: u64,
    /// Datagrams that came later than their successor.
    pub reordered_datagrams: u64,
    /// Sequence numbers that jumped so far that the source must have started again.
    pub sequence_resets: u64,
    /// Sources (exporter and domain) added.
    pub sources_added: u64,
    /// Sources that were silent and made room.
    pub sources_evicted: u64,
    /// Datagrams whose source was refused because the table or its exporter's share is full.
    pub sources_refused: u64,
    /// sFlow flow samples read.
    pub flow_samples: u64,
    /// sFlow counter samples read.
    pub counter_samples: u64,
    /// Interface counter blocks given to the sink.
    pub interface_counters: u64,
    /// sFlow samples of an unknown or proprietary format.
    pub unknown_samples: u64,
    /// sFlow notifications of discarded packets (sample format 5).
    pub discarded_packet_samples: u64,
    /// sFlow samples of packets that the switch dropped (output interface format 1).
    pub discarded_packets: u64,
    /// Packets that agents dropped instead of sampling them (increase of the drops field).
    pub sample_drops: u64,
}

/// What is known of one source: an exporter and one of its observation domains.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SourceStatus {
    /// Address that the datagrams came from.
    pub exporter: Address,
    /// Export protocol.
    pub protocol: Protocol,
    /// sFlow agent address; the exporter's own for the other protocols.
    pub agent: Address,
    /// Observation domain (IPFIX), source id (NetFlow v9), engine type and id (v5), sub-agent (sFlow).
    pub domain: u32,
    /// Datagrams received.
    pub datagrams: u64,
    /// Records given to the sink.
    pub records: u64,
    /// Lost, in the unit of [`super::Outcome::lost`].
    pub lost: u64,
    /// Templates kept.
    pub templates: usize,
}
