//! Evidence: headers and flow records, and whether others can read the files.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use record::{EvidenceKind, FlowRow, Frame, MAXIMUM_HEADER_BYTES, Record};

use crate::support::{Hand, NOON, SECOND, open};

fn flow(host: u8) -> FlowRow {
    FlowRow {
        first: NOON * SECOND,
        last: NOON * SECOND + 5,
        exporter: "192.0.2.254".parse().unwrap(),
        source: IpAddr::from([198, 51, 100, host]),
        destination: "192.0.2.10".parse().unwrap(),
        protocol: 17,
        tcp_flags: 0,
        source_port: 53,
        destination_port: 40_000 + u16::from(host),
        packets: 1000 * u64::from(host),
        bytes: 512_000,
        sampling: 1000,
    }
}

/// UDP over Ethernet and IPv4, with this payload.
fn frame(number: u32, payload: &[u8]) -> Frame {
    let mut bytes = vec![2; 12];
    bytes.extend([8, 0, 0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 198, 51, 100, 7, 192, 0, 2, 10]);
    bytes.extend([0, 53, 0x9c, 0x40, 0, 0, 0, 0]);
    bytes.extend(payload);
    let original_bytes = bytes.len() as u32;
    Frame { time: NOON * SECOND + i64::from(number), link_type: 1, original_bytes, bytes }
}

#[test]
fn a_pcap_holds_headers_and_what_was_left_out_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = Hand::new().options();
    (options.limits.evidence_frames, options.limits.evidence_floods) = (80, 1);
    let record = Record::open(folder.path(), options).unwrap();
    let writer = record.writer();
    for round in 0..12 {
        writer.offer_frames("f1", (0..12).map(|number| frame(round * 12 + number, &[b'S'; 900])).collect());
        writer.flush().unwrap();
    }
    writer.offer_frames("f1", vec![frame(0, b"")]);
    writer.offer_frames("f2", vec![frame(0, b"")]);
    writer.flush().unwrap();
    let item = record.reader().evidence("f1").unwrap().remove(0);
    assert_eq!((item.kind, item.records, item.left_out), (EvidenceKind::Packets, 80, 144 - 80 + 1));
    let file = record.reader().evidence_file("f1", EvidenceKind::Packets, None).unwrap().unwrap();
    assert_eq!(file.len(), 24 + 80 * (16 + 42), "no byte behind the header of UDP");
    assert!(u32::from_le_bytes(file[16..20].try_into().unwrap()) as usize == MAXIMUM_HEADER_BYTES);
    assert!(record.reader().evidence_file("f3", EvidenceKind::Flows, None).unwrap().is_none());
    let opened = writer.open_evidence("f1", EvidenceKind::Packets, "CSIRT", "anna").unwrap().unwrap();
    assert!(opened.windows(4).any(|window| window == [198, 51, 100, 7]));
}

/// Two organisations under one flood: each has the traffic of its own addresses, and nothing of the other's.
#[test]
fn evidence_of_some_addresses_is_what_names_them() {
    let folder = tempfile::tempdir().unwrap();
    let record = open(folder.path());
    let writer = record.writer();
    let other = |host| FlowRow { destination: "192.0.2.99".parse().unwrap(), ..flow(host) };
    writer.offer_flows("f1", vec![flow(1), other(2), other(3)]);
    let mut foreign = frame(1, b"");
    foreign.bytes[33] = 99;
    writer.offer_frames("f1", vec![frame(0, b""), foreign]);
    writer.flush().unwrap();
    let reader = record.reader();
    let mine = |address: IpAddr| address == IpAddr::from([192, 0, 2, 10]);
    let nobodys = |_: IpAddr| false;
    let packets = reader.evidence_file("f1", EvidenceKind::Packets, Some(&mine)).unwrap().unwrap();
    assert_eq!(packets.len(), 24 + 16 + 42, "one of two");
    assert!(!packets.windows(4).any(|window| window == [192, 0, 2, 99]));
    let flows = reader.evidence_file("f1", EvidenceKind::Flows, Some(&mine)).unwrap().unwrap();
    assert!(flows.windows(10).any(|window| window == b"192.0.2.10"));
    assert!(!flows.windows(10).any(|window| window == b"192.0.2.99"));
    let networks = reader.evidence_networks("f1", Some(&mine)).unwrap();
    assert_eq!(
        networks.iter().map(|share| share.packets).collect::<Vec<_>>(),
        [1_000],
        "of the first record alone"
    );
    for kind in EvidenceKind::ALL {
        assert!(reader.evidence_file("f1", kind, Some(&nobodys)).unwrap().is_none());
    }
}

