//! The contract of `replay --json`, and who sees addresses of sources.

use std::path::PathBuf;

use serde_json::Value;

use crate::support::{Capture, Ran, file, flow_capture, repository, run};

fn flood(name: &str) -> PathBuf {
    let mut capture = Capture::new();
    capture.syn_flood(0, 1, 2);
    capture.syn_flood(5, 12, 800);
    file(name, &capture.0)
}

fn replay(path: &std::path::Path, more: &[&str]) -> Ran {
    let mut arguments: Vec<&std::ffi::OsStr> = vec!["replay".as_ref(), "--json".as_ref(), path.as_os_str()];
    arguments.extend(more.iter().map(AsRef::<std::ffi::OsStr>::as_ref));
    let ran = run(&arguments);
    assert_eq!(ran.code, Some(0), "{}", ran.errors);
    ran
}

#[test]
fn every_line_of_a_flood_has_the_fields_of_the_contract() {
    let lines = replay(&flood("events_fields.pcap"), &[]).lines();
    let floods: Vec<&Value> = lines.iter().filter(|line| line["kind"] == "flood").collect();
    assert!(floods.len() >= 3, "{lines:?}");
    for line in &floods {
        let text = |pointer: &str| line.pointer(pointer).is_some_and(Value::is_string);
        let number = |pointer: &str| line.pointer(pointer).is_some_and(Value::is_number);
        for pointer in ["/phase", "/id", "/time", "/onset", "/direction", "/target/kind", "/target/name"] {
            assert!(text(pointer), "{pointer} of {line}");
        }
        for pointer in
            ["/packets_per_second", "/bits_per_second", "/confidence", "/sampling", "/vectors/0/share"]
        {
            assert!(number(pointer), "{pointer} of {line}");
        }
        for pointer in ["/requests_per_second", "/baseline_packets_per_second", "/sources/distinct"] {
            assert!(
                line.pointer(pointer).is_some_and(|value| value.is_number() || value.is_null()),
                "{pointer}"
            );
        }
        assert!(line["target"]["addresses"][0].is_string() && line["evidence"].is_object());
        assert!(["likely", "unlikely", "unknown"].map(Value::from).contains(&line["sources"]["spoofing"]));
        assert!(["exact", "sampled", "lower_bound"].map(Value::from).contains(&line["certainty"]));
        assert_eq!(line["id"], floods[0]["id"]);
        assert_eq!(line["vectors"][0]["name"], "syn_flood");
    }
    let phases: Vec<&str> = floods.iter().filter_map(|line| line["phase"].as_str()).collect();
    assert_eq!((phases.first(), phases.last()), (Some(&"start"), Some(&"end")));
    assert!(phases[1..phases.len() - 1].iter().all(|phase| *phase == "update"), "{phases:?}");
}

#[test]
fn the_last_line_is_the_summary() {
    let summary = replay(&flood("events_summary.pcap"), &[]).summary();
    assert_eq!(summary["floods"], 1);
    let input = &summary["inputs"][0];
    assert!(input["name"].as_str().unwrap().ends_with("events_summary.pcap"));
    assert_eq!(input["kind"], "pcap");
    assert_eq!(input["records"], 2 + 7 * 800);
    assert_eq!((input["skipped"].as_u64(), input["lost"].as_u64()), (Some(0), Some(0)));
    assert!(input["bytes"].as_u64().unwrap() > 300_000 && input["damage"].is_null());
    let span = summary["span_seconds"].as_f64().unwrap();
    assert!((11.9..12.0).contains(&span), "{span}");
    assert!(summary["elapsed_seconds"].is_number() && summary["addresses_shown_for"].is_null());
}

#[test]
fn the_same_input_gives_the_same_bytes_but_for_the_time_it_took() {
    let path = repository("data/recorded/attacks/multi_vector/syn_udp_dns.pcap.gz");
    let without_elapsed = || {
        let output = replay(&path, &[]).output;
        let (before, after) = output.split_once("\"elapsed_seconds\":").unwrap();
        let rest = after
            .trim_start_matches(|character: char| character.is_ascii_digit() || ".e-".contains(character));
        assert!(rest.len() < after.len());
        format!("{before}{rest}")
    };
    assert_eq!(without_elapsed(), without_elapsed());
}

#[test]
fn sources_are_shown_as_networks_until_a_purpose_is_given() {
    let path = repository("data/recorded/attacks/syn_flood/one_real_source_mail.pcap.gz");
    let hidden = replay(&path, &[]);
    assert!(!hidden.output.contains("198.18.77.7\""), "{}", hidden.output);
    assert!(hidden.output.contains("\"address\":\"198.18.77.0/24\""), "{}", hidden.output);
    let shown = replay(&path, &["--show-addresses", "test of the tests"]);
    assert!(shown.output.contains("\"address\":\"198.18.77.7\""), "{}", shown.output);
    assert_eq!(shown.summary()["addresses_shown_for"], "test of the tests");
}

