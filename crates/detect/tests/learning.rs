//! More than is ordinary is a flood; what was always there is none. Traffic is made with fixed seeds.
#![expect(clippy::unwrap_used, reason = "tests")]

use detect::{
    Detector, Event, Learning, Limits, Observation, Phase, Scope, Vector, event::FloodEvent,
    event::TargetKind,
};
use sketch::{KeyedState, PUBLISHED_KEY};
use wire::{Address, TcpFlags, Time};

const START: i64 = 1_780_000_000_000_000_000;
const SECOND: i64 = 1_000_000_000;
const STEP: i64 = SECOND / 10;

const INSTITUTION: &str = r#"
[institution]
name = "Learning"
time_zone = "UTC"
[zone.public]
prefixes = ["192.0.2.0/24", "2001:db8:1::/48"]
exposure = "internet"
"#;

/// Numbers that look random (Marsaglia 2003, xorshift64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn poisson(&mut self, mean: f64) -> u64 {
        if mean > 50.0 {
            let sum: f64 = (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0;
            return (mean + sum * mean.sqrt()).round().max(0.0) as u64;
        }
        let limit = (-mean).exp();
        let (mut count, mut product) = (0, self.uniform());
        while product > limit {
            count += 1;
            product *= self.uniform();
        }
        count
    }
}

/// Rates that wander around 1 with a deviation of 0.2 and a memory of some steps.
struct Wander(f64);

impl Wander {
    fn next(&mut self, numbers: &mut Numbers) -> f64 {
        let gauss: f64 = (0..12).map(|_| numbers.uniform()).sum::<f64>() - 6.0;
        self.0 = 0.5 * self.0 + 0.2 * 0.75_f64.sqrt() * gauss;
        (self.0 - 0.02).exp()
    }
}

fn scope(text: &str) -> Scope {
    Scope::of(institution::parse("test.toml", text).unwrap(), KeyedState::new(PUBLISHED_KEY))
}

fn detector() -> Detector {
    let mut detector = Detector::new(scope(INSTITUTION), &Limits::default(), PUBLISHED_KEY);
    detector.learn(Learning::default());
    detector
}

/// A sampled packet of a client that goes on with its connection, or of UDP that nobody answers.
fn sample(time: i64, numbers: &mut Numbers, target: [u8; 4], protocol: u8, sampling: u32) -> Observation {
    let from = numbers.next();
    Observation {
        time: Time::from_nanoseconds(time),
        last: Time::from_nanoseconds(time),
        source: Address::from_ipv4([198, 18, from as u8 & 3, (from >> 8) as u8]),
        destination: Address::from_ipv4(target),
        protocol,
        first_protocol: protocol,
        source_port: (from >> 16) as u16 | 1024,
        destination_port: 443,
        tcp_flags: TcpFlags(if protocol == 6 { 0x18 } else { 0 }),
        packets: u64::from(sampling),
        bytes: 500 * u64::from(sampling),
        sampling,
        ..Observation::default()
    }
}

/// Samples to `hosts` addresses for some seconds at a rate of all of them together.
fn play(
    detector: &mut Detector,
    numbers: &mut Numbers,
    (from, to): (f64, f64),
    samples_per_second: f64,
    hosts: u64,
    (protocol, sampling): (u8, u32),
) {
    let mut wander = Wander(0.0);
    for step in (from * 10.0) as i64..(to * 10.0) as i64 {
        let rate = samples_per_second / 10.0 * wander.next(numbers);
        let count = numbers.poisson(rate);
        let mut times: Vec<_> = (0..count).map(|_| (numbers.uniform() * STEP as f64) as i64).collect();
        times.sort_unstable();
        for time in times {
            let host = 1 + (numbers.next() % hosts) as u8;
            let record = sample(START + step * STEP + time, numbers, [192, 0, 2, host], protocol, sampling);
            detector.observe(&record);
        }
    }
}

fn starts(detector: &mut Detector) -> Vec<FloodEvent> {
    let floods = detector.take_events().into_iter().map(Event::into_flood);
    floods.filter(|flood| flood.phase == Phase::Start).collect()
}

