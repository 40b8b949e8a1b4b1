//! `cargo xtask fuzz`: builds the targets once, plants seeds, runs each for a while and reads libFuzzer's figures.
//!
//! Coverage instrumentation and sanitizers are unstable compiler flags. The compiler that builds the product accepts
//! them when `RUSTC_BOOTSTRAP=1` is set, so no nightly toolchain is needed. The variable is set for the fuzz build
//! alone. Where the address sanitizer cannot be linked, the targets run without it, and the report says so.

use std::fs;
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::process::{self, Finished};
use crate::test::{report::Report, steps};
use crate::{repo, seeds, tools};

/// Longest time for building all targets.
const BUILD_LIMIT: Duration = Duration::from_secs(40 * 60);
/// What a run may take beyond its seconds: the last input, and writing the corpus.
const GRACE: Duration = Duration::from_secs(120);
/// A single input that takes longer is a finding. Targets assert tighter bounds of their own.
const INPUT_TIMEOUT_SECONDS: u32 = 10;
/// More memory than this is a finding: memory is bounded by configuration and not by input.
const MEMORY_LIMIT_MEBIBYTES: u32 = 2048;
/// How many targets run side by side in the smoke; the smallest machine that is promised has two cores.
const SMOKE_JOBS: usize = 2;
/// How a target begins that does not call anything yet.
const PLACEHOLDER: &str = "//! placeholder";

/// Options of `cargo xtask fuzz`.
#[derive(Args)]
pub(crate) struct Options {
    /// The target, or `all`
    #[arg(default_value = "all")]
    target: String,
    /// Seconds for each target
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u64,
    /// Targets that run side by side
    #[arg(long, value_name = "N", default_value_t = 1)]
    jobs: usize,
}

/// What one target did.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    target: String,
    executions: u64,
    per_second: u64,
    peak_mebibytes: u64,
    /// Empty when there was no finding; else what happened.
    finding: String,
}

/// `cargo xtask fuzz TARGET|all`.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    tools::require_cargo_tool("cargo-fuzz")?;
    let mut targets = targets()?;
    if options.target != "all" {
        if !targets.contains(&options.target) {
            bail!("no fuzz target {:?}; there are: {}", options.target, targets.join(", "));
        }
        targets.retain(|target| *target == options.target);
    }
    let sanitizer = build()?;
    let outcomes = run_all(&targets, options.seconds, options.jobs, sanitizer)?;
    print_table(&outcomes, options.seconds, sanitizer);
    let clean = outcomes.iter().all(|outcome| outcome.finding.is_empty());
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Every target for some seconds, as a step of the tests.
pub(crate) fn smoke(seconds: u64) -> Result<Report> {
    let mut report = Report::default();
    let mut ready = Vec::new();
    let has_tool = tools::has_cargo_tool("cargo-fuzz");
    for target in targets()? {
        if is_placeholder(&target)? {
            report.skip(&format!("fuzz {target}"), "the target is a placeholder");
        } else if !has_tool {
            report.skip(&format!("fuzz {target}"), "cargo-fuzz is not installed");
        } else {
            ready.push(target);
        }
    }
    if ready.is_empty() {
        return Ok(report);
    }
    let sanitizer = build()?;
    let outcomes = run_all(&ready, seconds, SMOKE_JOBS, sanitizer)?;
    print_table(&outcomes, seconds, sanitizer);
    for outcome in outcomes {
        if outcome.finding.is_empty() {
            report.passed += 1;
        } else {
            report.fail(&format!("fuzz {}", outcome.target), &outcome.finding);
        }
    }
    Ok(report)
}

/// The targets that fuzz/Cargo.toml declares.
fn targets() -> Result<Vec<String>> {
    let mut command = process::cargo();
    command.args(["metadata", "--format-version=1", "--no-deps", "--manifest-path", "fuzz/Cargo.toml"]);
    let output = command.output()?;
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)
        .with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())?;
    let targets =
        metadata["packages"][0]["targets"].as_array().context("fuzz/Cargo.toml declares no targets")?;
    let mut names: Vec<String> =
        targets.iter().filter_map(|t| t["name"].as_str()).map(str::to_owned).collect();
    names.sort();
    Ok(names)
}

fn is_placeholder(target: &str) -> Result<bool> {
    let path = repo::root().join(format!("fuzz/fuzz_targets/{target}.rs"));
    Ok(fs::read_to_string(&path).with_context(|| path.display().to_string())?.starts_with(PLACEHOLDER))
}

