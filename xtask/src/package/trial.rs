//! A trial of the Debian package on a machine of its own: a fresh Debian made by `debootstrap` and booted by `systemd-nspawn`
//! without a network. There the package is installed by the words of docs/install.md, started, upgraded in the middle of a
//! flood, removed and purged. The script inside writes a line for each thing that it saw; this module judges them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::{Build, Linking, debian, finished, tempdir};
use crate::repo;
use crate::test::report::Report;

/// Making a Debian over the network.
const DEBIAN_LIMIT: Duration = Duration::from_secs(15 * 60);
/// Booting it and everything in it.
const TRIAL_LIMIT: Duration = Duration::from_secs(5 * 60);
/// What a minimal Debian lacks for this.
const INCLUDED: &str = "systemd,dbus,procps";
/// The page whose words are followed, and the section.
const PAGE: &str = "docs/install.md";
const SECTION: &str = "## As a Debian package";
/// Programs that this needs, with their packages.
const NEEDED: &[(&str, &str)] =
    &[("debootstrap", "debootstrap"), ("systemd-nspawn", "systemd-container"), ("dpkg-deb", "dpkg")];
/// What is tried.
const TRIAL: &str = "the Debian package installs, starts, upgrades over a flood and removes cleanly";
/// What must have been seen, in this order.
const EXPECTED: &[&str] = &[
    "installed",
    "waits for the institution file",
    "the words of the page went well",
    "active",
    "runs as hemicycle",
    "no root and no more rights than named",
    "ready under 2 s",
    "flood before the upgrade",
    "upgraded",
    "active after the upgrade",
    "flood after the upgrade",
    "removed",
    "configuration stays",
    "purged",
];

/// The step of `cargo xtask test`.
pub(crate) fn step() -> Result<Report> {
    let mut report = Report::default();
    super::signed::step(&mut report)?;
    if let Some(reason) = cannot()? {
        report.skip(TRIAL, &reason);
        return Ok(report);
    }
    match trial() {
        Ok(Some(seen)) => judge(&seen, &mut report),
        Ok(None) => report.skip(
            TRIAL,
            "this system makes or boots no Debian; see trial-debootstrap.log and trial-boot.log",
        ),
        Err(error) => report.fail("package", &format!("{error:#}")),
    }
    Ok(report)
}

/// Why it cannot run here.
fn cannot() -> Result<Option<String>> {
    if let Some((_, package)) = NEEDED.iter().find(|(program, _)| repo::find_program(program).is_none()) {
        return Ok(Some(format!("the Debian package {package} is not installed")));
    }
    let who = super::captured(Command::new("id").arg("-u"))?;
    Ok((who.trim() != "0").then(|| "it needs root".to_owned()))
}

fn judge(seen: &[String], report: &mut Report) {
    for expected in EXPECTED {
        if seen.iter().any(|line| line == expected) {
            report.passed += 1;
        } else {
            let log = seen.iter().rev().take(20).rev().cloned().collect::<Vec<_>>().join("; ");
            report.fail(&format!("package: {expected}"), &format!("was not seen; the last lines: {log}"));
        }
    }
}

/// Nothing if no machine could be made or booted here, which says nothing of the package.
fn trial() -> Result<Option<Vec<String>>> {
    let build = Build::of(&repo::root())?;
    let binary = build.binary(Linking::Shared)?;
    let out = tempdir(&build.source, "trial")?;
    let first = debian::pack(&build, &binary, &out)?;
    let newer = Build { version: format!("{}+upgrade", build.version), ..build };
    let second = debian::pack(&newer, &binary, &out)?;
    let Some(root) = machine(&out)? else { return Ok(None) };
    fs::create_dir_all(root.join("trial"))?;
    let name = first.file_name().context("a package without a name")?;
    fs::copy(&first, root.join("trial").join(name))?;
    fs::copy(&second, root.join("trial/newer.deb"))?;
    fs::write(root.join("trial/page.sh"), page(&name.to_string_lossy())?)?;
    fs::copy(repo::root().join("packaging/trial.sh"), root.join("trial/trial.sh"))?;
    fs::write(root.join("etc/systemd/system/trial.service"), UNIT)?;
    finished(
        "trial-enable",
        Command::new("systemctl").arg("--root").arg(&root).args(["enable", "trial.service"]),
        TRIAL_LIMIT,
    )?;
    let mut boot = Command::new("systemd-nspawn");
    boot.args(["--quiet", "--register=no", "--keep-unit", "--private-network", "--boot", "--directory"])
        .arg(&root);
    // Its end is judged by what was written.
    crate::process::run("trial-boot", &mut boot, TRIAL_LIMIT)?;
    // The script's first act is to write its log: without one it never ran.
    let has_run = root.join("trial/log").exists();
    let seen = fs::read_to_string(root.join("trial/seen")).unwrap_or_default();
    // What was not seen can be looked into afterwards: the machine itself is gone then.
    for name in ["log", "journal"] {
        let _ = fs::copy(
            root.join("trial").join(name),
            crate::process::own_folder()?.join(format!("trial-{name}.log")),
        );
    }
    fs::remove_dir_all(&root)?;
    Ok(has_run.then(|| seen.lines().map(str::to_owned).collect()))
}

/// Runs the script once and turns the machine off.
const UNIT: &str = "\
[Unit]
After=multi-user.target
SuccessAction=poweroff-force
FailureAction=poweroff-force
[Service]
Type=oneshot
Environment=HOME=/root
ExecStart=/bin/bash /trial/trial.sh
[Install]
WantedBy=default.target
";

/// A fresh Debian.
fn machine(out: &Path) -> Result<Option<PathBuf>> {
    let root = out.join("machine");
    let mut command = Command::new("debootstrap");
    command.args(["--variant=minbase", &format!("--include={INCLUDED}"), "bookworm"]).arg(&root);
    let made = crate::process::run("trial-debootstrap", &mut command, DEBIAN_LIMIT)?;
    Ok(made.success.then_some(root))
}

/// The commands of the page, word by word.
fn page(package: &str) -> Result<String> {
    let text = fs::read_to_string(repo::root().join(PAGE))?;
    let section = text.split(SECTION).nth(1).with_context(|| format!("{PAGE} has no section {SECTION:?}"))?;
    let commands = section.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next());
    let commands = commands.with_context(|| format!("{SECTION:?} of {PAGE} has no commands"))?;
    ensure!(commands.contains(package), "{PAGE} installs another version than {package}");
    Ok(commands.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_commands_and_installs_this_version() {
        let commands = page(&format!("hemicycle_{}_amd64.deb", env!("CARGO_PKG_VERSION"))).unwrap();
        assert!(commands.contains("systemctl start hemicycle"), "{commands}");
        assert!(page("hemicycle_9.9.9_amd64.deb").is_err());
    }

    #[test]
    fn what_was_not_seen_is_a_failure_of_its_own_name() {
        let mut report = Report::default();
        let seen: Vec<String> = EXPECTED.iter().skip(1).map(|line| (*line).to_owned()).collect();
        judge(&seen, &mut report);
        assert_eq!(report.failed.len(), 1);
        assert_eq!(report.failed[0].name, "package: installed");
    }
}
