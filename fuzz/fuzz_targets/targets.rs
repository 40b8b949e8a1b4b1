//! What the forecast reads: lists of targets, calendars, votes, events, claims, tables of days.
//!
//! Held are: no panic; a list stays within its limits and reads the same when it is written as JSON and read again; no event is known after it happened;
//! a day without a snapshot stays unknown.
#![no_main]

use foresee::panel::{Panel, places};
use foresee::targets::{List, MAXIMUM_LINES};
use foresee::{Day, calendar, event, issued, mix, scenario};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    if let Ok(list) = List::read("list", "actor", Timestamp::UNIX_EPOCH, &text) {
        assert!(list.lines.len() <= MAXIMUM_LINES && list.hosts() <= list.lines.len());
        assert!(
            list.lines
                .iter()
                .all(|line| !line.host.is_empty() || line.address.is_some() || line.network.is_some())
        );
        let again: List = serde_json::from_str(&serde_json::to_string(&list).unwrap()).unwrap();
        assert_eq!(again, list);
    }
    for calendar in
        [calendar::ics("c", &text, "be"), calendar::how_they_vote("v", &text)].into_iter().flatten()
    {
        assert!(calendar.events.iter().all(|event| event.known_from <= event.date));
    }
    if let Ok((events, _)) = event::read("e", &text) {
        assert!(events.iter().all(|event| event.known_from <= event.date));
    }
    let _ = mix::claims("c", &text);
    let _ = mix::Mix::read("m", &text).map(|mix| mix.shares(Day::parse("2026-01-01").unwrap()));
    let _ = scenario::read("s", &text, None);
    let _ = issued::read(&text);
    let until = Day::parse("2026-01-01").unwrap();
    let (covered, days) = text.split_once("---").unwrap_or((&text, ""));
    if let Ok(panel) = Panel::read(("covered", covered), ("days", days), &places(None, true), until) {
        assert!(panel.days() <= foresee::panel::MAXIMUM_DAYS);
        for day in (0..panel.days()).filter(|day| !panel.is_covered(*day)) {
            assert!((0..panel.places.len()).all(|place| panel.cell(day, place).hosts == 0));
        }
    }
});
