//! What tests use that no Debian package brings: a checker of accessibility and one of APIs, fetched from their registries in the
//! versions that were looked at, with their digests. Nothing of it is part of this repository or of the product.
//!
//! They lie in `<target>/xtask`, where tests look for them. What could not be had is skipped by name, and so are its tests.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};

use crate::test::report::Report;
use crate::{process, repo};

/// Something that is fetched, and why.
pub(crate) struct Fetched {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    pub(crate) why: &'static str,
    /// Below `<target>/xtask`: there once it is fetched.
    file: &'static str,
    fetch: fn(&Path) -> Result<()>,
}

/// Everything that is fetched.
pub(crate) const FETCHED: &[Fetched] = &[
    Fetched {
        name: "axe-core",
        version: "4.14.1",
        why: "says what of the console's pages people with disabilities cannot use (npm; MPL-2.0)",
        file: "axe.min.js",
        fetch: axe,
    },
    Fetched {
        name: "schemathesis",
        version: "4.32.5",
        why: "asks the console's API whatever its description allows, and more (PyPI; MIT)",
        file: SCHEMATHESIS,
        fetch: schemathesis,
    },
];

/// Where schemathesis is: an environment of its own, for it is made anew with each version and `python` is not ours.
const SCHEMATHESIS: &str = "schemathesis/bin/schemathesis";
/// Longest time for one of them.
const LIMIT: Duration = Duration::from_secs(10 * 60);
/// Digest of the package of axe-core, as npm packs it.
const AXE_SHA256: &str = "e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745";
/// The file in it.
const AXE_MEMBER: &str = "package/axe.min.js";
/// Largest package that is unpacked here, in bytes.
const LARGEST_BYTES: u64 = 64 << 20;

/// Fetches what is missing, if that is allowed.
///
/// # Errors
/// When a folder cannot be made.
pub(crate) fn ensure(allowed: bool, report: &mut Report) -> Result<()> {
    let folder = process::own_folder()?;
    fs::create_dir_all(&folder)?;
    for item in FETCHED {
        // A newer version is fetched anew.
        let mark = folder.join(format!("{}.version", item.name));
        let is_there = folder.join(item.file).is_file()
            && fs::read_to_string(&mark).is_ok_and(|text| text == item.version);
        if is_there {
            report.passed += 1;
            continue;
        }
        println!("      missing {} {}: {}", item.name, item.version, item.why);
        if !allowed {
            report.skip(item.name, "not fetched (may not: run as root, or `cargo xtask setup`)");
            continue;
        }
        match (item.fetch)(&folder).and_then(|()| Ok(fs::write(&mark, item.version)?)) {
            Ok(()) => report.passed += 1,
            Err(error) => report.skip(item.name, &format!("not fetched ({error:#}); it {}", item.why)),
        }
    }
    Ok(())
}

/// Runs a command of a client of a registry.
fn run(name: &str, command: &mut Command) -> Result<()> {
    let finished = process::run(name, command, LIMIT)?;
    if !finished.success {
        let said = finished.lines.iter().rev().find(|line| !line.trim().is_empty());
        bail!("{}", said.map_or(&finished.status, |line| line).trim());
    }
    Ok(())
}

