//! The floors that hold before anything is learnt, per vector, with the reason for each.
//!
//! A floor is not a volume above which everything is an attack: it is the rate of *unwanted* packets (nobody
//! asked for them, nobody answered them, no handshake was completed by them) that an ordinary target does
//! not reach, and `alarm_packets` is how many above it make the alarm. The test is a one-sided cumulative sum
//! (Page 1954): an excess of `x` packets a second alarms after `alarm_packets / x` seconds, so that ten
//! thousand a second alarm within the first 100 ms and a few dozen take some seconds.
//!
//! Two columns: `judged` holds where the target is seen to send, so that "nobody asked" is knowledge; `blind`
//! holds where only packets towards the target are visible (a one-way mirror, a dark address), which makes a
//! busy client and a victim look more alike. There a packet that goes on with a conversation counts a part of
//! one that begins it (`unseen_weight`), since conversations have many packets and floods one, floors are
//! higher, or many sources are asked for.

use wire::{Fragment, Role};

use crate::Observation;
use crate::event::TargetKind;
use crate::vector::{VECTOR_COUNT, Vector};

/// When the cumulative sum of one vector raises an alarm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Floor {
    /// Unwanted packets a second that are ordinary.
    pub packets_per_second: f32,
    /// Packets above the floor that raise the alarm.
    pub alarm_packets: f32,
    /// At least this many sources, unless the rate is [`FEW_SOURCES_FACTOR`] times the floor.
    pub minimum_sources: f32,
}

/// Both columns of one vector.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    /// The target is seen to send.
    pub judged: Floor,
    /// The target was never seen to send.
    pub blind: Floor,
    /// Packets a second of this kind, wanted or not, above which the whole is looked at.
    pub volume_packets_per_second: f32,
    /// Of those, only the ones that begin a conversation.
    pub volume_is_of_conversations: bool,
}

/// A rate of this many floors needs no number of sources.
pub const FEW_SOURCES_FACTOR: f32 = 10.0;
/// With sampling, an alarm needs the weight of this many sampled packets above the floor, since a single
/// sampled packet stands for as many as the sampling rate says.
pub const MINIMUM_SAMPLES: f32 = 30.0;
/// How many times the floors of an address a target of this kind has.
pub const fn factor_of(kind: TargetKind) -> f32 {
    match kind {
        TargetKind::Address => 1.0,
        TargetKind::Service => 1.25,
        TargetKind::Group => 2.0,
        TargetKind::Prefix => 4.0,
    }
}

const NONE: f32 = f32::INFINITY;

const fn floor(packets_per_second: f32, alarm_packets: f32, minimum_sources: f32) -> Floor {
    Floor { packets_per_second, alarm_packets, minimum_sources }
}

const fn rule(judged: Floor, blind: Floor, volume_packets_per_second: f32) -> Rule {
    Rule { judged, blind, volume_packets_per_second, volume_is_of_conversations: false }
}

const fn of_conversations(rule: Rule) -> Rule {
    Rule { volume_is_of_conversations: true, ..rule }
}

