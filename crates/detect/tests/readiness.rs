//! Windows of readiness, seen from outside. Times are the records'.
#![expect(clippy::unwrap_used, reason = "tests")]

use detect::{
    Detector, Event, FloodEvent, LEAST_FLOORS, Learning, Limits, Observation, Phase, Readiness, Scope,
};
use sketch::{KeyedState, PUBLISHED_KEY};
use wire::{Address, TcpFlags, Time};

/// 2026-05-28T20:26:40Z.
const START: i64 = 1_780_000_000_000_000_000;
const WHY: &str = "www is on the list of NoName057(16)";

const INSTITUTION: &str = r#"
[institution]
name = "Ready"
time_zone = "UTC"
[zone.public]
prefixes = ["192.0.2.0/24", "2001:db8:1::/48"]
exposure = "internet"
[service.www]
zone = "public"
addresses = ["192.0.2.10"]
criticality = "essential"
"#;

fn at(seconds: f64) -> Time {
    Time::from_nanoseconds(START + (seconds * 1e9) as i64)
}

fn detector(readiness: Option<Readiness>) -> Detector {
    let institution = institution::parse("test.toml", INSTITUTION).unwrap();
    let scope = Scope::of(institution, KeyedState::new(PUBLISHED_KEY));
    let mut detector = Detector::new(scope, &Limits::default(), PUBLISHED_KEY);
    detector.set_readiness(readiness);
    detector
}

fn window(from: f64, until: f64) -> Option<Readiness> {
    Some(Readiness::new(0.5, at(from), at(until), WHY))
}

/// Resets of connections that do not exist, `rate` a second from one time to another, to a host that also answers somebody else ten times a second.
fn weak_flood(detector: &mut Detector, span: (f64, f64), rate: f64, target: &str) {
    flood(detector, span, rate, target, (6, TcpFlags(TcpFlags::RST)));
}

/// The same of a protocol with flags.
fn flood(
    detector: &mut Detector,
    (from, to): (f64, f64),
    rate: f64,
    target: &str,
    (protocol, tcp_flags): (u8, TcpFlags),
) {
    let target: Address = target.parse::<std::net::IpAddr>().unwrap().into();
    let own = if target.to_ip().is_ipv6() { "2001:db8:99::1" } else { "198.18.0.1" };
    let own: Address = own.parse::<std::net::IpAddr>().unwrap().into();
    for number in 0..((to - from) * rate) as u64 {
        let time = at(from + number as f64 / rate);
        let [.., c, d] = (number as u32).wrapping_mul(2_654_435_761).to_be_bytes();
        let source = if target.to_ip().is_ipv6() {
            format!("2001:db8:98::{c:x}:{d:x}").parse::<std::net::IpAddr>().unwrap().into()
        } else {
            Address::from_ipv4([93, 184, c, d])
        };
        let record = Observation {
            time,
            last: time,
            source,
            destination: target,
            protocol,
            first_protocol: protocol,
            tcp_flags,
            source_port: 1_024 + (number % 50_000) as u16,
            destination_port: 9_000,
            packets: 1,
            bytes: 500,
            sampling: 1,
            ..Observation::default()
        };
        detector.observe(&record);
        if number % (rate as u64 / 10).max(1) == 0 {
            let answer = Observation {
                source: target,
                destination: own,
                protocol: 6,
                first_protocol: 6,
                tcp_flags: TcpFlags(0x18),
                source_port: 443,
                ..record
            };
            detector.observe(&answer);
        }
    }
    detector.advance(at(to));
}

fn floods(detector: &mut Detector) -> Vec<FloodEvent> {
    detector.take_events().into_iter().map(Event::into_flood).collect()
}

fn starts(floods: &[FloodEvent]) -> Vec<&FloodEvent> {
    floods.iter().filter(|flood| flood.phase == Phase::Start).collect()
}

#[test]
fn a_flood_under_the_usual_floor_is_found_in_a_window_and_says_why() {
    for target in ["192.0.2.10", "2001:db8:1::10"] {
        let mut usual = detector(None);
        weak_flood(&mut usual, (0.0, 90.0), 70.0, target);
        usual.finish();
        assert_eq!(floods(&mut usual).len(), 0, "{target}: seventy a second is below the floor of a hundred");
        let mut ready = detector(window(-10.0, 900.0));
        weak_flood(&mut ready, (0.0, 90.0), 70.0, target);
        let told = floods(&mut ready);
        let start = starts(&told)[0];
        assert!(start.time.seconds_since(at(0.0)) < 15.0, "{target}: {:?}", start.time);
        let lowered = start.evidence.lowered_floors.as_ref().unwrap();
        assert_eq!((lowered.times, lowered.reason.as_str(), lowered.was_needed), (0.5, WHY, true));
        assert!(
            start.evidence.reason.ends_with(&format!("; floor lowered: {WHY}")),
            "{}",
            start.evidence.reason
        );
        assert!(start.confidence < 0.85, "less sure than by the usual floor: {}", start.confidence);
        let state = ready.readiness();
        assert_eq!((state.floors, state.floods_earlier, state.floods_borne_out), (LEAST_FLOORS, 1, 0));
    }
}

