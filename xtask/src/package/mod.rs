//! `cargo xtask package`: what a site installs, made the same way each time.
//!
//! A folder with the Debian package, an archive of the static binary, a list of what is in it (CycloneDX), checksums and,
//! with a key, their signature in the form of minisign. Times come from the last commit and paths are taken out of the binary,
//! so that the same commit and toolchain give the same bytes; `--twice` builds a second time elsewhere and compares.
//! Limits: x86-64 and arm64 as the machine is; static by musl where that target is installed, else by glibc, which then looks up
//! users in /etc/passwd only.

mod debian;
mod sbom;
mod signed;
pub(crate) mod trial;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use sha2::{Digest, Sha256};

use crate::{process, repo};

/// Longest time of one build.
const BUILD_LIMIT: Duration = Duration::from_secs(40 * 60);
/// Of everything else.
const SHORT_LIMIT: Duration = Duration::from_secs(5 * 60);

/// Options of `cargo xtask package`.
#[derive(Args)]
pub(crate) struct Options {
    /// Where to put what is made
    #[arg(long, value_name = "FOLDER", default_value = "dist")]
    out: PathBuf,
    /// Sign the checksums with this secret key of minisign (asks for its password)
    #[arg(long, value_name = "FILE")]
    sign: Option<PathBuf>,
    /// Build again in another folder and compare: exit 1 if any byte differs
    #[arg(long)]
    twice: bool,
}

/// Makes everything and says what it is.
///
/// # Errors
/// When a build or a program that packs fails, or two builds differ.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let first = make(repo::root().as_path(), &options.out)?;
    if options.twice {
        let elsewhere = process::target_folder()?.join("xtask/package-twice");
        checkout(&elsewhere)?;
        let second = make(&elsewhere, &elsewhere.join("dist"))?;
        ensure!(first == second, "two builds differ:\n{first}\n{second}");
        println!("built twice, the same bytes");
    }
    if let Some(key) = &options.sign {
        sign(&options.out.join("SHA256SUMS"), key)?;
    }
    print!("{first}");
    Ok(ExitCode::SUCCESS)
}

/// What a build is made of and where.
struct Build {
    /// The checkout.
    source: PathBuf,
    version: String,
    /// Of the last commit, in seconds.
    epoch: String,
}

/// Everything of one checkout; gives the checksums as they are in the file.
pub(crate) fn make(source: &Path, out: &Path) -> Result<String> {
    fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    let out = out.canonicalize()?;
    let build = Build::of(source)?;
    let shared = build.binary(Linking::Shared)?;
    let package = debian::pack(&build, &shared, &out)?;
    let is_musl = triple(Linking::Static)?.ends_with("-musl");
    if !is_musl {
        println!(
            "skipped: static by musl: no musl target of Rust or no musl-gcc here; the static binary has glibc in it"
        );
    }
    let binary = build.binary(Linking::Static)?;
    fs::copy(&binary, out.join("hemicycle"))?;
    let archive = build.archive(&out)?;
    let list = out.join(format!("hemicycle-{}.cdx.json", build.version));
    fs::write(&list, sbom::of(&build.source, &build.version)?)?;
    let mut sums = String::new();
    for file in [&package, &archive, &out.join("hemicycle"), &list] {
        let name = file.file_name().context("a file without a name")?.to_string_lossy();
        sums.push_str(&format!("{}  {name}\n", sum(&fs::read(file)?)));
    }
    fs::write(out.join("SHA256SUMS"), &sums)?;
    Ok(sums)
}

fn sum(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// How the C library comes along.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Linking {
    /// Debian's own.
    Shared,
    /// In the binary.
    Static,
}

impl Build {
    fn of(source: &Path) -> Result<Self> {
        let metadata = captured(cargo_in(source).args(["metadata", "--format-version=1", "--no-deps"]))?;
        let metadata: serde_json::Value = serde_json::from_str(&metadata)?;
        let packages = metadata["packages"].as_array().context("no packages")?;
        let product = packages.iter().find(|package| package["name"] == "hemicycle");
        let version = product.and_then(|package| package["version"].as_str()).context("no version")?;
        let mut git = Command::new("git");
        let epoch = captured(git.arg("-C").arg(source).args(["log", "-1", "--format=%ct"]))?;
        Ok(Self { source: source.to_owned(), version: version.to_owned(), epoch: epoch.trim().to_owned() })
    }

