//! Floods, packet by packet, as the tools and the reflectors send them.

use std::net::IpAddr;

use super::ordinary::{SECOND, client_hello, tunnelled};
use super::packet::{end, flags, fragment, icmp, ip, protocol, tcp, udp};
use super::service::{self, Service};
use super::{hosts, packet::End};
use crate::random::Random;
use crate::trace::Trace;

/// How a flood is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Packets a second.
    pub(crate) rate: u64,
    /// Hosts that send; 0: every packet has a forged source of its own.
    pub(crate) sources: usize,
    /// Only what goes to the target is seen.
    pub(crate) one_way: bool,
    /// How long.
    pub(crate) seconds: f64,
    /// In IPv6.
    pub(crate) ipv6: bool,
}

impl Plan {
    /// In a case's name.
    pub(crate) fn text(&self) -> String {
        let sources = if self.sources == 0 { "forged".to_owned() } else { self.sources.to_string() };
        let way = if self.one_way { "one-way" } else { "two-way" };
        let family = if self.ipv6 { "v6" } else { "v4" };
        format!("{}pps-{sources}src-{way}-{family}", self.rate)
    }
}

/// Sends a flood of this name from `begins` on.
pub(crate) fn send(
    trace: &mut Trace,
    random: &mut Random,
    name: &str,
    plan: &Plan,
    (begins, target): (i64, IpAddr),
) {
    let handshakes = matches!(name, "connection_flood" | "tls_handshake_flood");
    // A connection cannot be completed from a forged address.
    let hosts = if plan.sources == 0 && handshakes { 300 } else { plan.sources };
    let reflectors = name.ends_with("_amplification") || name == "tcp_reflection";
    let hosts = hosts::many(random, plan.ipv6, if hosts == 0 && reflectors { 5_000 } else { hosts });
    let services: Vec<Service> =
        service::ALL.iter().copied().filter(|service| service.vector == name).collect();
    let service = random.pick(&services);
    let total = (plan.rate as f64 * plan.seconds) as u64;
    let mut time = begins as f64;
    let mut sent = 0;
    while sent < total {
        let source = random.pick(&hosts).unwrap_or_else(|| hosts::anywhere(random, plan.ipv6));
        if handshakes {
            // A handshake is three packets of the flood; what is said over it comes on top.
            connect(trace, random, time as i64, source, target, name == "tls_handshake_flood");
            sent += 3;
            time += random.exponential(3.0 * SECOND as f64 / plan.rate as f64);
            continue;
        }
        let packet = match service {
            Some(service) => {
                let port = random.between(1_024, 65_535) as u16;
                let answer = service.long_answer(random);
                udp(end(source, service.port), end(target, port), &answer)
            }
            None => direct(random, name, source, target, sent),
        };
        trace.add(time as i64, &packet);
        sent += 1;
        time += random.exponential(SECOND as f64 / plan.rate as f64);
    }
}

/// A connection that is opened for nothing, or for a ClientHello and nothing else.
fn connect(trace: &mut Trace, random: &mut Random, time: i64, source: IpAddr, target: IpAddr, tls: bool) {
    let (client, server) = (end(source, random.client_port()), end(target, 443));
    let (one, two) = (random.bits() as u32, random.bits() as u32);
    let round_trip = 15_000_000;
    let ours = one.wrapping_add(1);
    let theirs = two.wrapping_add(1);
    trace.add(time, &tcp(client, server, flags::SYN, (one, 0), &[]));
    trace.add(time + 100_000, &tcp(server, client, flags::SYN | flags::ACK, (two, ours), &[]));
    trace.add(time + round_trip, &tcp(client, server, flags::ACK, (ours, theirs), &[]));
    if tls {
        let hello = client_hello(random);
        let next = ours.wrapping_add(hello.len() as u32);
        trace.add(
            time + round_trip + 50_000,
            &tcp(client, server, flags::ACK | flags::PSH, (ours, theirs), &hello),
        );
        let mut answer = random.bytes(1_400);
        answer.iter_mut().zip([0x16, 3, 3, 0x0b, 0xb8, 2]).for_each(|(to, from)| *to = from);
        let at = time + round_trip + 400_000;
        trace.add(at, &tcp(server, client, flags::ACK, (theirs, next), &answer));
        trace.add(
            at + 10_000,
            &tcp(server, client, flags::ACK | flags::PSH, (theirs.wrapping_add(1_400), next), &answer),
        );
        trace.add(at + round_trip, &tcp(client, server, flags::RST, (next, 0), &[]));
    }
}

