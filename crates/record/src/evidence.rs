//! What was seen of a flood: sampled headers and the flow records around it.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// Kinds of evidence.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EvidenceKind {
    /// Headers of sampled packets, shown as pcap.
    Packets,
    /// Flow records, shown as Parquet.
    Flows,
}

/// One sampled packet. Only its headers are kept: at most 192 bytes, never a byte behind the transport header.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frame {
    /// When it came, nanoseconds since 1970.
    pub time: i64,
    /// Its link type, as in pcap files: 1 Ethernet, 101 raw IP.
    pub link_type: u32,
    /// Its length on the wire.
    pub original_bytes: u32,
    /// Its first bytes. What is more than headers is cut off.
    pub bytes: Vec<u8>,
}

/// One flow record.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct FlowRow {
    /// First packet, nanoseconds since 1970.
    pub first: i64,
    /// Last packet, nanoseconds since 1970.
    pub last: i64,
    /// Who reported it.
    pub exporter: IpAddr,
    /// From whom.
    pub source: IpAddr,
    /// To whom.
    pub destination: IpAddr,
    /// IP protocol.
    pub protocol: u8,
    /// TCP flags of all packets.
    pub tcp_flags: u8,
    /// Source port; 0 without one.
    pub source_port: u16,
    /// Destination port, or type and code of ICMP; 0 without one.
    pub destination_port: u16,
    /// Packets, scaled up.
    pub packets: u64,
    /// Bytes at the IP layer, scaled up.
    pub bytes: u64,
    /// One packet in this many was seen.
    pub sampling: u32,
}

/// One file of evidence.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct EvidenceItem {
    /// The id of the flood.
    pub flood: String,
    /// What it is.
    pub kind: EvidenceKind,
    /// Packets or records in it.
    pub records: u64,
    /// Packets or records that did not fit.
    pub left_out: u64,
    /// Bytes on the disk, sealed.
    pub bytes: u64,
    /// When it was last written, nanoseconds since 1970.
    pub written: i64,
}
