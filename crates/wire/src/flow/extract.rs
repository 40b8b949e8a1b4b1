//! One data record to a [`FlowRecord`].

use super::{
    clock::{Clock, duration},
    fields::{Slot, TimeForm},
    frame,
    record::FlowRecord,
    sampling::Samplers,
    template::{Families, Layout, Plan},
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

/// The record in `window`, which begins [`super::template::LEAD`] bytes before it. `None`: a frame that cannot
/// be decoded.
#[inline(always)]
pub(super) fn record(
    layout: &Layout,
    plan: &Plan,
    window: &[u8],
    context: &Context<'_>,
) -> Option<FlowRecord> {
    let integer = |slot| layout.integer(slot, window);
    let mut record = match plan.families {
        Families::None => framed(layout, window)?,
        families => {
            let (source, destination) = addresses(layout, families, window);
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
                after_middlebox(&mut record, layout, window);
            }
            if plan.fragment {
                record.fragment = fragment(&record, layout, window);
            }
            if record.protocol == ICMP || record.protocol == ICMPV6 {
                icmp(&mut record, layout, plan, window);
            }
            record
        }
    };
    record.input_interface = integer(Slot::InputInterface) as u32;
    record.output_interface = integer(Slot::OutputInterface) as u32;
    record.source_as = integer(Slot::SourceAs) as u32;
    record.destination_as = integer(Slot::DestinationAs) as u32;
    if layout.has(Slot::Direction) {
        record.egress = match integer(Slot::Direction) {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        };
    }
    if plan.next_hop {
        record.next_hop = next_hop(layout, window);
    }
    (record.first, record.last) = switched(layout, plan, window, &context.clock);
    record.sampling =
        if context.rate_by_record { context.samplers.rate(layout, window) } else { context.rate };
    Some(record)
}

#[inline(always)]
fn addresses(layout: &Layout, families: Families, window: &[u8]) -> (Address, Address) {
    let four = |slot| Address::from_ipv4((layout.integer(slot, window) as u32).to_be_bytes());
    let six = |slot| Address::from_ipv6(layout.sixteen(slot, window));
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

/// Counters after a middlebox stand in where those before it are missing or zero.
fn after_middlebox(record: &mut FlowRecord, layout: &Layout, window: &[u8]) {
    if record.packets == 0 {
        record.packets = layout.integer(Slot::PostPackets, window);
    }
    if record.bytes == 0 {
        record.bytes = layout.integer(Slot::PostBytes, window);
    }
}

fn fragment(record: &FlowRecord, layout: &Layout, window: &[u8]) -> Fragment {
    let more = layout.integer(Slot::FragmentFlags, window) & MORE_FRAGMENTS != 0;
    let has_ports = record.source_port != 0 || record.destination_port != 0;
    match layout.integer(Slot::FragmentOffset, window) {
        0 if !more => Fragment::None,
        // Without an offset only the ports tell which fragment had a transport header.
        0 if layout.has(Slot::FragmentOffset) || has_ports => Fragment::First,
        _ => Fragment::Later,
    }
}

/// Type and code from their elements, or from the destination port, where NetFlow has put them since version
/// 5. The port fields are cleared: ICMP has none.
fn icmp(record: &mut FlowRecord, layout: &Layout, plan: &Plan, window: &[u8]) {
    let mut both = 0;
    if plan.icmp {
        let integer = |slot| layout.integer(slot, window);
        let (joined, type_, code) = if record.protocol == ICMP {
            (integer(Slot::Icmp4), integer(Slot::IcmpType4), integer(Slot::IcmpCode4))
        } else {
            (integer(Slot::Icmp6), integer(Slot::IcmpType6), integer(Slot::IcmpCode6))
        };
        both = joined | (type_ & 0xff) << 8 | code & 0xff;
    }
    if both == 0 && record.source_port == 0 {
        both = u64::from(record.destination_port);
    }
    record.icmp_type = (both >> 8) as u8;
    record.icmp_code = both as u8;
    record.source_port = 0;
    record.destination_port = 0;
}

fn next_hop(layout: &Layout, window: &[u8]) -> Option<Address> {
    let old = layout.integer(Slot::NextHop4, window) as u32;
    if old != 0 {
        return Some(Address::from_ipv4(old.to_be_bytes()));
    }
    let new = layout.sixteen(Slot::NextHop6, window);
    (new != [0; 16]).then(|| Address::from_ipv6(new))
}

/// First and last switched.
#[inline(always)]
fn switched(layout: &Layout, plan: &Plan, window: &[u8], clock: &Clock) -> (Option<Time>, Option<Time>) {
    let first_value = layout.integer(Slot::First, window);
    let last_value = layout.integer(Slot::Last, window);
    if plan.first == plan.last && matches!(plan.first, TimeForm::Milliseconds) {
        return (
            clock.time(TimeForm::Milliseconds, first_value),
            clock.time(TimeForm::Milliseconds, last_value),
        );
    }
    if clock.uptime.is_some() && plan.first == plan.last && plan.first == TimeForm::Uptime {
        return (clock.time(TimeForm::Uptime, first_value), clock.time(TimeForm::Uptime, last_value));
    }
    uncommon_times(layout, plan, window, clock)
}

/// As [`switched`], for the forms that are rare.
#[inline(never)]
fn uncommon_times(
    layout: &Layout,
    plan: &Plan,
    window: &[u8],
    clock: &Clock,
) -> (Option<Time>, Option<Time>) {
    let first_value = layout.integer(Slot::First, window);
    let last_value = layout.integer(Slot::Last, window);
    let mut clock = *clock;
    if layout.has(Slot::SystemStart) {
        clock.started = layout.integer(Slot::SystemStart, window);
    }
    let first = clock.time(plan.first, first_value);
    let last = clock.time(plan.last, last_value);
    let lasted = duration(plan.duration, layout.integer(Slot::Duration, window));
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

/// A record that consists of a sampled frame (elements 104, 315).
#[inline(never)]
fn framed(layout: &Layout, window: &[u8]) -> Option<FlowRecord> {
    /// Value of element 408 for Ethernet, which is also meant where it is missing.
    const ETHERNET: u64 = 1;
    if layout.has(Slot::FrameType) && layout.integer(Slot::FrameType, window) != ETHERNET {
        return None;
    }
    let mut record = FlowRecord::new(Address::default(), Address::default());
    frame::fill(&mut record, LinkType::ETHERNET, layout.bytes(Slot::Frame, window)).ok()?;
    let packets = layout.integer(Slot::Packets, window);
    if packets > 0 {
        record.packets = packets;
    }
    let bytes = layout.integer(Slot::Bytes, window);
    if bytes > 0 {
        record.bytes = bytes;
    }
    Some(record)
}

/// The other direction of a bidirectional flow (RFC 5103), if it has any packet or byte.
#[inline(never)]
pub(super) fn reversed(
    forward: &FlowRecord,
    layout: &Layout,
    plan: &Plan,
    window: &[u8],
    clock: &Clock,
) -> Option<FlowRecord> {
    let integer = |slot| layout.integer(slot, window);
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