/// Seconds from the step at 120 s to the first flood, and the flood.
fn delay(k: f64, rate: f64, hosts: u64, protocol: u8, seed: u64) -> (Option<f64>, Option<FloodEvent>) {
    let (mut detector, mut numbers) = (detector(), Numbers(seed));
    let kind = (protocol, 1_000);
    play(&mut detector, &mut numbers, (0.0, 120.0), rate, hosts, kind);
    let before = starts(&mut detector);
    assert!(before.is_empty(), "seed {seed}: ordinary traffic is no flood: {before:#?}");
    play(&mut detector, &mut numbers, (120.0, 150.0), k * rate, hosts, kind);
    detector.finish();
    let first = starts(&mut detector).into_iter().next();
    let seconds = first.as_ref().map(|flood| (flood.time.nanoseconds() - START) as f64 / 1e9 - 120.0);
    (seconds, first)
}

#[test]
fn ten_times_the_level_alarms_at_once_and_twice_soon() {
    for protocol in [6, 17] {
        for seed in 1..6 {
            let (ten, flood) = delay(10.0, 100.0, 1, protocol, seed);
            println!("{protocol} {seed}: 10x {ten:?}");
            assert!(ten.is_some_and(|seconds| seconds <= 0.5), "{ten:?}");
            let flood = flood.unwrap();
            assert_eq!(flood.target.addresses, ["192.0.2.1"]);
            let usual = flood.baseline_packets_per_second.unwrap();
            assert!((60_000.0..160_000.0).contains(&usual), "{usual}");
            let (two, _) = delay(2.0, 100.0, 1, protocol, seed);
            println!("{protocol} {seed}: 2x {two:?}");
            assert!(two.is_some_and(|seconds| seconds <= 10.0), "{two:?}");
        }
    }
}

#[test]
fn a_carpet_of_little_more_each_is_one_flood_of_the_prefix() {
    for seed in 1..4 {
        let (seconds, flood) = delay(2.5, 1_000.0, 200, 17, seed);
        println!("carpet {seed}: {seconds:?}");
        let flood = flood.unwrap();
        assert_eq!(flood.target.kind, TargetKind::Prefix, "{flood:#?}");
        assert!(seconds.is_some_and(|seconds| seconds <= 5.0), "{seconds:?}");
    }
}

#[test]
fn long_records_that_arrive_together_are_no_flood() {
    let (mut detector, mut numbers) = (detector(), Numbers(7));
    // 5,000 packets a second for ten minutes, exported once a minute as 30 records of a minute each.
    for minute in 0..10 {
        for _ in 0..30 {
            let mut record = sample(START + minute * 60 * SECOND, &mut numbers, [192, 0, 2, 1], 17, 1);
            record.packets = 10_000;
            record.flow_packets = 10_000;
            record.bytes = 5_000_000;
            record.duration_nanoseconds = 60 * SECOND;
            detector.observe(&record);
        }
        for second in 0..60 {
            detector.advance(Time::from_nanoseconds(START + (minute * 60 + second) * SECOND));
        }
    }
    detector.finish();
    let floods = starts(&mut detector);
    assert!(floods.is_empty(), "{floods:#?}");
}

#[test]
fn a_flood_on_an_address_that_was_silent_needs_no_history() {
    let (mut detector, mut numbers) = (detector(), Numbers(8));
    play(&mut detector, &mut numbers, (0.0, 90.0), 50.0, 1, (6, 1_000));
    let mut record = sample(START + 90 * SECOND, &mut numbers, [192, 0, 2, 9], 17, 1);
    record.packets = 1_000_000;
    record.flow_packets = 1_000_000;
    record.bytes = 500_000_000;
    record.duration_nanoseconds = 8 * SECOND;
    detector.observe(&record);
    detector.advance(Time::from_nanoseconds(START + 91 * SECOND));
    let floods = starts(&mut detector);
    assert_eq!(floods.len(), 1, "{floods:#?}");
    assert_eq!(floods[0].target.addresses, ["192.0.2.9"]);
}

