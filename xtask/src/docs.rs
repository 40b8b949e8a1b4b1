//! `cargo xtask docs`: the documents that the product writes about itself, so that they cannot say something else
//! than the code. To add one, add a line to [`GENERATED`].

use std::fs;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::process;
use crate::repo;
use crate::test::report::Report;

/// A document and the `hemicycle` arguments that print it on standard output.
struct Generated {
    file: &'static str,
    arguments: &'static [&'static str],
}

const GENERATED: &[Generated] = &[];

/// Options of `cargo xtask docs`.
#[derive(Args)]
pub(crate) struct Options {
    /// Change nothing; exit 1 when a document is not current
    #[arg(long)]
    check: bool,
}

/// Writes every document, or compares it.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    if options.check {
        let report = check()?;
        for item in &report.failed {
            println!("{}: {}", item.name, item.detail);
        }
        return Ok(if report.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    for document in GENERATED {
        let path = repo::root().join(document.file);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&path, print(document)?).with_context(|| format!("cannot write {}", path.display()))?;
        println!("{}", document.file);
    }
    Ok(ExitCode::SUCCESS)
}

/// Each document against what the product says now.
pub(crate) fn check() -> Result<Report> {
    let mut report = Report::default();
    for document in GENERATED {
        let now = print(document)?;
        let written = fs::read(repo::root().join(document.file)).unwrap_or_default();
        if now == written {
            report.passed += 1;
        } else {
            report.fail(document.file, "not current; run `cargo xtask docs`");
        }
    }
    Ok(report)
}

fn print(document: &Generated) -> Result<Vec<u8>> {
    let mut command = process::cargo();
    command.args(["run", "--quiet", "--package", "hemicycle", "--"]).args(document.arguments);
    let output = command.output().context("cannot start cargo")?;
    if !output.status.success() || output.stdout.is_empty() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("`hemicycle {}` gave no document: {}", document.arguments.join(" "), said.trim());
    }
    Ok(output.stdout)
}
