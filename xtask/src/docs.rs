//! `cargo xtask docs`: the documents that the product writes about itself, so that they cannot say something else
//! than the code. To add one, add a line to [`GENERATED`].

use std::fs;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::picture;
use crate::process;
use crate::repo;
use crate::test::report::Report;

/// A document and how it is made.
struct Generated {
    file: &'static str,
    by: By,
}

enum By {
    /// `hemicycle` prints it on standard output when given these arguments.
    Command(&'static [&'static str]),
    /// A picture of a run of the demonstration; not compared, because a debug build would take long to play it.
    Picture,
    /// A test of this package compares it, and writes it when this variable is set.
    Test { package: &'static str, test: &'static str, variable: &'static str },
}

const GENERATED: &[Generated] = &[
    Generated {
        file: "docs/institution-file.md",
        by: By::Test {
            package: "institution",
            test: "reference_is_the_committed_one",
            variable: "UPDATE_REFERENCE",
        },
    },
    Generated { file: "docs/demo.svg", by: By::Picture },
    command("docs/configuration.md", &["generate", "configuration"]),
    command("docs/man/hemicycle.1", &["generate", "man"]),
    command("docs/man/hemicycle-check.1", &["generate", "man", "check"]),
    command("docs/man/hemicycle-expose.1", &["generate", "man", "expose"]),
    command("docs/man/hemicycle-import.1", &["generate", "man", "import"]),
    command("docs/man/hemicycle-replay.1", &["generate", "man", "replay"]),
    command("docs/man/hemicycle-learn.1", &["generate", "man", "learn"]),
    command("docs/man/hemicycle-serve.1", &["generate", "man", "serve"]),
    command("docs/man/hemicycle-doctor.1", &["generate", "man", "doctor"]),
    command("docs/man/hemicycle-ledger.1", &["generate", "man", "ledger"]),
    command("docs/man/hemicycle-user.1", &["generate", "man", "user"]),
    command("docs/man/hemicycle-notify.1", &["generate", "man", "notify"]),
    command("docs/man/hemicycle-foresee.1", &["generate", "man", "foresee"]),
    command("docs/man/hemicycle-demo.1", &["generate", "man", "demo"]),
    command("docs/completions/hemicycle.bash", &["generate", "completions", "bash"]),
    command("docs/completions/hemicycle.fish", &["generate", "completions", "fish"]),
    command("docs/completions/_hemicycle", &["generate", "completions", "zsh"]),
];

const fn command(file: &'static str, arguments: &'static [&'static str]) -> Generated {
    Generated { file, by: By::Command(arguments) }
}

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
        println!("documents that a test compares are checked by `cargo xtask test --only tests`");
        for item in &report.failed {
            println!("{}: {}", item.name, item.detail);
        }
        return Ok(if report.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    for document in GENERATED {
        match &document.by {
            By::Command(arguments) => {
                let path = repo::root().join(document.file);
                if let Some(folder) = path.parent() {
                    fs::create_dir_all(folder)?;
                }
                let text = print(arguments)?;
                fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
            }
            By::Picture => {
                let run = ["run", "--quiet", "--release", "--package", "hemicycle", "--"];
                let demo = ["demo", "--exit", "--color", "never"];
                let printed = output(process::cargo().args(run).args(demo))?;
                let picture = picture::of_demo(&String::from_utf8_lossy(&printed))?;
                fs::write(repo::root().join(document.file), picture)?;
            }
            By::Test { package, test, variable } => {
                output(process::cargo().args(["test", "--package", package, test]).env(variable, "1"))?;
            }
        }
        println!("{}", document.file);
    }
    Ok(ExitCode::SUCCESS)
}

/// Each document against what the product says now. Those that a test compares are left to that test.
pub(crate) fn check() -> Result<Report> {
    let mut report = Report::default();
    for document in GENERATED {
        let By::Command(arguments) = &document.by else { continue };
        let written = fs::read(repo::root().join(document.file)).unwrap_or_default();
        if print(arguments)? == written {
            report.passed += 1;
        } else {
            report.fail(document.file, "not current; run `cargo xtask docs`");
        }
    }
    Ok(report)
}

fn print(arguments: &[&str]) -> Result<Vec<u8>> {
    let text =
        output(process::cargo().args(["run", "--quiet", "--package", "hemicycle", "--"]).args(arguments))?;
    if text.is_empty() {
        bail!("`hemicycle {}` printed nothing", arguments.join(" "));
    }
    Ok(text)
}

fn output(command: &mut Command) -> Result<Vec<u8>> {
    let output = command.output().context("cannot start cargo")?;
    if !output.status.success() {
        bail!("{command:?} failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(output.stdout)
}
