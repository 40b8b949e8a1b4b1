//! Any state file: refused, or read as entries that are written and read again as they are, that a detector takes
//! back, and that let it find and learn as if they had been its own. What a file says of some targets changes nothing
//! for one that it does not name.
#![no_main]

use std::collections::BTreeMap;
use std::io::Write;
use std::net::IpAddr;
use std::sync::LazyLock;

use baseline::{Baseline, Saved, SavedWeek};
use cpu_time::ThreadTime;
use detect::event::TargetKind;
use detect::{Detector, Event, FloodEvent, Learning, Learnt, LearntTarget, Limits};
use detect::{Observation, Phase, Scope, Usually, Vector};
use flate2::Compression;
use flate2::write::GzEncoder;
use hemicycle::baselines::{Entry, State, merged, timestamp, write};
use institution::Institution;
use sketch::KeyedState;
use wire::{Address, Payload, Role, Service, TcpFlags, Time};

const KEY: [u8; 16] = *b"fuzz of learnt!!";
const INSTITUTION: &str = r#"
[institution]
name = "Fuzz"
[zone.public]
prefixes = ["192.0.2.0/24", "2001:db8::/32"]
exposure = "internet"
[zone.other]
prefixes = ["198.51.100.0/24"]
exposure = "internet"
[service.web]
zone = "public"
addresses = ["192.0.2.1", "192.0.2.2"]
"#;
/// An address of the second zone, flooded in every run.
const BYSTANDER: [u8; 4] = [198, 51, 100, 7];
const HEADER: &str =
    "{\"format\":\"hemicycle-baselines\",\"version\":1,\"written\":\"2026-11-22T12:00:00Z\"}\n";
const NOW_SECONDS: i64 = 1_795_348_800;
/// Bytes of one entry that is made of bytes and not read as text.
const MADE_BYTES: usize = 48;
/// Entries whose targets get traffic; more are read and recalled all the same.
const BUSY_MAXIMUM: usize = 4;
/// Fewer targets than share the budget of false alarms at least, so that their number changes no threshold.
const FEW_TARGETS: usize = 8;
const STEPS_A_SECOND: i64 = 10;
/// Longest time for one input, with the sanitizer's slowness in it.
const WORST_SECONDS: f64 = 4.0;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((&first, rest)) = data.split_first() else { return };
    let started = ThreadTime::now();
    // As it is on the disk; its text; its lines without the first; or entries made of bytes.
    let state = match first {
        0x1f => State::read(data),
        b'{' => State::read(&*packed(data)),
        b'\n' => State::read(&*packed(&[HEADER.as_bytes(), rest].concat())),
        _ => State::read(&*packed(&made(rest))),
    };
    if let Ok(state) = state {
        try_state(&state, &Course::of(first, rest));
    }
    assert!(started.elapsed().as_secs_f64() < WORST_SECONDS, "{:?}", started.elapsed());
});

/// What a file says that was read.
fn try_state(state: &State, course: &Course) {
    let entries: Vec<&Entry> = state.entries.values().collect();
    survives(&state.entries);
    let now = Time::from_seconds(NOW_SECONDS, 0);
    let (mut one, mut twin) = (detector(), detector());
    let recalled = state.recall(&mut one, now, None);
    assert_eq!(recalled.targets + recalled.not_watched, entries.len() as u64);
    // Taken back twice is once; by another detector it is the same.
    for entry in &entries {
        assert!(twin.recall(&entry.learnt, 0).is_ok(), "{entry:?}");
    }
    state.recall(&mut twin, now, None);
    let busy = busy(&entries);
    let found = course.run(&mut one, &busy, NOW_SECONDS);
    let again = course.run(&mut twin, &busy, NOW_SECONDS);
    assert_eq!(told(&found), told(&again), "one file, one result");
    if entries.len() <= FEW_TARGETS && entries.iter().all(|entry| !names_bystander(&entry.learnt.target)) {
        let mut fresh = detector();
        let without = course.run(&mut fresh, &busy, NOW_SECONDS);
        let (with, without) = (of_bystander(&found), of_bystander(&without));
        assert_eq!(with, without, "the file says nothing of the bystander");
        assert!(!with.is_empty(), "a flood of a bystander is found");
    }
    second_generation(&one, &twin, &entries, course, &busy);
}

