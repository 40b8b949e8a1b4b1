//! MISP feeds out of folders and from a server, well-behaved and not, and into a folder.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::folder;
use crate::support::{Ran, run};

fn uuid(number: u32) -> String {
    format!("{number:08}-1111-4111-8111-111111111111")
}

fn event(value: &str) -> String {
    json!({"Event": {"info": "x", "Orgc": {"name": "CSIRT"}, "Tag": [{"name": "tlp:green"}],
        "Attribute": [{"type": "ip-dst", "value": value, "to_ids": true, "timestamp": "1700000000"}]}})
    .to_string()
}

/// A feed of so many events, each with one address.
fn feed(name: &str, events: u32) -> PathBuf {
    let folder = folder(name);
    let mut manifest = serde_json::Map::new();
    for number in 1..=events {
        let uuid = uuid(number);
        fs::write(folder.join(format!("{uuid}.json")), event(&format!("198.51.100.{number}"))).unwrap();
        manifest.insert(uuid, json!({"info": "x", "timestamp": "1700000000"}));
    }
    fs::write(folder.join("manifest.json"), Value::Object(manifest).to_string()).unwrap();
    folder
}

fn change(folder: &Path, edit: impl FnOnce(&mut Value)) {
    let path = folder.join("manifest.json");
    let mut manifest: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    edit(&mut manifest);
    fs::write(path, manifest.to_string()).unwrap();
}

fn take(from: &str, store: &Path, more: &[&str]) -> Ran {
    let store = store.to_str().unwrap();
    run(&[&["foresee", "intel", "feed", from, "--store", store, "--json"], more].concat())
}

#[test]
fn a_feed_is_taken_once_and_what_changes_again() {
    let (feed, store) = (feed("feed", 3), folder("feed_store"));
    let from = feed.to_str().unwrap();
    let first = take(from, &store, &[]);
    assert_eq!(first.code, Some(0), "{}", first.errors);
    assert_eq!((&first.lines()[0]["events"], &first.lines()[0]["indicators"]), (&json!(3), &json!(3)));
    assert_eq!(take(from, &store, &[]).lines()[0]["events"], 0, "nothing is new");
    fs::write(feed.join(format!("{}.json", uuid(2))), event("203.0.113.2")).unwrap();
    assert_eq!(take(from, &store, &[]).lines()[0]["events"], 0, "the manifest says that nothing changed");
    change(&feed, |manifest| manifest[uuid(2)]["timestamp"] = json!("1700000001"));
    assert_eq!(take(from, &store, &[]).lines()[0]["events"], 1);
    let table = fs::read_to_string(store.join("indicators.csv")).unwrap();
    for value in ["198.51.100.1", "198.51.100.2", "203.0.113.2"] {
        assert!(table.contains(value), "{table}");
    }
    assert!(table.contains("TLP:GREEN") && table.contains("misp CSIRT"));
}

