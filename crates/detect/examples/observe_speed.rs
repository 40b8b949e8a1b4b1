//! What one record costs the detector, without reading or decoding it: nanoseconds of CPU time per record.
//!
//! `cargo run --release -p detect --example observe_speed [SUBJECT] [--learn] [--once]`. The records are made beforehand, the
//! median of five runs is printed (`--once`: of one, for instruction counters). Generators are of fixed seeds; nothing here
//! is a test.

use cpu_time::ThreadTime;
use detect::{Detector, Limits, Observation, Scope};
use sketch::{KeyedState, PUBLISHED_KEY};
use wire::{Address, TcpFlags, Time};

const RUNS: usize = 5;
const RECORDS: u64 = 2_000_000;

/// Numbers that look random (Marsaglia 2003, xorshift64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

fn v4(bits: u32) -> Address {
    Address::from_ipv4(bits.to_be_bytes())
}

fn at(microseconds: u64) -> Time {
    Time::from_nanoseconds(1_780_000_000_000_000_000 + microseconds as i64 * 1_000)
}

/// A forged SYN flood of a million packets a second.
fn forged_syn(targets: u32) -> Vec<Observation> {
    let mut numbers = Numbers(88_172_645_463_325_252);
    let make = |number: u64| Observation {
        time: at(number),
        last: at(number),
        source: v4(0x0100_0000 + number as u32 * 37),
        destination: v4(0xcb00_4000 + number as u32 % targets),
        protocol: 6,
        first_protocol: 6,
        source_port: numbers.next() as u16 | 1024,
        destination_port: 443,
        tcp_flags: TcpFlags(2),
        packets: 1,
        bytes: 40,
        sampling: 1,
        ..Observation::default()
    };
    (0..RECORDS).map(make).collect()
}

/// Flow records of a network of that many hosts: 57,000 flows seen again and again, at `rate` records a second.
fn flows(targets: u32, rate: u64, is_tcp: bool, two_way: bool) -> Vec<Observation> {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let ring: Vec<_> = (0..57_344).map(|_| (numbers.next(), numbers.next())).collect();
    let make = |number: u64| {
        let (one, two) = ring[number as usize % ring.len()];
        let time = at(number * 1_000_000 / rate);
        let client = (v4(0xc612_0000 | one as u32 & 0x1_ffff), (one >> 20) as u16 | 1024);
        let server = (v4(0x0a14_0000 + (two % u64::from(targets)) as u32), 443);
        let answers = two_way && number / ring.len() as u64 % 2 == 1;
        let (from, to) = if answers { (server, client) } else { (client, server) };
        Observation {
            time,
            last: time,
            duration_nanoseconds: 1_000_000_000,
            source: from.0,
            destination: to.0,
            protocol: if is_tcp { 6 } else { 17 },
            first_protocol: if is_tcp { 6 } else { 17 },
            source_port: from.1,
            destination_port: to.1,
            tcp_flags: TcpFlags(if is_tcp { 0x1b } else { 0 }),
            packets: 10,
            bytes: 5_000,
            sampling: 1,
            flow_packets: 10,
            ..Observation::default()
        }
    };
    (0..RECORDS).map(make).collect()
}

/// Those of [`flows`] over TCP, as packets of which one in a thousand is looked at (sFlow).
fn samples(targets: u32) -> Vec<Observation> {
    let mut records = flows(targets, 840_000, true, true);
    for record in &mut records {
        record.tcp_flags = TcpFlags(0x18);
        (record.duration_nanoseconds, record.flow_packets) = (0, 0);
        (record.packets, record.bytes, record.sampling) = (1_000, 1_000_000, 1_000);
    }
    records
}

/// A network of /16, as an institution would declare it.
const INSTITUTION: &str = r#"
[institution]
name = "Speed"
time_zone = "UTC"
[zone.public]
prefixes = ["10.20.0.0/16", "203.0.0.0/16"]
exposure = "internet"
"#;

fn scope() -> Scope {
    let institution = institution::parse("speed.toml", INSTITUTION).unwrap_or_else(|_| std::process::abort());
    Scope::of(institution, KeyedState::new(PUBLISHED_KEY))
}

fn run(records: &[Observation]) -> (f64, usize) {
    let mut detector = Detector::new(scope(), &Limits::default(), PUBLISHED_KEY);
    if is_given("--learn") {
        detector.learn(detect::Learning::default());
    }
    let start = ThreadTime::now();
    for record in records {
        detector.observe(record);
    }
    detector.finish();
    let seconds = start.elapsed().as_secs_f64();
    (seconds * 1e9 / records.len() as f64, detector.take_events().len())
}

fn is_given(option: &str) -> bool {
    std::env::args().any(|argument| argument == option)
}

type Make = fn() -> Vec<Observation>;

fn main() {
    let wanted = std::env::args().nth(1).filter(|wanted| !wanted.starts_with("--"));
    let count = if is_given("--once") { 1 } else { RUNS };
    let subjects: [(&str, Make); 10] = [
        ("syn_1", || forged_syn(1)),
        ("syn_10000", || forged_syn(10_000)),
        ("udp_one_way_1000", || flows(1_000, 840_000, false, false)),
        ("udp_one_way_65536", || flows(65_536, 840_000, false, false)),
        ("tcp_one_way_1000", || flows(1_000, 840_000, true, false)),
        ("tcp_one_way_65536", || flows(65_536, 840_000, true, false)),
        ("tcp_both_ways_1000", || flows(1_000, 840_000, true, true)),
        ("tcp_both_ways_65536", || flows(65_536, 840_000, true, true)),
        ("samples_1000", || samples(1_000)),
        ("samples_65536", || samples(65_536)),
    ];
    for (name, make) in subjects {
        if wanted.as_deref().is_some_and(|wanted| wanted != name) {
            continue;
        }
        let records = make();
        let mut runs: Vec<_> = (0..count).map(|_| run(&records)).collect();
        runs.sort_by(|a, b| a.0.total_cmp(&b.0));
        println!("{name:<26} {:>7.1} ns a record ({} events)", runs[count / 2].0, runs[0].1);
    }
}
