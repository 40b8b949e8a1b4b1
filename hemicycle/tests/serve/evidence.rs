//! What is kept of a flood's traffic, and of that of every service: opened by the programs of others.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use console::people::Role;
use serde_json::Value;

use crate::export::Exporter;
use crate::mirror::{FLOOD, Namespace, recorded, replay, with_mirror};
use crate::person::{CONSOLE, Person, can_ask};
use crate::service::{CONFIG, Service, pause};

/// The most events or pauses of a test that waits for one.
const MOST: usize = 6000;
/// Pauses with ordinary traffic before a flood.
const BEFORE: usize = 200;

/// A Python that has a module, out of those that a test machine may have.
fn python_with(module: &str) -> Option<PathBuf> {
    let own = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../xtask/python/bin/python3");
    [own, PathBuf::from("python3")].into_iter().find(|python| {
        let tried = Command::new(python).args(["-c", &format!("import {module}")]).output();
        tried.is_ok_and(|output| output.status.success())
    })
}

/// What a script says of a file; nothing, with the reason, where its modules are not to be had.
fn python(modules: &str, script: &str, file: &Path, test: &str) -> Option<String> {
    let Some(python) = python_with(modules) else {
        println!("skipped: {test}: no Python with {modules} (`cargo xtask setup` makes one)");
        return None;
    };
    let output = Command::new(python).args(["-c", script]).arg(file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap().trim().to_owned())
}

/// A flood of flow records after some ordinary ones to the same service; its first line.
fn flood(service: &Service) -> Value {
    let mut exporter = Exporter::at([127, 0, 0, 1], service.flows());
    for round in 0..BEFORE {
        // Few enough to be no flood: nobody is seen to answer them.
        if round % 20 == 0 {
            exporter.ordinary([192, 0, 2, 10], 1);
            exporter.ordinary([192, 0, 2, 25], 1);
        }
        pause();
    }
    for _ in 0..MOST {
        exporter.netflow9([192, 0, 2, 10]);
        if let Some(event) = service.event_soon().filter(|event| event["phase"] == "start") {
            return event;
        }
    }
    panic!("no flood was found")
}

const PANDAS: &str = "
import sys, pandas
t = pandas.read_parquet(sys.argv[1])
onset = pandas.Timestamp(ONSET)
to = t[t.destination == '192.0.2.10']
print(len(t), len(to), int((t.last_packet < onset).sum() > 0), int((t.last_packet >= onset).sum() > 0),
      int(t.source.str.endswith('.1').mean() < 0.5), sorted(set(t.exporter)))";
const DUCKDB: &str = "
import sys, duckdb
print(*duckdb.sql(\"SELECT count(*), count(*) FILTER (destination = '192.0.2.10') FROM read_parquet('FILE')\"
    .replace('FILE', sys.argv[1])).fetchall()[0])";

#[test]
fn flow_records_around_a_flood_open_in_pandas_and_in_duckdb() {
    let test = "flow_records_around_a_flood_open_in_pandas_and_in_duckdb";
    if !can_ask(test) {
        return;
    }
    let service = Service::start("evidence_flows", &format!("{CONFIG}{CONSOLE}"));
    let person = Person::of(&service, "ada", Role::Analyst);
    let event = flood(&service);
    let id = event["id"].as_str().unwrap();
    let (item, bytes) = person.waits_for_evidence(id, "flows");
    let link = format!("/api/v1/floods/{id}/evidence/flows");
    assert!(person.text(&format!("/floods/{id}")).contains(&link), "the page of the flood leads to it");
    let file = service.folder.join("flows.parquet");
    fs::write(&file, bytes).unwrap();
    let records = item["records"].as_u64().unwrap();
    assert!(records > 50, "{item}");
    let script = PANDAS.replace("ONSET", &format!("{:?}", event["onset"].as_str().unwrap()));
    if let Some(said) = python("pandas, pyarrow", &script, &file, test) {
        // All of them, all to the target, from before and after the onset, by the exporter.
        assert_eq!(said, format!("{records} {records} 1 1 1 ['127.0.0.1']"));
    }
    if let Some(said) = python("duckdb", DUCKDB, &file, test) {
        assert_eq!(said, format!("{records} {records}"));
    }
    assert!(service.figure("evidence_flows_total").unwrap() >= records as f64);
    assert_eq!(service.figure("evidence_refused_total"), Some(0.0));
    // Opening it is an entry with the purpose, and gives the sources as they were.
    let purpose = "for the provider, ticket 4711";
    let opened = person.form("/evidence/open", &[("flood", id), ("kind", "flows"), ("purpose", purpose)]);
    assert!(opened.starts_with(b"PAR1"), "{}", String::from_utf8_lossy(&opened));
    let entries = person.json("/api/v1/entries?kind=opened");
    assert_eq!(entries["items"][0]["body"]["purpose"], purpose, "{entries}");
    assert_eq!(entries["items"][0]["subject"], id);
    assert!(service.stop("TERM").0.success());
}

