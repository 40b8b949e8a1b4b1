//! One flood of forged sources through the pipeline, with its speed in tenths.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use cpu_time::ThreadTime;
use detect::{Event, Phase};
use hemicycle::pipeline::Listener;
use intake::Visitor as _;
use serde_json::{Value, json};
use wire::packet::{LinkType, decode};
use wire::{Address, Time};

use crate::live::datagram::{Datagram, Exporter, Protocol, Record};
use crate::live::feed::Feed;
use crate::live::processor;
use crate::random::{Random, mix};
use crate::traffic::packet::{end, flags, tcp};

/// Records a second of the data's time.
const RECORDS_PER_SECOND: i64 = 1_000_000;
/// When it begins, in nanoseconds since 1970.
const EPOCH: i64 = 1_780_000_000_000_000_000;
/// Records made in advance, outside the time that is taken.
const BATCH: u64 = 28 * 256;
/// First of the 65,536 protected addresses.
const FIRST_TARGET: u32 = u32::from_be_bytes([10, 20, 0, 0]);

/// What is fed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Input {
    /// NetFlow v9 datagrams.
    Netflow,
    /// SYN packets.
    Packets,
}

impl Input {
    /// All of them.
    pub(super) const ALL: [Self; 2] = [Self::Netflow, Self::Packets];

    /// As on the command line.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Netflow => "netflow",
            Self::Packets => "packets",
        }
    }
}

/// Counts floods and keeps nothing.
#[derive(Default)]
struct Count {
    floods: u64,
}

impl Listener for Count {
    fn event(&mut self, event: &Event) {
        let flood = event.line();
        self.floods += u64::from(flood.phase == Phase::Start);
    }
}

/// Sources that never repeat and targets at random.
struct Forger {
    random: Random,
    key: u32,
    next: u32,
}

impl Forger {
    /// A bijection of 32 bits: an odd factor and a shift, with a key.
    fn source(&mut self) -> IpAddr {
        let number = self.next.wrapping_mul(0x9e37_79b1) ^ self.key;
        self.next = self.next.wrapping_add(1);
        IpAddr::V4(Ipv4Addr::from_bits(number ^ number >> 16))
    }

    fn target(&mut self) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from_bits(FIRST_TARGET + self.random.below(1 << 16) as u32))
    }
}

/// Feeds that many sources. Gives memory, speed and what did not fit.
pub(super) fn run(input: Input, sources: u64, seed: u64) -> Result<Value> {
    const FILE: &str = "[institution]\nname = \"Memory\"\ntime_zone = \"UTC\"\n[zone.hosts]\nprefixes = [\"10.20.0.0/16\"]\n\
                        exposure = \"internet\"\n[exporter.one]\naddress = \"127.0.0.1\"\n";
    ensure!(sources < 1 << 32, "there are no more IPv4 addresses");
    let institution = institution::parse("memory.toml", FILE).ok().context("the institution")?;
    let mut count = Count::default();
    let mut feed = Feed::new(institution, &mut count);
    let mut forger = Forger { random: Random::named(seed, "memory"), key: mix(seed) as u32, next: 0 };
    let mut exporter = Exporter::new(Protocol::Netflow9, 1, EPOCH);
    let from = Address::from_ipv4([127, 0, 0, 1]);
    if let Some(templates) = exporter.templates(EPOCH) {
        feed.datagram(from, time(0), &templates);
    }
    let mut tenths = [(0u64, Duration::ZERO); 10];
    let mut done = 0;
    while done < sources {
        let place = (done * 10 / sources) as usize;
        let spent = match input {
            Input::Netflow => netflow(&mut forger, &mut exporter, done, from, &mut feed),
            Input::Packets => packets(&mut forger, done, &mut feed),
        };
        done += BATCH;
        if let Some((records, time)) = tenths.get_mut(place) {
            *records += BATCH;
            *time += spent;
        }
        feed.pipeline().advance(time(done));
    }
    let speeds: Vec<f64> =
        tenths.iter().map(|(records, time)| *records as f64 / time.as_secs_f64().max(1e-9) / 1e6).collect();
    let ran = feed.finish();
    ensure!(ran.records >= sources, "only {} of {sources} records came through", ran.records);
    let counters = ran.counters;
    let peak = processor::own_peak_memory().context("VmHWM")?;
    let refused = format!(
        "targets: {} evicted, {} refused; conversations: {} evicted; suspects: {} refused",
        counters.targets_evicted,
        counters.targets_refused,
        counters.conversations_evicted,
        counters.suspects_refused
    );
    Ok(json!({"kind": "memory", "input": input.name(), "sources": done, "peak_bytes": peak,
        "million_per_second": speeds, "floods": count.floods, "refused": refused}))
}

fn time(records: u64) -> Time {
    let nanoseconds = records as i64 * (1_000_000_000 / RECORDS_PER_SECOND);
    Time::from_seconds(0, 0).plus_nanoseconds(EPOCH + nanoseconds)
}

fn netflow(
    forger: &mut Forger,
    exporter: &mut Exporter,
    done: u64,
    from: Address,
    feed: &mut Feed<'_, Count>,
) -> Duration {
    let each = Protocol::Netflow9.records() as u64;
    let mut datagrams: Vec<(Time, Datagram)> = Vec::new();
    for number in 0..BATCH / each {
        let records: Vec<Record> = (0..each).map(|_| forged(forger)).collect();
        let arrival = time(done + number * each);
        let mut datagram = exporter.datagram(&records);
        exporter.stamp(arrival.nanoseconds(), &mut datagram);
        datagrams.push((arrival, datagram));
    }
    let begin = ThreadTime::now();
    datagrams.iter().for_each(|(arrival, datagram)| feed.datagram(from, *arrival, &datagram.bytes));
    begin.elapsed()
}

fn forged(forger: &mut Forger) -> Record {
    Record {
        source: forger.source(),
        destination: forger.target(),
        ports: (forger.random.client_port(), 443),
        protocol: 6,
        flags: flags::SYN,
        packets: 1,
        packet_bytes: 40,
        ages: (0, 0),
    }
}

fn packets(forger: &mut Forger, done: u64, feed: &mut Feed<'_, Count>) -> Duration {
    let packet = |forger: &mut Forger, number: u64| {
        let (source, target) = (forger.source(), forger.target());
        let numbers = (forger.random.bits() as u32, 0);
        let bytes = tcp(end(source, forger.random.client_port()), end(target, 443), flags::SYN, numbers, &[]);
        (time(done + number), bytes)
    };
    let frames: Vec<(Time, Vec<u8>)> = (0..BATCH).map(|number| packet(forger, number)).collect();
    let begin = ThreadTime::now();
    for (arrival, frame) in &frames {
        if let Ok(decoded) = decode(LinkType::RAW, frame) {
            feed.pipeline().packet(0, *arrival, &decoded);
        }
    }
    begin.elapsed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_never_repeat() {
        let mut forger = Forger { random: Random::new(1), key: 7, next: 0 };
        let mut seen: Vec<IpAddr> = (0..200_000).map(|_| forger.source()).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 200_000);
    }

    #[test]
    fn both_inputs_come_through() {
        for input in Input::ALL {
            let found = run(input, 2 * BATCH, 1).unwrap();
            assert_eq!(found["sources"], 2 * BATCH);
            assert!(found["peak_bytes"].as_u64().unwrap() > 1 << 20);
        }
    }
}