#[test]
fn a_hostile_folder_costs_its_own_events_and_reads_nothing_else() {
    let (feed, store) = (feed("feed_hostile", 9), folder("feed_hostile_store"));
    let file = |number: u32| feed.join(format!("{}.json", uuid(number)));
    let secret = feed.join("secret");
    fs::write(&secret, event("203.0.113.66")).unwrap();
    fs::remove_file(file(2)).unwrap();
    std::os::unix::fs::symlink(&secret, file(2)).unwrap();
    fs::remove_file(file(3)).unwrap();
    assert!(Command::new("mkfifo").arg(file(3)).status().unwrap().success());
    fs::write(file(4), "[".repeat(1 << 20)).unwrap();
    fs::write(file(5), b"\xff\xfe").unwrap();
    fs::File::create(file(6)).unwrap().set_len(65 << 20).unwrap();
    fs::write(file(7), r#"{"Event":{"info":7,"Attribute":[7,{"type":"ip-dst","value":{}},{"type":"ip-dst","value":"no address"}]}}"#).unwrap();
    fs::remove_file(file(8)).unwrap();
    // One value that would fill the store's table, and a maker whose name comes with each indicator.
    let mut long: Value = serde_json::from_str(&event(&"7".repeat(60 << 20))).unwrap();
    long["Event"]["Orgc"]["name"] = json!("M".repeat(1 << 20));
    long["Event"]["Object"] = json!([{"Attribute": [
        {"type": "ip-dst", "value": "198.51.100.10"}, {"type": "ip-dst", "value": "198.51.100.11"}]}]);
    fs::write(feed.join(format!("{}.json", uuid(10))), long.to_string()).unwrap();
    change(&feed, |manifest| {
        manifest[uuid(10)] = json!({"info": "x", "timestamp": "1700000000"});
        manifest["../secret"] = json!({"info": "x"});
        manifest["secret"] = json!({});
        manifest[uuid(9)] = json!("not an object");
    });
    let ran = take(feed.to_str().unwrap(), &store, &[]);
    assert_eq!(ran.code, Some(1), "something was kept back");
    let told = &ran.lines()[0];
    // The link, the pipe, what is no text, what is too long and what is missing.
    assert_eq!(
        (&told["failed"], &told["broken"], &told["events"]),
        (&json!(5), &json!(1), &json!(4)),
        "{told}"
    );
    // Two of them are entries of the manifest that name no event, two of the seventh event, and one is too long.
    assert_eq!(told["skipped"], 5, "{told}");
    assert!(ran.errors.contains("asked for again"), "{}", ran.errors);
    let table = fs::read_to_string(store.join("indicators.csv")).unwrap();
    assert!(table.contains("198.51.100.1") && table.contains("198.51.100.9"));
    assert!(table.contains("198.51.100.11") && table.len() < 4_000, "{} bytes", table.len());
    assert!(!table.contains("203.0.113.66"), "a link leads out of the feed");
    for manifest in ["[", "[]", "7", "{\"a\":"] {
        fs::write(feed.join("manifest.json"), manifest).unwrap();
        assert_eq!(take(feed.to_str().unwrap(), &store, &[]).code, Some(1), "{manifest}");
    }
    assert_eq!(take("/nowhere", &store, &[]).code, Some(1));
}

/// Serves a folder until the test ends, and breaks off in the middle of files that contain `breaks`.
fn serve(folder: PathBuf) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut line = String::new();
            BufReader::new(stream.try_clone().unwrap()).read_line(&mut line).unwrap();
            let path = line.split(' ').nth(1).unwrap_or_default().trim_start_matches("/feed/");
            let (status, body) =
                fs::read_to_string(folder.join(path)).map_or((404, String::new()), |body| (200, body));
            let length = if body.contains("breaks") { body.len() + 100 } else { body.len() };
            let _ = write!(stream, "HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n\r\n{body}");
        }
    });
    format!("http://{address}/feed/")
}

#[test]
fn a_server_gives_what_it_has_and_is_asked_again_for_the_rest() {
    let (feed, store) = (feed("feed_web", 4), folder("feed_web_store"));
    let file = |number: u32| feed.join(format!("{}.json", uuid(number)));
    fs::write(file(2), event("203.0.113.2").replace("\"x\"", "\"breaks\"")).unwrap();
    fs::remove_file(file(3)).unwrap();
    let address = serve(feed.clone());
    let ran = take(&address, &store, &["--allow-plain", "--timeout", "10"]);
    assert_eq!(ran.code, Some(1), "{}", ran.errors);
    let told = &ran.lines()[0];
    assert_eq!((&told["events"], &told["failed"]), (&json!(2), &json!(2)), "{told}");
    fs::write(file(2), event("203.0.113.2")).unwrap();
    fs::write(file(3), event("203.0.113.3")).unwrap();
    let ran = take(&address, &store, &["--allow-plain", "--timeout", "10"]);
    assert_eq!((ran.code, &ran.lines()[0]["events"]), (Some(0), &json!(2)), "{}", ran.errors);
    let table = fs::read_to_string(store.join("indicators.csv")).unwrap();
    assert_eq!(table.matches("198.51.100.1\"").count(), 1, "nothing is taken twice: {table}");
}

#[test]
fn a_feed_that_is_written_holds_what_its_audience_may_see_and_can_be_taken() {
    let (store, out, back) = (folder("feed_from"), folder("feed_out"), folder("feed_back"));
    let text = "value,type,tlp,confidence,first\n198.51.100.1,,TLP:CLEAR,80,2026-01-01\n198.51.100.2,,TLP:GREEN,80,2026-01-01\n198.51.100.3,,TLP:AMBER,80,2026-01-01\n";
    fs::write(store.join("indicators.csv"), text).unwrap();
    let write = |audience: &str| {
        let (store, out) = (store.to_str().unwrap(), out.to_str().unwrap());
        let ran = run(&["foresee", "intel", "write-feed", "--store", store, "--for", audience, out]);
        assert_eq!(ran.code, Some(0), "{}", ran.errors);
        fs::read_dir(out)
            .unwrap()
            .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
            .collect::<String>()
    };
    let wide = write("clients");
    assert!(wide.contains("198.51.100.3"));
    let narrow = write("community");
    assert!(
        narrow.contains("198.51.100.2") && !narrow.contains("198.51.100.3"),
        "the event of before is gone"
    );
    let ran = take(out.to_str().unwrap(), &back, &[]);
    assert_eq!((ran.code, &ran.lines()[0]["indicators"]), (Some(0), &json!(2)), "{}", ran.errors);
    // A run that ends before its manifest is written has taken away first what may be seen no more.
    assert!(write("clients").contains("198.51.100.3"));
    fs::create_dir(out.join("manifest.json.new")).unwrap();
    let (from, to) = (store.to_str().unwrap(), out.to_str().unwrap());
    let ran = run(&["foresee", "intel", "write-feed", "--store", from, "--for", "community", to]);
    assert_eq!(ran.code, Some(1), "{}", ran.output);
    let left = fs::read_dir(&out).unwrap().filter_map(|entry| fs::read_to_string(entry.unwrap().path()).ok());
    assert!(left.into_iter().all(|text| !text.contains("198.51.100.3")), "what became narrower is gone");
}

