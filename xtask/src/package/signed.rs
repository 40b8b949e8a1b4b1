//! Checksums are signed in the form of minisign, and the words of docs/install.md find out what was changed: tried with a key
//! made for it.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::{finished, sign, tempdir};
use crate::repo;
use crate::test::report::Report;

/// What is tried.
const TRIAL: &str = "signatures of minisign are made, and verify only what was signed";

/// Part of the step `package`.
pub(super) fn step(report: &mut Report) -> Result<()> {
    if repo::find_program("minisign").is_none() {
        report.skip(TRIAL, "the Debian package minisign is not installed");
        return Ok(());
    }
    let folder = tempdir(&repo::root(), "signed")?;
    let (secret, public, sums) =
        (folder.join("trial.key"), folder.join("trial.pub"), folder.join("SHA256SUMS"));
    let mut make = Command::new("minisign");
    make.args(["-G", "-W", "-f", "-p"]).arg(&public).arg("-s").arg(&secret);
    finished("package-key", &mut make, super::SHORT_LIMIT)?;
    fs::write(&sums, "00  hemicycle\n")?;
    sign(&sums, &secret)?;
    let verifies = |file: &Path| {
        let mut command = Command::new("minisign");
        command.args(["-V", "-q", "-m"]).arg(file).arg("-p").arg(&public);
        command.output().is_ok_and(|output| output.status.success())
    };
    let is_good = verifies(&sums);
    fs::write(&sums, "01  hemicycle\n")?;
    if is_good && !verifies(&sums) {
        report.passed += 1;
    } else {
        report.fail(
            TRIAL,
            if is_good { "what was changed verifies" } else { "what was signed does not verify" },
        );
    }
    fs::remove_dir_all(&folder)?;
    Ok(())
}
