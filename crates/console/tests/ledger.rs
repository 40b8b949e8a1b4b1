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

#[test]
fn what_an_analyst_thinks_of_the_next_days_is_kept_with_the_name_and_shown_as_text() {
    let folder = tempfile::tempdir().unwrap();
    let options = record::Options::new([7; 16], Arc::new(|| 1_790_000_000_000_000_000));
    let record = Record::open(folder.path(), options).unwrap();
    let console = Console::over(Arc::new(record.reader()), Arc::new(record.writer()));
    let (ada, _) = console.member("ada", Role::Analyst, None);
    let (vera, _) = console.member("vera", Role::Viewer, None);
    let (paul, _) = console.member("paul", Role::Analyst, Some("party-x"));
    let (own, viewer, foreign) = (console.session(&ada), console.session(&vera), console.session(&paul));
    let mut snapshot = (*console.live.snapshot()).clone();
    snapshot.outlook = Some(Arc::new(console::outlook::Outlook {
        time: jiff::Timestamp::UNIX_EPOCH,
        state: "quiet".into(),
        level: "low".into(),
        level_meaning: String::new(),
        odds: Vec::new(),
        listed: Vec::new(),
        coming: Vec::new(),
        likely: Vec::new(),
        readiness: "calm".into(),
        readiness_until: String::new(),
        readiness_reasons: Vec::new(),
        checklist: Vec::new(),
        record: Vec::new(),
        reliability: Vec::new(),
        became: Vec::new(),
        notes: Vec::new(),
        stale: String::new(),
    }));
    console.live.show(snapshot);
    let judge = |session: &str, body: &str| console.form_as(session, "/outlook/judgement", body).status;
    assert_eq!(judge(&own, "percent=30&note=%3Cscript%3E+because"), 303);
    assert_eq!(judge(&own, "percent=101&note=x"), 400);
    assert_eq!(judge(&own, "percent=&note="), 400);
    assert_eq!(judge(&own, &format!("note={}", "x".repeat(4_001))), 400);
    assert_eq!((judge(&viewer, "percent=1&note=x"), judge(&foreign, "percent=1&note=x")), (403, 403));
    let page = console.get("/outlook", Some(&own)).body;
    assert!(
        page.contains("&lt;script&gt; because") && page.contains("30 in a hundred") && page.contains("ada"),
        "{page}"
    );
    assert!(!page.contains("<script> because"));
    assert!(
        console.get("/outlook", Some(&viewer)).body.contains("because"),
        "whoever sees the house reads it"
    );
    assert!(!console.get("/outlook", Some(&foreign)).body.contains("because"));
    let entries: Value =
        serde_json::from_str(&console.get("/api/v1/entries?kind=decided", Some(&own)).body).unwrap();
    assert_eq!(entries["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        (&entries["items"][0]["actor"], &entries["items"][0]["body"]["percent"]),
        (&"person:ada".into(), &30.into())
    );
}

#[test]
fn only_a_number_is_handed_on_to_be_graded() {
    let judged = Arc::new(std::sync::Mutex::new(Vec::new()));
    let into = judged.clone();
    let console = Console::with(move |options| {
        options.judge =
            Arc::new(move |judgement| into.lock().unwrap().push((judgement.percent, judgement.by)));
    });
    let (ada, _) = console.member("ada", Role::Analyst, None);
    let own = console.session(&ada);
    assert_eq!(console.form_as(&own, "/outlook/judgement", "percent=&note=why").status, 303);
    assert_eq!(console.form_as(&own, "/outlook/judgement", "percent=7").status, 303);
    assert_eq!(*judged.lock().unwrap(), [(7, "ada".to_owned())]);
}