    /// The product, built into a folder of its own so that other builds keep what they have.
    fn binary(&self, linking: Linking) -> Result<PathBuf> {
        let triple = triple(linking)?;
        let folder = self.source.join("target/package");
        let home = std::env::var("CARGO_HOME")
            .ok()
            .or_else(|| Some(format!("{}/.cargo", std::env::var("HOME").ok()?)));
        let mut flags = vec![format!("--remap-path-prefix={}=/hemicycle", self.source.display())];
        flags.extend(home.map(|home| format!("--remap-path-prefix={home}=/cargo")));
        if linking == Linking::Static {
            flags.extend(["-C", "target-feature=+crt-static"].map(str::to_owned));
        }
        let mut command = cargo_in(&self.source);
        command.args([
            "build",
            "--profile",
            "dist",
            "--locked",
            "--package",
            "hemicycle",
            "--target",
            &triple,
        ]);
        // A folder for each way, since flags are part of what cargo remembers.
        let name = if linking == Linking::Static { "static" } else { "shared" };
        command
            .arg("--target-dir")
            .arg(folder.join(name))
            .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
        command.env("SOURCE_DATE_EPOCH", &self.epoch).env("CARGO_PROFILE_DIST_STRIP", "symbols");
        finished(&format!("package-{name}"), &mut command, BUILD_LIMIT)?;
        Ok(folder.join(name).join(&triple).join("dist/hemicycle"))
    }

    /// The static binary with what belongs to it, for machines without a package manager.
    fn archive(&self, out: &Path) -> Result<PathBuf> {
        let stem = format!("hemicycle-{}-{}", self.version, std::env::consts::ARCH);
        let folder = tempdir(&self.source, "archive")?.join(&stem);
        for (from, to) in [
            ("LICENSE", "LICENSE"),
            ("README.md", "README.md"),
            ("docs/install.md", "install.md"),
            ("data/serve/examplia.toml", "examples/serve.toml"),
            ("data/institution/examplia.toml", "examples/institution.toml"),
            ("packaging/hemicycle.service", "hemicycle.service"),
            ("packaging/hemicycle.sysusers", "hemicycle.sysusers"),
        ] {
            place(&self.source.join(from), &folder.join(to), 0o644)?;
        }
        place(&out.join("hemicycle"), &folder.join("hemicycle"), 0o755)?;
        let file = out.join(format!("{stem}.tar.gz"));
        let mut tar = Command::new("tar");
        tar.args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--format=ustar"]);
        tar.arg(format!("--mtime=@{}", self.epoch)).args(["--use-compress-program=gzip -9n", "-cf"]);
        tar.arg(&file).arg("-C").arg(folder.parent().context("no folder")?).arg(&stem);
        finished("package-archive", &mut tar, SHORT_LIMIT)?;
        Ok(file)
    }
}

/// Copies a file with a mode of its own, making its folder.
fn place(from: &Path, to: &Path, mode: u32) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
    }
    fs::copy(from, to).with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    Ok(fs::set_permissions(to, fs::Permissions::from_mode(mode))?)
}

/// An empty folder below the target folder.
fn tempdir(source: &Path, name: &str) -> Result<PathBuf> {
    let folder = source.join("target/package").join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

fn triple(linking: Linking) -> Result<String> {
    let said = captured(Command::new("rustc").arg("-vV"))?;
    let host = said.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc names no host")?;
    let musl = host.replace("-gnu", "-musl");
    let has_musl = || {
        let folder = captured(Command::new("rustc").args(["--print", "target-libdir", "--target", &musl]));
        folder.is_ok_and(|folder| Path::new(folder.trim()).is_dir())
            && repo::find_program("musl-gcc").is_some()
    };
    Ok(if linking == Linking::Static && has_musl() { musl } else { host.to_owned() })
}

/// The last commit in another folder, so that nothing of this one gets in.
fn checkout(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    let mut git = Command::new("git");
    git.args(["clone", "--quiet", "--no-hardlinks"]).arg(repo::root()).arg(folder);
    finished("package-clone", &mut git, SHORT_LIMIT)
}

fn sign(file: &Path, key: &Path) -> Result<()> {
    ensure!(repo::find_program("minisign").is_some(), "minisign is missing (Debian package minisign)");
    let status = Command::new("minisign").arg("-S").arg("-s").arg(key).arg("-m").arg(file).status()?;
    ensure!(status.success(), "minisign did not sign");
    Ok(())
}

fn cargo_in(source: &Path) -> Command {
    let mut command = process::cargo();
    command.current_dir(source);
    command
}

/// Runs to its end; its output is in the log.
fn finished(name: &str, command: &mut Command, limit: Duration) -> Result<()> {
    let finished = process::run(name, command, limit)?;
    if !finished.success {
        bail!("{command:?}: {}\n{}", finished.status, finished.tail(30).join("\n"));
    }
    Ok(())
}

fn captured(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("cannot start {command:?}"))?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(String::from_utf8(output.stdout)?)
}
