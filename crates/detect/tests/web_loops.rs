//! The web layer: many clients in slow loops, and the wanted traffic that is nearest to them, at a site of which nothing is learnt.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use detect::web::WebDetector;
use detect::{Event, FloodEvent, Phase, Vector};
use wire::web::{Client, Method, Request};
use wire::{Address, Time};

const START: i64 = 1_780_000_000;
const MILLISECOND: i64 = 1_000_000;
const BEGINS: i64 = 15;

/// Some clients, each of which asks for something now and then.
struct Others {
    clients: u32,
    /// Milliseconds between two requests of each, more or less.
    every: i64,
    page: &'static dyn Fn(u32, i64) -> &'static [u8],
    referrer: &'static [u8],
    bytes: u64,
    /// Whether their times look like chance.
    varies: bool,
}

fn one_page(_: u32, _: i64) -> &'static [u8] {
    b"/votes/4"
}

const LOOPS: Others =
    Others { clients: 25, every: 2_200, page: &one_page, referrer: b"", bytes: 5_000, varies: true };

fn at(milliseconds: i64, who: u32, target: &[u8]) -> Request<'_> {
    Request {
        time: Time::from_nanoseconds(START * 1_000_000_000 + milliseconds * MILLISECOND),
        client: Client::Address(Address::from_ipv4((0x0a00_0000 | who).to_be_bytes())),
        method: Method::Get,
        agent: b"Mozilla/5.0 (A)",
        status: 200,
        response_bytes: Some(5_000),
        target,
        ..Request::default()
    }
}

impl Others {
    fn requests(&self) -> Vec<Request<'static>> {
        let mut asked = Vec::new();
        for who in 0..self.clients {
            let mut now = BEGINS * 1_000 + i64::from(who) * 53 % self.every;
            for turn in 0.. {
                if now >= 45_000 {
                    break;
                }
                let target = (self.page)(who, turn);
                asked.push(Request {
                    referrer: self.referrer,
                    response_bytes: Some(self.bytes),
                    ..at(now, who, target)
                });
                let chance = (i64::from(who) * 7_919 + turn * 104_729) % 1_000;
                now += self.every * if self.varies { 300 + 14 * chance / 10 } else { 1_000 } / 1_000;
            }
        }
        asked
    }

    /// What is said of them beside a visit every other second.
    fn said(&self) -> Vec<FloodEvent> {
        let mut requests = self.requests();
        for visit in 0..30 {
            let who = 0x80_0000 | (visit * 77);
            let begins = i64::from(visit) * 2_000;
            requests.push(Request { referrer: b"https://www.example/", ..at(begins, who, b"/agenda") });
            requests.extend((1..=5).map(|asset| at(begins + asset * 30, who, b"/a.css")));
        }
        requests.sort_by_key(|request| request.time.nanoseconds());
        let mut web = WebDetector::new([7; 16]);
        let www = web.service("www", &[]).unwrap();
        requests.iter().for_each(|request| web.observe(www, request));
        web.finish();
        let events = web.take_events().into_iter();
        let floods = events.filter(|event| matches!(event, Event::Flood(_))).map(Event::into_flood);
        floods.filter(|line| line.phase == Phase::Start).collect()
    }
}

/// A path of its own for each number.
fn path(number: u64) -> &'static [u8] {
    format!("/news/{number}").into_bytes().leak()
}

#[test]
fn two_dozen_clients_that_come_back_to_a_page_are_a_flood_though_they_ask_for_little() {
    let lines = LOOPS.said();
    assert_eq!(lines[0].vectors[0].name, Vector::HttpFlood, "{lines:#?}");
    let found = lines[0].time.seconds_since(Time::from_seconds(START + BEGINS, 0));
    assert!(found < 10.0, "found after {found} s");
    let why = &lines[0].evidence.web.as_ref().unwrap().lines;
    assert!(why.iter().any(|line| line.contains("again and again")), "{why:?}");
    let list = Others { page: &|who, turn| path((u64::from(who) + turn as u64 * 5) % 6), ..LOOPS };
    assert_eq!(list.said().len(), 1, "a list of six pages");
}

#[test]
fn what_is_nearest_to_loops_is_no_flood() {
    let quiet = |name: &str, others: Others| {
        let lines = others.said();
        assert!(lines.is_empty(), "{name}: {lines:#?}");
    };
    quiet(
        "a service that looks from ten places",
        Others { clients: 10, every: 1_000, varies: false, ..LOOPS },
    );
    quiet(
        "monitors that look every ten seconds",
        Others { clients: 120, every: 10_000, varies: false, ..LOOPS },
    );
    let pages = &|who: u32, turn: i64| path(u64::from(who) << 16 | turn as u64);
    quiet("crawlers", Others { page: pages, ..LOOPS });
    quiet("pages that stay open", Others { referrer: b"https://www.example/votes/4", ..LOOPS });
    quiet("answers of a few bytes", Others { bytes: 90, ..LOOPS });
    quiet("an interface for programs", Others { page: &|_, _| b"/api/votes", ..LOOPS });
}

#[test]
fn devices_that_ask_for_a_few_figures_once_a_second_are_no_flood_and_for_a_page_they_are() {
    let said = |bytes: u64, target: &'static [u8]| {
        let mut web = WebDetector::new([7; 16]);
        let www = web.service("www", &[]).unwrap();
        for second in 0..40_i64 {
            let mut requests: Vec<_> =
                (1..=5).map(|asset| at(second * 1_000 + asset, 9_000 + second as u32, b"/a.css")).collect();
            requests.extend((0..40).filter(|_| second >= 15).map(|who| Request {
                response_bytes: Some(bytes),
                ..at(second * 1_000 + i64::from(who) * 23, who, target)
            }));
            requests.iter().for_each(|request| web.observe(www, request));
        }
        web.finish();
        web.take_events().iter().any(|event| matches!(event, Event::Flood(_)))
    };
    assert!(!said(60, b"/api/votes") && !said(60, b"/votes") && said(5_000, b"/votes"));
}
