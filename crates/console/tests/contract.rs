//! The description of the API against the API: schemathesis asks whatever the description allows and much that it does not, with the
//! token of each role, some of the house and some of a party. No answer is a failure of ours, and none is of a kind that is not described.
//!
//! schemathesis (PyPI) is fetched by `cargo xtask setup`; without it these tests are skipped. `HEMICYCLE_EXAMPLES` is how many
//! questions are made up for each operation.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod browser;
mod client;
mod house;

use std::process::Command;
use std::sync::Arc;

use browser::fetched;
use client::Console;
use console::people::{Role, Scope};
use record::{Actor, Entry, Kind, Record, Sample};
use serde_json::json;

/// Questions for each operation.
const EXAMPLES: &str = "8";
/// What is looked at in each answer.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
    response_schema_conformance,negative_data_rejection,missing_required_header,unsupported_method,\
    allow_header_conformance,ignored_auth";
/// Floods in the record: more than a page.
const FLOODS: i64 = 150;

/// A real record: made-up answers would hide what SQLite does with odd questions.
fn record(folder: &std::path::Path) -> Record {
    let now = 1_790_000_000_i64;
    let record =
        Record::open(folder, record::Options::new([7; 16], Arc::new(move || now * 1_000_000_000))).unwrap();
    let writer = record.writer();
    let at = |second: i64| jiff::Timestamp::from_second(second).unwrap().to_string();
    for number in 0..FLOODS {
        let (second, mine) = (now - 90_000 + 60 * number, number % 3 > 0);
        let (owner, service) = if mine { ("own", "www") } else { ("party-x", "party-x-www") };
        for (phase, second) in [("start", second), ("end", second + 40)] {
            let event = json!({"kind": "flood", "phase": phase, "id": format!("f{number}"), "time": at(second), "onset": at(second - 1),
                "direction": "in", "target": {"kind": "service", "name": service, "addresses": ["192.0.2.10"]},
                "vectors": [{"name": "syn_flood", "share": 0.9}], "packets_per_second": 1e5, "bits_per_second": 1e8,
                "sources": {"distinct": 9, "top": [{"address": "198.51.100.7", "share": 0.1}]}, "certainty": "exact",
                "confidence": 0.9, "evidence": {"reason": "SYN packets that are never followed"}});
            let entry = Entry::observed(event).scoped(vec![owner.into()], vec![service.into()]);
            while !writer.offer(entry.clone()) {
                writer.flush().unwrap();
            }
        }
        let (target, vector) = (service.to_owned(), "all".to_owned());
        let sample = Sample { target, vector, second, packets: 9.0, bits: 9e3, requests: 1.0 };
        writer.offer_points(vec![sample]);
    }
    writer
        .append(Entry::new(Kind::Done, Actor::Person("anna".into()), "x", json!({"a": [1, null]})))
        .unwrap();
    writer.flush().unwrap();
    record
}

/// Runs schemathesis with a token; what it says where something is not as described.
fn ask(console: &Console, token: &str) -> Result<(), String> {
    let program = fetched("schemathesis/bin/schemathesis").unwrap();
    let base = format!("http://{}", console.address);
    let home = tempfile::tempdir().unwrap();
    // The document is behind a session too, so it is fetched here.
    let document =
        console.ask("GET", "/api/v1/openapi.json", &[("Authorization", &format!("Bearer {token}"))], "");
    assert_eq!(document.status, 200);
    let schema = home.path().join("openapi.json");
    std::fs::write(&schema, document.body).unwrap();
    let examples = std::env::var("HEMICYCLE_EXAMPLES").unwrap_or_else(|_| EXAMPLES.to_owned());
    let mut command = Command::new(program);
    command.arg("run").arg(&schema).args([
        "--url",
        &base,
        "--header",
        &format!("Authorization: Bearer {token}"),
    ]);
    command.args([
        "--checks",
        CHECKS,
        "--max-examples",
        &examples,
        "--seed",
        "1",
        "--generation-deterministic",
    ]);
    command.args(["--continue-on-failure", "--suppress-health-check", "all", "--request-timeout", "20"]);
    // It never ends: `events.rs` asks it.
    command.args(["--exclude-path", "/api/v1/events", "--no-color"]);
    command.args(["--warnings", "off"]).current_dir(home.path());
    // Loopback and nothing else, whatever the machine's proxy is.
    command.env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1");
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(()) } else { Err(format!("{text}\n{errors}")) }
}

fn is_kept(test: &str, role: Role, organisation: Option<&'static str>) {
    if fetched("schemathesis/bin/schemathesis").is_none() {
        println!("skipped: {test}: schemathesis is not fetched");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let record = record(folder.path());
    let console = Console::over(Arc::new(record.reader()), Arc::new(record.writer()));
    console.member("root", Role::Administrator, None);
    let (account, _) = console.member("somebody", role, organisation);
    let token = console.people.create_token(&account, "t", &Scope::ALL, organisation, 1).unwrap();
    if let Err(said) = ask(&console, &token) {
        panic!("{said}");
    }
    let figures = console.handle.figures();
    let counted = |class: &str| {
        let line = format!("hemicycle_console_answers_total{{class=\"{class}xx\"}} ");
        figures.lines().find_map(|text| text.strip_prefix(&line)?.parse::<u64>().ok()).unwrap_or(0)
    };
    assert!(counted("2") > 100 && counted("4") > 100, "it asked: {figures}");
    assert_eq!(counted("5"), 0, "{figures}");
}

#[test]
fn a_viewer_gets_what_is_described() {
    is_kept("a_viewer_gets_what_is_described", Role::Viewer, Some("party-x"));
}

#[test]
fn an_analyst_gets_what_is_described() {
    is_kept("an_analyst_gets_what_is_described", Role::Analyst, None);
}

#[test]
fn an_operator_gets_what_is_described() {
    is_kept("an_operator_gets_what_is_described", Role::Operator, Some("party-x"));
}

#[test]
fn an_administrator_gets_what_is_described() {
    is_kept("an_administrator_gets_what_is_described", Role::Administrator, None);
}

#[test]
fn data_protection_gets_what_is_described() {
    is_kept("data_protection_gets_what_is_described", Role::DataProtection, None);
}
