//! How large a record gets: 200 services with points for 90 days at 1 h, 7 days at 1 min and 1 day at 1 s, each in all and
//! in one vector, which is more than is ordinary (a vector has points only while it is seen), and 10,000 floods.
//!
//! Rates are noise around a day's curve, so nothing repeats.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use anyhow::{Result, ensure};
use record::{Entry, Options as RecordOptions, Record, Resolution, Sample};
use serde_json::json;

use super::Options;
use crate::report::{Bar, Report};
use crate::table::Table;

/// What has to hold.
pub(super) const BAR: &str =
    "record of 200 services: 90 days at 1 h, 7 days at 1 min, 1 day at 1 s, and 10,000 floods";
const MOST_MEGABYTES: f64 = 1_000.0;
const SERVICES: usize = 200;
const SERIES: [&str; 2] = ["all", "syn_flood"];
const NOW: i64 = 1_795_780_800;
const DAY: i64 = 86_400;
const KEY: [u8; 16] = [1; 16];
/// Steps between two times at which the writer is waited for.
const BARRIER: usize = 200;
/// Points of one answer.
const ANSWER: i64 = 18_000;

/// Looks at the ledger of a folder.
type Check = fn(&Path, Option<[u8; 16]>, Option<&record::Head>) -> record::Result<record::Verification>;

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

pub(super) fn run(options: &Options, report: &mut Report) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let time = Arc::new(AtomicI64::new(NOW));
    let clock = time.clone();
    let clock = Arc::new(move || clock.load(Ordering::Relaxed) * 1_000_000_000);
    let record = Record::open(folder.path(), RecordOptions::new(KEY, clock))?;
    let begin = Instant::now();
    let samples = points(&record, &time)?;
    let written = begin.elapsed().as_secs_f64();
    let mut table =
        Table::new(format!("{SERVICES} services, {} series each", SERIES.len()), &["what", "figure"]);
    let mut row = |what: &str, figure: String| table.row(vec![what.to_owned(), figure]);
    row("samples of a second taken up", format!("{samples} in {written:.0} s"));
    for (name, resolution, days) in
        [("1 s", Resolution::Second, 1), ("1 min", Resolution::Minute, 7), ("1 h", Resolution::Hour, 90)]
    {
        let begin = Instant::now();
        let count = read(&record, resolution, days)?;
        let milliseconds = begin.elapsed().as_secs_f64() * 1e3;
        row(&format!("points of one series at {name}"), format!("{count}, read in {milliseconds:.0} ms"));
    }
    row("bytes of the database with points", record.reader().totals()?.database_bytes.to_string());
    floods(&record, options.floods)?;
    drop(record);
    let checks: [(&str, Check); 2] =
        [("", record::verify), (", and every page of the file", record::verify_all)];
    let mut milliseconds = Vec::new();
    for (what, check) in checks {
        let begin = Instant::now();
        let found = check(folder.path(), Some(KEY), None)?;
        ensure!(found.holds, "the ledger does not hold: {:?}", found.faults);
        milliseconds.push(begin.elapsed().as_secs_f64() * 1e3);
        let figure = format!("{:.0} ms", milliseconds.last().copied().unwrap_or(0.0));
        row(&format!("{} entries verified, with seals{what}", found.entries), figure);
    }
    let bytes = bytes_of(folder.path())?;
    row(&format!("bytes in all, with {} floods", options.floods), bytes.to_string());
    report.line(
        &json!({"kind": "size", "bytes": bytes, "samples": samples, "verify_milliseconds": milliseconds}),
    );
    report.table(table);
    report.bar(Bar::at_most(BAR, Some(bytes as f64 / 1e6), MOST_MEGABYTES, " MB", ""));
    Ok(())
}

fn bytes_of(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for file in fs::read_dir(folder)? {
        bytes += file?.metadata()?.len();
    }
    Ok(bytes)
}

/// Ninety days of figures, the older the coarser, as they would be left; how many samples they were.
fn points(record: &Record, time: &AtomicI64) -> Result<u64> {
    let names: Vec<String> = (0..SERVICES).map(|number| format!("service-{number}")).collect();
    let mut noise = Noise(0x9e37_79b9_7f4a_7c15);
    let old = (NOW - 90 * DAY..NOW - 7 * DAY).step_by(3600).chain((NOW - 7 * DAY..NOW - DAY).step_by(60));
    let mut count = 0;
    for (step, second) in old.chain(NOW - DAY..NOW).enumerate() {
        time.store(second + 1, Ordering::Relaxed);
        let hour = (second % DAY) as f64 / DAY as f64 * std::f64::consts::TAU;
        let mut samples = Vec::with_capacity(names.len() * SERIES.len());
        for (number, target) in names.iter().enumerate() {
            for vector in SERIES {
                let packets =
                    (20.0 * (1 + number) as f64 * (1.1 + hour.sin()) * (0.5 + noise.next())).round();
                let bits = (packets * 8.0 * (200.0 + 800.0 * noise.next())).round();
                let (target, vector, requests) =
                    (target.clone(), vector.to_owned(), (packets / 40.0).round());
                samples.push(Sample { target, vector, second, packets, bits, requests });
            }
        }
        count += samples.len() as u64;
        ensure!(record.writer().offer_points(samples), "the writer does not keep up");
        if step % BARRIER == 0 {
            record.writer().flush()?;
        }
    }
    // What is past its time goes at a pace.
    for _ in 0..100 {
        record.writer().retire()?;
    }
    record.writer().flush()?;
    Ok(count)
}

fn read(record: &Record, resolution: Resolution, days: i64) -> Result<usize> {
    let step = ANSWER * resolution.seconds();
    let mut count = 0;
    for from in (NOW - days * DAY..NOW).step_by(usize::try_from(step)?) {
        let to = (from + step).min(NOW);
        count += record.reader().series("service-7", SERIES[0], resolution, from..to)?.len();
    }
    Ok(count)
}

fn floods(record: &Record, count: usize) -> Result<()> {
    let text = |second: i64| jiff::Timestamp::from_second(second).unwrap_or_default().to_string();
    for number in 0..count {
        let second = NOW - DAY + number as i64;
        for (phase, second) in [("start", second), ("end", second + 60)] {
            let event = json!({"kind": "flood", "phase": phase, "id": format!("f{number}"), "time": text(second), "onset": text(second),
                "direction": "in", "target": {"kind": "address", "name": format!("service-{}", number % 200), "addresses": ["192.0.2.10"]},
                "vectors": [{"name": "syn_flood", "share": 0.9}], "packets_per_second": 1e5, "bits_per_second": 1e8,
                "sources": {"top": [{"address": format!("198.51.{}.{}", number / 250 % 250, number % 250), "share": 0.1}]},
                "certainty": "exact", "evidence": {"reason": "SYN packets that are never followed", "excess_ratio": 12.0}});
            while !record.writer().offer(Entry::observed(event.clone())) {
                record.writer().flush()?;
            }
        }
    }
    record.writer().flush()?;
    Ok(())
}
