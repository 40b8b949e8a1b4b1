//! Link layers: from the first byte of a frame to the first byte of the IP header.

use super::Skip;

/// VLAN tags (IEEE 802.1Q, 802.1ad) followed before a frame is given up. Two are usual.
pub const MAX_VLAN_TAGS: usize = 8;

/// MPLS labels (RFC 3032) followed before a frame is given up. Three or four are usual.
pub const MAX_MPLS_LABELS: usize = 16;

/// The link layer of a capture, by its number in pcap files
/// (<https://www.tcpdump.org/linktypes.html>).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct LinkType(pub u32);

impl LinkType {
    /// BSD loopback: protocol family in the byte order of the machine that captured.
    pub const NULL: Self = Self(0);
    /// Ethernet.
    pub const ETHERNET: Self = Self(1);
    /// PPP (RFC 1661), with or without HDLC address and control.
    pub const PPP: Self = Self(9);
    /// Raw IP as some BSD captures number it.
    pub const RAW_BSD: Self = Self(12);
    /// Raw IP as OpenBSD captures number it.
    pub const RAW_OPENBSD: Self = Self(14);
    /// PPP in HDLC framing (RFC 1662), or Cisco HDLC.
    pub const PPP_HDLC: Self = Self(50);
    /// PPPoE session (RFC 2516) without its Ethernet header.
    pub const PPPOE: Self = Self(51);
    /// Raw IP, version by the first half byte.
    pub const RAW: Self = Self(101);
    /// Cisco HDLC.
    pub const CISCO_HDLC: Self = Self(104);
    /// OpenBSD loopback: protocol family in network order.
    pub const LOOP: Self = Self(108);
    /// Linux cooked capture.
    pub const LINUX_SLL: Self = Self(113);
    /// MPLS label stack.
    pub const MPLS: Self = Self(219);
    /// Raw IPv4.
    pub const IPV4: Self = Self(228);
    /// Raw IPv6.
    pub const IPV6: Self = Self(229);
    /// Linux cooked capture, version 2.
    pub const LINUX_SLL2: Self = Self(276);
}

pub(super) const ETHERTYPE_IPV4: u16 = 0x0800;
pub(super) const ETHERTYPE_IPV6: u16 = 0x86dd;
pub(super) const ETHERTYPE_MPLS: u16 = 0x8847;
pub(super) const ETHERTYPE_MPLS_MULTICAST: u16 = 0x8848;
const ETHERTYPE_PPPOE_SESSION: u16 = 0x8864;
const ETHERTYPE_VLAN: u16 = 0x8100;
const ETHERTYPE_PROVIDER_VLAN: u16 = 0x88a8;
const ETHERTYPE_OLD_PROVIDER_VLAN: u16 = 0x9100;
/// Smaller values of the type field are lengths (IEEE 802.3 clause 3.2.6).
const ETHERTYPE_MINIMUM: u16 = 0x0600;
/// LLC of a SNAP frame with the organisation code of Ethernet types (RFC 1042).
const SNAP: [u8; 6] = [0xaa, 0xaa, 0x03, 0, 0, 0];
const PPP_IPV4: u16 = 0x0021;
const PPP_IPV6: u16 = 0x0057;
const PPP_MPLS: u16 = 0x0281;
const MPLS_BOTTOM_OF_STACK: u8 = 1;

/// The VLAN of the outermost tag and the bytes from the IP header on.
#[inline]
pub(super) fn network_layer(link: LinkType, frame: &[u8]) -> Result<(u16, &[u8]), Skip> {
    if link == LinkType::ETHERNET { ethernet(frame) } else { other_link(link, frame) }
}

