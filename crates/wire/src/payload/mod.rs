//! What a transport payload looks like, read from its first bytes.
//!
//! Reflected traffic does not always come from the reflecting service's usual port (the SSDP flood of the
//! evaluation set comes from port 32773), so the port alone neither proves nor excludes a service. [`classify`]
//! therefore looks at the bytes first of all. A port only decides how much the bytes have to prove: at the
//! service's own port its header is enough; elsewhere there has to be so much structure that less than one
//! random payload in a thousand is named (tested).
//!
//! Limits: only the payload of one datagram is looked at, of long texts only the beginning. Payloads may be
//! cut off by the capture; where a length is compared with the payload's, a cut one is not recognised away
//! from its usual port. RTP has too little structure to be told from random bytes; RTCP is recognised.

mod binary;
mod names;
mod text;

use Role::{Request, Response};

/// A service that is known to reflect or to be flooded, as recognised from payload bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
#[repr(u8)]
pub enum Service {
    /// Not looked at, too short, or none of the others.
    #[default]
    Unknown,
    /// DNS over UDP (RFC 1035).
    Dns,
    /// NTP in any mode (RFC 5905; modes 6 and 7 of the reference implementation).
    Ntp,
    /// SSDP/UPnP discovery.
    Ssdp,
    /// Connectionless LDAP (MS-ADTS section 6.3.3).
    Cldap,
    /// Memcached's UDP framing.
    Memcached,
    /// Character generator (RFC 864).
    Chargen,
    /// SNMP (RFC 1157, RFC 3416).
    Snmp,
    /// ONC RPC port mapper (RFC 1833).
    Portmap,
    /// TFTP (RFC 1350).
    Tftp,
    /// NetBIOS name service (RFC 1002).
    Netbios,
    /// Multicast DNS answered over unicast (RFC 6762).
    Mdns,
    /// WS-Discovery.
    WsDiscovery,
    /// CoAP (RFC 7252).
    Coap,
    /// Apple Remote Management Service, port 3283.
    Arms,
    /// STUN (RFC 8489).
    Stun,
    /// SIP (RFC 3261).
    Sip,
    /// Quote of the day (RFC 865).
    Qotd,
    /// RIP version 1 or 2 (RFC 1058, RFC 2453).
    Rip,
    /// Microsoft SQL Server resolution service (MS-SQLR).
    Mssql,
    /// Valve's A2S server queries.
    Steam,
    /// Ubiquiti discovery, port 10001.
    Ubiquiti,
    /// OpenVPN over UDP.
    Openvpn,
    /// DTLS (RFC 9147).
    Dtls,
    /// L2TP (RFC 2661, RFC 3931).
    L2tp,
    /// QUIC (RFC 9000).
    Quic,
    /// IKE and its NAT traversal (RFC 7296).
    Ike,
    /// BACnet/IP.
    Bacnet,
    /// Digital video recorders answering on port 37810.
    Dvr,
    /// Service Location Protocol (RFC 2608).
    Slp,
    /// RTP or RTCP media (RFC 3550).
    Rtp,
}

/// Which side of an exchange a payload looks like.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
#[repr(u8)]
pub enum Role {
    /// Cannot be told from the bytes.
    #[default]
    Unknown,
    /// Asks.
    Request,
    /// Answers.
    Response,
}

/// What the first bytes of a payload say.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Payload {
    /// The service whose format the bytes have.
    pub service: Service,
    /// The side of the exchange.
    pub role: Role,
}

impl Payload {
    const UNKNOWN: Self = Self { service: Service::Unknown, role: Role::Unknown };

    #[inline]
    const fn new(service: Service, role: Role) -> Self {
        Self { service, role }
    }
}

/// The ports of a datagram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Ports {
    source: u16,
    destination: u16,
}

impl Ports {
    #[inline]
    fn has(self, port: u16) -> bool {
        self.source == port || self.destination == port
    }

    /// Who speaks, if `port` is the server's.
    #[inline]
    fn role(self, port: u16) -> Role {
        match (self.source == port, self.destination == port) {
            (true, false) => Response,
            (false, true) => Request,
            _ => Role::Unknown,
        }
    }
}

/// A big-endian number of two bytes; 0 if they are not there.
#[inline]
fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u16::from_be_bytes(*bytes))
}

