//! What the tests use that is not Rust: Debian packages and cargo tools, why each is needed, and how it is installed.
//!
//! Only what a test or a check starts is listed; what recorded the fixtures is named in lab/record/README.md.
//! To add one, add a line to [`PACKAGES`], [`CARGO_TOOLS`] or [`fetched::FETCHED`]. A test that needs a program and does not find it prints
//! `skipped: <test>: <reason>` and passes (see CONTRIBUTING.md), so nothing here is needed to build or use the product.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Result, bail};

use crate::fetched;
use crate::process::{self, Finished};
use crate::python;
use crate::repo;
use crate::test::report::Report;

/// A Debian package, the program by which it is recognised, and the reason it is here.
pub(crate) struct Package {
    pub(crate) name: &'static str,
    pub(crate) program: &'static str,
    pub(crate) why: &'static str,
}

/// A program that cargo installs from crates.io, in the version that this repository was tested with.
pub(crate) struct CargoTool {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    pub(crate) why: &'static str,
}

/// Debian packages that tests use (names as in Debian 12).
pub(crate) const PACKAGES: &[Package] = &[
    package("g++", "c++", "compiles libFuzzer for the fuzz targets"),
    package("iproute2", "ip", "makes the network namespaces and cables in which mirror ports are tested"),
    package("tcpreplay", "tcpreplay", "sends recorded packets to a mirror port"),
    package("procps", "sysctl", "keeps IPv6 of the test's cables silent"),
    package("bsdutils", "logger", "sends syslog by UDP and TCP as services do"),
    package("debootstrap", "debootstrap", "makes the fresh Debian in which the package is tried"),
    package("systemd-container", "systemd-nspawn", "boots it"),
    package(
        "musl-tools",
        "musl-gcc",
        "compiles the C parts of the static binary; the musl target of Rust comes by rustup",
    ),
    package("minisign", "minisign", "signs and verifies the checksums of a release"),
    package("binutils", "objdump", "says which C library the package needs"),
    package(
        "python3-aiosmtpd",
        "aiosmtpd",
        "a real mail server for notifications; its python3 checks a webhook as the page says",
    ),
    package("python3-venv", "python3", "the environment in which others' programs open evidence files"),
    package("tshark", "tshark", "opens the headers that are kept of a flood"),
    package("curl", "curl", "asks the console as people and programs do"),
    package("openssl", "openssl", "sends syslog by TLS, and makes the certificate for it"),
    package("chromium", "chromium", "opens the pages of the console as people do"),
];

/// Cargo tools that the checks use.
pub(crate) const CARGO_TOOLS: &[CargoTool] = &[
    cargo_tool(
        "cargo-nextest",
        "0.9.143",
        "runs each test in a process of its own with a time limit (else: cargo test)",
    ),
    cargo_tool("cargo-deny", "0.20.2", "licences, banned crates, sources, advisories"),
    cargo_tool("cargo-fuzz", "0.13.2", "runs the fuzz targets"),
];

const fn package(name: &'static str, program: &'static str, why: &'static str) -> Package {
    Package { name, program, why }
}

const fn cargo_tool(name: &'static str, version: &'static str, why: &'static str) -> CargoTool {
    CargoTool { name, version, why }
}

/// Debian's switch that keeps packages from starting their services.
const SERVICE_POLICY: &str = "/usr/sbin/policy-rc.d";
/// Longest time for one package or tool: cargo-deny compiles for some minutes on two cores.
const INSTALL_LIMIT: Duration = Duration::from_secs(20 * 60);

/// Whether missing things are installed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Install {
    /// Never: what is missing is reported.
    No,
    /// Only on a machine that looks made for it: root, with apt-get.
    WhenRoot,
    /// Always tried.
    Yes,
}

impl Install {
    fn allowed(self) -> bool {
        match self {
            Install::No => false,
            Install::WhenRoot => is_root() && repo::find_program("apt-get").is_some(),
            Install::Yes => true,
        }
    }
}

