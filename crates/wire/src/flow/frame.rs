//! A sampled frame to a record of one packet.

use super::record::FlowRecord;
use crate::packet::{self, LinkType, Skip};

/// The record of the frame's outer packet, with the bytes that its IP header states. The type of service is not
/// read.
#[inline]
pub(super) fn record(link: LinkType, frame: &[u8]) -> Result<FlowRecord, Skip> {
    let decoded = packet::decode(link, frame)?;
    let packet = &decoded.outer;
    let mut record = FlowRecord::new(packet.source, packet.destination);
    record.protocol = packet.protocol;
    record.source_port = packet.source_port;
    record.destination_port = packet.destination_port;
    record.tcp_flags = packet.tcp_flags;
    record.icmp_type = packet.icmp_type;
    record.icmp_code = packet.icmp_code;
    record.fragment = packet.fragment;
    record.packets = 1;
    record.bytes = u64::from(packet.ip_length_bytes);
    record.vlan = decoded.vlan;
    record.payload_kind = packet.payload_kind;
    Ok(record)
}
