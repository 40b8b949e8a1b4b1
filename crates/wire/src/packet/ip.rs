//! IPv4 and IPv6 headers, extension headers and authentication headers.

use super::{Fragment, Packet, Skip, transport};
use crate::Address;

/// IPv6 extension headers and authentication headers followed in one packet. A packet with more is kept; its
/// protocol is then the number of the header at which reading stopped.
pub const MAX_EXTENSION_HEADERS: usize = 16;

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const NO_NEXT_HEADER: u8 = 59;
const DESTINATION_OPTIONS: u8 = 60;
const MOBILITY: u8 = 135;
const HOST_IDENTITY: u8 = 139;
const SHIM6: u8 = 140;

/// Bits of the IPv4 fragment field (RFC 791 section 3.1).
const IPV4_OFFSET: u16 = 0x1fff;
const IPV4_MORE: u16 = 0x2000;
/// Bits of the IPv6 fragment header (RFC 8200 section 4.5).
const IPV6_OFFSET: u16 = 0xfff8;
const IPV6_MORE: u16 = 0x0001;

/// Reads an IP packet into `packet`, which is empty; the version is that of the first half byte, whatever the link layer announced.
#[inline]
pub(super) fn decode<'a>(packet: &mut Packet<'a>, bytes: &'a [u8]) -> Result<(), Skip> {
    match bytes.first().map(|first| first >> 4) {
        Some(4) => ipv4(packet, bytes),
        Some(6) => ipv6(packet, bytes),
        Some(_) => Err(Skip::NotIp),
        None => Err(Skip::Truncated),
    }
}

#[inline]
fn ipv4<'a>(packet: &mut Packet<'a>, bytes: &'a [u8]) -> Result<(), Skip> {
    let Some(header) = bytes.first_chunk::<20>() else { return Err(Skip::Truncated) };
    let header_length = usize::from(header[0] & 0x0f) * 4;
    let mut total = usize::from(u16::from_be_bytes([header[2], header[3]]));
    if total == 0 {
        total = bytes.len();
    }
    if header_length < 20 || total < header_length {
        return Err(Skip::BadLength);
    }
    let fragment_field = u16::from_be_bytes([header[6], header[7]]);
    let fragment = if fragment_field & IPV4_OFFSET != 0 {
        Fragment::Later
    } else if fragment_field & IPV4_MORE != 0 {
        Fragment::First
    } else {
        Fragment::None
    };
    packet.source = Address::from_ipv4([header[12], header[13], header[14], header[15]]);
    packet.destination = Address::from_ipv4([header[16], header[17], header[18], header[19]]);
    packet.protocol = header[9];
    packet.first_protocol = header[9];
    packet.hop_limit = header[8];
    packet.fragment = fragment;
    packet.ip_length_bytes = total as u32;
    packet.missing_bytes = total.saturating_sub(bytes.len()) as u32;
    let rest = bytes.get(header_length..total.min(bytes.len())).unwrap_or_default();
    if packet.protocol == AUTHENTICATION {
        extended(packet, rest, |header| header == AUTHENTICATION);
    } else {
        transport::decode(packet, rest);
    }
    Ok(())
}

#[inline]
fn ipv6<'a>(packet: &mut Packet<'a>, bytes: &'a [u8]) -> Result<(), Skip> {
    let Some((header, rest)) = bytes.split_first_chunk::<40>() else { return Err(Skip::Truncated) };
    let next_header = header[6];
    let mut payload_length = usize::from(u16::from_be_bytes([header[4], header[5]]));
    if payload_length == 0 && next_header != NO_NEXT_HEADER {
        payload_length = rest.len();
    }
    packet.source = Address::from_ipv6(sixteen(header, 8));
    packet.destination = Address::from_ipv6(sixteen(header, 24));
    packet.protocol = next_header;
    packet.first_protocol = next_header;
    packet.hop_limit = header[7];
    packet.ip_length_bytes = 40 + payload_length as u32;
    packet.missing_bytes = payload_length.saturating_sub(rest.len()) as u32;
    let rest = rest.get(..payload_length).unwrap_or(rest);
    if is_extension(next_header) {
        extended(packet, rest, is_extension);
    } else {
        transport::decode(packet, rest);
    }
    Ok(())
}

#[inline]
fn sixteen(header: &[u8; 40], at: usize) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&header[at..at + 16]);
    bytes
}

#[inline]
const fn is_extension(next_header: u8) -> bool {
    matches!(
        next_header,
        HOP_BY_HOP
            | ROUTING
            | FRAGMENT
            | AUTHENTICATION
            | DESTINATION_OPTIONS
            | MOBILITY
            | HOST_IDENTITY
            | SHIM6
    )
}

/// Walks extension headers from `packet.protocol` on and then reads the transport header. The headers other
/// than ESP have their next header in byte 0 and, the fragment header excepted, a length in byte 1: units of 8
/// bytes after the first 8 (RFC 8200 section 4.2), of 4 after the first 8 for AH (RFC 4302 section 2.2).
/// `is_walked`: under IPv4 only AH is such a header, and the other numbers are protocols.
fn extended<'a>(packet: &mut Packet<'a>, bytes: &'a [u8], is_walked: impl Fn(u8) -> bool) {
    let mut rest = bytes;
    for _ in 0..MAX_EXTENSION_HEADERS {
        let header = packet.protocol;
        if !is_walked(header) || packet.fragment == Fragment::Later {
            break;
        }
        let Some(&[next, length, high, low, ..]) = rest.first_chunk::<8>() else { break };
        let size = match header {
            FRAGMENT => 8,
            AUTHENTICATION => (usize::from(length) + 2) * 4,
            _ => (usize::from(length) + 1) * 8,
        };
        // Mobility, HIP and shim6 messages usually carry nothing: they are the upper layer themselves.
        if next == NO_NEXT_HEADER && matches!(header, MOBILITY | HOST_IDENTITY | SHIM6) {
            break;
        }
        if header == FRAGMENT {
            let field = u16::from_be_bytes([high, low]);
            packet.fragment = if field & IPV6_OFFSET != 0 {
                Fragment::Later
            } else if field & IPV6_MORE != 0 {
                Fragment::First
            } else {
                packet.fragment
            };
        }
        packet.protocol = next;
        rest = rest.get(size..).unwrap_or_default();
    }
    transport::decode(packet, rest);
}