/// The rule of a vector.
pub const fn of(vector: Vector) -> Rule {
    match vector {
        // Resolvers, time clients, telephones and VPN peers get such answers all day: where questions cannot
        // be seen, small ones count less (`weight`) and many reflectors at once are asked for.
        Vector::DnsAmplification => rule(floor(50.0, 150.0, 0.0), floor(100.0, 150.0, 30.0), NONE),
        Vector::NtpAmplification => rule(floor(20.0, 100.0, 0.0), floor(60.0, 150.0, 12.0), NONE),
        Vector::StunAmplification
        | Vector::SipAmplification
        | Vector::DtlsAmplification
        | Vector::OpenvpnAmplification
        | Vector::L2tpAmplification
        | Vector::SteamAmplification => rule(floor(50.0, 150.0, 8.0), floor(400.0, 300.0, 40.0), NONE),
        // No host of an institution gets answers of these from other networks in an ordinary day.
        Vector::SsdpAmplification
        | Vector::CldapAmplification
        | Vector::MemcachedAmplification
        | Vector::ChargenAmplification
        | Vector::SnmpAmplification
        | Vector::PortmapAmplification
        | Vector::TftpAmplification
        | Vector::NetbiosAmplification
        | Vector::MdnsAmplification
        | Vector::WsDiscoveryAmplification
        | Vector::CoapAmplification
        | Vector::ArmsAmplification
        | Vector::QotdAmplification
        | Vector::RipAmplification
        | Vector::MssqlAmplification
        | Vector::UbiquitiAmplification => rule(floor(20.0, 80.0, 4.0), floor(20.0, 100.0, 8.0), NONE),
        // The service is not named: the many sources with one port are the sign.
        Vector::UdpAmplification => rule(floor(80.0, 200.0, 12.0), floor(200.0, 300.0, 20.0), NONE),
        // Counted as SYN-ACK and RST; the name is given when the sources are looked at.
        Vector::TcpReflection | Vector::SynAckFlood => {
            rule(floor(50.0, 200.0, 0.0), floor(200.0, 300.0, 20.0), NONE)
        }
        // Log senders and contribution streams are one-way UDP too, of some hundred packets a second.
        // A host that begins some hundred conversations a second with another one's UDP service, each from a
        // port of its own, floods it even where the service answers.
        Vector::UdpFlood => of_conversations(rule(floor(150.0, 400.0, 0.0), floor(150.0, 400.0, 0.0), 300.0)),
        Vector::QuicFlood => {
            of_conversations(rule(floor(150.0, 400.0, 0.0), floor(150.0, 400.0, 30.0), 300.0))
        }
        // Answered questions are looked at from 150 a second on: for names that are made up, see `confirm`.
        Vector::DnsQueryFlood => rule(floor(300.0, 500.0, 0.0), floor(3_000.0, 2_000.0, 0.0), 150.0),
        // Monitoring pings some tens of times a second, path discovery less.
        Vector::IcmpFlood => rule(floor(200.0, 300.0, 0.0), floor(200.0, 300.0, 0.0), NONE),
        // A tunnel has one peer or a few and both sides speak.
        Vector::GreFlood | Vector::EspFlood => {
            rule(floor(100.0, 300.0, 0.0), floor(100.0, 300.0, 12.0), NONE)
        }
        // Routing protocols and multicast membership: a few packets a second.
        Vector::IpProtocolFlood => rule(floor(100.0, 300.0, 0.0), floor(150.0, 300.0, 0.0), NONE),
        // Only what lacks a first fragment is counted here.
        Vector::FragmentFlood => rule(floor(50.0, 150.0, 0.0), floor(50.0, 150.0, 0.0), NONE),
        // Handshakes that nobody completed. Weak floods are behaviour of a long time: see `confirm`.
        Vector::SynFlood => rule(floor(10.0, 250.0, 0.0), floor(40.0, 300.0, 0.0), NONE),
        Vector::AckFlood => rule(floor(100.0, 400.0, 0.0), floor(200.0, 500.0, 0.0), NONE),
        Vector::RstFlood => rule(floor(100.0, 300.0, 0.0), floor(150.0, 400.0, 0.0), NONE),
        Vector::FinFlood => rule(floor(100.0, 300.0, 0.0), floor(150.0, 400.0, 0.0), NONE),
        // No stack sends these; scanners do, at some hundred a second.
        Vector::TcpFlagFlood => rule(floor(100.0, 400.0, 0.0), floor(100.0, 400.0, 0.0), NONE),
        // Opened and then nothing was asked for.
        Vector::ConnectionFlood => rule(floor(30.0, 200.0, 0.0), floor(60.0, 400.0, 0.0), NONE),
        Vector::TlsHandshakeFlood => rule(floor(50.0, 300.0, 0.0), floor(100.0, 500.0, 0.0), NONE),
        // Of the web layer: no packet is of these kinds.
        Vector::HttpFlood
        | Vector::SlowHttp
        | Vector::Http2RapidReset
        | Vector::HttpCacheBypass
        | Vector::LoginFlood => rule(floor(NONE, NONE, 0.0), floor(NONE, NONE, 0.0), NONE),
    }
}

/// Kinds of which ordinary hosts may always get many, so that blind counting cannot tell. SYNs that nothing follows are
/// none of them.
pub(crate) const fn is_seen_in_ordinary_days(vector: Vector) -> bool {
    matches!(
        vector,
        Vector::UdpFlood
            | Vector::QuicFlood
            | Vector::DnsQueryFlood
            | Vector::GreFlood
            | Vector::EspFlood
            | Vector::IpProtocolFlood
            | Vector::AckFlood
    )
}

/// [`of`] as a table, since the detector asks for it for every active vector of every step.
pub(crate) static RULES: [Rule; VECTOR_COUNT] = {
    let mut rules = [of(Vector::DnsAmplification); VECTOR_COUNT];
    let mut index = 0;
    while index < VECTOR_COUNT {
        rules[index] = of(Vector::ALL[index]);
        index += 1;
    }
    rules
};

/// The column of a rule.
#[inline]
pub(crate) const fn side(rule: &Rule, blind: bool) -> Floor {
    if blind { rule.blind } else { rule.judged }
}

/// How much a packet counts towards a target that is not seen to send, 0 to 1.
#[inline]
pub(crate) fn unseen_weight(observation: &Observation, vector: Vector, begins: bool) -> f32 {
    const LARGE_ANSWER_BYTES: u64 = 512;
    const TIME_ANSWER_BYTES: u64 = 200;
    let mean_bytes = || observation.bytes / observation.packets.max(1);
    match vector {
        // With sampling hardly two packets of a connection are seen: each would seem to begin one. Of ends of connections the
        // segments before them say how many there may be (`sampled`).
        Vector::AckFlood => f32::from(u8::from(begins && observation.sampling == 1)),
        Vector::RstFlood | Vector::FinFlood => f32::from(u8::from(begins)),
        // The port of QUIC: a download, seen from the side of its client.
        Vector::UdpFlood if observation.source_port == 443 => 0.005,
        // A well-formed question to a service, of time or of a call, may be its only packet.
        Vector::UdpFlood if observation.payload_kind.role == Role::Request => 0.05,
        Vector::UdpFlood | Vector::QuicFlood if !begins => 0.05,
        Vector::GreFlood | Vector::EspFlood if !begins => 0.01,
        Vector::DnsAmplification
            if observation.fragment == Fragment::None && mean_bytes() < LARGE_ANSWER_BYTES =>
        {
            0.25
        }
        Vector::NtpAmplification if mean_bytes() < TIME_ANSWER_BYTES => 0.1,
        _ => 1.0,
    }
}
