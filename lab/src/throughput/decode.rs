//! How fast flow datagrams are decoded on one core, beside the best public crates.
//!
//! For each protocol one realistic datagram is decoded again and again by one thread, and the thread's CPU time
//! is taken, so that other work on the machine does not count. The best of many batches is printed. All
//! decoders are first shown to find the same number of records. Ours gives finished records (addresses, ports,
//! counters, times, sampling rate, for sFlow the headers inside the sample); the peers give their own
//! structures, from which a user would still have to take the same fields.
//!
//! Limits: one datagram is always in the cache, and its template never changes; a collector also pays for the
//! socket.

use std::hint::black_box;
use std::time::Duration;

use cpu_time::ThreadTime;
use netflow_parser::NetflowParser;
use serde_json::json;
use wire::flow::{FlowDecoder, FlowSink, Limits};
use wire::{Address, FlowRecord, Time};

use crate::report::{Bar, Report};
use crate::table::Table;

/// Datagrams decoded in one batch.
const BATCH: u32 = 4_000;
/// Batches; the best one counts, since interference only ever adds time.
const BATCHES: u32 = 60;
/// Batches for peers, which take longer.
const PEER_BATCHES: u32 = 10;

/// What is measured: a protocol, what it must reach, and its datagrams.
struct Subject {
    name: &'static str,
    bar_million_per_second: f64,
    peer: &'static str,
    template: Option<Vec<u8>>,
    data: Vec<u8>,
    records: u32,
}

/// Sums something of every field group, so that nothing can be left out as unused.
#[derive(Default)]
struct Sum {
    records: u64,
    mixed: u64,
}

impl FlowSink for Sum {
    #[inline]
    fn flow(&mut self, record: &FlowRecord) {
        black_box(record);
        self.records += 1;
        self.mixed = self.mixed.wrapping_add(record.bytes);
    }
}

/// Measures all three protocols: a table and a bar for each.
pub fn run(report: &mut Report) {
    let mut table = Table::new(
        "Decoding one datagram in memory, one core",
        &["protocol", "M records/s", "ns a record", "peer", "M records/s", "ns a record", "ratio"],
    );
    for subject in &[netflow9(), ipfix(), sflow5()] {
        let (ours, peer) = (ours(subject), peer(subject));
        table.row(row(subject, ours, peer, report));
        let (rate, bar) = (million_per_second(ours, subject), subject.bar_million_per_second);
        report.bar(Bar::at_least(&format!("decode {}", subject.name), Some(rate), bar, " M records/s", ""));
    }
    report.table(table);
}

fn million_per_second(batch: Duration, subject: &Subject) -> f64 {
    f64::from(BATCH) * f64::from(subject.records) / batch.as_secs_f64() / 1e6
}

fn row(subject: &Subject, ours: Duration, peer: Duration, report: &Report) -> Vec<String> {
    let (our_rate, peer_rate) = (million_per_second(ours, subject), million_per_second(peer, subject));
    report.line(&json!({"kind": "throughput", "what": subject.name, "million_records_per_second": our_rate,
        "nanoseconds_per_record": 1e3 / our_rate, "peer": subject.peer,
        "peer_million_records_per_second": peer_rate, "peer_nanoseconds_per_record": 1e3 / peer_rate}));
    vec![
        subject.name.to_owned(),
        format!("{our_rate:.1}"),
        format!("{:.1}", 1e3 / our_rate),
        subject.peer.to_owned(),
        format!("{peer_rate:.1}"),
        format!("{:.1}", 1e3 / peer_rate),
        format!("{:.1}", our_rate / peer_rate),
    ]
}

/// The shortest CPU time of a batch.
fn best(batches: u32, mut one: impl FnMut()) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..batches {
        let start = ThreadTime::now();
        for _ in 0..BATCH {
            one();
        }
        best = best.min(start.elapsed());
    }
    best
}

