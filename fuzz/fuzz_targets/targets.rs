//! What the forecast reads: lists of targets, calendars, votes, events, claims, tables of days.
//!
//! Held are: no panic; a list stays within its limits and reads the same when it is written as JSON and read again; no event is known after it happened;
//! a day without a snapshot stays unknown.
#![no_main]

use foresee::panel::{Panel, places};
use foresee::targets::{List, MAXIMUM_LINES};
use foresee::{Day, calendar, event, issued, mix, scenario};
use jiff::Timestamp;
use jiff::tz::TimeZone;
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
    let imported = Day::parse("2024-06-01").unwrap();
    if let Ok(calendar) = calendar::ics("c", &text, "be", imported) {
        // What was stamped may be older; nothing is known before its stamp without one, and nothing after it happened.
        let unstamped = calendar.events.iter().filter(|event| event.known_from >= imported).count();
        assert!(calendar.stamped > 0 || unstamped == calendar.events.len());
        for event in &calendar.events {
            assert!(event.known_from <= event.date.min(imported) && !event.verified);
        }
    }
    if let Ok(calendar) = calendar::how_they_vote("v", &text) {
        assert!(calendar.events.iter().all(|event| event.known_from <= event.date));
    }
    if let Ok((events, _)) = event::read("e", &text) {
        assert!(events.iter().all(|event| event.known_from <= event.date));
    }
    if let Ok((claims, _)) = mix::claims("c", &text) {
        assert!(claims.len() <= mix::MAXIMUM_CLAIMS && claims.iter().all(|claim| !claim.actor.is_empty()));
    }
    if let Ok(mix) = mix::Mix::read("m", &text)
        && let Some((shares, age)) = mix.shares(Day::parse("2026-01-01").unwrap())
    {
        assert!(age > 0 && shares.iter().all(|share| share.share > 0.0 && share.share.is_finite()));
    }
    let _ = scenario::read("s", &text, None);
    let (issued, _) = issued::read(&text, &TimeZone::UTC);
    assert!(issued.iter().all(|item| (0.0..=1.0).contains(&item.probability)));
    let until = Day::parse("2026-01-01").unwrap();
    let (covered, days) = text.split_once("---").unwrap_or((&text, ""));
    if let Ok(panel) = Panel::read(("covered", covered), ("days", days), &places(None, true), until) {
        assert!(panel.days() <= foresee::panel::MAXIMUM_DAYS);
        for day in (0..panel.days()).filter(|day| !panel.is_covered(*day)) {
            assert!((0..panel.places.len()).all(|place| panel.cell(day, place).hosts == 0));
        }
    }
});