#[test]
fn rates_of_every_service_are_kept_whether_there_is_a_flood_or_not() {
    let test = "rates_of_every_service_are_kept_whether_there_is_a_flood_or_not";
    if !can_ask(test) {
        return;
    }
    let service = Service::start("series", &format!("{CONFIG}{CONSOLE}"));
    let person = Person::of(&service, "ada", Role::Viewer);
    let mut exporter = Exporter::at([127, 0, 0, 1], service.flows());
    let mut points = Vec::new();
    for round in 0..MOST {
        exporter.ordinary([192, 0, 2, 25], 2);
        pause();
        if round % 50 == 49 {
            points = person.json("/api/v1/services/mail/series?resolution=1s")["items"]
                .as_array()
                .unwrap()
                .clone();
        }
        if points.len() >= 3 {
            break;
        }
    }
    // Ten records of two packets of 500 bytes in each datagram, about a hundred datagrams a second.
    let middle = &points[1];
    let packets = middle["packets_per_second"].as_f64().unwrap();
    let bits = middle["bits_per_second"].as_f64().unwrap();
    assert!(packets > 100.0, "{points:?}");
    assert!((bits / packets - 4_000.0).abs() < 40.0, "500 bytes a packet: {points:?}");
    let other = person.json("/api/v1/services/www/series?resolution=1s");
    assert_eq!(other["items"].as_array().unwrap().len(), 0, "nothing came to it");
    assert_eq!(service.figure("record_samples_lost_total"), Some(0.0));
    assert!(service.stop("TERM").0.success());
}

#[test]
fn headers_of_a_flood_on_a_mirror_port_open_in_tshark() {
    let test = "headers_of_a_flood_on_a_mirror_port_open_in_tshark";
    if !can_ask(test) {
        return;
    }
    let Some(_namespace) = Namespace::enter(test) else { return };
    if Command::new("tshark").arg("--version").output().is_err() {
        println!("skipped: {test}: tshark is not installed");
        return;
    }
    let config = format!("{}{CONSOLE}", with_mirror(""));
    let service = Service::start("evidence_packets", &config);
    let person = Person::of(&service, "ada", Role::Viewer);
    replay(&recorded("attacks/syn_flood/hping_random_sources.pcap.gz"), FLOOD);
    let event =
        (0..MOST).find_map(|_| service.event_soon().filter(|event| event["phase"] == "start")).unwrap();
    let id = event["id"].as_str().unwrap();
    let (item, bytes) = person.waits_for_evidence(id, "packets");
    let file = service.folder.join("packets.pcap");
    fs::write(&file, bytes).unwrap();
    let mut command = Command::new("tshark");
    command.arg("-r").arg(&file).args([
        "-T",
        "fields",
        "-e",
        "frame.cap_len",
        "-e",
        "frame.len",
        "-e",
        "tcp.hdr_len",
    ]);
    let output = command.args(["-e", "ip.dst", "-e", "ip.src", "-e", "frame.time_epoch"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(rows.len() as u64, item["records"].as_u64().unwrap());
    assert!(rows.len() > 100, "{item}");
    let onset: jiff::Timestamp = event["onset"].as_str().unwrap().parse().unwrap();
    let time = |row: &[&str]| row[5].parse::<f64>().unwrap();
    let onset = onset.as_nanosecond() as f64 / 1e9;
    assert!(
        rows.iter().any(|row| time(row) < onset),
        "what was before is there too: {event} {:?}",
        rows.first()
    );
    assert!(rows.iter().any(|row| time(row) >= onset));
    let mut cut = 0;
    for row in &rows {
        let number = |place: usize| row[place].parse::<usize>().unwrap();
        if row[2].is_empty() {
            continue;
        }
        // Ethernet, IP without options, TCP with its own, and nothing behind.
        assert_eq!(number(0), 14 + 20 + number(2), "{row:?}");
        cut += usize::from(number(1) > number(0));
        assert!(row[3] == "192.0.2.10" || row[4] == "192.0.2.10", "{row:?}");
    }
    assert!(cut > 0, "ordinary packets carried a payload that is not kept");
    let (status, _) = service.stop("TERM");
    assert!(status.success());
}
