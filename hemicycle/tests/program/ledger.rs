//! `hemicycle ledger`, on a record that a service has open at the same time.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use record::{Entry, Options, Record};
use serde_json::json;

use crate::support::{Ran, file, run};

const KEY: [u8; 16] = *b"\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff";

/// A folder of its own with a key file, and a record in it with two floods.
fn service(name: &str) -> (PathBuf, PathBuf, Record) {
    let key = file(&format!("{name}.key"), b"00112233445566778899aabbccddeeff\n");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let folder = key.with_extension("record");
    let _ = fs::remove_dir_all(&folder);
    let record = Record::open(&folder, Options::new(KEY, Arc::new(|| 1_795_780_800_000_000_000))).unwrap();
    for id in ["f1", "f2"] {
        let event = json!({"kind": "flood", "phase": "start", "id": id, "time": "2026-11-27T12:00:00Z", "direction": "in",
            "target": {"kind": "address", "name": "www", "addresses": ["192.0.2.10"]},
            "vectors": [{"name": "syn_flood", "share": 1.0}],
            "sources": {"top": [{"address": "198.51.100.7", "share": 0.1}]}});
        record.writer().append(Entry::observed(event)).unwrap();
    }
    (folder, key, record)
}

fn ledger(arguments: &[&dyn AsRef<OsStr>]) -> Ran {
    let all: Vec<&OsStr> = std::iter::once(OsStr::new("ledger"))
        .chain(arguments.iter().map(|argument| (*argument).as_ref()))
        .collect();
    run(&all)
}

#[test]
fn verify_says_what_holds_and_what_does_not() {
    let (folder, key, record) = service("verify");
    let ran = ledger(&[&"verify", &folder, &"--key-file", &key, &"--json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.errors);
    let found = ran.lines().remove(0);
    assert_eq!(
        (&found["kind"], &found["holds"], &found["entries"]),
        (&"verification".into(), &true.into(), &2.into())
    );
    let head = format!("{}:{}", found["head"]["seq"], found["head"]["hash"].as_str().unwrap());
    assert_eq!(ledger(&[&"verify", &folder, &"--head", &head]).code, Some(0));
    let other = format!("9{}", &head[1..]);
    let ran = ledger(&[&"verify", &folder, &"--head", &other]);
    assert_eq!(ran.code, Some(1));
    assert!(
        ran.output.contains("cut off") && ran.errors.contains("does not hold"),
        "{}{}",
        ran.output,
        ran.errors
    );
    assert_eq!(ledger(&[&"verify", &folder, &"--head", &"2:abc"]).code, Some(2));
    assert_eq!(ledger(&[&"verify", &folder.join("missing")]).code, Some(1));
    drop(record);
}

#[test]
fn an_export_is_checked_by_itself_and_opened_for_a_purpose_only() {
    let (folder, key, _record) = service("export");
    let ran = ledger(&[&"export", &folder]);
    assert!(
        ran.code == Some(0) && ran.lines().len() == 3 && !ran.output.contains("198.51.100.7"),
        "{}",
        ran.output
    );
    let path = file("export.jsonl", ran.output.as_bytes());
    let checked = ledger(&[&"verify", &path, &"--key-file", &key]);
    assert!(checked.code == Some(0) && checked.output.contains("head 2:"), "{}", checked.output);
    let cut = file("export_cut.jsonl", ran.output.lines().next().unwrap().as_bytes());
    assert_eq!(ledger(&[&"verify", &cut]).code, Some(1));
    assert_eq!(
        ledger(&[&"export", &folder, &"--show-addresses", &"CSIRT"]).code,
        Some(2),
        "who, and the key"
    );
    let opened = ledger(&[
        &"export",
        &folder,
        &"--show-addresses",
        &"report to the CSIRT",
        &"--by",
        &"anna",
        &"--key-file",
        &key,
    ]);
    let lines = opened.lines();
    assert!(opened.output.contains("198.51.100.7") && lines.len() == 4, "{}", opened.output);
    assert_eq!((&lines[2]["kind"], &lines[2]["actor"]), (&"opened".into(), &"person:anna".into()));
}

#[test]
fn what_is_held_is_told_and_erased_beside_the_service() {
    let (folder, key, record) = service("erase");
    let person = |task: &str| {
        let (purpose, by) = ("request of the person", "dpo");
        ledger(&[
            &task,
            &folder,
            &"198.51.100.7",
            &"--purpose",
            &purpose,
            &"--by",
            &by,
            &"--key-file",
            &key,
            &"--json",
        ])
    };
    let held = person("held-about").lines().remove(0);
    assert_eq!((&held["kind"], &held["plain_kept"]), (&"held_about".into(), &true.into()));
    assert_eq!(held["codes"][0]["entries"], json!([1, 2]));
    let erased = person("erase").lines().remove(0);
    assert_eq!((&erased["codes"][0], &erased["seq"]), (&held["codes"][0]["code"], &4.into()));
    assert_eq!(person("held-about").lines()[0]["plain_kept"], false);
    let event = json!({"kind": "sign", "name": "port_scan"});
    assert_eq!(record.writer().append(Entry::observed(event)).unwrap().seq, 6, "the service goes on behind");
    assert_eq!(ledger(&[&"verify", &folder, &"--key-file", &key]).code, Some(0));
}

#[test]
fn a_backup_is_made_beside_the_service_and_restored() {
    let (folder, key, record) = service("backup");
    let (copy, again) = (folder.with_extension("copy"), folder.with_extension("again"));
    for path in [&copy, &again] {
        let _ = fs::remove_dir_all(path);
    }
    let made = ledger(&[&"backup", &folder, &copy, &"--json"]).lines().remove(0);
    assert_eq!((&made["kind"], &made["entries"]), (&"backup".into(), &2.into()));
    assert_eq!(ledger(&[&"backup", &folder, &copy]).code, Some(1), "it is there already");
    let ran = ledger(&[&"restore", &copy, &again, &"--key-file", &key]);
    assert!(ran.code == Some(0) && ran.output.contains("2 entries"), "{}{}", ran.output, ran.errors);
    assert!(Path::new(&again).join("record.sqlite3").exists());
    drop(record);
}