fn other_link(link: LinkType, frame: &[u8]) -> Result<(u16, &[u8]), Skip> {
    match link {
        LinkType::RAW | LinkType::RAW_BSD | LinkType::RAW_OPENBSD | LinkType::IPV4 | LinkType::IPV6 => {
            Ok((0, frame))
        }
        LinkType::LINUX_SLL => typed(frame, 14, 16),
        LinkType::LINUX_SLL2 => typed(frame, 0, 20),
        LinkType::NULL | LinkType::LOOP => loopback(frame),
        LinkType::PPP | LinkType::PPP_HDLC | LinkType::CISCO_HDLC => Ok((0, ppp(frame)?)),
        LinkType::PPPOE => Ok((0, pppoe(frame)?)),
        LinkType::MPLS => mpls(0, frame),
        _ => Err(Skip::UnknownLink),
    }
}

/// An Ethernet frame (IEEE 802.3), with tags.
#[inline]
pub(super) fn ethernet(frame: &[u8]) -> Result<(u16, &[u8]), Skip> {
    let Some((header, rest)) = frame.split_first_chunk::<14>() else { return Err(Skip::Truncated) };
    let ether_type = u16::from_be_bytes([header[12], header[13]]);
    if ether_type == ETHERTYPE_IPV4 || ether_type == ETHERTYPE_IPV6 {
        return Ok((0, rest));
    }
    tagged(ether_type, rest)
}

/// A header that has an Ethernet type at `type_at` and ends at `end`.
fn typed(frame: &[u8], type_at: usize, end: usize) -> Result<(u16, &[u8]), Skip> {
    let (Some(&[high, low]), Some(rest)) = (frame.get(type_at..type_at + 2), frame.get(end..)) else {
        return Err(Skip::Truncated);
    };
    tagged(u16::from_be_bytes([high, low]), rest)
}

/// What follows an Ethernet type: tags, labels, a PPPoE session or IP.
fn tagged(ether_type: u16, bytes: &[u8]) -> Result<(u16, &[u8]), Skip> {
    let (mut ether_type, mut rest) = (ether_type, bytes);
    let mut vlan = None;
    for _ in 0..=MAX_VLAN_TAGS {
        match ether_type {
            ETHERTYPE_IPV4 | ETHERTYPE_IPV6 => return Ok((vlan.unwrap_or(0), rest)),
            ETHERTYPE_VLAN | ETHERTYPE_PROVIDER_VLAN | ETHERTYPE_OLD_PROVIDER_VLAN => {
                let Some((tag, after)) = rest.split_first_chunk::<4>() else { return Err(Skip::Truncated) };
                vlan = vlan.or(Some(u16::from_be_bytes([tag[0], tag[1]]) & 0x0fff));
                (ether_type, rest) = (u16::from_be_bytes([tag[2], tag[3]]), after);
            }
            ETHERTYPE_MPLS | ETHERTYPE_MPLS_MULTICAST => return mpls(vlan.unwrap_or(0), rest),
            ETHERTYPE_PPPOE_SESSION => return Ok((vlan.unwrap_or(0), pppoe(rest)?)),
            0..ETHERTYPE_MINIMUM => {
                let Some((header, after)) = rest.split_first_chunk::<8>() else { return Err(Skip::NotIp) };
                if header[..6] != SNAP {
                    return Err(Skip::NotIp);
                }
                (ether_type, rest) = (u16::from_be_bytes([header[6], header[7]]), after);
            }
            _ => return Err(Skip::NotIp),
        }
    }
    Err(Skip::TooDeep)
}

/// A label stack (RFC 3032). What follows is not named; its first half byte tells (RFC 4928 section 2): 4 and
/// 6 are IP, 0 is a pseudowire control word (RFC 4448 section 4.6), taken as Ethernet if IP is found in it.
pub(super) fn mpls(vlan: u16, bytes: &[u8]) -> Result<(u16, &[u8]), Skip> {
    let mut rest = bytes;
    for _ in 0..MAX_MPLS_LABELS {
        let Some((label, after)) = rest.split_first_chunk::<4>() else { return Err(Skip::Truncated) };
        rest = after;
        if label[2] & MPLS_BOTTOM_OF_STACK == 0 {
            continue;
        }
        return match rest.first().map(|first| first >> 4) {
            Some(4 | 6) => Ok((vlan, rest)),
            Some(0) => pseudowire(vlan, rest),
            Some(_) => Err(Skip::NotIp),
            None => Err(Skip::Truncated),
        };
    }
    Err(Skip::TooDeep)
}

