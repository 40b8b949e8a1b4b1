//! Ordinary traffic that looks like a flood to somebody who counts packets: one kind for each vector.

use std::net::IpAddr;

use super::flood::quic_initial;
use super::ordinary::{self, MILLISECOND, SECOND, Session};
use super::packet::{End, end, flags, protocol, tcp};
use super::{hosts, service};
use crate::random::Random;
use crate::trace::Trace;

/// How long an application's talk of 20 packets a second each way lasts.
const TALK_PACKETS: usize = 40;

/// When ordinary traffic runs: from, to, packets a second.
pub(crate) type When = (i64, i64, u64);

/// Ordinary traffic of the kind that a flood of this name would be made of, from and to `target`.
pub(crate) fn of(trace: &mut Trace, random: &mut Random, name: &str, (from, to, rate): When, target: IpAddr) {
    let ipv6 = !target.is_ipv4();
    let others = hosts::many(random, ipv6, 400);
    let total = ((to - from) as f64 / SECOND as f64 * rate as f64) as usize;
    let first = trace.len();
    while trace.len() - first < total {
        let time = from + (random.unit() * (to - from) as f64) as i64;
        let other = random.pick(&others).unwrap_or(target);
        one(trace, random, name, time, (target, other));
    }
    trace.retain(|seen| seen.time < to);
    trace.sort();
}

fn one(trace: &mut Trace, random: &mut Random, name: &str, time: i64, (target, other): (IpAddr, IpAddr)) {
    let services: Vec<_> = service::ALL.iter().filter(|service| service.vector == name).collect();
    if let Some(service) = random.pick(&services) {
        let client = end(target, random.client_port());
        let (question, answer) = (service.question(random), service.answer(random));
        let round_trip = random.between(2, 60) as i64 * MILLISECOND;
        return ordinary::exchange(
            trace,
            (time, round_trip),
            (client, end(other, service.port)),
            &question,
            &answer,
        );
    }
    let in_443 = ordinary::ends(random, other, target, 443);
    let out_443 = ordinary::ends(random, target, other, 443);
    let in_53 = ordinary::ends(random, other, target, 53);
    let talk = (time, 50 * MILLISECOND, TALK_PACKETS);
    match name {
        "udp_flood" => ordinary::two_way_datagrams(
            trace,
            random,
            talk,
            (in_443.0, end(target, 7_777)),
            |random, asks| {
                let length = if asks { random.between(30, 90) } else { random.between(60, 400) };
                random.bytes(length as usize)
            },
        ),
        "icmp_flood" => {
            let number = random.short();
            ordinary::ping(trace, (time, 12 * MILLISECOND), target, other, number);
        }
        "gre_flood" => ordinary::tunnel(trace, random, talk, (target, other), protocol::GRE),
        "esp_flood" => ordinary::tunnel(trace, random, talk, (target, other), protocol::ESP),
        "ip_protocol_flood" => ordinary::tunnel(trace, random, talk, (target, other), 132),
        "fragment_flood" => {
            let (question, answer) = (service::dns_question(random), service::dns_answer(random, 3_600));
            let ends = (out_443.0, end(other, 53));
            ordinary::fragmented_answer(trace, random, (time, 9 * MILLISECOND), ends, (&question, &answer));
        }
        "dns_query_flood" => asked(trace, random, time, in_53),
        "quic_flood" => quic(trace, random, time, in_443),
        "tcp_reflection" | "syn_ack_flood" => {
            ordinary::tcp_session(trace, random, time, out_443, &Session::PAGE);
        }
        "ack_flood" => {
            let upload = Session { request_bytes: 60_000, answer_bytes: 300, whole: false, ..Session::PAGE };
            ordinary::tcp_session(trace, random, time, in_443, &upload);
        }
        "rst_flood" => short(trace, random, time, in_443, true),
        "fin_flood" => short(trace, random, time, in_443, false),
        "tcp_flag_flood" => congestion_aware(trace, random, time, in_443),
        _ => ordinary::tcp_session(trace, random, time, in_443, &Session::PAGE),
    }
}

/// A question to an authoritative server, mostly for names that others ask for too.
fn asked(trace: &mut Trace, random: &mut Random, time: i64, ends: (End, End)) {
    let known = Random::new(random.below(200));
    let mut question = service::dns_question(&mut known.clone());
    let mut answer = service::dns_answer(&mut known.clone(), 150);
    let id = random.short().to_be_bytes();
    for message in [&mut question, &mut answer] {
        message.iter_mut().zip(id).for_each(|(to, from)| *to = from);
    }
    ordinary::exchange(trace, (time, MILLISECOND / 2), ends, &question, &answer);
}

