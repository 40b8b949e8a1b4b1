//! What can be read, together and from where; and which flow records count.

use crate::support::{Capture, file, flow_capture, gzip, repository, run, run_with_input};

fn capture() -> Vec<u8> {
    let mut capture = Capture::new();
    capture.syn_flood(0, 6, 800);
    capture.0
}

fn target() -> Vec<(String, String)> {
    vec![("syn_flood".to_owned(), "192.0.2.10".to_owned())]
}

#[test]
fn standard_input_and_gzip_are_read() {
    let plain = run_with_input(&["replay", "--json", "-"], &capture());
    assert_eq!((plain.code, plain.starts()), (Some(0), target()), "{}", plain.errors);
    let packed = run_with_input(&["replay", "--json", "-"], &gzip(&capture()));
    assert_eq!(packed.starts(), target());
    let path = file("inputs_packed.whatever", &gzip(&capture()));
    let from_file = run(&["replay".as_ref(), "--json".as_ref(), path.as_os_str()]);
    assert_eq!(from_file.starts(), target(), "the name says nothing, the content does");
    assert_eq!(packed.summary()["inputs"][0]["bytes"], plain.summary()["inputs"][0]["bytes"]);
}

#[test]
fn packets_and_flow_exports_are_one_time_line() {
    let flows = flow_capture([198, 51, 100, 9], 20, 200, 3);
    let flows = file("inputs_flows.pcap", &flows);
    let packets = file("inputs_packets.pcap", &capture());
    for order in [[&flows, &packets], [&packets, &flows]] {
        let ran = run(&["replay".as_ref(), "--json".as_ref(), order[0].as_os_str(), order[1].as_os_str()]);
        assert_eq!(ran.starts(), target());
        let mut kinds: Vec<_> =
            ran.summary()["inputs"].as_array().unwrap().iter().map(|input| input["kind"].clone()).collect();
        kinds.sort_by_key(ToString::to_string);
        assert_eq!(kinds, ["flow_pcap", "pcap"]);
        let times: Vec<String> =
            ran.lines().iter().filter_map(|line| Some(line["time"].as_str()?.to_owned())).collect();
        assert!(times.is_sorted(), "{times:?}");
    }
}

#[test]
fn flow_exports_are_looked_for_at_the_ports_given() {
    let path = file("inputs_ports.pcap", &flow_capture([198, 51, 100, 9], 10, 200, 3));
    let kind = |more: &[&str]| {
        let mut arguments = vec!["replay", "--json", path.to_str().unwrap()];
        arguments.extend(more);
        run(&arguments).summary()["inputs"][0]["kind"].as_str().unwrap().to_owned()
    };
    assert_eq!(kind(&[]), "flow_pcap");
    assert_eq!(kind(&["--flow-port", "2055"]), "flow_pcap");
    assert_eq!(kind(&["--flow-port", "9,2055"]), "flow_pcap");
    assert_eq!(kind(&["--flow-port", "9996"]), "pcap");
}

#[test]
fn every_flow_fixture_is_read() {
    for fixture in [
        "netflow5/gen_dns_amp.pcap",
        "ipfix/ipfixcol2_example_flows.ipfix",
        "netflow9/logstash_softflowd_tpl_data.dat",
        "sflow5/gen_dns_amp_1in10.pcap",
    ] {
        let path = repository("data/flows").join(fixture);
        let ran = run(&["replay".as_ref(), "--json".as_ref(), path.as_os_str()]);
        assert_eq!(ran.code, Some(0), "{fixture}: {}", ran.errors);
        assert!(ran.summary()["inputs"][0]["records"].as_u64().unwrap() > 0, "{fixture}");
    }
}

#[test]
fn an_institution_names_the_target_and_counts_external_interfaces_once() {
    let institution = repository("data/institution/examplia.toml");
    // edge-1 of the example: 192.0.2.253, external interfaces 3 and 4, sampling 1000.
    let summary = |name: &str, exporter: [u8; 4], input: u16| {
        let path = file(name, &flow_capture(exporter, 10, 200, input));
        let arguments: [&std::ffi::OsStr; 5] = [
            "replay".as_ref(),
            "--json".as_ref(),
            "--institution".as_ref(),
            institution.as_os_str(),
            path.as_os_str(),
        ];
        let ran = run(&arguments);
        let summary = ran.summary();
        assert_eq!(summary["institution"], "Parliament of Examplia");
        let starts = ran.starts();
        (starts, summary["records"].as_u64().unwrap(), summary["exporters"].clone())
    };
    let (external, records, _) = summary("inputs_external.pcap", [192, 0, 2, 253], 3);
    assert_eq!(external[0], ("syn_flood".to_owned(), "www".to_owned()));
    assert_eq!(records, 2000);
    let (internal, records, counters) = summary("inputs_internal.pcap", [192, 0, 2, 253], 10);
    assert!(internal.is_empty(), "{internal:?}");
    assert_eq!((records, counters["other_interface_records"].as_u64()), (0, Some(2000)));
    let (undeclared, _, counters) = summary("inputs_undeclared.pcap", [198, 51, 100, 200], 10);
    assert_eq!(undeclared[0].1, "www", "believed");
    assert_eq!(counters["undeclared_records"], 2000);
}

/// Captures and logs below a folder of the repository.
fn all_below(folder: &std::path::Path, found: &mut Vec<std::path::PathBuf>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            all_below(&path, found);
        } else if [".pcap", ".pcap.gz", ".pcapng", ".pcapng.gz", ".log", ".log.gz"]
            .iter()
            .any(|ending| path.to_string_lossy().ends_with(ending))
        {
            found.push(path);
        }
    }
}

/// What is played at a set speed is counted where it is read, what is played at once on a thread beside it. One test for
/// packets, requests and tunnels together: who finds something must not change when it is told.
#[test]
fn counting_beside_tells_the_same_in_the_same_order() {
    let mut paths = Vec::new();
    all_below(&repository("data/recorded"), &mut paths);
    // Damaged exports make losses.
    all_below(&repository("data/flows"), &mut paths);
    paths.truncate(intake::MAX_INPUTS);
    let play = |speed: &str| {
        let mut arguments: Vec<std::ffi::OsString> =
            ["replay", "--json", "--speed", speed].map(Into::into).to_vec();
        arguments.extend(paths.iter().map(|path| path.clone().into_os_string()));
        let ran = run(&arguments);
        assert_eq!(ran.code, Some(0), "{}", ran.errors);
        let mut lines: Vec<String> = ran.output.lines().map(str::to_owned).collect();
        let mut summary = ran.summary();
        summary.as_object_mut().unwrap().remove("elapsed_seconds");
        lines.pop();
        (lines, summary)
    };
    let (beside, alone) = (play("max"), play("1000000000"));
    assert!(beside.0.len() > 200, "{}", beside.0.len());
    for (line, other) in beside.0.iter().zip(&alone.0) {
        assert_eq!(line, other);
    }
    assert_eq!(beside.0.len(), alone.0.len());
    assert_eq!(beside.1, alone.1);
}
