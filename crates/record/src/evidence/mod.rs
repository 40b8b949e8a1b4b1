//! What was seen of a flood: sampled headers and the flow records around it.
//!
//! On the disk it is sealed, since headers hold addresses; a file is made when somebody asks for it, with hosts hidden or, for
//! a purpose, opened. Of a packet nothing but headers is ever taken in ([`MAXIMUM_HEADER_BYTES`], [`headers`]).

pub(crate) mod headers;
mod hide;
mod networks;
mod parquet;
mod pcap;
mod rows;
pub(crate) mod store;

pub use headers::MAXIMUM_HEADER_BYTES;
pub(crate) use hide::Hider;
pub use networks::NetworkShare;
pub(crate) use networks::of as networks_of;

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

/// Says whether an address belongs to whoever asks.
pub type Mine<'a> = dyn Fn(IpAddr) -> bool + 'a;

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

impl EvidenceKind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Packets, Self::Flows];

    /// The name by which it is stored.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Packets => "packets",
            Self::Flows => "flows",
        }
    }

    /// The end of the name of a file that is made of it.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Packets => "pcap",
            Self::Flows => "parquet",
        }
    }

    /// Where it stands in arrays and in the table.
    pub(crate) const fn index(self) -> usize {
        match self {
            Self::Packets => 0,
            Self::Flows => 1,
        }
    }

    /// The kind at that place.
    pub(crate) const fn at(index: i64) -> Self {
        if index == 0 { Self::Packets } else { Self::Flows }
    }
}

/// Records of one kind.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Records {
    /// Frames.
    Packets(Vec<Frame>),
    /// Flow records.
    Flows(Vec<FlowRow>),
}

impl Records {
    /// How many.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Packets(frames) => frames.len(),
            Self::Flows(flows) => flows.len(),
        }
    }

    /// The file that is made of them: pcap or Parquet.
    ///
    /// # Errors
    /// When Parquet cannot be written.
    pub(crate) fn file(&self, note: &str) -> crate::Result<Vec<u8>> {
        match self {
            Self::Packets(frames) => Ok(pcap::write(frames)),
            Self::Flows(flows) => parquet::write(flows, note),
        }
    }

    /// Removes all that name no address of whoever asks.
    pub(crate) fn keep(&mut self, mine: &Mine<'_>) {
        match self {
            Self::Packets(frames) => frames.retain(|frame| frame.addresses().any(mine)),
            Self::Flows(flows) => flows.retain(|flow| flow.addresses().into_iter().any(mine)),
        }
    }

    /// Removes all that name an address; how many that were.
    pub(crate) fn remove(&mut self, address: IpAddr) -> usize {
        let before = self.len();
        match self {
            Self::Packets(frames) => frames.retain(|frame| !frame.names(address)),
            Self::Flows(flows) => flows.retain(|flow| !flow.names(address)),
        }
        before - self.len()
    }

    /// Whether one names an address.
    pub(crate) fn names(&self, address: IpAddr) -> bool {
        match self {
            Self::Packets(frames) => frames.iter().any(|frame| frame.names(address)),
            Self::Flows(flows) => flows.iter().any(|flow| flow.names(address)),
        }
    }
}

impl Frame {
    /// The headers of a packet, of whose bytes nothing else is copied.
    #[must_use]
    pub fn of_headers(time: i64, link_type: u32, original_bytes: u32, bytes: &[u8]) -> Self {
        let length = headers::measure(link_type, bytes).length;
        Self { time, link_type, original_bytes, bytes: bytes.get(..length).unwrap_or_default().to_vec() }
    }

    /// The frame without what is no header.
    pub(crate) fn cut(mut self) -> Self {
        let headers = headers::measure(self.link_type, &self.bytes);
        self.bytes.truncate(headers.length);
        self
    }

    fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        let ranges = headers::measure(self.link_type, &self.bytes).addresses;
        let found = ranges.into_iter().flatten().filter_map(|range| headers::address(&self.bytes, &range));
        found.map(|found| found.to_canonical())
    }

    fn names(&self, address: IpAddr) -> bool {
        self.addresses().any(|found| found == address)
    }
}

impl FlowRow {
    fn addresses(&self) -> [IpAddr; 2] {
        [self.source.to_canonical(), self.destination.to_canonical()]
    }

    fn names(&self, address: IpAddr) -> bool {
        self.addresses().contains(&address)
    }
}
