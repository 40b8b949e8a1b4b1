//! What hostile or broken exporters can and cannot do.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

use std::time::Instant;

use wire::flow::{self, FlowDecoder, FlowSink, InterfaceCounters, Limits};
use wire::{Address, FlowRecord, Time};

const EXPORTER: Address = Address::from_ipv4([192, 0, 2, 1]);
const NOW: Time = Time::from_seconds(1_700_000_000, 0);
/// Far above what any datagram takes in a debug build on a busy machine, far below what an unbounded loop would.
const WORST_SECONDS: f64 = 0.5;

/// A sink that keeps nothing.
#[derive(Default)]
struct Nothing {
    interfaces: u64,
}

impl FlowSink for Nothing {
    fn flow(&mut self, _: &FlowRecord) {}

    fn interface(&mut self, _: &InterfaceCounters) {
        self.interfaces += 1;
    }
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

fn set(id: u16, body: &[u8]) -> Vec<u8> {
    let mut out = id.to_be_bytes().to_vec();
    out.extend((body.len() as u16 + 4).to_be_bytes());
    out.extend(body);
    out
}

fn template(id: u16, fields: &[(u16, u16)]) -> Vec<u8> {
    let mut out = id.to_be_bytes().to_vec();
    out.extend((fields.len() as u16).to_be_bytes());
    for (element, length) in fields {
        out.extend(element.to_be_bytes());
        out.extend(length.to_be_bytes());
    }
    out
}

/// An IPFIX message of these sets.
fn ipfix(domain: u32, sequence: u32, sets: &[Vec<u8>]) -> Vec<u8> {
    let body = sets.concat();
    let mut out = vec![0, 10];
    out.extend((body.len() as u16 + 16).to_be_bytes());
    out.extend(words(&[1_700_000_000, sequence, domain]));
    out.extend(body);
    out
}

fn netflow9(source: u32, sequence: u32, sets: &[Vec<u8>]) -> Vec<u8> {
    let mut out = vec![0, 9, 0, 1];
    out.extend(words(&[10_000, 1_700_000_000, sequence, source]));
    out.extend(sets.concat());
    out
}

const SIMPLE: [(u16, u16); 4] = [(8, 4), (12, 4), (2, 4), (1, 4)];

fn simple_record(packets: u32) -> Vec<u8> {
    words(&[0xc612_0001, 0xc000_020a, packets, packets * 100])
}

struct Bench {
    decoder: FlowDecoder,
    records: Vec<FlowRecord>,
}

impl Bench {
    fn new(limits: Limits) -> Self {
        Self { decoder: FlowDecoder::new(limits, [1; 16]), records: Vec::new() }
    }

