//! The web layer: crowds are surges, tools are floods, whatever the service is used to.

use detect::web::{MAXIMUM_SERVICES, WebDetector};
use detect::{Event, FloodEvent, Phase, Vector};
use proptest::prelude::*;
use wire::web::{Client, Method, Request, Version};
use wire::{Address, Time};

const START: i64 = 1_780_000_000;

/// Numbers that look random (Marsaglia 2003, xorshift64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 11
    }

    fn part(&mut self) -> f64 {
        self.next() as f64 / (1_u64 << 53) as f64
    }

    /// Poisson by inversion in parts of at most 30.
    fn poisson(&mut self, mean: f64) -> u32 {
        let (mut count, mut left) = (0, mean);
        while left > 0.0 {
            let limit = (-left.min(30.0)).exp();
            left -= 30.0;
            let mut product = self.part();
            while product > limit {
                product *= self.part();
                count += 1;
            }
        }
        count
    }
}

fn client(number: u64) -> Client<'static> {
    Client::Address(Address::from_ipv4((0x0a00_0000 | number as u32 & 0xff_ffff).to_be_bytes()))
}

struct Site {
    detector: WebDetector,
    service: u32,
    numbers: Numbers,
    second: i64,
    events: Vec<Event>,
}

const PAGES: [&str; 6] = ["/", "/agenda", "/members", "/votes/2026", "/press", "/live"];
const ASSETS: [&str; 5] = ["/main.css", "/app.js", "/logo.svg", "/hero.webp", "/text.woff2"];

impl Site {
    fn new(seed: u64) -> Self {
        let mut detector = WebDetector::new([7; 16]);
        let service = detector.service("www", &[Address::from_ipv4([192, 0, 2, 10])]).unwrap_or_default();
        Self { detector, service, numbers: Numbers(seed | 1), second: START, events: Vec::new() }
    }

    fn send(&mut self, request: &Request<'_>) {
        let time = Time::from_seconds(self.second, 0);
        self.detector.observe(self.service, &Request { time, ..*request });
    }

    /// A second of readers: so many pages a second in the mean, each with what belongs to it.
    fn readers(&mut self, pages: f64) {
        for _ in 0..self.numbers.poisson(pages) {
            let who = self.numbers.next();
            let agent = format!("Mozilla/5.0 ({})", who % 40);
            let page = PAGES[self.numbers.next() as usize % PAGES.len()];
            let base = Request {
                client: client(who),
                method: Method::Get,
                agent: agent.as_bytes(),
                version: Version::Http11,
                status: 200,
                ..Request::default()
            };
            let referrer: &[u8] =
                if who.is_multiple_of(3) { b"" } else { b"https://www.parliament.example/" };
            let asks = who.is_multiple_of(50);
            let search = format!("/search?q={}", self.numbers.next() % 5_000);
            let target = if asks { search.as_bytes() } else { page.as_bytes() };
            self.send(&Request { target, referrer, ..base });
            for asset in &ASSETS[..1 + self.numbers.next() as usize % 5] {
                self.send(&Request { target: asset.as_bytes(), referrer: page.as_bytes(), ..base });
            }
        }
    }

    fn tick(&mut self) {
        self.events.append(&mut self.detector.take_events());
        self.second += 1;
    }

    fn ordinary(&mut self, seconds: u32, pages: f64) {
        for _ in 0..seconds {
            self.readers(pages);
            self.tick();
        }
    }

    fn end(mut self) -> Vec<Event> {
        self.detector.finish();
        self.events.append(&mut self.detector.take_events());
        self.events
    }
}

fn floods(events: &[Event]) -> Vec<&FloodEvent> {
    let floods = events.iter().filter(|event| matches!(event, Event::Flood(_)));
    floods.map(Event::line).filter(|line| line.phase == Phase::Start).collect()
}

fn surges(events: &[Event]) -> Vec<&FloodEvent> {
    let surges = events.iter().filter(|event| matches!(event, Event::Surge(_)));
    surges.map(Event::line).filter(|line| line.phase == Phase::Start).collect()
}

/// So many requests of a tool in this second.
type Tool = fn(&mut Site, u32);

