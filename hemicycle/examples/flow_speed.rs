//! What the service does with the datagrams of exporters, without a socket: nanoseconds of CPU time for each.
//!
//! `cargo run --release -p hemicycle --example flow_speed [v9|ipfix] [HOSTS] [RATE] [--prepared] [--once]`. The traffic is that
//! of `lab throughput`: conversations of 131,072 clients with so many hosts of a /16, at RATE datagrams a second of the data's
//! time (30,000), with learning. The median of five runs is printed (`--once`: of one, for instruction counters); nothing
//! here is a test. `--prepared`: records go through a batch, as with several workers.

use cpu_time::ThreadTime;
use detect::{Batch, Detector, Learning, Limits, Observation, Preparer, Scope};
use hemicycle::exporters::{Exporters, Judge, Known};
use intake::collect::{FingerprintKey, Repeats, Senders, Skew, Standing};
use sketch::{KeyedState, PUBLISHED_KEY};
use wire::flow::{FlowDecoder, FlowSink};
use wire::{Address, FlowRecord, Time};

const RUNS: usize = 5;
const DATAGRAMS: usize = 60_000;
/// Different ones; then they come again with other times.
const RING: usize = 2_048;
const EPOCH_NANOSECONDS: i64 = 1_780_000_000_000_000_000;
const BATCH_RECORDS: usize = 512;
const INSTITUTION: &str = "[institution]\nname = \"Speed\"\ntime_zone = \"UTC\"\n[zone.hosts]\nprefixes = [\"10.20.0.0/16\"]\n\
    exposure = \"internet\"\n[exporter.local]\naddress = \"127.0.0.1\"\n";
const NETFLOW9_FIELDS: [(u16, u16); 16] = [
    (8, 4),
    (12, 4),
    (7, 2),
    (11, 2),
    (4, 1),
    (6, 1),
    (5, 1),
    (13, 1),
    (10, 4),
    (14, 4),
    (2, 4),
    (1, 4),
    (22, 4),
    (21, 4),
    (16, 4),
    (17, 4),
];
const IPFIX_FIELDS: [(u16, u16); 14] = [
    (8, 4),
    (12, 4),
    (7, 2),
    (11, 2),
    (4, 1),
    (6, 1),
    (5, 1),
    (13, 1),
    (10, 4),
    (14, 4),
    (2, 8),
    (1, 8),
    (152, 8),
    (153, 8),
];

/// Numbers that look random (Marsaglia 2003, xorshift64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// An exporter of one protocol.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Export {
    Netflow9,
    Ipfix,
}

impl Export {
    const fn records(self) -> usize {
        if matches!(self, Self::Netflow9) { 28 } else { 24 }
    }

    const fn header_bytes(self) -> usize {
        if matches!(self, Self::Netflow9) { 20 } else { 16 }
    }

