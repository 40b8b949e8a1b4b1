//! Floods fall out of the events that are offered as they are.

use record::{Filter, Page, Resolution, Severity, verify};

use crate::support::{KEY, NOON, SECOND, flood, observed, open};

#[test]
fn a_flood_has_its_row_its_time_line_and_few_entries() {
    let folder = tempfile::tempdir().unwrap();
    let record = open(folder.path());
    let writer = record.writer();
    assert!(writer.offer(observed(flood("f1", "start", NOON, 1000.0, "syn_flood"))));
    for second in 1..=130 {
        let vector = if second < 100 { "syn_flood" } else { "udp_flood" };
        assert!(writer.offer(observed(flood("f1", "update", NOON + second, 1000.0 + second as f64, vector))));
    }
    let ongoing = Filter { ongoing: true, ..Filter::default() };
    writer.flush().unwrap();
    assert_eq!(record.reader().floods(&ongoing, &Page::default()).unwrap().items.len(), 1);
    assert!(writer.offer(observed(flood("f1", "end", NOON + 140, 0.0, "udp_flood"))));
    writer.flush().unwrap();
    let reader = record.reader();
    let row = reader.flood("f1").unwrap().unwrap();
    assert_eq!((row.onset, row.started), ((NOON - 1) * SECOND, NOON * SECOND));
    assert_eq!(row.ended, Some((NOON + 140) * SECOND));
    assert_eq!(row.vectors, ["udp_flood", "syn_flood"]);
    assert_eq!((row.target.as_str(), row.severity), ("www", Severity::Severe));
    assert_eq!(row.peak_packets_per_second, Some(1130.0), "the highest line is no entry");
    let points = reader.flood_points("f1").unwrap();
    assert_eq!(points.len(), 132);
    assert!((points[50].packets_per_second / 1050.0 - 1.0).abs() < 0.001, "{:?}", points[50]);
    assert_eq!(points[131].packets_per_second, 0.0, "the last line has the rate of the whole flood");
    let series = reader.series("www", "syn_flood", Resolution::Second, 0..i64::MAX).unwrap();
    assert_eq!((series.len(), series[0].second), (100, NOON), "its vectors are series too");
    assert!((series[50].bits_per_second / (1050.0 * 480.0) - 1.0).abs() < 0.001);
    // Start, one a minute (60, 160 is beyond), the new vector, and the end.
    let entries =
        reader.entries(&Filter { subject: Some("f1".to_owned()), ..Filter::default() }, &Page::default());
    assert_eq!(entries.unwrap().items.len(), 4);
    assert_eq!(writer.health().counts.updates_condensed, 128);
    assert!(reader.floods(&ongoing, &Page::default()).unwrap().items.is_empty());
    assert!(verify(folder.path(), Some(KEY), None).unwrap().holds);
}

#[test]
fn floods_are_found_by_everything_and_page_by_page() {
    let folder = tempfile::tempdir().unwrap();
    let record = open(folder.path());
    for number in 0..25 {
        let mut event = flood(&format!("f{number:02}"), "start", NOON + number * 60, 1000.0, "syn_flood");
        if number % 5 == 0 {
            event["vectors"][0]["name"] = "dns_amplification".into();
            event["evidence"]["excess_ratio"] = 500.0.into();
        }
        let mut entry = observed(event);
        if number == 7 {
            entry = entry.scoped(vec!["party-x".to_owned()], vec!["party-site".to_owned()]);
        }
        record.writer().append(entry).unwrap();
    }
    let reader = record.reader();
    let count = |filter: Filter| reader.floods(&filter, &Page::default()).unwrap().items.len();
    assert_eq!(count(Filter::default()), 25);
    assert_eq!(count(Filter { vector: Some("dns_amplification".into()), ..Filter::default() }), 5);
    assert_eq!(count(Filter { severity: Some(Severity::Critical), ..Filter::default() }), 5);
    assert_eq!(count(Filter { organisations: Some(vec!["party-x".into()]), ..Filter::default() }), 1);
    assert_eq!(count(Filter { organisations: Some(vec!["party".into()]), ..Filter::default() }), 0);
    assert_eq!(count(Filter { organisations: Some(vec![]), ..Filter::default() }), 0);
    assert_eq!(count(Filter { service: Some("party-site".into()), ..Filter::default() }), 1);
    assert_eq!(count(Filter { target: Some("203.0.113.80".into()), ..Filter::default() }), 25);
    assert_eq!(count(Filter { target: Some("203.0.113.8".into()), ..Filter::default() }), 0);
    assert_eq!(count(Filter { text: Some("AMPLI www".into()), ..Filter::default() }), 5);
    assert_eq!(count(Filter { text: Some("198.51.100.0/24".into()), ..Filter::default() }), 25);
    let late = Filter { from: Some((NOON + 20 * 60) * SECOND), ..Filter::default() };
    assert_eq!(count(late), 5);
    assert_eq!(count(Filter { to: Some((NOON + 60) * SECOND), ..Filter::default() }), 2);
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = reader.floods(&Filter::default(), &Page { after, limit: 10 }).unwrap();
        seen.extend(page.items.into_iter().map(|flood| flood.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let expected: Vec<String> = (0..25).rev().map(|number| format!("f{number:02}")).collect();
    assert_eq!(seen, expected);
    let totals = reader.totals().unwrap();
    assert_eq!((totals.floods, totals.floods_ongoing, totals.entries, totals.addresses), (25, 25, 25, 2));
}

#[test]
fn events_that_lack_everything_are_entries_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let record = open(folder.path());
    for event in [
        serde_json::json!({"kind": "flood"}),
        serde_json::json!({"kind": "flood", "phase": "start", "id": 5, "time": "x", "vectors": 7}),
        serde_json::json!({"kind": "flood", "phase": "start", "id": "a", "time": "2026-11-27T12:00:00Z",
            "target": [], "sources": {"top": "none"}, "evidence": {"also": {"addresses": 1}}}),
        serde_json::json!({"kind": "sign", "name": "port_scan", "source": "198.51.100.7"}),
    ] {
        record.writer().append(observed(event)).unwrap();
    }
    assert_eq!(record.reader().floods(&Filter::default(), &Page::default()).unwrap().items.len(), 1);
}
