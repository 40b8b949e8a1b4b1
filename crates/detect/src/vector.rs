//! The names of floods, and the kind that a single packet or flow record has.
//!
//! Every packet towards a target is of exactly one kind, and each kind is the raw material of one vector:
//! a SYN of `syn_flood`, an answer that looks like SSDP of `ssdp_amplification`. What a packet is does not say
//! that it is unwanted; that is judged by [`crate::conversation`] and by rate.

use serde::{Serialize, Serializer};
use wire::{Fragment, Role, Service, TcpFlags};

use crate::Observation;

macro_rules! vectors {
    ($($variant:ident $name:literal),+ $(,)?) => {
        /// A vector name of the event contract.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        #[repr(u8)]
        #[allow(missing_docs, reason = "the names are the contract's; `name` prints them")]
        pub enum Vector { $($variant),+ }

        impl Vector {
            /// Every vector, in the order of their indexes.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name in events, for example `syn_flood`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }
    };
}

vectors! {
    DnsAmplification "dns_amplification",
    NtpAmplification "ntp_amplification",
    SsdpAmplification "ssdp_amplification",
    CldapAmplification "cldap_amplification",
    MemcachedAmplification "memcached_amplification",
    ChargenAmplification "chargen_amplification",
    SnmpAmplification "snmp_amplification",
    PortmapAmplification "portmap_amplification",
    TftpAmplification "tftp_amplification",
    NetbiosAmplification "netbios_amplification",
    MdnsAmplification "mdns_amplification",
    WsDiscoveryAmplification "ws_discovery_amplification",
    CoapAmplification "coap_amplification",
    ArmsAmplification "arms_amplification",
    StunAmplification "stun_amplification",
    SipAmplification "sip_amplification",
    QotdAmplification "qotd_amplification",
    RipAmplification "rip_amplification",
    MssqlAmplification "mssql_amplification",
    SteamAmplification "steam_amplification",
    UbiquitiAmplification "ubiquiti_amplification",
    OpenvpnAmplification "openvpn_amplification",
    DtlsAmplification "dtls_amplification",
    L2tpAmplification "l2tp_amplification",
    UdpAmplification "udp_amplification",
    TcpReflection "tcp_reflection",
    UdpFlood "udp_flood",
    IcmpFlood "icmp_flood",
    GreFlood "gre_flood",
    EspFlood "esp_flood",
    IpProtocolFlood "ip_protocol_flood",
    FragmentFlood "fragment_flood",
    SynFlood "syn_flood",
    SynAckFlood "syn_ack_flood",
    AckFlood "ack_flood",
    RstFlood "rst_flood",
    FinFlood "fin_flood",
    TcpFlagFlood "tcp_flag_flood",
    ConnectionFlood "connection_flood",
    TlsHandshakeFlood "tls_handshake_flood",
    QuicFlood "quic_flood",
    DnsQueryFlood "dns_query_flood",
    HttpFlood "http_flood",
    SlowHttp "slow_http",
    Http2RapidReset "http2_rapid_reset",
    HttpCacheBypass "http_cache_bypass",
    LoginFlood "login_flood",
}

/// How many vectors single packets and flow records can show ([`Vector::of_packets`]): the length of every per-vector
/// table of the network layer. Those of the web layer ([`crate::web`]) come after them.
pub const VECTOR_COUNT: usize = Vector::DnsQueryFlood as usize + 1;

/// IP protocol numbers that have a rule of their own.
pub(crate) mod protocol {
    pub(crate) const ICMP: u8 = 1;
    pub(crate) const TCP: u8 = 6;
    pub(crate) const UDP: u8 = 17;
    pub(crate) const GRE: u8 = 47;
    pub(crate) const ESP: u8 = 50;
    pub(crate) const AH: u8 = 51;
    pub(crate) const ICMPV6: u8 = 58;
    pub(crate) const UDP_LITE: u8 = 136;
}

impl Vector {
    /// The index into per-vector tables.
    #[inline]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The vectors that single packets and flow records can show, in the order of their indexes.
    pub const fn of_packets() -> &'static [Self] {
        Self::ALL.split_at(VECTOR_COUNT).0
    }

    /// Whether the flood is made of answers of third parties to forged questions.
    pub const fn is_reflection(self) -> bool {
        (self as u8) <= Self::TcpReflection as u8
    }

    /// Whether the reflecting service is one between peers, where the first word may look like an answer: what
    /// the target answers is wanted then.
    pub const fn is_between_peers(self) -> bool {
        matches!(
            self,
            Self::NtpAmplification
                | Self::StunAmplification
                | Self::SipAmplification
                | Self::SteamAmplification
                | Self::OpenvpnAmplification
                | Self::DtlsAmplification
                | Self::L2tpAmplification
                | Self::CoapAmplification
                | Self::UdpAmplification
        )
    }

    /// The vector that a reflecting service's answers make. `None`: the service is not known to reflect.
    pub const fn of_service(service: Service) -> Option<Self> {
        Some(match service {
            Service::Dns => Self::DnsAmplification,
            Service::Ntp => Self::NtpAmplification,
            Service::Ssdp => Self::SsdpAmplification,
            Service::Cldap => Self::CldapAmplification,
            Service::Memcached => Self::MemcachedAmplification,
            Service::Chargen => Self::ChargenAmplification,
            Service::Snmp => Self::SnmpAmplification,
            Service::Portmap => Self::PortmapAmplification,
            Service::Tftp => Self::TftpAmplification,
            Service::Netbios => Self::NetbiosAmplification,
            Service::Mdns => Self::MdnsAmplification,
            Service::WsDiscovery => Self::WsDiscoveryAmplification,
            Service::Coap => Self::CoapAmplification,
            Service::Arms => Self::ArmsAmplification,
            Service::Stun => Self::StunAmplification,
            Service::Sip => Self::SipAmplification,
            Service::Qotd => Self::QotdAmplification,
            Service::Rip => Self::RipAmplification,
            Service::Mssql => Self::MssqlAmplification,
            Service::Steam => Self::SteamAmplification,
            Service::Ubiquiti => Self::UbiquitiAmplification,
            Service::Openvpn => Self::OpenvpnAmplification,
            Service::Dtls => Self::DtlsAmplification,
            Service::L2tp => Self::L2tpAmplification,
            Service::Ike | Service::Bacnet | Service::Dvr | Service::Slp => Self::UdpAmplification,
            Service::Unknown | Service::Quic | Service::Rtp => return None,
        })
    }

    /// The vector that answers from a usual port of a reflecting service make (US-CERT TA14-017A and the
    /// services' own registrations). `None`: the port is nobody's in particular.
    pub const fn of_source_port(port: u16) -> Option<Self> {
        Some(match port {
            53 => Self::DnsAmplification,
            123 => Self::NtpAmplification,
            1900 => Self::SsdpAmplification,
            389 => Self::CldapAmplification,
            11_211 => Self::MemcachedAmplification,
            19 => Self::ChargenAmplification,
            161 => Self::SnmpAmplification,
            111 => Self::PortmapAmplification,
            69 => Self::TftpAmplification,
            137 => Self::NetbiosAmplification,
            5353 => Self::MdnsAmplification,
            3702 => Self::WsDiscoveryAmplification,
            5683 => Self::CoapAmplification,
            3283 => Self::ArmsAmplification,
            3478 => Self::StunAmplification,
            5060 => Self::SipAmplification,
            17 => Self::QotdAmplification,
            520 => Self::RipAmplification,
            1434 => Self::MssqlAmplification,
            27_015..=27_020 => Self::SteamAmplification,
            10_001 => Self::UbiquitiAmplification,
            1194 => Self::OpenvpnAmplification,
            1701 => Self::L2tpAmplification,
            427 | 500 | 4500 | 37_810 | 47_808 => Self::UdpAmplification,
            _ => return None,
        })
    }

    /// The kind of one packet or flow record.
    #[inline(always)]
    pub fn of(observation: &Observation) -> Self {
        let names_no_port = observation.source_port | observation.destination_port == 0;
        if observation.fragment == Fragment::Later
            || names_no_port && is_portless(observation.protocol, observation.is_flow())
        {
            return Self::FragmentFlood;
        }
        if observation.first_protocol == protocol::AH {
            return Self::IpProtocolFlood;
        }
        match observation.protocol {
            protocol::TCP => tcp_kind(observation),
            protocol::UDP | protocol::UDP_LITE => udp_kind(observation),
            protocol::ICMP | protocol::ICMPV6 => Self::IcmpFlood,
            protocol::GRE => Self::GreFlood,
            protocol::ESP => Self::EspFlood,
            _ => Self::IpProtocolFlood,
        }
    }
}

