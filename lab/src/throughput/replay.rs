//! A capture in memory through intake, decoding and detection.
//!
//! The runs of the subjects alternate, so that a slow minute of the machine meets all of them, and the median is given.
//! The bar is set for the time on the wall of what `hemicycle replay` does: where there are two cores, it reads on one thread
//! and counts on another. Beside it stands one thread that does both, with its CPU time. Before the figures are taken it is checked that every
//! packet came through and that both ways told the same. Building the input is not measured.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, ensure};
use cpu_time::ThreadTime;
use hemicycle::pipeline::Pipeline;
use intake::{Inputs, Memory, OpenOptions};
use serde_json::json;

use crate::dataset;
use crate::random::Random;
use crate::report::{Bar, Report, median};
use crate::table::Table;
use crate::trace::Trace;
use crate::traffic::packet::{end, flags, tcp};

/// Runs of each subject.
const RUNS: usize = 5;
/// What every subject has to reach.
const BAR_MILLION_PACKETS_PER_SECOND: f64 = 5.0;
/// Silence between two plays of the mixture.
const GAP_NANOSECONDS: i64 = 1_000_000_000;

struct Subject {
    name: &'static str,
    file: Arc<[u8]>,
    packets: usize,
    wall_seconds: Vec<f64>,
    alone_cpu_seconds: Vec<f64>,
    events: usize,
}

/// Measures all subjects: a table and a bar for each.
pub(crate) fn run(folders: &[PathBuf], packets: usize, report: &mut Report) -> Result<()> {
    let mut subjects = [
        subject("captures, looped", &mixture(folders, packets)?),
        subject("forged SYN, 1 target", &forged_syn(packets, 1)),
        subject("forged SYN, 10,000 targets", &forged_syn(packets, 10_000)),
    ];
    for _ in 0..RUNS {
        subjects.iter_mut().try_for_each(play)?;
    }
    let mut table = Table::new(
        "Packets of a capture in memory through the pipeline",
        &[
            "input",
            "M packets/s on the wall, as replay",
            "M packets/s of CPU, one thread",
            "packets",
            "events",
        ],
    );
    for subject in &subjects {
        tell(subject, &mut table, report);
    }
    report.table(table);
    Ok(())
}

fn subject(name: &'static str, trace: &Trace) -> Subject {
    let (file, packets) = (trace.to_pcap().into(), trace.len());
    Subject { name, file, packets, wall_seconds: Vec::new(), alone_cpu_seconds: Vec::new(), events: 0 }
}

fn play(subject: &mut Subject) -> Result<()> {
    let mut alone = Vec::new();
    let cpu = ThreadTime::now();
    let mut inputs = open(subject)?;
    let ran = Pipeline::new(None, &mut alone).run(&mut inputs)?;
    subject.alone_cpu_seconds.push(cpu.elapsed().as_secs_f64());
    check(subject, ran.records)?;

    let mut beside = Vec::new();
    let wall = Instant::now();
    let mut inputs = open(subject)?;
    let ran = Pipeline::new(None, &mut beside).count_beside()?.run(&mut inputs)?;
    subject.wall_seconds.push(wall.elapsed().as_secs_f64());
    check(subject, ran.records)?;
    let is_same = serde_json::to_string(&alone)? == serde_json::to_string(&beside)?;
    ensure!(is_same, "{}: two threads told other events than one", subject.name);
    subject.events = beside.len();
    Ok(())
}

fn open(subject: &Subject) -> Result<Inputs> {
    let file = Memory::Shared(Arc::clone(&subject.file));
    Ok(Inputs::from_memory(subject.name, file, &OpenOptions::default())?)
}

fn check(subject: &Subject, records: u64) -> Result<()> {
    let (name, packets) = (subject.name, subject.packets);
    ensure!(
        records as usize * 100 >= packets * 95,
        "{name}: only {records} of {packets} packets came through"
    );
    Ok(())
}

fn tell(subject: &Subject, table: &mut Table, report: &mut Report) {
    let packets = subject.packets as f64;
    let million = |seconds: &[f64]| median(seconds).map_or(0.0, |median| packets / median / 1e6);
    let (wall, alone) = (million(&subject.wall_seconds), million(&subject.alone_cpu_seconds));
    let what = format!("replay: {}", subject.name);
    report.line(&json!({"kind": "throughput", "what": what, "million_packets_per_second_wall": wall,
        "million_packets_per_second_cpu_one_thread": alone, "packets": subject.packets, "runs": RUNS}));
    table.row(vec![
        subject.name.to_owned(),
        format!("{wall:.2}"),
        format!("{alone:.2}"),
        subject.packets.to_string(),
        subject.events.to_string(),
    ]);
    report.bar(Bar::at_least(&what, Some(wall), BAR_MILLION_PACKETS_PER_SECOND, " M packets/s", ""));
}

/// All captures of the folders one after the other, again and again.
pub(crate) fn mixture(folders: &[PathBuf], packets: usize) -> Result<Trace> {
    let rows = dataset::read(&dataset::folders(folders))?;
    let mut loops = Vec::new();
    for row in rows.iter().filter(|row| row.is_capture()) {
        loops.push(Trace::of_capture(&row.bytes)?);
    }
    ensure!(!loops.is_empty(), "no captures to replay");
    let mut trace = Trace::default();
    let mut now = 1_780_000_000_000_000_000;
    while trace.len() < packets {
        for part in &loops {
            let (first, last) = part.span();
            // A day of backscatter is no measure of packets: long captures are played faster.
            let span = (last - first).max(1);
            let length = span.min(60 * GAP_NANOSECONDS);
            for seen in part.iter() {
                let after = (i128::from(seen.time - first) * i128::from(length) / i128::from(span)) as i64;
                trace.push(now + after, seen.bytes, seen.original);
            }
            now += length + GAP_NANOSECONDS;
        }
    }
    trace.sort();
    Ok(trace)
}

/// A SYN flood at a million packets a second in which every packet has a source of its own.
fn forged_syn(packets: usize, targets: u32) -> Trace {
    let mut random = Random::named(1, "forged");
    let mut trace = Trace::default();
    let first = u32::from_be_bytes([203, 0, 64, 0]);
    for number in 0..packets {
        let source = IpAddr::V4(Ipv4Addr::from_bits(0x0100_0000 + number as u32 * 37));
        let target = IpAddr::V4(Ipv4Addr::from_bits(first + number as u32 % targets));
        let numbers = (random.bits() as u32, 0);
        let packet = tcp(end(source, random.client_port()), end(target, 443), flags::SYN, numbers, &[]);
        trace.add(1_780_000_000_000_000_000 + number as i64 * 1_000, &packet);
    }
    trace
}