fn fixed_page(site: &mut Site, count: u32) {
    for _ in 0..count {
        let client = client(site.numbers.next() % 3_000);
        site.send(&Request { client, method: Method::Get, target: b"/", status: 200, ..Request::default() });
    }
}

fn random_queries(site: &mut Site, count: u32) {
    for _ in 0..count {
        let target = format!("/?{:x}", site.numbers.next());
        let client = client(site.numbers.next() % 500);
        site.send(&Request { client, method: Method::Get, target: target.as_bytes(), ..Request::default() });
    }
}

fn random_searches(site: &mut Site, count: u32) {
    for _ in 0..count {
        let target = format!("/search?q={:x}", site.numbers.next());
        let client = client(site.numbers.next() % 9_000);
        let referrer = b"https://www.parliament.example/";
        site.send(&Request {
            client,
            method: Method::Get,
            target: target.as_bytes(),
            referrer,
            ..Request::default()
        });
    }
}

fn sign_ins(site: &mut Site, count: u32) {
    for _ in 0..count {
        let client = client(site.numbers.next() % 200);
        site.send(&Request {
            client,
            method: Method::Post,
            target: b"/login",
            status: 401,
            ..Request::default()
        });
    }
}

fn given_up(site: &mut Site, count: u32) {
    for _ in 0..count {
        let client = client(site.numbers.next() % 4);
        site.send(&Request {
            client,
            method: Method::Get,
            target: b"/",
            version: Version::Http2,
            status: 499,
            is_aborted: true,
            ..Request::default()
        });
    }
}

fn changing_agents(site: &mut Site, count: u32) {
    for _ in 0..count {
        let agent = format!("agent {:x}", site.numbers.next());
        let client = client(5);
        site.send(&Request {
            client,
            method: Method::Get,
            target: b"/",
            agent: agent.as_bytes(),
            ..Request::default()
        });
    }
}

const TOOLS: [(Tool, Vector); 6] = [
    (fixed_page, Vector::HttpFlood),
    (random_queries, Vector::HttpCacheBypass),
    (random_searches, Vector::HttpCacheBypass),
    (sign_ins, Vector::LoginFlood),
    (given_up, Vector::Http2RapidReset),
    (changing_agents, Vector::HttpFlood),
];

#[test]
fn every_tool_is_named_within_seconds_at_twice_the_usual_requests() {
    for (number, (tool, name)) in TOOLS.into_iter().enumerate() {
        let mut site = Site::new(number as u64 + 1);
        site.ordinary(1_500, 10.0);
        let begin = site.second;
        for _ in 0..30 {
            site.readers(10.0);
            tool(&mut site, 40);
            site.tick();
        }
        site.ordinary(60, 10.0);
        let events = site.end();
        let found = floods(&events);
        assert_eq!(found.len(), 1, "{name:?}: {found:?}");
        assert_eq!(found[0].vectors[0].name, name);
        let delay = found[0].time.seconds_since(Time::from_seconds(begin, 0));
        assert!(delay <= 3.0, "{name:?} after {delay} s");
        let end = events.iter().map(Event::line).find(|line| line.phase == Phase::End).unwrap();
        let web = end.evidence.web.as_ref().unwrap();
        assert!((900.0..1_500.0).contains(&web.requests), "{name:?}: {} of 1,200 requests", web.requests);
        assert!(surges(&events).is_empty());
    }
}

#[test]
fn a_random_search_is_said_in_the_evidence() {
    let mut site = Site::new(3);
    site.ordinary(1_000, 5.0);
    for _ in 0..10 {
        random_searches(&mut site, 60);
        site.tick();
    }
    let events = site.end();
    let last = events.last().unwrap().line();
    let web = last.evidence.web.as_ref().unwrap();
    assert!(web.random_search && web.top_path.as_ref().unwrap().path == "/search", "{web:?}");
    assert!(last.sources.distinct.unwrap() > 200);
}

#[test]
fn a_crowd_twenty_times_the_usual_is_a_surge_and_no_flood() {
    for seed in 1..6 {
        let mut site = Site::new(seed);
        site.ordinary(2_000, 6.0);
        for second in 0..1_200_u32 {
            let times = 1.0 + 19.0 * f64::from(second.min(600)) / 600.0;
            site.readers(6.0 * times);
            site.tick();
        }
        site.ordinary(300, 6.0);
        let events = site.end();
        assert!(floods(&events).is_empty(), "seed {seed}: {:?}", floods(&events));
        assert_eq!(surges(&events).len(), 1, "seed {seed}");
    }
}

