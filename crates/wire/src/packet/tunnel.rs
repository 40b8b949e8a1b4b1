//! Tunnels: the packet inside a packet.

use super::link::{self, ETHERTYPE_IPV4, ETHERTYPE_IPV6, ETHERTYPE_MPLS, ETHERTYPE_MPLS_MULTICAST};
use super::{Fragment, Packet, ip, transport};

/// How a packet was carried inside another.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Tunnel {
    /// GRE (RFC 2784, RFC 2890) with IP, Ethernet, MPLS or ERSPAN in it.
    Gre,
    /// IPv4 or IPv6 directly in IPv4 or IPv6 (RFC 2003, RFC 2473, RFC 4213).
    IpInIp,
    /// VXLAN (RFC 7348) on its assigned port.
    Vxlan,
}

const IPV4_IN_IP: u8 = 4;
const IPV6_IN_IP: u8 = 41;
const GRE: u8 = 47;
const VXLAN_PORT: u16 = 4789;
/// The flag that says that the network identifier is valid (RFC 7348 section 5).
const VXLAN_VALID: u8 = 0x08;
const VXLAN_HEADER_BYTES: usize = 8;

const GRE_CHECKSUM: u16 = 0x8000;
const GRE_ROUTING: u16 = 0x4000;
const GRE_KEY: u16 = 0x2000;
const GRE_SEQUENCE: u16 = 0x1000;
const GRE_VERSION: u16 = 0x0007;
const GRE_ETHERNET: u16 = 0x6558;
/// ERSPAN type I without and type II with a sequence number (draft-foschiano-erspan).
const GRE_ERSPAN: u16 = 0x88be;
const ERSPAN_II_HEADER_BYTES: usize = 8;

/// Whether `outer` is worth a look.
#[inline]
pub(super) fn may_be(outer: &Packet<'_>) -> bool {
    match outer.protocol {
        transport::TCP => false,
        transport::UDP => outer.destination_port == VXLAN_PORT,
        IPV4_IN_IP | IPV6_IN_IP | GRE => true,
        _ => false,
    }
}

/// The packet inside `outer`, if there is one that can be read.
pub(super) fn inner<'a>(outer: &Packet<'a>) -> Option<(Tunnel, Packet<'a>)> {
    if outer.fragment == Fragment::Later {
        return None;
    }
    let (tunnel, bytes) = match outer.protocol {
        IPV4_IN_IP | IPV6_IN_IP => (Tunnel::IpInIp, outer.payload),
        GRE => (Tunnel::Gre, gre(outer.payload)?),
        transport::UDP if *outer.payload.first()? & VXLAN_VALID != 0 => {
            (Tunnel::Vxlan, link::ethernet(outer.payload.get(VXLAN_HEADER_BYTES..)?).ok()?.1)
        }
        _ => return None,
    };
    let mut packet = Packet::default();
    ip::decode(&mut packet, bytes).ok()?;
    Some((tunnel, packet))
}

/// The IP packet in a GRE packet of version 0. Version 1 (PPTP) and source routing (RFC 1701) are not read.
fn gre(bytes: &[u8]) -> Option<&[u8]> {
    let &[a, b, c, d] = bytes.first_chunk::<4>()?;
    let flags = u16::from_be_bytes([a, b]);
    if flags & (GRE_VERSION | GRE_ROUTING) != 0 {
        return None;
    }
    let optional = [GRE_CHECKSUM, GRE_KEY, GRE_SEQUENCE].iter().filter(|flag| flags & **flag != 0).count();
    let carried = bytes.get(4 + optional * 4..)?;
    match u16::from_be_bytes([c, d]) {
        ETHERTYPE_IPV4 | ETHERTYPE_IPV6 => Some(carried),
        ETHERTYPE_MPLS | ETHERTYPE_MPLS_MULTICAST => link::mpls(0, carried).ok().map(|(_, bytes)| bytes),
        GRE_ETHERNET => link::ethernet(carried).ok().map(|(_, bytes)| bytes),
        GRE_ERSPAN => {
            let header_bytes = if flags & GRE_SEQUENCE == 0 { 0 } else { ERSPAN_II_HEADER_BYTES };
            link::ethernet(carried.get(header_bytes..)?).ok().map(|(_, bytes)| bytes)
        }
        _ => None,
    }
}