/// What of a store leaves for an audience, in each form and as a feed.
fn leaves(store: &Path, audience: &str, out: &Path) -> String {
    let path = store.to_str().unwrap();
    let mut all = String::new();
    for form in ["csv", "stix", "misp"] {
        let ran = run(&["foresee", "intel", "export", "--store", path, "--for", audience, "--form", form]);
        assert_eq!(ran.code, Some(0), "{}", ran.errors);
        all.push_str(&ran.output);
    }
    let ran =
        run(&["foresee", "intel", "write-feed", "--store", path, "--for", audience, out.to_str().unwrap()]);
    assert_eq!(ran.code, Some(0), "{}", ran.errors);
    fs::read_dir(out)
        .unwrap()
        .for_each(|entry| all.push_str(&fs::read_to_string(entry.unwrap().path()).unwrap()));
    all
}

#[test]
fn what_a_feed_marks_more_narrowly_later_leaves_no_more() {
    let (feed, store, out) =
        (feed("feed_narrower", 2), folder("feed_narrower_store"), folder("feed_narrower_out"));
    let from = feed.to_str().unwrap();
    let says = |number: u32, tag: &str| {
        let text = event(&format!("198.51.100.{number}")).replace("tlp:green", tag);
        fs::write(feed.join(format!("{}.json", uuid(number))), text).unwrap();
    };
    let mark = |number: u32, tag: &str, time: u32| {
        says(number, tag);
        change(&feed, |manifest| manifest[uuid(number)]["timestamp"] = json!(time.to_string()));
        assert_eq!(take(from, &store, &[]).code, Some(0));
    };
    // Nothing is taken before both are clear.
    says(2, "tlp:clear");
    mark(1, "tlp:clear", 1);
    mark(2, "tlp:clear", 1);
    // The same value once more, from somebody who gives STIX objects.
    let bundle = json!({"type": "bundle", "id": "bundle--1", "objects": [{"type": "indicator", "id": "indicator--1",
        "pattern": "[ipv4-addr:value = '198.51.100.1']", "pattern_type": "stix", "valid_from": "2026-01-01T00:00:00Z",
        "object_marking_refs": ["marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487"]}]});
    let path = feed.join("bundle.json");
    fs::write(&path, bundle.to_string()).unwrap();
    let ran = run(&["foresee", "import", "--store", store.to_str().unwrap(), path.to_str().unwrap()]);
    assert_eq!(ran.code, Some(0), "{}", ran.errors);
    let wide = leaves(&store, "public", &out);
    assert!(wide.contains("198.51.100.1\"") && wide.contains("198.51.100.1'"), "{wide}");
    let audiences = ["public", "community", "clients", "organisation"];
    for (tag, time, reaches) in [("tlp:amber", 2, 2), ("tlp:red", 3, 0), ("tlp:clear", 4, 0)] {
        mark(1, tag, time);
        for (place, audience) in audiences.into_iter().enumerate() {
            let given = leaves(&store, audience, &out);
            let is_there = given.contains("198.51.100.1\"") || given.contains("198.51.100.1'");
            assert_eq!(is_there, place >= audiences.len() - reaches, "{tag} {audience}: {given}");
            assert!(given.contains("198.51.100.2\"") && given.contains("198.51.100.2'"), "{tag} {audience}");
        }
    }
    mark(2, "tlp:clear", 9);
    let path = store.to_str().unwrap();
    let ran = run(&["foresee", "intel", "export", "--store", path, "--for", "public", "--form", "misp"]);
    let event: Value = serde_json::from_str(&ran.output).unwrap();
    assert_eq!(event["Event"]["Attribute"].as_array().unwrap().len(), 1, "a value is given once: {event}");
    let log = crate::support::file("narrower.log", b"198.51.100.1\n198.51.100.2\n");
    let log = log.to_str().unwrap();
    let ran = run(&["foresee", "intel", "match", "--store", path, "--at", "2023-11-15", log, log]);
    let summary = ran.summary();
    assert_eq!(
        (&summary["lines"], &summary["matched"], &summary["withheld"]),
        (&json!(4), &json!(2), &json!(2)),
        "lines of both files are counted: {summary}"
    );
    assert!(!ran.output.contains("198.51.100.1\""), "{}", ran.output);
}
