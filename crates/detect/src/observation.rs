//! What the detector is given: one shape for packets, sampled packets and flow records.

use wire::packet::{LinkType, decode};
use wire::{Address, FlowRecord, Fragment, Packet, Payload, TcpFlags, Time};

use crate::vector::protocol;

/// No IP packet has fewer bytes: a header of IPv4 (RFC 791 section 3.1).
const LEAST_PACKET_BYTES: u64 = 20;
/// No record comes longer after its last packet: exporters cut flows off at half an hour, some after the hour.
const LONGEST_WAIT_NANOSECONDS: i64 = 3_600_000_000_000;

/// Whether the bytes of a flow record are enough for its packets, if it says how many those are.
#[inline]
pub const fn are_bytes_enough(packets: u64, bytes: u64) -> bool {
    match packets.checked_mul(LEAST_PACKET_BYTES) {
        Some(least) => least <= bytes || bytes == 0,
        None => bytes == 0,
    }
}

/// How many packets a flow record can mean: at least one, and no more than its bytes are enough for, if it says how
/// many those are. Exporters that count bytes of payload only (Cisco ASA) are meant as well as those that lie.
#[inline]
pub const fn possible_packets(packets: u64, bytes: u64) -> u64 {
    let packets = if are_bytes_enough(packets, bytes) { packets } else { bytes / LEAST_PACKET_BYTES };
    if packets > 1 { packets } else { 1 }
}

/// One packet, sampled packet or flow record. Counts are corrected for sampling.
///
/// It borrows nothing: what matters of a payload is read when it is made, so that the detector can look at
/// several at once.
#[derive(Clone, Copy, Debug, Default)]
pub struct Observation {
    /// Capture time, or for flow records the time of arrival.
    pub time: Time,
    /// How long the packets of a flow record are spread over, in nanoseconds; 0 for a packet.
    pub duration_nanoseconds: i64,
    /// When the last packet of a flow record was seen; `time` for a packet.
    pub last: Time,
    /// Source address.
    pub source: Address,
    /// Destination address.
    pub destination: Address,
    /// Upper-layer protocol number.
    pub protocol: u8,
    /// The IP header's own protocol number (`protocol` for flow records).
    pub first_protocol: u8,
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// TCP flags, of flow records the union.
    pub tcp_flags: TcpFlags,
    /// ICMP or ICMPv6 type.
    pub icmp_type: u8,
    /// Time to live or hop limit; 0 where a flow record does not say.
    pub hop_limit: u8,
    /// Which fragment.
    pub fragment: Fragment,
    /// Packets, corrected for sampling; at least 1.
    pub packets: u64,
    /// Bytes at the IP layer, corrected for sampling.
    pub bytes: u64,
    /// One packet in this many was looked at; 1 = all.
    pub sampling: u32,
    /// Packets of the flow record before correction; 0 = this is a packet.
    pub flow_packets: u64,
    /// What the payload looks like.
    pub payload_kind: Payload,
    /// Whether the packet carries transport payload that was captured.
    pub carries_payload: bool,
    /// How that payload begins, where TLS is told by it.
    pub opening: Opening,
    /// The first label of the name that a DNS question asks for, folded to a number; 0 = none.
    pub query_name: u64,
    /// Of a DNS answer: whether it says that the name does not exist (RFC 1035 section 4.1.1, code 3).
    pub dns_failure: Option<bool>,
}

/// How the payload of a TCP segment begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Opening {
    /// Anything else, or nothing.
    #[default]
    Other,
    /// A TLS handshake record with a ClientHello (RFC 8446 sections 4 and 5.1).
    ClientHello,
    /// A TLS record of application data.
    ApplicationData,
}

/// What an ICMP error says of the packet that it is about (RFC 792, RFC 4443 section 3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Quoted {
    /// Who sent it.
    pub source: Address,
    /// To whom.
    pub destination: Address,
    /// Upper-layer protocol.
    pub protocol: u8,
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
}

impl Observation {
    /// A captured packet.
    ///
    /// Always inlined, and made in one go: then it is written where it waits, field by field, and nowhere before.
    #[inline(always)]
    pub fn of_packet(time: Time, packet: &Packet<'_>) -> Self {
        let (opening, query_name, dns_failure) =
            if packet.payload.is_empty() { (Opening::Other, 0, None) } else { read_payload(packet) };
        Self {
            time,
            duration_nanoseconds: 0,
            last: time,
            source: packet.source,
            destination: packet.destination,
            protocol: packet.protocol,
            first_protocol: packet.first_protocol,
            source_port: packet.source_port,
            destination_port: packet.destination_port,
            tcp_flags: packet.tcp_flags,
            icmp_type: packet.icmp_type,
            hop_limit: packet.hop_limit,
            fragment: packet.fragment,
            packets: 1,
            bytes: u64::from(packet.ip_length_bytes),
            sampling: 1,
            flow_packets: 0,
            payload_kind: packet.payload_kind,
            carries_payload: !packet.payload.is_empty(),
            opening,
            query_name,
            dns_failure,
        }
    }

