//! A captured frame to its headers.

use crate::{Address, payload::Payload};

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
    /// What the payload looks like (UDP only).
    pub payload_kind: Payload,
    /// The transport payload, as far as it was captured.
    pub payload: &'a [u8],
}