#[test]
fn a_flood_within_a_crowd_is_found() {
    let mut site = Site::new(11);
    site.ordinary(2_000, 6.0);
    site.ordinary(300, 60.0);
    for _ in 0..20 {
        site.readers(60.0);
        random_queries(&mut site, 200);
        site.tick();
    }
    let events = site.end();
    assert_eq!((floods(&events).len(), surges(&events).len()), (1, 1));
    assert_eq!(floods(&events)[0].vectors[0].name, Vector::HttpCacheBypass);
}

#[test]
fn what_comes_before_anything_is_learnt_has_floors() {
    let mut site = Site::new(5);
    site.ordinary(120, 30.0);
    for _ in 0..10 {
        site.readers(30.0);
        random_queries(&mut site, 60);
        site.tick();
    }
    let events = site.end();
    assert_eq!(floods(&events).len(), 1);
    let mut site = Site::new(5);
    // A script that asks for one page, one time after the other.
    for _ in 0..20 {
        for _ in 0..130 {
            site.send(&Request {
                client: client(1),
                method: Method::Get,
                target: b"/hello",
                ..Request::default()
            });
        }
        site.tick();
    }
    assert!(floods(&site.end()).is_empty());
}

#[test]
fn a_quiet_service_with_a_bot_now_and_then_is_quiet() {
    let mut site = Site::new(9);
    for round in 0..200_u32 {
        site.ordinary(30, 0.05);
        for page in 0..round % 9 {
            let target = format!("/archive/{page}?page={page}");
            let agent = b"ExampleBot/1.0";
            site.send(&Request {
                client: client(77),
                method: Method::Get,
                target: target.as_bytes(),
                agent,
                ..Request::default()
            });
        }
        site.tick();
    }
    let events = site.end();
    assert!(events.is_empty(), "{events:?}");
}

#[test]
fn the_same_requests_give_the_same_events() {
    let run = || {
        let mut site = Site::new(21);
        site.ordinary(1_000, 5.0);
        for _ in 0..20 {
            random_searches(&mut site, 100);
            site.tick();
        }
        serde_json::to_string(&site.end()).unwrap()
    };
    assert_eq!(run(), run());
}

#[test]
fn services_beyond_the_limit_are_counted() {
    let mut detector = WebDetector::new([1; 16]);
    for number in 0..MAXIMUM_SERVICES + 10 {
        detector.service(&number.to_string(), &[]);
    }
    assert_eq!(detector.counters().services_refused, 10);
}

proptest! {
    #[test]
    fn no_requests_do_harm(steps in prop::collection::vec((any::<i64>(), any::<u32>(), any::<Vec<u8>>(), 0..8_u8, any::<u16>()), 0..300)) {
        let mut detector = WebDetector::new([3; 16]);
        let service = detector.service("a", &[]).unwrap();
        for (time, who, target, kind, status) in &steps {
            // Mostly near each other, now and then anywhere.
            let nanoseconds = if kind % 4 == 0 { *time } else { START * 1_000_000_000 + i64::from(*who) * 1_000 };
            detector.observe(service, &Request {
                time: Time::from_nanoseconds(nanoseconds),
                client: client(u64::from(*who)),
                method: if kind % 2 == 0 { Method::Get } else { Method::Post },
                target,
                agent: target,
                referrer: target,
                status: *status,
                is_aborted: *kind == 5,
                is_timed_out: *kind == 6,
                ..Request::default()
            });
        }
        detector.finish();
        for event in detector.take_events() {
            let line = event.line();
            prop_assert!((0.5..=0.99).contains(&line.confidence));
            prop_assert!(line.requests_per_second.is_some_and(f64::is_finite));
        }
    }
}

