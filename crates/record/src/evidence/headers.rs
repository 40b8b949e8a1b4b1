//! How much of a frame is headers, and where in them addresses are.
//!
//! What is not understood is payload: behind an unknown protocol, a later fragment or an ICMP message nothing is kept. This is
//! the guard of the promise that no content of anybody's traffic is stored, so it trusts no length that was handed in.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

/// Most bytes that are kept of a frame: the documented snap length.
pub const MAXIMUM_HEADER_BYTES: usize = 192;
/// Link types of pcap files.
const ETHERNET: u32 = 1;
const RAW: [u32; 3] = [12, 101, 14];
const IPV4: u32 = 228;
const IPV6: u32 = 229;
const LINUX_COOKED: u32 = 113;
/// Tags of VLANs that are followed.
const MAXIMUM_TAGS: usize = 4;
/// Extension headers that are followed, and bytes of them that are kept.
const MAXIMUM_EXTENSIONS: usize = 8;
const MAXIMUM_EXTENSION_BYTES: usize = 64;

/// What a frame's headers are.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Headers {
    /// Bytes from the beginning that are headers.
    pub(crate) length: usize,
    /// Where hardware addresses are.
    pub(crate) hardware: Range<usize>,
    /// Where the two addresses are: source, destination.
    pub(crate) addresses: Option<[Range<usize>; 2]>,
    /// Where options and extension headers are, which may hold addresses too.
    pub(crate) options: Range<usize>,
    /// Where checksums are, from which a hidden address could be worked out.
    pub(crate) checksums: [Range<usize>; 2],
}

/// The headers of a frame.
pub(crate) fn measure(link_type: u32, frame: &[u8]) -> Headers {
    let mut headers = Headers::default();
    let network = match link_type {
        ETHERNET => ethernet(frame, &mut headers),
        LINUX_COOKED => {
            headers.length = 16;
            headers.hardware = 6..14;
            pair(frame, 14).map(|kind| (kind, 16))
        }
        kind if RAW.contains(&kind) || kind == IPV4 || kind == IPV6 => {
            let version = frame.first().map(|byte| byte >> 4);
            version.map(|version| (if version == 4 { 0x0800 } else { 0x86dd }, 0))
        }
        _ => None,
    };
    let behind = match network {
        Some((0x0800, at)) => ipv4(frame, at, &mut headers),
        Some((0x86dd, at)) => ipv6(frame, at, &mut headers),
        _ => None,
    };
    if let Some(protocol) = behind {
        let at = headers.length;
        headers.checksums[1] = match protocol {
            6 => at + 16..at + 18,
            17 | 136 => at + 6..at + 8,
            58 => at + 2..at + 4,
            _ => at..at,
        };
        headers.length += transport(protocol, frame.get(headers.length..).unwrap_or_default());
    }
    headers.length = headers.length.min(frame.len()).min(MAXIMUM_HEADER_BYTES);
    headers
}

fn pair(frame: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes([*frame.get(at)?, *frame.get(at + 1)?]))
}

/// The type of what is behind Ethernet and tags, and where it begins.
fn ethernet(frame: &[u8], headers: &mut Headers) -> Option<(u16, usize)> {
    headers.hardware = 0..12;
    headers.length = 14;
    for _ in 0..=MAXIMUM_TAGS {
        let kind = pair(frame, headers.length - 2)?;
        if !matches!(kind, 0x8100 | 0x88a8 | 0x9100) {
            return Some((kind, headers.length));
        }
        headers.length += 4;
    }
    None
}

/// The protocol behind an IPv4 header; none behind a later fragment.
fn ipv4(frame: &[u8], at: usize, headers: &mut Headers) -> Option<u8> {
    let first = *frame.get(at)?;
    let length = usize::from(first & 15) * 4;
    if first >> 4 != 4 || length < 20 {
        return None;
    }
    headers.addresses = Some([at + 12..at + 16, at + 16..at + 20]);
    headers.options = at + 20..at + length;
    headers.checksums[0] = at + 10..at + 12;
    headers.length = at + length;
    let offset = pair(frame, at + 6)? & 0x1fff;
    (offset == 0).then(|| frame.get(at + 9).copied())?
}

