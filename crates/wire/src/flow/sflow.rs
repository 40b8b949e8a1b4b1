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

/// Formats of the blocks in a flow sample (sFlow version 5, section 5.3).
const RAW_HEADER: u32 = 1;
const SAMPLED_IPV4: u32 = 3;
const SAMPLED_IPV6: u32 = 4;
const EXTENDED_SWITCH: u32 = 1001;
const EXTENDED_ROUTER: u32 = 1002;
const EXTENDED_GATEWAY: u32 = 1003;

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
struct Tally {
    records: u32,
    skipped: u32,
    flow_samples: u32,
    drops: u64,
}

/// The samples of one datagram.
pub(super) struct Samples<'a, S> {
    /// Follows drops; `None` if the source was refused.
    source: Option<&'a mut Source>,
    counters: &'a mut FlowCounters,
    sink: &'a mut S,
    tally: Tally,
    /// Data source and drops field of the last sample: its neighbours mostly have the same. No source has
    /// more than 32 bits, so that the first sample is not taken for a repetition.
    drops_seen: (u64, u32),
    /// The record of the last usual sample. All of these write the same fields, and nobody writes the others.
    usual: FlowRecord,
}

/// The fields before the records of a flow sample.
struct Sample {
    source: u32,
    rate: u32,
    drops: u32,
    /// SNMP index of an interface, 0 if it is none, several or unknown.
    input: u32,
    output: u32,
    discarded: bool,
    records: u32,
}

/// How a sample names an interface: one (format 0), a packet that was discarded (1), or several (2).
mod interface {
    /// The format that stands for a discarded packet.
    pub(super) const DISCARDED: u32 = 1;
    /// The value that stands for the agent itself or for an interface that it does not know.
    const UNKNOWN: u32 = 0x3fff_ffff;

    /// Format and value in one word, the format in its two highest bits.
    #[inline(always)]
    pub(super) const fn compact(word: u32) -> u32 {
        if word < UNKNOWN { word } else { 0 }
    }

    #[inline(always)]
    pub(super) const fn expanded(format: u32, value: u32) -> u32 {
        if format == 0 && value != UNKNOWN && value != u32::MAX { value } else { 0 }
    }
}

impl<'a, S: FlowSink> Samples<'a, S> {
    #[inline]
    pub(super) fn new(
        source: Option<&'a mut Source>,
        counters: &'a mut FlowCounters,
        sink: &'a mut S,
    ) -> Self {
        let usual = frame::usual_record();
        Self { source, counters, sink, tally: Tally::default(), drops_seen: (u64::MAX, 0), usual }
    }

    /// Reads up to `count` samples. Gives the records given to the sink, and what was skipped.
    #[inline(never)]
    pub(super) fn read(mut self, mut bytes: Bytes<'_>, count: u32) -> (u32, u32) {
        let mut usual_samples = 0;
        for _ in 0..count {
            let Some(head) = bytes.chunk::<8>() else {
                self.bad_length();
                break;
            };
            let [format, length] = [0, 4].map(|at| super::bytes::u32_at(head, at));
            let Some(sample) = bytes.take(length as usize) else {
                self.any_sample(format, bytes.rest());
                self.bad_length();
                break;
            };
            let usual = match format {
                1 => self.usual_sample(compact_head, sample),
                3 => self.usual_expanded(sample),
                _ => None,
            };
            match usual {
                Some(()) => usual_samples += 1,
                None => self.any_sample(format, sample),
            }
        }
        self.counters.flow_samples += u64::from(self.tally.flow_samples + usual_samples);
        self.counters.sample_drops += self.tally.drops;
        (self.tally.records + usual_samples, self.tally.skipped)
    }

    #[cold]
    fn bad_length(&mut self) {
        self.counters.bad_lengths += 1;
        self.tally.skipped += 1;
    }

    /// A sample of the kind that nearly all are of: one raw header block with a frame that is usual itself
    /// (module `frame`), and at most a block about the switch. `None` is any other sample, of which nothing was
    /// counted. It gives what [`Self::flow_sample`] gives (tested), in half of its time.
    #[inline(always)]
    fn usual_sample<const HEAD_BYTES: usize>(
        &mut self,
        fields: impl Fn(&[u8; HEAD_BYTES]) -> Sample,
        sample: &[u8],
    ) -> Option<()> {
        let (head, rest) = sample.split_first_chunk()?;
        let mut bytes = Bytes::new(rest);
        let mut vlan = 0;
        // The number of blocks is the last field in both forms.
        let mut left = super::bytes::u32_at(head, HEAD_BYTES - 4).checked_sub(1)?;
        let (mut format, mut raw) = block(&mut bytes)?;
        // Some agents write the block about the switch first, most last.
        if format == EXTENDED_SWITCH {
            vlan = switch_vlan(raw);
            left = left.checked_sub(1)?;
            (format, raw) = block(&mut bytes)?;
        }
        if format != RAW_HEADER {
            return None;
        }
        for _ in 0..left {
            let (EXTENDED_SWITCH, block) = block(&mut bytes)? else { return None };
            vlan = switch_vlan(block);
        }
        frame::fill_usual(&mut self.usual, raw, vlan)?;
        let sample = fields(head);
        if sample.discarded {
            return None;
        }
        self.usual.sampling = sample.rate;
        self.usual.input_interface = sample.input;
        self.usual.output_interface = sample.output;
        self.follow_drops(sample.source, sample.drops);
        self.sink.flow(&self.usual);
        Some(())
    }

