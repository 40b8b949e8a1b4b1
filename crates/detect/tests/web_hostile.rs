//! What hostile packets and clocks could do at the web layer: one test for each thing that the fuzz target `web` was made to find.

use detect::Event;
use detect::web::WebDetector;
use wire::web::{Client, Method, Request};
use wire::{Address, Packet, TcpFlags, Time};

const START: i64 = 1_780_000_000;
/// The last second that a capture's clock can show.
const LAST_SECOND: i64 = u32::MAX as i64;

fn packet(detector: &mut WebDetector, second: i64, port: u16, payload: &[u8]) {
    let packet = Packet {
        source: Address::from_ipv4([198, 51, 100, 1]),
        destination: Address::from_ipv4([192, 0, 2, 1]),
        source_port: port,
        destination_port: 80,
        protocol: 6,
        tcp_flags: TcpFlags(TcpFlags::ACK),
        payload,
        ..Packet::default()
    };
    detector.packet(Time::from_seconds(second, 0), &packet);
}

fn request(detector: &mut WebDetector, second: i64) {
    let service = detector.service_at(Address::from_ipv4([192, 0, 2, 1])).unwrap_or_default();
    let client = Client::Address(Address::from_ipv4([203, 0, 113, 1]));
    let time = Time::from_seconds(second, 0);
    let request =
        Request { time, client, method: Method::Get, target: b"/", status: 200, ..Request::default() };
    detector.observe(service, &request);
}

/// Connections that never send more than a part of a head, for long enough to be slow.
fn slow_connections(detector: &mut WebDetector, first: i64) -> Vec<Event> {
    for port in 0..100 {
        packet(detector, first, 1_000 + port, b"GET / HTTP/1.1\r\nX-a: ");
    }
    for second in 1..16 {
        detector.advance(Time::from_seconds(first + second, 0));
    }
    detector.take_events()
}

#[test]
fn slow_connections_are_forgotten_when_the_clock_is_set_back() {
    let mut detector = WebDetector::new([7; 16]);
    assert!(!slow_connections(&mut detector, START).is_empty(), "slow connections are a flood");
    // The clock is a day earlier from now on: what was followed has no time any more.
    let earlier = START - 86_400;
    for _ in 0..2_000 {
        packet(&mut detector, earlier, 9, b"\r\n");
        request(&mut detector, earlier);
    }
    assert_eq!((detector.counters().clock_resets, detector.counters().connections), (1, 0));
    detector.advance(Time::from_seconds(earlier + 3_600, 0));
    detector.take_events();
    for second in 0..10 {
        request(&mut detector, earlier + 3_601 + second);
    }
    detector.finish();
    let events = detector.take_events();
    assert!(events.is_empty(), "{:?}", events.iter().map(Event::line).collect::<Vec<_>>());
}

#[test]
fn connections_in_the_last_seconds_of_the_clock_are_followed() {
    let mut detector = WebDetector::new([7; 16]);
    assert!(!slow_connections(&mut detector, LAST_SECOND - 15).is_empty());
    // More of them than their places in the table: the oldest make room also at the end of time.
    for port in 0..u16::MAX {
        packet(&mut detector, LAST_SECOND, port, b"GET / HTTP/1.1\r\nX-a: ");
        packet(&mut detector, LAST_SECOND, port, b"GET / HTTP/1.1\r\n\r\n");
    }
    let counters = detector.counters();
    assert!(counters.connections_evicted > 0 && counters.connections < 1 << 16);
    detector.finish();
}

#[test]
fn a_flood_that_goes_on_after_a_finish_is_another_flood() {
    let mut detector = WebDetector::new([7; 16]);
    let mut ids = Vec::new();
    for second in 0..60 {
        for _ in 0..400 {
            request(&mut detector, START + second);
        }
        if second % 20 == 19 {
            detector.finish();
        }
        let events = detector.take_events();
        let starts = events.iter().map(Event::line).filter(|line| line.phase == detect::Phase::Start);
        ids.extend(starts.map(|line| line.id.clone()));
    }
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!((count, ids.len()), (3, 3));
}

/// A second of readers: pages with three times as much that belongs to them.
fn readers(detector: &mut WebDetector, second: i64, pages: u8) {
    let service = detector.service("www", &[]).unwrap_or_default();
    let base = Request {
        time: Time::from_seconds(second, 0),
        method: Method::Get,
        status: 200,
        ..Request::default()
    };
    for number in 0..pages {
        // A few who are always there, and of a crowd somebody else each second.
        let who = if pages > 1 { second as u8 } else { 0 };
        let client = Client::Address(Address::from_ipv4([203, 0, who, number]));
        for target in [&b"/"[..], b"/app.js", b"/main.css", b"/logo.svg"] {
            let request = Request { client, target, referrer: b"https://www.example/", ..base };
            detector.observe(service, &request);
        }
    }
}

/// Found with the fuzz target `web`: one request after a silence was told as a surge, if the detector had been finished before.
#[test]
fn a_crowd_is_over_after_a_silence() {
    let mut detector = WebDetector::new([7; 16]);
    for second in 0..1_800 {
        readers(&mut detector, START + second, 1);
    }
    for second in 1_800..1_900 {
        readers(&mut detector, START + second, 12);
    }
    let events = detector.take_events();
    assert!(events.iter().any(|event| matches!(event, Event::Surge(_))), "a crowd is a surge");
    detector.finish();
    detector.advance(Time::from_seconds(START + 9_000, 0));
    detector.take_events();
    for second in 0..3 {
        readers(&mut detector, START + 9_000 + second, 1);
    }
    detector.finish();
    let events = detector.take_events();
    assert!(
        events.is_empty(),
        "{:?}",
        events.iter().map(|event| &event.line().evidence.reason).collect::<Vec<_>>()
    );
}

/// One log may lag while another is on time: the late lines of a second are not in a row then.
#[test]
fn late_requests_among_others_do_not_set_the_clock_back() {
    let mut detector = WebDetector::new([7; 16]);
    for _ in 0..3_000 {
        request(&mut detector, START + 1_000);
        request(&mut detector, START);
    }
    let counters = detector.counters();
    assert_eq!((counters.clock_resets, counters.late, counters.requests), (0, 3_000, 3_000));
    for _ in 0..1_100 {
        request(&mut detector, START);
    }
    assert_eq!(detector.counters().clock_resets, 1, "all are late: the clock was set back");
}
