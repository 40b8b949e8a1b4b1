//! NetFlow v5, v9 and IPFIX datagrams: any bytes, several datagrams to one decoder.
//!
//! The input is a list of datagrams, each with its length in two bytes before it. Held are: no panic, no more
//! records than bytes allow, limits that hold, counters that add up, and a bound on the time of a datagram.
#![no_main]

use std::time::Duration;

use cpu_time::ThreadTime;
use libfuzzer_sys::fuzz_target;
use wire::flow::{self, FlowDecoder, Limits, Protocol};
use wire::{Address, FlowRecord, Time};

/// A datagram of 64 kB may take 2 ms; the sanitizer and the coverage counters slow the code about tenfold.
const WORST: Duration = Duration::from_millis(20);
/// The shortest of this many tries counts, because the machine does other work.
const TRIES: usize = 4;
const LIMITS: Limits = Limits {
    sources: 4,
    domains_per_exporter: 2,
    templates_per_domain: 8,
    fields_per_template: 64,
    fields_total: 400,
    fields_per_exporter: 250,
    template_changes_per_datagram: 16,
    samplers_per_domain: 4,
    options_records_per_datagram: 64,
    idle_seconds: 60,
};
/// A record of templates takes at least an IPv4 address, and may be of two directions.
const LEAST_BYTES: usize = 2;

fuzz_target!(|data: &[u8]| {
    let mut decoder = FlowDecoder::new(LIMITS, [5; 16]);
    let mut records: Vec<FlowRecord> = Vec::new();
    let (mut rest, mut datagrams, mut total) = (data, 0, 0);
    while let Some((head, tail)) = rest.split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes(*head)).min(tail.len());
        let (datagram, tail) = tail.split_at(length);
        rest = tail;
        records.clear();
        let exporter = Address::from_bits(u128::from(datagrams & 1));
        let outcome =
            decoder.decode(exporter, Time::from_seconds(datagrams as i64, 0), datagram, &mut records);
        datagrams += 1;
        total += records.len() as u64;
        assert_eq!(outcome.records as usize, records.len());
        let least = if outcome.protocol == Some(Protocol::Netflow5) { 48 } else { LEAST_BYTES };
        assert!(records.len() * least <= datagram.len(), "{} records", records.len());
        assert!(outcome.protocol.is_some() || records.is_empty());
        bounded(datagram);
    }
    assert_eq!(decoder.counters().datagrams, datagrams);
    assert_eq!(decoder.counters().records, total);
    assert!(decoder.sources().count() <= LIMITS.sources);
    assert!(decoder.sources().all(|source| source.templates <= LIMITS.templates_per_domain));
    assert_eq!(flow::datagrams(data).map(<[u8]>::len).sum::<usize>(), data.len());
});

fn bounded(datagram: &[u8]) {
    let mut shortest = Duration::MAX;
    for _ in 0..TRIES {
        let mut decoder = FlowDecoder::new(Limits::default(), [5; 16]);
        let mut records: Vec<FlowRecord> = Vec::new();
        let start = ThreadTime::now();
        decoder.decode(Address::default(), Time::default(), datagram, &mut records);
        shortest = shortest.min(start.elapsed());
        if shortest < WORST {
            return;
        }
    }
    panic!("{} bytes took {shortest:?}", datagram.len());
}
