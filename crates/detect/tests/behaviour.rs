//! What the detector does, seen from outside: records in, events out.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::time::{Duration, Instant};

use detect::event::{Direction, TargetKind};
use detect::{Batch, Detector, Event, FloodEvent, Limits, Observation, Phase, Preparer, Quoted, Scope};
use sketch::{KeyedState, PUBLISHED_KEY};
use wire::{Address, TcpFlags, Time};

const SECOND: i64 = 1_000_000_000;
const START: i64 = 1_700_000_000 * SECOND;

fn detector(limits: &Limits) -> Detector {
    Detector::new(Scope::everything(KeyedState::new(PUBLISHED_KEY)), limits, PUBLISHED_KEY)
}

fn address(text: &str) -> Address {
    text.parse::<std::net::IpAddr>().unwrap().into()
}

/// A SYN from the `number`th forged source.
fn syn(time: i64, number: u32, target: &str) -> Observation {
    let [_, b, c, d] = number.wrapping_mul(2_654_435_761).to_be_bytes();
    Observation {
        time: Time::from_nanoseconds(time),
        last: Time::from_nanoseconds(time),
        source: Address::from_ipv4([93, b, c, d]),
        destination: address(target),
        protocol: 6,
        first_protocol: 6,
        source_port: 1_024 + (number % 60_000) as u16,
        destination_port: 443,
        tcp_flags: TcpFlags(TcpFlags::SYN),
        hop_limit: 50,
        packets: 1,
        bytes: 40,
        sampling: 1,
        ..Observation::default()
    }
}

fn floods(detector: &mut Detector) -> Vec<FloodEvent> {
    let events = detector.take_events();
    events.into_iter().map(Event::into_flood).collect()
}

/// `rate` SYNs a second from `from` to `to` seconds after the start.
fn flood(detector: &mut Detector, target: &str, rate: i64, from: i64, to: i64) {
    for number in 0..(to - from) * rate {
        detector.observe(&syn(START + from * SECOND + number * SECOND / rate, number as u32, target));
    }
}

#[test]
fn a_flood_starts_goes_on_and_ends_under_one_id() {
    let mut detector = detector(&Limits::default());
    flood(&mut detector, "192.0.2.10", 5_000, 0, 4);
    detector.advance(Time::from_nanoseconds(START + 60 * SECOND));
    let lines = floods(&mut detector);
    let phases: Vec<_> = lines.iter().map(|line| line.phase).collect();
    assert_eq!(phases.first(), Some(&Phase::Start));
    assert_eq!(phases.last(), Some(&Phase::End));
    assert!(lines.iter().all(|line| line.id == lines[0].id && line.direction == Direction::In));
    let end = lines.last().unwrap();
    assert_eq!(end.vectors[0].name.name(), "syn_flood");
    assert_eq!(end.target.addresses, ["192.0.2.10"]);
    assert!((4_500.0..5_500.0).contains(&end.packets_per_second.unwrap()), "{:?}", end.packets_per_second);
    assert!(lines[0].time.seconds_since(lines[0].onset) <= 0.5);
}

#[test]
fn ipv6_is_found_like_ipv4() {
    let mut detector = detector(&Limits::default());
    flood(&mut detector, "2001:db8::10", 5_000, 0, 2);
    detector.finish();
    let lines = floods(&mut detector);
    assert_eq!(lines[0].target.addresses, ["2001:db8::10"]);
    assert!(lines[0].evidence.ipv6);
}

#[test]
fn many_weak_targets_of_a_prefix_are_one_flood_of_the_prefix() {
    let mut detector = detector(&Limits::default());
    for number in 0..20_000_u32 {
        let target = format!("192.0.2.{}", 1 + number % 200);
        detector.observe(&syn(START + i64::from(number) * SECOND / 2_000, number, &target));
    }
    detector.finish();
    let lines = floods(&mut detector);
    assert!(lines.iter().all(|line| line.target.kind == TargetKind::Prefix), "{lines:#?}");
    assert_eq!(lines[0].target.name, "192.0.2.0/24");
    assert!(lines[0].evidence.carpet_bombing);
}

#[test]
fn the_same_records_give_the_same_events() {
    let run = || {
        let mut detector = detector(&Limits::default());
        flood(&mut detector, "192.0.2.10", 3_000, 0, 3);
        detector.finish();
        serde_json::to_string(&detector.take_events()).unwrap()
    };
    assert_eq!(run(), run());
}

#[test]
fn no_number_of_sources_or_targets_moves_a_limit() {
    let limits = Limits { targets: 64, conversations: 256, suspects: 4 };
    let mut detector = detector(&limits);
    for number in 0..200_000_u32 {
        let target = format!("10.{}.{}.{}", number % 7, number / 7 % 200, number % 250);
        detector.observe(&syn(START + i64::from(number) * 20_000, number, &target));
    }
    detector.finish();
    let counters = detector.counters();
    assert!(counters.targets <= 64 && counters.suspects <= 4);
    assert!(counters.targets_refused > 0, "what does not fit is counted: {counters:?}");
}