fn ours(subject: &Subject) -> Duration {
    let exporter = Address::from_ipv4([192, 0, 2, 1]);
    let mut decoder = FlowDecoder::new(Limits::default(), *b"throughput bench");
    let mut sink = Sum::default();
    if let Some(template) = &subject.template {
        decoder.decode(exporter, Time::default(), template, &mut sink);
    }
    let outcome = decoder.decode(exporter, Time::default(), &subject.data, &mut sink);
    assert_eq!(outcome.records, subject.records, "{}", subject.name);
    let time = best(BATCHES, || {
        black_box(decoder.decode(exporter, Time::default(), black_box(&subject.data), &mut sink));
    });
    assert_eq!(sink.records, u64::from(subject.records) * (u64::from(BATCH) * u64::from(BATCHES) + 1));
    black_box(sink.mixed);
    time
}

fn peer(subject: &Subject) -> Duration {
    let Some(template) = &subject.template else {
        let parsed = sflow_parser::parse_datagram(&subject.data).map_or(0, |datagram| datagram.samples.len());
        assert_eq!(parsed, subject.records as usize);
        return best(PEER_BATCHES, || {
            let _ = black_box(sflow_parser::parse_datagram(black_box(&subject.data)));
        });
    };
    let mut parser = NetflowParser::default();
    parser.parse_bytes(template);
    best(PEER_BATCHES, || {
        black_box(parser.parse_bytes(black_box(&subject.data)));
    })
}

// ---- datagrams ------------------------------------------------------------------------------------------

/// Element and length of the nineteen fields of a usual NetFlow v9 record of 54 bytes.
const NETFLOW9_FIELDS: [(u16, u16); 19] = [
    (8, 4),
    (12, 4),
    (15, 4),
    (10, 4),
    (14, 4),
    (2, 4),
    (1, 4),
    (22, 4),
    (21, 4),
    (7, 2),
    (11, 2),
    (6, 1),
    (4, 1),
    (5, 1),
    (61, 1),
    (16, 4),
    (17, 4),
    (9, 1),
    (13, 1),
];

/// The same for IPFIX: twenty fields, 71 bytes.
const IPFIX_FIELDS: [(u16, u16); 20] = [
    (8, 4),
    (12, 4),
    (15, 4),
    (10, 4),
    (14, 4),
    (2, 8),
    (1, 8),
    (152, 8),
    (153, 8),
    (7, 2),
    (11, 2),
    (6, 1),
    (4, 1),
    (5, 1),
    (61, 1),
    (16, 4),
    (17, 4),
    (9, 1),
    (13, 1),
    (136, 1),
];

const EXPORTED_SECONDS: u32 = 1_790_000_000;
const UPTIME_MILLISECONDS: u32 = 86_400_000;

/// The value of a field in record `index`, plausible and different for each record.
fn value(element: u16, index: u32) -> u64 {
    let index = u64::from(index);
    match element {
        8 => 0xc612_0000 + index * 257,
        12 => 0xc000_020a,
        15 => 0xc000_02fe,
        10 => 3,
        14 => 4,
        2 => 10 + index,
        1 => 5_000 + 40 * index,
        22 => u64::from(UPTIME_MILLISECONDS) - 2_000 - index,
        21 => u64::from(UPTIME_MILLISECONDS) - index,
        152 => u64::from(EXPORTED_SECONDS) * 1_000 - 2_000 - index,
        153 => u64::from(EXPORTED_SECONDS) * 1_000 - index,
        7 => 1_024 + index,
        11 => 443,
        6 => 0x1b,
        4 => 6,
        16 => 64_512,
        17 => 64_513,
        9 | 13 => 24,
        136 => 1,
        _ => 0,
    }
}

fn set(id: u16, body: &[u8]) -> Vec<u8> {
    let mut out = id.to_be_bytes().to_vec();
    out.extend((body.len() as u16 + 4).to_be_bytes());
    out.extend(body);
    out
}

