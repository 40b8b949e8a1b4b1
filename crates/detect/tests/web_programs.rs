//! The web layer: programs that ask for little each, several services at once, and what the calendar says.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use detect::web::WebDetector;
use detect::{Event, FloodEvent, Phase, Vector};
use wire::web::{Client, Method, Request};
use wire::{Address, Time};

const START: i64 = 1_780_000_000;
const SECOND: i64 = 1_000_000_000;

fn client(number: u32) -> Client<'static> {
    Client::Address(Address::from_ipv4((0x0a00_0000 | number & 0xff_ffff).to_be_bytes()))
}

/// A request at nanoseconds after the start.
fn at<'a>(nanoseconds: i64, who: u32, target: &'a str, agent: &'a str) -> Request<'a> {
    Request {
        time: Time::from_nanoseconds(START * SECOND + nanoseconds),
        client: client(who),
        method: Method::Get,
        target: target.as_bytes(),
        agent: agent.as_bytes(),
        status: 200,
        ..Request::default()
    }
}

/// Readers of a second: a page and five assets each, at times that look like chance.
fn readers(second: i64, count: u32) -> Vec<Request<'static>> {
    let mut asked = Vec::new();
    for number in 0..count {
        let who = (second as u32 * 1_000 + number).wrapping_mul(2_654_435_761) >> 9 | 0x80_0000;
        let begins = second * SECOND + i64::from(who % 700) * 1_000_000;
        let page =
            Request { referrer: b"https://www.example/", ..at(begins, who, "/agenda", "Mozilla/5.0 (A)") };
        asked.push(page);
        for asset in 1..=5_i64 {
            asked.push(at(begins + asset * 30_000_000, who, "/a.css", "Mozilla/5.0 (A)"));
        }
    }
    asked
}

fn play(web: &mut WebDetector, service: u32, mut requests: Vec<Request<'_>>) -> Vec<Event> {
    requests.sort_by_key(|request| request.time.nanoseconds());
    requests.iter().for_each(|request| web.observe(service, request));
    web.take_events()
}

/// Floods among what is said of readers (one visit every other second) and others.
fn said(others: impl Fn(i64) -> Vec<Request<'static>>) -> Vec<FloodEvent> {
    let mut web = WebDetector::new([7; 16]);
    let www = web.service("www", &[]).unwrap();
    let mut requests = Vec::new();
    for second in 0..60 {
        requests.extend(readers(second, (second % 2) as u32));
        if second >= 15 {
            requests.extend(others(second));
        }
    }
    let mut events = play(&mut web, www, requests);
    web.finish();
    events.append(&mut web.take_events());
    events.into_iter().filter(|event| matches!(event, Event::Flood(_))).map(Event::into_flood).collect()
}

#[test]
fn loops_from_many_addresses_at_one_request_a_second_are_a_flood() {
    let lines = said(|second| {
        let one = |who: u32| {
            let waits = i64::from(who * 37 % 900) * 1_000_000;
            at(second * SECOND + waits, who, "/votes/4", "curl/7.88")
        };
        (0..40).map(one).collect()
    });
    assert_eq!(lines[0].vectors[0].name, Vector::HttpFlood, "{lines:#?}");
    let found = lines[0].time.seconds_since(Time::from_seconds(START + 15, 0));
    assert!(found < 20.0, "found after {found} s");
}

#[test]
fn one_program_that_loads_whole_pages_as_fast_as_it_is_answered_is_a_flood() {
    let lines = said(|second| {
        let one = |number: i64| {
            let target = if number % 9 == 0 { "/contact" } else { "/assets/a.css" };
            at(second * SECOND + number * SECOND / 90, 7, target, "Siege/4.0")
        };
        (0..90).map(one).collect()
    });
    assert_eq!(lines[0].vectors[0].name, Vector::HttpFlood, "{lines:#?}");
}

#[test]
fn monitors_tickers_and_houses_behind_one_address_are_no_flood() {
    let monitors = said(|second| {
        let every =
            |step: i64| (0..6).map(move |who| at(second * SECOND + step * 400_000_000, who, "/", "check"));
        (0..2).flat_map(every).collect()
    });
    assert!(monitors.is_empty(), "{monitors:#?}");
    // A hundred open pages ask for a result every two seconds.
    let tickers = said(|second| {
        let page =
            |who: u32| (0..4).map(move |part| at(second * SECOND + part * 1_000, who, "/a.css", "Mozilla"));
        let loads = (0..100).filter(move |_| second == 15).flat_map(page);
        let asks = (0..100).filter(move |who| i64::from(*who) % 2 == second % 2);
        loads
            .chain(
                asks.map(|who| {
                    at(second * SECOND + i64::from(who) * 9_000_000, who, "/api/votes", "Mozilla")
                }),
            )
            .collect()
    });
    assert!(tickers.is_empty(), "{tickers:#?}");
    // Six visits a second from one address with one agent, each with what belongs to its page.
    let house = said(|second| {
        let visit = |number: i64| {
            let begins = second * SECOND + (number * 577 + second * 131) % 900 * 1_000_000;
            (0..9).map(move |part| {
                let target = if part == 0 { "/agenda" } else { "/a.css" };
                at(begins + part * 4_000_000, 5, target, "Mozilla/5.0 (managed)")
            })
        };
        (0..(second * 7 % 5 + 3)).flat_map(visit).collect()
    });
    assert!(house.is_empty(), "{house:#?}");
}

