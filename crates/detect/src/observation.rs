//! What the detector is given: one shape for packets, sampled packets and flow records.

use wire::{Address, FlowRecord, Fragment, Packet, Payload, TcpFlags, Time};

/// One packet, sampled packet or flow record. Counts are corrected for sampling.
#[derive(Clone, Copy, Debug, Default)]
pub struct Observation<'a> {
    /// Capture time, or for flow records the time of arrival.
    pub time: Time,
    /// How long the packets of a flow record are spread over, in nanoseconds; 0 for a packet.
    pub duration_nanoseconds: i64,
    /// When the last packet of a flow record was seen; `time` for a packet.
    pub last: Time,
    /// Source address.
    pub source: Address,
    /// Destination address.
    pub destination: Address,
    /// Upper-layer protocol number.
    pub protocol: u8,
    /// The IP header's own protocol number (`protocol` for flow records).
    pub first_protocol: u8,
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// TCP flags, of flow records the union.
    pub tcp_flags: TcpFlags,
    /// ICMP or ICMPv6 type.
    pub icmp_type: u8,
    /// Time to live or hop limit; 0 where a flow record does not say.
    pub hop_limit: u8,
    /// Which fragment.
    pub fragment: Fragment,
    /// Packets, corrected for sampling; at least 1.
    pub packets: u64,
    /// Bytes at the IP layer, corrected for sampling.
    pub bytes: u64,
    /// One packet in this many was looked at; 1 = all.
    pub sampling: u32,
    /// Packets of the flow record before correction; 0 = this is a packet.
    pub flow_packets: u64,
    /// What the payload looks like.
    pub payload_kind: Payload,
    /// The transport payload as far as it is there.
    pub payload: &'a [u8],
}

impl<'a> Observation<'a> {
    /// A captured packet.
    #[inline]
    pub fn of_packet(time: Time, packet: &Packet<'a>) -> Self {
        Self {
            time,
            duration_nanoseconds: 0,
            last: time,
            source: packet.source,
            destination: packet.destination,
            protocol: packet.protocol,
            first_protocol: packet.first_protocol,
            source_port: packet.source_port,
            destination_port: packet.destination_port,
            tcp_flags: packet.tcp_flags,
            icmp_type: packet.icmp_type,
            hop_limit: packet.hop_limit,
            fragment: packet.fragment,
            packets: 1,
            bytes: u64::from(packet.ip_length_bytes),
            sampling: 1,
            flow_packets: 0,
            payload_kind: packet.payload_kind,
            payload: packet.payload,
        }
    }

    /// A flow record or sampled packet that arrived at `arrival`. `sampling_override` is the operator's word
    /// where the exporter's is missing or wrong; an unknown rate counts as 1, which makes a lower bound.
    pub fn of_flow(arrival: Time, record: &FlowRecord, sampling_override: Option<u32>) -> Self {
        let sampling = sampling_override.unwrap_or(record.sampling).max(1);
        let last = record.last.unwrap_or(arrival);
        let first = record.first.unwrap_or(last);
        let packets = record.packets.max(1);
        // A sampled packet (sFlow) is a packet: it has the flags of one packet and no duration.
        let is_sample = record.packets == 1 && record.first.is_none() && record.sampling > 0;
        Self {
            time: arrival,
            duration_nanoseconds: last.nanoseconds_since(first).max(0),
            last,
            source: record.source,
            destination: record.destination,
            protocol: record.protocol,
            first_protocol: record.protocol,
            source_port: record.source_port,
            destination_port: record.destination_port,
            tcp_flags: record.tcp_flags,
            icmp_type: record.icmp_type,
            hop_limit: 0,
            fragment: record.fragment,
            packets: packets.saturating_mul(u64::from(sampling)),
            bytes: record.bytes.saturating_mul(u64::from(sampling)),
            sampling,
            flow_packets: if is_sample { 0 } else { packets },
            payload_kind: record.payload_kind,
            payload: &[],
        }
    }

    /// Whether this is a flow record and not a (possibly sampled) packet.
    #[inline]
    pub const fn is_flow(&self) -> bool {
        self.flow_packets != 0
    }
}
