//! sFlow v5 datagrams: any bytes after the version.
//!
//! Held are: no panic, no more records than bytes allow, one packet in each record, counters that add up, and
//! a bound on the time of a datagram.
#![no_main]

use std::time::Duration;

use cpu_time::ThreadTime;
use libfuzzer_sys::fuzz_target;
use wire::flow::{FlowDecoder, FlowSink, InterfaceCounters, Limits};
use wire::{Address, FlowRecord, Time};

/// A datagram of 64 kB may take 2 ms; the sanitizer and the coverage counters slow the code about tenfold.
const WORST: Duration = Duration::from_millis(20);
/// The shortest of this many tries counts, because the machine does other work.
const TRIES: usize = 4;
/// Sample header, sample, block header, and the 34 bytes of Ethernet and IPv4 headers or more.
const LEAST_BYTES: usize = 8 + 32 + 8 + 32;

#[derive(Default)]
struct Seen {
    records: usize,
    interfaces: u64,
}

impl FlowSink for Seen {
    fn flow(&mut self, record: &FlowRecord) {
        assert_eq!(record.packets, 1);
        assert!(record.first.is_none() && record.last.is_none());
        self.records += 1;
    }

    fn interface(&mut self, _: &InterfaceCounters) {
        self.interfaces += 1;
    }
}

fuzz_target!(|data: &[u8]| {
    let mut datagram = vec![0, 0, 0, 5];
    datagram.extend(data);
    let mut shortest = Duration::MAX;
    for _ in 0..TRIES {
        let mut decoder = FlowDecoder::new(Limits::default(), [5; 16]);
        let mut seen = Seen::default();
        let start = ThreadTime::now();
        let outcome = decoder.decode(Address::default(), Time::default(), &datagram, &mut seen);
        shortest = shortest.min(start.elapsed());
        assert_eq!(outcome.records as usize, seen.records);
        assert!(seen.records * LEAST_BYTES <= datagram.len());
        let counters = decoder.counters();
        assert_eq!(counters.interface_counters, seen.interfaces);
        assert!(counters.flow_samples >= seen.records as u64);
        if shortest < WORST {
            return;
        }
    }
    panic!("{} bytes took {shortest:?}", datagram.len());
});
