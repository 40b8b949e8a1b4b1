//! The Debian package: put together as Debian's policy says and packed by `dpkg-deb`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::{Build, SHORT_LIMIT, captured, finished, place, tempdir};

/// From the repository to the package, with modes.
const FILES: &[(&str, &str, u32)] = &[
    ("packaging/hemicycle.service", "lib/systemd/system/hemicycle.service", 0o644),
    ("packaging/hemicycle.sysusers", "usr/lib/sysusers.d/hemicycle.conf", 0o644),
    ("packaging/debian/hemicycle.toml", "etc/hemicycle/hemicycle.toml", 0o640),
    ("data/institution/examplia.toml", "usr/share/doc/hemicycle/examples/institution.toml", 0o644),
    ("data/serve/examplia.toml", "usr/share/doc/hemicycle/examples/serve.toml", 0o644),
    ("README.md", "usr/share/doc/hemicycle/README.md", 0o644),
    ("CHANGELOG.md", "usr/share/doc/hemicycle/changelog.md", 0o644),
    ("LICENSE", "usr/share/doc/hemicycle/copyright", 0o644),
    ("docs/completions/hemicycle.bash", "usr/share/bash-completion/completions/hemicycle", 0o644),
    ("docs/completions/hemicycle.fish", "usr/share/fish/vendor_completions.d/hemicycle.fish", 0o644),
    ("docs/completions/_hemicycle", "usr/share/zsh/vendor-completions/_hemicycle", 0o644),
];

/// What runs on the machine at an installation, an upgrade and a removal.
const SCRIPTS: &[&str] = &["postinst", "prerm", "postrm"];

/// The package, in `out`.
pub(super) fn pack(build: &Build, binary: &Path, out: &Path) -> Result<PathBuf> {
    let root = tempdir(&build.source, "debian")?;
    for (from, to, mode) in FILES {
        place(&build.source.join(from), &root.join(to), *mode)?;
    }
    place(binary, &root.join("usr/bin/hemicycle"), 0o755)?;
    for folder in ["docs", "docs/man"] {
        documents(&build.source.join(folder), &root, folder == "docs/man")?;
    }
    for script in SCRIPTS {
        place(&build.source.join("packaging/debian").join(script), &root.join("DEBIAN").join(script), 0o755)?;
    }
    fs::write(root.join("DEBIAN/conffiles"), "/etc/hemicycle/hemicycle.toml\n")?;
    fs::write(root.join("DEBIAN/control"), control(build, &root, binary)?)?;
    fs::set_permissions(&root, fs::Permissions::from_mode(0o755))?;
    let architecture = captured(Command::new("dpkg").arg("--print-architecture"))?;
    let file = out.join(format!("hemicycle_{}_{}.deb", build.version, architecture.trim()));
    let mut command = Command::new("dpkg-deb");
    command.args(["--root-owner-group", "-Zxz", "--build"]).arg(&root).arg(&file);
    // dpkg-deb takes the times of files from here where they are later.
    command.env("SOURCE_DATE_EPOCH", &build.epoch);
    finished("package-deb", &mut command, SHORT_LIMIT)?;
    Ok(file)
}

/// Pages for people, or man pages, which Debian keeps compressed.
fn documents(folder: &Path, root: &Path, are_man_pages: bool) -> Result<()> {
    let mut names: Vec<_> = fs::read_dir(folder)?.collect::<Result<_, _>>()?;
    names.sort_by_key(fs::DirEntry::file_name);
    for entry in names.iter().filter(|entry| entry.path().is_file()) {
        let name = entry.file_name().to_string_lossy().into_owned();
        if are_man_pages {
            let to = root.join("usr/share/man/man1").join(&name);
            place(&entry.path(), &to, 0o644)?;
            finished("package-man", Command::new("gzip").arg("-9nf").arg(&to), SHORT_LIMIT)?;
        } else if name.ends_with(".md") {
            place(&entry.path(), &root.join("usr/share/doc/hemicycle").join(&name), 0o644)?;
        }
    }
    Ok(())
}

fn control(build: &Build, root: &Path, binary: &Path) -> Result<String> {
    let architecture = captured(Command::new("dpkg").arg("--print-architecture"))?;
    let size = captured(Command::new("du").args(["-sk", "--apparent-size"]).arg(root))?;
    let size = size.split_whitespace().next().context("du says nothing")?.to_owned();
    Ok(format!(
        "Package: hemicycle
Version: {}
Section: net
Priority: optional
Architecture: {}
Installed-Size: {size}
Depends: libc6 (>= {}), libgcc-s1
Recommends: systemd
Suggests: chrony
Maintainer: The Hemicycle developers <hemicycle@parliament.example>
Description: finds floods aimed at parliaments, ministries, parties and election authorities
 Collects flow exports, packets of mirror ports and web logs, learns what is ordinary, and says within seconds what is
 flooded, with what, and how sure that is. It observes only: nothing is filtered. One binary, no database server, no internet.
",
        build.version,
        architecture.trim(),
        newest_glibc(binary)?
    ))
}

/// The newest version of the C library that the binary asks for.
fn newest_glibc(binary: &Path) -> Result<String> {
    let symbols = captured(Command::new("objdump").arg("-T").arg(binary))?;
    let versions = symbols.split("GLIBC_").skip(1).filter_map(|rest| {
        let text: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
        let parts: Option<Vec<u32>> = text.split('.').map(|part| part.parse().ok()).collect();
        parts.map(|parts| (parts, text))
    });
    versions.max().map(|(_, text)| text).context("the binary asks for no version of the C library")
}