    /// Header and one set around its content.
    fn framed(self, set: u16, body: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; self.header_bytes()];
        bytes[1] = if self == Self::Netflow9 { 9 } else { 10 };
        let length = (self.header_bytes() + 4 + body.len()) as u16;
        if self == Self::Ipfix {
            bytes[2..4].copy_from_slice(&length.to_be_bytes());
        }
        bytes.extend(set.to_be_bytes());
        bytes.extend((4 + body.len() as u16).to_be_bytes());
        bytes.extend(body);
        bytes
    }

    fn templates(self) -> Vec<u8> {
        let fields: &[_] = if self == Self::Netflow9 { &NETFLOW9_FIELDS } else { &IPFIX_FIELDS };
        let mut body: Vec<u8> = [256, fields.len() as u16].into_iter().flat_map(u16::to_be_bytes).collect();
        body.extend(
            fields.iter().flat_map(|&(element, length)| [element, length]).flat_map(u16::to_be_bytes),
        );
        self.framed(if self == Self::Netflow9 { 0 } else { 2 }, &body)
    }

    fn record(self, body: &mut Vec<u8>, (from, to): ((u32, u16), (u32, u16))) {
        body.extend([from.0, to.0].into_iter().flat_map(u32::to_be_bytes));
        body.extend([from.1, to.1].into_iter().flat_map(u16::to_be_bytes));
        body.extend([6, 0x18, 0, 24]);
        body.extend([1_u32, 2].into_iter().flat_map(u32::to_be_bytes));
        if self == Self::Netflow9 {
            body.extend([10_u32, 5_000, 0, 0, 64_512, 64_513].into_iter().flat_map(u32::to_be_bytes));
        } else {
            body.extend([10_u64, 5_000, 0, 0].into_iter().flat_map(u64::to_be_bytes));
        }
    }

    /// Sets times and the sequence number.
    fn stamp(self, bytes: &mut [u8], now_nanoseconds: i64, number: u32, numbers: &mut Numbers) {
        let put =
            |bytes: &mut [u8], at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
        let milliseconds = now_nanoseconds / 1_000_000;
        let seconds = ((now_nanoseconds / 1_000_000_000) as u32).to_be_bytes();
        let uptime = (milliseconds - EPOCH_NANOSECONDS / 1_000_000 + 3_600_000) as u32;
        let record_bytes = (bytes.len() - self.header_bytes() - 4) / self.records();
        if self == Self::Netflow9 {
            put(bytes, 4, &uptime.to_be_bytes());
            put(bytes, 8, &seconds);
            put(bytes, 12, &number.to_be_bytes());
        } else {
            put(bytes, 4, &seconds);
            put(bytes, 8, &number.wrapping_mul(self.records() as u32).to_be_bytes());
        }
        for place in 1..=self.records() {
            let at = self.header_bytes() + 4 + place * record_bytes - 16;
            let ages = [500 + numbers.below(500), numbers.below(500)];
            for (part, age) in ages.into_iter().enumerate() {
                if self == Self::Netflow9 {
                    put(bytes, at + 4 * part, &(uptime - age as u32).to_be_bytes());
                } else {
                    put(bytes, at + 8 * part, &(milliseconds - age as i64).to_be_bytes());
                }
            }
        }
    }

    fn ring(self, hosts: u64) -> Vec<Vec<u8>> {
        let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
        let mut datagram = || {
            let mut body = Vec::new();
            for _ in 0..self.records() / 2 {
                let client =
                    (0xc612_0000 + numbers.below(1 << 17) as u32, 1024 + numbers.below(60_000) as u16);
                let server = (0x0a14_0000 + numbers.below(hosts) as u32, 443);
                self.record(&mut body, (client, server));
                self.record(&mut body, (server, client));
            }
            self.framed(256, &body)
        };
        (0..RING).map(|_| datagram()).collect()
    }
}

/// As a worker of the service has it.
struct Reader {
    senders: Senders,
    repeats: Repeats,
    skew: Skew,
    fingerprints: FingerprintKey,
    exporters: Exporters,
    decoder: FlowDecoder,
    detector: Detector,
    preparer: Preparer,
    batch: Batch,
    prepares: bool,
}

struct Records<'a> {
    exporter: Judge<'a>,
    detector: &'a mut Detector,
    preparer: &'a Preparer,
    batch: &'a mut Batch,
    prepares: bool,
    arrival: Time,
    correction_nanoseconds: i64,
}

impl FlowSink for Records<'_> {
    #[inline(always)]
    fn flow(&mut self, record: &FlowRecord) {
        let Known::Counts { sampling } = self.exporter.judge(record) else { return };
        let mut observation = Observation::of_flow(self.arrival, record, sampling);
        if record.last.is_some() {
            observation = observation.by_our_clock(self.correction_nanoseconds);
        }
        if self.prepares {
            self.batch.push(self.preparer, &observation);
            if self.batch.len() >= BATCH_RECORDS {
                self.detector.observe_batch(self.batch);
            }
        } else {
            self.detector.observe(&observation);
        }
    }
}

