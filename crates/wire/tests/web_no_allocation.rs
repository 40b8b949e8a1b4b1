//! Reading a line of a log allocates nothing.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]
// A global allocator can only be written with `unsafe`; it does nothing but count and pass on.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};

use wire::web::{self, Decoder, syslog};

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

const W3C: &str =
    "#Fields: date time c-ip cs-method cs-uri-stem sc-status\n2026-11-27 13:41:07 192.0.2.4 GET / 200\n";
const CADDY: &str = "{\"ts\":1646861401.5241024,\"request\":{\"remote_ip\":\"192.0.2.4\",\"method\":\"GET\",\"uri\":\"/\",\
    \"headers\":{\"User-Agent\":[\"a\"]}},\"status\":200}\n";
const TABLE: &str = "host\ttime\tmethod\turl\tstatus\n192.0.2.4\t804571206\tGET\t/\t200\n";

/// The one test of this program: another would allocate while this one counts.
#[test]
fn no_line_of_any_format_allocates() {
    let mut inputs: Vec<(String, Vec<u8>)> = [("w3c", W3C), ("caddy", CADDY), ("table", TABLE)]
        .map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()))
        .into();
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/logs")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "log") {
            inputs.push((path.display().to_string(), std::fs::read(path).unwrap()));
        }
    }
    let mut requests = 0;
    for (name, bytes) in &inputs {
        let Some(format) = web::recognise(bytes) else { continue };
        let mut decoder = Decoder::new(format);
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        for line in bytes.split(|byte| *byte == b'\n') {
            let _ = std::hint::black_box(decoder.decode(line));
            let _ = std::hint::black_box(syslog::message(line));
            let _ = std::hint::black_box(web::head(line));
        }
        let allocations = ALLOCATIONS.load(Ordering::Relaxed) - before;
        assert_eq!(allocations, 0, "{name}");
        requests += decoder.counters().requests;
    }
    assert!(requests > 60, "only {requests} requests were read");
}