impl Serialize for Vector {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// Exporters have no ports for later fragments and write 0 for both: whether a record that names none is of these.
const fn is_portless(protocol: u8, is_flow: bool) -> bool {
    matches!(protocol, protocol::TCP | protocol::UDP) && is_flow
}

/// What the flags of TCP say by themselves.
#[derive(Clone, Copy)]
enum ByFlags {
    /// It is of this kind.
    Is(Vector),
    /// A SYN and its answer and no more: a server's record, or that of a client that opened and sent nothing.
    Opened,
    /// A single packet is a [`Vector::FinFlood`]'s; more are a connection that ended.
    Ended,
}

/// All bits of flags that RFC 793 defines.
const FLAGS: u8 = 0x3f;

/// By flags, for packets and for flow records: the detector asks for every one of them.
static TCP_KINDS: [[ByFlags; FLAGS as usize + 1]; 2] = {
    let mut kinds = [[ByFlags::Opened; FLAGS as usize + 1]; 2];
    let mut flags = 0;
    while flags <= FLAGS {
        kinds[0][flags as usize] = ByFlags::Is(of_packet_flags(TcpFlags(flags)));
        kinds[1][flags as usize] = of_flow_flags(TcpFlags(flags));
        flags += 1;
    }
    kinds
};

/// The kind of a TCP packet by its flags, or of a flow record by the union of its packets' flags.
#[inline]
fn tcp_kind(observation: &Observation) -> Vector {
    let single = observation.flow_packets <= 1;
    let by_flags =
        TCP_KINDS[usize::from(observation.is_flow())][usize::from(observation.tcp_flags.0 & FLAGS)];
    match by_flags {
        ByFlags::Is(vector) => vector,
        // The lower port serves.
        ByFlags::Opened if single || observation.source_port < observation.destination_port => {
            Vector::SynAckFlood
        }
        ByFlags::Ended if single => Vector::FinFlood,
        ByFlags::Opened | ByFlags::Ended => Vector::AckFlood,
    }
}

const fn of_packet_flags(flags: TcpFlags) -> Vector {
    const LOW: u8 = TcpFlags::FIN | TcpFlags::SYN | TcpFlags::RST | TcpFlags::ACK;
    match flags.0 & LOW {
        TcpFlags::ACK => Vector::AckFlood,
        TcpFlags::SYN => Vector::SynFlood,
        0x12 => Vector::SynAckFlood,
        0x04 | 0x14 => Vector::RstFlood,
        0x11 => Vector::FinFlood,
        // FIN alone is what a tool sends; with PSH and URG it is a "Christmas tree".
        TcpFlags::FIN if !flags.has(TcpFlags::PSH | TcpFlags::URG) => Vector::FinFlood,
        _ => Vector::TcpFlagFlood,
    }
}

/// A whole connection shows SYN and ACK and more in one record; a record with no flag at all comes from an exporter
/// that does not send them.
const fn of_flow_flags(flags: TcpFlags) -> ByFlags {
    let (opened, acknowledged) = (flags.has(TcpFlags::SYN), flags.has(TcpFlags::ACK));
    let reset = flags.has(TcpFlags::RST);
    let carried = flags.0 & (TcpFlags::PSH | TcpFlags::FIN) != 0;
    ByFlags::Is(if flags.0 == 0 {
        Vector::AckFlood
    } else if opened && !acknowledged {
        if carried { Vector::TcpFlagFlood } else { Vector::SynFlood }
    } else if opened && !carried {
        return ByFlags::Opened;
    } else if !opened && reset && !carried {
        Vector::RstFlood
    } else if !opened && !acknowledged && !reset {
        // Every segment but the first of a connection acknowledges (RFC 9293 section 3.10.7.4).
        if flags.0 == TcpFlags::FIN { Vector::FinFlood } else { Vector::TcpFlagFlood }
    } else if !opened && flags.has(TcpFlags::FIN) {
        return ByFlags::Ended;
    } else {
        Vector::AckFlood
    })
}

/// The kind of a UDP packet: the payload decides where it speaks, the ports where it does not.
fn udp_kind(observation: &Observation) -> Vector {
    let payload = observation.payload_kind;
    match (payload.service, payload.role) {
        (Service::Unknown | Service::Rtp, _) => {}
        (Service::Quic, _) => {
            return if observation.source_port == 443 { Vector::UdpFlood } else { Vector::QuicFlood };
        }
        (service, Role::Response) => {
            return Vector::of_service(service).unwrap_or(Vector::UdpFlood);
        }
        (Service::Dns, Role::Request) => return Vector::DnsQueryFlood,
        (_, Role::Request) => return Vector::UdpFlood,
        (service, Role::Unknown) => {
            if let Some(vector) = Vector::of_service(service)
                && Vector::of_source_port(observation.source_port) == Some(vector)
            {
                return vector;
            }
        }
    }
    udp_kind_by_port(observation)
}

/// Flow records and unreadable payloads have only ports and sizes.
fn udp_kind_by_port(observation: &Observation) -> Vector {
    /// Questions of NTP, DNS and IKE peers that use the service's port on both sides are shorter than this.
    const QUESTION_MAXIMUM_BYTES: u64 = 200;
    let mean_bytes = observation.bytes / observation.packets.max(1);
    let peers = observation.source_port == observation.destination_port;
    if let Some(vector) = Vector::of_source_port(observation.source_port)
        && !(peers && mean_bytes <= QUESTION_MAXIMUM_BYTES)
    {
        return vector;
    }
    match observation.destination_port {
        53 => Vector::DnsQueryFlood,
        443 => Vector::QuicFlood,
        _ => Vector::UdpFlood,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::Payload;

    fn kind(edit: impl FnOnce(&mut Observation)) -> Vector {
        let mut observation = Observation::default();
        edit(&mut observation);
        Vector::of(&observation)
    }

    fn tcp(flags: u8) -> Vector {
        kind(|o| {
            o.protocol = protocol::TCP;
            o.tcp_flags = TcpFlags(flags);
        })
    }

    #[test]
    fn tcp_packets_are_told_apart_by_their_flags() {
        assert_eq!(tcp(0x02), Vector::SynFlood);
        assert_eq!(tcp(0xc2), Vector::SynFlood, "SYN with ECN set-up (RFC 3168)");
        assert_eq!(tcp(0x12), Vector::SynAckFlood);
        assert_eq!(tcp(0x10), Vector::AckFlood);
        assert_eq!(tcp(0x18), Vector::AckFlood);
        assert_eq!(tcp(0x04), Vector::RstFlood);
        assert_eq!(tcp(0x14), Vector::RstFlood);
        assert_eq!(tcp(0x11), Vector::FinFlood);
        assert_eq!(tcp(0x01), Vector::FinFlood);
        assert_eq!(tcp(0x29), Vector::TcpFlagFlood, "Christmas tree");
        assert_eq!(tcp(0x00), Vector::TcpFlagFlood, "null");
        assert_eq!(tcp(0x03), Vector::TcpFlagFlood, "SYN and FIN");
        assert_eq!(tcp(0x06), Vector::TcpFlagFlood, "SYN and RST");
    }

    #[test]
    fn the_payload_decides_before_the_port() {
        let ssdp = Payload { service: Service::Ssdp, role: Role::Response };
        let udp = |source_port, destination_port, payload_kind| {
            kind(|o| {
                o.protocol = protocol::UDP;
                o.source_port = source_port;
                o.destination_port = destination_port;
                o.payload_kind = payload_kind;
            })
        };
        assert_eq!(udp(32_773, 80, ssdp), Vector::SsdpAmplification);
        assert_eq!(udp(1900, 80, Payload::default()), Vector::SsdpAmplification);
        let query = Payload { service: Service::Dns, role: Role::Request };
        assert_eq!(udp(53, 53, query), Vector::DnsQueryFlood);
        assert_eq!(udp(40_000, 9955, Payload::default()), Vector::UdpFlood);
        assert_eq!(udp(123, 123, Payload::default()), Vector::UdpFlood, "an NTP peer's question");
    }

    #[test]
    fn every_name_of_the_table_is_unique() {
        let mut names: Vec<_> = Vector::ALL.iter().map(|vector| vector.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Vector::ALL.len());
    }
}
