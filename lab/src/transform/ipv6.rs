//! IPv4 packets as IPv6 packets, so that both families are held to the same.
//!
//! Headers as in RFC 7915: fragments get a fragment header, ICMP becomes ICMPv6 with the types of its section
//! 4.2 and the packet inside an error is changed too. A /24 becomes a /64 and the last byte stays. Packets that
//! are IPv6 already and protocols that both families share are kept as they are.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::random::mix;
use crate::trace::Trace;
use crate::traffic::packet::protocol;

/// The address that stands for this one.
pub(crate) fn address(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) => IpAddr::V6(of_v4(address)),
        IpAddr::V6(_) => address,
    }
}

fn of_v4(address: Ipv4Addr) -> Ipv6Addr {
    let bits = address.to_bits();
    let host = u128::from(bits & 0xff);
    if bits == u32::MAX || matches!(bits >> 24, 224 | 239) {
        // Broadcast and the groups in use (others are scrambled unicast addresses): a group of global scope (RFC 4291 section 2.7).
        return Ipv6Addr::from_bits(0xff0e << 112 | u128::from(bits & 0x0fff_ffff));
    }
    // 24 bits under 2001:db8::/32, so that no two networks meet: their order does not survive.
    let network = u128::from(mix(u64::from(bits >> 8)) as u32 & 0xff) << 24 | u128::from(bits >> 8);
    Ipv6Addr::from_bits(0x2001_0db8 << 96 | network << 64 | host)
}

/// Every IPv4 packet changed to IPv6.
pub(crate) fn apply(trace: &Trace) -> Trace {
    let mut changed = Trace::default();
    for seen in trace.iter() {
        let Some(bytes) = translate(seen.bytes, 0) else { continue };
        let grown = (bytes.len() as u32).saturating_sub(seen.bytes.len() as u32);
        changed.push(seen.time, &bytes, seen.original + grown);
    }
    changed
}

/// `None`: not an IP packet.
fn translate(bytes: &[u8], depth: u8) -> Option<Vec<u8>> {
    let first = *bytes.first()?;
    if first >> 4 != 4 {
        return (first >> 4 == 6).then(|| bytes.to_vec());
    }
    let header = usize::from(first & 15) * 4;
    let total = usize::from(u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?]));
    let total = if total < header { bytes.len() } else { total };
    let source = of_v4(Ipv4Addr::from(<[u8; 4]>::try_from(bytes.get(12..16)?).ok()?));
    let destination = of_v4(Ipv4Addr::from(<[u8; 4]>::try_from(bytes.get(16..20)?).ok()?));
    let field = u16::from_be_bytes([*bytes.get(6)?, *bytes.get(7)?]);
    let (offset, more) = (field & 0x1fff, field & 0x2000 != 0);
    let mut next = *bytes.get(9)?;
    let mut payload = bytes.get(header..).unwrap_or_default().to_vec();
    let cut = (total - header).saturating_sub(payload.len());
    if next == protocol::ICMP {
        next = protocol::ICMPV6;
        if offset == 0 {
            payload = icmp(&payload, depth);
        }
    }
    let mut packet = vec![0x60, 0, 0, 0];
    let fragmented = offset != 0 || more;
    let length = payload.len() + cut + if fragmented { 8 } else { 0 };
    packet.extend_from_slice(&(length.min(0xffff) as u16).to_be_bytes());
    packet.push(if fragmented { protocol::FRAGMENT } else { next });
    packet.push(*bytes.get(8)?);
    packet.extend_from_slice(&source.octets());
    packet.extend_from_slice(&destination.octets());
    if fragmented {
        packet.extend_from_slice(&[next, 0]);
        packet.extend_from_slice(&(offset << 3 | u16::from(more)).to_be_bytes());
        packet.extend_from_slice(&[0, 0, *bytes.get(4)?, *bytes.get(5)?]);
    }
    packet.extend_from_slice(&payload);
    Some(packet)
}

/// An ICMP message as ICMPv6 (RFC 7915 section 4.2; what has no counterpart keeps a number nobody uses).
fn icmp(message: &[u8], depth: u8) -> Vec<u8> {
    const DEEPEST: u8 = 2;
    const UNASSIGNED: u8 = 199;
    let mut changed = message.to_vec();
    let (Some(kind), Some(code)) = (message.first().copied(), message.get(1).copied()) else {
        return changed;
    };
    let (kind, code, carries) = match (kind, code) {
        (8, _) => (128, 0, false),
        (0, _) => (129, 0, false),
        (3, 2) => (4, 1, true),
        (3, 3) => (1, 4, true),
        (3, 4) => (2, 0, true),
        (3, 9 | 10 | 13) => (1, 1, true),
        (3, _) => (1, 0, true),
        (11, code) => (3, code, true),
        (12, _) => (4, 0, true),
        (9, _) => (134, 0, false),
        (10, _) => (133, 0, false),
        _ => (UNASSIGNED, code, false),
    };
    changed.iter_mut().zip([kind, code]).for_each(|(to, from)| *to = from);
    if carries
        && depth < DEEPEST
        && let Some(inner) = message.get(8..).and_then(|inner| translate(inner, depth + 1))
    {
        changed.truncate(8);
        changed.extend_from_slice(&inner);
    }
    changed
}
