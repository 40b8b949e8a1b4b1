//! A captured frame to its headers.
//!
//! [`decode`] takes a frame of a capture file, a mirror port or an sFlow sample and finds the IP packet in it,
//! through VLAN tags, MPLS labels, PPPoE, IPv4 options, authentication headers and IPv6 extension headers. If
//! that packet is a tunnel (GRE, IP in IP, VXLAN), the packet inside is decoded too: both are of use, since a
//! flood may be aimed at the tunnel's end or go through it.
//!
//! Frames may be cut off by the capture (snap length): whatever is present is used, and lengths come from the
//! headers. A frame without a usable IP header gives a [`Skip`], which callers count by [`Skip::index`].
//!
//! Limits: no reassembly of fragments, one level of tunnel, and [`MAX_VLAN_TAGS`], [`MAX_MPLS_LABELS`] and
//! [`MAX_EXTENSION_HEADERS`]. Checksums are not verified. IEEE 802.11 frames are not decoded.

mod ip;
mod link;
mod transport;
mod tunnel;

use crate::{Address, payload::Payload};

pub use ip::MAX_EXTENSION_HEADERS;
pub use link::{LinkType, MAX_MPLS_LABELS, MAX_VLAN_TAGS};
pub use tunnel::Tunnel;

/// Whether a packet is a fragment, and which (RFC 791 section 3.2, RFC 8200 section 4.5).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[repr(u8)]
pub enum Fragment {
    /// A whole datagram (an IPv6 atomic fragment, RFC 6946, counts as one).
    #[default]
    None,
    /// The fragment with offset 0: it has the transport header.
    First,
    /// A fragment with another offset: it has no ports.
    Later,
}

/// The flag byte of a TCP header (RFC 9293 section 3.1), or the union of the flags of a flow's packets.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct TcpFlags(pub u8);

impl TcpFlags {
    /// No more data from the sender.
    pub const FIN: u8 = 0x01;
    /// Synchronise sequence numbers.
    pub const SYN: u8 = 0x02;
    /// Reset.
    pub const RST: u8 = 0x04;
    /// Push.
    pub const PSH: u8 = 0x08;
    /// The acknowledgement number is significant.
    pub const ACK: u8 = 0x10;
    /// The urgent pointer is significant.
    pub const URG: u8 = 0x20;

    /// Whether all of `flags` are set.
    #[inline]
    pub const fn has(self, flags: u8) -> bool {
        self.0 & flags == flags
    }
}

/// The headers of one IP packet. Fields that a packet does not have are zero.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Packet<'a> {
    /// Source address.
    pub source: Address,
    /// Destination address.
    pub destination: Address,
    /// Upper-layer protocol number after all IPv6 extension headers and IPv4 authentication headers.
    pub protocol: u8,
    /// The IP header's own protocol or next-header field, before extension headers: 51 for an
    /// authentication header, 0 for hop-by-hop options.
    pub first_protocol: u8,
    /// TCP, UDP (and SCTP, DCCP) source port.
    pub source_port: u16,
    /// TCP, UDP (and SCTP, DCCP) destination port.
    pub destination_port: u16,
    /// TCP flags.
    pub tcp_flags: TcpFlags,
    /// ICMP or ICMPv6 type.
    pub icmp_type: u8,
    /// ICMP or ICMPv6 code.
    pub icmp_code: u8,
    /// Time to live or hop limit.
    pub hop_limit: u8,
    /// Which fragment this is.
    pub fragment: Fragment,
    /// Length in bytes of the IP datagram as its header says (IPv6: 40 + payload length); the captured
    /// length stands in for an IPv4 total length of 0 (segmentation offload) and for jumbograms.
    pub ip_length_bytes: u32,
    /// Bytes of the datagram that the capture left out, as its IP header says.
    pub missing_bytes: u32,
    /// TCP sequence number.
    pub sequence: u32,
    /// TCP window as it stands in the header, not yet shifted.
    pub window: u16,
    /// TCP options, as far as they were captured.
    pub tcp_options: &'a [u8],
    /// What the payload looks like (UDP only; unknown for a later fragment).
    pub payload_kind: Payload,
    /// The transport payload, as far as it was captured. What follows the 8 bytes of an ICMP or ICMPv6
    /// header; what follows the IP headers for later fragments and for protocols without ports.
    pub payload: &'a [u8],
}

/// Options looked at for one: a header has room for no more (RFC 9293 section 3.1).
const MAX_TCP_OPTIONS: usize = 40;
/// A shift above this is taken for this (RFC 7323 section 2.3).
const MAX_WINDOW_SHIFT: u8 = 14;

impl Packet<'_> {
    /// Bytes of transport payload that were sent, captured or not.
    #[inline]
    pub const fn payload_length_bytes(&self) -> u32 {
        (self.payload.len() as u32).saturating_add(self.missing_bytes)
    }

    /// The shift of the sender's windows that its SYN announces (RFC 7323 section 2.2); `None` without the option.
    pub fn window_shift(&self) -> Option<u8> {
        let mut rest = self.tcp_options;
        for _ in 0..MAX_TCP_OPTIONS {
            rest = match rest {
                [3, 3, shift, ..] => return Some((*shift).min(MAX_WINDOW_SHIFT)),
                [0, ..] | [] => return None,
                [1, after @ ..] => after,
                [_, length @ 2..=255, ..] => rest.get(usize::from(*length)..)?,
                _ => return None,
            };
        }
        None
    }
}