/// The protocol behind an IPv6 header and its extensions.
fn ipv6(frame: &[u8], at: usize, headers: &mut Headers) -> Option<u8> {
    if frame.get(at)? >> 4 != 6 {
        return None;
    }
    let mut protocol = *frame.get(at + 6)?;
    let begin = at + 40;
    headers.addresses = Some([at + 8..at + 24, at + 24..at + 40]);
    headers.options = begin..begin;
    headers.length = begin;
    for _ in 0..MAXIMUM_EXTENSIONS {
        let here = headers.length;
        let length = match protocol {
            0 | 43 | 60 | 135 => 8 * (usize::from(*frame.get(here + 1)?) + 1),
            44 => 8,
            51 => 4 * (usize::from(*frame.get(here + 1)?) + 2),
            _ => return Some(protocol),
        };
        if here + length - begin > MAXIMUM_EXTENSION_BYTES {
            return None;
        }
        let is_later_fragment = protocol == 44 && pair(frame, here + 2)? & 0xfff8 != 0;
        protocol = *frame.get(here)?;
        headers.length += length;
        headers.options = begin..headers.length;
        if is_later_fragment {
            return None;
        }
    }
    None
}

/// The length of a transport header. A TCP header that claims to be longer than it is captured is no header.
fn transport(protocol: u8, rest: &[u8]) -> usize {
    match protocol {
        6 => {
            let length = rest.get(12).map_or(20, |byte| usize::from(byte >> 4) * 4);
            // Too small to be one: ports, numbers and flags are still where they always are.
            length.max(20)
        }
        17 | 136 => 8,
        // Type, code, checksum and the four bytes behind: what follows quotes packets or is content.
        1 | 58 => 8,
        132 => 12,
        // Flags and protocol of GRE; SPI and number of ESP.
        47 => 4,
        50 => 8,
        _ => 0,
    }
}

/// The address of a range.
pub(crate) fn address(frame: &[u8], range: &Range<usize>) -> Option<IpAddr> {
    let bytes = frame.get(range.clone())?;
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(|octets| IpAddr::V4(Ipv4Addr::from(octets))),
        _ => <[u8; 16]>::try_from(bytes).ok().map(|octets| IpAddr::V6(Ipv6Addr::from(octets))),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An IPv4 packet with this protocol, fragment word and behind.
    pub(super) fn packet(protocol: u8, fragment: u16, behind: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x45, 0, 0, 0, 0, 0];
        bytes.extend(fragment.to_be_bytes());
        bytes.extend([64, protocol, 0, 0, 198, 51, 100, 7, 192, 0, 2, 10]);
        bytes.extend(behind);
        bytes
    }

    fn length(link_type: u32, frame: &[u8]) -> usize {
        measure(link_type, frame).length
    }

    #[test]
    fn nothing_behind_the_transport_header_counts() {
        let payload = [b'S'; 100];
        let mut tcp = vec![0; 20];
        tcp[12] = 0x60;
        tcp.extend([1; 4]);
        assert_eq!(length(101, &packet(6, 0, &[&tcp[..], &payload].concat())), 44);
        assert_eq!(length(101, &packet(17, 0, &payload)), 28);
        assert_eq!(length(101, &packet(1, 0, &payload)), 28);
        assert_eq!(length(101, &packet(99, 0, &payload)), 20);
        assert_eq!(length(101, &packet(17, 100, &payload)), 20, "a later fragment is all payload");
        assert_eq!(length(1, &[&[0; 12][..], &[0x08, 0x06], &payload].concat()), 14, "ARP");
        assert_eq!(length(147, &payload), 0, "an unknown link type");
        let tagged = [&[0; 12][..], &[0x81, 0, 0, 5, 0x08, 0], &packet(17, 0, &payload)].concat();
        assert_eq!(length(1, &tagged), 18 + 28);
    }

    #[test]
    fn extension_headers_count_up_to_a_limit() {
        let ipv6 =
            |next: u8, behind: &[u8]| [&[0x60, 0, 0, 0, 0, 0, next, 64][..], &[0x20; 32], behind].concat();
        let hop = [17, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(length(101, &ipv6(0, &[&hop[..], &[b'S'; 60]].concat())), 40 + 8 + 8);
        let long = [17, 20, 0, 0];
        assert_eq!(length(101, &ipv6(60, &[&long[..], &[b'S'; 300]].concat())), 40);
        let later = [17, 0, 0x01, 0x00, 0, 0, 0, 0];
        assert_eq!(length(101, &ipv6(44, &[&later[..], &[b'S'; 60]].concat())), 48);
    }

    proptest! {
        #[test]
        fn any_frame_ends_within_the_limit(link_type in prop_oneof![Just(1), Just(101), Just(113), any::<u32>()],
            frame in proptest::collection::vec(any::<u8>(), 0..300)) {
            let headers = measure(link_type, &frame);
            prop_assert!(headers.length <= frame.len().min(MAXIMUM_HEADER_BYTES));
        }
    }
}
