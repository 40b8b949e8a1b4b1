//! What the decoders give out: flow records, interface counters, and what happened to one datagram.

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
    /// Next hop; `None` also where the exporter sent an all-zero address.
    pub next_hop: Option<Address>,
    /// 0 = ingress, 1 = egress (RFC 5102 flowDirection), `None` = not exported.
    pub egress: Option<bool>,
    /// VLAN of the incoming packets.
    pub vlan: u16,
    /// What the payload looks like (sFlow raw headers of UDP only).
    pub payload_kind: Payload,
}

impl FlowRecord {
    /// A record in which nothing is known but the addresses.
    #[inline]
    pub const fn new(source: Address, destination: Address) -> Self {
        Self {
            source,
            destination,
            protocol: 0,
            source_port: 0,
            destination_port: 0,
            tcp_flags: TcpFlags(0),
            icmp_type: 0,
            icmp_code: 0,
            type_of_service: 0,
            fragment: Fragment::None,
            packets: 0,
            bytes: 0,
            sampling: 0,
            first: None,
            last: None,
            input_interface: 0,
            output_interface: 0,
            source_as: 0,
            destination_as: 0,
            next_hop: None,
            egress: None,
            vlan: 0,
            payload_kind: Payload {
                service: crate::payload::Service::Unknown,
                role: crate::payload::Role::Unknown,
            },
        }
    }
}

/// The counters of one interface, from the generic interface block of an sFlow counter sample (sFlow
/// version 5, section 5.4, `if_counters`). All counts run since the agent's start and wrap at their width.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct InterfaceCounters {
    /// SNMP index of the interface.
    pub index: u32,
    /// Speed in bits per second; 0 where the agent does not know it.
    pub speed_bits_per_second: u64,
    /// 1 = full duplex, 2 = half duplex, 3 = in, 4 = out, 0 = unknown.
    pub direction: u32,
    /// Whether the interface is up for operation.
    pub up: bool,
    /// Bytes received.
    pub input_bytes: u64,
    /// Unicast packets received (32 bits, wraps).
    pub input_packets: u32,
    /// Multicast packets received (32 bits, wraps).
    pub input_multicast_packets: u32,
    /// Broadcast packets received (32 bits, wraps).
    pub input_broadcast_packets: u32,
    /// Packets received and dropped for want of room (32 bits, wraps).
    pub input_discards: u32,
    /// Packets received with errors (32 bits, wraps).
    pub input_errors: u32,
    /// Bytes sent.
    pub output_bytes: u64,
    /// Unicast packets sent (32 bits, wraps).
    pub output_packets: u32,
    /// Multicast packets sent (32 bits, wraps).
    pub output_multicast_packets: u32,
    /// Broadcast packets sent (32 bits, wraps).
    pub output_broadcast_packets: u32,
    /// Packets to be sent that were dropped for want of room (32 bits, wraps).
    pub output_discards: u32,
    /// Packets that could not be sent because of errors (32 bits, wraps).
    pub output_errors: u32,
}

/// Where decoded records go.
pub trait FlowSink {
    /// Takes one record; called once for each, in the order of the datagram.
    fn flow(&mut self, record: &FlowRecord);

    /// Takes the counters of one interface (sFlow only).
    fn interface(&mut self, _counters: &InterfaceCounters) {}
}

impl FlowSink for Vec<FlowRecord> {
    fn flow(&mut self, record: &FlowRecord) {
        self.push(*record);
    }
}

/// An export protocol.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Protocol {
    /// NetFlow version 5.
    Netflow5,
    /// NetFlow version 9 (RFC 3954).
    Netflow9,
    /// IPFIX (RFC 7011).
    Ipfix,
    /// sFlow version 5.
    Sflow5,
}

impl Protocol {
    /// The protocol's usual name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Netflow5 => "NetFlow v5",
            Self::Netflow9 => "NetFlow v9",
            Self::Ipfix => "IPFIX",
            Self::Sflow5 => "sFlow v5",
        }
    }
}

/// What became of one datagram.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Outcome {
    /// The export protocol; `None`: the datagram is of none that is known, and nothing was read.
    pub protocol: Option<Protocol>,
    /// Records given to the sink.
    pub records: u32,
    /// Elements that were skipped: sets, samples, records or templates that are bad, unknown or refused.
    pub skipped: u32,
    /// What the sequence number shows as lost before this datagram: flows for NetFlow v5, data records for
    /// IPFIX, datagrams for NetFlow v9 and sFlow.
    pub lost: u32,
    /// The export time of the header (sFlow has none).
    pub exported: Option<Time>,
}
