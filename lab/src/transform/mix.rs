//! As much ordinary traffic of the same protocol and port as there is flood, over the same time.

use std::collections::BTreeMap;
use std::net::IpAddr;

use wire::packet::{LinkType, decode};
use wire::{Address, Fragment};

use crate::random::Random;
use crate::trace::Trace;
use crate::traffic::captured::Conversations;
use crate::traffic::packet::{End, end, protocol};
use crate::traffic::service::{self, Service};
use crate::traffic::{hosts, ordinary};

/// What the flood mainly is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Shape {
    protocol: u8,
    /// The port that the ordinary traffic has on the server's side.
    port: u16,
    /// The target asks others (reflection), and is not asked by them.
    asks: bool,
    fragments: bool,
    packets: usize,
    begins: i64,
    ends: i64,
    target: IpAddr,
}

impl Shape {
    /// The shape of what goes to the target. `reflection`: it is made of answers. `None`: nothing goes there.
    pub(crate) fn of(trace: &Trace, target: IpAddr, reflection: bool) -> Option<Self> {
        let mut protocols: BTreeMap<u8, usize> = BTreeMap::new();
        let mut ports: BTreeMap<(u8, u16), usize> = BTreeMap::new();
        let (mut fragments, mut packets, mut begins, mut ends) = (0, 0, i64::MAX, i64::MIN);
        for seen in trace.iter() {
            let Ok(packet) = decode(LinkType::RAW, seen.bytes).map(|decoded| decoded.outer) else { continue };
            if packet.destination != Address::from(target) {
                continue;
            }
            let number = if packet.first_protocol == 51 { 51 } else { packet.protocol };
            let port = if reflection { packet.source_port } else { packet.destination_port };
            *protocols.entry(number).or_default() += 1;
            *ports.entry((number, port)).or_default() += 1;
            fragments += usize::from(packet.fragment == Fragment::Later);
            packets += 1;
            begins = begins.min(seen.time);
            ends = ends.max(seen.time);
        }
        let number = *protocols.iter().max_by_key(|(_, count)| **count)?.0;
        let of_number = ports.iter().filter(|((found, _), _)| *found == number);
        let ((_, port), _) = of_number.max_by_key(|(_, count)| **count)?;
        let fragments = fragments * 2 > packets;
        Some(Self {
            protocol: number,
            port: *port,
            asks: reflection,
            fragments,
            packets,
            begins,
            ends,
            target,
        })
    }

    /// Ordinary traffic as much as the flood, from captures if they have some of this kind.
    pub(crate) fn ordinary(&self, known: &Conversations, seed: u64) -> Trace {
        let mut random = Random::new(seed);
        let mut trace = Trace::default();
        let real = known.of(self.protocol, self.port);
        let span = (self.ends - self.begins).max(1);
        while trace.len() < self.packets {
            let time = self.begins + (random.unit() * span as f64 * 0.7) as i64;
            let other = hosts::anywhere(&mut random, !self.target.is_ipv4());
            // Nobody is pinged by thousands; a host that watches others pings thousands.
            let asks = self.asks || matches!(self.protocol, protocol::ICMP | protocol::ICMPV6);
            let (client, server) = if asks { (self.target, other) } else { (other, self.target) };
            let ends = ordinary::ends(&mut random, client, server, self.port);
            let place = random.below(real.len() as u64) as usize;
            match real.get(place).filter(|_| !self.fragments) {
                Some(conversation) => {
                    conversation.hold(&mut trace, (time, span * 3 / 10), ends, self.protocol);
                }
                None => self.made(&mut trace, &mut random, time, ends),
            }
        }
        trace.sort();
        trace
    }

    fn made(&self, trace: &mut Trace, random: &mut Random, time: i64, (client, server): (End, End)) {
        let span = (self.ends - self.begins).max(1);
        let round_trip = (span / 40).clamp(1_000, 20 * ordinary::MILLISECOND);
        let both = (client.address, server.address);
        if self.fragments {
            let (client, server) = (client, end(server.address, 53));
            let question = service::dns_question(random);
            let answer = service::dns_answer(random, 3_600);
            let ends = (client, server);
            return ordinary::fragmented_answer(
                trace,
                random,
                (time, round_trip),
                ends,
                (&question, &answer),
            );
        }
        match self.protocol {
            protocol::TCP => {
                let session = ordinary::Session { round_trip: round_trip / 4, ..ordinary::Session::PAGE };
                ordinary::tcp_session(trace, random, time, (client, server), &session);
            }
            protocol::UDP => {
                let service = Service::of_port(self.port);
                if service.vector == "udp_flood" {
                    // No service of that port is known: an application whose clients keep talking.
                    let talk = (time, span / 200, 40);
                    let said = |random: &mut Random, asks| {
                        if asks { service.question(random) } else { service.answer(random) }
                    };
                    return ordinary::two_way_datagrams(trace, random, talk, (client, server), said);
                }
                let (question, answer) = (service.question(random), service.answer(random));
                ordinary::exchange(trace, (time, round_trip), (client, server), &question, &answer);
            }
            protocol::ICMP | protocol::ICMPV6 => {
                let number = random.short();
                ordinary::ping(trace, (time, round_trip), both.0, both.1, number);
            }
            number => ordinary::tunnel(trace, random, (time, round_trip, 20), both, number),
        }
    }
}
