//! Floods over time at the network layer: pulses, vectors that change, slow growth, several targets at once.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;

use detect::{Detector, Event, FloodEvent, Limits, Observation, Phase, Scope};
use sketch::{KeyedState, PUBLISHED_KEY};
use wire::{Address, TcpFlags, Time};

const SECOND: i64 = 1_000_000_000;
const START: i64 = 1_700_000_000 * SECOND;
const TARGET: &str = "192.0.2.10";

fn detector() -> Detector {
    Detector::new(Scope::everything(KeyedState::new(PUBLISHED_KEY)), &Limits::default(), PUBLISHED_KEY)
}

fn address(text: &str) -> Address {
    text.parse::<std::net::IpAddr>().unwrap().into()
}

/// One packet of a flood, so many nanoseconds after the start, from the `number`th of many sources.
fn packet(at: i64, number: u32, target: &str, protocol: u8) -> Observation {
    let [_, b, c, d] = number.wrapping_mul(2_654_435_761).to_be_bytes();
    let time = Time::from_nanoseconds(START + at);
    let flags = if protocol == 6 { TcpFlags(TcpFlags::SYN) } else { TcpFlags(0) };
    Observation {
        time,
        last: time,
        source: Address::from_ipv4([93, b, c, d]),
        destination: address(target),
        protocol,
        first_protocol: protocol,
        source_port: 1_024 + (number % 60_000) as u16,
        destination_port: if protocol == 6 { 443 } else { 9_999 },
        tcp_flags: flags,
        hop_limit: 50,
        packets: 1,
        bytes: 60,
        sampling: 1,
        ..Observation::default()
    }
}

/// Packets of one protocol at a rate that may change, second by second.
fn send(detector: &mut Detector, protocol: u8, seconds: std::ops::Range<i64>, rate: impl Fn(i64) -> i64) {
    for second in seconds {
        let count = rate(second);
        for number in 0..count {
            let at = second * SECOND + number * SECOND / count;
            detector.observe(&packet(at, (second * 7_919 + number) as u32, TARGET, protocol));
        }
    }
}

/// Every line, after the input and ten minutes of silence.
fn lines(mut detector: Detector, seconds: i64) -> Vec<FloodEvent> {
    detector.advance(Time::from_nanoseconds(START + (seconds + 600) * SECOND));
    detector.finish();
    detector.take_events().into_iter().map(Event::into_flood).collect()
}

fn identities(lines: &[FloodEvent]) -> Vec<&str> {
    let starts = lines.iter().filter(|line| line.phase == Phase::Start);
    starts.map(|line| line.id.as_str()).collect()
}

#[test]
fn a_pulse_wave_is_one_flood_with_its_period() {
    let mut detector = detector();
    // Eight pulses of six seconds every twenty-five.
    send(&mut detector, 6, 0..200, |second| if second % 25 < 6 { 3_000 } else { 0 });
    let lines = lines(detector, 200);
    let end = lines.last().unwrap();
    assert_eq!(end.phase, Phase::End);
    assert!(end.evidence.pulse_wave, "{:?}", end.evidence);
    let period = end.evidence.period_seconds.unwrap();
    assert!((24.0..26.0).contains(&period), "{period}");
    // The first pulses may end before it is known that more will come; then they are named as what is followed.
    let begun = identities(&lines);
    assert!(begun.len() <= 2, "{begun:?}");
    let followed = lines.iter().filter(|line| line.phase == Phase::Start).skip(1);
    assert!(followed.into_iter().all(|line| line.evidence.follows.as_deref() == Some(begun[0])));
    assert!(end.evidence.last_packet.seconds_since(Time::from_nanoseconds(START)) > 175.0);
}

#[test]
fn short_pauses_do_not_end_a_wave() {
    let mut detector = detector();
    send(&mut detector, 6, 0..120, |second| if second % 12 < 5 { 3_000 } else { 0 });
    let lines = lines(detector, 120);
    assert_eq!(identities(&lines).len(), 1, "{:?}", identities(&lines));
    let period = lines.last().unwrap().evidence.period_seconds.unwrap();
    assert!((11.0..13.0).contains(&period), "{period}");
}

#[test]
fn changing_vectors_are_one_flood_with_a_time_line() {
    let mut detector = detector();
    send(&mut detector, 6, 0..20, |_| 3_000);
    send(&mut detector, 17, 20..40, |_| 6_000);
    send(&mut detector, 47, 40..60, |_| 4_000);
    let lines = lines(detector, 60);
    assert_eq!(identities(&lines).len(), 1, "{:?}", identities(&lines));
    let spans = &lines.last().unwrap().evidence.vector_timeline;
    let at = |name: &str| spans.iter().find(|span| span.name.name() == name).copied();
    let since = |time: Time| time.seconds_since(Time::from_nanoseconds(START));
    for (name, from, to) in [("syn_flood", 0.0, 20.0), ("udp_flood", 20.0, 40.0), ("gre_flood", 40.0, 60.0)] {
        let span = at(name).unwrap_or_else(|| panic!("{name} is not in {spans:?}"));
        assert!(
            (since(span.from) - from).abs() < 2.0 && (since(span.to) - to).abs() < 2.0,
            "{name}: {span:?}"
        );
    }
    assert!(lines.last().unwrap().evidence.multi_vector);
}

#[test]
fn a_slow_ramp_is_found_while_it_grows() {
    let mut detector = detector();
    // From one packet a second to two thousand in ten minutes.
    send(&mut detector, 6, 0..600, |second| 1 + second * 2_000 / 600);
    let lines = lines(detector, 600);
    let start = lines.iter().find(|line| line.phase == Phase::Start).unwrap();
    let found = start.time.seconds_since(Time::from_nanoseconds(START));
    assert!(found < 120.0, "found after {found} s");
    assert_eq!(identities(&lines).len(), 1);
}

#[test]
fn one_botnet_at_two_targets_is_one_campaign_and_another_one_is_not() {
    let mut detector = detector();
    for number in 0..60_000_u32 {
        let at = i64::from(number) * SECOND / 3_000;
        // Two hundred machines at the first two, others at the third.
        for (target, first) in [("192.0.2.10", 0), ("198.51.100.20", 0), ("203.0.113.30", 1_000)] {
            let mut one = packet(at, number, target, 17);
            one.source = packet(0, first + number % 200, target, 17).source;
            detector.observe(&one);
        }
    }
    let lines = lines(detector, 20);
    let ends: BTreeMap<_, _> = lines
        .iter()
        .filter(|line| line.phase == Phase::End)
        .map(|line| (line.target.name.as_str(), line.evidence.campaign.clone()))
        .collect();
    assert_eq!(ends.len(), 3, "{:?}", ends.keys());
    let (one, two) = (ends["192.0.2.10"].as_ref().unwrap(), ends["198.51.100.20"].as_ref().unwrap());
    assert_eq!((&one.id, one.targets, two.targets), (&two.id, 2, 2));
    assert_eq!(
        (&one.also[..], &two.also[..]),
        (&["198.51.100.20".to_owned()][..], &["192.0.2.10".to_owned()][..])
    );
    assert!(one.shared_sources > 0.8, "{one:?}");
    assert_eq!(ends["203.0.113.30"], None);
}
