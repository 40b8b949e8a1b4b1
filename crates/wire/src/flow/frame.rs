//! A sampled frame to a record of one packet.
//!
//! Nearly all samples are Ethernet frames, with one VLAN tag at most, of an IPv4 or IPv6 packet that has no
//! options, no extension headers and is no fragment, and carries TCP or UDP. These are read here straight into
//! the record, in a fraction of the time that [`packet::decode`] needs to find everything in any frame; all
//! others go there. A test holds the two to the same result.

use super::{
    bytes::{u16_at, u32_at},
    record::FlowRecord,
};
use crate::packet::{self, LinkType, Skip};
use crate::payload::{self, Payload, Role, Service};
use crate::{Address, TcpFlags};

const TCP: u8 = 6;
const UDP: u8 = 17;
/// The `header_protocol` of Ethernet in a raw header block (sFlow version 5, section 5.3).
const ETHERNET: u32 = 1;
const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const ETHERNET_BYTES: usize = 14;
const IPV4_BYTES: usize = 20;
const IPV6_BYTES: usize = 40;
/// What is read of a TCP header: up to the flags.
const TCP_BYTES: usize = 14;
const UDP_BYTES: usize = 8;

/// What is read of a frame with IPv4: one check of the length for all of it.
const HEAD_BYTES: usize = ETHERNET_BYTES + IPV4_BYTES + TCP_BYTES;
/// The fields before the frame in a raw header block: protocol, length on the wire, bytes stripped, length here.
const BLOCK_HEAD_BYTES: usize = 16;

/// Fills in the headers of the frame's outer packet and the bytes that its IP header states. The type of
/// service is not read. On an error `record` stays as it is.
pub(super) fn fill(record: &mut FlowRecord, link: LinkType, frame: &[u8]) -> Result<(), Skip> {
    if link == LinkType::ETHERNET
        && let Some(head) = frame.first_chunk()
        && usual(record, head, frame, 0).is_some()
    {
        record.packets = 1;
        return Ok(());
    }
    every(record, link, frame)
}

/// A record for [`fill_usual`].
#[inline]
pub(super) const fn usual_record() -> FlowRecord {
    let mut record = FlowRecord::new(Address::from_bits(0), Address::from_bits(0));
    record.packets = 1;
    record
}

/// Reads a raw header block with a frame of the usual kind; `None` if it is another. `vlan` is that of the
/// switch, for a frame that has no tag.
///
/// `record` must be one of [`usual_record`], filled by nothing but this function: every call writes the same
/// fields.
#[inline(always)]
pub(super) fn fill_usual(record: &mut FlowRecord, block: &[u8], vlan: u16) -> Option<()> {
    let start = block.first_chunk::<{ BLOCK_HEAD_BYTES + HEAD_BYTES }>()?;
    let length = u32_at(start, 12) as usize;
    if u32_at(start, 0) != ETHERNET || length < HEAD_BYTES {
        return None;
    }
    let frame = block.get(BLOCK_HEAD_BYTES..)?;
    usual(record, start.last_chunk()?, frame.get(..length).unwrap_or(frame), vlan)
}

/// Any frame.
#[inline(never)]
fn every(record: &mut FlowRecord, link: LinkType, frame: &[u8]) -> Result<(), Skip> {
    let decoded = packet::decode(link, frame)?;
    let packet = &decoded.outer;
    record.source = packet.source;
    record.destination = packet.destination;
    record.protocol = packet.protocol;
    record.source_port = packet.source_port;
    record.destination_port = packet.destination_port;
    record.tcp_flags = packet.tcp_flags;
    record.icmp_type = packet.icmp_type;
    record.icmp_code = packet.icmp_code;
    record.fragment = packet.fragment;
    record.packets = 1;
    record.bytes = u64::from(packet.ip_length_bytes);
    record.vlan = decoded.vlan;
    record.payload_kind = packet.payload_kind;
    Ok(())
}

/// A frame of the usual kind, which begins with `head`; `None` if it is another, and then the record is
/// untouched.
#[inline(always)]
fn usual(record: &mut FlowRecord, head: &[u8; HEAD_BYTES], frame: &[u8], vlan: u16) -> Option<()> {
    /// The type of Ethernet, version 4 and a header of five words.
    const IPV4_WITHOUT_OPTIONS: u32 = 0x0800_4500;
    if u32_at(head, 12) & 0xffff_ff00 == IPV4_WITHOUT_OPTIONS {
        ipv4(record, head, frame)?;
    } else if u16_at(head, 12) == IPV6 {
        ipv6(record, frame)?;
    } else {
        return tagged(record, frame, vlan);
    }
    record.vlan = vlan;
    Some(())
}

/// A frame with a VLAN tag. Without it the frame is as any other, but for the addresses, which are not read.
#[inline(never)]
fn tagged(record: &mut FlowRecord, frame: &[u8], vlan: u16) -> Option<()> {
    const VLAN_TAG: u16 = 0x8100;
    let (tag, frame) = (u32_at(frame.get(12..)?.first_chunk::<4>()?, 0), frame.get(4..)?);
    let head = frame.first_chunk()?;
    match (tag >> 16) as u16 {
        VLAN_TAG if u16_at(head, 12) == IPV4 && head[14] == 0x45 => ipv4(record, head, frame)?,
        VLAN_TAG if u16_at(head, 12) == IPV6 => ipv6(record, frame)?,
        _ => return None,
    }
    let tag = (tag & 0x0fff) as u16;
    record.vlan = if tag == 0 { vlan } else { tag };
    Some(())
}