/// A big-endian number of four bytes; 0 if they are not there.
#[inline]
fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u32::from_be_bytes(*bytes))
}

/// Names the service that the bytes of a UDP payload belong to, and the side of the exchange. `payload` is
/// what was captured of the datagram's payload, or of its first fragment's.
#[inline]
pub fn classify(source_port: u16, destination_port: u16, payload: &[u8]) -> Payload {
    if payload.is_empty() {
        return Payload::UNKNOWN;
    }
    let ports = Ports { source: source_port, destination: destination_port };
    by_port(ports, source_port, payload)
        .or_else(|| by_port(ports, destination_port, payload))
        .or_else(|| by_bytes(ports, payload))
        .unwrap_or(Payload::UNKNOWN)
}

/// What the bytes may be at this port, where they have to prove less than elsewhere.
#[inline]
fn by_port(ports: Ports, port: u16, payload: &[u8]) -> Option<Payload> {
    match port {
        17 => text::qotd(ports, payload),
        19 => text::chargen_at_port(ports, payload),
        53 | 5355 => names::dns_at_port(payload, Service::Dns),
        69 => binary::tftp_at_port(payload),
        111 => binary::portmap_at_port(payload),
        123 => binary::ntp_at_port(payload),
        137 => names::netbios_at_port(payload),
        161 => binary::snmp(ports, payload),
        389 => binary::cldap(payload),
        427 => binary::slp_at_port(payload),
        443 => binary::quic(ports, payload).or_else(|| binary::dtls(payload)),
        500 | 4500 => binary::ike(ports, payload),
        520 => binary::rip_at_port(payload),
        1194 => binary::openvpn_at_port(payload),
        1434 => binary::mssql_at_port(ports, payload),
        1701 => binary::l2tp_at_port(payload),
        1900 => text::ssdp(payload),
        3283 => binary::arms_at_port(ports, payload),
        3702 => text::ws_discovery_at_port(ports, payload),
        5060 => text::sip(payload),
        5353 => names::dns_at_port(payload, Service::Mdns),
        5683 => binary::coap_at_port(payload),
        10001 => binary::ubiquiti_at_port(ports, payload),
        11211 => text::memcached_at_port(ports, payload),
        27000..=27050 => binary::steam_at_port(payload),
        37810 => text::dvr_at_port(ports, payload),
        47808 => binary::bacnet(payload),
        _ => None,
    }
}

/// What the bytes are by themselves.
#[inline]
fn by_bytes(ports: Ports, payload: &[u8]) -> Option<Payload> {
    let head = payload.first_chunk::<8>()?;
    let by_first_byte = match head[0] {
        0x00 | 0x01 => binary::stun(payload)
            .or_else(|| binary::tftp(payload))
            .or_else(|| binary::arms(payload))
            .or_else(|| binary::ubiquiti(payload)),
        0x02 => binary::slp(payload).or_else(|| binary::ubiquiti(payload)).or_else(|| binary::rip(payload)),
        0x05 => binary::mssql(payload),
        0x14..=0x19 => binary::dtls(payload),
        0x30 => binary::cldap(payload).or_else(|| binary::snmp(ports, payload)),
        0x38 => binary::openvpn(payload),
        0x40..=0x7f => binary::openvpn(payload).or_else(|| binary::coap(payload)),
        0x81 => binary::rtcp(payload).or_else(|| binary::bacnet(payload)),
        0x80..=0xbf => binary::rtcp(payload),
        0xc8 => binary::l2tp(payload),
        0xff => binary::steam(payload),
        _ => None,
    };
    let by_text = || match head[0] {
        b' '..=b'~' => text::any_port(payload),
        _ => None,
    };
    by_first_byte.or_else(by_text).or_else(|| by_structure(ports, payload))
}

/// Formats whose first bytes may be anything.
#[inline]
fn by_structure(ports: Ports, payload: &[u8]) -> Option<Payload> {
    names::netbios(payload)
        .or_else(|| names::dns(payload))
        .or_else(|| binary::ntp(payload))
        .or_else(|| binary::quic(ports, payload))
        .or_else(|| binary::ike(ports, payload))
        .or_else(|| binary::portmap(payload))
        .or_else(|| text::memcached(payload))
}
