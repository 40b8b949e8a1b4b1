//! Any order of records, times and addresses, with limits so small that every table overflows: no panic, and
//! every event keeps the contract.
#![no_main]

use std::collections::BTreeMap;

use cpu_time::ThreadTime;
use detect::{Detector, Event, Learning, Limits, Observation, Phase, Scope};
use sketch::KeyedState;
use wire::{Address, Fragment, Payload, Role, Service, TcpFlags, Time};

const RECORD_BYTES: usize = 12;
/// No input is larger: what is to be found needs few records, and time is bounded per record.
const RECORDS_MAXIMUM: usize = 4_096;
/// Worst time of one record with the 300 empty steps that it can close, times ten for the sanitizer.
const WORST_SECONDS_PER_RECORD: f64 = 0.02;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let key = *b"fuzz of detector";
    let limits = Limits { targets: 8, conversations: 32, suspects: 3 };
    let mut detector = Detector::new(Scope::everything(KeyedState::new(key)), &limits, key);
    // Half of the inputs with a detector that learns, which has tables and a way to floods of its own.
    let learns = data.first().is_some_and(|byte| byte % 2 == 1);
    if learns {
        detector.learn(Learning::default());
    }
    let mut now: i64 = 1_000_000_000_000;
    let mut alive = BTreeMap::new();
    let started = ThreadTime::now();
    let records = data.len().min(RECORDS_MAXIMUM * RECORD_BYTES) / RECORD_BYTES;
    for bytes in data.chunks_exact(RECORD_BYTES).take(RECORDS_MAXIMUM) {
        now = move_time(now, bytes[0]);
        let record = record(now, bytes);
        // Repeated, so that short inputs can make floods.
        for _ in 0..=(bytes[1] % 64) {
            detector.observe(&record);
        }
        check(&detector.take_events(), &mut alive);
        // Another institution file in the middle: floods go on or end, none is left behind.
        if learns && bytes[0] == 77 {
            detector.replace_scope(Scope::everything(KeyedState::new(key)));
            check(&detector.take_events(), &mut alive);
        }
    }
    detector.finish();
    check(&detector.take_events(), &mut alive);
    assert!(alive.is_empty(), "every flood ends: {alive:?}");
    assert!(detector.counters().targets <= 8);
    recall(&detector, &limits, key);
    let limit = 0.5 + WORST_SECONDS_PER_RECORD * records as f64;
    assert!(started.elapsed().as_secs_f64() < limit, "{records} records took {:?}", started.elapsed());
});

/// What was learnt can be taken back by another detector.
fn recall(detector: &Detector, limits: &Limits, key: [u8; 16]) {
    let mut other = Detector::new(Scope::everything(KeyedState::new(key)), limits, key);
    other.learn(Learning::default());
    for learnt in detector.learnt() {
        assert!(other.recall(&learnt, 3_600).is_ok(), "{learnt:?}");
    }
}

fn move_time(now: i64, byte: u8) -> i64 {
    match byte {
        0..=99 => now.saturating_add(i64::from(byte) * 1_000_000),
        100..=199 => now.saturating_add(i64::from(byte - 99) * 50_000_000),
        200..=229 => now.saturating_add(i64::from(byte) * 3_600_000_000_000),
        230..=249 => now.saturating_sub(i64::from(byte) * 100_000_000),
        250..=253 => now.saturating_sub(i64::from(byte) * 3_600_000_000_000),
        254 => i64::MAX,
        255 => i64::MIN,
    }
}

fn record(now: i64, bytes: &[u8]) -> Observation {
    let address = |byte: u8| match byte % 3 {
        0 => Address::from_ipv4([192, 0, 2, byte]),
        1 => Address::from_ipv4([198, 51, byte, byte]),
        _ => Address::from_ipv6([0x20, 1, 0xd, 0xb8, 0, 0, 0, byte % 5, 0, 0, 0, 0, 0, 0, 0, byte]),
    };
    let protocols = [6, 17, 1, 58, 47, 50, 99, 136];
    let services = [Service::Unknown, Service::Dns, Service::Ntp, Service::Ssdp, Service::Quic, Service::Ike];
    let roles = [Role::Unknown, Role::Request, Role::Response];
    let sampling = if bytes[9] > 250 { u32::from(bytes[9]) << (bytes[10] % 24) } else { 1 };
    let packets = if bytes[10] > 200 { 1 << (bytes[11] % 64) } else { 1 };
    Observation {
        time: Time::from_nanoseconds(now),
        last: Time::from_nanoseconds(now),
        duration_nanoseconds: if bytes[11] > 200 { i64::from(bytes[11]) << (bytes[10] % 50) } else { 0 },
        source: address(bytes[2]),
        destination: address(bytes[3]),
        protocol: protocols[usize::from(bytes[4] % 8)],
        first_protocol: if bytes[4] > 240 { 51 } else { protocols[usize::from(bytes[4] % 8)] },
        source_port: u16::from(bytes[5]),
        destination_port: u16::from(bytes[6]),
        tcp_flags: TcpFlags(bytes[7]),
        icmp_type: bytes[7],
        fragment: [Fragment::None, Fragment::None, Fragment::First, Fragment::Later]
            [usize::from(bytes[8] % 4)],
        packets,
        bytes: packets.saturating_mul(u64::from(bytes[8]) * 6),
        sampling,
        flow_packets: if bytes[10] > 200 { packets } else { 0 },
        payload_kind: Payload {
            service: services[usize::from(bytes[8]) % services.len()],
            role: roles[usize::from(bytes[9]) % roles.len()],
        },
        carries_payload: bytes[9].is_multiple_of(2),
        query_name: u64::from(bytes[10]),
        ..Observation::default()
    }
}

fn check(events: &[Event], alive: &mut BTreeMap<String, f64>) {
    for event in events {
        let flood = event.line();
        match flood.phase {
            Phase::Start => {
                assert!(alive.insert(flood.id.clone(), 0.0).is_none(), "two floods with one id");
            }
            Phase::Update => assert!(alive.contains_key(&flood.id), "an update of nothing"),
            Phase::End => assert!(alive.remove(&flood.id).is_some(), "an end of nothing"),
        }
        let shares: f64 = flood.vectors.iter().map(|vector| vector.share).sum();
        assert!(!flood.vectors.is_empty() && shares <= 1.01, "{:?}", flood.vectors);
        assert!((0.5..=0.99).contains(&flood.confidence), "{}", flood.confidence);
        assert!(flood.packets_per_second.is_some_and(|rate| rate.is_finite() && rate >= 0.0));
        assert!(flood.bits_per_second.is_some_and(|rate| rate.is_finite() && rate >= 0.0));
        assert!(flood.onset <= flood.time, "{:?} {:?}", flood.onset, flood.time);
    }
}