/// What a detector learnt that began with the file is as good as what was in the file.
fn second_generation(one: &Detector, twin: &Detector, before: &[&Entry], course: &Course, busy: &[Address]) {
    let end = NOW_SECONDS + 1 + course.seconds();
    let at = timestamp(Time::from_seconds(end, 0));
    let learnt: Vec<Learnt> = one.learnt().collect();
    assert_eq!(learnt, twin.learnt().collect::<Vec<_>>(), "one file, one result");
    let fresh: BTreeMap<LearntTarget, Entry> =
        learnt.iter().map(|learnt| (learnt.target.clone(), Entry { at, learnt: learnt.clone() })).collect();
    assert_eq!(fresh.len(), learnt.len(), "each target once");
    let read = survives(&fresh);
    let (mut direct, mut through_file) = (detector(), detector());
    for learnt in fresh.values().map(|entry| &entry.learnt) {
        assert_eq!(direct.recall(learnt, 0), Ok(true), "{learnt:?}");
    }
    let recalled = read.recall(&mut through_file, Time::from_seconds(end, 0), None);
    assert_eq!((recalled.targets, recalled.not_watched), (learnt.len() as u64, 0));
    let (found, again) = (course.run(&mut direct, busy, end), course.run(&mut through_file, busy, end));
    assert_eq!(told(&found), told(&again), "a file is as good as memory");
    let (last, through) = (direct.learnt().collect::<Vec<_>>(), through_file.learnt().collect::<Vec<_>>());
    assert_eq!(last, through, "a file is as good as memory");
    let joined = before.iter().filter_map(|entry| {
        let later = fresh.get(&entry.learnt.target)?;
        let both = merged(entry, later).expect("both are baselines");
        assert_eq!(both.at, entry.at.max(later.at));
        Some((entry.learnt.target.clone(), both))
    });
    survives(&joined.collect());
}

/// Entries are written and read as they are, all of them.
fn survives(entries: &BTreeMap<LearntTarget, Entry>) -> State {
    for entry in entries.values() {
        check(&entry.learnt);
    }
    let written = timestamp(Time::from_seconds(NOW_SECONDS, 0));
    let file = write(Vec::new(), entries.values(), written).expect("memory takes all");
    let read = State::read(&*file).expect("what was written is read");
    assert_eq!((read.skipped_lines, read.written), (0, Some(written)), "{:?}", read.first_skipped);
    assert_eq!(&read.entries, entries);
    read
}

fn check(learnt: &Learnt) {
    let restored = Baseline::restore(&learnt.level, 0).expect("it is a baseline");
    let Saved { fast, slow, excess, tolerance, .. } = restored.save();
    assert!(fast >= 0.0 && slow >= 0.0 && (1.0..=16.0).contains(&tolerance), "{learnt:?}");
    let numbers = excess.into_iter().chain([fast, slow, tolerance, learnt.level.fast, learnt.level.slow]);
    assert!(numbers.chain(learnt.level.excess).all(f32::is_finite), "{learnt:?}");
    assert_eq!(restored.save().week, learnt.level.week);
    for usual in &learnt.usual {
        assert!(usual.packets_per_second.is_finite(), "{learnt:?}");
    }
}

fn detector() -> Detector {
    static PARSED: LazyLock<Institution> =
        LazyLock::new(|| institution::parse("fuzz.toml", INSTITUTION).expect("a good file"));
    let limits = Limits { targets: 64, conversations: 1_024, suspects: 32 };
    let mut detector = Detector::new(Scope::of(PARSED.clone(), KeyedState::new(KEY)), &limits, KEY);
    detector.learn(Learning::default());
    detector
}

/// Addresses that the file speaks of and that get traffic, without the bystander.
fn busy(entries: &[&Entry]) -> Vec<Address> {
    let addresses = entries.iter().filter_map(|entry| match entry.learnt.target {
        LearntTarget::Address(address) => Some(Address::from(address)),
        LearntTarget::Wider { .. } => None,
    });
    let mut busy: Vec<Address> = addresses.take(BUSY_MAXIMUM).collect();
    // The service is always asked.
    busy.push(Address::from_ipv4([192, 0, 2, 1]));
    busy.sort_unstable_by_key(|address| address.bits());
    busy.dedup();
    busy.retain(|address| !matches!(address.to_ip(), IpAddr::V4(ip) if ip.octets()[..3] == BYSTANDER[..3]));
    busy
}