#[test]
fn a_stronger_flood_is_found_earlier_and_is_borne_out() {
    let begins = |readiness| {
        let mut detector = detector(readiness);
        weak_flood(&mut detector, (0.0, 30.0), 160.0, "192.0.2.10");
        let told = floods(&mut detector);
        (starts(&told)[0].time, told, detector.readiness())
    };
    let (usual, told, state) = begins(None);
    assert!(told.iter().all(|flood| flood.evidence.lowered_floors.is_none()));
    assert_eq!((state.floors, state.windows), (1.0, 0));
    let (early, told, state) = begins(window(-10.0, 900.0));
    let gained = usual.seconds_since(early);
    assert!(gained > 1.5, "160 a second: 5 s by the floor of 100, 1.4 by that of 50; gained {gained}");
    let needed = |flood: &FloodEvent| flood.evidence.lowered_floors.as_ref().unwrap().was_needed;
    assert!(needed(&told[0]) && !needed(told.last().unwrap()), "the usual floor finds it too, later");
    assert!(!told.last().unwrap().evidence.reason.contains("floor lowered"));
    assert_eq!((state.floods_borne_out, state.occasions), (1, 0));
}

#[test]
fn without_an_open_window_nothing_changes() {
    let told = |readiness: Option<Readiness>| {
        let mut detector = detector(readiness);
        detector.learn(Learning::default());
        for (from, rate) in [(100.0, 90.0), (200.0, 800.0), (300.0, 160.0)] {
            weak_flood(&mut detector, (from, from + 60.0), rate, "192.0.2.10");
        }
        detector.finish();
        serde_json::to_string(&detector.take_events()).unwrap()
    };
    let usual = told(None);
    assert!(usual.contains("rst_flood"), "there is something to compare");
    assert_eq!(told(window(0.0, 50.0)), usual, "a window that is over");
    assert_eq!(told(window(9_000.0, 9_900.0)), usual, "a window that is still to come");
    assert_eq!(
        told(Some(Readiness::new(1.0, at(0.0), at(900.0), WHY))),
        usual,
        "a window that asks for nothing"
    );
    assert_ne!(told(window(0.0, 900.0)), usual, "and one that is open changes something");
}

#[test]
fn a_window_ends_by_itself_and_what_it_found_ends_as_floods_do() {
    let mut detector = detector(window(0.0, 60.0));
    weak_flood(&mut detector, (10.0, 200.0), 70.0, "192.0.2.10");
    detector.advance(at(230.0));
    let told = floods(&mut detector);
    assert_eq!(starts(&told).len(), 1, "nothing new is found after the window");
    assert_eq!(detector.readiness().floors, 1.0);
    weak_flood(&mut detector, (300.0, 400.0), 70.0, "192.0.2.10");
    detector.finish();
    let told = floods(&mut detector);
    assert_eq!(starts(&told).len(), 0);
}

#[test]
fn false_alarms_of_a_month_of_windows_stay_within_the_stated_bound() {
    let mut detector = detector(window(0.0, 40.0 * 86_400.0));
    // Ten times a day for a month something weak that the usual floors would not have told of.
    let mut told = 0;
    for number in 0..300 {
        let from = 60.0 + f64::from(number) * 8_640.0;
        weak_flood(&mut detector, (from, from + 20.0), 70.0, "192.0.2.10");
        detector.advance(at(from + 60.0));
        told += starts(&floods(&mut detector)).len();
    }
    assert_eq!(told, 3, "three for the one false alarm a month that is allowed");
    assert!(detector.readiness().is_spent);
}

/// Each is less than an hour after the one before: they do not become one occasion that has no end.
#[test]
fn floods_in_a_row_are_not_one_occasion() {
    let mut detector = detector(window(0.0, 40.0 * 86_400.0));
    let mut told = 0;
    for number in 0..60 {
        let from = 60.0 + f64::from(number) * 3_000.0;
        weak_flood(&mut detector, (from, from + 20.0), 70.0, "192.0.2.10");
        detector.advance(at(from + 60.0));
        told += starts(&floods(&mut detector)).len();
    }
    assert_eq!(told, 6, "two in the hour of each of three occasions");
    let state = detector.readiness();
    assert!(state.is_spent && state.occasions == 3, "{state:?}");
}

#[test]
fn a_clock_that_is_set_back_gives_no_new_budget() {
    let mut detector = detector(window(0.0, 40.0 * 86_400.0));
    let day = 86_400.0;
    for from in [2.0 * day, 2.1 * day, 2.2 * day] {
        weak_flood(&mut detector, (from, from + 20.0), 70.0, "192.0.2.10");
        detector.advance(at(from + 60.0));
    }
    assert_eq!(starts(&floods(&mut detector)).len(), 3);
    for from in [1.2 * day, 1.3 * day, 1.4 * day] {
        weak_flood(&mut detector, (from, from + 60.0), 70.0, "192.0.2.10");
        detector.advance(at(from + 90.0));
        assert_eq!(starts(&floods(&mut detector)).len(), 0, "at {from}");
        assert!(detector.readiness().is_spent, "at {from}");
    }
    assert_eq!(detector.counters().clock_resets, 1);
}

/// Found by replaying what was recorded of ordinary days: a stream of media of a hundred packets a second.
#[test]
fn a_stream_below_the_usual_floor_is_no_flood_where_nothing_is_learnt() {
    const UDP: (u8, TcpFlags) = (17, TcpFlags(0));
    let mut ready = detector(window(-10.0, 900.0));
    flood(&mut ready, (0.0, 90.0), 100.0, "192.0.2.10", UDP);
    ready.finish();
    assert_eq!(floods(&mut ready).len(), 0);
    let mut stronger = detector(window(-10.0, 900.0));
    flood(&mut stronger, (0.0, 90.0), 400.0, "192.0.2.10", UDP);
    let told = floods(&mut stronger);
    assert_eq!(starts(&told).len(), 1);
    assert!(told.iter().all(|flood| flood.evidence.lowered_floors.is_none()), "the usual floor found it");
}
