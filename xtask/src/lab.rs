//! `cargo xtask lab NAME …`: an evaluation, in the build that users run. Everything after NAME is handed on.
//!
//! The product is built too: some evaluations run it as users do, as a program beside the laboratory.

use std::ffi::OsString;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use clap::Args;

use crate::repo;

/// Options of `cargo xtask lab`.
#[derive(Args)]
#[command(after_help = "Each evaluation prints its tables and ends with `lab NAME: H of M bars hold`; \
    it exits 0 only if H equals M. `cargo xtask lab NAME --help` lists its own options.")]
pub(crate) struct Options {
    /// The evaluation (detect, throughput, latency, memory, web, console, foresee or expose), then its options: --data FOLDER, --json, --write
    #[arg(value_name = "NAME", required = true, num_args = 1.., trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

/// Builds both as packages are built, and runs it where the caller stands, so that a relative --data means what it says, and takes over its exit code.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(&cargo)
        .args(["build", "--quiet", "--profile", "dist", "--package", "hemicycle", "--manifest-path"])
        .arg(repo::root().join("Cargo.toml"))
        .status()
        .context("cannot start cargo")?;
    if !built.success() {
        return Ok(ExitCode::FAILURE);
    }
    let status = Command::new(cargo)
        .args(["run", "--quiet", "--profile", "dist", "--package", "lab", "--manifest-path"])
        .arg(repo::root().join("Cargo.toml"))
        .arg("--")
        .args(&options.arguments)
        .status()
        .context("cannot start cargo")?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
