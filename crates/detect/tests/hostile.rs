//! Any records, in any order of time, with a detector that learns and tables so small that each overflows: no panic,
//! every flood that starts ends once, and what was learnt can be recalled.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;

use detect::{Detector, Event, Learning, Limits, Observation, Phase, Scope};
use proptest::prelude::*;
use sketch::{KeyedState, PUBLISHED_KEY};
use wire::{Address, TcpFlags, Time};

const FILES: [&str; 2] = [
    "[institution]\nname = \"A\"\ntime_zone = \"UTC\"\n[zone.a]\nprefixes = [\"192.0.2.0/28\"]\nexposure = \"internet\"\n",
    "[institution]\nname = \"B\"\ntime_zone = \"UTC\"\n[zone.b]\nprefixes = [\"198.51.100.0/28\"]\nexposure = \"internet\"\n[zone.a]\nprefixes = [\"192.0.2.0/29\"]\nexposure = \"internet\"\n",
];

fn scope(file: usize) -> Scope {
    Scope::of(institution::parse("test.toml", FILES[file]).unwrap(), KeyedState::new(PUBLISHED_KEY))
}

type Draw = (i64, u8, u8, u8, u64, i64, u8);

fn record(now: i64, (_, host, protocol, flags, packets, duration, port): Draw) -> Observation {
    let network = if host & 64 == 0 { [192, 0, 2] } else { [198, 51, 100] };
    let address = |last: u8| Address::from_ipv4([network[0], network[1], network[2], last % 20]);
    let protocol = [6, 17, 1, 47][usize::from(protocol % 4)];
    Observation {
        time: Time::from_nanoseconds(now),
        last: Time::from_nanoseconds(now),
        duration_nanoseconds: duration,
        source: if host & 128 == 0 { Address::from_ipv4([203, 0, 113, port]) } else { address(port) },
        destination: address(host & 63),
        protocol,
        first_protocol: protocol,
        source_port: u16::from(port) + 1,
        destination_port: u16::from(flags) + 1,
        tcp_flags: TcpFlags(flags),
        packets,
        bytes: packets.saturating_mul(100),
        sampling: if flags & 1 == 0 { 1 } else { 1_000 },
        flow_packets: u64::from(duration > 0),
        ..Observation::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn nothing_breaks_a_detector_that_learns(draws in proptest::collection::vec(
        (
            prop_oneof![9 => 0_i64..200_000_000, 1 => -90_000_000_000_i64..90_000_000_000, 1 => Just(i64::MAX)],
            any::<u8>(), any::<u8>(), any::<u8>(),
            prop_oneof![6 => 1_u64..1_000_000, 1 => Just(u64::MAX)],
            prop_oneof![4 => Just(0_i64), 2 => 0_i64..90_000_000_000, 1 => Just(i64::MAX)],
            any::<u8>(),
        ),
        0..600,
    )) {
        let limits = Limits { targets: 12, conversations: 64, suspects: 3 };
        let mut detector = Detector::new(scope(0), &limits, PUBLISHED_KEY);
        detector.learn(Learning::default());
        let (mut now, mut alive) = (1_780_000_000_000_000_000_i64, BTreeSet::new());
        for (number, draw) in draws.into_iter().enumerate() {
            now = if draw.0 == i64::MAX { now } else { now.saturating_add(draw.0) };
            let record = record(now, draw);
            for _ in 0..=draw.1 % 16 {
                detector.observe(&record);
            }
            if number % 97 == 96 {
                detector.replace_scope(scope(number % 2));
            }
            if number % 150 == 149 {
                detector.note_loss();
            }
        }
        detector.finish();
        for flood in detector.take_events().into_iter().map(Event::into_flood) {
            match flood.phase {
                Phase::Start => prop_assert!(alive.insert(flood.id.clone()), "started twice: {}", flood.id),
                Phase::Update => prop_assert!(alive.contains(&flood.id)),
                Phase::End => prop_assert!(alive.remove(&flood.id), "ended, never started: {}", flood.id),
            }
            prop_assert!(flood.packets_per_second.is_some_and(f64::is_finite) && (0.5..=0.99).contains(&flood.confidence));
        }
        prop_assert!(alive.is_empty(), "every flood ends: {alive:?}");
        prop_assert!(detector.counters().targets <= 12);
        let mut other = Detector::new(scope(1), &limits, PUBLISHED_KEY);
        other.learn(Learning::default());
        for learnt in detector.learnt() {
            prop_assert!(other.recall(&learnt, 3_600).is_ok());
        }
    }
}