fn pseudowire(vlan: u16, bytes: &[u8]) -> Result<(u16, &[u8]), Skip> {
    let Some(frame) = bytes.get(4..) else { return Err(Skip::Truncated) };
    let Some((header, rest)) = frame.split_first_chunk::<14>() else { return Err(Skip::Truncated) };
    let ether_type = u16::from_be_bytes([header[12], header[13]]);
    match ether_type {
        ETHERTYPE_IPV4 | ETHERTYPE_IPV6 => Ok((vlan, rest)),
        ETHERTYPE_VLAN | ETHERTYPE_PROVIDER_VLAN => {
            let Some((tag, after)) = rest.split_first_chunk::<4>() else { return Err(Skip::Truncated) };
            match u16::from_be_bytes([tag[2], tag[3]]) {
                ETHERTYPE_IPV4 | ETHERTYPE_IPV6 => Ok((vlan, after)),
                _ => Err(Skip::NotIp),
            }
        }
        _ => Err(Skip::NotIp),
    }
}

/// A PPPoE session header (RFC 2516 section 4) and PPP.
fn pppoe(bytes: &[u8]) -> Result<&[u8], Skip> {
    let Some((header, rest)) = bytes.split_first_chunk::<6>() else { return Err(Skip::Truncated) };
    if header[0] != 0x11 || header[1] != 0 {
        return Err(Skip::NotIp);
    }
    ppp(rest)
}

/// PPP (RFC 1661), with HDLC address and control if they are there, protocol field of one or two bytes; or
/// Cisco HDLC, which has an Ethernet type instead.
fn ppp(bytes: &[u8]) -> Result<&[u8], Skip> {
    let rest = match bytes {
        [0x0f | 0x8f, 0, high, low, rest @ ..] => {
            return match u16::from_be_bytes([*high, *low]) {
                ETHERTYPE_IPV4 | ETHERTYPE_IPV6 => Ok(rest),
                _ => Err(Skip::NotIp),
            };
        }
        [0xff, 0x03, rest @ ..] => rest,
        _ => bytes,
    };
    let (protocol, rest) = match rest {
        [low, rest @ ..] if low & 1 == 1 => (u16::from(*low), rest),
        [high, low, rest @ ..] => (u16::from_be_bytes([*high, *low]), rest),
        _ => return Err(Skip::Truncated),
    };
    match protocol {
        PPP_IPV4 | PPP_IPV6 => Ok(rest),
        PPP_MPLS => mpls(0, rest).map(|(_, rest)| rest),
        _ => Err(Skip::NotIp),
    }
}

/// The 4-byte protocol family of loopback captures, in either byte order: `AF_INET` is 2 everywhere, `AF_INET6`
/// is 10 (Linux), 24 (NetBSD, OpenBSD), 28 (FreeBSD) or 30 (Darwin). Some writers have an Ethernet type in the
/// last two bytes instead.
fn loopback(frame: &[u8]) -> Result<(u16, &[u8]), Skip> {
    let Some((family, rest)) = frame.split_first_chunk::<4>() else { return Err(Skip::Truncated) };
    if let ETHERTYPE_IPV4 | ETHERTYPE_IPV6 = u16::from_be_bytes([family[2], family[3]]) {
        return Ok((0, rest));
    }
    let family = u32::from_be_bytes(*family);
    let family = if family > 0xffff { family.swap_bytes() } else { family };
    match family {
        2 | 10 | 24 | 28 | 30 => Ok((0, rest)),
        _ => Err(Skip::NotIp),
    }
}
