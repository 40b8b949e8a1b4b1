//! A flood that hits several organisations: each sees that it is hit, and nothing that names what the others have.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod client;
mod house;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::IpAddr;
use std::sync::Arc;

use client::Console;
use console::people::Role;
use jiff::Timestamp;
use record::{Entry, FlowRow, Frame, Record};
use serde_json::{Value, json};

const ID: &str = "01J9EXAMPLE0FLOOD0SHARED";
const NOW: i64 = 1_790_000_000;
/// What of others is in the flood.
const FOREIGN: [&str; 5] = ["party-y-www", "www.of.own", "192.0.2.99", "192.0.2.98", "fw-of-others"];
/// Why floors were lowered when it was found.
const WHY: &str = "fw-of-others of party-y is on the list of N";

fn event() -> Value {
    let now = Timestamp::from_second(NOW).unwrap();
    json!({"kind": "flood", "phase": "start", "id": ID, "time": now.to_string(), "onset": now.to_string(), "direction": "in",
        "target": {"kind": "group", "name": "party-sites", "addresses": ["192.0.2.10", "192.0.2.99"]},
        "vectors": [{"name": "syn_flood", "share": 1.0}], "packets_per_second": 9000.0, "certainty": "exact",
        "evidence": {"reason": format!("far more than anybody asked for; floor lowered: {WHY}"), "excess_ratio": 12.0,
            "lowered_floors": {"times": 0.5, "reason": WHY, "was_needed": true},
            "also": [{"kind": "address", "name": "192.0.2.98", "addresses": ["192.0.2.98"]}],
            "campaign": {"id": "01J9", "targets": 4, "also": ["party-y-www", "party-x-www", "192.0.2.98", "www.of.own"], "shared_sources": 0.9}}})
}

fn flow(source: [u8; 4], destination: [u8; 4]) -> FlowRow {
    FlowRow {
        first: NOW * 1_000_000_000,
        last: NOW * 1_000_000_000 + 5,
        exporter: "192.0.2.254".parse().unwrap(),
        source: source.into(),
        destination: destination.into(),
        protocol: 17,
        tcp_flags: 0,
        source_port: 53,
        destination_port: 40_000,
        packets: 10,
        bytes: 5_000,
        sampling: 1,
    }
}

/// UDP over Ethernet and IPv4.
fn frame(destination: [u8; 4]) -> Frame {
    let mut bytes = vec![2; 12];
    bytes.extend([8, 0, 0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 198, 51, 100, 7]);
    bytes.extend(destination);
    bytes.extend([0, 53, 0x9c, 0x40, 0, 0, 0, 0]);
    Frame { time: NOW * 1_000_000_000, link_type: 1, original_bytes: 42, bytes }
}

/// A console over a record with that flood, and the folder of the record.
fn console() -> (Console, Record, tempfile::TempDir) {
    console_with(0)
}

/// The same with so many more of such floods, each later than the one before.
fn console_with(more: i64) -> (Console, Record, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let mut options = record::Options::new([7; 16], Arc::new(|| NOW * 1_000_000_000));
    options.own = Arc::new(|address| address.to_string().starts_with("192.0.2."));
    let record = Record::open(folder.path(), options).unwrap();
    let writer = record.writer();
    let names = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    for number in 0..=more {
        let mut event = event();
        if number > 0 {
            event["id"] = format!("{ID}{number:02}").into();
            event["time"] = Timestamp::from_second(NOW + number).unwrap().to_string().into();
        }
        let entry = Entry::observed(event)
            .scoped(names(&["own", "party-x", "party-y"]), names(&["party-x-www", "party-y-www"]));
        writer.append(entry).unwrap();
    }
    let flows = vec![flow([198, 51, 100, 7], [192, 0, 2, 10]), flow([203, 0, 113, 8], [192, 0, 2, 99])];
    writer.offer_flows(ID, flows);
    writer.offer_frames(ID, vec![frame([192, 0, 2, 10]), frame([192, 0, 2, 99]), frame([192, 0, 2, 99])]);
    writer.flush().unwrap();
    let console = Console::over_with(
        |options| {
            options.belongs = Arc::new(|address, organisation| {
                organisation == "party-x" && address == IpAddr::from([192, 0, 2, 10])
            });
        },
        Arc::new(record.reader()),
        Arc::new(record.writer()),
    );
    let mut snapshot = (*console.live.snapshot()).clone();
    snapshot.floods = vec![event()];
    for service in &mut snapshot.services {
        service.flood = service.name.starts_with("party-").then(|| ID.to_owned());
    }
    console.live.show(snapshot);
    (console, record, folder)
}

