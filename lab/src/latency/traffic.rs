//! The datagrams of a scene, in ticks of 10 ms.
//!
//! Ordinary traffic is over-dispersed: its rate is B times a gamma distributed factor for every 10 s (coefficient of
//! variation 0.1) times one for every 100 ms (0.3), and packets are Poisson around that. Clients are a pool that stays,
//! seven in ten over TCP with connections that stay, the others over QUIC with a new connection every ten seconds, and the
//! hosts answer. What is added by a step comes over UDP to the port
//! of QUIC from sources that are forged, and nobody answers it: the same port and size as a part of the ordinary traffic.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::scene::{Act, Export, Kind, Scene};
use crate::live::datagram::{Exporter, Protocol, Record};
use crate::random::Random;

/// Length of a tick in seconds.
pub(super) const TICK_SECONDS: f64 = 0.01;
/// Clients of each host at least, and packets a second of each.
const CLIENTS: u64 = 2_000;
const PACKETS_PER_CLIENT: f64 = 50.0;
/// Length of a connection over QUIC.
const CONNECTION_TICKS: u64 = 1_000;
/// Coefficients of variation, for 10 s and for 100 ms.
pub(super) const VARIATIONS: [f64; 2] = [0.1, 0.3];
/// Packets of a short record.
const PACKETS_PER_RECORD: u64 = 20;
/// Packets that one sample stands for.
const SFLOW_RATE: f64 = 1_000.0;
/// Ordinary packets a second of the IPv6 host.
const FEW_RECORDS_ORDINARY: f64 = 2_000.0;
/// Long flows: how many, their packets and seconds, and when they arrive first.
const LONG_FLOWS: u32 = 30;
const LONG_FLOW_PACKETS: u32 = 10_000;
const LONG_FLOW_SECONDS: f64 = 60.0;
const LONG_FLOWS_FIRST: f64 = 5.0;

/// A datagram and which exporter sends it.
pub(super) struct Sent {
    pub(super) export: Export,
    pub(super) bytes: Vec<u8>,
}

/// Over-dispersion of one act's ordinary traffic.
#[derive(Clone, Copy, Default)]
struct Modulation {
    slow: f64,
    fast: f64,
}

/// The generator.
pub(super) struct Traffic<'a> {
    scene: &'a Scene,
    random: Random,
    modulations: Vec<Modulation>,
    sflow: Exporter,
    netflow: Exporter,
    tick: u64,
    /// When the first datagram of each act's flood was made, in seconds; `None`: not yet.
    pub(super) flooded: Vec<Option<f64>>,
    samples: Vec<Record>,
    flows: [Vec<Record>; 2],
}

impl<'a> Traffic<'a> {
    /// The traffic of a scene; `epoch` is its start in nanoseconds since 1970.
    pub(super) fn new(scene: &'a Scene, seed: u64, epoch: i64) -> Self {
        Self {
            scene,
            random: Random::named(seed, "latency"),
            modulations: vec![Modulation::default(); scene.acts.len()],
            sflow: Exporter::new(Protocol::Sflow, 0, epoch),
            netflow: Exporter::new(Protocol::Netflow9, 1, epoch),
            tick: 0,
            flooded: vec![None; scene.acts.len()],
            samples: Vec::new(),
            flows: [Vec::new(), Vec::new()],
        }
    }

    /// Seconds from the start to the next tick; `None`: the scene is over.
    pub(super) fn next(&self) -> Option<f64> {
        let time = self.tick as f64 * TICK_SECONDS;
        (time < self.scene.seconds).then_some(time)
    }

    /// The datagrams of the next tick, which is sent at `now` (nanoseconds since 1970).
    pub(super) fn tick(&mut self, now: i64) -> Vec<Sent> {
        let time = self.tick as f64 * TICK_SECONDS;
        let scene = self.scene;
        for (place, act) in scene.acts.iter().enumerate() {
            self.modulate(place);
            self.ordinary(place, act, time);
            self.flood(place, act, time);
        }
        let datagrams = self.datagrams(now);
        self.tick += 1;
        datagrams
    }

    fn modulate(&mut self, place: usize) {
        let Some(modulation) = self.modulations.get_mut(place) else { return };
        if self.tick.is_multiple_of(1_000) {
            modulation.slow = self.random.gamma(VARIATIONS[0] * self.scene.dispersion);
        }
        if self.tick.is_multiple_of(10) {
            modulation.fast = self.random.gamma(VARIATIONS[1] * self.scene.dispersion);
        }
    }

    fn ordinary(&mut self, place: usize, act: &Act, time: f64) {
        let rate = match act.kind {
            Kind::LongFlows => return self.long_flows(act, time),
            Kind::FewRecords => FEW_RECORDS_ORDINARY,
            Kind::Step(_) | Kind::Carpet(_) => self.scene.rate,
        };
        let factor = self.modulations.get(place).map_or(1.0, |modulation| modulation.slow * modulation.fast);
        let packets = rate * factor * TICK_SECONDS;
        match act.export {
            Export::Sflow => {
                for from_client in [true, false] {
                    for _ in 0..self.random.poisson(packets / SFLOW_RATE) {
                        let record = self.conversation(act, 1);
                        self.samples.push(if from_client { record } else { reverse(&record) });
                    }
                }
            }
            Export::Netflow => {
                let mut left = self.random.poisson(packets);
                while left > 0 {
                    let packets = left.min(PACKETS_PER_RECORD);
                    left -= packets;
                    let record = self.conversation(act, packets as u32);
                    self.flows(act).extend([record, reverse(&record)]);
                }
            }
        }
    }

