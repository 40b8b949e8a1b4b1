//! Decoding allocates nothing once templates are known.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]
// A global allocator can only be written with `unsafe`; it does nothing but count and pass on.
#![allow(unsafe_code)]

#[path = "flow_golden/files.rs"]
#[allow(dead_code, reason = "shared with the golden tests, which use all of it")]
mod files;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};

use wire::FlowRecord;
use wire::flow::{FlowDecoder, FlowSink, InterfaceCounters, Limits};

/// Counts calls that obtain memory.
struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call is passed on unchanged to the system's allocator, which keeps the contract.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[derive(Default)]
struct Count(u64);

impl FlowSink for Count {
    fn flow(&mut self, _: &FlowRecord) {
        self.0 += 1;
    }

    fn interface(&mut self, _: &InterfaceCounters) {
        self.0 += 1;
    }
}

/// The one test of this program: another would allocate while this one counts.
#[test]
fn no_fixture_allocates_when_it_is_decoded_again() {
    let mut records = 0;
    for (name, paths) in files::groups(&files::repository()) {
        let datagrams: Vec<_> = paths.iter().flat_map(|path| files::datagrams(path)).collect();
        let mut decoder = FlowDecoder::new(Limits::default(), [7; 16]);
        let mut sink = Count::default();
        for datagram in &datagrams {
            decoder.decode(datagram.exporter, datagram.arrival, &datagram.bytes, &mut sink);
        }
        let changes = |decoder: &FlowDecoder| {
            let counters = decoder.counters();
            counters.templates_added + counters.templates_changed + counters.templates_refused
        };
        let learnt = changes(&decoder);
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        for datagram in &datagrams {
            decoder.decode(datagram.exporter, datagram.arrival, &datagram.bytes, &mut sink);
        }
        let allocations = ALLOCATIONS.load(Ordering::Relaxed) - before;
        // A file that announces one id in two ways changes its templates in every round.
        let changed = changes(&decoder) - learnt;
        assert!(allocations == 0 || changed > 0, "{name}: {allocations} allocations");
        records += if changed == 0 { sink.0 } else { 0 };
    }
    assert!(records > 20_000, "only {records} records were decoded");
}
