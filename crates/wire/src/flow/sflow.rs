//! sFlow version 5: samples of packets and of interface counters.
//!
//! Format: sflow.org, "sFlow Version 5" (July 2004). Each sample of a packet gives one record of one packet,
//! its sampling rate, and the bytes that its IP header states. Read are raw headers, sampled IPv4 and IPv6,
//! and of the extended data the switch, router and gateway blocks; other blocks are skipped by their length.
//!
//! Limits: no first and last time (the time of arrival stands for both); the drops field is followed for as
//! many data sources of an agent as have places in its table.

use super::{
    bytes::Bytes,
    counters::FlowCounters,
    frame,
    record::{FlowRecord, FlowSink, InterfaceCounters},
    sources::Source,
};
use crate::{
    Address, TcpFlags,
    packet::{LinkType, Skip},
};

/// Agent and sequence number of a datagram.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) agent: Address,
    pub(super) sub_agent: u32,
    pub(super) sequence: u32,
    pub(super) samples: u32,
}

/// Reads the header, and leaves `bytes` at the first sample.
#[inline]
pub(super) fn header(bytes: &mut Bytes<'_>) -> Option<Header> {
    let _version = bytes.u32()?;
    let agent = match address(bytes)? {
        Some(agent) => agent,
        None => Address::from_ipv4([0; 4]),
    };
    let sub_agent = bytes.u32()?;
    let sequence = bytes.u32()?;
    let _uptime = bytes.u32()?;
    Some(Header { agent, sub_agent, sequence, samples: bytes.u32()? })
}

/// An address with its type before it; `Some(None)` is the unknown address, `None` one that is cut off.
#[inline]
fn address(bytes: &mut Bytes<'_>) -> Option<Option<Address>> {
    match bytes.u32()? {
        0 => Some(None),
        1 => Some(Some(Address::from_ipv4(bytes.array()?))),
        2 => Some(Some(Address::from_ipv6(bytes.array()?))),
        _ => None,
    }
}

/// What the samples of one datagram held.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) records: u32,
    pub(super) skipped: u32,
    flow_samples: u32,
    drops: u64,
}

/// The samples of one datagram.
pub(super) struct Samples<'a, S> {
    /// Follows drops; `None` if the source was refused.
    pub(super) source: Option<&'a mut Source>,
    pub(super) counters: &'a mut FlowCounters,
    pub(super) sink: &'a mut S,
    pub(super) tally: Tally,
}

/// The fields before the records of a flow sample, in either form.
struct Sample {
    source: u32,
    rate: u32,
    drops: u32,
    input: Interface,
    output: Interface,
    records: u32,
}

/// How a sample names an interface.
#[derive(Clone, Copy)]
struct Interface {
    format: u32,
    value: u32,
}

impl Interface {
    /// Formats: 0 = one interface, 1 = the packet was discarded, 2 = several interfaces.
    const DISCARDED: u32 = 1;
    /// The value that stands for the agent itself or for an interface that it does not know.
    const UNKNOWN: u32 = 0x3fff_ffff;

    const fn compact(word: u32) -> Self {
        Self { format: word >> 30, value: word & Self::UNKNOWN }
    }

    const fn index(self) -> u32 {
        if self.format == 0 && self.value != Self::UNKNOWN && self.value != u32::MAX { self.value } else { 0 }
    }
}

