//! Addresses of persons: in no file where they are hidden, opened with a purpose, gone when erased.

use std::fs;
use std::net::IpAddr;
use std::path::Path;

use record::{Actor, Entry, Error, EvidenceKind, Filter, Frame, Kind, Page, Record, export, verify};
use serde_json::json;

use crate::support::{Hand, KEY, NOON, act, flood, observed, open};

const PERSON: &str = "198.51.100.7";

/// All bytes of all files of a folder.
fn bytes(folder: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(bytes(&path));
        } else {
            all.extend(fs::read(path).unwrap());
        }
    }
    all
}

fn holds(folder: &Path, what: &[u8]) -> bool {
    bytes(folder).windows(what.len()).any(|window| window == what)
}

/// A packet from the person to the institution, with a payload that must not be kept.
fn frame() -> Frame {
    let mut bytes = vec![0x45, 0, 0, 60, 0, 0, 0, 0, 64, 17, 0, 0, 198, 51, 100, 7, 192, 0, 2, 10];
    bytes.extend([7, 4, 0, 53, 0, 40, 0, 0]);
    bytes.extend(b"a letter to a member");
    Frame { time: NOON * 1_000_000_000, link_type: 101, original_bytes: 48, bytes }
}

#[test]
fn no_file_holds_a_plain_address_or_a_byte_of_payload() {
    let folder = tempfile::tempdir().unwrap();
    let record = open(folder.path());
    let writer = record.writer();
    writer.append(observed(flood("f1", "start", NOON, 1000.0, "syn_flood"))).unwrap();
    let body = json!({"from": PERSON, "note": format!("seen from {PERSON}, twice"), "by": {PERSON: 1}});
    writer.append(Entry::new(Kind::Decided, Actor::Person(PERSON.to_owned()), PERSON, body)).unwrap();
    assert!(writer.offer_frames("f1", vec![frame(); 3]));
    writer.flush().unwrap();
    for text in [PERSON.as_bytes(), b"2001:db8:5::9", &[198, 51, 100, 7], b"a letter to a member"] {
        assert!(!holds(folder.path(), text), "{}", String::from_utf8_lossy(text));
    }
    assert!(holds(folder.path(), b"203.0.113.80"), "the target is nobody's");
    let row = record.reader().flood("f1").unwrap().unwrap();
    let code = row.last["sources"]["top"][0]["address"].as_str().unwrap().to_owned();
    assert!(code.starts_with("p-2026W48-"), "{code}");
    assert_eq!(row.last["sources"]["top"][0]["network"], "198.51.100.0/24");
    assert_eq!(row.reason, format!("SYN packets from {code} and others to 203.0.113.80"));
    let entry = record.reader().entry(2).unwrap().unwrap();
    assert_eq!((entry.subject.as_str(), entry.actor), (code.as_str(), format!("person:{code}")));
    let mut exported = Vec::new();
    export(&record.reader(), &mut exported, None).unwrap();
    assert!(!String::from_utf8(exported).unwrap().contains(PERSON));
    let pcap = record.reader().evidence_file("f1", EvidenceKind::Packets, None).unwrap().unwrap();
    assert!(!pcap.windows(8).any(|window| window == b"a letter"));
    assert!(pcap.windows(4).any(|window| window == [192, 0, 2, 10]));
    drop(record);
    assert!(!holds(folder.path(), PERSON.as_bytes()));
}

#[test]
fn opening_needs_a_purpose_and_is_an_entry_first() {
    let folder = tempfile::tempdir().unwrap();
    let record = open(folder.path());
    let writer = record.writer();
    writer.append(observed(flood("f1", "start", NOON, 1000.0, "syn_flood"))).unwrap();
    let row = record.reader().flood("f1").unwrap().unwrap();
    let code = row.last["sources"]["top"][0]["address"].as_str().unwrap().to_owned();
    assert!(matches!(writer.open_address(&code, " ", "anna"), Err(Error::Refused(_))));
    assert_eq!(record.reader().totals().unwrap().entries, 1);
    let opened = writer.open_address(&code, "report to the CSIRT", "anna").unwrap();
    assert_eq!(opened, Some(PERSON.parse().unwrap()));
    let entry = record.reader().entry(2).unwrap().unwrap();
    assert_eq!((entry.kind.as_str(), entry.actor.as_str()), ("opened", "person:anna"));
    assert!(entry.body.unwrap().contains("report to the CSIRT"));
    assert_eq!(writer.open_address("p-2026W48-000000000000", "test", "anna").unwrap(), None);
    let mut exported = Vec::new();
    let done = export(&record.reader(), &mut exported, Some((&writer, "court order", "anna"))).unwrap();
    assert!(done.opened >= 2 && String::from_utf8(exported).unwrap().contains(PERSON));
}