#[test]
fn evidence_goes_by_age_and_by_size() {
    let folder = tempfile::tempdir().unwrap();
    let hand = Hand::new();
    let mut options = hand.options();
    options.retention.evidence_bytes = 3000;
    let record = Record::open(folder.path(), options).unwrap();
    let writer = record.writer();
    for (number, flood) in ["f1", "f2", "f3"].into_iter().enumerate() {
        hand.set(NOON + number as i64);
        writer.offer_flows(flood, (0..16).map(flow).collect());
        writer.flush().unwrap();
    }
    writer.retire().unwrap();
    let left = |flood| record.reader().evidence(flood).unwrap().len();
    assert_eq!([left("f1"), left("f2"), left("f3")], [0, 1, 1]);
    assert_eq!(fs::read_dir(folder.path().join("evidence")).unwrap().count(), 2);
    hand.set(NOON + 91 * 86_400);
    writer.retire().unwrap();
    assert_eq!([left("f2"), left("f3")], [0, 0]);
}

/// A Python that has a module, out of those that a test machine may have.
fn python_with(module: &str) -> Option<PathBuf> {
    let own = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../xtask/python/bin/python3");
    [own, PathBuf::from("python3")].into_iter().find(|python| {
        let tried = Command::new(python).args(["-c", &format!("import {module}")]).output();
        tried.is_ok_and(|output| output.status.success())
    })
}

fn read_by(module: &str, script: &str, test: &str) {
    let folder = tempfile::tempdir().unwrap();
    let record = open(folder.path());
    record.writer().offer_flows("f1", (0..200).map(flow).collect());
    record.writer().flush().unwrap();
    let file = record.reader().evidence_file("f1", EvidenceKind::Flows, None).unwrap().unwrap();
    let path = folder.path().join("flows.parquet");
    fs::write(&path, &file).unwrap();
    assert!(file.starts_with(b"PAR1") && file.ends_with(b"PAR1"));
    let Some(python) = python_with(module) else {
        println!("skipped: {test}: no Python with {module} (cargo xtask setup says how)");
        return;
    };
    let output = Command::new(python).args(["-c", script]).arg(&path).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(text, "200 19900000 2026-11-27 12:00:00 17 200 192.0.2.10 40199\n");
}

#[test]
fn parquet_opens_in_pandas() {
    let script = "
import sys, pandas
t = pandas.read_parquet(sys.argv[1])
print(len(t), t.packets.sum(), t.first_packet.min().strftime('%Y-%m-%d %H:%M:%S'), t.protocol.max(), t.source.nunique(),
      t.destination.iloc[0], t.destination_port.max())";
    read_by("pandas, pyarrow", script, "parquet_opens_in_pandas");
}

#[test]
fn parquet_opens_in_duckdb() {
    let script = "
import sys, duckdb
duckdb.sql(\"SET TimeZone = 'UTC'\")
print(*duckdb.sql('''SELECT count(*), sum(packets)::BIGINT, strftime(min(first_packet)::TIMESTAMP, '%Y-%m-%d %H:%M:%S'), max(protocol),
  count(DISTINCT source), min(destination), max(destination_port) FROM read_parquet('FILE')'''.replace('FILE', sys.argv[1])).fetchall()[0])";
    read_by("duckdb", script, "parquet_opens_in_duckdb");
}
