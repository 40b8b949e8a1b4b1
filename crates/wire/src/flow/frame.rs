//! A sampled frame to a record of one packet.
//!
//! Nearly all samples are Ethernet frames with an IPv4 or IPv6 packet that has no options, no extension headers
//! and is no fragment, and carries TCP or UDP. These are read here straight into the record, in a third of the
//! time that [`packet::decode`] needs to find everything in any frame; all others go there. A test holds the
//! two to the same result.

use super::record::FlowRecord;
use crate::packet::{self, LinkType, Skip};
use crate::{Address, TcpFlags, payload};

const TCP: u8 = 6;
const UDP: u8 = 17;

/// Fills in the headers of the frame's outer packet and the bytes that its IP header states. The type of
/// service is not read. `record` is as [`FlowRecord::new`] makes it; on an error it stays so.
#[inline(always)]
pub(super) fn fill(record: &mut FlowRecord, link: LinkType, frame: &[u8]) -> Result<(), Skip> {
    if link == LinkType::ETHERNET && usual(record, frame).is_some() {
        return Ok(());
    }
    every(record, link, frame)
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

/// A frame of the usual kind; `None` if it is another, and then the record is untouched.
#[inline(always)]
fn usual(record: &mut FlowRecord, frame: &[u8]) -> Option<()> {
    let (ethernet, rest) = frame.split_first_chunk::<14>()?;
    match [ethernet[12], ethernet[13]] {
        [0x08, 0x00] => ipv4(record, rest),
        [0x86, 0xdd] => ipv6(record, rest),
        _ => None,
    }
}

#[inline(always)]
fn ipv4(record: &mut FlowRecord, bytes: &[u8]) -> Option<()> {
    /// Version 4 and a header of five words.
    const NO_OPTIONS: u8 = 0x45;
    /// More fragments, and the offset.
    const FRAGMENT: u16 = 0x3fff;
    let (header, rest) = bytes.split_first_chunk::<20>()?;
    let total = u16::from_be_bytes([header[2], header[3]]);
    let fragment = u16::from_be_bytes([header[6], header[7]]) & FRAGMENT;
    if header[0] != NO_OPTIONS || fragment != 0 || total < 20 {
        return None;
    }
    let payload = rest.get(..usize::from(total) - 20).unwrap_or(rest);
    transport(record, header[9], payload)?;
    record.source = Address::from_ipv4([header[12], header[13], header[14], header[15]]);
    record.destination = Address::from_ipv4([header[16], header[17], header[18], header[19]]);
    record.bytes = u64::from(total);
    Some(())
}

#[inline(always)]
fn ipv6(record: &mut FlowRecord, bytes: &[u8]) -> Option<()> {
    let (header, rest) = bytes.split_first_chunk::<40>()?;
    let length = u16::from_be_bytes([header[4], header[5]]);
    if header[0] >> 4 != 6 || length == 0 {
        return None;
    }
    let payload = rest.get(..usize::from(length)).unwrap_or(rest);
    transport(record, header[6], payload)?;
    record.source = Address::from_ipv6(*header[8..].first_chunk()?);
    record.destination = Address::from_ipv6(*header[24..].first_chunk()?);
    record.bytes = 40 + u64::from(length);
    Some(())
}

/// A whole TCP or UDP header.
#[inline(always)]
fn transport(record: &mut FlowRecord, protocol: u8, bytes: &[u8]) -> Option<()> {
    match protocol {
        TCP => {
            let header = bytes.first_chunk::<14>()?;
            record.source_port = u16::from_be_bytes([header[0], header[1]]);
            record.destination_port = u16::from_be_bytes([header[2], header[3]]);
            record.tcp_flags = TcpFlags(header[13]);
        }
        UDP => {
            let (header, rest) = bytes.split_first_chunk::<8>()?;
            let [source, destination, length] =
                [0, 2, 4].map(|at| u16::from_be_bytes([header[at], header[at + 1]]));
            let payload =
                usize::from(length).checked_sub(8).and_then(|length| rest.get(..length)).unwrap_or(rest);
            record.source_port = source;
            record.destination_port = destination;
            record.payload_kind = payload::classify(source, destination, payload);
        }
        _ => return None,
    }
    record.protocol = protocol;
    record.packets = 1;
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
            if usual(&mut short, &frame).is_some() {
                prop_assert_eq!(long_result, Ok(()));
                prop_assert_eq!(short, long);
            } else {
                prop_assert_eq!(short, empty);
            }
        }
    }
}
