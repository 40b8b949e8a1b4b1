//! One sentence about a flood, for the person on duty.

use crate::event::Evidence;
use crate::suspect::Suspect;
use crate::vector::Vector;

/// Why this is taken for a flood of that vector.
pub(crate) fn sentence(lead: Vector, evidence: &Evidence, suspect: Option<&Suspect>) -> String {
    let two_way = evidence.visibility == "both";
    let mut text = match lead {
        Vector::TcpReflection => "SYN-ACKs and resets of servers that the target never called",
        vector if vector.is_reflection() && two_way => "answers to questions that the target never asked",
        vector if vector.is_reflection() => "answers of many reflectors; no question is visible from here",
        Vector::SynFlood => "connections are begun and not completed",
        Vector::SynAckFlood => "SYN-ACKs to connections that were never begun",
        Vector::AckFlood | Vector::RstFlood | Vector::FinFlood => "segments of connections that do not exist",
        Vector::TcpFlagFlood => "flag combinations that no TCP stack sends",
        Vector::FragmentFlood => "fragments without a first one",
        Vector::ConnectionFlood => "connections are completed and nothing is sent over them",
        Vector::TlsHandshakeFlood => "TLS handshakes are begun and nothing is sent after them",
        Vector::DnsQueryFlood if evidence.failed_dns_answer_share.unwrap_or(0.0) >= 0.5 => {
            "DNS questions for names that do not exist (water torture)"
        }
        Vector::DnsQueryFlood if evidence.random_query_name_share.unwrap_or(0.0) >= 0.75 => {
            "DNS questions for a name of their own each (water torture)"
        }
        Vector::DnsQueryFlood => "DNS questions beyond what is answered or ordinary",
        Vector::IcmpFlood => "ICMP that nothing sent by the target explains",
        Vector::QuicFlood => "QUIC connections are begun and not gone on with",
        Vector::UdpFlood if !two_way => "UDP at a rate that few-way traffic does not have",
        Vector::UdpFlood => "UDP that the target does not answer",
        _ => "packets of a protocol that the target does not answer",
    }
    .to_owned();
    add_sources(&mut text, suspect);
    text
}

/// Why there are too many packets, whatever they are.
pub(crate) fn too_many(
    ordinary_packets_per_second: f32,
    evidence: &Evidence,
    suspect: Option<&Suspect>,
) -> String {
    let times = evidence.target_packets_per_second / f64::from(ordinary_packets_per_second.max(1.0));
    let ordinary = ordinary_packets_per_second.round();
    let mut text =
        format!("{times:.1} times the {ordinary} packets a second that are ordinary here at this time");
    add_sources(&mut text, suspect);
    text
}

/// That it took lowered floors to find it. Why they are lowered may name things of others than who is hit, and stands in
/// `lowered_floors` alone, where it can be left out for who must not read it.
pub(crate) fn floors(evidence: &Evidence) -> &'static str {
    match &evidence.lowered_floors {
        Some(lowered) if lowered.was_needed => "; floor lowered",
        _ => "",
    }
}

fn add_sources(text: &mut String, suspect: Option<&Suspect>) {
    if let Some(suspect) = suspect {
        let sources = suspect.distinct_sources().round();
        let plural = if sources == 1.0 { "" } else { "s" };
        text.push_str(&format!(", from {sources} source{plural}"));
    }
}
