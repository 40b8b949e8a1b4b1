//! The Python that tests open the product's files with: an environment of its own below `<target>/xtask`, so that nothing of
//! the machine is changed. To add a package, add a line to [`PACKAGES`].

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::process;
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

/// The environment's folder below that of this task; tests look for it there.
pub(crate) const FOLDER: &str = "python";

/// Whether the environment has a package in the version that was looked at.
fn is_pinned(python: &Path, package: &Package) -> bool {
    let Package { name, version, module, .. } = package;
    runs(
        python,
        &format!(
            "import importlib.metadata as m, {module}; raise SystemExit(m.version('{name}') != '{version}')"
        ),
    )
}

fn runs(python: &Path, script: &str) -> bool {
    let output = Command::new(python).args(["-c", script]).output();
    output.is_ok_and(|output| output.status.success())
}

/// Makes the environment and installs what is missing, if that is allowed. What could not be had is skipped, by name.
///
/// Where nothing may be installed, a module of the system's Python serves in whatever version it has: that is said.
///
/// # Errors
/// When a command cannot be started at all.
pub(crate) fn ensure(may_install: bool, report: &mut Report) -> Result<()> {
    let folder = process::own_folder()?.join(FOLDER);
    let python = folder.join("bin/python3");
    let missing: Vec<&Package> = PACKAGES.iter().filter(|package| !is_pinned(&python, package)).collect();
    report.passed += (PACKAGES.len() - missing.len()) as u64;
    if missing.is_empty() {
        return Ok(());
    }
    for package in &missing {
        println!("      missing Python package {} {}: {}", package.name, package.version, package.why);
    }
    let reason = if may_install {
        install(&folder, &python, &missing)?
    } else {
        "not installed (may not: run as root, or `cargo xtask setup`)".to_owned()
    };
    for package in missing {
        if is_pinned(&python, package) {
            report.passed += 1;
        } else if !may_install && runs(Path::new("python3"), &format!("import {}", package.module)) {
            println!("      the system's {} serves, which may be another version", package.module);
            report.passed += 1;
        } else {
            report
                .skip(&format!("Python package {}", package.name), &format!("{reason}; it {}", package.why));
        }
    }
    Ok(())
}

/// Returns the reason to give for what is still missing afterwards.
fn install(folder: &Path, python: &Path, missing: &[&Package]) -> Result<String> {
    if !python.exists() {
        let mut make = Command::new("python3");
        make.args(["-m", "venv"]).arg(folder);
        let made = process::run("python-venv", &mut make, INSTALL_LIMIT)?;
        if !made.success {
            return Ok(format!("python3 -m venv failed ({})", made.status));
        }
    }
    let mut command = Command::new(python);
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
    let reason = if installed.success {
        "installed, but it cannot be imported in this version"
    } else {
        "pip install failed"
    };
    Ok(format!("{reason} ({})", installed.status))
}

/// For the list of tools: what, and why.
pub(crate) fn list() -> impl Iterator<Item = (&'static str, &'static str)> {
    PACKAGES.iter().map(|package| (package.name, package.why))
}

/// How many there are.
#[cfg(test)]
pub(crate) const COUNT: usize = PACKAGES.len();

#[cfg(test)]
mod tests {
    use super::*;

    /// A Python that has the module in another version, as the system's may, is not what was looked at.
    #[test]
    fn only_the_pinned_version_is_the_package() {
        let Some(python) = crate::repo::find_program("python3") else {
            println!("skipped: only_the_pinned_version_is_the_package: python3 is not installed");
            return;
        };
        let folder = tempfile::tempdir().unwrap();
        let info = folder.path().join("made_up-1.2.dist-info");
        std::fs::create_dir(&info).unwrap();
        std::fs::write(info.join("METADATA"), "Metadata-Version: 2.1\nName: made-up\nVersion: 1.2\n")
            .unwrap();
        std::fs::write(folder.path().join("made_up.py"), "").unwrap();
        let wrapper = folder.path().join("python3");
        let script =
            format!("#!/bin/sh\nPYTHONPATH={} exec {} \"$@\"\n", folder.path().display(), python.display());
        std::fs::write(&wrapper, script).unwrap();
        std::fs::set_permissions(&wrapper, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        assert!(is_pinned(&wrapper, &package("made-up", "1.2", "made_up", "")));
        assert!(!is_pinned(&wrapper, &package("made-up", "1.3", "made_up", "")));
        assert!(!is_pinned(&wrapper, &package("made-up", "1.2", "not_there", "")));
        assert!(!is_pinned(Path::new("/nowhere/python3"), &package("made-up", "1.2", "made_up", "")));
    }
}
