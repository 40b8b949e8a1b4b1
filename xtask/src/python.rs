//! The Python that tests open the product's files with: an environment of its own below `target/xtask`, so that nothing of
//! the machine is changed. To add a package, add a line to [`PACKAGES`].

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::process;
use crate::repo;
use crate::test::report::Report;

/// A package of PyPI, the module by which it is recognised, and the reason it is here.
struct Package {
    name: &'static str,
    version: &'static str,
    module: &'static str,
    why: &'static str,
}

const PACKAGES: &[Package] = &[
    package("pandas", "3.1.1", "pandas", "opens the flow records of a flood as analysts do"),
    package("pyarrow", "26.0.1", "pyarrow", "reads Parquet for pandas"),
    package("duckdb", "2.0.1", "duckdb", "opens the same with SQL"),
    package("stix2-validator", "3.3.2", "stix2validator", "judges the bundles of STIX that go out"),
    package("pymisp", "2.5.34.4", "pymisp", "loads the events of MISP that go out"),
];

const fn package(
    name: &'static str,
    version: &'static str,
    module: &'static str,
    why: &'static str,
) -> Package {
    Package { name, version, module, why }
}

/// Longest time for all of them: they come compiled.
const INSTALL_LIMIT: Duration = Duration::from_secs(10 * 60);

/// The interpreter of the environment; tests look for it there.
fn interpreter() -> PathBuf {
    repo::root().join("target/xtask/python/bin/python3")
}

fn has(module: &str) -> bool {
    let python = interpreter();
    let mut command = Command::new(if python.exists() { python } else { PathBuf::from("python3") });
    let output = command.args(["-c", &format!("import {module}")]).output();
    output.is_ok_and(|output| output.status.success())
}

/// Makes the environment and installs what is missing, if that is allowed. What could not be had is skipped, by name.
///
/// # Errors
/// When a command cannot be started at all.
pub(crate) fn ensure(may_install: bool, report: &mut Report) -> Result<()> {
    let missing: Vec<&Package> = PACKAGES.iter().filter(|package| !has(package.module)).collect();
    report.passed += (PACKAGES.len() - missing.len()) as u64;
    if missing.is_empty() {
        return Ok(());
    }
    for package in &missing {
        println!("      missing Python package {}: {}", package.name, package.why);
    }
    let reason = if may_install {
        install(&missing)?
    } else {
        "not installed (may not: run as root, or `cargo xtask setup`)".to_owned()
    };
    for package in missing {
        if has(package.module) {
            report.passed += 1;
        } else {
            report
                .skip(&format!("Python package {}", package.name), &format!("{reason}; it {}", package.why));
        }
    }
    Ok(())
}

/// Returns the reason to give for what is still missing afterwards.
fn install(missing: &[&Package]) -> Result<String> {
    let python = interpreter();
    if !python.exists() {
        let folder = repo::root().join("target/xtask/python");
        let mut make = Command::new("python3");
        make.args(["-m", "venv"]).arg(&folder);
        let made = process::run("python-venv", &mut make, INSTALL_LIMIT)?;
        if !made.success {
            return Ok(format!("python3 -m venv failed ({})", made.status));
        }
    }
    let mut command = Command::new(&python);
    command.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--only-binary",
        ":all:",
    ]);
    command.args(missing.iter().map(|package| format!("{}=={}", package.name, package.version)));
    let installed = process::run("pip-install", &mut command, INSTALL_LIMIT)?;
    let reason =
        if installed.success { "installed, but it cannot be imported" } else { "pip install failed" };
    Ok(format!("{reason} ({})", installed.status))
}

/// For the list of tools: what, and why.
pub(crate) fn list() -> impl Iterator<Item = (&'static str, &'static str)> {
    PACKAGES.iter().map(|package| (package.name, package.why))
}

/// How many there are.
#[cfg(test)]
pub(crate) const COUNT: usize = PACKAGES.len();