#[test]
fn nothing_that_leaves_for_one_organisation_names_things_of_others() {
    let (console, _record, _folder) = console();
    let (party, _) = console.member("paul", Role::Analyst, Some("party-x"));
    let (house, _) = console.member("anna", Role::Analyst, None);
    let (party, house) = (console.session(&party), console.session(&house));
    let flood = format!("/api/v1/floods/{ID}");
    let page = format!("/floods/{ID}");
    for path in ["/", "/floods", &page, "/api/v1/now", "/api/v1/floods", &flood, "/api/v1/entries"] {
        let answer = console.get(path, Some(&party));
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.body.contains("party-sites"), "{path}: it is hit and sees that");
        for foreign in FOREIGN {
            assert!(!answer.body.contains(foreign), "{path} names {foreign} to a party");
        }
    }
    let whole = console.get(&flood, Some(&house)).body;
    assert!(FOREIGN.iter().all(|foreign| whole.contains(foreign)), "the house sees all of it: {whole}");
    let own: Value = serde_json::from_str(&console.get(&flood, Some(&party)).body).unwrap();
    assert_eq!(own["services"], json!(["party-x-www"]));
    assert_eq!(own["last"]["evidence"]["campaign"]["also"], json!(["party-x-www"]));
    assert_eq!(own["last"]["evidence"]["campaign"]["targets"], 4, "that there are others is no secret");
    assert_eq!(own["last"]["evidence"]["lowered_floors"]["times"], 0.5, "nor that less was needed");
    assert_eq!(own["reason"], "far more than anybody asked for; floor lowered");
    assert!(console.get(&page, Some(&house)).body.contains(WHY), "who works on it reads why");
    let asked = |service: &str| console.get(&format!("/api/v1/floods?service={service}"), Some(&party)).body;
    assert!(asked("party-x-www").contains(ID) && !asked("party-y-www").contains(ID));
    let found = |word: &str| console.get(&format!("/api/v1/floods?q={word}"), Some(&party)).body.contains(ID);
    assert!(found("party-sites") && found("party-x-www") && found("SYN_FLOOD"));
    for foreign in FOREIGN {
        assert!(!found(foreign), "a search for {foreign} says that it is hit too");
    }
}

/// Where the next page begins said that the record had found something by a word that is not shown.
#[test]
fn a_search_for_words_of_others_leaves_what_a_search_for_nothing_leaves() {
    for more in [1, 14] {
        let (console, _record, _folder) = console_with(more);
        let party = console.session(&console.member("paul", Role::Analyst, Some("party-x")).0);
        let ask = |query: &str| -> Value {
            serde_json::from_str(&console.get(&format!("/api/v1/floods?{query}"), Some(&party)).body).unwrap()
        };
        let nothing = ask("limit=1&q=nowhere-at-all");
        assert_eq!(nothing["items"], json!([]));
        assert_eq!(nothing["next"].is_null(), more < 10, "ten pages are looked through at once");
        for foreign in FOREIGN {
            assert_eq!(ask(&format!("limit=1&q={foreign}")), nothing, "{foreign} among {more}");
        }
        // What is theirs is found page by page, each once, by an address as by a name.
        let (mut found, mut after) = (Vec::new(), String::new());
        for _ in 0..=more + 1 {
            let page = ask(&format!("limit=1&q=192.0.2.10+party-x-www&after={after}"));
            found.extend(page["items"].as_array().unwrap().iter().map(|flood| flood["id"].to_string()));
            let Some(next) = page["next"].as_str() else { break };
            after = next.to_owned();
        }
        found.dedup();
        assert_eq!(found.len(), usize::try_from(more + 1).unwrap(), "{found:?}");
    }
}