impl Reader {
    fn new(prepares: bool) -> Self {
        let institution =
            institution::parse("speed.toml", INSTITUTION).unwrap_or_else(|_| std::process::abort());
        let exporters = Exporters::new(Some(&institution));
        let mut senders = Senders::new(PUBLISHED_KEY);
        senders.declare([Address::from_ipv4([127, 0, 0, 1])]);
        let scope = Scope::of(institution, KeyedState::new(PUBLISHED_KEY));
        let mut detector = Detector::new(scope, &Limits::default(), PUBLISHED_KEY);
        detector.learn(Learning::default());
        Self {
            senders,
            repeats: Repeats::new(),
            skew: Skew::new(),
            fingerprints: FingerprintKey::new(PUBLISHED_KEY),
            exporters,
            decoder: FlowDecoder::new(wire::flow::Limits::default(), PUBLISHED_KEY),
            detector,
            preparer: Preparer::new(PUBLISHED_KEY),
            batch: Batch::default(),
            prepares,
        }
    }

    fn take(&mut self, export: Export, arrival: Time, datagram: &[u8]) -> u32 {
        let sender = Address::from_ipv4([127, 0, 0, 1]);
        let Standing::Declared(place) = self.senders.judge(sender, datagram, arrival) else { return 0 };
        if self.repeats.is_repeated(&self.fingerprints, datagram) {
            return 0;
        }
        let at = if export == Export::Netflow9 { 8 } else { 4 };
        let seconds = datagram[at..].first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes));
        let exported = Time::from_seconds(i64::from(seconds), 0);
        self.skew.observe(arrival, exported);
        let correction_nanoseconds = self.skew.correction_nanoseconds(arrival, exported);
        let Some(exporter) = self.exporters.at(place) else { return 0 };
        let Self { detector, preparer, batch, prepares, .. } = self;
        let prepares = *prepares;
        let mut records =
            Records { exporter, detector, preparer, batch, prepares, arrival, correction_nanoseconds };
        self.decoder.decode(sender, arrival, datagram, &mut records).records
    }
}

fn run(export: Export, hosts: u64, rate: i64, prepares: bool) -> (f64, usize) {
    let mut ring = export.ring(hosts);
    let mut numbers = Numbers(88_172_645_463_325_252);
    let mut reader = Reader::new(prepares);
    reader.take(export, Time::from_nanoseconds(EPOCH_NANOSECONDS), &export.templates());
    let (mut seconds, mut records) = (0.0, 0_u64);
    for first in (0..DATAGRAMS).step_by(64) {
        let now = EPOCH_NANOSECONDS + first as i64 * 1_000_000_000 / rate;
        for number in first..first + 64 {
            export.stamp(&mut ring[number % RING], now, number as u32, &mut numbers);
        }
        let start = ThreadTime::now();
        for number in first..first + 64 {
            records += u64::from(reader.take(export, Time::from_nanoseconds(now), &ring[number % RING]));
        }
        seconds += start.elapsed().as_secs_f64();
    }
    assert_eq!(records as usize, DATAGRAMS.next_multiple_of(64) * export.records());
    (seconds * 1e9 / DATAGRAMS as f64, reader.detector.take_events().len())
}

fn main() {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let is_given = |option: &str| given.iter().any(|argument| argument == option);
    let plain: Vec<&String> = given.iter().filter(|argument| !argument.starts_with("--")).collect();
    let number = |place: usize| plain.get(place).and_then(|text| text.parse::<u64>().ok());
    let rate = number(2).unwrap_or(30_000) as i64;
    let count = if is_given("--once") { 1 } else { RUNS };
    for (name, export) in [("v9", Export::Netflow9), ("ipfix", Export::Ipfix)] {
        for hosts in [1_000, 65_536] {
            let is_wanted = plain.first().is_none_or(|wanted| *wanted == name)
                && number(1).is_none_or(|wanted| wanted == hosts);
            if is_wanted {
                let mut runs: Vec<_> =
                    (0..count).map(|_| run(export, hosts, rate, is_given("--prepared"))).collect();
                runs.sort_by(|a, b| a.0.total_cmp(&b.0));
                println!(
                    "{name:<6} {hosts:>6} hosts {:>8.0} ns a datagram ({} events)",
                    runs[count / 2].0,
                    runs[0].1
                );
            }
        }
    }
}
