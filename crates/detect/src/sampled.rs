//! What a sample can still say about wanted and unwanted.
//!
//! With one packet in a thousand seen, a question and its answer are hardly ever both in the sample, so the
//! memory of conversations knows only the heavy ones. What remains true is the balance: a host that is answered
//! a thousand times has asked about a thousand times, and a server whose connections are completed gets more
//! segments than SYNs. So what goes the other way excuses what comes, kind by kind.

use wire::TcpFlags;

use crate::Observation;
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

/// The target sent this: what it may get back is wanted.
pub(crate) fn excuse_by_outbound(target: &mut TargetState, observation: &Observation) {
    let packets = observation.packets as f32 * EXCUSED_PER_PACKET;
    let mut excuse = |vector: Vector| target.count(vector, 0.0, -packets);
    match observation.protocol {
        protocol::TCP if observation.tcp_flags.has(TcpFlags::RST) => {}
        protocol::TCP
            if observation.tcp_flags.has(TcpFlags::SYN) && !observation.tcp_flags.has(TcpFlags::ACK) =>
        {
            excuse(Vector::SynAckFlood);
            excuse(Vector::RstFlood);
        }
        protocol::TCP => {
            excuse(Vector::FinFlood);
            excuse(Vector::RstFlood);
            let packets = observation.packets as f32 * EXCUSED_PER_ACKNOWLEDGEMENT;
            target.count(Vector::AckFlood, 0.0, -packets);
        }
        protocol::UDP | protocol::UDP_LITE => {
            for vector in [Vector::UdpFlood, Vector::QuicFlood, Vector::DnsQueryFlood] {
                excuse(vector);
            }
            match Vector::of_source_port(observation.destination_port) {
                Some(vector) => excuse(vector),
                // Services that are known by their bytes only.
                None => {
                    excuse(Vector::DtlsAmplification);
                    excuse(Vector::TftpAmplification);
                    excuse(Vector::UdpAmplification);
                }
            }
        }
        protocol::GRE => excuse(Vector::GreFlood),
        protocol::ESP => excuse(Vector::EspFlood),
        protocol::ICMP | protocol::ICMPV6 => {
            // Only a question excuses an answer: a flooded host answers echo requests too.
            if matches!((observation.protocol, observation.icmp_type), (protocol::ICMP, 8) | (_, 128)) {
                excuse(Vector::IcmpFlood);
            }
        }
        _ => excuse(Vector::IpProtocolFlood),
    }
}

/// The target gets this: the connection that it belongs to was completed.
#[inline]
pub(crate) fn excuse_by_inbound(target: &mut TargetState, observation: &Observation, vector: Vector) {
    if vector == Vector::AckFlood {
        let packets = observation.packets as f32 * EXCUSED_PER_SEGMENT;
        target.count(Vector::SynFlood, 0.0, -packets);
        target.count(Vector::SynAckFlood, 0.0, -packets);
        target.count(Vector::FinFlood, 0.0, -packets);
        target.completed += packets;
    }
}