    /// Not in the loop of [`Self::read`]: the compact form, which most agents send, is slower beside it.
    #[inline(never)]
    fn usual_expanded(&mut self, sample: &[u8]) -> Option<()> {
        self.usual_sample(expanded_head, sample)
    }

    #[inline(always)]
    fn follow_drops(&mut self, source: u32, drops: u32) {
        // The same number again, right after the first time, is no news.
        let now = (u64::from(source), drops);
        if self.drops_seen == now {
            return;
        }
        self.drops_seen = now;
        if let Some(known) = &mut self.source {
            self.tally.drops += u64::from(known.new_drops(source, drops));
        }
    }

    #[inline(never)]
    fn any_sample(&mut self, format: u32, sample: &[u8]) {
        let mut bytes = Bytes::new(sample);
        match format {
            1 => {
                let head = bytes.chunk().map(compact_head);
                self.flow_sample(head, bytes);
            }
            3 => {
                let head = bytes.chunk().map(expanded_head);
                self.flow_sample(head, bytes);
            }
            2 => self.counter_sample(bytes, 4),
            4 => self.counter_sample(bytes, 8),
            5 => self.counters.discarded_packet_samples += 1,
            _ => {
                self.counters.unknown_samples += 1;
                self.tally.skipped += 1;
            }
        }
    }

    fn flow_sample(&mut self, head: Option<Sample>, mut bytes: Bytes<'_>) {
        let Some(sample) = head else { return self.bad_length() };
        self.tally.flow_samples += 1;
        self.follow_drops(sample.source, sample.drops);
        if sample.discarded {
            self.counters.discarded_packets += 1;
        }
        let mut found = Found::default();
        let mut record = FlowRecord::new(Address::default(), Address::default());
        for _ in 0..sample.records {
            let Some((format, block)) = block(&mut bytes) else {
                self.bad_length();
                break;
            };
            found.take(&mut record, format, block, self.counters);
        }
        if record.packets == 0 {
            // A frame that could not be decoded is counted already.
            self.counters.records_without_address += u64::from(!found.undecodable);
            self.tally.skipped += 1;
            return;
        }
        record.sampling = sample.rate;
        record.input_interface = sample.input;
        record.output_interface = sample.output;
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
#[inline(always)]
fn block<'a>(bytes: &mut Bytes<'a>) -> Option<(u32, &'a [u8])> {
    let head = bytes.chunk::<8>()?;
    let length = super::bytes::u32_at(head, 4) as usize;
    Some((super::bytes::u32_at(head, 0), bytes.take(length)?))
}

#[inline(always)]
fn compact_head(head: &[u8; 32]) -> Sample {
    let word = |index: usize| super::bytes::u32_at(head, 4 * index);
    Sample {
        source: word(1),
        rate: word(2),
        drops: word(4),
        input: interface::compact(word(5)),
        output: interface::compact(word(6)),
        discarded: word(6) >> 30 == interface::DISCARDED,
        records: word(7),
    }
}

#[inline(always)]
fn expanded_head(head: &[u8; 44]) -> Sample {
    let word = |index: usize| super::bytes::u32_at(head, 4 * index);
    Sample {
        source: word(2),
        rate: word(3),
        drops: word(5),
        input: interface::expanded(word(6), word(7)),
        output: interface::expanded(word(8), word(9)),
        discarded: word(8) == interface::DISCARDED,
        records: word(10),
    }
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
    #[inline]
    fn take(&mut self, record: &mut FlowRecord, format: u32, block: &[u8], counters: &mut FlowCounters) {
        let mut bytes = Bytes::new(block);
        match format {
            RAW_HEADER if !self.raw => match raw_header(record, &mut bytes) {
                Some(Ok(())) => self.raw = true,
                Some(Err(_)) => {
                    self.undecodable = true;
                    counters.undecodable_frames += 1;
                }
                None => counters.bad_lengths += 1,
            },
            SAMPLED_IPV4 | SAMPLED_IPV6 if !self.raw => {
                let read = sampled_ip(record, &mut bytes, format == SAMPLED_IPV6);
                counters.bad_lengths += u64::from(read.is_none());
            }
            EXTENDED_SWITCH => self.vlan = switch_vlan(block),
            EXTENDED_ROUTER => record.next_hop = specified(address(&mut bytes).flatten()),
            EXTENDED_GATEWAY => {
                // What was read before the end of a cut-off block stays.
                gateway(record, &mut bytes);
            }
            _ => {}
        }
    }
}

/// The VLAN of the incoming frame in an `extended_switch` block, 0 if the block is too short.
#[inline(always)]
fn switch_vlan(block: &[u8]) -> u16 {
    block.first_chunk::<4>().map_or(0, |vlan| (u32::from_be_bytes(*vlan) & 0xfff) as u16)
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

#[cfg(test)]
mod tests;
