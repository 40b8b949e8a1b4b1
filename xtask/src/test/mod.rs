//! `cargo xtask test`: every check that a change must pass, in one command, on any machine.
//!
//! The steps are a table ([`STEPS`]), run in order, cheapest first. A step returns what it found; a failing step
//! does not stop the later ones, so that one run shows everything that is wrong. The output of each command is kept
//! in `target/xtask/<step>.log` and its end is printed when the step fails.

mod harness;
pub(crate) mod report;
pub(crate) mod steps;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, bail};
use clap::Args;

use crate::tools::{self, Install};
use crate::{fetched, fuzz, tidy};
use report::Report;

/// How long each fuzz target runs in the smoke when nothing else is said.
const FUZZ_SECONDS: u64 = 20;

/// Options of `cargo xtask test`.
#[derive(Args, Default)]
pub(crate) struct Options {
    /// Run only this step (may be given several times)
    #[arg(long, value_name = "STEP")]
    only: Vec<String>,
    /// Leave this step out (may be given several times); it is counted as skipped
    #[arg(long, value_name = "STEP")]
    skip: Vec<String>,
    /// Install what is missing even when not root (uses sudo without asking for a password)
    #[arg(long, conflicts_with = "no_install")]
    install: bool,
    /// Install nothing; tests whose tools are missing are skipped
    #[arg(long)]
    no_install: bool,
    /// Seconds for each target in the fuzz smoke
    #[arg(long, value_name = "N", default_value_t = FUZZ_SECONDS)]
    fuzz_seconds: u64,
    /// List the steps and the tools that they use, and do nothing
    #[arg(long)]
    list: bool,
}

impl Options {
    fn install(&self) -> Install {
        match (self.install, self.no_install) {
            (true, _) => Install::Yes,
            (_, true) => Install::No,
            _ => Install::WhenRoot,
        }
    }
}

/// One step of the run.
struct Step {
    name: &'static str,
    what: &'static str,
    run: fn(&Options) -> Result<Report>,
}

const STEPS: &[Step] = &[
    step("tools", "finds the programs that the tests use and installs what is missing", |options| {
        tools::ensure(options.install())
    }),
    step("tidy", "file sizes, provenance of data/, layers, links, leftovers", |_| Ok(tidy::check())),
    step("fmt", "cargo fmt --check, workspace and fuzz", |_| steps::fmt()),
    step("clippy", "cargo clippy --workspace --all-targets -- -D warnings", |_| steps::clippy()),
    step("deny", "cargo deny: licences, banned crates, sources, advisories", |_| steps::deny()),
    step("doc", "cargo doc --no-deps --workspace with warnings denied", |_| steps::doc()),
    step("tests", "all tests (cargo nextest, else cargo test)", |_| harness::tests()),
    step("doctests", "the examples in the documentation (cargo test --doc)", |_| harness::doctests()),
    step("generated", "the documents made by `cargo xtask docs` are current", |_| crate::docs::check()),
    step("fuzz", "every fuzz target for some seconds", |options| fuzz::smoke(options.fuzz_seconds)),
    step(
        "package",
        "the Debian package in a fresh Debian: install, start, upgrade over a flood, remove",
        |_| crate::package::trial::step(),
    ),
    step("demo", "cargo run --release -- demo --exit", |_| steps::demo()),
];

const fn step(name: &'static str, what: &'static str, run: fn(&Options) -> Result<Report>) -> Step {
    Step { name, what, run }
}

/// Runs the steps that were asked for and prints the totals.
///
/// # Errors
/// When a step is named that does not exist.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    for name in options.only.iter().chain(&options.skip) {
        if !STEPS.iter().any(|step| step.name == name) {
            let names: Vec<_> = STEPS.iter().map(|step| step.name).collect();
            bail!("no step is called {name:?}; the steps are: {}", names.join(", "));
        }
    }
    if options.list {
        list();
        return Ok(ExitCode::SUCCESS);
    }
    let started = Instant::now();
    let chosen: Vec<_> = STEPS
        .iter()
        .filter(|s| options.only.is_empty() || options.only.iter().any(|n| n == s.name))
        .collect();
    let mut total = Report::default();
    for (index, step) in chosen.iter().enumerate() {
        if options.skip.iter().any(|name| name == step.name) {
            total.skip(&format!("step {}", step.name), "left out by --skip");
            continue;
        }
        println!("[{}/{}] {}: {}", index + 1, chosen.len(), step.name, step.what);
        total.add(run_step(step, options));
    }
    summary(&total, started.elapsed().as_secs_f64());
    Ok(if total.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn run_step(step: &Step, options: &Options) -> Report {
    let started = Instant::now();
    let report = (step.run)(options).unwrap_or_else(|error| {
        let mut report = Report::default();
        report.fail(&format!("step {}", step.name), &format!("{error:#}"));
        report
    });
    let word = if report.failed.is_empty() { "ok" } else { "FAILED" };
    println!("      {word} in {:.1} s: {report}", started.elapsed().as_secs_f64());
    report
}

/// The totals come last and alone on their line: CI and people read that line.
fn summary(total: &Report, seconds: f64) {
    println!();
    for item in &total.failed {
        println!("failed: {}: {}", item.name, item.detail);
    }
    for item in &total.skipped {
        println!("skipped: {}: {}", item.name, item.detail);
    }
    println!("whole run: {seconds:.0} s");
    println!("{total}");
}

fn list() {
    println!("Steps, in order:");
    for step in STEPS {
        println!("  {:<10} {}", step.name, step.what);
    }
    println!("\nDebian packages that tests use:");
    for package in tools::PACKAGES {
        println!("  {:<15} {}", package.name, package.why);
    }
    println!("\nPython packages, in an environment of their own:");
    for (name, why) in crate::python::list() {
        println!("  {name:<15} {why}");
    }
    println!("\nCargo tools:");
    for tool in tools::CARGO_TOOLS {
        println!("  {:<15} {:<8} {}", tool.name, tool.version, tool.why);
    }
    println!("\nFetched:");
    for item in fetched::FETCHED {
        println!("  {:<15} {:<8} {}", item.name, item.version, item.why);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_step_is_refused() {
        let options = Options { only: vec!["fnt".to_owned()], ..Options::default() };
        assert!(run(&options).unwrap_err().to_string().contains("fnt"));
    }

    #[test]
    fn an_error_in_a_step_is_a_failure_of_that_step() {
        let broken = step("broken", "fails", |_| bail!("no such thing"));
        let report = run_step(&broken, &Options::default());
        assert_eq!(report.to_string(), "0 passed, 1 failed, 0 skipped");
        assert_eq!(report.failed[0].detail, "no such thing");
    }
}