#[test]
fn the_stream_of_events_names_no_others() {
    let (console, _record, _folder) = console();
    let (party, _) = console.member("paul", Role::Viewer, Some("party-x"));
    let session = console.session(&party);
    let mut stream = console.connect();
    let request = format!(
        "GET /api/v1/events HTTP/1.1\r\nHost: x\r\nLast-Event-ID: 0\r\nCookie: __Host-session={session}\r\n\r\n"
    );
    console.live.publish("flood", &["own".to_owned(), "party-x".to_owned()], "no JSON with party-y-www");
    console.live.publish("flood", &["own".to_owned(), "party-x".to_owned()], &event().to_string());
    stream.write_all(request.as_bytes()).unwrap();
    let mut line = String::new();
    let mut reader = BufReader::new(stream);
    while !line.starts_with("data: ") {
        line.clear();
        assert!(reader.read_line(&mut line).unwrap() > 0);
    }
    assert!(line.contains("party-sites") && line.contains("party-x-www"), "{line}");
    assert!(FOREIGN.iter().all(|foreign| !line.contains(foreign)), "{line}");
}

#[test]
fn evidence_for_one_organisation_is_of_its_addresses() {
    let (console, _record, _folder) = console();
    let (party, _) = console.member("paul", Role::Analyst, Some("party-x"));
    let (other, _) = console.member("yann", Role::Analyst, Some("party-y"));
    let (house, _) = console.member("anna", Role::Analyst, None);
    let get = |account, kind: &str| {
        console.get(&format!("/api/v1/floods/{ID}/evidence/{kind}"), Some(&console.session(account)))
    };
    // The head of a pcap, and of each packet, and its headers.
    let length = |packets: usize| (24 + packets * (16 + 42)).to_string();
    assert_eq!(get(&house, "packets").field("content-length"), Some(length(3).as_str()));
    assert_eq!(get(&party, "packets").field("content-length"), Some(length(1).as_str()));
    let own = get(&party, "flows");
    assert!(own.status == 200 && own.body.contains("192.0.2.10"));
    assert!(!own.body.contains("192.0.2.99") && get(&house, "flows").body.contains("192.0.2.99"));
    for kind in ["packets", "flows"] {
        assert_eq!(get(&other, kind).status, 404, "without an address of its own there is no file");
    }
    let page = console.get(&format!("/floods/{ID}"), Some(&console.session(&party))).body;
    assert!(page.contains("The files hold what went to addresses of your organisation"));
    let whole = console.get(&format!("/floods/{ID}"), Some(&console.session(&house))).body;
    for (network, is_theirs) in [("198.51.100.0/24", true), ("203.0.113.0/24", false)] {
        assert!(whole.contains(network), "the house sees networks of the whole flood: {network}");
        assert_eq!(page.contains(network), is_theirs, "{network}: what others got is not shown");
    }
}

/// It was a 503. Found by a reader of the code.
#[test]
fn a_damaged_file_of_evidence_costs_itself_and_not_the_page() {
    let (console, _record, folder) = console();
    let (house, _) = console.member("anna", Role::Analyst, None);
    let path = format!("/floods/{ID}");
    let page = || console.get(&path, Some(&console.session(&house)));
    assert!(page().body.contains("198.51.100.0/24") && !page().body.contains("cannot be read"));
    for file in fs::read_dir(folder.path().join("evidence")).unwrap() {
        let file = file.unwrap().path();
        let mut bytes = fs::read(&file).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        fs::write(&file, bytes).unwrap();
    }
    let page = page();
    assert_eq!(page.status, 200);
    assert!(page.body.contains("party-sites") && page.body.contains("cannot be read: a file is damaged"));
}
