//! The tasks of this repository: `cargo xtask --help`.
//!
//! One program in place of shell scripts, so that a task behaves the same on every machine, can be tested, and is
//! read by the people who read the rest. It knows the product only as commands and files: it depends on no other
//! crate of the workspace, so that a crate that does not compile is a reported failure and not the end of the run.

mod docs;
mod fetched;
mod fuzz;
mod lab;
mod package;
mod picture;
mod process;
mod python;
mod repo;
mod seeds;
mod test;
mod tidy;
mod tools;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Tasks of this repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Check everything: formatting, lints, licences, documentation, tests, a fuzz smoke, the demo
    ///
    /// Installs missing Debian packages and cargo tools when it runs as root with apt-get present (as in a container
    /// or in CI) or when told to by --install, and says which and why. A failing step does not stop the later ones.
    /// The last line is the totals: `N passed, N failed, N skipped`; the lines before it name each failure and each
    /// skipped test with its reason. Exits 1 when anything failed.
    Test(test::Options),
    /// Run fuzz targets and print executions, speed and findings of each
    ///
    /// Needs cargo-fuzz and a C++ compiler, and no nightly toolchain. Seeds from data/ are added to each corpus.
    /// Exits 1 when a target had a finding.
    Fuzz(fuzz::Options),
    /// Run an evaluation of the lab: `cargo xtask lab detect --json`
    Lab(lab::Options),
    /// Regenerate the documents that the product writes about itself
    Docs(docs::Options),
    /// Make what a site installs: Debian package, static binary, list of parts (CycloneDX), checksums, signature
    Package(package::Options),
    /// Install the Debian packages, cargo tools and checkers that the tests use
    Setup,
}

fn main() -> ExitCode {
    let result = match Arguments::parse().task {
        Task::Test(options) => test::run(&options),
        Task::Fuzz(options) => fuzz::run(&options),
        Task::Lab(options) => lab::run(&options),
        Task::Docs(options) => docs::run(&options),
        Task::Package(options) => package::run(&options),
        Task::Setup => tools::setup(),
    };
    result.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