/// One packet of a flood that is sent directly.
fn direct(random: &mut Random, name: &str, source: IpAddr, target: IpAddr, number: u64) -> Vec<u8> {
    let from = end(source, random.between(1_024, 65_535) as u16);
    let web = end(target, 443);
    let numbers = (random.bits() as u32, random.bits() as u32);
    match name {
        "udp_flood" => {
            let length = random.between(16, 1_400) as usize;
            udp(from, end(target, random.between(1, 65_535) as u16), &random.bytes(length))
        }
        "icmp_flood" => {
            let kind = if source.is_ipv4() { 8 } else { 128 };
            let length = random.between(32, 1_400) as usize;
            icmp(
                source,
                target,
                (kind, 0),
                random.short().to_be_bytes().repeat(2).try_into().unwrap_or_default(),
                &random.bytes(length),
            )
        }
        "gre_flood" => {
            ip(source, target, protocol::GRE, &tunnelled(random, protocol::GRE, number as u32, 512))
        }
        "esp_flood" => ip(source, target, protocol::ESP, &random.bytes(600)),
        "ip_protocol_flood" => ip(source, target, [253, 99, 255][number as usize % 3], &random.bytes(256)),
        "fragment_flood" => {
            let fields = (random.between(1, 180) as u16, number.is_multiple_of(2), random.short());
            fragment((source, target), protocol::UDP, fields, &random.bytes(1_000))
        }
        "dns_query_flood" => udp(from, end(target, 53), &service::dns_question(random)),
        "quic_flood" => udp(from, end(target, 443), &quic_initial(random)),
        "tcp_reflection" => {
            let service = end(source, random.pick(&[80, 443, 443, 22, 21]).unwrap_or(443));
            let to = end(target, random.pick(&[80, 443, 53, 8080]).unwrap_or(80));
            tcp(service, to, flags::SYN | flags::ACK, numbers, &[])
        }
        _ => segment(random, name, (from, web), numbers),
    }
}

fn segment(random: &mut Random, name: &str, (from, to): (End, End), numbers: (u32, u32)) -> Vec<u8> {
    let kind = match name {
        "syn_flood" => flags::SYN,
        "syn_ack_flood" => flags::SYN | flags::ACK,
        "rst_flood" => flags::RST,
        "fin_flood" => flags::FIN | flags::ACK,
        "tcp_flag_flood" => {
            random.pick(&[0, flags::FIN | flags::PSH | flags::URG, flags::SYN | flags::FIN]).unwrap_or(0)
        }
        _ => flags::ACK,
    };
    let length = if name == "ack_flood" { random.below(600) as usize } else { 0 };
    tcp(from, to, kind, numbers, &random.bytes(length))
}

/// The first datagram of a QUIC connection (RFC 9000 section 17.2.2), padded to 1,200 bytes.
pub(crate) fn quic_initial(random: &mut Random) -> Vec<u8> {
    let mut bytes = vec![0xc3, 0, 0, 0, 1, 8];
    bytes.extend(random.bytes(8));
    bytes.extend([8]);
    bytes.extend(random.bytes(8));
    bytes.extend([0, 0x44, 0x96]);
    bytes.extend(random.bytes(1_174));
    bytes
}