/// A record of packets that somebody forges.
fn forged(time: i64, numbers: &mut Numbers, vector: Vector) -> Observation {
    let (protocol, flags, bytes) = if vector == Vector::SynFlood { (6, 2, 40) } else { (17, 0, 480) };
    let record = sample(time, numbers, [192, 0, 2, 10], protocol, 1);
    let source_port = if protocol == 6 { record.source_port } else { 123 };
    Observation { source_port, tcp_flags: TcpFlags(flags), packets: 50, bytes: 50 * bytes, ..record }
}

/// A service is started in the middle of a flood: datagrams of flow records come once a step, more often or less often than that.
/// Once a flood is told, what was believed before of its kind does not end it; and of SYNs that nothing follows, which nobody's
/// ordinary day has, nothing is believed, so that an even flood is told too.
#[test]
fn a_flood_of_the_first_second_is_found_and_stays() {
    let (syn, ntp) = (Vector::SynFlood, Vector::NtpAmplification);
    let even = [5, 7, 8, 10, 13, 20, 40].map(|rate| (syn, rate));
    for (vector, datagrams_per_second) in even.into_iter().chain([(ntp, 5), (ntp, 13)]) {
        let (mut detector, mut numbers) = (detector(), Numbers(7));
        for number in 0..30 * datagrams_per_second {
            let time = START + number * SECOND / datagrams_per_second;
            (0..30).for_each(|_| detector.observe(&forged(time, &mut numbers, vector)));
        }
        detector.finish();
        let events: Vec<_> = detector.take_events().into_iter().map(Event::into_flood).collect();
        let of = |phase: Phase| {
            let found: Vec<_> = events.iter().filter(|event| event.phase == phase).collect();
            assert_eq!(found.len(), 1, "{vector:?}, {datagrams_per_second} a second: {phase:?}: {found:#?}");
            (found[0].vectors[0].name, (found[0].time.nanoseconds() - START) as f64 / 1e9)
        };
        let ((name, found), (_, over)) = (of(Phase::Start), of(Phase::End));
        assert_eq!(name, vector);
        assert!(found < 1.0 && over > 29.0, "{vector:?}, {datagrams_per_second} a second: {found} to {over}");
    }
}

#[test]
fn what_was_learnt_is_recalled_by_another_detector() {
    let (mut before, mut numbers) = (detector(), Numbers(9));
    play(&mut before, &mut numbers, (0.0, 300.0), 100.0, 1, (6, 1_000));
    let learnt: Vec<_> = before.learnt().collect();
    assert_eq!(learnt.len(), 2, "the address and its prefix: {learnt:#?}");
    let text = serde_json::to_string(&learnt).unwrap();
    let mut after = detector();
    for learnt in &serde_json::from_str::<Vec<detect::Learnt>>(&text).unwrap() {
        assert_eq!(after.recall(learnt, 60), Ok(true));
    }
    play(&mut after, &mut numbers, (360.0, 370.0), 100.0, 1, (6, 1_000));
    assert!(starts(&mut after).is_empty());
    play(&mut after, &mut numbers, (370.0, 372.0), 1_000.0, 1, (6, 1_000));
    assert_eq!(starts(&mut after).len(), 1, "ten seconds after the start");

    let mut stranger = learnt[0].clone();
    stranger.target = detect::LearntTarget::Address([203, 0, 113, 1].into());
    assert_eq!(after.recall(&stranger, 60), Ok(false));
    stranger.level.fast = f32::NAN;
    assert!(after.recall(&stranger, 60).is_err());
}

