//! What was seen is kept, and shown to those who sign in.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::export::Exporter;
use crate::service::{CONFIG, PROGRAM, Service};

/// The most events or pauses of a test that waits for one.
const MOST: usize = 6000;
const CONSOLE: &str = "[console]\nlisten = [\"127.0.0.1:0\"]\n";

/// Floods the web server until its flood has started; gives the first line.
pub(crate) fn flood(service: &Service) -> Value {
    let mut exporter = Exporter::at([127, 0, 0, 1], service.flows());
    for _ in 0..MOST {
        exporter.netflow9([192, 0, 2, 10]);
        if let Some(event) = service.event_soon().filter(|event| event["phase"] == "start") {
            return event;
        }
    }
    panic!("no flood was found")
}

/// Every file below a folder, with its bytes.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
    found
}

#[test]
fn a_flood_is_kept_in_a_chain_that_holds_and_without_an_address_of_a_person() {
    // Shown in full on standard output, so that the test knows them; the record keeps codes all the same.
    let config = format!("{CONFIG}[events]\nshow_addresses = \"a test\"\n");
    let service = Service::start("kept", &config);
    let event = flood(&service);
    let folder = service.folder.clone();
    let (status, lines) = service.stop("TERM");
    assert!(status.success());
    let told: Vec<&Value> = lines.iter().chain([&event]).filter(|line| line["kind"] == "flood").collect();
    let sources: Vec<String> = told
        .iter()
        .flat_map(|line| line["sources"]["top"].as_array().unwrap())
        .map(|source| source["address"].as_str().unwrap().to_owned())
        .collect();
    assert!(!sources.is_empty(), "the test needs sources to look for: {event}");
    for (name, bytes) in files(&folder.join("state")) {
        for source in &sources {
            let found = bytes.windows(source.len()).any(|window| window == source.as_bytes());
            assert!(!found, "{source} is in {name}");
        }
    }
    let ledger = |what: &str, more: &[&str]| {
        let mut command = Command::new(PROGRAM);
        command.args(["ledger", what]).arg(folder.join("state/record"));
        command.arg("--key-file").arg(folder.join("state/key")).args(more);
        command.output().unwrap()
    };
    let verified = ledger("verify", &["--json"]);
    assert_eq!(verified.status.code(), Some(0), "{}", String::from_utf8_lossy(&verified.stderr));
    let exported = String::from_utf8(ledger("export", &[]).stdout).unwrap();
    let kinds =
        |kind: &str| exported.lines().filter(|line| line.contains(&format!("\"kind\":\"{kind}\""))).count();
    assert!(kinds("observed") >= 2 && kinds("started") == 1 && kinds("stopped") == 1, "{exported}");
    assert!(exported.contains(event["id"].as_str().unwrap()));
}

#[test]
fn the_console_asks_who_one_is_and_says_how_the_first_one_comes_in() {
    let test = "the_console_asks_who_one_is_and_says_how_the_first_one_comes_in";
    if Command::new("curl").arg("--version").stdout(Stdio::null()).status().is_err() {
        println!("skipped: {test}: curl is not installed");
        return;
    }
    let service = Service::start("console", &format!("{CONFIG}{CONSOLE}"));
    let said = |before: &str| {
        let line = service
            .log
            .lines()
            .find(|line| line.contains(before))
            .unwrap_or_else(|| panic!("{}", service.log));
        line[line.find("https://").unwrap()..].to_owned()
    };
    assert!(service.log.contains("SHA-256 fingerprint"), "{}", service.log);
    let base = said("console on");
    let status = |url: &str| {
        let arguments =
            ["--silent", "--insecure", "--output", "/dev/null", "--write-out", "%{http_code}", url];
        String::from_utf8(Command::new("curl").args(arguments).output().unwrap().stdout).unwrap()
    };
    assert_eq!(status(&format!("{base}healthz")), "200");
    assert_eq!(status(&format!("{base}api/v1/floods")), "401");
    assert_eq!(status(&format!("{base}metrics")), "401");
    assert_eq!(status(&said("first one is made")), "200");
    let (ended, _) = service.stop("TERM");
    assert!(ended.success());
}

#[test]
fn a_record_of_another_key_stops_the_start_with_the_reason() {
    let service = Service::start("foreign_key", CONFIG);
    let folder = service.folder.clone();
    service.stop("TERM");
    fs::remove_file(folder.join("state/key")).unwrap();
    let output = crate::service::command(&folder, &[]).output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains("cannot open the record") && errors.contains("key"), "{errors}");
}
