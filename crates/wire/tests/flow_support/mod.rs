//! What the flow tests share: reading fixtures, and oracles to compare with.

pub mod files;
pub mod oracle;
pub mod text;

use wire::FlowRecord;

/// What is compared of a record. Times are in nanoseconds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Seen {
    pub source: String,
    pub destination: String,
    pub protocol: u8,
    pub ports: (u16, u16),
    pub icmp: (u8, u8),
    pub flags: u8,
    pub packets: u64,
    pub bytes: u64,
    pub interfaces: (u32, u32),
    pub first: Option<i64>,
    pub last: Option<i64>,
}

impl From<&FlowRecord> for Seen {
    fn from(record: &FlowRecord) -> Self {
        Self {
            source: record.source.to_string(),
            destination: record.destination.to_string(),
            protocol: record.protocol,
            ports: (record.source_port, record.destination_port),
            icmp: (record.icmp_type, record.icmp_code),
            flags: record.tcp_flags.0,
            packets: record.packets,
            bytes: record.bytes,
            interfaces: (record.input_interface, record.output_interface),
            first: record.first.map(wire::Time::nanoseconds),
            last: record.last.map(wire::Time::nanoseconds),
        }
    }
}