/// The packet of a frame, and the packet inside that one if it is a tunnel.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Decoded<'a> {
    /// The packet that was on the link.
    pub outer: Packet<'a>,
    /// The packet inside a tunnel; present exactly if `tunnel` is.
    pub inner: Option<Packet<'a>>,
    /// VLAN identifier of the outermost tag; 0 without one. Tags inside tunnels and pseudowires do not count.
    pub vlan: u16,
    /// How `inner` was carried.
    pub tunnel: Option<Tunnel>,
}

/// Why a frame gave no packet.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, thiserror::Error)]
#[repr(u8)]
pub enum Skip {
    /// The frame carries something else: ARP, LLDP, spanning tree, a link protocol.
    #[error("not an IP packet")]
    NotIp,
    /// The capture ends before the addresses.
    #[error("cut off before the end of the IP header")]
    Truncated,
    /// A header length or total length contradicts itself.
    #[error("contradictory header length")]
    BadLength,
    /// The link type is not one of [`LinkType`]'s.
    #[error("unknown link type")]
    UnknownLink,
    /// More VLAN tags or MPLS labels than [`MAX_VLAN_TAGS`] or [`MAX_MPLS_LABELS`].
    #[error("too many tags or labels")]
    TooDeep,
}

impl Skip {
    /// Every reason, in the order of [`Skip::index`].
    pub const ALL: [Self; 5] =
        [Self::NotIp, Self::Truncated, Self::BadLength, Self::UnknownLink, Self::TooDeep];

    /// Position in [`Skip::ALL`], for arrays of counters.
    #[inline]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Name for counters, in lower case with underscores.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotIp => "not_ip",
            Self::Truncated => "truncated",
            Self::BadLength => "bad_length",
            Self::UnknownLink => "unknown_link",
            Self::TooDeep => "too_deep",
        }
    }
}

/// Finds the IP packet of a frame and reads its headers.
///
/// `frame` is what was captured, which may be less than what was on the link.
///
/// # Errors
/// [`Skip`] if there is no usable IP header. Everything after the addresses may be missing or malformed: the
/// fields concerned are then zero.
#[inline]
pub fn decode(link: LinkType, frame: &[u8]) -> Result<Decoded<'_>, Skip> {
    let mut decoded = Decoded::default();
    decode_into(link, frame, &mut decoded)?;
    Ok(decoded)
}

/// As [`decode`], into a place that is [`Decoded::default`]: 300 bytes need not be moved then.
///
/// # Errors
/// As [`decode`]; what is in the place then is no packet.
#[inline]
pub fn decode_into<'a>(link: LinkType, frame: &'a [u8], decoded: &mut Decoded<'a>) -> Result<(), Skip> {
    let (vlan, bytes) = link::network_layer(link, frame)?;
    decoded.vlan = vlan;
    ip::decode(&mut decoded.outer, bytes)?;
    if tunnel::may_be(&decoded.outer) {
        decoded.find_inner();
    }
    Ok(())
}

impl Decoded<'_> {
    #[cold]
    fn find_inner(&mut self) {
        if let Some((tunnel, packet)) = tunnel::inner(&self.outer) {
            (self.tunnel, self.inner) = (Some(tunnel), Some(packet));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shift_is_found_behind_other_options_and_never_beyond_the_end() {
        let shift = |tcp_options| Packet { tcp_options, ..Packet::default() }.window_shift();
        assert_eq!(shift(&[2, 4, 5, 180, 1, 3, 3, 7]), Some(7));
        assert_eq!(shift(&[3, 3, 200]), Some(14), "more than there can be");
        assert_eq!(shift(&[0, 3, 3, 7]), None, "behind the end");
        assert_eq!((shift(&[2, 0, 3, 3, 7]), shift(&[2, 40]), shift(&[3, 3])), (None, None, None));
        assert_eq!(shift(&[1; 60]), None);
    }

    #[test]
    fn what_the_capture_left_out_of_the_payload_is_known() {
        let mut frame = vec![0x45, 0, 1, 0, 0, 0, 0, 0, 64, 6, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2];
        frame.extend([0, 80, 1, 187, 0, 0, 1, 0, 0, 0, 0, 0, 0x60, 0x10, 0x12, 0x34, 0, 0, 0, 0, 1, 3, 3, 9]);
        frame.extend([b'x'; 5]);
        for captured in 44..frame.len() {
            let Ok(decoded) = decode(LinkType::RAW, &frame[..captured]) else { continue };
            let packet = decoded.outer;
            assert_eq!((packet.payload_length_bytes(), packet.window, packet.sequence), (212, 0x1234, 256));
            assert_eq!(packet.window_shift(), Some(9));
        }
        let cut = decode(LinkType::RAW, &frame[..42]).map(|decoded| decoded.outer.payload_length_bytes());
        assert_eq!(cut, Ok(212), "within the options");
    }
}
