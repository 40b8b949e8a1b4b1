//! A big access log: its lines decoded alone, through the whole pipeline, and by GoAccess.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, ensure};
use cpu_time::ThreadTime;
use hemicycle::pipeline::Pipeline;
use intake::{Inputs, Memory, OpenOptions, Visitor};
use serde_json::json;
use wire::packet::Decoded;
use wire::web::Request;
use wire::{Address, FlowRecord, Time};

use super::{Figure, RUNS, cell, cpu_seconds};
use crate::dataset;
use crate::report::{Report, median};
use crate::table::Table;

/// The log, below the repository.
const LOG: &str = "../data/captures/weblogs/apache_combined_10k_2015.log.gz";
/// Lines of the big one: one busy day, in order of time.
const LINES: usize = 500_000;
const DAY_SECONDS: usize = 86_400;

/// Million lines a second decoded, and decoded and looked at; and how many times as fast as GoAccess the latter is.
pub(super) fn run(folder: &Path, report: &mut Report) -> Result<[Figure; 3]> {
    let packed = Path::new(env!("CARGO_MANIFEST_DIR")).join(LOG);
    let log: Arc<[u8]> = big(&dataset::unpacked(&packed)?, LINES).into();
    fs::write(folder.join("access.log"), &log)?;
    let arguments = ["access.log", "--log-format=COMBINED", "--no-global-config", "--process-and-exit"];
    let (mut decoding, mut whole, mut goaccess) = (Vec::new(), Vec::new(), Vec::new());
    let mut peer = Ok(());
    for _ in 0..RUNS {
        eprintln!("speed: a run of the log");
        decoding.push(decode(&log)?);
        whole.push(detect(&log)?);
        match cpu_seconds("goaccess", &arguments, folder) {
            Ok(seconds) => goaccess.push(seconds),
            Err(error) => peer = Err(format!("{error:#}")),
        }
    }
    fs::remove_file(folder.join("access.log"))?;
    let rate = |seconds: &[f64]| median(seconds).map(|median| LINES as f64 / median / 1e6);
    let (decoded, looked_at) = (rate(&decoding).unwrap_or(0.0), rate(&whole).unwrap_or(0.0));
    let goaccess: Figure = peer.and_then(|()| rate(&goaccess).ok_or_else(|| "no run".to_owned()));
    let ratio = goaccess.clone().map(|goaccess| looked_at / goaccess);
    let mut table = Table::new(
        format!("Access log in memory, {LINES} lines of one day, CPU time on one core, median of {RUNS}"),
        &["what", "M lines/s"],
    );
    for (what, figure) in [
        ("hemicycle, decoded", Ok(decoded)),
        ("hemicycle, decoded and looked at", Ok(looked_at)),
        ("GoAccess, counted", goaccess),
        ("hemicycle, looked at, times GoAccess", ratio.clone()),
    ] {
        report.line(&json!({"kind": "speed", "what": what, "value": figure.as_ref().ok()}));
        table.row(vec![what.to_owned(), cell(&figure)]);
    }
    report.table(table);
    Ok([Ok(decoded), Ok(looked_at), ratio])
}

fn decode(log: &Arc<[u8]>) -> Result<f64> {
    let mut counted = Counted::default();
    let begun = ThreadTime::now();
    let mut inputs =
        Inputs::from_memory("access.log", Memory::from(Arc::clone(log)), &OpenOptions::default())?;
    inputs.run(&mut counted)?;
    let seconds = begun.elapsed().as_secs_f64();
    ensure!(counted.requests * 100 >= LINES as u64 * 99, "only {} lines were read", counted.requests);
    Ok(seconds)
}

fn detect(log: &Arc<[u8]>) -> Result<f64> {
    let mut events = Vec::new();
    let begun = ThreadTime::now();
    let mut inputs =
        Inputs::from_memory("access.log", Memory::from(Arc::clone(log)), &OpenOptions::default())?;
    let ran = Pipeline::new(None, &mut events).run(&mut inputs)?;
    let seconds = begun.elapsed().as_secs_f64();
    ensure!(ran.requests * 100 >= LINES as u64 * 99, "only {} lines were read", ran.requests);
    Ok(seconds)
}

/// Looks at a little of everything, so that nothing can be left out as unused.
#[derive(Default)]
struct Counted {
    requests: u64,
    mixed: u64,
}

impl Visitor for Counted {
    fn packet(&mut self, _input: usize, _time: Time, _decoded: &Decoded<'_>) {}

    fn flow(&mut self, _input: usize, _arrival: Time, _exporter: Address, _record: &FlowRecord) {}

    #[inline]
    fn request(&mut self, _input: usize, request: &Request<'_>) {
        std::hint::black_box(request);
        self.requests += 1;
        self.mixed = self.mixed.wrapping_add(u64::from(request.status));
    }
}

/// So many lines of a log in Apache's combined format, again and again, at even times over one day.
fn big(log: &[u8], lines: usize) -> Vec<u8> {
    let parts: Vec<(&[u8], &[u8])> = log.split(|byte| *byte == b'\n').filter_map(around_time).collect();
    let mut big = Vec::new();
    if parts.is_empty() {
        return big;
    }
    for (number, (before, after)) in parts.iter().cycle().take(lines).enumerate() {
        let second = number * DAY_SECONDS / lines;
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        big.extend_from_slice(before);
        big.extend_from_slice(format!("[20/May/2015:{hour:02}:{minute:02}:{second:02} +0000]").as_bytes());
        big.extend_from_slice(after);
        big.push(b'\n');
    }
    big
}

/// What stands before and after the time of a line.
fn around_time(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let begin = line.iter().position(|byte| *byte == b'[')?;
    let length = line.get(begin..)?.iter().position(|byte| *byte == b']')?;
    Some((line.get(..begin)?, line.get(begin + length + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_big_log_is_one_day_in_order() {
        let log = b"a - - [1/x] \"GET / HTTP/1.1\" 200 1\nno time\nb - - [2/x] \"GET /b HTTP/1.1\" 200 1\n";
        let text = String::from_utf8(big(log, 4)).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 4);
        assert_eq!(lines[1], "b - - [20/May/2015:06:00:00 +0000] \"GET /b HTTP/1.1\" 200 1");
        assert!(lines[3].contains("18:00:00") && lines[2].starts_with("a - - "));
    }
}