fn names_bystander(target: &LearntTarget) -> bool {
    match target {
        LearntTarget::Address(address) => {
            matches!(Address::from(*address).to_ip(), IpAddr::V4(ip) if ip.octets()[..3] == BYSTANDER[..3])
        }
        LearntTarget::Wider { name, .. } => name.starts_with("198."),
    }
}

/// What comes: some seconds of ordinary traffic, one of ten times as much, one of ordinary traffic.
struct Course {
    ordinary_seconds: i64,
    packets_per_step: u64,
    sampling: u32,
    is_unwanted: bool,
}

impl Course {
    fn of(first: u8, rest: &[u8]) -> Self {
        let last = rest.last().copied().unwrap_or(first);
        Self {
            // Long enough to learn anew what is too old to be believed at once, in few inputs.
            ordinary_seconds: if last % 32 == 7 { 65 } else { 2 },
            packets_per_step: 1 << (last / 8 % 16),
            sampling: if last & 64 != 0 { 1_000 } else { 1 },
            is_unwanted: last & 128 != 0,
        }
    }

    const fn seconds(&self) -> i64 {
        self.ordinary_seconds + 2
    }

    fn run(&self, detector: &mut Detector, busy: &[Address], from_seconds: i64) -> Vec<FloodEvent> {
        let bystander = Address::from_ipv4(BYSTANDER);
        for step in 0..self.seconds() * STEPS_A_SECOND {
            let time =
                Time::from_nanoseconds(from_seconds * 1_000_000_000 + step * detect::STEP_NANOSECONDS + 1);
            let is_flood = (0..STEPS_A_SECOND).contains(&(step - self.ordinary_seconds * STEPS_A_SECOND));
            let times = if is_flood { 10 } else { 1 };
            for &target in busy {
                let packets = self.packets_per_step * u64::from(self.sampling) * times;
                let record = record(time, step, target, packets, self.is_unwanted);
                detector.observe(&Observation { sampling: self.sampling, ..record });
                if !self.is_unwanted {
                    detector.observe(&answer(&record));
                }
            }
            let packets = if is_flood { 20_000 } else { 2 };
            detector.observe(&record(time, step, bystander, packets, true));
        }
        detector.finish();
        let found = detector.take_events().into_iter().map(Event::into_flood);
        let found: Vec<FloodEvent> = found.collect();
        check_events(&found);
        found
    }
}

/// Unwanted: an answer of a name server that was not asked. Otherwise a segment of one of some connections.
fn record(time: Time, step: i64, target: Address, packets: u64, is_unwanted: bool) -> Observation {
    let [.., low] = step.to_be_bytes();
    Observation {
        time,
        last: time,
        source: Address::from_ipv4([203, 0, 113, if is_unwanted { low } else { low % 4 }]),
        destination: target,
        protocol: if is_unwanted { 17 } else { 6 },
        first_protocol: if is_unwanted { 17 } else { 6 },
        source_port: if is_unwanted { 53 } else { 40_000 },
        destination_port: if is_unwanted { 4_444 } else { 443 },
        tcp_flags: TcpFlags(if is_unwanted { 0 } else { 0x18 }),
        packets,
        bytes: packets * 500,
        sampling: 1,
        payload_kind: if is_unwanted {
            Payload { service: Service::Dns, role: Role::Response }
        } else {
            Payload::default()
        },
        carries_payload: true,
        ..Observation::default()
    }
}

fn answer(record: &Observation) -> Observation {
    Observation {
        source: record.destination,
        destination: record.source,
        source_port: record.destination_port,
        destination_port: record.source_port,
        ..*record
    }
}

fn check_events(events: &[FloodEvent]) {
    let mut alive = BTreeMap::new();
    for flood in events {
        match flood.phase {
            Phase::Start => assert!(alive.insert(&flood.id, ()).is_none(), "two floods with one id"),
            Phase::Update => assert!(alive.contains_key(&flood.id), "an update of nothing"),
            Phase::End => assert!(alive.remove(&flood.id).is_some(), "an end of nothing"),
        }
        assert!((0.5..=0.99).contains(&flood.confidence), "{flood:?}");
        assert!(flood.packets_per_second.is_some_and(|rate| rate.is_finite() && rate >= 0.0), "{flood:?}");
        assert!(flood.baseline_packets_per_second.is_none_or(f64::is_finite), "{flood:?}");
        assert!(flood.evidence.excess_ratio.is_finite() && flood.onset <= flood.time, "{flood:?}");
    }
    assert!(alive.is_empty(), "every flood ends: {alive:?}");
}

