//! Floods and ordinary traffic that are wider or longer than one flood on one host.

use std::net::IpAddr;

use anyhow::{Result, anyhow};

use super::case::{Case, Input};
use super::generated::BEGIN;
use super::score::{Expected, On};
use crate::random::Random;
use crate::trace::Trace;
use crate::traffic::busy::{self, background};
use crate::traffic::ordinary::{MILLISECOND, SECOND};
use crate::traffic::packet::{end, flags, icmp, tcp, udp};
use crate::traffic::{export, hosts};

/// Hosts that a carpet hits.
const CARPET_HOSTS: u64 = 200;
/// Bars of this part.
pub(crate) const BARS: [&str; 5] = [
    "carpet bombing",
    "scans and sweeps",
    "long flows arriving together",
    "floods that leave",
    "one-way view of downloads",
];

const INSTITUTION: &str = r#"
[institution]
name = "Parliament of the evaluation"
time_zone = "Europe/Brussels"

[organisation.own]

[zone.public]
prefixes = ["192.0.2.0/24", "2001:db8:1::/48"]
exposure = "internet"
"#;

/// All scenarios.
pub(crate) fn cases(seed: u64) -> Vec<Case> {
    let mut cases = Vec::new();
    for (ipv6, rate) in [(false, 2_000), (false, 10_000), (true, 2_000), (true, 10_000)] {
        let network = if ipv6 { "2001:db8:1::/64" } else { "192.0.2.0/24" };
        let Ok(network) = network.parse() else { continue };
        let names = vec!["udp_flood".to_owned()];
        let expected = Expected::Flood { names, on: On::Network(network), out: false };
        let title = format!("scenario/carpet {network} {rate}pps seed {seed}");
        cases.push(Case::new(BARS[0], title, expected, move || {
            Ok(Input::new(carpet(seed, ipv6, rate).to_pcap(), BEGIN + 5 * SECOND))
        }));
    }
    for kind in ["port scan", "port scan, silent", "host sweep by SYN", "host sweep by ping"] {
        let title = format!("scenario/{kind} seed {seed}");
        cases.push(quiet(BARS[1], title, move || scan(seed, kind)));
    }
    let title = format!("scenario/5,000 packets per s each way in 60 s records seed {seed}");
    cases.push(quiet(BARS[2], title, move || export::ipfix(&steady(seed), 60)));
    cases.extend(leaving(seed));
    for rate in [500, 5_000, 50_000] {
        cases.push(quiet(BARS[4], format!("scenario/download one-way {rate}pps seed {seed}"), move || {
            download(seed, rate)
        }));
    }
    cases
}

fn quiet(bar: &str, title: String, make: impl Fn() -> Trace + Send + Sync + 'static) -> Case {
    Case::new(bar, title, Expected::Quiet, move || Ok(Input::new(make().to_pcap(), BEGIN)))
}

/// UDP from everywhere to 200 hosts of a network.
fn carpet(seed: u64, ipv6: bool, rate: u64) -> Trace {
    let mut random = Random::named(seed, "carpet");
    let mut trace = Trace::default();
    background(&mut trace, &mut random, (BEGIN, BEGIN + 17 * SECOND), ipv6);
    let mut time = (BEGIN + 5 * SECOND) as f64;
    while time < (BEGIN + 15 * SECOND) as f64 {
        let target = hosts::own(ipv6, random.between(10, 9 + CARPET_HOSTS) as u16);
        let source = end(hosts::anywhere(&mut random, ipv6), random.between(1_024, 65_535) as u16);
        let payload = random.bytes(500);
        trace.add(time as i64, &udp(source, end(target, random.between(1, 65_535) as u16), &payload));
        time += random.exponential(SECOND as f64 / rate as f64);
    }
    trace.sort();
    trace
}

/// Somebody looks for what is open.
fn scan(seed: u64, kind: &str) -> Trace {
    let mut random = Random::named(seed, kind);
    let mut trace = Trace::default();
    background(&mut trace, &mut random, (BEGIN, BEGIN + 15 * SECOND), false);
    let scanner = hosts::anywhere(&mut random, false);
    let host = hosts::own(false, 10);
    let begins = BEGIN + 5 * SECOND;
    for number in 0..1_000u16 {
        let time = begins + i64::from(number) * 3 * MILLISECOND;
        let neighbour = hosts::own(false, number % 254 + 1);
        match kind {
            "host sweep by ping" if number < 254 => {
                trace.add(time, &icmp(scanner, neighbour, (8, 0), [0, 1, 0, number as u8], &[0; 32]));
            }
            "host sweep by SYN" if number < 254 => {
                probe(&mut trace, &mut random, time, (scanner, neighbour), 445, false);
            }
            "port scan" => probe(&mut trace, &mut random, time, (scanner, host), number + 1, true),
            "port scan, silent" => probe(&mut trace, &mut random, time, (scanner, host), number + 1, false),
            _ => {}
        }
    }
    trace.sort();
    trace
}