#[test]
fn late_records_are_counted_and_a_clock_that_was_set_back_is_believed_in_the_end() {
    let mut detector = detector(&Limits::default());
    detector.observe(&syn(START + 3_600 * SECOND, 1, "192.0.2.10"));
    flood(&mut detector, "192.0.2.10", 5_000, 0, 2);
    detector.finish();
    let counters = detector.counters();
    assert!((200..=300).contains(&counters.late), "{counters:?}");
    assert_eq!(counters.clock_resets, 1);
    assert_eq!(floods(&mut detector)[0].vectors[0].name.name(), "syn_flood");
}

/// Found by fuzzing: a suspect whose test had not moved was never dropped, and each empty step of a long silence
/// was closed one by one.
#[test]
fn a_long_silence_costs_no_time() {
    let begun = Instant::now();
    let mut detector = detector(&Limits::default());
    let mut record = syn(START, 1, "192.0.2.10");
    for _ in 0..100 {
        detector.observe(&record);
    }
    for years in 1..5 {
        record.time = Time::from_nanoseconds(START + years * 31_536_000 * SECOND);
        record.duration_nanoseconds = i64::MAX;
        record.packets = u64::MAX;
        record.flow_packets = u64::MAX;
        detector.observe(&record);
    }
    detector.finish();
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

/// Found by fuzzing: a target that is suspect when the clock is set back has no step any more.
#[test]
fn a_clock_that_is_set_back_in_a_flood_starts_again() {
    let mut detector = detector(&Limits::default());
    flood(&mut detector, "192.0.2.10", 5_000, 3_600, 3_602);
    flood(&mut detector, "192.0.2.10", 5_000, 0, 2);
    detector.finish();
    let starts = floods(&mut detector).iter().filter(|line| line.phase == Phase::Start).count();
    assert_eq!(starts, 2);
}

/// Found by fuzzing: times before 1970 and at the ends of the clock.
#[test]
fn times_at_the_ends_of_the_clock_are_only_times() {
    let mut detector = detector(&Limits::default());
    for time in [i64::MIN, -1, 0, i64::MAX] {
        for number in 0..3_000 {
            detector.observe(&syn(time, number, "192.0.2.10"));
        }
    }
    detector.finish();
    for line in floods(&mut detector) {
        assert!(line.onset <= line.time);
    }
}

/// Two floods, one step after the other, with records that are late, of the future, to groups, or answers.
fn mixture() -> Vec<Observation> {
    let mut records = Vec::new();
    for number in 0..60_000_u32 {
        let target = if number % 3 == 0 { "192.0.2.10" } else { "2001:db8::1" };
        let time = START + i64::from(number) * SECOND / 10_000;
        let mut record = syn(time, number, target);
        match number % 97 {
            0 => record.time = Time::from_nanoseconds(time - SECOND),
            1 => record.time = Time::from_nanoseconds(time - 5 * SECOND),
            2 => record.destination = address("224.0.0.5"),
            3..20 => {
                std::mem::swap(&mut record.source, &mut record.destination);
                std::mem::swap(&mut record.source_port, &mut record.destination_port);
                record.tcp_flags = TcpFlags(TcpFlags::SYN | TcpFlags::ACK);
            }
            20 => (record.sampling, record.packets) = (100, 100),
            _ => {}
        }
        records.push(record);
    }
    records
}

#[test]
fn records_that_were_prepared_elsewhere_count_the_same() {
    let one_by_one = {
        let mut detector = detector(&Limits::default());
        mixture().iter().for_each(|record| detector.observe(record));
        detector.finish();
        (detector.counters(), floods(&mut detector))
    };
    assert!(one_by_one.0.late > 100 && one_by_one.0.reordered > 100 && one_by_one.0.multicast > 100);
    assert!(one_by_one.1.len() >= 4, "{:#?}", one_by_one.1);
    for size in [1, 7, 512, 100_000] {
        let (mut detector, preparer) = (detector(&Limits::default()), Preparer::new(PUBLISHED_KEY));
        let mut batch = Batch::default();
        for records in mixture().chunks(size) {
            records.iter().for_each(|record| batch.push(&preparer, record));
            detector.observe_batch(&mut batch);
            assert!(batch.is_empty());
        }
        detector.finish();
        assert_eq!(detector.counters(), one_by_one.0, "in batches of {size}");
        let lines = |floods: &[FloodEvent]| {
            floods.iter().map(|flood| serde_json::to_string(flood).unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(lines(&floods(&mut detector)), lines(&one_by_one.1), "in batches of {size}");
    }
}

/// A host whose datagrams are refused everywhere: that it asked stands in the quotes alone.
#[test]
fn a_quote_is_not_lost_on_the_way_through_a_batch() {
    let host = address("192.0.2.77");
    let pairs: Vec<(Observation, Observation, Quoted)> = (0..20_000_u32)
        .map(|number| {
            let time = Time::from_nanoseconds(START + i64::from(number) * SECOND / 5_000);
            let [_, _, high, low] = number.to_be_bytes();
            let peer = address(&format!("203.{}.{high}.{low}", number % 7));
            let (source_port, destination_port) = (40_000 + (number % 500) as u16, 33_434);
            let base = Observation {
                time,
                last: time,
                packets: 1,
                bytes: 60,
                sampling: 1,
                ..Observation::default()
            };
            let sent = Observation {
                source: host,
                destination: peer,
                protocol: 17,
                first_protocol: 17,
                source_port,
                destination_port,
                ..base
            };
            let error = Observation {
                source: peer,
                destination: host,
                protocol: 1,
                first_protocol: 1,
                icmp_type: 3,
                ..base
            };
            let quoted =
                Quoted { source: host, destination: peer, protocol: 17, source_port, destination_port };
            (sent, error, quoted)
        })
        .collect();
    let mut one_by_one = detector(&Limits::default());
    let (mut with, mut without) = (detector(&Limits::default()), detector(&Limits::default()));
    let preparer = Preparer::new(PUBLISHED_KEY);
    let (mut batch, mut bare) = (Batch::default(), Batch::default());
    for pairs in pairs.chunks(700) {
        for (sent, error, quoted) in pairs {
            one_by_one.observe(sent);
            one_by_one.observe_error(error, quoted);
            batch.push(&preparer, sent);
            batch.push_error(&preparer, error, quoted);
            bare.push(&preparer, sent);
            bare.push(&preparer, error);
        }
        with.observe_batch(&mut batch);
        without.observe_batch(&mut bare);
    }
    [&mut one_by_one, &mut with, &mut without].into_iter().for_each(Detector::finish);
    assert_eq!(with.counters(), one_by_one.counters());
    assert!(floods(&mut one_by_one).is_empty() && floods(&mut with).is_empty());
    assert!(!floods(&mut without).is_empty(), "without the quotes it looks like a flood");
}

/// Found by `lab latency --rate 1000000`: where many addresses are suspect, a carpet over others was not looked at.
#[test]
fn a_carpet_is_found_though_as_many_addresses_are_suspect_as_may_be() {
    let mut detector = detector(&Limits { suspects: 32, ..Limits::default() });
    for number in 0..200_000_u32 {
        let time = START + i64::from(number) * SECOND / 20_000;
        // Two hundred addresses get a hundred a second each, all the time.
        let [_, _, high, low] = (number % 200 * 256).to_be_bytes();
        detector.observe(&syn(time, number, &format!("198.51.{high}.{low}")));
        if number > 100_000 && number % 2 == 0 {
            detector.observe(&syn(time, number, &format!("192.0.2.{}", number / 2 % 200)));
        }
    }
    assert!(detector.counters().suspects_refused > 0);
    let found = floods(&mut detector);
    assert!(found.iter().any(|flood| flood.target.kind == TargetKind::Prefix), "{found:#?}");
}

/// A host sends to others unasked and answers them at once: whether what is asked for is counted there depends on what
/// was counted together.
#[test]
fn what_goes_to_others_is_counted_alike_in_batches_of_any_size() {
    const INSTITUTION: &str = "[institution]\nname = \"Test\"\ntime_zone = \"UTC\"\n\
        [zone.public]\nprefixes = [\"192.0.2.0/24\"]\nexposure = \"internet\"\n";
    let play = |size: Option<usize>| {
        let institution = institution::parse("test.toml", INSTITUTION).unwrap();
        let scope = Scope::of(institution, KeyedState::new(PUBLISHED_KEY));
        let mut detector = Detector::new(scope, &Limits::default(), PUBLISHED_KEY);
        let (preparer, mut batch) = (Preparer::new(PUBLISHED_KEY), Batch::default());
        for number in 0..3_000_u32 {
            let asks = syn(START + i64::from(number) * SECOND / 5_000, number, "192.0.2.10");
            let (source, destination) = (asks.destination, asks.source);
            let answers = Observation {
                source,
                destination,
                source_port: asks.destination_port,
                destination_port: asks.source_port,
                tcp_flags: TcpFlags(TcpFlags::SYN | TcpFlags::ACK),
                ..asks
            };
            let unasked = Observation { source_port: 9, destination_port: 9, protocol: 17, ..answers };
            for record in [asks, unasked, answers] {
                if size.is_some() {
                    batch.push(&preparer, &record);
                } else {
                    detector.observe(&record);
                }
                if size.is_some_and(|size| batch.len() >= size) {
                    detector.observe_batch(&mut batch);
                }
            }
        }
        detector.observe_batch(&mut batch);
        detector.finish();
        detector.counters()
    };
    let one_by_one = play(None);
    assert!(one_by_one.outside_wanted > 1_000, "{one_by_one:?}");
    for size in [1, 7, 33, 100_000] {
        assert_eq!(play(Some(size)), one_by_one, "in batches of {size}");
    }
}