    /// A flow record or sampled packet that arrived at `arrival`. `sampling_override` is the operator's word
    /// where the exporter's is missing or wrong; an unknown rate counts as 1, which makes a lower bound.
    #[inline(always)]
    pub fn of_flow(arrival: Time, record: &FlowRecord, sampling_override: Option<u32>) -> Self {
        let sampling = sampling_override.unwrap_or(record.sampling).max(1);
        let last = record.last.unwrap_or(arrival);
        let first = record.first.unwrap_or(last);
        let packets = possible_packets(record.packets, record.bytes);
        // A sampled packet (sFlow) is a packet: it has the flags of one packet and no duration.
        let is_sample = record.packets == 1 && record.first.is_none() && record.sampling > 0;
        Self {
            time: arrival,
            duration_nanoseconds: last.nanoseconds_since(first).max(0),
            last,
            source: record.source,
            destination: record.destination,
            protocol: record.protocol,
            first_protocol: record.protocol,
            source_port: record.source_port,
            destination_port: record.destination_port,
            tcp_flags: record.tcp_flags,
            icmp_type: record.icmp_type,
            hop_limit: 0,
            fragment: record.fragment,
            packets: packets.saturating_mul(u64::from(sampling)),
            bytes: record.bytes.saturating_mul(u64::from(sampling)),
            sampling,
            flow_packets: if is_sample { 0 } else { packets },
            payload_kind: record.payload_kind,
            ..Self::default()
        }
    }

    /// The same with the time of the last packet moved by so much from the exporter's clock to ours. A last packet
    /// after the arrival of its record, or more than an hour before it, is not believed: the arrival stands for it.
    #[inline(always)]
    #[must_use]
    pub const fn by_our_clock(mut self, correction_nanoseconds: i64) -> Self {
        let last = self.last.plus_nanoseconds(correction_nanoseconds);
        let age = self.time.nanoseconds_since(last);
        self.last = if age < 0 || age > LONGEST_WAIT_NANOSECONDS { self.time } else { last };
        self
    }

    /// Whether this is a flow record and not a (possibly sampled) packet.
    #[inline]
    pub const fn is_flow(&self) -> bool {
        self.flow_packets != 0
    }
}

/// What matters of a payload: how TLS begins, the name in a DNS question, whether a DNS answer is a failure.
#[inline]
fn read_payload(packet: &Packet<'_>) -> (Opening, u64, Option<bool>) {
    let payload = packet.payload;
    match packet.protocol {
        protocol::TCP => (opening(payload), 0, None),
        protocol::UDP if packet.destination_port == 53 => {
            (Opening::Other, first_label(payload).map_or(0, fold), None)
        }
        protocol::UDP if packet.source_port == 53 => (Opening::Other, 0, dns_failure(payload)),
        _ => (Opening::Other, 0, None),
    }
}

#[inline]
fn opening(payload: &[u8]) -> Opening {
    match *payload {
        [0x16, 3, _, _, _, 1, ..] => Opening::ClientHello,
        [0x17, 3, ..] => Opening::ApplicationData,
        _ => Opening::Other,
    }
}

/// The bytes of the first label of a DNS question (RFC 1035 section 4.1.2).
fn first_label(payload: &[u8]) -> Option<&[u8]> {
    const HEADER_BYTES: usize = 12;
    let is_query = payload.get(2)? & 0x80 == 0;
    let length = usize::from(*payload.get(HEADER_BYTES)?);
    (is_query && length > 0 && length < 64).then_some(())?;
    payload.get(HEADER_BYTES + 1..HEADER_BYTES + 1 + length)
}

/// Whether a DNS answer says that the name does not exist; `None` if it is no answer.
fn dns_failure(payload: &[u8]) -> Option<bool> {
    const NAME_ERROR: u8 = 3;
    match *payload {
        [_, _, flags, code, ..] if flags & 0x80 != 0 => Some(code & 0x0f == NAME_ERROR),
        _ => None,
    }
}