#[test]
fn another_institution_file_interrupts_nothing() {
    let (mut detector, mut numbers) = (detector(), Numbers(10));
    play(&mut detector, &mut numbers, (0.0, 120.0), 1_000.0, 200, (17, 1_000));
    play(&mut detector, &mut numbers, (120.0, 125.0), 5_000.0, 200, (17, 1_000));
    let first = starts(&mut detector);
    assert_eq!(first.len(), 1, "{first:#?}");
    // The prefix is the second wider target now.
    let more = INSTITUTION.replace(
        "[zone.public]",
        "[zone.a]\nprefixes = [\"198.51.100.0/24\"]\nexposure = \"internet\"\n[zone.public]",
    );
    detector.replace_scope(scope(&more));
    play(&mut detector, &mut numbers, (125.0, 130.0), 5_000.0, 200, (17, 1_000));
    play(&mut detector, &mut numbers, (130.0, 160.0), 1_000.0, 200, (17, 1_000));
    let floods: Vec<_> = detector.take_events().into_iter().map(Event::into_flood).collect();
    assert!(floods.iter().all(|flood| flood.id == first[0].id), "{floods:#?}");
    let end = floods.iter().find(|flood| flood.phase == Phase::End).unwrap();
    let seconds = (end.time.nanoseconds() - START) as f64 / 1e9;
    assert!((139.0..155.0).contains(&seconds), "{seconds}");
    assert!(detector.learnt().count() > 200);
    // A file that protects nothing of it any more ends it.
    play(&mut detector, &mut numbers, (160.0, 165.0), 5_000.0, 200, (17, 1_000));
    assert_eq!(starts(&mut detector).len(), 1);
    detector.replace_scope(scope(&INSTITUTION.replace("192.0.2.0/24", "203.0.113.0/24")));
    let ends = detector.take_events();
    assert_eq!(ends.len(), 1, "{ends:#?}");
    detector.finish();
    assert!(detector.take_events().is_empty());
}

/// The same the other way round.
fn turned(mut record: Observation) -> Observation {
    std::mem::swap(&mut record.source, &mut record.destination);
    std::mem::swap(&mut record.source_port, &mut record.destination_port);
    record
}

/// What a busy server of QUIC gets and sends in a step, each with so many samples in the mean.
fn samples_of_both_ways(detector: &mut Detector, numbers: &mut Numbers, time: i64, mean: f64) {
    for is_answer in [false, true] {
        for _ in 0..numbers.poisson(mean) {
            let record = sample(time, numbers, [192, 0, 2, 1], 17, 1_000);
            detector.observe(&if is_answer { turned(record) } else { record });
        }
    }
}

/// A record of twenty packets of a connection over QUIC, and its answer.
fn answered(detector: &mut Detector, time: i64, client: u64, port: u16) {
    answered_by(detector, 1, time, client, port);
}

/// The same of another host.
fn answered_by(detector: &mut Detector, host: u8, time: i64, client: u64, port: u16) {
    let mut record = sample(time, &mut Numbers(1), [192, 0, 2, host], 17, 1);
    record.source = Address::from_ipv4([80, (client >> 16) as u8, (client >> 8) as u8, client as u8]);
    (record.source_port, record.packets, record.bytes) = (port, 20, 10_000);
    (record.flow_packets, record.duration_nanoseconds) = (20, STEP / 2);
    detector.observe(&record);
    detector.observe(&turned(record));
}

/// Found by `lab latency`: a busy server of QUIC was flooded by its clients as soon as somebody looked.
#[test]
fn a_busy_server_of_quic_is_no_victim_of_its_clients() {
    let (mut detector, mut numbers) = (detector(), Numbers(11));
    for step in 0..900 {
        for record in 0..500 {
            // Three thousand clients, each with a new connection about every eight seconds.
            let client = numbers.next() % 3_000;
            let port = 2_000 + ((client + step) / 80) as u16;
            answered(&mut detector, START + step as i64 * STEP + record * STEP / 500, client, port);
        }
    }
    detector.finish();
    let floods = starts(&mut detector);
    assert!(floods.is_empty(), "{floods:#?}");
}

