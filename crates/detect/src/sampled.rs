//! What a sample can still say about wanted and unwanted.
//!
//! With one packet in a thousand seen, a question and its answer are hardly ever both in the sample, so the
//! memory of conversations knows only the heavy ones. What remains true is the balance: a host that is answered
//! a thousand times has asked about a thousand times, and a server whose connections are completed gets more
//! segments than SYNs. So what goes the other way excuses what comes, kind by kind.
//!
//! Limits: a flood of large segments, or of large datagrams from port 443, looks like a transfer and counts an eighth. Segments without
//! end towards a host that is not seen to send look like uploads to it, and count nothing. Answered echo requests count.

use wire::TcpFlags;

use crate::Observation;
use crate::tally::Tally;
use crate::target::TargetState;
use crate::vector::{Vector, protocol};

/// Packets of a kind that one packet the other way excuses: above 1, so that chance drifts towards calm.
const EXCUSED_PER_PACKET: f32 = 1.5;
/// Segments that one segment the other way excuses: every second is acknowledged, or fewer where the receiver
/// gathers them (RFC 9293 section 3.8.6.3).
const EXCUSED_PER_ACKNOWLEDGEMENT: f32 = 4.0;
/// SYN-ACKs, SYNs and resets that one ordinary segment towards the same host excuses: a connection has at
/// least one of the former and two of the latter.
const EXCUSED_PER_SEGMENT: f32 = 0.6;
/// A segment or a datagram of so many bytes carries something: it is a part of a transfer.
const LARGE_BYTES: u64 = 500;
/// So much of an unwanted packet a sample of a transfer is: there a dozen may come for each that goes.
const PART_OF_TRANSFER: f32 = 0.125;
/// Services that a host asks in one step and that are excused one by one.
const SERVICES: usize = 3;

/// What a target sent in one step, by what it may get back.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Excuses {
    /// The step.
    pub(crate) step: i64,
    connections: f32,
    segments: f32,
    datagrams: f32,
    unnamed_datagrams: f32,
    /// Index of a vector, and packets.
    named: [(u8, f32); SERVICES],
}

impl Excuses {
    /// The target sent this. Gives back a vector that is to be excused at once, for lack of room.
    pub(crate) fn note(&mut self, observation: &Observation, step: i64) -> Option<(Vector, f32)> {
        if self.step != step {
            *self = Self { step, ..Self::default() };
        }
        let packets = observation.packets as f32;
        let named = match observation.protocol {
            protocol::TCP if observation.tcp_flags.has(TcpFlags::RST) => return None,
            protocol::TCP
                if observation.tcp_flags.has(TcpFlags::SYN) && !observation.tcp_flags.has(TcpFlags::ACK) =>
            {
                self.connections += packets;
                return None;
            }
            protocol::TCP => {
                self.segments += packets;
                return None;
            }
            protocol::UDP | protocol::UDP_LITE => {
                self.datagrams += packets;
                let Some(vector) = Vector::of_source_port(observation.destination_port) else {
                    self.unnamed_datagrams += packets;
                    return None;
                };
                vector
            }
            protocol::GRE => Vector::GreFlood,
            protocol::ESP => Vector::EspFlood,
            // Only a question excuses an answer: a flooded host answers echo requests too.
            protocol::ICMP | protocol::ICMPV6 if !is_echo_request(observation) => return None,
            protocol::ICMP | protocol::ICMPV6 => Vector::IcmpFlood,
            _ => Vector::IpProtocolFlood,
        };
        self.name(named, packets)
    }

    /// A wider target sends what its members send. What finds no room among the named is left out: it is the least.
    #[inline]
    pub(crate) fn add(&mut self, member: &Self, step: i64) {
        if member.step == step {
            self.add_all(member, step);
        }
    }

    fn add_all(&mut self, member: &Self, step: i64) {
        if self.step != step {
            *self = Self { step, ..Self::default() };
        }
        self.connections += member.connections;
        self.segments += member.segments;
        self.datagrams += member.datagrams;
        self.unnamed_datagrams += member.unnamed_datagrams;
        for (index, packets) in member.named.iter().filter(|named| named.1 > 0.0) {
            self.name(Vector::ALL[usize::from(*index)], *packets);
        }
    }

    fn name(&mut self, vector: Vector, packets: f32) -> Option<(Vector, f32)> {
        let index = vector as u8;
        match self.named.iter_mut().find(|(known, sent)| *known == index || *sent == 0.0) {
            Some(place) => {
                *place = (index, place.1 + packets);
                None
            }
            None => Some((vector, -packets * EXCUSED_PER_PACKET)),
        }
    }
}

/// How much of an unwanted packet a sample is.
#[inline]
pub(crate) fn weight(observation: &Observation, vector: Vector) -> f32 {
    let is_large = || observation.bytes >= LARGE_BYTES.saturating_mul(observation.packets);
    let may_be_transfer = match vector {
        Vector::AckFlood => true,
        // The port of QUIC: a download.
        Vector::UdpFlood => observation.source_port == 443,
        _ => false,
    };
    if observation.sampling > 1 && may_be_transfer && is_large() { PART_OF_TRANSFER } else { 1.0 }
}

