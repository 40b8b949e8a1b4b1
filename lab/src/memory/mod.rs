//! `lab memory`: what tens of millions of forged sources do to memory and speed.
//!
//! Every record or packet has a source of its own and goes to one of 65,536 protected addresses. Each input runs in a
//! process of its own, so that its peak (VmHWM, counted by the kernel) is its own; making the traffic is in that peak
//! and not in the time.

mod flood;

use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::Value;

use crate::report::{Bar, Report};
use crate::table::Table;

/// Most memory, in MiB.
const MOST_MEBIBYTES: f64 = 256.0;
/// Speed of the last tenth by that of the first one, at least.
const LEAST_SPEED: f64 = 0.8;
/// Sources for which the bars are set.
const SOURCES: u64 = 50_000_000;

/// Options of `lab memory`.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Different sources of each input
    #[arg(long, default_value_t = SOURCES)]
    sources: u64,
    /// Seed of everything that is generated
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// One JSON object a line for each figure and each bar, before the closing line
    #[arg(long)]
    json: bool,
    /// Write the tables to docs/measured/memory.md
    #[arg(long)]
    write: bool,
    /// Run this input here and print its figures
    #[arg(long, hide = true)]
    inside: Option<flood::Input>,
}

/// Runs the evaluation. Gives whether all bars hold.
pub(crate) fn run(options: &Options) -> Result<bool> {
    if let Some(input) = options.inside {
        println!("{}", flood::run(input, options.sources, options.seed)?);
        return Ok(true);
    }
    let mut report = Report::new("memory", options.json);
    let mut table = Table::new(
        format!("{} forged sources onto 65,536 addresses, seed {}", options.sources, options.seed),
        &["input", "peak MiB", "M records/s in each tenth (CPU time)", "floods", "what did not fit"],
    );
    for input in flood::Input::ALL {
        match inside(input, options) {
            Ok(found) => {
                report.line(&found);
                table.row(row(input, &found));
                bars(input, Some(&found), options, "", &mut report);
            }
            Err(error) => bars(input, None, options, &format!("{error:#}"), &mut report),
        }
    }
    report.table(table);
    report.finish(options.write)
}

/// The same program again, for one input.
fn inside(input: flood::Input, options: &Options) -> Result<Value> {
    let output = Command::new(std::env::current_exe()?)
        .args(["memory", "--inside", input.name()])
        .args(["--sources", &options.sources.to_string(), "--seed", &options.seed.to_string()])
        .output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
    serde_json::from_slice(&output.stdout).context("the figures of one input")
}

fn row(input: flood::Input, found: &Value) -> Vec<String> {
    let tenths = found["million_per_second"].as_array().map_or(&[][..], Vec::as_slice);
    let tenths: Vec<String> =
        tenths.iter().map(|tenth| format!("{:.2}", tenth.as_f64().unwrap_or(0.0))).collect();
    vec![
        input.name().to_owned(),
        format!("{:.0}", mebibytes(found).unwrap_or(0.0)),
        tenths.join(" "),
        found["floods"].to_string(),
        found["refused"].as_str().unwrap_or_default().to_owned(),
    ]
}

fn mebibytes(found: &Value) -> Option<f64> {
    Some(found["peak_bytes"].as_u64()? as f64 / f64::from(1 << 20))
}

fn bars(input: flood::Input, found: Option<&Value>, options: &Options, reason: &str, report: &mut Report) {
    let fewer = format!("only {} sources were asked for", options.sources);
    let (found, reason) = if options.sources < SOURCES { (None, fewer.as_str()) } else { (found, reason) };
    let name = format!("{}: peak memory", input.name());
    report.bar(Bar::at_most(&name, found.and_then(mebibytes), MOST_MEBIBYTES, " MiB", reason));
    let tenth = |which: usize| found.and_then(|found| found["million_per_second"][which].as_f64());
    let speed = tenth(9).zip(tenth(0)).map(|(last, first)| last / first);
    let name = format!("{}: speed of the last tenth by the first", input.name());
    report.bar(Bar::at_least(&name, speed, LEAST_SPEED, "", reason));
}