fn template(set_id: u16, fields: &[(u16, u16)]) -> Vec<u8> {
    let mut body = 256_u16.to_be_bytes().to_vec();
    body.extend((fields.len() as u16).to_be_bytes());
    for (element, length) in fields {
        body.extend(element.to_be_bytes());
        body.extend(length.to_be_bytes());
    }
    set(set_id, &body)
}

fn records(fields: &[(u16, u16)], count: u32) -> Vec<u8> {
    let mut body = Vec::new();
    for index in 0..count {
        for (element, length) in fields {
            let bytes = value(*element, index).to_be_bytes();
            body.extend(&bytes[8 - usize::from(*length)..]);
        }
    }
    set(256, &body)
}

fn netflow9() -> Subject {
    const RECORDS: u32 = 25;
    let message = |sets: Vec<u8>, count: u16| {
        let mut out = vec![0, 9];
        out.extend(count.to_be_bytes());
        for word in [UPTIME_MILLISECONDS, EXPORTED_SECONDS, 1, 1] {
            out.extend(word.to_be_bytes());
        }
        out.extend(sets);
        out
    };
    Subject {
        name: "netflow9",
        bar_million_per_second: 15.0,
        peer: "netflow_parser 1.0.6",
        template: Some(message(template(0, &NETFLOW9_FIELDS), 1)),
        data: message(records(&NETFLOW9_FIELDS, RECORDS), RECORDS as u16),
        records: RECORDS,
    }
}

fn ipfix() -> Subject {
    const RECORDS: u32 = 18;
    let message = |sets: Vec<u8>| {
        let mut out = vec![0, 10];
        out.extend((sets.len() as u16 + 16).to_be_bytes());
        for word in [EXPORTED_SECONDS, 1, 1] {
            out.extend(word.to_be_bytes());
        }
        out.extend(sets);
        out
    };
    Subject {
        name: "ipfix",
        bar_million_per_second: 15.0,
        peer: "netflow_parser 1.0.6",
        template: Some(message(template(2, &IPFIX_FIELDS))),
        data: message(records(&IPFIX_FIELDS, RECORDS)),
        records: RECORDS,
    }
}

/// An Ethernet frame with a TCP segment over IPv4, of which an agent sampled the first 128 bytes.
fn frame(index: u32) -> Vec<u8> {
    let mut out = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
    out.extend([0x45, 0, 0x05, 0xdc, 0, 1, 0x40, 0, 64, 6, 0, 0]);
    out.extend((0xc612_0000 + index * 257).to_be_bytes());
    out.extend([192, 0, 2, 10]);
    out.extend((1_024 + index as u16).to_be_bytes());
    out.extend([1, 187, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x10, 4, 0, 0, 0, 0, 0]);
    out.resize(128, 0xaa);
    out
}

fn sflow5() -> Subject {
    const SAMPLES: u32 = 6;
    let words = |out: &mut Vec<u8>, words: &[u32]| {
        for word in words {
            out.extend(word.to_be_bytes());
        }
    };
    let mut data = Vec::new();
    words(&mut data, &[5, 1, 0xc000_02fe, 0, 1, UPTIME_MILLISECONDS, SAMPLES]);
    for index in 0..SAMPLES {
        let mut sample = Vec::new();
        words(&mut sample, &[index, 3, 1_000, 1_000 * index, 0, 3, 4, 2]);
        words(&mut sample, &[1, 144, 1, 1_514, 4, 128]);
        sample.extend(frame(index));
        words(&mut sample, &[1_001, 16, 10, 0, 20, 0]);
        words(&mut data, &[1, sample.len() as u32]);
        data.extend(sample);
    }
    Subject {
        name: "sflow5",
        bar_million_per_second: 60.0,
        peer: "sflow-parser 0.7",
        template: None,
        data,
        records: SAMPLES,
    }
}
