//! The console over a real record instead of a made-up one: what is written is shown, what people do is kept.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod client;
mod house;

use std::sync::Arc;

use client::Console;
use console::people::Role;
use record::{Entry, Record};
use serde_json::Value;

#[test]
fn what_the_record_holds_is_shown_and_what_people_do_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let options = record::Options::new([7; 16], Arc::new(|| 1_790_000_000_000_000_000));
    let record = Record::open(folder.path(), options).unwrap();
    let now = jiff::Timestamp::from_second(1_790_000_000).unwrap();
    let event = house::flood_event(now);
    let entry = Entry::observed(event).scoped(vec!["own".into()], vec!["www".into()]);
    record.writer().append(entry).unwrap();
    let console = Console::over(Arc::new(record.reader()), Arc::new(record.writer()));
    let (ada, _) = console.member("ada", Role::Analyst, None);
    let (eve, _) = console.member("eve", Role::Analyst, Some("party-x"));
    let (own, foreign) = (console.session(&ada), console.session(&eve));
    let path = format!("/floods/{}", house::OWN_FLOOD);
    let page = console.get(&path, Some(&own));
    assert_eq!(page.status, 200);
    assert!(page.body.contains("is under a SYN flood with 2 other vectors"), "{}", page.body);
    assert_eq!(console.get(&path, Some(&foreign)).status, 404);
    assert!(console.get("/floods?q=www", Some(&own)).body.contains(house::OWN_FLOOD));
    assert!(!console.get("/floods", Some(&foreign)).body.contains(house::OWN_FLOOD));
    assert_eq!(console.form_as(&own, &format!("{path}/notes"), "note=seen+by+ada").status, 303);
    assert!(console.get(&path, Some(&own)).body.contains("seen by ada"));
    let entries: Value =
        serde_json::from_str(&console.get("/api/v1/entries?kind=decided", Some(&own)).body).unwrap();
    assert_eq!(entries["items"][0]["actor"], "person:ada");
    assert_eq!(entries["items"][0]["body"]["note"], "seen by ada");
    let none: Value = serde_json::from_str(&console.get("/api/v1/entries", Some(&foreign)).body).unwrap();
    assert_eq!(none["items"].as_array().map(Vec::len), Some(0));
    for path in ["/", "/institution", "/settings", "/data-protection", &format!("/api/v1{path}/series")] {
        assert_eq!(console.get(path, Some(&own)).status, 200, "{path}");
    }
}

/// Found by schemathesis: it was a 503, as if the disk had failed. Issue 5.
#[test]
fn a_page_that_is_none_is_refused_and_no_fault_of_ours() {
    let folder = tempfile::tempdir().unwrap();
    let options = record::Options::new([7; 16], Arc::new(|| 1_790_000_000_000_000_000));
    let record = Record::open(folder.path(), options).unwrap();
    let console = Console::over(Arc::new(record.reader()), Arc::new(record.writer()));
    let (ada, _) = console.member("ada", Role::Analyst, None);
    let session = console.session(&ada);
    for path in ["/floods?after=nonsense", "/api/v1/floods?after=nonsense", "/api/v1/entries?after=nonsense"]
    {
        assert_eq!(console.get(path, Some(&session)).status, 400, "{path}");
    }
}