fn probe(
    trace: &mut Trace,
    random: &mut Random,
    time: i64,
    (from, to): (IpAddr, IpAddr),
    port: u16,
    closed: bool,
) {
    let (client, server) = (end(from, 40_000), end(to, port));
    let number = random.bits() as u32;
    trace.add(time, &tcp(client, server, flags::SYN, (number, 0), &[]));
    if closed {
        let numbers = (0, number.wrapping_add(1));
        trace.add(time + 100_000, &tcp(server, client, flags::RST | flags::ACK, numbers, &[]));
    }
}

/// Twenty long transfers to and from one host, for a little over two minutes.
fn steady(seed: u64) -> Trace {
    let mut random = Random::named(seed, "steady");
    let mut trace = Trace::default();
    let host = hosts::own(false, 10);
    let outside = hosts::many(&mut random, false, 20);
    let mut time = BEGIN;
    let mut number = 0usize;
    while time < BEGIN + 130 * SECOND {
        let place = number % outside.len().max(1);
        let other = outside.get(place).copied().unwrap_or(host);
        let (client, server) = (end(other, 40_000 + place as u16), end(host, 443));
        let sequence = (number * 1_400) as u32;
        trace.add(time, &tcp(client, server, flags::ACK, (sequence, 1), &[0; 1_000]));
        trace.add(time + 20_000, &tcp(server, client, flags::ACK, (1, sequence), &[]));
        time += SECOND / 5_000;
        number += 1;
    }
    trace
}

/// Own hosts flood somebody, and own hosts upload.
fn leaving(seed: u64) -> Vec<Case> {
    let expected = |name: &str| Expected::Flood { names: vec![name.to_owned()], on: On::Any, out: true };
    let mut cases = Vec::new();
    for name in ["udp_flood", "syn_flood"] {
        let title = format!("scenario/own host sends {name} seed {seed}");
        cases.push(Case::new(BARS[3], title, expected(name), move || {
            let mut random = Random::named(seed, name);
            let mut trace = Trace::default();
            background(&mut trace, &mut random, (BEGIN, BEGIN + 15 * SECOND), false);
            let victim = hosts::anywhere(&mut random, false);
            let mut time = (BEGIN + 5 * SECOND) as f64;
            while time < (BEGIN + 11 * SECOND) as f64 {
                let (from, to) = (end(hosts::own(false, 77), random.client_port()), end(victim, 80));
                let packet = match name {
                    "udp_flood" => udp(from, to, &random.bytes(900)),
                    _ => tcp(from, to, flags::SYN, (random.bits() as u32, 0), &[]),
                };
                trace.add(time as i64, &packet);
                time += random.exponential(SECOND as f64 / 20_000.0);
            }
            trace.sort();
            with_institution(&trace)
        }));
    }
    cases.push(Case::new(
        BARS[3],
        format!("scenario/own hosts upload seed {seed}"),
        Expected::Quiet,
        move || {
            let mut random = Random::named(seed, "uploads");
            let mut trace = Trace::default();
            background(&mut trace, &mut random, (BEGIN, BEGIN + 15 * SECOND), false);
            let outside = hosts::anywhere(&mut random, false);
            busy::of(&mut trace, &mut random, "ack_flood", (BEGIN, BEGIN + 15 * SECOND, 10_000), outside);
            with_institution(&trace)
        },
    ));
    cases
}

fn with_institution(trace: &Trace) -> Result<Input> {
    let institution =
        institution::parse("evaluation", INSTITUTION).map_err(|problems| anyhow!("{problems}"))?;
    Ok(Input { institution: Some(institution), ..Input::new(trace.to_pcap(), BEGIN + 5 * SECOND) })
}

/// Large downloads of one host, of which only what comes in is seen.
fn download(seed: u64, rate: i64) -> Trace {
    let mut random = Random::named(seed, "download");
    let mut trace = Trace::default();
    let host = hosts::own(false, 10);
    let servers = hosts::many(&mut random, false, 4);
    let mut time = BEGIN;
    let mut number = 0usize;
    while time < BEGIN + 10 * SECOND {
        let place = number % servers.len().max(1);
        let server = end(servers.get(place).copied().unwrap_or(host), 443);
        let sequence = (number / servers.len().max(1) * 1_400) as u32;
        let client = end(host, 50_000 + place as u16);
        trace.add(time, &tcp(server, client, flags::ACK, (sequence, 1), &[7; 1_400]));
        time += SECOND / rate;
        number += 1;
    }
    trace
}
