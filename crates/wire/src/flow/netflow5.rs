//! NetFlow version 5: a header of 24 bytes and records of 48, without templates.
//!
//! Format: Cisco, "NetFlow Export Datagram Format", version 5 (tables B-3 and B-4).

use super::{
    bytes::{Bytes, u16_at, u32_at},
    clock::Clock,
    fields::TimeForm,
    record::FlowRecord,
};
use crate::{Address, TcpFlags, Time};

pub(super) const HEADER_BYTES: usize = 24;
pub(super) const RECORD_BYTES: usize = 48;
/// Records that exporters put into one datagram at most.
pub(super) const MOST_RECORDS: u16 = 30;
/// The low fourteen bits of the sampling field are the interval, the two above are the mode.
const INTERVAL_MASK: u16 = 0x3fff;

/// The header of a datagram.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) count: u16,
    pub(super) clock: Clock,
    pub(super) sequence: u32,
    /// Engine type and id: the source within the exporter.
    pub(super) engine: u16,
    /// One packet in this many; 0 = not stated.
    pub(super) sampling: u32,
}

/// Reads the header; `None` if it is cut off.
pub(super) fn header(datagram: &[u8]) -> Option<Header> {
    let mut bytes = Bytes::new(datagram);
    let _version = bytes.u16()?;
    let count = bytes.u16()?;
    let uptime = bytes.u32()?;
    let exported = Time::from_seconds(i64::from(bytes.u32()?), i64::from(bytes.u32()?));
    let sequence = bytes.u32()?;
    let engine = bytes.u16()?;
    let sampling = u32::from(bytes.u16()? & INTERVAL_MASK);
    Some(Header {
        count,
        clock: Clock { exported, uptime: Some(uptime), started: 0 },
        sequence,
        engine,
        sampling,
    })
}

/// One record.
#[inline]
pub(super) fn record(bytes: &[u8; RECORD_BYTES], header: &Header) -> FlowRecord {
    let address = |offset| Address::from_ipv4(u32_at(bytes, offset).to_be_bytes());
    let time = |offset| header.clock.time(TimeForm::Uptime, u64::from(u32_at(bytes, offset)));
    let next_hop = u32_at(bytes, 8);
    let mut record = FlowRecord {
        protocol: bytes[38],
        source_port: u16_at(bytes, 32),
        destination_port: u16_at(bytes, 34),
        tcp_flags: TcpFlags(bytes[37]),
        type_of_service: bytes[39],
        packets: u64::from(u32_at(bytes, 16)),
        bytes: u64::from(u32_at(bytes, 20)),
        sampling: header.sampling,
        first: time(24),
        last: time(28),
        input_interface: u32::from(u16_at(bytes, 12)),
        output_interface: u32::from(u16_at(bytes, 14)),
        source_as: u32::from(u16_at(bytes, 40)),
        destination_as: u32::from(u16_at(bytes, 42)),
        next_hop: (next_hop != 0).then(|| Address::from_ipv4(next_hop.to_be_bytes())),
        ..FlowRecord::new(address(0), address(4))
    };
    if record.protocol == 1 {
        [record.icmp_type, record.icmp_code] = record.destination_port.to_be_bytes();
        (record.source_port, record.destination_port) = (0, 0);
    }
    record
}