/// `cargo xtask setup`.
pub(crate) fn setup() -> Result<ExitCode> {
    let report = ensure(Install::Yes)?;
    for item in &report.skipped {
        println!("missing: {}: {}", item.name, item.detail);
    }
    Ok(if report.skipped.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Finds what is missing and installs it if allowed. What could not be had is skipped, by name.
///
/// # Errors
/// When a command cannot be started at all.
pub(crate) fn ensure(install: Install) -> Result<Report> {
    let mut report = Report::default();
    ensure_packages(install, &mut report)?;
    ensure_cargo_tools(install, &mut report)?;
    python::ensure(install.allowed(), &mut report)?;
    fetched::ensure(install.allowed(), &mut report)?;
    Ok(report)
}

fn ensure_packages(install: Install, report: &mut Report) -> Result<()> {
    let missing: Vec<&Package> =
        PACKAGES.iter().filter(|p| repo::find_program(p.program).is_none()).collect();
    report.passed += (PACKAGES.len() - missing.len()) as u64;
    if missing.is_empty() {
        return Ok(());
    }
    for package in &missing {
        println!("      missing Debian package {}: {}", package.name, package.why);
    }
    let reason = if install.allowed() {
        install_packages(&missing)?
    } else {
        "not installed (may not: run as root, or `cargo xtask setup`)".to_owned()
    };
    for package in missing {
        if repo::find_program(package.program).is_some() {
            report.passed += 1;
        } else {
            report
                .skip(&format!("Debian package {}", package.name), &format!("{reason}; it {}", package.why));
        }
    }
    Ok(())
}

/// Returns the reason to give for a package that is still missing afterwards.
fn install_packages(missing: &[&Package]) -> Result<String> {
    if repo::find_program("apt-get").is_none() {
        return Ok("no apt-get here".to_owned());
    }
    let update = process::run("apt-update", apt_get().arg("update"), INSTALL_LIMIT)?;
    if !update.success {
        return Ok(format!("apt-get update failed ({})", last_line(&update)));
    }
    let _quiet_services = ServicePolicy::hold()?;
    let together = apt_install(missing.iter().map(|package| package.name))?;
    if together.success {
        return Ok("installed, but its program is not there".to_owned());
    }
    // One name that apt does not know refuses the whole list, so each is tried alone.
    let mut reason = last_line(&together);
    for package in missing {
        let alone = apt_install([package.name])?;
        if !alone.success {
            reason = last_line(&alone);
        }
    }
    Ok(format!("apt-get install failed ({reason})"))
}

fn apt_install<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Finished> {
    let mut command = apt_get();
    command.args(["install", "--yes", "--no-install-recommends"]).args(names);
    process::run("apt-install", &mut command, INSTALL_LIMIT)
}

/// `apt-get` that asks nothing, through sudo when not root.
fn apt_get() -> Command {
    let mut command = if is_root() {
        Command::new("apt-get")
    } else {
        let mut sudo = Command::new("sudo");
        sudo.args(["--non-interactive", "--preserve-env=DEBIAN_FRONTEND", "apt-get"]);
        sudo
    };
    command.env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1");
    command
}

/// While held, packages do not start the services that they bring. Left alone where the machine has its own policy.
struct ServicePolicy {
    ours: bool,
}

impl ServicePolicy {
    fn hold() -> Result<Self> {
        let ours = is_root() && !Path::new(SERVICE_POLICY).exists();
        if ours {
            // 101 is Debian's "action forbidden by policy".
            fs::write(SERVICE_POLICY, "#!/bin/sh\nexit 101\n")?;
            fs::set_permissions(SERVICE_POLICY, fs::Permissions::from_mode(0o755))?;
        }
        Ok(Self { ours })
    }
}

impl Drop for ServicePolicy {
    fn drop(&mut self) {
        if self.ours
            && let Err(error) = fs::remove_file(SERVICE_POLICY)
        {
            eprintln!("warning: cannot remove {SERVICE_POLICY}: {error}");
        }
    }
}

fn ensure_cargo_tools(install: Install, report: &mut Report) -> Result<()> {
    for tool in CARGO_TOOLS {
        if has_cargo_tool(tool.name) {
            report.passed += 1;
            continue;
        }
        println!("      missing cargo tool {} {}: {}", tool.name, tool.version, tool.why);
        if !install.allowed() {
            report.skip(tool.name, "not installed (may not: run as root, or `cargo xtask setup`)");
            continue;
        }
        let mut command = process::cargo();
        command.args(["install", "--locked", "--version", tool.version, tool.name]);
        let finished = process::run(tool.name, &mut command, INSTALL_LIMIT)?;
        if finished.success {
            report.passed += 1;
        } else {
            report.skip(tool.name, &format!("cargo install failed ({})", last_line(&finished)));
        }
    }
    Ok(())
}

/// Whether `cargo <tool>` exists. Cargo looks in its own folder even when that is not in `PATH`.
pub(crate) fn has_cargo_tool(name: &str) -> bool {
    let subcommand = name.trim_start_matches("cargo-");
    process::cargo().args([subcommand, "--version"]).output().is_ok_and(|output| output.status.success())
}

/// Stops a task that cannot work without a tool.
///
/// # Errors
/// When the tool is missing, with the command that installs it.
pub(crate) fn require_cargo_tool(name: &str) -> Result<()> {
    if !has_cargo_tool(name) {
        bail!("{name} is missing; install it with `cargo xtask setup` or `cargo install {name} --locked`");
    }
    Ok(())
}

fn last_line(finished: &Finished) -> String {
    let said = finished.lines.iter().rev().find(|line| !line.trim().is_empty());
    said.map_or_else(|| finished.status.clone(), |line| line.trim().to_owned())
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_not_be_installed_is_skipped_by_name_and_nothing_is_lost() {
        let report = ensure(Install::No).unwrap();
        let seen = report.passed + report.skipped.len() as u64;
        assert_eq!(
            seen,
            (PACKAGES.len() + CARGO_TOOLS.len() + python::COUNT + fetched::FETCHED.len()) as u64
        );
        assert!(report.failed.is_empty());
    }

    #[test]
    fn no_package_is_listed_twice_and_each_says_why() {
        for (index, package) in PACKAGES.iter().enumerate() {
            assert!(!package.why.is_empty());
            assert!(PACKAGES[index + 1..].iter().all(|other| other.name != package.name));
        }
    }
}
