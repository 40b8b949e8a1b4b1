//! Tests of [`super`]: scouts, the table of a store and limits together, on a clock that is passed.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;
use wire::web::{Client, Request};
use wire::{Address, Time};

use super::*;
use crate::serve::shared::Places;

const INSTITUTION: &str = "[institution]\nname = \"A\"\n[zone.office]\nprefixes = [\"192.0.2.0/24\"]\n";
/// One of ours.
const OURS: [u8; 4] = [192, 0, 2, 10];

/// A thread's work without the thread.
struct Room {
    folder: TempDir,
    matcher: Matcher,
    scout: Scout,
    batches: Receiver<Batch>,
    seen: Receiver<Output>,
}

impl Room {
    /// One whose store has these rows: value, type, marking, days since it was given.
    fn of(rows: &[(&str, &str, &str, u32)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write(&folder, rows);
        let institution = Arc::new(institution::parse("t", INSTITUTION).unwrap());
        let shared = Arc::new(Shared::new(institution, &Places::default()));
        let (sender, batches) = sync_channel(BATCHES);
        let (told, seen) = std::sync::mpsc::channel();
        let write = move |_| -> Box<dyn FnMut(Output)> { Box::new(move |sign| told.send(sign).unwrap()) };
        let (events, _) = Outlet::open("test", 4_096, write).unwrap();
        let (log, _) = Log::open().unwrap();
        let store = (folder.path().to_owned(), Vec::new());
        let mut matcher = Matcher::new(store, [7; 16], shared.clone(), (events, log));
        assert!(matcher.look_at_store());
        let mut scout = Scout::new(sender, shared, [7; 16]);
        scout.tick();
        Self { folder, matcher, scout, batches, seen }
    }

    fn flow(&mut self, seconds: i64, source: [u8; 4], destination: [u8; 4]) {
        let (source, destination) = (Address::from_ipv4(source), Address::from_ipv4(destination));
        self.scout.flow(time(seconds), source, destination);
    }

    fn referrer(&mut self, referrer: &str) {
        let request = Request { referrer: referrer.as_bytes(), ..Request::default() };
        self.scout.request(time(0), Client::Address(Address::from_ipv4([203, 0, 113, 99])), &request);
    }

    /// Looks at what was written down, so many seconds after the beginning.
    fn look(&mut self, seconds: u64) {
        self.scout.tick();
        for batch in self.batches.try_iter() {
            self.matcher.look_at(batch, Duration::from_secs(seconds));
        }
    }

    /// The signs of what was written down, so many seconds after the beginning.
    fn signs(&mut self, seconds: u64) -> Vec<Value> {
        let before = self.count(|counts| &counts.signs);
        self.look(seconds);
        let new = self.count(|counts| &counts.signs) - before;
        let signs = (0..new).map(|_| match self.seen.recv().unwrap() {
            Output::Sign(sign) => sign.whole(),
            _ => unreachable!("nothing else is told here"),
        });
        signs.collect()
    }

    fn count(&self, which: impl Fn(&Counts) -> &AtomicU64) -> u64 {
        which(&self.matcher.shared.indicators).load(Ordering::Relaxed)
    }
}

fn write(folder: &TempDir, rows: &[(&str, &str, &str, u32)]) {
    let mut text = "value,type,tlp,confidence,first,until,source\n".to_owned();
    for (value, kind, tlp, days) in rows {
        let given = jiff::Timestamp::from_second((now_seconds() - days * 86_400).into()).unwrap();
        text.push_str(&format!("{value},{kind},{tlp},90,{given},,feed\n"));
    }
    fs::write(folder.path().join("indicators.csv"), text).unwrap();
}

/// So many seconds from now, as a row says it.
fn time(seconds: i64) -> Time {
    Time::from_seconds(i64::from(now_seconds()) + seconds, 0)
}

/// Targets of signs.
fn targets(signs: &[Value]) -> Vec<&str> {
    signs.iter().map(|sign| sign["target"].as_str().unwrap_or_default()).collect()
}

#[test]
fn a_host_of_ours_is_named_though_a_stranger_was_told_just_before() {
    let mut room = Room::of(&[("203.0.113.7", "address", "TLP:GREEN", 1)]);
    room.flow(0, [203, 0, 113, 7], OURS);
    assert_eq!(room.signs(0)[0]["source"], "203.0.113.7");
    room.flow(1, OURS, [203, 0, 113, 7]);
    let signs = room.signs(1);
    assert_eq!(signs.len(), 1);
    assert_eq!((&signs[0]["source"], &signs[0]["target"]), (&"192.0.2.10".into(), &"203.0.113.7".into()));
    room.flow(2, OURS, [203, 0, 113, 7]);
    room.flow(2, [203, 0, 113, 7], OURS);
    assert!(room.signs(2).is_empty());
    assert_eq!(room.count(|counts| &counts.signs_suppressed), 2);
}

#[test]
fn what_rows_say_of_their_time_moves_no_limit() {
    let values: Vec<String> = (0..200).map(|number| format!("198.51.100.{number}")).collect();
    let rows: Vec<_> = values.iter().map(|value| (value.as_str(), "address", "TLP:GREEN", 1)).collect();
    let mut room = Room::of(&rows);
    // A log that is read from its beginning beside flow records of now: each second row is of another minute.
    let mut signs = 0;
    for number in 0..10_000_u32 {
        let known = [198, 51, 100, (number % 200) as u8];
        let seconds = if number % 2 == 0 { 0 } else { -3_600 };
        if number % 3 == 0 {
            room.flow(seconds, OURS, known);
        } else {
            room.flow(seconds, known, OURS);
        }
        if number % 1_000 == 999 {
            signs += room.signs(7).len();
        }
    }
    assert_eq!(signs, 60);
    assert_eq!(room.count(|counts| &counts.skipped), 0);
}

#[test]
fn what_is_worth_nothing_hides_nothing_that_is() {
    let mut room = Room::of(&[
        ("198.51.100.7", "address", "TLP:GREEN", 400),
        ("198.51.100.8", "address", "TLP:RED", 1),
        ("198.51.100.0/24", "network", "TLP:GREEN", 1),
        ("198.51.101.7", "address", "TLP:GREEN", 400),
        ("a.evil.example", "domain", "TLP:RED", 1),
        ("evil.example", "domain", "TLP:GREEN", 1),
        ("https://other.example/x", "url", "TLP:RED", 1),
        ("other.example", "domain", "TLP:GREEN", 1),
    ]);
    let value = |signs: &[Value]| -> Vec<String> {
        signs.iter().map(|sign| sign["detail"]["indicator"]["value"].as_str().unwrap().to_owned()).collect()
    };
    for (seconds, last) in [(0, 7), (600, 8)] {
        room.flow(0, [198, 51, 100, last], OURS);
        assert_eq!(value(&room.signs(seconds)), ["198.51.100.0/24"]);
    }
    room.referrer("https://b.a.evil.example/");
    assert_eq!(value(&room.signs(700)), ["evil.example"]);
    room.referrer("https://other.example/x");
    let signs = room.signs(700);
    assert_eq!((value(&signs), targets(&signs)), (vec!["other.example".to_owned()], vec!["other.example"]));
    assert_eq!(room.count(|counts| &counts.matches_expired), 0);
    // Where nothing else is known of it, it was met and is not told.
    room.flow(0, [198, 51, 101, 7], OURS);
    assert!(room.signs(800).is_empty());
    assert_eq!(room.count(|counts| &counts.matches_expired), 1);
}

#[test]
fn of_a_referrer_the_host_is_told_and_a_url_where_it_is_the_indicator() {
    let mut room = Room::of(&[
        ("evil.example", "domain", "TLP:GREEN", 1),
        ("203.0.113.7", "address", "TLP:GREEN", 1),
        ("https://known.example/Path?a=1", "url", "TLP:GREEN", 1),
    ]);
    let mut at = 0;
    for (referrer, told) in [
        ("https://evil.example/erika.mustermann?mail=e@m.example", "evil.example"),
        ("https://erika:secret@a.evil.example:8080\\private", "a.evil.example"),
        ("http://evil%2Eexample#erika", "evil.example"),
        ("evil.example/erika", "evil.example"),
        ("http://203.0.113.7:8080/erika", "203.0.113.7"),
        ("http://0xcb007107/erika", "203.0.113.7"),
        ("http://[::ffff:203.0.113.7]/erika", "203.0.113.7"),
        ("https://KNOWN.example/Path?a=1", "https://KNOWN.example/Path?a=1"),
    ] {
        room.referrer(referrer);
        let signs = room.signs(at);
        let target = signs.first().map(|sign| sign["target"].as_str().unwrap());
        assert_eq!((signs.len(), target), (1, Some(told)), "{referrer}");
        assert_eq!(signs[0]["detail"]["seen_in"], "log_referrer");
        at += 600;
    }
    for referrer in ["-", "https://evil.example@203.0.113.8/", "https:///", "https://known.example/Path?a=2"]
    {
        room.referrer(referrer);
        assert!(room.signs(at).is_empty(), "{referrer}");
    }
}

#[test]
fn sightings_outlast_a_reading_of_the_store() {
    let mut room = Room::of(&[("203.0.113.7", "address", "TLP:GREEN", 1)]);
    for (seconds, count) in [(0, 1), (600, 2)] {
        room.flow(0, [203, 0, 113, 7], OURS);
        assert_eq!(room.signs(seconds)[0]["detail"]["indicator"]["sightings"], count);
    }
    write(
        &room.folder,
        &[("a.example", "domain", "TLP:GREEN", 1), ("203.0.113.7", "address", "TLP:GREEN", 1)],
    );
    // Two looks agree that it is written.
    assert!((0..3).any(|_| room.matcher.look_at_store()));
    assert_eq!(room.matcher.known.len(), 2);
    room.flow(0, [203, 0, 113, 7], OURS);
    assert!(room.signs(700).is_empty(), "it was told a while ago, by another number");
    room.flow(0, [203, 0, 113, 7], OURS);
    let sign = &room.signs(1_200)[0];
    assert_eq!(
        (&sign["detail"]["indicator"]["sightings"], &sign["detail"]["further"]),
        (&3.into(), &1.into())
    );
}