#[test]
fn the_text_hides_and_opens_sources_in_the_same_way() {
    let path = repository("data/recorded/attacks/syn_flood/one_real_source_mail.pcap.gz");
    let hidden = run(&["replay".as_ref(), path.as_os_str()]).output;
    assert!(hidden.contains("198.18.77.0/24") && !hidden.contains("198.18.77.7"), "{hidden}");
    let purpose: [&std::ffi::OsStr; 2] = ["--show-addresses".as_ref(), "a report".as_ref()];
    let shown = run(&["replay".as_ref(), purpose[0], purpose[1], path.as_os_str()]).output;
    assert!(
        shown.contains("198.18.77.7 ") && shown.contains("Source addresses are shown for: a report"),
        "{shown}"
    );
}

#[test]
fn what_an_exporter_lost_makes_lower_bounds() {
    let whole = flow_capture([198, 51, 100, 9], 10, 200, 3);
    let path = file("events_whole.pcap", &whole);
    let whole_run = replay(&path, &[]);
    assert_eq!(whole_run.starts(), [("syn_flood".to_owned(), "192.0.2.10".to_owned())]);
    assert!(!whole_run.output.contains("lower_bound"), "{}", whole_run.output);
    // Every frame is 16 bytes of record header, 42 of Ethernet, IPv4 and UDP, and 72 of NetFlow v5.
    let frame = 16 + 42 + 72;
    let gap = [&whole[..24 + 100 * frame], &whole[24 + 150 * frame..]].concat();
    let ran = replay(&file("events_lost.pcap", &gap), &[]);
    assert_eq!(ran.summary()["inputs"][0]["lost"], 50);
    assert_eq!(ran.summary()["lost"], 50);
    let last = ran.lines().into_iter().rev().find(|line| line["kind"] == "flood").unwrap();
    assert_eq!(last["certainty"], "lower_bound");
    let text = run(&["replay".as_ref(), file("events_lost.pcap", &gap).as_os_str()]).output;
    assert!(text.contains("lower bound") && text.contains("lost:"), "{text}");
}

#[test]
fn quiet_prints_the_tables_only() {
    let path = flood("events_quiet.pcap");
    let ran = run(&["replay".as_ref(), "--quiet".as_ref(), path.as_os_str()]);
    assert!(!ran.output.contains("START") && ran.output.contains("ONSET"), "{}", ran.output);
    let ran = run(&["replay".as_ref(), path.as_os_str()]);
    assert!(ran.output.contains("START") && ran.output.contains("END"), "{}", ran.output);
}

#[test]
fn a_set_speed_takes_its_time_and_changes_nothing_else() {
    let path = flood("events_speed.pcap");
    let events = |ran: &Ran| {
        let mut lines = ran.lines();
        lines.pop();
        lines
    };
    let fast = replay(&path, &[]);
    let paced = replay(&path, &["--speed", "12"]);
    assert_eq!(events(&fast), events(&paced));
    let took = paced.summary()["elapsed_seconds"].as_f64().unwrap();
    assert!(took > 0.99, "12 seconds at 12 times real time took {took} s");
}

/// Forty SYNs a second are what a host may get that is not seen to send; a window asks for twenty.
#[test]
fn a_window_finds_what_is_below_the_usual_floor_and_changes_nothing_else() {
    let mut capture = Capture::new();
    capture.syn_flood(0, 60, 30);
    let weak = file("events_weak.pcap", &capture.0);
    assert!(
        replay(&weak, &[]).starts().is_empty(),
        "thirty a second towards a host that is not seen to send"
    );
    let ran = replay(&weak, &["--readiness", "ready"]);
    assert_eq!(ran.starts().len(), 1, "{}", ran.output);
    let start = ran.lines().into_iter().find(|line| line["phase"] == "start").unwrap();
    let lowered = &start["evidence"]["lowered_floors"];
    assert_eq!((&lowered["times"], &lowered["was_needed"]), (&0.5.into(), &true.into()), "{start}");
    assert!(lowered["reason"].as_str().unwrap().contains("replayed with readiness"), "{start}");
    assert!(start["evidence"]["reason"].as_str().unwrap().ends_with("; floor lowered"), "{start}");
    assert!(!replay(&flood("events_lowered.pcap"), &[]).output.contains("lowered_floors"));
}

/// What is recorded of ordinary days gives no more floods with half of the floors.
#[test]
fn ordinary_days_give_no_flood_in_a_window_either() {
    for folder in ["data/recorded/benign", "data/recorded/benign_one_way", "data/captures/benign"] {
        let mut paths: Vec<PathBuf> =
            std::fs::read_dir(repository(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        assert!(paths.len() > 3);
        for path in paths {
            let floods = |more: &[&str]| -> Vec<String> {
                let lines = replay(&path, more).lines();
                let starts = lines.iter().filter(|line| line["kind"] == "flood" && line["phase"] == "start");
                starts.map(|line| line["id"].to_string()).collect()
            };
            assert_eq!(floods(&["--readiness", "ready"]), floods(&[]), "{}", path.display());
        }
    }
}
