//! Generated floods and their near misses, as packets and as a router would export them.

use std::net::IpAddr;

use anyhow::Result;
use detect::Vector;

use super::case::{Case, Input};
use super::score::{Expected, On};
use crate::random::Random;
use crate::trace::Trace;
use crate::traffic::busy::{self, background};
use crate::traffic::export;
use crate::traffic::flood::{Plan, send};
use crate::traffic::hosts;
use crate::traffic::ordinary::SECOND;

/// When generated traffic begins.
pub(crate) const BEGIN: i64 = 1_780_000_000 * SECOND;
/// Ordinary traffic before a flood.
const QUIET_SECONDS: i64 = 5;
/// How long near misses last.
const NEAR_MISS_SECONDS: i64 = 12;
/// Packets a second of ordinary traffic that might be taken for a flood.
const NEAR_MISS_RATES: [u64; 3] = [200, 2_000, 20_000];

/// The floods of each name: weak, middle and strong, from few hosts and from many.
const PLANS: [Plan; 5] = [
    Plan { rate: 400, sources: 20, one_way: false, seconds: 25.0, ipv6: false },
    Plan { rate: 2_000, sources: 0, one_way: true, seconds: 8.0, ipv6: false },
    Plan { rate: 2_000, sources: 1, one_way: false, seconds: 8.0, ipv6: true },
    Plan { rate: 50_000, sources: 5_000, one_way: true, seconds: 3.0, ipv6: true },
    Plan { rate: 50_000, sources: 20, one_way: false, seconds: 2.0, ipv6: false },
];

/// The floods that are exported: strong ones.
const EXPORTED: Plan = Plan { rate: 50_000, sources: 2_000, one_way: false, seconds: 4.0, ipv6: false };
/// Packets a second of the near misses that are exported.
const EXPORTED_RATE: u64 = 3_000;
/// How long the near misses that are exported last: longer than a router waits for a silent flow.
const EXPORTED_SECONDS: i64 = 40;

/// Names that are equally right for a flood that was generated under this one.
fn names(name: &str) -> Vec<String> {
    let other = match name {
        "tcp_reflection" => Some("syn_ack_flood"),
        "syn_ack_flood" => Some("tcp_reflection"),
        _ => None,
    };
    std::iter::once(name).chain(other).map(str::to_owned).collect()
}

/// The target of generated floods.
fn target(ipv6: bool) -> IpAddr {
    hosts::own(ipv6, 10)
}

fn flood(name: &str, plan: &Plan, seed: u64) -> Trace {
    let mut random = Random::named(seed, &format!("{name} {}", plan.text()));
    let mut trace = Trace::default();
    let begins = BEGIN + QUIET_SECONDS * SECOND;
    let ends = begins + (plan.seconds * SECOND as f64) as i64 + 2 * SECOND;
    background(&mut trace, &mut random, (BEGIN, ends), plan.ipv6);
    // A reflection has reflectors; one of them is as good as any number for the rest.
    let reflects = name.ends_with("_amplification") || name == "tcp_reflection";
    let sources = if plan.sources == 1 && reflects { 20 } else { plan.sources };
    send(&mut trace, &mut random, name, &Plan { sources, ..*plan }, (begins, target(plan.ipv6)));
    trace.sort();
    if plan.one_way { inbound(&trace, plan.ipv6) } else { trace }
}

/// What goes to the protected network.
fn inbound(trace: &Trace, ipv6: bool) -> Trace {
    let own = wire::Address::from(hosts::own(ipv6, 0)).bits() >> 8;
    let mut trace = trace.clone();
    trace.retain(|seen| {
        let packet = wire::packet::decode(wire::packet::LinkType::RAW, seen.bytes);
        packet.is_ok_and(|packet| packet.outer.destination.bits() >> 8 == own)
    });
    trace
}

fn near_miss(name: &str, (rate, seconds): (u64, i64), ipv6: bool, seed: u64) -> Trace {
    let mut random = Random::named(seed, &format!("near {name} {rate} {ipv6}"));
    let mut trace = Trace::default();
    let when = (BEGIN, BEGIN + seconds * SECOND);
    background(&mut trace, &mut random, when, ipv6);
    busy::of(&mut trace, &mut random, name, (when.0, when.1, rate), target(ipv6));
    trace
}

