//! One data record to a [`FlowRecord`].

use super::{
    clock::{Clock, duration},
    fields::{Slot, TimeForm},
    frame,
    layout::{AnyRecord, Fields},
    record::FlowRecord,
    sampling::Samplers,
    template::{Families, Plan, Times},
};
use crate::{Address, Fragment, TcpFlags, Time, packet::LinkType};

/// Protocol numbers whose records carry type and code where others have a port.
const ICMP: u8 = 1;
const ICMPV6: u8 = 58;
/// The more-fragments bit of element 197 (RFC 7012: bit 2 counted from the most significant).
const MORE_FRAGMENTS: u64 = 0x20;
const VLAN_MASK: u64 = 0x0fff;

/// What a record needs beside its own bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context<'a> {
    pub(super) clock: Clock,
    pub(super) samplers: &'a Samplers,
    /// Rate of records that do not tell their own.
    pub(super) rate: u32,
    /// Whether the rate must be looked up for each record.
    pub(super) rate_by_record: bool,
}

/// A record with addresses.
///
/// Nothing here may take a reference to the record that is being made: then a sink that is inlined gets the fields that
/// it looks at in registers, and the others are not even read.
#[inline(always)]
pub(super) fn record(fields: impl Fields, plan: &Plan, context: &Context<'_>) -> FlowRecord {
    let integer = |slot| fields.integer(slot);
    let (source, destination) = addresses(fields, plan.families);
    let mut record = FlowRecord::new(source, destination);
    record.protocol = integer(Slot::Protocol) as u8;
    record.source_port = integer(Slot::SourcePort) as u16;
    record.destination_port = integer(Slot::DestinationPort) as u16;
    record.tcp_flags = TcpFlags(integer(Slot::TcpFlags) as u8);
    record.type_of_service = integer(Slot::TypeOfService) as u8;
    record.packets = integer(Slot::Packets);
    record.bytes = integer(Slot::Bytes);
    record.vlan = (integer(Slot::Vlan) & VLAN_MASK) as u16;
    if plan.post {
        // Counters after a middlebox stand in where those before it are missing or zero.
        let or = |count, slot| if count == 0 { integer(slot) } else { count };
        record.packets = or(record.packets, Slot::PostPackets);
        record.bytes = or(record.bytes, Slot::PostBytes);
    }
    if plan.fragment {
        record.fragment = fragment(fields, record.source_port != 0 || record.destination_port != 0);
    }
    if record.protocol == ICMP || record.protocol == ICMPV6 {
        let ports = [record.source_port, record.destination_port];
        [record.icmp_type, record.icmp_code] = icmp(fields, plan, record.protocol, ports);
        // ICMP has no ports.
        (record.source_port, record.destination_port) = (0, 0);
    }
    on_the_way(record, fields, plan, context)
}

/// A record that consists of a sampled frame (elements 104, 315); `None`: it cannot be decoded.
#[inline(never)]
pub(super) fn framed(fields: AnyRecord<'_>, plan: &Plan, context: &Context<'_>) -> Option<FlowRecord> {
    /// Value of element 408 for Ethernet, which is also meant where it is missing.
    const ETHERNET: u64 = 1;
    if fields.has(Slot::FrameType) && fields.integer(Slot::FrameType) != ETHERNET {
        return None;
    }
    let mut record = FlowRecord::new(Address::default(), Address::default());
    frame::fill(&mut record, LinkType::ETHERNET, fields.bytes(Slot::Frame)).ok()?;
    let packets = fields.integer(Slot::Packets);
    if packets > 0 {
        record.packets = packets;
    }
    let bytes = fields.integer(Slot::Bytes);
    if bytes > 0 {
        record.bytes = bytes;
    }
    Some(on_the_way(record, fields, plan, context))
}

/// What the exporter says beside the packets' own headers.
#[inline(always)]
fn on_the_way(mut record: FlowRecord, fields: impl Fields, plan: &Plan, context: &Context<'_>) -> FlowRecord {
    record.input_interface = fields.integer(Slot::InputInterface) as u32;
    record.output_interface = fields.integer(Slot::OutputInterface) as u32;
    record.source_as = fields.integer(Slot::SourceAs) as u32;
    record.destination_as = fields.integer(Slot::DestinationAs) as u32;
    if plan.direction {
        record.egress = match fields.integer(Slot::Direction) {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        };
    }
    if plan.next_hop {
        record.next_hop = next_hop(fields);
    }
    (record.first, record.last) = switched(fields, plan, &context.clock);
    record.sampling = if context.rate_by_record { context.samplers.rate(fields) } else { context.rate };
    record
}

#[inline(always)]
fn addresses(fields: impl Fields, families: Families) -> (Address, Address) {
    let four = |slot| Address::from_ipv4((fields.integer(slot) as u32).to_be_bytes());
    let six = |slot| Address::from_bits(fields.sixteen(slot));
    match families {
        Families::Ipv6 => (six(Slot::Source6), six(Slot::Destination6)),
        Families::Ipv4 | Families::None => (four(Slot::Source4), four(Slot::Destination4)),
        // Templates for both families leave the one that does not apply at zero. Where both are set, one is
        // inside the other (SRv6), and fields are in the order of the headers.
        Families::Ipv4First | Families::Ipv6First => {
            let old = (four(Slot::Source4), four(Slot::Destination4));
            let new = (six(Slot::Source6), six(Slot::Destination6));
            let zero = Address::from_ipv4([0; 4]);
            let unset = Address::from_ipv6([0; 16]);
            if families == Families::Ipv4First {
                if old == (zero, zero) && new != (unset, unset) { new } else { old }
            } else if new == (unset, unset) && old != (zero, zero) {
                old
            } else {
                new
            }
        }
    }
}

