//! How fast lines of logs and packets of a mirror are read, on one core, beside other programs on the same input in the same run.
//!
//! CPU time of the one thread, and of the other program as the kernel counts it for children that ended. Runs alternate and
//! medians are given. Files lie in memory (`/dev/shm`).
//!
//! Limits: GoAccess counts and draws, and detects nothing; nfpcapd makes flows of packets and detects nothing. `FastNetMon`
//! Community reads no files: it gets the same capture at its mirror port, as the service does; `lab latency` compares alarms.

mod lines;
mod mirror;
mod packets;

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use nix::sys::resource::{UsageWho, getrusage};

use crate::live::processor;
use crate::live::tools::{find, folder};
use crate::live::{RECEIVING_CORE, namespace};
use crate::report::{Bar, Report};

/// Runs of each subject.
const RUNS: usize = 3;

/// What is asked for, in a fixed number.
const BARS: [(&str, f64, &str); 7] = [
    ("lines of a log decoded", 2.0, " M lines/s"),
    ("lines of a log decoded and looked at", 2.0, " M lines/s"),
    ("log decoded and looked at, times GoAccess", 5.0, "x"),
    ("packets looked at", 2.0, " M packets/s"),
    ("packets looked at, times nfpcapd", 1.0, "x"),
    ("frames of a mirror at full speed that the kernel took, and dropped none", 1.0, ""),
    ("packets of a mirror in a second of a core, times FastNetMon", 1.0, "x"),
];

/// A figure, or why there is none.
type Figure = Result<f64, String>;

/// The part left out: its bars are not held.
pub(super) fn skip(reason: &str, report: &mut Report) {
    let none = BARS.map(|_| Err(reason.to_owned()));
    bars(&none).into_iter().for_each(|bar| report.bar(bar));
}

/// Measures: tables and bars.
///
/// # Errors
/// When the input cannot be made.
pub(super) fn run(report: &mut Report) -> Result<()> {
    // First, since a namespace is entered while no other thread runs.
    let inside = namespace::enter();
    let files = folder()?;
    let [decoded, lines_looked_at, beside_goaccess] = lines::run(files.path(), report)?;
    let (capture, packets) = packets::capture(files.path())?;
    let [looked_at, beside_nfpcapd] = packets::run(files.path(), &capture, packets, report)?;
    let mirrored = inside.and_then(|()| mirror::run(files.path(), &capture, report));
    let [mirrored, beside_fastnetmon] = mirrored.unwrap_or_else(|error| {
        let reason = format!("{error:#}");
        [Err(reason.clone()), Err(reason)]
    });
    let figures =
        [decoded, lines_looked_at, beside_goaccess, looked_at, beside_nfpcapd, mirrored, beside_fastnetmon];
    bars(&figures).into_iter().for_each(|bar| report.bar(bar));
    Ok(())
}

fn bars(figures: &[Figure; 7]) -> Vec<Bar> {
    let mut bars = Vec::new();
    for ((name, least, unit), figure) in BARS.iter().zip(figures) {
        let (value, reason) = match figure {
            Ok(value) => (Some(*value), ""),
            Err(reason) => (None, reason.as_str()),
        };
        bars.push(Bar::at_least(name, value, *least, unit, reason));
    }
    bars
}

/// CPU seconds of a program that reads a file and ends; what it says goes nowhere.
fn cpu_seconds(program: &str, arguments: &[&str], inside: &Path) -> Result<f64> {
    let program = find(program).with_context(|| format!("{program} is not installed"))?;
    let before = children()?;
    let mut command = Command::new(&program);
    command.args(arguments).current_dir(inside).env("LC_ALL", "C");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let status = processor::on_cores(&[RECEIVING_CORE], || command.status().context("cannot start it"))?;
    ensure!(status.success(), "{} ended with {status}", program.display());
    Ok(children()? - before)
}

/// CPU seconds of all children that have ended.
fn children() -> Result<f64> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let seconds = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    Ok(seconds(usage.user_time()) + seconds(usage.system_time()))
}

/// Text of a rate, or why there is none.
fn cell(figure: &Figure) -> String {
    match figure {
        Ok(value) => format!("{value:.3}"),
        Err(reason) => format!("skipped: {reason}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Verdict;

    #[test]
    fn bars_are_as_many_whatever_was_measured() {
        let bars =
            bars(&[Ok(2.0), Ok(1.9), Ok(5.0), Err("a".to_owned()), Ok(1.0), Ok(0.5), Err("b".to_owned())]);
        let verdicts: Vec<Verdict> = bars.into_iter().map(|bar| bar.verdict).collect();
        let skipped = |why: &str| Verdict::Skipped(why.to_owned());
        assert_eq!(verdicts[..4], [Verdict::Holds, Verdict::Fails, Verdict::Holds, skipped("a")]);
        assert_eq!(verdicts[4..], [Verdict::Holds, Verdict::Fails, skipped("b")]);
    }

    #[test]
    fn a_program_takes_time_and_a_missing_one_is_named() {
        let here = std::env::temp_dir();
        assert!(cpu_seconds("true", &[], &here).is_ok_and(|seconds| seconds >= 0.0));
        let error = cpu_seconds("no-such-program", &[], &here).unwrap_err().to_string();
        assert_eq!(error, "no-such-program is not installed");
    }
}
