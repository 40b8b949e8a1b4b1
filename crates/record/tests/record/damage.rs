//! Exports and databases that somebody changed, or made up: refused, found not to hold, or what holds is what was written.
//! The fuzz target of the ledger does the same with as many as there is time for.

use std::fs;
use std::io::BufReader;

use proptest::prelude::*;
use record::{EvidenceKind, Filter, Page, Reader, Record, StoredEntry, export, verify, verify_export};

use crate::support::{Hand, KEY, NOON, flood, observed, open};

/// A good export, a good database and what was written.
struct Good {
    export: Vec<u8>,
    database: Vec<u8>,
    entries: Vec<StoredEntry>,
}

fn good() -> Good {
    let folder = tempfile::tempdir().unwrap();
    let record = open(folder.path());
    for number in 0..6 {
        for (phase, second) in [("start", NOON), ("end", NOON + 60)] {
            let event = flood(&format!("f{number}"), phase, second + number, 100.0, "syn_flood");
            record.writer().append(observed(event)).unwrap();
        }
    }
    record.writer().flush().unwrap();
    drop(record);
    let reader = Reader::open(folder.path()).unwrap();
    let mut text = Vec::new();
    export(&reader, &mut text, None).unwrap();
    let entries = reader.entries(&Filter::default(), &Page::default()).unwrap().items;
    Good { export: text, database: fs::read(folder.path().join("record.sqlite3")).unwrap(), entries }
}

fn changed(good: &[u8], changes: &[(usize, u8)]) -> Vec<u8> {
    let mut bytes = good.to_vec();
    let length = bytes.len();
    changes.iter().for_each(|(place, value)| bytes[place % length] = *value);
    bytes
}

fn judge_export(bytes: &[u8], good: &Good) {
    let Ok(found) = verify_export(BufReader::new(bytes), Some(KEY), None) else { return };
    assert_eq!(found.holds, found.fault_count == 0);
    assert!(found.faults.len() as u64 <= found.fault_count);
    if found.holds && found.entries > 0 {
        // Nobody here makes seals, so what holds is what was written.
        let is_known = |entry: &StoredEntry| entry.seq == found.head.seq && entry.hash == found.head.hash;
        assert!(good.entries.iter().any(is_known));
    }
}

fn judge_database(bytes: &[u8], good: &Good) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("record.sqlite3"), bytes).unwrap();
    let holds = verify(folder.path(), Some(KEY), None).is_ok_and(|found| found.holds);
    if let Ok(reader) = Reader::open(folder.path()) {
        let read = reader.entries(&Filter::default(), &Page::default());
        if let (true, Ok(read)) = (holds, read) {
            assert_eq!(read.items, good.entries, "what holds is what was written");
        }
        let _ = (reader.flood("f1"), reader.flood_points("f1"), reader.totals(), reader.series_names());
    }
    if let Ok(record) = Record::open(folder.path(), Hand::new().options()) {
        let _ = record.writer().append(observed(flood("f9", "start", NOON, 1.0, "udp_flood")));
        let _ = record.reader().evidence_file("f1", EvidenceKind::Flows, None);
        let _ = record.writer().erase("198.51.100.7".parse().unwrap(), "a test", "test");
    }
}

#[test]
fn whatever_is_changed_what_holds_is_what_was_written() {
    let good = good();
    judge_export(&good.export, &good);
    judge_database(&good.database, &good);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(400));
    let changes = proptest::collection::vec((any::<usize>(), any::<u8>()), 1..30);
    runner
        .run(&changes, |changes| {
            judge_export(&changed(&good.export, &changes), &good);
            Ok(())
        })
        .unwrap();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(40));
    let changes = proptest::collection::vec((any::<usize>(), any::<u8>()), 1..30);
    runner
        .run(&changes, |changes| {
            judge_database(&changed(&good.database, &changes), &good);
            Ok(())
        })
        .unwrap();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(400));
    runner
        .run(&"[{}\":,a-z0-9\\n ]{0,300}", |text| {
            judge_export(text.as_bytes(), &good);
            Ok(())
        })
        .unwrap();
}
