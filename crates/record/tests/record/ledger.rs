//! The chain: appended, found to hold, and found not to hold whatever is done to it.

use std::io::BufReader;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::thread;

use proptest::prelude::*;
use record::{Error, Filter, Kind, Page, Reader, Record, backup, export, restore, verify, verify_export};
use rusqlite::Connection;

use crate::support::{Hand, KEY, NOON, SECOND, act, open};

fn database(folder: &Path) -> Connection {
    Connection::open(folder.join("record.sqlite3")).unwrap()
}

/// A record of so many entries.
fn filled(folder: &Path, count: u64) {
    let record = open(folder);
    (0..count).for_each(|number| {
        record.writer().append(act(number)).unwrap();
    });
}

#[test]
fn entries_are_numbered_chained_and_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let record = open(folder.path());
    let receipts: Vec<_> = (0..5).map(|number| record.writer().append(act(number)).unwrap()).collect();
    assert_eq!(receipts.iter().map(|receipt| receipt.seq).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    let reader = record.reader();
    let page = reader.entries(&Filter::default(), &Page { after: None, limit: 2 }).unwrap();
    assert_eq!(page.items[0].seq, 5);
    assert_eq!(page.items[0].previous, page.items[1].hash);
    assert_eq!(page.items[0].body.as_deref(), Some(r#"{"number":4}"#));
    assert_eq!((page.items[0].actor.as_str(), page.items[0].written), ("person:anna", NOON * SECOND));
    let next = reader.entries(&Filter::default(), &Page { after: page.next, limit: 10 }).unwrap();
    assert_eq!(next.items.len(), 3);
    assert_eq!((next.items[2].previous.as_str(), next.next), ("0".repeat(64).as_str(), None));
    let only = Filter { subject: Some("act-3".to_owned()), kinds: vec![Kind::Done], ..Filter::default() };
    assert_eq!(reader.entries(&only, &Page::default()).unwrap().items.len(), 1);
    assert_eq!(reader.entry(4).unwrap().unwrap().subject, "act-3");
    let found = verify(folder.path(), Some(KEY), None).unwrap();
    assert!(found.holds && found.sealed && found.entries == 5, "{found:?}");
    assert_eq!(found.head.hash, receipts[4].hash);
}

#[test]
fn many_who_wait_at_once_are_written_together() {
    let folder = tempfile::tempdir().unwrap();
    let record = open(folder.path());
    let threads: Vec<_> = (0..16)
        .map(|thread| {
            let writer = record.writer();
            thread::spawn(move || {
                (0..50).for_each(|number| drop(writer.append(act(thread * 50 + number)).unwrap()));
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let counts = record.writer().health().counts;
    assert_eq!(counts.entries_written, 800);
    assert!(counts.commits < 800, "{} commits for 800 entries", counts.commits);
    assert!(verify(folder.path(), Some(KEY), None).unwrap().holds);
}

#[test]
fn what_cannot_be_taken_is_refused_and_costs_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let record = open(folder.path());
    let writer = record.writer();
    let mut large = act(1);
    large.body = serde_json::json!({"text": "x".repeat(70_000)});
    assert!(matches!(writer.append(large), Err(Error::Refused(_))));
    let mut list = act(1);
    list.body = serde_json::json!([1]);
    assert!(matches!(writer.append(list), Err(Error::Refused(_))));
    assert_eq!(writer.append(act(2)).unwrap().seq, 1);
    assert_eq!(writer.health().counts.entries_refused, 2);
}

#[test]
fn a_folder_has_one_service_and_one_key() {
    let folder = tempfile::tempdir().unwrap();
    let record = open(folder.path());
    assert!(matches!(Record::open(folder.path(), Hand::new().options()), Err(Error::InUse { .. })));
    let beside = Record::open_beside(folder.path(), Hand::new().options()).unwrap();
    for number in 0..20 {
        let writer = if number % 2 == 0 { record.writer() } else { beside.writer() };
        assert_eq!(writer.append(act(number)).unwrap().seq, number + 1, "each goes on behind the other");
    }
    drop((record, beside));
    let other = record::Options::new([7; 16], Arc::new(|| 0));
    assert!(matches!(Record::open(folder.path(), other), Err(Error::OtherKey { .. })));
    assert!(verify(folder.path(), Some(KEY), None).unwrap().holds);
    assert!(!verify(folder.path(), Some([7; 16]), None).unwrap().holds, "other seals");
}

/// Does to the file what somebody with `sqlite3` can do who knows the triggers.
fn tamper(folder: &Path, statement: &str) {
    let connection = database(folder);
    connection.execute_batch("DROP TRIGGER entry_stays; DROP TRIGGER entry_is_fixed;").unwrap();
    connection.execute_batch(statement).unwrap();
}

#[test]
fn every_change_is_found() {
    let statements = [
        "UPDATE entry SET body = '{\"number\":99}' WHERE seq = 4",
        "UPDATE entry SET actor = 'person:eve' WHERE seq = 4",
        "UPDATE entry SET time = time + 1 WHERE seq = 4",
        "UPDATE entry SET organisations = '|party-x|' WHERE seq = 4",
        "UPDATE entry SET body = NULL WHERE seq = 4",
        "DELETE FROM entry WHERE seq = 4",
        "DELETE FROM entry WHERE seq = 1",
        "DELETE FROM entry WHERE seq > 7",
        "DELETE FROM entry",
        "UPDATE entry SET seq = -seq WHERE seq IN (4, 5); UPDATE entry SET seq = 9 + seq WHERE seq < 0;",
        "INSERT INTO entry SELECT 11, time, written, kind, actor, subject, organisations, services, body, body_hash, hash, seal
         FROM entry WHERE seq = 10",
        "DELETE FROM meta WHERE name = 'head'",
    ];
    for statement in statements {
        for key in [Some(KEY), None] {
            let folder = tempfile::tempdir().unwrap();
            filled(folder.path(), 10);
            assert!(verify(folder.path(), key, None).unwrap().holds);
            tamper(folder.path(), statement);
            let found = verify(folder.path(), key, None).unwrap();
            assert!(!found.holds && found.fault_count > 0, "{statement}");
        }
    }
}

#[test]
fn entries_cut_off_with_the_head_set_back_are_found_by_a_head_written_down_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path(), 5);
    let early: Vec<u8> = database(folder.path())
        .query_row("SELECT value FROM meta WHERE name = 'head'", [], |row| row.get(0))
        .unwrap();
    let record = open(folder.path());
    (5..10).for_each(|number| drop(record.writer().append(act(number)).unwrap()));
    drop(record);
    let head = verify(folder.path(), Some(KEY), None).unwrap().head;
    assert_eq!(head.to_string().parse::<record::Head>().unwrap(), head);
    tamper(folder.path(), "DELETE FROM entry WHERE seq > 5");
    database(folder.path()).execute("UPDATE meta SET value = ?1 WHERE name = 'head'", [early]).unwrap();
    assert!(verify(folder.path(), Some(KEY), None).unwrap().holds, "nothing in the file can tell");
    let found = verify(folder.path(), Some(KEY), Some(&head)).unwrap();
    assert!(!found.holds && found.faults[0].what.contains("cut off"), "{found:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn an_export_with_any_change_does_not_hold(number in 0_usize..8, at: prop::sample::Index, byte in 0x20_u8..0x7f, how in 0..4) {
        let folder = tempfile::tempdir().unwrap();
        filled(folder.path(), 8);
        let mut text = Vec::new();
        let done = export(&Reader::open(folder.path()).unwrap(), &mut text, None).unwrap();
        prop_assert_eq!(done.entries, 8);
        prop_assert!(verify_export(BufReader::new(&text[..]), Some(KEY), None).unwrap().holds);
        let mut lines: Vec<Vec<u8>> = text.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        let before = lines.clone();
        match how {
            0 => drop(lines.remove(number)),
            1 => lines.swap(number, (number + 1) % 8),
            2 => { let end = lines.len() - 1; lines.truncate(end.min(number + 1)); }
            _ => { let length = lines[number].len() - 1; lines[number][at.index(length)] = byte; }
        }
        let changed = lines.concat();
        // Another spelling of the same value is no change.
        let values = |lines: &[Vec<u8>]| -> Vec<Option<serde_json::Value>> {
            lines.iter().map(|line| serde_json::from_slice(line).ok()).collect()
        };
        prop_assume!(values(&before) != values(&lines));
        let key = if at.index(2) == 0 { Some(KEY) } else { None };
        let found = verify_export(BufReader::new(&changed[..]), key, None).unwrap();
        // Without the key a seal is not looked at.
        let only_seal = key.is_none() && how == 3 && {
            let strip = |line: &[u8]| serde_json::from_slice::<serde_json::Value>(line).ok().map(|mut value| {
                value.as_object_mut().map(|fields| fields.remove("seal"));
                value
            });
            strip(&lines[number]) == strip(&before[number])
        };
        prop_assert!(!found.holds || only_seal, "{:?}", String::from_utf8_lossy(&lines[number.min(lines.len() - 1)]));
    }
}

#[test]
fn bodies_whose_time_is_up_go_and_the_chain_holds() {
    let folder = tempfile::tempdir().unwrap();
    let hand = Hand::new();
    let mut options = hand.options();
    options.retention.acts_days = Some(30);
    let record = Record::open(folder.path(), options).unwrap();
    (0..5).for_each(|number| drop(record.writer().append(act(number)).unwrap()));
    hand.set(NOON + 31 * 86_400);
    record.writer().append(act(5)).unwrap();
    record.writer().retire().unwrap();
    let found = verify(folder.path(), Some(KEY), None).unwrap();
    assert!(found.holds && found.bodies_removed == 5 && found.entries == 7, "{found:?}");
    assert!(record.reader().entry(3).unwrap().unwrap().body.is_none());
    assert!(record.reader().entry(6).unwrap().unwrap().body.is_some());
    drop(record);
    tamper(folder.path(), "UPDATE entry SET body = NULL WHERE seq = 6");
    let found = verify(folder.path(), Some(KEY), None).unwrap();
    assert!(!found.holds && found.faults[0].seq == Some(6), "{found:?}");
}

#[test]
fn a_backup_made_while_it_writes_is_restored_and_holds() {
    let folder = tempfile::tempdir().unwrap();
    let (home, copy, again) =
        (folder.path().join("home"), folder.path().join("copy"), folder.path().join("again"));
    let record = open(&home);
    (0..50).for_each(|number| drop(record.writer().append(act(number)).unwrap()));
    let writer = record.writer();
    let busy = thread::spawn(move || (50..400).for_each(|number| drop(writer.append(act(number)).unwrap())));
    let done = backup(&home, &copy, Some(KEY)).unwrap();
    busy.join().unwrap();
    assert!((50..=400).contains(&done.entries), "{done:?}");
    assert!(matches!(backup(&home, &copy, None), Err(Error::Refused(_))), "the folder is not empty");
    let back = restore(&copy, &again, Some(KEY)).unwrap();
    assert_eq!((back.entries, &back.head), (done.entries, &done.head));
    let restored = open(&again);
    assert_eq!(restored.writer().append(act(999)).unwrap().seq, done.entries + 1);
    tamper(&copy, "UPDATE entry SET actor = 'person:eve' WHERE seq = 4");
    assert!(matches!(restore(&copy, &folder.path().join("third"), None), Err(Error::Damaged(_))));
}

#[test]
fn the_command_line_of_sqlite_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path(), 3);
    let Ok(output) = Command::new("sqlite3")
        .arg(folder.path().join("record.sqlite3"))
        .arg("SELECT seq, actor, body FROM entry WHERE seq = 2; PRAGMA integrity_check;")
        .output()
    else {
        println!("skipped: the_command_line_of_sqlite_reads_it: sqlite3 is not installed");
        return;
    };
    assert_eq!(String::from_utf8_lossy(&output.stdout), "2|person:anna|{\"number\":1}\nok\n");
}