fn axe(folder: &Path) -> Result<()> {
    let Some(npm) = repo::find_program("npm") else { bail!("npm is not installed") };
    let package = folder.join("axe-core-4.14.1.tgz");
    let mut pack = Command::new(npm);
    pack.args(["pack", "axe-core@4.14.1", "--ignore-scripts", "--pack-destination"])
        .arg(folder)
        .current_dir(folder);
    run("npm-pack", &mut pack)?;
    let bytes = fs::read(&package).with_context(|| format!("npm left no {}", package.display()))?;
    fs::remove_file(&package)?;
    let digest = digest(&bytes);
    if digest != AXE_SHA256 {
        bail!("sha256 is {digest} and not {AXE_SHA256}");
    }
    let mut archive = Vec::new();
    GzDecoder::new(bytes.as_slice()).take(LARGEST_BYTES).read_to_end(&mut archive)?;
    let script = member(&archive, AXE_MEMBER).with_context(|| format!("no {AXE_MEMBER} in it"))?;
    Ok(fs::write(folder.join("axe.min.js"), script)?)
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A file of a tar archive (POSIX.1-1988, `ustar`): blocks of 512 bytes, each file behind a head with name and size in octal digits.
fn member<'a>(archive: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let text =
        |bytes: &'a [u8]| std::str::from_utf8(bytes).ok().map(|text| text.trim_end_matches(['\0', ' ']));
    let mut rest = archive;
    while let Some((head, after)) = rest.split_at_checked(512) {
        let length = usize::from_str_radix(text(&head[124..136])?, 8).ok()?;
        let content = after.get(..length)?;
        if text(&head[..100])? == name {
            return Some(content);
        }
        rest = after.get(length.checked_next_multiple_of(512)?..)?;
    }
    None
}

fn schemathesis(folder: &Path) -> Result<()> {
    let Some(python) = repo::find_program("python3") else { bail!("python3 is not installed") };
    let program = folder.join(SCHEMATHESIS);
    let place = program.ancestors().nth(2).context("it has a folder")?;
    let mut make = Command::new(python);
    make.args(["-m", "venv", "--clear"]).arg(place);
    run("schemathesis-venv", &mut make)?;
    let mut install = Command::new(place.join("bin/pip"));
    install.args([
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--require-hashes",
        "--only-binary",
        ":all:",
    ]);
    install.arg("--requirement").arg(repo::root().join("xtask/schemathesis.txt"));
    run("schemathesis-install", &mut install)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_of_an_archive_is_found_and_nothing_else() {
        let mut archive = Vec::new();
        for (name, content) in [("package/a.js", vec![b'a'; 700]), ("package/axe.min.js", b"axe".to_vec())] {
            let mut head = [0_u8; 512];
            head[..name.len()].copy_from_slice(name.as_bytes());
            head[124..136].copy_from_slice(format!("{:011o}\0", content.len()).as_bytes());
            archive.extend_from_slice(&head);
            archive.extend_from_slice(&content);
            archive.resize(archive.len().next_multiple_of(512), 0);
        }
        assert_eq!(member(&archive, AXE_MEMBER), Some(b"axe".as_slice()));
        assert_eq!(member(&archive, "package/a.js").map(<[u8]>::len), Some(700));
        assert_eq!(member(&archive, "a.js"), None);
        for cut in [0, 511, 512, 900] {
            assert_eq!(member(&archive[..cut], AXE_MEMBER), None);
        }
    }

    #[test]
    fn what_is_installed_is_what_is_named() {
        let pinned = fs::read_to_string(repo::root().join("xtask/schemathesis.txt")).unwrap();
        for item in FETCHED.iter().filter(|item| item.name == "schemathesis") {
            assert!(pinned.contains(&format!("\n{}=={} \\", item.name, item.version)));
        }
        let pins = pinned.lines().filter(|line| line.contains("==") && !line.starts_with('#'));
        assert!(pins.count() > 10, "all that it needs");
    }

    /// Both make a Python environment, and this one begins by emptying its folder.
    #[test]
    fn nothing_that_is_fetched_lies_in_the_folder_of_the_tests_python() {
        for item in FETCHED {
            let folder = Path::new(item.file).components().next().unwrap();
            assert_ne!(folder.as_os_str(), crate::python::FOLDER, "{}", item.name);
        }
    }

    #[test]
    fn what_may_not_be_fetched_is_skipped_by_name() {
        let mut report = Report::default();
        ensure(false, &mut report).unwrap();
        assert_eq!(report.passed + report.skipped.len() as u64, FETCHED.len() as u64);
    }
}
