//! Packets of a mirror: captures of the repository, looped, through the pipeline and through nfpcapd.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, ensure};
use cpu_time::ThreadTime;
use hemicycle::pipeline::Pipeline;
use intake::{Inputs, Memory, OpenOptions};
use serde_json::json;

use super::{Figure, RUNS, cell, cpu_seconds};
use crate::report::{Report, median};
use crate::table::Table;
use crate::throughput::mixture;

/// Packets of the capture.
const PACKETS: usize = 1_000_000;
/// Bytes of a packet that are kept: what goes through a cable of 1,500 bytes.
const MOST_BYTES: usize = 1_400;
/// Link and network bytes before an IP packet.
const ADDRESSES: [u8; 12] = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
/// Name of the file in its folder.
pub(super) const FILE: &str = "mirror.pcap";

/// The capture, Ethernet with times in microseconds, in memory and as a file; and how many packets it has.
pub(super) fn capture(folder: &Path) -> Result<(Arc<[u8]>, usize)> {
    let trace = mixture(&[], PACKETS)?;
    let mut file = Vec::new();
    let word = |file: &mut Vec<u8>, word: u32| file.extend_from_slice(&word.to_le_bytes());
    for value in [0xa1b2_c3d4, 0x0004_0002, 0, 0, 65_535, 1] {
        word(&mut file, value);
    }
    for seen in trace.iter() {
        let bytes = seen.bytes.get(..MOST_BYTES).unwrap_or(seen.bytes);
        let kind: [u8; 2] =
            if bytes.first().is_some_and(|first| first >> 4 == 6) { [0x86, 0xdd] } else { [8, 0] };
        let (captured, original) = (bytes.len() as u32 + 14, seen.original + 14);
        let microseconds = seen.time / 1_000;
        let (seconds, rest) = (microseconds / 1_000_000, microseconds % 1_000_000);
        for value in [seconds as u32, rest as u32, captured, original.max(captured)] {
            word(&mut file, value);
        }
        file.extend_from_slice(&ADDRESSES);
        file.extend_from_slice(&kind);
        file.extend_from_slice(bytes);
    }
    fs::write(folder.join(FILE), &file)?;
    Ok((file.into(), trace.len()))
}

/// Million packets a second, and how many times as fast as nfpcapd that is.
pub(super) fn run(
    folder: &Path,
    capture: &Arc<[u8]>,
    packets: usize,
    report: &mut Report,
) -> Result<[Figure; 2]> {
    let (mut ours, mut theirs, mut peer) = (Vec::new(), Vec::new(), Ok(()));
    fs::create_dir_all(folder.join("flows"))?;
    for _ in 0..RUNS {
        eprintln!("speed: a run of the packets");
        ours.push(detect(capture, packets)?);
        match cpu_seconds("nfpcapd", &["-r", FILE, "-w", "flows"], folder) {
            Ok(seconds) => theirs.push(seconds),
            Err(error) => peer = Err(format!("{error:#}")),
        }
    }
    let rate = |seconds: &[f64]| median(seconds).map(|median| packets as f64 / median / 1e6);
    let looked_at = rate(&ours).unwrap_or(0.0);
    let nfpcapd: Figure = peer.and_then(|()| rate(&theirs).ok_or_else(|| "no run".to_owned()));
    let ratio = nfpcapd.clone().map(|nfpcapd| looked_at / nfpcapd);
    let mut table = Table::new(
        format!("Packets of captures, looped, in memory: {packets}, CPU time on one core, median of {RUNS}"),
        &["what", "M packets/s"],
    );
    for (what, figure) in [
        ("hemicycle, looked at", Ok(looked_at)),
        ("nfpcapd, made flows of", nfpcapd),
        ("hemicycle, times nfpcapd", ratio.clone()),
    ] {
        report.line(&json!({"kind": "speed", "what": what, "value": figure.as_ref().ok()}));
        table.row(vec![what.to_owned(), cell(&figure)]);
    }
    report.table(table);
    Ok([Ok(looked_at), ratio])
}

fn detect(capture: &Arc<[u8]>, packets: usize) -> Result<f64> {
    let mut events = Vec::new();
    let begun = ThreadTime::now();
    let mut inputs = Inputs::from_memory(FILE, Memory::from(Arc::clone(capture)), &OpenOptions::default())?;
    let ran = Pipeline::new(None, &mut events).run(&mut inputs)?;
    let seconds = begun.elapsed().as_secs_f64();
    ensure!(
        ran.records as usize * 100 >= packets * 95,
        "only {} of {packets} packets came through",
        ran.records
    );
    Ok(seconds)
}