impl<S: FlowSink> Samples<'_, S> {
    /// Reads up to `count` samples.
    pub(super) fn read(mut self, mut bytes: Bytes<'_>, count: u32) -> Tally {
        for _ in 0..count {
            let (Some(format), Some(length)) = (bytes.u32(), bytes.u32()) else {
                self.bad_length();
                break;
            };
            let length = length as usize;
            let cut = length > bytes.len();
            let Some(sample) = bytes.take(length.min(bytes.len())) else { break };
            let sample = Bytes::new(sample);
            match format {
                1 => self.flow_sample(sample, false),
                3 => self.flow_sample(sample, true),
                2 => self.counter_sample(sample, 4),
                4 => self.counter_sample(sample, 8),
                5 => self.counters.discarded_packet_samples += 1,
                _ => {
                    self.counters.unknown_samples += 1;
                    self.tally.skipped += 1;
                }
            }
            if cut {
                self.bad_length();
                break;
            }
        }
        self.counters.flow_samples += u64::from(self.tally.flow_samples);
        self.counters.sample_drops += self.tally.drops;
        self.tally
    }

    fn bad_length(&mut self) {
        self.counters.bad_lengths += 1;
        self.tally.skipped += 1;
    }

    #[inline]
    fn flow_sample(&mut self, mut bytes: Bytes<'_>, expanded: bool) {
        let sample = if expanded { expanded_head(&mut bytes) } else { compact_head(&mut bytes) };
        let Some(sample) = sample else { return self.bad_length() };
        self.tally.flow_samples += 1;
        if let Some(source) = &mut self.source {
            self.tally.drops += u64::from(source.new_drops(sample.source, sample.drops));
        }
        if sample.output.format == Interface::DISCARDED {
            self.counters.discarded_packets += 1;
        }
        let mut found = Found::default();
        let mut record = FlowRecord::new(Address::default(), Address::default());
        for _ in 0..sample.records {
            let Some((format, block)) = block(&mut bytes) else {
                self.bad_length();
                break;
            };
            found.take(&mut record, format, Bytes::new(block), self.counters);
        }
        if record.packets == 0 {
            // A frame that could not be decoded is counted already.
            self.counters.records_without_address += u64::from(!found.undecodable);
            self.tally.skipped += 1;
            return;
        }
        record.sampling = sample.rate;
        record.input_interface = sample.input.index();
        record.output_interface = sample.output.index();
        if record.vlan == 0 {
            record.vlan = found.vlan;
        }
        self.sink.flow(&record);
        self.tally.records += 1;
    }

    fn counter_sample(&mut self, mut bytes: Bytes<'_>, source_bytes: usize) {
        let head = (|| {
            bytes.u32()?;
            bytes.take(source_bytes)?;
            bytes.u32()
        })();
        let Some(blocks) = head else { return self.bad_length() };
        self.counters.counter_samples += 1;
        for _ in 0..blocks {
            let Some((format, block)) = block(&mut bytes) else { return self.bad_length() };
            // Other blocks hold counters of one medium, of processors, of hosts.
            if format != 1 {
                continue;
            }
            match interface_counters(Bytes::new(block)) {
                Some(counters) => {
                    self.counters.interface_counters += 1;
                    self.sink.interface(&counters);
                }
                None => self.bad_length(),
            }
        }
    }
}

/// One block of a sample: its format and its bytes.
#[inline]
fn block<'a>(bytes: &mut Bytes<'a>) -> Option<(u32, &'a [u8])> {
    let head = bytes.chunk::<8>()?;
    let length = super::bytes::u32_at(head, 4) as usize;
    Some((super::bytes::u32_at(head, 0), bytes.take(length)?))
}

#[inline]
fn compact_head(bytes: &mut Bytes<'_>) -> Option<Sample> {
    let head = bytes.chunk::<32>()?;
    let word = |index: usize| super::bytes::u32_at(head, 4 * index);
    Some(Sample {
        source: word(1),
        rate: word(2),
        drops: word(4),
        input: Interface::compact(word(5)),
        output: Interface::compact(word(6)),
        records: word(7),
    })
}

#[inline]
fn expanded_head(bytes: &mut Bytes<'_>) -> Option<Sample> {
    let head = bytes.chunk::<44>()?;
    let word = |index: usize| super::bytes::u32_at(head, 4 * index);
    Some(Sample {
        source: word(2),
        rate: word(3),
        drops: word(5),
        input: Interface { format: word(6), value: word(7) },
        output: Interface { format: word(8), value: word(9) },
        records: word(10),
    })
}

/// What the blocks of a flow sample say beside the record that they fill.
#[derive(Default)]
struct Found {
    /// A raw header filled the record: it is worth more than a sampled IP block.
    raw: bool,
    undecodable: bool,
    vlan: u16,
}

impl Found {
    #[inline(always)]
    fn take(
        &mut self,
        record: &mut FlowRecord,
        format: u32,
        mut block: Bytes<'_>,
        counters: &mut FlowCounters,
    ) {
        // The two blocks that nearly all samples consist of come first, as tests and not as a jump.
        if format == 1001 {
            self.vlan = block.u32().map_or(0, |vlan| (vlan & 0xfff) as u16);
            return;
        }
        match format {
            1 if !self.raw => match raw_header(record, &mut block) {
                Some(Ok(())) => self.raw = true,
                Some(Err(_)) => {
                    self.undecodable = true;
                    counters.undecodable_frames += 1;
                }
                None => counters.bad_lengths += 1,
            },
            3 | 4 if !self.raw => {
                let read = sampled_ip(record, &mut block, format == 4);
                counters.bad_lengths += u64::from(read.is_none());
            }
            1002 => record.next_hop = specified(address(&mut block).flatten()),
            1003 => {
                // What was read before the end of a cut-off block stays.
                gateway(record, &mut block);
            }
            _ => {}
        }
    }
}