    fn send(&mut self, datagram: &[u8]) -> flow::Outcome {
        self.records.clear();
        self.decoder.decode(EXPORTER, NOW, datagram, &mut self.records)
    }
}

#[test]
fn templates_change_and_are_withdrawn() {
    let mut bench = Bench::new(Limits::default());
    let data = set(256, &simple_record(7));
    assert_eq!(bench.send(&ipfix(1, 0, std::slice::from_ref(&data))).records, 0);
    assert_eq!(bench.decoder.counters().sets_before_template, 1);
    bench.send(&ipfix(1, 0, &[set(2, &template(256, &SIMPLE)), data.clone()]));
    assert_eq!(bench.records[0].packets, 7);
    // The same id with packets and bytes the other way round.
    let turned = [SIMPLE[0], SIMPLE[1], SIMPLE[3], SIMPLE[2]];
    bench.send(&ipfix(1, 1, &[set(2, &template(256, &turned)), data.clone()]));
    assert_eq!((bench.records[0].packets, bench.records[0].bytes), (700, 7));
    assert_eq!(bench.decoder.counters().templates_changed, 1);
    // Withdrawn alone (a count of 0), and all at once (id 2).
    for id in [256_u16, 2] {
        bench.send(&ipfix(1, 2, &[set(2, &template(256, &SIMPLE))]));
        let withdrawal = set(2, &template(id, &[]));
        assert_eq!(bench.send(&ipfix(1, 2, &[withdrawal, data.clone()])).records, 0);
    }
    assert_eq!(bench.decoder.counters().templates_withdrawn, 2);
    // Domains do not share templates.
    bench.send(&ipfix(1, 2, &[set(2, &template(256, &SIMPLE))]));
    assert_eq!(bench.send(&ipfix(2, 0, std::slice::from_ref(&data))).records, 0);
    assert_eq!(bench.send(&ipfix(1, 2, &[data])).records, 1);
}

#[test]
fn a_flood_of_templates_keeps_the_one_in_use() {
    let limits = Limits { templates_per_domain: 16, ..Limits::default() };
    let mut bench = Bench::new(limits);
    let data = set(300, &simple_record(1));
    bench.send(&netflow9(1, 0, &[set(0, &template(300, &SIMPLE)), data.clone()]));
    for round in 0..2_000_u32 {
        let id = 1_000 + (round % 50_000) as u16;
        bench.send(&netflow9(1, 0, &[set(0, &template(id, &[(8, 4), ((round % 400) as u16, 2)]))]));
    }
    assert_eq!(bench.send(&netflow9(1, 0, &[data])).records, 1);
    assert_eq!(bench.decoder.sources().next().unwrap().templates, 16);
    assert!(bench.decoder.counters().templates_evicted > 1_900);
}

#[test]
fn the_budget_of_fields_holds_over_all_sources() {
    let limits = Limits { fields_total: 1_000, ..Limits::default() };
    let mut bench = Bench::new(limits);
    let long: Vec<(u16, u16)> = (0..100).map(|element| (400 + element, 1)).collect();
    for domain in 0..60 {
        bench.send(&ipfix(domain, 0, &[set(2, &template(256, &long))]));
    }
    let kept: usize = bench.decoder.sources().map(|source| source.templates).sum();
    assert_eq!(kept, 1_000 / 148);
    assert_eq!(bench.decoder.counters().templates_refused, 60 - kept as u64);
    let longer: Vec<(u16, u16)> = (0..600).map(|element| (400 + element, 1)).collect();
    bench.send(&ipfix(0, 0, &[set(2, &template(257, &longer))]));
    assert_eq!(bench.decoder.counters().templates_refused, 61 - kept as u64);
}

#[test]
fn forged_exporters_are_refused_and_silent_ones_make_room() {
    let limits = Limits { sources: 8, idle_seconds: 60, ..Limits::default() };
    let mut decoder = FlowDecoder::new(limits, [1; 16]);
    let mut records: Vec<FlowRecord> = Vec::new();
    let known = ipfix(1, 0, &[set(2, &template(256, &SIMPLE)), set(256, &simple_record(1))]);
    decoder.decode(EXPORTER, NOW, &known, &mut records);
    for index in 0..10_000_u32 {
        let forged = Address::from_ipv4(index.to_be_bytes());
        decoder.decode(forged, NOW.plus_nanoseconds(i64::from(index) * 1_000_000), &known, &mut records);
    }
    assert_eq!(decoder.sources().count(), 8);
    assert_eq!(decoder.counters().sources_refused, 10_000 - 7);
    records.clear();
    let later = NOW.plus_nanoseconds(50_000_000_000);
    decoder.decode(EXPORTER, later, &ipfix(1, 1, &[set(256, &simple_record(1))]), &mut records);
    assert_eq!(records.len(), 1);
    // After a minute of silence the forged ones go; the one in use stays.
    for index in 0..20_u32 {
        let new = Address::from_ipv4((0xcb00_7100 + index).to_be_bytes());
        decoder.decode(new, NOW.plus_nanoseconds(90_000_000_000), &known, &mut records);
    }
    assert_eq!(decoder.counters().sources_evicted, 7);
    assert!(decoder.sources().any(|source| source.exporter == EXPORTER));
}

#[test]
fn domains_of_one_exporter_are_limited() {
    let mut bench = Bench::new(Limits::default());
    for domain in 0..5_000 {
        bench.send(&ipfix(domain, 0, &[set(2, &template(256, &SIMPLE))]));
    }
    assert_eq!(bench.decoder.sources().count(), Limits::DOMAINS_PER_EXPORTER);
}

#[test]
fn records_without_length_and_floods_of_small_elements_end_soon() {
    let empty = [(8, 0), (12, 0), (400, 0)];
    let many_empty: Vec<(u16, u16)> = (0..500).map(|_| (8, 0)).chain([(8, 4)]).collect();
    let one_byte = [(4_u16, 1_u16)];
    let variable: Vec<(u16, u16)> = (0..500).map(|_| (901, u16::MAX)).collect();
    let variable_one = [(901_u16, u16::MAX), (8, 0)];
    let full = vec![0; 65_000];
    let sets_of_nothing = set(700, &[]).repeat(16_000);
    let mut templates = Vec::new();
    for id in 300..8_000_u16 {
        templates.extend(template(id, &[(8, 4)]));
    }
    let options: Vec<u8> = [300_u16, 2, 1].iter().flat_map(|word| word.to_be_bytes()).collect();
    let options =
        [options, [302_u16, 1, 34, 1].iter().flat_map(|word| word.to_be_bytes()).collect()].concat();
    let mut bench = Bench::new(Limits::default());
    let cases: [(&str, Vec<Vec<u8>>); 8] = [
        ("no length", vec![set(2, &template(256, &empty)), set(256, &full)]),
        ("zero lengths", vec![set(2, &template(256, &many_empty)), set(256, &full[..60_000])]),
        ("one byte", vec![set(2, &template(256, &one_byte)), set(256, &full)]),
        ("variable", vec![set(2, &template(256, &variable)), set(256, &full[..60_000])]),
        ("variable, one field", vec![set(2, &template(256, &variable_one)), set(256, &full)]),
        ("empty sets", vec![sets_of_nothing]),
        ("templates", vec![set(2, &templates)]),
        ("options", vec![set(3, &options), set(300, &full)]),
    ];
    for (name, sets) in cases {
        let datagram = ipfix(1, 0, &sets);
        let start = Instant::now();
        let outcome = bench.send(&datagram);
        let seconds = start.elapsed().as_secs_f64();
        assert!(seconds < WORST_SECONDS, "{name}: {seconds} s");
        println!("{name}: {:.0} microseconds, {outcome:?}", seconds * 1e6);
    }
    let counters = bench.decoder.counters();
    assert_eq!(counters.options_records, 32_500);
    assert_eq!(counters.options_records_refused, 32_500 - Limits::OPTIONS_RECORDS_PER_DATAGRAM as u64);
    assert!(counters.samplers_refused > 0 || counters.sampling_changes <= 256);
}

#[test]
fn samplers_interfaces_and_records_state_rates() {
    let mut bench = Bench::new(Limits::default());
    // An options template of NetFlow v9: scope interface (2), sampler (48) and interval (50).
    let options = |id: u16, scope: u16, fields: &[(u16, u16)]| {
        let mut out = id.to_be_bytes().to_vec();
        out.extend([0, 4]);
        out.extend((fields.len() as u16 * 4).to_be_bytes());
        out.extend(scope.to_be_bytes());
        out.extend([0, 4]);
        for (element, length) in fields {
            out.extend(element.to_be_bytes());
            out.extend(length.to_be_bytes());
        }
        set(1, &out)
    };
    let with_sampler = [(8, 4), (12, 4), (10, 4), (48, 4)];
    bench.send(&netflow9(
        1,
        0,
        &[
            options(400, 1, &[(48, 4), (50, 4)]),
            options(401, 2, &[(34, 4)]),
            set(0, &template(256, &with_sampler)),
            set(0, &template(257, &[(8, 4), (12, 4), (10, 4)])),
            set(0, &template(258, &[(8, 4), (12, 4), (34, 4)])),
            set(400, &words(&[0, 1, 100, 0, 2, 2_000])),
        ],
    ));
    let rates = |bench: &mut Bench, set_: Vec<u8>| {
        bench.send(&netflow9(1, 1, &[set_]));
        bench.records.iter().map(|record| record.sampling).collect::<Vec<_>>()
    };
    // Named samplers; an unknown one; a record that names none while rates differ.
    assert_eq!(rates(&mut bench, set(256, &words(&[1, 2, 5, 1, 1, 2, 5, 2, 1, 2, 5, 3]))), [100, 2_000, 0]);
    assert_eq!(rates(&mut bench, set(257, &words(&[1, 2, 5]))), [0]);
    // An interface's rate, then a record's own.
    bench.send(&netflow9(1, 2, &[set(401, &words(&[5, 512]))]));
    assert_eq!(rates(&mut bench, set(257, &words(&[1, 2, 5, 1, 2, 6]))), [512, 0]);
    assert_eq!(rates(&mut bench, set(258, &words(&[1, 2, 64, 1, 2, 0]))), [64, 0]);
    // All samplers alike: the rate is clear even where none is named.
    bench.send(&netflow9(1, 3, &[set(400, &words(&[0, 1, 2_000]))]));
    assert_eq!(rates(&mut bench, set(257, &words(&[1, 2, 6]))), [2_000]);
}

#[test]
fn both_directions_of_a_flow_are_two_records() {
    let mut bench = Bench::new(Limits::default());
    let fields = [(8, 4), (12, 4), (7, 2), (11, 2), (231, 4), (232, 4), (298, 4), (299, 4)];
    let mut record = words(&[0xc612_0001, 0xc000_020a]);
    record.extend([0x80, 0, 1, 187]);
    record.extend(words(&[1_000, 20_000, 10, 15]));
    bench.send(&ipfix(1, 0, &[set(2, &template(256, &fields)), set(256, &record)]));
    assert_eq!(bench.records.len(), 2);
    let (out, back) = (&bench.records[0], &bench.records[1]);
    assert_eq!((out.bytes, out.packets, out.destination_port), (1_000, 10, 443));
    assert_eq!((back.bytes, back.packets, back.source_port), (20_000, 15, 443));
    assert_eq!((back.source, back.destination), (out.destination, out.source));
}

#[test]
fn sequence_numbers_show_loss_in_each_protocols_unit() {
    let mut bench = Bench::new(Limits::default());
    let announce = set(2, &template(256, &SIMPLE));
    let two = set(256, &[simple_record(1), simple_record(2)].concat());
    bench.send(&ipfix(1, 10, &[announce, two.clone()]));
    assert_eq!(bench.send(&ipfix(1, 12, std::slice::from_ref(&two))).lost, 0);
    assert_eq!(bench.send(&ipfix(1, 19, std::slice::from_ref(&two))).lost, 5);
    // A set without template: nobody knows how many records it held.
    bench.send(&ipfix(1, 21, &[set(999, &simple_record(1))]));
    assert_eq!(bench.send(&ipfix(1, 400, &[two])).lost, 0);
    bench.send(&netflow9(1, 5, &[set(0, &template(256, &SIMPLE))]));
    assert_eq!(bench.send(&netflow9(1, 8, &[])).lost, 2);
    assert_eq!((bench.decoder.counters().lost_records, bench.decoder.counters().lost_datagrams), (5, 2));
}

/// An sFlow datagram of these samples, each with its format.
fn sflow(sequence: u32, samples: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let mut out = words(&[5, 1, 0xc000_0201, 0, sequence, 1_000, samples.len() as u32]);
    for (format, sample) in samples {
        out.extend(words(&[*format, sample.len() as u32]));
        out.extend(sample);
    }
    out
}

#[test]
fn sflow_drops_discards_and_foreign_samples_are_counted() {
    let mut bench = Bench::new(Limits::default());
    let ip = [3, 32, 1_400, 17, 0xc612_0001, 0xc000_020a, 53, 4_000, 0, 0];
    let sample = |drops: u32, output: u32| {
        let mut out = words(&[1, 3, 1_000, 0, drops, 3, output, 2]);
        // A block of an unknown format before the one that counts.
        out.extend(words(&[0x0012_3456, 4, 0]));
        out.extend(words(&ip));
        out
    };
    bench.send(&sflow(1, &[(1, sample(10, 4)), (0x0100_0001, vec![0; 8])]));
    assert_eq!(bench.records.len(), 1);
    let record = bench.records[0];
    assert_eq!((record.sampling, record.packets, record.bytes, record.source_port), (1_000, 1, 1_400, 53));
    let outcome = bench.send(&sflow(4, &[(1, sample(25, 1 << 30 | 258)), (5, vec![0; 28])]));
    assert_eq!(outcome.lost, 2);
    assert_eq!(bench.records[0].output_interface, 0);
    let counters = bench.decoder.counters();
    assert_eq!((counters.sample_drops, counters.discarded_packets), (15, 1));
    assert_eq!((counters.discarded_packet_samples, counters.unknown_samples), (1, 1));
    // A datagram that claims more samples than it has.
    let mut cut = sflow(5, &[(1, sample(25, 4)), (1, sample(25, 4))]);
    cut.truncate(cut.len() - 30);
    assert_eq!(bench.send(&cut).records, 1);
    let mut nothing = Nothing::default();
    bench.decoder.decode(EXPORTER, NOW, &sflow(6, &[(2, words(&[1, 3, 1, 1, 88]))]), &mut nothing);
    assert_eq!(nothing.interfaces, 0);
}

#[test]
fn strangers_are_not_taken_for_flow_exports() {
    for bytes in [&b""[..], b"\0", b"GET / HTTP/1.1\r\n\r\n", &[0; 64], &[0, 9, 0, 0], &[0, 5, 0, 200, 0, 0]]
    {
        assert_eq!(flow::looks_like(bytes), None, "{bytes:?}");
        let outcome = Bench::new(Limits::default()).send(bytes);
        assert_eq!(outcome.records, 0);
    }
}

/// An exporter with more templates than there is room for must not keep those of others out: floods that they see would
/// go unseen.
#[test]
fn an_exporter_with_too_many_templates_leaves_room_for_others() {
    let [liar, honest] = [7, 8].map(|last| Address::from_ipv4([192, 0, 2, last]));
    let mut decoder = FlowDecoder::new(Limits::default(), [1; 16]);
    // The smallest, so that they fill the room to the brim.
    let small = [(400, 1)];
    for number in 0..65_000_u32 {
        let (domain, id) = (number % 300, 256 + (number / 300) as u16);
        let announced = ipfix(domain, 0, &[set(2, &template(id, &small))]);
        decoder.decode(liar, NOW, &announced, &mut Vec::new());
    }
    assert!(decoder.counters().templates_evicted + decoder.counters().templates_refused > 1_000);
    let mut records: Vec<FlowRecord> = Vec::new();
    let sets = [set(2, &template(256, &SIMPLE)), set(256, &simple_record(7))];
    assert_eq!(decoder.decode(honest, NOW, &ipfix(1, 0, &sets), &mut records).records, 1);
    // What the liar holds is not its own once its sources are gone.
    let later = NOW.plus_nanoseconds(2 * i64::from(Limits::IDLE_SECONDS) * 1_000_000_000);
    let before = decoder.counters().templates_refused;
    for domain in 1_000..1_060 {
        decoder.decode(liar, later, &ipfix(domain, 0, &[set(2, &template(256, &small))]), &mut Vec::new());
    }
    assert!(decoder.counters().templates_refused - before <= 4, "{:?}", decoder.counters());
}
