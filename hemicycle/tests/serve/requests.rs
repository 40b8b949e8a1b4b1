//! What a person may ask for, at the console of a running service: a report, and an erasure that leaves the chain whole.

use std::net::Ipv4Addr;
use std::process::Command;
use std::time::Instant;

use console::people::Role;

use crate::export::Exporter;
use crate::office::flood;
use crate::person::{CONSOLE, PATIENCE_SECONDS, Person, can_ask};
use crate::service::{CONFIG, PROGRAM, Service, pause};

#[test]
fn a_person_is_told_what_is_held_and_erased_and_the_chain_still_holds() {
    let test = "a_person_is_told_what_is_held_and_erased_and_the_chain_still_holds";
    if !can_ask(test) {
        return;
    }
    // Sources in full on standard output, so that the test knows one.
    let config = format!("{CONFIG}{CONSOLE}[events]\nshow_addresses = \"a test\"\n");
    let service = Service::start("requests", &config);
    let officer = Person::of(&service, "dpo", Role::DataProtection);
    let event = flood(&service);
    let address = event["sources"]["top"][0]["address"].as_str().unwrap();
    let purpose = "request of the person, file 2026/114";
    let fields = [("address", address), ("purpose", purpose)];
    let ask = |path: &str| String::from_utf8(officer.form(path, &fields)).unwrap();
    // The record writes beside what is printed.
    let mut report = ask("/data-protection/report");
    for _ in 0..200 {
        if report.contains("1 codes") {
            break;
        }
        pause();
        report = ask("/data-protection/report");
    }
    assert!(report.contains("1 codes") && report.contains("plain address is kept"), "{report}");
    assert!(report.contains(event["id"].as_str().unwrap()), "the flood that names it");
    let done = ask("/data-protection/erase");
    assert!(done.contains("is erased: 1 codes lead nowhere now"), "{done}");
    // The flood goes on with the same sources, among them the person: nothing that still knows the address brings it back.
    let mut exporter = Exporter::at([127, 0, 0, 1], service.flows());
    let taken = || service.figure("record_evidence_total").unwrap();
    let person: Ipv4Addr = address.parse().unwrap();
    let (before, started) = (taken(), Instant::now());
    while taken() <= before || service.figure("record_evidence_erased_total") == Some(0.0) {
        assert!(started.elapsed().as_secs() < PATIENCE_SECONDS, "the test needs more evidence of the person");
        exporter.of(person.octets(), [192, 0, 2, 10]);
        exporter.netflow9([192, 0, 2, 10]);
    }
    let again = ask("/data-protection/report");
    assert!(again.contains("no code is known") && again.contains("No evidence holds it"), "{again}");
    let entries = officer.json("/api/v1/entries?kind=erased");
    assert_eq!(entries["items"][0]["actor"], "person:dpo");
    assert_eq!(entries["items"][0]["body"]["purpose"], purpose);
    assert!(!entries.to_string().contains(address), "the entry does not name whom it is about");
    let folder = service.folder.clone();
    assert!(service.stop("TERM").0.success());
    let mut verify = Command::new(PROGRAM);
    verify.args(["ledger", "verify"]).arg(folder.join("state/record"));
    let output = verify.arg("--key-file").arg(folder.join("state/key")).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_viewer_and_an_analyst_cannot_ask_for_others() {
    let test = "a_viewer_and_an_analyst_cannot_ask_for_others";
    if !can_ask(test) {
        return;
    }
    let service = Service::start("requests_refused", &format!("{CONFIG}{CONSOLE}"));
    for (name, role) in [("vera", Role::Viewer), ("anna", Role::Analyst)] {
        let person = Person::of(&service, name, role);
        assert!(!person.text("/data-protection").contains("/data-protection/erase"));
        let fields = [("address", "198.51.100.7"), ("purpose", "a purpose that is long enough")];
        let answer = String::from_utf8(person.form("/data-protection/erase", &fields)).unwrap();
        assert!(!answer.contains("is erased"), "{answer}");
    }
    assert!(service.stop("TERM").0.success());
}