#[test]
fn more_new_conversations_than_any_server_has_are_a_flood_though_it_answers() {
    let mut detector = detector();
    let mut client = 0;
    for step in 0..700 {
        let records = if step < 650 { 20 } else { 3_000 };
        for record in 0..records {
            client += 1;
            answered(&mut detector, START + step * STEP + record * STEP / records, client, 2_000);
        }
    }
    detector.finish();
    let floods = starts(&mut detector);
    assert!(floods.iter().any(|flood| flood.target.addresses == ["192.0.2.1"]), "{floods:#?}");
}

/// Found by `lab latency`: clients were learnt as if they were protected, and had their part of the budget.
#[test]
fn those_who_are_answered_have_no_part_in_what_is_learnt() {
    let (mut detector, mut numbers) = (detector(), Numbers(12));
    for step in 0..1_200 {
        for _ in 0..20 {
            let client = numbers.next() % 200;
            let mut record = sample(START + step * STEP, &mut numbers, [80, 0, 0, client as u8], 17, 1_000);
            (record.source, record.source_port) = (Address::from_ipv4([192, 0, 2, 1]), 443);
            detector.observe(&record);
            let question = sample(START + step * STEP, &mut numbers, [192, 0, 2, 1], 17, 1_000);
            detector.observe(&question);
        }
    }
    assert!(detector.counters().targets > 100, "{:?}", detector.counters());
    let learnt: Vec<_> = detector.learnt().map(|learnt| learnt.target).collect();
    assert_eq!(learnt.len(), 2, "the address and its prefix: {learnt:?}");
}

/// Found by `lab latency`: of a host that gets and sends six samples of QUIC a second, some thirty more came than were
/// excused several times a day.
#[test]
fn the_chance_of_samples_is_no_flood() {
    let (mut detector, mut numbers) = (detector(), Numbers(13));
    for step in 0..864_000 {
        samples_of_both_ways(&mut detector, &mut numbers, START + step * STEP, 0.6);
    }
    detector.finish();
    let floods = starts(&mut detector);
    assert!(floods.is_empty(), "{floods:#?}");
}

/// Found by `lab latency`: a rise in demand within half a minute was a flood of those who asked.
#[test]
fn a_crowd_that_is_answered_is_no_flood_and_ten_times_as_much_is() {
    for (times, expected) in [(1.8, 0), (10.0, 1)] {
        let (mut detector, mut numbers) = (detector(), Numbers(14));
        for step in 0..6_000 {
            let rise = (f64::from(step - 3_000) / 300.0).clamp(0.0, 1.0);
            let mean = 3.0 * (1.0 + (times - 1.0) * rise);
            samples_of_both_ways(&mut detector, &mut numbers, START + i64::from(step) * STEP, mean);
        }
        detector.finish();
        let floods = starts(&mut detector);
        assert_eq!(floods.len(), expected, "{times}: {floods:#?}");
    }
}

/// Found by `lab latency`: a prefix remembers for some seconds that it had too much, and the blame fell on whichever member
/// had a little more than usual by then.
#[test]
fn what_is_over_is_not_blamed_on_a_small_member() {
    let (mut detector, mut numbers) = (detector(), Numbers(15));
    for step in 0..6_000_i64 {
        let time = START + step * STEP;
        // The crowd comes at 300 s for twenty seconds, and is answered.
        let mean = if (3_000..3_200).contains(&step) { 12.0 } else { 4.0 };
        for _ in 0..numbers.poisson(mean) {
            let record = sample(time, &mut numbers, [192, 0, 2, 1], 17, 1_000);
            detector.observe(&record);
            detector.observe(&turned(record));
        }
        // Another member gets forty packets a step, and a fifth more that nobody answers from then on.
        for number in 0..4 {
            answered_by(&mut detector, 9, time + number, numbers.next() % 500, 2_000 + (step / 100) as u16);
        }
        if step >= 3_000 {
            let mut record = sample(time, &mut numbers, [192, 0, 2, 9], 17, 1);
            (record.packets, record.bytes) = (8, 4_000);
            detector.observe(&record);
        }
    }
    detector.finish();
    let floods = starts(&mut detector);
    assert!(floods.is_empty(), "{floods:#?}");
}