    fn flows(&mut self, act: &Act) -> &mut Vec<Record> {
        let [ipv4, ipv6] = &mut self.flows;
        if act.network.addr().is_ipv6() { ipv6 } else { ipv4 }
    }

    /// What one of the clients sends to one of the hosts.
    fn conversation(&mut self, act: &Act, packets: u32) -> Record {
        let host = act.host(self.random.below(u64::from(act.hosts())) as u8);
        let clients = CLIENTS.max((self.scene.rate / PACKETS_PER_CLIENT) as u64);
        let client = self.random.below(clients) as u32;
        let source = match host {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::from_bits(0x5000_0000 + client * 0x1_0003)),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::new(0x2a02, 0, 0, client as u16, 0, 0, 0, 1)),
        };
        let tcp = client % 10 < 7;
        // Each connection over QUIC begins at its own time and has a port of its own.
        let begun = (self.tick + u64::from(client) * 7) / CONNECTION_TICKS;
        let port =
            if tcp { 33_000 + client % 32_000 } else { 1_024 + (client + 977 * begun as u32) % 64_000 };
        Record {
            source,
            destination: host,
            ports: (port as u16, 443),
            protocol: if tcp { 6 } else { 17 },
            flags: if tcp { 0x18 } else { 0 },
            packets,
            packet_bytes: 500,
            ages: (self.random.between(0, 80) as u32, 0),
        }
    }

    /// The same conversations for ever, told once a minute.
    fn long_flows(&mut self, act: &Act, time: f64) {
        let minutes = (time - LONG_FLOWS_FIRST) / LONG_FLOW_SECONDS;
        if minutes < 0.0 || (minutes - minutes.round()).abs() * LONG_FLOW_SECONDS > TICK_SECONDS / 2.0 {
            return;
        }
        for number in 0..LONG_FLOWS {
            let record = Record {
                source: IpAddr::V4(Ipv4Addr::from_bits(0x5100_0000 + number)),
                destination: act.host(0),
                ports: (50_000 + number as u16, 443),
                protocol: 17,
                flags: 0,
                packets: LONG_FLOW_PACKETS,
                packet_bytes: 500,
                ages: ((LONG_FLOW_SECONDS * 1e3) as u32, 0),
            };
            self.flows(act).extend([record, reverse(&record)]);
        }
    }

    fn flood(&mut self, place: usize, act: &Act, time: f64) {
        if time < act.begin - TICK_SECONDS / 2.0 || time >= act.begin + act.seconds {
            return;
        }
        let made = match act.kind {
            Kind::LongFlows => 0,
            Kind::FewRecords => self.few_records(act, time - act.begin),
            Kind::Step(factor) | Kind::Carpet(factor) => self.excess(act, (factor - 1.0) * self.scene.rate),
        };
        if let Some(flooded) = self.flooded.get_mut(place).filter(|_| made > 0) {
            flooded.get_or_insert(time);
        }
    }

    fn few_records(&mut self, act: &Act, since: f64) -> u64 {
        let eighths = since / 8.0;
        if (eighths - eighths.round()).abs() * 8.0 > TICK_SECONDS / 2.0 {
            return 0;
        }
        let record = Record { packets: 1_000_000, ages: (8_000, 0), ..self.forged(act) };
        self.flows(act).push(record);
        1
    }

    fn excess(&mut self, act: &Act, rate: f64) -> u64 {
        let packets = rate * TICK_SECONDS;
        let records = match act.export {
            Export::Sflow => self.random.poisson(packets / SFLOW_RATE),
            Export::Netflow => self.random.poisson(packets / PACKETS_PER_RECORD as f64),
        };
        for _ in 0..records {
            let record = self.forged(act);
            match act.export {
                Export::Sflow => self.samples.push(record),
                Export::Netflow => {
                    self.flows(act).push(Record { packets: PACKETS_PER_RECORD as u32, ..record });
                }
            }
        }
        records
    }

    fn forged(&mut self, act: &Act) -> Record {
        let host = act.host(self.random.below(u64::from(act.hosts())) as u8);
        let source = match host {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::from_bits(0xc612_0000 | self.random.below(1 << 17) as u32)),
            IpAddr::V6(_) => {
                IpAddr::V6(Ipv6Addr::from_bits(0x2a03_u128 << 112 | u128::from(self.random.bits())))
            }
        };
        Record {
            source,
            destination: host,
            ports: (self.random.between(1_024, 65_000) as u16, 443),
            protocol: 17,
            flags: 0,
            packets: 1,
            packet_bytes: 500,
            ages: (self.random.between(0, 80) as u32, 0),
        }
    }

    fn datagrams(&mut self, now: i64) -> Vec<Sent> {
        let mut sent = Vec::new();
        if self.tick.is_multiple_of(100)
            && let Some(bytes) = self.netflow.templates(now)
        {
            sent.push(Sent { export: Export::Netflow, bytes });
        }
        let [ipv4, ipv6] = &mut self.flows;
        let groups = [
            (Export::Netflow, &mut self.netflow, Protocol::Netflow9, vec![ipv4, ipv6]),
            (Export::Sflow, &mut self.sflow, Protocol::Sflow, vec![&mut self.samples]),
        ];
        for (export, exporter, protocol, lists) in groups {
            for records in lists {
                for chunk in records.chunks(protocol.records()) {
                    let mut datagram = exporter.datagram(chunk);
                    exporter.stamp(now, &mut datagram);
                    sent.push(Sent { export, bytes: datagram.bytes });
                }
                records.clear();
            }
        }
        sent
    }
}

fn reverse(record: &Record) -> Record {
    let ports = (record.ports.1, record.ports.0);
    Record { source: record.destination, destination: record.source, ports, ..*record }
}