/// A QUIC connection: both Initials, then short headers both ways.
fn quic(trace: &mut Trace, random: &mut Random, time: i64, ends: (End, End)) {
    let (asks, answers) = (quic_initial(random), quic_initial(random));
    ordinary::exchange(trace, (time, MILLISECOND), ends, &asks, &answers);
    let talk = (time + 30 * MILLISECOND, 4 * MILLISECOND, 25);
    ordinary::two_way_datagrams(trace, random, talk, ends, |random, asks| {
        let length = if asks { 45 } else { 1_250 };
        let mut bytes = random.bytes(length);
        bytes.iter_mut().take(1).for_each(|first| *first = 0x40 | *first & 0x3f);
        bytes
    });
}

/// A connection with one small request, closed by the client with FIN or with RST (as some clients do).
fn short(trace: &mut Trace, random: &mut Random, time: i64, ends: (End, End), reset: bool) {
    let session = Session { requests: 1, answer_bytes: 400, request_bytes: 200, tls: false, ..Session::PAGE };
    let mut whole = Trace::default();
    ordinary::tcp_session(&mut whole, random, time, ends, &session);
    let last = whole.span().1;
    let close = whole.len().saturating_sub(3);
    for seen in whole.iter().take(if reset { close } else { whole.len() }) {
        trace.add(seen.time, seen.bytes);
    }
    if reset {
        trace.add(last, &tcp(ends.0, ends.1, flags::RST | flags::ACK, (1, 1), &[]));
    }
}

/// A connection that sets up explicit congestion notification (RFC 3168) and sends urgent data.
fn congestion_aware(trace: &mut Trace, random: &mut Random, time: i64, (client, server): (End, End)) {
    const ECN: u8 = 0xc0;
    let (one, two) = (random.bits() as u32, random.bits() as u32);
    let (ours, theirs) = (one.wrapping_add(1), two.wrapping_add(1));
    let step = 8 * MILLISECOND;
    trace.add(time, &tcp(client, server, flags::SYN | ECN, (one, 0), &[]));
    trace.add(time + step, &tcp(server, client, flags::SYN | flags::ACK | 0x40, (two, ours), &[]));
    trace.add(time + 2 * step, &tcp(client, server, flags::ACK, (ours, theirs), &[]));
    let urgent = flags::ACK | flags::PSH | flags::URG;
    trace.add(time + 3 * step, &tcp(client, server, urgent, (ours, theirs), b"interrupt it"));
    trace.add(
        time + 4 * step,
        &tcp(server, client, flags::ACK | flags::PSH, (theirs, ours.wrapping_add(12)), b"done"),
    );
    let close = flags::FIN | flags::PSH | flags::ACK;
    let (ours, theirs) = (ours.wrapping_add(12), theirs.wrapping_add(4));
    trace.add(time + 5 * step, &tcp(client, server, close, (ours, theirs), &[]));
    trace.add(
        time + 6 * step,
        &tcp(server, client, flags::FIN | flags::ACK, (theirs, ours.wrapping_add(1)), &[]),
    );
    trace.add(
        time + 7 * step,
        &tcp(client, server, flags::ACK, (ours.wrapping_add(1), theirs.wrapping_add(1)), &[]),
    );
}

/// What the other hosts of the network do: pages, names, time, pings.
pub(crate) fn background(trace: &mut Trace, random: &mut Random, (from, to): (i64, i64), ipv6: bool) {
    const EACH_SECOND: f64 = 60.0;
    let outside = hosts::many(random, ipv6, 300);
    let mut time = from as f64;
    while time < to as f64 {
        time += random.exponential(SECOND as f64 / EACH_SECOND);
        let (at, own) = (time as i64, hosts::own(ipv6, random.between(10, 60) as u16));
        let other = random.pick(&outside).unwrap_or(own);
        match random.below(10) {
            kind @ 0..=3 => {
                let (client, server) = if kind == 0 { (own, other) } else { (other, own) };
                let ends = ordinary::ends(random, client, server, 443);
                ordinary::tcp_session(trace, random, at, ends, &Session::PAGE);
            }
            4..=7 => one(trace, random, "dns_amplification", at, (own, other)),
            8 => one(trace, random, "ntp_amplification", at, (own, other)),
            _ => one(trace, random, "icmp_flood", at, (own, other)),
        }
    }
    trace.retain(|seen| seen.time < to);
    trace.sort();
}