/// The autonomous systems of an `extended_gateway` block.
fn gateway(record: &mut FlowRecord, block: &mut Bytes<'_>) -> Option<()> {
    let next_hop = address(block)?;
    if record.next_hop.is_none() {
        record.next_hop = specified(next_hop);
    }
    let own = block.u32()?;
    record.source_as = block.u32()?;
    let _peer = block.u32()?;
    let segments = block.u32()?;
    // An empty path leads to the agent's own system.
    record.destination_as = own;
    for _ in 0..segments {
        let _kind = block.u32()?;
        let length = block.u32()? as usize;
        let path = block.take(length.checked_mul(4)?)?;
        if let Some(last) = path.last_chunk::<4>() {
            record.destination_as = u32::from_be_bytes(*last);
        }
    }
    Some(())
}

fn specified(address: Option<Address>) -> Option<Address> {
    address.filter(|address| address.bits() != 0 && *address != Address::from_ipv4([0; 4]))
}

/// A raw header. `None`: cut off; `Some(Err)`: no IP packet is found in it.
#[inline]
fn raw_header(record: &mut FlowRecord, block: &mut Bytes<'_>) -> Option<Result<(), Skip>> {
    let head = block.chunk::<16>()?;
    let word = |index: usize| super::bytes::u32_at(head, 4 * index);
    let length = word(3) as usize;
    let link = match word(0) {
        1 => LinkType::ETHERNET,
        7 => LinkType::PPP,
        11 => LinkType::IPV4,
        12 => LinkType::IPV6,
        13 => LinkType::MPLS,
        _ => return Some(Err(Skip::UnknownLink)),
    };
    let bytes = block.take(length.min(block.len()))?;
    Some(frame::fill(record, link, bytes))
}

/// A `sampled_ipv4` or `sampled_ipv6` block.
fn sampled_ip(record: &mut FlowRecord, block: &mut Bytes<'_>, six: bool) -> Option<()> {
    let length = block.u32()?;
    let protocol = block.u32()?;
    let (source, destination) = if six {
        (Address::from_ipv6(block.array()?), Address::from_ipv6(block.array()?))
    } else {
        (Address::from_ipv4(block.array()?), Address::from_ipv4(block.array()?))
    };
    let [source_port, destination_port, flags, class] =
        [block.u32()?, block.u32()?, block.u32()?, block.u32()?];
    record.source = source;
    record.destination = destination;
    record.protocol = protocol as u8;
    record.packets = 1;
    record.bytes = u64::from(length);
    record.source_port = source_port as u16;
    record.destination_port = destination_port as u16;
    record.tcp_flags = TcpFlags(flags as u8);
    record.type_of_service = class as u8;
    Some(())
}

/// The `if_counters` block.
fn interface_counters(mut block: Bytes<'_>) -> Option<InterfaceCounters> {
    let index = block.u32()?;
    let _kind = block.u32()?;
    let speed_bits_per_second = block.u64()?;
    let direction = block.u32()?;
    let status = block.u32()?;
    let input_bytes = block.u64()?;
    let [input_packets, input_multicast_packets, input_broadcast_packets] =
        [block.u32()?, block.u32()?, block.u32()?];
    let [input_discards, input_errors, _unknown_protocols] = [block.u32()?, block.u32()?, block.u32()?];
    Some(InterfaceCounters {
        index,
        speed_bits_per_second,
        direction,
        // Bit 0 is the administrative status, bit 1 the operational.
        up: status & 2 != 0,
        input_bytes,
        input_packets,
        input_multicast_packets,
        input_broadcast_packets,
        input_discards,
        input_errors,
        output_bytes: block.u64()?,
        output_packets: block.u32()?,
        output_multicast_packets: block.u32()?,
        output_broadcast_packets: block.u32()?,
        output_discards: block.u32()?,
        output_errors: block.u32()?,
    })
}
