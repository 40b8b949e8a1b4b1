//! How large a record gets: 200 services with points for 90 days at 1 h, 7 days at 1 min and 1 day at 1 s, and 10,000 floods.
//!
//! `cargo run --release -p record --example size -- [VECTORS [FLOODS]]`: so many series of each service beside `all`, which is far more
//! than is ordinary: a vector has points only while it is seen. Rates are noise around a day's curve, so nothing repeats.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "an example")]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use record::{Entry, Filter, Options, Page, Record, Resolution, Sample};
use serde_json::json;

const SERVICES: usize = 200;
const NOW: i64 = 1_795_780_800;
const DAY: i64 = 86_400;
/// Steps between two times at which the writer is waited for.
const BARRIER: usize = 200;

/// Noise of a known beginning (Marsaglia's xorshift), 0 to 1.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<usize>().unwrap());
    let (vectors, floods) = (arguments.next().unwrap_or(1), arguments.next().unwrap_or(10_000));
    let folder = std::env::temp_dir().join(format!("hemicycle-size-{}", std::process::id()));
    let time = Arc::new(AtomicI64::new(NOW));
    let clock = time.clone();
    let options = Options::new([1; 16], Arc::new(move || clock.load(Ordering::Relaxed) * 1_000_000_000));
    let record = Record::open(&folder, options).unwrap();
    let started = Instant::now();
    let names: Vec<String> = (0..SERVICES).map(|number| format!("service-{number}")).collect();
    let series: Vec<String> =
        std::iter::once("all".to_owned()).chain((0..vectors).map(|n| format!("vector_{n}"))).collect();
    let mut noise = Noise(0x9e37_79b9_7f4a_7c15);
    let old = (NOW - 90 * DAY..NOW - 7 * DAY).step_by(3600).chain((NOW - 7 * DAY..NOW - DAY).step_by(60));
    let mut count = 0_u64;
    for (step, second) in old.chain(NOW - DAY..NOW).enumerate() {
        time.store(second + 1, Ordering::Relaxed);
        let mut samples = Vec::with_capacity(names.len() * series.len());
        for (number, target) in names.iter().enumerate() {
            for vector in &series {
                let hour = (second % DAY) as f64 / DAY as f64 * std::f64::consts::TAU;
                let packets =
                    (20.0 * (1 + number) as f64 * (1.1 + hour.sin()) * (0.5 + noise.next())).round();
                let (target, vector) = (target.clone(), vector.clone());
                let bits = (packets * 8.0 * (200.0 + 800.0 * noise.next())).round();
                samples.push(Sample {
                    target,
                    vector,
                    second,
                    packets,
                    bits,
                    requests: (packets / 40.0).round(),
                });
            }
        }
        count += samples.len() as u64;
        assert!(record.writer().offer_points(samples), "the writer keeps up");
        if step % BARRIER == 0 {
            record.writer().flush().unwrap();
        }
    }
    for _ in 0..100 {
        record.writer().retire().unwrap();
    }
    record.writer().flush().unwrap();
    println!("{count} samples in {:.1} s", started.elapsed().as_secs_f64());
    points(&record, &series);
    many_floods(&record, floods);
    drop(record);
    let bytes: u64 =
        std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum();
    println!("closed: {bytes} bytes in all");
    std::fs::remove_dir_all(folder).unwrap();
}

fn points(record: &Record, series: &[String]) {
    let reader = record.reader();
    let mut all = 0;
    for (resolution, days) in [(Resolution::Second, 1), (Resolution::Minute, 7), (Resolution::Hour, 90)] {
        let started = Instant::now();
        // An answer has 20,000 points at most.
        let step = 18_000 * resolution.seconds();
        let from = (NOW - days * DAY..NOW).step_by(step as usize);
        let count: usize = from
            .map(|from| {
                let to = (from + step).min(NOW);
                reader.series("service-7", "all", resolution, from..to).unwrap().len()
            })
            .sum();
        all += count * SERVICES * series.len();
        println!(
            "{resolution:?}: {count} points of one series, read in {:.1} ms",
            started.elapsed().as_secs_f64() * 1e3
        );
    }
    let bytes = reader.totals().unwrap().database_bytes;
    println!(
        "{SERVICES} services, {} series each: {all} points, {bytes} bytes, {:.1} bytes a point",
        series.len(),
        bytes as f64 / all as f64
    );
}

fn many_floods(record: &Record, count: usize) {
    let text = |second: i64| jiff::Timestamp::from_second(second).unwrap().to_string();
    for number in 0..count {
        let second = NOW - DAY + number as i64;
        for (phase, second) in [("start", second), ("end", second + 60)] {
            let event = json!({"kind": "flood", "phase": phase, "id": format!("f{number}"), "time": text(second), "onset": text(second),
                "direction": "in", "target": {"kind": "address", "name": format!("service-{}", number % 200), "addresses": ["192.0.2.10"]},
                "vectors": [{"name": "syn_flood", "share": 0.9}], "packets_per_second": 1e5, "bits_per_second": 1e8,
                "sources": {"top": [{"address": format!("198.51.{}.{}", number / 250 % 250, number % 250), "share": 0.1}]},
                "certainty": "exact", "evidence": {"reason": "SYN packets that are never followed", "excess_ratio": 12.0}});
            while !record.writer().offer(Entry::observed(event.clone())) {
                record.writer().flush().unwrap();
            }
        }
    }
    record.writer().flush().unwrap();
    let reader = record.reader();
    let queries = [
        ("newest 100", Filter::default()),
        ("text that matches nothing", Filter { text: Some("nowhere".to_owned()), ..Filter::default() }),
        ("one target", Filter { target: Some("service-7".to_owned()), ..Filter::default() }),
        ("ongoing", Filter { ongoing: true, ..Filter::default() }),
    ];
    for (name, filter) in queries {
        let started = Instant::now();
        let found = reader.floods(&filter, &Page::default()).unwrap().items.len();
        println!("{count} floods, {name}: {found} in {:.1} ms", started.elapsed().as_secs_f64() * 1e3);
    }
    let started = Instant::now();
    let found = record::verify(reader.folder(), Some([1; 16]), None).unwrap();
    println!(
        "{} entries verified in {:.0} ms: {}",
        found.entries,
        started.elapsed().as_secs_f64() * 1e3,
        found.holds
    );
}
