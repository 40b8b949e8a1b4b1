//! Transport headers: ports, flags, ICMP types.

use super::{Fragment, Packet, TcpFlags};
use crate::payload;

/// Protocol numbers (IANA "Assigned Internet Protocol Numbers").
const ICMP: u8 = 1;
pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;
const DCCP: u8 = 33;
const ICMPV6: u8 = 58;
const SCTP: u8 = 132;
const UDP_LITE: u8 = 136;

/// Without options (RFC 9293 section 3.1).
const TCP_HEADER_BYTES: usize = 20;
const UDP_HEADER_BYTES: usize = 8;
const ICMP_HEADER_BYTES: usize = 8;
const SCTP_HEADER_BYTES: usize = 12;

/// Fills in what follows the IP headers, as far as `bytes` has it.
#[inline]
pub(super) fn decode<'a>(packet: &mut Packet<'a>, bytes: &'a [u8]) {
    if packet.fragment == Fragment::Later {
        packet.payload = bytes;
        return;
    }
    match packet.protocol {
        TCP => tcp(packet, bytes),
        UDP => udp(packet, bytes),
        ICMP | ICMPV6 => icmp(packet, bytes),
        UDP_LITE => with_ports(packet, bytes, UDP_HEADER_BYTES),
        SCTP => with_ports(packet, bytes, SCTP_HEADER_BYTES),
        DCCP => {
            let header_bytes = bytes.get(4).map_or(usize::MAX, |words| usize::from(*words) * 4);
            with_ports(packet, bytes, header_bytes);
        }
        _ => packet.payload = bytes,
    }
}

#[inline]
fn ports(packet: &mut Packet<'_>, bytes: &[u8]) {
    if let Some(&[a, b, c, d]) = bytes.first_chunk::<4>() {
        packet.source_port = u16::from_be_bytes([a, b]);
        packet.destination_port = u16::from_be_bytes([c, d]);
    }
}

fn with_ports<'a>(packet: &mut Packet<'a>, bytes: &'a [u8], header_bytes: usize) {
    ports(packet, bytes);
    packet.payload = bytes.get(header_bytes..).unwrap_or_default();
}

/// RFC 9293 section 3.1. The flags are read even if the data offset is wrong, because floods send such headers.
#[inline]
fn tcp<'a>(packet: &mut Packet<'a>, bytes: &'a [u8]) {
    let Some(header) = bytes.first_chunk::<14>() else {
        ports(packet, bytes);
        return;
    };
    packet.source_port = u16::from_be_bytes([header[0], header[1]]);
    packet.destination_port = u16::from_be_bytes([header[2], header[3]]);
    packet.sequence = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
    packet.tcp_flags = TcpFlags(header[13]);
    let header_bytes = usize::from(header[12] >> 4) * 4;
    if header_bytes >= TCP_HEADER_BYTES {
        packet.payload = bytes.get(header_bytes..).unwrap_or_default();
        // The capture may end within the header: what is missing of that is no payload.
        let cut = header_bytes.saturating_sub(bytes.len());
        packet.missing_bytes = packet.missing_bytes.saturating_sub(cut as u32);
        if let Some((header, rest)) = bytes.split_first_chunk::<TCP_HEADER_BYTES>() {
            packet.window = u16::from_be_bytes([header[14], header[15]]);
            packet.tcp_options = rest.get(..header_bytes - TCP_HEADER_BYTES).unwrap_or(rest);
        }
    }
}

/// RFC 768. A length below 8 (0 in jumbograms, RFC 2675 section 4) is not used.
#[inline]
fn udp<'a>(packet: &mut Packet<'a>, bytes: &'a [u8]) {
    let Some((header, rest)) = bytes.split_first_chunk::<UDP_HEADER_BYTES>() else {
        ports(packet, bytes);
        return;
    };
    packet.source_port = u16::from_be_bytes([header[0], header[1]]);
    packet.destination_port = u16::from_be_bytes([header[2], header[3]]);
    let length = usize::from(u16::from_be_bytes([header[4], header[5]]));
    let payload = length.checked_sub(UDP_HEADER_BYTES).and_then(|length| rest.get(..length)).unwrap_or(rest);
    packet.payload = payload;
    packet.payload_kind = payload::classify(packet.source_port, packet.destination_port, payload);
}

/// RFC 792, RFC 4443.
#[inline]
fn icmp<'a>(packet: &mut Packet<'a>, bytes: &'a [u8]) {
    if let Some(&[kind, code]) = bytes.first_chunk::<2>() {
        packet.icmp_type = kind;
        packet.icmp_code = code;
    }
    packet.payload = bytes.get(ICMP_HEADER_BYTES..).unwrap_or_default();
}
