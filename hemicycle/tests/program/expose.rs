//! `hemicycle expose` and `hemicycle import`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::{PROGRAM, Ran, file, repository, run};

fn example() -> String {
    repository("data/institution/examplia.toml").to_str().unwrap().to_owned()
}

fn of<'a>(ran: &'a [Value], kind: &str) -> Vec<&'a Value> {
    ran.iter().filter(|line| line["kind"] == kind).collect()
}

fn names(value: &Value) -> BTreeSet<&str> {
    value.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect()
}

fn good(arguments: &[&str]) -> Ran {
    let ran = run(arguments);
    assert_eq!(ran.code, Some(0), "{}", ran.errors);
    ran
}

#[test]
fn json_has_cut_sets_couplings_and_a_summary() {
    let ran = good(&["expose", &example(), "--json"]);
    let lines = ran.lines();
    let single: BTreeSet<&str> = of(&lines, "cut_set")
        .into_iter()
        .filter(|line| line["service"] == "www" && line["order"] == 1)
        .map(|line| line["elements"][0].as_str().unwrap())
        .collect();
    assert_eq!(single, BTreeSet::from(["lb-1", "power-main", "dns-public", "fw-software"]));
    let balancer = of(&lines, "cut_set")
        .into_iter()
        .find(|line| line["service"] == "www" && line["elements"][0] == "lb-1" && line["order"] == 1)
        .unwrap();
    assert_eq!(balancer["witness"].as_array().unwrap().last().unwrap(), "www");
    let coupling = of(&lines, "coupling")
        .into_iter()
        .find(|line| {
            line["target"] == "www" && line["element"] == "fw-edge-1" && line["elements"][1] == "fw-edge-2"
        })
        .unwrap();
    assert_eq!(coupling["unit"], "table_entries");
    assert_eq!(coupling["at"], 2e6);
    assert!(names(&coupling["inside"]).is_superset(&BTreeSet::from(["vpn", "mail"])));
    let summary = ran.summary();
    assert_eq!(summary["services"], 11);
    assert!(summary["single_points"].as_u64().unwrap() > 10);
    // What is found is no failure of the program.
    assert!(of(&lines, "rule").iter().any(|line| line["state"] == "fail" && line["anssi"][0].is_string()));
}

#[test]
fn text_says_what_a_person_wants_to_know() {
    let ran = good(&["expose", &example()]);
    for part in [
        "Single points of failure",
        "power-main",
        "What a flood outside takes down inside",
        "Do first",
        "second:",
        "SEG-04",
        "ANSSI R10",
    ] {
        assert!(ran.output.contains(part), "{part}\n{}", ran.output);
    }
    assert!(!ran.output.contains('\u{1b}'));
}

#[test]
fn a_change_shows_its_difference_alone() {
    let ran = good(&["expose", &example(), "--what-if", "second:directory", "--json"]);
    let lines = ran.lines();
    let gone: BTreeSet<&str> = of(&lines, "cut_set_difference")
        .into_iter()
        .filter(|line| line["change"] == "gone" && line["order"] == 1)
        .map(|line| line["service"].as_str().unwrap())
        .collect();
    assert_eq!(gone, BTreeSet::from(["mail", "vpn", "files", "documents"]));
    let text = good(&["expose", &example(), "--what-if", "second:directory"]);
    assert!(text.output.contains("directory stops mail"), "{}", text.output);
    assert_eq!(run(&["expose", &example(), "--what-if", "second:nobody"]).code, Some(1));
    assert_eq!(run(&["expose", &example(), "--what-if", "third:directory"]).code, Some(2));
}

/// Each command stands there whole, and run for real it gives the effect that stands beside it.
#[test]
fn every_printed_fix_does_what_is_said_of_it() {
    let text = good(&["expose", &example()]).output;
    let ran = good(&["expose", &example(), "--json"]);
    let lines = ran.lines();
    let printed: BTreeSet<&str> =
        text.lines().filter_map(|line| Some(line.split_once("--what-if ")?.1.trim())).collect();
    assert!(printed.iter().any(|command| command.len() > 20) && printed.len() >= 5, "{printed:?}");
    let mut tried = 0;
    for fix in of(&lines, "fix") {
        let Some(command) = fix["what_if"].as_str() else { continue };
        tried += usize::from(printed.contains(command));
        let ran = good(&["expose", &example(), "--what-if", command, "--json"]);
        let changed = ran.lines();
        let said = names(&fix["services"]);
        if fix["remedy"] == "split" {
            let through = |change: &str| -> BTreeSet<&str> {
                of(&changed, "coupling_difference")
                    .into_iter()
                    .filter(|line| line["change"] == change && line["elements"][1].is_null())
                    .filter(|line| line["elements"][0] == fix["element"])
                    .flat_map(|line| names(&line["inside"]))
                    .collect()
            };
            let (gone, new) = (through("gone"), through("new"));
            assert!(said.iter().all(|name| gone.contains(name) && !new.contains(name)), "{command}");
        } else {
            let gone: BTreeSet<&str> = of(&changed, "cut_set_difference")
                .into_iter()
                .filter(|line| line["change"] == "gone" && line["order"] == 1)
                .filter(|line| line["elements"][0] == fix["element"])
                .map(|line| line["service"].as_str().unwrap())
                .collect();
            assert_eq!(said, gone, "{command}");
        }
    }
    assert_eq!(tried, printed.len(), "each printed command is one of a fix, whole");
}