#[test]
fn what_is_held_is_told_and_erased_and_the_chain_holds() {
    let folder = tempfile::tempdir().unwrap();
    let hand = Hand::new();
    let record = Record::open(folder.path(), hand.options()).unwrap();
    let writer = record.writer();
    writer.append(observed(flood("f1", "start", NOON, 1000.0, "syn_flood"))).unwrap();
    hand.set(NOON + 7 * 86_400);
    writer.append(observed(flood("f2", "start", NOON + 7 * 86_400, 1000.0, "syn_flood"))).unwrap();
    assert!(writer.offer_frames("f1", vec![frame(); 3]));
    writer.flush().unwrap();
    assert!(writer.offer_frames("f1", vec![frame(); 2]), "and some that wait");
    let person: IpAddr = PERSON.parse().unwrap();
    let report = writer.held_about(person, "request of the person", "dpo").unwrap();
    assert!(report.plain_kept && report.evidence == ["f1"]);
    let codes: Vec<_> = report.codes.iter().map(|code| (code.entries.clone(), code.floods.clone())).collect();
    assert_eq!(codes, [(vec![1], vec!["f1".to_owned()]), (vec![2], vec!["f2".to_owned()])]);
    let done = writer.erase(person, "request of the person", "dpo").unwrap();
    assert_eq!((done.codes.len(), done.evidence_records), (2, 5));
    assert_eq!(writer.open_address(&done.codes[0], "test", "anna").unwrap(), None);
    let report = writer.held_about(person, "check", "dpo").unwrap();
    assert!(report.codes.is_empty() && !report.plain_kept && report.evidence.is_empty());
    // The neighbour in the same events is still there.
    let other = writer.held_about("2001:db8:5::9".parse().unwrap(), "check", "dpo").unwrap();
    assert_eq!(other.codes.len(), 2);
    assert!(verify(folder.path(), Some(KEY), None).unwrap().holds);
    hand.set(NOON + 8 * 86_400 + 1);
    writer.append(observed(flood("f3", "start", NOON + 8 * 86_400, 1.0, "syn_flood"))).unwrap();
    assert_eq!(writer.held_about(person, "check", "dpo").unwrap().codes.len(), 1);
    let row = record.reader().flood("f3").unwrap().unwrap();
    let again = row.last["sources"]["top"][0]["address"].as_str().unwrap();
    assert!(!done.codes.contains(&again.to_owned()), "who comes back gets another code");
}

#[test]
fn an_erasure_holds_while_the_flood_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let hand = Hand::new();
    let record = Record::open(folder.path(), hand.options()).unwrap();
    let writer = record.writer();
    writer.append(observed(flood("f1", "start", NOON, 1000.0, "syn_flood"))).unwrap();
    assert!(writer.offer_frames("f1", vec![frame(); 3]));
    writer.flush().unwrap();
    let person: IpAddr = PERSON.parse().unwrap();
    let done = writer.erase(person, "request of the person", "dpo").unwrap();
    assert_eq!((done.codes.len(), done.evidence_records), (1, 3));
    // The sample still holds packets of it, and the flood's next lines name it.
    hand.set(NOON + 3_600);
    let mut other = frame();
    other.bytes[15] = 8;
    assert!(writer.offer_frames("f1", vec![frame(), other, frame()]));
    for phase in ["update", "end"] {
        writer.offer(observed(flood("f1", phase, NOON + 3_600, 9_000.0, "udp_flood")));
    }
    let act = json!({"note": format!("{PERSON} is still there")});
    writer.append(Entry::new(Kind::Decided, Actor::Room("test".to_owned()), PERSON, act)).unwrap();
    writer.flush().unwrap();
    let report = writer.held_about(person, "check", "dpo").unwrap();
    assert!(report.codes.is_empty() && !report.plain_kept && report.evidence.is_empty(), "{report:?}");
    let counts = writer.health().counts;
    assert_eq!((counts.evidence_erased, counts.evidence_lost), (2, 0));
    let row = record.reader().flood("f1").unwrap().unwrap();
    let code = row.last["sources"]["top"][0]["address"].as_str().unwrap().to_owned();
    assert!(code.starts_with("p-") && !done.codes.contains(&code), "{code}");
    assert_eq!(writer.open_address(&code, "test", "anna").unwrap(), None);
    let pcap = record.reader().evidence_file("f1", EvidenceKind::Packets, None).unwrap().unwrap();
    assert!(pcap.len() > 24, "the neighbour's packet is evidence");
    drop(record);
    assert!(!holds(folder.path(), PERSON.as_bytes()));
}

#[test]
fn plain_addresses_go_when_their_time_is_up() {
    let folder = tempfile::tempdir().unwrap();
    let hand = Hand::new();
    let record = Record::open(folder.path(), hand.options()).unwrap();
    record.writer().append(observed(flood("f1", "start", NOON, 1000.0, "syn_flood"))).unwrap();
    hand.set(NOON + 31 * 86_400);
    record.writer().append(act(1)).unwrap();
    record.writer().retire().unwrap();
    assert_eq!(record.reader().totals().unwrap().addresses, 0);
    let words = Filter { text: Some("p-2026w48".to_owned()), ..Filter::default() };
    assert_eq!(record.reader().entries(&words, &Page::default()).unwrap().items.len(), 1);
    assert!(verify(folder.path(), Some(KEY), None).unwrap().holds);
}