/// A header without options; that the packet is no fragment is tested here.
#[inline(always)]
fn ipv4(record: &mut FlowRecord, head: &[u8; HEAD_BYTES], frame: &[u8]) -> Option<()> {
    /// More fragments, and the offset.
    const FRAGMENT: u16 = 0x3fff;
    let total = u16_at(head, 16);
    if u16_at(head, 20) & FRAGMENT != 0 || usize::from(total) < IPV4_BYTES + TCP_BYTES {
        return None;
    }
    let packet = frame.get(ETHERNET_BYTES..)?;
    let packet = packet.get(..usize::from(total)).unwrap_or(packet);
    transport(record, head[23], head.last_chunk()?, packet, IPV4_BYTES)?;
    record.source = Address::from_ipv4(u32_at(head, 26).to_be_bytes());
    record.destination = Address::from_ipv4(u32_at(head, 30).to_be_bytes());
    record.bytes = u64::from(total);
    Some(())
}

#[inline(always)]
fn ipv6(record: &mut FlowRecord, frame: &[u8]) -> Option<()> {
    let head = frame.first_chunk::<{ ETHERNET_BYTES + IPV6_BYTES + TCP_BYTES }>()?;
    let total = IPV6_BYTES + usize::from(u16_at(head, 18));
    if head[14] >> 4 != 6 || total < IPV6_BYTES + TCP_BYTES {
        return None;
    }
    let packet = frame.get(ETHERNET_BYTES..)?;
    let packet = packet.get(..total).unwrap_or(packet);
    transport(record, head[20], head.last_chunk()?, packet, IPV6_BYTES)?;
    record.source = Address::from_ipv6(*head[22..].first_chunk()?);
    record.destination = Address::from_ipv6(*head[38..].first_chunk()?);
    record.bytes = total as u64;
    Some(())
}

/// A TCP or UDP header, which begins at `offset` of the packet.
#[inline(always)]
fn transport(
    record: &mut FlowRecord,
    protocol: u8,
    header: &[u8; TCP_BYTES],
    packet: &[u8],
    offset: usize,
) -> Option<()> {
    let [source, destination] = [u16_at(header, 0), u16_at(header, 2)];
    match protocol {
        TCP => {
            record.tcp_flags = TcpFlags(header[13]);
            record.payload_kind = Payload { service: Service::Unknown, role: Role::Unknown };
        }
        UDP => {
            let payload = packet.get(offset + UDP_BYTES..).unwrap_or_default();
            let stated = usize::from(u16_at(header, 4)).checked_sub(UDP_BYTES);
            let payload = stated.and_then(|stated| payload.get(..stated)).unwrap_or(payload);
            record.tcp_flags = TcpFlags(0);
            record.payload_kind = payload::classify(source, destination, payload);
        }
        _ => return None,
    }
    record.source_port = source;
    record.destination_port = destination;
    record.protocol = protocol;
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Frames near the usual ones: the first bytes of each header are right, lengths and the rest are random.
    fn frames() -> impl Strategy<Value = Vec<u8>> {
        let network = prop_oneof![
            Just((vec![0x08, 0x00], vec![0x45])),
            Just((vec![0x08, 0x00], vec![0x46])),
            Just((vec![0x86, 0xdd], vec![0x60])),
            Just((vec![0x81, 0x00, 0, 7, 0x08, 0x00], vec![0x45])),
            Just((vec![0x08, 0x06], vec![0])),
        ];
        let protocol = prop_oneof![Just(6_u8), Just(17), Just(1), Just(58), Just(47), any::<u8>()];
        let fragment = prop_oneof![4 => Just(0_u8), 1 => any::<u8>()];
        let bytes = proptest::collection::vec(any::<u8>(), 0..120);
        (network, protocol, fragment, any::<u8>(), bytes).prop_map(
            |((kind, version), protocol, fragment, length, bytes)| {
                let mut frame = vec![2; 12];
                frame.extend(&kind);
                frame.extend(&version);
                frame.extend(bytes);
                let start = 12 + kind.len();
                let fixed = if version == [0x60] {
                    [(4, 0), (5, length), (6, protocol)]
                } else {
                    [(2, 0), (3, length), (9, protocol)]
                };
                for (at, value) in
                    fixed.into_iter().chain([(6, fragment), (7, 0)].into_iter().filter(|_| version != [0x60]))
                {
                    if let Some(byte) = frame.get_mut(start + at) {
                        *byte = value;
                    }
                }
                frame
            },
        )
    }

    proptest! {
        #[test]
        fn the_short_way_gives_what_the_long_way_gives(frame in frames()) {
            let empty = FlowRecord::new(Address::default(), Address::default());
            let (mut short, mut long) = (empty, empty);
            let long_result = every(&mut long, LinkType::ETHERNET, &frame);
            let head = frame.first_chunk();
            if head.and_then(|head| usual(&mut short, head, &frame, 0)).is_some() {
                short.packets = 1;
                prop_assert_eq!(long_result, Ok(()));
                prop_assert_eq!(short, long);
            } else {
                prop_assert_eq!(short, empty);
            }
        }
    }
}