/// Events as who reads them gets them.
fn told(events: &[FloodEvent]) -> Vec<String> {
    events.iter().map(|flood| serde_json::to_string(flood).expect("an event is text")).collect()
}

/// What is said of the bystander, but for the others that are flooded at the same time: those the file may speak of.
fn of_bystander(events: &[FloodEvent]) -> Vec<String> {
    let bystander = Address::from_ipv4(BYSTANDER).to_ip().to_string();
    let its = events.iter().filter(|flood| flood.target.name == bystander).cloned();
    let alone = its.map(|mut flood| {
        flood.evidence.campaign = None;
        flood
    });
    told(&alone.collect::<Vec<_>>())
}

fn packed(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::none());
    encoder.write_all(text).expect("memory takes all");
    encoder.finish().expect("memory takes all")
}

/// The text of a file with entries whose numbers are the bytes: inputs of few bytes reach every number.
fn made(bytes: &[u8]) -> Vec<u8> {
    let mut text = HEADER.as_bytes().to_vec();
    for bytes in bytes.chunks_exact(MADE_BYTES) {
        serde_json::to_writer(&mut text, &entry(bytes)).expect("memory takes all");
        text.push(b'\n');
    }
    text
}

fn entry(bytes: &[u8]) -> Entry {
    let word = |at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let float = |at: usize| match bytes[at] {
        // Ends of what is allowed and of what a float holds.
        0xff => [0.0, -0.0, f32::MIN_POSITIVE, 1e-45, 1.0, 16.0, 1e6, -1e6, 1e12, f32::MAX]
            [usize::from(bytes[at + 1]) % 10],
        0xfe => f32::from(bytes[at + 1]),
        _ => f32::from_bits(word(at)),
    };
    let target = match bytes[0] % 8 {
        0 | 1 => LearntTarget::Address([192, 0, 2, bytes[1] % 4].into()),
        2 => LearntTarget::Address([0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(bytes[1] % 4)].into()),
        3 => LearntTarget::Address([0, 0, 0, 0, 0, 0xffff, 0xc000, 0x200 + u16::from(bytes[1] % 4)].into()),
        4 => LearntTarget::Address([bytes[1], bytes[2], 100, 7].into()),
        5 => LearntTarget::Wider { kind: TargetKind::Service, name: "web".to_owned() },
        6 => LearntTarget::Wider { kind: TargetKind::Prefix, name: "192.0.2.0/24".to_owned() },
        _ => LearntTarget::Wider { kind: TargetKind::Prefix, name: "198.51.100.0/24".to_owned() },
    };
    let week = match bytes[3] % 4 {
        0 | 1 => None,
        2 => Some(168),
        _ => Some(usize::from(bytes[4])),
    };
    let cells = |hours: usize| (0..hours).map(|hour| bytes[4].wrapping_mul(hour as u8 | 1)).collect();
    let usual = (0..usize::from(bytes[5] % 4)).map(|kind| Usually {
        vector: Vector::of_packets()[usize::from(bytes[6 + kind % 2]) % Vector::of_packets().len()]
            .name()
            .to_owned(),
        packets_per_second: float(8 + 4 * (kind % 2)),
    });
    let level = Saved {
        version: 1,
        fast: float(16),
        slow: float(20),
        excess: [24, 28, 32, 36].map(float),
        tolerance: if bytes[40] < 128 { 1.0 + f32::from(bytes[40] % 16) } else { float(40) },
        age_seconds: word(40) >> (bytes[2] % 32),
        week: week
            .map(|hours| SavedWeek { hours: u16::from_be_bytes([bytes[44], bytes[4]]), cells: cells(hours) }),
    };
    // From the far past to the far future, mostly a little while ago.
    let ago = i64::from(bytes[45]) << (bytes[46] % 32);
    let ago = if bytes[47] % 8 == 0 { -ago } else { ago };
    let at = timestamp(Time::from_seconds(NOW_SECONDS.saturating_sub(ago), 0));
    let sampling = if bytes[7] < 128 { 1 } else { word(44) };
    Entry { at, learnt: Learnt { target, sampling, level, usual: usual.collect() } }
}
