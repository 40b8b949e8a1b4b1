//! Any export, and any database file that is a good one with bytes changed: each is refused, found not to hold, or holds and
//! then says what was written. Opening, reading and appending to it ends in order.
#![no_main]

use std::fs;
use std::io::BufReader;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use record::{Actor, Entry, Filter, Kind, Options, Page, Reader, Record, Resolution, Sample, StoredEntry};
use record::{export, verify, verify_export};

const KEY: [u8; 16] = *b"fuzz of ledgers!";
const NOW: i64 = 1_795_780_800;
/// Bytes of one change: where, and to what.
const CHANGE_BYTES: usize = 4;
/// Longest time for one input, with the sanitizer's slowness in it.
const WORST_SECONDS: f64 = 4.0;

struct Good {
    folder: PathBuf,
    database: Vec<u8>,
    export: Vec<u8>,
    entries: Vec<StoredEntry>,
}

fn options() -> Options {
    Options::new(KEY, Arc::new(|| NOW * 1_000_000_000))
}

static GOOD: LazyLock<Good> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("hemicycle-fuzz-ledger-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    let record = Record::open(&folder, options()).unwrap();
    for number in 0..12 {
        let phase = if number % 2 == 0 { "start" } else { "end" };
        let event = serde_json::json!({"kind": "flood", "phase": phase, "id": format!("f{}", number / 2),
            "time": "2026-11-27T12:00:00Z", "target": {"name": "www"}, "vectors": [{"name": "syn_flood"}],
            "sources": {"top": [{"address": format!("198.51.100.{number}")}]}});
        record.writer().append(Entry::observed(event)).unwrap();
    }
    let sample = |second| {
        let (target, vector) = ("www".to_owned(), "all".to_owned());
        Sample { target, vector, second, packets: 5.0, bits: 9.0, requests: 0.0 }
    };
    record.writer().offer_points((NOW - 400..NOW).map(sample).collect());
    record.writer().flush().unwrap();
    drop(record);
    let reader = Reader::open(&folder).unwrap();
    let mut text = Vec::new();
    export(&reader, &mut text, None).unwrap();
    let entries = reader.entries(&Filter::default(), &Page::default()).unwrap().items;
    let database = fs::read(folder.join("record.sqlite3")).unwrap();
    Good { folder, database, export: text, entries }
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((&first, rest)) = data.split_first() else { return };
    let started = Instant::now();
    match first & 3 {
        0 => any_export(rest),
        1 => any_export(&changed(&GOOD.export, rest)),
        _ => database(&changed(&GOOD.database, rest)),
    }
    let seconds = started.elapsed().as_secs_f64();
    assert!(seconds < WORST_SECONDS, "{seconds} s");
});

/// The good bytes with some changed.
fn changed(good: &[u8], changes: &[u8]) -> Vec<u8> {
    let mut bytes = good.to_vec();
    for change in changes.chunks_exact(CHANGE_BYTES) {
        let at = u32::from_le_bytes([change[0], change[1], change[2], 0]) as usize % bytes.len();
        bytes[at] = change[3];
    }
    bytes
}

fn any_export(text: &[u8]) {
    let Ok(found) = verify_export(BufReader::new(text), Some(KEY), None) else { return };
    assert_eq!(found.holds, found.fault_count == 0);
    assert!(found.faults.len() as u64 <= found.fault_count);
    if found.holds && found.entries > 0 {
        // Nobody here makes seals, so what holds is what was written.
        assert!(
            GOOD.entries.iter().any(|entry| entry.seq == found.head.seq && entry.hash == found.head.hash)
        );
    }
}

fn database(bytes: &[u8]) {
    let folder = GOOD.folder.join("changed");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("record.sqlite3"), bytes).unwrap();
    let holds = verify(&folder, Some(KEY), None).is_ok_and(|found| found.holds);
    if let Ok(reader) = Reader::open(&folder) {
        let read = reader.entries(&Filter::default(), &Page::default());
        if let (true, Ok(read)) = (holds, read) {
            assert_eq!(read.items, GOOD.entries, "what holds is what was written");
        }
        let _ =
            reader.floods(&Filter { text: Some("www".to_owned()), ..Filter::default() }, &Page::default());
        let _ = reader.flood_points("f1");
        for resolution in Resolution::ALL {
            if let Ok(points) = reader.series("www", "all", resolution, 0..i64::MAX) {
                assert!(points.len() <= 20_000);
            }
        }
        let _ = (reader.totals(), reader.sensors(), reader.series_names());
    }
    if let Ok(record) = Record::open_beside(&folder, options()) {
        let body = serde_json::json!({"from": "198.51.100.3"});
        let _ = record.writer().append(Entry::new(Kind::Done, Actor::Room("fuzz".to_owned()), "s", body));
        let _ = record.writer().erase("198.51.100.3".parse().unwrap(), "fuzz", "fuzz");
        let _ = record.writer().retire();
    }
}
