//! What it costs to collect what was learnt, as the service does every ten minutes on the thread that detects:
//! milliseconds of CPU time for 65,536 addresses with a whole week each.
//!
//! `cargo run --release -p detect --example learnt_speed`. Nothing here is a test.

use std::net::Ipv4Addr;

use cpu_time::ThreadTime;
use detect::{Detector, Learning, Learnt, LearntTarget, Limits, Observation, Scope};
use sketch::{KeyedState, PUBLISHED_KEY};
use wire::{Address, Time};

const RUNS: usize = 9;
/// As the service does in one tick.
const PLACES: usize = 4_096;
const TARGETS: u32 = 65_536;
const START: i64 = 1_780_000_000;

fn address(number: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(0x0a14_0000 + number)
}

/// Six packets to each address in each of these seconds.
fn teach(detector: &mut Detector, seconds: std::ops::Range<i64>) {
    for second in seconds {
        for number in 0..TARGETS {
            let time = Time::from_seconds(START + second, 0);
            let observation = Observation {
                time,
                last: time,
                source: Address::from_ipv4([198, 18, 0, 1]),
                destination: Address::from_ipv4(address(number).octets()),
                protocol: 6,
                first_protocol: 6,
                source_port: 5_000,
                destination_port: 443,
                packets: 6,
                bytes: 3_000,
                sampling: 1,
                flow_packets: 6,
                ..Observation::default()
            };
            detector.observe(&observation);
        }
    }
}

fn main() {
    let key = KeyedState::new(PUBLISHED_KEY);
    let mut detector = Detector::new(Scope::everything(key), &Limits::default(), PUBLISHED_KEY);
    detector.learn(Learning::default());
    teach(&mut detector, 0..70);
    let mut first: Vec<Learnt> = detector.learnt().collect();
    // What seventy seconds teach has no week yet.
    for learnt in &mut first {
        learnt.level.week = Some(baseline::SavedWeek { hours: 168, cells: vec![100; baseline::HOURS] });
        if let (LearntTarget::Address(_), Err(error)) = (&learnt.target, detector.recall(learnt, 0)) {
            println!("refused: {error}");
        }
    }
    teach(&mut detector, 70..75);
    let mut times = Vec::new();
    for _ in 0..RUNS {
        let begin = ThreadTime::now();
        let learnt: Vec<Learnt> = detector.learnt().collect();
        times.push((begin.elapsed(), learnt.len()));
    }
    times.sort();
    let (median, targets) = times[RUNS / 2];
    println!("{targets} targets: {:.1} ms", median.as_secs_f64() * 1e3);
    let mut longest = std::time::Duration::ZERO;
    for from in (0..detector.learnt_places()).step_by(PLACES) {
        let begin = ThreadTime::now();
        let learnt: Vec<Learnt> = detector.learnt_at(from..from + PLACES).collect();
        longest = longest.max(begin.elapsed());
        std::hint::black_box(learnt);
    }
    println!("{PLACES} places at a time: {:.1} ms at most", longest.as_secs_f64() * 1e3);
}