/// For each name floods and near misses.
pub(crate) fn vectors(seed: u64) -> Vec<Case> {
    let mut cases = Vec::new();
    for name in Vector::of_packets().iter().map(|vector| vector.name()) {
        for (place, plan) in PLANS.into_iter().enumerate() {
            let seed = seed + place as u64 % 2;
            let title = format!("flood/{name}/{} seed {seed}", plan.text());
            let expected =
                Expected::Flood { names: names(name), on: On::Address(target(plan.ipv6)), out: false };
            cases.push(Case::new(name, title, expected, move || {
                Ok(Input::new(flood(name, &plan, seed).to_pcap(), BEGIN + QUIET_SECONDS * SECOND))
            }));
        }
        for (place, rate) in NEAR_MISS_RATES.into_iter().enumerate() {
            let (seed, ipv6) = (seed + place as u64, place == 1);
            let title = format!("near miss/{name}/{rate}pps seed {seed}");
            cases.push(Case::new(name, title, Expected::Quiet, move || {
                Ok(Input::new(near_miss(name, (rate, NEAR_MISS_SECONDS), ipv6, seed).to_pcap(), BEGIN))
            }));
        }
    }
    cases
}

/// A way to export.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Export {
    Ipfix(i64),
    Sflow,
}

impl Export {
    const ALL: [(Self, &'static str); 3] =
        [(Self::Ipfix(1), "ipfix 1 s"), (Self::Ipfix(60), "ipfix 60 s"), (Self::Sflow, "sflow 1:1000")];

    /// Whether a flood of this name can be seen in it at all: records have no payload, and a sample of one packet
    /// in a thousand does not show whether a connection was completed.
    fn shows(self, name: &str) -> bool {
        match self {
            Self::Ipfix(_) => name != "tls_handshake_flood",
            Self::Sflow => !matches!(name, "connection_flood" | "tls_handshake_flood"),
        }
    }

    fn of(self, trace: &Trace, seed: u64) -> Trace {
        match self {
            Self::Ipfix(seconds) => export::ipfix(trace, seconds),
            Self::Sflow => export::sflow(trace, &mut Random::named(seed, "sflow"), 1_000),
        }
    }
}

/// Strong floods and near misses as a router exports them.
pub(crate) fn exported(seed: u64) -> Vec<Case> {
    let mut cases = Vec::new();
    for (export, set) in Export::ALL {
        for name in Vector::of_packets().iter().map(|vector| vector.name()) {
            let mut named = names(name);
            if export != Export::Sflow {
                named.extend(export::names_in_records(name));
            }
            if export.shows(name) {
                let expected = Expected::Flood { names: named, on: On::Address(target(false)), out: false };
                let title = format!("{set} flood/{name} seed {seed}");
                cases.push(Case::new(format!("{set}: floods"), title, expected, move || {
                    let trace = export.of(&flood(name, &EXPORTED, seed), seed);
                    Ok(Input::new(trace.to_pcap(), BEGIN + QUIET_SECONDS * SECOND))
                }));
            }
            let make = move || -> Result<Input> {
                let trace = export.of(&near_miss(name, (EXPORTED_RATE, EXPORTED_SECONDS), false, seed), seed);
                Ok(Input::new(trace.to_pcap(), BEGIN))
            };
            let title = format!("{set} near miss/{name} seed {seed}");
            cases.push(Case::new(format!("{set}: near misses"), title, Expected::Quiet, make));
        }
    }
    cases
}

/// The bars of this part.
pub(crate) fn bar_names() -> Vec<String> {
    let vectors = Vector::of_packets().iter().map(|vector| vector.name().to_owned());
    let exported = Export::ALL.iter();
    let exported = exported.flat_map(|(_, set)| [format!("{set}: floods"), format!("{set}: near misses")]);
    vectors.chain(exported).collect()
}