#[test]
fn a_strong_flood_is_told_before_its_first_second_is_over() {
    let mut site = Site::new(3);
    site.ordinary(2_000, 6.0);
    for millisecond in 0..900_i64 {
        let target = format!("/?{:x}", site.numbers.next());
        let request = Request {
            time: Time::from_seconds(site.second, millisecond * 1_000_000),
            client: client(site.numbers.next() % 500),
            method: Method::Get,
            target: target.as_bytes(),
            ..Request::default()
        };
        site.detector.observe(site.service, &request);
    }
    let events = site.detector.take_events();
    assert_eq!(floods(&events).len(), 1, "a thousand a second need no whole one");
    assert_eq!(events[0].line().time, Time::from_seconds(site.second, 250_000_000));
    assert!(events[0].line().requests_per_second.unwrap() > 200.0);
    // A clock beside the records ends no part of a second.
    site.second += 100;
    let calm = Time::from_seconds(site.second, 0);
    let mut quiet = Site::new(3);
    quiet.ordinary(2_000, 6.0);
    random_queries(&mut quiet, 250);
    quiet.detector.advance(Time::from_seconds(quiet.second, 900_000_000));
    assert!(floods(&quiet.detector.take_events()).is_empty());
    site.detector.advance(calm);
    assert_eq!(floods(&site.end()).len(), 0, "it is one flood");
}

#[test]
fn pulses_are_one_flood_with_its_period() {
    let mut site = Site::new(8);
    site.ordinary(2_000, 6.0);
    for second in 0..400_u32 {
        site.readers(6.0);
        if second % 40 < 12 {
            random_queries(&mut site, 150);
        }
        site.tick();
    }
    site.ordinary(400, 6.0);
    let events = site.end();
    let starts = floods(&events);
    // The first pulse is over for all anybody knows; what comes then is waited for.
    assert!(starts.len() <= 2, "{}", starts.len());
    let last = events.iter().map(Event::line).rfind(|line| line.phase == Phase::End).unwrap();
    assert!(last.evidence.pulse_wave, "{:?}", last.evidence);
    assert!((last.evidence.period_seconds.unwrap() - 40.0).abs() < 2.0);
    assert_eq!(last.evidence.follows.as_deref(), (starts.len() == 2).then(|| starts[0].id.as_str()));
}

#[test]
fn a_flood_that_changes_is_one_with_a_time_line() {
    let mut site = Site::new(9);
    site.ordinary(2_000, 6.0);
    for second in 0..90_u32 {
        site.readers(6.0);
        match second / 30 {
            0 => random_queries(&mut site, 150),
            1 => sign_ins(&mut site, 150),
            _ => fixed_page(&mut site, 300),
        }
        site.tick();
    }
    site.ordinary(60, 6.0);
    let events = site.end();
    assert_eq!(floods(&events).len(), 1);
    let last = events.iter().map(Event::line).rfind(|line| line.phase == Phase::End).unwrap();
    let names: Vec<_> = last.evidence.vector_timeline.iter().map(|span| span.name).collect();
    assert_eq!(names, [Vector::HttpCacheBypass, Vector::LoginFlood, Vector::HttpFlood]);
    let seconds: Vec<_> =
        last.evidence.vector_timeline.iter().map(|span| span.to.seconds_since(span.from)).collect();
    assert!(seconds.iter().all(|seconds| (20.0..=32.0).contains(seconds)), "{seconds:?}");
}

/// The mean of half an hour follows such a flood; what days had does not.
#[test]
fn a_flood_that_grows_over_an_hour_is_found() {
    let mut site = Site::new(21);
    site.ordinary(90_000, 1.5);
    let quiet = std::mem::take(&mut site.events);
    assert!(floods(&quiet).is_empty(), "{:?}", floods(&quiet));
    for second in 0..3_600_u32 {
        site.readers(1.5);
        // Up to four requests a second, where four and a half are usual.
        let rate = 4.0 * f64::from(second) / 3_600.0;
        let count = site.numbers.poisson(rate);
        fixed_page(&mut site, count);
        site.tick();
    }
    let events = site.end();
    let starts = floods(&events);
    assert!(!starts.is_empty());
    assert_eq!(starts[0].vectors[0].name, Vector::HttpFlood);
    let lines = &starts[0].evidence.web.as_ref().unwrap().lines;
    assert!(lines.iter().any(|line| line.starts_with("over minutes")), "by its minutes: {lines:?}");
}
