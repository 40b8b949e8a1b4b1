//! The steps that are one command each.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::report::Report;
use crate::{process, tools};

/// Longest time for a step that compiles.
const BUILD_LIMIT: Duration = Duration::from_secs(30 * 60);
/// Longest time for the demo once it is built; it is meant to take 20 s.
const DEMO_LIMIT: Duration = Duration::from_secs(120);
/// Lines shown of a command that failed.
const SHOWN_LINES: usize = 60;

/// Formatting of the workspace and of the fuzz workspace.
pub(crate) fn fmt() -> Result<Report> {
    let mut report =
        one("fmt", process::cargo().args(["fmt", "--all", "--check", "--", "--color=never"]), BUILD_LIMIT)?;
    let mut command = process::cargo();
    command.args(["fmt", "--check", "--manifest-path", "fuzz/Cargo.toml", "--", "--color=never"]);
    report.add(one("fmt-fuzz", &mut command, BUILD_LIMIT)?);
    Ok(report)
}

/// Lints of all crates and of their tests.
pub(crate) fn clippy() -> Result<Report> {
    let mut command = process::cargo();
    command.args(["clippy", "--workspace", "--all-targets", "--keep-going", "--", "-D", "warnings"]);
    one("clippy", &mut command, BUILD_LIMIT)
}

/// The documentation builds, and no link inside it is broken.
pub(crate) fn doc() -> Result<Report> {
    let mut command = process::cargo();
    command.args(["doc", "--no-deps", "--workspace"]);
    command.env("RUSTDOCFLAGS", "-D warnings");
    one("doc", &mut command, BUILD_LIMIT)
}

/// `cargo deny` with the rules in deny.toml. Advisories need a database from the network, so they stand alone.
pub(crate) fn deny() -> Result<Report> {
    let mut report = Report::default();
    if !tools::has_cargo_tool("cargo-deny") {
        report.skip("step deny", "cargo-deny is not installed");
        return Ok(report);
    }
    for check in ["bans", "licenses", "sources"] {
        let mut command = process::cargo();
        command.args(["deny", "--workspace", "--all-features", "check", check]);
        report.add(one(&format!("deny-{check}"), &mut command, BUILD_LIMIT)?);
    }
    let mut command = process::cargo();
    command.args(["deny", "--workspace", "--all-features", "check", "advisories"]);
    let finished = process::run("deny-advisories", &mut command, BUILD_LIMIT)?;
    if finished.success {
        report.passed += 1;
    } else if ["failed to fetch advisory database", "failed to load advisory database"]
        .iter()
        .any(|t| finished.mentions(t))
    {
        report.skip("deny-advisories", "the advisory database cannot be reached from here");
    } else {
        show(&finished);
        report.fail("deny-advisories", &finished.status);
    }
    Ok(report)
}

/// The bundled day, played through the real pipeline in the build that users run.
pub(crate) fn demo() -> Result<Report> {
    let mut build = process::cargo();
    build.args(["build", "--release", "--package", "hemicycle"]);
    let mut report = one("demo-build", &mut build, BUILD_LIMIT)?;
    if !report.failed.is_empty() {
        return Ok(report);
    }
    // The program itself and not `cargo run`, so that the time limit ends what it means to end.
    let mut play = Command::new(process::target_folder()?.join("release/hemicycle"));
    play.args(["demo", "--exit"]).current_dir(crate::repo::root());
    let started = Instant::now();
    report.add(one("demo-play", &mut play, DEMO_LIMIT)?);
    println!("      the demo took {:.1} s", started.elapsed().as_secs_f64());
    Ok(report)
}

/// One command that must exit 0.
pub(crate) fn one(name: &str, command: &mut Command, limit: Duration) -> Result<Report> {
    let finished = process::run(name, command, limit)?;
    let mut report = Report::default();
    if finished.success {
        report.passed = 1;
    } else {
        show(&finished);
        report.fail(name, &finished.status);
    }
    Ok(report)
}

/// Prints the end of a failed command's output.
pub(crate) fn show(finished: &process::Finished) {
    println!("      ---- last lines of {}", finished.log.display());
    for line in finished.tail(SHOWN_LINES) {
        println!("      | {line}");
    }
}