#[test]
fn two_versions_are_compared() {
    let before = fs::read_to_string(example()).unwrap();
    let after = before.replace(
        "allow = [\"tcp/443 app-db\", \"tcp/636 directory\"]",
        "allow = [\"tcp/443 app-db\", \"tcp/1-1023 anything\"]",
    );
    assert_ne!(before, after);
    let after = file("expose_after.toml", after.as_bytes());
    let ran = good(&["expose", after.to_str().unwrap(), "--against", &example(), "--json"]);
    let lines = ran.lines();
    let opened: Vec<&str> =
        of(&lines, "reach").into_iter().map(|line| line["ports"].as_str().unwrap()).collect();
    assert_eq!(opened, ["tcp/1-442", "tcp/444-635", "tcp/637-1023"]);
    assert_eq!(lines[0]["from_internet"], serde_json::json!(["internet", "public", "internal"]));
}

/// A packet capture of a connection from the public zone to a file share inside, which no conduit allows, and of one that is
/// allowed.
#[test]
fn what_crosses_zones_without_a_conduit_is_drift() {
    type Segment = ([u8; 4], [u8; 4], u16, u16, u8);
    let packets: [Segment; 4] = [
        ([192, 0, 2, 10], [192, 0, 2, 130], 40_000, 445, 0x02),
        ([192, 0, 2, 130], [192, 0, 2, 10], 445, 40_000, 0x12),
        ([192, 0, 2, 10], [192, 0, 2, 131], 40_001, 443, 0x02),
        ([192, 0, 2, 10], [192, 0, 2, 20], 40_002, 9_999, 0x02),
    ];
    let mut capture = Vec::new();
    capture
        .extend([0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 101, 0, 0, 0]);
    for (number, (source, destination, from, to, flags)) in packets.into_iter().enumerate() {
        let mut packet = vec![0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0];
        packet.extend(source);
        packet.extend(destination);
        packet.extend(from.to_be_bytes());
        packet.extend(to.to_be_bytes());
        packet.extend([0; 8]);
        packet.extend([0x50, flags, 4, 0, 0, 0, 0, 0]);
        let seconds = 1_700_000_000 + number as u32;
        for value in [seconds, 0, packet.len() as u32, packet.len() as u32] {
            capture.extend(value.to_le_bytes());
        }
        capture.extend(packet);
    }
    let capture = file("expose_drift.pcap", &capture);
    let ran = good(&["expose", &example(), "--flows", capture.to_str().unwrap(), "--json"]);
    let lines = ran.lines();
    let [drift] = of(&lines, "drift").try_into().unwrap();
    assert_eq!(
        (drift["from"].as_str(), drift["to"].as_str(), drift["port"].as_str()),
        (Some("public"), Some("internal"), Some("tcp/445"))
    );
    assert_eq!((&drift["flows"], &drift["answered"]), (&Value::from(1), &Value::from(true)));
    assert_eq!(drift["witnesses"][0], serde_json::json!(["192.0.2.10", "192.0.2.130"]));
    assert!(ran.summary()["observed"]["records"] == 4);
}

#[test]
fn import_refuses_what_is_too_large_and_says_so() {
    let path = file("expose_huge.json", &vec![b' '; (16 << 20) + 1]);
    for kind in ["netbox", "threagile", "nmap", "csv"] {
        let ran = run(&["import", kind, path.to_str().unwrap()]);
        assert_eq!(ran.code, Some(1));
        assert!(ran.errors.contains("more than 16777216 bytes"), "{}", ran.errors);
        assert!(ran.output.is_empty());
    }
    fs::remove_file(path).unwrap();
}

#[test]
fn import_prints_proposals_as_json_too() {
    let path = file("expose_services.csv", b"name,kind,zone,needs\nwww,service,public,fw\n");
    let ran = good(&["import", "csv", path.to_str().unwrap(), "--json"]);
    let lines = ran.lines();
    assert_eq!(of(&lines, "proposed").len(), 3);
    assert!(of(&lines, "proposed").iter().all(|entry| entry["reason"].is_string()));
    assert_eq!(ran.summary()["tables"], 3);
}

/// The first picture, by the commands of the page, in an empty folder.
#[test]
fn the_commands_of_the_page_make_the_first_picture() {
    let page = fs::read_to_string(repository("docs/expose.md")).unwrap();
    let commands = page.split("```sh\n").nth(1).unwrap().split("```").next().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let program = Path::new(PROGRAM).parent().unwrap().to_str().unwrap();
    let path = format!("{program}:{}", std::env::var("PATH").unwrap());
    let output = Command::new("sh")
        .args(["-e", "-c", commands])
        .current_dir(folder.path())
        .env("PATH", path)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    for part in ["firewall", "duct", "2.00 M table entries", "exposure.html"] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let picture = fs::read_to_string(folder.path().join("exposure.html")).unwrap();
    assert_eq!(picture.matches("class=\"box service").count(), 5);
    assert!(picture.contains("@media print") && !picture.contains("<script"));
}