fn fragment(fields: impl Fields, has_ports: bool) -> Fragment {
    let more = fields.integer(Slot::FragmentFlags) & MORE_FRAGMENTS != 0;
    match fields.integer(Slot::FragmentOffset) {
        0 if !more => Fragment::None,
        // Without an offset only the ports tell which fragment had a transport header.
        0 if fields.has(Slot::FragmentOffset) || has_ports => Fragment::First,
        _ => Fragment::Later,
    }
}

/// Type and code from their elements, or from the destination port, where NetFlow has put them since version 5.
#[inline]
fn icmp(
    fields: impl Fields,
    plan: &Plan,
    protocol: u8,
    [source_port, destination_port]: [u16; 2],
) -> [u8; 2] {
    let both = if plan.icmp { icmp_elements(fields, protocol) } else { 0 };
    if both == 0 && source_port == 0 { destination_port.to_be_bytes() } else { both.to_be_bytes() }
}

fn icmp_elements(fields: impl Fields, protocol: u8) -> u16 {
    let integer = |slot| fields.integer(slot);
    let (joined, type_, code) = if protocol == ICMP {
        (integer(Slot::Icmp4), integer(Slot::IcmpType4), integer(Slot::IcmpCode4))
    } else {
        (integer(Slot::Icmp6), integer(Slot::IcmpType6), integer(Slot::IcmpCode6))
    };
    (joined | (type_ & 0xff) << 8 | code & 0xff) as u16
}

#[inline(always)]
fn next_hop(fields: impl Fields) -> Option<Address> {
    let old = fields.integer(Slot::NextHop4) as u32;
    if old != 0 {
        return Some(Address::from_ipv4(old.to_be_bytes()));
    }
    let new = fields.sixteen(Slot::NextHop6);
    (new != 0).then(|| Address::from_bits(new))
}

/// First and last switched.
#[inline(always)]
fn switched(fields: impl Fields, plan: &Plan, clock: &Clock) -> (Option<Time>, Option<Time>) {
    let values = [fields.integer(Slot::First), fields.integer(Slot::Last)];
    match (plan.times, clock.uptime) {
        (Times::Milliseconds, _) => {
            let [first, last] = values.map(|value| clock.time(TimeForm::Milliseconds, value));
            (first, last)
        }
        (Times::Uptimes, Some(_)) => {
            let [first, last] = values.map(|value| clock.time(TimeForm::Uptime, value));
            (first, last)
        }
        _ => uncommon_times(fields, plan, clock, values),
    }
}

/// As [`switched`], for the forms that are rare.
#[inline(never)]
fn uncommon_times(
    fields: impl Fields,
    plan: &Plan,
    clock: &Clock,
    [first_value, last_value]: [u64; 2],
) -> (Option<Time>, Option<Time>) {
    let mut clock = *clock;
    if fields.has(Slot::SystemStart) {
        clock.started = fields.integer(Slot::SystemStart);
    }
    let first = clock.time(plan.first, first_value);
    let last = clock.time(plan.last, last_value);
    let lasted = duration(plan.duration, fields.integer(Slot::Duration));
    match (first, last) {
        (Some(first), None) if plan.duration != TimeForm::Absent => {
            (Some(first), Some(first.plus_nanoseconds(lasted)))
        }
        (None, Some(last)) if plan.duration != TimeForm::Absent => {
            (Some(last.plus_nanoseconds(-lasted)), Some(last))
        }
        (None, None) => {
            // Uptimes without a known start still say how long the flow lasted, and flows are exported soon
            // after they end: to place the end at the export is nearer than to squeeze the flow into a point.
            let uptimes = plan.first == TimeForm::Uptime && plan.last == TimeForm::Uptime && last_value != 0;
            let lasted = if uptimes {
                i64::from((last_value as u32).wrapping_sub(first_value as u32)) * 1_000_000
            } else {
                lasted
            };
            if !uptimes && plan.duration == TimeForm::Absent {
                return (None, None);
            }
            (Some(clock.exported.plus_nanoseconds(-lasted)), Some(clock.exported))
        }
        known => known,
    }
}

/// The other direction of a bidirectional flow (RFC 5103), if it has any packet or byte.
#[inline(never)]
pub(super) fn reversed(
    forward: &FlowRecord,
    fields: AnyRecord<'_>,
    plan: &Plan,
    clock: &Clock,
) -> Option<FlowRecord> {
    let integer = |slot| fields.integer(slot);
    let (packets, bytes) = (integer(Slot::ReversePackets), integer(Slot::ReverseBytes));
    if packets == 0 && bytes == 0 {
        return None;
    }
    let first = clock.time(plan.reverse_first, integer(Slot::ReverseFirst));
    let last = clock.time(plan.reverse_last, integer(Slot::ReverseLast));
    Some(FlowRecord {
        source: forward.destination,
        destination: forward.source,
        source_port: forward.destination_port,
        destination_port: forward.source_port,
        input_interface: forward.output_interface,
        output_interface: forward.input_interface,
        source_as: forward.destination_as,
        destination_as: forward.source_as,
        tcp_flags: TcpFlags(integer(Slot::ReverseFlags) as u8),
        packets,
        bytes,
        first: first.or(forward.first),
        last: last.or(forward.last),
        next_hop: None,
        ..*forward
    })
}