fn is_echo_request(observation: &Observation) -> bool {
    matches!((observation.protocol, observation.icmp_type), (protocol::ICMP, 8) | (_, 128))
}

/// How unlikely it is that so many samples of a kind came, and so many of them were excused, if as many came as go with those
/// that went: the logarithm of the likelihood ratio of two Poisson variables with their own means and with means of that
/// ratio. Where thirty samples above the balance are found of a host that gets as much as it sends, these are some ten nats:
/// it happens by chance several times a day.
pub(crate) fn nats_of_balance(vector: Vector, came: f32, excused: f32) -> f32 {
    // Of segments several may come for each that goes.
    let each = if vector == Vector::AckFlood { EXCUSED_PER_ACKNOWLEDGEMENT } else { EXCUSED_PER_PACKET };
    let ratio = each / EXCUSED_PER_PACKET;
    let went = (excused / each).max(0.0);
    if came <= ratio * went {
        return 0.0;
    }
    let share = (came + went) / (1.0 + ratio);
    let of = |count: f32, mean: f32| if count > 0.0 { count * (count / mean).ln() } else { 0.0 };
    of(came, ratio * share) + of(went, share)
}

/// What the target sent in this step excuses what it got in it.
pub(crate) fn excuse_by_outbound(target: &mut TargetState) {
    let Excuses { connections, segments, datagrams, unnamed_datagrams, named, .. } = target.excuses;
    let mut excuse = |vector: Vector, packets: f32| {
        if packets > 0.0 {
            target.excuse(vector.index(), packets);
        }
    };
    excuse(Vector::SynAckFlood, connections * EXCUSED_PER_PACKET);
    excuse(Vector::RstFlood, (connections + segments) * EXCUSED_PER_PACKET);
    excuse(Vector::FinFlood, segments * EXCUSED_PER_PACKET);
    excuse(Vector::AckFlood, segments * EXCUSED_PER_ACKNOWLEDGEMENT);
    for vector in [Vector::UdpFlood, Vector::QuicFlood, Vector::DnsQueryFlood] {
        excuse(vector, datagrams * EXCUSED_PER_PACKET);
    }
    // Services that are known by their bytes only.
    for vector in [Vector::DtlsAmplification, Vector::TftpAmplification, Vector::UdpAmplification] {
        excuse(vector, unnamed_datagrams * EXCUSED_PER_PACKET);
    }
    for (index, packets) in named {
        excuse(Vector::ALL[usize::from(index)], packets * EXCUSED_PER_PACKET);
    }
}

/// The target got these segments: the connections that they belong to were completed.
pub(crate) fn excuse_by_inbound(target: &mut TargetState, tally: &Tally) {
    let packets = completed(tally);
    if packets > 0.0 {
        for vector in [Vector::SynFlood, Vector::SynAckFlood, Vector::FinFlood] {
            target.count(vector.index(), 0.0, -packets);
        }
        // Of a target that is seen to send, what it sent says it better.
        if !target.sends {
            target.count(Vector::RstFlood.index(), 0.0, -packets);
        }
    }
}

/// Handshakes that must have been completed for the segments that came.
pub(crate) fn completed(tally: &Tally) -> f32 {
    let segments = tally.slots().filter(|(kind, _)| kind.vector() == Vector::AckFlood.index());
    segments.map(|(_, slot)| slot.packets * EXCUSED_PER_SEGMENT).sum()
}

#[cfg(test)]
mod tests {
    use super::nats_of_balance;
    use crate::vector::Vector;

    #[test]
    fn chance_explains_a_small_excess_of_much_and_not_of_nothing() {
        let nats = |came, excused| nats_of_balance(Vector::UdpFlood, came, excused);
        // 84 came and 36 went, which excuse 54: thirty more.
        assert!((9.0..11.0).contains(&nats(84.0, 54.0)), "{}", nats(84.0, 54.0));
        assert!((20.0..21.5).contains(&nats(30.0, 0.0)), "{}", nats(30.0, 0.0));
        assert_eq!(nats(30.0, 45.0), 0.0);
        assert_eq!(nats(0.0, 0.0), 0.0);
    }

    #[test]
    fn of_segments_several_come_for_each_that_goes() {
        let nats = |came, went: f32| nats_of_balance(Vector::AckFlood, came, 4.0 * went);
        assert_eq!(nats(80.0, 30.0), 0.0);
        // Eight instead of twenty-two: seldom, but there are many hours.
        assert!((4.0..6.0).contains(&nats(60.0, 8.0)), "{}", nats(60.0, 8.0));
        assert!((14.0..16.0).contains(&nats(46.0, 0.0)), "{}", nats(46.0, 0.0));
    }
}
