//! Flow export datagrams to records.

use crate::{Address, Fragment, TcpFlags, Time, payload::Payload};

/// One exported flow or one sampled packet, from any of the export protocols. Fields that the exporter did
/// not send are zero, unless said otherwise.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct FlowRecord {
    /// Source address.
    pub source: Address,
    /// Destination address.
    pub destination: Address,
    /// Upper-layer protocol number.
    pub protocol: u8,
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// Union of the TCP flags of the flow's packets (low 8 bits).
    pub tcp_flags: TcpFlags,
    /// ICMP or ICMPv6 type.
    pub icmp_type: u8,
    /// ICMP or ICMPv6 code.
    pub icmp_code: u8,
    /// Type of service or traffic class.
    pub type_of_service: u8,
    /// Whether the packets are fragments, where the exporter says so.
    pub fragment: Fragment,
    /// Packets as exported, before any correction for sampling.
    pub packets: u64,
    /// Bytes at the IP layer as exported, before any correction for sampling.
    pub bytes: u64,
    /// One packet in this many was seen; 1 = all, 0 = the exporter did not say.
    pub sampling: u32,
    /// First packet of the flow. `None`: not exported; the time of arrival stands in.
    pub first: Option<Time>,
    /// Last packet of the flow. `None`: not exported; the time of arrival stands in.
    pub last: Option<Time>,
    /// SNMP index of the interface that the packets came in by.
    pub input_interface: u32,
    /// SNMP index of the interface that the packets left by.
    pub output_interface: u32,
    /// Autonomous system of the source.
    pub source_as: u32,
    /// Autonomous system of the destination.
    pub destination_as: u32,
    /// Next hop.
    pub next_hop: Option<Address>,
    /// 0 = ingress, 1 = egress (RFC 5102 flowDirection), `None` = not exported.
    pub egress: Option<bool>,
    /// VLAN of the incoming packets.
    pub vlan: u16,
    /// What the payload looks like (sFlow raw headers of UDP only).
    pub payload_kind: Payload,
}