#[test]
fn four_requests_a_second_that_never_become_whole_are_a_flood_though_nothing_is_learnt() {
    let lines = said(|second| {
        let one = |number: i64| Request {
            is_timed_out: true,
            status: 408,
            ..at(second * SECOND + number * 250_000_000, 3, "/", "Mozilla")
        };
        (0..4).map(one).collect()
    });
    assert_eq!(lines[0].vectors[0].name, Vector::SlowHttp, "{lines:#?}");
    let found = lines[0].time.seconds_since(Time::from_seconds(START + 15, 0));
    assert!(found <= 16.0, "found after {found} s");
}

#[test]
fn one_botnet_on_two_services_is_one_campaign() {
    let mut web = WebDetector::new([7; 16]);
    let services = ["www", "media", "vote"].map(|name| web.service(name, &[]).unwrap());
    let mut events = Vec::new();
    for second in 0..40 {
        for (place, service) in services.iter().enumerate() {
            let mut requests = readers(second, 1);
            // Five hundred machines at the first two, later at the second; others at the third.
            let begins = [10, 18, 10][place];
            let first = [0, 0, 50_000][place];
            let texts: Vec<_> = (0..60).map(|number| format!("/search?q={second}x{number}")).collect();
            for (number, text) in texts.iter().enumerate().filter(|_| second >= begins) {
                let who = first + (second as u32 * 60 + number as u32) % 500;
                requests.push(at(second * SECOND + number as i64 * 16_000_000, who, text, "Mozilla"));
            }
            events.append(&mut play(&mut web, *service, requests));
        }
    }
    web.finish();
    events.append(&mut web.take_events());
    let end = |name: &str| {
        let is_it = |event: &&Event| event.line().phase == Phase::End && event.line().target.name == name;
        events.iter().find(is_it).unwrap().line().evidence.campaign.clone()
    };
    let (www, media) = (end("www").unwrap(), end("media").unwrap());
    assert_eq!((&www.id, &www.also[..]), (&media.id, &["media".to_owned()][..]));
    assert!(www.shared_sources > 0.5 && media.targets == 2, "{www:?}");
    assert_eq!(end("vote"), None);
    assert_eq!(web.counters().campaigns, 1);
}

#[test]
fn an_event_in_the_calendar_raises_what_may_come_and_silences_no_flood() {
    let calendar = format!(
        "[institution]\nname = \"A\"\n[zone.public]\nprefixes = [\"192.0.2.0/25\"]\nexposure = \"internet\"\n\
        [service.www]\nzone = \"public\"\n[[detect.expected]]\nstart = {}\nend = {}\ntimes = 20\nreason = \"Election night\"\n",
        jiff::Timestamp::from_second(START + 2_000).unwrap(),
        jiff::Timestamp::from_second(START + 9_000).unwrap()
    );
    let plain = calendar.split("[[detect").next().unwrap().to_owned();
    for (text, wanted) in [(&plain, true), (&calendar, false)] {
        let mut web = WebDetector::of_institution(&institution::parse("t", text).unwrap(), [7; 16]);
        let www = web.service("www", &[]).unwrap();
        let mut events = Vec::new();
        for second in 0..2_600 {
            // Sixteen times as many from then on.
            let count = if second < 2_050 { (second % 2) as u32 } else { 8 };
            let mut requests = readers(second, count);
            if second >= 2_500 {
                requests
                    .extend((0..300).map(|number| at(second * SECOND + number * 3_000_000, 9, "/", "ab")));
            }
            events.append(&mut play(&mut web, www, requests));
        }
        let surge = events.iter().any(|event| matches!(event, Event::Surge(_)));
        assert_eq!(surge, wanted, "{text}");
        let flood = events.iter().find(|event| matches!(event, Event::Flood(_))).unwrap().line();
        let expected = flood.evidence.web.as_ref().unwrap().expected.clone();
        assert_eq!(expected.map(|expected| expected.reason), (!wanted).then(|| "Election night".to_owned()));
    }
}

#[test]
fn where_nothing_but_the_calendar_tells_the_crowd_it_is_taken_from_there_and_more_is_a_flood() {
    let plain = "[institution]\nname = \"A\"\n[zone.public]\nprefixes = [\"192.0.2.0/25\"]\nexposure = \"internet\"\n\
        [service.api]\nzone = \"public\"\n";
    let event = format!(
        "{plain}[[detect.expected]]\nstart = {}\nend = {}\ntimes = 20\nreason = \"Election night\"\n",
        jiff::Timestamp::from_second(START + 2_000).unwrap(),
        jiff::Timestamp::from_second(START + 9_000).unwrap()
    );
    // Two answers a second, asked for by somebody else each time; then so many.
    for (text, then, wanted) in [(plain, 30, true), (&*event, 30, false), (&*event, 200, true)] {
        let mut web = WebDetector::of_institution(&institution::parse("t", text).unwrap(), [7; 16]);
        let api = web.service("api", &[]).unwrap();
        let mut events = Vec::new();
        for second in 0..2_130_i64 {
            let count = if second < 2_100 { 2 } else { then };
            let who = |number: i64| (second * 200 + number) as u32 % 50_000;
            let asks = (0..count)
                .map(|number| at(second * SECOND + number * 4_000_000, who(number), "/api/votes", "app"));
            events.append(&mut play(&mut web, api, asks.collect()));
        }
        let is_flood = events.iter().any(|event| matches!(event, Event::Flood(_)));
        assert_eq!(is_flood, wanted, "{then} a second; {text}");
    }
}