/// A label as a number that is not 0 (FNV-1a); it is hashed under the secret key before it counts.
fn fold(label: &[u8]) -> u64 {
    let mut number = 0xcbf2_9ce4_8422_2325_u64;
    for &byte in label {
        number = (number ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    number | 1
}

/// The packet that an ICMP error quotes, if the payload looks like one.
fn quoted(payload: &[u8]) -> Option<Quoted> {
    let mut bytes = payload;
    // The four bytes after the checksum may or may not be counted as payload; an IP header tells itself.
    if !matches!(bytes.first()? >> 4, 4 | 6) {
        bytes = bytes.get(4..)?;
    }
    let link = if bytes.first()? >> 4 == 4 { LinkType::IPV4 } else { LinkType::IPV6 };
    let packet = decode(link, bytes).ok()?.outer;
    Some(Quoted {
        source: packet.source,
        destination: packet.destination,
        protocol: packet.protocol,
        source_port: packet.source_port,
        destination_port: packet.destination_port,
    })
}

impl Quoted {
    /// What a packet quotes, if it is an ICMP error that quotes anything.
    #[inline]
    pub fn of_packet(packet: &Packet<'_>) -> Option<Self> {
        match packet.protocol {
            protocol::ICMP | protocol::ICMPV6 if !packet.payload.is_empty() => quoted(packet.payload),
            _ => None,
        }
    }

    /// The quoted packet as an observation of its own, to be looked up.
    pub(crate) fn as_observation(&self) -> Observation {
        Observation {
            source: self.source,
            destination: self.destination,
            protocol: self.protocol,
            first_protocol: self.protocol,
            source_port: self.source_port,
            destination_port: self.destination_port,
            ..Observation::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_label_of_a_question_is_read_within_bounds() {
        let mut query = vec![0; 12];
        query.extend(b"\x03abc\x07example\x00");
        assert_eq!(first_label(&query), Some(&b"abc"[..]));
        assert_eq!(first_label(&query[..14]), None);
        query[2] = 0x80;
        assert_eq!(first_label(&query), None, "an answer");
        assert_eq!(first_label(&[]), None);
    }

    #[test]
    fn a_quoted_packet_is_found_with_and_without_the_unused_word() {
        let mut header = vec![0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 10, 198, 51, 100, 7];
        header.extend([0x30, 0x39, 0, 53, 0, 8, 0, 0]);
        let with_word = [&[0; 4][..], &header].concat();
        for bytes in [&header, &with_word] {
            let quoted = quoted(bytes).unwrap();
            assert_eq!((quoted.source_port, quoted.destination_port), (12_345, 53));
            assert_eq!(quoted.source.to_string(), "192.0.2.10");
        }
        assert_eq!(quoted(&[]), None);
        assert_eq!(quoted(&[1, 2, 3]), None);
    }

    fn of_counts(packets: u64, bytes: u64) -> Observation {
        let mut record = FlowRecord::new(Address::default(), Address::default());
        (record.packets, record.bytes) = (packets, bytes);
        Observation::of_flow(Time::default(), &record, None)
    }

    #[test]
    fn no_record_means_more_packets_than_its_bytes_are_enough_for() {
        assert_eq!(of_counts(3, 120).packets, 3);
        assert_eq!(of_counts(u64::MAX, 40).packets, 2);
        assert_eq!(of_counts(1_000, 7).packets, 1);
        assert_eq!(of_counts(1_000, 0).packets, 1_000, "bytes are not exported");
        assert_eq!(of_counts(0, 1_000).packets, 1, "packets are not exported");
        assert_eq!(of_counts(u64::MAX, u64::MAX).packets, u64::MAX / 20);
    }

    #[test]
    fn last_packets_of_other_centuries_are_not_believed() {
        let now = Time::from_seconds(1_800_000_000, 0);
        let mut record = FlowRecord::new(Address::default(), Address::default());
        let mut last = |seconds: i64, correction: i64| {
            record.last = Some(Time::from_seconds(seconds, 0));
            let observation = Observation::of_flow(now, &record, None)
                .by_our_clock(correction.saturating_mul(1_000_000_000));
            observation.last.nanoseconds_since(now) / 1_000_000_000
        };
        assert_eq!(last(1_799_999_970, 0), -30);
        assert_eq!(last(1_800_003_570, -3_600), -30, "a clock that is an hour ahead");
        assert_eq!(last(4_102_444_800, 0), 0, "2100");
        assert_eq!(last(1, 0), 0, "1970");
        assert_eq!(last(i64::MAX, i64::MAX), 0);
    }

    #[test]
    fn tls_is_told_by_its_first_bytes() {
        assert_eq!(opening(&[0x16, 3, 1, 2, 0, 1, 0]), Opening::ClientHello);
        assert_eq!(opening(&[0x16, 3, 1, 2, 0, 2, 0]), Opening::Other, "a ServerHello");
        assert_eq!(opening(&[0x17, 3, 3]), Opening::ApplicationData);
        assert_eq!(opening(b"GET / HTTP/1.1"), Opening::Other);
    }
}