/// Builds all targets and returns the sanitizer that worked.
fn build() -> Result<&'static str> {
    for sanitizer in ["address", "none"] {
        let mut command = cargo_fuzz();
        command.args(["build", "--sanitizer", sanitizer]);
        let finished = process::run(&format!("fuzz-build-{sanitizer}"), &mut command, BUILD_LIMIT)?;
        if finished.success {
            return Ok(sanitizer);
        }
        // An error in our own code is the same without a sanitizer; only a failed link may be mended.
        if sanitizer == "none" || !finished.mentions("linking with") {
            steps::show(&finished);
            break;
        }
    }
    bail!("the fuzz targets do not build")
}

fn cargo_fuzz() -> Command {
    let mut command = process::cargo();
    command.arg("fuzz").env("RUSTC_BOOTSTRAP", "1");
    command
}

fn run_all(targets: &[String], seconds: u64, jobs: usize, sanitizer: &str) -> Result<Vec<Outcome>> {
    let mut outcomes = Vec::new();
    for side_by_side in targets.chunks(jobs.max(1)) {
        let results = std::thread::scope(|scope| {
            let running: Vec<_> = side_by_side
                .iter()
                .map(|target| scope.spawn(move || run_one(target, seconds, sanitizer)))
                .collect();
            running.into_iter().map(std::thread::ScopedJoinHandle::join).collect::<Vec<_>>()
        });
        for result in results {
            outcomes
                .push(result.unwrap_or_else(|_| bail!("a thread that watches a fuzz target ended early"))?);
        }
    }
    Ok(outcomes)
}

fn run_one(target: &str, seconds: u64, sanitizer: &str) -> Result<Outcome> {
    let planted = seeds::plant(&repo::root(), target)?;
    println!("      {target}: {seconds} s, {planted} seeds");
    let mut command = cargo_fuzz();
    command.args(["run", "--sanitizer", sanitizer, target, "--", "-print_final_stats=1"]);
    command.arg(format!("-max_total_time={seconds}"));
    command.arg(format!("-timeout={INPUT_TIMEOUT_SECONDS}"));
    command.arg(format!("-rss_limit_mb={MEMORY_LIMIT_MEBIBYTES}"));
    let finished =
        process::run(&format!("fuzz-{target}"), &mut command, Duration::from_secs(seconds) + GRACE)?;
    Ok(read(target, &finished))
}

/// Takes libFuzzer's closing figures, and on a failure the line that names the input that caused it.
fn read(target: &str, finished: &Finished) -> Outcome {
    let figure = |name: &str| {
        let line = finished.lines.iter().rev().find_map(|line| line.strip_prefix(name));
        line.and_then(|rest| rest.trim_start_matches(':').trim().parse().ok()).unwrap_or(0)
    };
    let mut outcome = Outcome {
        target: target.to_owned(),
        executions: figure("stat::number_of_executed_units"),
        per_second: figure("stat::average_exec_per_sec"),
        peak_mebibytes: figure("stat::peak_rss_mb"),
        finding: String::new(),
    };
    if !finished.success {
        let telling = ["panicked at", "SUMMARY:", "Test unit written to", "error:"];
        let said = finished.lines.iter().filter(|line| telling.iter().any(|word| line.contains(word)));
        let said: Vec<_> = said.take(4).map(|line| line.trim()).collect();
        outcome.finding = format!("{} [{}]", said.join(" / "), finished.log.display());
    } else if outcome.executions == 0 {
        outcome.finding = format!("ran no input [{}]", finished.log.display());
    }
    outcome
}

fn print_table(outcomes: &[Outcome], seconds: u64, sanitizer: &str) {
    println!("      {seconds} s each, sanitizer: {sanitizer}");
    println!("      {:<12} {:>14} {:>12} {:>10}  findings", "target", "executions", "per second", "peak MiB");
    for outcome in outcomes {
        let finding = if outcome.finding.is_empty() { "none" } else { &outcome.finding };
        println!(
            "      {:<12} {:>14} {:>12} {:>10}  {finding}",
            outcome.target, outcome.executions, outcome.per_second, outcome.peak_mebibytes
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finished(success: bool, text: &str) -> Finished {
        let lines = text.lines().map(str::to_owned).collect();
        Finished { success, status: String::new(), lines, log: "log".into() }
    }

    const STATS: &str =
        "stat::number_of_executed_units: 41200\nstat::average_exec_per_sec:     2060\nstat::peak_rss_mb: 77";

    #[test]
    fn figures_are_read() {
        let outcome = read("netflow", &finished(true, STATS));
        assert_eq!((outcome.executions, outcome.per_second, outcome.peak_mebibytes), (41_200, 2_060, 77));
        assert!(outcome.finding.is_empty());
    }

    #[test]
    fn a_crash_and_an_empty_run_are_findings() {
        let crash = "thread panicked at src/a.rs:1\nTest unit written to artifacts/crash-1";
        assert!(read("netflow", &finished(false, crash)).finding.contains("crash-1"));
        assert!(read("netflow", &finished(true, "")).finding.contains("no input"));
    }
}
