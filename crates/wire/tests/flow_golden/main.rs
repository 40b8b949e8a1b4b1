//! Every fixture against an independent decoder.
//!
//! The fixtures of the repository are always tested; the full set, which holds files whose licences do not
//! allow copying them, is tested where the environment variable `HEMICYCLE_CAPTURES` names its folder.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod expected;
mod files;
mod oracle;
mod sampling;
mod seen;
mod text;

use std::path::{Path, PathBuf};

use oracle::Oracle;
use seen::Seen;
use wire::FlowRecord;
use wire::flow::{FlowCounters, FlowDecoder, Limits};

const KEY: [u8; 16] = *b"flow golden test";

/// Files of which the oracle gives less than there is, and why. Everything else must be equal.
const ORACLE_GIVES_LESS: &[(&str, &str)] = &[
    (
        "ipfix/logstash_ixia_tpldata256.dat",
        "netflow_parser gives no record; tshark gives these (see `ixia_records_equal_tshark`)",
    ),
    ("ipfix/logstash_ixia_tpldata271.dat", "as for 256"),
    (
        "netflow5/logstash_invalid01.dat",
        "the datagram is cut off inside its header's count of records; both give the whole ones",
    ),
];

#[derive(Default)]
struct Compared {
    datagrams: usize,
    records: usize,
    /// Datagrams in which the oracle stopped before we did.
    gave_up: usize,
    differences: Vec<String>,
    counters: FlowCounters,
}

fn compare(paths: &[PathBuf]) -> Compared {
    let mut decoder = FlowDecoder::new(Limits::default(), KEY);
    let mut oracle = Oracle::default();
    let mut out = Compared::default();
    for datagram in paths.iter().flat_map(|path| files::datagrams(path)) {
        let mut records: Vec<FlowRecord> = Vec::new();
        let outcome = decoder.decode(datagram.exporter, datagram.arrival, &datagram.bytes, &mut records);
        assert_eq!(outcome.records as usize, records.len());
        let ours: Vec<Seen> = records.iter().map(Seen::from).collect();
        let verdict = oracle.decode(datagram.exporter.to_ip(), &datagram.bytes);
        let theirs = verdict.records;
        out.datagrams += 1;
        out.records += ours.len();
        let stopped = verdict.error.is_some() && ours.len() > theirs.len();
        out.gave_up += usize::from(stopped);
        if ours.len() != theirs.len() && !stopped {
            out.differences.push(format!("{} records, oracle {}", ours.len(), theirs.len()));
        }
        for (ours, theirs) in ours.iter().zip(&theirs) {
            if ours != theirs {
                out.differences.push(format!("\n  ours   {ours:?}\n  oracle {theirs:?}"));
            }
        }
    }
    out.counters = *decoder.counters();
    out
}

fn compare_all(folder: &Path) {
    let groups = files::groups(folder);
    assert!(!groups.is_empty(), "no fixtures in {}", folder.display());
    let mut bad = Vec::new();
    for (name, paths) in groups {
        let found = compare(&paths);
        let excuse = ORACLE_GIVES_LESS.iter().find(|(file, _)| *file == name).map(|(_, why)| *why);
        let verdict = match (found.differences.is_empty() && found.gave_up == 0, excuse) {
            (true, _) => "equal",
            (false, Some(why)) => why,
            (false, None) => "DIFFERENT",
        };
        let c = &found.counters;
        println!(
            "{name}: {} datagrams, {} records, {verdict}; sets before template {}, options records {}, \
             without address {}, bad lengths {}, templates refused {}, skipped sets {}, lost {}",
            found.datagrams,
            found.records,
            c.sets_before_template,
            c.options_records,
            c.records_without_address,
            c.bad_lengths,
            c.templates_refused,
            c.sets_skipped,
            c.lost_records + c.lost_datagrams,
        );
        for difference in found.differences.iter().take(3) {
            println!("    {difference}");
        }
        if verdict == "DIFFERENT" {
            bad.push(name);
        }
    }
    assert!(bad.is_empty(), "{bad:?}");
}

#[test]
fn the_fixtures_of_the_repository_equal_the_oracles() {
    compare_all(&files::repository());
}

#[test]
fn the_full_set_equals_the_oracles() {
    if let Some(folder) = files::full_set() {
        compare_all(&folder);
    }
}

#[test]
fn ixia_records_equal_tshark() {
    let path = files::repository().join("ipfix/logstash_ixia_tpldata271.dat");
    let mut decoder = FlowDecoder::new(Limits::default(), KEY);
    let mut records: Vec<FlowRecord> = Vec::new();
    for datagram in files::datagrams(&path) {
        decoder.decode(datagram.exporter, datagram.arrival, &datagram.bytes, &mut records);
    }
    let seen: Vec<Seen> = records.iter().map(Seen::from).collect();
    let at = |seconds: i64, milliseconds: i64| {
        Some((1_540_470_240 + seconds) * 1_000_000_000 + milliseconds * 1_000_000)
    };
    assert_eq!(seen.len(), 2, "{seen:?}");
    assert_eq!(seen[0].destination, "202.170.60.245");
    assert_eq!((seen[0].first, seen[0].last), (at(26, 527), at(32, 22)));
    // Ixia counts the reverse direction in elements of its own, which are skipped.
    let second = &seen[1];
    assert_eq!((second.source.as_str(), second.destination.as_str()), ("202.170.60.252", "104.244.42.130"));
    assert_eq!((second.ports, second.flags, second.packets), ((8732, 443), 0x1b, 0));
    assert_eq!((second.first, second.last), (at(11, 502), at(12, 28)));
}
