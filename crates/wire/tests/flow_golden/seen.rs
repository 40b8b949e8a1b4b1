//! What is compared of a record.

use wire::FlowRecord;

/// What is compared of a record. Times are in nanoseconds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Seen {
    pub(crate) source: String,
    pub(crate) destination: String,
    pub(crate) protocol: u8,
    pub(crate) ports: (u16, u16),
    pub(crate) icmp: (u8, u8),
    pub(crate) flags: u8,
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
    pub(crate) interfaces: (u32, u32),
    pub(crate) first: Option<i64>,
    pub(crate) last: Option<i64>,
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
