//! IP packets from their parts, with right lengths and checksums.

use std::net::IpAddr;

/// IP protocol numbers.
pub(crate) mod protocol {
    pub(crate) const ICMP: u8 = 1;
    pub(crate) const TCP: u8 = 6;
    pub(crate) const UDP: u8 = 17;
    pub(crate) const GRE: u8 = 47;
    pub(crate) const ESP: u8 = 50;
    pub(crate) const ICMPV6: u8 = 58;
    pub(crate) const FRAGMENT: u8 = 44;
}

/// TCP flags.
pub(crate) mod flags {
    pub(crate) const FIN: u8 = 1;
    pub(crate) const SYN: u8 = 2;
    pub(crate) const RST: u8 = 4;
    pub(crate) const PSH: u8 = 8;
    pub(crate) const ACK: u8 = 16;
    pub(crate) const URG: u8 = 32;
}

/// An address and a port.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct End {
    /// Address.
    pub(crate) address: IpAddr,
    /// Port.
    pub(crate) port: u16,
}

/// An address and a port.
pub(crate) const fn end(address: IpAddr, port: u16) -> End {
    End { address, port }
}

/// An IP packet with this payload. Both addresses are of one family; if not, the packet is empty.
pub(crate) fn ip(source: IpAddr, destination: IpAddr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = Vec::with_capacity(40 + payload.len());
    match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let length = (20 + payload.len()) as u16;
            packet.extend_from_slice(&[0x45, 0]);
            packet.extend_from_slice(&length.to_be_bytes());
            packet.extend_from_slice(&[0, 0, 0, 0, 57, protocol, 0, 0]);
            packet.extend_from_slice(&source.octets());
            packet.extend_from_slice(&destination.octets());
            set_header_checksum(&mut packet);
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            packet.extend_from_slice(&[0x60, 0, 0, 0]);
            packet.extend_from_slice(&(payload.len() as u16).to_be_bytes());
            packet.extend_from_slice(&[protocol, 57]);
            packet.extend_from_slice(&source.octets());
            packet.extend_from_slice(&destination.octets());
        }
        _ => return packet,
    }
    packet.extend_from_slice(payload);
    packet
}

/// A later fragment of a datagram: `offset` in units of 8 bytes.
pub(crate) fn fragment(
    (source, destination): (IpAddr, IpAddr),
    protocol: u8,
    (offset, more, identification): (u16, bool, u16),
    payload: &[u8],
) -> Vec<u8> {
    let field = if source.is_ipv4() { offset & 0x1fff } else { offset << 3 };
    if source.is_ipv4() {
        let mut packet = ip(source, destination, protocol, payload);
        let field = field | if more { 0x2000 } else { 0 };
        put(&mut packet, 4, &identification.to_be_bytes());
        put(&mut packet, 6, &field.to_be_bytes());
        set_header_checksum(&mut packet);
        return packet;
    }
    let mut header = vec![protocol, 0];
    header.extend_from_slice(&(field | u16::from(more)).to_be_bytes());
    header.extend_from_slice(&u32::from(identification).to_be_bytes());
    header.extend_from_slice(payload);
    ip(source, destination, protocol::FRAGMENT, &header)
}

/// A UDP datagram.
pub(crate) fn udp(source: End, destination: End, payload: &[u8]) -> Vec<u8> {
    let mut datagram = Vec::with_capacity(8 + payload.len());
    datagram.extend_from_slice(&source.port.to_be_bytes());
    datagram.extend_from_slice(&destination.port.to_be_bytes());
    datagram.extend_from_slice(&((8 + payload.len()) as u16).to_be_bytes());
    datagram.extend_from_slice(&[0, 0]);
    datagram.extend_from_slice(payload);
    finish(source.address, destination.address, protocol::UDP, datagram, 6)
}

/// A TCP segment with sequence and acknowledgement numbers.
pub(crate) fn tcp(
    source: End,
    destination: End,
    flags: u8,
    (sequence, acknowledged): (u32, u32),
    payload: &[u8],
) -> Vec<u8> {
    let options: &[u8] = if flags & flags::SYN != 0 { &[2, 4, 5, 0xb4, 4, 2, 1, 1, 1, 3, 3, 7] } else { &[] };
    let mut segment = Vec::with_capacity(32 + payload.len());
    segment.extend_from_slice(&source.port.to_be_bytes());
    segment.extend_from_slice(&destination.port.to_be_bytes());
    segment.extend_from_slice(&sequence.to_be_bytes());
    let acknowledged = if flags & flags::ACK == 0 { 0 } else { acknowledged };
    segment.extend_from_slice(&acknowledged.to_be_bytes());
    segment.push(((20 + options.len()) as u8 / 4) << 4);
    segment.push(flags);
    segment.extend_from_slice(&[0xfa, 0xf0, 0, 0, 0, 0]);
    segment.extend_from_slice(options);
    segment.extend_from_slice(payload);
    finish(source.address, destination.address, protocol::TCP, segment, 16)
}

/// An ICMP message, ICMPv6 between IPv6 addresses; kind and code are those of the family.
pub(crate) fn icmp(
    source: IpAddr,
    destination: IpAddr,
    (kind, code): (u8, u8),
    rest_of_header: [u8; 4],
    payload: &[u8],
) -> Vec<u8> {
    let mut message = vec![kind, code, 0, 0];
    message.extend_from_slice(&rest_of_header);
    message.extend_from_slice(payload);
    if source.is_ipv4() {
        let checksum = !sum(&message, 0);
        put(&mut message, 2, &checksum.to_be_bytes());
        return ip(source, destination, protocol::ICMP, &message);
    }
    finish(source, destination, protocol::ICMPV6, message, 2)
}

/// Puts the checksum over pseudo-header and segment at `at`, and the IP header in front.
fn finish(source: IpAddr, destination: IpAddr, protocol: u8, mut segment: Vec<u8>, at: usize) -> Vec<u8> {
    let mut pseudo = (segment.len() as u32 + u32::from(protocol)) & 0xffff;
    for address in [source, destination] {
        pseudo += match address {
            IpAddr::V4(address) => u32::from(sum(&address.octets(), 0)),
            IpAddr::V6(address) => u32::from(sum(&address.octets(), 0)),
        };
    }
    let checksum = !sum(&segment, pseudo);
    put(&mut segment, at, &checksum.to_be_bytes());
    ip(source, destination, protocol, &segment)
}

/// The header checksum of an IPv4 packet.
pub(crate) fn set_header_checksum(packet: &mut [u8]) {
    put(packet, 10, &[0, 0]);
    let length = packet.first().map_or(0, |first| usize::from(first & 15) * 4);
    let checksum = !sum(packet.get(..length).unwrap_or_default(), 0);
    put(packet, 10, &checksum.to_be_bytes());
}

/// Writes bytes at a place, if there is room.
pub(crate) fn put(packet: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(place) = packet.get_mut(at..at + bytes.len()) {
        place.copy_from_slice(bytes);
    }
}

/// The ones' complement sum (RFC 1071).
fn sum(bytes: &[u8], start: u32) -> u16 {
    let words = bytes.chunks(2).map(|pair| {
        u32::from(pair.first().copied().unwrap_or(0)) << 8 | u32::from(pair.get(1).copied().unwrap_or(0))
    });
    let mut total: u64 = words.map(u64::from).sum::<u64>() + u64::from(start);
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    total as u16
}
